/* core.c - the parts that everything stands on: numbers, files, the scanner, walks over trees.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../mewe/all.h"
#include "check.h"

static Mod *parse(const char *wat)
{
	Bytes wasm;
	Mod *m;
	Err e;
	if (read_wasm("test.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e) || read_module("test.wat", wasm.p, wasm.n, &m, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	return m;
}

static void kinds(void)
{
	char why[200] = "";
	Ref m = BinaryenModuleCreate();
	Expr one = BinaryenConst(m, BinaryenLiteralInt32(1));
	struct { Expr e; uint32_t kind; } made[] = {
		{BinaryenNop(m), K_Nop}, {one, K_Const}, {BinaryenDrop(m, one), K_Drop}, {BinaryenUnreachable(m), K_Unreachable},
		{BinaryenLocalGet(m, 0, BinaryenTypeInt32()), K_LocalGet}, {BinaryenReturn(m, one), K_Return},
		{BinaryenBinary(m, BinaryenAddInt32(), one, one), K_Binary}, {BinaryenUnary(m, BinaryenClzInt32(), one), K_Unary},
		{BinaryenMemorySize(m), K_MemorySize}, {BinaryenRefNull(m, BinaryenTypeFuncref()), K_RefNull},
	};
	for (size_t i = 0; i < LEN(made); i++)
		if (walk_kind(made[i].e) != made[i].kind)
			snprintf(why, sizeof why, "expression %zu is taken for kind %u", i, walk_kind(made[i].e));
	check("kinds of expressions", !*why, why);
	BinaryenModuleDispose(m);
}

/* The order of children is the order of evaluation; replacing a node changes that node alone. */
static void trees(void)
{
	Mod *m = parse("(module (memory 1) (func $f (param i32 i32) (result i32)"
	               " (i32.store (local.get 0) (i32.const 7))"
	               " (if (result i32) (local.get 1) (then (i32.const 1)) (else (i32.add (local.get 0) (i32.const 2))))))");
	Body b = body_of(m, 0);
	static const uint32_t want[] = {K_Block, K_Store, K_LocalGet, K_Const, K_If, K_LocalGet, K_Const, K_Binary, K_LocalGet, K_Const};
	bool good = walk_count(b.expr) == LEN(want);
	for (uint32_t i = 0; good && i < LEN(want); i++)
		good = walk_kind(walk_at(b.expr, i)) == want[i];
	check("preorder", good, "the nodes are not those of the text, in order");

	Ident id = ident_of(m);
	Body c = body_copy(&b);
	Buf before = {0}, same = {0}, changed = {0};
	walk_write(&before, b.expr, &id);
	walk_write(&same, c.expr, &id);
	check("a copy writes the same bytes", before.n == same.n && memcmp(before.p, same.p, same.n) == 0, "they differ");
	c.expr = walk_replace(c.expr, 9, BinaryenConst(m->ref, BinaryenLiteralInt32(3)));
	walk_write(&changed, c.expr, &id);
	check("a changed constant writes other bytes", before.n != changed.n || memcmp(before.p, changed.p, changed.n) != 0, "they are the same");
	check("a node past the end is none", walk_at(b.expr, 10) == NULL, "there is one");
	buf_free(&before);
	buf_free(&same);
	buf_free(&changed);
	body_free(&b);
	body_free(&c);
	read_free(m);
}

static void scanner(void)
{
	Mod *m = parse("(module (import \"env\" \"g\" (func $g (param i32))) (import \"env\" \"x\" (global i32))"
	               " (memory 2 9) (table 3 funcref) (global (mut i64) (i64.const 0)) (start $s)"
	               " (func $s (call $g (i32.const 1))) (func $e (export \"e\") (result i64) (i64.extend8_s (i64.const 1))))");
	const Scan *s = &m->scan;
	check("scan: functions", s->nimported == 1 && s->nbodies == 2 && m->nimp == 1 && m->nfunc == 2, "wrong counts");
	check("scan: start", s->start == 1, "wrong function");
	check("scan: memory", s->has_memory && s->memory_min == 2 && s->memory_max == 9 && !s->memory_shared, "wrong limits");
	check("scan: globals and tables", s->nglobals == 2 && s->nglobals_imported == 1 && s->ntables == 1, "wrong counts");
	check("scan: exports", s->nexports == 1 && strcmp(s->exports[0].name, "e") == 0 && s->exports[0].index == 2, "wrong export");
	check("scan: instructions", s->bodies[0].ninsn == 2 && s->bodies[1].ninsn == 2, "wrong counts");
	check("scan: features", s->features & BinaryenFeatureSignExt(), "sign extension not seen");
	check("look-up by name", read_ordinal(m, "e") == 1 && read_function(m, "g") == 0 && read_ordinal(m, "g") == NONE &&
	      read_import(m, "env", "g") == 0, "wrong place");
	read_free(m);
}

static void numbers(void)
{
	Rng r = {42};
	uint32_t count[7] = {0};
	for (int i = 0; i < 70000; i++)
		count[rng_below(&r, 7)]++;
	bool even = true;
	for (int i = 0; i < 7; i++) /* five standard deviations of a binomial of 1/7 */
		even &= count[i] > 10000 - 463 && count[i] < 10000 + 463;
	check("rng_below is even", even, "a value came too often or too seldom");
	uint8_t text[20] = "abcdefgh";
	Digest a = digest(text, 8), b = digest(text, 9), c;
	text[7] ^= 1;
	c = digest(text, 8);
	check("digest tells length and content apart", !digest_eq(a, b) && !digest_eq(a, c), "two are equal");
}

static void files(void)
{
	char dir[] = "/tmp/mewe-core-XXXXXX";
	Err e = {0};
	Bytes got = {0};
	if (!mkdtemp(dir)) {
		check("a temporary directory", false, "none could be made");
		return;
	}
	char *path = xprintf("%s/f", dir), *missing = xprintf("%s/no/f", dir);
	check("write and read a file", file_write(path, "hello", 5, &e) == 0 && file_read(path, &got, &e) == 0 && got.n == 5 &&
	      memcmp(got.p, "hello", 5) == 0, e.text);
	check("a file in no folder can't be written", file_write(missing, "x", 1, &e) == MEWE_BAD && strchr(e.text, '\n') == NULL, "it could");
	free(got.p);
	unlink(path);
	free(path);
	free(missing);
	check("nothing else is left in the folder", rmdir(dir) == 0, "something is");
}

int main(void)
{
	kinds();
	trees();
	scanner();
	numbers();
	files();
	return failed > 0;
}
