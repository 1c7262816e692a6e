/* equiv_fuzz.c - random functions and changes to them: what the prover calls equal must do the same when it runs.
 * A function of loads, stores, globals, calls, branches and loops is made from a seed, and made again with one thing done
 * otherwise: statements exchanged, doubled or dropped, accesses split, numbers or operators changed, counters shifted, values
 * masked. Of these changes some are harmless. Where the prover says `proved`, both run on many inputs (addresses that meet, that
 * overlap, that lie at the end of the memory or beyond) and must agree on result, trap, memory and globals; where it gives a
 * counterexample, that must show a difference. Arguments: number of pairs, first seed. Prints `ok NAME` or `not ok NAME: why`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"

enum { PAIRS = 250, RUNS = 100, PAGE = 65536, NARG = 3, DEPTH = 3 };

/* ---- making functions ---- */

enum { ORDER, ACCESS, LOOP, VALUE, KINDS };

typedef struct Gen {
	Rng r;                         /* decides what is made: the same in both */
	Buf *out;
	unsigned at[KINDS];            /* things of each kind that could be done otherwise */
	unsigned kind, target, how;    /* the target-th of this kind is, in this way */
	unsigned loops, shift, wrong;  /* of each loop's counter: how far it is shifted, and read otherwise than it should be */
	unsigned inside;               /* loops around, as bits */
	bool plain;                    /* loads and stores alone, through the first two parameters */
} Gen;

static bool otherwise(Gen *g, unsigned kind) { return g->at[kind]++ == g->target && kind == g->kind; }
static unsigned pick(Gen *g, unsigned n) { return rng_below(&g->r, n); }

static void expr(Gen *g, unsigned depth);

static void number(Gen *g)
{
	static const int some[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 255, 256, -1, -4, 65528};
	int v = some[pick(g, LEN(some))];
	if (!otherwise(g, VALUE))
		buf_printf(g->out, "(i32.const %d)", v);
	else if (g->how % 2)
		buf_printf(g->out, "(i32.const %d)", v + 1);
	else
		buf_printf(g->out, "(i32.sub (i32.const %d) (i32.const 9))", v + 9);
}

/* The counter of loop k, as the original has it. */
static void counter(Gen *g, unsigned k)
{
	unsigned by = k + 1 == g->shift ? 5 + (g->wrong > 0) : 0;
	if (by)
		buf_printf(g->out, "(i32.sub (local.get %u) (i32.const %u))", 6 + k, by);
	else
		buf_printf(g->out, "(local.get %u)", 6 + k);
}

static void leaf(Gen *g)
{
	unsigned k = pick(g, 8);
	if (k < 2)
		number(g);
	else if (k == 2)
		buf_str(g->out, "(global.get $g)");
	else if (k == 3 && g->inside & 1)
		counter(g, 0);
	else if (k == 4 && g->inside & 2)
		counter(g, 1);
	else
		buf_printf(g->out, "(local.get %u)", pick(g, 6));
}

/* Addresses that meet often. */
static void address(Gen *g)
{
	if (g->plain) {
		buf_printf(g->out, "(local.get %u)", pick(g, 2));
		return;
	}
	switch (pick(g, 10)) {
	case 0: case 7: case 8: buf_str(g->out, "(local.get 1)"); break;
	case 1: buf_str(g->out, "(i32.const 64)"); break;
	case 2: buf_str(g->out, "(i32.and (local.get 2) (i32.const 127))"); break;
	case 3:
		buf_printf(g->out, "(i32.add (local.get %u) ", pick(g, 2));
		number(g);
		buf_str(g->out, ")");
		break;
	case 4:
		buf_str(g->out, "(i32.add (local.get 0) ");
		leaf(g);
		buf_str(g->out, ")");
		break;
	default: buf_str(g->out, "(local.get 0)");
	}
}

/* An address as a text, so that it can be written twice. */
static char *text(Gen *g, void (*make)(Gen *))
{
	Buf b = {0}, *keep = g->out;
	g->out = &b;
	make(g);
	buf_u8(&b, 0);
	g->out = keep;
	return (char *)b.p;
}

static void load(Gen *g)
{
	static const char *const ops[] = {"load8_u", "load8_s", "load16_u", "load16_s", "load"};
	unsigned op = pick(g, LEN(ops)), offset = pick(g, 3) * pick(g, 5), bytes = op < 2 ? 1 : op < 4 ? 2 : 4;
	char *a = text(g, address);
	if (!otherwise(g, ACCESS)) {
		buf_printf(g->out, "(i32.%s offset=%u %s)", ops[op], offset, a);
	} else if (g->how % 4 == 0) { /* through the address, which may wrap */
		buf_printf(g->out, "(i32.%s (i32.add %s (i32.const %u)))", ops[op], a, offset);
	} else if (g->how % 4 == 1) {
		buf_printf(g->out, "(i32.%s offset=%u %s)", op == 0 ? "load8_s" : op == 4 ? "load16_u" : "load", offset, a);
	} else if (bytes == 1) {
		buf_printf(g->out, "(i32.and (i32.%s offset=%u %s) (i32.const 255))", ops[op], offset, a);
	} else {
		unsigned half = bytes / 2, second = offset + half + (g->how % 4 == 3 && g->how > 40);
		const char *low = half == 1 ? "load8_u" : "load16_u", *high = op == 2 ? "load8_u" : op == 3 ? "load8_s" : "load16_s";
		buf_printf(g->out, "(i32.or (i32.shl (i32.%s offset=%u %s) (i32.const %u)) (i32.%s offset=%u %s))", high, second, a, 8 * half,
		           low, offset, a);
	}
	free(a);
}

static void operation(Gen *g, unsigned depth)
{
	static const char *const ops[] = {"add", "sub", "mul", "and", "or", "xor", "shl", "shr_u", "lt_u", "lt_s", "eq", "div_u", "rem_s"};
	unsigned op = pick(g, LEN(ops));
	bool other = otherwise(g, VALUE);
	unsigned as = !other || g->how % 2 ? op : op == 8 ? 9 : op == 0 ? 4 : (op + 1) % LEN(ops);
	bool swap = other && g->how % 4 == 1, safe = op > 10 && pick(g, 2);
	Buf a = {0}, b = {0}, *keep = g->out;
	g->out = &a;
	expr(g, depth + 1);
	g->out = &b;
	if (safe)
		buf_str(&b, "(i32.or (i32.const 1) ");
	expr(g, depth + 1);
	if (safe)
		buf_str(&b, ")");
	g->out = keep;
	buf_printf(g->out, "(i32.%s ", ops[as]);
	buf_put(g->out, swap ? b.p : a.p, swap ? b.n : a.n);
	buf_str(g->out, " ");
	buf_put(g->out, swap ? a.p : b.p, swap ? a.n : b.n);
	buf_str(g->out, ")");
	buf_free(&a);
	buf_free(&b);
}

static void expr(Gen *g, unsigned depth)
{
	static const int masks[] = {255, 63, 65535, -4, 127, 1};
	unsigned k = depth >= DEPTH ? 0 : pick(g, 6);
	bool masked = otherwise(g, VALUE);
	if (masked)
		buf_printf(g->out, "(i32.and (i32.const %d) ", masks[g->how % LEN(masks)]);
	if (k < 2)
		leaf(g);
	else if (k < 4)
		load(g);
	else
		operation(g, depth);
	if (masked)
		buf_str(g->out, ")");
}

static void store(Gen *g)
{
	static const char *const ops[] = {"store8", "store16", "store"};
	unsigned op = pick(g, LEN(ops)), offset = pick(g, 3) * pick(g, 5), half = op == 2 ? 2 : 1;
	char *a = text(g, address), *v = text(g, leaf);
	const char *part = half == 2 ? "store16" : "store8";
	if (op == 0 || !otherwise(g, ACCESS)) {
		buf_printf(g->out, "(i32.%s offset=%u %s %s)", ops[op], offset, a, v);
	} else { /* in two, the first or the last bytes first, perhaps one byte too far */
		unsigned far = g->how % 8 == 7, last = g->how % 2;
		char *high = xprintf("(i32.%s offset=%u %s (i32.shr_u %s (i32.const %u)))", part, offset + half + far, a, v, 8 * half);
		char *low = xprintf("(i32.%s offset=%u %s %s)", part, offset, a, v);
		buf_printf(g->out, "%s %s", last ? low : high, last ? high : low);
		free(high);
		free(low);
	}
	free(a);
	free(v);
}

static void block(Gen *g, unsigned depth);

static void loop(Gen *g, unsigned depth)
{
	unsigned k = g->loops++, first = pick(g, 3), step = 1 + pick(g, 4), times = 1 + pick(g, 12);
	if (otherwise(g, LOOP)) {
		g->shift = k + 1;
		g->wrong = g->how % 3 == 0;
	}
	unsigned by = g->shift == k + 1 ? 5 : 0, last = first + by + step * times;
	const char *cmp = otherwise(g, LOOP) ? g->how % 2 ? "lt_u" : "lt_s" : "ne";
	buf_printf(g->out, "(local.set %u (i32.const %u)) (loop $l%u ", 6 + k, first + by, k);
	g->inside |= 1u << k;
	block(g, depth + 1);
	g->inside &= ~(1u << k);
	buf_printf(g->out, "(br_if $l%u (i32.%s (local.tee %u (i32.add (local.get %u) (i32.const %u))) (i32.const %u))))", k, cmp, 6 + k, 6 + k,
	           step, last);
}

static void statement(Gen *g, unsigned depth)
{
	unsigned k = g->plain ? 7 + pick(g, 5) : pick(g, 12);
	if (g->plain && k < 9) {
		buf_printf(g->out, "(local.set %u ", 3 + pick(g, 3));
		load(g);
		buf_str(g->out, ")");
	} else if (k == 0 && depth < 2 && g->loops < 2) {
		loop(g, depth);
	} else if (k == 1 && depth < 2) {
		buf_str(g->out, "(if ");
		expr(g, 2);
		buf_str(g->out, " (then ");
		block(g, depth + 1);
		buf_str(g->out, ") (else ");
		block(g, depth + 1);
		buf_str(g->out, "))");
	} else if (k == 2) {
		buf_str(g->out, "(global.set $g ");
		expr(g, 2);
		buf_str(g->out, ")");
	} else if (k == 3) {
		buf_printf(g->out, "(local.set %u (call $h ", 3 + pick(g, 3));
		leaf(g);
		buf_str(g->out, "))");
	} else if (k < 7) {
		buf_printf(g->out, "(local.set %u ", 3 + pick(g, 3));
		expr(g, 0);
		buf_str(g->out, ")");
	} else {
		store(g);
	}
}

/* Statements, of which two neighbours may be exchanged, or one doubled or dropped. */
static void block(Gen *g, unsigned depth)
{
	unsigned n = 1 + pick(g, 5 - depth);
	Buf s[5] = {{0}}, *keep = g->out;
	for (unsigned i = 0; i < n; i++) {
		g->out = &s[i];
		statement(g, depth);
	}
	g->out = keep;
	for (unsigned i = 0; i < n; i++) {
		bool other = otherwise(g, ORDER), swap = other && g->how % 4 < 2 && i + 1 < n, twice = other && g->how % 4 == 2;
		if (swap)
			buf_put(g->out, s[i + 1].p, s[i + 1].n);
		if (!other || swap || twice)
			buf_put(g->out, s[i].p, s[i].n);
		if (twice)
			buf_put(g->out, s[i].p, s[i].n);
		i += swap;
	}
	for (unsigned i = 0; i < n; i++)
		buf_free(&s[i]);
}

/* A function, with the target-th thing of this kind done otherwise; how many there are of each kind. */
static void function(Buf *out, const char *name, uint64_t seed, unsigned kind, unsigned target, unsigned how, unsigned *count)
{
	Gen g = {.r = {seed}, .out = out, .kind = kind, .target = target, .how = how};
	buf_printf(out, "(func $%s (export \"%s\") (param i32 i32 i32) (result i32) (local i32 i32 i32 i32 i32) ", name, name);
	g.plain = pick(&g, 3) == 0;
	if (pick(&g, 2)) /* what is in reach already may be written in another order */
		buf_str(out, "(drop (i64.load offset=8 (local.get 0))) (drop (i64.load offset=8 (local.get 1))) ");
	block(&g, 0);
	buf_str(out, "(i32.add (local.get 3) (i32.mul (local.get 4) (i32.add (local.get 5) (i32.const 3)))))\n");
	memcpy(count, g.at, sizeof g.at);
}

/* ---- running them ---- */

typedef struct Outcome {
	bool trapped;
	uint64_t result, global, log;
	uint8_t memory[PAGE];
} Outcome;

static void run(Instance *i, const char *name, const uint64_t *arg, const uint8_t *memory, uint64_t global, Outcome *o)
{
	Err e;
	int code;
	uint8_t *base;
	size_t size;
	uint64_t zero = 0, start[2] = {global, zero};
	host_call(i, "reset", start, 2, NULL, 0, &code, &e);
	host_memory(i, &base, &size);
	memcpy(base, memory, PAGE);
	o->result = 0;
	o->trapped = host_call(i, name, arg, NARG, &o->result, 1, &code, &e) != 0;
	host_memory(i, &base, &size);
	memcpy(o->memory, base, PAGE);
	host_call(i, "global", NULL, 0, &o->global, 1, &code, &e);
	host_call(i, "log", NULL, 0, &o->log, 1, &code, &e);
}

static bool differ(const Outcome *a, const Outcome *b)
{
	return a->trapped != b->trapped || (!a->trapped && (uint32_t)a->result != (uint32_t)b->result) ||
	       (uint32_t)a->global != (uint32_t)b->global || (uint32_t)a->log != (uint32_t)b->log || memcmp(a->memory, b->memory, PAGE) != 0;
}

static uint64_t argument(Rng *r)
{
	static const uint32_t bases[] = {0, 64, 64, 100, 65500, 65520, 65536 - 8, 65536 - 4, 65536, UINT32_MAX - 3};
	if (rng_below(r, 8) == 0)
		return rng_next(r) & UINT32_MAX;
	return (bases[rng_below(r, LEN(bases))] + rng_below(r, 9) - 4) & UINT32_MAX;
}

/* Runs both on n inputs, or on the arguments given; true when something differs, and arg[] then shows it. */
static bool shown(Host *h, Rng *r, unsigned n, const uint64_t *given, uint64_t *arg)
{
	static Outcome a, b;
	static uint8_t memory[PAGE];
	HostOptions o = {0};
	Instance *i;
	Err e;
	bool yes = false;
	if (host_instance(h, &o, &i, &e))
		return false;
	for (unsigned k = 0; k < n && !yes; k++) {
		for (size_t m = 0; m < PAGE; m += m < 512 || m > PAGE - 128 ? 1 : 61)
			memory[m] = (uint8_t)rng_next(r);
		uint64_t global = argument(r);
		for (unsigned j = 0; j < NARG; j++)
			arg[j] = given ? given[j] : j == 1 && rng_below(r, 3) == 0 ? (arg[0] + rng_below(r, 9) - 4) & UINT32_MAX : argument(r);
		run(i, "a", arg, memory, global, &a);
		run(i, "b", arg, memory, global, &b);
		yes = differ(&a, &b);
	}
	host_drop(i);
	return yes;
}

/* ---- one pair ---- */

typedef struct Count {
	unsigned pairs, proved, refuted, shown, unproved, silent; /* silent: no run showed a difference, and yet it was not proved */
} Count;

static bool pair(uint64_t seed, Count *c)
{
	Buf t = {0};
	Bytes wasm = {0};
	Mod *m = NULL;
	Host *h = NULL;
	Err e;
	Equiv q;
	Rng r = {mix64(seed ^ 0x70616972)};
	uint64_t arg[NARG];
	unsigned count[KINDS];
	buf_str(&t, "(module (memory (export \"memory\") 1 1) (global $g (mut i32) (i32.const 0)) (global $log (mut i32) (i32.const 0))\n"
	            "(func $h (param i32) (result i32) (global.set $log (i32.add (i32.mul (global.get $log) (i32.const 31))"
	            " (i32.add (global.get $g) (i32.load (i32.and (local.get 0) (i32.const 127)))))) (global.get $log))\n"
	            "(func (export \"reset\") (param i32 i32) (global.set $g (local.get 0)) (global.set $log (local.get 1)))\n"
	            "(func (export \"global\") (result i32) (global.get $g)) (func (export \"log\") (result i32) (global.get $log))\n");
	function(&t, "a", seed, KINDS, 0, 0, count);
	unsigned kind = rng_below(&r, KINDS);
	while (count[kind] == 0)
		kind = (kind + 1) % KINDS;
	function(&t, "b", seed, kind, rng_below(&r, count[kind]), rng_below(&r, 60), count);
	buf_str(&t, ")");
	if (read_wasm("fuzz.wat", t.p, t.n, &wasm, &e) || read_module("fuzz.wat", wasm.p, wasm.n, &m, &e) ||
	    host_open("fuzz.wat", wasm.p, wasm.n, &h, &e)) {
		printf("not ok seed %" PRIu64 ": %s\n%.*s\n", seed, e.text, (int)t.n, (char *)t.p);
		return false;
	}
	Ident id = ident_of(m);
	Body a = body_of(m, read_ordinal(m, "a")), b = body_of(m, read_ordinal(m, "b"));
	equiv_bodies(&a, &id, &b, &id, &q);
	bool good = false, differs = shown(h, &r, RUNS, NULL, arg);
	if (q.verdict == V_PROVED && differs)
		printf("not ok seed %" PRIu64 ": proved, but arguments %" PRIu64 ", %" PRIu64 ", %" PRIu64 " show a difference\n%.*s\n", seed, arg[0],
		       arg[1], arg[2], (int)t.n, (char *)t.p);
	else if (q.verdict == V_REFUTED && q.ncex > 0 && !shown(h, &r, 1, q.cex, arg))
		printf("not ok seed %" PRIu64 ": its counterexample shows no difference: %s\n%.*s\n", seed, q.why, (int)t.n, (char *)t.p);
	else
		good = true;
	c->pairs++;
	c->proved += q.verdict == V_PROVED;
	c->refuted += q.verdict == V_REFUTED;
	c->unproved += q.verdict != V_PROVED && q.verdict != V_REFUTED;
	c->shown += q.verdict != V_PROVED && differs;
	c->silent += q.verdict != V_PROVED && !differs;
	if (getenv("VERBOSE") && q.verdict != V_PROVED && !differs)
		printf("seed %" PRIu64 ": %s: %s\n%.*s\n", seed, verdict_name(q.verdict), q.why, (int)t.n, (char *)t.p);
	body_free(&a);
	body_free(&b);
	host_close(h);
	read_free(m);
	free(wasm.p);
	buf_free(&t);
	return good;
}

int main(int argc, char **argv)
{
	Count c = {0};
	bool good = true;
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : PAIRS, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (uint64_t i = 0; i < n; i++)
		good &= pair(first + i, &c);
	printf("ok %u pairs: %u proved, %u refuted, %u neither; of those not proved, %u differ when they run, %u were not seen to\n", c.pairs,
	       c.proved, c.refuted, c.unproved, c.shown, c.silent);
	bool mixed = c.proved > n / 10 && c.shown > n / 10;
	if (!mixed)
		printf("not ok the changes: too few are harmless, or too few are not\n");
	return !good || !mixed;
}
