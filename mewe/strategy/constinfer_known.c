/* constinfer_known.c - what facts decide: values, conditions and branches that can only go one way; operators that come to
 * the same for the operands that there can be; and bits that are known, masked once more.
 * In: a site with its facts. Out: an equal expression. */
#include <string.h>
#include "constinfer.h"

static uint64_t maybe(const Fact *f) { return ~f->zeros & fact_mask(f->width); } /* bits that can be 1 */

/* ---- decided ---- */

/* What is known of a condition: 1, 0, or -1. */
static int truth(const Fact *f) { return f->width == 0 ? -1 : f->lo > 0 ? 1 : f->hi == 0 ? 0 : -1; }

static bool is_branch(const Infer *c)
{
	return (c->kind == K_Break && BinaryenBreakGetCondition(c->e) && !BinaryenBreakGetValue(c->e)) || c->kind == K_If;
}

static Expr then_drop(Ref m, Expr first, Expr then, BinaryenType type)
{
	Expr list[2] = {BinaryenDrop(m, first), then};
	return BinaryenBlock(m, NULL, list, then ? 2 : 1, type);
}

/* A branch that always goes one way; its condition is evaluated all the same. */
static Expr decide_branch(const Infer *c, int way)
{
	Expr cond = infer_copy(c, walk_kid(c->e, 0));
	if (c->kind == K_Break)
		return then_drop(c->m, cond, way ? BinaryenBreak(c->m, BinaryenBreakGetName(c->e), NULL, NULL) : NULL, BinaryenTypeNone());
	Expr arm = way ? BinaryenIfGetIfTrue(c->e) : BinaryenIfGetIfFalse(c->e);
	return then_drop(c->m, cond, arm ? infer_copy(c, arm) : NULL, BinaryenExpressionGetType(c->e));
}

/* An operand that alone is the result, whatever the other is: NONE where there is none. */
static uint32_t left_over(const Infer *c)
{
	bool is_and = c->op && strcmp(c->op, "and") == 0, is_or = c->op && strcmp(c->op, "or") == 0;
	bool is_rem = c->op && strcmp(c->op, "rem_u") == 0;
	for (uint32_t i = 0; (is_and || is_or || is_rem) && i < (is_rem ? 1 : 2); i++) {
		Fact f = infer_kid(c, i), other = infer_kid(c, 1 - i);
		if (!f.width || !other.width || !infer_pure(walk_kid(c->e, 1 - i)))
			continue;
		if (is_and ? !(maybe(&f) & ~other.ones) : is_or ? !(maybe(&other) & ~f.ones) : f.hi < other.lo)
			return i;
	}
	return NONE;
}

typedef enum Decided { D_NONE, D_VALUE, D_BRANCH, D_ARM, D_OPERAND, D_EXTEND } Decided;

static bool narrow(const Infer *c)
{
	static const char *const ops[] = {"extend8_s", "extend16_s", "extend32_s"};
	for (uint32_t i = 0; c->op && i < LEN(ops); i++) {
		Fact f = infer_kid(c, 0);
		if (strcmp(c->op, ops[i]) == 0)
			return f.width && f.hi < 1ull << ((8u << i) - 1);
	}
	return false;
}

static Decided decided(const Infer *c)
{
	if (is_branch(c) && truth(&c->facts->node[c->s->index + 1]) >= 0)
		return D_BRANCH;
	if (c->width == 0 || c->kind == K_Const)
		return D_NONE;
	if (fact_is_const(&c->fact) && infer_pure(c->e))
		return D_VALUE;
	if (c->kind == K_Select) {
		Fact cond = infer_kid(c, 2);
		int way = truth(&cond);
		if (way >= 0 && infer_pure(walk_kid(c->e, way)) && infer_pure(walk_kid(c->e, 2))) /* the arm that goes is the other one */
			return D_ARM;
	}
	return left_over(c) != NONE ? D_OPERAND : narrow(c) ? D_EXTEND : D_NONE;
}

static uint32_t decided_count(const Infer *c) { return decided(c) != D_NONE; }

static bool decided_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	(void)n;
	(void)r;
	switch (decided(c)) {
	case D_BRANCH:
		*out = (Proposal){.rule = "branch-decided", .expr = decide_branch(c, truth(&c->facts->node[c->s->index + 1]))};
		break;
	case D_VALUE:
		*out = (Proposal){.rule = "value-decided", .expr = infer_const(c->m, c->width, c->fact.lo)};
		break;
	case D_ARM: {
		Fact cond = infer_kid(c, 2);
		*out = (Proposal){.rule = "select-decided", .expr = infer_copy(c, walk_kid(c->e, truth(&cond) ? 0 : 1))};
		break;
	}
	case D_OPERAND:
		*out = (Proposal){.rule = "operand-idle", .expr = infer_copy(c, walk_kid(c->e, left_over(c)))};
		break;
	case D_EXTEND:
		*out = (Proposal){.rule = "extension-idle", .expr = infer_copy(c, walk_kid(c->e, 0))};
		break;
	case D_NONE: break;
	}
	return out->expr != NULL;
}

const Family infer_decided = {decided_count, decided_make};

/* ---- operators turned into others ---- */

typedef enum When { POSITIVE, SAME_SIGN, LEFT_POSITIVE, DISJOINT, CONTAINED } When;
typedef struct Turn {
	const char *rule;
	BinaryenOp (*from[2])(void), (*to[2])(void);
	When when;
	uint32_t nkids;
} Turn;

#define BOTH(id) {Binaryen##id##Int32, Binaryen##id##Int64}
#define SIGNS(rule, s, u, when) {rule, BOTH(s), BOTH(u), when, 2}, {rule, BOTH(u), BOTH(s), when, 2}

static const Turn turns[] = {
	SIGNS("less-other-sign", LtS, LtU, SAME_SIGN), SIGNS("greater-other-sign", GtS, GtU, SAME_SIGN),
	SIGNS("less-equal-other-sign", LeS, LeU, SAME_SIGN), SIGNS("greater-equal-other-sign", GeS, GeU, SAME_SIGN),
	SIGNS("divide-other-sign", DivS, DivU, POSITIVE), SIGNS("remainder-other-sign", RemS, RemU, POSITIVE),
	SIGNS("shift-other-sign", ShrS, ShrU, LEFT_POSITIVE),
	{"extend-other-sign", {BinaryenExtendSInt32, NULL}, {BinaryenExtendUInt32, NULL}, LEFT_POSITIVE, 1},
	{"extend-other-sign", {BinaryenExtendUInt32, NULL}, {BinaryenExtendSInt32, NULL}, LEFT_POSITIVE, 1},
	{"or-as-add", BOTH(Or), BOTH(Add), DISJOINT, 2}, {"or-as-xor", BOTH(Or), BOTH(Xor), DISJOINT, 2},
	{"add-as-or", BOTH(Add), BOTH(Or), DISJOINT, 2}, {"add-as-xor", BOTH(Add), BOTH(Xor), DISJOINT, 2},
	{"xor-as-add", BOTH(Xor), BOTH(Add), DISJOINT, 2}, {"xor-as-or", BOTH(Xor), BOTH(Or), DISJOINT, 2},
	{"sub-as-xor", BOTH(Sub), BOTH(Xor), CONTAINED, 2}, {"xor-as-sub", BOTH(Xor), BOTH(Sub), CONTAINED, 2},
};

static bool holds(const Infer *c, When when, uint32_t nkids)
{
	Fact a = infer_kid(c, 0), b = nkids > 1 ? infer_kid(c, 1) : a;
	if (!a.width || !b.width)
		return false;
	switch (when) {
	case POSITIVE: return fact_sign(&a, false) && fact_sign(&b, false);
	case SAME_SIGN: return (fact_sign(&a, false) && fact_sign(&b, false)) || (fact_sign(&a, true) && fact_sign(&b, true));
	case LEFT_POSITIVE: return fact_sign(&a, false);
	case DISJOINT: return !(maybe(&a) & maybe(&b));
	case CONTAINED: return !(maybe(&b) & ~a.ones);
	}
	return false;
}

/* The nth turn that applies, or NULL; *n is less those that were passed. */
static const Turn *turn_at(const Infer *c, uint32_t *n)
{
	if ((c->kind != K_Binary && c->kind != K_Unary) || !c->op)
		return NULL;
	for (size_t i = 0; i < LEN(turns); i++) {
		const Turn *t = &turns[i];
		bool unary = t->nkids == 1;
		uint32_t wide = c->op_width == 64;
		if (unary != (c->kind == K_Unary) || !t->from[wide])
			continue;
		BinaryenOp op = unary ? BinaryenUnaryGetOp(c->e) : BinaryenBinaryGetOp(c->e);
		if (op == t->from[wide]() && holds(c, t->when, t->nkids) && (*n)-- == 0)
			return t;
	}
	return NULL;
}

static uint32_t turned_count(const Infer *c)
{
	uint32_t n = UINT32_MAX;
	turn_at(c, &n);
	return UINT32_MAX - n;
}

static bool turned_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	const Turn *t = turn_at(c, &n);
	(void)r;
	if (!t)
		return false;
	*out = (Proposal){.rule = t->rule, .expr = infer_copy(c, c->e)};
	if (t->nkids == 1)
		BinaryenUnarySetOp(out->expr, t->to[c->op_width == 64]());
	else
		BinaryenBinarySetOp(out->expr, t->to[c->op_width == 64]());
	return true;
}

const Family infer_turned = {turned_count, turned_make};

/* ---- values whose known bits are made known once more ---- */

typedef enum Mask { M_ZEROS, M_ONES, M_SHIFTS, M_SIGNED_SHIFTS, M_LIMIT, MASKS } Mask;

static uint32_t known_top(const Fact *f) { return f->hi ? (uint32_t)__builtin_clzll(f->hi) - (64 - f->width) : f->width; }

static bool may_mask(const Infer *c, Mask k)
{
	const Fact *f = &c->fact;
	switch (k) {
	case M_ZEROS: return f->zeros != 0;
	case M_ONES: return f->ones != 0;
	case M_SHIFTS: return known_top(f) > 0;
	case M_SIGNED_SHIFTS: return known_top(f) > 1;
	case M_LIMIT: return f->hi != fact_mask(f->width);
	default: return false;
	}
}

static bool maskable(const Infer *c)
{
	if (c->width == 0 || fact_is_const(&c->fact) || c->fact.hi <= 1)
		return false; /* the engine knows by itself what a comparison gives */
	return c->kind == K_LocalGet || c->kind == K_Load || c->kind == K_Binary || c->kind == K_Unary || c->kind == K_Select;
}

static Mask mask_at(const Infer *c, uint32_t n)
{
	for (Mask k = 0; maskable(c) && k < MASKS; k++)
		if (may_mask(c, k) && n-- == 0)
			return k;
	return MASKS;
}

static uint32_t masked_count(const Infer *c)
{
	uint32_t n = 0;
	while (mask_at(c, n) != MASKS)
		n++;
	return n;
}

/* Some of the bits, one at least. */
static uint64_t some_bits(Rng *r, uint64_t of)
{
	uint64_t some = of & rng_next(r);
	return some ? some : of;
}

static Expr shifts(const Infer *c, const char *back, uint32_t most, Rng *r)
{
	uint32_t k = 1 + rng_below(r, most);
	Expr up = infer_binary(c->m, "shl", c->width, infer_copy(c, c->e), infer_const(c->m, c->width, k));
	return infer_binary(c->m, back, c->width, up, infer_const(c->m, c->width, k));
}

static bool masked_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	const Fact *f = &c->fact;
	uint32_t w = c->width, t;
	switch (mask_at(c, n)) {
	case M_ZEROS:
		out->rule = "zeros-cleared";
		out->expr = infer_binary(c->m, "and", w, infer_copy(c, c->e), infer_const(c->m, w, ~some_bits(r, f->zeros)));
		break;
	case M_ONES:
		out->rule = "ones-set";
		out->expr = infer_binary(c->m, "or", w, infer_copy(c, c->e), infer_const(c->m, w, some_bits(r, f->ones)));
		break;
	case M_SHIFTS:
		out->rule = "top-shifted-out";
		out->expr = shifts(c, "shr_u", known_top(f) < w ? known_top(f) : w - 1, r);
		break;
	case M_SIGNED_SHIFTS:
		out->rule = "sign-shifted-out";
		out->expr = shifts(c, "shr_s", known_top(f) - 1, r);
		break;
	case M_LIMIT:
		t = proposal_local(out, c->s, infer_type(w));
		out->rule = "limited";
		out->expr = BinaryenLocalTee(c->m, t, infer_copy(c, c->e), infer_type(w));
		out->expr = BinaryenSelect(c->m, infer_binary(c->m, "le_u", w, BinaryenLocalGet(c->m, t, infer_type(w)), infer_const(c->m, w, f->hi)),
		                           out->expr, infer_const(c->m, w, f->hi), infer_type(w));
		break;
	case MASKS: return false;
	}
	return true;
}

const Family infer_masked = {masked_count, masked_make};
