/* builds.c - all the builds of a service that are measured, from one round of proofs.
 * In: a module and the ledger of its build. Out: PREFIX.CONFIG.wasm for each of the configurations below.
 * Must hold: each file has the bytes that `mewe build` gives for the same options (`make` compares one, the tests all), which
 * would prove the same candidates again each time, and that is nearly all of a build's time. Verdicts are the ledger's, which
 * must name the same candidates in the same order. A file whose bytes stay the same is left as old as it is. */
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

/* The proofs' place: what they found, from the ledger. */
static void take_verdicts(Build *b, const char *path)
{
	Ledger l = ledger_read(path);
	bool same = l.n == b->variants.n;
	for (uint32_t i = 0; same && i < l.n; i++) {
		Variant *v = &b->variants.v[i];
		const LedgerRow *r = &l.row[i];
		same = r->ordinal == v->func && r->site == b->sites.site[v->site].index && r->n == v->n &&
		       strcmp(r->strategy, v->strategy->name) == 0;
		v->verdict = r->verdict;
		v->rule = xstrdup(r->rule);
		v->work = r->work;
	}
	if (!same)
		die(MEWE_BAD, "%s: it is not the ledger of %s with these options: build that anew", path, b->file);
	ledger_free(&l);
}

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
	if (argc != 5 || (o.variants = strtoul(argv[3], NULL, 10)) < 2)
		die(MEWE_BAD, "usage: builds MODULE LEDGER VARIANTS PREFIX");
	check(file_read(argv[1], &wasm, &e), &e);
	Build b = {.o = &o, .file = argv[1], .in = wasm.p, .nin = wasm.n};
	check(read_module(b.file, b.in, b.nin, &b.mod, &e), &e);
	check(site_find(b.mod, &o, &b.sites, &e), &e);
	check(propose_all(&b.sites, &o, &b.variants, &e), &e);
	take_verdicts(&b, argv[2]);
	check(survive_all(&b.sites, &o, &b.variants, &b.original, &e), &e);
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
	for (uint32_t i = 0; i < b.variants.n; i++)
		free((char *)b.variants.v[i].rule);
	free(b.variants.v);
	free(b.original);
	free(b.twin.p);
	select_free(&b.dispatchers);
	site_free(&b.sites);
	read_free(b.mod);
	free(wasm.p);
	return 0;
}
