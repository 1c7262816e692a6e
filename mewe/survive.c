/* survive.c - which candidates are still different when an engine has compiled them.
 * In: a module's bytes, or candidates with their verdicts. Out: digests of each function's machine code.
 * Must hold: the same module gives the same digests on every machine, and equal functions at different places the same. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "engine.h"
#include "section.h"

/* So many bytes of candidates are compiled at a time, by the size of their originals, or as many as the module itself has: the
 * compiler keeps them all in memory, as it does the module. Each time the module is written, too. */
enum { BATCH_MIN = 1 << 20 };

const char *survive_engine(void) { return engine_name(); }

int survive_code(const char *file, const uint8_t *wasm, size_t n, const uint32_t *ident, Code **out, Err *e)
{
	return code_module(MAKER_CRANELIFT, true, file, wasm, n, ident, out, e);
}

/* ---- candidates ---- */

/* A candidate's name while it is in the module: none that the module has. */
static void candidate_name(const Mod *m, uint32_t i, char *name, size_t size)
{
	for (uint32_t k = 0;; k++) {
		snprintf(name, size, "mewe.candidate.%u.%u", i, k);
		if (!BinaryenGetFunction(m->ref, name))
			return;
	}
}

/* Candidates on their way through the compiler. */
typedef struct Gather {
	const Sites *s;
	const Options *o;
	Variants *v;
	Cache *cache;
	Digest module;
	uint64_t *remembered;
	uint32_t *row, n;              /* candidates that the module holds now */
	Digest *key;                   /* of each */
	bool *keyed;
	char (*name)[64];
} Gather;

static void put_code(Variant *v, const Code *c)
{
	v->code = c->code;
	v->shape = c->shape;
	v->bytes = c->bytes;
}

/* Row i as a function behind the module's own, unless the cache knows its code. */
static void gather(Gather *g, uint32_t i)
{
	Mod *m = (Mod *)g->s->body[0].mod; /* the sites' own module: candidates are built in it anyway */
	Variant *v = &g->v->v[i];
	Ident id = ident_of(m);
	Traits traits;
	Code known;
	Body b;
	if (v->bytes > 0 || v->tried || !propose_body(g->s, v, &traits, &b))
		v->tried = true;
	if (v->tried)
		return;
	v->tried = true;
	v->rule = xstrdup(traits.rule);
	v->idle = traits.idle;
	g->keyed[g->n] = g->cache && obligation_code(g->module, &id, &b, &g->key[g->n]);
	if (g->keyed[g->n] && cache_code(g->cache, g->key[g->n], &known)) {
		put_code(v, &known);
		++*g->remembered;
	} else {
		candidate_name(m, i, g->name[g->n], sizeof *g->name);
		body_add(m, g->name[g->n], &b);
		g->row[g->n++] = i;
	}
	body_free(&b);
}

/* Compiles what was gathered, and takes it out of the module again. */
static int batch(Gather *g, Code **original, Err *e)
{
	Mod *m = (Mod *)g->s->body[0].mod;
	Bytes wasm = {0};
	Code *c = NULL;
	int code = 0;
	if (g->n == 0 && *original)
		return 0;
	code = write_module(m, NULL, &wasm, e);
	if (!code && *original) { /* to compile the originals again would take most of the time */
		Bytes rest = stub_functions(wasm.p, wasm.n, m->nfunc);
		free(wasm.p);
		wasm = rest;
	}
	if (!code)
		code = code_module(MAKER_CRANELIFT, g->o->jobs > 1, m->file, wasm.p, wasm.n, NULL, &c, e);
	for (uint32_t i = 0; i < g->n; i++) {
		BinaryenRemoveFunction(m->ref, g->name[i]);
		if (code)
			continue;
		put_code(&g->v->v[g->row[i]], &c[m->nfunc + i]);
		if (g->keyed[i])
			cache_put_code(g->cache, g->key[i], &c[m->nfunc + i]);
	}
	g->n = 0;
	if (!code && !*original) {
		*original = c;
		c = NULL;
	}
	free(c);
	free(wasm.p);
	return code;
}

int survive_all(const Sites *s, const Options *o, Variants *v, Code **original, Cache *cache, Digest module, uint64_t *remembered, Err *e)
{
	Gather g = {.s = s, .o = o, .v = v, .cache = cache, .module = module, .remembered = remembered};
	uint64_t most = 0;
	int code = 0;
	if (s->nbody == 0) {
		*original = *original ? *original : xalloc(0);
		return 0;
	}
	for (uint32_t i = 0; i < s->nbody; i++)
		most += s->body[0].mod->scan.bodies[i].size;
	if (most < BATCH_MIN)
		most = BATCH_MIN;
	g.row = xalloc(v->n * sizeof *g.row);
	g.key = xalloc((v->n + 1) * sizeof *g.key);
	g.keyed = xalloc((v->n + 1) * sizeof *g.keyed);
	g.name = xalloc(v->n * sizeof *g.name);
	for (uint32_t from = 0, to = 0; !code && (from < v->n || !*original); from = to) {
		uint64_t bytes = 0;
		for (; to < v->n && bytes < most; to++) {
			uint32_t before = g.n;
			gather(&g, to);
			bytes += g.n > before ? s->body[0].mod->scan.bodies[v->v[to].func].size : 0;
		}
		code = batch(&g, original, e);
		if (o->progress)
			o->progress(o->progress_ctx, "survive", to, v->n);
	}
	if (!code)
		code = cache_flush(cache, e);
	free(g.row);
	free(g.key);
	free(g.keyed);
	free(g.name);
	return code;
}

bool survive_distinct(const Variants *v, uint32_t row, const Code *original)
{
	const Variant *x = &v->v[row];
	if (x->bytes == 0 || digest_eq(x->code, original[x->func].code))
		return false;
	for (uint32_t i = row; i-- > 0 && v->v[i].at == x->at;)
		if (digest_eq(v->v[i].code, x->code))
			return false;
	return true;
}
