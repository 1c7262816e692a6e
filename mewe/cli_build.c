/* cli_build.c - `mewe build`. */
#define _GNU_SOURCE
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

enum { OPT_ENTRY = 1000, OPT_INIT, OPT_DISPATCH, OPT_DISCRIMINATOR, OPT_RESEED, OPT_TRACE, OPT_LEDGER, OPT_ALL, OPT_TARGET };

static const struct argp_option options[] = {
	{0, 'o', "FILE", 0, "write the module there (- for standard output)", 1},
	{"ledger", OPT_LEDGER, "FILE", 0, "write one CSV row for each candidate, kept or not", 1},
	{"verbose", 'v', 0, 0, "print the counts of the build on standard error", 1},
	{"quiet", 'q', 0, 0, "print nothing but errors", 1},

	{"all", OPT_ALL, 0, 0, "dispatch every function that has variants (the default)", 3},
	{"dispatch", OPT_DISPATCH, "WHEN", 0, "call: choose at each call (default); request: once for each entry from the host; site: "
	 "likewise, among alternatives inside functions (default with --entropy or --overhead)", 3},
	{"discriminator", OPT_DISCRIMINATOR, "D", 0, "chacha (default), wasi, xorshift (not secure), fixed:SEED, none, host", 3},
	{"reseed", OPT_RESEED, "WHEN", 0, "instance: seed once (default); entry: anew at each entry from the host", 3},
	{"entry", OPT_ENTRY, "EXPORT", 0, "an export that is a request (default: every exported function); may be repeated", 3},
	{"init", OPT_INIT, "EXPORT", 0, "an export during which nothing is drawn, besides start, _initialize and Wizer's; may be repeated", 3},
	{"target", OPT_TARGET, "PLATFORM", 0, "wasi (default): no restriction; fastly: refuse what Fastly Compute would not link or load", 3},
	{"trace", OPT_TRACE, "KIND", 0, "off (default), hash, or full: instrument functions and dispatchers for measurement", 3},
	{0},
};

typedef struct Args {
	Options o;
	Search search;
	Placement place;
	bool dispatch;                 /* was a form of dispatch asked for? */
	const char *in, *out, *ledger;
	bool verbose, quiet;
} Args;

static void discriminator(struct argp_state *st, Options *o, const char *arg)
{
	static const char *const words[] = {"chacha", "wasi", "xorshift", "fixed:SEED", "none", "host", NULL};
	if (strncmp(arg, "fixed:", 6) == 0) {
		o->discriminator = MEWE_FIXED;
		o->fixed_seed = cli_number_or_usage(st, "discriminator fixed:", arg + 6, 0, UINT64_MAX);
		return;
	}
	o->discriminator = cli_word(st, "discriminator", arg, words);
	if (o->discriminator == MEWE_FIXED)
		argp_error(st, "--discriminator fixed:SEED takes a number for SEED");
}

static void add_name(const char ***list, unsigned *n, const char *name)
{
	*list = xgrow(*list, (*n + 1) * sizeof **list);
	(*list)[(*n)++] = name;
}

static error_t opt(int key, char *arg, struct argp_state *st)
{
	static const char *const dispatch[] = {"call", "request", "site", NULL}, *const trace[] = {"off", "hash", "full", NULL};
	static const char *const reseed[] = {"instance", "entry", NULL};
	Args *a = st->input;
	Options *o = &a->o;
	switch (key) {
	case ARGP_KEY_INIT: st->child_inputs[0] = &a->search; st->child_inputs[1] = &a->place; break;
	case 'o': a->out = arg; break;
	case 'v': a->verbose = true; break;
	case 'q': a->quiet = true; break;
	case OPT_LEDGER: a->ledger = arg; break;
	case OPT_ALL: break;
	case OPT_DISPATCH: a->dispatch = true; o->dispatch = cli_word(st, "dispatch", arg, dispatch); break;
	case OPT_DISCRIMINATOR: discriminator(st, o, arg); break;
	case OPT_RESEED: o->reseed = cli_word(st, "reseed", arg, reseed); break;
	case OPT_ENTRY: add_name(&o->entries, &o->nentries, arg); break;
	case OPT_INIT: add_name(&o->inits, &o->ninits, arg); break;
	case OPT_TARGET: o->target = arg; break;
	case OPT_TRACE: o->trace = cli_word(st, "trace", arg, trace); break;
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

static int write_ledger(const Args *a, const mewe_report *report)
{
	Bytes text = mewe_report_ledger(report);
	int code = cli_write(a->ledger, &text, false);
	free(text.p);
	return code;
}

static void print_summary(const mewe_report *report)
{
	Bytes text = mewe_report_summary(report);
	fwrite(text.p, 1, text.n, stderr);
	free(text.p);
}

/* A plan that falls short of the wish is built all the same: exit 4 says so, as for any limit. */
static int make(Args *a, const Bytes *in, Bytes *out, mewe_report **report, Err *e)
{
	char *plan = NULL;
	Err built;
	if (a->place.wished && !a->dispatch)
		a->o.dispatch = MEWE_SITE;
	int code = cli_place(&a->place, a->in, in, &a->o, a->quiet, &plan, e), more = 0;
	a->o.plan = plan;
	if ((!code || code == MEWE_LIMIT) && (more = mewe_build(a->in, in->p, in->n, &a->o, out, report, &built)) != 0) {
		*e = built;
		code = more;
	}
	free(plan);
	return code;
}

static int build(Args *a)
{
	Bytes in = {0}, out = {0};
	mewe_report *report = NULL;
	Err e = {0};
	int code = file_read(a->in, &in, &e), bad = 0;
	if (!code)
		code = make(a, &in, &out, &report, &e);
	if (report && a->ledger)
		bad = write_ledger(a, report);
	if (report && a->verbose && !bad)
		print_summary(report);
	if (code && !bad)
		cli_fail(&e);
	if (out.p && (code == 0 || code == MEWE_LIMIT) && !bad)
		bad = cli_write(a->out, &out, true);
	mewe_report_free(report);
	free(in.p);
	free(out.p);
	return bad ? bad : code;
}

int cli_build(int argc, char **argv)
{
	static const struct argp_child children[] = {{&cli_search, 0, NULL, 2}, {&cli_plan, 0, NULL, 4}, {0}};
	static const struct argp argp = {options, opt, "IN",
		"Make a WebAssembly module multivariant: find variants of its functions, prove them equal, keep those whose machine code "
		"differs, and put a dispatcher in each function's place that chooses one at random. IN is .wasm, .wat, LLVM .bc or .ll, "
		".c, or - for standard input."
		"\vExit: 0 done; 2 bad usage or bad input; 3 nothing could be diversified; 4 a limit was reached, or a wish for entropy or "
		"overhead not; 5 unsupported.", children, 0, 0};
	Args a = {.search.o = &a.o};
	mewe_options_default(&a.o);
	argp_parse(&argp, argc, argv, 0, 0, &a);
	if (isatty(2) && !a.quiet)
		a.o.progress = cli_progress;
	char *cache = cli_cache(a.search.cache);
	a.o.cache = cache;
	int code = build(&a);
	free(cache);
	free(a.o.entries);
	free(a.o.inits);
	return code;
}
