/* fork.h - a choice inside a function: what fork.c, combine.c, instrument.c, account_fork.c and inspect.c share. */
#ifndef FORK_H
#define FORK_H

#include "shape.h"

/* A place in a function's body where one of n expressions is taken, by a field of the request's choices. */
typedef struct Fork {
	uint32_t index;                /* preorder index of it in the body */
	Expr expr;                     /* all of it */
	Selector selector;
	Expr *arm;                     /* n alternatives; [0] is the original's. Where code stood in several pieces, copies */
	Expr (*trace)[2];              /* the instrument's calls before each of them, or NULL */
	uint32_t n;
} Fork;
typedef struct Forks {
	Fork *f;
	uint32_t n, cap;
} Forks;

/* (block $out [(result t)] (block $n-1 ... (block $0 (br_table $0 ... $n-1 $0 SELECTOR)) ARM 0) ... ) ARM n-1), where
 * ARM = (br $out REGION) with a value, REGION (br $out) without. */
Expr fork_make(Ref m, Expr selector, Expr *arm, uint32_t n);
/* The forks of a body that choose by globals which `ours` knows, in preorder; none inside another. */
typedef struct Ours {
	bool (*is)(void *ctx, const char *global);
	void *ctx;
} Ours;
void fork_find(Ref m, Expr body, const Ours *ours, Forks *out);
void fork_free(Forks *f);
extern const Ours fork_any;        /* any global will do: for a module without its original */
/* The body with the original's in the place of every fork, every part copied; at[i], unless at is NULL, becomes the index there of
 * what stands for fork i. */
Expr fork_pin(Ref m, Expr body, const Forks *f, uint32_t *at);
/* A body that has the fork at this index, in which that takes the original's in place of arm k, too. */
Expr fork_without(Ref m, Expr body, uint32_t index, const Fork *f, uint32_t k);
/* Puts trace[k] before arm k of a fork as fork_make() made it. */
void fork_trace(Expr fork, Expr (*trace)[2], uint32_t n);

/* A fork's machine code (audit.c): its function with each alternative alone in its place, and whether the function that chooses
 * holds that alternative as something of its own. All other forks of the function take the original's meanwhile. */
typedef struct ForkCode {
	uint32_t func, n;              /* ordinal; alternatives */
	Code *code;
	bool *gone;
} ForkCode;
typedef struct ForkCodes {
	ForkCode *f;                   /* by function and position */
	uint32_t n, cap;
} ForkCodes;
/* o: for jobs and progress; NULL: in parallel, silently. */
int fork_code(const char *file, Mod *m, const Ours *ours, const Options *o, ForkCodes *out, Err *e);
void fork_code_free(ForkCodes *c);

#endif
