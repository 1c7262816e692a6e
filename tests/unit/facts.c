/* facts.c - facts are true: operators against all values at small ranges, and a function's facts against its runs.
 * The operators: from random facts, random values that they allow; the result's fact must allow the operator's result (term_eval
 * is the meaning that the prover uses). The walk: functions over three arguments, each with what must be known of its result;
 * that is right on Wasmtime for random arguments, and it is exactly what the walk says. A planted false fact is caught. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/equiv.h"
#include "../../mewe/facts.h"

static int failed;

static void report(bool good, const char *name, const char *what, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s %s\n", name, what);
	else
		printf("not ok %s %s: %s\n", name, what, why);
}

/* ---- operators ---- */

typedef struct Operator {
	const char *name;
	uint8_t op, nkids, only;       /* only: this width of operands alone, or 0 */
	uint8_t result;                /* its width, or 0: the operands' */
} Operator;

static const Operator operators[] = {
	{"add", T_ADD, 2, 0, 0}, {"sub", T_SUB, 2, 0, 0}, {"mul", T_MUL, 2, 0, 0}, {"div_u", T_DIVU, 2, 0, 0}, {"div_s", T_DIVS, 2, 0, 0},
	{"rem_u", T_REMU, 2, 0, 0}, {"rem_s", T_REMS, 2, 0, 0}, {"and", T_AND, 2, 0, 0}, {"or", T_OR, 2, 0, 0}, {"xor", T_XOR, 2, 0, 0},
	{"shl", T_SHL, 2, 0, 0}, {"shr_u", T_SHRU, 2, 0, 0}, {"shr_s", T_SHRS, 2, 0, 0}, {"rotl", T_ROTL, 2, 0, 0}, {"rotr", T_ROTR, 2, 0, 0},
	{"eq", T_EQ, 2, 0, 32}, {"ne", T_NE, 2, 0, 32}, {"lt_u", T_LTU, 2, 0, 32}, {"lt_s", T_LTS, 2, 0, 32}, {"gt_u", T_GTU, 2, 0, 32},
	{"gt_s", T_GTS, 2, 0, 32}, {"le_u", T_LEU, 2, 0, 32}, {"le_s", T_LES, 2, 0, 32}, {"ge_u", T_GEU, 2, 0, 32}, {"ge_s", T_GES, 2, 0, 32},
	{"clz", T_CLZ, 1, 0, 0}, {"ctz", T_CTZ, 1, 0, 0}, {"popcnt", T_POPCNT, 1, 0, 0}, {"eqz", T_EQZ, 1, 0, 32}, {"extend8_s", T_EXT8, 1, 0, 0},
	{"extend16_s", T_EXT16, 1, 0, 0}, {"extend32_s", T_EXT32, 1, 64, 64}, {"wrap", T_WRAP, 1, 64, 32}, {"extend_s", T_EXTS, 1, 32, 64},
	{"extend_u", T_EXTU, 1, 32, 64},
};

static bool allows(const Fact *f, uint64_t v) { return (v & f->zeros) == 0 && (v & f->ones) == f->ones && f->lo <= v && v <= f->hi; }

/* A fact and a value that it allows: of all sizes, some of them constants. */
static Fact random_fact(Rng *r, uint32_t width, uint64_t *v)
{
	static const uint64_t edges[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000};
	uint64_t m = fact_mask(width);
	*v = (rng_below(r, 3) ? rng_next(r) >> rng_below(r, 64) : edges[rng_below(r, LEN(edges))] - rng_below(r, 2)) & m;
	if (rng_below(r, 4) == 0)
		return fact_const(width, *v);
	Fact f = fact_any(width);
	uint64_t about = rng_next(r) & (rng_below(r, 2) ? m : rng_next(r) >> rng_below(r, 64)), down = rng_next(r) >> rng_below(r, 64), up = rng_next(r) >> rng_below(r, 64);
	f.zeros = ~*v & about & m;
	f.ones = *v & about;
	if (rng_below(r, 2)) {
		f.lo = *v > down ? *v - down : 0;
		f.hi = m - *v > up ? *v + up : m;
	}
	return fact_norm(f);
}

static bool traps(uint8_t op, uint64_t b) { return op >= T_DIVS && op <= T_REMU && b == 0; }

enum { TRIES = 60000 };

/* How many results the facts forbid; `narrow` counts the facts that say something. */
static uint32_t contradictions(const Operator *o, uint32_t width, uint32_t *narrow, bool plant)
{
	Rng r = {width + o->op};
	uint32_t bad = 0, result = o->result ? o->result : width;
	for (uint32_t i = 0; i < TRIES; i++) {
		uint64_t a, b = 0;
		Fact x = random_fact(&r, width, &a), y = {0};
		if (o->nkids == 2)
			y = random_fact(&r, width, &b);
		Fact f = fact_op(o->name, width, result, x, y);
		uint64_t v = term_eval(o->op, width, a, b) & fact_mask(result);
		if (plant && f.hi > 0)
			f.hi--;
		*narrow += !fact_is_any(&f);
		bad += f.width != result || (!traps(o->op, b) && !allows(&f, v));
	}
	return bad;
}

static void operator_rows(void)
{
	for (size_t i = 0; i < LEN(operators); i++) {
		for (uint32_t width = 32; width <= 64; width += 32) {
			uint32_t narrow = 0, bad;
			char what[100];
			if (operators[i].only && operators[i].only != width)
				continue;
			bad = contradictions(&operators[i], width, &narrow, false);
			snprintf(what, sizeof what, "i%u holds in %u draws, %u of them with something known", width, TRIES, narrow);
			report(bad == 0 && narrow > 0, operators[i].name, what, bad ? "a result that its fact forbids" : "nothing is ever known");
		}
	}
	uint32_t narrow = 0;
	report(contradictions(&operators[0], 32, &narrow, true) > 0, "control:", "a limit that is one too low is caught", "it is not");
}

/* ---- the walk ---- */

typedef struct FlowCase {
	const char *name, *code;       /* (param i32 i32 i64) (result i32) (local i32 i32) */
	uint64_t lo, hi, zeros, ones;  /* of what the last expression gives */
} FlowCase;

#define P0 "(local.get 0)"
#define P1 "(local.get 1)"
#define ANY 0, UINT32_MAX, 0, 0

static const FlowCase flows[] = {
	{"a byte of memory", "(i32.load8_u (i32.and " P0 " (i32.const 1023)))", 0, 255, 0xffffff00, 0},
	{"two arms", "(if (result i32) " P0 " (then (i32.and " P1 " (i32.const 7))) (else (i32.const 32)))", 0, 32, 0xffffffd8, 0},
	{"an arm below", "(local.set 3 (i32.const 5)) (if (i32.lt_u " P0 " (i32.const 100)) (then (local.set 3 " P0 "))) (local.get 3)", 0, 99, 0xffffff80, 0},
	{"an arm above", "(local.set 3 (i32.const 200)) (if (i32.gt_s " P0 " (i32.const 100)) (then (local.set 3 " P0 "))) (local.get 3)", 101, 0x7fffffff, 0x80000000, 0},
	{"an arm that is equal", "(local.set 3 (i32.const 9)) (if (i32.eq " P0 " (i32.const 8)) (then (local.set 3 " P0 "))) (local.get 3)", 8, 9, 0xfffffff6, 8},
	{"a bit that is tested", "(local.set 3 (i32.const 4)) (if (i32.and " P0 " (i32.const 4)) (then (local.set 3 " P0 "))) (local.get 3)", 4, UINT32_MAX, 0, 4},
	{"a branch away", "(block (br_if 0 (i32.eqz " P0 ")) (return " P0 ")) (i32.add " P0 " (i32.const 3))", 3, 3, 0xfffffffc, 3},
	{"a loop's counter", "(loop (local.set 3 (i32.add (local.get 3) (i32.const 4))) (br_if 0 (i32.lt_u (local.get 3) (i32.const 64)))) (local.get 3)",
	 64, UINT32_MAX, 0, 0},
	{"a loop that forgets", "(local.set 3 (i32.const 1)) (loop (local.set 3 (i32.mul (local.get 3) (i32.const 3))) (br_if 0 (i32.lt_u (local.get 3) (i32.const 99))))"
	 " (local.get 3)", 99, UINT32_MAX, 0, 0},
	{"a loop that leaves alone", "(local.set 3 (i32.and " P1 " (i32.const 3))) (loop (local.set 4 (i32.add (local.get 4) (local.get 3)))"
	 " (br_if 0 (i32.lt_u (local.tee 0 (i32.add " P0 " (i32.const 0x10000000))) (i32.const 0x70000000)))) (local.get 3)", 0, 3, 0xfffffffc, 0},
	{"a local set in an operand", "(i32.add (i32.lt_u " P0 " (local.tee 0 (i32.const 7))) " P0 ")", 7, 8, 0xfffffff0, 0},
	{"a tee that is tested", "(if (result i32) (i32.eqz (local.tee 3 (i32.and " P0 " (i32.const 12)))) (then (i32.const 4)) (else (local.get 3)))", 1, 12, 0xfffffff3, 0},
	{"a switch", "(block (block (block (br_table 0 1 2 " P0 ")) (local.set 3 (i32.const 8)) (br 1)) (local.set 3 (i32.const 24))) (local.get 3)", 0, 24, 0xffffffe7, 0},
	{"nothing", "(i32.mul " P0 " " P1 ")", ANY},
};

static Mod *flow_module(void)
{
	Buf b = {0};
	Mod *m;
	Err e;
	Bytes wasm;
	buf_str(&b, "(module (memory (export \"memory\") 1 1) (data (i32.const 0) \"\\01\\ff\\80\\7f\\00\\05\\09\\fe\\ff\\ff\\00\\11\")");
	for (size_t i = 0; i < LEN(flows); i++)
		buf_printf(&b, " (func (export \"%s\") (param i32 i32 i64) (result i32) (local i32 i32) %s)", flows[i].name, flows[i].code);
	buf_str(&b, ")");
	if (read_wasm("flows.wat", b.p, b.n, &wasm, &e) || read_module("flows.wat", wasm.p, wasm.n, &m, &e)) {
		printf("not ok the flows are a module: %s\n", e.text);
		exit(1);
	}
	buf_free(&b);
	free(wasm.p);
	return m;
}

/* The index of the last expression of the body. */
static uint32_t last_of(const Facts *f, Expr e)
{
	uint32_t at = 0;
	while (walk_kind(e) == K_Block && walk_nkids(e) > 0) {
		at = facts_kid(f, at, walk_nkids(e) - 1);
		e = walk_kid(e, walk_nkids(e) - 1);
	}
	return at;
}

static bool runs_so(Instance *in, const FlowCase *c, const Fact *f, Err *e)
{
	Rng r = {5};
	for (uint32_t i = 0; i < 500; i++) {
		uint64_t args[3] = {(uint32_t)(rng_next(&r) >> (rng_below(&r, 32) + 32)), (uint32_t)rng_next(&r), rng_next(&r)}, v = 0;
		int exited;
		if (strcmp(c->name, "a branch away") == 0)
			args[0] = 0; /* what else it is, it gives back sooner */
		if (host_call(in, c->name, args, 3, &v, 1, &exited, e) == 0 && !allows(f, v))
			return err_set(e, MEWE_DIFFERS, "for %u it is %u", (unsigned)args[0], (unsigned)v) == 0;
	}
	return true;
}

static void walks(void)
{
	Mod *m = flow_module();
	HostOptions o = {0};
	Instance *in;
	Host *h;
	Err e;
	Bytes wasm;
	if (write_module(m, NULL, &wasm, &e) || host_open("flows", wasm.p, wasm.n, &h, &e) || host_instance(h, &o, &in, &e)) {
		printf("not ok the flows run: %s\n", e.text);
		exit(1);
	}
	for (uint32_t i = 0; i < LEN(flows); i++) {
		Body b = body_of(m, i);
		Facts f = facts_of(&b);
		Fact got = f.node[last_of(&f, b.expr)];
		char what[200];
		snprintf(what, sizeof what, "%llu..%llu, zeros %llx, ones %llx", (unsigned long long)got.lo, (unsigned long long)got.hi,
		         (unsigned long long)got.zeros, (unsigned long long)got.ones);
		const FlowCase *c = &flows[i];
		report(got.lo == c->lo && got.hi == c->hi && got.zeros == c->zeros && got.ones == c->ones, c->name, "is known as it should be", what);
		report(runs_so(in, c, &got, &e), c->name, "runs within its facts", e.text);
		facts_free(&f);
		body_free(&b);
	}
	host_drop(in);
	host_close(h);
	free(wasm.p);
	read_free(m);
}

int main(void)
{
	operator_rows();
	walks();
	return failed > 0;
}
