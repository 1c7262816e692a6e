/* measure.h - what the parts of build/bench/measure share.
 * Everything measured becomes rows of one schema (results/README.md); no part computes a statistic. */
#ifndef MEASURE_H
#define MEASURE_H

#include <wasmtime.h>
#include "../mewe/all.h"
#include "../mewe/host.h"

enum { NODES = 64 };               /* as many as the paper had edge nodes: executions are dealt to them in turn */

/* ---- librows.c: rows, and the end of the program ---- */

typedef struct Rows {
	Buf text;
	char run[40], machine[80], platform[60];
	const char *runtime, *runtime_version, *service, *profile, *input, *strategy;
	const char *build, *config, *phase; /* of the rows to come */
	char module[20];
	uint64_t seed;                 /* of the module's own draws; NO_SEED: it seeded itself, or draws nothing */
	uint32_t node, iteration;
} Rows;
#define NO_SEED UINT64_MAX

void rows_begin(Rows *r);
void rows_int(Rows *r, const char *metric, uint64_t value);
void rows_hash(Rows *r, const char *metric, uint64_t value);
void rows_real(Rows *r, const char *metric, double value);
void rows_end(Rows *r, const char *path);

void die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
void check(int code, const Err *e);                        /* dies with the line of e, unless code is 0 */
void progress(const char *what, uint64_t done, uint64_t total); /* on a terminal */

/* ---- libguest.c: a service, in-process ---- */

typedef struct Guest {
	const char *path;
	Bytes wasm;
	Host *host;
} Guest;
typedef struct Answer {
	int32_t n;                     /* negative: refused */
	uint8_t *p;
} Answer;

Guest guest_open(const char *path);
void guest_close(Guest *g);
void guest_rows(const Guest *g, Rows *r, const char *build, const char *config, const char *phase);
Instance *guest_fresh(const Guest *g, const HostOptions *o, int32_t input);
HostFunc guest_serve(Instance *i);                         /* serve(), looked up */
int32_t guest_run(const HostFunc *serve);                  /* serve(0): the answer's length, or a status made negative */
Answer guest_answer(Instance *i, int32_t n);               /* a copy of the answer of that length */
bool guest_answered(Instance *i, int32_t n, const Answer *want);
Answer guest_reference(const Guest *original, int32_t input); /* the original's, its randomness fixed */

/* ---- libclock.c: time, in nanoseconds ---- */

/* The processor time of this one thread, in the guest and in the kernel for it: what else the machine does is not in it. It takes
 * longer to read than a short call takes, so it is for batches. */
uint64_t clock_spent(void);
/* The time of day, quick to read: for one call. What else the machine does is in few of them, and not in their median. */
uint64_t clock_passed(void);
uint64_t clock_median(uint64_t *v, uint32_t n); /* sorts them */
/* Dies unless the answer is the wanted one; of those that the guest draws itself (free) only the length is compared. */
void guest_compare(const char *path, Instance *i, const HostFunc *serve, const Answer *want, bool free);

/* ---- libledger.c: a build's ledger ---- */

typedef struct LedgerRow {
	uint32_t ordinal, site, n, place; /* place in its dispatcher, from 1, where it is kept */
	const char *strategy, *rule, *reason;
	Verdict verdict;
	uint64_t work;
	bool survives, kept, idle;
} LedgerRow;
typedef struct Ledger {
	char *text;                    /* that the rows point into */
	LedgerRow *row;
	uint32_t n;
} Ledger;
Ledger ledger_read(const char *path);
void ledger_free(Ledger *l);

/* ---- libv8.c ---- */

/* Digests of the functions of a module as Node's V8 compiles them, for the processor that the other engines compile for, too.
 * False: it is not here, and *version says why; else *version is V8's. Both are malloc'ed. */
bool v8_code(const char *path, const Bytes *wasm, Code **out, char **version);

/* ---- the modes ---- */

enum { ALSO_MAX = 12 };
typedef struct Plan {
	const char *original, *call, *request, *traced, *full, *off, *hash, *ledger;
	struct { const char *config, *path; } also[ALSO_MAX]; /* time: further multivariants */
	uint32_t nalso;
	const char *config, *build;
	uint32_t count, rounds, places;
	bool fixed;                    /* the guest's randomness is fixed, and the module's own draws come from a seed */
	bool free;                     /* the guest draws its answers itself: only their length can be compared */
	int32_t input;
} Plan;

void measure_traces(const Plan *p, Rows *r);
void measure_time(const Plan *p, Rows *r);
void measure_rq4(const Plan *p, Rows *r);
void measure_bodies(const Plan *p, Rows *r);
void measure_static(const Plan *p, Rows *r);
void measure_twins(const Plan *p, Rows *r);

/* ---- librounds.c: rounds, in places ---- */

/* A place is where the machine code lies: `close` undoes what `open` made, and what `round` measures in. */
typedef struct Rounds {
	void (*open)(void *trial, uint32_t place), (*round)(void *trial, uint32_t round, uint32_t place), (*close)(void *trial);
} Rounds;
void rounds_run(const Plan *p, const Rounds *r, void *trial); /* p->rounds of them, shared out to p->places; the last stays open */

#endif
