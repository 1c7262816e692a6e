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

/* ---- forms ---- */

static Form form_of(const Cone *c)
{
	Form f = {.tree = c->tree, .width = c->width, .nvar = c->nvar};
	const Twig *root = &c->tree.t[c->tree.n - 1];
	f.type = root->op == T_SYM ? root->width : synth_gives(root->op, root->width);
	for (uint32_t i = 0; i < SYNTH_VARS; i++) {
		f.mask[i] = UINT64_MAX;
		f.constants |= i < c->nvar && c->constant[i] ? 1u << i : 0;
	}
	return f;
}

static uint64_t form_hash(const Form *f)
{
	uint64_t h = mix64((uint64_t)f->width << 8 | f->constants);
	for (uint32_t i = 0; i < f->tree.n; i++) {
		const Twig *w = &f->tree.t[i];
		h = mix64(h ^ ((uint64_t)w->op << 32 | (uint64_t)w->width << 24 | w->kid[0] << 16 | w->kid[1] << 8 | w->kid[2]));
		h = mix64(h ^ w->imm);
	}
	for (uint32_t i = 0; i < SYNTH_VARS; i++)
		h = mix64(h ^ f->mask[i]);
	return h;
}

/* The slot of the form, or the empty one where it would be. */
static uint32_t *form_slot(const Synth *s, const Form *f)
{
	for (uint64_t h = form_hash(f);; h++) {
		uint32_t *at = &s->hash[h & (s->nhash - 1)];
		const Form *g = &s->form[*at - 1];
		if (!*at || (g->width == f->width && g->constants == f->constants && memcmp(g->mask, f->mask, sizeof f->mask) == 0 &&
		             synth_tree_same(&g->tree, &f->tree)))
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

static uint32_t cones(const Synth *s, const Site *at, Cone out[SYNTH_CUTS])
{
	return at->kind == SITE_EXPR ? synth_cones(at->expr, s->nsite[at->func] < FEW_SITES, out) : 0;
}

static void *open(const Sites *sites, uint64_t seed)
{
	Synth *s = xalloc(sizeof *s);
	Cone cone[SYNTH_CUTS];
	uint32_t *nsite = xalloc(sites->nbody * sizeof *nsite);
	(void)seed; /* the same trees for every seed: it only decides which are drawn */
	for (uint32_t i = 0; i < sites->n; i++)
		nsite[sites->site[i].func] += sites->site[i].kind == SITE_EXPR && synth_cones(sites->site[i].expr, false, cone) > 0;
	s->nsite = nsite;
	s->feature = sites->nbody > 0 && (sites->body[0].mod->scan.features & BinaryenFeatureSignExt());
	for (uint32_t i = 0; i < sites->n; i++) {
		uint32_t n = cones(s, &sites->site[i], cone);
		for (uint32_t k = 0; k < n; k++) {
			Form f = form_of(&cone[k]);
			form_add(s, &f);
		}
	}
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

static uint32_t count(const Site *at)
{
	const Synth *s = strategy_own(&strategy_synth, at->in);
	Cone cone[SYNTH_CUTS];
	uint32_t sum = 0, n = cones(s, at, cone);
	for (uint32_t k = 0; k < n; k++)
		sum += share(s, at, form_find(s, &cone[k]));
	return sum;
}

static bool propose(const Site *at, uint32_t n, uint64_t seed, Proposal *out)
{
	Synth *s = strategy_own(&strategy_synth, at->in);
	Cone cone[SYNTH_CUTS];
	char name[NAME_SIZE];
	Tree t;
	uint32_t have = cones(s, at, cone);
	*out = (Proposal){0};
	for (uint32_t k = 0; k < have; k++) {
		const Form *f = form_find(s, &cone[k]);
		uint32_t here = share(s, at, f);
		if (n < here) {
			synth_tree_get(s, f->first + n, &t);
			synth_build(at, &cone[k], &t, mix64(seed ^ n), out, name, sizeof name);
			out->rule = intern(s, name);
			return true;
		}
		n -= here;
	}
	return false;
}

const Strategy strategy_synth = {"synth", "an integer expression replaced by an equal one that a search found", V_PROVED, open, close, tally, count, propose};
