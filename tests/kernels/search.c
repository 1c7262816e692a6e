/* search.c - search in text: Horspool's, Knuth, Morris and Pratt's, and Rabin and Karp's ways, which have to find the same places.
 * The pattern is the input's first word. */
#include <string.h>
#include "kernel.h"

static uint32_t digest(uint32_t h, uint32_t v) { return (h + v + 1) * 0x9e3779b1 ^ h >> 15; }

static uint32_t horspool(const uint8_t *t, uint32_t n, const uint8_t *p, uint32_t m)
{
	uint32_t sum = 0;
	uint16_t shift[256];

	for (uint32_t c = 0; c < 256; c++)
		shift[c] = (uint16_t)m;
	for (uint32_t i = 0; i + 1 < m; i++)
		shift[p[i]] = (uint16_t)(m - 1 - i);
	for (uint32_t i = 0; i + m <= n; i += shift[t[i + m - 1]])
		if (memcmp(t + i, p, m) == 0)
			sum = digest(sum, i);
	return sum;
}

static uint32_t knuth(const uint8_t *t, uint32_t n, const uint8_t *p, uint32_t m)
{
	static uint16_t border[INPUT_MAX + 1];
	uint32_t sum = 0;

	for (uint32_t i = 1, k = 0; i < m; i++) {
		while (k && p[i] != p[k])
			k = border[k];
		border[i + 1] = (uint16_t)(k += p[i] == p[k]);
	}
	for (uint32_t i = 0, k = 0; i < n; i++) {
		while (k == m || (k && t[i] != p[k]))
			k = border[k];
		k += t[i] == p[k];
		if (k == m)
			sum = digest(sum, i + 1 - m);
	}
	return sum;
}

static uint32_t rabin(const uint8_t *t, uint32_t n, const uint8_t *p, uint32_t m)
{
	uint32_t sum = 0, want = 0, have = 0, top = 1;

	for (uint32_t i = 0; i < m; i++) {
		want = want * 257 + p[i];
		have = have * 257 + t[i];
		top *= i ? 257 : 1;
	}
	for (uint32_t i = 0;; i++) {
		if (have == want && memcmp(t + i, p, m) == 0)
			sum = digest(sum, i);
		if (i + m >= n)
			return sum;
		have = (have - t[i] * top) * 257 + t[i + m];
	}
}

void kernel(const uint8_t *in, size_t size)
{
	uint32_t n = (uint32_t)size, m = 0;

	while (m < n && in[m] > ' ' && m < 32)
		m++;
	m += !m;
	put(m);
	put(horspool(in, n, in, m));
	put(knuth(in, n, in, m));
	put(rabin(in, n, in, m));
	put(horspool(in, n, in, (m + 1) / 2));
}
