/* fastly.c - a service as a program on Fastly Compute: one instance, one _start, one request.
 *
 * In:  GET / stands for INPUT_PAPER; POST / brings the request in its body, an empty one stands for INPUT_VALID.
 * Out: 200 and the answer; or 400, 404, 405, 413, 414 and one line (500 only when memory ran out); with the headers
 *      x-mewe-time-ns      serve() alone, by the monotonic clock
 *      x-mewe-pop          where this ran, if the host says so
 *      and of a traced build x-mewe-trace and x-mewe-body-trace (hashes), x-mewe-trace-length, x-mewe-choices and
 *      x-mewe-dispatchers, all from the beginning of _start to the end of serve().
 *      ?trace=full: the answer of a build that keeps its trace (--trace full) is that trace, a line for each event.
 * Holds: whatever is sent, nothing traps; whatever the host can't do, another answer is given, or none where none can be sent.
 *        Which functions are entered does not depend on the pieces in which a body arrives, or traces would differ by the network.
 * Without stdio, like wasi.c. An untraced build gives zeros for traces, and so does the original; that is how it is told. */
#include <stdbool.h>
#include <string.h>
#include <wasi/api.h>
#include "../service.h"
#include "fastly_abi.h"

#define MEWE(name) __attribute__((import_module("mewe"), import_name(#name))) mewe_##name

/* What the build resolves (docs/manual.md, "Traces, and the imports a guest may use"). */
uint64_t MEWE(choices)(void);
uint64_t MEWE(trace_hash)(uint32_t kind);
uint64_t MEWE(trace_length)(void);
uint64_t MEWE(dispatchers_executed)(void);
uint32_t MEWE(trace_read)(uint32_t *ids, size_t size);
enum { TRACE_ENTRY = 0, TRACE_BODY = 2 };
#define TRACE_REGION ((uint32_t)1 << 31)

enum { PAGE = 65536, STATUS_MISSING = 404, STATUS_METHOD = 405, STATUS_URI = 414 };

typedef struct Request {
	bool get, full; /* full: the trace is asked for */
	FastlyHandle body;
} Request;

typedef struct Response {
	int status;        /* SERVICE_OK, or as in HTTP */
	const char *why;
	size_t n;          /* bytes of `answer` */
	bool timed, sent;
	uint64_t ns;
	uint64_t length, choices, dispatchers, entry, body; /* length 0: not traced */
	const uint32_t *ids; /* the trace that is to be sent, or NULL */
	size_t nids;
	FastlyHandle to, out;
} Response;

static uint8_t request[SERVICE_INPUT_MAX + 1], answer[SERVICE_OUTPUT_MAX];

/* ---- what is asked ------------------------------------------------------------------------------------------------ */

static bool has_trace_full(const char *p, const char *end)
{
	static const char word[] = "trace=full";

	for (size_t n; p < end; p += n + 1) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		n = (size_t)((amp ? amp : end) - p);
		if (n == sizeof word - 1 && !memcmp(p, word, n))
			return true;
	}
	return false;
}

/* To where an authority or a path ends, at the latest. */
static const char *skip(const char *p, const char *end, bool path)
{
	while (p < end && *p != '?' && *p != '#' && (path || *p != '/'))
		p++;
	return p;
}

/* SCHEME://AUTHORITY[/PATH][?QUERY]: an empty path is the same as "/". Without a scheme it begins with the path. */
static int route(Request *r, const char *p, size_t n, const char **why)
{
	const char *end = p + n, *colon = memchr(p, ':', n), *path = p, *query;

	if (colon && end - colon >= 3 && !memcmp(colon, "://", 3) && skip(p, end, false) > colon)
		path = skip(colon + 3, end, false);
	query = skip(path, end, true);
	if (query - path > 1 || (query > path && *path != '/'))
		return service_error(why, STATUS_MISSING, "there is nothing but /");
	if (query < end && *query == '?')
		r->full = has_trace_full(query + 1, end);
	return SERVICE_OK;
}

static int read_head(Request *r, FastlyHandle head, const char **why)
{
	char method[8];
	size_t n;
	uint32_t e = fastly_http_req_uri_get(head, (char *)answer, sizeof answer, &n); /* `answer` is not yet in use */
	int status;

	if (e == FASTLY_BUFLEN)
		return service_error(why, STATUS_URI, "the URI is too long");
	if (e || n > sizeof answer)
		return service_error(why, SERVICE_BAD, "can't read the URI");
	status = route(r, (const char *)answer, n, why);
	if (status)
		return status;
	e = fastly_http_req_method_get(head, method, sizeof method, &n);
	r->get = !e && n == 3 && !memcmp(method, "GET", 3);
	if (r->get || (!e && n == 4 && !memcmp(method, "POST", 4)))
		return SERVICE_OK;
	return service_error(why, STATUS_METHOD, "the method must be GET or POST");
}

/* Up to one byte more than a service takes: an endless body is not read to its end. */
static int read_body(FastlyHandle body, size_t *n, const char **why)
{
	size_t got;

	for (*n = 0; *n < sizeof request; *n += got) {
		if (fastly_http_body_read(body, request + *n, sizeof request - *n, &got) || got > sizeof request - *n)
			return service_error(why, SERVICE_BAD, "can't read the body to its end");
		if (!got)
			return SERVICE_OK;
	}
	return service_error(why, SERVICE_LARGE, SERVICE_TOO_LONG);
}

/* ---- what is answered --------------------------------------------------------------------------------------------- */

/* No function of this module is entered here: each would be one more event. All that was recorded lies in memory, so as much
 * again has room for it. */
static void take_trace(Response *a, bool full)
{
	size_t pages, at;

	a->length = mewe_trace_length();
	a->choices = mewe_choices();
	a->dispatchers = mewe_dispatchers_executed();
	a->entry = mewe_trace_hash(TRACE_ENTRY);
	a->body = mewe_trace_hash(TRACE_BODY);
	if (!full || !a->length)
		return;
	pages = __builtin_wasm_memory_size(0);
	at = __builtin_wasm_memory_grow(0, pages);
	if (at == SIZE_MAX) {
		a->status = service_error(&a->why, SERVICE_LARGE, "there is no room for the trace");
		return;
	}
	a->nids = mewe_trace_read((uint32_t *)(at * PAGE), pages * PAGE) / sizeof *a->ids;
	a->ids = a->nids ? (uint32_t *)(at * PAGE) : NULL;
}

static void respond(Response *a, const Request *r)
{
	const ServiceInput *s = &service_input[r->get ? INPUT_PAPER : INPUT_VALID];
	const uint8_t *in = request;
	size_t n = 0;
	__wasi_timestamp_t from, to;

	if (!r->get) {
		a->status = read_body(r->body, &n, &a->why);
		if (a->status)
			return;
	}
	if (!n) {
		in = (const uint8_t *)s->p;
		n = s->n;
	}
	a->timed = !__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &from);
	a->status = serve(in, n, answer, sizeof answer, &a->n, &a->why);
	a->timed = a->timed && !__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &to);
	a->ns = a->timed ? to - from : 0;
	take_trace(a, r->full && !a->status);
}

/* ---- headers: one that the host refuses is left out ---------------------------------------------------------------- */

static void header(const Response *a, const char *name, const char *value, size_t n)
{
	uint32_t refused = fastly_http_resp_header_insert(a->to, name, strlen(name), value, n);

	(void)refused;
}

static void header_text(const Response *a, const char *name, const char *value)
{
	header(a, name, value, strlen(value));
}

/* Into the end of digits[20], at least so many of them: how many they are. */
static size_t format(char digits[20], uint64_t x, uint32_t base, size_t least)
{
	size_t n = 0;

	for (; x || n < least; x /= base)
		digits[20 - ++n] = "0123456789abcdef"[x % base];
	return n;
}

static void header_number(const Response *a, const char *name, uint64_t x)
{
	char digits[20];
	size_t n = format(digits, x, 10, 1);

	header(a, name, digits + sizeof digits - n, n);
}

static void header_hash(const Response *a, const char *name, uint64_t x)
{
	char digits[20];
	size_t n = format(digits, x, 16, 16);

	header(a, name, digits + sizeof digits - n, n);
}

/* Not with getenv(), which takes the whole environment from malloc and ends the program when it can't have it. */
static void header_pop(const Response *a)
{
	static uint8_t *variable[64], text[8192];
	__wasi_size_t count, size;

	if (__wasi_environ_sizes_get(&count, &size) || count > sizeof variable / sizeof *variable || size > sizeof text ||
	    __wasi_environ_get(variable, text))
		return;
	for (size_t i = 0; i < count; i++)
		if (!strncmp((const char *)variable[i], "FASTLY_POP=", 11))
			header_text(a, "x-mewe-pop", (const char *)variable[i] + 11);
}

static void headers(const Response *a)
{
	header_text(a, "content-type", a->status || a->ids ? "text/plain; charset=utf-8" : "application/octet-stream");
	header_text(a, "cache-control", "no-store");
	if (a->status == STATUS_METHOD)
		header_text(a, "allow", "GET, POST");
	header_pop(a);
	if (a->timed)
		header_number(a, "x-mewe-time-ns", a->ns);
	if (!a->length)
		return;
	header_hash(a, "x-mewe-trace", a->entry);
	header_hash(a, "x-mewe-body-trace", a->body);
	header_number(a, "x-mewe-trace-length", a->length);
	header_number(a, "x-mewe-choices", a->choices);
	header_number(a, "x-mewe-dispatchers", a->dispatchers);
}

/* ---- the body ------------------------------------------------------------------------------------------------------- */

static bool write_all(const Response *a, const void *p, size_t n)
{
	for (size_t done; n; p = (const uint8_t *)p + done, n -= done)
		if (fastly_http_body_write(a->out, p, n, FASTLY_BACK, &done) || !done || done > n)
			return false;
	return true;
}

static char *append(char *to, const char *word, uint64_t x)
{
	char digits[20];
	size_t n = strlen(word), m = format(digits, x, 10, 1);

	memcpy(to, word, n);
	memcpy(to + n, digits + sizeof digits - m, m);
	return to + n + m;
}

/* `enter F`, `choose F K`, or `choose region R K`: functions by ordinal, bodies from 0, regions in order. */
static char *event(char *to, uint32_t id)
{
	uint32_t place = (id & ~TRACE_REGION) >> 12, k = id & 4095;

	if (!k)
		to = append(to, "enter ", place);
	else
		to = append(append(to, id & TRACE_REGION ? "choose region " : "choose ", place), " ", k - 1);
	*to++ = '\n';
	return to;
}

static bool write_trace(const Response *a)
{
	char *text = (char *)answer, *to = text;

	for (size_t i = 0; i < a->nids; i++) {
		to = event(to, a->ids[i]);
		if (to > text + sizeof answer - 64) {
			if (!write_all(a, text, (size_t)(to - text)))
				return false;
			to = text;
		}
	}
	return write_all(a, text, (size_t)(to - text));
}

/* Where the host refuses a part there is nothing else that could be sent. */
static void deliver(Response *a)
{
	bool whole;

	if (fastly_http_resp_new(&a->to) || fastly_http_body_new(&a->out) ||
	    fastly_http_resp_status_set(a->to, a->status ? (uint32_t)a->status : 200))
		return;
	headers(a);
	if (a->status)
		whole = write_all(a, a->why, strlen(a->why)) && write_all(a, "\n", 1);
	else if (a->ids)
		whole = write_trace(a);
	else
		whole = write_all(a, answer, a->n);
	if (whole)
		a->sent = !fastly_http_resp_send_downstream(a->to, a->out, 0);
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
	Request r = {0};
	Response a = {0};
	FastlyHandle head;

	__wasm_call_ctors();
	if (fastly_abi_init(FASTLY_ABI_VERSION) || fastly_http_req_body_downstream_get(&head, &r.body))
		return;
	a.status = read_head(&r, head, &a.why);
	if (!a.status)
		respond(&a, &r);
	deliver(&a);
}
