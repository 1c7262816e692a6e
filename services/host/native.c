/* native.c - a service as a program of this machine, linked with the system's libraries.
 *
 * The request on standard input, or INPUT_VALID when that is empty or absent; the answer on standard output; an error as one
 * line on standard error with exit code 2. Byte for byte what host/wasi.c does as a command. */
#include <errno.h>
#include <stdio.h>
#ifdef SERVICE_SODIUM
#include <sodium/core.h>
#endif
#include "../service.h"

static int fail(int status, const char *why)
{
	fprintf(stderr, "%s: %d %s\n", service_name, status, why);
	return 2;
}

int main(void)
{
	static uint8_t request[SERVICE_INPUT_MAX + 1], answer[SERVICE_OUTPUT_MAX];
	const uint8_t *in = request;
	size_t n, nout;
	const char *why;
	int status;

#ifdef SERVICE_SODIUM
	if (sodium_init() < 0)
		return fail(SERVICE_FAILED, "libsodium can't start");
#endif
	n = fread(request, 1, sizeof request, stdin);
	if (ferror(stdin) && errno != EBADF)
		return fail(SERVICE_FAILED, "can't read standard input");
	if (n > SERVICE_INPUT_MAX)
		return fail(SERVICE_LARGE, SERVICE_TOO_LONG);
	if (n == 0) {
		in = (const uint8_t *)service_input[INPUT_VALID].p;
		n = service_input[INPUT_VALID].n;
	}
	status = serve(in, n, answer, sizeof answer, &nout, &why);
	if (status)
		return fail(status, why);
	if (fwrite(answer, 1, nout, stdout) != nout || fflush(stdout))
		return fail(SERVICE_FAILED, "can't write to standard output");
	return 0;
}
