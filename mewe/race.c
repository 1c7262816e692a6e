/* race.c - how long requests take, of some modules in turn.
 * In: modules, and what a request is. Out: each one's time over the first one's.
 * Must hold: whatever the machine does in a round it does to all (short batches, in another order each round), and a ratio is of
 * two batches of one round. Each module is compiled and placed in memory a few times over, since where its code comes to lie makes
 * a difference of its own. All begin with a new instance, so that none has served more requests than another. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "plan.h"

/* A batch is long enough for the clock, and for what it begins with not to count: of so many requests at least, unless that takes too
 * long; and before it is timed, a quarter of it is run, one request at least, since other modules have had the caches and predictors meanwhile. */
enum { PLACED = 3, BATCH_NS = 400000, BATCH_LONG_NS = 1000000, BATCH_MIN = 32, BATCH_MAX = 1 << 20, WARM_UP = 4 };

struct Runner {
	Host *host[PLACED];
	Instance *instance[PLACED];
	HostFunc func[PLACED];
	const Wish *wish;
	char *file;
	uint32_t now;                  /* which of them takes requests */
	bool command;
};

bool runner_command(const Runner *r) { return r->command; }
Instance *runner_instance(Runner *r) { return r->instance[r->now]; }

int runner_start(Runner *r, Err *e)
{
	HostOptions o = {.input = r->wish->input, .ninput = r->wish->ninput};
	HostFunc *f = &r->func[r->now];
	host_drop(r->instance[r->now]);
	r->instance[r->now] = NULL;
	int code = host_instance(r->host[r->now], &o, &r->instance[r->now], e);
	if (!code)
		code = host_func(r->instance[r->now], r->wish->entry, f, e);
	if (!code && f->nparams != r->wish->nargs)
		code = err_set(e, MEWE_BAD, "%s: --profile %s: it takes %u numbers, not %u; give them as EXPORT,NUMBER,...", r->file,
		               r->wish->entry, f->nparams, r->wish->nargs);
	return code;
}

int runner_request(Runner *r, Err *e)
{
	uint64_t v[HOST_VALUES];
	int exit_code, code = runner_command(r) || !r->instance[r->now] ? runner_start(r, e) : 0;
	if (code)
		return code;
	memcpy(v, r->wish->arg, r->wish->nargs * sizeof *v);
	if ((code = host_func_call(&r->func[r->now], v, &exit_code, e)) != 0) {
		Err why = *e;
		return err_set(e, code, "%s: --profile %s: the request ends early: %s", r->file, r->wish->entry, why.text);
	}
	runner_instance(r)->out.n = 0; /* what it wrote is nobody's, and may be a lot in a million requests */
	return 0;
}

int runner_open(const char *file, const uint8_t *wasm, size_t n, const Wish *w, Runner **out, Err *e)
{
	Runner *r = *out = xalloc(sizeof *r);
	int code = 0;
	r->wish = w;
	r->file = xstrdup(file);
	r->command = strcmp(w->entry, "_start") == 0;
	for (r->now = PLACED; r->now-- > 0 && !code;) {
		code = host_open(file, wasm, n, &r->host[r->now], e);
		if (!code && !runner_command(r))
			code = runner_start(r, e);
	}
	r->now = 0;
	return code;
}

void runner_close(Runner *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < PLACED; i++) {
		host_drop(r->instance[i]);
		host_close(r->host[i]);
	}
	free(r->file);
	free(r);
}

static double spent(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Nanoseconds for one of n requests. */
static int batch(Runner *r, uint32_t n, double *ns, Err *e)
{
	double from = spent();
	int code = 0;
	for (uint32_t i = 0; i < n && !code; i++)
		code = runner_request(r, e);
	*ns = (spent() - from) / n;
	return code;
}

static int batch_size(Runner *r, uint32_t *n, Err *e)
{
	double ns = 0;
	int code = batch(r, WARM_UP, &ns, e);
	for (*n = 1; !code && *n < BATCH_MAX; *n *= 2) {
		if ((code = batch(r, *n, &ns, e)) == 0 && ns * *n >= (*n < BATCH_MIN ? BATCH_LONG_NS : BATCH_NS))
			return 0;
	}
	return code;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The interval between two order statistics that has the median in it in 95 of 100 cases. */
static Ratio ratio_of(double *x, uint32_t n)
{
	qsort(x, n, sizeof *x, by_size);
	uint32_t half = n / 2, wide = (uint32_t)ceil(0.98 * sqrt(n));
	return (Ratio){n % 2 ? x[half] : (x[half - 1] + x[half]) / 2, x[half > wide ? half - wide : 0], x[half + wide < n ? half + wide : n - 1]};
}

static int one_round(Runner **r, uint32_t n, uint32_t size, Rng *rng, double *ns, Err *e)
{
	uint32_t *order = xalloc(n * sizeof *order);
	int code = 0;
	rng_order(rng, order, n);
	for (uint32_t i = 0; i < n && !code; i++) {
		code = batch(r[order[i]], size / 4 + 1, &ns[order[i]], e);
		if (!code)
			code = batch(r[order[i]], size, &ns[order[i]], e);
	}
	free(order);
	return code;
}

/* The originals' time in this round: the geometric mean, since where the code of each lies makes 1 to 3 points. */
static double measure_of(const double *ns, uint32_t originals)
{
	double sum = 0;
	for (uint32_t i = 0; i < originals; i++)
		sum += log(ns[i]) / originals;
	return exp(sum);
}

int race_run(Runner **r, uint32_t n, uint32_t originals, uint32_t rounds, double *base, Ratio *out, Err *e)
{
	uint32_t all = PLACED * rounds, size = 1;
	double *x = xalloc((n + 1) * all * sizeof *x), *ns = xalloc(n * sizeof *ns);
	Rng rng = {0};
	int code = 0;
	for (uint32_t k = 0; k < all && !code; k++) {
		for (uint32_t i = 0; i < n && !code; i++) {
			r[i]->now = k / rounds;
			if (k % rounds == 0 && (code = runner_start(r[i], e)) == 0)
				code = batch_size(r[i], &size, e); /* the last one's counts: a multivariant */
		}
		if (!code)
			code = one_round(r, n, size, &rng, ns, e);
		for (uint32_t i = 0; i < n; i++)
			x[i * all + k] = ns[i] / (i < originals ? ns[0] : measure_of(ns, originals));
		x[n * all + k] = ns[0];
	}
	for (uint32_t i = 0; i < n && !code; i++)
		out[i] = ratio_of(x + i * all, all);
	if (!code)
		*base = ratio_of(x + n * all, all).median;
	free(x);
	free(ns);
	return code;
}
