/* choice.c - what one choice of 16 costs: a loop of calls of one small function, which has a dispatcher or has none.
 * In: options of Google Benchmark. Out: rows time_ns in FILE, of one call: for each engine and repetition the original's (twice, as
 * `original` and `original-again`: what differs there is noise), and each form of dispatch with each discriminator. The variants are
 * copies, so that nothing differs but how they are chosen.
 * Further, `call-chacha-still` is `call-chacha` with the choice drawn but multiplied by a global that is 0: what is left over to
 * call-chacha is the mispredicted jump.
 * Must hold: each loop gives what the original's gives. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"
#include "measure.h"

enum { CHOICES = 16, BATCH = 4096, CASES_MAX = 64 };

static const char loop_wat[] =
	"(module (import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i32) (result i32)))"
	" (memory (export \"memory\") 1)"
	" (global (export \"zero\") (mut i32) (i32.const 0))"
	" (func $f (param i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const 5)) (i32.const 1)))"
	" (func (export \"run\") (param $n i32) (result i32) (local $x i32)"
	"  (loop $next"
	"   (local.set $x (call $f (local.get $x)))"
	"   (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
	"  (local.get $x)))";

typedef struct Loop {
	Bytes wasm;
	char *config;
} Loop;

typedef struct Case {
	const Loop *loop;
	const char *runtime;
	char *name;                    /* RUNTIME/CONFIG */
	Host *host;
	Instance *instance;
	HostFunc run;
} Case;

typedef struct Choice {
	Case c[CASES_MAX];
	uint32_t n;
	Rows rows;
} Choice;

/* ---- the modules --------------------------------------------------------------------------------------------------- */

static Bytes build(const Bytes *loop, enum mewe_dispatch dispatch, enum mewe_discriminator discriminator)
{
	Options o;
	Bytes out;
	Err e = {0};
	mewe_options_default(&o);
	o.strategies = "copy";
	o.functions = "f";
	o.variants = CHOICES;
	o.dispatch = dispatch;
	o.discriminator = discriminator;
	o.jobs = 1;
	check(mewe_build("loop.wat", loop->p, loop->n, &o, &out, NULL, &e), &e);
	return out;
}

static bool find_table(void *ctx, Expr e, uint32_t index)
{
	(void)index;
	if (walk_kind(e) != K_Switch)
		return true;
	*(Expr *)ctx = e;
	return false;
}

/* The same module with a choice that is drawn and then always 0, which the compiler can't know. */
static Bytes still(const Bytes *wasm)
{
	Mod *m;
	Bytes out;
	Err e = {0};
	Expr table = NULL;
	check(read_module("still.wasm", wasm->p, wasm->n, &m, &e), &e);
	const char *zero = BinaryenGlobalGetName(BinaryenGetGlobalByIndex(m->ref, 0));
	walk_each(BinaryenFunctionGetBody(m->func[0].ref), find_table, &table);
	if (!table)
		die(MEWE_BAD, "still.wasm: there is no dispatcher");
	BinaryenSwitchSetCondition(table, BinaryenBinary(m->ref, BinaryenMulInt32(), BinaryenSwitchGetCondition(table),
	                                                 BinaryenGlobalGet(m->ref, zero, BinaryenTypeInt32())));
	check(write_module(m, NULL, &out, &e), &e);
	read_free(m);
	return out;
}

static uint32_t make_loops(Loop *out)
{
	static const struct { enum mewe_dispatch dispatch; const char *name; } forms[] = {
		{MEWE_CALL, "call"}, {MEWE_REQUEST, "request"}, {MEWE_SITE, "site"}};
	static const struct { enum mewe_discriminator discriminator; const char *name; } draws[] = {
		{MEWE_CHACHA, "chacha"}, {MEWE_FIXED, "fixed"}, {MEWE_XORSHIFT, "xorshift"}, {MEWE_WASI, "wasi"}, {MEWE_HOST, "host"},
		{MEWE_NONE, "none"}};
	uint32_t n = 0;
	Bytes loop;
	Err e = {0};
	check(read_wasm("loop.wat", (const uint8_t *)loop_wat, sizeof loop_wat - 1, &loop, &e), &e);
	out[n++] = (Loop){loop, xstrdup("original")};
	out[n++] = (Loop){loop, xstrdup("original-again")};
	for (size_t i = 0; i < LEN(forms); i++)
		for (size_t k = 0; k < LEN(draws); k++)
			out[n++] = (Loop){build(&loop, forms[i].dispatch, draws[k].discriminator), xprintf("%s-%s", forms[i].name, draws[k].name)};
	out[n] = (Loop){still(&out[2].wasm), xprintf("%s-still", out[2].config)};
	return n + 1;
}

/* ---- running them --------------------------------------------------------------------------------------------------- */

static int32_t run(const Case *c, Err *e)
{
	uint64_t v[HOST_VALUES] = {BATCH};
	return host_func_call(&c->run, v, NULL, e) ? -1 : (int32_t)v[0];
}

static void timed(BenchState *s, void *ctx)
{
	const Case *c = ctx;
	int32_t want = 0;
	Err e = {0};
	for (uint32_t i = 0; i < BATCH; i++)
		want = (int32_t)((uint32_t)want * 5 + 1);
	while (bench_batch(s, BATCH))
		if (run(c, &e) != want) {
			bench_fail(s, e.code ? e.text : "it does not give what the original gives");
			return;
		}
}

static void open_case(Choice *all, const Loop *l, Maker maker)
{
	static const HostOptions plain;
	Case *c = &all->c[all->n++];
	const char *engine = maker == MAKER_WINCH ? "winch" : "cranelift";
	Err e = {0};
	*c = (Case){.loop = l, .runtime = maker == MAKER_WINCH ? "wasmtime-winch" : "wasmtime-cranelift"};
	c->name = xprintf("%s/%s", engine, l->config);
	check(host_open_by(maker, false, l->config, l->wasm.p, l->wasm.n, &c->host, &e), &e);
	check(host_instance(c->host, &plain, &c->instance, &e), &e);
	check(host_func(c->instance, "run", &c->run, &e), &e);
	bench_add(c->name, BENCH_CPU, timed, c);
}

static void told(void *ctx, const BenchRun *r)
{
	Choice *all = ctx;
	for (uint32_t i = 0; i < all->n; i++) {
		const Case *c = &all->c[i];
		if (strcmp(c->name, r->name) != 0)
			continue;
		bool original = strncmp(c->loop->config, "original", 8) == 0;
		all->rows.runtime = c->runtime;
		all->rows.build = original ? "original" : "multivariant";
		all->rows.config = c->loop->config;
		all->rows.phase = "execute";
		all->rows.iteration = r->repetition;
		snprintf(all->rows.module, sizeof all->rows.module, "%016" PRIx64, digest(c->loop->wasm.p, c->loop->wasm.n).a);
		rows_real(&all->rows, "time_ns", r->cpu_ns);
	}
}

int main(int argc, char **argv)
{
	static const char *const defaults[] = {"--benchmark_repetitions=15", "--benchmark_min_time=0.02", NULL};
	static Choice all = {.rows = {.service = "choice", .profile = "choice", .input = "16", .strategy = "copy"}};
	static Loop loop[CASES_MAX / 2];
	if (argc < 2 || strncmp(argv[1], "--", 2) == 0)
		die(MEWE_BAD, "usage: choice FILE.csv [--benchmark_...]");
	const char *path = argv[1];
	argv[1] = argv[0];
	rows_begin(&all.rows);
	uint32_t n = make_loops(loop);
	for (uint32_t i = 0; i < n; i++)
		for (Maker maker = MAKER_CRANELIFT; maker <= MAKER_WINCH; maker++)
			open_case(&all, &loop[i], maker);
	bench_context("runtime_version", WASMTIME_VERSION);
	int code = bench_main(argc - 1, argv + 1, defaults, told, &all);
	if (code == 0)
		rows_end(&all.rows, path);
	return code;
}
