/* measure.c - measure a service in-process: its traces, its times, its static counts, and that twins draw alike.
 * In: a mode and modules that `mewe build` made. Out: rows of the one schema (results/README.md) in a CSV file.
 * Exit: 0; 1 when an answer is not the original's; 2 for bad usage or a bad file. */
#define _GNU_SOURCE
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include "measure.h"

enum { OPT_SERVICE = 1000, OPT_PROFILE, OPT_INPUT, OPT_CONFIG, OPT_BUILD, OPT_STRATEGY, OPT_ORIGINAL, OPT_CALL, OPT_REQUEST,
       OPT_TRACED, OPT_FULL, OPT_OFF, OPT_HASH, OPT_LEDGER, OPT_COUNT, OPT_ROUNDS, OPT_PLACES, OPT_FIXED, OPT_FREE, OPT_ALSO };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "write the rows there", 1},
	{"service", OPT_SERVICE, "NAME", 0, "for the rows", 1},
	{"profile", OPT_PROFILE, "NAME", 0, "for the rows: release, paper", 1},
	{"input", OPT_INPUT, "NAME", 0, "which of the service's inputs: valid (default), paper", 1},
	{"build", OPT_BUILD, "NAME", 0, "for the rows: multivariant (default), control", 1},
	{"config", OPT_CONFIG, "NAME", 0, "for the rows: call (default), request, copy, ...", 1},
	{"strategy", OPT_STRATEGY, "A+B", 0, "for the rows (default rewrite+reorder)", 1},

	{"original", OPT_ORIGINAL, "FILE", 0, "the original, whose answers are right", 2},
	{"call", OPT_CALL, "FILE", 0, "time, static: the multivariant with --dispatch call, no trace", 2},
	{"request", OPT_REQUEST, "FILE", 0, "time: the one with --dispatch request, no trace", 2},
	{"also", OPT_ALSO, "CONFIG=FILE", 0, "time, rq4, bodies: a further one, for the rows of that name; may be repeated", 2},
	{"traced", OPT_TRACED, "FILE", 0, "traces: a build with --trace hash", 2},
	{"full", OPT_FULL, "FILE", 0, "static: a build with --trace full", 2},
	{"ledger", OPT_LEDGER, "FILE", 0, "static: the ledger of the build", 2},
	{"off", OPT_OFF, "FILE", 0, "twins: built with --discriminator host --trace off", 2},
	{"hash", OPT_HASH, "FILE", 0, "twins: built with --discriminator host --trace hash", 2},

	{"count", OPT_COUNT, "N", 0, "traces, twins, rq4: executions (default 6400)", 3},
	{"rounds", OPT_ROUNDS, "N", 0, "time, rq4, bodies: rounds (default 200)", 3},
	{"places", OPT_PLACES, "N", 0, "rq4, bodies: compile the modules so often anew (default 10)", 3},
	{"fixed", OPT_FIXED, 0, 0, "fix the guest's randomness, and seed the module's own draws, which must be --discriminator fixed", 3},
	{"free", OPT_FREE, 0, 0, "the guest draws its answers itself: compare their lengths only", 3},
	{0},
};

static const struct {
	const char *name;
	void (*run)(const Plan *p, Rows *r);
} modes[] = {{"traces", measure_traces}, {"time", measure_time}, {"rq4", measure_rq4}, {"bodies", measure_bodies},
             {"static", measure_static}, {"twins", measure_twins}};

typedef struct Args {
	Plan plan;
	Rows rows;
	const char *out;
	int mode;
} Args;

static uint32_t number(struct argp_state *st, const char *arg)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);
	if (*end || end == arg || n < 1 || n > 100000000)
		argp_error(st, "a number from 1 to 100000000 is wanted, not '%s'", arg);
	return n;
}

static void set_input(struct argp_state *st, Args *a, const char *arg)
{
	a->plan.input = strcmp(arg, "paper") == 0;
	if (!a->plan.input && strcmp(arg, "valid") != 0)
		argp_error(st, "--input is valid or paper, not '%s'", arg);
	a->rows.input = arg;
}

static void add_also(struct argp_state *st, Plan *p, char *arg)
{
	char *path = strchr(arg, '=');
	if (!path || p->nalso == ALSO_MAX)
		argp_error(st, "--also takes CONFIG=FILE, up to %d times, not '%s'", ALSO_MAX, arg);
	*path++ = 0;
	p->also[p->nalso].config = arg;
	p->also[p->nalso++].path = path;
}

static void set_mode(struct argp_state *st, Args *a, const char *arg)
{
	for (size_t k = 0; k < LEN(modes); k++)
		if (a->mode < 0 && strcmp(arg, modes[k].name) == 0) {
			a->mode = k;
			return;
		}
	argp_error(st, "one mode is wanted, of traces, time, rq4, bodies, static, twins, not '%s'", arg);
}

static error_t opt(int key, char *arg, struct argp_state *st)
{
	Args *a = st->input;
	Plan *p = &a->plan;
	switch (key) {
	case 'o': a->out = arg; break;
	case OPT_SERVICE: a->rows.service = arg; break;
	case OPT_PROFILE: a->rows.profile = arg; break;
	case OPT_INPUT: set_input(st, a, arg); break;
	case OPT_BUILD: p->build = arg; break;
	case OPT_CONFIG: p->config = arg; break;
	case OPT_STRATEGY: a->rows.strategy = arg; break;
	case OPT_ORIGINAL: p->original = arg; break;
	case OPT_CALL: p->call = arg; break;
	case OPT_REQUEST: p->request = arg; break;
	case OPT_ALSO: add_also(st, p, arg); break;
	case OPT_TRACED: p->traced = arg; break;
	case OPT_FULL: p->full = arg; break;
	case OPT_LEDGER: p->ledger = arg; break;
	case OPT_OFF: p->off = arg; break;
	case OPT_HASH: p->hash = arg; break;
	case OPT_COUNT: p->count = number(st, arg); break;
	case OPT_ROUNDS: p->rounds = number(st, arg); break;
	case OPT_PLACES: p->places = number(st, arg); break;
	case OPT_FIXED: p->fixed = true; break;
	case OPT_FREE: p->free = true; break;
	case ARGP_KEY_ARG: set_mode(st, a, arg); break;
	case ARGP_KEY_END:
		if (a->mode < 0 || !a->out || !p->original)
			argp_error(st, "a mode, --original FILE and -o FILE are wanted");
		if (p->fixed && p->free)
			argp_error(st, "--fixed and --free exclude each other");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {options, opt, "MODE",
		"Measure a service in-process. MODE: traces (executions of a traced build, each on a fresh instance), time (original, call "
		"and request in interleaved rounds, warm and fresh), rq4 (any configurations likewise, the original twice), bodies (each "
		"variant of one dispatcher), static (counts), twins (with and without trace, the same draws).", 0, 0, 0};
	Args a = {.plan = {.build = "multivariant", .config = "call", .count = 6400, .rounds = 200, .places = 10},
	          .rows = {.service = "", .profile = "", .input = "valid", .strategy = "rewrite+reorder"},
	          .mode = -1};
	argp_err_exit_status = MEWE_BAD;
	argp_parse(&argp, argc, argv, 0, 0, &a);
	rows_begin(&a.rows);
	modes[a.mode].run(&a.plan, &a.rows);
	rows_end(&a.rows, a.out);
	return 0;
}
