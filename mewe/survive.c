/* survive.c - which candidates are still different when an engine has compiled them.
 * In: a module's bytes, or candidates with their verdicts. Out: digests of each function's machine code.
 * Must hold: the same module gives the same digests on every machine, and equal functions at different places the same. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "code.h"
#include "engine.h"

/* So many bytes of candidates are compiled at a time, by the size of their originals: the compiler keeps them all in memory. */
enum { BATCH = 1 << 20 };

const char *survive_engine(void) { return engine_name(); }

static int compile(const char *file, const uint8_t *wasm, size_t n, bool parallel, wasm_byte_vec_t *elf, Err *e)
{
	static const char hint[] = "split its large functions, or build on a machine with SSE4.2";
	wasm_engine_t *engine;
	wasmtime_module_t *m = NULL;
	int code = engine_target(parallel, &engine, e);
	if (code)
		return code;
	wasmtime_error_t *error = wasmtime_module_new(engine, wasm, n, &m);
	if (!error) {
		error = wasmtime_module_serialize(m, elf);
		wasmtime_module_delete(m);
	}
	wasm_engine_delete(engine);
	return error ? engine_error(file, error, hint, e) : 0;
}

static int digests(const char *file, const wasm_byte_vec_t *elf, const Scan *s, const uint32_t *ident, Code *out, Err *e)
{
	Text text;
	uint32_t found = 0;
	int code = elf_read(file, (const uint8_t *)elf->data, elf->size, &text, e);
	if (code)
		return code;
	Callees c = {&text, s->nimported, ident};
	for (uint32_t i = 0; i < text.nsymbol && !code; i++) {
		const Symbol *f = &text.symbol[i];
		if (f->func == NONE)
			continue;
		if (f->func < s->nimported || f->func - s->nimported >= s->nbodies)
			code = err_set(e, MEWE_BAD, "%s: the engine compiled a function that the module does not have", file);
		else
			code = code_digest(file, f, &c, &out[f->func - s->nimported], e);
		found++;
	}
	if (!code && found != s->nbodies)
		code = err_set(e, MEWE_BAD, "%s: the engine compiled %u functions of %u", file, found, s->nbodies);
	elf_free(&text);
	return code;
}

static int code_of(const char *file, const uint8_t *wasm, size_t n, const uint32_t *ident, bool parallel, Code **out, Err *e)
{
	Scan s;
	wasm_byte_vec_t elf;
	*out = NULL;
	int code = scan_module(file, wasm, n, &s, e);
	if (code)
		return code;
	if ((code = compile(file, wasm, n, parallel, &elf, e)) == 0) {
		Code *c = xalloc(s.nbodies * sizeof *c);
		code = digests(file, &elf, &s, ident, c, e);
		wasm_byte_vec_delete(&elf);
		if (code)
			free(c);
		else
			*out = c;
	}
	scan_free(&s);
	return code;
}

int survive_code(const char *file, const uint8_t *wasm, size_t n, const uint32_t *ident, Code **out, Err *e)
{
	return code_of(file, wasm, n, ident, true, out, e);
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

/* Rows [from, to) as functions behind the module's own, compiled, and taken out again. */
static int batch(const Sites *s, const Options *o, Variants *v, uint32_t from, uint32_t to, Code **original, Err *e)
{
	Mod *m = (Mod *)s->body[0].mod; /* the sites' own module: candidates are built in it anyway */
	char (*name)[64] = xalloc((to - from) * sizeof *name);
	uint32_t *row = xalloc((to - from) * sizeof *row), n = 0;
	Bytes wasm = {0};
	Code *c = NULL;

	for (uint32_t i = from; i < to; i++) {
		Body b;
		if (!(o->accept >> v->v[i].verdict & 1) || !propose_body(s, &v->v[i], NULL, &b))
			continue;
		candidate_name(m, i, name[n], sizeof *name);
		body_add(m, name[n], &b);
		body_free(&b);
		row[n++] = i;
	}
	int code = write_module(m, NULL, &wasm, e);
	if (!code)
		code = code_of(m->file, wasm.p, wasm.n, NULL, o->jobs > 1, &c, e);
	for (uint32_t i = 0; i < n; i++) {
		BinaryenRemoveFunction(m->ref, name[i]);
		if (code)
			continue;
		Variant *r = &v->v[row[i]];
		r->code = c[m->nfunc + i].code;
		r->shape = c[m->nfunc + i].shape;
		r->bytes = c[m->nfunc + i].bytes;
	}
	if (!code && !*original) {
		*original = c;
		c = NULL;
	}
	free(c);
	free(wasm.p);
	free(row);
	free(name);
	return code;
}

int survive_all(const Sites *s, const Options *o, Variants *v, Code **original, Err *e)
{
	int code = 0;
	*original = NULL;
	if (s->nbody == 0) {
		*original = xalloc(0);
		return 0;
	}
	for (uint32_t from = 0, to = 0; !code && (from < v->n || !*original); from = to) {
		uint64_t bytes = 0;
		while (to < v->n && bytes < BATCH)
			bytes += s->body[0].mod->scan.bodies[v->v[to++].func].size;
		code = batch(s, o, v, from, to, original, e);
		if (o->progress)
			o->progress(o->progress_ctx, "survive", to, v->n);
	}
	if (code) {
		free(*original);
		*original = NULL;
	}
	return code;
}
