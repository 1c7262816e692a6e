/* graph.c - the paper's number of paths, the call graph, and the number of ways through it.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../mewe/graph.h"
#include "check.h"

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

static Bytes wasm_of(const char *wat)
{
	Bytes wasm;
	Err e;
	if (read_wasm("t.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	return wasm;
}

/* The text as it is, or with copies of the functions whose names begin with a d: n bodies of each. */
static Bytes build(const char *wat, unsigned n, enum mewe_trace trace)
{
	Bytes wasm = wasm_of(wat), out;
	Options o;
	Err e;
	if (n < 2)
		return wasm;
	mewe_options_default(&o);
	o.strategies = "copy";
	o.functions = "d*";
	o.variants = n;
	o.jobs = 1;
	o.dispatch = trace ? MEWE_REQUEST : MEWE_CALL;
	o.discriminator = MEWE_NONE;
	o.trace = trace;
	if (mewe_build("t.wasm", wasm.p, wasm.n, &o, &out, NULL, &e)) {
		printf("not ok the test's own build: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	return out;
}

static void dot(const char *name, const char *wat, unsigned n, enum mewe_trace trace, const char *want)
{
	Bytes wasm = build(wat, n, trace), out = {0};
	Err e = {0};
	int code = mewe_inspect("t.wasm", wasm.p, wasm.n, NULL, 0, false, MEWE_DOT, &out, &e);
	char *got = xprintf("%.*s", code ? 0 : (int)out.n, (char *)out.p), *line = got;
	while (strcmp(got, want) != 0 && (line = strchr(line, '\n')) != NULL)
		*line = '|';
	check(name, code == 0 && strcmp(got, want) == 0, code ? e.text : got);
	free(wasm.p);
	free(out.p);
	free(got);
}

static void dots(void)
{
	dot("the call graph", "(module (import \"env\" \"a\\\"b\" (func $out)) (table 1 funcref) (elem (i32.const 0) $leaf)"
	    " (func $main (export \"main\") (call $out) (call_indirect (i32.const 0)) (call $leaf))"
	    " (func $leaf) (func $unused (call $leaf)))", 0, MEWE_TRACE_OFF,
	    "digraph mcg {\n\tn0 [label=\"out\", shape=plaintext];\n\tn1 [label=\"main\"];\n\tn2 [label=\"leaf\"];\n"
	    "\tn4 [label=\"table 0\", shape=hexagon];\n\tn1 -> n0;\n\tn1 -> n4;\n\tn1 -> n2;\n\tn4 -> n2;\n}\n");
	static const char wat[] = "(module (func $main (export \"main\") (call $d (i32.const 3)))"
	                          " (func $d (param i32) (call $leaf (i32.mul (local.get 0) (i32.const 7)))) (func $leaf (param i32)))";
	dot("the multivariant call graph", wat, 2, MEWE_TRACE_OFF,
	    "digraph mcg {\n\tn0 [label=\"main\"];\n\tn1 [label=\"d\", shape=box, style=bold];\n\tn2 [label=\"leaf\"];\n"
	    "\tn5 [label=\"d.mewe.0\", shape=box, style=rounded];\n\tn6 [label=\"d.mewe.1\", shape=box, style=rounded];\n"
	    "\tn0 -> n1;\n\tn1 -> n5 [style=dashed];\n\tn1 -> n6 [style=dashed];\n\tn5 -> n2;\n\tn6 -> n2;\n}\n");
}

/* ---- ways through the call graph ------------------------------------------------------------------------------------------ */

static void ways(const char *name, const char *wat, unsigned n, double want)
{
	for (enum mewe_trace trace = MEWE_TRACE_OFF; trace <= MEWE_TRACE_HASH; trace++) {
		Bytes wasm = build(wat, n, trace);
		char why[80];
		Mod *m;
		Founds f;
		Graph g;
		Err e;
		if (read_module("t.wasm", wasm.p, wasm.n, &m, &e) || shape_find(m, &f, &e)) {
			check(name, false, e.text);
			free(wasm.p);
			continue;
		}
		graph_make(m, &f, wasm.p, wasm.n, &g);
		double got = graph_ways(&g);
		snprintf(why, sizeof why, "10^%.17g, not %g", got, want);
		check(trace ? "and by request, traced" : name, want ? fabs(pow(10, got) - want) < 1e-6 * want : isinf(got), why);
		graph_free(&g);
		shape_free(&f);
		read_free(m);
		free(wasm.p);
	}
}

#define MAIN(calls) " (func $main (export \"main\") " calls ")"
#define FUNC(name, calls) " (func $" name " (param i32) (drop (i32.mul (local.get 0) (local.get 0))) " calls ")"
#define CALL(name) "(call $" name " (i32.const 5))"

static void all_ways(void)
{
	ways("nothing that a host can enter", "(module (func $f))", 0, 0);
	ways("one function", "(module" MAIN("") ")", 0, 1);
	ways("two calls of one function are one way", "(module" MAIN(CALL("a") CALL("a")) FUNC("a", "") ")", 0, 1);
	ways("two functions", "(module" MAIN(CALL("a") CALL("b")) FUNC("a", "") FUNC("b", "") ")", 0, 2);
	ways("a dispatcher", "(module" MAIN(CALL("d")) FUNC("d", "") ")", 3, 3);
	ways("a dispatcher behind a dispatcher", "(module" MAIN(CALL("d1")) FUNC("d1", CALL("d2")) FUNC("d2", "") ")", 3, 9);
	ways("a dispatcher beside a dispatcher", "(module" MAIN(CALL("d1") CALL("d2")) FUNC("d1", "") FUNC("d2", "") ")", 3, 6);
	ways("two ways to a dispatcher", "(module" MAIN(CALL("a") CALL("b")) FUNC("a", CALL("d")) FUNC("b", CALL("d")) FUNC("d", "") ")", 4, 8);
	ways("a circle of two dispatchers", "(module" MAIN(CALL("d1")) FUNC("d1", CALL("d2")) FUNC("d2", CALL("d1") CALL("a") CALL("b"))
	     FUNC("a", "") FUNC("b", "") ")", 3, 18);
	ways("a dispatcher that calls itself", "(module" MAIN(CALL("d")) FUNC("d", CALL("d")) ")", 5, 5);
	ways("by way of a table", "(module (table 2 funcref) (elem (i32.const 0) $d $a)"
	     MAIN("(call_indirect (param i32) (i32.const 5) (i32.const 0))") FUNC("d", "") FUNC("a", "") ")", 3, 4);
	ways("two exports, and the start function", "(module (func $s) (start $s)" MAIN(CALL("d")) " (func (export \"more\"))" FUNC("d", "") ")", 3, 5);
	/* 40 dispatchers, one below the other. */
	Buf b = {0};
	buf_str(&b, "(module" MAIN(CALL("d0")));
	for (int i = 0; i < 40; i++)
		buf_printf(&b, " (func $d%d (param i32) (drop (i32.mul (local.get 0) (local.get 0))) (call $%c%d (i32.const 5)))", i, i < 39 ? 'd' : 'e', i + 1);
	buf_str(&b, " (func $e40 (param i32)))");
	buf_u8(&b, 0);
	ways("a chain of 40 dispatchers", (char *)b.p, 4, pow(4, 40));
	buf_free(&b);
}

int main(void)
{
	published();
	small();
	acyclic();
	dots();
	all_ways();
	return failed > 0;
}
