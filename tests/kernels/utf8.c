/* utf8.c - text: UTF-8 to code points, what is malformed replaced, and those to UTF-16 and back to bytes. */
#include "kernel.h"

enum { REPLACEMENT = 0xfffd };

/* The next code point; *p goes past it, or past the first byte that can't belong to one. */
static uint32_t decode(const uint8_t **p, const uint8_t *end)
{
	uint32_t c = *(*p)++, more, least;
	if (c < 0x80)
		return c;
	if (c < 0xc2 || c > 0xf4)
		return REPLACEMENT;
	more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
	c &= 0x3f >> more;
	for (; more > 0; more--) {
		if (*p == end || (**p & 0xc0) != 0x80)
			return REPLACEMENT;
		c = c << 6 | (*(*p)++ & 0x3f);
	}
	return c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? REPLACEMENT : c;
}

static size_t encode(uint32_t c, uint8_t *out)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)(0xf00 >> n | c);
	return n;
}

static uint32_t units(uint32_t c, uint16_t out[2])
{
	if (c < 0x10000) {
		out[0] = (uint16_t)c;
		return 1;
	}
	out[0] = (uint16_t)(0xd7c0 + (c >> 10));
	out[1] = (uint16_t)(0xdc00 | (c & 0x3ff));
	return 2;
}

void kernel(const uint8_t *in, size_t n)
{
	static uint8_t out[3 * INPUT_MAX];
	uint64_t sum = 0, points = 0, replaced = 0;
	size_t used = 0;
	for (const uint8_t *p = in; p < in + n; points++) {
		uint16_t unit[2];
		uint32_t c = decode(&p, in + n);
		replaced += c == REPLACEMENT;
		for (uint32_t i = 0, k = units(c, unit); i < k; i++)
			sum = sum * 65599 + unit[i];
		used += encode(c, out + used);
	}
	put_bytes(out, used);
	put(sum);
	put(points << 32 | replaced);
}
