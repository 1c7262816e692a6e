/* survive.c - machine code digests: what must be equal, what must differ, and that the machine under it does not matter.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"
#include "../../mewe/section.h"
#include "check.h"

static Bytes wasm_of(const char *wat)
{
	Bytes wasm;
	Err e;
	if (read_wasm("test.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	return wasm;
}

static Code *codes(const char *wat, const uint32_t *ident)
{
	Code *c;
	Err e;
	Bytes wasm = wasm_of(wat);
	if (survive_code("test.wat", wasm.p, wasm.n, ident, &c, &e)) {
		printf("not ok survive_code: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	return c;
}

static bool same(const Code *a, const Code *b) { return digest_eq(a->code, b->code); }
static bool alike(const Code *a, const Code *b) { return digest_eq(a->shape, b->shape); }

/* ---- pairs of bodies over the same two or three parameters ---- */

typedef enum Want { SAME, ALIKE, DIFFERENT } Want; /* same code; same shape alone; neither */

static const struct {
	const char *name, *a, *b;
	Want want;
} pairs[] = {
	{"the same body", "(i32.add (local.get 0) (local.get 1))", "(i32.add (local.get 0) (local.get 1))", SAME},
	{"another operator", "(i32.add (local.get 0) (local.get 1))", "(i32.xor (local.get 0) (local.get 1))", DIFFERENT},
	{"commuted operands", "(i32.xor (local.get 0) (i32.mul (local.get 1) (local.get 2)))",
	 "(i32.xor (i32.mul (local.get 1) (local.get 2)) (local.get 0))", DIFFERENT},
	{"x-(0-y) folds to x+y", "(i32.add (local.get 0) (local.get 1))",
	 "(i32.sub (local.get 0) (i32.sub (i32.const 0) (local.get 1)))", SAME},
	{"(x|y)+(x&y) folds to x+y", "(i32.add (local.get 0) (local.get 1))",
	 "(i32.add (i32.or (local.get 0) (local.get 1)) (i32.and (local.get 0) (local.get 1)))", SAME},
	{"(x^c)^c folds to x", "(local.get 0)", "(i32.xor (i32.xor (local.get 0) (i32.const 99)) (i32.const 99))", SAME},
	{"a spill to a local folds", "(i32.add (local.get 0) (local.get 1))",
	 "(local.set 2 (i32.add (local.get 0) (local.get 1))) (local.get 2)", SAME},
	{"(x+c)+y-c survives", "(i32.add (local.get 0) (local.get 1))",
	 "(i32.sub (i32.add (i32.add (local.get 0) (i32.const 5)) (local.get 1)) (i32.const 5))", DIFFERENT},
	{"constants count in code, not in shape", "(i32.xor (local.get 0) (i32.const 1000))",
	 "(i32.xor (local.get 0) (i32.const 2000))", ALIKE},
	{"displacements count in code, not in shape", "(i32.load offset=1000 (local.get 0))",
	 "(i32.load offset=2000 (local.get 0))", ALIKE},
	{"registers count in code, not in shape", "(i32.mul (local.get 0) (local.get 2))",
	 "(i32.mul (local.get 1) (local.get 2))", ALIKE},
	{"which of two registers comes twice is shape", "(i32.mul (i32.mul (local.get 0) (local.get 1)) (local.get 0))",
	 "(i32.mul (i32.mul (local.get 0) (local.get 1)) (local.get 1))", DIFFERENT},
	{"width is shape", "(i32.load8_u (local.get 0))", "(i32.load16_u (local.get 0))", DIFFERENT},
	{"calls of different functions", "(call $f (local.get 0))", "(call $g (local.get 0))", DIFFERENT},
	{"calls of the same function", "(call $f (local.get 0))", "(call $f (local.get 0))", SAME},
	{"calls of different imports", "(call $imp1 (local.get 0))", "(call $imp2 (local.get 0))", ALIKE},
	{"calls of different builtins", "(memory.fill (local.get 0) (local.get 1) (local.get 2)) (i32.const 1)",
	 "(memory.copy (local.get 0) (local.get 1) (local.get 2)) (i32.const 1)", DIFFERENT},
	{"a loop", "(loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (local.get 0))) (local.get 1)",
	 "(loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (local.get 0))) (local.get 1)", SAME},
	{"arms swapped", "(if (result i32) (local.get 0) (then (call $f (local.get 1))) (else (call $g (local.get 1))))",
	 "(if (result i32) (i32.eqz (local.get 0)) (then (call $g (local.get 1))) (else (call $f (local.get 1))))", DIFFERENT},
#define TABLE(order) "(block $d (block $c (block $b (block $a (br_table " order " (local.get 0))) (return (call $f (local.get 1))))" \
                     " (return (call $g (local.get 1)))) (return (i32.const 7))) (local.get 2)"
	{"the same jump table", TABLE("$a $b $c $d"), TABLE("$a $b $c $d"), SAME},
	{"jump tables in another order", TABLE("$a $b $c $d"), TABLE("$b $a $c $d"), DIFFERENT},
	{"a longer jump table", TABLE("$a $b $c $d"), TABLE("$a $b $c $a $d"), DIFFERENT},
	{"a jump table inside a loop", "(loop $l (result i32) " TABLE("$a $l $b $l $c $d") ")", "(loop $l (result i32) " TABLE("$a $l $b $l $c $d") ")", SAME},
#define SHUFFLE(n) "(i32x4.extract_lane 0 (v128.xor (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 " n ")))"
	{"the same vector constant", SHUFFLE("4"), SHUFFLE("4"), SAME},
	{"vector constants count in code, not in shape", SHUFFLE("4"), SHUFFLE("5"), ALIKE},
	{"a shift that reads a table of constants", "(i32x4.extract_lane 0 (i8x16.shl (i32x4.splat (local.get 0)) (local.get 1)))",
	 "(i32x4.extract_lane 0 (i8x16.shl (i32x4.splat (local.get 0)) (local.get 1)))", SAME},
};

/* Both bodies in one module, with functions of other sizes between them: addresses differ, digests must not. */
static void pair(size_t i)
{
	static const char *const says[] = {"the same code", "the same shape alone", "neither"};
	char *wat = xprintf("(module (import \"x\" \"1\" (func $imp1 (param i32) (result i32)))"
	                    " (import \"x\" \"2\" (func $imp2 (param i32) (result i32))) (memory 1)"
	                    " (func $f (param i32) (result i32) (i32.const 3)) (func $g (param i32) (result i32) (i32.const 4))"
	                    " (func $a (param i32 i32 i32) (result i32) %s)"
	                    " (func (param f64) (result f64) (f64.sqrt (f64.sqrt (f64.mul (local.get 0) (local.get 0)))))"
	                    " (func (param i32) (result i64) (i64.const 0x1234567812345678))"
	                    " (func $b (param i32 i32 i32) (result i32) %s))", pairs[i].a, pairs[i].b);
	Code *c = codes(wat, NULL), *a = &c[2], *b = &c[5];
	Want got = same(a, b) ? SAME : alike(a, b) ? ALIKE : DIFFERENT;
	char *why = xprintf("wanted %s, found %s", says[pairs[i].want], says[got]);
	check(pairs[i].name, got == pairs[i].want && a->bytes > 0 && a->ninsn > 0 && (got != SAME || alike(a, b)), why);
	free(why);
	free(c);
	free(wat);
}

static void identities(void)
{
	static const char wat[] = "(module (func $f (param i32) (result i32) (i32.const 3)) (func $g (param i32) (result i32) (i32.const 4))"
	                          " (func (param i32) (result i32) (call $f (local.get 0)))"
	                          " (func (param i32) (result i32) (call $g (local.get 0))))";
	static const uint32_t one[] = {7, 7, 2, 3}, two[] = {7, 8, 2, 3};
	Code *a = codes(wat, one), *b = codes(wat, two);
	check("callees of one identity are the same callee", same(&a[2], &a[3]), "they differ");
	check("callees of two identities are not", !same(&b[2], &b[3]), "they are equal");
	free(a);
	free(b);
}

/* Each of these is compiled otherwise where the host's own features are let in (popcnt is on, lzcnt, bmi, avx, fma are not),
 * so the counts tell; and they hold on every machine. */
static void fixed_target(void)
{
	static const struct {
		const char *params, *body;
		uint32_t bytes, ninsn;
	} f[] = {
		{"(param i64) (result i64)", "(i64.popcnt (local.get 0))", 14, 6},
		{"(param i64) (result i64)", "(i64.clz (local.get 0))", 32, 10},
		{"(param i64) (result i64)", "(i64.ctz (local.get 0))", 22, 8},
		{"(param i32 i32) (result i32)", "(i32.shl (local.get 0) (local.get 1))", 14, 7},
		{"(param i32 i32) (result i32)", "(i32.and (local.get 0) (i32.xor (local.get 1) (i32.const -1)))", 16, 8},
		{"(param f64) (result f64)", "(f64.floor (f64.mul (local.get 0) (local.get 0)))", 19, 7},
		{"(param v128 v128) (result v128)", "(i8x16.swizzle (local.get 0) (i32x4.add (local.get 0) (local.get 1)))", 48, 9},
	};
	Buf b = {0};
	char why[200] = "";
	buf_str(&b, "(module");
	for (size_t i = 0; i < LEN(f); i++)
		buf_printf(&b, " (func %s %s)", f[i].params, f[i].body);
	buf_str(&b, ")");
	buf_u8(&b, 0);
	Code *c = codes((char *)b.p, NULL);
	for (size_t i = 0; i < LEN(f); i++)
		if (c[i].bytes != f[i].bytes || c[i].ninsn != f[i].ninsn)
			snprintf(why + strlen(why), sizeof why - strlen(why), "%zu: %u bytes, %u instructions; ", i, c[i].bytes, c[i].ninsn);
	check("code for the fixed target, whatever the host has", !*why, why);
	free(c);
	buf_free(&b);
}

/* ---- candidates ---- */

static uint32_t count(const Site *s)
{
	(void)s;
	return 3;
}

/* 0: a copy. 1: operands commuted. 2: does not apply. */
static bool propose(const Site *s, uint32_t n, uint64_t seed, Proposal *out)
{
	Ref m = s->body->mod->ref;
	(void)seed;
	out->rule = "test";
	out->expr = BinaryenExpressionCopy(s->expr, m);
	if (n == 1) {
		Expr l = BinaryenBinaryGetLeft(out->expr), r = BinaryenBinaryGetRight(out->expr);
		BinaryenBinarySetLeft(out->expr, r);
		BinaryenBinarySetRight(out->expr, l);
	}
	return n != 2;
}

static const Strategy strategy = {"test", "", V_PROVED, NULL, NULL, NULL, count, propose};

static void candidates(void)
{
	Bytes wasm = wasm_of("(module (import \"x\" \"f\" (func)) (func $a (result i32) (i32.const 1)) (func $mewe.candidate.0.0"
	                     " (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1))))");
	Mod *m;
	Err e = {0};
	Sites s;
	Options o;
	Code *original = NULL, *plain;
	uint64_t remembered = 0;
	Variant row = {.site = NONE, .func = 1, .strategy = &strategy, .rule = "", .verdict = V_NEW};
	mewe_options_default(&o);
	o.jobs = 1; /* survive_code() uses all cores: what both give must be the same */
	if (read_module("test.wat", wasm.p, wasm.n, &m, &e) || site_find(m, &o, &s, &e) ||
	    survive_code("test.wat", wasm.p, wasm.n, NULL, &plain, &e)) {
		check("candidates", false, e.text);
		return;
	}
	for (uint32_t i = 0; i < s.n && row.site == NONE; i++)
		if (s.site[i].func == 1)
			row.site = i;
	Variant v[3] = {row, row, row};
	v[1].n = 1;
	v[2].n = 1;
	v[2].tried = true;
	Variants all = {v, 3, 3};
	int code = survive_all(&s, &o, &all, &original, NULL, (Digest){0}, &remembered, &e);
	check("candidates compile beside the module", code == 0, e.text);
	if (code)
		return;
	check("a copy is the original's code", digest_eq(v[0].code, original[1].code) && digest_eq(v[0].shape, original[1].shape), "it differs");
	check("a commuted candidate is not", !digest_eq(v[1].code, original[1].code) && v[1].bytes == original[1].bytes, "it is equal");
	check("a candidate that was compiled before is left out", v[2].bytes == 0, "it was compiled");
	check("originals are digested as in their own module", same(&original[0], &plain[0]) && same(&original[1], &plain[1]), "they differ");
	check("candidates do not stay in the module", BinaryenGetNumFunctions(m->ref) == 3, "they do");
	for (int i = 0; i < 2; i++)
		free((char *)v[i].rule);
	free(original);
	free(plain);
	site_free(&s);
	read_free(m);
	free(wasm.p);
}

static void told(void *ctx, const char *stage, uint64_t done, uint64_t total)
{
	(void)stage;
	(void)done;
	(void)total;
	++*(int *)ctx;
}

/* More candidates than one module is to hold. */
static void batches(void)
{
	enum { N = 60 };
	Buf b = {0};
	buf_str(&b, "(module (func (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1))) (func $long (param i32 i32) (result i32) ");
	for (int i = 0; i < 4000; i++)
		buf_str(&b, "(local.set 0 (i32.xor (local.get 1) (i32.rotl (local.get 0) (i32.const 77777777))))");
	buf_str(&b, "(local.get 0)))");
	buf_u8(&b, 0);
	Bytes wasm = wasm_of((char *)b.p);
	Mod *m;
	Sites s;
	Options o;
	Err e = {0};
	Code *original = NULL;
	Variant v[N];
	int modules = 0;
	uint64_t remembered = 0;
	mewe_options_default(&o);
	if (read_module("test.wat", wasm.p, wasm.n, &m, &e) || site_find(m, &o, &s, &e)) {
		check("batches", false, e.text);
		return;
	}
	o.progress = told;
	o.progress_ctx = &modules;
	uint32_t last = 0; /* the body of the long function */
	while (s.site[last].func == 0)
		last++;
	for (int i = 0; i < N; i++)
		v[i] = (Variant){.site = i % 2 ? last : 1, .func = i % 2, .strategy = &strategy, .n = i % 2 ? 0 : i / 2 % 2, .rule = ""};
	int code = survive_all(&s, &o, &(Variants){v, N, N}, &original, NULL, (Digest){0}, &remembered, &e);
	bool good = code == 0 && modules > 1;
	for (int i = 0; good && i < N; i++)
		good = digest_eq(v[i].code, i < 4 ? v[i].code : v[i % 4].code) && v[i].bytes > 0;
	check("batches give what one module gives", good && !digest_eq(v[0].code, v[2].code), code ? e.text : modules < 2 ? "one module held them all" : "digests depend on the place");
	for (int i = 0; i < N; i++)
		free((char *)v[i].rule);
	free(original);
	site_free(&s);
	read_free(m);
	free(wasm.p);
	buf_free(&b);
}

/* 300 types, declared upwards or downwards, so that their numbers take one byte or two. Type k has parameters as k has bits. */
static Bytes typed(bool down, int offset)
{
	Buf b = {0};
	buf_str(&b, "(module (table 1 funcref)");
	for (int i = 0; i < 300; i++) {
		int k = down ? 299 - i : i;
		buf_str(&b, "(type (func");
		for (int bit = 0; bit < 10; bit++)
			buf_str(&b, k >> bit & 1 ? " (param i32)" : " (param i64)");
		buf_str(&b, "))");
	}
	for (int f = 0; f < 20; f++) {
		buf_str(&b, "(func");
		for (int bit = 0; bit < 10; bit++)
			buf_str(&b, (f * 15 + offset) >> bit & 1 ? " (i32.const 1)" : " (i64.const 1)");
		buf_printf(&b, " (call_indirect (type %d) (i32.const 0)))", down ? 299 - (f * 15 + offset) : f * 15 + offset);
	}
	buf_str(&b, ")");
	buf_u8(&b, 0);
	Bytes wasm = wasm_of((char *)b.p);
	buf_free(&b);
	return wasm;
}

/* A type's number is part of an indirect call's machine code; its place in the module must not be. */
static void types(void)
{
	Bytes w[3] = {typed(false, 0), typed(true, 0), typed(false, 1)}, r[2];
	Code *c[3];
	Err e;
	for (int i = 0; i < 3; i++)
		if (survive_code("test.wat", w[i].p, w[i].n, NULL, &c[i], &e)) {
			check("types", false, e.text);
			return;
		}
	bool good = true, other = true;
	for (int f = 0; f < 20; f++) {
		good &= same(&c[0][f], &c[1][f]);
		other &= !same(&c[0][f], &c[2][f]);
	}
	check("the order of types does not matter", good, "digests differ");
	check("which type is called does", other, "digests are equal");
	bool code = retype("", w[0].p, w[0].n, &r[0], &e) || retype("", w[1].p, w[1].n, &r[1], &e);
	check("two orders become one", !code && r[0].n == r[1].n && memcmp(r[0].p, r[1].p, r[0].n) == 0, "bytes differ");
	check("and that was neither", r[0].n != w[0].n || memcmp(r[0].p, w[0].p, r[0].n) != 0 || memcmp(r[0].p, w[1].p, r[0].n) != 0, "it was");
	for (int i = 0; i < 3; i++) {
		free(w[i].p);
		free(c[i]);
	}
	free(r[0].p);
	free(r[1].p);
}

/* ---- candidates are compiled without the originals' code ---- */

/* Functions with each kind of reference to others, one of which is small enough to be inlined by a compiler that does. */
static const char *const references =
	"(module (type $t (func (param i32) (result i32))) (memory 1) (global $g (mut i32) (i32.const 5)) (table 2 funcref)"
	" (elem (i32.const 0) $small $other)"
	" (func $small (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))"
	" (func $other (param i32) (result i32) (i32.mul (local.get 0) (global.get $g)))"
	" (func $calls (param i32) (result i32) (i32.add (call $small (local.get 0)) (call $other (local.get 0))))"
	" (func $indirect (param i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.load (local.get 0))))"
	" (func $stores (param i32) (result i32) (global.set $g (i32.load8_u (local.get 0))) (call $calls (global.get $g))))";
enum { STUBS = 2, FUNCTIONS = 5 };

static void stubs(void)
{
	Bytes wasm = wasm_of(references), stubbed = stub_functions(wasm.p, wasm.n, STUBS);
	Code *a = codes(references, NULL), *b = NULL;
	Err e = {0};
	bool there = survive_code("stubbed", stubbed.p, stubbed.n, NULL, &b, &e) == 0;
	check("a module whose first functions have lost their code compiles", there, e.text);
	for (uint32_t i = 0; there && i < FUNCTIONS; i++)
		check(i < STUBS ? "a function that lost its code is another" : "the code of the others is what it was", same(&a[i], &b[i]) == (i >= STUBS),
		      i < STUBS ? "it is not" : "it is not: the compiler inlines, or numbers changed");
	free(wasm.p);
	free(stubbed.p);
	free(a);
	free(b);
}

int main(void)
{
	stubs();
	types();
	for (size_t i = 0; i < LEN(pairs); i++)
		pair(i);
	identities();
	fixed_target();
	candidates();
	batches();
	return failed != 0;
}
