/* libclock.c - the clocks, and what all that is timed is asked first.
 * In: a module. Out: nanoseconds. Holds: nothing is timed whose answer was not looked at. */
#include <stdlib.h>
#include <time.h>
#include "measure.h"

static uint64_t now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t clock_spent(void) { return now(CLOCK_THREAD_CPUTIME_ID); }
uint64_t clock_passed(void) { return now(CLOCK_MONOTONIC); }

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

uint64_t clock_median(uint64_t *v, uint32_t n)
{
	qsort(v, n, sizeof *v, by_size);
	return v[n / 2];
}

void guest_compare(const char *path, Instance *i, const HostFunc *serve, const Answer *want, bool free)
{
	int32_t n = guest_run(serve);
	if (free ? n != want->n : !guest_answered(i, n, want))
		die(MEWE_DIFFERS, "%s: its answer is not the original's", path);
}
