/* audit.c - which bodies are different machine code in the final binary?
 * In: a build with its module without a trace. Out: the classes of each dispatcher's bodies.
 * Must hold: what is said is said of the module that is written, compiled as a whole.
 *
 * An alternative of a region counts as distinct if the function with it alone in that place is other code than with any of the
 * region's others, and if the function that chooses there holds it: with the original's in its place, too, it would be other code.
 * Meanwhile all other regions of the function take the original's. */
#include <stdlib.h>
#include <string.h>
#include "engine.h"
#include "fork.h"

/* ---- functions ----------------------------------------------------------------------------------------------------------- */

static int audit_functions(Build *b, const Mod *m, bool *again, Err *e)
{
	Founds found = {0};
	Code *code_of = NULL;
	int code = shape_find(m, &found, e);
	if (!code && found.n != b->dispatchers.n)
		code = err_set(e, MEWE_BAD, "%s: %u dispatchers in the final binary, not %u; report this", b->file, found.n, b->dispatchers.n);
	if (!code)
		code = survive_code(b->file, b->twin.p, b->twin.n, NULL, &code_of, e);
	for (uint32_t i = 0; !code && i < found.n; i++) {
		Code *own = xalloc(found.f[i].n * sizeof *own);
		for (uint32_t k = 0; k < found.f[i].n; k++)
			own[k] = code_of[found.f[i].variant[k]];
		*again |= select_classes(&b->dispatchers.d[i], own, NULL, &b->variants);
		free(own);
	}
	free(code_of);
	shape_free(&found);
	return code;
}

/* ---- regions ------------------------------------------------------------------------------------------------------------ */

/* So many functions are compiled at a time, beside the module's own. */
enum { BATCH = 2000 };

/* The functions to be compiled, in the module behind its own: for each fork, one for each alternative (it alone), then one that
 * chooses, then one for each but the first (the original's in its place). */
typedef struct Pins {
	Build *b;
	Mod *m;
	uint32_t n;
	Code *code;                    /* of all of them, as they come */
	uint32_t ncode, cap;
} Pins;

static void pin_name(const Pins *p, uint32_t i, char *name, size_t size)
{
	for (uint32_t k = 0;; k++) {
		snprintf(name, size, "mewe.pin.%u.%u", i, k);
		if (!BinaryenGetFunction(p->m->ref, name))
			return;
	}
}

static int compile(Pins *p, Err *e)
{
	Bytes wasm = {0};
	Code *c = NULL;
	uint32_t before = p->m->nfunc;
	int code = write_module(p->m, NULL, &wasm, e);
	if (!code)
		code = code_module(MAKER_CRANELIFT, p->b->o->jobs > 1, p->b->file, wasm.p, wasm.n, NULL, &c, e);
	for (uint32_t i = 0; !code && i < p->n; i++)
		PUSH(p->code, p->ncode, p->cap, c[before + i]);
	read_index(p->m);
	for (uint32_t i = p->m->nfunc; i-- > before;)
		BinaryenRemoveFunction(p->m->ref, p->m->func[i].name);
	read_index(p->m);
	p->n = 0;
	free(c);
	free(wasm.p);
	return code;
}

static int add(Pins *p, const Body *f, Expr expr, Err *e)
{
	char name[64];
	Body pinned = *f;
	pinned.expr = expr;
	pin_name(p, p->n, name, sizeof name);
	body_add(p->m, name, &pinned);
	return ++p->n == BATCH ? compile(p, e) : 0;
}

static int add_fork(Pins *p, const Body *f, const Forks *forks, uint32_t i, Err *e)
{
	uint32_t *at = xalloc(forks->n * sizeof *at), n = forks->f[i].n;
	Ref m = p->m->ref;
	Expr pinned = fork_pin(m, f->expr, forks, NONE, at);
	int code = 0;
	for (uint32_t k = 0; k < n && !code; k++)
		code = add(p, f, walk_replace(BinaryenExpressionCopy(pinned, m), at[i], BinaryenExpressionCopy(forks->f[i].arm[k], m)), e);
	Expr choosing = fork_pin(m, f->expr, forks, i, at);
	if (!code)
		code = add(p, f, choosing, e);
	for (uint32_t k = 1; k < n && !code; k++)
		code = add(p, f, fork_without(m, choosing, at[i], &forks->f[i], k), e);
	free(at);
	return code;
}

static bool is_ours(void *ctx, const char *global)
{
	const Pins *p = ctx;
	Ident id = ident_of(p->m);
	return id.global(id.ctx, global) >= p->b->mod->scan.nglobals;
}

/* What the pins say of dispatcher i, whose first is at `from`. */
static bool judge(Pins *p, uint32_t i, uint32_t from)
{
	Dispatcher *d = &p->b->dispatchers.d[i];
	bool *gone = xalloc(d->n * sizeof *gone);
	for (uint32_t k = 1; k < d->n; k++)
		gone[k] = digest_eq(p->code[from + d->n + k].code, p->code[from + d->n].code);
	bool again = select_classes(d, &p->code[from], gone, &p->b->variants);
	free(gone);
	return again;
}

static int pin_all(Pins *p, Err *e)
{
	const Dispatchers *d = &p->b->dispatchers;
	Ours ours = {is_ours, p};
	int code = 0;
	for (uint32_t i = 0, next; i < d->n && !code; i = next) {
		Body f = body_of(p->m, d->d[i].func);
		Forks forks;
		fork_find(p->m->ref, f.expr, &ours, &forks);
		for (next = i; next < d->n && d->d[next].func == d->d[i].func; next++)
			if (next - i >= forks.n || forks.f[next - i].n != d->d[next].n)
				code = err_set(e, MEWE_BAD, "%s: %s: region %u is not in the final binary; report this", p->b->file, f.name, next);
		for (uint32_t k = 0; k < forks.n && !code; k++)
			code = add_fork(p, &f, &forks, k, e);
		fork_free(&forks);
		body_free(&f);
		if (p->b->o->progress)
			p->b->o->progress(p->b->o->progress_ctx, "audit", next, d->n);
	}
	return code ? code : compile(p, e);
}

static int audit_regions(Build *b, Mod *m, bool *again, Err *e)
{
	Pins p = {.b = b, .m = m};
	int code = pin_all(&p, e);
	for (uint32_t i = 0, from = 0; i < b->dispatchers.n && !code; i++) {
		*again |= judge(&p, i, from);
		from += 2 * b->dispatchers.d[i].n;
	}
	free(p.code);
	return code;
}

int audit_classes(Build *b, bool *again, Err *e)
{
	Mod *m = NULL;
	*again = false;
	if (b->dispatchers.n == 0)
		return 0;
	int code = read_module(b->file, b->twin.p, b->twin.n, &m, e);
	if (!code)
		code = b->o->dispatch == MEWE_SITE ? audit_regions(b, m, again, e) : audit_functions(b, m, again, e);
	read_free(m);
	return code;
}
