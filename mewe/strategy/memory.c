/* memory.c - the memory strategy: for functions that do little else than read, write and count.
 * In: a site. Out: the same accesses to memory made in another way, or the whole body with a local kept in another way.
 * Must hold: an access traps exactly where the highest byte that it touches lies outside of memory, so what is done in its place
 * touches that byte, and nothing above it unless that is known to be inside; nothing is written before something that may trap
 * and was done first. */
#include "constinfer.h"

static const Family *const families[] = {&memory_loads, &memory_stores, &memory_addresses, &memory_pairs};

static uint32_t count(const Site *s)
{
	const Facts *f = facts_for(strategy_own(&strategy_memory, s->in), s);
	if (s->body->mod->scan.memory_shared) /* others may look on */
		return 0;
	if (s->kind == SITE_BODY)
		return f ? memory_local_count(s, f) : 0;
	return infer_count(s, &strategy_memory, families, LEN(families));
}

static bool propose(const Site *s, uint32_t n, uint64_t seed, Proposal *out)
{
	if (s->kind != SITE_BODY)
		return infer_propose(s, &strategy_memory, families, LEN(families), n, seed, out);
	Rng r = {mix64(seed ^ n)};
	const Facts *f = facts_for(strategy_own(&strategy_memory, s->in), s);
	*out = (Proposal){0};
	return f && memory_local_make(s, f, n, &r, out);
}

const Strategy strategy_memory = {"memory", "loads and stores split, merged and exchanged, addresses and loop counters kept in another way",
                                  V_PROVED, facts_open, facts_close, NULL, count, propose};
