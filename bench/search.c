/* search.c - measure the search for variants: what was left after each stage, and the time that it took.
 * In: modules as compiled, a list of strategies, a cache. Out: rows of phase `search` for each (results/README.md), in one CSV file;
 * with --emit the multivariant modules, too.
 * Must hold: modules are searched one after the other with the one cache, as a suite's build would; what happens before the
 * stages (reading) and after them (the last module's writing) is not in their times. */
#define _GNU_SOURCE
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include "measure.h"

enum { OPT_PROFILE = 1000, OPT_CONFIG, OPT_STRATEGY, OPT_CACHE, OPT_EMIT, MODULES = 64 };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "write the rows there", 0},
	{"profile", OPT_PROFILE, "NAME", 0, "for the rows", 0},
	{"config", OPT_CONFIG, "NAME", 0, "for the rows: cold, warm, or what is switched on", 0},
	{"strategy", OPT_STRATEGY, "A,B", 0, "as of mewe build", 0},
	{"cache", OPT_CACHE, "FILE", 0, "remember proofs and compilations there (default: nowhere)", 0},
	{"emit", OPT_EMIT, "PREFIX", 0, "write PREFIX.NAME.wasm", 0},
	{"jobs", 'j', "N", 0, "worker processes", 0},
	{0},
};

typedef struct Args {
	Options o;
	Rows rows;
	const char *out, *config, *emit, *module[MODULES];
	uint32_t n;
} Args;

static error_t opt(int key, char *arg, struct argp_state *st)
{
	Args *a = st->input;
	switch (key) {
	case 'o': a->out = arg; break;
	case 'j': a->o.jobs = strtoul(arg, NULL, 10); break;
	case OPT_PROFILE: a->rows.profile = arg; break;
	case OPT_CONFIG: a->config = arg; break;
	case OPT_STRATEGY: a->o.strategies = arg; break;
	case OPT_CACHE: a->o.cache = arg; break;
	case OPT_EMIT: a->emit = arg; break;
	case ARGP_KEY_ARG:
		if (a->n == MODULES)
			argp_error(st, "too many modules");
		a->module[a->n++] = arg;
		break;
	case ARGP_KEY_END:
		if (!a->out || a->n == 0)
			argp_error(st, "-o FILE and at least one NAME=VARIANTS=MODULE are wanted");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void put_rows(const Build *b, Rows *r)
{
	static const char *const times[STAGES] = {
		[STAGE_PROPOSE] = "propose_ns", [STAGE_SURVIVE] = "survive_ns", [STAGE_PROVE] = "prove_ns", [STAGE_AUDIT] = "audit_ns"};
	Funnel f = report_funnel(b);
	const struct { const char *name; uint64_t value; } counts[] = {
		{"enumerated", f.enumerated}, {"passed", f.passed}, {"tried", f.tried}, {"surviving", f.survived}, {"asked", f.asked},
		{"proved", f.proved}, {"kept", f.kept}, {"idle", f.idle}, {"known_code", b->remembered}, {"known_proofs", b->proving.remembered},
	};
	uint64_t bodies = 0, distinct = 0, shapes = 0;
	for (uint32_t i = 0; i < b->dispatchers.n; i++) {
		bodies += b->dispatchers.d[i].n;
		distinct += b->dispatchers.d[i].distinct;
		shapes += b->dispatchers.d[i].distinct_shape;
	}
	for (size_t i = 0; i < LEN(counts); i++)
		rows_int(r, counts[i].name, counts[i].value);
	for (int i = 0; i < STAGES; i++)
		rows_int(r, times[i], b->ns[i]);
	rows_int(r, "dispatchers", b->dispatchers.n);
	rows_int(r, "variants", bodies);
	rows_int(r, "distinct", distinct);
	rows_int(r, "distinct_shape", shapes);
}

/* spec: NAME=VARIANTS=MODULE */
static void search(Args *a, char *spec)
{
	char *name = strtok(spec, "="), *variants = strtok(NULL, "="), *path = strtok(NULL, "");
	Err e = {0};
	Bytes wasm;
	if (!path || (a->o.variants = strtoul(variants, NULL, 10)) < 2)
		die(MEWE_BAD, "NAME=VARIANTS=MODULE is wanted, not '%s'", spec);
	check(file_read(path, &wasm, &e), &e);
	Build b = {.o = &a->o, .file = path, .in = wasm.p, .nin = wasm.n};
	Digest d = digest(wasm.p, wasm.n);
	a->rows.service = name;
	a->rows.build = "multivariant";
	a->rows.config = a->config;
	a->rows.phase = "search";
	snprintf(a->rows.module, sizeof a->rows.module, "%016lx", (unsigned long)d.a);
	check(pipeline_search(&b, &e), &e);
	check(pipeline_choose(&b, &e), &e);
	put_rows(&b, &a->rows);
	if (a->emit) {
		char *out = xprintf("%s.%s.wasm", a->emit, name);
		check(file_write(out, b.twin.p, b.twin.n, &e), &e);
		free(out);
	}
	pipeline_free(&b, &e);
	free(wasm.p);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {options, opt, "NAME=VARIANTS=MODULE...",
		"Measure the search for variants: counts and times of its stages.", 0, 0, 0};
	Args a = {.rows = {.profile = "", .input = "none", .strategy = ""}, .config = "cold"};
	mewe_options_default(&a.o);
	argp_err_exit_status = MEWE_BAD;
	argp_parse(&argp, argc, argv, 0, 0, &a);
	char *strategy = xstrdup(a.o.strategies);
	for (char *c = strategy; *c; c++)
		*c = *c == ',' ? '+' : *c;
	a.rows.strategy = strategy;
	rows_begin(&a.rows);
	for (uint32_t i = 0; i < a.n; i++) {
		char *spec = xstrdup(a.module[i]);
		progress(a.config, i, a.n);
		search(&a, spec);
		free(spec);
	}
	progress(a.config, a.n, a.n);
	rows_end(&a.rows, a.out);
	free(strategy);
	return 0;
}
