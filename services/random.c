/* random.c - random scalars of the group of edwards25519: uniform in 1..L-1, L = 2^252 + 27742317777372353535851937790883648493.
 *
 * Request: how many, a decimal number of 1..256, a newline after it allowed. Answer: 32 bytes for each, little-endian. */
#include <sodium/crypto_core_ed25519.h>
#include "service.h"

enum { SCALAR = crypto_core_ed25519_SCALARBYTES, MOST = 256 };

const char service_name[] = "random";

const ServiceInput service_input[INPUTS] = {
	[INPUT_VALID] = INPUT("1"),
	[INPUT_PAPER] = INPUT("1"),
};

/* The number that the request is, or 0 if it is none from 1 to MOST. */
static size_t parse_count(const uint8_t *in, size_t n)
{
	size_t count = 0;

	if (n && in[n - 1] == '\n')
		n--;
	if (n < 1 || n > 3)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (in[i] < '0' || in[i] > '9')
			return 0;
		count = 10 * count + (in[i] - '0');
	}
	return count <= MOST ? count : 0;
}

int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why)
{
	size_t count;

	if (n > SERVICE_INPUT_MAX)
		return service_error(why, SERVICE_LARGE, SERVICE_TOO_LONG);
	count = parse_count(in, n);
	if (!count)
		return service_error(why, SERVICE_BAD, "the request must be a decimal number from 1 to 256: how many scalars");
	if (cap < count * SCALAR)
		return service_error(why, SERVICE_LARGE, "the answer does not fit");
	for (size_t i = 0; i < count; i++)
		crypto_core_ed25519_scalar_random(out + i * SCALAR);
	*nout = count * SCALAR;
	return SERVICE_OK;
}
