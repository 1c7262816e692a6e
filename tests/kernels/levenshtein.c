/* levenshtein.c - text and genes: the distance of two halves of the input, their longest common subsequence, and where the first
 * bytes come again. */
#include "kernel.h"

enum { HALF = 256, PATTERN = 5 };

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t most(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t distance(const uint8_t *a, uint32_t n, const uint8_t *b, uint32_t m)
{
	static uint32_t row[HALF + 1];
	for (uint32_t j = 0; j <= m; j++)
		row[j] = j;
	for (uint32_t i = 1; i <= n; i++) {
		uint32_t corner = row[0];
		row[0] = i;
		for (uint32_t j = 1; j <= m; j++) {
			uint32_t above = row[j];
			row[j] = least(least(above, row[j - 1]) + 1, corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[m];
}

static uint32_t common(const uint8_t *a, uint32_t n, const uint8_t *b, uint32_t m)
{
	static uint32_t row[HALF + 1];
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0, corner = 0; j < m; j++) {
			uint32_t above = row[j + 1];
			row[j + 1] = a[i] == b[j] ? corner + 1 : most(above, row[j]);
			corner = above;
		}
	return row[m];
}

/* Knuth, Morris and Pratt: how often the pattern is in the text, overlaps counted; *last is where it ends last. */
static uint32_t occurrences(const uint8_t *pattern, const uint8_t *text, uint32_t n, uint32_t *last)
{
	uint8_t fall[PATTERN + 1] = {0};
	uint32_t found = 0;
	for (uint32_t i = 1, k = 0; i < PATTERN; i++) {
		while (k > 0 && pattern[k] != pattern[i])
			k = fall[k];
		k += pattern[k] == pattern[i];
		fall[i + 1] = (uint8_t)k;
	}
	for (uint32_t i = 0, k = 0; i < n; i++) {
		while (k > 0 && (k == PATTERN || pattern[k] != text[i]))
			k = fall[k];
		k += pattern[k] == text[i];
		if (k == PATTERN) {
			found++;
			*last = i + 1;
		}
	}
	return found;
}

void kernel(const uint8_t *in, size_t n)
{
	uint32_t half = least((uint32_t)n / 2, HALF), last = 0;
	uint32_t d = distance(in, half, in + half, half), c = common(in, half, in + half, half);
	uint32_t found = n >= PATTERN ? occurrences(in, in, (uint32_t)n, &last) : 0;
	put((uint64_t)d << 32 | c);
	put((uint64_t)found << 32 | last);
}
