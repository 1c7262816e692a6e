/* synth_search.c - the trees for forms.
 * In: the forms over variables of one kind, their bank. Out: for each form the trees that agree with it at all test points, the
 * cheapest first. Must hold: the same trees on every machine; no tree is the form itself.
 *
 * Where the root is a sum, a difference or an exclusive or, one operand is taken from the bank and the other is solved for and
 * looked up, so that trees of five operators cost no more than those of two. For the other roots all pairs of operands are
 * evaluated, of one operator each, or of two and none; first at a few points only, since few agree even there. */
#include <stdlib.h>
#include <string.h>
#include "synth.h"

enum { RAW = 1 << 13, FEW = 4, CHUNK = 256, BITS = 1 << 16, SLOTS = 4 * SYNTH_KEEP };

/* What is harder for the solver than the form goes behind what costs so much more, up to a limit. */
enum { HARD = 3, TOO_HARD = 1 };

/* A tree before it is written out: a root over members of classes; op T_SYM: a itself. */
typedef struct Hit {
	uint8_t op, width, rank;       /* by rising rank they are kept */
	uint32_t kid[2];               /* values */
} Hit;

typedef struct Goal {
	Form *form;
	uint64_t all[SYNTH_ALL];
	uint64_t sum, mix;
	uint32_t limit, hard;          /* what a tree may cost; what is hard in the form */
	Hit *found;
	uint32_t n, cap, room;
	uint32_t next;                 /* another goal with the same hash of its first points: goal + 1 */
} Goal;

typedef struct Hunt {
	Synth *s;
	Bank *b;
	Goal *goal;
	uint32_t n;
	uint32_t *type[2];             /* classes of 32 and of 64 bits, in order */
	uint32_t ntype[2];
	uint64_t *few[2];              /* their first points */
	uint8_t *bits;                 /* has any goal this hash of its first points? */
	uint32_t *head;                /* the first of them: goal + 1 */
} Hunt;

static uint32_t few_hash(const uint64_t *v, uint8_t type)
{
	return (v[0] * 0x9e3779b97f4a7c15 + v[1] * 0xd1b54a32d192ed03 + v[2] * 0xbf58476d1ce4e5b9 + v[3] * 0x94d049bb133111eb + type) >> 48;
}
_Static_assert(FEW == 4, "the hash is of four points");

/* ---- what was found ---- */

static void found(Hunt *s, Goal *g, uint8_t op, uint8_t width, uint32_t a, uint32_t b)
{
	const Bank *k = s->b;
	uint32_t y0 = op == T_SYM || synth_ops[op].nkids == 1 ? NONE : k->class[b].first;
	bool known = y0 != NONE && k->class[b].vars == 0;
	for (uint32_t x = k->class[a].first; x != NONE; x = k->value[x].next) {
		for (uint32_t y = y0;; y = k->value[y].next) {
			uint32_t cost = k->value[x].cost + (y == NONE ? 0 : k->value[y].cost) + synth_cost_of(op, known);
			uint32_t hard = k->value[x].hard + (y == NONE ? 0 : k->value[y].hard);
			hard += synth_hard(op, k->value[x].op, y == NONE ? T_SYM : k->value[y].op);
			Hit f = {op, width, cost + (hard > g->hard ? HARD * (hard - g->hard) : 0), {x, y}};
			if (cost <= g->limit && hard <= g->hard + TOO_HARD && g->n < g->room)
				PUSH(g->found, g->n, g->cap, f);
			if (y == NONE || k->value[y].next == NONE)
				break;
		}
	}
}

/* The members of the goal's own class, and trees that one unknown operand completes. */
static void solve(Hunt *s, Goal *g)
{
	const Bank *b = s->b;
	uint8_t type = g->form->type;
	uint32_t next, at, t = type == 64;
	for (at = synth_class_sum(b, type, g->sum, NONE, &next); at != NONE; at = synth_class_sum(b, type, g->sum, next, &next))
		if (memcmp(b->class[at].point, g->all, sizeof b->class[at].point) == 0)
			found(s, g, T_SYM, type, at, 0);
	for (uint32_t i = 0; i < s->ntype[t]; i++) {
		const Class *a = &b->class[s->type[t][i]];
		uint64_t point[SYNTH_POINTS];
		if (a->cost + 1u > g->limit)
			continue;
		uint64_t rest = synth_sum_of(T_SUB, type, g->sum, a->sum), less = synth_sum_of(T_SUB, type, a->sum, g->sum);
		for (at = synth_class_sum(b, type, rest, NONE, &next); at != NONE; at = synth_class_sum(b, type, rest, next, &next)) {
			synth_eval(T_ADD, type, a->point, b->class[at].point, NULL, point, SYNTH_POINTS);
			if (at >= s->type[t][i] && memcmp(point, g->all, sizeof point) == 0)
				found(s, g, T_ADD, type, s->type[t][i], at);
		}
		for (at = synth_class_sum(b, type, less, NONE, &next); at != NONE; at = synth_class_sum(b, type, less, next, &next)) {
			synth_eval(T_SUB, type, a->point, b->class[at].point, NULL, point, SYNTH_POINTS);
			if (memcmp(point, g->all, sizeof point) == 0)
				found(s, g, T_SUB, type, s->type[t][i], at);
		}
		uint64_t mix = a->mix ^ g->mix;
		for (at = synth_class_mix(b, type, mix, NONE, &next); at != NONE; at = synth_class_mix(b, type, mix, next, &next)) {
			synth_eval(T_XOR, type, a->point, b->class[at].point, NULL, point, SYNTH_POINTS);
			if (at >= s->type[t][i] && memcmp(point, g->all, sizeof point) == 0)
				found(s, g, T_XOR, type, s->type[t][i], at);
		}
	}
	s->s->enumerated += 3ull * s->ntype[t];
}

/* ---- all pairs ---- */

static bool streamed(const Hunt *s, uint8_t op, uint8_t width)
{
	const SynthOp *o = &synth_ops[op];
	if (!o->name || op == T_ADD || op == T_SUB || op == T_XOR || op == T_ITE || o->divides || synth_mirrored(op))
		return false;
	return (!o->feature || s->b->feature) && (!o->narrow || o->narrow == width);
}

/* Which goals have these values? out: at the few points, of each of n operands. */
static void compare(Hunt *s, uint8_t op, uint8_t width, uint32_t a, const uint32_t *b, const uint64_t *out, uint32_t n, bool swap)
{
	uint8_t type = synth_gives(op, width);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t h = few_hash(out + FEW * i, type);
		if (!(s->bits[h >> 3] >> (h & 7) & 1))
			continue;
		uint64_t point[SYNTH_POINTS];
		uint32_t x = swap ? b[i] : a, y = swap ? a : b[i];
		synth_eval(op, width, s->b->class[x].point, s->b->class[y].point, NULL, point, SYNTH_POINTS);
		for (uint32_t k = s->head[h]; k > 0; k = s->goal[k - 1].next)
			if (s->goal[k - 1].form->type == type && memcmp(s->goal[k - 1].all, point, sizeof point) == 0)
				found(s, &s->goal[k - 1], op, width, x, y);
	}
}

/* Operand a with each of a chunk of others, on both sides where that matters. */
static void chunk(Hunt *s, uint32_t a, uint8_t width, uint32_t from, uint32_t n, bool both)
{
	uint64_t one[FEW * CHUNK], out[FEW * CHUNK];
	uint32_t t = width == 64;
	const uint64_t *other = s->few[t] + (size_t)FEW * from;
	for (uint32_t i = 0; i < FEW * n; i++)
		one[i] = s->b->class[a].point[i % FEW];
	for (uint8_t op = 0; op < S_OPS; op++) {
		if (synth_ops[op].nkids != 2 || !streamed(s, op, width))
			continue;
		synth_eval(op, width, one, other, NULL, out, FEW * n);
		compare(s, op, width, a, s->type[t] + from, out, n, false);
		s->s->enumerated += n;
		if (!both || synth_ops[op].commutes)
			continue;
		synth_eval(op, width, other, one, NULL, out, FEW * n);
		compare(s, op, width, a, s->type[t] + from, out, n, true);
		s->s->enumerated += n;
	}
}

static void unary(Hunt *s, uint8_t width, uint32_t from, uint32_t n)
{
	uint64_t out[FEW * CHUNK];
	uint32_t t = width == 64;
	const uint64_t *in = s->few[t] + (size_t)FEW * from;
	for (uint8_t op = 0; op < S_OPS; op++) {
		if (synth_ops[op].nkids != 1 || !streamed(s, op, width))
			continue;
		synth_eval(op, width, in, in, NULL, out, FEW * n);
		for (uint32_t i = 0; i < n; i++)
			compare(s, op, width, s->type[t][from + i], &s->type[t][from + i], out + FEW * i, 1, false);
		s->s->enumerated += n;
	}
}

/* How many of the type's classes are below this one. */
static uint32_t below(const Hunt *s, uint32_t t, uint32_t class)
{
	uint32_t n = 0;
	while (n < s->ntype[t] && s->type[t][n] < class)
		n++;
	return n;
}

static void stream(Hunt *s, uint8_t width)
{
	uint32_t t = width == 64, leaves = below(s, t, s->b->leaves), ones = below(s, t, s->b->ones);
	for (uint32_t a = 0; a < ones; a++) {
		uint32_t to = a < leaves ? s->ntype[t] : ones;
		for (uint32_t from = a < leaves ? ones : 0, n; from < to; from += n) {
			n = to - from < CHUNK ? to - from : CHUNK;
			chunk(s, s->type[t][a], width, from, n, a < leaves);
		}
	}
	for (uint32_t from = ones, n; from < s->ntype[t]; from += n) {
		n = s->ntype[t] - from < CHUNK ? s->ntype[t] - from : CHUNK;
		unary(s, width, from, n);
	}
}

/* ---- writing out ---- */

static bool write_found(const Bank *b, const Hit *f, Tree *t)
{
	Twig w = {.op = f->op, .width = f->width};
	t->n = 0;
	for (uint32_t i = 0; i < (f->op == T_SYM ? 1 : synth_ops[f->op].nkids); i++) {
		uint32_t k = synth_write(b, f->kid[i], t);
		if (k == NONE)
			return false;
		w.kid[i] = k;
	}
	if (f->op == T_SYM)
		return true;
	if (t->n == SYNTH_TREE)
		return false;
	t->t[t->n++] = w;
	return true;
}

static int by_rank(const void *a, const void *b)
{
	const Hit *x = a, *y = b;
	uint64_t hx, hy;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	hx = mix64((uint64_t)x->kid[0] << 32 | x->kid[1]) ^ x->op;
	hy = mix64((uint64_t)y->kid[0] << 32 | y->kid[1]) ^ y->op;
	return hx < hy ? -1 : hx > hy;
}

/* Has the form this tree already? It may have been found as a member and as a pair. */
static bool known(const Synth *s, const Form *f, const Tree *t, uint32_t *slot)
{
	uint64_t h = synth_tree_hash(t);
	Tree old;
	for (; slot[h % SLOTS]; h++) {
		synth_tree_get(s, f->first + slot[h % SLOTS] - 1, &old);
		if (synth_tree_same(&old, t))
			return true;
	}
	slot[h % SLOTS] = f->n + 1;
	return false;
}

static void finish(Hunt *s, Goal *g)
{
	uint32_t slot[SLOTS] = {0}; /* tree of the form + 1 */
	const uint64_t *var[SYNTH_VARS] = {s->b->var[0], s->b->var[1], s->b->var[2]};
	uint64_t out[SYNTH_ALL];
	Tree t;
	if (g->n > 1)
		qsort(g->found, g->n, sizeof *g->found, by_rank);
	g->form->first = s->s->ntree;
	for (uint32_t i = 0; i < g->n && g->form->n < SYNTH_KEEP; i++) {
		if (!write_found(s->b, &g->found[i], &t) || synth_tree_same(&t, &g->form->tree))
			continue;
		/* A detour from the form's own value and back is what compilers see through. */
		if (!synth_tree_points(&t, var, out, SYNTH_ALL) || memcmp(out, g->all, sizeof out) != 0 || known(s->s, g->form, &t, slot))
			continue;
		synth_tree_add(s->s, &t);
		g->form->n++;
		s->s->passed++;
	}
	free(g->found);
}

/* ---- one bank's forms ---- */

static void goal_add(Hunt *s, Form *form)
{
	const uint64_t *var[SYNTH_VARS] = {s->b->var[0], s->b->var[1], s->b->var[2]};
	Goal *g = &s->goal[s->n++];
	g->form = form;
	synth_tree_points(&form->tree, var, g->all, SYNTH_ALL);
	g->sum = synth_sum(g->all, form->type);
	g->mix = synth_mix(g->all);
	g->limit = synth_cost(&form->tree) + SYNTH_EXTRA;
	g->hard = synth_hardness(&form->tree);
	uint32_t h = few_hash(g->all, form->type);
	s->bits[h >> 3] |= 1u << (h & 7);
	g->next = s->head[h];
	s->head[h] = s->n;
	g->room = RAW;
	solve(s, g);
	g->room = g->n + RAW;
}

static void index_types(Hunt *s)
{
	for (uint32_t t = 0; t < 2; t++) {
		s->type[t] = xalloc(s->b->nclass * sizeof *s->type[t]);
		s->few[t] = xalloc(s->b->nclass * FEW * sizeof *s->few[t]);
	}
	for (uint32_t i = 0; i < s->b->nclass; i++) {
		uint32_t t = s->b->class[i].type == 64;
		memcpy(s->few[t] + (size_t)FEW * s->ntype[t], s->b->class[i].point, FEW * sizeof *s->few[t]);
		s->type[t][s->ntype[t]++] = i;
	}
}

void synth_search(Synth *s, Form *const *form, uint32_t n)
{
	Bank b;
	Hunt k = {.s = s, .b = &b};
	synth_bank_open(&b, form[0]->width, s->feature);
	s->enumerated += b.looked;
	index_types(&k);
	k.goal = xalloc(n * sizeof *k.goal);
	k.bits = xalloc(BITS / 8);
	k.head = xalloc(BITS * sizeof *k.head);
	for (uint32_t i = 0; i < n; i++) {
		if (form[i]->pair)
			synth_pair(s, &b, form[i]);
		else if (form[i]->concrete)
			synth_constants(s, form[i], b.var[0]);
		else
			goal_add(&k, form[i]);
	}
	stream(&k, 32);
	stream(&k, 64);
	for (uint32_t i = 0; i < k.n; i++)
		finish(&k, &k.goal[i]);
	for (uint32_t t = 0; t < 2; t++) {
		free(k.type[t]);
		free(k.few[t]);
	}
	free(k.goal);
	free(k.bits);
	free(k.head);
	synth_bank_close(&b);
}
