/* synth_const.c - trees with constants of their own, found by counterexamples.
 * In: a form of one variable and constants. Out: trees x op C1 op C2 ... that agree with it at all test points: all constants but
 * the last are derived from the form's or drawn, the last is solved for. Must hold: the same trees on every machine.
 *
 * The last constant is solved for from few points. Where what was solved fails at another point, that point is taken in, and the
 * constant is solved for again; a draw is given up as soon as no constant fits. */
#include <stdlib.h>
#include <string.h>
#include "synth.h"

/* A pool of constants, and how many of them three steps may use; of one shape of tree so many are kept. */
enum { STEPS = 3, POOL = 40, FIRST_POINTS = 4, AT_MOST = 40, ROUNDS = 12, PER_SHAPE = 3, KEEP = 160, SHAPES = 1 << 12, DENSE = 3 };

/* Operators with a constant, those that may stand before others first. */
static const struct {
	uint8_t op;
	bool first;                    /* the constant is the first operand */
} kinds[] = {{T_ADD, false}, {T_SUB, true}, {T_XOR, false}, {T_AND, false}, {T_OR, false}, {T_SHL, false}, {T_SHRU, false}, {T_SHRS, false},
             {T_ROTL, false}, {T_MUL, false}, {T_DIVU, false},
             {T_EQ, false}, {T_NE, false}, {T_LTU, false}, {T_LTS, false}, {T_GTU, false}, {T_GTS, false}};
enum { INNER = 9, KINDS = LEN(kinds) };

typedef struct Step {
	uint8_t kind;
	uint64_t c;
} Step;

typedef struct Guess {
	Synth *s;
	Form *form;
	uint8_t width;                 /* of the variable */
	uint64_t x[SYNTH_ALL], goal[SYNTH_ALL];
	uint64_t near[DENSE][SYNTH_ALL], near_goal[DENSE][SYNTH_ALL]; /* where it may turn: small values, and all about its constants */
	uint64_t v[STEPS][SYNTH_POINTS]; /* what the steps give at the first points */
	Step step[STEPS];
	uint64_t pool[POOL];
	uint32_t npool, nderived;      /* those derived from the form's constants come first */
	uint8_t shape[SHAPES];
	uint32_t limit;
	bool flag;                     /* the form is 0 or 1 */
	Rng rng;
} Guess;

static uint64_t ones(uint8_t width) { return width == 64 ? UINT64_MAX : UINT32_MAX; }

static void apply(const Guess *g, Step s, const uint64_t *in, uint64_t *out, uint32_t n)
{
	uint64_t c[SYNTH_ALL];
	for (uint32_t i = 0; i < n; i++)
		c[i] = s.c;
	if (kinds[s.kind].first)
		synth_eval(kinds[s.kind].op, g->width, c, in, c, out, n);
	else
		synth_eval(kinds[s.kind].op, g->width, in, c, c, out, n);
}

/* ---- the last constant ---- */

static uint64_t inverse(uint64_t odd)
{
	uint64_t x = odd;
	for (int i = 0; i < 5; i++)
		x *= 2 - odd * x;
	return x;
}

static int clz(const Guess *g, uint64_t x) { return x ? __builtin_clzll(x) - (64 - g->width) : g->width; }

/* The amount that takes the first point to its goal: any value, which seldom has two. */
static bool amount(const Guess *g, uint8_t op, uint64_t a, uint64_t t, uint64_t *c)
{
	uint64_t top = 1ull << (g->width - 1), flip = op == T_SHRS && a & top ? ones(g->width) : 0, out;
	if (a == 0 || t == 0 || (op == T_ROTL && __builtin_popcountll(a) != __builtin_popcountll(t)))
		return false;
	if (op == T_SHL)
		*c = __builtin_ctzll(t) - __builtin_ctzll(a);
	else if (op != T_ROTL)
		*c = clz(g, t ^ flip) - clz(g, a ^ flip);
	for (uint64_t i = 1; op == T_ROTL && i < g->width; i++) {
		synth_eval(op, g->width, &a, &i, &i, &out, 1);
		if (out == t)
			*c = i;
	}
	return *c > 0 && *c < g->width;
}

/* Bits that must be in a mask, and may be; the others are drawn. */
static bool mask(Guess *g, bool or, const uint64_t *a, const uint64_t *t, uint32_t n, uint64_t *c)
{
	uint64_t must = 0, never = 0, all = ones(g->width);
	for (uint32_t i = 0; i < n; i++) {
		must |= or ? t[i] & ~a[i] : t[i];
		never |= or ? all & ~t[i] : a[i] & ~t[i];
		if (or ? a[i] & ~t[i] : t[i] & ~a[i])
			return false;
	}
	*c = must | (rng_next(&g->rng) & all & ~never);
	return (must & never) == 0;
}

/* A limit between what is below it and what is not; flip makes the order of signed numbers that of unsigned ones. */
static bool limit(Guess *g, bool greater, uint64_t flip, const uint64_t *a, const uint64_t *t, uint32_t n, uint64_t *c)
{
	uint64_t low = 0, high = ones(g->width); /* of c */
	for (uint32_t i = 0; i < n; i++) {
		uint64_t x = a[i] ^ flip;
		if (t[i] > 1)
			return false;
		if (!greater && t[i]) { /* x < c */
			if (x == ones(g->width))
				return false;
			low = x + 1 > low ? x + 1 : low;
		} else if (!greater) { /* c <= x */
			high = x < high ? x : high;
		} else if (t[i]) { /* c < x */
			if (x == 0)
				return false;
			high = x - 1 < high ? x - 1 : high;
		} else { /* x <= c */
			low = x > low ? x : low;
		}
	}
	*c = low ^ flip;
	return low <= high;
}

/* A divisor that takes each a to its t: a / (t + 1) < c <= a / t. */
static bool divisor(const Guess *g, const uint64_t *a, const uint64_t *t, uint32_t n, uint64_t *c)
{
	uint64_t low = 2, high = ones(g->width) - 1;
	for (uint32_t i = 0; i < n; i++) {
		if (t[i] > a[i])
			return false;
		if (t[i] > 0 && a[i] / t[i] < high)
			high = a[i] / t[i];
		if (t[i] < ones(g->width) && a[i] / (t[i] + 1) + 1 > low)
			low = a[i] / (t[i] + 1) + 1;
	}
	*c = low;
	return low <= high;
}

static bool equal(bool not, const uint64_t *a, const uint64_t *t, uint32_t n, uint64_t *c)
{
	bool some = false;
	for (uint32_t i = 0; i < n; i++) {
		if (t[i] > 1)
			return false;
		if (t[i] != not && some && a[i] != *c)
			return false;
		if (t[i] != not) {
			some = true;
			*c = a[i];
		}
	}
	for (uint32_t i = 0; i < n; i++)
		if (some && t[i] == not && a[i] == *c)
			return false;
	return some;
}

static bool solve(Guess *g, uint8_t kind, const uint64_t *a, const uint64_t *t, uint32_t n, uint64_t *c)
{
	uint64_t top = 1ull << (g->width - 1);
	switch (kinds[kind].op) {
	case T_ADD: *c = (t[0] - a[0]) & ones(g->width); return *c == ((t[1] - a[1]) & ones(g->width));
	case T_SUB: *c = (t[0] + a[0]) & ones(g->width); return *c == ((t[1] + a[1]) & ones(g->width));
	case T_XOR: *c = t[0] ^ a[0]; return *c == (t[1] ^ a[1]);
	case T_AND: return mask(g, false, a, t, n, c);
	case T_OR: return mask(g, true, a, t, n, c);
	case T_MUL:
		for (uint32_t i = 0; i < n; i++)
			if (a[i] & 1) {
				*c = t[i] * inverse(a[i]) & ones(g->width);
				return true;
			}
		return false;
	case T_DIVU: return divisor(g, a, t, n, c);
	case T_EQ: return equal(false, a, t, n, c);
	case T_NE: return equal(true, a, t, n, c);
	case T_LTU: return limit(g, false, 0, a, t, n, c);
	case T_LTS: return limit(g, false, top, a, t, n, c);
	case T_GTU: return limit(g, true, 0, a, t, n, c);
	case T_GTS: return limit(g, true, top, a, t, n, c);
	default: return amount(g, kinds[kind].op, a[0], t[0], c);
	}
}

/* What the first n steps give at all points. */
static void run(const Guess *g, uint32_t n, uint64_t *v)
{
	memcpy(v, g->x, sizeof g->x);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t out[SYNTH_ALL];
		apply(g, g->step[i], v, out, SYNTH_ALL);
		memcpy(v, out, sizeof out);
	}
}

/* The constant with which step n takes v to the goal at all points. Most steps fail at the first of them. */
static bool last(Guess *g, uint32_t n, const uint64_t *v)
{
	uint64_t a[AT_MOST], t[AT_MOST], all[SYNTH_ALL], out[SYNTH_ALL];
	uint32_t have = 0, points = SYNTH_POINTS;
	for (; have < FIRST_POINTS; have++) {
		a[have] = v[have];
		t[have] = g->goal[have];
	}
	for (int round = 0; round < ROUNDS && have < AT_MOST; round++) {
		uint32_t i = 0;
		if (!solve(g, g->step[n].kind, a, t, have, &g->step[n].c))
			return false;
		apply(g, g->step[n], v, out, points);
		while (i < points && out[i] == g->goal[i])
			i++;
		if (i == SYNTH_ALL)
			return true;
		if (i == points) {
			run(g, n, all);
			v = all;
			points = SYNTH_ALL;
			continue;
		}
		a[have] = v[i];
		t[have++] = g->goal[i];
	}
	return false;
}

/* ---- trees ---- */

static void write(Guess *g, uint32_t n)
{
	Tree t = {.n = 1, .t = {{.op = T_SYM, .width = g->width}}};
	const uint64_t *var[SYNTH_VARS] = {g->x, g->x, g->x};
	uint64_t out[SYNTH_ALL];
	uint32_t shape = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t at = t.n - 1, c = t.n, first = kinds[g->step[i].kind].first;
		t.t[t.n++] = (Twig){.op = T_CONST, .width = g->width, .imm = g->step[i].c};
		t.t[t.n++] = (Twig){.op = kinds[g->step[i].kind].op, .width = g->width, .kid = {first ? c : at, first ? at : c}};
		shape = shape * KINDS + g->step[i].kind + 1;
	}
	shape %= SHAPES;
	if (g->shape[shape] >= PER_SHAPE || synth_cost(&t) > g->limit || synth_tree_same(&t, &g->form->tree))
		return;
	if (!synth_tree_points(&t, var, out, SYNTH_ALL) || memcmp(out, g->goal, sizeof out) != 0)
		return;
	for (uint32_t i = 0; i < DENSE; i++) {
		const uint64_t *near[SYNTH_VARS] = {g->near[i], g->near[i], g->near[i]};
		synth_tree_points(&t, near, out, SYNTH_ALL);
		if (memcmp(out, g->near_goal[i], sizeof out) != 0)
			return;
	}
	g->shape[shape]++;
	synth_tree_add(g->s, &t);
	g->form->n++;
	g->s->passed++;
}

/* Can the operator give what the form gives? */
static bool suits(const Guess *g, uint8_t op)
{
	if (g->flag)
		return synth_ops[op].compares || (g->form->type == g->width && (op == T_XOR || op == T_AND || op == T_SHRU));
	return g->form->type == g->width && !synth_ops[op].compares;
}

/* Tries every operator as the last of n + 1. */
static void finish(Guess *g, uint32_t n, const uint64_t *v)
{
	for (uint8_t k = 0; k < KINDS && g->form->n < KEEP; k++) {
		if (!suits(g, kinds[k].op))
			continue;
		g->s->enumerated++;
		g->step[n].kind = k;
		if (last(g, n, v))
			write(g, n + 1);
	}
}

static bool sensible(const Guess *g, uint8_t kind, uint64_t c)
{
	uint8_t op = kinds[kind].op;
	if (op >= T_SHL && op <= T_ROTR)
		return c > 0 && c < g->width;
	return c != 0 && c != ones(g->width);
}

static void search(Guess *g, uint32_t n, const uint64_t *v, uint32_t steps)
{
	if (n + 1 == steps)
		finish(g, n, v);
	for (uint8_t k = 0; n + 1 < steps && k < INNER; k++) {
		for (uint32_t i = 0; i < (steps < STEPS ? g->npool : g->nderived); i++) {
			if (!sensible(g, k, g->pool[i]))
				continue;
			g->step[n] = (Step){k, g->pool[i]};
			apply(g, g->step[n], v, g->v[n], SYNTH_POINTS);
			search(g, n + 1, g->v[n], steps);
		}
	}
}

/* ---- constants ---- */

static void pool_add(Guess *g, uint64_t c)
{
	c &= ones(g->width);
	for (uint32_t i = 0; i < g->npool; i++)
		if (g->pool[i] == c)
			return;
	if (g->npool < POOL)
		g->pool[g->npool++] = c;
}

static void fill_pool(Guess *g)
{
	const Tree *t = &g->form->tree;
	uint32_t w = g->width;
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t c = t->t[i].imm, derived[] = {c, ~c, -c, c + 1, c - 1, 1ull << (c & 63), w - c};
		for (uint32_t k = 0; k < (c < w ? LEN(derived) : LEN(derived) - 2) && t->t[i].op == T_CONST; k++)
			pool_add(g, derived[k]);
	}
	g->nderived = g->npool < 5 ? g->npool : 5;
	pool_add(g, 1);
	pool_add(g, w - 1);
	pool_add(g, 1ull << (w - 1));
	for (uint32_t i = 0; i < 3; i++)
		pool_add(g, (rng_next(&g->rng) & 0x3fffffff) | 0x101);
	pool_add(g, rng_next(&g->rng) % (w - 1) + 1);
}

/* A value near one of the constants, or near what two of them give. */
static uint64_t near_one(Guess *g, uint32_t i)
{
	uint64_t c = g->pool[rng_below(&g->rng, g->npool)], d = g->pool[rng_below(&g->rng, g->npool)], bit = 1ull << rng_below(&g->rng, g->width);
	uint64_t small = rng_below(&g->rng, 64);
	switch (i % 8) {
	case 0: return small;
	case 1: return c ^ bit;
	case 2: return c ^ small;
	case 3: return (c ^ d) + small - 32;
	case 4: return (c + d) + small - 32;
	case 5: return (c - d) + small - 32;
	default: return c + small - 32;
	}
}

/* Where the form may turn: at its constants, on either side, and thereabouts. */
static void add_points(Guess *g)
{
	uint64_t all = ones(g->width) & g->form->mask;
	uint32_t at = SYNTH_ALL;
	for (uint32_t i = 0; i < g->npool && at > SYNTH_ALL - 3 * POOL; i++)
		for (uint64_t d = 0; d < 3; d++)
			g->x[--at] = (g->pool[i] + d - 1) & all;
	for (uint32_t i = 0; i < DENSE * SYNTH_ALL; i++)
		g->near[i / SYNTH_ALL][i % SYNTH_ALL] = near_one(g, i) & all;
}

void synth_constants(Synth *s, Form *f, const uint64_t *x)
{
	Guess *g = xalloc(sizeof *g);
	*g = (Guess){.s = s, .form = f, .width = f->width, .limit = synth_cost(&f->tree) + SYNTH_EXTRA, .rng = {f->tree.n}};
	for (uint32_t i = 0; i < SYNTH_ALL; i++)
		g->x[i] = x[i] & f->mask;
	fill_pool(g);
	add_points(g);
	const uint64_t *var[SYNTH_VARS] = {g->x, g->x, g->x};
	synth_tree_points(&f->tree, var, g->goal, SYNTH_ALL);
	for (uint32_t i = 0; i < DENSE; i++) {
		const uint64_t *near[SYNTH_VARS] = {g->near[i], g->near[i], g->near[i]};
		synth_tree_points(&f->tree, near, g->near_goal[i], SYNTH_ALL);
	}
	g->flag = f->type == 32;
	for (uint32_t i = 0; i < SYNTH_ALL; i++)
		g->flag &= g->goal[i] <= 1;
	f->first = s->ntree;
	for (uint32_t steps = 1; steps <= STEPS; steps++)
		search(g, 0, g->x, steps);
	free(g);
}
