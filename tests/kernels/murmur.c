/* murmur.c - hashes for tables: MurmurHash3 and FNV-1a of each word, put into a table of counts by both. */
#include "kernel.h"

static uint32_t rotl(uint32_t x, int n) { return x << n | x >> (32 - n); }

static uint32_t scramble(uint32_t k) { return rotl(k * 0xcc9e2d51, 15) * 0x1b873593; }

static uint32_t murmur3(const uint8_t *p, size_t n, uint32_t seed)
{
	uint32_t h = seed, tail = 0;
	for (size_t i = 0; i + 4 <= n; i += 4) {
		uint32_t k = (uint32_t)p[i] | (uint32_t)p[i + 1] << 8 | (uint32_t)p[i + 2] << 16 | (uint32_t)p[i + 3] << 24;
		h = rotl(h ^ scramble(k), 13) * 5 + 0xe6546b64;
	}
	for (size_t i = n; i > (n & ~(size_t)3); i--)
		tail = tail << 8 | p[i - 1];
	h ^= scramble(tail) ^ (uint32_t)n;
	h = (h ^ h >> 16) * 0x85ebca6b;
	h = (h ^ h >> 13) * 0xc2b2ae35;
	return h ^ h >> 16;
}

static uint64_t fnv1a(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

void kernel(const uint8_t *in, size_t n)
{
	static uint32_t count[256];
	uint64_t sum = 0;
	for (size_t from = 0, to; from < n; from = to + 1) {
		for (to = from; to < n && in[to] > ' ';)
			to++;
		count[murmur3(in + from, to - from, 42) & 255]++;
		count[fnv1a(in + from, to - from) >> 56]++;
	}
	for (uint32_t i = 0; i < 256; i++)
		sum = sum * 31 + count[i];
	put(sum);
	put(murmur3(in, n, 0));
	put(fnv1a(in, n));
}
