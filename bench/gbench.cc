/* gbench.cc - bench.h by Google Benchmark.
 * Must hold: no exception leaves; what failed is named on standard error, and is never told as a time. */
#include <benchmark/benchmark.h>
#include <cstdio>
#include <string>
#include <vector>
#include "bench.h"

struct BenchState {
	benchmark::State &state;
	std::string *failure;
};

namespace {

std::vector<std::string> failures;

/* Google Benchmark's reporter: repetitions come all together when a benchmark has had its last one. */
class Teller : public benchmark::BenchmarkReporter {
public:
	Teller(void (*t)(void *, const BenchRun *), void *c) : told(t), ctx(c) {}
	bool ReportContext(const Context &) override { return true; }
	void ReportRuns(const std::vector<Run> &runs) override
	{
		for (const Run &r : runs) {
			std::string name = r.run_name.function_name;
			double scale = r.iterations ? 1e9 / static_cast<double>(r.iterations) : 0;
			BenchRun out = {name.c_str(), static_cast<uint32_t>(r.repetition_index), static_cast<uint64_t>(r.iterations),
			                r.cpu_accumulated_time * scale, r.real_accumulated_time * scale};
			if (r.run_type == Run::RT_Iteration && r.iterations > 0 && !failed(name)) {
				told(ctx, &out);
				count++;
			}
		}
	}
	uint64_t count = 0;

private:
	static bool failed(const std::string &name)
	{
		for (const std::string &f : failures)
			if (f == name)
				return true;
		return false;
	}
	void (*told)(void *, const BenchRun *);
	void *ctx;
};

} // namespace

void bench_add(const char *name, BenchTime time, void (*run)(BenchState *, void *), void *ctx)
{
	std::string copy = name;
	auto *added = benchmark::RegisterBenchmark(name, [copy, run, ctx](benchmark::State &state) {
		std::string failure;
		BenchState s = {state, &failure};
		run(&s, ctx);
		if (failure.empty())
			return;
		std::fprintf(stderr, "%s: %s\n", copy.c_str(), failure.c_str());
		failures.push_back(copy);
	});
	if (time == BENCH_REAL)
		added->UseRealTime();
}

bool bench_next(BenchState *s) { return s->state.KeepRunning(); }
bool bench_batch(BenchState *s, uint32_t n) { return s->state.KeepRunningBatch(n); }
void bench_counter(BenchState *s, const char *name, double value) { s->state.counters[name] = benchmark::Counter(value); }

void bench_fail(BenchState *s, const char *why)
{
	*s->failure = why;
	s->state.SkipWithError(s->failure->c_str());
}

void bench_context(const char *key, const char *value) { benchmark::AddCustomContext(key, value); }

int bench_main(int argc, char **argv, const char *const *defaults, void (*told)(void *, const BenchRun *), void *ctx)
{
	std::vector<char *> args = {argv[0], const_cast<char *>("--benchmark_enable_random_interleaving=true")};
	for (; defaults && *defaults; defaults++)
		args.push_back(const_cast<char *>(*defaults));
	args.insert(args.end(), argv + 1, argv + argc);
	int n = static_cast<int>(args.size());
	args.push_back(nullptr);
	benchmark::Initialize(&n, args.data());
	if (benchmark::ReportUnrecognizedArguments(n, args.data()))
		return 2;
	Teller teller(told, ctx);
	benchmark::RunSpecifiedBenchmarks(&teller);
	if (failures.empty() && teller.count == 0)
		std::fprintf(stderr, "%s: no benchmark was run\n", argv[0]);
	benchmark::Shutdown();
	return failures.empty() && teller.count > 0 ? 0 : 1;
}
