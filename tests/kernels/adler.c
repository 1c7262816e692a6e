/* adler.c - sums for storage and networks: Adler-32, Fletcher-16, the Internet checksum, a Luhn digit. */
#include "kernel.h"

static uint32_t adler32(const uint8_t *p, size_t n)
{
	uint32_t a = 1, b = 0;
	while (n > 0) {
		size_t k = n < 3800 ? n : 3800; /* so many sums fit before they are reduced */
		n -= k;
		while (k-- > 0) {
			a += *p++;
			b += a;
		}
		a %= 65521;
		b %= 65521;
	}
	return b << 16 | a;
}

static uint32_t fletcher16(const uint8_t *p, size_t n)
{
	uint32_t a = 0, b = 0;
	for (size_t i = 0; i < n; i++) {
		a = (a + p[i]) % 255;
		b = (b + a) % 255;
	}
	return b << 8 | a;
}

static uint32_t internet(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)p[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static uint32_t luhn(const uint8_t *p, size_t n)
{
	uint32_t sum = 0, twice = 1;
	for (size_t i = n; i-- > 0;) {
		uint32_t d = (uint32_t)p[i] - '0';
		if (d > 9)
			continue;
		d <<= twice;
		sum += d > 9 ? d - 9 : d;
		twice ^= 1;
	}
	return (10 - sum % 10) % 10;
}

void kernel(const uint8_t *in, size_t n)
{
	put(adler32(in, n));
	put(fletcher16(in, n));
	put(internet(in, n));
	put(luhn(in, n));
}
