/* rewrite_pair.h - for the tests of rewrite: a rule as two functions, the plain term and what the rule makes of it.
 * All the functions take four i32 and four i64 parameters; the plain term's operands are among them. */
#ifndef REWRITE_PAIR_H
#define REWRITE_PAIR_H

#include <stdlib.h>
#include <string.h>
#include "../../mewe/strategy/rewrite.h"

/* Where the term stands, and what its operands are. */
typedef enum Setting { P_RESULT, P_CONSTANT, P_STORED, P_ADDRESS, P_CONDITION, P_LOADED, P_COMBINED, NPLACES } Setting;
static const char *const place_names[NPLACES] = {"result", "constant", "stored", "address", "condition", "loaded", "combined"};

typedef struct Pair {
	Body plain, made;
} Pair;

static Mod *pair_module(void)
{
	static const char wat[] =
	    "(module (memory (export \"memory\") 1 1) (global $some (mut i32) (i32.const 5))"
	    " (data (i32.const 0) \"\\80\\ff\\7f\\00\\01\\fe\\81\\c3\\00\\00\\00\\80\\ff\\ff\\ff\\7f\\12\\f4\\56\\88\\9a\\bc\\de\\f0\")"
	    " (func $once (export \"once\") (param i32) (result i32)"
	    "  (i32.store (i32.const 512) (i32.add (i32.mul (i32.load (i32.const 512)) (i32.const 31)) (local.get 0)))"
	    "  (local.get 0)))";
	Bytes wasm;
	Mod *m;
	Err e;
	if (read_wasm("pair.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e) || read_module("pair.wat", wasm.p, wasm.n, &m, &e)) {
		printf("not ok the test's own module: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	BinaryenModuleSetFeatures(m->ref, BinaryenFeatureMutableGlobals() | BinaryenFeatureSignExt());
	return m;
}

static BinaryenType pair_type(uint32_t width) { return width == 64 ? BinaryenTypeInt64() : BinaryenTypeInt32(); }

static uint32_t pair_width(Expr e) { return BinaryenExpressionGetType(e) == BinaryenTypeInt64() ? 64 : 32; }

/* Operand i: a parameter, a constant, or a load. */
static Expr pair_operand(Ref m, Setting p, uint32_t i, uint32_t width)
{
	Expr base = BinaryenLocalGet(m, 3, BinaryenTypeInt32());
	if (p == P_LOADED)
		return BinaryenLoad(m, width / 8, false, 16 + 8 * i, 0, pair_type(width), base);
	if (p == P_CONSTANT && i == 1)
		return BinaryenConst(m, width == 64 ? BinaryenLiteralInt64(77) : BinaryenLiteralInt32(77));
	return BinaryenLocalGet(m, i + (width == 64 ? 4 : 0), pair_type(width));
}

/* The load that a term with one matches, if this is its name. */
static Expr pair_load(Ref m, const char *from, uint32_t width)
{
	uint32_t bits = 0;
	if (strncmp(from, "(load", 5) != 0)
		return NULL;
	for (const char *s = from + 5; *s >= '0' && *s <= '9'; s++)
		bits = 10 * bits + (uint32_t)(*s - '0');
	return BinaryenLoad(m, (bits ? bits : width) / 8, false, 8, 1, pair_type(width), BinaryenLocalGet(m, 0, BinaryenTypeInt32()));
}

/* The rule's first term as code, its constants K; NULL: not of this width, or not with these operands. */
static Expr pair_plain(Ref m, const Rule *r, uint32_t width, Setting p, uint64_t K)
{
	Terms from;
	if (!rewrite_parse(r->from, &from))
		return NULL;
	for (uint32_t widths = 0; widths < 1u << TERM_LEAVES; widths++) {
		Binding b = {.module = m, .constant = {K, K}, .load = pair_load(m, r->from, width), .vtype = BinaryenTypeInt32()};
		for (uint32_t i = 0; i < from.n; i++) {
			if (from.t[i].op || !strchr(OPERANDS, from.t[i].leaf))
				continue;
			b.letter[b.nleaf] = from.t[i].leaf;
			b.leaf[b.nleaf] = pair_operand(m, p, b.nleaf, widths >> b.nleaf & 1 ? 64 : 32);
			b.local[b.nleaf++] = NONE;
		}
		for (uint32_t result = 32; result <= 64; result += 32) {
			uint32_t is;
			Expr e = rewrite_build(&from, &b, pair_type(result));
			if (!e || pair_width(e) != result)
				continue;
			rewrite_op_of(e, &is);
			if (is == width)
				return e;
		}
	}
	return NULL;
}

/* The term, put where it has to be. */
static Expr pair_place(Ref m, Setting p, Expr e)
{
	bool wide = pair_width(e) == 64;
	Expr one = BinaryenConst(m, BinaryenLiteralInt32(1)), two = BinaryenConst(m, BinaryenLiteralInt32(2));
	Expr limit = wide ? BinaryenConst(m, BinaryenLiteralInt64(1000)) : NULL;
	switch (p) {
	case P_STORED:
		e = BinaryenStore(m, wide ? 8 : 4, 64, 0, BinaryenLocalGet(m, 3, BinaryenTypeInt32()), e, pair_type(wide ? 64 : 32));
		return BinaryenBlock(m, NULL, (Expr[]){e, one}, 2, BinaryenTypeInt32());
	case P_ADDRESS:
		e = wide ? BinaryenUnary(m, BinaryenWrapInt64(), e) : e;
		return BinaryenLoad(m, 1, false, 16, 0, BinaryenTypeInt32(), e);
	case P_CONDITION:
		return BinaryenIf(m, wide ? BinaryenBinary(m, BinaryenLtSInt64(), e, limit) : e,
		                  BinaryenCall(m, "once", &one, 1, BinaryenTypeInt32()), BinaryenCall(m, "once", &two, 1, BinaryenTypeInt32()));
	case P_COMBINED:
		return BinaryenBinary(m, wide ? BinaryenMulInt64() : BinaryenMulInt32(), e,
		                      wide ? BinaryenLocalGet(m, 7, BinaryenTypeInt64()) : BinaryenLocalGet(m, 3, BinaryenTypeInt32()));
	default: return e;
	}
}

static Body pair_body(const Mod *m, Expr e)
{
	BinaryenType i = BinaryenTypeInt32(), l = BinaryenTypeInt64();
	BinaryenType types[8] = {i, i, i, i, l, l, l, l};
	return (Body){.mod = m, .name = "pair", .params = BinaryenTypeCreate(types, 8), .results = BinaryenExpressionGetType(e), .expr = e};
}

typedef struct PairFind {
	Expr e;
	uint32_t at;
} PairFind;

static bool pair_find(void *ctx, Expr e, uint32_t index)
{
	PairFind *f = ctx;
	f->at = index;
	return e != f->e;
}

/* The rule applied to e, which is part of plain->expr. */
static bool pair_apply(const Rule *r, const Body *plain, Expr e, uint64_t seed, Body *made)
{
	PairFind f = {e, 0};
	Proposal p;
	walk_each(plain->expr, pair_find, &f);
	Site s = {.index = f.at, .kind = SITE_EXPR, .expr = e, .body = plain};
	if (!rewrite_apply(r, &s, seed, &p))
		return false;
	*made = *plain;
	made->expr = walk_replace(BinaryenExpressionCopy(plain->expr, plain->mod->ref), f.at, p.expr);
	made->nvars = p.nvars;
	made->vars = xalloc(p.nvars * sizeof *made->vars);
	memcpy(made->vars, p.vars, p.nvars * sizeof *made->vars);
	return true;
}

static bool pair_make(Mod *m, const Rule *r, uint32_t width, Setting p, uint64_t K, uint64_t seed, Pair *out)
{
	Expr e = pair_plain(m->ref, r, width, p, K);
	if (!e)
		return false;
	out->plain = pair_body(m, pair_place(m->ref, p, e));
	return pair_apply(r, &out->plain, e, seed, &out->made);
}

#endif
