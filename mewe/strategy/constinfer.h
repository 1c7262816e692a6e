/* constinfer.h - what the files of the constinfer strategy share. */
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

/* ---- constinfer.c ---- */
BinaryenType infer_type(uint32_t width);
Expr infer_const(Ref m, uint32_t width, uint64_t v);
Expr infer_copy(const Infer *c, Expr e);
Expr infer_binary(Ref m, const char *op, uint32_t width, Expr a, Expr b); /* add sub or xor and shl shr_u shr_s eqz-less comparisons */
bool infer_pure(Expr e);                                   /* only computes, and never traps */
Fact infer_kid(const Infer *c, uint32_t i);

#endif
