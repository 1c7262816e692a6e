/* code_aarch64.c - one function's AArch64 machine code as bytes that are the same wherever the function stands.
 * In: a function in the text of a module that Cranelift compiled. Out: a digest of its instructions.
 * Must hold: what is digested as an instruction is reached from the entry; what can't be followed is an error.
 *
 * All instructions are words, and jumps, constants and jump tables are named by their distance within the function: a word is
 * taken as it is, but for a call's, which becomes its callee, and for a page's address, which would depend on the place.
 * Without a decoder of operands there is no shape. */
#include <stdlib.h>
#include <string.h>
#include "code.h"

typedef struct Words {
	const uint8_t *p;
	uint32_t n;                    /* words */
	const Callees *callees;
	uint64_t start;                /* in the text */
	uint8_t *seen;
	uint32_t *entries;             /* by word: of the jump table right behind it */
	uint32_t *todo, ntodo, cap;
	const char *why;
	uint32_t at;
} Words;

static uint32_t word(const Words *f, uint32_t i)
{
	uint32_t w;
	memcpy(&w, f->p + 4 * (size_t)i, sizeof w);
	return w;
}

/* A signed field of so many bits. */
static int32_t field(uint32_t w, int low, int bits) { return (int32_t)(w << (32 - low - bits)) >> (32 - bits); }

static void stop(Words *f, uint32_t i, const char *why)
{
	if (!f->why) {
		f->why = why;
		f->at = 4 * i;
	}
}

static void follow(Words *f, uint32_t i, int32_t distance)
{
	int64_t to = (int64_t)i + distance;
	if (to < 0 || to >= f->n)
		stop(f, i, "a jump leads out of the function");
	else
		PUSH(f->todo, f->ntodo, f->cap, to);
}

static bool is_jump(uint32_t w) { return w >> 26 == 0x05; }
static bool is_call(uint32_t w) { return w >> 26 == 0x25; }
static bool is_branch(uint32_t w) { return w >> 24 == 0x54 || (w & 0x7e000000) == 0x34000000; } /* b.cond; cbz, cbnz */
static bool is_test(uint32_t w) { return (w & 0x7e000000) == 0x36000000; }                     /* tbz, tbnz */
static bool is_br(uint32_t w) { return (w & 0xfffffc1f) == 0xd61f0000; }
static bool is_adr(uint32_t w) { return (w & 0x9f000000) == 0x10000000; }
static bool is_literal(uint32_t w) { return (w & 0x3b000000) == 0x18000000; }
static bool is_end(uint32_t w)         /* ret, udf, brk */
{
	return (w & 0xfffffc1f) == 0xd65f0000 || w >> 16 == 0 || (w & 0xffe0001f) == 0xd4200000;
}

static int32_t adr_distance(uint32_t w) { return field(w, 5, 19) * 4 + (w >> 29 & 3); }

/* `mov c, n - 1`, `cmp`, `csel i, r, c, lo`, `adr b, table`, `ldrsw i, [b, i, uxtw 2]`, `add b, b, i`, `br b`; the table is right
 * behind. What may write c on the way there without being that `mov` is not let through. */
static uint32_t table(const Words *f, uint32_t br)
{
	if (br < 6)
		return 0;
	uint32_t b = word(f, br) >> 5 & 31, add = word(f, br - 1), load = word(f, br - 2), adr = word(f, br - 3), sel = word(f, br - 4);
	uint32_t i = load & 31, c = sel >> 16 & 31;
	if (add != (0x8b000000 | i << 16 | b << 5 | b) || (load & 0xffe0ffff) != (0xb8a05800 | b << 5 | i) || !is_adr(adr) ||
	    (adr & 31) != b || adr_distance(adr) != 16 || (sel & 0xffe0fc00) != 0x9a803000 || (sel & 31) != (load >> 16 & 31))
		return 0;
	for (uint32_t k = br - 4; k-- > 0 && f->seen[k];) {
		uint32_t w = word(f, k);
		if ((w & 31) == c)
			return (w & 0x7fe00000) == 0x52800000 ? (w >> 5 & 0xffff) + 1 : 0;
	}
	return 0;
}

static void follow_table(Words *f, uint32_t br)
{
	uint32_t n = table(f, br);
	if (n == 0 || n > f->n - br - 1) {
		stop(f, br, "an indirect jump that is no jump table of a known form");
		return;
	}
	f->entries[br] = n;
	for (uint32_t k = 0; k < n; k++) {
		int32_t to = word(f, br + 1 + k);
		if (to % 4 != 0)
			stop(f, br, "a jump table leads between instructions");
		follow(f, br + 1, to / 4);
	}
}

static void mark(Words *f, uint32_t i)
{
	for (; !f->why; i++) {
		if (i >= f->n) {
			stop(f, i, "code goes on behind the function");
			return;
		}
		uint32_t w = word(f, i);
		if (f->seen[i])
			return;
		f->seen[i] = 1;
		if (is_branch(w))
			follow(f, i, field(w, 5, 19));
		else if (is_test(w))
			follow(f, i, field(w, 5, 14));
		else if (is_jump(w))
			follow(f, i, field(w, 0, 26));
		else if (is_br(w))
			follow_table(f, i);
		else if ((w & 0x9f000000) == 0x90000000)
			stop(f, i, "a page's address");
		if (is_jump(w) || is_br(w) || is_end(w))
			return;
	}
}

/* Constants that an instruction names: their bytes, or all that follows where nothing says how many. */
static void put_data(Words *f, Buf *b, uint32_t i, int64_t at, uint64_t size)
{
	uint64_t end = 4 * (uint64_t)f->n;
	if (at < 0 || (uint64_t)at > end || size > end - at)
		stop(f, i, "constants outside the function");
	else
		buf_put(b, f->p + at, size ? size : end - at);
}

static void put_word(Words *f, Buf *b, uint32_t i)
{
	uint32_t w = word(f, i);
	if (is_call(w)) {
		const Symbol *s = elf_at(f->callees->text, f->start + 4 * ((int64_t)i + field(w, 0, 26)));
		if (s)
			code_callee(b, f->callees, s);
		else
			stop(f, i, "a call of no function");
		return;
	}
	buf_u32(b, w);
	if (is_literal(w))
		put_data(f, b, i, 4 * ((int64_t)i + field(w, 5, 19)), w >> 30 == 3 ? 4 : w >> 30 == 2 && w >> 26 & 1 ? 16 : w >> 30 & 1 ? 8 : 4);
	else if (is_adr(w) && !(i + 3 < f->n && f->entries[i + 3]))
		put_data(f, b, i, 4 * (int64_t)i + adr_distance(w), 0);
	buf_put(b, f->p + 4 * ((size_t)i + 1), 4 * (size_t)f->entries[i]);
}

int code_aarch64(const char *file, const Symbol *s, const Callees *c, Code *out, Err *e)
{
	Words f = {.p = c->text->p + s->start, .n = s->size / 4, .callees = c, .start = s->start};
	Buf b = {0};
	*out = (Code){.bytes = s->size};
	f.seen = xalloc(f.n);
	f.entries = xalloc((size_t)f.n * sizeof *f.entries);
	follow(&f, 0, 0);
	while (f.ntodo > 0 && !f.why)
		mark(&f, f.todo[--f.ntodo]);
	for (uint32_t i = 0; i < f.n && !f.why; i++) {
		if (f.seen[i]) {
			put_word(&f, &b, i);
			out->ninsn++;
		}
	}
	out->code = digest(b.p, b.n);
	buf_free(&b);
	free(f.seen);
	free(f.entries);
	free(f.todo);
	return f.why ? code_stopped(file, s, f.at, f.why, e) : 0;
}
