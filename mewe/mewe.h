/* mewe.h - multi-variant WebAssembly, as a library.
 *
 * Every mewe_* function returns 0 or one of the codes below and, unless it is 0, has put one line into *err.
 * Nothing here prints, exits or keeps state between calls.
 * Ownership: what a function gives through a Bytes or a pointer-to-pointer is the caller's, released with the
 * function named beside it; what it takes it only reads. */
#ifndef MEWE_H
#define MEWE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEWE_API __attribute__((visibility("default")))

enum {
	MEWE_OK = 0,
	MEWE_DIFFERS = 1,     /* verify: a difference, or a structure that can't be accounted for */
	MEWE_BAD = 2,         /* bad usage or bad input */
	MEWE_NOTHING = 3,     /* nothing could be diversified */
	MEWE_LIMIT = 4,       /* a limit was reached, or something stayed unproved */
	MEWE_UNSUPPORTED = 5, /* a feature of the input that this program does not handle */
};

typedef struct mewe_err {
	int code;
	char text[600];
} mewe_err;

typedef struct mewe_bytes {
	uint8_t *p; /* malloc'ed: release with free() */
	size_t n;
} mewe_bytes;

enum mewe_dispatch { MEWE_CALL, MEWE_REQUEST, MEWE_SITE };
enum mewe_discriminator { MEWE_CHACHA, MEWE_WASI, MEWE_XORSHIFT, MEWE_FIXED, MEWE_NONE, MEWE_HOST };
enum mewe_reseed { MEWE_RESEED_INSTANCE, MEWE_RESEED_ENTRY };
enum mewe_trace { MEWE_TRACE_OFF, MEWE_TRACE_HASH, MEWE_TRACE_FULL };

/* Called now and then by long work: done of total units of the named stage. */
typedef void mewe_progress(void *ctx, const char *stage, uint64_t done, uint64_t total);

/* What `mewe build` may be asked for. mewe_options_default() fills in the defaults. */
typedef struct mewe_options {
	const char *strategies;  /* comma-separated names, or "none": dispatch nothing */
	unsigned variants;       /* bodies for each dispatcher, the original counted: 2..4095 */
	const char *functions;   /* glob over function names; NULL: all */
	const char **entries;    /* exports that are requests; NULL: every exported function but the inits */
	unsigned nentries;
	const char **inits;      /* further exports during which nothing is drawn */
	unsigned ninits;
	enum mewe_dispatch dispatch;
	enum mewe_discriminator discriminator;
	uint64_t fixed_seed;     /* of MEWE_FIXED */
	const char *target;      /* platform that has to link and load the module: "wasi" or NULL (no restriction), or "fastly" */
	enum mewe_reseed reseed;
	enum mewe_trace trace;
	const char *plan;        /* JSON text: where choices are made, and among how many (`--plan`); NULL: everywhere. Its dispatch counts */
	unsigned accept;         /* bit set of verdicts (1u << Verdict) that may be kept */
	uint64_t seed;           /* of the generator: which candidates are tried, in which order */
	unsigned jobs;           /* worker processes; never changes the bytes */
	unsigned time_limit;     /* seconds for each function; 0: none */
	unsigned total_time;     /* seconds for the whole run; 0: none */
	const char *cache;       /* file that remembers proofs and compilations; NULL: none; never changes the bytes */
	mewe_progress *progress; /* NULL: silent */
	void *progress_ctx;
} mewe_options;

/* What happened, for reports; mewe_report_free() releases it. */
typedef struct mewe_report mewe_report;

MEWE_API void mewe_options_default(mewe_options *o);

/* Build a multivariant module from the wasm in in[0..n), called `file` in messages.
 * *out gets the module, *report (unless report is NULL) the ledger and the audit. */
MEWE_API int mewe_build(const char *file, const uint8_t *in, size_t n, const mewe_options *o, mewe_bytes *out,
                        mewe_report **report, mewe_err *err);

/* What placements are judged by: a request, and what it may cost or is to give. */
typedef struct mewe_wish {
	double entropy;          /* bits of choice in each request; 0: as many as the overhead allows */
	double overhead;         /* per cent that choices may add to a request's time; of a wish for entropy nothing */
	const char *entry;       /* the export that is called; `_start`: a request is a run of the command, in an instance of its own */
	uint64_t arg[8];         /* its arguments: integers, or floats as bits */
	unsigned nargs;
	const uint8_t *input;    /* standard input of a WASI command */
	size_t ninput;
} mewe_wish;

typedef struct mewe_planned {
	mewe_bytes plan;         /* JSON text for mewe_options.plan; with a zero behind it */
	mewe_bytes frontier;     /* CSV: one row for each placement that was timed, the plan's last */
	mewe_bytes summary;      /* what the plan gives and costs, a line */
} mewe_planned;

/* Where to choose, and among how many: what gives the wish's entropy at the least time, or the most of it within the overhead. Times
 * are measured here and now, so another run may plan otherwise; the plan alone then decides what mewe_build() makes. MEWE_LIMIT: the
 * wish can't be met, and the plan is the nearest to it. All of *out is given for MEWE_OK and MEWE_LIMIT. */
MEWE_API int mewe_plan(const char *file, const uint8_t *in, size_t n, const mewe_options *o, const mewe_wish *w, mewe_planned *out,
                       mewe_err *err);

/* Standalone variants: up to count modules, each of which is the input with other bodies, and all of which differ in machine code
 * (static diversification). put gets each as STEM.0001.wasm and so on, then manifest.json, which says what each is made of;
 * what it returns, unless 0, ends it all. With MEWE_LIMIT all that there are have been put; with other codes, some or none. */
typedef int mewe_put(void *ctx, const char *name, const mewe_bytes *content, mewe_err *err);
MEWE_API int mewe_diversify(const char *file, const uint8_t *in, size_t n, const mewe_options *o, unsigned count, const char *stem,
                            mewe_put *put, void *ctx, mewe_report **report, mewe_err *err);

/* The ledger as CSV: one row for each candidate, kept or not. */
MEWE_API mewe_bytes mewe_report_ledger(const mewe_report *r);
/* The counts that a person wants to see afterwards, one line each. */
MEWE_API mewe_bytes mewe_report_summary(const mewe_report *r);
MEWE_API void mewe_report_free(mewe_report *r);

/* Prove a multivariant module equal to its original from the two binaries alone.
 * Returns MEWE_OK (all proved), MEWE_DIFFERS, MEWE_LIMIT (nothing refuted, something unproved), or another code for bad
 * input. *findings is text (or JSON when json is set), given for the first three; so is *certificate (unless certificate is NULL):
 * what the solver found, as SMT-LIB 2 for another one to find again. */
MEWE_API int mewe_verify(const char *ofile, const uint8_t *original, size_t on, const char *mfile,
                         const uint8_t *multivariant, size_t mn, bool json, unsigned jobs, mewe_progress *progress,
                         void *progress_ctx, mewe_bytes *findings, mewe_bytes *certificate, mewe_err *err);

/* Functions, dispatchers, variants and their machine code as JSON, or the multivariant call graph as Graphviz text.
 * With input, one traced run over it for the paper's counts (the module must have been built with a trace). */
enum mewe_format { MEWE_TEXT, MEWE_JSON, MEWE_DOT };
MEWE_API int mewe_inspect(const char *file, const uint8_t *wasm, size_t n, const uint8_t *input, size_t ninput,
                          bool with_input, enum mewe_format format, mewe_bytes *out, mewe_err *err);

#endif
