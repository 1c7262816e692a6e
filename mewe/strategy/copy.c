/* copy.c - the control: the body, or the region, as it is. Its variants must show a diversity of nothing at all. */
#include "../all.h"

/* Of a place's sites, the one that is all of it. */
static uint32_t count(const Site *s)
{
	const Place *p = &s->in->places.p[s->place];
	return s->kind == SITE_BODY || (p->region && s->index == p->index) ? 4094 : 0;
}

static bool propose(const Site *s, uint32_t n, uint64_t seed, Proposal *out)
{
	(void)n;
	(void)seed;
	*out = (Proposal){.rule = "copy", .expr = BinaryenExpressionCopy(s->expr, s->body->mod->ref)};
	return true;
}

const Strategy strategy_copy = {"copy", "the body unchanged: the control, which must show no diversity", V_BY_CONSTRUCTION, NULL, NULL, NULL, count, propose};
