/* modpow.c - number theory: gcd both ways, modular powers and inverses, primality by Miller and Rabin, square roots. */
#include "kernel.h"

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b > 0) {
		uint32_t r = a % b;
		a = b;
		b = r;
	}
	return a;
}

static uint32_t binary_gcd(uint32_t a, uint32_t b)
{
	uint32_t twos = 0;
	if (a == 0 || b == 0)
		return a | b;
	for (; ((a | b) & 1) == 0; twos++) {
		a >>= 1;
		b >>= 1;
	}
	while (a > 0) {
		while ((a & 1) == 0)
			a >>= 1;
		while ((b & 1) == 0)
			b >>= 1;
		if (a >= b)
			a -= b;
		else
			b -= a;
	}
	return b << twos;
}

static uint32_t power(uint32_t x, uint32_t e, uint32_t m)
{
	uint64_t r = 1 % m, y = x % m;
	for (; e > 0; e >>= 1) {
		if (e & 1)
			r = r * y % m;
		y = y * y % m;
	}
	return (uint32_t)r;
}

static int is_prime(uint32_t n)
{
	static const uint32_t witness[] = {2, 7, 61}; /* enough below 2^32 */
	uint32_t d = n - 1, twos = 0;
	if (n < 2 || (n & 1) == 0)
		return n == 2;
	for (; (d & 1) == 0; twos++)
		d >>= 1;
	for (int i = 0; i < 3; i++) {
		uint64_t x = power(witness[i], d, n);
		if (witness[i] % n == 0 || x == 1 || x == n - 1)
			continue;
		uint32_t k = 1;
		while (k < twos && (x = x * x % n) != n - 1)
			k++;
		if (k >= twos)
			return 0;
	}
	return 1;
}

static uint32_t root(uint32_t x)
{
	uint32_t r = 0;
	for (uint32_t bit = 1u << 30; bit > 0; bit >>= 2) {
		uint32_t t = r + bit;
		r >>= 1;
		if (x >= t) {
			x -= t;
			r += bit;
		}
	}
	return r;
}

void kernel(const uint8_t *in, size_t n)
{
	uint32_t x = 1, y = 1, primes = 0, differ = 0;
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		y = x;
		x = x * 1103515245 + in[i];
		uint32_t g = gcd(x, y);
		differ += g != binary_gcd(x, y);
		primes += (uint32_t)is_prime(x | 1);
		sum = sum * 3 + g + power(x, y, (y >> 7) + 1) + root(x);
	}
	put(sum);
	put((uint64_t)primes << 32 | differ);
}
