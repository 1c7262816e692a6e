/* librounds.c - rounds, shared out to places.
 * In: how many of each. Out: each round measured, in order; a place is opened before its first, and closed before the next place's.
 * The last one stays open. */
#include "measure.h"

void rounds_run(const Plan *p, const Rounds *r, void *trial)
{
	uint32_t places = p->places < p->rounds ? p->places : p->rounds;
	for (uint32_t place = 0, k = 0; place < places; place++) {
		if (place != 0)
			r->close(trial);
		r->open(trial, place);
		for (; (uint64_t)k * places / p->rounds == place; k++) {
			r->round(trial, k, place);
			progress("rounds", k + 1, p->rounds);
		}
	}
}
