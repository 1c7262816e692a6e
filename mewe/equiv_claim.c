/* equiv_claim.c - what is known of one register where ways join: a range, and some of its bits.
 * In: values as they arrive. Out: a claim that has been proved of each. Must hold: a guess may come from anywhere; what stays has
 * been proved by the solver on every path that arrives, or is the value's own constant. A claim gets weaker at most TRIES times,
 * then it is given up. */
#include <stdlib.h>
#include "path.h"

enum { TRIES = 8, BOUNDS = 24, DEPTH = 12, LOW_BITS = 8 };

static uint64_t full(uint8_t width) { return width >= 64 ? UINT64_MAX : (1ull << width) - 1; }

bool claim_equal(const Claim *a, const Claim *b)
{
	return a->low == b->low && a->high == b->high && a->mask == b->mask && a->bits == b->bits;
}

/* ---- guesses ---- */

static uint64_t fill(uint64_t v) /* all bits below the highest */
{
	for (int k = 1; k < 64; k *= 2)
		v |= v >> k;
	return v;
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* What a comparison of x with c, which holds or fails, says of x as an unsigned number, roughly. */
static void narrow(Claim *f, uint8_t op, bool sense, uint64_t c, uint8_t width)
{
	uint64_t half = full(width) >> 1;
	bool below = op == T_LTS || op == T_LTU || op == T_LES || op == T_LEU;
	bool is_signed = op == T_LTS || op == T_LES || op == T_GTS || op == T_GES;
	if (op == T_EQ ? !sense : op == T_NE ? sense : false)
		return;
	if (is_signed && c > half)
		return;
	if (op == T_EQ || op == T_NE || below == sense)
		f->high = least(f->high, c);
	if (op == T_EQ || op == T_NE || below != sense)
		f->low = f->low > c ? f->low : c;
	if (is_signed)
		f->high = least(f->high, half);
}

/* The range in which the path is known to keep x, roughly. */
static Claim assumed(const Search *s, const Path *p, Term x)
{
	static const uint8_t turned[] = {[T_EQ] = T_EQ, [T_NE] = T_NE, [T_LTS] = T_GTS, [T_LTU] = T_GTU, [T_LES] = T_GES, [T_LEU] = T_GEU,
	                                 [T_GTS] = T_LTS, [T_GTU] = T_LTU, [T_GES] = T_LES, [T_GEU] = T_LEU};
	Claim f = {.high = full(s->t.node[x].width)};
	uint64_t c;
	for (uint32_t i = 0; i < p->nknown; i++) {
		const Node *n = &s->t.node[p->known[i].cond];
		const Node *d = n->op == T_LEU ? &s->t.node[n->a] : NULL; /* as in_range() makes it */
		uint64_t low;
		if (d && d->op == T_SUB && d->a == x && term_is_const(&s->t, d->b, &low) && term_is_const(&s->t, n->b, &c)) {
			f.low = low;
			f.high = least(f.high, low + c);
		}
		if (n->op < T_EQ || n->op > T_GEU)
			continue;
		if (term_find(&s->t, n->a) == x && term_is_const(&s->t, n->b, &c))
			narrow(&f, n->op, p->known[i].sense, c, s->t.node[x].width);
		if (term_find(&s->t, n->b) == x && term_is_const(&s->t, n->a, &c))
			narrow(&f, turned[n->op], p->known[i].sense, c, s->t.node[x].width);
	}
	return f;
}

/* No more than this, probably. */
static uint64_t high_of(const Search *s, const Path *p, Term x, unsigned depth)
{
	x = term_find(&s->t, x);
	const Node *n = &s->t.node[x];
	uint64_t top = full(n->width), a, b, v = 0;
	if (n->op == T_CONST)
		return n->imm;
	if ((n->op >= T_EQ && n->op <= T_GEU) || n->op == T_EQZ)
		return 1;
	if (depth == DEPTH || n->op > T_INTERPRETED)
		return assumed(s, p, x).high;
	bool constant = n->b != TERM_NONE && term_is_const(&s->t, n->b, &v);
	a = high_of(s, p, n->op == T_ITE ? n->c : n->a, depth + 1);
	b = n->b == TERM_NONE ? 0 : high_of(s, p, n->b, depth + 1);
	switch (n->op) {
	case T_ITE: return a > b ? a : b;
	case T_AND: return least(a, b);
	case T_OR: case T_XOR: return fill(a | b);
	case T_CAT: return a << n->key | full(n->key);
	case T_EXTU: return a;
	case T_WRAP: return least(a, top);
	case T_SHRU: return constant ? a >> v % n->width : a;
	case T_SHL: return constant && a <= top >> v % n->width ? a << v % n->width : top;
	case T_ADD: return a <= top - b && b <= top ? a + b : top;
	case T_MUL: return b == 0 || a <= top / b ? a * b : top;
	case T_DIVU: return constant && v > 0 ? a / v : a;
	case T_REMU: return constant && v > 0 ? v - 1 : a;
	case T_CLZ: case T_CTZ: case T_POPCNT: return n->width;
	}
	return top;
}

/* The lowest bits that are the same at all test points. */
static uint64_t low_bits(Search *s, Term x)
{
	const uint64_t *v = term_points(&s->t, x);
	uint64_t differ = 0;
	for (uint32_t i = 1; i < POINTS; i++)
		differ |= v[i] ^ v[0];
	uint64_t mask = differ ? (differ & -differ) - 1 : UINT64_MAX;
	return mask & full(LOW_BITS);
}

Claim claim_guess(Search *s, const Path *p, Term value)
{
	uint64_t c;
	uint8_t width = s->t.node[value].width;
	if (width > 64)
		return (Claim){.high = UINT64_MAX};
	if (term_is_const(&s->t, term_find(&s->t, value), &c))
		return (Claim){.low = c, .high = c, .mask = full(width), .bits = c};
	value = term_find(&s->t, value);
	Claim f = assumed(s, p, value);
	f.high = least(f.high, high_of(s, p, value, 0));
	f.low = least(f.low, f.high);
	f.mask = low_bits(s, value);
	f.bits = term_points(&s->t, value)[0] & f.mask;
	return f;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

void claim_bounds(Search *s)
{
	for (int k = 0; k < 2; k++) {
		const Flow *f = &s->flow[k];
		uint64_t *number = xalloc(f->nreg * sizeof *number);
		bool *is = xalloc(f->nreg);
		for (uint32_t i = 0; i < f->nins; i++) {
			const Ins *n = &f->ins[i];
			if (n->kind == I_CONST) {
				number[n->dst] = n->imm;
				is[n->dst] = true;
			}
			if (n->kind != I_OP || n->op < T_EQ || n->op > T_GEU)
				continue;
			for (uint32_t j = 0; j < n->narg; j++)
				for (int d = -1; is[f->arg[n->arg + j]] && d <= 1; d++)
					PUSH(s->bound, s->nbound, s->bcap, number[f->arg[n->arg + j]] + d);
		}
		free(number);
		free(is);
	}
	static const uint64_t usual[] = {1, 0xff, 0xffff};
	for (size_t i = 0; i < LEN(usual); i++)
		PUSH(s->bound, s->nbound, s->bcap, usual[i]);
	qsort(s->bound, s->nbound, sizeof *s->bound, by_number);
}

/* ---- proofs ---- */

static Term in_range(Search *s, Term v, uint64_t low, uint64_t high)
{
	Terms *t = &s->t;
	uint8_t w = t->node[v].width;
	return term_op(t, T_LEU, w, term_op(t, T_SUB, w, v, term_const(t, w, low)), term_const(t, w, high - low));
}

static Term has_bits(Search *s, Term v, uint64_t mask, uint64_t bits)
{
	Terms *t = &s->t;
	uint8_t w = t->node[v].width;
	return term_op(t, T_EQ, w, term_op(t, T_AND, w, v, term_const(t, w, mask)), term_const(t, w, bits));
}

/* The next number above, among those that the functions compare with; then the largest without a sign, then the largest. */
static uint64_t next_bound(const Search *s, uint64_t above, uint64_t top)
{
	uint64_t next = above < top >> 1 ? top >> 1 : top;
	for (uint32_t i = 0; i < s->nbound; i++)
		if (s->bound[i] > above)
			return least(s->bound[i], next);
	return next;
}

static void arrive_range(Search *s, const Path *p, Term v, Claim *f, uint64_t top)
{
	if ((f->low == 0 && f->high == top) || holds(s, p, in_range(s, v, f->low, f->high), true))
		return;
	if (f->tries++ == TRIES || high_of(s, p, v, 0) == top) /* or nothing seems to bound it: then the solver is not asked */
		f->high = top;
	for (unsigned i = 0; f->high < top && !holds(s, p, in_range(s, v, f->low, f->high), true); i++) {
		if (f->low > 0 && holds(s, p, in_range(s, v, 0, f->high), true))
			f->low = 0;
		else
			f->high = i < BOUNDS ? next_bound(s, f->high, top) : top;
	}
	f->low = f->high == top ? 0 : f->low;
}

void claim_arrive(Search *s, const Path *p, Term value, Claim *f)
{
	uint64_t top = full(s->t.node[value].width), c;
	if (term_is_const(&s->t, term_find(&s->t, value), &c) && c >= f->low && c <= f->high && (c & f->mask) == f->bits)
		return;
	if (s->t.node[value].width > 64)
		return;
	arrive_range(s, p, value, f, top);
	while (f->mask != 0 && !holds(s, p, has_bits(s, value, f->mask, f->bits), true)) {
		f->mask = (f->mask & full(LOW_BITS)) >> (f->mask <= full(LOW_BITS));
		f->bits &= f->mask;
	}
}

/* ---- what a path begins with ---- */

Term claim_value(Search *s, const Claim *f, uint8_t width)
{
	return f->low == f->high ? term_const(&s->t, width, f->low) : term_sym(&s->t, width);
}

void claim_assume(Search *s, Path *p, const Claim *f, Term value)
{
	Terms *t = &s->t;
	uint64_t v;
	uint8_t w = t->node[value].width;
	if (w > 64 || term_is_const(t, value, &v))
		return;
	if (f->low > 0 || f->high < full(w))
		path_learn(p, in_range(s, value, f->low, f->high), true);
	if (f->mask != 0)
		path_learn(p, has_bits(s, value, f->mask, f->bits), true);
}
