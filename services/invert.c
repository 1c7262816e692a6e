/* invert.c - the inverse of a scalar modulo L, the order of edwards25519's group.
 *
 * Request: the scalar, exactly 32 bytes, little-endian; any value, taken modulo L. Answer: its inverse, 32 bytes, below L.
 * Zero has none: the answer is 32 zero bytes then, which are no other scalar's inverse. */
#include <sodium/crypto_core_ed25519.h>
#include "service.h"

enum { SCALAR = crypto_core_ed25519_SCALARBYTES };

const char service_name[] = "invert";

const ServiceInput service_input[INPUTS] = {
	[INPUT_VALID] = INPUT(
		"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
		"\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x00"),
	[INPUT_PAPER] = INPUT(
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
};

int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why)
{
	if (n > SERVICE_INPUT_MAX)
		return service_error(why, SERVICE_LARGE, SERVICE_TOO_LONG);
	if (n != SCALAR)
		return service_error(why, SERVICE_BAD, "the request must be a scalar: exactly 32 bytes, little-endian");
	if (cap < SCALAR)
		return service_error(why, SERVICE_LARGE, "the answer does not fit");
	/* The result says whether the scalar was zero, which the answer shows by itself. */
	(void)crypto_core_ed25519_scalar_invert(out, in);
	*nout = SCALAR;
	return SERVICE_OK;
}
