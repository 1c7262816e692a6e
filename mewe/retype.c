/* retype.c - a module's types in an order that depends on nothing but themselves.
 * In: a module that scan_module() takes. Out: the same module, its types sorted by their bytes, all their numbers changed
 * accordingly. Must hold: nothing else changes; sections and bodies keep their places and get the sizes that they have now. */
#include <stdlib.h>
#include <string.h>
#include "all.h"

typedef struct Entry {
	const uint8_t *p;
	size_t n;
	uint32_t number;               /* before */
} Entry;

typedef struct Retype {
	const uint8_t *wasm;
	Entry *type;
	uint32_t n, cap;
	uint32_t *now;                 /* the number that each type has afterwards */
	const Scan *scan;
	uint32_t use;                  /* the next of scan->typeuses, which rise */
} Retype;

/* The module is one that an engine takes: a number has at most five bytes and ends within it. */
static uint64_t leb(const uint8_t **p)
{
	uint64_t v = 0;
	for (int shift = 0;; shift += 7) {
		uint8_t b = *(*p)++;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
}

static int by_bytes(const void *a, const void *b)
{
	const Entry *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
	if (c == 0)
		c = (x->n > y->n) - (x->n < y->n);
	return c ? c : (x->number > y->number) - (x->number < y->number);
}

/* A function type: its mark, then parameters and results, each a count and so many bytes. */
static void read_types(Retype *r, const uint8_t *p)
{
	for (uint64_t k = leb(&p); k > 0; k--) {
		Entry t = {.p = p++, .number = r->n};
		for (int i = 0; i < 2; i++) {
			uint64_t n = leb(&p);
			p += n;
		}
		t.n = p - t.p;
		PUSH(r->type, r->n, r->cap, t);
	}
	if (r->n > 0)
		qsort(r->type, r->n, sizeof *r->type, by_bytes);
	r->now = xalloc(r->n * sizeof *r->now);
	for (uint32_t i = 0; i < r->n; i++)
		r->now[r->type[i].number] = i;
}

/* Bytes [from, to) with the numbers in them changed. A block's type is a signed number: its sixth bit must stay clear. */
static void copy(Retype *r, Buf *out, const uint8_t *from, const uint8_t *to)
{
	const Scan *s = r->scan;
	while (r->use < s->ntypeuses && r->wasm + s->typeuses[r->use] < from)
		r->use++;
	for (; r->use < s->ntypeuses && r->wasm + s->typeuses[r->use] < to; r->use++) {
		const uint8_t *at = r->wasm + s->typeuses[r->use];
		buf_put(out, from, at - from);
		from = at;
		uint32_t v = r->now[leb(&from)];
		for (; v >= 0x40; v >>= 7)
			buf_u8(out, (v & 0x7f) | 0x80);
		buf_u8(out, v);
	}
	buf_put(out, from, to - from);
}

static void copy_types(const Retype *r, Buf *out)
{
	buf_leb(out, r->n);
	for (uint32_t i = 0; i < r->n; i++)
		buf_put(out, r->type[i].p, r->type[i].n);
}

static void copy_code(Retype *r, Buf *out, const uint8_t *p)
{
	Buf body = {0};
	uint64_t n = leb(&p);
	buf_leb(out, n);
	for (; n > 0; n--) {
		uint64_t size = leb(&p);
		body.n = 0;
		copy(r, &body, p, p + size);
		p += size;
		buf_leb(out, body.n);
		buf_put(out, body.p, body.n);
	}
	buf_free(&body);
}

int retype(const char *file, const uint8_t *wasm, size_t n, Bytes *out, Err *e)
{
	Scan s;
	Buf all = {0}, section = {0};
	int code = scan_module(file, wasm, n, &s, e);
	if (code)
		return code;
	Retype r = {.wasm = wasm, .scan = &s};
	buf_put(&all, wasm, 8);
	for (const uint8_t *p = wasm + 8; p < wasm + n;) {
		uint8_t id = *p++;
		uint64_t size = leb(&p);
		section.n = 0;
		if (id == 1)
			read_types(&r, p);
		if (id == 1)
			copy_types(&r, &section);
		else if (id == 10)
			copy_code(&r, &section, p);
		else if (id == 0)
			buf_put(&section, p, size);
		else
			copy(&r, &section, p, p + size);
		p += size;
		buf_u8(&all, id);
		buf_leb(&all, section.n);
		buf_put(&all, section.p, section.n);
	}
	buf_free(&section);
	free(r.type);
	free(r.now);
	scan_free(&s);
	*out = buf_bytes(&all);
	return 0;
}
