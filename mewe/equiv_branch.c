/* equiv_branch.c - the branches of a path: which ways are open, and what is learnt by taking one.
 * In: a path, one side of which stands at a branch or switch. Out: the path on one way; the other ways are put onto the list.
 * Must hold: a way that is left out can't be taken by what is known of the path. The first side takes all ways in turn; of the
 * second, which has to follow, it is asked which way the first one's conditions leave. */
#include <stdlib.h>
#include "path.h"

uint32_t path_decided(const Search *s, const Side *x, const Block *b)
{
	uint64_t v;
	if (!term_is_const(&s->t, term_find(&s->t, x->reg[b->value]), &v))
		return NONE;
	if (b->end == END_BRANCH)
		return v ? 0 : 1;
	return v < b->nto - 1 ? v : b->nto - 1;
}

/* A condition without the negations around it; *sense is turned for each. */
static Term bare(const Search *s, Term c, bool *sense)
{
	for (;;) {
		const Node *n = &s->t.node[c];
		uint64_t v;
		if (n->op == T_EQZ || (n->op == T_EQ && term_is_const(&s->t, n->a, &v) && v == 0)) {
			*sense = !*sense;
			c = n->op == T_EQZ ? n->a : n->b;
		} else if (n->op == T_EQ && term_is_const(&s->t, n->b, &v) && v == 0) {
			*sense = !*sense;
			c = n->a;
		} else if (n->op == T_NE && term_is_const(&s->t, n->a, &v) && v == 0) {
			c = n->b;
		} else if (n->op == T_NE && term_is_const(&s->t, n->b, &v) && v == 0) {
			c = n->a;
		} else {
			return c;
		}
		c = term_find(&s->t, c);
	}
}

static Term truth(Search *s, Term c) /* 1 where c is not zero */
{
	uint8_t w = s->t.node[c].width;
	return term_op(&s->t, T_NE, w, c, term_const(&s->t, w, 0));
}

/* Is the condition, or its opposite, among what is known of the path? 1, 0, or -1. */
static int known(Search *s, const Path *p, Term cond, bool sense)
{
	for (uint32_t i = p->nknown; i-- > 0;)
		if (term_find(&s->t, p->known[i].cond) == cond)
			return p->known[i].sense == sense;
	return -1;
}

/* Likewise, if something known can be proved equal to it or to its opposite. Oldest first: the other side ran ahead from there. */
static int provable(Search *s, const Path *p, Term cond, bool sense)
{
	Term c = truth(s, cond), not_c = term_op(&s->t, T_EQZ, 32, c, TERM_NONE);
	for (uint32_t i = 0; i < p->nknown; i++) {
		Term k = truth(s, p->known[i].cond);
		if (same(s, k, c))
			return p->known[i].sense == sense;
		if (same(s, k, not_c))
			return p->known[i].sense != sense;
	}
	return -1;
}

static void go(Path *p, int side, uint32_t way)
{
	Side *x = &p->side[side];
	path_enter(x, x->f->to[x->f->block[x->block].to + way]);
}

/* The condition under which a switch on v takes `way`: one of its numbers, or for the default none of them. */
static Term way_condition(Search *s, const Side *x, const Block *b, Term v, uint32_t way)
{
	const uint32_t *to = &x->f->to[b->to];
	Term c = term_const(&s->t, 32, 0);
	if (to[way] == to[b->nto - 1])
		c = term_op(&s->t, T_GEU, 32, v, term_const(&s->t, 32, b->nto - 1));
	for (uint32_t i = 0; i + 1 < b->nto; i++)
		if (to[i] == to[way])
			c = term_op(&s->t, T_OR, 32, c, term_op(&s->t, T_EQ, 32, v, term_const(&s->t, 32, i)));
	return c;
}

static bool first_of(const Side *x, const Block *b, uint32_t way)
{
	for (uint32_t i = 0; i < way; i++)
		if (x->f->to[b->to + i] == x->f->to[b->to + way])
			return false;
	return true;
}

/* The bare condition of a way, and whether it must hold or fail. */
static Term condition(Search *s, const Side *x, const Block *b, uint32_t way, bool *sense)
{
	Term v = term_find(&s->t, x->reg[b->value]);
	*sense = b->end != END_BRANCH || way == 0;
	return bare(s, b->end == END_BRANCH ? v : way_condition(s, x, b, v, way), sense);
}

/* The ways that are open, into open[]; *settled when there is but one, and nothing new is learnt by taking it. The first side
 * takes them all in turn; of the second, which has to follow, it is asked which way the first one's conditions leave. */
static uint32_t ways(Search *s, const Path *p, int side, const Block *b, uint32_t *open, bool *settled)
{
	const Side *x = &p->side[side];
	uint32_t n = 0;
	for (int effort = 0; effort < (side == 0 ? 1 : 2); effort++) {
		n = 0;
		for (uint32_t way = 0; way < b->nto; way++) {
			bool sense;
			if (b->end == END_SWITCH && !first_of(x, b, way))
				continue;
			Term cond = condition(s, x, b, way, &sense);
			int k = effort == 0 ? known(s, p, cond, sense) : provable(s, p, cond, sense);
			if (k == 1 || (effort == 1 && k < 0 && holds(s, p, cond, sense))) {
				open[0] = way;
				*settled = true;
				return 1;
			}
			if (k < 0)
				open[n++] = way;
		}
	}
	return n;
}

void path_branch(Search *s, Path *p, int side)
{
	Side *x = &p->side[side];
	const Block *b = &x->f->block[x->block];
	uint32_t *open = xalloc(b->nto * sizeof *open);
	bool sense, settled = false;
	uint32_t n = ways(s, p, side, b, open, &settled);
	if (n == 0)
		x->block = NONE;
	for (uint32_t i = 0; i + 1 < n; i++) { /* the ways but the last go onto the list */
		Path c = path_copy(p);
		Term cond = condition(s, x, b, open[i], &sense);
		path_learn(&c, cond, sense);
		go(&c, side, open[i]);
		PUSH(s->todo, s->ntodo, s->todocap, c);
	}
	if (n > 0) {
		Term cond = condition(s, x, b, open[n - 1], &sense);
		if (!settled)
			path_learn(p, cond, sense);
		go(p, side, open[n - 1]);
	}
	free(open);
}
