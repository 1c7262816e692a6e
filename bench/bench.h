/* bench.h - Google Benchmark for C: all of it that the programs here use. gbench.cc, which is behind it, is the only C++.
 * A program registers functions by name and calls bench_main(); a function loops while bench_next() or bench_batch() says so. What
 * it does before and after that loop is not timed. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BenchState BenchState;

/* name is copied; ctx must stay until bench_main() is over; run may be called several times for one repetition. BENCH_REAL counts the
 * time that passes, for work that other threads and processes do; BENCH_CPU the processor time of this thread. */
typedef enum BenchTime { BENCH_CPU, BENCH_REAL } BenchTime;
void bench_add(const char *name, BenchTime time, void (*run)(BenchState *s, void *ctx), void *ctx);

bool bench_next(BenchState *s);                      /* once more? */
bool bench_batch(BenchState *s, uint32_t n);         /* n times more? Times are for one of them */
void bench_counter(BenchState *s, const char *name, double value); /* a number of one's own, beside the times */
void bench_fail(BenchState *s, const char *why);     /* ends this benchmark: no time is reported of it; copied */
void bench_context(const char *key, const char *value); /* said once, at the head of the JSON; before bench_main() */

/* One repetition of one benchmark: means over its iterations. */
typedef struct BenchRun {
	const char *name;
	uint32_t repetition;
	uint64_t iterations;
	double cpu_ns, real_ns;
} BenchRun;

/* Runs what --benchmark_filter and other options of Google Benchmark choose, in repetitions that are mixed at random, and tells each
 * repetition that did not fail. `defaults`, a NULL-terminated list, are options that argv may override. Takes what it knows out of
 * argv. 0: all is well; 1: a benchmark failed, or none was chosen; 2: bad usage. */
int bench_main(int argc, char **argv, const char *const *defaults, void (*told)(void *ctx, const BenchRun *r), void *ctx);

#ifdef __cplusplus
}
#endif
#endif
