/* equiv.c - the prover against pairs of functions whose relation is known (tests/prove/pairs.txt).
 * What is refuted with arguments is run with them, and must show the difference. Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"

static int failed;

static void report(const char *name, const char *why)
{
	failed += why != NULL;
	if (why)
		printf("not ok %s: %s\n", name, why);
	else
		printf("ok %s\n", name);
}

static Bytes assemble(const char *type, const char *a, const char *b)
{
	Buf t = {0};
	Bytes wasm = {0};
	Err e;
	buf_printf(&t, "(module (type $t (func (param i32) (result i32))) (memory (export \"memory\") 1) (table 2 funcref)"
	               "(global $g (mut i32) (i32.const 0)) (func $h (param i32) (result i32) (local.get 0))"
	               "(func $k (param i32) (result i32) (i32.const 5)) (func $a (export \"a\") %s %s) (func $b (export \"b\") %s %s))",
	           type, a, type, b);
	if (read_wasm("pair.wat", t.p, t.n, &wasm, &e))
		report("the test's own text", e.text);
	buf_free(&t);
	return wasm;
}

/* One function on the arguments: its result, or that it trapped. */
static uint64_t run(Host *h, const char *name, const Equiv *q, bool *trapped)
{
	HostOptions o = {0};
	Instance *i;
	Err e;
	uint64_t r = 0;
	int code;
	if (host_instance(h, &o, &i, &e)) {
		report("an instance", e.text);
		return 0;
	}
	*trapped = host_call(i, name, q->cex, q->ncex, &r, 1, &code, &e) != 0;
	host_drop(i);
	return r;
}

static bool shows(const Bytes *wasm, const Equiv *q)
{
	Host *h;
	Err e;
	bool ta, tb;
	if (host_open("pair.wat", wasm->p, wasm->n, &h, &e))
		return false;
	uint64_t a = run(h, "a", q, &ta), b = run(h, "b", q, &tb);
	host_close(h);
	return ta != tb || (!ta && a != b);
}

static void judge(const char *want, const char *name, const char *type, const char *a, const char *b)
{
	Bytes wasm = assemble(type, a, b);
	Mod *m;
	Err e;
	Equiv q;
	char why[600] = "";
	if (!wasm.p || read_module("pair.wat", wasm.p, wasm.n, &m, &e)) {
		report(name, "it can't be read");
		return;
	}
	Ident id = ident_of(m);
	Body x = body_of(m, read_ordinal(m, "a")), y = body_of(m, read_ordinal(m, "b"));
	equiv_bodies(&x, &id, &y, &id, &q);
	const char *got = q.verdict == V_PROVED || q.verdict == V_REFUTED ? verdict_name(q.verdict) : "unproved";
	if (strcmp(got, want) != 0)
		snprintf(why, sizeof why, "%s, not %s: %s", verdict_name(q.verdict), want, q.why);
	else if (q.verdict == V_REFUTED && q.ncex > 0 && !shows(&wasm, &q))
		snprintf(why, sizeof why, "its counterexample shows no difference: %s", q.why);
	else if (q.verdict == V_REFUTED && !q.why[0])
		snprintf(why, sizeof why, "it does not say where");
	report(name, *why ? why : NULL);
	if (q.verdict == V_REFUTED && q.ncex > 0 && !*why)
		printf("ok %s: the counterexample, executed, shows it\n", name);
	body_free(&x);
	body_free(&y);
	read_free(m);
	free(wasm.p);
}

/* Two globals that are imported may be one: what is read from the second then is what was written to the first. */
static void imported(void)
{
	static const char *const text[] = {
		"(module (import \"m\" \"a\" (global $a (mut i32))) (global $b (mut i32) (i32.const 0))",
		"(module (import \"m\" \"a\" (global $a (mut i32))) (import \"m\" \"b\" (global $b (mut i32)))",
		"(module (import \"\" \"a\" (global $a (mut i32))) (import \"\" \"b\" (global $b (mut i32)))",
	};
	static const char *const names[] = {"an imported global and one of the module's own are two", "two imported globals are not taken for two",
	                                    "nor are two that are imported from a module without a name"};
	for (size_t i = 0; i < LEN(text); i++) {
		Buf t = {0};
		Bytes wasm = {0};
		Mod *m;
		Err e;
		Equiv q;
		const char *name = names[i];
		buf_printf(&t, "%s (func $f (export \"f\") (result i32) (global.set $a (i32.const 1)) (global.get $b))"
		               "(func $g (export \"g\") (result i32) (local i32) (local.set 0 (global.get $b)) (global.set $a (i32.const 1))"
		               " (local.get 0)))", text[i]);
		if (read_wasm("imports.wat", t.p, t.n, &wasm, &e) || read_module("imports.wat", wasm.p, wasm.n, &m, &e)) {
			report(name, e.text);
		} else {
			Ident id = ident_of(m);
			Body x = body_of(m, read_ordinal(m, "f")), y = body_of(m, read_ordinal(m, "g"));
			equiv_bodies(&x, &id, &y, &id, &q);
			report(name, q.verdict == (i ? V_UNSUPPORTED : V_PROVED) ? NULL : verdict_name(q.verdict));
			body_free(&x);
			body_free(&y);
			read_free(m);
		}
		free(wasm.p);
		buf_free(&t);
	}
}

/* n statements in a row, no two alike, each of which has to be held against all before it. */
static Verdict straight(uint32_t n, char *why, size_t size)
{
	Buf t = {0};
	Bytes wasm = {0};
	Mod *m;
	Err e;
	Equiv q = {.verdict = V_NEW};
	buf_str(&t, "(module (memory 1)");
	for (int k = 0; k < 2; k++) {
		buf_printf(&t, "(func $%c (export \"%c\") (param i32) (result i32)", 'a' + k, 'a' + k);
		for (uint32_t i = 0; i < n; i++)
			buf_printf(&t, "(i32.store (i32.mul (local.get 0) (i32.const %u)) (i32.load (i32.add (local.get 0) (i32.const %u))))",
			           i * 7919u + 3, 8 * i);
		buf_str(&t, "(local.get 0))");
	}
	buf_str(&t, ")");
	if (read_wasm("straight.wat", t.p, t.n, &wasm, &e) || read_module("straight.wat", wasm.p, wasm.n, &m, &e)) {
		snprintf(why, size, "%s", e.text);
	} else {
		Ident id = ident_of(m);
		Body x = body_of(m, read_ordinal(m, "a")), y = body_of(m, read_ordinal(m, "b"));
		equiv_bodies(&x, &id, &y, &id, &q);
		snprintf(why, size, "%s: %s", verdict_name(q.verdict), q.why);
		body_free(&x);
		body_free(&y);
		read_free(m);
	}
	free(wasm.p);
	buf_free(&t);
	return q.verdict;
}

/* The limit of steps holds inside one block, too: without it the long one takes many times as long. */
static void huge(void)
{
	char why[600];
	Verdict v = straight(200, why, sizeof why);
	report("a straight body of 400 accesses is proved", v == V_PROVED ? NULL : why);
	v = straight(20000, why, sizeof why);
	report("one of 40,000 comes to the limit of steps", v == V_TIMEOUT && strstr(why, "steps") ? NULL : why);
}

static char *line(char **at)
{
	char *s = *at, *end = strchr(s, '\n');
	if (!*s)
		return NULL;
	if (end)
		*end = 0;
	*at = end ? end + 1 : s + strlen(s);
	return s;
}

int main(void)
{
	Bytes text;
	Err e;
	unsigned n = 0;
	if (file_read("tests/prove/pairs.txt", &text, &e)) {
		printf("not ok the pairs: %s\n", e.text);
		return 1;
	}
	char *all = xprintf("%.*s", (int)text.n, (char *)text.p), *at = all;
	for (char *s; (s = line(&at));) {
		char want[20], *name = strchr(s, ':');
		if (strncmp(s, "== ", 3) != 0 || !name)
			continue;
		snprintf(want, sizeof want, "%.*s", (int)(name - s - 3), s + 3);
		char *type = line(&at), *a = line(&at), *b = line(&at);
		if (type && a && b)
			judge(want, name + 2, type, a, b);
		n++;
	}
	imported();
	huge();
	report("there are pairs", n > 30 ? NULL : "too few were read");
	free(all);
	free(text.p);
	return failed > 0;
}
