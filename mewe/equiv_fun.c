/* equiv_fun.c - uninterpreted functions: of them it is known only that equal arguments give equal values.
 * In: a name and arguments. Out: a term. Must hold: the name says all that the function depends on beside its arguments; two
 * applications become one term only when their arguments are proved equal whatever the path. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

enum { CANDIDATES = 16 };

/* The number of a name, and of what else may tell functions apart. */
uint32_t search_key(Search *s, const char *what, const uint32_t *more)
{
	Buf b = {0};
	buf_put(&b, what, strlen(what) + 1); /* with its zero, as all keys begin */
	if (more)
		buf_u32(&b, *more);
	uint32_t key = term_key(&s->t, &b);
	buf_free(&b);
	return key;
}

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

Term apply(Search *s, uint8_t width, uint32_t key, uint64_t imm, const Term *arg, uint32_t n)
{
	Term args = list(s, arg, n);
	uint32_t before = s->t.n;
	Term x = term_make(&s->t, T_FUN, width, key, args, TERM_NONE, TERM_NONE, imm);
	if (s->t.n == before)
		return x;
	/* It is new: perhaps one that was made before has equal, if different, arguments. */
	spend_scan(s, s->nfun);
	for (uint32_t i = s->nfun, left = CANDIDATES; i-- > 0 && left > 0;) {
		const Node *o = &s->t.node[s->fun[i]];
		if (o->key != key || o->imm != imm || o->width != width || s->t.node[o->a].a != s->t.node[args].a)
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

void leaves(const Search *s, Term x, uint8_t *mark, uint8_t bit)
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

/* Memory may hold anything anywhere, so two bytes of it that are not proved equal can differ (if it is the memory as it was at a
 * sync, of which nothing is known); two operators on floats may still be equal in a way that is not looked into here. */
static bool reads(const Search *s, Term fun)
{
	const Node *n = &s->t.node[fun];
	if (n->key == s->key.byte)
		return s->t.node[term_find(&s->t, s->t.node[n->a].a)].op == T_SYM;
	static const char *const names[] = {"table.get", "table.size", "trap"};
	const Buf *key = &s->t.key[n->key];
	for (size_t i = 0; i < LEN(names); i++)
		if (key->n > strlen(names[i]) && memcmp(key->p, names[i], strlen(names[i]) + 1) == 0)
			return true;
	return n->key == s->key.global;
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
