/* discriminator.c - the functions that draw, and what a module lets them do.
 * In: a module and the options; the dispatchers to be. Out: the shape; the discriminator's functions, globals and exports
 * appended to the module; the guest's imports from `mewe` replaced by functions of the same names.
 * Must hold: a build that could only draw predictably, or not at all, is refused here, before the long work begins. */
#include <stdlib.h>
#include <string.h>
#include "combine.h"

/* ---- what the module allows -------------------------------------------------------------------------------------- */

static bool named(const char *const *list, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

Role discriminator_role(const Options *o, const char *export)
{
	static const char *const inits[] = {"_initialize", "wizer.initialize", "wizer-initialize"};
	if (named(inits, LEN(inits), export) || named((const char *const *)o->inits, o->ninits, export))
		return ROLE_INIT;
	return !o->entries || named((const char *const *)o->entries, o->nentries, export) ? ROLE_ENTRY : ROLE_OTHER;
}

static bool exported(const Mod *m, uint8_t kind, const char *name)
{
	for (uint32_t i = 0; i < m->scan.nexports; i++)
		if (m->scan.exports[i].kind == kind && strcmp(m->scan.exports[i].name, name) == 0)
			return true;
	return false;
}

static int check_exports(const Mod *m, const Options *o, Err *e)
{
	for (unsigned i = 0; i < o->nentries + o->ninits; i++) {
		bool entry = i < o->nentries;
		const char *name = entry ? o->entries[i] : o->inits[i - o->nentries];
		if (!exported(m, 0, name))
			return err_set(e, MEWE_BAD, "%s: --%s %s: it exports no function of that name; see `mewe inspect`", m->file,
			               entry ? "entry" : "init", name);
		if (entry && discriminator_role(o, name) == ROLE_INIT)
			return err_set(e, MEWE_BAD, "%s: --entry %s: nothing is drawn during an init, so it can't be a request", m->file, name);
	}
	for (uint32_t i = 0; i < m->scan.nexports; i++)
		if (strncmp(m->scan.exports[i].name, "mewe.", 5) == 0)
			return err_set(e, MEWE_BAD, "%s: it exports '%s', and names that begin with `mewe.` are the build's; rename it, or give "
			               "the original if this is a multivariant module", m->file, m->scan.exports[i].name);
	return 0;
}

/* The module that the guest imports WASI's functions from, or NULL. */
static const char *wasi_module(const Mod *m)
{
	static const char *const names[] = {"wasi_snapshot_preview1", "wasi_unstable"};
	for (size_t k = 0; k < LEN(names); k++)
		for (uint32_t i = 0; i < m->scan.nimports; i++)
			if (m->scan.imports[i].kind == 0 && strcmp(m->scan.imports[i].module, names[k]) == 0)
				return names[k];
	return NULL;
}

static BinaryenType i32s(uint32_t n)
{
	BinaryenType t[4];
	for (uint32_t i = 0; i < n; i++)
		t[i] = BinaryenTypeInt32();
	return BinaryenTypeCreate(t, n);
}

/* The guest's own import of random_get, or NULL; *fits: it has the type that WASI says. */
static const char *random_get(const Mod *m, bool *fits)
{
	const char *wasi = wasi_module(m);
	uint32_t i = wasi ? read_import(m, wasi, "random_get") : NONE;
	*fits = true;
	if (i == NONE)
		return NULL;
	*fits = BinaryenFunctionGetParams(m->imp[i].ref) == i32s(2) && BinaryenFunctionGetResults(m->imp[i].ref) == i32s(1);
	return m->imp[i].name;
}

/* Can random_get write where we read it, in memory that is surely there? */
static bool random_get_serves(const Mod *m)
{
	const Scan *s = &m->scan;
	bool fits;
	random_get(m, &fits);
	return fits && wasi_module(m) && s->has_memory && s->memory_min > 0 && !s->memory_shared && !s->memory_64 &&
	       exported(m, 2, "memory");
}

/* ---- the guest's imports from `mewe` ------------------------------------------------------------------------------- */

typedef struct Guest {
	const char *name;
	uint32_t nparams;              /* all i32 */
	char result;                   /* 'i', 'l' or none */
	const char *global, *func;     /* what it gives in a traced build */
} Guest;

static const Guest guests[] = {
	{"choices", 0, 'l', "choices", NULL},
	{"trace_hash", 1, 'l', NULL, "hash"},
	{"trace_length", 0, 'l', "length", NULL},
	{"dispatchers_executed", 0, 'l', "executed", NULL},
	{"trace_read", 2, 'i', NULL, "read"},
	{"entry", 0, 0, NULL, NULL},
};

static BinaryenType result_of(const Guest *g)
{
	return g->result == 'l' ? BinaryenTypeInt64() : g->result == 'i' ? BinaryenTypeInt32() : BinaryenTypeNone();
}

static const Guest *guest_named(const char *name)
{
	for (size_t i = 0; i < LEN(guests); i++)
		if (strcmp(guests[i].name, name) == 0)
			return &guests[i];
	return NULL;
}

static int check_imports(const Mod *m, Err *e)
{
	for (uint32_t i = 0, k = 0; i < m->scan.nimports; i++) {
		const ScanImport *s = &m->scan.imports[i];
		BinaryenFunctionRef f = s->kind == 0 ? m->imp[k++].ref : NULL;
		if (strcmp(s->module, "mewe") != 0)
			continue;
		const Guest *g = f ? guest_named(s->name) : NULL;
		if (!g)
			return err_set(e, MEWE_BAD, "%s: it imports mewe.%s; a guest may import the functions choices, trace_hash, trace_length, "
			               "dispatchers_executed, trace_read and entry", m->file, s->name);
		if (BinaryenFunctionGetParams(f) != i32s(g->nparams) || BinaryenFunctionGetResults(f) != result_of(g))
			return err_set(e, MEWE_BAD, "%s: it imports mewe.%s with another type; see the manual for the right one", m->file, s->name);
	}
	return 0;
}

int discriminator_shape(const Mod *m, const Options *o, Shape *out, Err *e)
{
	int code = check_imports(m, e);
	*out = (Shape){o->discriminator, o->dispatch, o->reseed, o->trace, o->fixed_seed, !random_get_serves(m), m->scan.start != NONE};
	if (code || (code = check_exports(m, o, e)) != 0)
		return code;
	for (uint32_t i = 0; i < m->scan.nexports; i++)
		out->gated |= m->scan.exports[i].kind == 0 && discriminator_role(o, m->scan.exports[i].name) == ROLE_INIT;
	if (o->discriminator == MEWE_WASI && out->import_seed && strcmp(o->strategies, "none") != 0)
		return err_set(e, MEWE_UNSUPPORTED, "%s: WASI's random_get can't serve it (it needs WASI imports and a 32-bit memory exported "
		               "as \"memory\"); use --discriminator chacha", m->file);
	if (o->trace == MEWE_TRACE_FULL && (!m->scan.has_memory || m->scan.memory_64 || m->scan.memory_shared))
		return err_set(e, MEWE_UNSUPPORTED, "%s: --trace full needs a 32-bit memory to keep ids in; use --trace hash", m->file);
	return 0;
}

/* ---- adding ---------------------------------------------------------------------------------------------------------- */

static bool has_prefix(const char *name, const char *tag)
{
	size_t n = strlen(tag);
	return strncmp(name, tag, n) == 0 && name[n] == '.';
}

/* Bodies are called NAME.TAG.k, so the tag must not be inside a name either. */
static bool taken(const char *name, const char *tag)
{
	for (; name; name = strchr(name, '.'), name += name != NULL)
		if (has_prefix(name, tag))
			return true;
	return false;
}

static bool tag_taken(const Mod *m, const char *tag)
{
	for (uint32_t i = 0; i < BinaryenGetNumFunctions(m->ref); i++)
		if (taken(BinaryenFunctionGetName(BinaryenGetFunctionByIndex(m->ref, i)), tag))
			return true;
	for (uint32_t i = 0; i < BinaryenGetNumGlobals(m->ref); i++)
		if (taken(BinaryenGlobalGetName(BinaryenGetGlobalByIndex(m->ref, i)), tag))
			return true;
	return false;
}

void discriminator_tag(const Mod *m, char tag[TAG_SIZE])
{
	strcpy(tag, "mewe");
	for (uint32_t k = 1; tag_taken(m, tag); k++)
		snprintf(tag, TAG_SIZE, "mewe%u", k);
}

typedef struct Graft {
	Mod *m;
	const char *tag;
	const char *random_get;        /* the guest's own import, or NULL */
} Graft;

/* The name in the module of what the text calls mewe.NAME. */
static char *renamed(const Graft *g, const char *name)
{
	const char *rest = name + strlen("mewe.");
	if (g->random_get && strcmp(rest, "random_get") == 0)
		return xstrdup(g->random_get);
	return xprintf("%s.%s", g->tag, rest);
}

static bool rename_node(void *ctx, Expr e, uint32_t index)
{
	uint32_t kind = walk_kind(e);
	const char *old = kind == K_Call ? BinaryenCallGetTarget(e) : kind == K_GlobalGet ? BinaryenGlobalGetGetName(e) :
	                  kind == K_GlobalSet ? BinaryenGlobalSetGetName(e) : NULL;
	(void)index;
	if (!old)
		return true;
	char *name = renamed(ctx, old);
	if (kind == K_Call)
		BinaryenCallSetTarget(e, name);
	else if (kind == K_GlobalGet)
		BinaryenGlobalGetSetName(e, name);
	else
		BinaryenGlobalSetSetName(e, name);
	free(name);
	return true;
}

static void graft_import(Graft *g, BinaryenFunctionRef f)
{
	const char *module = BinaryenFunctionImportGetModule(f), *base = BinaryenFunctionImportGetBase(f);
	bool wasi = strcmp(base, "random_get") == 0;
	if (wasi && g->random_get)
		return;
	char *name = renamed(g, BinaryenFunctionGetName(f));
	BinaryenAddFunctionImport(g->m->ref, name, wasi ? wasi_module(g->m) : module, base, BinaryenFunctionGetParams(f),
	                          BinaryenFunctionGetResults(f));
	free(name);
}

static void graft_func(Graft *g, BinaryenFunctionRef f)
{
	Ref to = g->m->ref;
	uint32_t n = BinaryenFunctionGetNumVars(f);
	BinaryenType *vars = xalloc(n * sizeof *vars);
	char *name = renamed(g, BinaryenFunctionGetName(f));
	Expr body = BinaryenExpressionCopy(BinaryenFunctionGetBody(f), to);
	for (uint32_t i = 0; i < n; i++)
		vars[i] = BinaryenFunctionGetVar(f, i);
	walk_each(body, rename_node, g);
	BinaryenAddFunction(to, name, BinaryenFunctionGetParams(f), BinaryenFunctionGetResults(f), vars, n, body);
	free(name);
	free(vars);
}

static void graft_global(Graft *g, BinaryenGlobalRef x)
{
	char *name = renamed(g, BinaryenGlobalGetName(x));
	BinaryenAddGlobal(g->m->ref, name, BinaryenGlobalGetType(x), BinaryenGlobalIsMutable(x),
	                  BinaryenExpressionCopy(BinaryenGlobalGetInitExpr(x), g->m->ref));
	free(name);
}

static void graft_export(Graft *g, BinaryenExportRef x)
{
	char *name = renamed(g, BinaryenExportGetValue(x));
	if (BinaryenExportGetKind(x) == BinaryenExternalFunction())
		BinaryenAddFunctionExport(g->m->ref, name, BinaryenExportGetName(x));
	else
		BinaryenAddGlobalExport(g->m->ref, name, BinaryenExportGetName(x));
	free(name);
}

static void graft(Graft *g, const char *text)
{
	Ref from = BinaryenModuleParse(text);
	for (uint32_t i = 0; i < BinaryenGetNumGlobals(from); i++)
		graft_global(g, BinaryenGetGlobalByIndex(from, i));
	for (uint32_t i = 0; i < BinaryenGetNumFunctions(from); i++) {
		BinaryenFunctionRef f = BinaryenGetFunctionByIndex(from, i);
		if (BinaryenFunctionGetBody(f))
			graft_func(g, f);
		else
			graft_import(g, f);
	}
	for (uint32_t i = 0; i < BinaryenGetNumExports(from); i++)
		graft_export(g, BinaryenGetExportByIndex(from, i));
	BinaryenModuleDispose(from);
}

static Expr call(Ref m, const char *tag, const char *func, Expr *args, uint32_t n, BinaryenType result)
{
	char *name = xprintf("%s.%s", tag, func);
	Expr e = BinaryenCall(m, name, args, n, result);
	free(name);
	return e;
}

static Expr value_of(Ref m, const Shape *s, const char *tag, const Guest *g)
{
	Expr args[2];
	if (s->trace == MEWE_TRACE_OFF)
		return BinaryenConst(m, g->result == 'l' ? BinaryenLiteralInt64(0) : BinaryenLiteralInt32(0));
	for (uint32_t i = 0; i < g->nparams; i++)
		args[i] = BinaryenLocalGet(m, i, BinaryenTypeInt32());
	if (g->func)
		return call(m, tag, g->func, args, g->nparams, result_of(g));
	char *name = xprintf("%s.%s", tag, g->global);
	Expr e = BinaryenGlobalGet(m, name, BinaryenTypeInt64());
	free(name);
	return e;
}

/* Begins with a mark, "mewe" as a number that is dropped, which no compiler leaves: so verify knows such a function. */
static Expr guest_body(Ref m, const Shape *s, const Dispatchers *d, const char *tag, const Guest *g)
{
	Expr part[3] = {BinaryenDrop(m, BinaryenConst(m, BinaryenLiteralInt32(0x6d657765)))};
	uint32_t n = 1;
	if (g->result)
		part[n++] = value_of(m, s, tag, g);
	else if (s->trace != MEWE_TRACE_OFF)
		part[n++] = call(m, tag, "reset", NULL, 0, BinaryenTypeNone());
	if (!g->result && discriminator_renews(s, d))
		part[n++] = call(m, tag, "renew", NULL, 0, BinaryenTypeNone());
	return BinaryenBlock(m, NULL, part, n, result_of(g));
}

static void resolve(Mod *m, const Shape *s, const Dispatchers *d, const char *tag)
{
	for (uint32_t i = 0; i < m->nimp; i++) {
		BinaryenFunctionRef f = m->imp[i].ref;
		if (strcmp(BinaryenFunctionImportGetModule(f), "mewe") != 0)
			continue;
		const Guest *g = guest_named(BinaryenFunctionImportGetBase(f));
		Expr body = guest_body(m->ref, s, d, tag, g);
		BinaryenRemoveFunction(m->ref, m->imp[i].name);
		BinaryenAddFunction(m->ref, m->imp[i].name, i32s(g->nparams), result_of(g), NULL, 0, body);
	}
}

int discriminator_add(Mod *m, const Shape *s, const Dispatchers *d, Err *e)
{
	char tag[TAG_SIZE];
	bool fits;
	int code = check_imports(m, e);
	if (code)
		return code;
	discriminator_tag(m, tag);
	Graft g = {m, tag, random_get(m, &fits)};
	char *text = discriminator_text(s, d);
	resolve(m, s, d, tag);
	graft(&g, text);
	free(text);
	read_index(m);
	return 0;
}
