/* host.c - run a module in-process.
 * In: a module's bytes, what its guest is to read and draw. Out: instances, their results, output and traces.
 * Must hold: an instance costs a few microseconds, since each measured execution has its own; a guest's trap, exit or broken
 * pointer never ends the process. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "host.h"

/* ---- modules ---- */

/* A pool reserves address space for all its instances, which a limit on it may not allow; the engine would abort. */
static bool may_pool(void)
{
	struct rlimit r;
	return getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur == RLIM_INFINITY;
}

int host_open(const char *file, const uint8_t *wasm, size_t n, Host **out, Err *e)
{
	return host_open_by(MAKER_CRANELIFT, may_pool(), file, wasm, n, out, e);
}

int host_open_by(Maker maker, bool may_pool, const char *file, const uint8_t *wasm, size_t n, Host **out, Err *e)
{
	static const char hint[] = "rebuild the module";
	wasmtime_error_t *error = NULL;
	Host *h = xalloc(sizeof *h);
	h->file = xstrdup(file);
	for (int pooled = may_pool; pooled >= 0; pooled--) { /* a module too large for the pool gets an engine without */
		if (h->engine)
			wasm_engine_delete(h->engine);
		if (error)
			wasmtime_error_delete(error);
		h->engine = engine_native(maker, pooled);
		if (!(error = wasmtime_module_new(h->engine, wasm, n, &h->module)))
			break;
	}
	int code = error ? engine_error(file, error, hint, e) : host_imports(h, e);
	if (!code && (error = wasmtime_linker_instantiate_pre(h->linker, h->module, &h->pre)) != NULL)
		code = engine_error(file, error, "only WASI and mewe.choose and mewe.seed can be imported", e);
	if (code)
		host_close(h);
	else
		*out = h;
	return code;
}

void host_close(Host *h)
{
	if (!h)
		return;
	if (h->pre)
		wasmtime_instance_pre_delete(h->pre);
	if (h->linker)
		wasmtime_linker_delete(h->linker);
	if (h->module)
		wasmtime_module_delete(h->module);
	if (h->engine)
		wasm_engine_delete(h->engine);
	free(h->file);
	free(h);
}

/* ---- what a call ends with ---- */

/* One line from a trap: the engine's text has a drawing of the stack around it. */
static int trap_text(const Instance *i, wasm_trap_t *trap, Err *e)
{
	static const char head[] = "wasm trap: ";
	wasm_byte_vec_t text;
	wasm_trap_message(trap, &text); /* ends with a NUL */
	const char *s = strstr(text.data, head);
	s = s ? s + sizeof head - 1 : text.data;
	int n = strcspn(s, "\n");
	wasm_frame_t *frame = wasm_trap_origin(trap);
	if (frame) {
		const wasm_name_t *name = wasmtime_frame_func_name(frame);
		uint32_t index = wasm_frame_func_index(frame);
		size_t at = wasm_frame_module_offset(frame);
		if (name)
			err_set(e, MEWE_BAD, "%s: function %.*s, offset %zu: trap: %.*s", i->host->file, (int)name->size, name->data, at, n, s);
		else
			err_set(e, MEWE_BAD, "%s: function %u, offset %zu: trap: %.*s", i->host->file, index, at, n, s);
		wasm_frame_delete(frame);
	} else {
		err_set(e, MEWE_BAD, "%s: trap: %.*s", i->host->file, n, s);
	}
	wasm_byte_vec_delete(&text);
	wasm_trap_delete(trap);
	return MEWE_BAD;
}

/* Takes what a call into the guest gave; an exit is no failure. MEWE_BAD: a trap; MEWE_LIMIT: the engine has no room. */
static int ended(const Instance *i, wasmtime_error_t *error, wasm_trap_t *trap, int *exit_code, Err *e)
{
	if (exit_code)
		*exit_code = 0;
	if (!error && !trap)
		return 0;
	if (i->exited) {
		if (error)
			wasmtime_error_delete(error);
		if (trap)
			wasm_trap_delete(trap);
		if (exit_code)
			*exit_code = i->exit_code;
		return 0;
	}
	if (trap)
		return trap_text(i, trap, e);
	engine_error(i->host->file, error, "drop other instances, or lift the limit on memory", e);
	return e->code = MEWE_LIMIT;
}

/* ---- instances ---- */

static int set_wasi(const Instance *i, const char *const *argv, Err *e)
{
	wasi_config_t *c = wasi_config_new();
	size_t n = 0;
	while (argv && argv[n])
		n++;
	if (!wasi_config_set_argv(c, n, (const char **)argv)) {
		wasi_config_delete(c);
		return err_set(e, MEWE_UNSUPPORTED, "%s: an argument is not UTF-8, which WASI needs", i->host->file);
	}
	wasmtime_error_t *error = wasmtime_context_set_wasi(i->context, c);
	return error ? engine_error(i->host->file, error, "the engine can't run it", e) : 0;
}

/* The seed of discriminator `fixed`, which nothing has drawn from yet. */
static void set_seed(Instance *i)
{
	wasmtime_extern_t x;
	static const char name[] = "mewe.seed";
	if (!wasmtime_instance_export_get(i->context, &i->instance, name, sizeof name - 1, &x))
		return;
	if (x.kind == WASMTIME_EXTERN_GLOBAL) {
		wasmtime_val_t v = {.kind = WASMTIME_I64, .of.i64 = i->options.seed};
		wasmtime_error_t *error = wasmtime_global_set(i->context, &x.of.global, &v);
		if (error) /* an export of that name that is not mewe's */
			wasmtime_error_delete(error);
	}
	wasmtime_extern_delete(&x);
}

static int initialize(Instance *i, Err *e)
{
	HostFunc f;
	Err none;
	uint64_t v[HOST_VALUES];
	if (host_func(i, "_initialize", &f, &none) != 0 || f.nparams != 0)
		return 0;
	int code = host_func_call(&f, v, NULL, e);
	if (!code && i->exited)
		code = err_set(e, MEWE_BAD, "%s: it exits in _initialize, with code %d", i->host->file, i->exit_code);
	return code;
}

int host_start(Host *h, const HostOptions *o, const char *const *argv, Instance **out, Err *e)
{
	Instance *i = xalloc(sizeof *i);
	wasm_trap_t *trap = NULL;
	i->host = h;
	i->options = *o;
	i->inherit = argv != NULL;
	i->draws.s = mix64(o->seed);
	i->guest.s = mix64(~o->guest_seed);
	i->store = wasmtime_store_new(h->engine, i, NULL);
	i->context = wasmtime_store_context(i->store);
	int code = h->needs_wasi ? set_wasi(i, argv, e) : 0;
	if (!code) {
		wasmtime_error_t *error = wasmtime_instance_pre_instantiate(h->pre, i->context, &i->instance, &trap);
		code = ended(i, error, trap, NULL, e);
		if (!code && i->exited)
			code = err_set(e, MEWE_BAD, "%s: it exits in its start function, with code %d", h->file, i->exit_code);
	}
	if (!code && o->seeded)
		set_seed(i);
	if (!code)
		code = initialize(i, e);
	if (code)
		host_drop(i);
	else
		*out = i;
	return code;
}

int host_instance(Host *h, const HostOptions *o, Instance **out, Err *e)
{
	return host_start(h, o, NULL, out, e);
}

void host_drop(Instance *i)
{
	if (!i)
		return;
	wasmtime_store_delete(i->store);
	buf_free(&i->out);
	free(i);
}

/* ---- calls ---- */

/* wasm_valtype_kind() would end the process on a vector. */
static bool kinds(const wasm_valtype_vec_t *v, uint8_t *kind, uint32_t *n)
{
	*n = v->size;
	for (size_t k = 0; k < v->size && k < HOST_VALUES; k++) {
		wasmtime_valtype_t t;
		wasmtime_valtype_new(v->data[k], &t);
		kind[k] = t.kind; /* up to f64, the same numbers as wasm_valkind_t's */
		wasmtime_valtype_delete(&t);
		if (kind[k] > WASM_F64)
			return false;
	}
	return v->size <= HOST_VALUES;
}

int host_func(Instance *i, const char *export, HostFunc *out, Err *e)
{
	wasmtime_extern_t x;
	if (!wasmtime_instance_export_get(i->context, &i->instance, export, strlen(export), &x))
		return err_set(e, MEWE_BAD, "%s: it exports no '%s'", i->host->file, export);
	if (x.kind != WASMTIME_EXTERN_FUNC) {
		wasmtime_extern_delete(&x);
		return err_set(e, MEWE_BAD, "%s: its export '%s' is no function", i->host->file, export);
	}
	*out = (HostFunc){.i = i, .func = x.of.func};
	wasm_functype_t *t = wasmtime_func_type(i->context, &x.of.func);
	bool plain = kinds(wasm_functype_params(t), out->param, &out->nparams) &&
	             kinds(wasm_functype_results(t), out->result, &out->nresults);
	wasm_functype_delete(t);
	return plain ? 0 : err_set(e, MEWE_UNSUPPORTED, "%s: '%s' takes or gives values that are no numbers, or more than %d of them",
	                           i->host->file, export, HOST_VALUES);
}

static bool narrow(uint8_t kind) { return kind == WASM_I32 || kind == WASM_F32; }

int host_func_call(const HostFunc *f, uint64_t *v, int *exit_code, Err *e)
{
	wasmtime_val_raw_t raw[HOST_VALUES];
	wasm_trap_t *trap = NULL;
	uint32_t n = f->nparams > f->nresults ? f->nparams : f->nresults;
	f->i->exited = false;
	for (uint32_t k = 0; k < f->nparams; k++)
		raw[k].i64 = v[k];
	wasmtime_error_t *error = wasmtime_func_call_unchecked(f->i->context, &f->func, raw, n, &trap);
	if (error || trap)
		return ended(f->i, error, trap, exit_code, e);
	for (uint32_t k = 0; k < f->nresults; k++)
		v[k] = narrow(f->result[k]) ? (uint32_t)raw[k].i32 : (uint64_t)raw[k].i64;
	if (exit_code)
		*exit_code = 0;
	return 0;
}

int host_call(Instance *i, const char *export, const uint64_t *args, uint32_t nargs, uint64_t *results, uint32_t nresults,
              int *exit_code, Err *e)
{
	HostFunc f;
	uint64_t v[HOST_VALUES];
	int code = host_func(i, export, &f, e);
	if (code)
		return code;
	if (f.nparams != nargs || f.nresults != nresults)
		return err_set(e, MEWE_BAD, "%s: '%s' takes %u values and gives %u, not %u and %u", i->host->file, export, f.nparams,
		               f.nresults, nargs, nresults);
	if (nargs)
		memcpy(v, args, nargs * sizeof *v);
	code = host_func_call(&f, v, exit_code, e);
	if (!code && nresults)
		memcpy(results, v, nresults * sizeof *v);
	return code;
}

/* ---- what a guest leaves behind ---- */

Bytes host_stdout(Instance *i)
{
	Buf b = {0};
	buf_put(&b, i->out.p, i->out.n);
	return buf_bytes(&b);
}

int host_memory(Instance *i, uint8_t **base, size_t *size)
{
	wasmtime_extern_t x;
	if (!i->has_memory) {
		if (!wasmtime_instance_export_get(i->context, &i->instance, "memory", 6, &x))
			return MEWE_BAD;
		if (x.kind == WASMTIME_EXTERN_MEMORY) {
			i->memory = x.of.memory;
			i->has_memory = true;
		}
		wasmtime_extern_delete(&x);
		if (!i->has_memory)
			return MEWE_BAD;
	}
	*base = wasmtime_memory_data(i->context, &i->memory);
	*size = wasmtime_memory_data_size(i->context, &i->memory);
	return 0;
}

bool host_global(Instance *i, const char *name, wasmtime_valkind_t kind, uint64_t *out)
{
	wasmtime_extern_t x;
	wasmtime_val_t v = {0};
	if (!wasmtime_instance_export_get(i->context, &i->instance, name, strlen(name), &x))
		return false;
	if (x.kind == WASMTIME_EXTERN_GLOBAL)
		wasmtime_global_get(i->context, &x.of.global, &v);
	bool ok = x.kind == WASMTIME_EXTERN_GLOBAL && v.kind == kind;
	wasmtime_extern_delete(&x);
	if (ok)
		*out = kind == WASMTIME_I32 ? (uint32_t)v.of.i32 : (uint64_t)v.of.i64; /* an f64's bits are an i64's */
	else
		wasmtime_val_unroot(&v);
	return ok;
}

static uint32_t u32_at(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The list of chunks that --trace full leaves in the guest's memory, which the guest may have overwritten. */
static int trace_ids(Instance *i, uint64_t at, HostTrace *out, Err *e)
{
	uint8_t *p;
	size_t size, cap = 0;
	if (at != 0 && host_memory(i, &p, &size) != 0)
		return err_set(e, MEWE_BAD, "%s: its trace can't be read: it exports no memory", i->host->file);
	for (size_t chunks = 0; at != 0; chunks++) {
		uint64_t used = at <= size && size - at >= 8 ? u32_at(p + at + 4) : UINT64_MAX;
		if (used > (size - at) / 4 || out->nid + used > size || chunks > size)
			return err_set(e, MEWE_BAD, "%s: its trace is broken at address %llu: the guest has overwritten it", i->host->file,
			               (unsigned long long)at);
		for (uint64_t k = 0; k < used; k++)
			PUSH(out->id, out->nid, cap, u32_at(p + at + 8 + 4 * k));
		at = u32_at(p + at);
	}
	return 0;
}

int host_trace(Instance *i, HostTrace *out, Err *e)
{
	uint64_t bits, at;
	*out = (HostTrace){0};
	if (!host_global(i, "mewe.entry", WASMTIME_I64, &out->entry) || !host_global(i, "mewe.choice", WASMTIME_I64, &out->choice) ||
	    !host_global(i, "mewe.body", WASMTIME_I64, &out->body) || !host_global(i, "mewe.length", WASMTIME_I64, &out->length) ||
	    !host_global(i, "mewe.choices", WASMTIME_I64, &out->choices) ||
	    !host_global(i, "mewe.executed", WASMTIME_I64, &out->executed) || !host_global(i, "mewe.bits", WASMTIME_F64, &bits))
		return err_set(e, MEWE_BAD, "%s: it holds no trace; build it with --trace hash or --trace full", i->host->file);
	memcpy(&out->bits, &bits, sizeof bits);
	int code = host_global(i, "mewe.trace", WASMTIME_I32, &at) ? trace_ids(i, at, out, e) : 0;
	if (code) {
		free(out->id);
		out->id = NULL;
	}
	return code;
}

int host_trace_reset(Instance *i, Err *e)
{
	return host_call(i, "mewe.reset", NULL, 0, NULL, 0, NULL, e);
}
