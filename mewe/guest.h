/* guest.h - run a module in-process, and what its host may be asked: a part of all.h, which includes it. */
#ifndef GUEST_H
#define GUEST_H

/* ---- fork.c: choices inside functions (more in fork.h) ---------------------------------------------------------- */

/* What the host is asked about: dispatchers by ordinal, or regions in order. */
typedef struct Chooser {
	uint32_t id, func, n;          /* func: the ordinal of its function; n bodies */
} Chooser;
typedef struct Choosers {
	Chooser *c;                    /* released with free() */
	uint32_t n, cap;
} Choosers;
int fork_choosers(const Mod *m, Choosers *out, Err *e);

/* ---- host.c: run a module in-process (Wasmtime) ------------------------------------------------------------------- */

typedef struct Host Host;          /* an engine and a compiled module */
typedef struct Instance Instance;

typedef struct HostChoice {
	uint32_t dispatcher, choice;   /* for discriminator `host`: --choose D=K */
} HostChoice;
typedef struct HostOptions {
	const uint8_t *input;          /* standard input of a WASI command */
	size_t ninput;
	bool seeded;                   /* seed the module's own draws (fixed, host, or mewe.seed imported) */
	uint64_t seed;
	const HostChoice *choose;
	uint32_t nchoose;
	uint64_t guest_seed;           /* with fix_guest: the guest's random_get answers from this, for repeatable guests */
	bool fix_guest;
} HostOptions;

typedef struct HostTrace {
	uint64_t entry, choice, body;  /* hashes */
	uint64_t length, choices, executed;
	double bits;                   /* sum of log2 n over the choices */
	uint32_t *id;                  /* --trace full: the entry ids; malloc'ed */
	uint64_t nid;
} HostTrace;

int host_open(const char *file, const uint8_t *wasm, size_t n, Host **out, Err *e);
void host_close(Host *h);
int host_instance(Host *h, const HostOptions *o, Instance **out, Err *e); /* start and _initialize have run */
void host_drop(Instance *i);
/* Call an exported function; args and results are raw 64-bit values (i32 zero-extended, floats as bits).
 * A trap gives MEWE_BAD with its text; proc_exit gives 0 with *exit_code set. */
int host_call(Instance *i, const char *export, const uint64_t *args, uint32_t nargs, uint64_t *results, uint32_t nresults,
              int *exit_code, Err *e);
Bytes host_stdout(Instance *i);                            /* what the guest has written so far; a copy */
int host_memory(Instance *i, uint8_t **base, size_t *size); /* valid until the next call */
int host_trace(Instance *i, HostTrace *out, Err *e);       /* of a traced build, since the last reset */
int host_trace_reset(Instance *i, Err *e);

#endif
