/* main.c - the command line: parses arguments, prints, and exits with the library's code. Nothing else does. */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "all.h"
#include "cli.h"

/* ---- what all commands share ---- */

int cli_fail(const Err *e)
{
	fflush(stdout);
	fprintf(stderr, "mewe: %s\n", e->text);
	return e->code;
}

/* Binary to a terminal helps nobody. */
int cli_write(const char *path, const Bytes *b, bool binary)
{
	Err e;
	if (binary && strcmp(path, "-") == 0 && isatty(1)) {
		fprintf(stderr, "mewe: standard output is a terminal and the module is binary; use -o FILE or a pipe\n");
		return MEWE_BAD;
	}
	if (strcmp(path, "-") == 0)
		fflush(stdout);
	return file_write(path, b->p, b->n, &e) ? cli_fail(&e) : 0;
}

/* The rate of a stage since it began, and what is left at that rate. The library tells neither when a stage begins nor ends:
 * it has begun when its name or total is new. */
static void pace(const char *stage, uint64_t done, uint64_t total, char *out, size_t size)
{
	static const char *name;
	static uint64_t of, first, start;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t now = t.tv_sec * 1000ull + t.tv_nsec / 1000000;
	out[0] = 0;
	if (name != stage || of != total || done < first) {
		name = stage;
		of = total;
		first = done;
		start = now;
	}
	uint64_t ms = now - start, n = done - first;
	if (ms > 500 && n > 0)
		snprintf(out, size, "  %" PRIu64 "/s, %" PRIu64 " s left", n * 1000 / ms, (total - done) * ms / n / 1000 + 1);
}

void cli_progress(void *ctx, const char *stage, uint64_t done, uint64_t total)
{
	(void)ctx;
	static const char bar[] = "########################################";
	int filled = total ? (int)(40 * done / total) : 40;
	char text[64];
	pace(stage, done, total, text, sizeof text);
	fprintf(stderr, "\r%-9s [%-40.*s] %" PRIu64 "/%" PRIu64 "%s\033[K%s", stage, filled, bar, done, total, text,
	        done >= total ? "\r\033[K" : "");
}

bool cli_number(const char *s, uint64_t max, uint64_t *out)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, 0);
	return *end == 0 && errno == 0 && *out <= max;
}

uint64_t cli_number_or_usage(struct argp_state *st, const char *name, const char *s, uint64_t min, uint64_t max)
{
	uint64_t v = 0;
	if (!cli_number(s, max, &v) || v < min)
		argp_error(st, "--%s takes a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'", name, min, max, s);
	return v;
}

/* ---- inspect ---- */

typedef struct InspectArgs {
	const char *file, *input;
	enum mewe_format format;
} InspectArgs;

static error_t inspect_opt(int key, char *arg, struct argp_state *st)
{
	InspectArgs *a = st->input;
	if (key == 'i')
		a->input = arg;
	else if (key == 'J')
		a->format = MEWE_JSON;
	else if (key == 'D')
		a->format = MEWE_DOT;
	else if (key == ARGP_KEY_ARG && !a->file)
		a->file = arg;
	else if (key == ARGP_KEY_ARG)
		argp_error(st, "one file too many: %s", arg);
	else if (key == ARGP_KEY_END && !a->file)
		argp_error(st, "a module is wanted");
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static int inspect_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"input", 'i', "FILE", 0, "run the module once over FILE (- for standard input) and give the counts of that run; it must have "
		 "been built with --trace full", 0},
		{"json", 'J', 0, 0, "print JSON", 0},
		{"dot", 'D', 0, 0, "print the multivariant call graph for Graphviz", 0},
		{0},
	};
	static const struct argp argp = {options, inspect_opt, "FILE",
		"List the functions, dispatchers and variants of a module, and how many of the variants are different machine code.", 0, 0, 0};
	InspectArgs a = {.format = MEWE_TEXT};
	Bytes in = {0}, wasm = {0}, input = {0}, out = {0};
	Err e = {0};

	argp_parse(&argp, argc, argv, 0, 0, &a);
	int code = file_read(a.file, &in, &e);
	if (!code)
		code = read_wasm(a.file, in.p, in.n, &wasm, &e);
	if (!code && a.input)
		code = file_read(a.input, &input, &e);
	if (!code)
		code = mewe_inspect(a.file, wasm.p, wasm.n, input.p, input.n, a.input != NULL, a.format, &out, &e);
	code = code ? cli_fail(&e) : cli_write("-", &out, false);
	free(in.p);
	free(wasm.p);
	free(input.p);
	free(out.p);
	return code;
}

/* ---- strategies, and the table of commands ---- */

static int strategies_main(int argc, char **argv)
{
	static const struct argp argp = {NULL, NULL, "", "List the strategies: name, the verdict that their variants earn, and what they do.",
		0, 0, 0};
	argp_parse(&argp, argc, argv, 0, 0, NULL);
	for (size_t i = 0; strategy_all[i]; i++)
		printf("%-10s %-16s %s\n", strategy_all[i]->name, verdict_name(strategy_all[i]->grants), strategy_all[i]->help);
	return fflush(stdout) == 0 ? 0 : MEWE_BAD;
}

static const struct {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"build", "make a module multivariant", cli_build},
	{"diversify", "make standalone variants of a module", cli_diversify},
	{"verify", "prove a multivariant module equal to its original", cli_verify},
	{"inspect", "list functions, dispatchers and variants", inspect_main},
	{"run", "run a module, and replay its choices", cli_run},
	{"strategies", "list the strategies", strategies_main},
};

static int usage(FILE *to)
{
	fprintf(to, "Usage: mewe COMMAND [OPTION...]\n"
	            "Make WebAssembly modules multivariant: proved-equivalent variants of each function, one chosen at run time.\n\n");
	for (size_t i = 0; i < LEN(commands); i++)
		fprintf(to, "  %-11s %s\n", commands[i].name, commands[i].help);
	fprintf(to, "\n`mewe COMMAND --help` tells more. Exit codes: 0 done; 1 verify found a difference; 2 bad usage or bad input;\n"
	            "3 nothing could be diversified; 4 a limit was reached or something is unproved; 5 unsupported.\n");
	return to == stdout && fflush(stdout) == 0 ? 0 : MEWE_BAD;
}

int main(int argc, char **argv)
{
	xkeep();
	argp_err_exit_status = MEWE_BAD;
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error like any other, with a line and a code */
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout);
	if (strcmp(argv[1], "--version") == 0) {
		printf("mewe %s\n%s\n", cli_version, survive_engine());
		return 0;
	}
	for (size_t i = 0; i < LEN(commands); i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			argv[1] = xprintf("mewe %s", argv[1]); /* what --help calls it */
			program_invocation_name = argv[1];
			int code = commands[i].run(argc - 1, argv + 1);
			free(argv[1]);
			return code;
		}
	}
	fprintf(stderr, "mewe: unknown command '%s'; `mewe --help` lists them\n", argv[1]);
	return MEWE_BAD;
}
