/* synth_cone.c - what stands at a site: its pure integer operators down to operands.
 * In: an expression. Out: its cones, cut at several depths. Must hold: operands are numbered in order of evaluation; two places
 * are one variable only if they have the same value whatever happens in between. */
#include "synth.h"

typedef struct Cut {
	Cone *c;
	uint32_t depth;
	bool whole;                    /* conversions are operators; otherwise they are operands */
	bool multiple[SYNTH_VARS];     /* the variable stands at several places */
	uint32_t set;                  /* a local that has been assigned the value of twig `to`, or NONE */
	uint8_t to;
} Cut;

static uint8_t width_of(Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	return t == BinaryenTypeInt32() ? 32 : t == BinaryenTypeInt64() ? 64 : 0;
}

static uint64_t ones(uint8_t width) { return width == 64 ? UINT64_MAX : UINT32_MAX; }

/* Bits that the operand can have set, from what it is made of. */
static uint64_t possible(Expr e)
{
	uint8_t op, width, value = width_of(e);
	if (walk_kind(e) == K_Load && BinaryenLoadGetBytes(e) < value / 8 && !BinaryenLoadIsSigned(e))
		return (1ull << 8 * BinaryenLoadGetBytes(e)) - 1;
	if (!synth_op_of(e, &op, &width))
		return ones(value);
	if (synth_ops[op].compares)
		return 1;
	if (op == T_EXTU)
		return UINT32_MAX;
	if (op == T_AND && walk_kind(walk_kid(e, 1)) == K_Const)
		return synth_constant(walk_kid(e, 1));
	if (op == T_SHRU && walk_kind(walk_kid(e, 1)) == K_Const)
		return ones(width) >> (synth_constant(walk_kid(e, 1)) & (width - 1));
	return ones(value);
}

/* The same, rounded up: one search for all operands alike. */
static uint64_t mask_of(Expr e)
{
	const uint64_t round[] = {1, 0xff, 0xffff, UINT32_MAX};
	uint64_t m = possible(e);
	for (size_t i = 0; i < LEN(round); i++)
		if (m <= round[i])
			return round[i];
	return UINT64_MAX;
}

/* Constants that mean something by themselves; others may as well be any. */
bool synth_special(uint64_t v, uint8_t width)
{
	return v <= 2 || v == width - 1u || v == ones(width) || v == 1ull << (width - 1);
}

static uint8_t put(Cut *k, Twig w)
{
	k->c->tree.t[k->c->tree.n] = w;
	return k->c->tree.n++;
}

static bool same_operand(const Cone *c, uint32_t i, Expr e, bool constant)
{
	if (constant != c->constant[i])
		return false;
	if (constant)
		return c->value[i] == synth_constant(e);
	return walk_kind(e) == K_LocalGet && walk_kind(c->var[i]) == K_LocalGet &&
	       BinaryenLocalGetGetIndex(e) == BinaryenLocalGetGetIndex(c->var[i]);
}

static bool operand(Cut *k, Expr e, uint8_t *at)
{
	Cone *c = k->c;
	bool constant = walk_kind(e) == K_Const;
	uint8_t width = width_of(e), i = 0;
	if (width == 0 || c->tree.n == SYNTH_CONE)
		return false;
	if (walk_kind(e) == K_LocalGet && BinaryenLocalGetGetIndex(e) == k->set) {
		*at = k->to;
		return true;
	}
	if (constant && synth_special(synth_constant(e), width)) {
		*at = put(k, (Twig){.op = T_CONST, .width = width, .imm = synth_constant(e)});
		return true;
	}
	if (c->width != 0 && c->width != width)
		return false;
	c->width = width;
	while (i < c->nvar && !same_operand(c, i, e, constant))
		i++;
	if (i == SYNTH_VARS)
		return false;
	if (i == c->nvar) {
		c->nvar++;
		c->var[i] = e;
		c->constant[i] = constant;
		c->value[i] = constant ? synth_constant(e) : 0;
	} else {
		k->multiple[i] = true;
	}
	*at = put(k, (Twig){.op = T_SYM, .width = width, .kid = {i}});
	return true;
}

static bool visit(Cut *k, Expr e, uint32_t depth, uint8_t *at)
{
	Twig w = {0};
	if (depth == k->depth || !synth_op_of(e, &w.op, &w.width) || (!k->whole && (w.op == T_WRAP || w.op == T_EXTS || w.op == T_EXTU)))
		return operand(k, e, at);
	if (synth_ops[w.op].divides) { /* the divisor stays what it is: only so it can't trap */
		Expr by = walk_kid(e, 1);
		if (!visit(k, walk_kid(e, 0), depth + 1, &w.kid[0]) || k->c->tree.n + 2 > SYNTH_CONE)
			return false;
		w.kid[1] = put(k, (Twig){.op = T_CONST, .width = w.width, .imm = synth_constant(by)});
		*at = put(k, w);
		return true;
	}
	for (uint32_t i = 0; i < synth_ops[w.op].nkids; i++) /* the condition of a select comes last when it is evaluated, here first */
		if (!visit(k, walk_kid(e, i), depth + 1, &w.kid[w.op == T_ITE ? (i + 1) % 3 : i]))
			return false;
	if (k->c->tree.n == SYNTH_CONE)
		return false;
	*at = put(k, w);
	return true;
}

typedef struct Write {
	uint32_t local;
	bool found;
} Write;

static bool no_write(void *ctx, Expr e, uint32_t index)
{
	Write *w = ctx;
	(void)index;
	w->found |= walk_kind(e) == K_LocalSet && BinaryenLocalSetGetIndex(e) == w->local;
	return !w->found;
}

/* Is local written while the operands are evaluated? */
bool synth_written(const Cone *c, uint32_t local)
{
	Write w = {local, false};
	for (uint32_t i = 0; i < c->nvar; i++)
		walk_each(c->var[i], no_write, &w);
	return w.found;
}

static bool cone_of(Expr e, uint32_t depth, bool whole, Cone *out)
{
	Cut k = {.c = out, .depth = depth, .whole = whole, .set = NONE};
	uint8_t root, live = 0;
	*out = (Cone){0};
	if (!visit(&k, e, 0, &root) || (depth > 0 && synth_ops[out->tree.t[root].op].name == NULL))
		return false;
	for (uint32_t i = 0; i < out->nvar; i++) {
		live += !out->constant[i];
		if (k.multiple[i] && !out->constant[i] && synth_written(out, BinaryenLocalGetGetIndex(out->var[i])))
			return false;
	}
	return live > 0;
}

/* Values that come from elsewhere. */
static bool is_value(Expr e)
{
	switch (walk_kind(e)) {
	case K_LocalGet: case K_GlobalGet: case K_Load: case K_Call: case K_CallIndirect: return true;
	default: return false;
	}
}

/* The same cone with its constants as they are, if it has one operand beside them. */
static bool concrete(const Cone *c, Cone *out)
{
	uint32_t live = 0, which = 0;
	for (uint32_t i = 0; i < c->nvar; i++) {
		live += !c->constant[i];
		which = c->constant[i] ? which : i;
	}
	*out = *c;
	out->concrete = true;
	out->nvar = 1;
	out->var[0] = c->var[which];
	out->mask = mask_of(c->var[which]);
	out->constant[0] = false;
	for (uint32_t i = 0; i < c->tree.n; i++) {
		Twig *w = &out->tree.t[i];
		if (w->op == T_SYM && c->constant[w->kid[0]])
			*w = (Twig){.op = T_CONST, .width = w->width, .imm = c->value[w->kid[0]]};
		else if (w->op == T_SYM)
			w->kid[0] = 0;
	}
	return live == 1;
}

uint32_t synth_cones(Expr e, bool value, Cone out[SYNTH_CONES])
{
	uint32_t n = 0;
	uint8_t op, width;
	if (!synth_op_of(e, &op, &width))
		return value && is_value(e) && cone_of(e, 0, true, out);
	for (uint32_t depth = SYNTH_CUTS; depth > 0; depth--) {
		Cone *c = &out[n];
		if ((cone_of(e, depth, true, c) || cone_of(e, depth, false, c)) && (n == 0 || c->tree.n != out[n - 1].tree.n))
			n++;
	}
	for (uint32_t i = 0, symbolic = n; i < symbolic; i++)
		n += concrete(&out[i], &out[n]);
	return n;
}

static bool is_assignment(Expr e)
{
	uint8_t op, width;
	return walk_kind(e) == K_LocalSet && BinaryenExpressionGetType(e) == BinaryenTypeNone() &&
	       synth_op_of(BinaryenLocalSetGetValue(e), &op, &width);
}

static bool pair(Expr first, Expr second, uint32_t depth, Cone *out)
{
	Cut k = {.c = out, .depth = depth, .whole = true, .set = NONE};
	*out = (Cone){.pair = true};
	if (!visit(&k, BinaryenLocalSetGetValue(first), 0, &out->root[0]))
		return false;
	k.set = BinaryenLocalSetGetIndex(first);
	k.to = out->root[0];
	if (!visit(&k, BinaryenLocalSetGetValue(second), 0, &out->root[1]))
		return false;
	for (uint32_t i = 0; i < out->nvar; i++)
		if (walk_kind(out->var[i]) != K_LocalGet && !out->constant[i])
			return false;
	for (uint32_t i = 0; i < 2; i++) {
		const Twig *r = &out->tree.t[out->root[i]];
		if (synth_gives(r->op, r->width) != out->width)
			return false;
	}
	return true;
}

uint32_t synth_pair_cones(Expr first, Expr second, Cone out[2])
{
	if (!is_assignment(first) || !is_assignment(second) || BinaryenLocalSetGetIndex(first) == BinaryenLocalSetGetIndex(second))
		return 0;
	for (uint32_t depth = SYNTH_CUTS; depth > 0; depth--) {
		if (!pair(first, second, depth, &out[0]))
			continue;
		out[1] = out[0];
		out[1].root[0] = out[0].root[1];
		out[1].root[1] = out[0].root[0];
		return 2;
	}
	return 0;
}
