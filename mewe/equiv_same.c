/* equiv_same.c - are two values equal?
 * In: two terms, and for equal_on() a path. Out: an answer. Must hold: `same` is asked without the path, so that what it
 * proves is true everywhere and the two may become one term. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

enum { DEPTH = 24, CANDIDATES = 16, WORK = 1000000 };

static bool points_agree(Search *s, Term x, Term y)
{
	if (s->t.node[x].width != s->t.node[y].width)
		return false;
	term_points(&s->t, x > y ? x : y); /* makes room for both before either is read */
	return memcmp(term_points(&s->t, x), term_points(&s->t, y), POINTS * sizeof(uint64_t)) == 0;
}

static uint64_t pair_of(Term x, Term y) { return x < y ? (uint64_t)x << 32 | y : (uint64_t)y << 32 | x; }

static bool tried(const Search *s, Term x, Term y)
{
	for (uint32_t i = 0; i < s->ntried; i++)
		if (s->tried[i] == pair_of(x, y))
			return true;
	return false;
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
		s->smt = smt_new(&s->t);
	if (smt_work(s->smt) > WORK)
		return ANSWER_UNKNOWN;
	return smt_equal(s->smt, x, y, cond, sense, n, s->param, witness, witness ? s->nparam : 0);
}

static bool same_at(Search *s, Term x, Term y, unsigned depth)
{
	x = term_find(&s->t, x);
	y = term_find(&s->t, y);
	if (x == y)
		return true;
	if (!points_agree(s, x, y) || tried(s, x, y))
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
		PUSH(s->tried, s->ntried, s->trcap, pair_of(x, y));
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

Answer equal_on(Search *s, const Path *p, Term x, Term y, uint64_t *witness)
{
	if (same(s, x, y))
		return ANSWER_YES;
	x = term_find(&s->t, x);
	y = term_find(&s->t, y);
	if (s->t.node[x].width != s->t.node[y].width || refuting_point(s, p, x, y, witness))
		return ANSWER_NO;
	Term *cond = xalloc(p->nknown * sizeof *cond);
	bool *sense = xalloc(p->nknown * sizeof *sense);
	for (uint32_t i = 0; i < p->nknown; i++) {
		cond[i] = p->known[i].cond;
		sense[i] = p->known[i].sense;
	}
	Answer a = solve(s, x, y, cond, sense, p->nknown, witness);
	free(cond);
	free(sense);
	return a;
}

/* ---- uninterpreted functions ---- */

static Term list(Search *s, const Term *arg, uint32_t n)
{
	Term rest = TERM_NONE;
	while (n-- > 0)
		rest = term_make(&s->t, T_LIST, 64, 0, term_find(&s->t, arg[n]), rest, TERM_NONE, 0);
	return rest;
}

static bool same_lists(Search *s, Term x, Term y)
{
	for (; x != y; x = s->t.node[x].b, y = s->t.node[y].b) {
		if (x == TERM_NONE || y == TERM_NONE || !same(s, s->t.node[x].a, s->t.node[y].a))
			return false;
	}
	return true;
}

Term apply(Search *s, uint8_t width, uint32_t key, const Term *arg, uint32_t n)
{
	Term args = list(s, arg, n);
	uint32_t before = s->t.n;
	Term x = term_make(&s->t, T_FUN, width, key, args, TERM_NONE, TERM_NONE, 0);
	if (s->t.n == before)
		return x;
	/* It is new: perhaps one that was made before has equal, if different, arguments. */
	for (uint32_t i = s->nfun, left = CANDIDATES; i-- > 0 && left > 0;) {
		const Node *o = &s->t.node[s->fun[i]];
		if (o->key != key || o->width != width || s->t.node[o->a].a != s->t.node[args].a)
			continue; /* the first argument is the state it reads, or decides most */
		left--;
		if (same_lists(s, o->a, args)) {
			s->t.rep[x] = term_find(&s->t, s->fun[i]);
			return s->t.rep[x];
		}
	}
	PUSH(s->fun, s->nfun, s->fcap, x);
	return x;
}

/* Marks the uninterpreted leaves of x. */
static void leaves(const Search *s, Term x, uint8_t *mark, uint8_t bit)
{
	Term *todo = NULL;
	uint32_t n = 0, cap = 0;
	PUSH(todo, n, cap, x);
	while (n > 0) {
		Term y = todo[--n];
		const Node *k = &s->t.node[y];
		if (mark[y] & bit)
			continue;
		mark[y] |= bit;
		const Term part[] = {k->a, k->b, k->c};
		for (int i = 0; i < 3 && k->op < T_INTERPRETED; i++)
			if (part[i] != TERM_NONE)
				PUSH(todo, n, cap, part[i]);
	}
	free(todo);
}

/* Memory may hold anything anywhere, so two reads that are not proved equal can differ; two operators on floats may still be
 * equal in a way that is not looked into here. */
static bool reads(const Search *s, Term fun)
{
	static const char *const names[] = {"load", "memory.size", "table.get", "table.size", "global", "trap"};
	const Buf *key = &s->t.key[s->t.node[fun].key];
	for (size_t i = 0; i < LEN(names); i++)
		if (key->n > strlen(names[i]) && memcmp(key->p, names[i], strlen(names[i]) + 1) == 0)
			return true;
	return false;
}

bool opaque(const Search *s, Term x, Term y)
{
	uint8_t *mark = xalloc(s->t.n);
	bool found = false;
	leaves(s, x, mark, 1);
	leaves(s, y, mark, 2);
	for (uint32_t i = 0; i < s->t.n && !found; i++)
		found = s->t.node[i].op == T_FUN && (mark[i] == 1 || mark[i] == 2) && !reads(s, i);
	free(mark);
	return found;
}
