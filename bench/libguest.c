/* libguest.c - a service in-process, by the exports that every service has (services/README.md).
 * In: a module's path. Out: instances, and their answers to the built-in inputs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "measure.h"

Guest guest_open(const char *path)
{
	Guest g = {.path = path};
	Err e = {0};
	if (!path)
		die(MEWE_BAD, "a module is missing: see --help");
	check(file_read(path, &g.wasm, &e), &e);
	check(host_open(path, g.wasm.p, g.wasm.n, &g.host, &e), &e);
	return g;
}

void guest_close(Guest *g)
{
	host_close(g->host);
	free(g->wasm.p);
}

void guest_rows(const Guest *g, Rows *r, const char *build, const char *config, const char *phase)
{
	r->build = build;
	r->config = config;
	r->phase = phase;
	r->node = r->iteration = 0;
	r->seed = NO_SEED;
	snprintf(r->module, sizeof r->module, "%016" PRIx64, digest(g->wasm.p, g->wasm.n).a);
}

Instance *guest_fresh(const Guest *g, const HostOptions *o, int32_t input)
{
	Instance *i;
	Err e = {0};
	check(host_instance(g->host, o, &i, &e), &e);
	if (input != 0) { /* 0 is what an instance starts with, and a call would be a request of its own */
		uint64_t which = (uint32_t)input, n;
		check(host_call(i, "select_input", &which, 1, &n, 1, NULL, &e), &e);
	}
	return i;
}

HostFunc guest_serve(Instance *i)
{
	HostFunc f;
	Err e = {0};
	check(host_func(i, "serve", &f, &e), &e);
	if (f.nparams != 1 || f.nresults != 1)
		die(MEWE_BAD, "%s: its export 'serve' is no service's", i->host->file);
	return f;
}

int32_t guest_run(const HostFunc *serve)
{
	uint64_t v[HOST_VALUES];
	Err e; /* neither is cleared: that takes longer than the shortest requests' choices */
	v[0] = 0;
	check(host_func_call(serve, v, NULL, &e), &e);
	return (int32_t)v[0];
}

static const uint8_t *answer_at(Instance *i, int32_t n)
{
	uint64_t at = 0;
	uint8_t *base;
	size_t size;
	Err e = {0};
	check(host_call(i, "output", NULL, 0, &at, 1, NULL, &e), &e);
	if (host_memory(i, &base, &size) != 0 || at > size || size - at < (uint32_t)n)
		die(MEWE_BAD, "%s: its answer is not in its memory", i->host->file);
	return base + at;
}

Answer guest_answer(Instance *i, int32_t n)
{
	Answer a = {.n = n};
	if (n > 0) {
		a.p = xalloc(n);
		memcpy(a.p, answer_at(i, n), n);
	}
	return a;
}

bool guest_answered(Instance *i, int32_t n, const Answer *want)
{
	return n == want->n && (n <= 0 || memcmp(answer_at(i, n), want->p, n) == 0);
}

Answer guest_reference(const Guest *original, int32_t input)
{
	HostOptions o = {.fix_guest = true};
	Instance *i = guest_fresh(original, &o, input);
	HostFunc serve = guest_serve(i);
	Answer a = guest_answer(i, guest_run(&serve));
	host_drop(i);
	if (a.n <= 0)
		die(MEWE_BAD, "%s: the original refuses its own input, with %d", original->path, a.n);
	return a;
}
