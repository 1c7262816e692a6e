/* cli_build.c - `mewe build`. */
#define _GNU_SOURCE
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"

enum { OPT_STRATEGY = 1000, OPT_VARIANTS, OPT_FUNCTIONS, OPT_ENTRY, OPT_INIT, OPT_DISPATCH, OPT_DISCRIMINATOR, OPT_RESEED,
       OPT_TRACE, OPT_ACCEPT, OPT_SEED, OPT_TIME_LIMIT, OPT_TOTAL_TIME, OPT_LEDGER, OPT_ALL, OPT_CACHE };

static const struct argp_option options[] = {
	{0, 'o', "FILE", 0, "write the module there (- for standard output)", 1},
	{"ledger", OPT_LEDGER, "FILE", 0, "write one CSV row for each candidate, kept or not", 1},
	{"verbose", 'v', 0, 0, "print the counts of the build on standard error", 1},
	{"quiet", 'q', 0, 0, "print nothing but errors", 1},

	{"strategy", OPT_STRATEGY, "A,B", 0, "strategies to draw from (default rewrite,reorder); none: no dispatchers, only the guest's imports of `mewe` resolved to zeros", 2},
	{"variants", OPT_VARIANTS, "N", 0, "bodies for each dispatcher, the original counted (default 16)", 2},
	{"functions", OPT_FUNCTIONS, "GLOB", 0, "only functions whose name matches", 2},
	{"all", OPT_ALL, 0, 0, "dispatch every function that has variants (the default)", 2},
	{"accept", OPT_ACCEPT, "V,V", 0, "verdicts that may be kept: proved, by_construction, tested (default proved,by_construction)", 2},
	{"seed", OPT_SEED, "N", 0, "which candidates are tried (default 0); same input, options and seed: same bytes", 2},

	{"dispatch", OPT_DISPATCH, "WHEN", 0, "call: choose at each call (default); request: once for each entry from the host", 3},
	{"discriminator", OPT_DISCRIMINATOR, "D", 0, "chacha (default), wasi, xorshift (not secure), fixed:SEED, none, host", 3},
	{"reseed", OPT_RESEED, "WHEN", 0, "instance: seed once (default); entry: anew at each entry from the host", 3},
	{"entry", OPT_ENTRY, "EXPORT", 0, "an export that is a request (default: every exported function); may be repeated", 3},
	{"init", OPT_INIT, "EXPORT", 0, "an export during which nothing is drawn, besides start, _initialize and Wizer's; may be repeated", 3},
	{"trace", OPT_TRACE, "KIND", 0, "off (default), hash, or full: instrument functions and dispatchers for measurement", 3},

	{"jobs", 'j', "N", 0, "worker processes (default: one for each core); never changes the bytes", 4},
	{"cache", OPT_CACHE, "FILE", 0, "remember proofs and compilations there, so that a build that was stopped goes on where it was (default: $MEWE_CACHE, else mewe/proofs.db in $XDG_CACHE_HOME or ~/.cache); none: remember nothing. Never changes the bytes", 4},
	{"time-limit", OPT_TIME_LIMIT, "S", 0, "seconds for each function; when hit, exit 4 and the bytes depend on the machine", 4},
	{"total-time", OPT_TOTAL_TIME, "S", 0, "seconds for the proofs of the whole run; likewise", 4},
	{0},
};

typedef struct Args {
	Options o;
	const char *in, *out, *ledger, *cache;
	bool verbose, quiet;
} Args;

/* Which of the words arg is; a usage error when it is none. */
static int word(struct argp_state *st, const char *name, const char *arg, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(arg, words[i]) == 0)
			return i;
	char list[200] = "";
	for (int i = 0; words[i]; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", words[i]);
	argp_error(st, "--%s takes one of %s, not '%s'", name, list, arg);
	return 0;
}

static void discriminator(struct argp_state *st, Options *o, const char *arg)
{
	static const char *const words[] = {"chacha", "wasi", "xorshift", "fixed:SEED", "none", "host", NULL};
	if (strncmp(arg, "fixed:", 6) == 0) {
		o->discriminator = MEWE_FIXED;
		o->fixed_seed = cli_number_or_usage(st, "discriminator fixed:", arg + 6, 0, UINT64_MAX);
		return;
	}
	o->discriminator = word(st, "discriminator", arg, words);
	if (o->discriminator == MEWE_FIXED)
		argp_error(st, "--discriminator fixed:SEED takes a number for SEED");
}

static void accept_list(struct argp_state *st, Options *o, char *arg)
{
	static const char *const words[] = {"proved", "by_construction", "tested", NULL};
	static const Verdict verdicts[] = {V_PROVED, V_BY_CONSTRUCTION, V_TESTED};
	o->accept = 0;
	for (char *save, *w = strtok_r(arg, ",", &save); w; w = strtok_r(NULL, ",", &save))
		o->accept |= 1u << verdicts[word(st, "accept", w, words)];
}

static void add_name(const char ***list, unsigned *n, const char *name)
{
	*list = xgrow(*list, (*n + 1) * sizeof **list);
	(*list)[(*n)++] = name;
}

static error_t opt(int key, char *arg, struct argp_state *st)
{
	static const char *const dispatch[] = {"call", "request", NULL}, *const trace[] = {"off", "hash", "full", NULL};
	static const char *const reseed[] = {"instance", "entry", NULL};
	Args *a = st->input;
	Options *o = &a->o;
	switch (key) {
	case 'o': a->out = arg; break;
	case 'v': a->verbose = true; break;
	case 'q': a->quiet = true; break;
	case 'j': o->jobs = cli_number_or_usage(st, "jobs", arg, 1, 64); break;
	case OPT_LEDGER: a->ledger = arg; break;
	case OPT_STRATEGY: o->strategies = arg; break;
	case OPT_VARIANTS: o->variants = cli_number_or_usage(st, "variants", arg, 2, 4095); break;
	case OPT_FUNCTIONS: o->functions = arg; break;
	case OPT_ALL: break;
	case OPT_ACCEPT: accept_list(st, o, arg); break;
	case OPT_SEED: o->seed = cli_number_or_usage(st, "seed", arg, 0, UINT64_MAX); break;
	case OPT_DISPATCH: o->dispatch = word(st, "dispatch", arg, dispatch); break;
	case OPT_DISCRIMINATOR: discriminator(st, o, arg); break;
	case OPT_RESEED: o->reseed = word(st, "reseed", arg, reseed); break;
	case OPT_ENTRY: add_name(&o->entries, &o->nentries, arg); break;
	case OPT_INIT: add_name(&o->inits, &o->ninits, arg); break;
	case OPT_TRACE: o->trace = word(st, "trace", arg, trace); break;
	case OPT_CACHE: a->cache = arg; break;
	case OPT_TIME_LIMIT: o->time_limit = cli_number_or_usage(st, "time-limit", arg, 1, 1000000); break;
	case OPT_TOTAL_TIME: o->total_time = cli_number_or_usage(st, "total-time", arg, 1, 1000000); break;
	case ARGP_KEY_ARG:
		if (a->in)
			argp_error(st, "one file too many: %s", arg);
		a->in = arg;
		break;
	case ARGP_KEY_END:
		if (!a->in || !a->out)
			argp_error(st, "an input and -o FILE are wanted");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* A folder of the user's own; where none can be made, nothing is remembered. */
static char *default_cache(void)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *dir = base && base[0] == '/' ? xprintf("%s", base) : home && home[0] == '/' ? xprintf("%s/.cache", home) : NULL, *path = NULL;
	if (!dir)
		return NULL;
	char *own = xprintf("%s/mewe", dir);
	mkdir(dir, 0700);
	mkdir(own, 0755);
	if (access(own, W_OK) == 0)
		path = xprintf("%s/proofs.db", own);
	free(dir);
	free(own);
	return path;
}

char *cli_cache(const char *asked)
{
	const char *path = asked ? asked : getenv("MEWE_CACHE");
	if (!path || !path[0])
		return default_cache();
	return strcmp(path, "none") == 0 ? NULL : xstrdup(path);
}

static int build(Args *a)
{
	Bytes in = {0}, out = {0}, text = {0};
	mewe_report *report = NULL;
	Err e = {0};
	int code = file_read(a->in, &in, &e);
	if (!code)
		code = mewe_build(a->in, in.p, in.n, &a->o, &out, &report, &e);
	if (report && a->ledger) {
		text = mewe_report_ledger(report);
		int bad = cli_write(a->ledger, &text, false);
		free(text.p);
		if (bad) {
			code = bad;
			goto done;
		}
	}
	if (report && a->verbose) {
		text = mewe_report_summary(report);
		fwrite(text.p, 1, text.n, stderr);
		free(text.p);
	}
	if (code)
		cli_fail(&e);
	if (out.p && (code == 0 || code == MEWE_LIMIT)) {
		int bad = cli_write(a->out, &out, true);
		code = bad ? bad : code;
	}
done:
	mewe_report_free(report);
	free(in.p);
	free(out.p);
	return code;
}

int cli_build(int argc, char **argv)
{
	static const struct argp argp = {options, opt, "IN",
		"Make a WebAssembly module multivariant: find variants of its functions, prove them equal, keep those whose machine code "
		"differs, and put a dispatcher in each function's place that chooses one at random. IN is .wasm, .wat, LLVM .bc or .ll, "
		".c, or - for standard input."
		"\vExit: 0 done; 2 bad usage or bad input; 3 nothing could be diversified; 4 a time limit was reached; 5 unsupported.", 0, 0, 0};
	Args a = {0};
	mewe_options_default(&a.o);
	argp_parse(&argp, argc, argv, 0, 0, &a);
	if (isatty(2) && !a.quiet)
		a.o.progress = cli_progress;
	char *cache = cli_cache(a.cache);
	a.o.cache = cache;
	int code = build(&a);
	free(cache);
	free(a.o.entries);
	free(a.o.inits);
	return code;
}
