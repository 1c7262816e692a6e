/* siphash.c - a keyed hash: SipHash-2-4 of every prefix of the input that ends at a multiple of 61, and of the whole. */
#include "kernel.h"

static uint64_t rotl(uint64_t x, int n) { return x << n | x >> (64 - n); }

static void rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

static uint64_t siphash(uint64_t k0, uint64_t k1, const uint8_t *p, size_t n)
{
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
	uint64_t word = 0;
	for (size_t i = 0; i < n; i++) {
		word |= (uint64_t)p[i] << 8 * (i & 7);
		if ((i & 7) == 7) {
			absorb(v, word);
			word = 0;
		}
	}
	absorb(v, word | (uint64_t)n << 56);
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void kernel(const uint8_t *in, size_t n)
{
	uint64_t k0 = 0x0706050403020100, k1 = 0x0f0e0d0c0b0a0908;
	put(siphash(k0, k1, in, n));
	for (size_t i = 0; i < n; i += 61)
		k0 = siphash(k0, k1 + i, in, i);
	put(k0);
}
