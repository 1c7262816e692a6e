/* plant.c - slow a function down by a known amount: what a harness must find, if it can find anything.
 * In: a module; the name or export of a function whose last i32 parameter is below 65536, as lengths and kinds are; how many turns.
 * Out: the module with a loop of so many turns before the function's body, that does nothing else.
 * Exit: 0; 2 for bad usage, a bad file, or no such function. */
#include <stdlib.h>
#include <string.h>
#include "measure.h"

enum { UPPER = 16, TURNS_MAX = (1 << UPPER) - 1 };

/* $p = $p | turns << 16; loop { $p = $p - (1 << 16); br_if ($p >> 16) }: the upper half of the parameter is the counter, so that nothing
 * in memory changes, and what follows waits for the loop's end. The compiler keeps it: it removes no loops. */
static Expr turns(BinaryenModuleRef m, uint32_t p, uint32_t n)
{
	static const char again[] = "mewe.plant";
	BinaryenType i32 = BinaryenTypeInt32();
	Expr count = BinaryenBinary(m, BinaryenOrInt32(), BinaryenLocalGet(m, p, i32),
	                            BinaryenConst(m, BinaryenLiteralInt32((int32_t)(n << UPPER))));
	Expr minus = BinaryenBinary(m, BinaryenSubInt32(), BinaryenLocalGet(m, p, i32), BinaryenConst(m, BinaryenLiteralInt32(1 << UPPER)));
	Expr left = BinaryenBinary(m, BinaryenShrUInt32(), BinaryenLocalTee(m, p, minus, i32), BinaryenConst(m, BinaryenLiteralInt32(UPPER)));
	Expr part[] = {BinaryenLocalSet(m, p, count), BinaryenLoop(m, again, BinaryenBreak(m, again, left, NULL))};
	return BinaryenBlock(m, NULL, part, LEN(part), BinaryenTypeNone());
}

/* The last parameter that is an i32, or NONE. */
static uint32_t counter(BinaryenFunctionRef f)
{
	BinaryenType all = BinaryenFunctionGetParams(f), *type = xalloc((BinaryenTypeArity(all) + 1) * sizeof *type);
	uint32_t at = NONE;
	BinaryenTypeExpand(all, type);
	for (uint32_t k = 0; k < BinaryenTypeArity(all); k++)
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
	if (n < 1 || n > TURNS_MAX)
		die(MEWE_BAD, "usage: plant MODULE FUNCTION TURNS OUT, with 1 to %d turns", TURNS_MAX);
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
