/* base32.c - a codec: RFC 4648's base32 with padding and hexadecimal, to text and back, and what does not decode. */
#include "kernel.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static size_t encode(const uint8_t *p, size_t n, uint8_t *out)
{
	uint32_t bits = 0, held = 0;
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		bits = (bits & 31) << 8 | p[i];
		for (held += 8; held >= 5; held -= 5)
			out[used++] = (uint8_t)alphabet[bits >> (held - 5) & 31];
	}
	if (held > 0)
		out[used++] = (uint8_t)alphabet[bits << (5 - held) & 31];
	while (used & 7)
		out[used++] = '=';
	return used;
}

static int32_t value(uint8_t c)
{
	uint32_t letter = (c & 0xdfu) - 'A', digit = c - '2';
	return letter < 26 ? (int32_t)letter : digit < 6 ? (int32_t)digit + 26 : -1;
}

/* Stops at padding; passes over what is no digit, and counts it. */
static size_t decode(const uint8_t *p, size_t n, uint8_t *out, uint32_t *bad)
{
	uint32_t bits = 0, held = 0;
	size_t used = 0;
	*bad = 0;
	for (size_t i = 0; i < n && p[i] != '='; i++) {
		int32_t v = value(p[i]);
		if (v < 0) {
			++*bad;
			continue;
		}
		bits = bits << 5 | (uint32_t)v;
		held += 5;
		if (held >= 8) {
			held -= 8;
			out[used++] = (uint8_t)(bits >> held);
		}
	}
	return used;
}

void kernel(const uint8_t *in, size_t n)
{
	static uint8_t text[2 * INPUT_MAX], back[2 * INPUT_MAX];
	uint32_t bad, differ = 0;
	size_t length = encode(in, n, text), k = decode(text, length, back, &bad);
	for (size_t i = 0; i < n; i++)
		differ += i >= k || back[i] != in[i];
	put_bytes(text, length);
	put((uint64_t)k << 32 | differ);
	k = decode(in, n, back, &bad);
	put((uint64_t)k << 32 | bad);
	put_bytes(back, k);
}
