/* facts.h - cheap facts about a function's values, from one walk over its tree: facts_op.c (operators),
 * facts_flow.c (the walk), facts.c (what is kept of it).
 * They are hints for proposals and never evidence: whatever is proposed by them is proved from the code alone. They are meant
 * to be true all the same; a false one costs candidates. */
#ifndef FACTS_H
#define FACTS_H

#include "all.h"

/* What is known of an integer, unsigned. `reach`: value + reach is at most the size of memory, by
 * what was accessed since the last call or join: provers don't carry that further. */
typedef struct Fact {
	uint8_t width;                 /* 32 or 64; 0: no integer, or code that is never reached */
	uint64_t zeros, ones;          /* bits known to be 0, known to be 1 */
	uint64_t lo, hi;
	uint64_t reach;
} Fact;

static inline uint64_t fact_mask(uint32_t width) { return width == 64 ? UINT64_MAX : UINT32_MAX; }

Fact fact_any(uint32_t width);
Fact fact_const(uint32_t width, uint64_t v);
Fact fact_range(uint32_t width, uint64_t lo, uint64_t hi);
Fact fact_norm(Fact f);            /* bits and range made to say the same; what contradicts itself becomes anything */
Fact fact_join(Fact a, Fact b);    /* what holds of both */
static inline bool fact_is_const(const Fact *f) { return f->width && f->lo == f->hi; }
static inline bool fact_is_any(const Fact *f)
{
	return f->width && !f->zeros && !f->ones && !f->lo && f->hi == fact_mask(f->width) && !f->reach;
}
static inline bool fact_sign(const Fact *f, bool sign) /* is the top bit known to be this? */
{
	return f->width && ((sign ? f->ones : f->zeros) >> (f->width - 1) & 1);
}
/* The operator's result by its name as in rewrite.h; `width` is that of the operands. */
Fact fact_op(const char *op, uint32_t width, uint32_t result, Fact a, Fact b);

/* A local of which something is known where a constant stands. */
typedef struct FactLocal {
	uint32_t node, local;
	Fact fact;
} FactLocal;

/* Of one function, by the preorder index of its expressions. */
typedef struct Facts {
	uint32_t n;                    /* expressions; 0: the function nests too deeply to be looked into */
	Fact *node;                    /* of each value, where it is taken */
	uint32_t *size;                /* expressions in it, itself counted */
	bool *reached;                 /* is it ever evaluated? */
	bool *given, *looped;          /* of each local: a parameter or set somewhere; set in a loop */
	FactLocal *local;              /* by rising node, FACTS_LOCALS at most for each */
	uint32_t nlocal, cap;
} Facts;

enum { FACTS_LOCALS = 6 };

Facts facts_of(const Body *b);
void facts_walk(const Body *b, Facts *out); /* fills in node and local; n and size are there */
void facts_free(Facts *f);
const FactLocal *facts_at(const Facts *f, uint32_t node, uint32_t *n);
uint32_t facts_kid(const Facts *f, uint32_t index, uint32_t i); /* index of child i of the expression at index */

bool facts_sets(Expr e, uint32_t local); /* does it set the local? */

/* The facts of all functions that have sites: what strategies keep for a run. */
void *facts_open(const Sites *s, uint64_t seed);
void facts_close(void *own);
const Facts *facts_for(void *own, const Site *s); /* NULL: none */

#endif
