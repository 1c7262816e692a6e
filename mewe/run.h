/* run.h - `mewe run` without its command line. */
#ifndef RUN_H
#define RUN_H

#include "all.h"

enum { RUN_TRAPPED = 134 };            /* the exit code for a trap: a shell's for a program that aborts, as with other engines */

typedef struct RunOptions {
	const char *file;
	const uint8_t *wasm;
	size_t n;
	const char *invoke;            /* an export to call; NULL: the command's _start */
	const char *const *args;       /* its arguments as text; of a command, what follows its name */
	unsigned nargs;
	bool seeded;                   /* mewe's own draws come from the seed */
	uint64_t seed;
	const char *const *choose;     /* "D=K": dispatcher D, by its function's ordinal or name, takes body K */
	unsigned nchoose;
	bool trace;
} RunOptions;

typedef struct RunResult {
	int exit_code;                 /* the guest's, or RUN_TRAPPED */
	Err trap;                      /* its code is 0 unless the guest trapped */
	Bytes out;                     /* what --invoke gives back, a line for each value */
	Bytes trace;                   /* text for people */
} RunResult;

/* Runs the module with the process's own standard streams. Returns 0 when the guest has run, however it ended; the caller
 * frees out.p and trace.p, which are set in that case alone. */
int run_file(const RunOptions *o, RunResult *r, Err *e);

#endif
