/* cli_run.c - `mewe run`. */
#define _GNU_SOURCE
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "run.h"

enum { OPT_INVOKE = 1000, OPT_SEED, OPT_CHOOSE, OPT_TRACE };

static const struct argp_option options[] = {
	{"invoke", OPT_INVOKE, "EXPORT", 0, "call this export, with the arguments that follow, and print what it gives (default: run the "
	 "command)", 0},
	{"seed", OPT_SEED, "N", 0, "seed the module's own draws, and nothing else: the same seed replays the same choices", 0},
	{"choose", OPT_CHOOSE, "D=K", 0, "dispatcher D (its function's name or ordinal; a region's number) takes body K; for "
	 "discriminator host; may be repeated", 0},
	{"trace", OPT_TRACE, 0, 0, "print the trace on standard error afterwards; for a module built with one", 0},
	{0},
};

typedef struct Args {
	RunOptions o;
	const char **args, **choose;
	unsigned nargs, nchoose;
} Args;

static void add(const char ***list, unsigned *n, const char *s)
{
	*list = xgrow(*list, (*n + 1) * sizeof **list);
	(*list)[(*n)++] = s;
}

static error_t opt(int key, char *arg, struct argp_state *st)
{
	Args *a = st->input;
	switch (key) {
	case OPT_INVOKE:
		a->o.invoke = arg;
		break;
	case OPT_SEED:
		a->o.seed = cli_number_or_usage(st, "seed", arg, 0, UINT64_MAX);
		a->o.seeded = true;
		break;
	case OPT_CHOOSE:
		if (!strchr(arg, '='))
			argp_error(st, "--choose takes D=K, not '%s'", arg);
		add(&a->choose, &a->nchoose, arg);
		break;
	case OPT_TRACE:
		a->o.trace = true;
		break;
	case ARGP_KEY_ARG:
		if (a->o.file)
			add(&a->args, &a->nargs, arg);
		else
			a->o.file = arg;
		break;
	case ARGP_KEY_END:
		if (!a->o.file)
			argp_error(st, "a module is wanted");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int run(Args *a)
{
	Bytes in = {0}, wasm = {0};
	RunResult r = {0};
	Err e = {0};
	int code = file_read(a->o.file, &in, &e);
	if (!code)
		code = read_wasm(a->o.file, in.p, in.n, &wasm, &e);
	free(in.p);
	if (!code) {
		a->o.wasm = wasm.p;
		a->o.n = wasm.n;
		code = run_file(&a->o, &r, &e);
	}
	if (code) {
		cli_fail(&e);
	} else {
		code = r.exit_code;
		if (r.trap.code)
			cli_fail(&r.trap);
		if (r.out.n && cli_write("-", &r.out, false))
			code = MEWE_BAD;
		fwrite(r.trace.p, 1, r.trace.n, stderr);
	}
	free(r.out.p);
	free(r.trace.p);
	free(wasm.p);
	return code;
}

int cli_run(int argc, char **argv)
{
	static const struct argp argp = {options, opt, "FILE [ARG...]",
		"Run a module in process: a WASI command with this process's standard streams, or one export with --invoke."
		"\vExit: the program's own code; 134 after a trap; 2 bad usage or bad input.", 0, 0, 0};
	Args a = {0};
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, 0, &a);
	a.o.args = a.args;
	a.o.nargs = a.nargs;
	a.o.choose = a.choose;
	a.o.nchoose = a.nchoose;
	int code = run(&a);
	free(a.args);
	free(a.choose);
	return code;
}
