/* service.h - what a service is.
 *
 * A service is one C file that turns a request's bytes into an answer's bytes: no input or output of its own, nothing kept
 * between requests, the same answer for the same request (but `random`). A host (host/) carries the bytes.
 * Whatever the bytes are, serve() returns; a bad request is told in one line. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stddef.h>
#include <stdint.h>

enum {
	SERVICE_OK = 0,
	SERVICE_BAD = 400,    /* the request has not the documented form */
	SERVICE_LARGE = 413,  /* the request, or its answer, is larger than the service takes */
	SERVICE_FAILED = 500, /* out of memory */
};

/* The largest request, and the largest answer: the text of the largest QR code, 177 lines of 177 modules of 6 bytes. */
#define SERVICE_INPUT_MAX ((size_t)16384)
#define SERVICE_TOO_LONG "the request is longer than 16384 bytes"
#define SERVICE_OUTPUT_MAX ((size_t)177 * (177 * 6 + 1))

typedef struct ServiceInput {
	const char *p;
	size_t n;
} ServiceInput;

/* INPUT_VALID is answered when a request is empty; INPUT_PAPER is what the paper's authors fed their endpoint. */
enum { INPUT_VALID, INPUT_PAPER, INPUTS };
extern const ServiceInput service_input[INPUTS];
extern const char service_name[];

#define INPUT(literal) {literal, sizeof literal - 1}

/* Answer the request in[0..n), which is never empty, into out[0..cap), which does not overlap it.
 * SERVICE_OK: *nout bytes are the answer. Otherwise *why is one line, a static string. */
int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why);

/* How every failure looks: return service_error(why, SERVICE_BAD, "..."). */
static inline int service_error(const char **why, int status, const char *text)
{
	*why = text;
	return status;
}

#endif
