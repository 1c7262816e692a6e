/* equiv_same.c - are two values equal?
 * In: two terms, and for equal_on() a path. Out: an answer. Must hold: `same` is asked without the path, so that what it
 * proves is true everywhere and the two may become one term. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

enum { DEPTH = 24, PLACES = 24 };

bool alike(Search *s, Term x, Term y)
{
	if (s->t.node[x].width != s->t.node[y].width)
		return false;
	term_points(&s->t, x > y ? x : y); /* makes room for both before either is read */
	return memcmp(term_points(&s->t, x), term_points(&s->t, y), POINTS * sizeof(uint64_t)) == 0;
}

/* Never 0: the two are different terms. */
static uint64_t pair_of(Term x, Term y) { return x < y ? (uint64_t)x << 32 | y : (uint64_t)y << 32 | x; }

/* Where the pair is in the table, or where it would be. */
static uint64_t *tried_at(uint64_t *table, uint32_t size, uint64_t pair)
{
	uint64_t i = mix64(pair);
	while (table[i & (size - 1)] && table[i & (size - 1)] != pair)
		i++;
	return &table[i & (size - 1)];
}

static bool tried(const Search *s, Term x, Term y)
{
	return s->ntried > 0 && *tried_at(s->tried, s->trcap, pair_of(x, y)) != 0;
}

static void remember(Search *s, Term x, Term y)
{
	if (2 * (s->ntried + 1) > s->trcap) {
		uint32_t size = s->trcap ? 2 * s->trcap : 64;
		uint64_t *table = xalloc(size * sizeof *table);
		for (uint32_t i = 0; i < s->trcap; i++)
			if (s->tried[i])
				*tried_at(table, size, s->tried[i]) = s->tried[i];
		free(s->tried);
		s->tried = table;
		s->trcap = size;
	}
	*tried_at(s->tried, s->trcap, pair_of(x, y)) = pair_of(x, y);
	s->ntried++;
}

static void unite(Search *s, Term x, Term y)
{
	if (x < y) /* the older one stays: terms of the first side come first */
		s->t.rep[y] = x;
	else
		s->t.rep[x] = y;
}

static bool same_at(Search *s, Term x, Term y, unsigned depth);

/* The same operator on equal operands needs no solver. */
static bool same_parts(Search *s, Term x, Term y, unsigned depth)
{
	const Node a = s->t.node[x], b = s->t.node[y];
	if (a.op != b.op || a.key != b.key || a.imm != b.imm || a.op == T_CONST || a.op == T_SYM)
		return false;
	const Term p[] = {a.a, a.b, a.c}, q[] = {b.a, b.b, b.c};
	bool straight = true;
	for (int i = 0; i < 3 && straight; i++)
		straight = (p[i] == TERM_NONE) == (q[i] == TERM_NONE) && (p[i] == TERM_NONE || same_at(s, p[i], q[i], depth + 1));
	if (straight)
		return true;
	bool commutes = a.op == T_ADD || a.op == T_MUL || a.op == T_AND || a.op == T_OR || a.op == T_XOR || a.op == T_EQ || a.op == T_NE;
	return commutes && same_at(s, a.a, b.b, depth + 1) && same_at(s, a.b, b.a, depth + 1);
}

/* A function has so many solver steps in all: what is hard in one place is hard again in all that is made of it. */
static Answer solve(Search *s, Term x, Term y, const Term *cond, const bool *sense, uint32_t n, uint64_t *witness)
{
	if (!s->smt)
		s->smt = smt_new(&s->t, s->most, s->certificate);
	s->steps += QUESTION + 4 * n; /* each assumption is told anew */
	spend_scan(s, s->t.n);
	if (smt_work(s->smt) > s->most || spent(s))
		return ANSWER_UNKNOWN;
	return smt_equal(s->smt, x, y, cond, sense, n, s->param, witness, witness ? s->nparam : 0);
}

static bool same_at(Search *s, Term x, Term y, unsigned depth)
{
	x = term_find(&s->t, x);
	y = term_find(&s->t, y);
	if (x == y)
		return true;
	if (!alike(s, x, y) || tried(s, x, y))
		return false;
	bool yes = depth < DEPTH && same_parts(s, x, y, depth);
	bool leaf = s->t.node[x].op > T_INTERPRETED && s->t.node[y].op > T_INTERPRETED; /* nothing for the solver to look into */
	if (!yes && !leaf) {
		Answer a = solve(s, x, y, NULL, NULL, 0, NULL);
		yes = a == ANSWER_YES;
		s->unknown |= a == ANSWER_UNKNOWN;
	}
	if (yes)
		unite(s, x, y);
	else
		remember(s, x, y);
	return yes;
}

bool same(Search *s, Term x, Term y) { return same_at(s, x, y, 0); }

/* A test point at which all that is known of the path holds, and the two differ. */
static bool refuting_point(Search *s, const Path *p, Term x, Term y, uint64_t *witness)
{
	term_points(&s->t, s->t.n - 1);
	for (uint32_t i = 0; i < POINTS; i++) {
		bool on = term_points(&s->t, x)[i] != term_points(&s->t, y)[i];
		for (uint32_t k = 0; k < p->nknown && on; k++)
			on = (term_points(&s->t, p->known[k].cond)[i] != 0) == p->known[k].sense;
		if (!on)
			continue;
		for (uint32_t k = 0; k < s->nparam; k++)
			witness[k] = term_points(&s->t, s->param[k])[i];
		return true;
	}
	return false;
}

static Answer ask(Search *s, const Path *p, Term x, Term y, const Known *more, uint32_t nmore, uint64_t *witness)
{
	uint32_t n = p->nknown + nmore;
	Term *cond = xalloc(n * sizeof *cond);
	bool *sense = xalloc(n * sizeof *sense);
	for (uint32_t i = 0; i < n; i++) {
		const Known *k = i < p->nknown ? &p->known[i] : &more[i - p->nknown];
		cond[i] = k->cond;
		sense[i] = k->sense;
	}
	Answer a = solve(s, x, y, cond, sense, n, witness);
	free(cond);
	free(sense);
	return a;
}

/* The bytes of memory that x, y and what is known are made of, by rising number; PLACES at most are kept. */
static uint32_t bytes_in(Search *s, const Path *p, Term x, Term y, Term *out)
{
	uint8_t *mark = xalloc(s->t.n);
	uint32_t n = 0;
	spend_scan(s, s->t.n);
	leaves(s, x, mark, 1);
	leaves(s, y, mark, 1);
	for (uint32_t i = 0; i < p->nknown; i++)
		leaves(s, p->known[i].cond, mark, 1);
	for (uint32_t i = 0; i < s->t.n; i++) {
		if (!mark[i] || s->t.node[i].op != T_FUN || s->t.node[i].key != s->key.byte)
			continue;
		if (n < PLACES)
			out[n] = i;
		n++;
	}
	free(mark);
	return n;
}

/* To the solver each byte of memory is an unknown of its own. That two of them are the same byte where their addresses are equal
 * has to be said. */
static Answer ask_places(Search *s, const Path *p, Term x, Term y, uint64_t *witness)
{
	if (s->t.node[x].width != s->t.node[y].width)
		return ANSWER_NO;
	Terms *t = &s->t;
	Term byte[PLACES];
	Known *more = NULL;
	uint32_t n = bytes_in(s, p, x, y, byte), nmore = 0, cap = 0;
	for (uint32_t i = 0; n <= PLACES && i < n; i++) {
		for (uint32_t k = 0; k < i; k++) {
			const Node a = t->node[byte[i]], b = t->node[byte[k]];
			Term va = t->node[a.a].a, vb = t->node[b.a].a, pa = t->node[t->node[a.a].b].a, pb = t->node[t->node[b.a].b].a;
			if (va != vb || pa == pb)
				continue; /* of another version; or at different offsets from one address */
			Term apart = term_op(t, T_NE, 64, memory_place(s, pa, a.imm), memory_place(s, pb, b.imm));
			PUSH(more, nmore, cap, ((Known){term_op(t, T_OR, 32, apart, term_op(t, T_EQ, 8, byte[i], byte[k])), true}));
		}
	}
	Answer v = n > PLACES ? ANSWER_UNKNOWN : nmore > 0 ? ask(s, p, x, y, more, nmore, witness) : ANSWER_NO;
	free(more);
	return v;
}

Answer equal_on(Search *s, const Path *p, Term x, Term y, uint64_t *witness)
{
	if (same(s, x, y))
		return ANSWER_YES;
	x = term_find(&s->t, x);
	y = term_find(&s->t, y);
	if (s->t.node[x].width != s->t.node[y].width)
		return ANSWER_NO;
	return refuting_point(s, p, x, y, witness) ? ANSWER_NO : ask(s, p, x, y, NULL, 0, witness);
}

Answer equal_exactly(Search *s, const Path *p, Term x, Term y, uint64_t *witness)
{
	Answer a = equal_on(s, p, x, y, witness);
	return a == ANSWER_NO && s->deep ? ask_places(s, p, term_find(&s->t, x), term_find(&s->t, y), witness) : a;
}

bool holds(Search *s, const Path *p, Term cond, bool sense)
{
	for (uint32_t i = 0; i < p->nknown; i++)
		if (p->known[i].cond == cond && p->known[i].sense == sense)
			return true;
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	uint8_t width = s->t.node[cond].width;
	Term truth = term_op(&s->t, T_NE, width, cond, term_const(&s->t, width, 0));
	bool yes = equal_on(s, p, truth, term_const(&s->t, 32, sense), w) == ANSWER_YES;
	free(w);
	return yes;
}

bool path_never(Search *s, const Path *p) { return holds(s, p, term_const(&s->t, 32, 0), true); }
