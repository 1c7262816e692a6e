/* report.c - what happened: the ledger, the summary, and the hint that goes into the module.
 * In: a finished build. Out: text. Must hold: every candidate is a row, kept or not, or ratios could not be checked. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "all.h"

static void put_csv(Buf *b, const char *s)
{
	if (!s)
		return;
	if (!strpbrk(s, ",\"\n")) {
		buf_str(b, s);
		return;
	}
	buf_u8(b, '"');
	for (; *s; s++) {
		if (*s == '"')
			buf_u8(b, '"');
		buf_u8(b, *s);
	}
	buf_u8(b, '"');
}

static bool accepted(const Build *b, const Variant *v) { return b->o->accept >> v->verdict & 1; }

static Bytes ledger(const Build *b)
{
	Buf o = {0};
	buf_str(&o, "function,ordinal,site,strategy,rule,n,seed,verdict,solver_work,code_digest,shape_digest,bytes,idle,survives,"
	            "kept,place,reason\n");
	for (uint32_t i = 0; i < b->variants.n; i++) {
		const Variant *v = &b->variants.v[i];
		put_csv(&o, b->sites.body[v->func].name);
		buf_printf(&o, ",%u,%u,%s,", v->func, b->sites.site[v->site].index, v->strategy->name);
		put_csv(&o, v->rule);
		buf_printf(&o, ",%u,%016" PRIx64 ",%s,%" PRIu64 ",", v->n, v->seed, verdict_name(v->verdict), v->work);
		if (v->bytes)
			buf_printf(&o, "%016" PRIx64 ",%016" PRIx64 ",%u,", v->code.a, v->shape.a, v->bytes);
		else
			buf_str(&o, ",,,");
		buf_printf(&o, "%d,%d,%d,%u,", v->idle, survive_distinct(&b->variants, i, b->original), v->kept, v->place);
		put_csv(&o, v->why ? v->why : v->reason);
		buf_u8(&o, '\n');
	}
	return buf_bytes(&o);
}

static void stage(Buf *o, const char *name, uint64_t n, const char *what, uint64_t ns)
{
	buf_printf(o, "%-11s %8" PRIu64 " %-*s", name, n, ns ? 52 : 0, what);
	if (ns > 0)
		buf_printf(o, " %8.2f s", ns / 1e9);
	buf_u8(o, '\n');
}

Funnel report_funnel(const Build *b)
{
	const Variants *v = &b->variants;
	Funnel f = {0};
	propose_tally(b->picks, &f.enumerated, &f.passed);
	for (uint32_t i = 0; i < v->n; i++) {
		f.tried += v->v[i].bytes > 0;
		f.survived += survive_distinct(v, i, b->original);
		f.asked += v->v[i].verdict != V_NEW;
		f.proved += v->v[i].verdict != V_NEW && accepted(b, &v->v[i]);
		f.kept += v->v[i].kept;
		f.idle += v->v[i].kept && v->v[i].idle;
	}
	return f;
}

static void put_funnel(const Build *b, Buf *o)
{
	Funnel f = report_funnel(b);
	char known[2][48], last[64];
	snprintf(known[0], sizeof known[0], "compiled, %" PRIu64 " of them known", b->remembered);
	snprintf(known[1], sizeof known[1], "needed a proof, %" PRIu64 " of them known", b->proving.remembered);
	snprintf(last, sizeof last, "differ in the final binary, too; %" PRIu64 " with idle code", f.idle);
	stage(o, "enumerated", f.enumerated, "expressions and places looked at", 0);
	stage(o, "passed", f.passed, "agreed with their site at the test points", b->ns[STAGE_PROPOSE]);
	stage(o, "tried", f.tried, known[0], b->ns[STAGE_SURVIVE]);
	stage(o, "survived", f.survived, "differ from all before in machine code", 0);
	stage(o, "asked", f.asked, known[1], b->ns[STAGE_PROVE]);
	stage(o, "proved", f.proved, "equal to their original", 0);
	stage(o, "kept", f.kept, last, b->ns[STAGE_AUDIT]);
}

static Bytes summary(const Build *b)
{
	Buf o = {0};
	uint32_t distinct = 0, shapes = 0, bodies = 0;
	for (uint32_t i = 0; i < b->dispatchers.n; i++) {
		bodies += b->dispatchers.d[i].n;
		distinct += b->dispatchers.d[i].distinct;
		shapes += b->dispatchers.d[i].distinct_shape;
	}
	buf_printf(&o, "functions   %u, of which %u dispatched\n", b->mod->nfunc, b->dispatchers.n);
	put_funnel(b, &o);
	buf_printf(&o, "code        %u of %u bodies distinct, %u distinct in shape (%s)\n", distinct, bodies, shapes, survive_engine());
	uint64_t before = write_size(b->in, b->nin), after = write_size(b->out.p, b->out.n);
	buf_printf(&o, "size        %" PRIu64 " -> %" PRIu64 " bytes (%.2fx), custom sections left out\n", before, after,
	           before ? (double)after / before : 0);
	return buf_bytes(&o);
}

mewe_report *report_make(const Build *b)
{
	mewe_report *r = xalloc(sizeof *r);
	r->ledger = ledger(b);
	r->summary = summary(b);
	return r;
}

char *report_hint(const Build *b)
{
	json_t *all = json_array();
	for (uint32_t i = 0; i < b->dispatchers.n; i++) {
		const Dispatcher *d = &b->dispatchers.d[i];
		json_t *vs = json_array();
		for (uint32_t k = 0; k + 1 < d->n; k++) {
			const Variant *v = &b->variants.v[d->row[k]];
			json_array_append_new(vs, json_pack("{s:s, s:s, s:i}", "strategy", v->strategy->name, "rule", v->rule, "site",
			                                    (int)b->sites.site[v->site].index));
		}
		json_array_append_new(all, json_pack("{s:i, s:o}", "ordinal", (int)d->func, "variants", vs));
	}
	json_t *root = json_pack("{s:i, s:s, s:o}", "version", 1, "engine", survive_engine(), "dispatchers", all);
	char *s = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return s;
}

static Bytes copy(const Bytes *b)
{
	Bytes c = {xalloc(b->n), b->n};
	memcpy(c.p, b->p, b->n);
	return c;
}

mewe_bytes mewe_report_ledger(const mewe_report *r) { return copy(&r->ledger); }
mewe_bytes mewe_report_summary(const mewe_report *r) { return copy(&r->summary); }

void mewe_report_free(mewe_report *r)
{
	if (!r)
		return;
	free(r->ledger.p);
	free(r->summary.p);
	free(r);
}
