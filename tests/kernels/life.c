/* life.c - cellular automata: Conway's game of life on a torus of 64 by 32, a row in a word, eight neighbours added in parallel;
 * and a one-dimensional automaton whose rule is the input. */
#include "kernel.h"

enum { ROWS = 32, STEPS = 64 };

static uint64_t world[2][ROWS];

static uint64_t west(uint64_t x) { return x << 1 | x >> 63; }
static uint64_t east(uint64_t x) { return x >> 1 | x << 63; }

/* Adds one neighbour for each cell to its count of three bits, in which eight is as good as none. */
static void add(uint64_t sum[3], uint64_t x)
{
	uint64_t carry = sum[0] & x;
	sum[0] ^= x;
	sum[2] ^= sum[1] & carry;
	sum[1] ^= carry;
}

static void step(const uint64_t *from, uint64_t *to)
{
	for (int i = 0; i < ROWS; i++) {
		uint64_t sum[3] = {0}, up = from[(i + ROWS - 1) % ROWS], here = from[i], down = from[(i + 1) % ROWS];
		add(sum, west(up));
		add(sum, up);
		add(sum, east(up));
		add(sum, west(here));
		add(sum, east(here));
		add(sum, west(down));
		add(sum, down);
		add(sum, east(down));
		to[i] = sum[1] & ~sum[2] & (sum[0] | here);
	}
}

static uint64_t elementary(uint64_t row, uint8_t rule)
{
	uint64_t next = 0;
	for (int i = 0; i < 64; i++) {
		uint32_t around = (uint32_t)(west(row) >> i & 1) | (uint32_t)(row >> i & 1) << 1 | (uint32_t)(east(row) >> i & 1) << 2;
		next |= (uint64_t)(rule >> around & 1) << i;
	}
	return next;
}

void kernel(const uint8_t *in, size_t n)
{
	uint64_t row = 1, hash = 0;
	for (size_t i = 0; i < n; i++) {
		world[0][i / 8 % ROWS] ^= (uint64_t)in[i] << 8 * (i & 7);
		row = elementary(row ^ in[i], in[i]);
	}
	for (int i = 0; i < STEPS; i++)
		step(world[i & 1], world[~i & 1]);
	for (int i = 0; i < ROWS; i++)
		hash = hash * 0x100000001b3 ^ world[0][i];
	put(hash);
	put(row);
}
