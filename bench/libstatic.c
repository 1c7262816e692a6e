/* libstatic.c - what can be counted without a clock.
 * In: the original, a multivariant, its ledger, and a build with --trace full. Out: rows of phase `static` (what is in
 * the files) and of phase `execute` (the paper's Table 2: counts over the functions that one run enters).
 * Must hold: counts come from the binary that ran, found by its shape, not from what the build said. */
#include <brotli/encode.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "../mewe/fork.h"
#include "../mewe/graph.h"
#include "../mewe/section.h"
#include "measure.h"

static uint64_t instructions(const Scan *s)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->nbodies; i++)
		n += s->bodies[i].ninsn;
	return n;
}

/* How many of the n bodies' digests are different, those aside that are nothing of their own. */
static uint32_t different(const ForkCode *f, bool shape)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t j = 0;
		while (j < i && !digest_eq(shape ? f->code[i].shape : f->code[i].code, shape ? f->code[j].shape : f->code[j].code))
			j++;
		n += j == i && !f->gone[i];
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

/* The machine code of the bodies of each dispatcher, or of the alternatives of each region. */
static ForkCodes bodies_of(const Guest *g)
{
	ForkCodes all = {0};
	Founds f;
	Mod *m;
	Code *code = NULL;
	Err e = {0};
	check(read_module(g->path, g->wasm.p, g->wasm.n, &m, &e), &e);
	check(shape_find(m, &f, &e), &e);
	if (f.n == 0)
		check(fork_code(g->path, m, &fork_any, NULL, &all, &e), &e);
	else
		check(survive_code(g->path, g->wasm.p, g->wasm.n, NULL, &code, &e), &e);
	for (uint32_t i = 0; i < f.n; i++) {
		ForkCode c = {f.f[i].func, f.f[i].n, xalloc(f.f[i].n * sizeof *c.code), xalloc(f.f[i].n)};
		for (uint32_t k = 0; k < c.n; k++)
			c.code[k] = code[f.f[i].variant[k]];
		PUSH(all.f, all.n, all.cap, c);
	}
	free(code);
	shape_free(&f);
	read_free(m);
	return all;
}

/* The module without its custom sections, which are for people. */
static Buf without_custom(const Bytes *wasm)
{
	Buf b = {0};
	Part file = section_file(wasm->p, wasm->n), body;
	uint8_t id;
	buf_put(&b, wasm->p, 8);
	while (section_next(&file, &id, &body)) {
		if (id == S_CUSTOM)
			continue;
		buf_u8(&b, id);
		buf_leb(&b, body.end - body.p);
		buf_put(&b, body.p, body.end - body.p);
	}
	return b;
}

/* As `gzip -9` and `brotli -q 11` make them, but for gzip's header of 18 bytes in place of zlib's 6. */
static void count_compressed(const Guest *g, Rows *r)
{
	Buf b = without_custom(&g->wasm);
	uLongf gzip = compressBound(b.n);
	size_t brotli = BrotliEncoderMaxCompressedSize(b.n), most = gzip > brotli ? gzip : brotli;
	uint8_t *out = xalloc(most);
	if (compress2(out, &gzip, b.p, b.n, Z_BEST_COMPRESSION) != Z_OK ||
	    !BrotliEncoderCompress(BROTLI_MAX_QUALITY, BROTLI_MAX_WINDOW_BITS, BROTLI_MODE_GENERIC, b.n, b.p, &brotli, out))
		die(MEWE_BAD, "%s: it can't be compressed", g->path);
	rows_int(r, "size_gzip_bytes", gzip + 12);
	rows_int(r, "size_brotli_bytes", brotli);
	free(out);
	buf_free(&b);
}

static void count_file(const Guest *g, Rows *r)
{
	Scan s = scan(g);
	rows_int(r, "size_bytes", write_size(g->wasm.p, g->wasm.n));
	count_compressed(g, r);
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
	ForkCodes f = bodies_of(g);
	for (uint32_t i = 0; i < f.n; i++) {
		const ForkCode *c = &f.f[i];
		if (in && !in[c->func])
			continue;
		n.dispatchers++;
		n.bodies += c->n;
		n.distinct += different(c, false);
		n.shapes += different(c, true);
		for (uint32_t k = 1; k < c->n; k++)
			n.preserved += !c->gone[k] && !digest_eq(c->code[k].code, c->code[0].code);
	}
	fork_code_free(&f);
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
	ForkCodes f = bodies_of(full);
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
	fork_code_free(&f);
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
