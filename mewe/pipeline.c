/* pipeline.c - the stages, in order. In: a wasm binary and options. Out: the multivariant module and its report. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "all.h"

/* So often at most is the module made anew without the variants that the audit of the final binary found to be equal. */
enum { AUDITS = 64 };

int pipeline_search(Build *b, Err *e)
{
	const Options *o = b->o;
	int code;

	if ((code = read_module(b->file, b->in, b->nin, &b->mod, e)) != 0 ||
	    (code = discriminator_shape(b->mod, o, &b->shape, e)) != 0 || /* what these refuse is better known before the proofs */
	    (code = target_input(o, &b->shape, b->file, b->in, b->nin, e)) != 0 ||
	    (code = site_find(b->mod, o, &b->sites, e)) != 0 ||
	    (code = cache_open(o->cache, &b->proving.cache, e)) != 0)
		return code;
	b->key = obligation_module(b->in, b->nin);
	b->proving.spent = xalloc(b->mod->nfunc * sizeof *b->proving.spent);
	b->proving.deadline = o->total_time ? prove_now() + o->total_time * 1000000000ull : 0;
	return search_all(b, e); /* propose, survive, select, prove */
}

/* The module that is asked for. Without a trace that is what the audit has just seen. */
static int emit(Build *b, Err *e)
{
	if (b->o->trace != MEWE_TRACE_OFF)
		return pipeline_emit(b, b->o->trace, &b->out, e);
	b->out = b->twin;
	b->twin = (Bytes){0};
	return 0;
}

static int stages(Build *b, mewe_report **report, Err *e)
{
	int code;

	if ((code = pipeline_search(b, e)) != 0 ||
	    (code = pipeline_choose(b, e)) != 0 ||
	    (code = emit(b, e)) != 0 ||
	    (code = target_output(b->o, b->file, b->out.p, b->out.n, e)) != 0)
		return code;
	*report = report_make(b);
	if (b->dispatchers.n == 0 && strcmp(b->o->strategies, "none") != 0)
		return err_set(e, MEWE_NOTHING, "%s: nothing could be diversified; see --ledger for why each candidate fell", b->file);
	return 0;
}

/* Select, and audit the final binary, until all that is kept is different there, too. */
int pipeline_choose(Build *b, Err *e)
{
	int code = discriminator_shape(b->mod, b->o, &b->shape, e);
	uint64_t start = prove_now(), proving = b->ns[STAGE_PROVE];
	bool again = true;
	for (uint32_t i = 0; i < b->variants.n; i++)
		b->variants.v[i].struck = false;
	for (int i = 0; !code && again && i < AUDITS; i++) {
		free(b->twin.p);
		b->twin = (Bytes){0};
		/* What the audit struck off is replaced by what was found; for a plan, which wants so many bodies, also by what is still there. */
		code = b->o->plan && i > 0 ? search_more(b, e) : search_keep(b, e);
		if (!code)
			code = pipeline_emit(b, MEWE_TRACE_OFF, &b->twin, e);
		if (!code)
			code = audit_classes(b, &again, e);
	}
	b->ns[STAGE_AUDIT] += prove_now() - start - (b->ns[STAGE_PROVE] - proving);
	if (!code && again)
		code = err_set(e, MEWE_BAD, "%s: variants that differ alone are equal in the final binary; report this", b->file);
	return code;
}

/* One module from the original's bytes and what was kept; the twin and the traced build differ in `trace` alone. */
int pipeline_emit(const Build *b, enum mewe_trace trace, Bytes *out, Err *e)
{
	Shape shape = b->shape;
	Mod *m = NULL;
	int code = read_again(b->mod, b->in, b->nin, &m, e);
	char *hint = NULL;

	shape.trace = trace;
	if (!code)
		code = combine_all(m, &b->sites, &b->variants, &b->dispatchers, &shape, b->o, e);
	if (!code)
		code = instrument_all(m, &b->dispatchers, &shape, b->mod->nfunc, e);
	if (!code) {
		hint = b->dispatchers.n ? report_hint(b) : NULL;
		code = write_module(m, hint, out, e);
	}
	free(hint);
	read_free(m);
	return code;
}

void pipeline_free(Build *b, Err *e)
{
	for (uint32_t i = 0; i < b->variants.n; i++) {
		free(b->variants.v[i].why);
		if (b->variants.v[i].rule[0])
			free((char *)b->variants.v[i].rule);
	}
	free(b->variants.v);
	free(b->original);
	free(b->twin.p);
	free(b->proving.spent);
	cache_close(b->proving.cache, e);
	propose_close(b->picks);
	select_free(&b->dispatchers);
	site_free(&b->sites);
	read_free(b->mod);
}

int mewe_build(const char *file, const uint8_t *in, size_t n, const mewe_options *o, mewe_bytes *out, mewe_report **report,
               mewe_err *err)
{
	Options own = *o;
	Build b = {.o = &own, .file = file};
	mewe_report *r = NULL;
	Bytes wasm = {0};
	int code = read_wasm(file, in, n, &wasm, err);

	b.in = wasm.p;
	b.nin = wasm.n;
	if (!code && own.plan)
		code = place_dispatch(own.plan, &own.dispatch, err);
	if (!code)
		code = stages(&b, &r, err);
	if (!code && b.proving.limited)
		code = err_set(err, MEWE_LIMIT, "%s: a time limit was reached, or a prover's process ended; the module is whole but holds fewer variants", file);
	*out = (Bytes){0};
	if (code == 0 || code == MEWE_LIMIT)
		*out = b.out;
	else
		free(b.out.p);
	if (report)
		*report = r;
	else
		mewe_report_free(r);
	pipeline_free(&b, NULL);
	free(wasm.p);
	return code;
}

void mewe_options_default(mewe_options *o)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	*o = (Options){
		.strategies = "rewrite,reorder",
		.variants = 16,
		.accept = 1u << V_PROVED | 1u << V_BY_CONSTRUCTION,
		.jobs = cores > 0 ? cores : 1,
	};
}
