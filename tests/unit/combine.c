/* combine.c - dispatchers, bodies, wrappers and traces, made from variants whose results tell which of them ran.
 * Variant k of a function with an i32 result gives 1000 k more than the original; the others are copies.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"
#include "check.h"

static void die(const char *what, const Err *e)
{
	printf("not ok %s: %s\n", what, e->text);
	exit(1);
}

/* ---- a build of our own ---- */

static uint32_t count(const Site *s) { return s->kind == SITE_BODY ? 4094 : 0; }

static bool propose(const Site *s, uint32_t n, uint64_t seed, Proposal *out)
{
	Ref m = s->body->mod->ref;
	Expr body = BinaryenExpressionCopy(s->expr, m);
	(void)seed;
	if (s->body->results == BinaryenTypeInt32())
		body = BinaryenBinary(m, BinaryenAddInt32(), body, BinaryenConst(m, BinaryenLiteralInt32(1000 * (n + 1))));
	*out = (Proposal){.rule = "test", .expr = body};
	return true;
}

static const Strategy telling = {"telling", "", V_PROVED, NULL, NULL, NULL, count, propose};

static void add_row(Variants *v, Dispatcher *d, uint32_t site, uint32_t k)
{
	d->row[k - 1] = v->n;
	PUSH(v->v, v->n, v->cap, ((Variant){.site = site, .func = d->func, .strategy = &telling, .n = k - 1, .kept = true, .place = k}));
}

/* Dispatch each function whose name begins with `d`, with n bodies; class of body k is k / 2. */
static void choose(const Sites *s, uint32_t n, Variants *v, Dispatchers *out)
{
	uint32_t cap = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->site[i].kind != SITE_BODY || s->site[i].body->name[0] != 'd')
			continue;
		Dispatcher d = {.func = s->site[i].func, .id = s->site[i].func, .n = n, .row = xalloc(n * sizeof *d.row), .klass = xalloc(n * sizeof *d.klass)};
		for (uint32_t k = 1; k < n; k++)
			add_row(v, &d, i, k);
		for (uint32_t k = 0; k < n; k++)
			d.klass[k] = k / 2;
		PUSH(out->d, out->n, cap, d);
	}
}

typedef struct Made {
	Bytes wasm;
	uint32_t norig;
} Made;

static Made make_it(const char *wat, uint32_t n, const Options *o)
{
	Made made = {0};
	Bytes in;
	Mod *m;
	Sites s;
	Variants v = {0};
	Dispatchers d = {0};
	Shape shape;
	Err e;
	if (read_wasm("test.wat", (const uint8_t *)wat, strlen(wat), &in, &e) || read_module("test.wat", in.p, in.n, &m, &e) ||
	    discriminator_shape(m, o, &shape, &e) || site_find(m, o, &s, &e))
		die("the test's own text", &e);
	made.norig = m->nfunc;
	if (n > 1)
		choose(&s, n, &v, &d);
	if (combine_all(m, &s, &v, &d, &shape, o, &e) || instrument_all(m, &d, &shape, made.norig, &e) ||
	    write_module(m, NULL, &made.wasm, &e))
		die("combine", &e);
	free(v.v);
	select_free(&d);
	site_free(&s);
	read_free(m);
	free(in.p);
	return made;
}

static Mod *again(const Made *made)
{
	Mod *m;
	Err e;
	if (read_module("made.wasm", made->wasm.p, made->wasm.n, &m, &e))
		die("reading back", &e);
	return m;
}

typedef struct Run {
	Host *h;
	Instance *i;
} Run;

static Run start(const Made *made, const HostOptions *o)
{
	Run r;
	Err e;
	if (host_open("made.wasm", made->wasm.p, made->wasm.n, &r.h, &e) || host_instance(r.h, o, &r.i, &e))
		die("start", &e);
	return r;
}

static void stop(Run *r)
{
	host_drop(r->i);
	host_close(r->h);
}

static uint64_t call(Run *r, const char *name, uint64_t arg, uint32_t nargs, uint32_t nresults)
{
	uint64_t results[4] = {0};
	Err e;
	if (host_call(r->i, name, &arg, nargs, results, nresults, NULL, &e))
		die(name, &e);
	return results[nresults > 1 ? nresults - 1 : 0];
}

static Options defaults(enum mewe_discriminator d)
{
	Options o;
	mewe_options_default(&o);
	o.discriminator = d;
	return o;
}

/* ---- places ---- */

static const char places_wat[] =
	"(module (import \"mewe\" \"entry\" (func $entry)) (import \"mewe\" \"choices\" (func $choices (result i64)))"
	" (memory (export \"memory\") 1) (table (export \"table\") 3 funcref) (elem (i32.const 0) $done $plain $dtwo)"
	" (global $x (mut i32) (i32.const 0)) (global (export \"ref\") funcref (ref.func $done)) (start $dstart)"
	" (func $done (export \"one\") (param i32) (result i32) (local i64 f32) (local.set 1 (i64.const 3)) (i32.add (local.get 0) (i32.const 1)))"
	" (func $plain (export \"plain\") (param i32) (result i32) (drop (ref.func $done)) (call $done (local.get 0)))"
	" (func $dtwo (export \"two\") (param i32 i64 f32 f64) (call $entry) (global.set $x (local.get 0)))"
	" (func $dstart (drop (call $choices)))"
	" (func (export \"pair\") (result i32 i64) (call $dpair))"
	" (func $dpair (export \"dpair\") (result i32 i64) (i32.const 5) (i64.const 7))"
	" (func $drec (export \"rec\") (param i32) (result i32) (if (result i32) (local.get 0)"
	"  (then (call $drec (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0)))))";

static bool name_is(const Mod *m, uint32_t ordinal, const char *name)
{
	return ordinal < m->nfunc && strcmp(m->func[ordinal].name, name) == 0;
}

/* Ordinals: originals, resolved imports, the discriminator, bodies by dispatcher, wrappers. */
static void places(void)
{
	Options o = defaults(MEWE_CHACHA);
	Made made = make_it(places_wat, 3, &o);
	Mod *m = again(&made);
	static const char *const first[] = {"done", "plain", "dtwo", "dstart", NULL, "dpair", "drec", "entry", "choices"};
	bool good = made.norig == 7;
	for (uint32_t i = 0; i < LEN(first); i++)
		good &= !first[i] || name_is(m, i, first[i]);
	check("places: originals keep their ordinals; resolved imports follow", good, "they do not");
	uint32_t body = read_ordinal(m, "done.mewe.0"), wrap = read_ordinal(m, "mewe.request.3");
	static const char *const bodies[] = {"done", "dtwo", "dstart", "dpair", "drec"};
	good = body != NONE && body > read_ordinal(m, "mewe.ready");
	for (uint32_t i = 0; i < 15; i++) {
		char *name = xprintf("%s.mewe.%u", bodies[i / 3], i % 3);
		good &= name_is(m, body + i, name);
		free(name);
	}
	check("places: the discriminator, then bodies by dispatcher, then wrappers", good && wrap == body + 15, "they are not");
	good = true;
	for (uint32_t i = 0; i < made.norig; i++) /* dpair's comes from reading several results */
		good &= m->func[i].name[0] != 'd' || name_is(m, i, "dpair") || BinaryenFunctionGetNumVars(m->func[i].ref) == 0;
	check("places: dispatchers have no locals", good, "one has");
	static const char *const exports[] = {"memory", "table", "ref", "one", "plain", "two", "pair", "dpair", "rec"};
	good = m->scan.nexports == LEN(exports);
	for (uint32_t i = 0; good && i < LEN(exports); i++)
		good &= strcmp(m->scan.exports[i].name, exports[i]) == 0;
	check("places: exports keep names and order", good, "they do not");
	check("places: start is the dispatcher", m->scan.start == m->nimp + 3, "it is not");
	read_free(m);
	free(made.wasm.p);
}

/* Every way to a function goes through its dispatcher; a choice out of range is the original. */
static void ways(void)
{
	Options o = defaults(MEWE_HOST);
	Made made = make_it(places_wat, 3, &o);
	bool export = true, direct = true, recursive = true;
	for (uint32_t k = 0; k < 5; k++) {
		uint32_t want = k < 3 ? 1000 * k : 0;
		HostChoice c[] = {{0, k}, {6, k}};
		Run r = start(&made, &(HostOptions){.choose = c, .nchoose = 2});
		export &= call(&r, "one", 5, 1, 1) == 6 + want;
		direct &= call(&r, "plain", 5, 1, 1) == 6 + want;
		recursive &= call(&r, "rec", 9, 1, 1) == 10 * want;
		stop(&r);
	}
	check("ways: an export", export, "wrong variant");
	check("ways: a direct call", direct, "wrong variant");
	check("ways: a variant's own recursion", recursive, "wrong variant");
	Run r = start(&made, &(HostOptions){0});
	check("ways: several results", call(&r, "pair", 0, 0, 2) == 7 && call(&r, "dpair", 0, 0, 2) == 7, "wrong value");
	stop(&r);
	free(made.wasm.p);
	o.dispatch = MEWE_REQUEST;
	made = make_it(places_wat, 3, &o);
	r = start(&made, &(HostOptions){.choose = (HostChoice[]){{0, 2}, {6, 1}}, .nchoose = 2});
	check("ways: one vector for a request", call(&r, "one", 5, 1, 1) == 2006 && call(&r, "plain", 5, 1, 1) == 2006 &&
	      call(&r, "rec", 3, 1, 1) == 4000 && call(&r, "dpair", 0, 0, 2) == 7, "wrong variant");
	stop(&r);
	free(made.wasm.p);
}

/* Guests that have names like ours, and an export under two names. */
static void names(void)
{
	static const char wat[] =
		"(module (global $mewe.pool (mut i32) (i32.const 40)) (func $mewe.draw (result i32) (global.get $mewe.pool))"
		" (func $d.mewe.0 (export \"a\") (export \"b\") (result i32) (i32.add (call $mewe.draw) (i32.const 2))))";
	Options o = defaults(MEWE_FIXED);
	o.dispatch = MEWE_REQUEST;
	o.trace = MEWE_TRACE_HASH;
	Made made = make_it(wat, 2, &o);
	Mod *m = again(&made);
	check("names: ours give way", read_ordinal(m, "mewe1.ready") != NONE && read_ordinal(m, "d.mewe.0.mewe1.1") != NONE, "they do not");
	read_free(m);
	Run r = start(&made, &(HostOptions){0});
	bool good = true, seen[2] = {0};
	for (int i = 0; i < 40; i++) {
		uint64_t x = call(&r, i & 1 ? "a" : "b", 0, 0, 1);
		good &= x == 42 || x == 1042;
		seen[x == 1042] = true;
	}
	check("names: and both of two names for an export are requests", good && seen[0] && seen[1], "wrong results");
	stop(&r);
	free(made.wasm.p);
}

/* ---- traces ---- */

static const char trace_wat[] =
	"(module (memory (export \"memory\") 1)"
	" (func $done (param i32) (result i32) (local.get 0))"
	" (func $plain (param i32) (result i32) (call $done (local.get 0)))"
	" (func $run (export \"run\") (param i32) (result i32) (local i32)"
	"  (loop $l (local.set 1 (i32.add (local.get 1) (call $plain (i32.const 0))))"
	"   (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))"
	"  (drop (call $dlast)) (local.get 1))"
	" (func $dlast (result i32) (i32.const 0)))";

static uint64_t hash_of(const uint32_t *id, size_t n)
{
	uint64_t h = 0;
	for (size_t i = 0; i < n; i++)
		h = mix64(h + 0x9e3779b97f4a7c15 + id[i]);
	return h;
}

/* A run of `times` calls of done, each with choice k, then one of dlast, also with k: what has to be recorded. */
static void traced_run(Run *r, const char *what, uint32_t times, uint32_t k, bool request)
{
	uint32_t n = 1 + 3 * times + 2, c = times + 1, *entry = xalloc(n * sizeof *entry), *body = xalloc(n * sizeof *body),
	         *choice = xalloc(c * sizeof *choice), m = 0;
	HostTrace t;
	Err e;
	if (host_trace_reset(r->i, &e))
		die(what, &e);
	uint64_t result = call(r, "run", times, 1, 1);
	if (host_trace(r->i, &t, &e))
		die(what, &e);
	entry[m++] = TRACE_ID(2, 0);
	for (uint32_t i = 0; i < times; i++) {
		entry[m++] = TRACE_ID(1, 0);
		entry[m++] = TRACE_ID(0, 0);
		entry[m++] = TRACE_ID(0, k + 1);
		choice[i] = 0 << 12 | (k + 1);
	}
	entry[m++] = TRACE_ID(3, 0);
	entry[m++] = TRACE_ID(3, k + 1);
	for (uint32_t i = 0; i < n; i++)
		body[i] = entry[i] & 0xfff ? (entry[i] & ~0xfffu) | (k / 2 + 1) : entry[i];
	if (request)
		c = 2;
	choice[c - 1] = 1 << 12 | (k + 1);
	bool good = result == (uint64_t)times * 1000 * k && t.length == n && t.entry == hash_of(entry, n) && t.body == hash_of(body, n);
	check(what, good, "entry or body trace");
	check(what, t.choices == c && t.choice == hash_of(choice, c) && t.executed == 2 && fabs(t.bits - c * log2(5)) < 1e-9 * c, "choices");
	check(what, t.nid == n && memcmp(t.id, entry, n * sizeof *entry) == 0, "ids");
	free(t.id);
	free(entry);
	free(body);
	free(choice);
}

static void traces(void)
{
	for (int request = 0; request < 2; request++) {
		Options o = defaults(MEWE_HOST);
		o.trace = MEWE_TRACE_FULL;
		o.dispatch = request;
		Made made = make_it(trace_wat, 5, &o);
		for (uint32_t k = 0; k < 5; k += 3) {
			Run r = start(&made, &(HostOptions){.choose = (HostChoice[]){{0, k}, {3, k}}, .nchoose = 2});
			traced_run(&r, "trace: short", 3, k, request);
			traced_run(&r, "trace: several chunks", 20000, k, request);
			traced_run(&r, "trace: short again, over old chunks", 2, k, request);
			traced_run(&r, "trace: several chunks again", 12000, k, request);
			stop(&r);
		}
		free(made.wasm.p);
	}
}

/* Memory that can't grow: ids stop, counts go on. And a memory that is full from the start. */
static void growth(void)
{
	Options o = defaults(MEWE_HOST);
	o.trace = MEWE_TRACE_FULL;
	const char *end = strstr(trace_wat, ") 1)") + 3;
	char *text = xprintf("%.*s 2%s", (int)(end - trace_wat), trace_wat, end);
	Made made = make_it(text, 5, &o);
	Run r = start(&made, &(HostOptions){0});
	HostTrace t;
	Err e;
	call(&r, "run", 10000, 1, 1);
	if (host_trace(r.i, &t, &e))
		die("growth", &e);
	check("growth: ids stop when memory does, and counting goes on", t.nid == 16382 && t.length == 30003, "they do not");
	free(t.id);
	traced_run(&r, "growth: and they start again after a reset", 5, 0, false);
	stop(&r);
	free(made.wasm.p);
	free(text);
}

/* A request that nothing resets: each entry draws, so each counts. */
static void requests(void)
{
	Options o = defaults(MEWE_HOST);
	o.trace = MEWE_TRACE_HASH;
	o.dispatch = MEWE_REQUEST;
	Made made = make_it(trace_wat, 5, &o);
	Run r = start(&made, &(HostOptions){0});
	HostTrace t;
	Err e;
	call(&r, "run", 7, 1, 1);
	call(&r, "run", 7, 1, 1);
	if (host_trace(r.i, &t, &e))
		die("requests", &e);
	check("requests: a dispatcher's choice counts once in each", t.choices == 4 && t.executed == 2 && t.nid == 0, "it does not");
	stop(&r);
	free(made.wasm.p);
}

/* ---- a guest's imports ---- */

static const char guest_wat[] =
	"(module (import \"mewe\" \"choices\" (func $c (result i64))) (import \"mewe\" \"trace_hash\" (func $h (param i32) (result i64)))"
	" (import \"mewe\" \"trace_length\" (func $l (result i64))) (import \"mewe\" \"dispatchers_executed\" (func $x (result i64)))"
	" (import \"mewe\" \"trace_read\" (func $r (param i32 i32) (result i32))) (import \"mewe\" \"entry\" (func $e))"
	" (memory (export \"memory\") 1)"
	" (func $done (result i32) (i32.const 0))"
	" (func (export \"run\") (param i32) (result i32) (local i32) (call $e)"
	"  (loop (local.set 1 (i32.add (local.get 1) (call $done)))"
	"   (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1))"
	" (func (export \"choices\") (result i64) (call $c)) (func (export \"hash\") (param i32) (result i64) (call $h (local.get 0)))"
	" (func (export \"length\") (result i64) (call $l)) (func (export \"executed\") (result i64) (call $x))"
	" (func (export \"read\") (param i32) (result i32) (call $r (i32.const 512) (local.get 0))))";

static void guests(void)
{
	Options o = defaults(MEWE_HOST);
	o.trace = MEWE_TRACE_FULL;
	Made made = make_it(guest_wat, 3, &o);
	Run r = start(&made, &(HostOptions){0});
	HostTrace t;
	Err e;
	uint8_t *memory;
	size_t size;
	call(&r, "run", 8, 1, 1); /* which calls entry(), and so forgets that it was entered itself */
	if (host_trace(r.i, &t, &e) || host_memory(r.i, &memory, &size))
		die("guests", &e);
	bool good = t.length == 16 && call(&r, "choices", 0, 0, 1) == 8 && call(&r, "executed", 0, 0, 1) == 1;
	for (int kind = 0; kind < 4; kind++)
		good &= call(&r, "hash", kind, 1, 1) != 0 || kind == 3;
	good &= call(&r, "hash", 1, 1, 1) == t.choice && call(&r, "length", 0, 0, 1) > 16;
	check("guests: the imports tell what the host reads", good, "they do not");
	good = call(&r, "read", 4 * 10 + 3, 1, 1) == 40;
	check("guests: trace_read gives the first ids, whole", good && memcmp(memory + 512, t.id, 40) == 0 && !memory[552], "it does not");
	free(t.id);
	stop(&r);
	free(made.wasm.p);
	o.trace = MEWE_TRACE_OFF;
	for (uint32_t n = 1; n <= 3; n += 2) { /* 1: nothing is dispatched */
		made = make_it(guest_wat, n, &o);
		r = start(&made, &(HostOptions){0});
		call(&r, "run", 8, 1, 1);
		good = !call(&r, "choices", 0, 0, 1) && !call(&r, "executed", 0, 0, 1) && !call(&r, "hash", 0, 1, 1) &&
		       !call(&r, "length", 0, 0, 1) && !call(&r, "read", 64, 1, 1);
		check("guests: without a trace they give zeros", good, "they do not");
		stop(&r);
		free(made.wasm.p);
	}
}

/* entry() draws anew in the middle of a long run; with the seed forgotten at each entry, `fixed` repeats itself. */
static void entries(void)
{
	Options o = defaults(MEWE_FIXED);
	o.dispatch = MEWE_REQUEST;
	Made made = make_it(guest_wat, 4000, &o);
	Run r = start(&made, &(HostOptions){.seeded = true, .seed = 3});
	uint64_t a = call(&r, "run", 2, 1, 1), b = call(&r, "run", 2, 1, 1);
	check("entries: each draws", a != b && a % 2000 == 0 && b % 2000 == 0, "they do not");
	stop(&r);
	free(made.wasm.p);
	for (int request = 0; request < 2; request++) {
		o.reseed = MEWE_RESEED_ENTRY;
		o.dispatch = request;
		made = make_it(guest_wat, 4000, &o);
		r = start(&made, &(HostOptions){.seeded = true, .seed = 3});
		a = call(&r, "run", 2, 1, 1);
		b = call(&r, "run", 2, 1, 1);
		check("entries: --reseed entry takes the seed again", a == b && a != 0, "it does not");
		stop(&r);
		free(made.wasm.p);
	}
}

/* The traced build draws what its twin draws. */
static void twins(void)
{
	for (int request = 0; request < 2; request++) {
		uint64_t result[3][20];
		for (enum mewe_trace t = MEWE_TRACE_OFF; t <= MEWE_TRACE_FULL; t++) {
			Options o = defaults(MEWE_FIXED);
			o.trace = t;
			o.dispatch = request;
			Made made = make_it(trace_wat, 7, &o);
			Run r = start(&made, &(HostOptions){.seeded = true, .seed = 11});
			for (int i = 0; i < 20; i++) {
				Err e;
				if (t != MEWE_TRACE_OFF && host_trace_reset(r.i, &e))
					die("twins", &e);
				result[t][i] = call(&r, "run", 3, 1, 1);
			}
			stop(&r);
			free(made.wasm.p);
		}
		check("twins: the same choices with and without a trace", !memcmp(result[0], result[1], sizeof *result) &&
		      !memcmp(result[0], result[2], sizeof *result) && memcmp(result[0], result[0] + 1, 19 * sizeof **result), "they are not");
	}
}

int main(void)
{
	places();
	ways();
	names();
	traces();
	growth();
	requests();
	guests();
	entries();
	twins();
	return failed != 0;
}
