/* pcg.c - generators of random numbers: PCG32, xorshift64*, xoshiro128++, a linear feedback register; and a shuffle by them. */
#include "kernel.h"

static uint64_t pcg = 0x853c49e6748fea9b, shift64 = 0x9e3779b97f4a7c15;
static uint32_t xo[4] = {1, 2, 3, 4};
static uint16_t lfsr = 0xace1;

static uint32_t pcg32(void)
{
	uint64_t old = pcg;
	pcg = old * 6364136223846793005 + 0xda3e39cb94b95bdb;
	uint32_t x = (uint32_t)((old >> 18 ^ old) >> 27), r = (uint32_t)(old >> 59);
	return x >> r | x << (-r & 31);
}

static uint64_t xorshift64(void)
{
	shift64 ^= shift64 >> 12;
	shift64 ^= shift64 << 25;
	shift64 ^= shift64 >> 27;
	return shift64 * 0x2545f4914f6cdd1d;
}

static uint32_t rotl(uint32_t x, int n) { return x << n | x >> (32 - n); }

static uint32_t xoshiro(void)
{
	uint32_t r = rotl(xo[0] + xo[3], 7) + xo[0], t = xo[1] << 9;
	xo[2] ^= xo[0];
	xo[3] ^= xo[1];
	xo[1] ^= xo[2];
	xo[0] ^= xo[3];
	xo[2] ^= t;
	xo[3] = rotl(xo[3], 11);
	return r;
}

static uint32_t feedback(void)
{
	uint16_t bit = (uint16_t)((lfsr ^ lfsr >> 2 ^ lfsr >> 3 ^ lfsr >> 5) & 1);
	return lfsr = (uint16_t)(lfsr >> 1 | bit << 15);
}

/* Every number below n equally often. */
static uint32_t below(uint32_t n)
{
	for (;;) {
		uint64_t m = (uint64_t)pcg32() * n;
		if ((uint32_t)m >= -n % n)
			return (uint32_t)(m >> 32);
	}
}

void kernel(const uint8_t *in, size_t n)
{
	static uint8_t deck[INPUT_MAX];
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		pcg += in[i];
		deck[i] = in[i];
		sum = sum * 7 ^ xorshift64() ^ xoshiro() ^ feedback();
	}
	for (uint32_t i = (uint32_t)n; i > 1; i--) {
		uint32_t j = below(i);
		uint8_t t = deck[i - 1];
		deck[i - 1] = deck[j];
		deck[j] = t;
	}
	put_bytes(deck, n);
	put(sum);
}
