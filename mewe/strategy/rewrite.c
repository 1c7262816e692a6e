/* rewrite.c - the rewrite strategy: one rule applied to one expression.
 * In: a site that is an expression. Out: an equal expression. Must hold: whatever the operands do, they still do once and
 * in the same order, before anything else; so an operand that is more than a constant or the value of a local that no
 * other operand writes goes through a fresh local. */
#include <string.h>
#include "rewrite.h"

/* A rule with constants of its own is proposed with so many draws of them. */
enum { DRAWS = 2 };

/* A function of fewer expressions is small. */
enum { SMALL = 64 };

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

/* May operand i be read where it is used? */
static bool direct(const Binding *b, uint32_t i)
{
	Expr e = b->leaf[i];
	if (walk_kind(e) == K_Const)
		return true;
	if (walk_kind(e) != K_LocalGet)
		return false;
	Write w = {BinaryenLocalGetGetIndex(e), false};
	for (uint32_t k = 0; k < b->nleaf; k++)
		walk_each(b->leaf[k], no_write, &w);
	return !w.found;
}

/* Decide how each operand is read; set[] gets the assignments to be made first. */
static uint32_t bind(const Site *s, Binding *b, Proposal *out, Expr set[TERM_LEAVES + 1])
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < b->nleaf; i++) {
		Expr e = b->leaf[i];
		b->local[i] = NONE;
		if (direct(b, i)) {
			if (walk_kind(e) == K_LocalGet)
				b->local[i] = BinaryenLocalGetGetIndex(e);
			continue;
		}
		b->local[i] = proposal_local(out, s, BinaryenExpressionGetType(e));
		set[n++] = BinaryenLocalSet(b->module, b->local[i], BinaryenExpressionCopy(e, b->module));
	}
	return n;
}

static bool is_operand(const Binding *b, uint32_t local)
{
	for (uint32_t i = 0; i < b->nleaf; i++)
		if (walk_kind(b->leaf[i]) == K_LocalGet && BinaryenLocalGetGetIndex(b->leaf[i]) == local)
			return true;
	return false;
}

static bool fits_v(const Body *body, const Binding *b, uint32_t local)
{
	return body_local(body, local) == b->vtype && !is_operand(b, local); /* x-x is 0 to the compiler, too */
}

/* The local that v stands for, a parameter where there is one: the compiler knows what other locals hold at first. */
static uint32_t some_local(const Body *body, const Binding *b, uint64_t draw)
{
	uint32_t np = body_nparams(body), range[3] = {0, np, np + body->nvars};
	for (int r = 0; r < 2; r++) {
		uint32_t n = 0;
		for (uint32_t i = range[r]; i < range[r + 1]; i++)
			n += fits_v(body, b, i);
		uint32_t pick = n ? draw % n : 0;
		for (uint32_t i = range[r]; n && i < range[r + 1]; i++)
			if (fits_v(body, b, i) && pick-- == 0)
				return i;
	}
	return NONE;
}

/* In its stead, where there is no local: one that the module had when it was read, and not one that was added since. */
static const char *some_global(const Mod *m, BinaryenType type)
{
	for (uint32_t i = 0; i < m->scan.nglobals; i++) {
		BinaryenGlobalRef g = BinaryenGetGlobalByIndex(m->ref, i);
		if (BinaryenGlobalIsMutable(g) && BinaryenGlobalGetType(g) == type)
			return BinaryenGlobalGetName(g);
	}
	return NULL;
}

/* What a rule whose first term is a lone operand may take: values that come from elsewhere. */
static bool is_value(Expr e)
{
	switch (walk_kind(e)) {
	case K_LocalGet: case K_GlobalGet: case K_Load: case K_Call: case K_CallIndirect: return true;
	default: return false;
	}
}

static bool few(void *ctx, Expr e, uint32_t index)
{
	(void)ctx;
	(void)e;
	return index < SMALL;
}

/* What is looked at first, since most rules are for something else. */
typedef struct Root {
	const char *op;                /* its operator's name, or NULL */
	uint32_t width;                /* 0: not an integer */
	bool value, constant;
	bool small;                    /* the function is */
} Root;

static Root root_of(const Site *s)
{
	Root r = {.value = is_value(s->expr), .constant = walk_kind(s->expr) == K_Const};
	r.op = rewrite_op_of(s->expr, &r.width);
	r.small = (r.value || r.constant) && walk_each(s->body->expr, few, NULL);
	return r;
}

static bool fits(const Rule *r, const Root *root)
{
	const char *from = r->from;
	if (root->width == 0 || !(r->widths & (root->width == 64 ? RULE_64 : RULE_32)) || ((r->widths & RULE_SMALL) && !root->small))
		return false;
	if (from[0] != '(')
		return from[0] == 'K' ? root->constant : root->value;
	return root->op && strcspn(from + 1, " ") == strlen(root->op) && memcmp(from + 1, root->op, strlen(root->op)) == 0;
}

static bool matches(const Rule *r, const Root *root, const Body *body, Expr e, Terms *to, Binding *b)
{
	Terms from, when;
	*b = (Binding){.module = body->mod->ref};
	if (!fits(r, root) || !rewrite_parse(r->from, &from) || !rewrite_parse(r->to, to) || !rewrite_match(&from, 0, e, b))
		return false;
	if (r->when && (!rewrite_parse(r->when, &when) || rewrite_eval(&when, 0, b, root->width) == 0))
		return false;
	b->vtype = BinaryenExpressionGetType(b->nleaf ? b->leaf[0] : e);
	if (!rewrite_uses(to, "v") || some_local(body, b, 0) != NONE)
		return true;
	b->vglobal = some_global(body->mod, b->vtype);
	return b->vglobal != NULL;
}

/* How many proposals the rule has for the expression. */
static uint32_t applies(const Rule *r, const Root *root, const Site *s)
{
	Terms to;
	Binding b;
	return !matches(r, root, s->body, s->expr, &to, &b) ? 0 : rewrite_uses(&to, "cko") ? DRAWS : 1;
}

bool rewrite_apply(const Rule *r, const Site *s, uint64_t seed, Proposal *out)
{
	Terms to;
	Binding b;
	Expr list[TERM_LEAVES + 1];
	Root root = root_of(s);
	BinaryenType type = BinaryenExpressionGetType(s->expr);
	*out = (Proposal){.rule = r->name};
	if (!matches(r, &root, s->body, s->expr, &to, &b))
		return false;
	Rng rng = {seed};
	b.random[0] = rng_below(&rng, 1u << 30) | 1u << 8; /* an immediate, and never too small to matter */
	b.random[1] = rng_next(&rng) >> 32;
	b.random[2] = rng_below(&rng, 1u << 20) | 3;
	b.v = some_local(s->body, &b, rng_next(&rng) >> 32);
	uint32_t n = bind(s, &b, out, list);
	list[n] = rewrite_build(&to, &b, type);
	if (!list[n] || BinaryenExpressionGetType(list[n]) != type)
		return false;
	out->expr = n == 0 ? list[0] : BinaryenBlock(b.module, NULL, list, n + 1, type);
	return true;
}

static uint32_t count(const Site *s)
{
	Root root = root_of(s);
	uint32_t n = 0;
	for (uint32_t i = 0; s->kind == SITE_EXPR && i < rewrite_nrules; i++)
		n += applies(&rewrite_rules[i], &root, s);
	return n;
}

static bool propose(const Site *s, uint32_t n, uint64_t seed, Proposal *out)
{
	Root root = root_of(s);
	for (uint32_t i = 0; s->kind == SITE_EXPR && i < rewrite_nrules; i++) {
		uint32_t k = applies(&rewrite_rules[i], &root, s);
		if (n < k)
			return rewrite_apply(&rewrite_rules[i], s, mix64(seed ^ n), out);
		n -= k;
	}
	return false;
}

const Strategy strategy_rewrite = {"rewrite", "an integer expression replaced by an equal one of another shape", V_PROVED, NULL, NULL, NULL, count, propose};
