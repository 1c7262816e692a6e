/* lower_live.c - which registers are live where blocks begin.
 * In: a flow whose edges are resolved. Out: live[] and nlive[]. Must hold: a register that is read before it is written on
 * some way from a block's start is in the block's list. */
#include <stdlib.h>
#include <string.h>
#include "lower.h"

enum { BITS_MAX = 1u << 31 };          /* bits in all the sets together */

typedef struct Sets {
	uint64_t *in, *use, *def;      /* of each block, `words` words */
	uint32_t *cross, *reg, n;      /* number of a register that more than one block touches; and back */
	uint32_t words;
} Sets;

/* Most registers are temporaries of one block: only the others need a place in the sets. */
static void number(const Flow *f, Sets *s)
{
	uint32_t *home = xalloc(f->nreg * sizeof *home);
	s->cross = xalloc(f->nreg * sizeof *s->cross);
	s->reg = xalloc(f->nreg * sizeof *s->reg);
	for (uint32_t i = 0; i < f->nreg; i++)
		home[i] = i < f->nlocal ? NONE - 1 : NONE;
#define TOUCH(r, b) (home[r] = home[r] == NONE || home[r] == (b) ? (b) : NONE - 1)
	for (uint32_t b = 0; b < f->nblock; b++) {
		const Block *k = &f->block[b];
		for (uint32_t i = k->ins; i < k->ins + k->nins; i++) {
			for (uint32_t j = 0; j < f->ins[i].narg; j++)
				TOUCH(f->arg[f->ins[i].arg + j], b);
			for (uint32_t j = 0; j < f->ins[i].ndst; j++)
				TOUCH(f->ins[i].dst + j, b);
		}
		if (k->end == END_BRANCH || k->end == END_SWITCH)
			TOUCH(k->value, b);
		for (uint32_t j = 0; j < k->narg; j++)
			TOUCH(f->arg[k->arg + j], b);
	}
#undef TOUCH
	for (uint32_t i = 0; i < f->nreg; i++) {
		s->cross[i] = home[i] == NONE - 1 ? s->n : NONE;
		if (home[i] == NONE - 1)
			s->reg[s->n++] = i;
	}
	free(home);
	s->words = (s->n + 63) / 64;
}

static void use(const Sets *s, uint64_t *u, const uint64_t *d, uint32_t reg)
{
	uint32_t c = s->cross[reg];
	if (c != NONE && !(d[c / 64] >> c % 64 & 1))
		u[c / 64] |= 1ull << c % 64;
}

static void fill(const Flow *f, Sets *s)
{
	for (uint32_t b = 0; b < f->nblock; b++) {
		const Block *k = &f->block[b];
		uint64_t *u = &s->use[(size_t)b * s->words], *d = &s->def[(size_t)b * s->words];
		for (uint32_t i = k->ins; i < k->ins + k->nins; i++) {
			for (uint32_t j = 0; j < f->ins[i].narg; j++)
				use(s, u, d, f->arg[f->ins[i].arg + j]);
			for (uint32_t j = 0; j < f->ins[i].ndst; j++) {
				uint32_t c = s->cross[f->ins[i].dst + j];
				if (c != NONE)
					d[c / 64] |= 1ull << c % 64;
			}
		}
		if (k->end == END_BRANCH || k->end == END_SWITCH)
			use(s, u, d, k->value);
		for (uint32_t j = 0; j < k->narg; j++)
			use(s, u, d, f->arg[k->arg + j]);
	}
}

static void solve(const Flow *f, Sets *s)
{
	memcpy(s->in, s->use, (size_t)f->nblock * s->words * 8);
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t b = f->nblock; b-- > 0;) {
			const Block *k = &f->block[b];
			uint64_t *in = &s->in[(size_t)b * s->words];
			const uint64_t *d = &s->def[(size_t)b * s->words];
			for (uint32_t t = 0; t < k->nto; t++) {
				const uint64_t *from = &s->in[(size_t)f->to[k->to + t] * s->words];
				for (uint32_t w = 0; w < s->words; w++) {
					uint64_t more = in[w] | (from[w] & ~d[w]);
					changed |= more != in[w];
					in[w] = more;
				}
			}
		}
	}
}

bool lower_live(Flow *f)
{
	Sets s = {0};
	number(f, &s);
	bool small = (uint64_t)f->nblock * s.words * 64 < BITS_MAX;
	if (small) {
		size_t n = (size_t)f->nblock * s.words * 8;
		s.in = xalloc(n);
		s.use = xalloc(n);
		s.def = xalloc(n);
		fill(f, &s);
		solve(f, &s);
		f->live = xalloc(f->nblock * sizeof *f->live);
		f->nlive = xalloc(f->nblock * sizeof *f->nlive);
		for (uint32_t b = 0; b < f->nblock; b++) {
			uint32_t cap = 0;
			for (uint32_t c = 0; c < s.n; c++)
				if (s.in[(size_t)b * s.words + c / 64] >> c % 64 & 1)
					PUSH(f->live[b], f->nlive[b], cap, s.reg[c]);
		}
	}
	free(s.in);
	free(s.use);
	free(s.def);
	free(s.cross);
	free(s.reg);
	return small;
}
