/* host_wasi.c - what a guest may import.
 * In: a Host with its module. Out: its linker. Must hold: a guest's pointers are checked; standard input and output are
 * buffers in this process (or the process's own), since Wasmtime's own streams cost 20 microseconds a call, more than most of
 * what is measured here. Calls of WASI that are not in the table below are Wasmtime's, in an empty world: no files, no
 * environment. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "host.h"

/* WASI's error numbers. */
enum { W_AGAIN = 6, W_BADF = 8, W_FAULT = 21, W_INVAL = 28, W_IO = 29, W_NOSPC = 51, W_PIPE = 64, W_SPIPE = 70 };

/* A call in progress: the guest's memory, and its arguments as unsigned numbers. */
typedef struct Call {
	Instance *i;
	uint8_t *p;
	size_t n;
	uint64_t a[8];
} Call;

static bool inside(const Call *c, uint64_t at, uint64_t n) { return at <= c->n && n <= c->n - at; }

static void put(uint8_t *p, uint64_t v, int n)
{
	for (int k = 0; k < n; k++)
		p[k] = v >> 8 * k;
}

static uint32_t get(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t from_errno(void)
{
	return errno == EAGAIN ? W_AGAIN : errno == EPIPE ? W_PIPE : errno == ENOSPC ? W_NOSPC : errno == EBADF ? W_BADF : W_IO;
}

static bool is_open(const Call *c) { return c->a[0] <= 2 && !(c->i->closed >> c->a[0] & 1); }

/* ---- streams ---- */

/* Bytes moved, or -1 with errno. */
static ssize_t move_in(Instance *i, uint8_t *p, size_t n)
{
	ssize_t k;
	if (i->inherit) {
		do
			k = read(0, p, n);
		while (k < 0 && errno == EINTR);
		return k;
	}
	size_t left = i->options.ninput - i->in_at;
	n = n < left ? n : left;
	if (n)
		memcpy(p, i->options.input + i->in_at, n);
	i->in_at += n;
	return n;
}

static ssize_t move_out(Instance *i, uint32_t fd, const uint8_t *p, size_t n)
{
	ssize_t k;
	if (i->inherit) {
		do
			k = write(fd, p, n);
		while (k < 0 && errno == EINTR);
		return k;
	}
	if (fd == 1)
		buf_put(&i->out, p, n);
	return n;
}

/* fd_read and fd_write(fd, pieces, number of them, where to put the count) */
static uint32_t stream(Call *c, bool out)
{
	uint64_t done = 0, pieces = c->a[1], n = c->a[2];
	if (!is_open(c) || out != (c->a[0] > 0))
		return W_BADF;
	if (!inside(c, pieces, 8 * n) || !inside(c, c->a[3], 4))
		return W_FAULT;
	for (; n > 0; n--, pieces += 8) {
		uint32_t at = get(c->p + pieces), len = get(c->p + pieces + 4);
		if (!inside(c, at, len))
			return W_FAULT;
		ssize_t k = out ? move_out(c->i, c->a[0], c->p + at, len) : move_in(c->i, c->p + at, len);
		if (k < 0 && done == 0)
			return from_errno();
		done += k > 0 ? k : 0;
		if (k < len)
			break;
	}
	put(c->p + c->a[3], done, 4);
	return 0;
}

static uint32_t fd_read(Call *c) { return stream(c, false); }
static uint32_t fd_write(Call *c) { return stream(c, true); }

static uint32_t fd_close(Call *c)
{
	if (!is_open(c))
		return W_BADF;
	c->i->closed |= 1 << c->a[0];
	return 0;
}

static uint32_t fd_seek(Call *c) { return is_open(c) ? W_SPIPE : W_BADF; }

static uint32_t fd_fdstat_get(Call *c)
{
	enum { CHARACTER_DEVICE = 2, RIGHT_READ = 1 << 1, RIGHT_WRITE = 1 << 6 };
	if (!is_open(c))
		return W_BADF;
	if (!inside(c, c->a[1], 24))
		return W_FAULT;
	uint8_t *p = c->p + c->a[1];
	memset(p, 0, 24);
	p[0] = c->i->inherit && isatty(c->a[0]) ? CHARACTER_DEVICE : 0;
	put(p + 8, c->a[0] == 0 ? RIGHT_READ : RIGHT_WRITE, 8);
	return 0;
}

/* ---- what differs from run to run ---- */

/* With fix_guest, one stream serves all that the instance asks for, in order: the guest's own numbers, and the seed of a
 * discriminator that takes its seed here. */
static uint32_t random_get(Call *c)
{
	uint64_t at = c->a[0], n = c->a[1];
	if (!inside(c, at, n))
		return W_FAULT;
	while (n > 0) {
		uint8_t word[8];
		size_t k = n < sizeof word ? n : sizeof word;
		if (c->i->options.fix_guest) {
			put(word, rng_next(&c->i->guest), 8);
			memcpy(c->p + at, word, k);
		} else {
			ssize_t got = getrandom(c->p + at, n < 256 ? n : 256, 0);
			if (got < 0)
				return W_IO;
			k = got;
		}
		at += k;
		n -= k;
	}
	return 0;
}

/* clock_time_get(id, precision, where to put the nanoseconds); with fix_guest a microsecond passes at each call. */
static uint32_t clock_time_get(Call *c)
{
	static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
	struct timespec t;
	if (c->a[0] >= LEN(ids))
		return W_INVAL;
	if (!inside(c, c->a[2], 8))
		return W_FAULT;
	clock_gettime(ids[c->a[0]], &t);
	c->i->ticks += 1000;
	put(c->p + c->a[2], c->i->options.fix_guest ? c->i->ticks : t.tv_sec * UINT64_C(1000000000) + t.tv_nsec, 8);
	return 0;
}

/* ---- mewe's own ---- */

/* choose(dispatcher, n): what was asked for; else drawn when there is a seed; else the original. Drawn in any case, so that a
 * choice that is forced leaves the others as they are. */
static uint32_t choose(Call *c)
{
	const HostOptions *o = &c->i->options;
	uint32_t n = c->a[1], drawn = n > 0 ? rng_below(&c->i->draws, n) : 0;
	for (uint32_t k = 0; k < o->nchoose; k++)
		if (o->choose[k].dispatcher == c->a[0])
			return o->choose[k].choice;
	return o->seeded ? drawn : 0;
}

static uint64_t seed(Call *c)
{
	uint64_t v;
	if (!c->i->options.seeded && getrandom(&v, sizeof v, 0) == sizeof v)
		return v;
	return rng_next(&c->i->draws);
}

/* ---- the table ---- */

static const struct {
	const char *module, *name, *params; /* i: i32, I: i64 */
	uint32_t (*give)(Call *c);
} table[] = {
	{"wasi_snapshot_preview1", "fd_read", "iiii", fd_read},
	{"wasi_snapshot_preview1", "fd_write", "iiii", fd_write},
	{"wasi_snapshot_preview1", "fd_close", "i", fd_close},
	{"wasi_snapshot_preview1", "fd_seek", "iIii", fd_seek},
	{"wasi_snapshot_preview1", "fd_fdstat_get", "ii", fd_fdstat_get},
	{"wasi_snapshot_preview1", "random_get", "ii", random_get},
	{"wasi_snapshot_preview1", "clock_time_get", "iIi", clock_time_get},
	{"mewe", "choose", "ii", choose},
};

static void call_begin(Call *c, wasmtime_caller_t *caller, const wasmtime_val_raw_t *v, size_t n)
{
	wasmtime_extern_t x;
	c->i = wasmtime_context_get_data(wasmtime_caller_context(caller));
	if (!c->i->has_memory && wasmtime_caller_export_get(caller, "memory", 6, &x)) { /* the instance may still be in its start */
		c->i->has_memory = x.kind == WASMTIME_EXTERN_MEMORY;
		c->i->memory = x.of.memory;
	}
	if (c->i->has_memory) {
		c->p = wasmtime_memory_data(c->i->context, &c->i->memory);
		c->n = wasmtime_memory_data_size(c->i->context, &c->i->memory);
	}
	for (size_t k = 0; k < n && k < LEN(c->a); k++)
		c->a[k] = v[k].i64;
}

static wasm_trap_t *called(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *v, size_t n)
{
	size_t k = (uintptr_t)env;
	Call c = {0};
	call_begin(&c, caller, v, n);
	for (size_t j = 0; table[k].params[j]; j++)
		if (table[k].params[j] == 'i')
			c.a[j] = (uint32_t)c.a[j];
	v[0].i32 = table[k].give(&c);
	return NULL;
}

static wasm_trap_t *called_seed(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *v, size_t n)
{
	(void)env;
	Call c = {0};
	call_begin(&c, caller, v, n);
	v[0].i64 = seed(&c);
	return NULL;
}

static wasm_trap_t *called_exit(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *v, size_t n)
{
	(void)env;
	(void)n;
	Instance *i = wasmtime_context_get_data(wasmtime_caller_context(caller));
	i->exited = true;
	i->exit_code = v[0].i32;
	return wasmtime_trap_new("exit", 4);
}

static wasm_functype_t *functype(const char *params, const char *results)
{
	wasm_valtype_vec_t v[2];
	const char *s[] = {params, results};
	for (int k = 0; k < 2; k++) {
		wasm_valtype_vec_new_uninitialized(&v[k], strlen(s[k]));
		for (size_t j = 0; s[k][j]; j++)
			v[k].data[j] = wasm_valtype_new(s[k][j] == 'i' ? WASM_I32 : WASM_I64);
	}
	return wasm_functype_new(&v[0], &v[1]);
}

static wasmtime_error_t *define(Host *h, const char *module, const char *name, const char *params, const char *results,
                                wasmtime_func_unchecked_callback_t fn, uintptr_t k)
{
	wasm_functype_t *t = functype(params, results);
	wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(h->linker, module, strlen(module), name, strlen(name), t, fn,
	                                                                (void *)k, NULL);
	wasm_functype_delete(t);
	return error;
}

static bool named(const wasm_name_t *n, const char *s) { return n->size == strlen(s) && memcmp(n->data, s, n->size) == 0; }

/* Is it an import that is not in the table? */
static bool foreign(const wasm_importtype_t *t)
{
	if (!named(wasm_importtype_module(t), "wasi_snapshot_preview1") || named(wasm_importtype_name(t), "proc_exit"))
		return false;
	for (size_t k = 0; k < LEN(table); k++)
		if (named(wasm_importtype_name(t), table[k].name))
			return false;
	return true;
}

int host_imports(Host *h, Err *e)
{
	wasm_importtype_vec_t imports;
	wasmtime_error_t *error;
	h->linker = wasmtime_linker_new(h->engine);
	wasmtime_linker_allow_shadowing(h->linker, true);
	wasmtime_module_imports(h->module, &imports);
	for (size_t k = 0; k < imports.size; k++)
		h->needs_wasi |= foreign(imports.data[k]);
	wasm_importtype_vec_delete(&imports);
	error = h->needs_wasi ? wasmtime_linker_define_wasi(h->linker) : NULL;
	for (size_t k = 0; !error && k < LEN(table); k++)
		error = define(h, table[k].module, table[k].name, table[k].params, "i", called, k);
	if (!error)
		error = define(h, "wasi_snapshot_preview1", "proc_exit", "i", "", called_exit, 0);
	if (!error)
		error = define(h, "mewe", "seed", "", "I", called_seed, 0);
	return error ? engine_error(h->file, error, "the engine can't run it", e) : 0;
}
