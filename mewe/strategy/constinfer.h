/* constinfer.h - what the files of the strategies that go by facts share: constinfer and memory. */
#ifndef CONSTINFER_H
#define CONSTINFER_H

#include "../facts.h"
#include "rewrite.h"

/* A site, and what is looked at first. */
typedef struct Infer {
	const Site *s;
	Ref m;
	Expr e;
	uint32_t kind, width;          /* of e; width 0: no integer */
	const char *op;                /* its name as in rewrite.h, or NULL */
	uint32_t op_width;             /* of its operands */
	const Facts *facts;
	Fact fact;                     /* of its value */
} Infer;

/* A family of proposals. */
typedef struct Family {
	uint32_t (*count)(const Infer *c);
	bool (*make)(const Infer *c, uint32_t n, Rng *r, Proposal *out); /* the nth of them */
} Family;

/* ---- constinfer_known.c: what facts decide, and what they leave open ---- */
extern const Family infer_decided, infer_turned, infer_masked;

/* ---- constinfer_zero.c: terms that are always zero ---- */
extern const Family infer_constants, infer_conditions, infer_guards;

/* ---- memory_access.c, memory_pair.c: one access to memory, and two neighbours ---- */
extern const Family memory_loads, memory_stores, memory_addresses, memory_pairs;

/* ---- memory_local.c: a local kept in another way through the whole body ---- */
uint32_t memory_local_count(const Site *s, const Facts *f);
bool memory_local_make(const Site *s, const Facts *f, uint32_t n, Rng *r, Proposal *out);

/* ---- constinfer.c ---- */
uint32_t infer_count(const Site *s, const Strategy *st, const Family *const *families, size_t n);
bool infer_propose(const Site *s, const Strategy *st, const Family *const *families, size_t nfamily, uint32_t n, uint64_t seed, Proposal *out);
BinaryenType infer_type(uint32_t width);
Expr infer_const(Ref m, uint32_t width, uint64_t v);
Expr infer_copy(const Infer *c, Expr e);
Expr infer_binary(Ref m, const char *op, uint32_t width, Expr a, Expr b); /* add sub or xor and shl shr_u shr_s eqz-less comparisons */
bool infer_pure(Expr e);                                   /* only computes, and never traps */
Fact infer_kid(const Infer *c, uint32_t i);

#endif
