/* combine.c - dispatchers in their functions' places, bodies after them, wrappers around the exports.
 * In: a fresh reading of the original and the variants that were kept. Out: the same module, multivariant. In order of the file:
 *   the original's functions, of which some are dispatchers now;
 *   the guest's imports from `mewe`, resolved, in order of import;
 *   the discriminator's functions (discriminator_text.c), the traces' among them;
 *   for each dispatcher, by ordinal, its n bodies NAME.mewe.0, which is the original's, NAME.mewe.1, ...;
 *   (with `--dispatch site` no bodies: there the original's functions hold forks, choices inside them);
 *   the wrappers mewe.request.i and mewe.init.i of exported functions, by export.
 * Must hold: every use of a dispatched function, in tables, exports, `start`, direct calls and bodies alike, meets its
 * dispatcher, which has the function's name and ordinal. No pass runs over a body. */
#include <stdlib.h>
#include <string.h>
#include "combine.h"
#include "fork.h"

typedef struct Combine {
	Mod *m;
	const Dispatchers *d;
	const Shape *shape;
	const Options *o;
	Layout layout;
	char tag[TAG_SIZE];
	uint32_t norig;
} Combine;

static Expr call(Ref m, const char *name, Expr *args, uint32_t n, BinaryenType result)
{
	return BinaryenCall(m, name, args, n, result);
}

static Expr number(Ref m, uint32_t x) { return BinaryenConst(m, BinaryenLiteralInt32(x)); }
static Expr number64(Ref m, uint64_t x) { return BinaryenConst(m, BinaryenLiteralInt64(x)); }

/* ---- dispatchers --------------------------------------------------------------------------------------------------- */

static Expr get_word(const Combine *c, uint32_t word)
{
	char *name = xprintf("%s.vector.%u", c->tag, word);
	Expr e = BinaryenGlobalGet(c->m->ref, name, BinaryenTypeInt64());
	free(name);
	return e;
}

static Expr from_pool(const Combine *c, uint32_t n)
{
	char *ready = xprintf("%s.ready", c->tag), *pool = xprintf("%s.pool", c->tag), *live = xprintf("%s.live", c->tag);
	Expr e = shape_pool(c->m->ref, &(Selector){.ready = ready, .global = pool, .live = c->shape->gated ? live : NULL}, n);
	free(ready);
	free(pool);
	free(live);
	return e;
}

/* The choice: drawn now, or read from the request's vector. */
static Expr selector(const Combine *c, uint32_t i)
{
	Ref m = c->m->ref;
	const Dispatcher *d = &c->d->d[i];
	if (shape_pooled(c->shape))
		return from_pool(c, d->n);
	if (c->shape->dispatch == MEWE_CALL) {
		Expr args[] = {number(m, d->func), number(m, d->n)};
		char *name = xprintf("%s.%s", c->tag, c->shape->gated ? "gate" : "draw");
		Expr e = call(m, name, args, 2, BinaryenTypeInt32());
		free(name);
		return e;
	}
	const Field *f = &c->layout.field[i];
	Expr word = get_word(c, f->word);
	if (f->shift)
		word = BinaryenBinary(m, BinaryenShrUInt64(), word, number64(m, f->shift));
	return BinaryenBinary(m, BinaryenAndInt32(), BinaryenUnary(m, BinaryenWrapInt64(), word), number(m, (1u << f->bits) - 1));
}

static char *body_name(const Combine *c, const char *name, uint32_t k) { return xprintf("%s.%s.%u", name, c->tag, k); }

static Expr arm(const Combine *c, const Body *b, uint32_t k)
{
	Ref m = c->m->ref;
	uint32_t n = body_nparams(b);
	Expr *args = xalloc(n * sizeof *args);
	for (uint32_t i = 0; i < n; i++)
		args[i] = BinaryenLocalGet(m, i, body_local(b, i));
	char *name = body_name(c, b->name, k);
	Expr e = call(m, name, args, n, b->results);
	free(name);
	free(args);
	return e;
}

/* (block $n-1 ... (block $1 (block $0 (br_table $0 $1 ... $0 SELECTOR)) (return (call BODY.0))) ... ) (return (call BODY.n-1)).
 * Any number out of range takes the original. Without results an arm is (call BODY.k) (return). */
static Expr dispatcher_body(const Combine *c, const Body *b, uint32_t i)
{
	Ref m = c->m->ref;
	uint32_t n = c->d->d[i].n, nkids = 1;
	bool results = b->results != BinaryenTypeNone();
	char **label = xalloc(n * sizeof *label);
	for (uint32_t k = 0; k < n; k++)
		label[k] = xprintf("%u", k);
	Expr kid[3] = {BinaryenSwitch(m, (const char **)label, n, label[0], selector(c, i), NULL)};
	for (uint32_t k = 0; k < n; k++) {
		Expr taken = arm(c, b, k);
		kid[0] = BinaryenBlock(m, label[k], kid, nkids, BinaryenTypeNone());
		kid[1] = results ? BinaryenReturn(m, taken) : taken;
		kid[2] = results ? NULL : BinaryenReturn(m, NULL);
		nkids = results ? 2 : 3;
		free(label[k]);
	}
	free(label);
	return BinaryenBlock(m, NULL, kid, nkids, BinaryenTypeUnreachable());
}

/* The sites' module may be another reading of the same bytes: names are the same, expressions are copied. */
static void add_body(Combine *c, const Body *b, const char *of, uint32_t k)
{
	char *name = body_name(c, of, k);
	Body copy = *b;
	copy.expr = BinaryenExpressionCopy(b->expr, c->m->ref);
	body_add(c->m, name, &copy);
	free(name);
}

/* The original's locals go with its body; the dispatcher that stays has none. */
static void drop_locals(const Combine *c, BinaryenFunctionRef f)
{
	const char *pass[] = {"reorder-locals"};
	BinaryenFunctionRunPasses(f, c->m->ref, pass, 1);
}

static int dispatch(Combine *c, const Sites *s, const Variants *v, uint32_t i, Err *e)
{
	const Dispatcher *d = &c->d->d[i];
	const Body *original = &s->body[d->func];
	BinaryenFunctionRef f = c->m->func[d->func].ref;
	add_body(c, original, original->name, 0);
	for (uint32_t k = 1; k < d->n; k++) {
		Body b;
		if (!propose_body(s, &v->v[d->row[k - 1]], NULL, &b))
			return err_set(e, MEWE_BAD, "%s: %s: variant %u can't be made again; report this", c->m->file, original->name, k);
		add_body(c, &b, original->name, k);
		body_free(&b);
	}
	BinaryenFunctionSetBody(f, dispatcher_body(c, original, i));
	drop_locals(c, f);
	return 0;
}

/* ---- regions --------------------------------------------------------------------------------------------------------- */

/* Locals of the candidate that its function does not have, after those that earlier alternatives have brought along. */
typedef struct Moved {
	uint32_t from, by;
} Moved;

static bool move_local(void *ctx, Expr e, uint32_t index)
{
	const Moved *m = ctx;
	uint32_t kind = walk_kind(e);
	(void)index;
	if (kind == K_LocalGet && BinaryenLocalGetGetIndex(e) >= m->from)
		BinaryenLocalGetSetIndex(e, BinaryenLocalGetGetIndex(e) + m->by);
	else if (kind == K_LocalSet && BinaryenLocalSetGetIndex(e) >= m->from)
		BinaryenLocalSetSetIndex(e, BinaryenLocalSetGetIndex(e) + m->by);
	return true;
}

/* The region of variant k, its own locals appended to the function's. */
static Expr alternative(Combine *c, const Sites *s, const Variant *v, const Place *p, Body *to)
{
	const Body *original = &s->body[p->func];
	uint32_t own = body_nparams(original) + original->nvars;
	Body b;
	if (!propose_body(s, v, NULL, &b))
		return NULL;
	Expr e = BinaryenExpressionCopy(walk_at(b.expr, p->index), c->m->ref);
	Moved m = {own, to->nvars - original->nvars};
	walk_each(e, move_local, &m);
	uint32_t n = b.nvars - original->nvars;
	to->vars = xgrow(to->vars, (to->nvars + n) * sizeof *to->vars);
	if (n)
		memcpy(to->vars + to->nvars, b.vars + original->nvars, n * sizeof *to->vars);
	to->nvars += n;
	body_free(&b);
	return e;
}

/* Dispatcher i, a region of the body. Later regions come first, so that an index is good until its turn comes. */
static int fork_region(Combine *c, const Sites *s, const Variants *v, uint32_t i, Body *to, Err *e)
{
	const Dispatcher *d = &c->d->d[i];
	const Place *p = &s->places.p[d->at];
	Expr *arm = xalloc(d->n * sizeof *arm);
	arm[0] = BinaryenExpressionCopy(walk_at(to->expr, p->index), c->m->ref);
	for (uint32_t k = 1; k < d->n; k++)
		if (!(arm[k] = alternative(c, s, &v->v[d->row[k - 1]], p, to)))
			return err_set(e, MEWE_BAD, "%s: %s: variant %u can't be made again; report this", c->m->file, to->name, k);
	to->expr = walk_replace(to->expr, p->index, fork_make(c->m->ref, selector(c, i), arm, d->n));
	free(arm);
	return 0;
}

/* There is no other way to give a function more locals than to make it anew, and then those after it, so that all keep their
 * places. Nothing is copied: a body is in one function at a time. */
static void put_bodies(Combine *c, Body *with)
{
	Mod *m = c->m;
	for (uint32_t i = 0; i < m->nfunc; i++) {
		if (with[i].expr)
			continue;
		with[i] = body_of(m, i);
	}
	for (uint32_t i = 0; i < m->nfunc; i++)
		BinaryenRemoveFunction(m->ref, m->func[i].name);
	for (uint32_t i = 0; i < m->nfunc; i++) {
		body_add(m, m->func[i].name, &with[i]);
		body_free(&with[i]);
	}
}

static int fork_all(Combine *c, const Sites *s, const Variants *v, Err *e)
{
	Mod *m = c->m;
	Body *with = xalloc(m->nfunc * sizeof *with);
	int code = 0;
	for (uint32_t i = c->d->n; i-- > 0 && !code;) {
		uint32_t func = c->d->d[i].func;
		if (!with[func].expr)
			with[func] = body_of(m, func);
		code = fork_region(c, s, v, i, &with[func], e);
	}
	if (!code)
		put_bodies(c, with);
	else
		for (uint32_t i = 0; i < m->nfunc; i++)
			body_free(&with[i]);
	free(with);
	read_index(m);
	return code;
}

/* ---- wrappers ---------------------------------------------------------------------------------------------------------- */

/* A wrapper's own locals, past its parameters: the saved words, then the result, which may be a tuple. */
typedef struct Wrap {
	Combine *c;
	BinaryenType params, results;
	uint32_t nparams;
	const char *target;
	Expr *part;
	uint32_t n, cap;
} Wrap;

static void put(Wrap *w, Expr e) { PUSH(w->part, w->n, w->cap, e); }

/* The globals that belong to a request: its choices and, for the traces' counts, which dispatchers it has met. */
static uint32_t nsaved(const Combine *c)
{
	return shape_vector(c->shape) ? c->layout.nwords + c->layout.nseen : 0;
}

static char *saved_name(const Combine *c, uint32_t i)
{
	bool choice = i < c->layout.nwords;
	return xprintf("%s.%s.%u", c->tag, choice ? "vector" : "seen", choice ? i : i - c->layout.nwords);
}

static void put_save(Wrap *w, bool zero)
{
	Ref m = w->c->m->ref;
	for (uint32_t i = 0; i < nsaved(w->c); i++) {
		char *name = saved_name(w->c, i);
		put(w, BinaryenLocalSet(m, w->nparams + i, BinaryenGlobalGet(m, name, BinaryenTypeInt64())));
		if (zero)
			put(w, BinaryenGlobalSet(m, name, number64(m, 0)));
		free(name);
	}
}

static void put_restore(Wrap *w)
{
	Ref m = w->c->m->ref;
	for (uint32_t i = 0; i < nsaved(w->c); i++) {
		char *name = saved_name(w->c, i);
		put(w, BinaryenGlobalSet(m, name, BinaryenLocalGet(m, w->nparams + i, BinaryenTypeInt64())));
		free(name);
	}
}

/* The call; its result waits in a local while put_after puts things back. */
static void put_call(Wrap *w, uint32_t result)
{
	Ref m = w->c->m->ref;
	BinaryenType *type = xalloc(w->nparams * sizeof *type);
	Expr *args = xalloc(w->nparams * sizeof *args);
	BinaryenTypeExpand(w->params, type);
	for (uint32_t i = 0; i < w->nparams; i++)
		args[i] = BinaryenLocalGet(m, i, type[i]);
	Expr e = call(m, w->target, args, w->nparams, w->results);
	put(w, w->results == BinaryenTypeNone() ? e : BinaryenLocalSet(m, result, e));
	free(args);
	free(type);
}

static void put_live(Wrap *w, Expr value)
{
	char *name = xprintf("%s.live", w->c->tag);
	put(w, BinaryenGlobalSet(w->c->m->ref, name, value));
	free(name);
}

static Expr get_live(const Wrap *w)
{
	char *name = xprintf("%s.live", w->c->tag);
	Expr e = BinaryenGlobalGet(w->c->m->ref, name, BinaryenTypeInt32());
	free(name);
	return e;
}

static void put_renew(Wrap *w)
{
	char *name = xprintf("%s.renew", w->c->tag);
	put(w, call(w->c->m->ref, name, NULL, 0, BinaryenTypeNone()));
	free(name);
}

/* A request: draws its own choices, and puts back those of the request that it may be nested in. A trap skips that, and then
 * the next entry draws anew all the same. */
static void wrap_entry(Wrap *w)
{
	if (w->c->shape->gated)
		put_live(w, number(w->c->m->ref, 1));
	put_save(w, false);
	if (discriminator_renews(w->c->shape, w->c->d))
		put_renew(w);
	put_call(w, w->nparams + nsaved(w->c));
	put_restore(w);
}

/* An init: the originals run and nothing is drawn. What was before comes back, so that an init may come late. */
static void wrap_init(Wrap *w)
{
	Ref m = w->c->m->ref;
	uint32_t was = w->nparams + nsaved(w->c);
	put(w, BinaryenLocalSet(m, was, get_live(w)));
	put_live(w, number(m, 0));
	put_save(w, true);
	put_call(w, was + 1);
	put_restore(w);
	put_live(w, BinaryenLocalGet(m, was, BinaryenTypeInt32()));
}

static void wrap(Combine *c, const char *name, uint32_t ordinal, bool init)
{
	Ref m = c->m->ref;
	BinaryenFunctionRef f = c->m->func[ordinal].ref;
	Wrap w = {c, BinaryenFunctionGetParams(f), BinaryenFunctionGetResults(f), 0, c->m->func[ordinal].name, NULL, 0, 0};
	uint32_t nvars = 0, n = nsaved(c);
	BinaryenType *vars = xalloc((n + 2) * sizeof *vars);
	w.nparams = BinaryenTypeArity(w.params);
	while (nvars < n)
		vars[nvars++] = BinaryenTypeInt64();
	if (init)
		vars[nvars++] = BinaryenTypeInt32();
	if (init)
		wrap_init(&w);
	else
		wrap_entry(&w);
	if (w.results != BinaryenTypeNone()) {
		put(&w, BinaryenLocalGet(m, w.nparams + nvars, w.results));
		vars[nvars++] = w.results;
	}
	BinaryenAddFunction(m, name, w.params, w.results, vars, nvars, BinaryenBlock(m, NULL, w.part, w.n, w.results));
	free(w.part);
	free(vars);
}

/* ---- exports ----------------------------------------------------------------------------------------------------------- */

typedef struct Export {
	char *name, *value;
	BinaryenExternalKind kind;
} Export;

/* There is no setting an export's value: all are taken out and put back in order. */
static Export *take_exports(Ref m, uint32_t *n)
{
	*n = BinaryenGetNumExports(m);
	Export *x = xalloc(*n * sizeof *x);
	for (uint32_t i = 0; i < *n; i++) {
		BinaryenExportRef r = BinaryenGetExportByIndex(m, i);
		x[i] = (Export){xstrdup(BinaryenExportGetName(r)), xstrdup(BinaryenExportGetValue(r)), BinaryenExportGetKind(r)};
	}
	for (uint32_t i = 0; i < *n; i++)
		BinaryenRemoveExport(m, x[i].name);
	return x;
}

static void put_export(Ref m, const Export *x)
{
	if (x->kind == BinaryenExternalFunction())
		BinaryenAddFunctionExport(m, x->value, x->name);
	else if (x->kind == BinaryenExternalTable())
		BinaryenAddTableExport(m, x->value, x->name);
	else if (x->kind == BinaryenExternalMemory())
		BinaryenAddMemoryExport(m, x->value, x->name);
	else
		BinaryenAddGlobalExport(m, x->value, x->name);
}

/* Give the export a wrapper if it is an original function that needs one. */
static void wrap_export(Combine *c, Export *x, uint32_t i)
{
	uint32_t ordinal = x->kind == BinaryenExternalFunction() ? read_ordinal(c->m, x->value) : NONE;
	Role role = discriminator_role(c->o, x->name);
	if (ordinal == NONE || ordinal >= c->norig || role == ROLE_OTHER)
		return;
	free(x->value);
	x->value = xprintf("%s.%s.%u", c->tag, role == ROLE_INIT ? "init" : "request", i);
	wrap(c, x->value, ordinal, role == ROLE_INIT);
}

static void wrap_exports(Combine *c)
{
	uint32_t n;
	if (!c->shape->gated && !discriminator_renews(c->shape, c->d))
		return;
	Export *x = take_exports(c->m->ref, &n);
	for (uint32_t i = 0; i < n; i++) {
		wrap_export(c, &x[i], i);
		put_export(c->m->ref, &x[i]);
		free(x[i].name);
		free(x[i].value);
	}
	free(x);
}

/* ---- all of it --------------------------------------------------------------------------------------------------------- */

int combine_all(Mod *m, const Sites *s, const Variants *v, const Dispatchers *d, const Shape *shape, const Options *o, Err *e)
{
	const Dispatchers *some = d->n ? d : NULL;
	Combine c = {.m = m, .d = some, .shape = shape, .o = o, .norig = m->nfunc};
	int code;
	discriminator_tag(m, c.tag);
	if ((code = discriminator_add(m, shape, some, e)) != 0 || !some)
		return code;
	c.layout = layout_of(shape, d);
	if (shape->dispatch == MEWE_SITE)
		code = fork_all(&c, s, v, e);
	for (uint32_t i = 0; i < d->n && !code && shape->dispatch != MEWE_SITE; i++)
		code = dispatch(&c, s, v, i, e);
	if (!code)
		wrap_exports(&c);
	free(c.layout.field);
	read_index(m);
	return code;
}
