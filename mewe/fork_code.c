/* fork_code.c - the machine code of the alternatives inside a function.
 * In: a module as read. Out: digests, by fork and alternative. Must hold: the module is as it was afterwards.
 *
 * An alternative counts as distinct if the function with it alone in that place is other code than with any of the others, and if
 * the function that chooses there holds it: with the original's in its place, too, it would be other code. */
#include <stdlib.h>
#include <string.h>
#include "engine.h"
#include "fork.h"

/* So many functions are compiled at a time, beside the module's own. */
enum { BATCH = 4000 };

/* The functions to be compiled, in the module behind its own: for each fork, one for each alternative (it alone), then one that
 * chooses, then one for each but the first (the original's in its place). */
typedef struct Pins {
	const char *file;
	Mod *m;
	const Options *o;              /* or NULL */
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
		code = code_module(MAKER_CRANELIFT, !p->o || p->o->jobs > 1, p->file, wasm.p, wasm.n, NULL, &c, e);
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

/* pinned: the body with all originals'; the fork's is at index `at`. */
static int add_fork(Pins *p, const Body *f, Expr pinned, uint32_t at, const Fork *fork, Err *e)
{
	Ref m = p->m->ref;
	int code = 0;
	for (uint32_t k = 0; k < fork->n && !code; k++)
		code = add(p, f, walk_replace(BinaryenExpressionCopy(pinned, m), at, BinaryenExpressionCopy(fork->arm[k], m)), e);
	Expr choosing = walk_replace(BinaryenExpressionCopy(pinned, m), at, BinaryenExpressionCopy(fork->expr, m));
	if (!code)
		code = add(p, f, choosing, e);
	for (uint32_t k = 1; k < fork->n && !code; k++)
		code = add(p, f, fork_without(m, choosing, at, fork, k), e);
	return code;
}

static int add_function(Pins *p, uint32_t func, const Ours *ours, ForkCodes *out, Err *e)
{
	Body f = body_of(p->m, func);
	Forks forks;
	int code = 0;
	fork_find(p->m->ref, f.expr, ours, &forks);
	uint32_t *at = xalloc(forks.n * sizeof *at);
	Expr pinned = forks.n ? fork_pin(p->m->ref, f.expr, &forks, at) : NULL;
	for (uint32_t i = 0; i < forks.n && !code; i++) {
		PUSH(out->f, out->n, out->cap, ((ForkCode){.func = func, .n = forks.f[i].n}));
		code = add_fork(p, &f, pinned, at[i], &forks.f[i], e);
	}
	free(at);
	fork_free(&forks);
	body_free(&f);
	return code;
}

/* What the pins say of one fork, whose first is at `from`. */
static void take(const Pins *p, uint32_t from, ForkCode *f)
{
	const Code *c = &p->code[from];
	f->code = xalloc(f->n * sizeof *f->code);
	f->gone = xalloc(f->n * sizeof *f->gone);
	memcpy(f->code, c, f->n * sizeof *f->code);
	for (uint32_t k = 1; k < f->n; k++)
		f->gone[k] = digest_eq(c[f->n + k].code, c[f->n].code);
}

int fork_code(const char *file, Mod *m, const Ours *ours, const Options *o, ForkCodes *out, Err *e)
{
	Pins p = {.file = file, .m = m, .o = o};
	uint32_t n = m->nfunc;
	int code = 0;
	*out = (ForkCodes){0};
	for (uint32_t i = 0; i < n && !code; i++) {
		code = add_function(&p, i, ours, out, e);
		if (o && o->progress)
			o->progress(o->progress_ctx, "audit", i + 1, n);
	}
	if (!code && p.n > 0)
		code = compile(&p, e);
	for (uint32_t i = 0, from = 0; i < out->n && !code; from += 2 * out->f[i++].n)
		take(&p, from, &out->f[i]);
	free(p.code);
	return code;
}

void fork_code_free(ForkCodes *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		free(c->f[i].code);
		free(c->f[i].gone);
	}
	free(c->f);
	*c = (ForkCodes){0};
}
