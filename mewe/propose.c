/* propose.c - the candidates: which (site, strategy, n) are tried, in which order, and the code of each.
 * In: sites, the strategies asked for, the seed; later, which candidates survived the compiler. Out: rows, not yet proved.
 * Must hold: the candidates depend on the module, the options and the seed alone. Rows are ordered by place, and within one
 * by when they were drawn. */
#include <stdlib.h>
#include <string.h>
#include "all.h"

/* So many times another candidate is looked at in place of one whose rule does not survive. */
enum { LOOKS = 4 };

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
		[V_NEW] = "untried", [V_PROVED] = "proved", [V_REFUTED] = "refuted", [V_TIMEOUT] = "timeout",
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

/* ---- what may still be tried ---- */

typedef struct Pick {
	uint32_t site, n;
} Pick;
typedef struct Pool {
	Pick *pick;
	uint32_t n, cap, used;         /* [0, used) have been drawn */
} Pool;
typedef struct Group {
	uint32_t func, at;             /* the place */
	uint64_t seed;
	Rng rng;
	size_t turn;                   /* of the strategies, which take turns */
	Pool *pool;                    /* one for each strategy */
} Group;
typedef struct Rate {
	const Strategy *strategy;
	char *rule;
	uint32_t tried, survived;
} Rate;
struct Picks {
	const Sites *s;
	const Strategy *st[STRATEGIES_MAX];
	size_t nst;
	Group *group;
	uint32_t n, cap;
	Rate *rate;                    /* open addressing by rule */
	uint32_t nrate, rcap;
};

static void group_add(Picks *p, uint32_t from, uint32_t to, uint64_t seed)
{
	Group g = {.func = p->s->site[from].func, .at = p->s->site[from].place, .pool = xalloc(p->nst * sizeof *g.pool)};
	for (uint32_t i = from; i < to; i++)
		for (size_t k = 0; k < p->nst; k++)
			for (uint32_t c = p->st[k]->count(&p->s->site[i]), j = 0; j < c; j++)
				PUSH(g.pool[k].pick, g.pool[k].n, g.pool[k].cap, ((Pick){i, j}));
	const Place *place = &p->s->places.p[g.at];
	g.seed = mix64(seed ^ mix64(g.func + 1 + ((uint64_t)place->index << 32)));
	g.rng = (Rng){g.seed};
	PUSH(p->group, p->n, p->cap, g);
}

int propose_open(Sites *s, const Options *o, Picks **out, Err *e)
{
	Picks *p = xalloc(sizeof *p);
	p->s = s;
	*out = p;
	int code = parse(o->strategies, p->st, &p->nst, e);
	if (code)
		return code;
	open_all(s, p->st, p->nst, o->seed);
	for (uint32_t from = 0, to; p->nst > 0 && from < s->n; from = to) {
		for (to = from; to < s->n && s->site[to].place == s->site[from].place;)
			to++;
		group_add(p, from, to, o->seed);
		if (o->progress)
			o->progress(o->progress_ctx, "propose", to, s->n);
	}
	return 0;
}

void propose_close(Picks *p)
{
	for (uint32_t i = 0; p && i < p->n; i++) {
		for (size_t k = 0; k < p->nst; k++)
			free(p->group[i].pool[k].pick);
		free(p->group[i].pool);
	}
	for (uint32_t i = 0; p && i < p->rcap; i++)
		free(p->rate[i].rule);
	if (p) {
		free(p->group);
		free(p->rate);
	}
	free(p);
}

void propose_tally(const Picks *p, uint64_t *enumerated, uint64_t *passed)
{
	*enumerated = *passed = 0;
	for (size_t k = 0; k < p->nst; k++) {
		uint64_t looked = 0, agreed = 0;
		for (uint32_t i = 0; i < p->n; i++)
			looked += p->group[i].pool[k].n;
		agreed = looked;
		if (p->st[k]->tally && strategy_own(p->st[k], p->s))
			p->st[k]->tally(strategy_own(p->st[k], p->s), &looked, &agreed);
		*enumerated += looked;
		*passed += agreed;
	}
}

/* ---- which rules survive ---- */

static uint64_t rate_hash(const Strategy *st, const char *rule)
{
	uint64_t h = mix64((uint64_t)st->name[0] << 8 | (uint64_t)st->name[1]);
	for (; *rule; rule++)
		h = mix64(h ^ (uint8_t)*rule);
	return h;
}

static Rate *rate_of(const Picks *p, const Strategy *st, const char *rule)
{
	for (uint64_t h = rate_hash(st, rule);; h++) {
		Rate *r = &p->rate[h & (p->rcap - 1)];
		if (!r->rule || (r->strategy == st && strcmp(r->rule, rule) == 0))
			return r;
	}
}

static void rate_grow(Picks *p)
{
	Rate *old = p->rate;
	uint32_t n = p->rcap;
	p->rcap = n ? 2 * n : 256;
	p->rate = xalloc(p->rcap * sizeof *p->rate);
	for (uint32_t i = 0; i < n; i++)
		if (old[i].rule)
			*rate_of(p, old[i].strategy, old[i].rule) = old[i];
	free(old);
}

static void rate_count(Picks *p, const Variant *v, bool survived)
{
	if (2 * (p->nrate + 1) > p->rcap)
		rate_grow(p);
	Rate *r = rate_of(p, v->strategy, v->rule);
	if (!r->rule) {
		*r = (Rate){.strategy = v->strategy, .rule = xstrdup(v->rule)};
		p->nrate++;
	}
	r->tried++;
	r->survived += survived;
}

/* Learns from what has been compiled so far. */
void propose_learn(Picks *p, const Variants *v, const Code *original)
{
	for (uint32_t i = 0; i < p->rcap; i++)
		if (p->rate[i].rule)
			p->rate[i].tried = p->rate[i].survived = 0;
	for (uint32_t i = 0; i < v->n; i++)
		if (v->v[i].bytes > 0)
			rate_count(p, &v->v[i], survive_distinct(v, i, original));
}

/* Is the candidate to be tried now? One of a rule that mostly folds waits till others have been tried. */
static bool promising(Picks *p, Group *g, const Strategy *st, const Pick *pick, uint64_t seed)
{
	Proposal proposal;
	if (p->nrate == 0)
		return true;
	if (!st->propose(&p->s->site[pick->site], pick->n, seed, &proposal))
		return false;
	const Rate *r = rate_of(p, st, proposal.rule);
	return !r->rule || rng_below(&g->rng, r->tried + 2) < r->survived + 1;
}

/* ---- drawing ---- */

static uint64_t pick_seed(const Group *g, const Pick *p) { return mix64(g->seed ^ mix64((uint64_t)p->site << 32 | p->n)); }

/* One candidate of the strategy, without replacement. */
static bool draw(Picks *p, Group *g, size_t k, Variant *out)
{
	Pool *q = &g->pool[k];
	if (q->used == q->n)
		return false;
	uint32_t j = 0;
	for (int i = 0; i < LOOKS; i++) {
		j = q->used + rng_below(&g->rng, q->n - q->used);
		if (promising(p, g, p->st[k], &q->pick[j], pick_seed(g, &q->pick[j])))
			break;
	}
	Pick pick = q->pick[j];
	q->pick[j] = q->pick[q->used];
	q->pick[q->used++] = pick;
	*out = (Variant){.site = pick.site, .func = g->func, .at = g->at, .strategy = p->st[k], .rule = "", .n = pick.n,
	                 .seed = pick_seed(g, &pick)};
	return true;
}

/* The place's next candidates: the strategies take turns. */
static uint32_t group_more(Picks *p, Group *g, uint32_t want, Variants *out)
{
	uint32_t n = 0;
	for (size_t idle = 0; n < want && idle < p->nst; g->turn++) {
		Variant v;
		if (draw(p, g, g->turn % p->nst, &v)) {
			PUSH(out->v, out->n, out->cap, v);
			n++;
			idle = 0;
		} else {
			idle++;
		}
	}
	return n;
}

static void merge(Variants *v, Variants *more)
{
	Variants all = {0};
	uint32_t i = 0, j = 0;
	while (i < v->n || j < more->n) {
		bool old = j == more->n || (i < v->n && v->v[i].at <= more->v[j].at);
		PUSH(all.v, all.n, all.cap, old ? v->v[i++] : more->v[j++]);
	}
	free(v->v);
	free(more->v);
	*v = all;
}

uint32_t propose_more(Picks *p, const uint32_t *want, Variants *v)
{
	Variants more = {0};
	for (uint32_t i = 0; i < p->n; i++)
		group_more(p, &p->group[i], want[p->group[i].at], &more);
	uint32_t n = more.n;
	merge(v, &more);
	return n;
}

/* ---- their code ---- */

typedef struct Reads {
	uint8_t *local;                /* which of the body's own locals are read */
	uint32_t nlocal;
	const char *global[64];
	uint32_t nglobal;
} Reads;

static bool note_read(void *ctx, Expr e, uint32_t index)
{
	Reads *r = ctx;
	(void)index;
	if (walk_kind(e) == K_LocalGet && BinaryenLocalGetGetIndex(e) < r->nlocal)
		r->local[BinaryenLocalGetGetIndex(e)] = 1;
	if (walk_kind(e) == K_GlobalGet && r->nglobal < LEN(r->global))
		r->global[r->nglobal++] = BinaryenGlobalGetGetName(e);
	return true;
}

static bool foreign_read(void *ctx, Expr e, uint32_t index)
{
	const Reads *r = ctx;
	(void)index;
	if (walk_kind(e) == K_LocalGet)
		return BinaryenLocalGetGetIndex(e) >= r->nlocal || r->local[BinaryenLocalGetGetIndex(e)];
	if (walk_kind(e) != K_GlobalGet)
		return true;
	for (uint32_t i = 0; i < r->nglobal; i++)
		if (strcmp(r->global[i], BinaryenGlobalGetGetName(e)) == 0)
			return true;
	return false;
}

/* Both have the same value, so what one of them alone reads can't matter to it. */
static bool idle(const Site *site, Expr proposal)
{
	Reads r = {.nlocal = body_nparams(site->body) + site->body->nvars};
	r.local = xalloc(r.nlocal);
	walk_each(site->expr, note_read, &r);
	bool found = !walk_each(proposal, foreign_read, &r);
	free(r.local);
	return found;
}

bool propose_body(const Sites *s, const Variant *v, Traits *traits, Body *out)
{
	const Site *site = &s->site[v->site];
	Proposal p = {0};
	if (!v->strategy->propose(site, v->n, v->seed, &p))
		return false;
	if (traits)
		*traits = (Traits){p.rule, idle(site, p.expr)};
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

/* Locals that the candidate has beyond the body's own are read by nothing else. */
bool propose_pair(const Sites *s, const Variant *v, Body *a, Body *b)
{
	const Site *site = &s->site[v->site];
	const Place *p = &s->places.p[v->at];
	Body candidate;
	if (!propose_body(s, v, NULL, &candidate))
		return false;
	if (!p->region) {
		*a = body_copy(site->body);
		*b = candidate;
		return true;
	}
	Expr was = walk_at(site->body->expr, p->index), is = walk_at(candidate.expr, p->index);
	uint32_t own = body_nparams(site->body) + site->body->nvars, n = own + candidate.nvars - site->body->nvars;
	bool good = BinaryenExpressionGetType(was) == BinaryenExpressionGetType(is) && region_good(is);
	if (good) {
		uint8_t *owned = xalloc(n);
		memset(owned + own, 1, n - own);
		region_pair(&candidate, was, is, owned, a, b);
		free(owned);
	}
	body_free(&candidate);
	return good;
}
