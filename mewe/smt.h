/* smt.h - what smt.c (the solver) and smt_text.c (the same questions as text) share. */
#ifndef SMT_H
#define SMT_H

#include "equiv.h"

/* Does x = y hold whenever each assumption does? */
typedef struct Query {
	Term x, y;
	const Term *assume;
	const bool *sense;
	uint32_t n;
	const Term *sym;               /* whose values are wanted if it does not */
	uint64_t *value;
	uint32_t nsym;
} Query;

/* The query as SMT-LIB 2: its symbols, what they are assumed to hold, and that x and y differ; `unsat` is the proof. Terms for
 * which cut() is true stand for themselves, whatever they are made of. */
void smt_write(Buf *out, const Terms *t, const Query *q, bool (*cut)(const void *ctx, Term x), const void *ctx);

#endif
