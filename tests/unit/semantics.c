/* semantics.c - what the prover takes an operator for, against what an engine does.
 * Every integer operator is run in Wasmtime on edges and on other numbers; the prover's evaluation (term_eval) must give the
 * same, and its solver must find it proved, and one more than it not. Prints `ok NAME` or `not ok NAME: why`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "../../mewe/equiv.h"

typedef struct Op {
	const char *name;
	uint8_t op, width, nargs;
} Op;

#define BOTH(text, op, n) {"i32." text, op, 32, n}, {"i64." text, op, 64, n}
static const Op ops[] = {
	BOTH("add", T_ADD, 2), BOTH("sub", T_SUB, 2), BOTH("mul", T_MUL, 2), BOTH("div_s", T_DIVS, 2), BOTH("div_u", T_DIVU, 2),
	BOTH("rem_s", T_REMS, 2), BOTH("rem_u", T_REMU, 2), BOTH("and", T_AND, 2), BOTH("or", T_OR, 2), BOTH("xor", T_XOR, 2),
	BOTH("shl", T_SHL, 2), BOTH("shr_u", T_SHRU, 2), BOTH("shr_s", T_SHRS, 2), BOTH("rotl", T_ROTL, 2), BOTH("rotr", T_ROTR, 2),
	BOTH("eq", T_EQ, 2), BOTH("ne", T_NE, 2), BOTH("lt_s", T_LTS, 2), BOTH("lt_u", T_LTU, 2), BOTH("le_s", T_LES, 2),
	BOTH("le_u", T_LEU, 2), BOTH("gt_s", T_GTS, 2), BOTH("gt_u", T_GTU, 2), BOTH("ge_s", T_GES, 2), BOTH("ge_u", T_GEU, 2),
	BOTH("clz", T_CLZ, 1), BOTH("ctz", T_CTZ, 1), BOTH("popcnt", T_POPCNT, 1), BOTH("eqz", T_EQZ, 1),
	BOTH("extend8_s", T_EXT8, 1), BOTH("extend16_s", T_EXT16, 1), {"i64.extend32_s", T_EXT32, 64, 1},
	{"i32.wrap_i64", T_WRAP, 64, 1}, {"i64.extend_i32_s", T_EXTS, 32, 1}, {"i64.extend_i32_u", T_EXTU, 32, 1},
};

static const uint64_t edges[] = {0, 1, 2, 7, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
	0x100000000, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX, UINT64_MAX - 1};
enum { RANDOM = 300, SOLVED = 24 };

static bool gives32(const Op *o) { return (o->op >= T_EQ && o->op <= T_GEU) || o->op == T_EQZ || o->op == T_WRAP || (o->width == 32 && o->op < T_EXTS); }

static Host *module(void)
{
	Buf t = {0};
	Bytes wasm;
	Host *h = NULL;
	Err e = {0};
	buf_str(&t, "(module");
	for (size_t i = 0; i < LEN(ops); i++) {
		const char *in = ops[i].width == 32 ? "i32" : "i64", *out = gives32(&ops[i]) ? "i32" : "i64";
		buf_printf(&t, "(func (export \"%s\") (param %s %s) (result %s) (%s (local.get 0)%s))", ops[i].name, in, in, out, ops[i].name,
		           ops[i].nargs == 2 ? " (local.get 1)" : "");
	}
	buf_str(&t, ")");
	if (read_wasm("ops.wat", t.p, t.n, &wasm, &e) || host_open("ops.wat", wasm.p, wasm.n, &h, &e))
		printf("not ok the operators' module: %s\n", e.text);
	free(wasm.p);
	buf_free(&t);
	return h;
}

static bool solver_agrees(const Op *o, const uint64_t *arg, uint64_t want)
{
	Terms t = {0};
	Term x = term_sym(&t, o->width), y = term_sym(&t, o->width), v;
	uint64_t none;
	bool sense[] = {true, true}, good;
	v = term_op(&t, o->op, o->width, x, o->nargs == 2 ? y : TERM_NONE);
	Term known[] = {term_op(&t, T_EQ, o->width, x, term_const(&t, o->width, arg[0])), term_op(&t, T_EQ, o->width, y, term_const(&t, o->width, arg[1]))};
	uint8_t width = t.node[v].width;
	Smt *s = smt_new(&t, EQUIV_FULL, NULL);
	good = smt_equal(s, v, term_const(&t, width, want), known, sense, 2, NULL, &none, 0) == ANSWER_YES &&
	       smt_equal(s, v, term_const(&t, width, want + 1), known, sense, 2, NULL, &none, 0) == ANSWER_NO;
	smt_free(s);
	term_free(&t);
	return good;
}

/* The operator on one pair of arguments; NULL, or what is wrong. A trap must come exactly where the prover expects one. */
static const char *compare(Instance *i, const Op *o, const uint64_t *arg, bool solve)
{
	uint64_t r = 0, top = 1ull << (o->width - 1), all = o->width == 32 ? UINT32_MAX : UINT64_MAX;
	int code;
	Err e;
	bool trapped = host_call(i, o->name, arg, 2, &r, 1, &code, &e) != 0;
	bool divides = o->op >= T_DIVS && o->op <= T_REMU;
	bool expected = divides && (arg[1] == 0 || (o->op == T_DIVS && arg[0] == top && arg[1] == all));
	if (trapped != expected)
		return trapped ? "the engine traps" : "the engine does not trap";
	if (trapped)
		return NULL;
	if (gives32(o))
		r = (uint32_t)r;
	if (term_eval(o->op, o->width, arg[0], arg[1]) != r)
		return "the evaluation differs";
	return solve && !solver_agrees(o, arg, r) ? "the solver differs" : NULL;
}

static bool check(Host *h, const Op *o)
{
	HostOptions opt = {0};
	Instance *i;
	Err e;
	Rng r = {o->op * 100 + o->width};
	const char *why = NULL;
	uint64_t mask = o->width == 32 ? UINT32_MAX : UINT64_MAX, arg[2] = {0};
	uint32_t n = 0, solved = 0;
	if (host_instance(h, &opt, &i, &e)) {
		printf("not ok %s: %s\n", o->name, e.text);
		return false;
	}
	for (; n < LEN(edges) * LEN(edges) + RANDOM && !why; n++) {
		arg[0] = (n < LEN(edges) * LEN(edges) ? edges[n / LEN(edges)] : rng_next(&r)) & mask;
		arg[1] = (n < LEN(edges) * LEN(edges) ? edges[n % LEN(edges)] : rng_next(&r)) & mask;
		bool solve = rng_below(&r, 784) < SOLVED;
		solved += solve;
		why = compare(i, o, arg, solve);
		if (why)
			printf("not ok %s: %s for %" PRIu64 ", %" PRIu64 "\n", o->name, why, arg[0], arg[1]);
	}
	host_drop(i);
	if (!why)
		printf("ok %s: %u pairs run, %u solved\n", o->name, n, solved);
	return !why;
}

int main(void)
{
	bool good = true;
	Host *h = module();
	if (!h)
		return 1;
	for (size_t i = 0; i < LEN(ops); i++)
		good &= check(h, &ops[i]);
	host_close(h);
	return !good;
}
