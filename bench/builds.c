/* builds.c - all the builds of a service that are measured, from one round of proofs.
 * In: a module and the cache of its build. Out: PREFIX.CONFIG.wasm for each of the configurations below.
 * Must hold: each file has the bytes that `mewe build` gives for the same options (`make` compares one, the tests all). A file
 * whose bytes stay the same is left as old as it is. */
#include <stdlib.h>
#include <string.h>
#include "measure.h"

static const struct {
	const char *name;
	enum mewe_dispatch dispatch;
	enum mewe_discriminator discriminator;
	enum mewe_trace trace;
} configs[] = {
	{"call.off", MEWE_CALL, MEWE_CHACHA, MEWE_TRACE_OFF},
	{"call.hash", MEWE_CALL, MEWE_CHACHA, MEWE_TRACE_HASH},
	{"call.full", MEWE_CALL, MEWE_CHACHA, MEWE_TRACE_FULL},
	{"call.fixed.hash", MEWE_CALL, MEWE_FIXED, MEWE_TRACE_HASH},
	{"call.host.off", MEWE_CALL, MEWE_HOST, MEWE_TRACE_OFF},
	{"call.host.hash", MEWE_CALL, MEWE_HOST, MEWE_TRACE_HASH},
	{"request.off", MEWE_REQUEST, MEWE_CHACHA, MEWE_TRACE_OFF},
	{"request.hash", MEWE_REQUEST, MEWE_CHACHA, MEWE_TRACE_HASH},
	{"request.fixed.hash", MEWE_REQUEST, MEWE_FIXED, MEWE_TRACE_HASH},
	{"request.host.off", MEWE_REQUEST, MEWE_HOST, MEWE_TRACE_OFF},
	{"request.host.hash", MEWE_REQUEST, MEWE_HOST, MEWE_TRACE_HASH},
};

static void write_changed(const char *prefix, const char *config, const Bytes *b)
{
	char *path = xprintf("%s.%s.wasm", prefix, config);
	Bytes old = {0};
	Err e = {0};
	if (file_read(path, &old, &e) != 0 || old.n != b->n || memcmp(old.p, b->p, b->n) != 0)
		check(file_write(path, b->p, b->n, &e), &e);
	free(old.p);
	free(path);
}

int main(int argc, char **argv)
{
	Options o;
	Bytes wasm;
	Err e = {0};
	mewe_options_default(&o);
	if (argc != 5 || (o.variants = strtoul(argv[2], NULL, 10)) < 2)
		die(MEWE_BAD, "usage: builds MODULE VARIANTS CACHE PREFIX");
	o.cache = argv[3];
	check(file_read(argv[1], &wasm, &e), &e);
	Build b = {.o = &o, .file = argv[1], .in = wasm.p, .nin = wasm.n};
	check(pipeline_search(&b, &e), &e);
	for (size_t k = 0; k < LEN(configs); k++) {
		Bytes out;
		o.dispatch = configs[k].dispatch;
		o.discriminator = configs[k].discriminator;
		if (k == 0 || configs[k - 1].dispatch != o.dispatch || configs[k - 1].discriminator != o.discriminator)
			check(pipeline_choose(&b, &e), &e);
		if (b.dispatchers.n == 0)
			die(MEWE_NOTHING, "%s: no variants that stay different", b.file);
		check(pipeline_emit(&b, configs[k].trace, &out, &e), &e);
		write_changed(argv[4], configs[k].name, &out);
		free(out.p);
	}
	pipeline_free(&b, &e);
	free(wasm.p);
	return 0;
}
