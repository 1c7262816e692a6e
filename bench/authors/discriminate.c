/* discriminate.c - what the authors' dispatchers call: `thread_rng().next_u32() % 1000000 % n` of Rust's rand 0.7, in C.
 * In: n, from a dispatcher. Out: a choice below n. As there: ChaCha20, four blocks at a time, keyed once by 32 bytes of random_get and
 * anew after 64 KiB. Must hold: the host's random numbers, or the module traps. */
#include <stdint.h>
#include <string.h>
#include <wasi/api.h>

enum { BLOCKS = 4, WORDS = 16 * BLOCKS, RESEED = 65536 / 4 };

static uint32_t key[8], buffer[WORDS];
static uint64_t counter;
static uint32_t at = WORDS, left;

static uint32_t rotl(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
	x[a] += x[b], x[d] = rotl(x[d] ^ x[a], 16);
	x[c] += x[d], x[b] = rotl(x[b] ^ x[c], 12);
	x[a] += x[b], x[d] = rotl(x[d] ^ x[a], 8);
	x[c] += x[d], x[b] = rotl(x[b] ^ x[c], 7);
}

static void block(uint32_t *out)
{
	uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, x[16];
	memcpy(in + 4, key, sizeof key);
	in[12] = (uint32_t)counter;
	in[13] = counter++ >> 32;
	memcpy(x, in, sizeof x);
	for (int k = 0; k < 10; k++) {
		for (int c = 0; c < 4; c++)
			quarter(x, c, 4 + c, 8 + c, 12 + c);
		for (int c = 0; c < 4; c++)
			quarter(x, c, 4 + (c + 1) % 4, 8 + (c + 2) % 4, 12 + (c + 3) % 4);
	}
	for (int k = 0; k < 16; k++)
		out[k] = x[k] + in[k];
}

static uint32_t next(void)
{
	if (at == WORDS) {
		if (left == 0) {
			if (__wasi_random_get((uint8_t *)key, sizeof key) != 0)
				__builtin_trap();
			counter = 0;
			left = RESEED;
		}
		for (int k = 0; k < BLOCKS; k++)
			block(buffer + 16 * k);
		left -= WORDS;
		at = 0;
	}
	return buffer[at++];
}

/* int, as their bitcode declares it. */
int discriminate(int n);
int discriminate(int n)
{
	return (int)(next() % 1000000 % (uint32_t)n);
}
