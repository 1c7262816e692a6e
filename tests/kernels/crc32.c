/* crc32.c - error detection: CRC-32 bit by bit, by a table, and by four tables at once; they must agree. */
#include "kernel.h"

static uint32_t table[4][256];

static uint32_t shift8(uint32_t c)
{
	for (int k = 0; k < 8; k++)
		c = c >> 1 ^ (0xedb88320 & -(c & 1));
	return c;
}

static uint32_t bitwise(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;
	for (size_t i = 0; i < n; i++)
		c = shift8(c ^ p[i]);
	return ~c;
}

static void make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++)
		table[0][i] = shift8(i);
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 4; k++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

static uint32_t by_table(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;
	while (n-- > 0)
		c = c >> 8 ^ table[0][(c ^ *p++) & 255];
	return ~c;
}

static uint32_t by_four(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;
	for (; n >= 4; n -= 4, p += 4) {
		c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		c = table[3][c & 255] ^ table[2][c >> 8 & 255] ^ table[1][c >> 16 & 255] ^ table[0][c >> 24];
	}
	while (n-- > 0)
		c = c >> 8 ^ table[0][(c ^ *p++) & 255];
	return ~c;
}

void kernel(const uint8_t *in, size_t n)
{
	make_tables();
	put(bitwise(in, n));
	put(by_table(in, n));
	put(by_four(in, n));
}
