/* plan_scout.c - which places a request meets, and how many bodies each could have.
 * In: a module and a wish. Out: spots, with identical copies for bodies at first, so that they can be timed; then, for those that are
 * wanted, with variants searched, proved and compiled. Must hold: a spot is met by each request of the profile, and has copies. */
#include <stdlib.h>
#include <string.h>
#include "plan.h"

/* Nanoseconds, for what has not been measured. A choice that is met for the first time in a request is a jump that nobody could
 * foresee; when the same is taken again, it is foreseen. A choice at each call draws, too. */
enum { PRICE_MISS = 10, PRICE_AGAIN = 1, PRICE_CALL = 12 };
/* So many places are looked at, those that are met least often: few, or, where a wish for time in a long request can use them, many. So
 * many bodies are searched for in all, 2^WIDE at most in one place; but 2^NARROW at least. */
enum { FEW = 128, MANY = 512, BODIES = 3072, WIDE = 7, NARROW = 3 };

/* Some more are looked for than are planned with: another search, or the audit of the final binary, may find fewer. */
#define SPARE(n) ((n) + (n) / 8)

double scout_price(const Planner *p, uint64_t met)
{
	return p->o.dispatch == MEWE_CALL ? (double)met * PRICE_CALL : PRICE_MISS + (double)(met - 1) * PRICE_AGAIN;
}

static int by_met(const void *a, const void *b)
{
	const Spot *x = a, *y = b;
	if (x->met != y->met)
		return x->met < y->met ? -1 : 1;
	if (x->at.size != y->at.size)
		return x->at.size > y->at.size ? -1 : 1;
	if (x->at.func != y->at.func)
		return x->at.func < y->at.func ? -1 : 1;
	return (x->at.index > y->at.index) - (x->at.index < y->at.index);
}

/* A build of the first n spots; which: 0 the copies, 1 the variants. */
static int build(Planner *p, int which, const char *strategies, uint32_t n, uint32_t bodies, Err *e)
{
	Build *b = which ? &p->build : &p->copies;
	Options *o = which ? &p->obuild : &p->ocopies;
	Mod *mod = NULL;
	int code = read_module(p->file, p->in, p->nin, &mod, e);
	Places some = {0};
	for (uint32_t i = 0; i < n; i++) {
		Place at = p->spot[i].at;
		at.bodies = bodies;
		PUSH(some.p, some.n, some.cap, at);
	}
	place_sort(&some);
	if (!code)
		p->plans[which] = place_plan(mod, p->o.dispatch, &some);
	*o = p->o;
	o->plan = p->plans[which];
	if (strategies) { /* none of these copies is kept, so --accept does not say which there may be */
		o->strategies = strategies;
		o->accept |= 1u << V_BY_CONSTRUCTION;
	}
	*b = (Build){.o = o, .file = p->file, .in = p->in, .nin = p->nin};
	if (!code)
		code = pipeline_search(b, e);
	if (!code)
		code = discriminator_shape(b->mod, o, &b->shape, e);
	free(some.p);
	read_free(mod);
	return code;
}

uint32_t scout_dispatcher(const Build *b, const Place *at)
{
	for (uint32_t i = 0; i < b->dispatchers.n; i++) {
		const Place *there = &b->sites.places.p[b->dispatchers.d[i].at];
		if (there->func == at->func && there->index == at->index)
			return i;
	}
	return NONE;
}

/* The places that a request meets. */
static int meet(Planner *p, const Sites *s, Err *e)
{
	const Places *all = &s->places;
	uint64_t *met = xalloc((all->n + 1) * sizeof *met);
	int code = profile_count(p->file, p->in, p->nin, all, &p->o, p->wish, met, e);
	for (uint32_t i = 0; i < all->n && !code; i++) {
		Spot spot = {.at = all->p[i], .met = met[i], .gain = p->o.dispatch == MEWE_CALL ? (double)met[i] : 1, .real = NONE};
		if (!spot.at.region)
			spot.at.size = walk_count(s->body[spot.at.func].expr);
		if (met[i] > 0)
			PUSH(p->spot, p->nspot, p->cap, spot);
	}
	free(met);
	if (!code && p->nspot == 0)
		code = err_set(e, MEWE_NOTHING, "%s: --profile %s: a request meets no place where a choice could be made", p->file, p->wish->entry);
	return code;
}

int scout_copies(Planner *p, Err *e)
{
	Mod *mod = NULL;
	Sites s = {0};
	int code = read_module(p->file, p->in, p->nin, &mod, e);
	if (!code)
		code = site_find(mod, &p->o, &s, e);
	if (!code)
		code = meet(p, &s, e);
	site_free(&s);
	read_free(mod);
	if (code)
		return code;
	qsort(p->spot, p->nspot, sizeof *p->spot, by_met);
	uint32_t most = p->wish->entropy > 0 || plan_short(p) ? FEW : MANY;
	if (p->nspot > most)
		p->nspot = most;
	code = build(p, 0, "copy", p->nspot, 1 << COPIES, e);
	uint32_t n = 0;
	for (uint32_t i = 0; i < p->nspot && !code; i++) {
		Spot spot = p->spot[i];
		spot.copy = scout_dispatcher(&p->copies, &spot.at);
		if (spot.copy != NONE && p->copies.dispatchers.d[spot.copy].n == 1 << COPIES)
			p->spot[n++] = spot;
	}
	if (!code && n == 0)
		code = err_set(e, MEWE_NOTHING, "%s: at no place that a request meets could a choice be made", p->file);
	p->nspot = n;
	return code;
}

int scout_search(Planner *p, uint32_t n, Err *e)
{
	uint32_t bits = WIDE;
	while (bits > NARROW && n << bits > BODIES)
		bits--;
	final_forget(p);
	pipeline_free(&p->build, NULL);
	free(p->plans[1]);
	p->plans[1] = NULL;
	int code = build(p, 1, NULL, n, SPARE(1u << bits), e);
	for (uint32_t i = 0; i < p->nspot && !code; i++) {
		Spot *s = &p->spot[i];
		s->real = scout_dispatcher(&p->build, &s->at);
		uint32_t found = s->real == NONE ? 1 : p->build.dispatchers.d[s->real].n;
		for (s->bits = 0; found >= SPARE(2u << s->bits);)
			s->bits++;
	}
	return code;
}

void progress_of(const Planner *p, const char *stage, uint64_t done, uint64_t total)
{
	if (p->o.progress)
		p->o.progress(p->o.progress_ctx, stage, done, total);
}
