/* fastly_abi.h - what a program on Fastly Compute asks its host: as much of the ABI as services here use.
 *
 * Each function gives a status, FASTLY_OK or why not; results come through the pointers at its end; bytes are a pointer and a
 * length, and need not be text. The published description is in witx; tests/edge/abi_test.py holds this header and every module
 * that imports from it against that.
 * Must hold: one declaration is FASTLY(module, name, (parameters)), on lines of its own. */
#ifndef FASTLY_ABI_H
#define FASTLY_ABI_H

#include <stddef.h>
#include <stdint.h>

#define FASTLY(module, name, parameters) \
	__attribute__((import_module(#module), import_name(#name), warn_unused_result)) uint32_t module##_##name parameters

typedef uint32_t FastlyHandle;

enum {
	FASTLY_ABI_VERSION = 1,
	FASTLY_OK = 0,
	FASTLY_BUFLEN = 4, /* the buffer is too short; how long it must be is where the length would have been, or 0 */
	FASTLY_BACK = 0,   /* which end of a body is written to */
};

FASTLY(fastly_abi, init, (uint64_t version));

FASTLY(fastly_http_req, body_downstream_get, (FastlyHandle *request, FastlyHandle *body));
FASTLY(fastly_http_req, method_get, (FastlyHandle request, char *p, size_t cap, size_t *n));
FASTLY(fastly_http_req, uri_get, (FastlyHandle request, char *p, size_t cap, size_t *n));

FASTLY(fastly_http_body, new, (FastlyHandle *body));
FASTLY(fastly_http_body, read, (FastlyHandle body, uint8_t *p, size_t cap, size_t *n)); /* 0 bytes: the end */
FASTLY(fastly_http_body, write, (FastlyHandle body, const void *p, size_t n, uint32_t end, size_t *done));

FASTLY(fastly_http_resp, new, (FastlyHandle *response));
FASTLY(fastly_http_resp, status_set, (FastlyHandle response, uint32_t status));
FASTLY(fastly_http_resp, header_insert,
       (FastlyHandle response, const char *name, size_t name_length, const char *value, size_t value_length));
FASTLY(fastly_http_resp, send_downstream, (FastlyHandle response, FastlyHandle body, uint32_t streaming));

#endif
