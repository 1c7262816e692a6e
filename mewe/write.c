/* write.c - a module to bytes.
 * In: a module. Out: its binary. Must hold: no pass runs here or after combine: passes merge and fold variants. */
#include <stdlib.h>
#include <string.h>
#include "all.h"

int write_module(Mod *m, const char *hint_json, Bytes *out, Err *e)
{
	if (hint_json)
		BinaryenAddCustomSection(m->ref, "mewe", hint_json, strlen(hint_json));
	BinaryenSetDebugInfo(true);
	BinaryenModuleAllocateAndWriteResult r = BinaryenModuleAllocateAndWrite(m->ref, NULL);
	free(r.sourceMap);
	if (!r.binary || r.binaryBytes == 0) {
		free(r.binary);
		return err_set(e, MEWE_BAD, "%s: Binaryen wrote nothing", m->file);
	}
	*out = (Bytes){r.binary, r.binaryBytes};
	return 0;
}

uint64_t write_size(const uint8_t *wasm, size_t n)
{
	Scan s;
	Err ignored;
	if (scan_module("", wasm, n, &s, &ignored) != 0)
		return n;
	uint64_t size = n - s.custom_bytes;
	scan_free(&s);
	return size;
}
