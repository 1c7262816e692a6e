/* wasi.c - a service as a WebAssembly module, in two ways at once.
 *
 * As a WASI command: the request on standard input, or INPUT_VALID when that is empty or absent; the answer on standard
 * output; an error as one line on standard error with exit code 2.
 * As a library to call in-process, any number of times and without _start: write the request to input(), call serve() with
 * its length, read the answer at output(). select_input() says which input a length of 0 stands for.
 *
 * Holds: nothing here or below has a constructor, so the exports can be called on a fresh instance. libsodium needs no
 * sodium_init() here: that picks an implementation for the processor, and WebAssembly has only the one that is compiled in;
 * its randomness is seeded from random_get when it is first asked for.
 * The host uses the system's interface without stdio, which would be the larger part of the smaller modules. */
#include <string.h>
#include <wasi/api.h>
#include "../service.h"

#define EXPORT(name) __attribute__((export_name(name)))

static uint8_t request[SERVICE_INPUT_MAX], answer[SERVICE_OUTPUT_MAX];
static uint32_t selected = INPUT_VALID;

static int respond(size_t n, size_t *nout, const char **why)
{
	const ServiceInput *s = &service_input[selected];

	if (n == 0)
		return serve((const uint8_t *)s->p, s->n, answer, sizeof answer, nout, why);
	return serve(request, n, answer, sizeof answer, nout, why);
}

EXPORT("input") uint8_t *input(void)
{
	return request;
}

EXPORT("input_capacity") int32_t input_capacity(void)
{
	return sizeof request;
}

EXPORT("output") uint8_t *output(void)
{
	return answer;
}

/* Which input serve(0) answers from now on. Returns how many there are; any other number changes nothing. */
EXPORT("select_input") int32_t select_input(int32_t which)
{
	if (which >= 0 && which < INPUTS)
		selected = (uint32_t)which;
	return INPUTS;
}

/* The answer's length, or a service's status made negative. */
EXPORT("serve") int32_t host_serve(int32_t n)
{
	size_t nout = 0;
	const char *why;
	int status;

	if (n < 0 || (size_t)n > sizeof request)
		return -SERVICE_LARGE;
	status = respond((size_t)n, &nout, &why);
	return status ? -status : (int32_t)nout;
}

/* Write all of the pieces to the descriptor. */
static int write_all(__wasi_fd_t fd, __wasi_ciovec_t *v, size_t n)
{
	while (n) {
		__wasi_size_t done;
		if (__wasi_fd_write(fd, v, n, &done) || !done)
			return -1;
		for (; n && done >= v->buf_len; v++, n--)
			done -= v->buf_len;
		if (n) {
			v->buf += done;
			v->buf_len -= done;
		}
	}
	return 0;
}

static int fail(int status, const char *why)
{
	char digits[4] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10), ' '};
	__wasi_ciovec_t v[] = {
		{(const uint8_t *)service_name, strlen(service_name)},
		{(const uint8_t *)": ", 2},
		{(const uint8_t *)digits, sizeof digits},
		{(const uint8_t *)why, strlen(why)},
		{(const uint8_t *)"\n", 1},
	};

	write_all(2, v, sizeof v / sizeof *v);
	return 2;
}

/* Read standard input to its end: 0, or a status. A program that was started without one has an empty one. */
static int read_all(size_t *n, const char **why)
{
	__wasi_size_t got;
	uint8_t more;

	for (*n = 0;; *n += got) {
		__wasi_iovec_t v = {request + *n, sizeof request - *n};
		__wasi_errno_t e;
		if (!v.buf_len)
			v = (__wasi_iovec_t){&more, 1};
		e = __wasi_fd_read(0, &v, 1, &got);
		if (e == __WASI_ERRNO_BADF && !*n)
			return SERVICE_OK;
		if (e)
			return service_error(why, SERVICE_FAILED, "can't read standard input");
		if (!got)
			return SERVICE_OK;
		if (v.buf == &more)
			return service_error(why, SERVICE_LARGE, SERVICE_TOO_LONG);
	}
}

static int command(void)
{
	size_t n, nout = 0;
	const char *why;
	int status = read_all(&n, &why);

	if (!status)
		status = respond(n, &nout, &why);
	if (status)
		return fail(status, why);
	if (write_all(1, &(__wasi_ciovec_t){answer, nout}, 1))
		return fail(SERVICE_FAILED, "can't write to standard output");
	return 0;
}

/* In place of libc's, which prints, and so would bring stdio into the modules. */
_Noreturn void __assert_fail(const char *expression, const char *file, int line, const char *function)
{
	(void)expression, (void)file, (void)line, (void)function;
	__builtin_trap();
}

/* The linker wraps every export in constructors and destructors unless something calls this. */
void __wasm_call_ctors(void);

void _start(void)
{
	int code;

	__wasm_call_ctors();
	code = command();
	if (code)
		__wasi_proc_exit((__wasi_exitcode_t)code);
}
