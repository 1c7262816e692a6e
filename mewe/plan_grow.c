/* plan_grow.c - placements for short requests: one place after the other, each timed beside those there are.
 * In: spots, with copies and then with variants. Out: the placement that takes least time for the entropy, or has most of it in the time.
 * Must hold: what a jump costs depends on what the processor does meanwhile, so times of single places don't add up: each step is timed
 * as a whole. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "plan.h"

/* So many places are timed with copies, so many of them searched, and so many tried for each step but the first; so many are timed again,
 * for longer. With so many first places a placement is begun, with wide places and with those of so few bits. */
enum { COPIED = 64, SEARCHED = 24, NEXT = 10, AGAIN = 4, BEGINNINGS = 2, FEW_BITS = 5 };

typedef struct Next {
	uint32_t spot;
	uint8_t bits;
	double adds;                   /* to the ratio of times */
	double price;                  /* that, and what the places that are still lacking then will add, if they are like the others here */
} Next;

static int by_price(const void *a, const void *b)
{
	const Next *x = a, *y = b;
	return (x->price > y->price) - (x->price < y->price);
}

static int by_cost(const void *a, const void *b)
{
	const Spot *x = a, *y = b;
	return (x->cost > y->cost) - (x->cost < y->cost);
}

int grow_copies(Planner *p, Trial *t, uint32_t *n, Err *e)
{
	int code = 0;
	if (p->nspot > COPIED)
		p->nspot = COPIED;
	for (uint32_t i = 0; i < p->nspot && !code; i++) {
		memset(t->bits, 0, p->nspot);
		t->bits[i] = COPIES;
		code = trial_run(p, TRIAL_COPIES, t, RACE_SHORT, e);
		p->spot[i].cost = (t->ratio.median - 1) / (COPIES * p->spot[i].gain);
		progress_of(p, "places", i + 1, p->nspot);
	}
	qsort(p->spot, p->nspot, sizeof *p->spot, by_cost);
	*n = p->nspot < SEARCHED ? p->nspot : SEARCHED;
	return code;
}

static uint32_t widest_spot(const Planner *p)
{
	uint32_t most = 1;
	for (uint32_t i = 0; i < p->nspot; i++)
		most = p->spot[i].bits > most ? p->spot[i].bits : most;
	return most < p->most_bits ? most : p->most_bits;
}

/* How many bits the next place is to have: so many that those to come can be as wide. For time, all it has. */
static uint8_t share(const Planner *p, double lacking, const Spot *s)
{
	if (p->wish->entropy == 0)
		return s->bits;
	double all = ceil(lacking / s->gain), bits = ceil(all / ceil(all / widest_spot(p)));
	return bits < s->bits ? (uint8_t)bits : s->bits;
}

static int time_next(Planner *p, Trial *t, double ratio, Next *next, uint32_t rounds, Err *e)
{
	t->bits[next->spot] = next->bits;
	int code = trial_run(p, TRIAL_VARIANTS, t, rounds, e);
	t->bits[next->spot] = 0;
	next->adds = t->ratio.median - ratio;
	return code;
}

/* Of time, each bit's price counts. */
static void price(const Planner *p, double lacking, Next *next, uint32_t n)
{
	double mean = 0;
	for (uint32_t i = 0; i < n; i++)
		mean += next[i].adds / n;
	for (uint32_t i = 0; i < n; i++) {
		double gain = p->spot[next[i].spot].gain, bits = next[i].bits * gain;
		bool last = bits >= lacking;
		next[i].price = p->wish->entropy == 0 ? next[i].adds / bits :
		                next[i].adds + (last ? 0 : mean * ceil((lacking - bits) / (gain * widest_spot(p))));
	}
	qsort(next, n, sizeof *next, by_price);
}

/* Adds the place that costs least beside those there are. */
static int grow(Planner *p, Trial *t, bool first, Err *e)
{
	Next next[SEARCHED];
	double lacking = p->wish->entropy - trial_entropy(p, t->bits), ratio = t->ratio.median;
	uint32_t n = 0;
	int code = 0;
	for (uint32_t i = 0; i < p->nspot && n < (first ? SEARCHED : NEXT); i++)
		if (t->bits[i] == 0 && p->spot[i].bits > 0)
			next[n++] = (Next){.spot = i, .bits = share(p, lacking, &p->spot[i])};
	for (uint32_t i = 0; i < n && !code; i++) {
		code = time_next(p, t, ratio, &next[i], RACE_SHORT, e);
		p->spot[next[i].spot].cost = next[i].adds / (next[i].bits * p->spot[next[i].spot].gain);
		progress_of(p, "places", i + 1, n);
	}
	price(p, lacking, next, n);
	if (n > AGAIN)
		n = AGAIN;
	for (uint32_t i = 0; i < n && !code; i++)
		code = time_next(p, t, ratio, &next[i], RACE_LONG, e);
	price(p, lacking, next, n);
	t->bits[next[0].spot] = next[0].bits;
	return code ? code : trial_run(p, TRIAL_STEP, t, RACE_LONG, e);
}

/* The places by what they cost alone, so that the next ones to be tried are the best. Where the one that was chosen is then. */
static uint32_t reorder(Planner *p, uint8_t *bits)
{
	uint32_t i = 0;
	while (bits[i] == 0)
		i++;
	Place has = p->spot[i].at;
	uint8_t wide = bits[i];
	bits[i] = 0;
	qsort(p->spot, p->nspot, sizeof *p->spot, by_cost);
	for (i = 0; p->spot[i].at.func != has.func || p->spot[i].at.index != has.index;)
		i++;
	bits[i] = wide;
	return i;
}

static uint32_t count(const Planner *p, const uint8_t *bits)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < p->nspot; i++)
		n += bits[i] > 0;
	return n;
}

static bool satisfied(const Planner *p, const Trial *t)
{
	return p->wish->entropy > 0 ? trial_entropy(p, t->bits) >= p->wish->entropy : (t->ratio.median - 1) * 100 > p->wish->overhead;
}

/* The last place was too much for the time: with how few bodies does it fit in? With none, unless it is all there is. */
static int narrow(Planner *p, Trial *t, uint32_t last, const Ratio *without, Err *e)
{
	int code = 0;
	while (!code && t->bits[last] > (without ? 0 : 1) && satisfied(p, t)) {
		if (--t->bits[last] > 0)
			code = trial_run(p, TRIAL_STEP, t, RACE_LONG, e);
		else
			t->ratio = *without;
		progress_of(p, "bodies", 0, 0);
	}
	return code;
}

static uint32_t count_usable(const Planner *p)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < p->nspot; i++)
		n += p->spot[i].bits > 0;
	return n;
}

/* One place after the other, from the placement that there is, which may be none. */
static int grow_on(Planner *p, Trial *t, Err *e)
{
	uint8_t *before = xalloc(p->nspot);
	Ratio without = t->ratio;
	uint32_t usable = count_usable(p), has = count(p, t->bits), last = NONE;
	int code = 0;
	for (; has < usable && !code && !satisfied(p, t); has++) {
		memcpy(before, t->bits, p->nspot);
		without = t->ratio;
		code = grow(p, t, has == 0, e);
		for (last = 0; last < p->nspot && t->bits[last] == before[last];)
			last++;
		if (has == 0)
			last = reorder(p, t->bits);
	}
	free(before);
	if (!code && p->wish->entropy == 0 && last != NONE && satisfied(p, t))
		code = narrow(p, t, last, has == 1 ? NULL : &without, e);
	return code;
}

/* Beginning with this place alone. */
static int grow_from(Planner *p, Trial *t, uint32_t spot, Err *e)
{
	memset(t->bits, 0, p->nspot);
	t->bits[spot] = share(p, p->wish->entropy, &p->spot[spot]);
	int code = trial_run(p, TRIAL_STEP, t, RACE_LONG, e);
	return code ? code : grow_on(p, t, e);
}

/* The best first place need not lead to the best placement: begins with some. */
static int grow_others(Planner *p, Trial *t, uint32_t most_bits, Err *e)
{
	int code = 0;
	p->most_bits = most_bits;
	for (uint32_t i = 0, begun = 0; i < p->nspot && begun < BEGINNINGS && !code; i++)
		if (p->spot[i].bits > 0) {
			begun++;
			code = grow_from(p, t, i, e);
		}
	return code;
}

static int grow_entropy(Planner *p, Trial *t, Err *e)
{
	int code = grow(p, t, true, e);
	if (!code) {
		reorder(p, t->bits);
		code = grow_on(p, t, e);
	}
	if (!code)
		code = grow_others(p, t, UINT32_MAX, e);
	if (!code)
		code = grow_others(p, t, FEW_BITS, e);
	return code ? code : final_run(p, t, e);
}

/* Grows on from what a final chose while there turns out to be some time left. */
static int grow_time(Planner *p, Trial *t, Err *e)
{
	double had;
	int code = 0;
	do {
		had = trial_entropy(p, t->bits);
		code = grow_on(p, t, e);
		if (!code && trial_entropy(p, t->bits) > had)
			code = final_run(p, t, e);
	} while (!code && trial_entropy(p, t->bits) > had);
	return code;
}

int grow_all(Planner *p, Trial *t, Err *e)
{
	bool anew = count(p, t->bits) == 0;
	p->most_bits = UINT32_MAX;
	if (anew)
		t->ratio = (Ratio){1, 1, 1};
	if (!anew || count_usable(p) == 0)
		return grow_on(p, t, e);
	return p->wish->entropy > 0 ? grow_entropy(p, t, e) : grow_time(p, t, e);
}
