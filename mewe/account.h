/* account.h - a multivariant module held against its original: what account*.c and verify.c share. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "fork.h"

struct Layout;

/* What can't be accounted for: the function it is about, or "" for none, and what is wrong. */
typedef struct Difference {
	char *func, *what;
} Difference;

/* Two pieces of code that the proof has to find equal. */
typedef struct Pair {
	uint32_t func;                 /* ordinal of the function in have that `is` is from */
	uint32_t dispatcher, place;    /* index into dispatchers and body of it; NONE for a function that is in its old place */
	Body was, is;                  /* of want and have; or of one region, both of have */
	bool region;
	bool same;                     /* the same code: nothing is left to be proved */
} Pair;

/* Both modules have the same imports, so a function index below first_body means the same in both. */
typedef struct Account {
	Mod *plan;                     /* the original with the discriminator added, before it was written: has our names */
	Mod *want;                     /* the same, written and read */
	Mod *have;                     /* what is being verified */
	Bytes want_bytes;
	const uint8_t *have_bytes;
	size_t nhave;
	char tag[24];                  /* our names in plan */
	uint32_t norig;                /* functions defined in the original */
	uint32_t nglobals;             /* globals of the original */
	uint32_t first_body;           /* ordinal of the first function in have that want has no counterpart to */
	Shape shape;
	Founds found;                  /* the dispatchers that are functions, by ordinal */
	Dispatchers dispatchers;       /* the same, or the regions where a choice is made, as discriminator.c wants them */
	bool *owned;                   /* functions of have that are accounted for */
	uint32_t nrequest, ninit;      /* exports with a wrapper of either kind */
	Pair *pair;
	uint32_t npair, pair_cap;
	Difference *diff;
	uint32_t ndiff, diff_cap;
} Account;

/* Accounts for everything but the pairs, which are left to be proved. Differences are not errors. */
int account_make(const char *ofile, const uint8_t *original, size_t on, const char *mfile, const uint8_t *multivariant, size_t mn,
                 Account *out, Err *e);
void account_free(Account *a);

/* Names on either side to common identities. have's instrument is skipped; bodies of dispatchers are unknown (NONE). */
Ident account_want(const Account *a);
Ident account_have(const Account *a);

const char *account_name(const Account *a, uint32_t ordinal);          /* of a function in have */
uint32_t account_index(const Account *a, const char *ours);            /* of our function TAG.ours; NONE: this build has none */
uint32_t account_global(const Account *a, const char *ours);
void account_differs(Account *a, const char *func, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

uint32_t account_global_of(const Mod *m, const char *name);            /* a global's index in m */
bool account_same_tree(Expr x, const Ident *ix, Expr y, const Ident *iy);
bool account_same_locals(BinaryenFunctionRef f, BinaryenFunctionRef g); /* type and locals */
bool account_same_type(BinaryenFunctionRef f, BinaryenFunctionRef g);
/* have's body without the trace's call at its start; NULL: that is not there. */
Expr account_uninstrumented(const Account *a, uint32_t ordinal);
bool account_call(const Account *a, Expr e, const char *ours);   /* does it call our function of that name? */
uint32_t account_operand(Expr call, uint32_t i);                 /* the number that it has there, or NONE */
bool account_chose(const Account *a, Expr e, uint32_t i, uint32_t k); /* the trace's word that dispatcher i took k */
bool account_field(const Account *a, uint32_t i, const Selector *s, const struct Layout *l); /* its own field of the request's choices */
bool account_uses(Account *a, uint32_t ordinal, Expr e);         /* it names nothing but the original's; else there is a difference */
void account_pair(Account *a, const Pair *p);                    /* to be proved; takes the bodies */
/* account_fork.c: regions where a choice is made. */
Ours account_ours(const Account *a);
void account_find_forks(Account *a);                             /* fills dispatchers, for account_guess() */
uint32_t account_forks(Account *a, uint32_t ordinal, uint32_t first, const struct Layout *l); /* checks a function's; how many they are */

/* account_guess.c: fills found, dispatchers and shape. */
void account_guess(Account *a);

/* account_wrap.c: what defined function `ordinal` is to function index `target`, which is a defined one. */
typedef enum Wrapping { WRAP_NOT, WRAP_REQUEST, WRAP_INIT } Wrapping;
Wrapping account_wrapper(const Account *a, uint32_t ordinal, uint32_t target);

/* account_parts.c: what is not code. */
bool account_imports(Account *a);                          /* false: they differ, and indices mean nothing any more */
void account_sections(Account *a);
void account_exports(Account *a);                          /* and the wrappers that take them over */

#endif
