/* classes.c - which bodies of a multivariant module are the same in the machine code that a Wasmtime made of it; and the traced build
 * with those classes in its body trace.
 * In: the module without a trace; the dump for Linux's perf that the runtime wrote of it; the traced twin.
 * Out: a line of four numbers: dispatchers, bodies (originals counted), bodies that differ in their dispatcher, in shape, too; the
 * traced twin, in which a body's class is that of the first one with the same code.
 * Must hold: bodies are found in the binary by their shape, and the dump's functions are the module's, name by name; code is compared
 * as mewe's own audit compares it; nothing but the classes of the traced twin is another. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "../mewe/shape.h"
#include "jitdump.h"
#include "measure.h"

/* ---- the dump ---- */

static bool every(Symbol *s, const void *about)
{
	(void)s, (void)about;
	return true;
}

/* The module's own functions come first and in their order, each by its name. */
static void number(const char *path, Text *t, const Mod *m, const Scan *s)
{
	for (uint32_t i = 0; i < s->nbodies; i++) {
		char *unnamed = xprintf("wasm[0]::function[%" PRIu32 "]", s->nimported + i);
		const char *name = i < t->nsymbol ? t->symbol[i].name : "";
		if (strcmp(name, m->func[i].name) != 0 && strcmp(name, unnamed) != 0)
			die(MEWE_BAD, "%s: it has %s where the module has %s: it is another module's", path, name, m->func[i].name);
		t->symbol[i].func = s->nimported + i;
		free(unnamed);
	}
}

/* ---- modules ---- */

static Mod *open_module(const char *path, Bytes *wasm)
{
	Mod *m;
	Err e = {0};
	check(file_read(path, wasm, &e), &e);
	check(read_module(path, wasm->p, wasm->n, &m, &e), &e);
	return m;
}

static Code *codes(const char *path, const Bytes *wasm, const Mod *m, const char *dump_path)
{
	Scan s;
	Bytes dump;
	Err e = {0};
	check(scan_module(path, wasm->p, wasm->n, &s, &e), &e);
	check(file_read(dump_path, &dump, &e), &e);
	Text t;
	const char *why = dump_read(&dump, MAKER_CRANELIFT, every, NULL, &t);
	if (why)
		die(MEWE_BAD, "%s: %s", dump_path, why);
	number(dump_path, &t, m, &s);
	Code *code = xalloc(s.nbodies * sizeof *code);
	check(code_text(dump_path, &t, &s, NULL, code, &e), &e);
	dump_free(&t);
	free(dump.p);
	scan_free(&s);
	return code;
}

/* The first body of the dispatcher with the code of its kth. */
static uint32_t class_of(const Found *f, uint32_t k, const Code *code)
{
	uint32_t j = 0;
	while (!digest_eq(code[f->variant[j]].code, code[f->variant[k]].code))
		j++;
	return j;
}

static bool fresh_shape(const Found *f, uint32_t k, const Code *code)
{
	for (uint32_t j = 0; j < k; j++)
		if (digest_eq(code[f->variant[j]].shape, code[f->variant[k]].shape))
			return false;
	return true;
}

/* The instrument's call in arm k: mewe.enter(own id, id of the class). */
static void reclass(const char *path, Mod *m, const Found *f, const Code *code)
{
	Pieces p;
	if (!shape_pieces(m, f->func, &p) || p.n != f->n)
		die(MEWE_BAD, "%s: function %u is not the dispatcher that it is without a trace", path, f->func);
	for (uint32_t k = 0; k < p.n; k++) {
		Expr call = p.arm[k].trace[0];
		if (p.arm[k].ntrace == 0 || BinaryenCallGetNumOperands(call) != 2 ||
		    BinaryenConstGetValueI32(BinaryenCallGetOperandAt(call, 0)) != (int32_t)TRACE_ID(f->func, k + 1))
			die(MEWE_BAD, "%s: function %u has no trace: build it with --trace hash", path, f->func);
		BinaryenCallSetOperandAt(call, 1, BinaryenConst(m->ref, BinaryenLiteralInt32(TRACE_ID(f->func, class_of(f, k, code) + 1))));
	}
	free(p.arm);
}

static void write_traced(const char *path, const Founds *found, const Code *code, const char *out)
{
	Bytes wasm, traced;
	Err e = {0};
	Mod *m = open_module(path, &wasm);
	for (uint32_t i = 0; i < found->n; i++)
		reclass(path, m, &found->f[i], code);
	check(write_module(m, NULL, &traced, &e), &e);
	check(file_write(out, traced.p, traced.n, &e), &e);
	free(traced.p);
	read_free(m);
	free(wasm.p);
}

int main(int argc, char **argv)
{
	Bytes wasm;
	Founds found;
	Err e = {0};
	uint32_t bodies = 0, distinct = 0, shapes = 0;
	if (argc != 5)
		die(MEWE_BAD, "usage: classes MODULE.wasm DUMP TRACED.wasm OUT.wasm");
	Mod *m = open_module(argv[1], &wasm);
	check(shape_find(m, &found, &e), &e);
	Code *code = codes(argv[1], &wasm, m, argv[2]);
	for (uint32_t i = 0; i < found.n; i++) {
		for (uint32_t k = 0; k < found.f[i].n; k++) {
			bodies++;
			distinct += class_of(&found.f[i], k, code) == k;
			shapes += fresh_shape(&found.f[i], k, code);
		}
	}
	write_traced(argv[3], &found, code, argv[4]);
	printf("%u %u %u %u\n", found.n, bodies, distinct, shapes);
	free(code);
	shape_free(&found);
	read_free(m);
	free(wasm.p);
	return 0;
}
