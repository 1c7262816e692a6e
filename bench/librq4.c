/* librq4.c - time by configuration: the original, the original again as `aa`, and any number of multivariants.
 * In: modules without a trace; how many executions; in how many rounds and places. Out: rows, for each round and configuration:
 *   execute time_ns        a call on one warm instance: mean of the round's
 *   request time_guest_ns  the call alone on a fresh instance, its seeding included: median of the round's
 *   request time_ns        that with its instance made and dropped: mean
 * for each place a row place open_ns, what compiling and warming up took; and last request time_guest_count, where all single
 * executions are counted: `iteration` is their nanoseconds rounded down to ten bits, the value how many took so long.
 * Must hold: what the machine does in a round it does to all, since rounds are shuffled inside; and where the machine code lies
 * favours none, since all modules are compiled anew, to other addresses, in each place (`node` in the rows). What chance still
 * does the two originals tell. Nothing is timed whose answer was not looked at. */
#include <stdlib.h>
#include <string.h>
#include "measure.h"

enum { SUBJECTS_MAX = 2 + ALSO_MAX, WARM_NS = 2000000, WARM_UP = 3,
       BITS = 10, BINS = (1 << BITS) + (32 - BITS) * (1 << (BITS - 1)) };

typedef struct Subject {
	const char *path, *build, *config;
	Guest guest;
	Instance *warm;
	HostFunc serve;
	uint32_t warm_batch;           /* calls on the warm instance in a round */
	uint32_t *count;               /* of single executions, by bin; malloc'ed */
} Subject;

typedef struct Trial {
	const Plan *p;
	Rows *rows;
	Subject s[SUBJECTS_MAX];
	uint32_t n, batch;             /* batch: fresh instances of each in a round */
	uint64_t *call;                /* room for a batch; malloc'ed */
	Answer want;
	Rng rng;
} Trial;

static const HostOptions plain;

/* ---- single executions, counted ---- */

static uint32_t bin_of(uint64_t ns)
{
	uint32_t e = 0;
	ns = ns > UINT32_MAX ? UINT32_MAX : ns;
	while (ns >> (BITS + e))
		e++;
	return e * (1 << (BITS - 1)) + (ns >> e);
}

/* The shortest time of the bin. */
static uint32_t bin_ns(uint32_t bin)
{
	uint32_t half = 1 << (BITS - 1), e = bin < 2 * half ? 0 : bin / half - 1;
	return (bin - e * half) << e;
}

static void write_counts(const Trial *t, const Subject *s)
{
	guest_rows(&s->guest, t->rows, s->build, s->config, "request");
	for (uint32_t k = 0; k < BINS; k++)
		if (s->count[k]) {
			t->rows->iteration = bin_ns(k);
			rows_int(t->rows, "time_guest_count", s->count[k]);
		}
}

/* ---- executions ---- */

static uint64_t run_warm(const Trial *t, const Subject *s, uint32_t n)
{
	int32_t last = 0;
	uint64_t from = clock_spent();
	for (uint32_t k = 0; k < n; k++)
		last = guest_run(&s->serve);
	from = clock_spent() - from;
	if (last != t->want.n)
		die(MEWE_DIFFERS, "%s: while timed it answered %d, not %d", s->path, last, t->want.n);
	return from;
}

/* One execution on a fresh instance. Another input is chosen by a call; that one seeds, so it is timed, too. */
static uint64_t run_fresh(const Trial *t, const Subject *s)
{
	Instance *i = guest_fresh(&s->guest, &plain, 0);
	HostFunc serve = guest_serve(i), select;
	uint64_t which[HOST_VALUES] = {(uint32_t)t->p->input}, from;
	Err e = {0};
	if (t->p->input != 0)
		check(host_func(i, "select_input", &select, &e), &e);
	from = clock_passed();
	if (t->p->input != 0)
		check(host_func_call(&select, which, NULL, &e), &e);
	int32_t n = guest_run(&serve);
	from = clock_passed() - from;
	if (n != t->want.n)
		die(MEWE_DIFFERS, "%s: while timed it answered %d, not %d", s->path, n, t->want.n);
	host_drop(i);
	return from;
}

/* Other modules have had the caches and predictors meanwhile, which is no part of it. */
static void warm_round(const Trial *t, const Subject *s)
{
	run_warm(t, s, s->warm_batch / 4 + 1);
	rows_real(t->rows, "time_ns", (double)run_warm(t, s, s->warm_batch) / s->warm_batch);
}

static void fresh_round(const Trial *t, const Subject *s)
{
	uint64_t all = clock_spent();
	for (uint32_t k = 0; k < t->batch; k++)
		t->call[k] = run_fresh(t, s);
	all = clock_spent() - all;
	for (uint32_t k = 0; k < t->batch; k++)
		s->count[bin_of(t->call[k])]++;
	rows_real(t->rows, "time_ns", (double)all / t->batch);
	rows_int(t->rows, "time_guest_ns", clock_median(t->call, t->batch));
}

static void round_of(void *trial, uint32_t round, uint32_t place)
{
	Trial *t = trial;
	uint32_t order[2 * SUBJECTS_MAX];
	rng_order(&t->rng, order, 2 * t->n);
	for (uint32_t i = 0; i < 2 * t->n; i++) {
		const Subject *s = &t->s[order[i] / 2];
		bool fresh = order[i] % 2;
		guest_rows(&s->guest, t->rows, s->build, s->config, fresh ? "request" : "execute");
		t->rows->iteration = round;
		t->rows->node = place;
		(fresh ? fresh_round : warm_round)(t, s);
	}
}

/* ---- places ---- */

static void close_all(void *trial)
{
	Trial *t = trial;
	for (uint32_t k = 0; k < t->n; k++) {
		host_drop(t->s[k].warm);
		guest_close(&t->s[k].guest);
	}
}

static void warm_up(Trial *t, Subject *s)
{
	uint64_t ns;
	guest_compare(s->path, s->warm, &s->serve, &t->want, t->p->free);
	for (int k = 0; k < WARM_UP; k++)
		run_fresh(t, s);
	for (s->warm_batch = t->batch; (ns = run_warm(t, s, s->warm_batch)) < WARM_NS && ns < UINT32_MAX;)
		s->warm_batch *= 2;
}

/* Compiled in another order each time, so that no module is always beside the same one. */
static void open_all(void *trial, uint32_t place)
{
	Trial *t = trial;
	uint32_t order[SUBJECTS_MAX];
	uint64_t from = clock_passed();
	rng_order(&t->rng, order, t->n);
	for (uint32_t i = 0; i < t->n; i++)
		t->s[order[i]].guest = guest_open(t->s[order[i]].path);
	for (uint32_t i = 0; i < t->n; i++) {
		Subject *s = &t->s[order[i]];
		s->warm = guest_fresh(&s->guest, &plain, t->p->input);
		s->serve = guest_serve(s->warm);
		warm_up(t, s);
	}
	guest_rows(&t->s[0].guest, t->rows, "original", "original", "place");
	t->rows->node = place;
	rows_int(t->rows, "open_ns", clock_passed() - from);
}

static void add(Trial *t, const char *path, const char *build, const char *config)
{
	t->s[t->n++] = (Subject){.path = path, .build = build, .config = config, .count = xalloc(BINS * sizeof(uint32_t))};
}

static void begin(Trial *t)
{
	Guest g = guest_open(t->p->original);
	t->want = guest_reference(&g, t->p->input);
	guest_close(&g);
	add(t, t->p->original, "original", "original");
	add(t, t->p->original, "original", "aa");
	for (uint32_t i = 0; i < t->p->nalso; i++)
		add(t, t->p->also[i].path, "multivariant", t->p->also[i].config);
	t->batch = (t->p->count + t->p->rounds - 1) / t->p->rounds;
	t->call = xalloc(t->batch * sizeof *t->call);
}

void measure_rq4(const Plan *p, Rows *r)
{
	Trial t = {.p = p, .rows = r};
	begin(&t);
	rounds_run(p, &(Rounds){open_all, round_of, close_all}, &t);
	for (uint32_t k = 0; k < t.n; k++) {
		write_counts(&t, &t.s[k]);
		free(t.s[k].count);
	}
	close_all(&t);
	free(t.call);
	free(t.want.p);
}
