/* cache.c - keys tell questions apart, and the file keeps what it was told.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../mewe/all.h"
#include "check.h"

static Mod *module(const char *wat)
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

/* The key of the question whether the module's last two functions are the same. */
static bool key_of(const char *wat, Digest *key)
{
	Mod *m = module(wat);
	Body a = body_of(m, m->nfunc - 2), b = body_of(m, m->nfunc - 1);
	bool ok = obligation_proof(&a, &b, key);
	body_free(&a);
	body_free(&b);
	read_free(m);
	return ok;
}

/* ---- keys ---- */

#define PAIR(before, a, b) \
	"(module " before "(func $a (param i32) (result i32) " a ") (func $b (param i32) (result i32) " b "))"
#define PLAIN PAIR("", "(i32.add (local.get 0) (i32.const 1))", "(i32.sub (local.get 0) (i32.const -1))")
#define CALLS(types) "(func $f " types " local.get 0) (func $g " types " local.get 0) "
#define II "(param i32) (result i32)"
#define ORDER(x, y) "(call $" x " (call $" y " (local.get 0)))"

static const struct {
	const char *name, *x, *y;
	bool same;
} keys[] = {
	{"the same question", PLAIN, PLAIN, true},
	{"behind another function", PLAIN, PAIR("(func $before (nop)) ", "(i32.add (local.get 0) (i32.const 1))", "(i32.sub (local.get 0) (i32.const -1))"), true},
	{"another constant", PLAIN, PAIR("", "(i32.add (local.get 0) (i32.const 1))", "(i32.sub (local.get 0) (i32.const -2))"), false},
	{"the two sides exchanged", PLAIN, PAIR("", "(i32.sub (local.get 0) (i32.const -1))", "(i32.add (local.get 0) (i32.const 1))"), false},
	{"callees by other names", PAIR(CALLS(II), ORDER("f", "g"), ORDER("f", "g")), PAIR(CALLS(II), ORDER("g", "f"), ORDER("g", "f")), true},
	{"callees exchanged on one side", PAIR(CALLS(II), ORDER("f", "g"), ORDER("f", "g")), PAIR(CALLS(II), ORDER("f", "g"), ORDER("g", "f")), false},
	{"one callee or two", PAIR(CALLS(II), ORDER("f", "g"), ORDER("f", "g")), PAIR(CALLS(II), ORDER("f", "f"), ORDER("f", "f")), false},
	{"a callee of another type",
	 PAIR("(import \"\" \"f\" (func $f (param i32))) ", "(call $f (local.get 0)) (i32.const 0)", "(call $f (local.get 0)) (i32.const 0)"),
	 PAIR("(import \"\" \"f\" (func $f (param i64))) ", "(call $f (i64.const 0)) (i32.const 0)", "(call $f (i64.const 0)) (i32.const 0)"), false},
	{"a global that changes", PAIR("(global $g i32 (i32.const 1)) ", "(global.get $g)", "(global.get $g)"),
	 PAIR("(global $g (mut i32) (i32.const 1)) ", "(global.get $g)", "(global.get $g)"), false},
	{"a global that is imported", PAIR("(global $g (mut i32) (i32.const 1)) ", "(global.get $g)", "(global.get $g)"),
	 PAIR("(import \"m\" \"g\" (global $g (mut i32))) ", "(global.get $g)", "(global.get $g)"), false},
	{"a memory of another size", PAIR("(memory 1) ", "(i32.load (local.get 0))", "(i32.load (local.get 0))"),
	 PAIR("(memory 2) ", "(i32.load (local.get 0))", "(i32.load (local.get 0))"), false},
	{"a load of another width", PAIR("(memory 1) ", "(i32.load8_u (local.get 0))", "(i32.load (local.get 0))"),
	 PAIR("(memory 1) ", "(i32.load8_s (local.get 0))", "(i32.load (local.get 0))"), false},
	{"a local more", PLAIN, PAIR("", "(i32.add (local.get 0) (i32.const 1))", "(local i32) (i32.sub (local.get 0) (i32.const -1))"), false},
	{"a local of another type", PAIR("", "(local i32) (local.get 0)", "(local i32) (local.get 0)"), PAIR("", "(local i32) (local.get 0)", "(local i64) (local.get 0)"), false},
};

static void key_pairs(void)
{
	for (size_t i = 0; i < LEN(keys); i++) {
		Digest x, y;
		bool ok = key_of(keys[i].x, &x) && key_of(keys[i].y, &y);
		check(keys[i].name, ok && digest_eq(x, y) == keys[i].same, !ok ? "it has no key" : keys[i].same ? "keys differ" : "keys are equal");
	}
	Digest d;
	check("a reference has no key", !key_of(PAIR("(table 1 funcref) (func $f) ", "(drop (ref.null func)) (local.get 0)", "(local.get 0)"), &d), "it has one");
}

static void code_keys(void)
{
	Mod *m = module(PAIR(CALLS(II), ORDER("f", "g"), ORDER("g", "f")));
	Body a = body_of(m, m->nfunc - 2), b = body_of(m, m->nfunc - 1);
	Ident id = ident_of(m);
	Digest one = obligation_module((const uint8_t *)"one", 3), other = obligation_module((const uint8_t *)"two", 3), k[3];
	bool ok = obligation_code(one, &id, &a, &k[0]) && obligation_code(one, &id, &b, &k[1]) && obligation_code(other, &id, &a, &k[2]);
	check("machine code depends on which function is called", ok && !digest_eq(k[0], k[1]), "keys are equal");
	check("and on the module", ok && !digest_eq(k[0], k[2]), "keys are equal");
	body_free(&a);
	body_free(&b);
	read_free(m);
}

/* ---- the file ---- */

static void put_get(const char *path)
{
	Cache *c, *d;
	Err e;
	Verdict v = V_NEW;
	uint64_t work = 0;
	char *why = NULL;
	Digest k = {1, 2}, none = {2, 1};
	Code in = {.code = {3, 4}, .shape = {5, 6}, .bytes = 7, .ninsn = 8}, out = {0};
	check("a new file", cache_open(path, &c, &e) == 0, e.text);
	cache_put_proof(c, k, V_REFUTED, 12345678901234, "x = 1");
	cache_put_code(c, k, &in);
	check("is written", cache_close(c, &e) == 0, e.text);
	check("and opened again, twice", cache_open(path, &c, &e) == 0 && cache_open(path, &d, &e) == 0, e.text);
	bool found = cache_proof(c, k, &v, &work, &why);
	check("it keeps a verdict", found && v == V_REFUTED && work == 12345678901234 && why && strcmp(why, "x = 1") == 0, "another came back");
	free(why);
	check("it keeps digests", cache_code(d, k, &out) && memcmp(&in, &out, sizeof in) == 0, "others came back");
	check("it knows nothing else", !cache_proof(c, none, &v, &work, &why) && !cache_code(c, none, &out), "it made something up");
	cache_put_proof(c, none, V_PROVED, 1, NULL);
	check("what is flushed, others see", cache_flush(c, &e) == 0 && cache_proof(d, none, &v, &work, &why) && v == V_PROVED && !why, "they do not");
	cache_close(c, &e);
	cache_close(d, &e);
}

/* Somebody writes a verdict that there is not: no answer, rather than a wrong one. */
static void strange_row(const char *path)
{
	sqlite3 *db;
	Cache *c;
	Err e;
	Verdict v;
	uint64_t work;
	char *why = NULL;
	sqlite3_open(path, &db);
	int bad = sqlite3_exec(db, "UPDATE proof SET verdict = 77; UPDATE code SET shape = x'00'", NULL, NULL, NULL);
	sqlite3_close(db);
	Code out;
	check("a strange row", bad == SQLITE_OK && cache_open(path, &c, &e) == 0, "the test can't write it");
	check("is no verdict", !cache_proof(c, (Digest){1, 2}, &v, &work, &why), "it is one");
	check("and no digest", !cache_code(c, (Digest){1, 2}, &out), "it is one");
	cache_close(c, &e);
}

static void refuses(const char *name, const char *path)
{
	Cache *c = NULL;
	Err e = {0};
	int code = cache_open(path, &c, &e);
	check(name, code == MEWE_BAD && !c && strstr(e.text, path) && strstr(e.text, "--cache none"), code ? e.text : "it is taken");
	cache_close(c, &e);
}

int main(void)
{
	char dir[] = "/tmp/mewe-cache-XXXXXX", path[64], other[64];
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/proofs.db", dir);
	snprintf(other, sizeof other, "%s/other", dir);
	key_pairs();
	code_keys();
	put_get(path);
	strange_row(path);
	Err e;
	check("a test file", file_write(other, "this is no database, but a text that is long enough to be read as one", 69, &e) == 0, e.text);
	refuses("a file that is no database", other);
	refuses("a folder that is not there", "/nowhere/at/all/proofs.db");
	Cache *none;
	check("no cache", cache_open(NULL, &none, &e) == 0 && !none && cache_close(none, &e) == 0, "it is one");
	const char *rest[] = {path, other};
	for (size_t i = 0; i < LEN(rest); i++)
		unlink(rest[i]);
	rmdir(dir);
	return failed != 0;
}
