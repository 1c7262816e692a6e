/* stages.c - what is done to a module, each step a benchmark: compiling it, instantiating it, asking it, reading, writing, digesting
 * and verifying it; and, of the original alone, the pipeline from the search on.
 * In: a service's name, the name of the build, the original, the module. Out: rows time_ns in FILE, the benchmark's name as phase.
 * Holds: names are the same for all builds, so that rows, and Google Benchmark's JSON by its compare.py, pair. Times are those that
 * pass: compilers and provers have threads and processes of their own.
 * Must hold: nothing is timed that fails. */
#include <stdlib.h>
#include <string.h>
#include "bench.h"
#include "measure.h"

typedef struct Stages {
	const char *service, *config;
	Guest original, module;        /* the same file twice for the original */
	bool is_original;
	Rows rows;
} Stages;

typedef int Step(const Stages *s, Err *e);

/* ---- one turn of each ------------------------------------------------------------------------------------------------ */

static int compile(const Stages *s, Maker maker, Err *e)
{
	Host *h;
	int code = host_open_by(maker, false, s->module.path, s->module.wasm.p, s->module.wasm.n, &h, e);
	if (!code)
		host_close(h);
	return code;
}

static int compile_cranelift(const Stages *s, Err *e) { return compile(s, MAKER_CRANELIFT, e); }
static int compile_winch(const Stages *s, Err *e) { return compile(s, MAKER_WINCH, e); }

static int instantiate(Host *h, Err *e)
{
	static const HostOptions plain;
	Instance *i;
	int code = host_instance(h, &plain, &i, e);
	if (!code)
		host_drop(i);
	return code;
}

/* All that a process has to do that was just started. */
static int instantiate_cold(const Stages *s, Err *e)
{
	Host *h;
	int code = host_open(s->module.path, s->module.wasm.p, s->module.wasm.n, &h, e);
	if (code)
		return code;
	code = instantiate(h, e);
	host_close(h);
	return code;
}

static int instantiate_warm(const Stages *s, Err *e) { return instantiate(s->module.host, e); }

/* With the first answer, the seeding in it. */
static int request_fresh(const Stages *s, Err *e)
{
	static const HostOptions plain;
	Instance *i = guest_fresh(&s->module, &plain, 0);
	HostFunc serve = guest_serve(i);
	int32_t n = guest_run(&serve);
	host_drop(i);
	return n > 0 ? 0 : err_set(e, MEWE_BAD, "%s: it answers %d", s->module.path, n);
}

static int read_stage(const Stages *s, Err *e)
{
	Mod *m;
	int code = read_module(s->module.path, s->module.wasm.p, s->module.wasm.n, &m, e);
	if (!code)
		read_free(m);
	return code;
}

static int code_stage(const Stages *s, Err *e)
{
	Code *code;
	int failed = survive_code(s->module.path, s->module.wasm.p, s->module.wasm.n, NULL, &code, e);
	if (!failed)
		free(code);
	return failed;
}

static int verify_stage(const Stages *s, Err *e)
{
	const Guest *a = &s->original, *b = &s->module;
	Bytes found = {0};
	int code = mewe_verify(a->path, a->wasm.p, a->wasm.n, b->path, b->wasm.p, b->wasm.n, false, 1, NULL, NULL, &found, NULL, e);
	free(found.p);
	return code ? err_set(e, code, "%s: verify ends with code %d", b->path, code) : 0;
}

/* ---- turns that go on from what was made before ----------------------------------------------------------------------- */

static void loop(BenchState *b, int (*turn)(void *what, Err *e), void *what)
{
	Err e = {0};
	while (bench_next(b))
		if (turn(what, &e)) {
			bench_fail(b, e.text);
			return;
		}
}

static int serve_turn(void *what, Err *e)
{
	int32_t n = guest_run(what);
	return n > 0 ? 0 : err_set(e, MEWE_BAD, "it answers %d", n);
}

static void request_warm(BenchState *b, void *ctx)
{
	static const HostOptions plain;
	const Stages *s = ctx;
	Instance *i = guest_fresh(&s->module, &plain, 0);
	HostFunc serve = guest_serve(i);
	loop(b, serve_turn, &serve);
	host_drop(i);
}

static int write_turn(void *what, Err *e)
{
	Bytes out;
	int code = write_module(what, NULL, &out, e);
	if (!code)
		free(out.p);
	return code;
}

static void write_stage(BenchState *b, void *ctx)
{
	const Stages *s = ctx;
	Mod *m;
	Err e = {0};
	if (read_module(s->module.path, s->module.wasm.p, s->module.wasm.n, &m, &e)) {
		bench_fail(b, e.text);
		return;
	}
	loop(b, write_turn, m);
	read_free(m);
}

/* ---- the pipeline ----------------------------------------------------------------------------------------------------- */

static Build new_build(const Stages *s, const Options *o)
{
	return (Build){.o = o, .file = s->original.path, .in = s->original.wasm.p, .nin = s->original.wasm.n};
}

static int search_stage(const Stages *s, Err *e)
{
	Options o;
	mewe_options_default(&o);
	Build b = new_build(s, &o);
	int code = pipeline_search(&b, e);
	pipeline_free(&b, NULL);
	return code;
}

static int choose_turn(void *what, Err *e) { return pipeline_choose(what, e); }

static int emit_turn(void *what, Err *e)
{
	Bytes out;
	int code = pipeline_emit(what, MEWE_TRACE_OFF, &out, e);
	if (!code)
		free(out.p);
	return code;
}

static void after_search(BenchState *b, const Stages *s, bool emit)
{
	Options o;
	Err e = {0};
	mewe_options_default(&o);
	Build build = new_build(s, &o);
	if (pipeline_search(&build, &e) || (emit && pipeline_choose(&build, &e)))
		bench_fail(b, e.text);
	else
		loop(b, emit ? emit_turn : choose_turn, &build);
	pipeline_free(&build, NULL);
}

static void choose_stage(BenchState *b, void *ctx) { after_search(b, ctx, false); }
static void emit_stage(BenchState *b, void *ctx) { after_search(b, ctx, true); }

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

typedef struct Named {
	const char *name;
	Step *step;                    /* once is one turn */
	void (*run)(BenchState *b, void *ctx); /* or this, which loops itself */
	bool pipeline;                 /* of the original only */
	const Stages *s;
} Named;

static Named list[] = {
	{.name = "compile-cranelift", .step = compile_cranelift}, {.name = "compile-winch", .step = compile_winch},
	{.name = "instantiate-cold", .step = instantiate_cold}, {.name = "instantiate-warm", .step = instantiate_warm},
	{.name = "request-fresh", .step = request_fresh}, {.name = "request-warm", .run = request_warm},
	{.name = "read", .step = read_stage}, {.name = "write", .run = write_stage}, {.name = "code", .step = code_stage},
	{.name = "verify", .step = verify_stage},
	{.name = "search", .step = search_stage, .pipeline = true}, {.name = "choose", .run = choose_stage, .pipeline = true},
	{.name = "emit", .run = emit_stage, .pipeline = true},
};

static int step_turn(void *what, Err *e)
{
	const Named *n = what;
	return n->step(n->s, e);
}

static void stepping(BenchState *b, void *ctx) { loop(b, step_turn, ctx); }

static void told(void *ctx, const BenchRun *r)
{
	Stages *s = ctx;
	guest_rows(&s->module, &s->rows, s->is_original ? "original" : "multivariant", s->config, r->name);
	s->rows.iteration = r->repetition;
	rows_real(&s->rows, "time_ns", r->real_ns);
}

int main(int argc, char **argv)
{
	static const char *const defaults[] = {"--benchmark_repetitions=7", "--benchmark_min_time=0.02", NULL};
	if (argc < 6)
		die(MEWE_BAD, "usage: stages SERVICE CONFIG ORIGINAL MODULE FILE.csv [--benchmark_...]");
	Stages s = {.service = argv[1], .config = argv[2], .original = guest_open(argv[3]), .module = guest_open(argv[4]),
	            .is_original = strcmp(argv[2], "original") == 0};
	const char *path = argv[5];
	s.rows = (Rows){.service = s.service, .profile = "release", .input = "valid", .strategy = "rewrite+reorder"};
	rows_begin(&s.rows);
	for (size_t i = 0; i < LEN(list); i++) {
		list[i].s = &s;
		if (list[i].run && (s.is_original || !list[i].pipeline))
			bench_add(list[i].name, BENCH_REAL, list[i].run, &s);
		else if (s.is_original || !list[i].pipeline)
			bench_add(list[i].name, BENCH_REAL, stepping, &list[i]);
	}
	bench_context("module", s.module.path);
	argv[5] = argv[0];
	int code = bench_main(argc - 5, argv + 5, defaults, told, &s);
	if (code == 0)
		rows_end(&s.rows, path);
	guest_close(&s.module);
	guest_close(&s.original);
	return code;
}
