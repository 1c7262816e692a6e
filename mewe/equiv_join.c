/* equiv_join.c - what is known of both sides where ways join.
 * In: a path that has come to a pair of joins. Out: the pair's relation, made weaker until it holds for this path too; and a path
 * that begins at a pair with nothing known but its relation.
 *
 * The relation: classes of registers of either side that are equal, in the second attempt equal but for a constant, and for each
 * register a claim (equiv_claim.c). Must hold: on every arrival all of it is proved on the path, or what is not is taken out; what
 * has lost something is queued, and all paths from it are followed again. So what is left at last holds whenever both sides stand
 * there, by induction over the arrivals: each path proves it at its end from what is left at its beginning. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

enum { PAIRS = 4000, RELATION = 3000 };

typedef struct Pair {
	uint32_t block[2];
	uint32_t n[2];                 /* live registers on either side */
	uint32_t *klass;               /* of all n[0] + n[1]: the first register of its class; NULL: nobody has come yet */
	uint64_t *delta;               /* its value is that one's + delta */
	Claim *claim;
	bool queued, skewed;
} Pair;

/* A relation in the making, and the values it is of. */
typedef struct Arrival {
	const Path *p;
	Pair *q;
	Term *value;
	uint32_t n, *klass;
	uint64_t *delta;
} Arrival;

static Pair *pair_of(Search *s, const Path *p)
{
	for (uint32_t i = 0; i < s->npair; i++)
		if (s->pair[i].block[0] == p->side[0].block && s->pair[i].block[1] == p->side[1].block)
			return &s->pair[i];
	Pair n = {.block = {p->side[0].block, p->side[1].block}};
	for (int k = 0; k < 2; k++)
		n.n[k] = s->flow[k].nlive[n.block[k]];
	PUSH(s->pair, s->npair, s->pcap, n);
	return &s->pair[s->npair - 1];
}

static uint32_t live(const Search *s, const Pair *q, uint32_t i, int *side)
{
	*side = i >= q->n[0];
	return s->flow[*side].live[q->block[*side]][*side ? i - q->n[0] : i];
}

/* ---- classes ---- */

static uint8_t width_of(const Search *s, const Arrival *a, uint32_t i) { return s->t.node[a->value[i]].width; }

/* A value without the constants that are added to it last; a constant alone is that and nothing else. */
static Term base(const Search *s, Term x, uint64_t *c)
{
	uint64_t v;
	*c = 0;
	for (;;) {
		x = term_find(&s->t, x);
		const Node *n = &s->t.node[x];
		bool sum = n->op == T_ADD, first = sum && term_is_const(&s->t, n->a, &v);
		if (term_is_const(&s->t, x, &v)) {
			*c += v;
			return TERM_NONE;
		}
		if (!first && !((sum || n->op == T_SUB) && term_is_const(&s->t, n->b, &v)))
			return x;
		*c += sum ? v : 0 - v;
		x = first ? n->b : n->a;
	}
}

/* x + d, with all constants in one. */
static Term plus(Search *s, Term x, uint64_t d)
{
	uint64_t c;
	uint8_t w = s->t.node[x].width;
	Term b = base(s, x, &c);
	if (d == 0)
		return term_find(&s->t, x);
	return b == TERM_NONE ? term_const(&s->t, w, c + d) : term_op(&s->t, T_ADD, w, b, term_const(&s->t, w, c + d));
}

/* By which constant is value i the value j and more, as far as can be: by what held so far, or on the first arrival by looking
 * at the terms and at the test points. */
static bool distance(Search *s, const Arrival *a, uint32_t j, uint32_t i, uint64_t *d)
{
	uint64_t x, y;
	*d = 0;
	if (width_of(s, a, i) != width_of(s, a, j))
		return false;
	if (a->q->klass) {
		*d = a->q->delta[i] - a->q->delta[j];
		return a->q->klass[i] == a->q->klass[j];
	}
	if (!s->deep || width_of(s, a, i) > 64)
		return true;
	if (base(s, a->value[j], &x) == base(s, a->value[i], &y)) {
		*d = y - x;
		return true;
	}
	term_points(&s->t, s->t.n - 1);
	const uint64_t *pi = term_points(&s->t, a->value[i]), *pj = term_points(&s->t, a->value[j]);
	uint64_t mask = width_of(s, a, i) == 32 ? UINT32_MAX : UINT64_MAX;
	for (uint32_t k = 1; k < POINTS; k++)
		if (((pi[k] - pj[k] - pi[0] + pj[0]) & mask) != 0)
			return true; /* equal, if at all */
	*d = pi[0] - pj[0];
	return true;
}

/* Puts all of class i into class j, if value i is value j + d by the same term, or (prove) by proof, whatever the path. */
static bool join_class(Search *s, Arrival *a, uint32_t j, uint32_t i, bool prove)
{
	uint64_t d;
	if (!distance(s, a, j, i, &d))
		return false;
	Term want = plus(s, a->value[j], d), have = term_find(&s->t, a->value[i]);
	if (want != have && !(prove && alike(s, want, have) && same(s, want, have)))
		return false;
	for (uint32_t k = i; k < a->n; k++) {
		if (a->klass[k] == i) {
			a->klass[k] = j;
			a->delta[k] += d;
		}
	}
	return true;
}

static void classes(Search *s, Arrival *a, bool prove)
{
	for (uint32_t i = 0; i < a->n; i++)
		for (uint32_t j = 0; j < i && a->klass[i] == i; j++)
			if (a->klass[j] == j)
				join_class(s, a, j, i, prove);
}

/* Has the class that value j leads a value of the second side? */
static bool matched(const Arrival *a, uint32_t j)
{
	for (uint32_t i = a->q->n[0]; i < a->n; i++)
		if (a->klass[i] == j)
			return true;
	return false;
}

/* Finds for value i of the second side, which is alone, a value of the first that is proved equal on this path. If there is none,
 * and one that could be it is seen to differ, the function is suspect. */
static void match(Search *s, Arrival *a, uint32_t i)
{
	uint64_t *w = xalloc(s->nparam * sizeof *w), d;
	Term rival = TERM_NONE;
	for (uint32_t j = 0; j < a->q->n[0] && a->klass[i] == i; j++) {
		if (a->klass[j] != j || matched(a, j) || !distance(s, a, j, i, &d))
			continue;
		Term want = plus(s, a->value[j], d);
		rival = rival == TERM_NONE ? want : rival;
		if (equal_on(s, a->p, want, a->value[i], w) != ANSWER_YES)
			continue;
		for (uint32_t k = i; k < a->n; k++) {
			if (a->klass[k] == i) {
				a->klass[k] = j;
				a->delta[k] += d;
			}
		}
	}
	if (a->klass[i] == i && rival != TERM_NONE && !a->p->skewed && !s->suspect[0] &&
	    equal_on(s, a->p, rival, a->value[i], w) == ANSWER_NO && !opaque(s, rival, a->value[i]))
		snprintf(s->suspect, sizeof s->suspect, "a value that lives on where ways join differs before");
	free(w);
}

/* All classes; false: the path is never taken. */
static bool relate(Search *s, Arrival *a, bool *alone)
{
	for (uint32_t i = 0; i < a->n; i++)
		a->klass[i] = i;
	classes(s, a, false);
	classes(s, a, true);
	*alone = false;
	for (uint32_t i = a->q->n[0]; i < a->n; i++) {
		if (a->klass[i] != i)
			continue;
		if (!*alone && path_never(s, a->p))
			return false;
		match(s, a, i);
		*alone |= a->klass[i] == i;
	}
	return true;
}

/* ---- arrivals ---- */

static void claims(Search *s, const Arrival *a)
{
	Pair *q = a->q;
	if (!q->claim) {
		q->claim = xalloc(a->n * sizeof *q->claim);
		for (uint32_t i = 0; i < a->n; i++)
			q->claim[i] = claim_guess(s, a->p, a->value[i]);
	}
	for (uint32_t i = 0; i < a->n; i++) {
		uint32_t j = a->klass[i];
		Claim old = q->claim[i];
		if (j != i && a->delta[i] == 0)
			q->claim[i] = q->claim[j]; /* the same value: nothing to prove, and nothing more to know */
		else
			claim_arrive(s, a->p, a->value[i], &q->claim[i]);
		q->queued |= !claim_equal(&old, &q->claim[i]);
	}
}

bool join_arrive(Search *s, Path *p)
{
	if (!path_sync(s, p, "a join"))
		return false;
	Pair *q = pair_of(s, p);
	uint32_t n = q->n[0] + q->n[1];
	if (n > RELATION || s->npair > PAIRS) {
		fail(s, p, V_UNSUPPORTED, "too many values are live where ways join");
		return false;
	}
	Arrival a = {p, q, xalloc((n + 1) * sizeof(Term)), n, xalloc((n + 1) * sizeof(uint32_t)), xalloc((n + 1) * sizeof(uint64_t))};
	for (uint32_t i = 0; i < n; i++) {
		int side;
		uint32_t r = live(s, q, i, &side);
		a.value[i] = p->side[side].reg[r];
	}
	bool alone;
	if (relate(s, &a, &alone)) {
		if (s->deep)
			claims(s, &a);
		q->queued |= !q->klass || memcmp(a.klass, q->klass, n * sizeof *a.klass) != 0;
		q->skewed |= alone || p->skewed;
		free(q->klass);
		free(q->delta);
		q->klass = a.klass;
		q->delta = a.delta;
	} else {
		free(a.klass);
		free(a.delta);
	}
	free(a.value);
	return true;
}

static Path begin_pair(Search *s, const Pair *q)
{
	Path p = path_begin(s);
	uint32_t n = q->n[0] + q->n[1];
	Term *value = xalloc(n * sizeof *value);
	p.skewed = q->skewed;
	for (uint32_t i = 0; i < n; i++) {
		int side;
		uint32_t r = live(s, q, i, &side);
		uint8_t width = s->flow[side].width[r];
		if (q->klass[i] != i)
			value[i] = plus(s, value[q->klass[i]], q->delta[i]);
		else
			value[i] = s->deep ? claim_value(s, &q->claim[i], width) : term_sym(&s->t, width);
		if (s->deep && (q->klass[i] == i || q->delta[i] != 0))
			claim_assume(s, &p, &q->claim[i], value[i]);
		p.side[side].reg[r] = value[i];
	}
	free(value);
	for (int k = 0; k < 2; k++) {
		p.side[k].block = q->block[k];
		p.side[k].ip = s->flow[k].block[q->block[k]].ins;
	}
	return p;
}

bool join_next(Search *s, Path *p)
{
	uint32_t i = 0;
	while (i < s->npair && !s->pair[i].queued)
		i++;
	if (i == s->npair)
		return false;
	s->pair[i].queued = false;
	*p = begin_pair(s, &s->pair[i]);
	return true;
}

void join_free(Search *s)
{
	for (uint32_t i = 0; i < s->npair; i++) {
		free(s->pair[i].klass);
		free(s->pair[i].delta);
		free(s->pair[i].claim);
	}
	free(s->pair);
}
