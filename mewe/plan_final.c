/* plan_final.c - the best placements that were timed, timed once more.
 * In: placements as they are timed. Out: the one that meets the wish best.
 * Must hold: the least of many times is too short, for chance had a part in its being the least; so the best few are timed anew, together,
 * and compiled to other places in memory, and only that decides between them. What is said of a plan is measured once more, afterwards. */
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
	Finalist f = {.bits = xalloc(p->build.dispatchers.n + 1), .entropy = t->entropy, .ratio = t->ratio, .size = t->size};
	for (uint32_t i = 0; i < p->nspot; i++)
		if (t->bits[i] > 0)
			f.bits[p->spot[i].real] = t->bits[i];
	return f;
}

void final_enter(Planner *p, const Trial *t)
{
	Finalist f = finalist_of(p, t), *all = p->finalist ? p->finalist : (p->finalist = xalloc(FINALISTS * sizeof *all));
	uint32_t n = p->nfinalist, i = 0;
	while (i < n && memcmp(all[i].bits, f.bits, p->build.dispatchers.n) != 0)
		i++;
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
static int race(Planner *p, const Bytes *wasm, uint32_t k, Trial *t, Err *e)
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
		code = race_run(r, n, RACE_LONG, &p->base, ratio, e);
	for (uint32_t i = 0; i < p->nfinalist && !code; i++) {
		take(p, &p->finalist[i], t);
		t->ratio = p->finalist[i].again[k] = trial_ratio(&ratio[1], &ratio[ORIGINALS + i]);
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

/* Is this one better? Of those that meet a wish for entropy the quickest is; of those that take no more than the time the one with most
 * entropy. */
static bool better(const Planner *p, const Finalist *f, const Finalist *than)
{
	double most = 1 + p->aim / 100;
	if (p->wish->entropy > 0)
		return before(p, f, than);
	if (than->ratio.median > most)
		return f->ratio.median < than->ratio.median;
	return f->ratio.median <= most && f->entropy > than->entropy;
}

static const Finalist *best(const Planner *p)
{
	const Finalist *b = &p->finalist[0];
	for (uint32_t i = 1; i < p->nfinalist; i++)
		if (better(p, &p->finalist[i], b))
			b = &p->finalist[i];
	return b;
}

/* The smallest of those that give as much as this one and that the clock can't tell from it. */
static const Finalist *smallest(const Planner *p, const Finalist *b)
{
	const Finalist *least = b;
	for (uint32_t i = 0; i < p->nfinalist; i++) {
		const Finalist *f = &p->finalist[i];
		if (f->entropy >= b->entropy && f->ratio.low <= b->ratio.median && f->size < least->size)
			least = f;
	}
	return least;
}

int final_run(Planner *p, Trial *t, Err *e)
{
	Bytes wasm[FINALISTS] = {0};
	int code = 0;
	for (uint32_t i = 0; i < p->nfinalist && !code; i++) {
		take(p, &p->finalist[i], t);
		code = trial_make(p, TRIAL_FINAL, t, &wasm[i], e);
	}
	for (uint32_t k = 0; k < REPEATS && p->nfinalist > 0 && !code; k++) {
		code = race(p, wasm, k, t, e);
		progress_of(p, "finals", k + 1, REPEATS);
	}
	for (uint32_t i = 0; i < p->nfinalist; i++) {
		Finalist *f = &p->finalist[i];
		free(wasm[i].p);
		qsort(f->again, REPEATS, sizeof *f->again, by_median);
		f->ratio = f->again[REPEATS / 2];
	}
	if (p->nfinalist > 0 && !code)
		take(p, smallest(p, best(p)), t);
	return code;
}

bool final_other(const Planner *p, Trial *t)
{
	const Finalist *f = p->nfinalist > 0 ? smallest(p, best(p)) : NULL;
	Finalist now = finalist_of(p, t);
	bool other = f && memcmp(f->bits, now.bits, p->build.dispatchers.n) != 0;
	if (other)
		take(p, f, t);
	free(now.bits);
	return other;
}

void final_forget(Planner *p)
{
	for (uint32_t i = 0; i < p->nfinalist; i++)
		free(p->finalist[i].bits);
	free(p->finalist);
	p->finalist = NULL;
	p->nfinalist = 0;
}
