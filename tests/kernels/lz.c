/* lz.c - compression: matches of at least four bytes within the last 4,096, found by a hash; unpacked again and compared. */
#include "kernel.h"

enum { SLOTS = 1024, LEAST = 4, MOST = 130 };

static size_t literals(uint8_t *out, const uint8_t *p, size_t n)
{
	size_t used = 0;
	while (n > 0) {
		size_t k = n < 128 ? n : 128;
		out[used++] = (uint8_t)(k - 1);
		for (size_t i = 0; i < k; i++)
			out[used++] = *p++;
		n -= k;
	}
	return used;
}

static size_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
	size_t n = 0;
	while (b + n < end && n < MOST && a[n] == b[n])
		n++;
	return n;
}

static size_t pack(const uint8_t *in, size_t n, uint8_t *out)
{
	static uint16_t slot[SLOTS];   /* place + 1; 0: none yet */
	size_t used = 0, start = 0;
	for (size_t i = 0; i + LEAST <= n;) {
		uint32_t h = (uint32_t)(in[i] | in[i + 1] << 8 | in[i + 2] << 16) * 2654435761u >> 22;
		size_t at = slot[h], length = at ? match_length(in + at - 1, in + i, in + n) : 0;
		slot[h] = (uint16_t)(i + 1);
		if (length < LEAST) {
			i++;
			continue;
		}
		size_t back = i - (at - 1);
		used += literals(out + used, in + start, i - start);
		out[used++] = (uint8_t)(0x80 | (length - LEAST));
		out[used++] = (uint8_t)back;
		out[used++] = (uint8_t)(back >> 8);
		i += length;
		start = i;
	}
	return used + literals(out + used, in + start, n - start);
}

static size_t unpack(const uint8_t *p, size_t n, uint8_t *out)
{
	size_t used = 0;
	for (const uint8_t *end = p + n; p < end;) {
		size_t k = *p & 0x7f;
		if (*p++ & 0x80) {
			size_t back = (size_t)p[0] | (size_t)p[1] << 8;
			p += 2;
			for (k += LEAST; k > 0; k--, used++)
				out[used] = out[used - back];
		} else {
			for (k++; k > 0; k--)
				out[used++] = *p++;
		}
	}
	return used;
}

void kernel(const uint8_t *in, size_t n)
{
	static uint8_t packed[2 * INPUT_MAX], back[2 * INPUT_MAX];
	size_t small = pack(in, n, packed), k = unpack(packed, small, back);
	uint32_t differ = 0;
	for (size_t i = 0; i < n; i++)
		differ += i >= k || back[i] != in[i];
	put_bytes(packed, small);
	put((uint64_t)small << 32 | differ);
}
