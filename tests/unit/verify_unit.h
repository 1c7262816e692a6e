/* verify_unit.h - a guest, its builds, and what verify says of them: for verify.c and verify_builds.c.
 * check() prints `ok NAME` or `not ok NAME: why`. */
#ifndef VERIFY_UNIT_H
#define VERIFY_UNIT_H

#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"

static int failed;

static void check(const char *name, bool good, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s\n", name);
	else
		printf("not ok %s: %s\n", name, why);
}

/* $plain is not dispatched; $k has the type of $f; the constants 77, 0x1234567 and "hello" are there to be changed. */
static const char guest[] =
	"(module (import \"env\" \"out\" (func $out (param i32)))"
	" (import \"mewe\" \"choices\" (func $choices (result i64)))"
	" (import \"mewe\" \"entry\" (func $entry))"
	" (memory (export \"memory\") 1 5) (table 4 funcref) (elem (i32.const 0) $f $g $k)"
	" (global $x (mut i32) (i32.const 0x1234567))"
	" (data (i32.const 16) \"hello\")"
	" (func $f (export \"f\") (param i32 i32) (result i32)"
	"  (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.xor (local.get 0) (i32.const 77))))"
	" (func $k (export \"k\") (param i32 i32) (result i32)"
	"  (i32.store (local.get 0) (local.get 1)) (i32.sub (i32.load offset=4 (local.get 1)) (local.get 0)))"
	" (func $g (export \"g\") (param i32)"
	"  (call $entry) (global.set $x (i32.add (local.get 0) (call $f (local.get 0) (i32.const 3)))) (call $out (global.get $x)))"
	" (func $h (export \"h\") (result i64)"
	"  (call $g (i32.const 9)) (i64.add (i64.extend_i32_u (global.get $x)) (call $choices)))"
	" (func $plain (export \"plain\") (param i32) (result i32)"
	"  (call $k (call_indirect (param i32 i32) (result i32) (local.get 0) (i32.const 1) (i32.const 2)) (i32.const 99)))"
	" (func $s (global.set $x (i32.const 6))) %s)";

typedef struct Case {
	Bytes raw, out;
} Case;

static Bytes assemble(const char *start)
{
	char *wat = xprintf(guest, start);
	Bytes wasm;
	Err e;
	if (read_wasm("guest.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	free(wat);
	return wasm;
}

static Options options(void)
{
	Options o;
	mewe_options_default(&o);
	o.strategies = "copy";
	o.variants = 3;
	o.functions = "?"; /* not $plain */
	o.jobs = 1;
	return o;
}

static Case make(const Options *o, bool start)
{
	Case c = {assemble(start ? "(start $s)" : ""), {0}};
	Err e;
	if (mewe_build("guest.wasm", c.raw.p, c.raw.n, o, &c.out, NULL, &e)) {
		printf("not ok the test's own build: %s\n", e.text);
		exit(1);
	}
	return c;
}

static void drop(Case *c)
{
	free(c->raw.p);
	free(c->out.p);
}

/* Verify; *text is what was found, or the error. */
static int verify(const Bytes *original, const Bytes *have, unsigned jobs, char **text)
{
	Bytes found = {0};
	Err e = {0};
	int code = mewe_verify("guest.wasm", original->p, original->n, "built.wasm", have->p, have->n, false, jobs, NULL, NULL, &found, NULL, &e);
	*text = found.p ? xprintf("%.*s", (int)found.n, (char *)found.p) : xstrdup(e.text);
	free(found.p);
	return code;
}

static void expect(const char *name, const Bytes *original, const Bytes *have, int want, const char *about)
{
	char *text, why[500] = "";
	int code = verify(original, have, 2, &text);
	if (code != want)
		snprintf(why, sizeof why, "exit code %d, not %d: %s", code, want, text);
	else if (about && !strstr(text, about))
		snprintf(why, sizeof why, "the findings do not name %s: %s", about, text);
	for (char *p = why; (p = strchr(p, '\n'));)
		*p = '|';
	check(name, !*why, why);
	free(text);
}

#endif
