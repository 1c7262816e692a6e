/* memory_local.c - a local kept in another way: a loop's counter counted from elsewhere, or kept twice.
 * In: a body. Out: the same with every use of one local changed. Must hold: what is kept in the local is put in at every place
 * where it is set, its start counted, and taken out at every place where it is read. */
#include <stdlib.h>
#include "constinfer.h"

typedef enum Keeping { KEEP_SHIFTED, KEEP_TWICE, KEEPINGS } Keeping;

static uint32_t width_of(const Body *b, uint32_t local)
{
	BinaryenType t = body_local(b, local);
	return t == BinaryenTypeInt32() ? 32 : t == BinaryenTypeInt64() ? 64 : 0;
}

/* The nth integer local that a loop sets; *n is less those that were passed. */
static uint32_t looped_local(const Site *s, const Facts *f, uint32_t *n)
{
	for (uint32_t i = 0, all = body_nparams(s->body) + s->body->nvars; i < all; i++)
		if (width_of(s->body, i) && f->looped[i] && (*n)-- == 0)
			return i;
	return NONE;
}

uint32_t memory_local_count(const Site *s, const Facts *f)
{
	uint32_t n = UINT32_MAX;
	looped_local(s, f, &n);
	return (UINT32_MAX - n) * KEEPINGS;
}

typedef struct Keep {
	Ref m;
	Keeping how;
	uint32_t local, twin, width;
	uint64_t k;
	Rng *r;
	Expr *node;                    /* of the copy, before anything in it is changed */
	uint32_t n, cap;
} Keep;

static bool gather(void *ctx, Expr e, uint32_t index)
{
	Keep *k = ctx;
	(void)index;
	PUSH(k->node, k->n, k->cap, e);
	return true;
}

/* What is kept for the value e. */
static Expr put_in(const Keep *k, Expr e)
{
	if (k->how == KEEP_SHIFTED)
		return infer_binary(k->m, "add", k->width, e, infer_const(k->m, k->width, k->k));
	return BinaryenLocalTee(k->m, k->twin, e, infer_type(k->width));
}

/* The value of what is kept. */
static Expr taken_out(const Keep *k, Expr e)
{
	if (k->how == KEEP_SHIFTED)
		return infer_binary(k->m, "sub", k->width, e, infer_const(k->m, k->width, k->k));
	if (walk_kind(e) == K_LocalGet && rng_below(k->r, 2))
		BinaryenLocalGetSetIndex(e, k->twin);
	return e;
}

static bool is_use(const Keep *k, Expr e)
{
	if (walk_kind(e) == K_LocalGet)
		return BinaryenLocalGetGetIndex(e) == k->local;
	return walk_kind(e) == K_LocalSet && BinaryenLocalSetIsTee(e) && BinaryenLocalSetGetIndex(e) == k->local;
}

/* Every use in the tree, whose root is a block and so no use itself. */
static void change(Keep *k, Expr root)
{
	walk_each(root, gather, k);
	for (uint32_t i = 0; i < k->n; i++)
		for (uint32_t c = 0, n = walk_nkids(k->node[i]); c < n; c++)
			if (is_use(k, walk_kid(k->node[i], c)))
				walk_set_kid(k->node[i], c, taken_out(k, walk_kid(k->node[i], c)));
	for (uint32_t i = 0; i < k->n; i++)
		if (walk_kind(k->node[i]) == K_LocalSet && BinaryenLocalSetGetIndex(k->node[i]) == k->local)
			BinaryenLocalSetSetValue(k->node[i], put_in(k, BinaryenLocalSetGetValue(k->node[i])));
	free(k->node);
}

bool memory_local_make(const Site *s, const Facts *f, uint32_t n, Rng *r, Proposal *out)
{
	static const char *const rules[KEEPINGS] = {"local-shifted", "local-twin"};
	uint32_t nth = n / KEEPINGS;
	Keep k = {.m = s->body->mod->ref, .how = n % KEEPINGS, .local = looped_local(s, f, &nth), .r = r};
	if (k.local == NONE)
		return false;
	k.width = width_of(s->body, k.local);
	k.k = (1ull + rng_below(r, 1000)) << rng_below(r, 16);
	if (k.how == KEEP_TWICE)
		k.twin = proposal_local(out, s, infer_type(k.width));
	/* At the start a parameter is what it is, and another local zero. */
	bool given = k.local < body_nparams(s->body);
	Expr start = given ? BinaryenLocalGet(k.m, k.local, infer_type(k.width)) : infer_const(k.m, k.width, 0);
	Expr list[2] = {BinaryenLocalSet(k.m, k.local, put_in(&k, start)), BinaryenExpressionCopy(s->expr, k.m)};
	Expr body = BinaryenBlock(k.m, NULL, &list[1], 1, BinaryenExpressionGetType(s->expr));
	change(&k, body);
	list[1] = body;
	out->rule = rules[k.how];
	out->expr = BinaryenBlock(k.m, NULL, list, 2, BinaryenExpressionGetType(s->expr));
	return true;
}
