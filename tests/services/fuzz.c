/* fuzz.c - feed a service what nobody should send, natively, under the sanitizers.
 *
 * usage: fuzz ROUNDS SEED
 * In: mutations of the service's two inputs, text and noise of many lengths, and rooms for the answer that may be too small.
 * Out: one line; exit code 1 at the first round in which the contract of service.h is broken. Requests and answers lie in
 * blocks of exactly their size, so that the address sanitizer sees the first byte read or written outside. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../services/service.h"

static uint64_t next(uint64_t *s)
{
	uint64_t z = *s += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static size_t below(uint64_t *s, size_t n)
{
	return (size_t)(next(s) % n);
}

/* Short for the most part: lengths up to 2^k with k drawn, since the large ones take longest and tell least. */
static size_t length(uint64_t *s, size_t most)
{
	size_t n = 1 + below(s, (size_t)1 << (1 + below(s, 14)));

	return n < most ? n : most;
}

/* A request of *n bytes in a block of its own. */
static uint8_t *make_request(uint64_t *s, size_t *n)
{
	const ServiceInput *base = &service_input[below(s, INPUTS)];
	bool mutate = below(s, 2), text = below(s, 2);
	uint8_t *p;

	*n = length(s, SERVICE_INPUT_MAX + 2);
	if (mutate && below(s, 2))
		*n = base->n;
	p = malloc(*n);
	if (!p)
		abort();
	for (size_t i = 0; i < *n; i++)
		p[i] = text ? (uint8_t)(' ' + below(s, 95)) : (uint8_t)next(s);
	if (mutate) {
		memcpy(p, base->p, *n < base->n ? *n : base->n);
		for (size_t flips = below(s, 4); flips; flips--)
			p[below(s, *n)] ^= (uint8_t)(1u << below(s, 8));
	}
	return p;
}

/* What is wrong with the service's answer to this request, or NULL. */
static const char *check(const uint8_t *in, size_t n, size_t cap)
{
	size_t nout = 0, again = 0;
	const char *why = NULL, *wrong = NULL;
	uint8_t *out = malloc(cap), *out2 = malloc(cap);
	int status;

	if (!out || !out2)
		abort();
	status = serve(in, n, out, cap, &nout, &why);
	if (status != SERVICE_OK && status != SERVICE_BAD && status != SERVICE_LARGE)
		wrong = "a status that is none of its own";
	else if (status && (!why || !*why || strchr(why, '\n')))
		wrong = "an error without its one line";
	else if (!status && nout > cap)
		wrong = "an answer larger than its room";
	else if (status != serve(in, n, out2, cap, &again, &why))
		wrong = "another status when asked again";
	else if (!status && (nout != again || (strcmp(service_name, "random") && memcmp(out, out2, nout))))
		wrong = "another answer when asked again";
	free(out);
	free(out2);
	return wrong;
}

int main(int argc, char **argv)
{
	uint64_t seed, rounds, round;

	if (argc != 3)
		return fprintf(stderr, "usage: %s ROUNDS SEED\n", argv[0]), 2;
	rounds = strtoull(argv[1], NULL, 10);
	seed = strtoull(argv[2], NULL, 10);
	for (round = 0; round < rounds; round++) {
		size_t n, cap;
		uint8_t *in = make_request(&seed, &n);
		const char *wrong;
		cap = below(&seed, 4) ? SERVICE_OUTPUT_MAX : 1 + below(&seed, 256);
		wrong = check(in, n, cap);
		free(in);
		if (wrong)
			return printf("round %" PRIu64 ", request of %zu bytes, room for %zu: %s\n", round, n, cap, wrong), 1;
	}
	printf("%" PRIu64 " rounds\n", rounds);
	return 0;
}
