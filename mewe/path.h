/* path.h - what the files of the search share: equiv.c (the search), equiv_join.c (relations where ways join), equiv_claim.c,
 * equiv_path.c (one path of both sides), equiv_branch.c (its branches), equiv_memory.c (its loads and stores), equiv_sync.c (where
 * both must agree) and equiv_same.c (are two values equal?). */
#ifndef PATH_H
#define PATH_H

#include "equiv.h"

/* A store or global.set that the other side need not have made yet. */
typedef struct Write {
	uint32_t global;               /* that gets the value, or NONE: */
	uint8_t bytes;                 /* the value's bytes go to addr + offset and on */
	uint64_t offset;
	Term addr, value;              /* of a store, the value's width is that of its bytes */
	Term after;                    /* version of the memory after it; TERM_NONE until somebody asks */
} Write;

/* Something that may have trapped. */
typedef struct Trap {
	Term cond;                     /* it did if this is not zero; TERM_NONE: if the memory ends before addr + end */
	Term addr;
	uint64_t end;
	uint32_t at;                   /* so many writes had been made */
} Trap;

/* One side of a path: where it stands and what its registers hold. */
typedef struct Side {
	const Flow *f;
	const char *name;
	Term *reg;
	uint32_t block, ip;            /* block NONE: this path is never taken */
	bool arrived;                  /* at the start of a block, and nobody has asked whether it is a join */
	Trap *trap;                    /* since the last sync, in order */
	uint32_t ntrap, tcap;
	Write *write;
	uint32_t nwrite, wcap;
} Side;

typedef struct Known {
	Term cond;
	bool sense;                    /* cond is not zero, or zero, on this path */
} Known;

typedef struct Reach {
	Term addr;
	uint64_t end;
} Reach;

/* Both sides on a path of the product. A sync is where both were seen to agree on all that is visible: what they had then is
 * common, what each did since is its own. */
typedef struct Path {
	Side side[2];
	Term version, globals, pages;  /* of memory and tables; of globals; the memory's size */
	struct { uint32_t id; Term value; } *set; /* globals set since `globals` was current */
	uint32_t nset, scap;
	Known *known;
	uint32_t nknown, kcap;
	Reach *safe;                   /* the memory reaches to addr + end, and never shrinks */
	uint32_t nsafe, safecap;
	uint32_t step;                 /* so many writes, from the first, are the same on both sides */
	bool entry;                    /* all values are functions of the arguments still */
	bool skewed;                   /* the relation it began with was too weak: a difference found now may be none */
	uint32_t passed;               /* joins that one side passed alone */
} Path;

/* What a search may spend. A step is about what one instruction takes; what takes longer counts for more of them: a question to the
 * solver, and each so many entries of a list that is looked through. */
enum { STEPS = 4000000, QUESTION = 300, SCANNED = 256 };

typedef struct Search {
	Terms t;
	Smt *smt;
	Buf *certificate;              /* or NULL */
	uint64_t most;                 /* solver steps, in all */
	Equiv *out;
	const Body *body[2];
	Flow flow[2];
	bool deep;                     /* the second attempt: look at what takes the solver longer */
	uint64_t memory_min;           /* bytes that the memory has at least */
	struct { uint32_t byte, store, lane, v128, global; } key; /* names of functions */
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
	Term *addr;                    /* addresses of loads and stores */
	uint32_t naddr, acap;
	uint64_t *bound;               /* numbers that the functions compare with, and those beside them; ascending */
	uint32_t nbound, bcap;
	uint64_t *tried;               /* pairs of terms that could not be proved equal, hashed; 0: empty */
	uint32_t ntried, trcap;
	uint64_t steps;                /* spent so far */
	bool failed;
} Search;
static inline bool spent(const Search *s) { return s->steps > STEPS; }
static inline void spend_scan(Search *s, uint64_t n) { s->steps += n / SCANNED; }

/* ---- equiv_same.c ---- */
bool alike(Search *s, Term x, Term y);                       /* do they agree at the test points? */
bool same(Search *s, Term x, Term y);                        /* proved equal whatever the path; makes them one term */
Answer equal_on(Search *s, const Path *p, Term x, Term y, uint64_t *witness); /* on this path; witness: the parameters */
/* Likewise; a difference is none of bytes at one address. */
Answer equal_exactly(Search *s, const Path *p, Term x, Term y, uint64_t *witness);
bool holds(Search *s, const Path *p, Term cond, bool sense); /* is it proved on this path that cond is not zero, or is zero? */
bool path_never(Search *s, const Path *p);                   /* is what is known of it a contradiction? Anything is equal on it then */
bool opaque(const Search *s, Term x, Term y);                /* the difference may be one of operators that are not interpreted */

/* ---- equiv_fun.c ---- */
Term apply(Search *s, uint8_t width, uint32_t key, uint64_t imm, const Term *arg, uint32_t n); /* an uninterpreted function */
uint32_t search_key(Search *s, const char *what, const uint32_t *more);
void leaves(const Search *s, Term x, uint8_t *mark, uint8_t bit); /* marks its uninterpreted parts */

/* ---- equiv_memory.c ---- */
Term memory_load(Search *s, Path *p, Side *x, Term addr, uint64_t offset, unsigned bytes, uint8_t width);
void memory_store(Search *s, Path *p, Side *x, Term addr, uint64_t offset, unsigned bytes, Term value);
void memory_set(Search *s, Path *p, Side *x, uint32_t global, Term value);
Term memory_global(Search *s, const Path *p, const Side *x, uint32_t n, uint32_t id, uint8_t width); /* after n writes of x */
Term memory_version(Search *s, const Path *p, Side *x, uint32_t n);
Term memory_byte(Search *s, Term value, unsigned i);         /* of a value of up to 128 bits */
Term memory_at(Search *s, const Path *p, const Side *x, uint32_t n, Term where); /* the byte at a 64-bit address after n writes */
Term memory_place(Search *s, Term addr, uint64_t offset);    /* the address in 64 bits */
void memory_step(Search *s, Path *p);                        /* counts more writes as the same, if they are */

/* ---- equiv_sync.c ---- */
bool path_sync(Search *s, Path *p, const char *where);       /* demand the same traps, memory and globals; then forget them */
bool path_traps_too(Search *s, Path *p, int side);           /* nothing was written, and this side is proved to have trapped already */

/* ---- equiv_path.c ---- */
void fail(Search *s, const Path *p, Verdict v, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void path_free(Path *p);
Path path_begin(Search *s);                                  /* of which nothing is known */
Path path_copy(const Path *p);
void path_learn(Path *p, Term cond, bool sense);
typedef enum Stop { STOP_EVENT, STOP_BRANCH, STOP_JOIN, STOP_RETURN, STOP_TRAP, STOP_SPENT } Stop;
Stop path_run(Search *s, Path *p, int side);                 /* to the next thing that concerns the other side */
bool path_spent(Search *s, const Path *p);                   /* the limit of steps is passed: it fails */
void path_trap(Search *s, Side *x, Term cond);               /* it traps where cond is not zero */
bool path_event(Search *s, Path *p);                         /* both stand at an event: demand that they do the same */
/* They do different things: a difference, if the path is ever taken. */
void path_apart(Search *s, Path *p, const char *one, const char *other);
bool path_return(Search *s, Path *p);
bool must_equal(Search *s, Path *p, Term x, Term y, const char *what); /* or it fails */
void path_enter(Side *x, uint32_t block);

/* ---- equiv_branch.c ---- */
uint32_t path_decided(const Search *s, const Side *x, const Block *b); /* the way it takes where the value is known; or NONE */
void path_branch(Search *s, Path *p, int side);              /* follow one way; the others go onto the list */

/* ---- equiv_claim.c ---- */

/* Of a register, as an unsigned number of its width: low <= v <= high, and v & mask = bits. */
typedef struct Claim {
	uint64_t low, high, mask, bits;
	uint8_t tries;                 /* so often it has been weakened */
} Claim;
Claim claim_guess(Search *s, const Path *p, Term value);
void claim_arrive(Search *s, const Path *p, Term value, Claim *f);   /* weakens it until it is proved of value */
Term claim_value(Search *s, const Claim *f, uint8_t width);    /* a value of which no more is known */
void claim_assume(Search *s, Path *p, const Claim *f, Term value);
bool claim_equal(const Claim *a, const Claim *b);
void claim_bounds(Search *s);                                 /* finds the numbers that the functions compare with */

/* ---- equiv_join.c ---- */
bool join_arrive(Search *s, Path *p);                        /* both stand at a join */
bool join_next(Search *s, Path *p);                          /* a path from a pair of joins whose relation has changed */
void join_free(Search *s);

#endif
