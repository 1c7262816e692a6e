/* plan.c - the planner's parts: how often a request meets each place, which of two modules takes longer, what a wish may be.
 * Counts are exact. Of times, only that a planted factor of two is found and that none is found in a module beside itself.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../mewe/plan.h"

static int failed;

static void check(const char *name, bool good, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void check(const char *name, bool good, const char *fmt, ...)
{
	va_list ap;
	failed += !good;
	printf(good ? "ok %s" : "not ok %s: ", name);
	va_start(ap, fmt);
	if (!good)
		vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static Bytes wasm_of(const char *wat)
{
	Bytes out;
	Err e;
	if (read_wasm("t.wat", (const uint8_t *)wat, strlen(wat), &out, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	return out;
}

/* ---- counts ------------------------------------------------------------------------------------------------------------------ */

typedef struct Met {
	const char *function;
	uint64_t times;                /* each of its places, in one request */
} Met;

/* Each function but f is small enough to be one region. */
#define LEAF(name, n) "(func $" name " (param i32) (result i32)" \
	" (i32.xor (i32.mul (local.get 0) (i32.const 31)) (i32.add (local.get 0) (i32.const " n "))))"
#define COUNTED(export) "(module (memory 1) (global $g (mut i32) (i32.const 0)) (global $seen (mut i32) (i32.const 0))" \
	LEAF("inner", "1") LEAF("even", "2") LEAF("once", "3") LEAF("first", "4") LEAF("later", "5") LEAF("never", "6") LEAF("last", "7") \
	"(func $init (global.set $g (i32.xor (i32.mul (global.get $g) (i32.const 77)) (i32.const 5))))" \
	"(func $hot (param i32) (result i32) (i32.add (call $inner (local.get 0)) (i32.mul (call $inner (i32.const 7)) (i32.const 5))))" \
	"(func $f (export \"" export "\") (local $i i32) (local $x i32)" \
	" (if (global.get $seen) (then (local.set $x (call $later (local.get $x)))) (else (local.set $x (call $first (local.get $x)))))" \
	" (global.set $seen (i32.const 1))" \
	" (loop $l" \
	"  (block $out (br_if $out (i32.and (local.get $i) (i32.const 1))) (local.set $x (call $even (local.get $x))))" \
	"  (local.set $x (call $hot (local.get $x)))" \
	"  (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 11))))" \
	" (if (i32.eq (local.get $i) (i32.const 3)) (then (drop (call $never (local.get $x))) (return)))" \
	" (local.set $x (call $once (local.get $x)))" \
	" (block $a (block $b (block $c (br_table $a $b $c (i32.const 1))) (drop (call $never (i32.const 0))))" \
	"  (drop (call $last (local.get $x))) (br $a)) (global.set $g (local.get $x)))" \
	"(start $init))"

static const Met both[] = {{"inner", 22}, {"hot", 11}, {"even", 6}, {"once", 1}, {"last", 1}, {"never", 0}, {"later", 0}, {"init", 0}};

/* So many places of this function are met otherwise than `times` says; *n is how many it has. */
static uint32_t wrong(const Mod *m, const Places *p, const uint64_t *count, const Met *met, uint32_t *n)
{
	uint32_t bad = 0;
	*n = 0;
	for (uint32_t i = 0; i < p->n; i++)
		if (strcmp(m->func[p->p[i].func].name, met->function) == 0) {
			bad += count[i] != met->times;
			++*n;
		}
	return bad;
}

static void counts(const char *what, const char *wat, enum mewe_dispatch dispatch, const Wish *w, Met first)
{
	Bytes wasm = wasm_of(wat);
	Options o;
	Mod *m = NULL;
	Sites s = {0};
	Err e = {0};
	mewe_options_default(&o);
	o.dispatch = dispatch;
	int code = read_module("t.wat", wasm.p, wasm.n, &m, &e);
	if (!code)
		code = site_find(m, &o, &s, &e);
	uint64_t *count = xalloc((s.places.n + 1) * sizeof *count);
	if (!code)
		code = profile_count("t.wat", wasm.p, wasm.n, &s.places, &o, w, count, &e);
	check(what, code == 0, "%s", e.text);
	for (size_t k = 0; k <= LEN(both) && !code; k++) {
		Met met = k < LEN(both) ? both[k] : first;
		char *name = xprintf("%s: %s is met %d times", what, met.function, (int)met.times);
		uint32_t n, bad = wrong(m, &s.places, count, &met, &n);
		check(name, bad == 0 && n > 0, "%u of %u places are not", bad, n);
		free(name);
	}
	free(count);
	site_free(&s);
	read_free(m);
	free(wasm.p);
}

static void check_counts(void)
{
	static const char of_export[] = COUNTED("f"), of_command[] = COUNTED("_start");
	const Wish f = {.entropy = 1, .entry = "f"}, start = {.entropy = 1, .entry = "_start"};
	counts("regions", of_export, MEWE_SITE, &f, (Met){"first", 0});
	counts("functions", of_export, MEWE_CALL, &f, (Met){"first", 0});
	counts("functions by request", of_export, MEWE_REQUEST, &f, (Met){"f", 1});
	counts("a command's regions", of_command, MEWE_SITE, &start, (Met){"first", 1});
	counts("a command's functions", of_command, MEWE_CALL, &start, (Met){"first", 1});
}

/* ---- times ------------------------------------------------------------------------------------------------------------------- */

#define LOOP(n) "(module (func (export \"f\") (param i32) (result i32) (local i32) (loop $l" \
	" (local.set 0 (i32.mul (i32.xor (local.get 0) (local.get 1)) (i32.const 40503)))" \
	" (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const " n ")))) (local.get 0)))"

static void check_race(void)
{
	static const char *const wat[] = {LOOP("20000"), LOOP("20000"), LOOP("40000")};
	const Wish w = {.entropy = 1, .entry = "f", .arg = {5}, .nargs = 1};
	Runner *r[3] = {0};
	Ratio ratio[3] = {0};
	double base = 0;
	Err e = {0};
	int code = 0;
	for (int i = 0; i < 3 && !code; i++) {
		Bytes wasm = wasm_of(wat[i]);
		code = runner_open("t.wat", wasm.p, wasm.n, &w, &r[i], &e);
		free(wasm.p);
	}
	if (!code)
		code = race_run(r, 3, 1, RACE_SHORT, &base, ratio, &e);
	check("three modules are timed", code == 0 && base > 0, "%s", e.text);
	for (int i = 0; i < 3; i++)
		check("a ratio lies in its interval", ratio[i].low <= ratio[i].median && ratio[i].median <= ratio[i].high, "%g [%g,%g]",
		      ratio[i].median, ratio[i].low, ratio[i].high);
	check("the first is its own measure", ratio[0].low == 1 && ratio[0].high == 1, "%g to %g", ratio[0].low, ratio[0].high);
	check("a module beside itself takes no other time", ratio[1].low < 1.2 && ratio[1].high > 0.8, "%g to %g", ratio[1].low, ratio[1].high);
	check("one that loops twice as often takes longer", ratio[2].low > 1.2, "%g to %g", ratio[2].low, ratio[2].high);
	for (int i = 0; i < 3; i++)
		runner_close(r[i]);
}

/* ---- wishes and plans ---------------------------------------------------------------------------------------------------------- */

#define SMALL(loop) "(module (memory 1) (func (export \"f\") (param i32) (result i32) (local i32) (loop $l" \
	" (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const " loop "))))" \
	" (i32.store (i32.const 8) (i32.xor (i32.mul (local.get 0) (i32.const 31)) (i32.rotl (local.get 0) (i32.const 7))))" \
	" (i32.sub (i32.mul (local.get 0) (i32.const 9)) (i32.and (local.get 0) (i32.shl (local.get 0) (i32.const 2))))))"

/* So many rows of the frontier are of this kind. */
static uint32_t rows_of(const Bytes *frontier, const char *kind)
{
	uint32_t n = 0;
	char *text = xprintf("%.*s", (int)frontier->n, frontier->p), *rest = text;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		n += strncmp(line, kind, strlen(kind)) == 0;
	free(text);
	return n;
}

/* Plans for a wish, and builds what was planned; *finals: so many times a placement was timed in a final. */
static int planned(const char *wat, const Wish *w, uint32_t *finals, Err *e)
{
	Bytes wasm = wasm_of(wat), out = {0};
	mewe_planned p = {0};
	Options o;
	mewe_options_default(&o);
	o.dispatch = MEWE_SITE;
	o.jobs = 1;
	int code = mewe_plan("t.wat", wasm.p, wasm.n, &o, w, &p, e), built = 0;
	if (code == 0 || code == MEWE_LIMIT) {
		Err other;
		o.plan = (const char *)p.plan.p;
		built = mewe_build("t.wat", wasm.p, wasm.n, &o, &out, NULL, &other);
		check("a plan is timed", rows_of(&p.frontier, "plan,") >= 1, "%u", rows_of(&p.frontier, "plan,"));
		check("what was planned is built", built == 0 && out.n > 0 && p.frontier.n > 0 && p.summary.n > 0, "%s", built ? other.text : "");
	}
	*finals = rows_of(&p.frontier, "final,");
	free(wasm.p);
	free(out.p);
	free(p.plan.p);
	free(p.frontier.p);
	free(p.summary.p);
	return code;
}

static void check_wishes(void)
{
	const Wish f = {.entropy = 3, .entry = "f", .arg = {5}, .nargs = 1};
	const Wish most = {.entropy = 99, .entry = "f", .arg = {5}, .nargs = 1}, half = {.overhead = 500, .entry = "f", .arg = {5}, .nargs = 1};
	Wish bad[] = {f, f, f, f, f, f};
	uint32_t finals;
	Err e = {0};
	bad[0].entry = NULL;
	bad[1].nargs = 9;
	bad[2].entropy = NAN;
	bad[3].overhead = -1;
	bad[4].entropy = INFINITY;
	bad[5].entry = "_initialize";
	for (size_t i = 0; i < LEN(bad); i++) {
		int code = planned(SMALL("3"), &bad[i], &finals, &e);
		check("a wish that can't be is refused", code == MEWE_BAD, "%zu: %d", i, code);
	}
	check("a wish of a short request", planned(SMALL("3"), &f, &finals, &e) == 0, "%s", e.text);
	check("the best placements are timed again, three times", finals >= 3 && finals % 3 == 0, "%u", finals);
	check("a wish of a long request", planned(SMALL("1000000"), &f, &finals, &e) == 0, "%s", e.text);
	check("a wish that can't be met", planned(SMALL("1000000"), &most, &finals, &e) == MEWE_LIMIT, "%s", e.text);
	check("control: where places are taken in their order there is no final", finals == 0, "%u", finals);
	check("a wish for time", planned(SMALL("1000000"), &half, &finals, &e) == 0, "%s", e.text);
	check("what comes near to the time is timed again", finals >= 3 && finals % 3 == 0, "%u", finals);
}

/* A plan may name a function where there is none. */
static void check_no_functions(void)
{
	static const char wat[] = "(module)", from[] = "\"places\": []";
	Bytes wasm = wasm_of(wat), out = {0};
	Mod *m = NULL;
	Err e = {0};
	Options o;
	mewe_options_default(&o);
	int code = read_module("t.wat", wasm.p, wasm.n, &m, &e);
	char *none = place_plan(m, MEWE_CALL, &(Places){0}), *at = strstr(none, from);
	check("a plan of no places is written", code == 0 && at, "%s", none);
	char *one = xprintf("%.*s\"places\": [{\"ordinal\": 5, \"bodies\": 2}]}", (int)(at - none), none);
	o.plan = none;
	code = mewe_build("t.wat", wasm.p, wasm.n, &o, &out, NULL, &e);
	check("control: a plan of no places finds nothing", code == MEWE_NOTHING, "%d %s", code, e.text);
	o.plan = one;
	code = mewe_build("t.wat", wasm.p, wasm.n, &o, &out, NULL, &e);
	check("a function in a module without is refused", code == MEWE_BAD && strstr(e.text, "ordinal"), "%d %s", code, e.text);
	free(none);
	free(one);
	read_free(m);
	free(wasm.p);
}

int main(void)
{
	check_counts();
	check_race();
	check_wishes();
	check_no_functions();
	return failed > 0;
}
