/* shape.h - a dispatcher taken to pieces: what shape.c, account.c and graph.c share. */
#ifndef SHAPE_H
#define SHAPE_H

#include "all.h"

/* What a dispatcher chooses by: a call of a function that draws, the lowest bits of a pool, or a field of a global. */
typedef struct Selector {
	const char *draw;              /* the function called with the dispatcher's ordinal and n, or NULL */
	const char *ready;             /* the function that makes a pool ready, or NULL */
	const char *live;              /* with a pool, the global without which nothing is drawn, or NULL */
	const char *global;            /* the pool, or what has the field */
	uint32_t shift, mask;          /* of the field */
} Selector;

/* The choice of one of n out of a pool, by these names. */
Expr shape_pool(Ref m, const Selector *s, uint32_t n);

typedef struct Arm {
	uint32_t callee;               /* ordinal of the body that it calls */
	Expr trace[2];                 /* the instrument's calls before that, if there are any */
	uint32_t ntrace;
} Arm;

typedef struct Pieces {
	Selector selector;
	Expr enter;                    /* the instrument's call at the start, or NULL */
	Arm *arm;                      /* n of them, by choice; released with free() */
	uint32_t n;
} Pieces;

/* Is the function's whole body a dispatcher's: choose, call one function with the own parameters in order, return what it
 * gives? Calls of constants without results, of the instrument, are let through for the caller to judge. */
bool shape_pieces(const Mod *m, uint32_t ordinal, Pieces *out);

/* Its parts, for fork.c: a call of the instrument (constants in, nothing out); a field of a global as a selector; a br_table whose
 * kth target is the end of the kth of n blocks, from the innermost of block[0..n] on. */
bool shape_trace(Expr e);
bool shape_field(Expr e, Selector *out);
bool shape_targets(Expr table, Expr *block, uint32_t n);

/* Does it begin with the mark of a function that stands for an import from `mewe`? The mark may be all of it. */
bool shape_marked(Expr body);

#endif
