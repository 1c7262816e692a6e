/* verify_builds.c - every way of building passes verify, from the original and from the build that dispatches nothing.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include "verify_unit.h"

/* ---- every way of building passes -------------------------------------------------------------------------------------- */

static void pass(const Options *o, bool start, const char *name)
{
	Case c = make(o, start);
	Options none = options();
	Bytes plain;
	Err e;
	char *against = xprintf("%s, against the build that dispatches nothing", name);
	none.strategies = "none";
	expect(name, &c.raw, &c.out, MEWE_OK, "6 functions, 5 dispatchers");
	if (mewe_build("guest.wasm", c.raw.p, c.raw.n, &none, &plain, NULL, &e)) {
		check(against, false, e.text);
	} else {
		expect(against, &plain, &c.out, MEWE_OK, NULL);
		free(plain.p);
	}
	free(against);
	drop(&c);
}

static void passes(void)
{
	static const char *const kind[] = {"chacha", "wasi", "xorshift", "fixed", "none", "host"};
	for (int d = MEWE_CHACHA; d <= MEWE_HOST; d++) {
		for (int i = 0; i < 12; i += d == MEWE_CHACHA ? 1 : 5) {
			Options o = options();
			if (d == MEWE_WASI)
				break; /* the guest has no WASI */
			o.discriminator = d;
			o.fixed_seed = 0x123456789abcdef;
			o.dispatch = i & 1;
			o.reseed = i >> 1 & 1;
			o.trace = i / 4;
			bool start = i % 3 == 0;
			char *name = xprintf("verify %s, dispatch %d, reseed %d, trace %d, start %d", kind[d], o.dispatch, o.reseed, o.trace, start);
			pass(&o, start, name);
			free(name);
		}
	}
}

static void jobs(void)
{
	Options o = options();
	Case c = make(&o, false);
	char *one, *three;
	verify(&c.raw, &c.out, 1, &one);
	verify(&c.raw, &c.out, 3, &three);
	check("findings do not depend on --jobs", strcmp(one, three) == 0, "they differ");
	free(one);
	free(three);
	drop(&c);
}

/* Several results, vectors, references, functions of nothing, a module that imports all it has: what the reader makes of them. */
static void odd(void)
{
	static const char wat[] =
		"(module (import \"env\" \"m\" (memory 1 2)) (import \"env\" \"t\" (table 2 funcref)) (import \"env\" \"g\" (global $g i32))"
		" (import \"env\" \"h\" (global $h (mut i64))) (elem (global.get $g) $two $none)"
		" (func $two (export \"two\") (param i32) (result i32 i64) (local.get 0) (i64.const 5))"
		" (func $none (export \"none\")) (func $empty)"
		" (func $v (export \"v\") (param f64 v128) (result f64) (f64.add (local.get 0) (f64.const 1.5)))"
		" (func $i (export \"i\") (result i32) (call $empty) (block $b (result i32) (br_if $b (i32.const 1) (global.get $g))))"
		" (func $x (export \"x\") (result externref) (global.set $h (i64.const 3)) (ref.null extern)))";
	Bytes wasm, out;
	Err e;
	if (read_wasm("odd.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e)) {
		check("a module of odd functions", false, e.text);
		return;
	}
	for (int i = 0; i < 6; i++) {
		Options o = options();
		o.functions = NULL;
		o.dispatch = i & 1;
		o.trace = i / 2 == 2 ? MEWE_TRACE_FULL : i / 2;
		char *name = xprintf("a module of odd functions, dispatch %d, trace %d", o.dispatch, o.trace);
		if (mewe_build("odd.wasm", wasm.p, wasm.n, &o, &out, NULL, &e)) {
			check(name, false, e.text);
		} else {
			expect(name, &wasm, &out, MEWE_OK, "6 functions, 6 dispatchers");
			free(out.p);
		}
		free(name);
	}
	free(wasm.p);
}

/* ---- a module that was multivariant before ------------------------------------------------------------------------------------ */

static void twice(void)
{
	Options o = options();
	o.discriminator = MEWE_NONE; /* leaves no import to the host that a second build would refuse */
	Case c = make(&o, false);
	Bytes again;
	Err e;
	if (mewe_build("built.wasm", c.out.p, c.out.n, &o, &again, NULL, &e)) {
		check("a multivariant module made multivariant", false, e.text);
	} else {
		expect("a multivariant module made multivariant", &c.out, &again, MEWE_OK, "5 dispatchers");
		expect("which is not what the first original gives", &c.raw, &again, MEWE_DIFFERS, NULL);
		free(again.p);
	}
	drop(&c);
}

int main(void)
{
	passes();
	jobs();
	odd();
	twice();
	return failed > 0;
}
