/* plan_final.c - the best placements that were timed, timed once more.
 * In: placements as they are timed. Out: the one that meets the wish best.
 * Must hold: the least of many times is too short, for chance had a part in its being the least; so the best few are timed anew, together,
 * and compiled to other places in memory, and only that decides between them. What is said of a plan is measured once more, afterwards. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "plan.h"

enum { FINALISTS = 6, REPEATS = 3 };

typedef struct Finalist {
	uint8_t *bits;                 /* of each dispatcher in the build: the spots' order may change */
	double entropy;
	Ratio ratio;
	uint64_t size;
	Ratio again[REPEATS];          /* the ratio in each race of the final */
} Finalist;

/* How much a placement falls short of the wish: bits that are lacking, or the distance to the time that was asked for. */
static double missing(const Planner *p, const Finalist *f)
{
	if (p->wish->entropy > 0)
		return f->entropy < p->wish->entropy ? p->wish->entropy - f->entropy : 0;
	return fabs((f->ratio.median - 1) * 100 - p->wish->overhead);
}

static bool before(const Planner *p, const Finalist *a, const Finalist *b)
{
	double x = missing(p, a), y = missing(p, b);
	return x != y ? x < y : a->ratio.median < b->ratio.median;
}

static Finalist finalist_of(const Planner *p, const Trial *t)
{
	Finalist f = {.bits = xalloc(p->build.dispatchers.n + 1), .entropy = trial_entropy(p, t->bits), .ratio = t->ratio};
	for (uint32_t i = 0; i < p->nspot; i++)
		if (t->bits[i] > 0)
			f.bits[p->spot[i].real] = t->bits[i];
	return f;
}

static uint32_t found(const Planner *p, const Finalist *f)
{
	uint32_t i = 0;
	while (i < p->nfinalist && memcmp(p->finalist[i].bits, f->bits, p->build.dispatchers.n) != 0)
		i++;
	return i;
}

static Finalist *places_of(Planner *p)
{
	return p->finalist ? p->finalist : (p->finalist = xalloc(FINALISTS * sizeof *p->finalist));
}

void final_enter(Planner *p, const Trial *t)
{
	Finalist f = finalist_of(p, t), *all = places_of(p);
	uint32_t n = p->nfinalist, i = found(p, &f);
	if (i == FINALISTS)
		i--;
	if (i < n && !before(p, &f, &all[i])) {
		free(f.bits);
		return;
	}
	if (i < n)
		free(all[i].bits);
	else
		p->nfinalist++;
	for (; i > 0 && before(p, &f, &all[i - 1]); i--)
		all[i] = all[i - 1];
	all[i] = f;
}

/* What was chosen last is in the final, too: it fits the time, which none need do of those that are nearest to it. Its ratio may be of
 * another placement, and is found out there. */
static void enter_surely(Planner *p, const Trial *t)
{
	Finalist f = finalist_of(p, t), *all = places_of(p);
	if (found(p, &f) < p->nfinalist) {
		free(f.bits);
		return;
	}
	if (p->nfinalist == FINALISTS)
		free(all[--p->nfinalist].bits);
	all[p->nfinalist++] = f;
}

static void take(const Planner *p, const Finalist *f, Trial *t)
{
	t->places = t->bodies = 0;
	for (uint32_t i = 0; i < p->nspot; i++) {
		t->bits[i] = p->spot[i].real == NONE ? 0 : f->bits[p->spot[i].real];
		t->places += t->bits[i] > 0;
		t->bodies += t->bits[i] > 0 ? 1u << t->bits[i] : 0;
	}
	t->entropy = f->entropy;
	t->ratio = f->ratio;
	t->size = f->size;
}

/* One race of them all, the k-th. */
static int race_finalists(Planner *p, const Bytes *wasm, uint32_t k, Trial *t, Err *e)
{
	enum { ORIGINALS = 2 };
	Runner *r[ORIGINALS + FINALISTS] = {0};
	Ratio ratio[ORIGINALS + FINALISTS];
	uint32_t n = ORIGINALS + p->nfinalist;
	int code = 0;
	for (uint32_t i = 0; i < n && !code; i++) {
		const Bytes *w = i < ORIGINALS ? &p->plain : &wasm[i - ORIGINALS];
		code = runner_open(p->file, w->p, w->n, p->wish, &r[i], e);
	}
	if (!code)
		code = race_run(r, n, ORIGINALS, RACE_LONG, &p->base, ratio, e);
	for (uint32_t i = 0; i < p->nfinalist && !code; i++) {
		take(p, &p->finalist[i], t);
		t->ratio = p->finalist[i].again[k] = ratio[ORIGINALS + i];
		t->noise = ratio[1];
		trial_row(p, TRIAL_FINAL, t);
	}
	for (uint32_t i = 0; i < n; i++)
		runner_close(r[i]);
	return code;
}

static int by_median(const void *a, const void *b)
{
	const Ratio *x = a, *y = b;
	return (x->median > y->median) - (x->median < y->median);
}

static bool fits(const Planner *p, const Finalist *f) { return f->ratio.median <= 1 + p->wish->overhead / 100; }

/* Is this one better? Of those that meet a wish for entropy the quickest is; of those that take no more than the time the one with most
 * entropy. */
static bool better(const Planner *p, const Finalist *f, const Finalist *than)
{
	if (p->wish->entropy > 0)
		return before(p, f, than);
	return fits(p, than) ? fits(p, f) && f->entropy > than->entropy : f->ratio.median < than->ratio.median;
}

/* Does this one give as much, so that the clock can't tell it from the other? */
static bool as_good(const Planner *p, const Finalist *f, const Finalist *as)
{
	bool enough = f->entropy >= as->entropy || (p->wish->entropy > 0 && f->entropy >= p->wish->entropy);
	return enough && f->ratio.low <= as->ratio.median && (p->wish->entropy > 0 || fits(p, f) || !fits(p, as));
}

/* The best, or the smallest of those that are as good. */
static const Finalist *winner(const Planner *p)
{
	const Finalist *best = &p->finalist[0], *least;
	for (uint32_t i = 1; i < p->nfinalist; i++)
		if (better(p, &p->finalist[i], best))
			best = &p->finalist[i];
	least = best;
	for (uint32_t i = 0; i < p->nfinalist; i++)
		if (as_good(p, &p->finalist[i], best) && p->finalist[i].size < least->size)
			least = &p->finalist[i];
	return least;
}

static int by_worth(const void *a, const void *b, void *planner) { return before(planner, a, b) ? -1 : before(planner, b, a); }

int final_run(Planner *p, Trial *t, Err *e)
{
	Bytes wasm[FINALISTS] = {0};
	int code = 0;
	enter_surely(p, t);
	for (uint32_t i = 0; i < p->nfinalist && !code; i++) {
		take(p, &p->finalist[i], t);
		code = trial_make(p, TRIAL_FINAL, t, &wasm[i], e);
		if (!code)
			p->finalist[i].size = write_size(wasm[i].p, wasm[i].n);
	}
	for (uint32_t k = 0; k < REPEATS && !code; k++) {
		code = race_finalists(p, wasm, k, t, e);
		progress_of(p, "finals", k + 1, REPEATS);
	}
	for (uint32_t i = 0; i < p->nfinalist; i++) {
		Finalist *f = &p->finalist[i];
		free(wasm[i].p);
		qsort(f->again, REPEATS, sizeof *f->again, by_median);
		f->ratio = f->again[REPEATS / 2];
	}
	if (!code)
		take(p, winner(p), t);
	qsort_r(p->finalist, p->nfinalist, sizeof *p->finalist, by_worth, p); /* others may enter for another final */
	return code;
}

void final_forget(Planner *p)
{
	for (uint32_t i = 0; i < p->nfinalist; i++)
		free(p->finalist[i].bits);
	free(p->finalist);
	p->finalist = NULL;
	p->nfinalist = 0;
}
