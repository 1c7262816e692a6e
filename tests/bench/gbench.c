/* gbench.c - bench.h: are iterations counted, options taken, failures told as failures and never as times?
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdio.h>
#include <string.h>
#include "../../bench/bench.h"
#include "../unit/check.h"

typedef struct Seen {
	uint64_t single, batch;        /* how often the loops went round, in all runs */
	uint32_t told[4], bad;
	char order[64];
	uint32_t norder;
} Seen;

static volatile uint32_t sink;

static void single(BenchState *s, void *ctx)
{
	Seen *seen = ctx;
	while (bench_next(s)) {
		for (uint32_t i = 0; i < 100000; i++)
			sink += i;
		seen->single++;
	}
	bench_counter(s, "hundred", 100);
	seen->order[seen->norder++ % sizeof seen->order] = 's';
}

static void batch(BenchState *s, void *ctx)
{
	Seen *seen = ctx;
	while (bench_batch(s, 100)) {
		for (uint32_t i = 0; i < 100000; i++)
			sink += i;
		seen->batch += 100;
	}
	seen->order[seen->norder++ % sizeof seen->order] = 'b';
}

static void fails(BenchState *s, void *ctx)
{
	(void)ctx;
	while (bench_next(s)) {
		bench_fail(s, "as it should");
		return;
	}
}

static void told(void *ctx, const BenchRun *r)
{
	static const char *const name[] = {"single", "batch", "real", "fails"};
	Seen *seen = ctx;
	for (int i = 0; i < 4; i++)
		seen->told[i] += strcmp(r->name, name[i]) == 0;
	seen->bad += r->iterations == 0 || r->real_ns <= 0 || r->repetition >= 3 || (strcmp(r->name, "batch") == 0 && r->iterations % 100 != 0);
}

static int run(const char *option, Seen *seen)
{
	static const char *const defaults[] = {"--benchmark_repetitions=3", "--benchmark_min_time=0.002", NULL};
	char name[] = "gbench", text[100];
	char *argv[] = {name, text, NULL};
	snprintf(text, sizeof text, "%s", option);
	return bench_main(2, argv, defaults, told, seen);
}

/* One process runs bench_main() once. */
int main(int argc, char **argv)
{
	static Seen seen;
	const char *what = argc > 1 ? argv[1] : "";
	char why[100];
	bench_add("single", BENCH_CPU, single, &seen);
	bench_add("batch", BENCH_CPU, batch, &seen);
	bench_add("real", BENCH_REAL, single, &seen);
	if (strcmp(what, "failing") == 0) {
		bench_add("fails", BENCH_CPU, fails, &seen);
		int code = run("--benchmark_filter=.*", &seen);
		check("gbench: a failure is the program's", code == 1, "exit code 0");
		check("gbench: it is not told as a time", seen.told[3] == 0 && seen.told[0] == 3, "it is");
	} else if (strcmp(what, "none") == 0) {
		check("gbench: a filter that leaves none is an error", run("--benchmark_filter=nothing", &seen) == 1, "it is not");
	} else if (strcmp(what, "usage") == 0) {
		check("gbench: an unknown option is an error", run("--no-such-option", &seen) == 2, "it is not");
	} else {
		int code = run("--benchmark_repetitions=3", &seen);
		snprintf(why, sizeof why, "%d: %u %u %u", code, seen.told[0], seen.told[1], seen.told[2]);
		check("gbench: each repetition is told once", code == 0 && seen.told[0] == 3 && seen.told[1] == 3 && seen.told[2] == 3, why);
		check("gbench: iterations and times are there", seen.bad == 0 && seen.single > 0 && seen.batch >= 300, "they are not");
		check("gbench: repetitions are mixed", strstr(seen.order, "sssssssss") == NULL, seen.order);
	}
	return failed != 0;
}
