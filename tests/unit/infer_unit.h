/* infer_unit.h - for the tests of constinfer and memory: all that a strategy proposes for functions written as text.
 * Each proposal is asked of the prover, put beside its original, run with it on edge values and random ones from the same memory
 * (results, traps and memory must be equal), made twice (the same bytes), and compiled. What is not proved is counted with its
 * reason. One line for each case and each rule. */
#ifndef INFER_UNIT_H
#define INFER_UNIT_H

#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"

typedef struct Case {
	const char *name, *code;       /* of a function (param i32 i32 i64) (result i32) (local i32 i32 i64) */
	const char *rules;             /* that it must get, with a space behind each */
	const char *never;             /* that it must not get; NULL: nothing said */
} Case;

typedef struct RuleRow {
	char *name, *why;              /* why: of the first that is not proved */
	uint32_t n, proved, refuted, other, reshaped;
} RuleRow;

typedef struct Made {
	uint32_t of, rule;
	Verdict verdict;
	char export[40];
} Made;

static int failed;
static RuleRow *row;
static uint32_t nrow, rcap;
static Made *made;
static uint32_t nmade, mcap;

static void report(bool good, const char *name, const char *what, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s %s\n", name, what);
	else
		printf("not ok %s %s: %s\n", name, what, why);
}

static uint32_t row_of(const char *rule)
{
	for (uint32_t i = 0; i < nrow; i++)
		if (strcmp(row[i].name, rule) == 0)
			return i;
	PUSH(row, nrow, rcap, ((RuleRow){.name = xstrdup(rule)}));
	return nrow - 1;
}

/* The module of all cases, each exported by its name. */
static Mod *unit_module(const char *before, const Case *c, size_t n)
{
	Buf b = {0};
	Mod *m;
	Err e;
	buf_str(&b, before);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, " (func (export \"%s\") (param i32 i32 i64) (result i32) (local i32 i32 i64) %s)", c[i].name, c[i].code);
	buf_str(&b, ")");
	Bytes wasm = {0};
	if (read_wasm("cases.wat", b.p, b.n, &wasm, &e) || read_module("cases.wat", wasm.p, wasm.n, &m, &e)) {
		printf("not ok the cases are a module: %s\n", e.text);
		exit(1);
	}
	buf_free(&b);
	free(wasm.p);
	return m;
}

static Bytes unit_written(Mod *m)
{
	Bytes wasm;
	Err e = {.text = "not valid"};
	if (!BinaryenModuleValidate(m->ref) || write_module(m, NULL, &wasm, &e)) {
		printf("not ok the variants are a module: %s\n", e.text);
		exit(1);
	}
	return wasm;
}

/* ---- proposals ---- */

static bool same_tree(const Mod *m, Expr a, Expr b)
{
	Ident id = ident_of(m);
	Buf x = {0}, y = {0};
	bool same = walk_write(&x, a, &id) && walk_write(&y, b, &id) && x.n == y.n && memcmp(x.p, y.p, x.n) == 0;
	buf_free(&x);
	buf_free(&y);
	return same;
}

static void unit_proposal(Mod *m, const Sites *s, const Variant *v, uint32_t of, const Case *c, Buf *rules)
{
	Ident id = ident_of(m);
	Traits t, again;
	Body b, twice;
	Equiv q;
	if (!propose_body(s, v, &t, &b))
		return;
	bool same = propose_body(s, v, &again, &twice) && strcmp(t.rule, again.rule) == 0 && b.nvars == twice.nvars && same_tree(m, b.expr, twice.expr);
	body_free(&twice);
	if (!same)
		report(false, t.rule, "is made twice the same", "it is not");
	equiv_bodies(s->site[v->site].body, &id, &b, &id, &q);
	Made x = {of, row_of(t.rule), q.verdict, ""};
	RuleRow *r = &row[x.rule];
	r->n++;
	r->proved += q.verdict == V_PROVED;
	r->refuted += q.verdict == V_REFUTED;
	if (q.verdict != V_PROVED && !r->why)
		r->why = xprintf("%s, %s: %s", c->name, verdict_name(q.verdict), q.why);
	snprintf(x.export, sizeof x.export, "case %u variant %u", of, nmade);
	body_add(m, x.export, &b);
	BinaryenAddFunctionExport(m->ref, x.export, x.export);
	body_free(&b);
	PUSH(made, nmade, mcap, x);
	buf_printf(rules, "%s ", t.rule);
}

static bool mentions(const char *list, const char *rule, size_t n)
{
	for (const char *s = list; *s; s += strcspn(s, " ") + 1)
		if (strcspn(s, " ") == n && memcmp(s, rule, n) == 0)
			return true;
	return false;
}

static void unit_case(Mod *m, const Sites *s, const Strategy *st, uint32_t func, uint32_t of, const Case *c)
{
	Buf got = {0};
	for (uint32_t i = 0; i < s->n; i++)
		for (uint32_t k = 0, n = s->site[i].func == func ? st->count(&s->site[i]) : 0; k < n; k++)
			unit_proposal(m, s, &(Variant){.site = i, .strategy = st, .n = k, .seed = mix64(i << 8 | k)}, of, c, &got);
	buf_u8(&got, 0);
	for (const char *r = c->rules; *r; r += strcspn(r, " ") + 1)
		if (!mentions((char *)got.p, r, strcspn(r, " ")))
			report(false, c->name, "gets what it should", r);
	for (const char *r = c->never ? c->never : ""; *r; r += strcspn(r, " ") + 1)
		if (mentions((char *)got.p, r, strcspn(r, " ")))
			report(false, c->name, "does not get what it must not", r);
	buf_free(&got);
}

/* ---- running ---- */

static bool same_memory(Instance *a, Instance *b)
{
	uint8_t *p, *q;
	size_t n, k;
	return host_memory(a, &p, &n) == 0 && host_memory(b, &q, &k) == 0 && n == k && memcmp(p, q, n) == 0;
}

static bool same_run(Host *h, const char *plain, const char *other, Err *e)
{
	static const uint64_t edges[] = {0, 1, 2, 3, 5, 8, 31, 64, 100, 255, 256, 65520, 65528, 65532, 65533, 65535, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
	enum { RUNS = 400 };
	HostOptions o = {0};
	Instance *in[2];
	Rng rng = {99};
	bool same = host_instance(h, &o, &in[0], e) == 0 && host_instance(h, &o, &in[1], e) == 0;
	for (uint32_t i = 0; same && i < RUNS; i++) {
		uint64_t args[3], r[2] = {0, 0};
		int exited, code[2];
		for (int k = 0; k < 3; k++)
			args[k] = i % 3 == 2 ? rng_next(&rng) >> (k == 2 ? 0 : 32) >> rng_below(&rng, 30) : edges[rng_below(&rng, LEN(edges))];
		for (int k = 0; k < 2; k++)
			code[k] = host_call(in[k], k == 0 ? plain : other, args, 3, &r[k], 1, &exited, e);
		same = code[0] == code[1] && r[0] == r[1] && same_memory(in[0], in[1]);
		if (!same)
			err_set(e, MEWE_DIFFERS, "with %llx %llx %llx: %llx%s and %llx%s", (unsigned long long)args[0], (unsigned long long)args[1],
			        (unsigned long long)args[2], (unsigned long long)r[0], code[0] ? " (a trap)" : "", (unsigned long long)r[1],
			        code[1] ? " (a trap)" : "");
	}
	host_drop(in[0]);
	host_drop(in[1]);
	return same;
}

static void unit_run(Mod *m, const Case *c)
{
	Bytes wasm = unit_written(m);
	Host *h;
	Err e;
	uint32_t bad = 0;
	if (host_open("cases", wasm.p, wasm.n, &h, &e)) {
		printf("not ok the variants load: %s\n", e.text);
		exit(1);
	}
	for (uint32_t i = 0; i < nmade; i++) {
		bool same = same_run(h, c[made[i].of].name, made[i].export, &e);
		if (!same)
			report(false, c[made[i].of].name, row[made[i].rule].name, e.text);
		bad += !same;
	}
	report(bad == 0 && nmade > 0, "all proposals", "run the same", "see above");
	host_close(h);
	free(wasm.p);
}

/* ---- machine code, and the table ---- */

static void unit_compile(Mod *m, uint32_t first)
{
	Bytes wasm = unit_written(m);
	Code *code;
	Err e;
	if (survive_code("cases", wasm.p, wasm.n, NULL, &code, &e)) {
		printf("not ok the variants compile: %s\n", e.text);
		exit(1);
	}
	for (uint32_t i = 0; i < nmade; i++) {
		const Code *plain = &code[first + made[i].of], *other = &code[m->nfunc + i];
		row[made[i].rule].other += !digest_eq(plain->code, other->code);
		row[made[i].rule].reshaped += !digest_eq(plain->shape, other->shape);
	}
	free(code);
	free(wasm.p);
}

/* Each rule is proved somewhere, and leaves other code somewhere. */
static void unit_table(void)
{
	for (uint32_t i = 0; i < nrow; i++) {
		const RuleRow *r = &row[i];
		char what[700];
		snprintf(what, sizeof what, "of %u proposals: proved %u, refuted %u, other code in %u, other shape in %u%s%s", r->n, r->proved,
		         r->refuted, r->other, r->reshaped, r->why ? "; first not proved: " : "", r->why ? r->why : "");
		report(r->proved > 0 && r->other > 0, r->name, what, "proved nowhere, or the same code everywhere");
	}
}

static void unit_all(const Strategy *st, const char *before, uint32_t first, const Case *c, size_t n)
{
	Options o = {.strategies = st->name};
	Picks *picks;
	Sites s;
	Err e;
	Mod *m = unit_module(before, c, n);
	if (site_find(m, &o, &s, &e) || propose_open(&s, &o, &picks, &e)) {
		printf("not ok the cases have sites: %s\n", e.text);
		exit(1);
	}
	for (uint32_t i = 0; i < n; i++)
		unit_case(m, &s, st, first + i, i, &c[i]);
	unit_run(m, c);
	unit_compile(m, first);
	unit_table();
	propose_close(picks);
	site_free(&s);
	read_free(m);
	for (uint32_t i = 0; i < nrow; i++) {
		free(row[i].name);
		free(row[i].why);
	}
	free(row);
	free(made);
}

#endif
