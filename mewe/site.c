/* site.c - where variants may be made.
 * In: a module and the glob over function names. Out: each chosen function's body, and one site for the whole of it and
 * one for every expression in it, in order of function and preorder. Must hold: a function with a kind of expression that
 * the walker does not know has no sites, so that nothing in it is ever changed. */
#include <fnmatch.h>
#include <stdlib.h>
#include "all.h"

typedef struct Find {
	Sites *out;
	uint32_t cap, func;
} Find;

static bool add(void *ctx, Expr e, uint32_t index)
{
	Find *f = ctx;
	Site s = {f->func, index, SITE_EXPR, e, &f->out->body[f->func], f->out};
	PUSH(f->out->site, f->out->n, f->cap, s);
	return true;
}

int site_find(Mod *m, const Options *o, Sites *out, Err *e)
{
	Find f = {out, 0, 0};
	bool matched = false;
	*out = (Sites){.body = xalloc(m->nfunc * sizeof *out->body), .nbody = m->nfunc};
	for (f.func = 0; f.func < m->nfunc; f.func++) {
		Body *b = &out->body[f.func];
		*b = body_of(m, f.func);
		if (o->functions && fnmatch(o->functions, b->name, 0) != 0)
			continue;
		matched = true;
		if (!walk_known(b->expr))
			continue;
		Site whole = {f.func, 0, SITE_BODY, b->expr, b, out};
		PUSH(out->site, out->n, f.cap, whole);
		walk_each(b->expr, add, &f);
	}
	if (o->functions && !matched) {
		site_free(out);
		return err_set(e, MEWE_BAD, "%s: no function's name matches '%s'; see the names with `mewe inspect`", m->file, o->functions);
	}
	return 0;
}

void site_free(Sites *s)
{
	for (size_t i = 0; strategy_all[i]; i++)
		if (s->own[i])
			strategy_all[i]->close(s->own[i]);
	for (uint32_t i = 0; i < s->nbody; i++)
		body_free(&s->body[i]);
	free(s->body);
	free(s->site);
	*s = (Sites){0};
}
