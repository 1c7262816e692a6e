/* copy.c - the control: the body as it is. Its variants must show a diversity of nothing at all. */
#include "../all.h"

static uint32_t count(const Site *s) { return s->kind == SITE_BODY ? 4094 : 0; }

static bool propose(const Site *s, uint32_t n, uint64_t seed, Proposal *out)
{
	(void)n;
	(void)seed;
	*out = (Proposal){.rule = "copy", .expr = BinaryenExpressionCopy(s->expr, s->body->mod->ref)};
	return true;
}

const Strategy strategy_copy = {"copy", "the body unchanged: the control, which must show no diversity", V_BY_CONSTRUCTION, NULL, NULL, NULL, count, propose};
