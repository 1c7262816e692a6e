/* diversify.c - standalone variants: proved from the binaries, different in machine code, as many as there are and no more.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"
#include "check.h"

/* What uses functions by their place: a table, a start function, exports, calls; and an import that a build resolves. */
static const char text[] =
	"(module"
	" (import \"host\" \"log\" (func $log (param i32)))"
	" (import \"mewe\" \"choices\" (func $choices (result i64)))"
	" (memory 1) (table 2 funcref) (elem (i32.const 0) $mix $fold)"
	" (global $sum (mut i32) (i32.const 0))"
	" (data (i32.const 8) \"data\")"
	" (start $begin)"
	" (func $begin (global.set $sum (i32.const 5)))"
	" (func $mix (export \"mix\") (param i32 i32) (result i32) (local i32)"
	"  (local.set 2 (i32.add (i32.mul (local.get 0) (i32.const 77)) (i32.xor (local.get 0) (local.get 1))))"
	"  (i32.or (i32.shl (local.get 2) (i32.const 5)) (i32.and (local.get 2) (i32.const 31))))"
	" (func $fold (export \"fold\") (param i32 i32) (result i32)"
	"  (global.set $sum (i32.add (global.get $sum) (i32.load (i32.and (local.get 0) (i32.const 255)))))"
	"  (call $log (global.get $sum))"
	"  (i32.sub (call $mix (local.get 0) (i32.wrap_i64 (call $choices))) (local.get 1)))"
	" (func $through (export \"through\") (param i32 i32) (result i32)"
	"  (call_indirect (param i32 i32) (result i32) (i32.xor (local.get 0) (local.get 1)) (local.get 1) (i32.and (local.get 0) (i32.const 1)))))";

/* What was put: the modules by number, then the manifest. */
typedef struct Put {
	Bytes module[128], manifest;
	uint32_t n, end;               /* end: refuse the module of this number */
	bool named;                    /* each by its own name, in order, the manifest last */
} Put;

static int put(void *ctx, const char *name, const mewe_bytes *content, mewe_err *e)
{
	Put *p = ctx;
	char *want = xprintf("kept.%04u.wasm", p->n + 1);
	Bytes copy = {xalloc(content->n), content->n};
	bool module = strcmp(name, want) == 0;
	free(want);
	memcpy(copy.p, content->p, content->n);
	if (module && p->n < LEN(p->module)) {
		p->module[p->n++] = copy;
	} else {
		p->named &= strcmp(name, "manifest.json") == 0 && !p->manifest.p;
		free(p->manifest.p);
		p->manifest = copy;
	}
	return p->n == p->end ? err_set(e, MEWE_BAD, "enough") : 0;
}

static void put_free(Put *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		free(p->module[i].p);
	free(p->manifest.p);
	*p = (Put){.named = true};
}

static Bytes original;

static int make(Put *p, uint32_t n, unsigned variants, const char *functions, const char *strategies, Err *e)
{
	Options o;
	uint32_t end = p->end;
	put_free(p);
	p->end = end;
	mewe_options_default(&o);
	o.variants = variants;
	o.functions = functions;
	o.strategies = strategies;
	o.jobs = 1;
	return mewe_diversify("test.wat", original.p, original.n, &o, n, "kept", put, p, NULL, e);
}

static int verify(const Bytes *was, const Bytes *is)
{
	Bytes findings;
	Err e;
	int code = mewe_verify("a", was->p, was->n, "b", is->p, is->n, false, 1, NULL, NULL, &findings, NULL, &e);
	free(findings.p);
	return code;
}

/* Compiled once more, from the bytes: do all differ from each other and from the original in some function? */
static bool all_differ(const Put *p)
{
	Code *c[LEN(p->module) + 1];
	bool good = true;
	Err e;
	for (uint32_t i = 0; i <= p->n; i++) {
		const Bytes *b = i ? &p->module[i - 1] : &original;
		if (survive_code("test.wat", b->p, b->n, NULL, &c[i], &e))
			exit(1);
		for (uint32_t j = 0; j < i; j++) {
			bool same = true;
			for (uint32_t f = 0; f < 4; f++)
				same &= digest_eq(c[i][f].code, c[j][f].code);
			good &= !same;
		}
	}
	for (uint32_t i = 0; i <= p->n; i++)
		free(c[i]);
	return good;
}

static void check_modules(void)
{
	Put p = {.named = true}, q = {.named = true};
	Err e = {0};
	int code = make(&p, 30, 16, NULL, "rewrite,reorder", &e), bad = 0;
	check("thirty modules", code == 0 && p.n == 30, e.text);
	check("their names are in order, and the manifest comes last", p.named && p.manifest.n > 0, "they are not");
	for (uint32_t i = 0; i < p.n; i++)
		bad += verify(&original, &p.module[i]) != 0;
	check("each is proved equal from the binaries", p.n == 30 && bad == 0, "not all are");
	check("all differ in machine code", all_differ(&p), "two are equal");
	check("control: a module twice is noticed", p.n == 30 && (free(p.module[4].p), p.module[4] = p.module[9], !all_differ(&p)), "it is not");
	p.module[4] = (Bytes){0};

	code = make(&q, 12, 16, NULL, "rewrite,reorder", &e);
	bool same = code == 0 && q.n == 12;
	for (uint32_t i = 0; i < q.n && same; i++)
		same = i == 4 || (q.module[i].n == p.module[i].n && memcmp(q.module[i].p, p.module[i].p, q.module[i].n) == 0);
	check("fewer are the first of more", same, "they are not");
	put_free(&p);
	put_free(&q);
}

/* No function has a body that is another's or none, and each hand is dealt once; counts the bodies. */
static bool good_manifest(const Put *p, json_int_t *ways)
{
	json_t *root = json_loadb((char *)p->manifest.p, p->manifest.n, 0, NULL), *functions = json_object_get(root, "functions");
	json_t *modules = json_object_get(root, "modules"), *m, *x, *f, *b;
	size_t i, j;
	bool good = json_array_size(modules) == p->n;
	*ways = 1;
	json_array_foreach(functions, i, f) {
		json_t *bodies = json_object_get(f, "bodies");
		*ways *= json_array_size(bodies);
		json_array_foreach(bodies, j, b)
			good &= strcmp(json_string_value(json_object_get(b, j ? "verdict" : "strategy")), j ? "proved" : "original") == 0;
	}
	json_array_foreach(modules, i, m) {
		json_array_foreach(json_object_get(m, "bodies"), j, x)
			good &= json_integer_value(x) < (json_int_t)json_array_size(json_object_get(json_array_get(functions, j), "bodies"));
		for (size_t k = 0; k < i; k++)
			good &= !json_equal(json_object_get(m, "bodies"), json_object_get(json_array_get(modules, k), "bodies"));
	}
	json_decref(root);
	return good;
}

static void check_few(void)
{
	Put p = {.named = true};
	json_int_t ways = 0;
	Err e = {0};
	int code = make(&p, 3, 2, "mix", "rewrite", &e);
	check("one variant alone: MEWE_LIMIT, and it is there", code == MEWE_LIMIT && p.n == 1 && strstr(e.text, "only 1 "), e.text);
	code = make(&p, 100, 4, "[mf]*", "rewrite,reorder", &e);
	bool good = good_manifest(&p, &ways);
	check("all there are, and no more", code == MEWE_LIMIT && ways > 4 && ways - 1 == p.n, e.text);
	check("their manifest is right", good, "it is not");
	check("all of them differ in machine code", all_differ(&p), "two are equal");
	code = make(&p, p.n, 4, "[mf]*", "rewrite,reorder", &e);
	check("just as many as there are", code == 0, e.text);
	put_free(&p);
}

static void check_refusals(void)
{
	Put p = {.named = true};
	Err e = {0};
	check("copies are no variants", make(&p, 3, 4, NULL, "copy", &e) == MEWE_NOTHING && p.n == 0 && !p.manifest.p, e.text);
	check("no strategy, no variants", make(&p, 3, 4, NULL, "none", &e) == MEWE_NOTHING && p.n == 0, e.text);
	p.end = 3;
	check("a refusal of what is put ends it", make(&p, 9, 4, NULL, "rewrite", &e) == MEWE_BAD && p.n == 3 && strcmp(e.text, "enough") == 0, e.text);
	p.end = 0;

	/* Another module's variant, and one with a single other constant, are not this one's. */
	Bytes other;
	char *changed = xstrdup(text);
	memcpy(strstr(changed, "77"), "79", 2);
	if (read_wasm("test.wat", (const uint8_t *)changed, strlen(changed), &other, &e))
		exit(1);
	make(&p, 1, 8, NULL, "rewrite", &e);
	check("control: a variant of a module with one other constant is refuted", p.n == 1 && verify(&other, &p.module[0]) == MEWE_DIFFERS, "it is not");
	free(other.p);
	free(changed);
	put_free(&p);
}

int main(void)
{
	Err e;
	if (read_wasm("test.wat", (const uint8_t *)text, strlen(text), &original, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		return 1;
	}
	check_modules();
	check_few();
	check_refusals();
	free(original.p);
	return failed > 0;
}
