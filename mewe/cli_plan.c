/* cli_plan.c - the options that decide where choices are made, as a part of `mewe build`.
 * In: arguments, and the module. Out: the plan for the build, made, read or written. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "cli.h"

enum { OPT_PLAN = 3000, OPT_ENTROPY, OPT_OVERHEAD, OPT_PROFILE, OPT_INPUT, OPT_FRONTIER };

static const struct argp_option options[] = {
	{"entropy", OPT_ENTROPY, "BITS", 0, "choose only where it takes least time to reach so many bits of choice in each request; exit 4 "
	 "when there are fewer", 1},
	{"overhead", OPT_OVERHEAD, "PCT", 0, "choose where most bits are to be had for so much of a request's time, as 5 or 5%; exit 4 when "
	 "the least costs more", 1},
	{"profile", OPT_PROFILE, "EXPORT[,N...]", 0, "for these two, what a request is: a call of this export with these numbers, floats as "
	 "their bits (default: _start)", 1},
	{"input", OPT_INPUT, "FILE", 0, "what the request reads from its standard input (default: nothing)", 1},
	{"plan", OPT_PLAN, "FILE", 0, "choose where this plan says; with --entropy or --overhead, write the plan that was made there", 1},
	{"frontier", OPT_FRONTIER, "FILE", 0, "write one CSV row for each placement that was timed", 1},
	{0},
};

/* A number above 0, with this sign behind it or without. */
static double quantity(struct argp_state *st, const char *name, const char *arg, const char *sign)
{
	char *end;
	double x = strtod(arg, &end);
	if (end == arg || (*end && strcmp(end, sign) != 0) || !(x > 0 && x < 1e6))
		argp_error(st, "--%s takes a number above 0 and below 1000000, not '%s'", name, arg);
	return x;
}

/* EXPORT[,N...]; cuts arg at the commas. */
static void profile(struct argp_state *st, Placement *p, char *arg)
{
	mewe_wish *w = &p->wish;
	w->entry = strsep(&arg, ",");
	if (!*w->entry)
		argp_error(st, "--profile takes the name of an export");
	for (w->nargs = 0; arg; w->nargs++) {
		if (w->nargs == LEN(w->arg))
			argp_error(st, "--profile takes %zu numbers at most", LEN(w->arg));
		w->arg[w->nargs] = cli_number_or_usage(st, "profile", strsep(&arg, ","), 0, UINT64_MAX);
	}
}

static error_t opt(int key, char *arg, struct argp_state *st)
{
	Placement *p = st->input;
	switch (key) {
	case OPT_PLAN: p->plan = arg; break;
	case OPT_ENTROPY: p->wish.entropy = quantity(st, "entropy", arg, ""); break;
	case OPT_OVERHEAD: p->wish.overhead = quantity(st, "overhead", arg, "%"); break;
	case OPT_PROFILE: profile(st, p, arg); break;
	case OPT_INPUT: p->input = arg; break;
	case OPT_FRONTIER: p->frontier = arg; break;
	case ARGP_KEY_END:
		p->wished = p->wish.entropy > 0 || p->wish.overhead > 0;
		if (p->wish.entropy > 0 && p->wish.overhead > 0)
			argp_error(st, "--entropy and --overhead are two wishes; give one");
		if (!p->wished && (p->input || p->frontier || p->wish.entry))
			argp_error(st, "--profile, --input and --frontier are for --entropy or --overhead");
		if (!p->wish.entry)
			p->wish.entry = "_start";
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp cli_plan = {options, opt, NULL, NULL, NULL, NULL, NULL};

static int make(const Placement *p, const char *file, const Bytes *in, const Options *o, bool quiet, char **plan, Err *e)
{
	Bytes input = {0};
	mewe_wish w = p->wish;
	mewe_planned made = {0};
	int code = p->input ? file_read(p->input, &input, e) : 0;
	w.input = input.p;
	w.ninput = input.n;
	if (!code)
		code = mewe_plan(file, in->p, in->n, o, &w, &made, e);
	if (made.plan.p && !quiet)
		fwrite(made.summary.p, 1, made.summary.n, stderr);
	int bad = made.plan.p && p->plan ? file_write(p->plan, made.plan.p, made.plan.n, e) : 0;
	if (made.plan.p && p->frontier && !bad)
		bad = file_write(p->frontier, made.frontier.p, made.frontier.n, e);
	*plan = (char *)made.plan.p;
	free(made.frontier.p);
	free(made.summary.p);
	free(input.p);
	return bad ? bad : code;
}

int cli_place(const Placement *p, const char *file, const Bytes *in, const Options *o, bool quiet, char **plan, Err *e)
{
	Bytes text = {0};
	*plan = NULL;
	if (p->wished)
		return make(p, file, in, o, quiet, plan, e);
	if (!p->plan)
		return 0;
	int code = file_read(p->plan, &text, e);
	if (code)
		return code;
	if (text.n == 0 || memchr(text.p, 0, text.n))
		code = err_set(e, MEWE_BAD, "%s: the plan is no JSON: %s", p->plan, text.n ? "it has a zero in it" : "it is empty");
	else
		*plan = memcpy(xalloc(text.n + 1), text.p, text.n);
	free(text.p);
	return code;
}
