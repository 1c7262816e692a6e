/* diversify.h - what diversify.c and diversify_manifest.c share. */
#ifndef DIVERSIFY_H
#define DIVERSIFY_H

#include <sodium/crypto_hash_sha256.h>
#include "all.h"

typedef struct Choice {
	uint32_t row;                  /* of the build's variants; NONE: the original */
	Body body;
	Digest code;
} Choice;

/* One function's bodies, which all differ in machine code; the first is the original's. */
typedef struct Deck {
	uint32_t func, n;              /* ordinal; bodies */
	Choice *body;
	uint16_t *card;                /* their numbers in the order in which they are dealt */
	Rng rng;
} Deck;

typedef unsigned char Sha256[crypto_hash_sha256_BYTES];

typedef struct Diversify {
	Build b;
	const char *stem;
	uint32_t norig;                /* functions of the original */
	Deck *deck;                    /* by rising ordinal */
	uint32_t ndeck;
	uint32_t n;                    /* modules; the original goes before them in what follows */
	uint16_t *hand;                /* (n + 1) * ndeck numbers of bodies */
	Digest *code;                  /* of the machine code of all functions */
	Sha256 *sha256;                /* of the module's bytes */
} Diversify;

/* In how many functions two modules differ in machine code, over all pairs. */
typedef struct Distance {
	uint32_t least;
	double mean;
} Distance;

char *diversify_name(const Diversify *d, uint32_t n);      /* of module n, from 1 on; malloc'ed */
Distance diversify_distance(const Diversify *d);
Bytes diversify_manifest(const Diversify *d);
Bytes diversify_summary(const Diversify *d);

#endif
