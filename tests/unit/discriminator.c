/* discriminator.c - the functions that draw: their texts, ChaCha against an implementation of its own, what is refused.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/combine.h"
#include "../../mewe/shape.h"

static int failed;

static void check(const char *name, bool good, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s\n", name);
	else
		printf("not ok %s: %s\n", name, why);
}

static Mod *parse(const char *wat)
{
	Bytes wasm;
	Mod *m;
	Err e;
	if (read_wasm("test.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e) || read_module("test.wat", wasm.p, wasm.n, &m, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	return m;
}

/* ---- the texts ---- */

static uint32_t index_of(void *ctx, const char *name)
{
	(void)ctx;
	uint32_t h = 0;
	while (*name)
		h = h * 31 + (uint8_t)*name++;
	return h & 0xffff;
}

/* All functions of a module as bytes: names and code. */
static Buf bytes_of(Ref m)
{
	static const Ident id = {index_of, index_of, index_of, NULL};
	Buf b = {0};
	for (uint32_t i = 0; i < BinaryenGetNumFunctions(m); i++) {
		BinaryenFunctionRef f = BinaryenGetFunctionByIndex(m, i);
		buf_str(&b, BinaryenFunctionGetName(f));
		if (BinaryenFunctionGetBody(f))
			walk_write(&b, BinaryenFunctionGetBody(f), &id);
	}
	return b;
}

static Ref round_trip(Ref m)
{
	BinaryenSetDebugInfo(true);
	BinaryenModuleAllocateAndWriteResult r = BinaryenModuleAllocateAndWrite(m, NULL);
	Ref again = BinaryenModuleRead(r.binary, r.binaryBytes);
	free(r.binary);
	free(r.sourceMap);
	BinaryenModuleDispose(m);
	return again;
}

/* The text is valid, for Binaryen's reader and for Wasmtime's, and what a first round trip through a binary makes of it stays
 * the same after a second: so it can be compared with what is found in a file. */
static bool text_good(const Shape *s, const Dispatchers *d)
{
	char *text = discriminator_text(s, d);
	Bytes wasm = {0};
	Err e;
	bool good = read_wasm("text.wat", (const uint8_t *)text, strlen(text), &wasm, &e) == 0;
	if (!good)
		printf("# %s\n", e.text);
	free(wasm.p);
	Ref m = BinaryenModuleParse(text);
	BinaryenModuleSetFeatures(m, BinaryenFeatureMutableGlobals());
	good &= BinaryenModuleValidate(m);
	m = round_trip(m);
	Buf before = bytes_of(m);
	m = round_trip(m);
	Buf after = bytes_of(m);
	good &= before.n == after.n && (before.n == 0 || memcmp(before.p, after.p, before.n) == 0);
	buf_free(&before);
	buf_free(&after);
	BinaryenModuleDispose(m);
	free(text);
	return good;
}

static void texts(void)
{
	Dispatcher many[150];
	uint32_t tried = 0, good = 0;
	for (uint32_t i = 0; i < LEN(many); i++)
		many[i] = (Dispatcher){.func = 3 * i, .n = i % 3 == 0 ? 16 : i % 3 == 1 ? 5 : 4095};
	for (uint32_t bits = 0; bits < 6 * 2 * 2 * 2 * 2 * 3; bits++) {
		Shape s = {.discriminator = bits % 6, .dispatch = bits / 6 % 2, .reseed = bits / 12 % 2, .import_seed = bits / 24 % 2,
		           .gated = bits / 48 % 2, .trace = bits / 96 % 3, .fixed_seed = UINT64_MAX - bits};
		static const uint32_t ns[] = {1, 65, 150};
		for (size_t k = 0; k < LEN(ns); k++, tried++)
			good += text_good(&s, &(Dispatchers){many, ns[k]});
		good += text_good(&s, NULL);
		tried++;
	}
	char why[80];
	snprintf(why, sizeof why, "%u of %u", good, tried);
	check("text: every shape is valid, and the same after a round trip", good == tried, why);
	char one[] = "(module (func $f (result i32) (i32.const 1)))", two[] = "(module (func $f (result i32) (i32.const 2)))";
	Ref x = BinaryenModuleParse(one), y = BinaryenModuleParse(two); /* which writes into its text */
	Buf bx = bytes_of(x), by = bytes_of(y);
	check("text: control: another constant is other code", bx.n != by.n || memcmp(bx.p, by.p, bx.n) != 0, "it is not");
	buf_free(&bx);
	buf_free(&by);
	BinaryenModuleDispose(x);
	BinaryenModuleDispose(y);
}

/* ---- fields of the choice vector ---- */

static void layouts(void)
{
	Dispatcher many[200];
	Shape s = {.dispatch = MEWE_REQUEST};
	bool good = true;
	for (uint32_t i = 0; i < LEN(many); i++)
		many[i] = (Dispatcher){.func = i, .n = 2 + i * 20};
	Layout l = layout_of(&s, &(Dispatchers){many, LEN(many)});
	uint64_t *used = xalloc(l.nwords * sizeof *used);
	for (uint32_t i = 0; i < LEN(many); i++) {
		const Field *f = &l.field[i];
		uint64_t mask = ((uint64_t)1 << f->bits) - 1;
		good &= f->word < l.nwords && f->shift + f->bits <= 64 && mask + 1 >= many[i].n && (mask >> 1) + 1 < many[i].n;
		good &= !(used[f->word] & mask << f->shift);
		used[f->word] |= mask << f->shift;
	}
	check("layout: fields are as wide as needed, lie in one word and do not overlap", good, "one does not");
	free(used);
	free(l.field);
}

/* ---- ChaCha ---- */

static uint32_t rotl(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
	x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 16);
	x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 12);
	x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 8);
	x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 7);
}

/* RFC 8439, section 2.3, with another number of rounds, and words 14 and 15 zero. */
static void chacha(uint32_t *out, const uint64_t key[4], uint64_t counter, int rounds)
{
	static const uint32_t c[] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint32_t in[16] = {0};
	for (int i = 0; i < 4; i++) {
		in[i] = c[i];
		in[4 + 2 * i] = key[i];
		in[5 + 2 * i] = key[i] >> 32;
	}
	in[12] = counter;
	in[13] = counter >> 32;
	memcpy(out, in, sizeof in);
	for (int i = 0; i < rounds; i += 2) {
		for (int k = 0; k < 4; k++)
			quarter(out, k, k + 4, k + 8, k + 12);
		quarter(out, 0, 5, 10, 15);
		quarter(out, 1, 6, 11, 12);
		quarter(out, 2, 7, 8, 13);
		quarter(out, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		out[i] += in[i];
}

typedef struct Run {
	Host *h;
	Instance *i;
} Run;

static void stop(Run *r)
{
	host_drop(r->i);
	host_close(r->h);
}

/* The module's text, without its last parenthesis, and these functions after it. */
static Run run_text(const Shape *s, const char *more, const HostOptions *o)
{
	Dispatcher one = {.func = 0, .n = 2};
	char *text = discriminator_text(s, &(Dispatchers){&one, 1});
	*strrchr(text, ')') = 0;
	char *whole = xprintf("%s%s)", text, more);
	Bytes wasm;
	Run r;
	Err e;
	if (read_wasm("test.wat", (const uint8_t *)whole, strlen(whole), &wasm, &e) || host_open("test.wat", wasm.p, wasm.n, &r.h, &e) ||
	    host_instance(r.h, o, &r.i, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	free(whole);
	free(text);
	return r;
}

static const char set_key[] =
	"(func (export \"key\") (param i64 i64 i64 i64 i64) (global.set $mewe.key.0 (local.get 0)) (global.set $mewe.key.1 (local.get 1))"
	" (global.set $mewe.key.2 (local.get 2)) (global.set $mewe.key.3 (local.get 3)) (global.set $mewe.counter (local.get 4))"
	" (global.set $mewe.keyed (i32.const 1)) (global.set $mewe.at (i32.const 8)))"
	"(func (export \"block\") (param i32) (call $mewe.block (local.get 0)) (global.set $mewe.at (i32.const 0)))"
	"(func (export \"word\") (result i64) (call $mewe.word))";

static uint64_t call(Run *r, const char *name, const uint64_t *args, uint32_t nargs, uint32_t nresults)
{
	uint64_t result = 0;
	Err e;
	if (host_call(r->i, name, args, nargs, &result, nresults, NULL, &e)) {
		printf("not ok %s: %s\n", name, e.text);
		exit(1);
	}
	return result;
}

static bool block_is(Run *r, const uint64_t key[4], uint64_t counter, int rounds, const uint32_t *want)
{
	uint64_t args[] = {key[0], key[1], key[2], key[3], counter}, half = rounds / 2;
	bool good = true;
	call(r, "key", args, 5, 0);
	call(r, "block", &half, 1, 0);
	for (int k = 0; k < 8; k++)
		good &= call(r, "word", NULL, 0, 1) == ((uint64_t)want[2 * k + 1] << 32 | want[2 * k]);
	return good;
}

static void block(void)
{
	/* RFC 8439, A.1, test vectors 1, 2 and 4, the first words of each; those have a nonce of 0 as we do. */
	static const struct { uint64_t key[4], counter; uint32_t out[4]; } rfc[] = {
		{{0}, 0, {0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653}},
		{{0}, 1, {0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73}},
		{{0xff00}, 2, {0xfb4dd572, 0x4bc42ef1, 0xdf922636, 0x327f1394}},
	};
	/* ChaCha12, 256-bit key of zeros: the first words of the keystream in Strombergson's test vectors, TC1. */
	static const uint32_t twelve[] = {0x6a9af49b, 0x53f95507, 0x12ce1f81, 0xd583265f};
	Shape s = {.discriminator = MEWE_CHACHA, .import_seed = true};
	Run run = run_text(&s, set_key, &(HostOptions){.seeded = true}), *i = &run;
	uint32_t out[16];
	bool good = true, bad = false;
	for (size_t k = 0; k < LEN(rfc); k++) {
		chacha(out, rfc[k].key, rfc[k].counter, 20);
		good &= memcmp(out, rfc[k].out, sizeof rfc[k].out) == 0 && block_is(i, rfc[k].key, rfc[k].counter, 20, out);
	}
	check("chacha: 20 rounds give RFC 8439's blocks", good, "they do not");
	chacha(out, (uint64_t[4]){0}, 0, 12);
	check("chacha: 12 rounds give the published block", memcmp(out, twelve, sizeof twelve) == 0 && block_is(i, (uint64_t[4]){0}, 0, 12, out), "they do not");
	Rng r = {1};
	good = true;
	for (int k = 0; k < 1000; k++) {
		uint64_t key[4] = {rng_next(&r), rng_next(&r), rng_next(&r), rng_next(&r)}, counter = rng_next(&r);
		chacha(out, key, counter, 12);
		good &= block_is(i, key, counter, 12, out);
		out[15] ^= 1;
		bad |= block_is(i, key, counter, 12, out);
	}
	check("chacha: 12 rounds agree on 1000 random keys", good, "they do not");
	check("chacha: control: a wrong bit is seen", !bad, "it is not");
	stop(&run);
}

/* The stream: a block of words, then the next one, from the seed of `fixed` by splitmix64. */
static void stream(void)
{
	Shape s = {.discriminator = MEWE_FIXED, .fixed_seed = 99};
	bool good = true;
	for (int set = 0; set < 2; set++) {
		Run run = run_text(&s, "(func (export \"word\") (result i64) (call $mewe.word))",
		                   &(HostOptions){.seeded = set, .seed = 0x123456789abcdef0});
		Rng r = {set ? 0x123456789abcdef0 : 99};
		uint64_t key[4];
		for (int k = 0; k < 4; k++)
			key[k] = rng_next(&r);
		for (int b = 0; b < 3; b++) {
			uint32_t out[16];
			chacha(out, key, b, 12);
			for (int k = 0; k < 8; k++)
				good &= call(&run, "word", NULL, 0, 1) == ((uint64_t)out[2 * k + 1] << 32 | out[2 * k]);
		}
		stop(&run);
	}
	check("fixed: the words are ChaCha12's, keyed from the seed built in or set", good, "they are not");
}

/* For each n, all that the pool may hold in the bits of one choice is tried: each k comes out of as many as any other, the rest are
 * drawn again. What is tried is the expression that dispatchers have. */
static const char exact_wat[] =
	"(export \"memory\" (memory 0))"
	"(func $choose (result i32) (i32.const 0))"
	"(func (export \"count\") (param $all i32) (result i32) (local $x i32) (local $k i32) (local $at i32) (local $again i32)"
	" (loop $next (global.set $mewe.pool (i64.or (i64.extend_i32_u (local.get $x)) (i64.extend_i32_u (local.get $all))))"
	"  (local.set $at (global.get $mewe.at))"
	"  (local.set $k (i32.shl (call $choose) (i32.const 2)))"
	"  (if (i32.ne (local.get $at) (global.get $mewe.at)) (then (local.set $again (i32.add (local.get $again) (i32.const 1))))"
	"   (else (i32.store (local.get $k) (i32.add (i32.load (local.get $k)) (i32.const 1)))))"
	"  (br_if $next (i32.lt_u (local.tee $x (i32.add (local.get $x) (i32.const 1))) (local.get $all)))) (local.get $again))";

static Run run_choice(uint32_t n)
{
	Shape s = {.discriminator = MEWE_FIXED};
	Dispatcher one = {.func = 0, .n = n};
	char *text = discriminator_text(&s, &(Dispatchers){&one, 1});
	*strrchr(text, ')') = 0;
	char *whole = xprintf("%s%s)", text, exact_wat);
	Ref m = BinaryenModuleParse(whole);
	BinaryenModuleSetFeatures(m, BinaryenFeatureMutableGlobals());
	BinaryenFunctionSetBody(BinaryenGetFunction(m, "choose"), shape_pool(m, &(Selector){.ready = "mewe.ready", .global = "mewe.pool"}, n));
	BinaryenModuleAllocateAndWriteResult w = BinaryenModuleAllocateAndWrite(m, NULL);
	Run r;
	Err e;
	if (host_open("test.wasm", w.binary, w.binaryBytes, &r.h, &e) || host_instance(r.h, &(HostOptions){.seeded = true}, &r.i, &e)) {
		printf("not ok the test's own module: %s\n", e.text);
		exit(1);
	}
	free(w.binary);
	free(w.sourceMap);
	BinaryenModuleDispose(m);
	free(whole);
	free(text);
	return r;
}

static void exact(void)
{
	bool even = true, few = true, fresh = false;
	for (uint32_t n = 2; n <= 4096; n += n < 33 || n == 4095 ? 1 : n < 64 ? 31 : 93) {
		uint64_t all = (uint64_t)1 << draw_width(n), again;
		uint8_t *memory;
		size_t size;
		Run run = run_choice(n);
		if (host_memory(run.i, &memory, &size) != 0)
			exit(1);
		memset(memory, 0, n * 4);
		again = call(&run, "count", &all, 1, 1);
		few &= again == all % n && again * 64 < all;
		fresh |= again > 0;
		for (uint64_t k = 0; k < n; k++) {
			uint32_t count;
			memcpy(&count, memory + 4 * k, 4);
			even &= count == all / n;
		}
		stop(&run);
	}
	check("pool: each k comes out of exactly as many inputs", even, "one does not");
	check("pool: and no more than needed are drawn again", few, "more are");
	check("pool: control: some are", fresh, "none is");
}

/* A word lasts for as many choices as it has bits for, but one that ends it; `forget` leaves nothing of it. */
static void pool(void)
{
	static const char more[] =
		"(func (export \"ready\") (param i32 i32) (result i64) (call $mewe.ready (local.get 0) (local.get 1)) (global.get $mewe.pool))"
		"(func (export \"take\") (param i64) (global.set $mewe.pool (i64.shr_u (global.get $mewe.pool) (local.get 0))))"
		"(func (export \"at\") (result i32) (global.get $mewe.at))"
		"(func (export \"forget\") (result i64) (call $mewe.forget) (global.get $mewe.pool))";
	Shape s = {.discriminator = MEWE_FIXED, .fixed_seed = 5};
	Run run = run_text(&s, more, &(HostOptions){0});
	uint64_t args[] = {16, 4}, four = 4, first = call(&run, "ready", args, 2, 1);
	uint32_t taken = 0;
	while (call(&run, "at", NULL, 0, 1) == 1 && taken < 100) {
		call(&run, "take", &four, 1, 0);
		call(&run, "ready", args, 2, 1);
		taken++;
	}
	char why[60];
	snprintf(why, sizeof why, "%u", taken);
	check("pool: a word lasts for 15 choices of 16", taken == 15, why);
	check("pool: what is forgotten is gone", call(&run, "forget", NULL, 0, 1) == 0, "it is not");
	check("pool: and from the same seed it comes again", call(&run, "ready", args, 2, 1) == first, "it does not");
	stop(&run);
}

/* ---- what is refused, and the names ---- */

static int shape_code(const char *wat, Options *o, Shape *s, Err *e)
{
	Mod *m = parse(wat);
	int code = discriminator_shape(m, o, s, e);
	read_free(m);
	return code;
}

#define WASI "(import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i32) (result i32)))"
#define RANDOM(sig) "(import \"wasi_snapshot_preview1\" \"random_get\" (func " sig "))"

static void shapes(void)
{
	static const struct { const char *name, *wat; int code; bool import_seed, gated; } t[] = {
		{"WASI, memory", WASI "(memory (export \"memory\") 1)", 0, false, false},
		{"no WASI", "(memory (export \"memory\") 1)", 0, true, false},
		{"memory of another name", WASI "(memory (export \"m\") 1)", 0, true, false},
		{"memory of no page", WASI "(memory (export \"memory\") 0)", 0, true, false},
		{"no memory", WASI, 0, true, false},
		{"random_get of another type", RANDOM("(param i32) (result i32)") "(memory (export \"memory\") 1)", 0, true, false},
		{"start", WASI "(memory (export \"memory\") 1) (func) (start 1)", 0, false, true},
		{"_initialize", "(func (export \"_initialize\"))", 0, true, true},
		{"Wizer", "(func (export \"wizer-initialize\"))", 0, true, true},
		{"_start is a request", WASI "(memory (export \"memory\") 1) (func (export \"_start\"))", 0, false, false},
		{"a global called _initialize", "(global (export \"_initialize\") i32 (i32.const 0))", 0, true, false},
		{"mewe.choose", "(import \"mewe\" \"choose\" (func (param i32 i32) (result i32)))", MEWE_BAD, true, false},
		{"mewe.seed", "(import \"mewe\" \"seed\" (func (result i64)))", MEWE_BAD, true, false},
		{"a global from mewe", "(import \"mewe\" \"choices\" (global i64))", MEWE_BAD, true, false},
		{"choices of a wrong type", "(import \"mewe\" \"choices\" (func (result i32)))", MEWE_BAD, true, false},
		{"an export of ours", "(func (export \"mewe.reset\"))", MEWE_BAD, true, false},
	};
	char why[700];
	Options o;
	Shape s;
	Err e;
	mewe_options_default(&o);
	for (size_t i = 0; i < LEN(t); i++) {
		char *wat = xprintf("(module %s)", t[i].wat), *name = xprintf("shape: %s", t[i].name);
		int code = shape_code(wat, &o, &s, &e);
		snprintf(why, sizeof why, "%d %d %d", code, s.import_seed, s.gated);
		check(name, code == t[i].code && (code || (s.import_seed == t[i].import_seed && s.gated == t[i].gated)), why);
		free(wat);
		free(name);
	}
}

static void options(void)
{
	static const char wat[] = "(module (func (export \"a\")) (func (export \"b\")) (func (export \"_initialize\")))";
	const char *a[] = {"a"}, *none[] = {"none"}, *init[] = {"_initialize"};
	Options o;
	Shape s;
	Err e;
	mewe_options_default(&o);
	o.entries = none;
	o.nentries = 1;
	check("shape: an entry that is not there", shape_code(wat, &o, &s, &e) == MEWE_BAD, "taken");
	o.entries = init;
	check("shape: an entry that is an init", shape_code(wat, &o, &s, &e) == MEWE_BAD, "taken");
	o.entries = a;
	o.inits = none;
	o.ninits = 1;
	check("shape: an init that is not there", shape_code(wat, &o, &s, &e) == MEWE_BAD, "taken");
	o.ninits = 0;
	check("shape: an entry that is there", shape_code(wat, &o, &s, &e) == 0, e.text);
	check("role: named entry, other export, init", discriminator_role(&o, "a") == ROLE_ENTRY &&
	      discriminator_role(&o, "b") == ROLE_OTHER && discriminator_role(&o, "_initialize") == ROLE_INIT, "mixed up");
	mewe_options_default(&o);
	o.discriminator = MEWE_WASI;
	check("shape: wasi without WASI is unsupported", shape_code(wat, &o, &s, &e) == MEWE_UNSUPPORTED, "taken");
	mewe_options_default(&o);
	o.trace = MEWE_TRACE_FULL;
	check("shape: a full trace without memory is unsupported", shape_code(wat, &o, &s, &e) == MEWE_UNSUPPORTED, "taken");
}

static void tags(void)
{
	static const struct { const char *wat, *tag; } t[] = {
		{"(module (func $f))", "mewe"},
		{"(module (func $mewe))", "mewe"},
		{"(module (func $amewe.draw))", "mewe"},
		{"(module (func $mewe.draw))", "mewe1"},
		{"(module (func $f.mewe.3))", "mewe1"},
		{"(module (func $mewe.x) (global $mewe1.pool i32 (i32.const 0)))", "mewe2"},
	};
	for (size_t i = 0; i < LEN(t); i++) {
		char tag[TAG_SIZE];
		Mod *m = parse(t[i].wat);
		discriminator_tag(m, tag);
		check(t[i].wat, strcmp(tag, t[i].tag) == 0, tag);
		read_free(m);
	}
}

int main(void)
{
	setenv("BINARYEN_CORES", "1", 1); /* a child that reads a module would wait for Binaryen's threads, which it has not */
	texts();
	layouts();
	block();
	stream();
	exact();
	pool();
	shapes();
	options();
	tags();
	return failed != 0;
}
