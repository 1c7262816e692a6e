/* target.c - what a platform offers and allows (`--target`).
 * In: a module, the original or the one made of it. Out: 0, or MEWE_UNSUPPORTED and the first thing that the platform would refuse.
 * Must hold: only what decides linking and loading is judged; what a request costs in time or in memory that it grows is not known
 * from the bytes. What no target of ours runs (threads, tail calls, exceptions, several memories) scan.c refuses for all. */
#include <stdlib.h>
#include <string.h>
#include "section.h"

typedef struct Import {
	const char *module, *name, *type;
} Import;

typedef struct Target {
	const char *name;
	const Import *imports;         /* sorted; NULL: no restriction of any kind */
	uint32_t nimports;
	uint64_t bytes;                /* of the file */
	uint64_t pages;                /* of memory, at the start */
	uint64_t elements;             /* of the table, at the start; one memory and one table at most */
} Target;

static const Import fastly[] = {
#include "target_fastly.h"
};

static const Target targets[] = {
	{.name = "wasi"},
	{"fastly", fastly, LEN(fastly), 100000000, 128 << 20 >> 16, 98765},
};

static int find(const char *name, const Target **out, Err *e)
{
	Buf known = {0};
	for (size_t i = 0; i < LEN(targets); i++) {
		if (!name || strcmp(name, targets[i].name) == 0) {
			buf_free(&known);
			*out = &targets[i];
			return 0;
		}
		buf_printf(&known, "%s%s", i ? ", " : "", targets[i].name);
	}
	err_set(e, MEWE_BAD, "--target %s: no such target; known are %.*s", name, (int)known.n, known.p);
	buf_free(&known);
	return e->code;
}

/* A module under judgement. */
typedef struct Case {
	const Target *target;
	const char *file, *what;       /* what: "it", or what it would become */
	const uint8_t *wasm;
	size_t n;
	Scan scan;
	Err *e;
} Case;

#define REFUSE(c, fmt, ...) \
	err_set((c)->e, MEWE_UNSUPPORTED, "%s: --target %s: %s " fmt, (c)->file, (c)->target->name, (c)->what, __VA_ARGS__)

/* ---- imports ---------------------------------------------------------------------------------------------------------- */

static void letters(Part *in, Buf *b)
{
	for (uint64_t k = section_leb(in); k > 0 && in->p < in->end; k--) {
		uint8_t t = section_byte(in);
		buf_u8(b, t == 0x7f ? 'i' : t == 0x7e ? 'I' : t == 0x7d ? 'f' : t == 0x7c ? 'F' : '?');
	}
}

/* A function type, spelled as in the tables: parameters > results; malloc'ed. */
static char *spelled(const Case *c, uint32_t type)
{
	Part file = section_file(c->wasm, c->n), in = {0};
	Buf b = {0};
	uint8_t id = S_CUSTOM;
	while (id != S_TYPE && section_next(&file, &id, &in))
		;
	section_leb(&in);
	for (uint32_t i = 0; i <= type; i++) {
		b.n = 0;
		section_byte(&in);
		letters(&in, &b);
		buf_u8(&b, '>');
		letters(&in, &b);
	}
	buf_u8(&b, 0);
	return (char *)b.p;
}

/* The import by that name; *module: does the target have the module at all? */
static const Import *offered(const Target *t, const ScanImport *s, bool *module)
{
	*module = false;
	for (uint32_t i = 0; i < t->nimports; i++) {
		if (strcmp(t->imports[i].module, s->module) != 0)
			continue;
		*module = true;
		if (strcmp(t->imports[i].name, s->name) == 0)
			return &t->imports[i];
	}
	return NULL;
}

static int check_import(const Case *c, const ScanImport *s)
{
	static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};
	const char *kind = s->kind < LEN(kinds) ? kinds[s->kind] : "thing";
	bool module;
	if (s->kind != 0)
		return REFUSE(c, "imports the %s %s.%s, and the platform offers functions alone; define it in the module", kind, s->module,
		              s->name);
	const Import *i = offered(c->target, s, &module);
	if (!module)
		return REFUSE(c, "imports %s.%s, and the platform has no module of that name; build it without", s->module, s->name);
	if (!i)
		return REFUSE(c, "imports %s.%s, and the platform's %s has no such function; build it without", s->module, s->name, s->module);
	char *type = spelled(c, s->type);
	int code = strcmp(type, i->type) == 0 ? 0 : REFUSE(c, "imports %s.%s with type %s, where the platform's has %s (i: i32, I: i64); "
	                                                   "declare it so", s->module, s->name, type, i->type);
	free(type);
	return code;
}

/* The guest's own imports of `mewe` are gone from the module that comes out, where nothing is let pass. */
static int check_imports(const Case *c, bool output)
{
	int code = 0;
	for (uint32_t i = 0; !code && i < c->scan.nimports; i++)
		if (output || strcmp(c->scan.imports[i].module, "mewe") != 0)
			code = check_import(c, &c->scan.imports[i]);
	return code;
}

/* ---- exports and limits ----------------------------------------------------------------------------------------------- */

static const ScanExport *exports(const Case *c, uint8_t kind, const char *name)
{
	for (uint32_t i = 0; i < c->scan.nexports; i++)
		if (c->scan.exports[i].kind == kind && strcmp(c->scan.exports[i].name, name) == 0)
			return &c->scan.exports[i];
	return NULL;
}

static int check_start(const Case *c, const ScanExport *x)
{
	if (x->index < c->scan.nimported)
		return 0; /* a function of the platform, held against its type there */
	char *type = spelled(c, c->scan.bodies[x->index - c->scan.nimported].type);
	int code = strcmp(type, ">") == 0 ? 0 : REFUSE(c, "exports _start with type %s, and the platform calls it without a parameter and a "
	                                                  "result; declare it so", type);
	free(type);
	return code;
}

static int check_exports(const Case *c)
{
	const ScanExport *start = exports(c, 0, "_start");
	if (!start)
		return REFUSE(c, "exports no function %s, which the platform calls for each request; build it as a command", "_start");
	if (c->scan.nimported > 0 && !exports(c, 2, "memory"))
		return REFUSE(c, "exports no memory by the name of %s, which every function of the platform looks for; export it", "memory");
	return check_start(c, start);
}

/* Elements that the tables start with. */
static uint64_t elements(const Case *c)
{
	Part file = section_file(c->wasm, c->n), in;
	uint64_t sum = 0;
	uint8_t id;
	while (section_next(&file, &id, &in)) {
		for (uint64_t k = id == S_TABLE ? section_leb(&in) : 0; k > 0 && in.p < in.end; k--) {
			section_byte(&in); /* of what type */
			uint8_t limits = section_byte(&in);
			sum += section_leb(&in);
			if (limits & 1)
				section_leb(&in);
		}
	}
	return sum;
}

static int check_limits(const Case *c)
{
	const Target *t = c->target;
	const Scan *s = &c->scan;
	unsigned long long n = elements(c);
	if (c->n > t->bytes)
		return REFUSE(c, "has %zu bytes, and the platform takes %llu; strip it, or use fewer variants", c->n,
		              (unsigned long long)t->bytes);
	if (s->memory_64)
		return REFUSE(c, "has a 64-bit memory, and the platform's functions take 32-bit addresses; build it for %s", "wasm32");
	if (s->has_memory && s->memory_min > t->pages)
		return REFUSE(c, "starts with %llu pages of memory, and the platform gives %llu; build it with less",
		              (unsigned long long)s->memory_min, (unsigned long long)t->pages);
	if (s->ntables > 1)
		return REFUSE(c, "has %u tables, and the platform gives one; build it with -mno-reference-types", s->ntables);
	if (n > t->elements)
		return REFUSE(c, "starts with %llu elements in its table, and the platform gives %llu; take fewer addresses of functions", n,
		              (unsigned long long)t->elements);
	return 0;
}

static int check(const Target *t, const char *file, const char *what, bool output, const uint8_t *wasm, size_t n, Err *e)
{
	Case c = {.target = t, .file = file, .what = what, .wasm = wasm, .n = n, .e = e};
	int code = scan_module(file, wasm, n, &c.scan, e);
	if (code)
		return code;
	if ((code = check_imports(&c, output)) == 0 && (code = check_exports(&c)) == 0)
		code = check_limits(&c);
	scan_free(&c.scan);
	return code;
}

/* ---- what the pipeline asks ------------------------------------------------------------------------------------------- */

int target_input(const Options *o, const Shape *s, const char *file, const uint8_t *wasm, size_t n, Err *e)
{
	const Target *t;
	int code = find(o->target, &t, e);
	if (code || !t->imports)
		return code;
	if ((code = check(t, file, "it", false, wasm, n, e)) != 0 || strcmp(o->strategies, "none") == 0)
		return code;
	if (s->discriminator == MEWE_HOST)
		return err_set(e, MEWE_UNSUPPORTED, "%s: --target %s: --discriminator host would leave mewe.choose to the platform, which has "
		               "none; use --discriminator chacha", file, t->name);
	if (s->import_seed && (s->discriminator == MEWE_CHACHA || s->discriminator == MEWE_XORSHIFT))
		return err_set(e, MEWE_UNSUPPORTED, "%s: --target %s: the seed would be left to mewe.seed, which the platform has not; "
		               "import a function of WASI and export a memory of a page or more as \"memory\"", file, t->name);
	return 0;
}

int target_output(const Options *o, const char *file, const uint8_t *wasm, size_t n, Err *e)
{
	const Target *t;
	int code = find(o->target, &t, e);
	return code || !t->imports ? code : check(t, file, "the module made of it", true, wasm, n, e);
}
