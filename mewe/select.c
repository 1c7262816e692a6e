/* select.c - which candidates are kept, and where they stand in their dispatchers.
 * In: rows with digests, and verdicts where there are any yet, the originals' digests. Out: kept, reason and place of each row;
 * the dispatchers, which stand once all that is kept is proved.
 * Must hold: within a dispatcher all kept code differs from the original's and from each other's (`copy`, the control, is
 * exempt); a new shape goes before new constants, code without an idle part before code with one, small before large. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "all.h"

/* So many kept variants may come from one rule at one site: constants alone can fake plenty. */
enum { PER_RULE_AND_SITE = 2 };

typedef struct Choice {
	Variants *all;
	uint32_t *row, n, cap;         /* the place's rows that may be kept, the best first */
	uint32_t *kept, nkept, kcap;
	const Code *original;
	uint32_t want;
} Choice;

static int by_worth(const void *a, const void *b, void *ctx)
{
	const Variants *v = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	if (v->v[x].idle != v->v[y].idle)
		return v->v[y].idle ? -1 : 1;
	if (v->v[x].bytes != v->v[y].bytes)
		return v->v[x].bytes < v->v[y].bytes ? -1 : 1;
	return (x > y) - (x < y);
}

static bool code_taken(const Choice *f, const Variant *v, const char **reason)
{
	*reason = "same machine code as the original";
	if (digest_eq(v->code, f->original->code))
		return true;
	*reason = "same machine code as another variant";
	for (uint32_t i = 0; i < f->nkept; i++)
		if (digest_eq(v->code, f->all->v[f->kept[i]].code))
			return true;
	return false;
}

static bool shape_taken(const Choice *f, const Variant *v)
{
	if (digest_eq(v->shape, f->original->shape))
		return true;
	for (uint32_t i = 0; i < f->nkept; i++)
		if (digest_eq(v->shape, f->all->v[f->kept[i]].shape))
			return true;
	return false;
}

static bool capped(const Choice *f, const Variant *v)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < f->nkept; i++) {
		const Variant *k = &f->all->v[f->kept[i]];
		n += k->site == v->site && strcmp(k->rule, v->rule) == 0;
	}
	return n >= PER_RULE_AND_SITE;
}

/* One pass over the place's rows; the first takes new shapes only. */
static void pass(Choice *f, bool shapes)
{
	for (uint32_t i = 0; i < f->n; i++) {
		Variant *v = &f->all->v[f->row[i]];
		bool control = v->strategy->grants == V_BY_CONSTRUCTION;
		if (v->kept || (shapes && !control && shape_taken(f, v)))
			continue;
		if (f->nkept == f->want)
			v->reason = "the dispatcher is full";
		else if (!control && code_taken(f, v, &v->reason))
			continue;
		else if (!control && capped(f, v))
			v->reason = "enough variants from this rule at this site";
		else {
			v->kept = true;
			v->reason = NULL;
			v->rank = f->nkept;
			PUSH(f->kept, f->nkept, f->kcap, f->row[i]);
		}
	}
}

static int by_row(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void choose(Choice *f)
{
	qsort_r(f->row, f->n, sizeof *f->row, by_worth, f->all);
	pass(f, true);
	pass(f, false);
	if (f->nkept > 1)
		qsort(f->kept, f->nkept, sizeof *f->kept, by_row);
	for (uint32_t i = 0; i < f->nkept; i++)
		f->all->v[f->kept[i]].place = i + 1;
}

void select_all(const Options *o, const Places *p, const Code *original, Variants *v, Dispatchers *out)
{
	uint32_t cap = 0;
	*out = (Dispatchers){0};
	for (uint32_t from = 0, to; from < v->n; from = to) {
		Choice f = {.all = v, .original = &original[v->v[from].func], .want = p->p[v->v[from].at].bodies - 1};
		for (to = from; to < v->n && v->v[to].at == v->v[from].at; to++) {
			v->v[to].kept = false;
			v->v[to].place = 0;
			if (v->v[to].struck)
				v->v[to].reason = "same machine code as another body in the final binary";
			else if (v->v[to].bytes == 0)
				v->v[to].reason = "the rule does not apply here";
			else if (v->v[to].verdict == V_NEW || (o->accept >> v->v[to].verdict & 1))
				PUSH(f.row, f.n, f.cap, to);
			else
				v->v[to].reason = "its verdict is not accepted";
		}
		choose(&f);
		if (f.nkept > 0) {
			bool region = p->p[v->v[from].at].region;
			Dispatcher d = {.func = v->v[from].func, .id = region ? out->n : v->v[from].func, .at = v->v[from].at, .region = region,
			                .n = f.nkept + 1, .row = f.kept};
			d.klass = xalloc(d.n * sizeof *d.klass);
			PUSH(out->d, out->n, cap, d);
		} else {
			free(f.kept);
		}
		free(f.row);
	}
}

bool select_classes(Dispatcher *d, const Code *code, const bool *gone, Variants *v)
{
	bool struck = false;
	d->distinct = d->distinct_shape = 0;
	for (uint32_t i = 0; i < d->n; i++) {
		uint32_t same = 0, alike = 0;
		while (same < i && !digest_eq(code[same].code, code[i].code))
			same++;
		while (alike < i && !digest_eq(code[alike].shape, code[i].shape))
			alike++;
		if (gone && gone[i])
			same = 0; /* it is what the original is */
		d->klass[i] = same == i ? d->distinct++ : d->klass[same];
		d->distinct_shape += alike == i && same == i;
		if (same == i || v->v[d->row[i - 1]].strategy->grants == V_BY_CONSTRUCTION)
			continue;
		v->v[d->row[i - 1]].kept = false;
		v->v[d->row[i - 1]].struck = struck = true;
	}
	return struck;
}

void select_free(Dispatchers *d)
{
	for (uint32_t i = 0; i < d->n; i++) {
		free(d->d[i].row);
		free(d->d[i].klass);
	}
	free(d->d);
	*d = (Dispatchers){0};
}
