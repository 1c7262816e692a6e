/* synth.c - the synth strategy: expressions found by search, not by rule.
 * In: the sites. Out: for each, the trees that agree with its cone at all test points, as expressions. Must hold: all searching
 * is done when the run begins, from the module alone; a proposal is pure in (site, n, seed) and what was found. */
#include <stdlib.h>
#include <string.h>
#include "synth.h"

/* A function's sites share so many proposals, the cheapest of each; a site has some in any case, and never more than are kept. */
enum { PER_FUNCTION = 4096, PER_SITE = 32 };

/* Where a function has fewer places than this, values from elsewhere are places, too. */
enum { FEW_SITES = 8 };

enum { NAME_SIZE = 61 };

/* ---- trees ---- */

void synth_tree_add(Synth *s, const Tree *t)
{
	PUSH(s->tree, s->ntree, s->treecap, s->ntwig);
	for (uint32_t i = 0; i < t->n; i++)
		PUSH(s->twig, s->ntwig, s->tcap, t->t[i]);
}

void synth_tree_get(const Synth *s, uint32_t i, Tree *t)
{
	uint32_t end = i + 1 < s->ntree ? s->tree[i + 1] : s->ntwig;
	t->n = end - s->tree[i];
	memcpy(t->t, s->twig + s->tree[i], t->n * sizeof *t->t);
}

static bool twig_same(const Twig *a, const Twig *b)
{
	return a->op == b->op && a->width == b->width && memcmp(a->kid, b->kid, sizeof a->kid) == 0 && a->imm == b->imm;
}

bool synth_tree_same(const Tree *a, const Tree *b)
{
	bool same = a->n == b->n;
	for (uint32_t i = 0; same && i < a->n; i++)
		same = twig_same(&a->t[i], &b->t[i]);
	return same;
}

uint64_t synth_tree_hash(const Tree *t)
{
	uint64_t h = t->n;
	for (uint32_t i = 0; i < t->n; i++) {
		const Twig *w = &t->t[i];
		h = mix64(h ^ ((uint64_t)w->op << 32 | (uint64_t)w->width << 24 | w->kid[0] << 16 | w->kid[1] << 8 | w->kid[2]));
		h = mix64(h ^ w->imm);
	}
	return h;
}

/* ---- forms ---- */

static Form form_of(const Cone *c)
{
	Form f = {.tree = c->tree, .width = c->width, .nvar = c->nvar, .pair = c->pair, .concrete = c->concrete, .mask = c->mask};
	memcpy(f.root, c->root, sizeof f.root);
	const Twig *root = &c->tree.t[c->tree.n - 1];
	f.type = root->op == T_SYM ? root->width : synth_gives(root->op, root->width);
	for (uint32_t i = 0; i < c->nvar; i++)
		f.constants |= c->constant[i] ? 1u << i : 0;
	return f;
}

static uint64_t form_hash(const Form *f)
{
	uint64_t what = f->width << 24 | f->root[0] << 20 | f->root[1] << 16 | f->pair << 9 | f->concrete << 8 | f->constants;
	return mix64(synth_tree_hash(&f->tree) ^ mix64(what ^ mix64(f->mask)));
}

static bool form_same(const Form *f, const Form *g)
{
	return g->width == f->width && g->constants == f->constants && g->concrete == f->concrete && g->pair == f->pair &&
	       memcmp(g->root, f->root, sizeof f->root) == 0 && g->mask == f->mask && synth_tree_same(&g->tree, &f->tree);
}

/* The slot of the form, or the empty one where it would be. */
static uint32_t *form_slot(const Synth *s, const Form *f)
{
	for (uint64_t h = form_hash(f);; h++) {
		uint32_t *at = &s->hash[h & (s->nhash - 1)];
		if (!*at || form_same(f, &s->form[*at - 1]))
			return at;
	}
}

static void form_add(Synth *s, const Form *f)
{
	if (2 * (s->nform + 1) > s->nhash) {
		free(s->hash);
		s->nhash = s->nhash ? 2 * s->nhash : 256;
		s->hash = xalloc(s->nhash * sizeof *s->hash);
		for (uint32_t i = 0; i < s->nform; i++)
			*form_slot(s, &s->form[i]) = i + 1;
	}
	uint32_t *at = form_slot(s, f);
	if (*at)
		return;
	*at = s->nform + 1;
	PUSH(s->form, s->nform, s->fcap, *f);
}

static const Form *form_find(const Synth *s, const Cone *c)
{
	Form f = form_of(c);
	uint32_t at = s->nhash ? *form_slot(s, &f) : 0;
	return at ? &s->form[at - 1] : NULL;
}

/* ---- for a run ---- */

static void search(Synth *s)
{
	Form **some = xalloc((s->nform + 1) * sizeof *some);
	for (uint8_t width = 32; width <= 64; width += 32) {
		uint32_t n = 0;
		for (uint32_t i = 0; i < s->nform; i++)
			if (s->form[i].width == width)
				some[n++] = &s->form[i];
		if (n > 0)
			synth_search(s, some, n);
	}
	free(some);
}

/* ---- a site's cones ---- */

/* Called for each; at: of a block, the child that is the first of the two assignments. Stops, and returns false, when fn does. */
typedef bool (*Visit)(void *ctx, const Site *s, const Cone *c, uint32_t at);

static bool each_cone(const Synth *s, const Site *site, Visit fn, void *ctx)
{
	Cone cone[SYNTH_CONES];
	uint32_t n, pairs = 0;
	if (site->kind != SITE_EXPR)
		return true;
	if (walk_kind(site->expr) == K_Block)
		pairs = BinaryenBlockGetNumChildren(site->expr);
	for (uint32_t at = 0; at + 1 < pairs; at++) {
		n = synth_pair_cones(BinaryenBlockGetChildAt(site->expr, at), BinaryenBlockGetChildAt(site->expr, at + 1), cone);
		for (uint32_t k = 0; k < n; k++)
			if (!fn(ctx, site, &cone[k], at))
				return false;
	}
	n = synth_cones(site->expr, s->nsite[site->func] < FEW_SITES, cone);
	for (uint32_t k = 0; k < n; k++)
		if (!fn(ctx, site, &cone[k], 0))
			return false;
	return true;
}

static bool add_form(void *ctx, const Site *s, const Cone *c, uint32_t at)
{
	Form f = form_of(c);
	(void)s;
	(void)at;
	form_add(ctx, &f);
	return true;
}

static void *open(const Sites *sites, uint64_t seed)
{
	Synth *s = xalloc(sizeof *s);
	Cone cone[SYNTH_CONES];
	uint32_t *nsite = xalloc(sites->nbody * sizeof *nsite);
	(void)seed; /* the same trees for every seed: it only decides which are drawn */
	for (uint32_t i = 0; i < sites->n; i++)
		nsite[sites->site[i].func] += sites->site[i].kind == SITE_EXPR && synth_cones(sites->site[i].expr, false, cone) > 0;
	s->nsite = nsite;
	s->feature = sites->nbody > 0 && (sites->body[0].mod->scan.features & BinaryenFeatureSignExt());
	for (uint32_t i = 0; i < sites->n; i++)
		each_cone(s, &sites->site[i], add_form, s);
	search(s);
	return s;
}

static void close(void *own)
{
	Synth *s = own;
	for (uint32_t i = 0; i < s->namecap; i++)
		free(s->name[i]);
	free(s->name);
	free(s->form);
	free(s->hash);
	free(s->twig);
	free(s->tree);
	free(s->nsite);
	free(s);
}

static void tally(const void *own, uint64_t *enumerated, uint64_t *passed)
{
	const Synth *s = own;
	*enumerated = s->enumerated;
	*passed = s->passed;
}

/* The one copy of a name. Nothing depends on which names are there, so that a worker may add its own. */
static const char *intern(Synth *s, const char *text)
{
	uint64_t h = 0;
	for (const char *c = text; *c; c++)
		h = mix64(h ^ (uint8_t)*c);
	if (2 * (s->nname + 1) > s->namecap) {
		char **old = s->name;
		uint32_t n = s->namecap;
		s->namecap = n ? 2 * n : 256;
		s->name = xalloc(s->namecap * sizeof *s->name);
		s->nname = 0;
		for (uint32_t i = 0; i < n; i++) {
			if (old[i])
				intern(s, old[i]);
			free(old[i]);
		}
		free(old);
	}
	for (;; h++) {
		char **at = &s->name[h & (s->namecap - 1)];
		if (!*at) {
			*at = xstrdup(text);
			s->nname++;
		}
		if (strcmp(*at, text) == 0)
			return *at;
	}
}

/* ---- proposals ---- */

/* How many of a form's trees are for this site. */
static uint32_t share(const Synth *s, const Site *at, const Form *f)
{
	uint32_t n = PER_FUNCTION / (s->nsite[at->func] + 1);
	n = n < PER_SITE ? PER_SITE : n;
	return f && f->n < n ? f->n : f ? n : 0;
}

typedef struct Draw {
	Synth *s;
	uint32_t n;                    /* counted, or still to be passed */
	uint64_t seed;
	Proposal *out;
} Draw;

static bool count_cone(void *ctx, const Site *site, const Cone *c, uint32_t at)
{
	Draw *d = ctx;
	(void)at;
	d->n += share(d->s, site, form_find(d->s, c));
	return true;
}

static uint32_t count(const Site *site)
{
	Draw d = {.s = strategy_own(&strategy_synth, site->in)};
	each_cone(d.s, site, count_cone, &d);
	return d.n;
}

static bool draw(void *ctx, const Site *site, const Cone *c, uint32_t at)
{
	Draw *d = ctx;
	const Form *f = form_find(d->s, c);
	uint32_t here = share(d->s, site, f);
	char name[NAME_SIZE];
	Tree t;
	if (d->n >= here) {
		d->n -= here;
		return true;
	}
	synth_tree_get(d->s, f->first + d->n, &t);
	if (c->pair)
		synth_build_pair(site, at, c, &t, d->seed, d->out, name, sizeof name);
	else
		synth_build(site, c, &t, d->seed, d->out, name, sizeof name);
	d->out->rule = intern(d->s, name);
	return false;
}

static bool propose(const Site *site, uint32_t n, uint64_t seed, Proposal *out)
{
	Draw d = {strategy_own(&strategy_synth, site->in), n, mix64(seed ^ n), out};
	*out = (Proposal){0};
	return !each_cone(d.s, site, draw, &d);
}

const Strategy strategy_synth = {"synth", "an integer expression replaced by an equal one that a search found", V_PROVED,
                                 open, close, tally, count, propose};
