/* broken.c - a service that breaks the contract, so that the fuzzer is seen to notice: it looks at the byte behind a request
 * that ends in an odd one. */
#include "../../services/service.h"

const char service_name[] = "broken";
const ServiceInput service_input[INPUTS] = {
	[INPUT_VALID] = INPUT("valid"),
	[INPUT_PAPER] = INPUT("paper"),
};

int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why)
{
	(void)why;
	(void)cap;
	out[0] = in[n - 1] & 1 ? in[n] : in[0];
	*nout = 1;
	return SERVICE_OK;
}
