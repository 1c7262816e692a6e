/* lower.h - what lower.c (control), lower_value.c (values and effects) and lower_live.c share. */
#ifndef LOWER_H
#define LOWER_H

#include "equiv.h"

enum { LOWER_DEPTH = 2000 };           /* levels of nesting; the stack is the limit, also under the sanitizers */

typedef struct Target {
	const char *name;
	uint32_t label, value, n;      /* where a branch goes, and the registers that take its values */
} Target;

typedef struct Lower {
	Terms *t;
	const Ident *id;
	Ref mod;
	const char *imported;          /* a mutable global that is imported */
	Flow *f;
	BinaryenType results;
	uint32_t *local;               /* the first register of each local */
	uint32_t *label, nlabel, lcap; /* the block of each label */
	Target *target;
	uint32_t ntarget, tcap;
	const char *bad;
	unsigned depth;
	bool open;                     /* the block at hand can be reached from the one before */
} Lower;

uint32_t lower_reg(Lower *l, BinaryenType t);
Ins *lower_emit(Lower *l, uint8_t kind, uint32_t dst, uint32_t ndst, const uint32_t *arg, uint32_t narg);
uint32_t lower_expr(Lower *l, Expr e);         /* the first register of its value, or NONE */
uint32_t lower_value(Lower *l, Expr e);
bool lower_live(Flow *f);                      /* false: too large */

#endif
