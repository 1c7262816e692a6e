/* libstatic.c - what can be counted without a clock.
 * In: the original, a multivariant, its ledger, and builds of both with --trace full. Out: rows of phase `static` (what is in
 * the files) and of phase `execute` (the paper's Table 2: counts over the functions that one run enters).
 * Must hold: counts come from the binary that ran, found by its shape, not from what the build said. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "measure.h"

static uint64_t instructions(const Scan *s)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->nbodies; i++)
		n += s->bodies[i].ninsn;
	return n;
}

/* How many of the n bodies' digests are different. */
static uint32_t different(const Found *f, const Code *code, bool shape)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t j = 0;
		const Code *c = &code[f->variant[i]];
		while (j < i && !digest_eq(shape ? c->shape : c->code, shape ? code[f->variant[j]].shape : code[f->variant[j]].code))
			j++;
		n += j == i;
	}
	return n;
}

static Scan scan(const Guest *g)
{
	Scan s;
	Err e = {0};
	check(scan_module(g->path, g->wasm.p, g->wasm.n, &s, &e), &e);
	return s;
}

static Founds dispatchers(const Guest *g)
{
	Founds f;
	Mod *m;
	Err e = {0};
	check(read_module(g->path, g->wasm.p, g->wasm.n, &m, &e), &e);
	check(shape_find(m, &f, &e), &e);
	read_free(m);
	return f;
}

static void count_file(const Guest *g, Rows *r)
{
	Scan s = scan(g);
	rows_int(r, "size_bytes", write_size(g->wasm.p, g->wasm.n));
	rows_int(r, "functions", s.nbodies);
	rows_int(r, "static_instructions", instructions(&s));
	scan_free(&s);
}

static void count_dispatchers(const Guest *g, Rows *r)
{
	uint64_t bodies = 0, distinct = 0, shapes = 0, preserved = 0;
	Founds f = dispatchers(g);
	Code *code;
	Err e = {0};
	check(survive_code(g->path, g->wasm.p, g->wasm.n, NULL, &code, &e), &e);
	for (uint32_t i = 0; i < f.n; i++) {
		bodies += f.f[i].n;
		distinct += different(&f.f[i], code, false);
		shapes += different(&f.f[i], code, true);
		for (uint32_t k = 1; k < f.f[i].n; k++)
			preserved += !digest_eq(code[f.f[i].variant[k]].code, code[f.f[i].variant[0]].code);
	}
	rows_int(r, "dispatchers", f.n);
	rows_int(r, "variants", bodies);
	rows_int(r, "distinct", distinct);
	rows_int(r, "distinct_shape", shapes);
	rows_int(r, "preserved", preserved);
	free(code);
	shape_free(&f);
}

static void count_ledger(const char *path, Rows *r)
{
	uint64_t proved = 0, surviving = 0, kept = 0;
	Ledger l = ledger_read(path);
	for (uint32_t i = 0; i < l.n; i++) {
		proved += l.row[i].verdict == V_PROVED || l.row[i].verdict == V_BY_CONSTRUCTION;
		surviving += l.row[i].survives;
		kept += l.row[i].kept;
	}
	rows_int(r, "proposed", l.n);
	rows_int(r, "proved", proved);
	rows_int(r, "surviving", surviving);
	rows_int(r, "kept", kept);
	ledger_free(&l);
}

/* ---- one run ---- */

/* Which functions one run enters: a flag for each ordinal. */
static bool *entered(const Guest *full, int32_t input, uint32_t nfunc, HostTrace *t)
{
	HostOptions o = {.fix_guest = true};
	Instance *i = guest_fresh(full, &o, input);
	HostFunc serve = guest_serve(i);
	bool *in = xalloc(nfunc);
	Err e = {0};
	check(host_trace_reset(i, &e), &e);
	guest_run(&serve);
	check(host_trace(i, t, &e), &e);
	for (uint64_t k = 0; k < t->nid; k++)
		if (t->id[k] >> 12 < nfunc)
			in[t->id[k] >> 12] = true;
	host_drop(i);
	free(t->id);
	return in;
}

/* The paper's counts of Tables 1 and 2; variants as n. */
static void count_run(const Guest *original, const Guest *full, int32_t input, Rows *r)
{
	Scan s = scan(original);
	Founds f = dispatchers(full);
	HostTrace t;
	bool *in = entered(full, input, s.nbodies, &t);
	uint64_t functions = 0, insn = 0, executed = 0, bodies = 0;
	for (uint32_t i = 0; i < s.nbodies; i++)
		if (in[i]) {
			functions++;
			insn += s.bodies[i].ninsn;
		}
	for (uint32_t i = 0; i < f.n; i++)
		if (f.f[i].func < s.nbodies && in[f.f[i].func]) {
			executed++;
			bodies += f.f[i].n;
		}
	rows_int(r, "functions", functions);
	rows_int(r, "static_instructions", insn);
	rows_int(r, "dispatchers", executed);
	rows_int(r, "variants", bodies);
	rows_int(r, "trace_length", t.length);
	free(in);
	shape_free(&f);
	scan_free(&s);
}

/* Paths, from the same traced run as `mewe inspect --input` makes; no row where it can't say. */
static void count_paths(const Guest *g, const char *stdin_file, Rows *r)
{
	Bytes in = {0}, out = {0};
	Err e = {0};
	if (stdin_file)
		check(file_read(stdin_file, &in, &e), &e);
	int code = mewe_inspect(g->path, g->wasm.p, g->wasm.n, in.p ? in.p : (const uint8_t *)"", in.n, true, MEWE_JSON, &out, &e);
	free(in.p);
	if (code == MEWE_UNSUPPORTED)
		return;
	check(code, &e);
	json_t *root = json_loadb((const char *)out.p, out.n, 0, NULL);
	static const char *const names[] = {"paths_paper", "paths_exact_log2"};
	for (size_t k = 0; k < LEN(names); k++) {
		json_t *v = json_object_get(root, names[k]);
		if (json_is_number(v))
			rows_real(r, names[k], json_number_value(v));
	}
	json_decref(root);
	free(out.p);
}

void measure_static(const Plan *p, Rows *r)
{
	Guest original = guest_open(p->original), call = guest_open(p->call);
	guest_rows(&original, r, "original", "original", "static");
	count_file(&original, r);
	guest_rows(&call, r, p->build, p->config, "static");
	count_file(&call, r);
	count_dispatchers(&call, r);
	if (p->ledger)
		count_ledger(p->ledger, r);
	if (p->original_full) {
		Guest full = guest_open(p->original_full);
		guest_rows(&full, r, "original", "original", "execute");
		count_paths(&full, p->stdin_file, r);
		guest_close(&full);
	}
	if (p->full) {
		Guest full = guest_open(p->full);
		guest_rows(&full, r, p->build, p->config, "execute");
		count_run(&original, &full, p->input, r);
		count_paths(&full, p->stdin_file, r);
		guest_close(&full);
	}
	guest_close(&call);
	guest_close(&original);
}
