/* code_module.c - a module's functions as digests of their machine code.
 * In: a module's bytes and whose compiler; or a text that a compiler wrote. Out: one Code for each function that it defines.
 * Must hold: the same module gives the same digests on every machine; all functions have one, or there is an error. */
#include <stdlib.h>
#include "engine.h"

static int compile(Maker maker, bool parallel, const char *file, const Bytes *wasm, wasm_byte_vec_t *elf, Err *e)
{
	static const char hint[] = "split its large functions, or build on a machine with SSE4.2";
	wasm_engine_t *engine;
	wasmtime_module_t *m = NULL;
	int code = engine_target(maker, parallel, &engine, e);
	if (code)
		return code;
	wasmtime_error_t *error = wasmtime_module_new(engine, wasm->p, wasm->n, &m);
	if (!error) {
		error = wasmtime_module_serialize(m, elf);
		wasmtime_module_delete(m);
	}
	wasm_engine_delete(engine);
	return error ? engine_error(file, error, hint, e) : 0;
}

int code_text(const char *file, const Text *t, const Scan *s, const uint32_t *ident, Code *out, Err *e)
{
	Callees c = {t, s->nimported, ident};
	uint32_t found = 0;
	int code = 0;
	for (uint32_t i = 0; i < t->nsymbol && !code; i++) {
		const Symbol *f = &t->symbol[i];
		if (f->func == NONE)
			continue;
		if (f->func < s->nimported || f->func - s->nimported >= s->nbodies)
			code = err_set(e, MEWE_BAD, "%s: the engine compiled a function that the module does not have", file);
		else
			code = (t->maker == MAKER_AARCH64 ? code_aarch64 : code_digest)(file, f, &c, &out[f->func - s->nimported], e);
		found++;
	}
	if (!code && found != s->nbodies)
		code = err_set(e, MEWE_BAD, "%s: the engine compiled %u functions of %u", file, found, s->nbodies);
	return code;
}

static int digests(Maker maker, const char *file, const wasm_byte_vec_t *elf, const Scan *s, const uint32_t *ident, Code **out,
                   Err *e)
{
	Text text;
	int code = elf_read(file, (const uint8_t *)elf->data, elf->size, &text, e);
	if (code)
		return code;
	Code *c = xalloc(s->nbodies * sizeof *c);
	text.maker = maker;
	if ((code = code_text(file, &text, s, ident, c, e)) == 0)
		*out = c;
	else
		free(c);
	elf_free(&text);
	return code;
}

int code_module(Maker maker, bool parallel, const char *file, const uint8_t *wasm, size_t n, const uint32_t *ident, Code **out,
                Err *e)
{
	Scan s;
	Bytes sorted;
	wasm_byte_vec_t elf;
	*out = NULL;
	int code = scan_module(file, wasm, n, &s, e);
	if (code)
		return code;
	if ((code = retype(file, wasm, n, &sorted, e)) == 0) {
		if ((code = compile(maker, parallel, file, &sorted, &elf, e)) == 0) {
			code = digests(maker, file, &elf, &s, ident, out, e);
			wasm_byte_vec_delete(&elf);
		}
		free(sorted.p);
	}
	scan_free(&s);
	return code;
}
