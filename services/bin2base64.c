/* bin2base64.c - Base64 with the URL-safe alphabet and without padding (RFC 4648, section 5).
 *
 * Request: 1..16384 bytes. Answer: their Base64, no newline. */
#include <sodium/utils.h>
#include "service.h"

enum { VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

const char service_name[] = "bin2base64";

const ServiceInput service_input[INPUTS] = {
	[INPUT_VALID] = INPUT("Hello, many worlds!!"),
	/* The paper reads 20 bytes of a string of 11; what lies behind it is taken as zeros here. */
	[INPUT_PAPER] = INPUT("HelloWorld!\0\0\0\0\0\0\0\0\0"),
};

int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why)
{
	size_t size;

	if (n > SERVICE_INPUT_MAX)
		return service_error(why, SERVICE_LARGE, SERVICE_TOO_LONG);
	/* With the NUL, for which the library must have room. */
	size = sodium_base64_ENCODED_LEN(n, VARIANT);
	if (cap < size)
		return service_error(why, SERVICE_LARGE, "the answer does not fit");
	sodium_bin2base64((char *)out, size, in, n, VARIANT); /* it fills all the room it is given */
	*nout = size - 1;
	return SERVICE_OK;
}
