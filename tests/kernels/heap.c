/* heap.c - scheduling: a priority queue of jobs, which come as bytes and are done by urgency, then by age. */
#include "kernel.h"

enum { QUEUE = 128 };

typedef struct Job {
	uint32_t urgency, born;
} Job;

static Job queue[QUEUE];
static uint32_t used;

static int before(Job x, Job y)
{
	return x.urgency != y.urgency ? x.urgency > y.urgency : x.born < y.born;
}

static void add(Job job)
{
	uint32_t i = used++;
	while (i > 0 && before(job, queue[(i - 1) / 2])) {
		queue[i] = queue[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	queue[i] = job;
}

static Job next(void)
{
	Job first = queue[0], last = queue[--used];
	uint32_t i = 0;
	for (uint32_t kid; (kid = 2 * i + 1) < used; i = kid) {
		if (kid + 1 < used && before(queue[kid + 1], queue[kid]))
			kid++;
		if (!before(queue[kid], last))
			break;
		queue[i] = queue[kid];
	}
	queue[i] = last;
	return first;
}

void kernel(const uint8_t *in, size_t n)
{
	uint64_t order = 0, waited = 0;
	for (uint32_t i = 0; i < n; i++) {
		add((Job){in[i] >> 3, i});
		if (used == QUEUE || (in[i] & 3) == 0) {
			Job job = next();
			order = order * 33 ^ job.born;
			waited += i - job.born;
		}
	}
	while (used > 0) {
		Job job = next();
		order = order * 33 ^ job.born;
		waited += n - job.born;
	}
	put(order);
	put(waited);
}
