/* fir.c - signal processing: a low-pass in Q15 with sixteen taps, rounded and saturated, and one of every second sample. */
#include "kernel.h"

enum { TAPS = 16 };

static const int16_t tap[TAPS] = {-98, -201, -117, 512, 1684, 3211, 4678, 5715, 5715, 4678, 3211, 1684, 512, -117, -201, -98};

static int16_t saturate(int32_t x)
{
	return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x);
}

static int16_t filter(int16_t past[TAPS], int16_t sample)
{
	int32_t sum = 1 << 14;
	for (int i = TAPS - 1; i > 0; i--)
		past[i] = past[i - 1];
	past[0] = sample;
	for (int i = 0; i < TAPS; i++)
		sum += past[i] * tap[i];
	return saturate(sum >> 15);
}

static uint32_t magnitude(int16_t x) { return (uint32_t)(x < 0 ? -x : x); }

void kernel(const uint8_t *in, size_t n)
{
	static int16_t once[TAPS], twice[TAPS];
	uint64_t hash = 0, energy = 0;
	for (size_t i = 0; i < n; i++) {
		int16_t y = filter(once, (int16_t)((in[i] - 128) * 256));
		hash = hash * 131 + (uint16_t)y;
		if (i & 1)
			energy += magnitude(filter(twice, y));
	}
	put(hash);
	put(energy);
}
