/* propose.c - the candidates: which (site, strategy, n) are tried, and the code of each.
 * In: sites, the strategies asked for, the seed. Out: one row for each candidate, not yet proved.
 * Must hold: a function's candidates depend on the function, the options and the seed alone. */
#include <stdlib.h>
#include <string.h>
#include "all.h"

/* So many candidates for each variant that is wanted: about half do not survive the compiler. */
enum { TRIES = 4 };

#define STRATEGY(name, grants, help) &strategy_##name,
const Strategy *const strategy_all[] = {
#include "strategies.h"
	NULL,
};
#undef STRATEGY

const Strategy *strategy_named(const char *name, size_t n)
{
	for (size_t i = 0; strategy_all[i]; i++)
		if (strlen(strategy_all[i]->name) == n && memcmp(strategy_all[i]->name, name, n) == 0)
			return strategy_all[i];
	return NULL;
}

void *strategy_own(const Strategy *st, const Sites *s)
{
	size_t i = 0;
	while (strategy_all[i] != st)
		i++;
	return s->own[i];
}

/* Lets each of the strategies prepare itself. */
static void open_all(Sites *s, const Strategy **st, size_t n, uint64_t seed)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; strategy_all[i]; i++)
			if (strategy_all[i] == st[k] && st[k]->open && !s->own[i])
				s->own[i] = st[k]->open(s, seed);
}

uint32_t proposal_local(Proposal *p, const Site *s, BinaryenType type)
{
	p->vars[p->nvars] = type;
	return body_nparams(s->body) + s->body->nvars + p->nvars++;
}

const char *verdict_name(Verdict v)
{
	static const char *const names[] = {
		[V_NEW] = "new", [V_PROVED] = "proved", [V_REFUTED] = "refuted", [V_TIMEOUT] = "timeout",
		[V_UNSUPPORTED] = "unsupported", [V_BY_CONSTRUCTION] = "by_construction", [V_TESTED] = "tested",
	};
	return names[v];
}

/* The strategies in a comma-separated list; "none" is no strategy. */
static int parse(const char *list, const Strategy **out, size_t *n, Err *e)
{
	*n = 0;
	if (strcmp(list, "none") == 0)
		return 0;
	for (const char *s = list;; s++) {
		size_t k = strcspn(s, ",");
		const Strategy *found = strategy_named(s, k);
		if (!found)
			return err_set(e, MEWE_BAD, "unknown strategy '%.*s'; `mewe strategies` lists them", (int)(k < 60 ? k : 60), s);
		bool twice = false;
		for (size_t i = 0; i < *n; i++)
			twice |= out[i] == found;
		if (!twice)
			out[(*n)++] = found;
		s += k;
		if (!*s)
			return 0;
	}
}

typedef struct Pick {
	uint32_t site, n;
	const Strategy *strategy;
} Pick;

static void take(const Sites *s, const Pick *p, uint64_t seed, Variants *out)
{
	Variant v = {.site = p->site, .func = s->site[p->site].func, .strategy = p->strategy, .rule = "", .n = p->n};
	v.seed = mix64(seed ^ mix64((uint64_t)p->site << 32 | p->n));
	PUSH(out->v, out->n, out->cap, v);
}

/* The candidates of the function whose sites are [from, to): drawn without replacement, in the order of the draw. */
static void propose_func(const Sites *s, uint32_t from, uint32_t to, const Strategy **st, size_t nst, const Options *o, Variants *out)
{
	Pick *pick = NULL;
	uint32_t n = 0, cap = 0, want = TRIES * (o->variants - 1);
	for (uint32_t i = from; i < to; i++)
		for (size_t k = 0; k < nst; k++)
			for (uint32_t c = st[k]->count(&s->site[i]), j = 0; j < c; j++)
				PUSH(pick, n, cap, ((Pick){i, j, st[k]}));
	uint64_t seed = mix64(o->seed ^ mix64(s->site[from].func + 1));
	Rng r = {seed};
	for (uint32_t i = 0; i < n && i < want; i++) {
		uint32_t j = i + rng_below(&r, n - i);
		Pick p = pick[j];
		pick[j] = pick[i];
		take(s, &p, seed, out);
	}
	free(pick);
}

int propose_all(Sites *s, const Options *o, Variants *out, Err *e)
{
	const Strategy *st[STRATEGIES_MAX];
	size_t nst;
	int code = parse(o->strategies, st, &nst, e);
	*out = (Variants){0};
	if (code)
		return code;
	open_all(s, st, nst, o->seed);
	for (uint32_t from = 0, to; nst > 0 && from < s->n; from = to) {
		for (to = from; to < s->n && s->site[to].func == s->site[from].func;)
			to++;
		propose_func(s, from, to, st, nst, o, out);
	}
	return 0;
}

bool propose_body(const Sites *s, const Variant *v, const char **rule, Body *out)
{
	const Site *site = &s->site[v->site];
	Proposal p = {0};
	if (!v->strategy->propose(site, v->n, v->seed, &p))
		return false;
	if (rule)
		*rule = p.rule;
	*out = *site->body;
	if (site->kind == SITE_BODY)
		out->expr = p.expr;
	else
		out->expr = walk_replace(BinaryenExpressionCopy(site->body->expr, site->body->mod->ref), site->index, p.expr);
	out->nvars = site->body->nvars + p.nvars;
	out->vars = xalloc(out->nvars * sizeof *out->vars);
	if (site->body->nvars)
		memcpy(out->vars, site->body->vars, site->body->nvars * sizeof *out->vars);
	memcpy(out->vars + site->body->nvars, p.vars, p.nvars * sizeof *p.vars);
	return true;
}
