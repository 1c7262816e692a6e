/* builds.c - all the builds of a service that are measured, from one round of proofs.
 * In: a module and the ledger of its build. Out: PREFIX.CONFIG.wasm for each of the configurations below.
 * Must hold: each file has the bytes that `mewe build` gives for the same options (`make` compares one, the tests all), which
 * would prove the same candidates again each time, and that is nearly all of a build's time. Verdicts are the ledger's, which
 * must name the same candidates in the same order. A file whose bytes stay the same is left as old as it is. */
#include <stdlib.h>
#include <string.h>
#include "measure.h"

enum { AUDITS = 4 };               /* as in the pipeline */

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

static void emit(const Build *b, enum mewe_trace trace, Bytes *out)
{
	Shape shape = b->shape;
	Mod *m = NULL;
	Sites sites;
	Err e = {0};
	shape.trace = trace;
	check(read_module(b->file, b->in, b->nin, &m, &e), &e);
	check(site_find(m, b->o, &sites, &e), &e);
	check(combine_all(m, &sites, &b->variants, &b->dispatchers, &shape, b->o, &e), &e);
	check(instrument_all(m, &b->dispatchers, &shape, b->mod->nfunc, &e), &e);
	char *hint = report_hint(b);
	check(write_module(m, hint, out, &e), &e);
	free(hint);
	site_free(&sites);
	read_free(m);
}

static bool audit(Build *b)
{
	Mod *m = NULL;
	Founds found;
	Code *code = NULL;
	Err e = {0};
	bool again = false;
	check(read_module(b->file, b->twin.p, b->twin.n, &m, &e), &e);
	check(shape_find(m, &found, &e), &e);
	check(survive_code(b->file, b->twin.p, b->twin.n, NULL, &code, &e), &e);
	if (found.n != b->dispatchers.n)
		die(MEWE_BAD, "%s: %u dispatchers in the final binary, not %u", b->file, found.n, b->dispatchers.n);
	for (uint32_t i = 0; i < found.n; i++)
		again |= select_classes(&b->dispatchers.d[i], &found.f[i], code, &b->variants);
	free(code);
	shape_free(&found);
	read_free(m);
	return again;
}

/* Which variants to keep under these options, as the pipeline finds it from proved candidates. The trace does not matter. */
static void choose(Build *b)
{
	Err e = {0};
	bool again = true;
	check(discriminator_shape(b->mod, b->o, &b->shape, &e), &e);
	for (uint32_t i = 0; i < b->variants.n; i++)
		b->variants.v[i].struck = false;
	for (int k = 0; again && k < AUDITS; k++) {
		select_free(&b->dispatchers);
		select_all(b->o, b->original, &b->variants, &b->dispatchers);
		free(b->twin.p);
		emit(b, MEWE_TRACE_OFF, &b->twin);
		again = audit(b);
	}
	if (again || b->dispatchers.n == 0)
		die(MEWE_NOTHING, "%s: no variants that stay different", b->file);
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
			choose(&b);
		emit(&b, configs[k].trace, &out);
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
