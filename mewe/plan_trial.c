/* plan_trial.c - one placement, made and timed.
 * In: which spots choose among how many bodies. Out: its entropy, size and time, and a row of the frontier.
 * Must hold: what is timed is the module that this placement makes, without a trace, beside the original twice. */
#include <stdlib.h>
#include <string.h>
#include "plan.h"

double trial_entropy(const Planner *p, const uint8_t *bits)
{
	double sum = 0;
	for (uint32_t i = 0; i < p->nspot; i++)
		sum += bits[i] * p->spot[i].gain;
	return sum;
}

/* The n rows of this dispatcher that are kept where there is room for no more: those that a plan is likeliest to have; malloc'ed. */
static uint32_t *best_rows(const Build *b, const Dispatcher *d, uint32_t n)
{
	uint32_t *row = xalloc(d->n * sizeof *row), k = 0;
	for (uint32_t i = 0; i + 1 < d->n; i++)
		if (b->variants.v[d->row[i]].rank < n)
			row[k++] = d->row[i];
	return row;
}

/* The dispatchers of a placement, cut down to its numbers of bodies. The classes stay the build's, and mean nothing. */
static Dispatchers chosen(const Planner *p, bool copies, const uint8_t *bits)
{
	const Dispatchers *all = copies ? &p->copies.dispatchers : &p->build.dispatchers;
	Dispatchers some = {.d = xalloc((all->n + 1) * sizeof *some.d)};
	uint8_t *of = xalloc(all->n + 1);
	for (uint32_t i = 0; i < p->nspot; i++)
		if (bits[i])
			of[copies ? p->spot[i].copy : p->spot[i].real] = bits[i];
	for (uint32_t i = 0; i < all->n; i++) {
		if (of[i] == 0)
			continue;
		Dispatcher d = all->d[i];
		d.n = 1u << of[i];
		d.row = best_rows(copies ? &p->copies : &p->build, &all->d[i], d.n - 1);
		if (d.region)
			d.id = some.n;
		some.d[some.n++] = d;
	}
	free(of);
	return some;
}

int trial_make(Planner *p, TrialKind kind, Trial *t, Bytes *out, Err *e)
{
	bool copies = kind == TRIAL_COPIES;
	Build *b = copies ? &p->copies : &p->build;
	Dispatchers all = b->dispatchers;
	b->dispatchers = chosen(p, copies, t->bits);
	t->entropy = trial_entropy(p, t->bits);
	t->places = b->dispatchers.n;
	t->bodies = 0;
	for (uint32_t i = 0; i < t->places; i++)
		t->bodies += b->dispatchers.d[i].n;
	int code = pipeline_emit(b, MEWE_TRACE_OFF, out, e);
	for (uint32_t i = 0; i < b->dispatchers.n; i++)
		free(b->dispatchers.d[i].row);
	free(b->dispatchers.d);
	b->dispatchers = all;
	return code;
}

void trial_row(Planner *p, TrialKind kind, const Trial *t)
{
	static const char *const names[] = {"copies", "variants", "step", "final", "plan"}; /* in the order of TrialKind */
	buf_printf(&p->frontier, "%s,%.0f,%u,%u,%llu,%.1f,%.4f,%.4f,%.4f,%.4f,%.4f\n", names[kind], t->entropy, t->places, t->bodies,
	           (unsigned long long)t->size, p->base, t->ratio.median, t->ratio.low, t->ratio.high, t->noise.low, t->noise.high);
}

int trial_time(Planner *p, TrialKind kind, Trial *t, const Bytes *wasm, uint32_t rounds, Err *e)
{
	Runner *r[3] = {p->original, p->again, NULL};
	Ratio ratio[3];
	int code = runner_open(p->file, wasm->p, wasm->n, p->wish, &r[2], e);
	t->size = write_size(wasm->p, wasm->n);
	if (!code)
		code = race_run(r, 3, 2, rounds, &p->base, ratio, e);
	if (!code) {
		t->noise = ratio[1];
		t->ratio = ratio[2];
		trial_row(p, kind, t);
	}
	runner_close(r[2]);
	return code;
}

int trial_run(Planner *p, TrialKind kind, Trial *t, uint32_t rounds, Err *e)
{
	Bytes out = {0};
	int code = trial_make(p, kind, t, &out, e);
	if (!code)
		code = trial_time(p, kind, t, &out, rounds, e);
	if (!code && kind != TRIAL_COPIES && rounds == RACE_LONG)
		final_enter(p, t);
	free(out.p);
	return code;
}

/* The original with the guest's imports from `mewe` resolved, as a build without dispatchers is. */
int trial_open(Planner *p, Err *e)
{
	Build b = {.o = &p->o, .file = p->file, .in = p->in, .nin = p->nin};
	Ratio ratio[2];
	int code = read_module(b.file, b.in, b.nin, &b.mod, e);
	if (!code)
		code = discriminator_shape(b.mod, &p->o, &b.shape, e);
	if (!code)
		code = pipeline_emit(&b, MEWE_TRACE_OFF, &p->plain, e);
	if (!code)
		code = runner_open(p->file, p->plain.p, p->plain.n, p->wish, &p->original, e);
	if (!code)
		code = runner_open(p->file, p->plain.p, p->plain.n, p->wish, &p->again, e);
	if (!code)
		code = race_run((Runner *[]){p->original, p->again}, 2, 2, RACE_LONG, &p->base, ratio, e);
	buf_str(&p->frontier, "trial,entropy_bits,places,bodies,size_bytes,original_ns,ratio,ratio_low,ratio_high,aa_low,aa_high\n");
	read_free(b.mod);
	return code;
}

void trial_close(Planner *p)
{
	runner_close(p->original);
	runner_close(p->again);
	free(p->plain.p);
}
