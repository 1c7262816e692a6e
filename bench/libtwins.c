/* libtwins.c - do a traced build and its twin without a trace draw the same choices?
 * In: both, built with --discriminator host. Out: for each seed and build a row `choice_trace`, here the hash of the log of
 * mewe.choose's arguments and answers, and a row `choices`, its length. Equal rows show that what the traces count is what
 * the timed builds do. */
#include <stdlib.h>
#include <string.h>
#include "measure.h"

typedef struct Log {
	Rng draws;
	uint64_t hash, n;
} Log;

static wasm_trap_t *choose(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *v, size_t n)
{
	(void)caller, (void)n;
	Log *log = env;
	uint32_t dispatcher = v[0].i32, of = v[1].i32, choice = of ? rng_below(&log->draws, of) : 0;
	log->hash = mix64(log->hash ^ ((uint64_t)dispatcher << 32 | of));
	log->hash = mix64(log->hash + choice);
	log->n++;
	v[0].i32 = choice;
	return NULL;
}

/* The same host with mewe.choose answered by ours. */
static void listen(Guest *g, Log *log)
{
	wasm_functype_t *t = wasm_functype_new_2_1(wasm_valtype_new_i32(), wasm_valtype_new_i32(), wasm_valtype_new_i32());
	wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(g->host->linker, "mewe", 4, "choose", 6, t, choose, log, NULL);
	Err e = {0};
	wasm_functype_delete(t);
	if (!error) {
		wasmtime_instance_pre_delete(g->host->pre);
		g->host->pre = NULL;
		error = wasmtime_linker_instantiate_pre(g->host->linker, g->host->module, &g->host->pre);
	}
	if (error)
		check(engine_error(g->path, error, "it must be built with --discriminator host", &e), &e);
}

void measure_twins(const Plan *p, Rows *r)
{
	const char *path[] = {p->off, p->hash};
	Guest original = guest_open(p->original);
	Answer want = guest_reference(&original, p->input);
	for (size_t b = 0; b < LEN(path); b++) {
		Guest g = guest_open(path[b]);
		Log log = {0};
		listen(&g, &log);
		guest_rows(&g, r, "multivariant", p->config, "execute");
		for (uint32_t k = 0; k < p->count; k++) {
			HostOptions o = {.fix_guest = true};
			log = (Log){.draws.s = mix64(k)};
			Instance *i = guest_fresh(&g, &o, p->input);
			HostFunc serve = guest_serve(i);
			int32_t n = guest_run(&serve);
			Log of_request = log; /* output() draws, too, where it is a request of its own */
			if (!guest_answered(i, n, &want))
				die(MEWE_DIFFERS, "%s: seed %u: its answer is not the original's", path[b], k);
			host_drop(i);
			r->seed = r->iteration = k;
			rows_hash(r, "choice_trace", of_request.hash);
			rows_int(r, "choices", of_request.n);
			progress(path[b], k + 1, p->count);
		}
		guest_close(&g);
	}
	free(want.p);
	guest_close(&original);
}
