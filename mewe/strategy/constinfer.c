/* constinfer.c - the constinfer strategy: what must be constant becomes the constant, and constants become terms over live
 * values that always equal them.
 * In: a site that is an expression. Out: an equal one. Facts about values only choose what is proposed: each proposal is
 * proved from the code alone. Must hold: what is dropped only computes; conditions come first, since every variant of one is
 * another way through the code. */
#include <string.h>
#include "constinfer.h"

BinaryenType infer_type(uint32_t width) { return width == 64 ? BinaryenTypeInt64() : BinaryenTypeInt32(); }

Expr infer_const(Ref m, uint32_t width, uint64_t v)
{
	return BinaryenConst(m, width == 64 ? BinaryenLiteralInt64((int64_t)v) : BinaryenLiteralInt32((int32_t)v));
}

Expr infer_copy(const Infer *c, Expr e) { return BinaryenExpressionCopy(e, c->m); }

typedef struct BinaryOp {
	const char *name;
	BinaryenOp (*id[2])(void);
} BinaryOp;

#define OP(name, id) {name, {Binaryen##id##Int32, Binaryen##id##Int64}}

Expr infer_binary(Ref m, const char *op, uint32_t width, Expr a, Expr b)
{
	static const BinaryOp ops[] = {
		OP("add", Add), OP("sub", Sub), OP("and", And), OP("or", Or), OP("xor", Xor), OP("shl", Shl), OP("shr_u", ShrU), OP("shr_s", ShrS),
		OP("le_u", LeU),
	};
	for (size_t i = 0; i < LEN(ops); i++)
		if (strcmp(ops[i].name, op) == 0)
			return BinaryenBinary(m, ops[i].id[width == 64](), a, b);
	return NULL;
}

static bool computes(void *ctx, Expr e, uint32_t index)
{
	uint32_t width;
	(void)ctx;
	(void)index;
	switch (walk_kind(e)) {
	case K_Const: case K_LocalGet: case K_GlobalGet: return true;
	case K_Unary: case K_Binary: case K_Select: break;
	default: return false;
	}
	const char *op = rewrite_op_of(e, &width);
	return op && strncmp(op, "div", 3) != 0 && strncmp(op, "rem", 3) != 0;
}

bool infer_pure(Expr e) { return walk_each(e, computes, NULL); }

Fact infer_kid(const Infer *c, uint32_t i) { return c->facts->node[facts_kid(c->facts, c->s->index, i)]; }

/* ---- what both strategies do with their families ---- */

/* False where there is nothing to do: without facts, and in code that is never reached. */
static bool look(const Site *s, const Strategy *st, Infer *c)
{
	*c = (Infer){.s = s, .m = s->body->mod->ref, .e = s->expr, .kind = walk_kind(s->expr)};
	if (s->kind != SITE_EXPR || !(c->facts = facts_for(strategy_own(st, s->in), s)))
		return false;
	BinaryenType t = BinaryenExpressionGetType(s->expr);
	c->width = t == BinaryenTypeInt32() ? 32 : t == BinaryenTypeInt64() ? 64 : 0;
	c->op = rewrite_op_of(s->expr, &c->op_width);
	c->fact = c->facts->node[s->index];
	return c->facts->reached[s->index] && (c->width == 0 || c->fact.width == c->width);
}

uint32_t infer_count(const Site *s, const Strategy *st, const Family *const *families, size_t n)
{
	Infer c;
	uint32_t sum = 0;
	if (!look(s, st, &c))
		return 0;
	for (size_t i = 0; i < n; i++)
		sum += families[i]->count(&c);
	return sum;
}

bool infer_propose(const Site *s, const Strategy *st, const Family *const *families, size_t nfamily, uint32_t n, uint64_t seed, Proposal *out)
{
	Infer c;
	Rng r = {mix64(seed ^ n)};
	*out = (Proposal){0};
	if (!look(s, st, &c))
		return false;
	for (size_t i = 0; i < nfamily; i++) {
		uint32_t k = families[i]->count(&c);
		if (n < k)
			return families[i]->make(&c, n, &r, out) && out->expr;
		n -= k;
	}
	return false;
}

/* ---- the strategy ---- */

static const Family *const families[] = {&infer_decided, &infer_conditions, &infer_guards, &infer_constants, &infer_turned, &infer_masked};

static uint32_t count(const Site *s) { return infer_count(s, &strategy_constinfer, families, LEN(families)); }

static bool propose(const Site *s, uint32_t n, uint64_t seed, Proposal *out)
{
	return infer_propose(s, &strategy_constinfer, families, LEN(families), n, seed, out);
}

const Strategy strategy_constinfer = {"constinfer", "what must be constant becomes the constant; constants become equal terms over live values",
                                      V_PROVED, facts_open, facts_close, NULL, count, propose};
