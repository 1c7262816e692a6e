/* proof.h - are two functions the same, and what was found before: a part of all.h, which includes it. */
#ifndef PROOF_H
#define PROOF_H

/* ---- term.c, smt.c, lower.c, equiv.c: are two functions the same? ------------------------------------------------ */

typedef struct Equiv {
	Verdict verdict;               /* V_PROVED, V_REFUTED, V_TIMEOUT or V_UNSUPPORTED */
	uint64_t work;                 /* solver units spent (Z3's rlimit): the same on every machine */
	char why[400];                 /* unless proved: what, where, and the counterexample for people */
	uint64_t cex[32];              /* refuted from the function's entry: the arguments that show it */
	uint32_t ncex;                 /* 0: no such arguments are known */
} Equiv;

/* Are a and b equal in the sense of the manual: same results, same traps, equal memory, globals, tables and host-visible
 * effects in order? ia, ib give names on either side a common identity; a call whose function is IDENT_SKIP (an instrument's
 * call with constant arguments and no result) is passed over. Depends on its arguments alone. */
void equiv_bodies(const Body *a, const Ident *ia, const Body *b, const Ident *ib, Equiv *out);
/* The same with so many solver steps for each of its two attempts (EQUIV_QUICK finds nearly all that EQUIV_FULL does, and gives up
 * sooner; EQUIV_PATIENT is for what a build has proved, and what another numbering of the same locals makes harder); certificate
 * (unless NULL) gets each of the solver's questions that the verdict rests on, as SMT-LIB 2. */
enum { EQUIV_QUICK = 100000, EQUIV_FULL = 600000, EQUIV_PATIENT = 4800000 };
void equiv_certify(const Body *a, const Ident *ia, const Body *b, const Ident *ib, uint64_t steps, Buf *certificate, Equiv *out);

/* ---- obligation.c, cache.c: what was found before ----------------------------------------------------------------- */

/* Keys; false: there is something in it that has no name that lasts. */
bool obligation_proof(const Body *a, const Body *b, Digest *key);
Digest obligation_module(const uint8_t *wasm, size_t n);
bool obligation_code(Digest module, const Ident *id, const Body *b, Digest *key);

/* A file of answers; NULL is a cache that holds nothing. What goes wrong with it is told by cache_flush() and cache_close(). */
typedef struct Cache Cache;
int cache_open(const char *path, Cache **out, Err *e);     /* path NULL: gives NULL */
int cache_flush(Cache *c, Err *e);                         /* what was put survives a kill from here on */
int cache_close(Cache *c, Err *e);
bool cache_proof(Cache *c, Digest key, Verdict *verdict, uint64_t *work, char **why); /* *why: malloc'ed, or NULL */
void cache_put_proof(Cache *c, Digest key, Verdict verdict, uint64_t work, const char *why);
bool cache_code(Cache *c, Digest key, Code *out);
void cache_put_code(Cache *c, Digest key, const Code *code);

/* ---- prove.c: verdicts, by worker processes ---------------------------------------------------------------------- */

typedef struct Proving {
	Cache *cache;
	uint64_t *spent;               /* nanoseconds, by ordinal; for --time-limit */
	uint64_t deadline;             /* of the whole run, on the monotonic clock; 0: none */
	bool limited;                  /* a limit was hit */
	uint64_t asked, remembered;    /* rows, and those of them that the cache answered */
} Proving;
int prove_rows(const Sites *s, const Options *o, Variants *v, const uint32_t *row, uint32_t n, Proving *p, Err *e);
uint64_t prove_now(void);                                  /* the monotonic clock, in nanoseconds */

#endif
