/* search.c - from sites to variants that are proved and survive.
 * In: a build with its sites. Out: its rows with digests and verdicts; what is selected of them is proved.
 * Must hold: the result depends on the module, the options and the seed alone, whatever the cache knows.
 *
 * The compiler is asked before the solver, since it answers sooner and refuses more: candidates are compiled, the best of those
 * that differ are selected, and only these are proved. Where a proof fails, or too few candidates differ, the next come up. */
#include <stdlib.h>
#include <string.h>
#include "all.h"

/* Candidates for each variant that a place lacks, so that there is a choice; and how often more are drawn, for a plan, which wants so
 * many bodies and no fewer, and otherwise. */
enum { TRIES = 2, ROUNDS_PLANNED = 25, ROUNDS = 5 };

static uint64_t lap(Build *b, int stage, uint64_t since)
{
	uint64_t t = prove_now();
	b->ns[stage] += t - since;
	return t;
}

/* How many candidates each place is to get next. */
static void lacking(const Build *b, uint32_t *want)
{
	const Places *p = &b->sites.places;
	for (uint32_t i = 0; i < p->n; i++)
		want[i] = TRIES * (p->p[i].bodies - 1);
	for (uint32_t i = 0; i < b->dispatchers.n; i++) {
		const Dispatcher *d = &b->dispatchers.d[i];
		want[d->at] = TRIES * (p->p[d->at].bodies - d->n);
	}
}

static uint32_t unproved(const Build *b, uint32_t *row)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < b->variants.n; i++)
		if (b->variants.v[i].kept && b->variants.v[i].verdict == V_NEW)
			row[n++] = i;
	return n;
}

int search_keep(Build *b, Err *e)
{
	uint32_t *row = xalloc(b->variants.n * sizeof *row), n;
	int code = 0;
	do {
		select_free(&b->dispatchers);
		select_all(b->o, &b->sites.places, b->original, &b->variants, &b->dispatchers);
		n = unproved(b, row);
		uint64_t t = prove_now();
		code = prove_rows(&b->sites, b->o, &b->variants, row, n, &b->proving, e);
		lap(b, STAGE_PROVE, t);
	} while (!code && n > 0);
	free(row);
	return code;
}

int search_more(Build *b, Err *e)
{
	uint32_t *want = xalloc(b->sites.places.n * sizeof *want);
	int code = search_keep(b, e), rounds = b->o->plan ? ROUNDS_PLANNED : ROUNDS;
	uint64_t t = prove_now();
	for (int round = 0; !code && round < rounds; round++) {
		lacking(b, want);
		uint32_t n = propose_more(b->picks, want, &b->variants);
		t = lap(b, STAGE_PROPOSE, t);
		if (n == 0 && b->original)
			break;
		code = survive_all(&b->sites, b->o, &b->variants, &b->original, b->proving.cache, b->key, &b->remembered, e);
		t = lap(b, STAGE_SURVIVE, t);
		if (!code)
			code = search_keep(b, e);
		t = prove_now();
		if (!code)
			propose_learn(b->picks, &b->variants, b->original);
	}
	free(want);
	return code;
}

int search_all(Build *b, Err *e)
{
	int code = propose_open(&b->sites, b->o, &b->picks, e);
	return code ? code : search_more(b, e);
}
