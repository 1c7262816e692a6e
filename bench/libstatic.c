/* libstatic.c - what can be counted without a clock.
 * In: the original, a multivariant, its ledger, and a build with --trace full. Out: rows of phase `static` (what is in
 * the files) and of phase `execute` (the paper's Table 2: counts over the functions that one run enters).
 * Must hold: counts come from the binary that ran, found by its shape, not from what the build said. */
#include <stdlib.h>
#include <string.h>
#include "../mewe/graph.h"
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

typedef struct Counts {
	uint64_t dispatchers, bodies, distinct, shapes, preserved;
} Counts;

/* Of all dispatchers, or of those of the functions that are `in`. */
static Counts count_bodies(const Guest *g, const bool *in)
{
	Counts n = {0};
	Founds f = dispatchers(g);
	Code *code;
	Err e = {0};
	check(survive_code(g->path, g->wasm.p, g->wasm.n, NULL, &code, &e), &e);
	for (uint32_t i = 0; i < f.n; i++) {
		if (in && !in[f.f[i].func])
			continue;
		n.dispatchers++;
		n.bodies += f.f[i].n;
		n.distinct += different(&f.f[i], code, false);
		n.shapes += different(&f.f[i], code, true);
		for (uint32_t k = 1; k < f.f[i].n; k++)
			n.preserved += !digest_eq(code[f.f[i].variant[k]].code, code[f.f[i].variant[0]].code);
	}
	free(code);
	shape_free(&f);
	return n;
}

static void put_counts(const Counts *n, Rows *r)
{
	rows_int(r, "dispatchers", n->dispatchers);
	rows_int(r, "variants", n->bodies);
	rows_int(r, "distinct", n->distinct);
	rows_int(r, "distinct_shape", n->shapes);
	rows_int(r, "preserved", n->preserved);
}

static void count_ledger(const char *path, Rows *r)
{
	uint64_t asked = 0, proved = 0, surviving = 0, kept = 0;
	Ledger l = ledger_read(path);
	for (uint32_t i = 0; i < l.n; i++) {
		asked += l.row[i].verdict != V_NEW;
		proved += l.row[i].verdict == V_PROVED || l.row[i].verdict == V_BY_CONSTRUCTION;
		surviving += l.row[i].survives;
		kept += l.row[i].kept;
	}
	rows_int(r, "proposed", l.n);
	rows_int(r, "asked", asked);
	rows_int(r, "proved", proved);
	rows_int(r, "surviving", surviving);
	rows_int(r, "kept", kept);
	ledger_free(&l);
}

/* Kept variants of the functions that are `in`: how many of them are proved, and how many have idle code. */
static void count_kept(const char *path, const bool *in, Rows *r)
{
	uint64_t proved = 0, idle = 0;
	Ledger l = ledger_read(path);
	for (uint32_t i = 0; i < l.n; i++) {
		proved += l.row[i].kept && in[l.row[i].ordinal] && l.row[i].verdict == V_PROVED;
		idle += l.row[i].kept && in[l.row[i].ordinal] && l.row[i].idle;
	}
	rows_int(r, "proved", proved);
	rows_int(r, "idle", idle);
	ledger_free(&l);
}

/* ---- one run ---- */

/* The functions that one run enters, in order. */
static uint32_t *entered(const Guest *full, int32_t input, HostTrace *t)
{
	HostOptions o = {.fix_guest = true};
	Instance *i = guest_fresh(full, &o, input);
	HostFunc serve = guest_serve(i);
	Err e = {0};
	check(host_trace_reset(i, &e), &e);
	guest_run(&serve);
	check(host_trace(i, t, &e), &e);
	host_drop(i);
	for (uint64_t k = 0; k < t->nid; k++)
		t->id[k] >>= 12;               /* a dispatcher and the body that it takes are one function */
	return t->id;
}

static double *weights(uint32_t n)
{
	double *w = xalloc(n * sizeof *w);
	for (uint32_t i = 0; i < n; i++)
		w[i] = 1;
	return w;
}

/* The paper's counts of Tables 1 and 2, of the original and of the multivariant; variants as n, but in the paths as n + 1,
 * since the paper's scripts count the original twice. */
static void count_run(const Guest *original, const Guest *call, const Guest *full, const Plan *p, Rows *r)
{
	Scan s = scan(original);
	Founds f = dispatchers(full);
	HostTrace t;
	uint32_t *func = entered(full, p->input, &t);
	bool *in = xalloc(s.nbodies);
	double *weight = weights(s.nbodies);
	uint64_t functions = 0, insn = 0;

	for (uint64_t k = 0; k < t.nid; k++) {
		if (func[k] >= s.nbodies)
			die(MEWE_BAD, "%s: it entered function %u, which %s does not have", full->path, func[k], original->path);
		if (!in[func[k]]) {
			functions++;
			insn += s.bodies[func[k]].ninsn;
		}
		in[func[k]] = true;
	}
	guest_rows(original, r, "original", "original", "execute");
	rows_int(r, "functions", functions);
	rows_int(r, "static_instructions", insn);
	rows_real(r, "paths_paper", graph_paths(func, t.nid, weight, s.nbodies));
	for (uint32_t i = 0; i < f.n; i++)
		weight[f.f[i].func] = f.f[i].n + 1;
	guest_rows(full, r, p->build, p->config, "execute");
	Counts n = count_bodies(call, in);
	put_counts(&n, r);
	if (p->ledger)
		count_kept(p->ledger, in, r);
	rows_int(r, "trace_length", t.length);
	rows_real(r, "paths_paper", graph_paths(func, t.nid, weight, s.nbodies));
	rows_real(r, "paths_exact_log2", t.bits);
	free(weight);
	free(in);
	free(t.id);
	shape_free(&f);
	scan_free(&s);
}

void measure_static(const Plan *p, Rows *r)
{
	Guest original = guest_open(p->original), call = guest_open(p->call);
	guest_rows(&original, r, "original", "original", "static");
	count_file(&original, r);
	guest_rows(&call, r, p->build, p->config, "static");
	count_file(&call, r);
	Counts all = count_bodies(&call, NULL);
	put_counts(&all, r);
	if (p->ledger)
		count_ledger(p->ledger, r);
	if (p->full) {
		Guest full = guest_open(p->full);
		count_run(&original, &call, &full, p, r);
		guest_close(&full);
	}
	guest_close(&call);
	guest_close(&original);
}
