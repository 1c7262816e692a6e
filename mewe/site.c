/* site.c - where variants may be made.
 * In: a module and the places where choices are made. Out: each function's body, and one site for every expression of a place,
 * and for the whole of a function that is one, in order of place and preorder. Must hold: a function with a kind of expression
 * that the walker does not know has no sites, so that nothing in it is ever changed. */
#include <stdlib.h>
#include "all.h"

typedef struct Find {
	Sites *out;
	uint32_t cap, place;
} Find;

static bool add(void *ctx, Expr e, uint32_t index)
{
	Find *f = ctx;
	const Place *p = &f->out->places.p[f->place];
	if (p->region && (index < p->index || index - p->index >= p->size))
		return index < p->index;
	Site s = {p->func, index, SITE_EXPR, e, &f->out->body[p->func], f->out, f->place};
	PUSH(f->out->site, f->out->n, f->cap, s);
	return true;
}

int site_find(Mod *m, const Options *o, Sites *out, Err *e)
{
	Find f = {.out = out};
	*out = (Sites){.body = xalloc(m->nfunc * sizeof *out->body), .nbody = m->nfunc};
	for (uint32_t i = 0; i < m->nfunc; i++)
		out->body[i] = body_of(m, i);
	int code = place_find(m, out->body, o, &out->places, e);
	for (; !code && f.place < out->places.n; f.place++) {
		const Place *p = &out->places.p[f.place];
		const Body *b = &out->body[p->func];
		Site whole = {p->func, 0, SITE_BODY, b->expr, b, out, f.place};
		if (!p->region)
			PUSH(out->site, out->n, f.cap, whole);
		walk_each(b->expr, add, &f);
	}
	if (code)
		site_free(out);
	return code;
}

void site_free(Sites *s)
{
	for (size_t i = 0; strategy_all[i]; i++)
		if (s->own[i])
			strategy_all[i]->close(s->own[i]);
	for (uint32_t i = 0; i < s->nbody; i++)
		body_free(&s->body[i]);
	free(s->places.p);
	free(s->body);
	free(s->site);
	*s = (Sites){0};
}
