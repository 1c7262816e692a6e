/* facts.c - the facts of a function, and of all functions for a run.
 * In: a body. Out: Facts, by the preorder index of its expressions. */
#include <stdlib.h>
#include <string.h>
#include "facts.h"

/* A function that nests more deeply has no facts: the walk calls itself. */
enum { DEPTH = 600 };

/* Fills size[] from index on; false when it nests too deeply. */
static bool measure(Facts *f, Expr e, uint32_t index, uint32_t depth)
{
	uint32_t n = walk_nkids(e), at = index + 1;
	if (depth > DEPTH)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!measure(f, walk_kid(e, i), at, depth + 1))
			return false;
		at += f->size[at];
	}
	f->size[index] = at - index;
	return true;
}

uint32_t facts_kid(const Facts *f, uint32_t index, uint32_t i)
{
	uint32_t at = index + 1;
	for (; i > 0; i--)
		at += f->size[at];
	return at;
}

typedef struct Sets {
	uint32_t local;
} Sets;

static bool no_set(void *ctx, Expr e, uint32_t index)
{
	const Sets *s = ctx;
	(void)index;
	return walk_kind(e) != K_LocalSet || BinaryenLocalSetGetIndex(e) != s->local;
}

bool facts_sets(Expr e, uint32_t local) { return !walk_each(e, no_set, &(Sets){local}); }

Facts facts_of(const Body *b)
{
	Facts f = {.n = walk_count(b->expr)};
	f.size = xalloc(f.n * sizeof *f.size);
	if (!measure(&f, b->expr, 0, 0)) {
		free(f.size);
		return (Facts){0};
	}
	f.node = xalloc(f.n * sizeof *f.node);
	f.reached = xalloc(f.n * sizeof *f.reached);
	f.given = xalloc((body_nparams(b) + b->nvars + 1) * sizeof *f.given);
	f.looped = xalloc((body_nparams(b) + b->nvars + 1) * sizeof *f.looped);
	facts_walk(b, &f);
	return f;
}

void facts_free(Facts *f)
{
	free(f->node);
	free(f->size);
	free(f->reached);
	free(f->given);
	free(f->looped);
	free(f->local);
	*f = (Facts){0};
}

const FactLocal *facts_at(const Facts *f, uint32_t node, uint32_t *n)
{
	uint32_t lo = 0, hi = f->nlocal;
	while (lo < hi) { /* the first of the node */
		uint32_t mid = (lo + hi) / 2;
		if (f->local[mid].node < node)
			lo = mid + 1;
		else
			hi = mid;
	}
	*n = 0;
	while (lo + *n < f->nlocal && f->local[lo + *n].node == node)
		++*n;
	return f->local + lo;
}

/* ---- for a run ---- */

typedef struct Own {
	uint32_t n;
	Facts *of;                     /* by ordinal */
} Own;

void *facts_open(const Sites *s, uint64_t seed)
{
	Own *own = xalloc(sizeof *own);
	(void)seed;
	own->n = s->nbody;
	own->of = xalloc((s->nbody + 1) * sizeof *own->of);
	for (uint32_t i = 0; i < s->n; i++)
		if (s->site[i].kind == SITE_BODY)
			own->of[s->site[i].func] = facts_of(s->site[i].body);
	return own;
}

void facts_close(void *p)
{
	Own *own = p;
	for (uint32_t i = 0; i < own->n; i++)
		facts_free(&own->of[i]);
	free(own->of);
	free(own);
}

const Facts *facts_for(void *p, const Site *s)
{
	Own *own = p;
	return own && own->of[s->func].n ? &own->of[s->func] : NULL;
}
