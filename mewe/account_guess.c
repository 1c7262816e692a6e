/* account_guess.c - how was this module built?
 * In: an Account with the original and the module read. Out: its dispatchers, and the shape that a build must have had to leave
 * these functions behind. Must hold: nothing follows from a guess: account.c makes what belongs to it anew and compares. */
#include <stdlib.h>
#include <string.h>
#include "account.h"
#include "combine.h"

static bool exports(const Mod *m, const char *name)
{
	for (uint32_t i = 0; i < m->scan.nexports; i++)
		if (strcmp(m->scan.exports[i].name, name) == 0)
			return true;
	return false;
}

static void find_dispatchers(Account *a)
{
	uint32_t cap = 0, dcap = 0;
	for (uint32_t i = 0; i < a->norig && i < a->have->nfunc; i++) {
		Pieces p;
		if (!shape_pieces(a->have, i, &p))
			continue;
		bool behind = true;
		for (uint32_t k = 0; k < p.n; k++)
			behind &= p.arm[k].callee >= a->norig; /* a dispatcher of the original's own has its bodies among its functions */
		if (behind) {
			Found f = {i, p.n, xalloc(p.n * sizeof *f.variant)};
			for (uint32_t k = 0; k < p.n; k++)
				f.variant[k] = p.arm[k].callee;
			if (a->found.n == 0)
				a->shape.dispatch = p.selector.draw || p.selector.ready ? MEWE_CALL : MEWE_REQUEST;
			PUSH(a->found.f, a->found.n, cap, f);
			PUSH(a->dispatchers.d, a->dispatchers.n, dcap, ((Dispatcher){.func = i, .id = i, .n = p.n}));
		}
		free(p.arm);
	}
}

static uint64_t fixed_seed(const Mod *m)
{
	BinaryenExportRef x = BinaryenGetExport(m->ref, "mewe.seed");
	if (!x || BinaryenExportGetKind(x) != BinaryenExternalGlobal())
		return 0;
	Expr init = BinaryenGlobalGetInitExpr(BinaryenGetGlobal(m->ref, BinaryenExportGetValue(x)));
	bool number = init && BinaryenExpressionGetType(init) == BinaryenTypeInt64() && walk_kind(init) == K_Const;
	return number ? (uint64_t)BinaryenConstGetValueI64(init) : 0;
}

/* The discriminator's own module, its identities: imports by position, functions by ordinal, globals by position. */
typedef struct Text {
	Mod mod;
	uint32_t func0, global0;       /* where the functions and globals of the text begin in the module */
} Text;

static uint32_t text_func(void *ctx, const char *name)
{
	const Text *t = ctx;
	uint32_t i = read_function(&t->mod, name);
	if (i == NONE || i < t->mod.nimp + t->func0)
		return NONE - 2; /* an import: which one is seen when the imports are compared */
	return i - t->mod.nimp - t->func0;
}

static uint32_t text_global(void *ctx, const char *name)
{
	const Text *t = ctx;
	return account_global_of(&t->mod, name) - t->global0;
}

static uint32_t text_table(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return 0;
}

/* How many functions of the text for this shape stand in the module where they would have to. */
static uint32_t score(const Account *a, const Shape *s, uint32_t nguest)
{
	char *source = discriminator_text(s, a->dispatchers.n ? &a->dispatchers : NULL);
	Text text = {.mod = {.ref = BinaryenModuleParse(source)}};
	Text have = {*a->have, a->norig + nguest, a->nglobals};
	Bytes bytes;
	Err e;
	uint32_t n = 0;
	free(source);
	if (write_module(&text.mod, NULL, &bytes, &e) == 0) {
		BinaryenModuleDispose(text.mod.ref);
		text.mod.ref = BinaryenModuleRead((char *)bytes.p, bytes.n); /* as Binaryen reads what it has written */
		free(bytes.p);
	}
	read_index(&text.mod);
	Ident it = {text_func, text_global, text_table, &text}, ih = {text_func, text_global, text_table, &have};
	for (uint32_t i = 0; i < text.mod.nfunc && have.func0 + i < a->have->nfunc; i++) {
		BinaryenFunctionRef f = text.mod.func[i].ref, g = a->have->func[have.func0 + i].ref;
		n += account_same_locals(f, g) && account_same_tree(BinaryenFunctionGetBody(f), &it, BinaryenFunctionGetBody(g), &ih);
	}
	n = text.mod.nfunc == n ? UINT32_MAX - 1000 + (n < 1000 ? n : 1000) : n; /* a text that is there as a whole wins, the longest first */
	free(text.mod.func);
	free(text.mod.imp);
	free(text.mod.named);
	BinaryenModuleDispose(text.mod.ref);
	return n;
}

/* Would a build of the original make this shape? Where it would refuse there is nothing to compare with. */
static bool is_possible(const Account *a, Shape *s)
{
	Options o;
	Shape built;
	Err e;
	mewe_options_default(&o);
	o.discriminator = s->discriminator;
	o.dispatch = s->dispatch;
	o.trace = s->trace;
	if (discriminator_shape(a->plan, &o, &built, &e))
		return false;
	s->import_seed = built.import_seed;
	s->gated |= built.gated; /* also where an export was named an init */
	return true;
}

/* The shape whose functions fit best. */
static void guess_shape(Account *a)
{
	const Mod *original = a->plan; /* to which nothing was added yet */
	static const enum mewe_discriminator all[] = {MEWE_CHACHA, MEWE_WASI, MEWE_XORSHIFT, MEWE_NONE};
	uint32_t best = 0, nguest = 0;
	bool any = false, chooses = read_import(a->have, "mewe", "choose") != NONE, seeded = exports(a->have, "mewe.seed");
	Shape s = a->shape, first;
	for (uint32_t i = 0; i < original->nimp; i++)
		nguest += strcmp(BinaryenFunctionImportGetModule(original->imp[i].ref), "mewe") == 0;
	s.trace = exports(a->have, "mewe.trace") ? MEWE_TRACE_FULL : exports(a->have, "mewe.reset") ? MEWE_TRACE_HASH : MEWE_TRACE_OFF;
	s.fixed_seed = fixed_seed(a->have);
	first = a->shape;
	first.discriminator = MEWE_NONE; /* any module can have that added, should nothing be possible */
	for (unsigned i = 0; i < 4 * LEN(all); i++) {
		s.discriminator = chooses ? MEWE_HOST : seeded ? MEWE_FIXED : all[i / 4];
		s.gated = i & 1;
		s.reseed = i & 2 ? MEWE_RESEED_ENTRY : MEWE_RESEED_INSTANCE;
		if (!is_possible(a, &s))
			continue;
		uint32_t n = score(a, &s, nguest);
		if (!any || n > best) {
			best = n;
			first = s;
		}
		any = true;
	}
	a->shape = first;
}

void account_guess(Account *a)
{
	find_dispatchers(a);
	if (a->found.n == 0)
		account_find_forks(a);
	guess_shape(a);
}
