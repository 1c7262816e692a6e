/* graph.c - the paper's number of paths, and the call graph.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/graph.h"

static int failed;

static void check(const char *name, bool good, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s\n", name);
	else
		printf("not ok %s: %s\n", name, why);
}

static void count(const char *name, const uint32_t *trace, uint64_t n, const double *weight, uint32_t nfunc, double want)
{
	char why[80];
	double got = graph_paths(trace, n, weight, nfunc);
	snprintf(why, sizeof why, "%.17g, not %.17g", got, want);
	check(name, got == want, why);
}

/* bin2base64 as the paper's authors traced it: a wrapper, one dispatcher of 42 bodies, 27 calls of one of 3, each counted with
 * one more; they give 43 * 4 = 172 paths, and 1 for the original. */
static void published(void)
{
	enum { WRAPPER, BIN2BASE64, CHAR, N };
	static const double many[N] = {1, 43, 4}, one[N] = {1, 1, 1};
	uint32_t trace[2 + 27] = {WRAPPER, BIN2BASE64};
	for (int i = 2; i < 29; i++)
		trace[i] = CHAR;
	count("bin2base64's paths", trace, 29, many, N, 172);
	count("bin2base64's paths in the original", trace, 29, one, N, 1);
	static const uint32_t invert[] = {0, 1, 2};
	static const double two[] = {1, 29, 96};
	count("invert's paths", invert, 3, two, 3, 2784);
}

static void small(void)
{
	static const double w[] = {2, 3, 5, 7};
	static const uint32_t diamond[] = {0, 1, 3, 0, 2, 3}, loop[] = {0, 1, 0, 1, 2}, circle[] = {0, 1, 2, 0}, alone[] = {1};
	static const uint32_t late[] = {0, 1, 2, 1, 3, 0, 2, 3};
	count("no trace", alone, 0, w, 4, 0);
	count("one function", alone, 1, w, 4, 3);
	/* The way back from 3 to 0 is no part of a path to 3. */
	count("two ways", diamond, 6, w, 4, 2 * (3 + 5) * 7);
	count("a way back", loop, 5, w, 4, 2 * 3 * 5);
	count("from a function to itself", circle, 4, w, 4, 2);
	/* 2 is first met behind 1, so 2 -> 1 -> 3 is not seen from there, nor later by way of 0 -> 2: the paper's memory. Here all
	 * simple paths would be 0-1-3, 0-1-2-3, 0-2-3 and 0-2-1-3. */
	count("what was found once stands for later ways", late, 8, w, 4, 2 * (3 * (5 * 7 + 7) + 5 * 7));
}

/* Without cycles the count is that of all paths. */
static double all_paths(const bool *edge, uint32_t n, uint32_t x, const double *weight)
{
	double sum = 0;
	if (x == n - 1)
		return weight[x];
	for (uint32_t y = x + 1; y < n; y++)
		if (edge[x * n + y])
			sum += all_paths(edge, n, y, weight);
	return weight[x] * sum;
}

static void acyclic(void)
{
	enum { N = 9 };
	Rng r = {7};
	uint32_t differ = 0;
	for (int round = 0; round < 200; round++) {
		bool edge[N * N] = {0};
		double weight[N];
		uint32_t trace[400], n = 0, x = 0;
		for (uint32_t i = 0; i < N; i++)
			weight[i] = 1 + rng_below(&r, 5);
		/* Walks upwards; each new one begins anew at 0, from which no edge back counts, as it leaves the last function. */
		while (n < 300 || x != N - 1) {
			trace[n++] = x;
			uint32_t y = x == N - 1 ? 0 : x + 1 + rng_below(&r, N - 1 - x);
			if (y > x)
				edge[x * N + y] = true;
			x = y;
		}
		trace[n++] = x;
		differ += graph_paths(trace, n, weight, N) != all_paths(edge, N, 0, weight);
	}
	check("graphs without cycles", differ == 0, "the count is not that of all paths");
}

static void dot(void)
{
	static const char wat[] = "(module (import \"env\" \"a\\\"b\" (func $out)) (table 1 funcref) (elem (i32.const 0) $leaf)"
	                          " (func $main (export \"main\") (call $out) (call_indirect (i32.const 0)) (call $leaf))"
	                          " (func $leaf) (func $unused (call $leaf)))";
	static const char want[] = "digraph mcg {\n\tn0 [label=\"out\", shape=plaintext];\n\tn1 [label=\"main\"];\n\tn2 [label=\"leaf\"];\n"
	                           "\tn4 [label=\"table 0\", shape=hexagon];\n\tn1 -> n0;\n\tn1 -> n4;\n\tn1 -> n2;\n\tn4 -> n2;\n}\n";
	Bytes wasm, out;
	Err e;
	if (read_wasm("t.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e) || mewe_inspect("t.wasm", wasm.p, wasm.n, NULL, 0, false, MEWE_DOT, &out, &e)) {
		check("the call graph", false, e.text);
		return;
	}
	check("the call graph", out.n == sizeof want - 1 && memcmp(out.p, want, out.n) == 0, "it is not the expected text");
	free(wasm.p);
	free(out.p);
}

int main(void)
{
	published();
	small();
	acyclic();
	dot();
	return failed > 0;
}
