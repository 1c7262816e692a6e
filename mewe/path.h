/* path.h - what equiv.c (the search), equiv_path.c (one path of both sides) and equiv_same.c (are two values equal?) share. */
#ifndef PATH_H
#define PATH_H

#include "equiv.h"

/* One side of a path: where it stands and what its registers hold. */
typedef struct Side {
	const Flow *f;
	const char *name;
	Term *reg;
	uint32_t block, ip;            /* block NONE: this path is never taken */
	bool arrived;                  /* at the start of a block, and nobody has asked whether it is a join */
	Term *trap;                    /* conditions of traps since the last effect */
	uint32_t ntrap, tcap;
} Side;

typedef struct Known {
	Term cond;
	bool sense;                    /* cond is not zero, or zero, on this path */
} Known;

/* Both sides on a path of the product. What both can see is common: memory and tables as a version, globals. */
typedef struct Path {
	Side side[2];
	Term version, globals;
	struct { uint32_t id; Term value; } *set; /* globals set since `globals` was current */
	uint32_t nset, scap;
	Known *known;
	uint32_t nknown, kcap;
	bool entry;                    /* all values are functions of the arguments still */
	bool skewed;                   /* the relation it began with was too weak: a difference found now may be none */
	uint32_t passed;               /* joins that one side passed alone */
} Path;

typedef struct Search {
	Terms t;
	Smt *smt;
	Equiv *out;
	const Body *body[2];
	Flow flow[2];
	Term *param;
	uint32_t nparam;
	bool unknown;                  /* the solver gave up on something */
	char suspect[200];             /* registers that were seen to differ at a join */
	struct Pair *pair;
	uint32_t npair, pcap;
	Path *todo;
	uint32_t ntodo, todocap;
	Term *fun;                     /* all uninterpreted applications, for congruence */
	uint32_t nfun, fcap;
	uint64_t *tried;               /* pairs of terms that could not be proved equal */
	uint32_t ntried, trcap;
	uint64_t steps;
	bool failed;
} Search;

/* ---- equiv_same.c ---- */
bool same(Search *s, Term x, Term y);                        /* proved equal whatever the path; makes them one term */
Answer equal_on(Search *s, const Path *p, Term x, Term y, uint64_t *witness); /* on this path; witness: the parameters */
Term apply(Search *s, uint8_t width, uint32_t key, const Term *arg, uint32_t n); /* an uninterpreted function */
bool opaque(const Search *s, Term x, Term y);                /* the difference may be one of operators that are not interpreted */

/* ---- equiv_path.c ---- */
void fail(Search *s, const Path *p, Verdict v, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void path_free(Path *p);
Path path_copy(const Path *p);
typedef enum Stop { STOP_EVENT, STOP_BRANCH, STOP_JOIN, STOP_RETURN, STOP_TRAP } Stop;
Stop path_run(Search *s, Path *p, int side);                 /* to the next thing that concerns the other side */
bool path_event(Search *s, Path *p);                         /* both stand at an event: demand that they do the same */
void path_apart(Search *s, Path *p, const char *one, const char *other); /* they do different things: a difference, if the path is ever taken */
bool path_return(Search *s, Path *p);
bool path_traps(Search *s, Path *p, const char *where);      /* demand the same traps since the last effect */
void path_branch(Search *s, Path *p, int side);              /* follow one way; the others go onto the list */

#endif
