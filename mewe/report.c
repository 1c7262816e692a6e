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

/* Proved, and its machine code is neither the original's nor that of an earlier candidate of the function. */
static bool survives(const Build *b, uint32_t row)
{
	const Variant *v = &b->variants.v[row];
	if (!accepted(b, v) || digest_eq(v->code, b->original[v->func].code))
		return false;
	for (uint32_t i = row; i-- > 0 && b->variants.v[i].func == v->func;)
		if (accepted(b, &b->variants.v[i]) && digest_eq(b->variants.v[i].code, v->code))
			return false;
	return true;
}

static Bytes ledger(const Build *b)
{
	Buf o = {0};
	buf_str(&o, "function,ordinal,site,strategy,rule,n,seed,verdict,solver_work,code_digest,shape_digest,bytes,survives,kept,place,reason\n");
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
		buf_printf(&o, "%d,%d,%u,", survives(b, i), v->kept, v->place);
		put_csv(&o, v->why ? v->why : v->reason);
		buf_u8(&o, '\n');
	}
	return buf_bytes(&o);
}

static Bytes summary(const Build *b)
{
	Buf o = {0};
	uint32_t proved = 0, alive = 0, kept = 0, distinct = 0, shapes = 0, bodies = 0;
	for (uint32_t i = 0; i < b->variants.n; i++) {
		proved += accepted(b, &b->variants.v[i]);
		alive += survives(b, i);
		kept += b->variants.v[i].kept;
	}
	for (uint32_t i = 0; i < b->dispatchers.n; i++) {
		bodies += b->dispatchers.d[i].n;
		distinct += b->dispatchers.d[i].distinct;
		shapes += b->dispatchers.d[i].distinct_shape;
	}
	buf_printf(&o, "functions   %u, of which %u dispatched\n", b->mod->nfunc, b->dispatchers.n);
	buf_printf(&o, "variants    %u proposed, %u proved, %u surviving, %u kept\n", b->variants.n, proved, alive, kept);
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
