/* verify_hostile.c - modules made to fool or to break the verifier: wrappers that do not draw, functions that pose as the
 * build's, types and names that nobody expects, and provers that die.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <dirent.h>
#include <signal.h>
#include <unistd.h>
#include "verify_unit.h"

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

static Bytes build(const Bytes *raw, const Options *o)
{
	Bytes out;
	Err e;
	if (mewe_build("t.wasm", raw->p, raw->n, o, &out, NULL, &e)) {
		printf("not ok the test's own build: %s\n", e.text);
		exit(1);
	}
	return out;
}

typedef void Change(Mod *m);

/* What verify says of the built module once it is changed. */
static void changed(const char *name, const Bytes *raw, const Bytes *built, Change *change, int want, const char *about)
{
	Mod *m;
	Bytes out;
	Err e;
	if (read_module("built.wasm", built->p, built->n, &m, &e)) {
		check(name, false, e.text);
		return;
	}
	change(m);
	if (write_module(m, NULL, &out, &e)) {
		check(name, false, e.text);
	} else {
		expect(name, raw, &out, want, about);
		free(out.p);
	}
	read_free(m);
}

static Expr body(Mod *m, const char *name) { return BinaryenFunctionGetBody(BinaryenGetFunction(m->ref, name)); }
static void same(Mod *m) { (void)m; }

/* ---- wrappers --------------------------------------------------------------------------------------------------------- */

/* Statement i of a wrapper, or its value. */
static Expr part(Mod *m, const char *wrapper, uint32_t i) { return BinaryenBlockGetChildAt(body(m, wrapper), i); }
static void drop_part(Mod *m, const char *wrapper, uint32_t i) { BinaryenBlockRemoveChildAt(body(m, wrapper), i); }
static void set32(Expr set, int32_t x) { BinaryenConstSetValueI32(BinaryenGlobalSetGetValue(set), x); }
static void set64(Expr set, int64_t x) { BinaryenConstSetValueI64(BinaryenGlobalSetGetValue(set), x); }

/* live = 1, save, draw, call, put back: one word. */
#define REQUEST "mewe.request.0"
static void gate_shut(Mod *m) { set32(part(m, REQUEST, 0), 0); }
static void gate_ignored(Mod *m) { drop_part(m, REQUEST, 0); }
static void nothing_drawn(Mod *m) { drop_part(m, REQUEST, 2); }
static void nothing_put_back(Mod *m) { drop_part(m, REQUEST, 4); }

static void constant_put_back(Mod *m)
{
	BinaryenGlobalSetSetValue(part(m, REQUEST, 4), BinaryenConst(m->ref, BinaryenLiteralInt64(0)));
}

static void saved_too_late(Mod *m)
{
	Expr save = part(m, REQUEST, 1), draw = part(m, REQUEST, 2), block = body(m, REQUEST);
	BinaryenBlockSetChildAt(block, 1, draw);
	BinaryenBlockSetChildAt(block, 2, save);
}

static void gate_shut_behind(Mod *m)
{
	BinaryenBlockInsertChildAt(body(m, REQUEST), 4, BinaryenGlobalSet(m->ref, "mewe.live", BinaryenConst(m->ref, BinaryenLiteralInt32(0))));
}

/* was = live, live = 0, save, word = 0, call, put back, live = was. */
#define INIT "mewe.init.1"
static void init_open(Mod *m) { set32(part(m, INIT, 1), 1); }
static void init_chooses(Mod *m) { set64(part(m, INIT, 3), 1); }
static void init_keeps(Mod *m) { drop_part(m, INIT, 3); }
static void init_leaves_shut(Mod *m) { drop_part(m, INIT, 6); }
static void init_draws(Mod *m) { BinaryenBlockInsertChildAt(body(m, INIT), 4, BinaryenCall(m->ref, "mewe.renew", NULL, 0, BinaryenTypeNone())); }

/* All exports anew, the one called `name` leading to `value`. */
static void lead(Mod *m, const char *name, const char *value)
{
	char *names[8], *values[8];
	uint32_t n = BinaryenGetNumExports(m->ref);
	for (uint32_t i = 0; i < n && i < LEN(names); i++) {
		BinaryenExportRef x = BinaryenGetExportByIndex(m->ref, i);
		names[i] = xstrdup(BinaryenExportGetName(x));
		values[i] = xstrdup(strcmp(names[i], name) == 0 ? value : BinaryenExportGetValue(x));
	}
	for (uint32_t i = 0; i < n; i++)
		BinaryenRemoveExport(m->ref, names[i]);
	for (uint32_t i = 0; i < n; i++) {
		BinaryenAddFunctionExport(m->ref, values[i], names[i]);
		free(names[i]);
		free(values[i]);
	}
}

static void init_unwrapped(Mod *m)
{
	lead(m, "_initialize", "i");
	BinaryenRemoveFunction(m->ref, INIT);
}

static void request_unwrapped(Mod *m)
{
	lead(m, "f", "f");
	BinaryenRemoveFunction(m->ref, REQUEST);
}

static void swapped(Mod *m)
{
	Expr a = part(m, REQUEST, 0), b = part(m, REQUEST, 1), saved = BinaryenLocalSetGetValue(a);
	BinaryenLocalSetSetValue(a, BinaryenLocalSetGetValue(b));
	BinaryenLocalSetSetValue(b, saved);
}

static void wrappers(void)
{
	static const struct {
		const char *name, *about;
		Change *change;
	} list[] = {
		{"a request behind a shut gate", "mewe.request.0: export f", gate_shut},
		{"a request that leaves the gate as it is", "mewe.request.0: export f", gate_ignored},
		{"a request that draws nothing", "mewe.request.0: export f", nothing_drawn},
		{"a request that does not put back the outer one's choices", "mewe.request.0: export f", nothing_put_back},
		{"a request that puts back something else", "mewe.request.0: export f", constant_put_back},
		{"a request that saves its own choices", "mewe.request.0: export f", saved_too_late},
		{"a request that shuts the gate behind it", "mewe.request.0: export f", gate_shut_behind},
		{"an init behind an open gate", "mewe.init.1: export _initialize", init_open},
		{"an init with choices made", "mewe.init.1: export _initialize", init_chooses},
		{"an init with an earlier request's choices", "mewe.init.1: export _initialize", init_keeps},
		{"an init that leaves the gate shut", "mewe.init.1: export _initialize", init_leaves_shut},
		{"an init that draws", "mewe.init.1: export _initialize", init_draws},
		{"an init without a wrapper", "i: export _initialize leads to it, where by its name", init_unwrapped},
	};
	static const char wat[] =
		"(module (global $x (mut i32) (i32.const 7))"
		" (func $f (export \"f\") (param i32) (i32.const 1) (drop) (global.set $x (i32.mul (local.get 0) (global.get $x))))"
		" (func $i (export \"_initialize\") (call $f (i32.const 5))))";
	Options o = options();
	o.functions = NULL;
	o.discriminator = MEWE_XORSHIFT;
	o.dispatch = MEWE_REQUEST;
	Bytes raw = wasm_of(wat), built = build(&raw, &o);
	changed("wrappers as they were built", &raw, &built, same, MEWE_OK, "exports: 1 draw anew, 1 draw nothing meanwhile");
	for (size_t i = 0; i < LEN(list); i++)
		changed(list[i].name, &raw, &built, list[i].change, MEWE_DIFFERS, list[i].about);
	changed("an export that is no request, as with --entry", &raw, &built, request_unwrapped, MEWE_OK, "exports: 0 draw anew, 1 draw nothing");
	free(built.p);
	o.trace = MEWE_TRACE_HASH; /* two words of the request's own: its choices, and which dispatchers it has met */
	o.reseed = MEWE_RESEED_ENTRY;
	Bytes raw2 = wasm_of("(module (func $f (export \"f\") (param i32) (result i32) (i32.mul (local.get 0) (local.get 0))))"), built2 = build(&raw2, &o);
	changed("wrappers of two words", &raw2, &built2, same, MEWE_OK, "exports: 1 draw anew, 0 draw nothing");
	changed("a request that puts back one word for another", &raw2, &built2, swapped, MEWE_DIFFERS, "mewe.request.0: export f");
	free(built2.p);
	free(raw.p);
	free(raw2.p);
}

/* ---- functions that pose as an import from mewe ----------------------------------------------------------------------------- */

static void posing(const char *name, const char *was, const char *is, const char *about)
{
	static const char wat[] = "(module (global $x (mut i32) (i32.const 0))"
	                          " (func $f (export \"f\") (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1)))"
	                          " (func $m (export \"m\") (result %s) (drop (i32.const 0x6d657765)) %s))";
	const char *type = strstr(was, "f64") ? "f64" : "i64";
	char *a = xprintf(wat, type, was), *b = xprintf(wat, type, is);
	Options o = options();
	o.functions = "f";
	Bytes original = wasm_of(a), other = wasm_of(b), built = build(&other, &o);
	expect(name, &original, &built, about ? MEWE_DIFFERS : MEWE_OK, about);
	free(a);
	free(b);
	free(original.p);
	free(other.p);
	free(built.p);
}

static void posers(void)
{
	posing("a marked function that is the original's", "(i64.const 3)", "(i64.const 3)", NULL);
	posing("a marked function that lacks the original's effects", "(global.set $x (i32.const 9)) (i64.const 0)", "(i64.const 0)", "difference: m:");
	posing("a marked function that lacks the original's result", "(i64.const 3)", "(i64.const 0)", "difference: m:");
	posing("a marked function with a result of a type of its own", "(f64.const 1)", "(f64.const 0)", "difference: m:");
}

/* ---- types and imports ---------------------------------------------------------------------------------------------------- */

typedef struct Retype {
	Mod *m;
	const char *target;
	uint32_t nargs;
	bool floats;
} Retype;

static bool retype_call(void *ctx, Expr e, uint32_t index)
{
	Retype *r = ctx;
	(void)index;
	if (walk_kind(e) != K_Call || strcmp(BinaryenCallGetTarget(e), r->target) != 0)
		return true;
	while (BinaryenCallGetNumOperands(e) > r->nargs)
		BinaryenCallRemoveOperandAt(e, BinaryenCallGetNumOperands(e) - 1);
	for (uint32_t i = 0; r->floats && i < r->nargs; i++)
		BinaryenCallSetOperandAt(e, i, BinaryenConst(r->m->ref, BinaryenLiteralFloat64(1)));
	return true;
}

/* The function gets other parameters and an empty body, in its old place; so do its calls. A type can't be set: all anew. */
static void change_type(Mod *m, const char *name, uint32_t nparams, bool floats)
{
	BinaryenType type[8];
	Retype r = {m, name, nparams, floats};
	for (uint32_t i = 0; i < nparams; i++)
		type[i] = floats ? BinaryenTypeFloat64() : BinaryenTypeInt32();
	for (uint32_t i = 0; i < m->nfunc; i++) {
		Body b = body_of(m, i);
		bool it = strcmp(b.name, name) == 0;
		char *keep = xstrdup(b.name);
		b.expr = it ? BinaryenNop(m->ref) : BinaryenExpressionCopy(b.expr, m->ref);
		b.params = it ? BinaryenTypeCreate(type, nparams) : b.params;
		walk_each(b.expr, retype_call, &r);
		BinaryenRemoveFunction(m->ref, keep);
		body_add(m, keep, &b);
		body_free(&b);
		free(keep);
	}
}

static void enter_one(Mod *m) { change_type(m, "mewe.enter", 1, false); }
static void enter_floats(Mod *m) { change_type(m, "mewe.enter", 2, true); }
static void chose_two(Mod *m) { change_type(m, "mewe.chose", 2, false); }
static void chose_floats(Mod *m) { change_type(m, "mewe.chose", 3, true); }

static void types(void)
{
	Options o = options();
	o.discriminator = MEWE_NONE;
	o.trace = MEWE_TRACE_HASH;
	Case c = make(&o, false);
	changed("a trace as it was built", &c.raw, &c.out, same, MEWE_OK, NULL);
	changed("a trace that is told one number of two", &c.raw, &c.out, enter_one, MEWE_DIFFERS, "difference: f:");
	changed("a trace that is told floats", &c.raw, &c.out, enter_floats, MEWE_DIFFERS, "difference: f:");
	changed("a trace of choices without their bits", &c.raw, &c.out, chose_two, MEWE_DIFFERS, "difference: f:");
	changed("a trace of choices in floats", &c.raw, &c.out, chose_floats, MEWE_DIFFERS, "difference: f:");
	drop(&c);
}

/* The built module with the first `from` in it replaced; both have n bytes. */
static void patched(const char *name, const Case *c, const char *from, const char *to, const char *about)
{
	size_t n = strlen(from), i = 0;
	Bytes out = {xalloc(c->out.n), c->out.n};
	memcpy(out.p, c->out.p, c->out.n);
	while (i + n < out.n && memcmp(out.p + i, from, n) != 0)
		i++;
	memcpy(out.p + i, to, n);
	expect(name, &c->raw, &out, MEWE_DIFFERS, about);
	free(out.p);
}

static void imports(void)
{
	Options o = options();
	Case c = make(&o, false); /* without WASI, so that seeds are imported */
	patched("seeds from another module", &c, "\4mewe\4seed", "\4mewE\4seed", "import 1 is mewE.seed");
	patched("seeds by another name", &c, "\4mewe\4seed", "\4mewe\4feed", "import 1 is mewe.feed, where the original and its discriminator have mewe.seed");
	patched("a name that speaks to terminals", &c, "\4mewe\4seed", "\4mewe\4\n\x1b[J", "import 1 is mewe.\?\?[J");
	drop(&c);
	o.discriminator = MEWE_HOST;
	c = make(&o, false);
	patched("choices by another name", &c, "\6choose", "\6choosy", "import");
	drop(&c);
}

/* ---- elements ---------------------------------------------------------------------------------------------------------------- */

static void elements(void)
{
	static const char wat[] =
		"(module (import \"e\" \"g\" (global $g funcref)) (table 4 funcref)"
		" (elem (i32.const 0) funcref %s (ref.func $f)) (elem funcref (ref.func $f) (ref.null func)) (elem declare func $f)"
		" (func $f (export \"f\") (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1)))"
		" (func $r (export \"r\") (result funcref) (ref.func $f)))";
	static const char *const slot[] = {"(ref.func $f)", "(ref.null func)", "(global.get $g)"};
	Options o = options();
	o.functions = "f";
	for (size_t i = 0; i < LEN(slot); i++) {
		char *a = xprintf(wat, slot[i]), *name = xprintf("a slot of %s, kept and changed", slot[i]);
		Bytes original = wasm_of(a), built = build(&original, &o), dot;
		Err e;
		for (size_t k = 0; k < LEN(slot); k++) {
			char *b = xprintf(wat, slot[k]);
			Bytes other = wasm_of(b), mv = build(&other, &o);
			expect(name, &original, &mv, k == i ? MEWE_OK : MEWE_DIFFERS, k == i ? NULL : k == 0 ? "difference: f: element segment 0 holds it in slot 0" :
			       i == 0 ? "slot 0, where the original has f" : "the elements are not the original's");
			free(b);
			free(other.p);
			free(mv.p);
		}
		bool drawn = mewe_inspect("t.wasm", built.p, built.n, NULL, 0, false, MEWE_DOT, &dot, &e) == 0;
		check("and its call graph", drawn, e.text);
		if (drawn)
			free(dot.p);
		free(a);
		free(name);
		free(original.p);
		free(built.p);
	}
}

/* ---- provers that die ---------------------------------------------------------------------------------------------------------- */

/* Kills the prover that it finds, once: it is the one child that this process has. */
static void kill_prover(void *ctx, const char *stage, uint64_t done, uint64_t total)
{
	uint32_t *killed = ctx;
	DIR *d = *killed == 0 ? opendir("/proc") : NULL;
	(void)stage;
	(void)done;
	(void)total;
	for (struct dirent *entry; d && (entry = readdir(d));) {
		char path[300];
		int parent = 0;
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		FILE *f = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
		if (f && fscanf(f, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == getpid())
			*killed += kill(atoi(entry->d_name), SIGKILL) == 0;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

/* More answers than a pipe holds: so the prover can't be through when the first one is read. */
static void dying(void)
{
	enum { N = 150, BODIES = 3 };
	Buf wat = {0};
	uint32_t killed = 0, proved = 0;
	Bytes found = {0};
	Err e = {0};
	buf_str(&wat, "(module");
	for (int i = 0; i < N; i++)
		buf_printf(&wat, " (func (export \"f%d\") (param i32) (result i32) (i32.mul (local.get 0) (i32.const %d)))", i, i + 3);
	buf_str(&wat, ")");
	buf_u8(&wat, 0);
	Options o = options();
	o.functions = NULL;
	o.variants = BODIES;
	Bytes raw = wasm_of((char *)wat.p), built = build(&raw, &o);
	int code = mewe_verify("t.wasm", raw.p, raw.n, "b.wasm", built.p, built.n, false, 1, kill_prover, &killed, &found, NULL, &e);
	char *text = xprintf("%.*s", (int)found.n, (char *)found.p), *last = strstr(text, "pairs proved");
	while (last && last > text && last[-1] != ',')
		last--;
	if (last)
		proved = atoi(last);
	check("a prover was killed", killed == 1, "it was not found");
	check("which costs its own pair alone", (code == MEWE_LIMIT || code == MEWE_OK) && proved >= N * BODIES - 1 && proved <= N * BODIES, last ? last : e.text);
	check("and says so", code == MEWE_OK || strstr(text, "the prover's process ended on it"), text);
	free(text);
	free(found.p);
	free(raw.p);
	free(built.p);
	buf_free(&wat);
}

/* The function $f as bytes, of a module of its own. */
static Buf tree_of(const Bytes *wasm)
{
	Buf b = {0};
	Mod *m;
	Err e;
	if (read_module("t.wasm", wasm->p, wasm->n, &m, &e))
		return b;
	Ident id = ident_of(m);
	walk_write(&b, BinaryenFunctionGetBody(m->func[m->nfunc - 1].ref), &id);
	read_free(m);
	return b;
}

/* An indirect call of 70 results, all dropped, whose type differs in the last of them: such a call traps. */
static void many_results(void)
{
	Bytes wasm[2], built;
	Options o = options();
	o.functions = NULL;
	for (int k = 0; k < 2; k++) {
		Buf b = {0};
		buf_str(&b, "(module (table 1 funcref) (elem (i32.const 0) $r) (type $t (func (result");
		for (int i = 0; i < 70; i++)
			buf_str(&b, i < 69 || k == 0 ? " i32" : " f32");
		buf_str(&b, "))) (func $r (result i32) (i32.const 3)) (func $f (export \"f\") (call_indirect (type $t) (i32.const 0))");
		for (int i = 0; i < 70; i++)
			buf_str(&b, "(drop)");
		buf_str(&b, "))");
		buf_u8(&b, 0);
		wasm[k] = wasm_of((char *)b.p);
		buf_free(&b);
	}
	built = build(&wasm[0], &o);
	expect("control: an indirect call of 70 results", &wasm[0], &built, MEWE_OK, NULL);
	free(built.p);
	built = build(&wasm[1], &o);
	char *text;
	check("the type of the last of 70 results is looked at", verify(&wasm[0], &built, 1, &text) != MEWE_OK, "it is accepted");
	Buf a = tree_of(&wasm[0]), b = tree_of(&wasm[1]);
	check("a tree's bytes tell 70 results from 70 others", a.n > 0 && a.n == b.n && memcmp(a.p, b.p, a.n) != 0, "they are the same");
	buf_free(&a);
	buf_free(&b);
	free(text);
	free(built.p);
	free(wasm[0].p);
	free(wasm[1].p);
}

int main(void)
{
	wrappers();
	posers();
	types();
	many_results();
	imports();
	elements();
	dying();
	return failed > 0;
}
