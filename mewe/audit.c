/* audit.c - which bodies are different machine code in the final binary?
 * In: a build with its module without a trace. Out: the classes of each dispatcher's bodies.
 * Must hold: what is said is said of the module that is written, compiled as a whole.
 */
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

typedef struct Twin {
	const Build *b;
	Mod *m;
} Twin;

static bool is_ours(void *ctx, const char *global)
{
	const Twin *t = ctx;
	Ident id = ident_of(t->m);
	return id.global(id.ctx, global) >= t->b->mod->scan.nglobals;
}

static int audit_regions(Build *b, Mod *m, bool *again, Err *e)
{
	Twin t = {b, m};
	Ours ours = {is_ours, &t};
	ForkCodes c;
	int code = fork_code(b->file, m, &ours, b->o, &c, e);
	for (uint32_t i = 0; i < b->dispatchers.n && !code; i++) {
		Dispatcher *d = &b->dispatchers.d[i];
		if (c.n != b->dispatchers.n || c.f[i].func != d->func || c.f[i].n != d->n)
			code = err_set(e, MEWE_BAD, "%s: region %u is not in the final binary; report this", b->file, i);
		else
			*again |= select_classes(d, c.f[i].code, c.f[i].gone, &b->variants);
	}
	fork_code_free(&c);
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
