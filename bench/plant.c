/* plant.c - slow a function down by a known amount: what a harness must find, if it can find anything.
 * In: a module, the name or export of a function that takes an i32, how many turns. Out: the module with a loop of so many turns,
 * that does nothing else, before the function's body. Exit: 0; 2 for bad usage, a bad file, or no such function. */
#include <stdlib.h>
#include <string.h>
#include "measure.h"

#define SAVED "mewe.planted"

/* saved = $p; $p = turns; loop { $p = $p - 1; br_if $p }; $p = saved. The parameter is the counter, since Binaryen's interface adds
 * no locals to a function that is there. The compiler keeps the loop: it removes none. */
static Expr turns(BinaryenModuleRef m, uint32_t p, uint32_t n)
{
	BinaryenType i32 = BinaryenTypeInt32();
	Expr minus = BinaryenBinary(m, BinaryenSubInt32(), BinaryenLocalGet(m, p, i32), BinaryenConst(m, BinaryenLiteralInt32(1)));
	Expr part[] = {
		BinaryenGlobalSet(m, SAVED, BinaryenLocalGet(m, p, i32)),
		BinaryenLocalSet(m, p, BinaryenConst(m, BinaryenLiteralInt32((int32_t)n))),
		BinaryenLoop(m, SAVED, BinaryenBreak(m, SAVED, BinaryenLocalTee(m, p, minus, i32), NULL)),
		BinaryenLocalSet(m, p, BinaryenGlobalGet(m, SAVED, i32)),
	};
	BinaryenAddGlobal(m, SAVED, i32, true, BinaryenConst(m, BinaryenLiteralInt32(0)));
	return BinaryenBlock(m, NULL, part, LEN(part), BinaryenTypeNone());
}

/* The first parameter that is an i32, or NONE. */
static uint32_t counter(BinaryenFunctionRef f)
{
	BinaryenType all = BinaryenFunctionGetParams(f), *type = xalloc((BinaryenTypeArity(all) + 1) * sizeof *type);
	uint32_t at = NONE;
	BinaryenTypeExpand(all, type);
	for (uint32_t k = BinaryenTypeArity(all); k-- > 0;)
		if (type[k] == BinaryenTypeInt32())
			at = k;
	free(type);
	return at;
}

static BinaryenFunctionRef find(BinaryenModuleRef m, const char *name)
{
	BinaryenExportRef x = BinaryenGetExport(m, name);
	if (x && BinaryenExportGetKind(x) == BinaryenExternalFunction())
		name = BinaryenExportGetValue(x);
	return BinaryenGetFunction(m, name);
}

int main(int argc, char **argv)
{
	Bytes wasm, out;
	Mod *mod;
	Err e = {0};
	uint32_t n = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
	if (n < 1 || n > INT32_MAX)
		die(MEWE_BAD, "usage: plant MODULE FUNCTION TURNS OUT, with at least one turn");
	check(file_read(argv[1], &wasm, &e), &e);
	check(read_module(argv[1], wasm.p, wasm.n, &mod, &e), &e);
	BinaryenFunctionRef f = find(mod->ref, argv[2]);
	if (!f || !BinaryenFunctionGetBody(f))
		die(MEWE_BAD, "%s: it defines no function '%s'", argv[1], argv[2]);
	uint32_t p = counter(f);
	if (p == NONE)
		die(MEWE_BAD, "%s: '%s' takes no i32", argv[1], argv[2]);
	Expr both[] = {turns(mod->ref, p, n), BinaryenFunctionGetBody(f)};
	BinaryenFunctionSetBody(f, BinaryenBlock(mod->ref, NULL, both, 2, BinaryenFunctionGetResults(f)));
	check(write_module(mod, NULL, &out, &e), &e);
	check(file_write(argv[4], out.p, out.n, &e), &e);
	free(out.p);
	free(wasm.p);
	read_free(mod);
	return 0;
}
