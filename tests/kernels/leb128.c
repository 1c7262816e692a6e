/* leb128.c - a codec: numbers of any length as wasm and protocols write them, signed and zigzag, and runs of equal bytes. */
#include "kernel.h"

static uint8_t out[22 * INPUT_MAX];      /* a run and two numbers for each byte at most */
static size_t used;

static void put_unsigned(uint64_t x)
{
	for (; x >= 0x80; x >>= 7)
		out[used++] = (uint8_t)(x | 0x80);
	out[used++] = (uint8_t)x;
}

static void put_signed(int64_t x)
{
	for (; x < -64 || x > 63; x >>= 7)
		out[used++] = (uint8_t)((uint8_t)x | 0x80);
	out[used++] = (uint8_t)(x & 0x7f);
}

static uint64_t get_unsigned(const uint8_t **p)
{
	uint64_t x = 0;
	for (uint32_t shift = 0; shift < 64; shift += 7) {
		uint8_t b = *(*p)++;
		x |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			break;
	}
	return x;
}

static int64_t get_signed(const uint8_t **p)
{
	uint64_t x = 0;
	for (uint32_t shift = 0; shift < 64;) {
		uint8_t b = *(*p)++;
		x |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (b < 0x80)
			return (int64_t)(shift < 64 && b & 0x40 ? x | ~(uint64_t)0 << shift : x);
	}
	return (int64_t)x;
}

static uint64_t zigzag(int64_t x) { return (uint64_t)x << 1 ^ -((uint64_t)x >> 63); }

void kernel(const uint8_t *in, size_t n)
{
	uint64_t x = 1, sum = 0;
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && in[i + run] == in[i];)
			run++;
		x = (x << (in[i] & 31) ^ x >> 7) + in[i];
		put_unsigned(run);
		put_signed((int64_t)x);
		put_unsigned(zigzag((int64_t)x >> (in[i] & 63)));
	}
	put_bytes(out, used);
	for (const uint8_t *p = out; p < out + used;) {
		sum = sum * 5 + get_unsigned(&p);
		sum ^= (uint64_t)get_signed(&p);
		sum += get_unsigned(&p);
	}
	put(sum);
	put(used);
}
