/* plan.c - the cheapest places for choices.
 * In: a module, what a request is, and how much entropy it is to have or how much time it may cost. Out: a plan.
 * Must hold: the entropy that is promised is that of the module that the plan makes, of bodies that are proved and differ in its
 * machine code; what is said of time was measured on that module.
 *
 * The steps: count how often a request meets each place (profile.c); put identical copies there for bodies, and time each place alone;
 * search for variants at those that cost least (plan_scout.c); add one of them after the other, the one whose bits cost least beside
 * those there are, since what a jump costs depends on what the processor does meanwhile, and times of single places don't add up; time
 * the best placements again (plan_final.c); build what the plan says, and choose again where the audit of the binary struck variants off. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "combine.h"
#include "plan.h"

/* The longest requests, in nanoseconds, of which the clock can tell what one place adds: for entropy, which needs few places, and for
 * time, into which many may fit. How often a choice may be made anew. How much dearer a place in a long request may be thought to be than
 * it is: a jump that is met often is foreseen better than scout_price() takes it to be. */
enum { SHORT_FOR_ENTROPY = 100000, SHORT_FOR_TIME = 16000, ATTEMPTS = 16, PRICED_HIGH = 4 };

bool plan_short(const Planner *p)
{
	return p->base <= (p->wish->entropy > 0 ? SHORT_FOR_ENTROPY : SHORT_FOR_TIME);
}

/* ---- long requests: by what places are thought to cost -------------------------------------------------------------------- */

/* How many places the wish can need. */
static uint32_t affordable(const Planner *p)
{
	double ns = 0, may = p->base * p->wish->overhead * PRICED_HIGH / 100;
	uint32_t n = 0;
	if (p->wish->entropy > 0)
		n = (uint32_t)ceil(p->wish->entropy / COPIES) + 1;
	while (n < p->nspot && ns < may)
		ns += scout_price(p, p->spot[n++].met);
	return n < p->nspot ? n : p->nspot;
}

static uint8_t widest(const Planner *p, const uint8_t *bits)
{
	uint8_t most = 0;
	for (uint32_t i = 0; i < p->nspot; i++)
		most = bits[i] > most ? bits[i] : most;
	return most;
}

/* As few places as reach the entropy, in their order, each with as few bodies as will do: the widest are narrowed first. */
static void spread_bits(const Planner *p, uint8_t *bits)
{
	double want = p->wish->entropy, have = 0;
	memset(bits, 0, p->nspot);
	for (uint32_t i = 0; i < p->nspot && have < want; i++) {
		bits[i] = p->spot[i].bits;
		have += bits[i] * p->spot[i].gain;
	}
	for (bool narrower = have >= want; narrower;) {
		narrower = false;
		for (uint8_t wide = widest(p, bits); wide > 1 && !narrower; wide--)
			for (uint32_t i = p->nspot; i-- > 0 && !narrower;)
				if (bits[i] == wide && have - p->spot[i].gain >= want) {
					bits[i]--;
					have -= p->spot[i].gain;
					narrower = true;
				}
	}
}

/* The first n of the places that have variants, and how many those are. */
static uint32_t first(const Planner *p, uint32_t n, uint8_t *bits)
{
	uint32_t has = 0;
	for (uint32_t i = 0; i < p->nspot; i++) {
		bits[i] = has < n ? p->spot[i].bits : 0;
		has += bits[i] > 0;
	}
	return has;
}

/* What fewer places give and cost, for who asks for the frontier. */
static int steps(Planner *p, Trial *t, Err *e)
{
	uint8_t *all = xalloc(p->nspot);
	int code = 0;
	memcpy(all, t->bits, p->nspot);
	for (uint32_t n = 1; n < p->nspot && !code; n++) {
		if (all[n] == 0)
			continue;
		for (uint32_t i = n; i < p->nspot; i++)
			t->bits[i] = 0;
		code = trial_run(p, TRIAL_STEP, t, RACE_SHORT, e);
		memcpy(t->bits, all, p->nspot);
	}
	free(all);
	return code;
}

static int spread(Planner *p, Trial *t, Err *e)
{
	spread_bits(p, t->bits);
	return steps(p, t, e);
}

/* As many of the places as the time allows: between `fits` and `not` there is nothing known yet. */
static int fill(Planner *p, Trial *t, Err *e)
{
	uint32_t n = first(p, p->nspot, t->bits), fits = 0, not = n + 1, k = n;
	int code = 0;
	for (uint32_t tries = 0; not - fits > 1 && !code; k = (fits + not) / 2, tries++) {
		first(p, k, t->bits);
		code = trial_run(p, TRIAL_STEP, t, RACE_LONG, e);
		if ((t->ratio.median - 1) * 100 <= p->wish->overhead)
			fits = k;
		else
			not = k;
		progress_of(p, "placements timed", tries + 1, 0);
	}
	return code ? code : final_run(p, t, e);
}

/* ---- the plan -------------------------------------------------------------------------------------------------------------- */

static char *plan_of(const Planner *p, const uint8_t *bits)
{
	Places some = {0};
	for (uint32_t i = 0; i < p->nspot; i++) {
		Place at = p->spot[i].at;
		at.bodies = 1u << bits[i];
		if (bits[i] > 0)
			PUSH(some.p, some.n, some.cap, at);
	}
	place_sort(&some);
	char *text = place_plan(p->build.mod, p->o.dispatch, &some);
	free(some.p);
	return text;
}

/* Narrows the spots whose dispatchers came out narrower than planned; true: there were such. */
static bool learn(Planner *p, uint8_t *bits, const Build *made)
{
	bool less = false;
	for (uint32_t i = 0; i < p->nspot; i++) {
		uint32_t k = bits[i] ? scout_dispatcher(made, &p->spot[i].at) : NONE, n = k == NONE ? 1 : made->dispatchers.d[k].n;
		if (n >= 1u << bits[i])
			continue;
		p->spot[i].bits = 31 - __builtin_clz(n);
		bits[i] = p->spot[i].bits;
		less = true;
	}
	return less;
}

/* Builds what the plan says, and times it; *less: it is less than was planned. */
static int make(Planner *p, Trial *t, char *plan, bool *less, Err *e)
{
	Options o = p->o;
	o.plan = plan;
	Build b = {.o = &o, .file = p->file, .in = p->in, .nin = p->nin};
	int code = pipeline_search(&b, e);
	if (!code)
		code = pipeline_choose(&b, e);
	t->places = b.dispatchers.n;
	t->bodies = 0;
	for (uint32_t i = 0; i < t->places; i++)
		t->bodies += b.dispatchers.d[i].n;
	if (!code && !(*less = learn(p, t->bits, &b)))
		code = trial_time(p, TRIAL_PLAN, t, &b.twin, RACE_LONG, e);
	pipeline_free(&b, NULL);
	return code;
}

static int place(Planner *p, Trial *t, Err *e)
{
	if (plan_short(p))
		return grow_all(p, t, e);
	return p->wish->entropy > 0 ? spread(p, t, e) : fill(p, t, e);
}

/* What the audit struck off is made up for in a wish for entropy; time only gets shorter by it. */
static int choose(Planner *p, Trial *t, char **plan, Err *e)
{
	int code = 0;
	bool less = true;
	for (int i = 0; i < ATTEMPTS && less && !code; i++) {
		free(*plan);
		*plan = NULL;
		if (i == 0 || p->wish->entropy > 0)
			code = place(p, t, e);
		t->entropy = trial_entropy(p, t->bits);
		if (!code && t->entropy == 0)
			code = err_set(e, MEWE_NOTHING, "%s: no place that a request meets could be diversified", p->file);
		if (!code)
			code = make(p, t, *plan = plan_of(p, t->bits), &less, e);
	}
	if (!code && less)
		code = err_set(e, MEWE_BAD, "%s: variants that the planner had are not there in the final binary; report this", p->file);
	return code;
}

static int judge(const Planner *p, const Trial *t, Err *e)
{
	if (p->wish->entropy > 0 && t->entropy < p->wish->entropy)
		return err_set(e, MEWE_LIMIT, "%s: a request has %.1f bits of choice at most, not %.1f: try more --strategy, or another --profile",
		               p->file, t->entropy, p->wish->entropy);
	if (p->wish->entropy == 0 && (t->ratio.low - 1) * 100 > p->wish->overhead)
		return err_set(e, MEWE_LIMIT, "%s: %u choices cost %.3g%% of a request, not %.3g%%; %s", p->file, t->places,
		               (t->ratio.median - 1) * 100, p->wish->overhead, t->places > 1 ? "plan again, or wish for less" : "none cost less");
	return 0;
}

static Bytes summary(const Planner *p, const Trial *t)
{
	Buf b = {0};
	buf_printf(&b, "plan: %.1f bits of choice in a request, at %u places with %u bodies; %llu bytes; ", t->entropy, t->places, t->bodies,
	           (unsigned long long)t->size);
	buf_printf(&b, "time over the original's %.3f [%.3f,%.3f] (the original's own [%.3f,%.3f], %.3f us)\n", t->ratio.median, t->ratio.low,
	           t->ratio.high, t->noise.low, t->noise.high, p->base / 1000);
	return buf_bytes(&b);
}

/* Is what the search found too little for the wish, which can use so many places? */
static bool lacks(const Planner *p, uint32_t places)
{
	double have = 0;
	uint32_t usable = 0;
	for (uint32_t i = 0; i < p->nspot; i++) {
		have += p->spot[i].bits * p->spot[i].gain;
		usable += p->spot[i].bits > 0;
	}
	return p->wish->entropy > 0 ? have < p->wish->entropy : usable < places;
}

/* At n places first, and at more where those have too few variants: a place may well have none. */
static int search(Planner *p, uint32_t n, uint32_t places, Err *e)
{
	int code = scout_search(p, n, e);
	while (!code && n < p->nspot && lacks(p, places)) {
		n = p->nspot - n > n ? 2 * n : p->nspot;
		code = scout_search(p, n, e);
	}
	return code;
}

static int plan(Planner *p, mewe_planned *out, Err *e)
{
	Trial t = {0};
	char *text = NULL;
	uint32_t n = 0, places = 1;
	int code = trial_open(p, e);
	if (!code)
		code = scout_copies(p, e);
	t.bits = xalloc(p->nspot + 1);
	if (!code && plan_short(p))
		code = grow_copies(p, &t, &n, e);
	else if (!code)
		n = places = affordable(p);
	if (!code)
		code = search(p, n, places, e);
	memset(t.bits, 0, p->nspot);
	if (!code)
		code = choose(p, &t, &text, e);
	if (!code) {
		out->plan = (Bytes){(uint8_t *)text, strlen(text)};
		out->frontier = buf_bytes(&p->frontier);
		out->summary = summary(p, &t);
		code = judge(p, &t, e);
	} else {
		free(text);
	}
	free(t.bits);
	return code;
}

/* What a wish must be, so that what is said of its plan is true. */
static int check_wish(const char *file, const Options *o, const Wish *w, Err *e)
{
	if (!w->entry || w->nargs > LEN(w->arg) || !(w->entropy >= 0 && w->overhead >= 0 && isfinite(w->entropy) && isfinite(w->overhead)))
		return err_set(e, MEWE_BAD, "%s: a wish has an export, %zu numbers for it at most, and an amount", file, LEN(w->arg));
	Role role = discriminator_role(o, w->entry);
	if (role == ROLE_INIT)
		return err_set(e, MEWE_BAD, "%s: --profile %s: nothing is drawn during an init, so it can't be a request", file, w->entry);
	if (role == ROLE_OTHER && o->dispatch != MEWE_CALL)
		return err_set(e, MEWE_BAD, "%s: --profile %s: it is none of the requests that --entry names", file, w->entry);
	if (o->discriminator == MEWE_NONE)
		return err_set(e, MEWE_BAD, "%s: --discriminator none chooses nothing, so no choices can be wished for; make the plan with "
		               "another, and give it with --plan", file);
	return 0;
}

int mewe_plan(const char *file, const uint8_t *in, size_t n, const mewe_options *o, const mewe_wish *w, mewe_planned *out, mewe_err *err)
{
	Planner p = {.wish = w, .file = file, .o = *o};
	Bytes wasm = {0};
	int code = check_wish(file, o, w, err);
	*out = (mewe_planned){0};
	if (!code)
		code = read_wasm(file, in, n, &wasm, err);
	p.in = wasm.p;
	p.nin = wasm.n;
	p.o.trace = MEWE_TRACE_OFF;
	p.o.plan = NULL;
	if (!code)
		code = plan(&p, out, err);
	final_forget(&p);
	trial_close(&p);
	pipeline_free(&p.build, NULL);
	pipeline_free(&p.copies, NULL);
	free(p.plans[0]);
	free(p.plans[1]);
	free(p.spot);
	buf_free(&p.frontier);
	free(wasm.p);
	return code;
}
