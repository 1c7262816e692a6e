/* discriminator.c - the functions that draw: their texts, the choice vector's fields, what is refused.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/combine.h"
#include "../../mewe/shape.h"
#include "check.h"

static Mod *parse(const char *wat)
{
	Bytes wasm;
	Mod *m;
	Err e;
	if (read_wasm("test.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e) || read_module("test.wat", wasm.p, wasm.n, &m, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	return m;
}

/* ---- the texts ---- */

static uint32_t index_of(void *ctx, const char *name)
{
	(void)ctx;
	uint32_t h = 0;
	while (*name)
		h = h * 31 + (uint8_t)*name++;
	return h & 0xffff;
}

/* All functions of a module as bytes: names and code. */
static Buf bytes_of(Ref m)
{
	static const Ident id = {index_of, index_of, index_of, NULL};
	Buf b = {0};
	for (uint32_t i = 0; i < BinaryenGetNumFunctions(m); i++) {
		BinaryenFunctionRef f = BinaryenGetFunctionByIndex(m, i);
		buf_str(&b, BinaryenFunctionGetName(f));
		if (BinaryenFunctionGetBody(f))
			walk_write(&b, BinaryenFunctionGetBody(f), &id);
	}
	return b;
}

static Ref round_trip(Ref m)
{
	BinaryenSetDebugInfo(true);
	BinaryenModuleAllocateAndWriteResult r = BinaryenModuleAllocateAndWrite(m, NULL);
	Ref again = BinaryenModuleRead(r.binary, r.binaryBytes);
	free(r.binary);
	free(r.sourceMap);
	BinaryenModuleDispose(m);
	return again;
}

/* The text is valid, for Binaryen's reader and for Wasmtime's, and what a first round trip through a binary makes of it stays
 * the same after a second: so it can be compared with what is found in a file. */
static bool text_good(const Shape *s, const Dispatchers *d)
{
	char *text = discriminator_text(s, d);
	Bytes wasm = {0};
	Err e;
	bool good = read_wasm("text.wat", (const uint8_t *)text, strlen(text), &wasm, &e) == 0;
	if (!good)
		printf("# %s\n", e.text);
	free(wasm.p);
	Ref m = BinaryenModuleParse(text);
	BinaryenModuleSetFeatures(m, BinaryenFeatureMutableGlobals());
	good &= BinaryenModuleValidate(m);
	m = round_trip(m);
	Buf before = bytes_of(m);
	m = round_trip(m);
	Buf after = bytes_of(m);
	good &= before.n == after.n && (before.n == 0 || memcmp(before.p, after.p, before.n) == 0);
	buf_free(&before);
	buf_free(&after);
	BinaryenModuleDispose(m);
	free(text);
	return good;
}

static void texts(void)
{
	Dispatcher many[150];
	uint32_t tried = 0, good = 0;
	for (uint32_t i = 0; i < LEN(many); i++)
		many[i] = (Dispatcher){.func = 3 * i, .n = i % 3 == 0 ? 16 : i % 3 == 1 ? 5 : 4095};
	for (uint32_t bits = 0; bits < 6 * 2 * 2 * 2 * 2 * 3; bits++) {
		Shape s = {.discriminator = bits % 6, .dispatch = bits / 6 % 2, .reseed = bits / 12 % 2, .import_seed = bits / 24 % 2,
		           .gated = bits / 48 % 2, .trace = bits / 96 % 3, .fixed_seed = UINT64_MAX - bits};
		static const uint32_t ns[] = {1, 65, 150};
		for (size_t k = 0; k < LEN(ns); k++, tried++)
			good += text_good(&s, &(Dispatchers){many, ns[k]});
		good += text_good(&s, NULL);
		tried++;
	}
	char why[80];
	snprintf(why, sizeof why, "%u of %u", good, tried);
	check("text: every shape is valid, and the same after a round trip", good == tried, why);
	char one[] = "(module (func $f (result i32) (i32.const 1)))", two[] = "(module (func $f (result i32) (i32.const 2)))";
	Ref x = BinaryenModuleParse(one), y = BinaryenModuleParse(two); /* which writes into its text */
	Buf bx = bytes_of(x), by = bytes_of(y);
	check("text: control: another constant is other code", bx.n != by.n || memcmp(bx.p, by.p, bx.n) != 0, "it is not");
	buf_free(&bx);
	buf_free(&by);
	BinaryenModuleDispose(x);
	BinaryenModuleDispose(y);
}

/* ---- fields of the choice vector ---- */

static void layouts(void)
{
	Dispatcher many[200];
	Shape s = {.dispatch = MEWE_REQUEST};
	bool good = true;
	for (uint32_t i = 0; i < LEN(many); i++)
		many[i] = (Dispatcher){.func = i, .n = 2 + i * 20};
	Layout l = layout_of(&s, &(Dispatchers){many, LEN(many)});
	uint64_t *used = xalloc(l.nwords * sizeof *used);
	for (uint32_t i = 0; i < LEN(many); i++) {
		const Field *f = &l.field[i];
		uint64_t mask = ((uint64_t)1 << f->bits) - 1;
		good &= f->word < l.nwords && f->shift + f->bits <= 64 && mask + 1 >= many[i].n && (mask >> 1) + 1 < many[i].n;
		good &= !(used[f->word] & mask << f->shift);
		used[f->word] |= mask << f->shift;
	}
	check("layout: fields are as wide as needed, lie in one word and do not overlap", good, "one does not");
	free(used);
	free(l.field);
}

/* ---- what is refused, and the names ---- */

static int shape_code(const char *wat, Options *o, Shape *s, Err *e)
{
	Mod *m = parse(wat);
	int code = discriminator_shape(m, o, s, e);
	read_free(m);
	return code;
}

#define WASI "(import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i32) (result i32)))"
#define RANDOM(sig) "(import \"wasi_snapshot_preview1\" \"random_get\" (func " sig "))"

static void shapes(void)
{
	static const struct { const char *name, *wat; int code; bool import_seed, gated; } t[] = {
		{"WASI, memory", WASI "(memory (export \"memory\") 1)", 0, false, false},
		{"no WASI", "(memory (export \"memory\") 1)", 0, true, false},
		{"memory of another name", WASI "(memory (export \"m\") 1)", 0, true, false},
		{"memory of no page", WASI "(memory (export \"memory\") 0)", 0, true, false},
		{"no memory", WASI, 0, true, false},
		{"random_get of another type", RANDOM("(param i32) (result i32)") "(memory (export \"memory\") 1)", 0, true, false},
		{"start", WASI "(memory (export \"memory\") 1) (func) (start 1)", 0, false, true},
		{"_initialize", "(func (export \"_initialize\"))", 0, true, true},
		{"Wizer", "(func (export \"wizer-initialize\"))", 0, true, true},
		{"_start is a request", WASI "(memory (export \"memory\") 1) (func (export \"_start\"))", 0, false, false},
		{"a global called _initialize", "(global (export \"_initialize\") i32 (i32.const 0))", 0, true, false},
		{"mewe.choose", "(import \"mewe\" \"choose\" (func (param i32 i32) (result i32)))", MEWE_BAD, true, false},
		{"mewe.seed", "(import \"mewe\" \"seed\" (func (result i64)))", MEWE_BAD, true, false},
		{"a global from mewe", "(import \"mewe\" \"choices\" (global i64))", MEWE_BAD, true, false},
		{"choices of a wrong type", "(import \"mewe\" \"choices\" (func (result i32)))", MEWE_BAD, true, false},
		{"an export of ours", "(func (export \"mewe.reset\"))", MEWE_BAD, true, false},
	};
	char why[700];
	Options o;
	Shape s;
	Err e;
	mewe_options_default(&o);
	for (size_t i = 0; i < LEN(t); i++) {
		char *wat = xprintf("(module %s)", t[i].wat), *name = xprintf("shape: %s", t[i].name);
		int code = shape_code(wat, &o, &s, &e);
		snprintf(why, sizeof why, "%d %d %d", code, s.import_seed, s.gated);
		check(name, code == t[i].code && (code || (s.import_seed == t[i].import_seed && s.gated == t[i].gated)), why);
		free(wat);
		free(name);
	}
}

static void options(void)
{
	static const char wat[] = "(module (func (export \"a\")) (func (export \"b\")) (func (export \"_initialize\")))";
	const char *a[] = {"a"}, *none[] = {"none"}, *init[] = {"_initialize"};
	Options o;
	Shape s;
	Err e;
	mewe_options_default(&o);
	o.entries = none;
	o.nentries = 1;
	check("shape: an entry that is not there", shape_code(wat, &o, &s, &e) == MEWE_BAD, "taken");
	o.entries = init;
	check("shape: an entry that is an init", shape_code(wat, &o, &s, &e) == MEWE_BAD, "taken");
	o.entries = a;
	o.inits = none;
	o.ninits = 1;
	check("shape: an init that is not there", shape_code(wat, &o, &s, &e) == MEWE_BAD, "taken");
	o.ninits = 0;
	check("shape: an entry that is there", shape_code(wat, &o, &s, &e) == 0, e.text);
	check("role: named entry, other export, init", discriminator_role(&o, "a") == ROLE_ENTRY &&
	      discriminator_role(&o, "b") == ROLE_OTHER && discriminator_role(&o, "_initialize") == ROLE_INIT, "mixed up");
	mewe_options_default(&o);
	o.discriminator = MEWE_WASI;
	check("shape: wasi without WASI is unsupported", shape_code(wat, &o, &s, &e) == MEWE_UNSUPPORTED, "taken");
	mewe_options_default(&o);
	o.trace = MEWE_TRACE_FULL;
	check("shape: a full trace without memory is unsupported", shape_code(wat, &o, &s, &e) == MEWE_UNSUPPORTED, "taken");
}

static void tags(void)
{
	static const struct { const char *wat, *tag; } t[] = {
		{"(module (func $f))", "mewe"},
		{"(module (func $mewe))", "mewe"},
		{"(module (func $amewe.draw))", "mewe"},
		{"(module (func $mewe.draw))", "mewe1"},
		{"(module (func $f.mewe.3))", "mewe1"},
		{"(module (func $mewe.x) (global $mewe1.pool i32 (i32.const 0)))", "mewe2"},
	};
	for (size_t i = 0; i < LEN(t); i++) {
		char tag[TAG_SIZE];
		Mod *m = parse(t[i].wat);
		discriminator_tag(m, tag);
		check(t[i].wat, strcmp(tag, t[i].tag) == 0, tag);
		read_free(m);
	}
}

int main(void)
{
	setenv("BINARYEN_CORES", "1", 1); /* a child that reads a module would wait for Binaryen's threads, which it has not */
	texts();
	layouts();
	shapes();
	options();
	tags();
	return failed != 0;
}
