/* generator.c - ChaCha in wasm against an implementation of its own: blocks, streams, requests' bits, the pool.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/combine.h"
#include "../../mewe/shape.h"
#include "check.h"

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

/* The text of a module with one dispatcher of n, without its last parenthesis, and these functions after it. */
static Run run_text_of(const Shape *s, uint32_t n, const char *more, const HostOptions *o)
{
	Dispatcher one = {.func = 0, .n = n};
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

static Run run_text(const Shape *s, const char *more, const HostOptions *o) { return run_text_of(s, 2, more, o); }

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

/* The key that `fixed` makes of a seed. */
static void key_of(uint64_t seed, uint64_t key[4])
{
	Rng r = {seed};
	for (int k = 0; k < 4; k++)
		key[k] = rng_next(&r);
}

/* The stream: a block of words, then the next one, from the seed of `fixed` by splitmix64. */
static void stream(void)
{
	Shape s = {.discriminator = MEWE_FIXED, .fixed_seed = 99};
	bool good = true;
	for (int set = 0; set < 2; set++) {
		Run run = run_text(&s, "(func (export \"word\") (result i64) (call $mewe.word))",
		                   &(HostOptions){.seeded = set, .seed = 0x123456789abcdef0});
		uint64_t key[4];
		key_of(set ? 0x123456789abcdef0 : 99, key);
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

/* Do requests of so many bits get, in three blocks from this key, the next bits of each word from the lowest up, and none twice? */
static bool requests_are(uint32_t seed, uint32_t bits, const uint64_t key[4])
{
	Shape s = {.discriminator = MEWE_FIXED, .dispatch = MEWE_REQUEST, .fixed_seed = seed};
	Run run = run_text_of(&s, 1u << bits, "(func (export \"next\") (result i64) (call $mewe.renew) (global.get $mewe.vector.0))",
	                      &(HostOptions){0});
	uint32_t out[16], each = 63 / bits;
	bool good = true;
	for (uint32_t k = 0; k < 3 * 8 * each; k++) {
		uint32_t word = k / each;
		if (word % 8 == 0)
			chacha(out, key, word / 8, 12);
		uint64_t x = (uint64_t)out[word % 8 * 2 + 1] << 32 | out[word % 8 * 2];
		good &= call(&run, "next", NULL, 0, 1) == (x >> k % each * bits & ((1u << bits) - 1));
	}
	stop(&run);
	return good;
}

static void requests(void)
{
	bool good = true, other = false;
	for (uint32_t bits = 1; bits <= 31; bits++) {
		uint64_t key[4];
		key_of(bits, key);
		good &= requests_are(bits, bits, key);
		other |= requests_are(bits + 1, bits, key);
	}
	check("requests: their bits are ChaCha12's, in order, over three blocks, for 1 to 31 bits", good, "they are not");
	check("requests: control: those of another seed are not", !other, "they are");
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

int main(void)
{
	block();
	stream();
	requests();
	exact();
	pool();
	return failed != 0;
}
