/* verify.c - what verify must find: a module is built, changed in one place, and verified against its original.
 * Prints `ok NAME` or `not ok NAME: why`. The unchanged module, in every way of building it, must pass. */
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
	int code = mewe_verify("guest.wasm", original->p, original->n, "built.wasm", have->p, have->n, false, jobs, NULL, NULL, &found, &e);
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

/* ---- every way of building passes -------------------------------------------------------------------------------------- */

static void pass(const Options *o, bool start, const char *name)
{
	Case c = make(o, start);
	Options none = options();
	Bytes plain;
	Err e;
	char *one, *two, *full = xprintf("%s, against the build that dispatches nothing", name);
	none.strategies = "none";
	expect(name, &c.raw, &c.out, MEWE_OK, "6 functions, 5 dispatchers");
	if (mewe_build("guest.wasm", c.raw.p, c.raw.n, &none, &plain, NULL, &e))
		check("a build that dispatches nothing", false, e.text);
	else
		expect(full, &plain, &c.out, MEWE_OK, NULL);
	verify(&c.raw, &c.out, 1, &one);
	verify(&c.raw, &c.out, 3, &two);
	check("findings do not depend on --jobs", strcmp(one, two) == 0, "they differ");
	free(one);
	free(two);
	free(full);
	free(plain.p);
	drop(&c);
}

static void passes(void)
{
	static const char *const kind[] = {"chacha", "wasi", "xorshift", "fixed", "none", "host"};
	for (int d = MEWE_CHACHA; d <= MEWE_HOST; d++) {
		if (d == MEWE_WASI)
			continue; /* the guest has no WASI */
		for (int i = 0; i < 24; i++) {
			Options o = options();
			o.discriminator = d;
			o.fixed_seed = 0x123456789abcdef;
			o.dispatch = i & 1;
			o.reseed = i >> 1 & 1;
			o.trace = i >> 2 & 3;
			bool start = i % 3 == 0;
			if (o.trace > MEWE_TRACE_FULL)
				continue;
			char *name = xprintf("verify %s, dispatch %d, reseed %d, trace %d, start %d", kind[d], o.dispatch, o.reseed, o.trace, start);
			pass(&o, start, name);
			free(name);
		}
	}
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

/* ---- changes in code ------------------------------------------------------------------------------------------------------- */

static Expr body(Mod *m, const char *name) { return BinaryenFunctionGetBody(BinaryenGetFunction(m->ref, name)); }

typedef struct Seek {
	uint32_t kind;
	const char *target;            /* of a call */
	Expr found;
} Seek;

static bool seek(void *ctx, Expr e, uint32_t index)
{
	Seek *s = ctx;
	(void)index;
	if (walk_kind(e) != s->kind || (s->target && strcmp(BinaryenCallGetTarget(e), s->target) != 0))
		return true;
	s->found = e;
	return false;
}

static Expr first(Mod *m, const char *func, uint32_t kind, const char *target)
{
	Seek s = {kind, target, NULL};
	walk_each(body(m, func), seek, &s);
	if (!s.found) {
		printf("not ok the test's own search: no such node in %s\n", func);
		exit(1);
	}
	return s.found;
}

static void constant(Mod *m) { BinaryenConstSetValueI32(first(m, "f.mewe.1", K_Const, NULL), 78); }

static void swap(Mod *m)
{
	Expr call = first(m, "f", K_Call, "f.mewe.1");
	BinaryenLocalGetSetIndex(BinaryenCallGetOperandAt(call, 0), 1);
	BinaryenLocalGetSetIndex(BinaryenCallGetOperandAt(call, 1), 0);
}

static void drop_argument(Mod *m)
{
	BinaryenCallSetOperandAt(first(m, "f", K_Call, "f.mewe.1"), 1, BinaryenConst(m->ref, BinaryenLiteralInt32(0)));
}

static void bypass(Mod *m) { BinaryenCallSetTarget(first(m, "g.mewe.1", K_Call, "f"), "f.mewe.0"); }
static void bypass_undispatched(Mod *m) { BinaryenCallSetTarget(first(m, "plain", K_Call, "k"), "k.mewe.2"); }
static void other_body(Mod *m) { BinaryenCallSetTarget(first(m, "f", K_Call, "f.mewe.1"), "k.mewe.1"); }
static void same_body(Mod *m) { BinaryenCallSetTarget(first(m, "f", K_Call, "f.mewe.1"), "f.mewe.0"); }
static void undispatched(Mod *m) { BinaryenConstSetValueI32(first(m, "plain", K_Const, NULL), 0); }
static void draws_less(Mod *m) { BinaryenCallSetOperandAt(first(m, "f", K_Call, "mewe.draw"), 1, BinaryenConst(m->ref, BinaryenLiteralInt32(2))); }
static void draws_otherwise(Mod *m) { BinaryenCallSetTarget(first(m, "f", K_Call, "mewe.draw"), "k"); }
static void discriminator(Mod *m) { BinaryenConstSetValueI32(first(m, "mewe.block", K_Const, NULL), 0); }
static void guest_import(Mod *m) { BinaryenConstSetValueI64(BinaryenBlockGetChildAt(body(m, "choices"), 1), 1); }

static Expr get(Mod *m, uint32_t i) { return BinaryenLocalGet(m->ref, i, BinaryenTypeInt32()); }

static void recursive(Mod *m)
{
	Expr args[] = {get(m, 0), get(m, 1)};
	BinaryenFunctionSetBody(BinaryenGetFunction(m->ref, "f.mewe.2"), BinaryenCall(m->ref, "f", args, 2, BinaryenTypeInt32()));
}

static void extra(Mod *m)
{
	BinaryenAddFunction(m->ref, "extra", BinaryenTypeNone(), BinaryenTypeNone(), NULL, 0, BinaryenNop(m->ref));
}

static void before(Mod *m, const char *func, Expr what)
{
	Expr part[] = {what, body(m, func)};
	BinaryenFunctionSetBody(BinaryenGetFunction(m->ref, func), BinaryenBlock(m->ref, NULL, part, 2, BinaryenTypeAuto()));
}

static void dispatcher_writes(Mod *m) { before(m, "f", BinaryenGlobalSet(m->ref, "x", get(m, 0))); }
static void body_writes(Mod *m) { before(m, "f.mewe.0", BinaryenGlobalSet(m->ref, "x", get(m, 0))); }
static void body_steers(Mod *m) { before(m, "f.mewe.0", BinaryenGlobalSet(m->ref, "mewe.left", BinaryenConst(m->ref, BinaryenLiteralInt32(0)))); }

static void start_moved(Mod *m)
{
	BinaryenAddFunction(m->ref, "extra", BinaryenTypeNone(), BinaryenTypeNone(), NULL, 0, BinaryenNop(m->ref));
	BinaryenSetStart(m->ref, BinaryenGetFunction(m->ref, "extra"));
}

/* The export of this name gets another value; the order stays. */
static void export_to(Mod *m, const char *name, const char *value)
{
	char *names[8], *values[8];
	BinaryenExternalKind kind[8];
	uint32_t n = BinaryenGetNumExports(m->ref);
	for (uint32_t i = 0; i < n && i < 8; i++) {
		BinaryenExportRef x = BinaryenGetExportByIndex(m->ref, i);
		names[i] = xstrdup(BinaryenExportGetName(x));
		values[i] = xstrdup(strcmp(names[i], name) == 0 ? value : BinaryenExportGetValue(x));
		kind[i] = BinaryenExportGetKind(x);
	}
	for (uint32_t i = 0; i < n; i++)
		BinaryenRemoveExport(m->ref, names[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (kind[i] == BinaryenExternalFunction())
			BinaryenAddFunctionExport(m->ref, values[i], names[i]);
		else
			BinaryenAddMemoryExport(m->ref, values[i], names[i]);
		free(names[i]);
		free(values[i]);
	}
}

static void export_body(Mod *m) { export_to(m, "f", "f.mewe.1"); }
static void export_other(Mod *m) { export_to(m, "f", "k"); }
static void export_added(Mod *m) { BinaryenAddFunctionExport(m->ref, "f.mewe.2", "more"); }
static void export_removed(Mod *m) { BinaryenRemoveExport(m->ref, "k"); }

static void element(Mod *m)
{
	const char *names[] = {"f", "g.mewe.1", "k"};
	BinaryenElementSegmentRef s = BinaryenGetElementSegmentByIndex(m->ref, 0);
	char *name = xstrdup(BinaryenElementSegmentGetName(s)), *table = xstrdup(BinaryenElementSegmentGetTable(s));
	BinaryenRemoveElementSegment(m->ref, name);
	BinaryenAddActiveElementSegment(m->ref, table, name, names, 3, BinaryenConst(m->ref, BinaryenLiteralInt32(0)));
	free(name);
	free(table);
}

typedef struct Tamper {
	const char *name;
	void (*change)(Mod *m);
	const char *about;
} Tamper;

static void tamper(const Case *c, const Tamper *t)
{
	Mod *m;
	Bytes out;
	Err e;
	if (read_module("built.wasm", c->out.p, c->out.n, &m, &e)) {
		check(t->name, false, e.text);
		return;
	}
	t->change(m);
	if (write_module(m, NULL, &out, &e))
		check(t->name, false, e.text);
	else
		expect(t->name, &c->raw, &out, MEWE_DIFFERS, t->about);
	free(out.p);
	read_free(m);
}

static void changes(void)
{
	static const Tamper list[] = {
		{"a constant in a body", constant, "f.mewe.1:"},
		{"a dispatcher that swaps arguments", swap, "difference: f:"},
		{"a dispatcher that drops an argument", drop_argument, "difference: f:"},
		{"a body that passes a dispatcher by", bypass, "g.mewe.1: it calls f.mewe.0"},
		{"an undispatched function that passes a dispatcher by", bypass_undispatched, "plain: it calls k.mewe.2"},
		{"a dispatcher with another's body", other_body, "difference: f:"},
		{"a dispatcher with one body twice", same_body, "difference: f:"},
		{"a changed function that is not dispatched", undispatched, "plain:"},
		{"a dispatcher that draws among fewer", draws_less, "difference: f:"},
		{"a dispatcher that draws with another function", draws_otherwise, "difference: f:"},
		{"a changed discriminator", discriminator, "mewe.block:"},
		{"a changed function for an import from mewe", guest_import, "choices:"},
		{"a body that calls its dispatcher", recursive, "f.mewe.2:"},
		{"an extra function", extra, "extra:"},
		{"a dispatcher that writes a global", dispatcher_writes, "difference: f:"},
		{"a body that writes a global", body_writes, "f.mewe.0:"},
		{"a body that writes the discriminator's state", body_steers, "f.mewe.0: it uses global mewe.left"},
		{"a start function of its own", start_moved, "extra: the start function"},
		{"an export that leads to a body", export_body, "f.mewe.1: export f"},
		{"an export that leads to another function", export_other, "k: export f"},
		{"an export more", export_added, "more"},
		{"an export less", export_removed, "export"},
		{"a table's slot with a body", element, "g.mewe.1: element"},
	};
	Options o = options();
	Case c = make(&o, false);
	for (size_t i = 0; i < LEN(list); i++)
		tamper(&c, &list[i]);
	drop(&c);
}

/* ---- changes in wrappers and traces --------------------------------------------------------------------------------------- */

static void wrapper_argument(Mod *m) { BinaryenCallSetOperandAt(first(m, "mewe.request.1", K_Call, "f"), 0, get(m, 1)); }
static void wrapper_target(Mod *m) { BinaryenCallSetTarget(first(m, "mewe.request.1", K_Call, "f"), "k"); }
static void wrapper_global(Mod *m) { before(m, "mewe.request.3", BinaryenGlobalSet(m->ref, "x", get(m, 0))); }
static void wrapper_twice(Mod *m)
{
	Expr args[] = {get(m, 0)};
	before(m, "mewe.request.3", BinaryenCall(m->ref, "g", args, 1, BinaryenTypeNone()));
}

static void wrapper_silent(Mod *m) { BinaryenFunctionSetBody(BinaryenGetFunction(m->ref, "mewe.request.3"), BinaryenNop(m->ref)); }

static void wrapper_steers(Mod *m)
{
	before(m, "mewe.request.3", BinaryenGlobalSet(m->ref, "mewe.key.0", BinaryenConst(m->ref, BinaryenLiteralInt64(0))));
}

static void wrapper_result(Mod *m)
{
	Expr b = body(m, "mewe.request.1");
	BinaryenBlockSetChildAt(b, BinaryenBlockGetNumChildren(b) - 1, get(m, 0));
}

static void field(Mod *m) { BinaryenConstSetValueI32(BinaryenBinaryGetRight(first(m, "f", K_Binary, NULL)), 1); }

static void body_enters(Mod *m)
{
	Expr args[] = {BinaryenConst(m->ref, BinaryenLiteralInt32(1)), BinaryenConst(m->ref, BinaryenLiteralInt32(1))};
	before(m, "f.mewe.0", BinaryenCall(m->ref, "mewe.enter", args, 2, BinaryenTypeNone()));
}

static void wrong_id(Mod *m) { BinaryenCallSetOperandAt(first(m, "plain", K_Call, "mewe.enter"), 0, BinaryenConst(m->ref, BinaryenLiteralInt32(1))); }

static void requests(void)
{
	static const Tamper list[] = {
		{"a wrapper that changes an argument", wrapper_argument, "mewe.request.1:"},
		{"a wrapper of another function", wrapper_target, "mewe.request.1:"},
		{"a wrapper that writes the guest's global", wrapper_global, "mewe.request.3:"},
		{"a wrapper that calls twice", wrapper_twice, "mewe.request.3:"},
		{"a wrapper that calls nothing", wrapper_silent, "mewe.request.3:"},
		{"a wrapper that sets the key", wrapper_steers, "mewe.request.3:"},
		{"a wrapper that returns something else", wrapper_result, "mewe.request.1:"},
		{"a dispatcher that reads part of its field", field, "difference: f:"},
		{"a body that writes a trace", body_enters, "f.mewe.0: it calls mewe.enter"},
		{"a function that is traced as another", wrong_id, "difference: plain:"},
	};
	Options o = options();
	o.dispatch = MEWE_REQUEST;
	o.trace = MEWE_TRACE_HASH;
	Case c = make(&o, false);
	for (size_t i = 0; i < LEN(list); i++)
		tamper(&c, &list[i]);
	drop(&c);
}

/* ---- changes in bytes -------------------------------------------------------------------------------------------------------- */

static void patch(const char *name, const Case *c, const char *from, const char *to, size_t n, int want, const char *about)
{
	Bytes out = {xalloc(c->out.n), c->out.n};
	size_t i = 0;
	memcpy(out.p, c->out.p, c->out.n);
	while (i + n <= out.n && memcmp(out.p + i, from, n) != 0)
		i++;
	if (i + n > out.n) {
		check(name, false, "the test's own search: no such bytes");
	} else {
		memcpy(out.p + i, to, n);
		expect(name, &c->raw, &out, want, about);
	}
	free(out.p);
}

/* The module without its section of this id. */
static Bytes without(const Bytes *wasm, uint8_t id)
{
	Buf b = {0};
	buf_put(&b, wasm->p, 8);
	for (const uint8_t *p = wasm->p + 8, *end = wasm->p + wasm->n; p < end;) {
		const uint8_t *head = p++;
		uint64_t size = 0;
		unsigned shift = 0;
		do {
			size |= (uint64_t)(*p & 0x7f) << shift;
			shift += 7;
		} while (*p++ & 0x80);
		p += size;
		if (*head != id)
			buf_put(&b, head, p - head);
	}
	return buf_bytes(&b);
}

static void bytes(void)
{
	Options o = options();
	Case c = make(&o, true);
	patch("a global's first value", &c, "\x41\xe7\x8a\x8d\x09", "\x41\xe6\x8a\x8d\x09", 5, MEWE_DIFFERS, "globals");
	patch("a byte of data", &c, "hello", "jello", 5, MEWE_DIFFERS, "data");
	patch("an import's name", &c, "\3out", "\3oux", 4, MEWE_DIFFERS, "import 0 is oux");
	patch("an export's name", &c, "\5plain\0", "\5plaim\0", 7, MEWE_DIFFERS, "plaim");
	patch("a memory's limits", &c, "\5\4\1\1\1\5", "\5\4\1\1\1\6", 6, MEWE_DIFFERS, "memory");
	patch("a table's limits", &c, "\4\4\1\x70\0\4", "\4\4\1\x70\0\5", 6, MEWE_DIFFERS, "tables");
	patch("the custom section, which says nothing", &c, "\"strategy\":\"copy\"", "\"strategy\":\"lies\"", 17, MEWE_OK, NULL);
	Bytes no_start = without(&c.out, 8), no_names = without(&c.out, 0);
	expect("no start function", &c.raw, &no_start, MEWE_DIFFERS, "start function");
	expect("no custom sections", &c.raw, &no_names, MEWE_OK, NULL);
	expect("the original in its own place", &c.raw, &c.raw, MEWE_DIFFERS, NULL);
	free(no_start.p);
	free(no_names.p);
	drop(&c);
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
	odd();
	changes();
	requests();
	bytes();
	twice();
	return failed > 0;
}
