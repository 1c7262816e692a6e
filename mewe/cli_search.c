/* cli_search.c - the options that decide which variants are found, what may be spent on that, and what is remembered of it:
 * `mewe build` and `mewe diversify` share them. In: arguments. Out: a Search. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"

enum { OPT_STRATEGY = 2000, OPT_VARIANTS, OPT_FUNCTIONS, OPT_ACCEPT, OPT_SEED, OPT_CACHE, OPT_TIME_LIMIT, OPT_TOTAL_TIME };

static const struct argp_option options[] = {
	{"strategy", OPT_STRATEGY, "A,B", 0, "strategies to draw from (default rewrite,reorder); none: no variants, only the guest's "
	 "imports of `mewe` resolved to zeros", 1},
	{"variants", OPT_VARIANTS, "N", 0, "bodies for each function, the original counted (default 16)", 1},
	{"functions", OPT_FUNCTIONS, "GLOB", 0, "only functions whose name matches", 1},
	{"accept", OPT_ACCEPT, "V,V", 0, "verdicts that may be kept: proved, by_construction, tested (default proved,by_construction)", 1},
	{"seed", OPT_SEED, "N", 0, "which candidates are tried (default 0); same input, options and seed: same bytes", 1},

	{"jobs", 'j', "N", 0, "worker processes (default: one for each core); never changes the bytes", 2},
	{"cache", OPT_CACHE, "FILE", 0, "remember proofs and compilations there, so that a build that was stopped goes on where it was "
	 "(default: $MEWE_CACHE, else mewe/proofs.db in $XDG_CACHE_HOME or ~/.cache); none: remember nothing. Never changes the bytes", 2},
	{"time-limit", OPT_TIME_LIMIT, "S", 0, "seconds for each function; when hit, exit 4 and the bytes depend on the machine", 2},
	{"total-time", OPT_TOTAL_TIME, "S", 0, "seconds for the proofs of the whole run; likewise", 2},
	{0},
};

/* Which of the words arg is; a usage error when it is none. */
int cli_word(struct argp_state *st, const char *name, const char *arg, const char *const *words)
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

static void accept_list(struct argp_state *st, Options *o, char *arg)
{
	static const char *const words[] = {"proved", "by_construction", "tested", NULL};
	static const Verdict verdicts[] = {V_PROVED, V_BY_CONSTRUCTION, V_TESTED};
	o->accept = 0;
	for (char *save, *w = strtok_r(arg, ",", &save); w; w = strtok_r(NULL, ",", &save))
		o->accept |= 1u << verdicts[cli_word(st, "accept", w, words)];
}

static error_t opt(int key, char *arg, struct argp_state *st)
{
	Search *s = st->input;
	switch (key) {
	case 'j': s->o->jobs = cli_number_or_usage(st, "jobs", arg, 1, 64); break;
	case OPT_STRATEGY: s->o->strategies = arg; break;
	case OPT_VARIANTS: s->o->variants = cli_number_or_usage(st, "variants", arg, 2, 4095); break;
	case OPT_FUNCTIONS: s->o->functions = arg; break;
	case OPT_ACCEPT: accept_list(st, s->o, arg); break;
	case OPT_SEED: s->o->seed = cli_number_or_usage(st, "seed", arg, 0, UINT64_MAX); break;
	case OPT_CACHE: s->cache = arg; break;
	case OPT_TIME_LIMIT: s->o->time_limit = cli_number_or_usage(st, "time-limit", arg, 1, 1000000); break;
	case OPT_TOTAL_TIME: s->o->total_time = cli_number_or_usage(st, "total-time", arg, 1, 1000000); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp cli_search = {options, opt, NULL, NULL, NULL, NULL, NULL};

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
