/* reorder.c - what reorder proposes, and what it must not.
 * Each case is the body of a function, with the proposals that it should get. Every proposal is proved, and run beside the
 * original: results, traps and memory stay the same. Exchanges that reorder refuses are made here by force, and the prover
 * refutes them, or, where it is what a call returns that would show it, does not prove them. Each of the strategy's rules
 * leaves other machine code somewhere. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"

static int failed;

static void report(bool good, const char *name, const char *what, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s %s\n", name, what);
	else
		printf("not ok %s %s: %s\n", name, what, why);
}

static const char *const rules[] = {"commute", "if-swap", "select-swap", "branch-turn", "switch-reverse", "statement-swap", "branch-in-if"};

typedef struct Case {
	const char *name;
	uint32_t want[LEN(rules)];     /* proposals by each rule */
	const char *code;
	Verdict force;                 /* at least, on the exchange that is refused, made by force; V_NEW: it is not made */
} Case;

#define P0 "(local.get 0)"
#define P1 "(local.get 1)"
#define LOAD(p) "(i32.load " p ")"
#define STORE(p, v) "(i32.store " p " " v ")"

static const Case cases[] = {
	{"a sum", {1}, "(i32.add " P0 " " P1 ")", V_NEW},
	{"a difference", {0}, "(i32.sub " P0 " " P1 ")", V_NEW},
	{"a comparison", {1}, "(i32.lt_s " P0 " (i32.mul " P1 " (i32.const 3)))", V_NEW},
	{"a product of loads", {1}, "(i32.mul " LOAD(P0) " " LOAD(P1) ")", V_NEW},
	{"a load and a store", {0}, "(i32.add " LOAD(P0) " (block (result i32) " STORE(P1, P0) " (i32.const 1)))", V_REFUTED},
	{"a load and a call", {0}, "(i32.add " LOAD("(i32.const 64)") " (call $count))", V_REFUTED},
	{"a call and a parameter", {1}, "(i32.add (call $count) " P0 ")", V_NEW},
	{"two calls", {0}, "(i32.or (i32.shl (call $count) (i32.const 8)) (i32.mul (call $count) (i32.const 3)))", V_NEW},
	{"a call and a global", {0}, "(i32.xor (call $count) (global.get $g))", V_UNSUPPORTED},
	{"a local that the other operand sets", {0}, "(i32.add " P0 " (local.tee 0 " P1 "))", V_REFUTED},
	{"a local that the other operand does not set", {1}, "(i32.add " P0 " (local.tee 2 " P1 "))", V_NEW},
	{"a division and a load", {0}, "(i32.add (i32.div_u " P0 " " P1 ") " LOAD(P0) ")", V_NEW},
	{"a division and a call", {0}, "(i32.add (i32.div_u " P0 " " P1 ") (call $count))", V_REFUTED},
	{"a truncation and a call", {0}, "(i32.add (i32.trunc_f32_s (f32.reinterpret_i32 " P0 ")) (call $count))", V_NEW},
	{"a division and a parameter", {1}, "(i32.xor (i32.rem_s " P0 " " P1 ") " P0 ")", V_NEW},
	{"a load and memory.grow", {0}, "(i32.add " LOAD(P0) " (memory.grow (i32.const 0)))", V_NEW},
	{"an if with both arms", {0, 1}, "(if (result i32) " P0 " (then (call $count)) (else " P1 "))", V_NEW},
	{"an if with one arm", {0, 1}, "(if (i32.lt_s " P0 " (i32.const 5)) (then " STORE("(i32.const 64)", P0) ")) " P1, V_NEW},
	{"a select", {0, 0, 1}, "(select " P0 " " P1 " (i32.lt_s " P0 " (i32.const 7)))", V_NEW},
	{"a select with an arm that the other sets", {0}, "(select (local.tee 0 " P1 ") " P0 " (i32.lt_s " P0 " (i32.const 7)))", V_NEW},
	{"a conditional branch", {1, 0, 0, 1, 0, 0, 1}, "(block (br_if 0 (i32.ge_u " P0 " " P1 ")) (drop (call $count))) " P0, V_NEW},
	{"two blocks behind a branch", {1, 0, 0, 1, 0, 0, 1}, "(block (block (br_if 0 (i32.lt_s " P0 " " P1
	 ")) (drop (call $count)) (br 1)) (call $reset)) " P1, V_NEW},
	{"a sum with a constant", {0}, "(i32.add " P0 " (i32.const 5))", V_NEW},
	{"a loop", {0, 0, 0, 1, 0, 0, 1}, "(loop (drop (call $count)) (br_if 0 (i32.lt_u (local.tee 0 (i32.add " P0
	 " (i32.const 0x10000000))) (i32.const 0x70000000)))) " P0, V_NEW},
	{"a table of branches", {0, 0, 0, 0, 1}, "(block (block (block (br_table 0 1 2 " P0
	 ")) (return (i32.const 7))) (return " P1 ")) (i32.const 9)", V_NEW},
	{"two assignments", {0, 0, 0, 0, 0, 1}, "(local.set 2 " LOAD(P0) ") (local.set 3 " LOAD(P1) ") (i32.sub (local.get 2) (local.get 3))",
	 V_NEW},
	{"an assignment that the next reads", {0}, "(local.set 1 " LOAD(P0) ") (local.set 2 " P1 ") (local.get 2)", V_REFUTED},
	{"two assignments to one local", {0}, "(local.set 2 " P0 ") (local.set 2 " P1 ") (local.get 2)", V_REFUTED},
	{"an assignment and a store", {0}, "(local.set 2 " LOAD(P0) ") " STORE(P1, P0) " (local.get 2)", V_REFUTED},
	{"an assignment of a parameter and a store", {0}, "(local.set 2 " P0 ") " STORE(P1, P0) " (local.get 2)", V_NEW},
	{"two stores", {0}, STORE(P0, "(i32.const 1)") " " STORE(P1, "(i32.const 2)") " (i32.const 3)", V_REFUTED},
	{"two globals", {0}, "(global.set $g " P0 ") (global.set $k " P1 ") (i32.const 3)", V_NEW},
	{"one global twice", {0}, "(global.set $g " P0 ") (global.set $g " P1 ") (i32.const 3)", V_REFUTED},
	{"a global and a load", {0}, "(global.set $g " P0 ") (local.set 2 " LOAD(P1) ") (local.get 2)", V_REFUTED},
	{"a call and an assignment", {0}, "(call $reset) (local.set 2 " P0 ") (local.get 2)", V_NEW},
	{"a call and a global's assignment", {0}, "(call $reset) (local.set 2 (global.get $g)) (local.get 2)", V_UNSUPPORTED},
	{"a branch and an assignment", {0, 0, 0, 1, 0, 0, 1}, "(block (br_if 0 " P0 ") (local.set 1 (i32.const 4))) " P1, V_NEW},
};

static const char before[] =
    "(module (memory (export \"memory\") 1 2) (global $g (mut i32) (i32.const 5)) (global $k (mut i32) (i32.const 6))"
    " (func $count (result i32) (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))"
    "  (global.set $g (i32.add (global.get $g) (i32.const 1))) (i32.load (i32.const 64)))"
    " (func $reset (global.set $g (i32.const 99)) (i32.store (i32.const 64) (i32.const 3)))"
    " (func (export \"globals\") (result i32) (i32.add (global.get $g) (i32.mul (global.get $k) (i32.const 77))))";

/* The module of all cases; the export CASE is the function. */
static Mod *module(uint32_t *first)
{
	Buf b = {0};
	Mod *m;
	Err e;
	buf_str(&b, before);
	for (size_t i = 0; i < LEN(cases); i++)
		buf_printf(&b, " (func (export \"%s\") (param i32 i32) (result i32) (local i32 i32) %s)", cases[i].name, cases[i].code);
	buf_str(&b, ")");
	Bytes wasm = {0};
	if (read_wasm("cases.wat", b.p, b.n, &wasm, &e) || read_module("cases.wat", wasm.p, wasm.n, &m, &e)) {
		printf("not ok the cases are a module: %s\n", e.text);
		exit(1);
	}
	buf_free(&b);
	free(wasm.p);
	*first = 3;
	return m;
}

/* ---- proposals: counted, proved, and put beside the originals ---- */

typedef struct Made {
	uint32_t of;                   /* the case */
	uint32_t rule;
	char export[40];
} Made;

static uint32_t rule_index(const char *rule)
{
	uint32_t i = 0;
	while (i < LEN(rules) && strcmp(rules[i], rule) != 0)
		i++;
	return i;
}

static void add_variants(Mod *m, const Sites *s, uint32_t func, uint32_t of, Made **made, uint32_t *n, uint32_t *cap)
{
	uint32_t got[LEN(rules) + 1] = {0}, total = 0;
	Ident id = ident_of(m);
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->site[i].func != func)
			continue;
		for (uint32_t k = 0, c = strategy_reorder.count(&s->site[i]); k < c; k++, total++) {
			Variant v = {.site = i, .strategy = &strategy_reorder, .n = k};
			Traits traits;
			Body b;
			Equiv q;
			if (!propose_body(s, &v, &traits, &b))
				continue;
			equiv_bodies(s->site[i].body, &id, &b, &id, &q);
			report(q.verdict == V_PROVED, cases[of].name, traits.rule, q.why);
			Made x = {of, rule_index(traits.rule), ""};
			got[x.rule]++;
			snprintf(x.export, sizeof x.export, "case %u variant %u", of, total);
			body_add(m, x.export, &b);
			BinaryenAddFunctionExport(m->ref, x.export, x.export);
			body_free(&b);
			PUSH(*made, *n, *cap, x);
		}
	}
	char why[200];
	snprintf(why, sizeof why, "%u %u %u %u %u %u %u", got[0], got[1], got[2], got[3], got[4], got[5], got[6]);
	report(memcmp(got, cases[of].want, sizeof cases[of].want) == 0, cases[of].name, "gets the proposals that it should", why);
}

/* ---- running ---- */

static Bytes written(Mod *m)
{
	Bytes wasm;
	Err e = {.text = "not valid"};
	if (!BinaryenModuleValidate(m->ref) || write_module(m, NULL, &wasm, &e)) {
		printf("not ok the variants are a module: %s\n", e.text);
		exit(1);
	}
	return wasm;
}

static bool same_memory(Instance *a, Instance *b)
{
	uint8_t *p, *q;
	size_t n, k;
	return host_memory(a, &p, &n) == 0 && host_memory(b, &q, &k) == 0 && n == k && memcmp(p, q, n) == 0;
}

static bool same_run(Host *h, const char *plain, const char *made)
{
	static const uint32_t edges[] = {0, 1, 2, 3, 5, 64, 65532, 65533, 0x7fffffff, 0x80000000, 0xffffffff};
	HostOptions o = {0};
	Instance *a, *b;
	Err e;
	bool same = host_instance(h, &o, &a, &e) == 0 && host_instance(h, &o, &b, &e) == 0;
	for (size_t i = 0; same && i < LEN(edges) * LEN(edges); i++) {
		uint64_t args[2] = {edges[i / LEN(edges)], edges[i % LEN(edges)]}, r[2] = {0, 0}, g[2] = {0, 0};
		int exited, x = host_call(a, plain, args, 2, &r[0], 1, &exited, &e), y = host_call(b, made, args, 2, &r[1], 1, &exited, &e);
		same = x == y && r[0] == r[1] && host_call(a, "globals", NULL, 0, &g[0], 1, &exited, &e) == 0
		       && host_call(b, "globals", NULL, 0, &g[1], 1, &exited, &e) == 0 && g[0] == g[1] && same_memory(a, b);
	}
	host_drop(a);
	host_drop(b);
	return same;
}

/* ---- by force ---- */

static Expr swapped(Ref m, Expr e)
{
	Expr copy = BinaryenExpressionCopy(e, m);
	Expr at = copy;
	if (walk_kind(e) != K_Binary && walk_kind(e) != K_Block)
		return NULL;
	Expr a = walk_kid(at, 0), b = walk_kid(at, 1);
	walk_set_kid(at, 0, b);
	walk_set_kid(at, 1, a);
	return copy;
}

static void by_force(Mod *m, uint32_t func, const Case *c)
{
	Body plain = body_of(m, func), made = plain;
	Ident id = ident_of(m);
	Equiv q = {0};
	made.expr = swapped(m->ref, plain.expr);
	if (made.expr)
		equiv_bodies(&plain, &id, &made, &id, &q);
	bool good = made.expr && (q.verdict == V_REFUTED || (q.verdict == V_UNSUPPORTED && c->force == V_UNSUPPORTED));
	report(good, c->name, "exchanged by force is not proved", made.expr ? verdict_name(q.verdict) : "nothing to exchange");
	body_free(&plain);
}

/* ---- machine code ---- */

static void survival(Mod *m, const Bytes *wasm, const Made *made, uint32_t n, uint32_t first)
{
	uint32_t all[LEN(rules) + 1] = {0}, differ[LEN(rules) + 1] = {0}, reshaped[LEN(rules) + 1] = {0};
	uint32_t nfunc = m->nfunc;
	Code *code;
	Err e;
	if (survive_code("cases", wasm->p, wasm->n, NULL, &code, &e)) {
		printf("not ok the variants compile: %s\n", e.text);
		exit(1);
	}
	for (uint32_t i = 0; i < n; i++) {
		const Code *plain = &code[first + made[i].of], *other = &code[nfunc + i];
		all[made[i].rule]++;
		differ[made[i].rule] += !digest_eq(plain->code, other->code);
		reshaped[made[i].rule] += !digest_eq(plain->shape, other->shape);
	}
	for (uint32_t r = 0; r < LEN(rules); r++) {
		char what[100];
		snprintf(what, sizeof what, "of %u proposals: other code in %u, other shape in %u", all[r], differ[r], reshaped[r]);
		report(differ[r] > 0, rules[r], what, "the same code everywhere");
	}
	free(code);
}

int main(void)
{
	uint32_t first, n = 0, cap = 0;
	Made *made = NULL;
	Options o = {0};
	Sites s;
	Host *h;
	Err e;
	Mod *m = module(&first);
	if (site_find(m, &o, &s, &e)) {
		printf("not ok the cases have sites: %s\n", e.text);
		return 1;
	}
	for (uint32_t i = 0; i < LEN(cases); i++) {
		if (cases[i].force != V_NEW)
			by_force(m, first + i, &cases[i]);
		add_variants(m, &s, first + i, i, &made, &n, &cap);
	}
	Bytes wasm = written(m);
	if (host_open("cases", wasm.p, wasm.n, &h, &e)) {
		printf("not ok the variants load: %s\n", e.text);
		return 1;
	}
	for (uint32_t i = 0; i < n; i++)
		report(same_run(h, cases[made[i].of].name, made[i].export), cases[made[i].of].name, "runs the same", rules[made[i].rule]);
	survival(m, &wasm, made, n, first);
	host_close(h);
	free(wasm.p);
	free(made);
	site_free(&s);
	read_free(m);
	return failed > 0;
}
