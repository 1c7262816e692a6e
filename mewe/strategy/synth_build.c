/* synth_build.c - a tree as code, and its name.
 * In: a site, its cone, a tree over the cone's variables. Out: the expression, with its operands evaluated once and in order
 * before anything else; the tree in the notation of rewrite's rules, which is the rule's name. Must hold: what is made of
 * constants alone is computed here; a variable that the cone does not have may be any value, but is one value. */
#include <string.h>
#include "synth.h"

typedef struct Make {
	const Site *s;
	const Cone *c;
	const Tree *t;
	Ref module;
	uint64_t seed;
	uint32_t local[SYNTH_VARS + 1]; /* what holds the variable, or NONE: it is a constant */
	uint64_t value[SYNTH_VARS + 1]; /* of constants */
} Make;

static BinaryenType type_of(uint8_t width) { return width == 64 ? BinaryenTypeInt64() : BinaryenTypeInt32(); }

static Expr number(const Make *m, uint8_t width, uint64_t v)
{
	return BinaryenConst(m->module, width == 64 ? BinaryenLiteralInt64((int64_t)v) : BinaryenLiteralInt32((int32_t)v));
}

/* ---- variables ---- */

static bool is_operand(const Cone *c, uint32_t local)
{
	for (uint32_t i = 0; i < c->nvar; i++)
		if (walk_kind(c->var[i]) == K_LocalGet && BinaryenLocalGetGetIndex(c->var[i]) == local)
			return true;
	return false;
}

/* May local i be what a variable of the tree's own stands for? */
static bool free_local(const Make *m, uint32_t i)
{
	bool taken = is_operand(m->c, i);
	for (uint32_t v = m->c->nvar; v < SYNTH_VARS; v++)
		taken |= m->local[v] == i;
	return !taken && body_local(m->s->body, i) == type_of(m->c->width);
}

/* One of them, a parameter more often: what other locals hold at first is no secret to the compiler. */
static uint32_t live(const Make *m, uint64_t draw)
{
	uint32_t np = body_nparams(m->s->body), to[] = {draw & 3 ? np : 0, np + m->s->body->nvars};
	for (int pass = 0; pass < 2; pass++) {
		uint32_t n = 0;
		for (uint32_t i = 0; i < to[pass]; i++)
			n += free_local(m, i);
		uint32_t pick = n ? (draw >> 8) % n : 0;
		for (uint32_t i = 0; n && i < to[pass]; i++)
			if (free_local(m, i) && pick-- == 0)
				return i;
	}
	return NONE;
}

/* A variable that only the tree has. */
static void any(Make *m, uint32_t v)
{
	uint64_t draw = mix64(m->seed ^ v);
	m->local[v] = draw >> 62 == 0 ? live(m, draw) : NONE;
	m->value[v] = (mix64(draw) & 0x3fffffff) | 0x100; /* an immediate, and never too small to matter */
}

static bool direct(const Cone *c, uint32_t v)
{
	return walk_kind(c->var[v]) == K_LocalGet && !synth_written(c, BinaryenLocalGetGetIndex(c->var[v]));
}

/* Decides how each variable is read; set[] gets the assignments to be made first. */
static uint32_t bind(Make *m, Proposal *out, Expr *set)
{
	const Cone *c = m->c;
	uint32_t n = 0;
	for (uint32_t v = 0; v < SYNTH_VARS; v++)
		m->local[v] = NONE;
	for (uint32_t v = 0; v < c->nvar; v++) {
		m->value[v] = c->value[v];
		if (c->constant[v])
			continue;
		if (direct(c, v)) {
			m->local[v] = BinaryenLocalGetGetIndex(c->var[v]);
			continue;
		}
		m->local[v] = proposal_local(out, m->s, type_of(c->width));
		set[n++] = BinaryenLocalSet(m->module, m->local[v], BinaryenExpressionCopy(c->var[v], m->module));
	}
	for (uint32_t v = c->nvar; v < SYNTH_VARS; v++)
		any(m, v);
	return n;
}

/* ---- code ---- */

static bool constant(const Make *m, uint32_t at)
{
	const Twig *w = &m->t->t[at];
	if (w->op == T_SYM)
		return m->local[w->kid[0]] == NONE;
	for (uint32_t i = 0; i < synth_ops[w->op].nkids; i++)
		if (!constant(m, w->kid[i]))
			return false;
	return true;
}

static Expr expression(const Make *m, uint32_t at)
{
	const Twig *w = &m->t->t[at];
	const SynthOp *o = &synth_ops[w->op];
	Expr kid[3] = {NULL};
	uint8_t op = w->op;
	if (constant(m, at))
		return number(m, o->name ? synth_gives(op, w->width) : w->width, synth_tree_value(m->t, at, m->value));
	if (op == T_SYM)
		return BinaryenLocalGet(m->module, m->local[w->kid[0]], type_of(w->width));
	for (uint32_t i = 0; i < o->nkids; i++)
		kid[i] = expression(m, w->kid[i]);
	switch (op) {
	case T_ITE: return BinaryenSelect(m->module, kid[0], kid[1], kid[2], type_of(w->width));
	case S_NOT: op = T_XOR; kid[1] = number(m, w->width, UINT64_MAX); break;
	case S_NEG: op = T_SUB; kid[1] = kid[0]; kid[0] = number(m, w->width, 0); break;
	case T_LTS: case T_LTU: case T_LES: case T_LEU:
		if (mix64(m->seed + at) & 1) {
			Expr e = kid[0];
			kid[0] = kid[1];
			kid[1] = e;
			op = op == T_LTS ? T_GTS : op == T_LTU ? T_GTU : op == T_LES ? T_GES : T_GEU;
		}
	}
	BinaryenOp id = synth_ops[op].id[w->width == 64]();
	return synth_ops[op].nkids == 1 ? BinaryenUnary(m->module, id, kid[0]) : BinaryenBinary(m->module, id, kid[0], kid[1]);
}

/* ---- names ---- */

static void name(const Make *m, uint32_t at, Buf *b)
{
	const Twig *w = &m->t->t[at];
	uint32_t v = w->kid[0];
	if (w->op == T_CONST && !synth_special(w->imm, w->width)) {
		buf_printf(b, "C");
	} else if (w->op == T_CONST) {
		buf_printf(b, "%lld", w->width == 64 ? (long long)w->imm : (long long)(int32_t)w->imm);
	} else if (w->op == T_SYM) {
		const char *letters = m->local[v] == NONE ? "kkl" : "vvw";
		if (v == SYNTH_FIRST)
			letters = "...u";
		else if (v < m->c->nvar)
			letters = m->c->constant[v] ? "cde" : "xyz";
		buf_printf(b, "%c", letters[v]);
	} else {
		buf_printf(b, "(%s", synth_ops[w->op].name);
		for (uint32_t i = 0; i < synth_ops[w->op].nkids; i++) {
			buf_printf(b, " ");
			name(m, w->kid[i], b);
		}
		buf_printf(b, ")");
	}
}

static void put_name(const Make *m, const char *before, char *text, size_t size)
{
	Buf b = {0};
	name(m, m->t->n - 1, &b);
	snprintf(text, size, "%s%.*s", before, (int)b.n, (const char *)b.p);
	buf_free(&b);
}

void synth_build(const Site *s, const Cone *c, const Tree *t, uint64_t seed, Proposal *out, char *text, size_t size)
{
	Make m = {.s = s, .c = c, .t = t, .module = s->body->mod->ref, .seed = seed};
	Expr list[SYNTH_VARS + 1];
	uint32_t n = bind(&m, out, list);
	list[n] = expression(&m, t->n - 1);
	put_name(&m, "", text, size);
	out->expr = n == 0 ? list[0] : BinaryenBlock(m.module, NULL, list, n + 1, BinaryenExpressionGetType(s->expr));
}

void synth_build_pair(const Site *s, uint32_t at, const Cone *c, const Tree *t, uint64_t seed, Proposal *out, char *text, size_t size)
{
	Make m = {.s = s, .c = c, .t = &c->tree, .module = s->body->mod->ref, .seed = seed};
	Expr set[4], block = BinaryenExpressionCopy(s->expr, m.module);
	bool swapped = c->root[0] > c->root[1]; /* the second assignment's value is the first to be computed */
	bind(&m, out, set); /* variables are locals, and stay what they are until both values are there */
	m.local[SYNTH_FIRST] = proposal_local(out, s, type_of(c->width));
	uint32_t second = proposal_local(out, s, type_of(c->width));
	set[0] = BinaryenLocalSet(m.module, m.local[SYNTH_FIRST], expression(&m, c->root[0]));
	m.t = t;
	set[1] = BinaryenLocalSet(m.module, second, expression(&m, t->n - 1));
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t from = (i == 1) == swapped ? m.local[SYNTH_FIRST] : second;
		Expr old = BinaryenBlockGetChildAt(block, at + i);
		set[2 + i] = BinaryenLocalSet(m.module, BinaryenLocalSetGetIndex(old), BinaryenLocalGet(m.module, from, type_of(c->width)));
	}
	BinaryenBlockSetChildAt(block, at, BinaryenBlock(m.module, NULL, set, 4, BinaryenTypeNone()));
	BinaryenBlockSetChildAt(block, at + 1, BinaryenNop(m.module));
	put_name(&m, "then ", text, size);
	out->expr = block;
}
