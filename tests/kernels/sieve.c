/* sieve.c - sets of bits: primes by a sieve of odd numbers, then unions, differences and counts of sets made from the input. */
#include "kernel.h"

enum { LIMIT = 1 << 14, WORDS = LIMIT / 64 };

static uint64_t prime[WORDS], there[WORDS]; /* bit i stands for 2i + 1 */

static int has(const uint64_t *set, uint32_t i) { return set[i >> 6] >> (i & 63) & 1; }

static uint32_t count(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (uint32_t)(x * 0x0101010101010101 >> 56);
}

static void sieve(void)
{
	for (uint32_t i = 0; i < WORDS; i++)
		prime[i] = ~(uint64_t)0;
	prime[0] &= ~(uint64_t)1;
	for (uint32_t i = 1; 2 * i * (i + 1) < LIMIT; i++)
		if (has(prime, i))
			for (uint32_t k = 2 * i * (i + 1); k < LIMIT; k += 2 * i + 1)
				prime[k >> 6] &= ~((uint64_t)1 << (k & 63));
}

static uint32_t last_in(const uint64_t *set)
{
	for (uint32_t i = WORDS; i-- > 0;) {
		uint32_t bit = 0;
		for (uint64_t w = set[i]; w >>= 1;)
			bit++;
		if (set[i])
			return i * 64 + bit;
	}
	return 0;
}

void kernel(const uint8_t *in, size_t n)
{
	uint32_t x = 0, primes = 0, both = 0, either = 0, only = 0;
	sieve();
	for (size_t i = 0; i < n; i++) {
		x = (x * 5 + in[i]) % LIMIT;
		there[x >> 6] |= (uint64_t)1 << (x & 63);
	}
	for (uint32_t i = 0; i < WORDS; i++) {
		primes += count(prime[i]);
		both += count(prime[i] & there[i]);
		either += count(prime[i] | there[i]);
		only += count(there[i] & ~prime[i]);
	}
	put((uint64_t)primes << 32 | both);
	put((uint64_t)either << 32 | only);
	put((uint64_t)last_in(prime) << 32 | last_in(there));
}
