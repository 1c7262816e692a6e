/* region.c - a part of a function that is chosen on its own: which parts can be, and when two of them do the same.
 * In: expressions of one body. Out: may this one be a place of its own; two of them as functions that can be proved equal.
 * Must hold: where the two functions are proved equal, one region may stand for the other wherever it is met. They take all that
 * the regions read as arguments that may be anything, so nothing is known of where the region stands; they give back its value
 * and every local that either of them sets, and what they do to memory and globals is compared like any function's. A local of a
 * region's own (read by no other code than alternatives) may hold something else on either side to begin with, and is not
 * given back: it is left behind by whatever was chosen before. */
#include <stdlib.h>
#include <string.h>
#include "all.h"

/* ---- which expressions ----------------------------------------------------------------------------------------------- */

typedef struct Labels {
	const char **name;
	uint32_t n, cap;
	bool escapes;
} Labels;

static bool is_label(const Labels *l, const char *name)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (strcmp(l->name[i], name) == 0)
			return true;
	return false;
}

/* Or it holds several values in one, as a call of several results gives: no parameter or result of a function can be that. */
static bool escapes(void *ctx, Expr e, uint32_t index)
{
	Labels *l = ctx;
	uint32_t kind = walk_kind(e);
	const char *label = kind == K_Block ? BinaryenBlockGetName(e) : kind == K_Loop ? BinaryenLoopGetName(e) : NULL;
	(void)index;
	if (label)
		PUSH(l->name, l->n, l->cap, label); /* preorder: a label comes before what branches to it */
	l->escapes |= BinaryenTypeArity(BinaryenExpressionGetType(e)) > 1 || kind == K_Return;
	l->escapes |= (kind == K_Call && BinaryenCallIsReturn(e)) || (kind == K_CallIndirect && BinaryenCallIndirectIsReturn(e));
	l->escapes |= kind == K_Break && !is_label(l, BinaryenBreakGetName(e));
	for (uint32_t i = 0; kind == K_Switch && i < BinaryenSwitchGetNumNames(e); i++)
		l->escapes |= !is_label(l, BinaryenSwitchGetNameAt(e, i));
	l->escapes |= kind == K_Switch && !is_label(l, BinaryenSwitchGetDefaultName(e));
	return !l->escapes;
}

static bool has_value(Expr e) { return BinaryenExpressionGetType(e) != BinaryenTypeNone(); }

bool region_good(Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	Labels l = {0};
	bool number = t == BinaryenTypeInt32() || t == BinaryenTypeInt64() || t == BinaryenTypeFloat32() || t == BinaryenTypeFloat64();
	if (t != BinaryenTypeNone() && !number)
		return false;
	walk_each(e, escapes, &l);
	free(l.name);
	return !l.escapes;
}

/* ---- two of them as functions ---------------------------------------------------------------------------------------------- */

enum { USED = 1, SET = 2 };

/* What the regions do with the body's locals, and where those are among the functions' parameters. */
typedef struct Locals {
	const Body *body;
	const uint8_t *own;
	uint8_t *use;                  /* by local */
	uint32_t *at;                  /* parameter of the first function; the second's is at[i] + 1 for a local of its own */
	bool second;
	BinaryenType *param;
	uint32_t n, nparam, pcap;
} Locals;

static bool note(void *ctx, Expr e, uint32_t index)
{
	Locals *l = ctx;
	uint32_t kind = walk_kind(e);
	(void)index;
	if (kind == K_LocalGet)
		l->use[BinaryenLocalGetGetIndex(e)] |= USED;
	else if (kind == K_LocalSet)
		l->use[BinaryenLocalSetGetIndex(e)] |= USED | SET;
	return true;
}

static bool rename_local(void *ctx, Expr e, uint32_t index)
{
	const Locals *l = ctx;
	uint32_t kind = walk_kind(e);
	(void)index;
	if (kind == K_LocalGet) {
		uint32_t i = BinaryenLocalGetGetIndex(e);
		BinaryenLocalGetSetIndex(e, l->at[i] + (l->second && l->own[i]));
	} else if (kind == K_LocalSet) {
		uint32_t i = BinaryenLocalSetGetIndex(e);
		BinaryenLocalSetSetIndex(e, l->at[i] + (l->second && l->own[i]));
	}
	return true;
}

static void number(Locals *l)
{
	l->at = xalloc(l->n * sizeof *l->at);
	for (uint32_t i = 0; i < l->n; i++) {
		if (!l->use[i])
			continue;
		l->at[i] = l->nparam;
		for (int k = 0; k <= l->own[i]; k++)
			PUSH(l->param, l->nparam, l->pcap, body_local(l->body, i));
	}
}

/* (func (param ...) (result ...) [local.set $value] REGION  value and locals set) */
static Body function_of(const Locals *l, Expr region)
{
	Ref m = l->body->mod->ref;
	Expr part[2], *out = xalloc((l->n + 1) * sizeof *out);
	BinaryenType *type = xalloc((l->n + 1) * sizeof *type);
	uint32_t nout = 0;
	Body b = {.mod = l->body->mod, .name = l->body->name, .params = BinaryenTypeCreate(l->param, l->nparam)};
	part[0] = BinaryenExpressionCopy(region, m);
	walk_each(part[0], rename_local, (void *)l);
	if (has_value(region)) {
		b.nvars = 1;
		b.vars = xalloc(sizeof *b.vars);
		b.vars[0] = type[nout] = BinaryenExpressionGetType(region);
		part[0] = BinaryenLocalSet(m, l->nparam, part[0]);
		out[nout++] = BinaryenLocalGet(m, l->nparam, b.vars[0]);
	}
	for (uint32_t i = 0; i < l->n; i++) {
		if (!(l->use[i] & SET) || l->own[i])
			continue;
		type[nout] = body_local(l->body, i);
		out[nout++] = BinaryenLocalGet(m, l->at[i], body_local(l->body, i));
	}
	b.results = BinaryenTypeCreate(type, nout);
	part[1] = nout == 0 ? BinaryenNop(m) : nout == 1 ? out[0] : BinaryenTupleMake(m, out, nout);
	b.expr = BinaryenBlock(m, NULL, part, 2, b.results);
	free(out);
	free(type);
	return b;
}

void region_pair(const Body *body, Expr first, Expr second, const uint8_t *own, Body *a, Body *b)
{
	Locals l = {.body = body, .own = own, .n = body_nparams(body) + body->nvars};
	l.use = xalloc(l.n);
	walk_each(first, note, &l);
	walk_each(second, note, &l);
	number(&l);
	*a = function_of(&l, first);
	l.second = true;
	*b = function_of(&l, second);
	free(l.use);
	free(l.at);
	free(l.param);
}
