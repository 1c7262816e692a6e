/* libtime.c - time, of the original and its multivariants in turn.
 * In: modules without a trace. Out: rows time_ns, the mean of a batch: phase `execute` on one warm instance, phase `request`
 * with a fresh instance for each call, from making it to dropping it; and for the latter time_guest_ns, the call alone, the
 * median of the batch. Both of a fresh instance have its seeding in them.
 * Must hold: whatever the machine does in a round it does to all builds (rounds, shuffled inside); nothing is timed whose
 * answer was not looked at. */
#include <stdlib.h>
#include "measure.h"

enum { BUILDS_MAX = 3 + ALSO_MAX, BATCH_NS = 2000000, WARM_UP = 3 };

typedef struct Bench {
	Guest guest;
	const char *build, *config;
	Instance *warm;
	HostFunc serve;
	uint32_t batch[2];             /* calls, fresh instances: so many take BATCH_NS */
} Bench;

typedef struct Spent {
	uint64_t all, call;            /* nanoseconds: of the batch, of one call */
} Spent;

/* n executions; *last is what the last one answered. */
static Spent run_warm(const Bench *b, uint32_t n, int32_t *last)
{
	uint64_t from = clock_spent();
	for (uint32_t k = 0; k < n; k++)
		*last = guest_run(&b->serve);
	return (Spent){.all = clock_spent() - from};
}

static Spent run_fresh(const Bench *b, uint32_t n, int32_t *last, int32_t input)
{
	static const HostOptions plain;
	uint64_t *call = xalloc(n * sizeof *call), from = clock_spent();
	for (uint32_t k = 0; k < n; k++) {
		Instance *i = guest_fresh(&b->guest, &plain, input);
		HostFunc serve = guest_serve(i);
		call[k] = clock_passed();
		*last = guest_run(&serve);
		call[k] = clock_passed() - call[k];
		host_drop(i);
	}
	Spent s = {.all = clock_spent() - from};
	s.call = clock_median(call, n);
	free(call);
	return s;
}

static Spent run(const Bench *b, int fresh, uint32_t n, const Plan *p, int32_t length)
{
	int32_t last = 0;
	Spent s = fresh ? run_fresh(b, n, &last, p->input) : run_warm(b, n, &last);
	if (last != length)
		die(MEWE_DIFFERS, "%s: while timed it answered %d, not %d", b->guest.path, last, length);
	return s;
}

static uint32_t batch_size(const Bench *b, int fresh, const Plan *p, int32_t length)
{
	uint32_t n = 1;
	uint64_t ns;
	for (int k = 0; k < WARM_UP; k++)
		run(b, fresh, 1, p, length);
	while ((ns = run(b, fresh, n, p, length).all) < BATCH_NS / 4)
		n *= 2;
	n = (uint64_t)n * BATCH_NS / ns;
	return n ? n : 1;
}

static void open_bench(Bench *b, const Plan *p, const char *path, const char *build, const char *config)
{
	static const HostOptions plain;
	*b = (Bench){.guest = guest_open(path), .build = build, .config = config};
	b->warm = guest_fresh(&b->guest, &plain, p->input);
	b->serve = guest_serve(b->warm);
}

static void round_of(Bench *bench, uint32_t n, Rng *rng, uint32_t k, const Plan *p, int32_t length, Rows *r)
{
	uint32_t order[2 * BUILDS_MAX];
	rng_order(rng, order, 2 * n);
	for (uint32_t i = 0; i < 2 * n; i++) {
		const Bench *b = &bench[order[i] / 2];
		int fresh = order[i] % 2;
		Spent s = run(b, fresh, b->batch[fresh], p, length);
		guest_rows(&b->guest, r, b->build, b->config, fresh ? "request" : "execute");
		r->iteration = k;
		rows_real(r, "time_ns", (double)s.all / b->batch[fresh]);
		if (fresh && p->input == 0)    /* another input is chosen by a call that has seeded already */
			rows_real(r, "time_guest_ns", s.call);
	}
}

void measure_time(const Plan *p, Rows *r)
{
	Bench bench[BUILDS_MAX];
	uint32_t n = 0;
	Rng rng = {0};
	open_bench(&bench[n++], p, p->original, "original", "original");
	if (p->call)
		open_bench(&bench[n++], p, p->call, "multivariant", "call");
	if (p->request)
		open_bench(&bench[n++], p, p->request, "multivariant", "request");
	for (uint32_t i = 0; i < p->nalso; i++)
		open_bench(&bench[n++], p, p->also[i].path, "multivariant", p->also[i].config);
	Answer want = guest_reference(&bench[0].guest, p->input);
	for (uint32_t i = 0; i < n; i++) {
		guest_compare(bench[i].guest.path, bench[i].warm, &bench[i].serve, &want, p->free);
		for (int fresh = 0; fresh < 2; fresh++)
			bench[i].batch[fresh] = batch_size(&bench[i], fresh, p, want.n);
	}
	for (uint32_t k = 0; k < p->rounds; k++) {
		round_of(bench, n, &rng, k, p, want.n, r);
		progress("time", k + 1, p->rounds);
	}
	for (uint32_t i = 0; i < n; i++) {
		host_drop(bench[i].warm);
		guest_close(&bench[i].guest);
	}
	free(want.p);
}
