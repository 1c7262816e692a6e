/* process.c - one whole process that runs a WASI command: Wasmtime by its library, compiling with Cranelift or with Winch.
 * In: the compiler's name and a module; this process's standard streams. Out: the guest's exit code; 134 after a trap. */
#include <stdlib.h>
#include <string.h>
#include "measure.h"

int main(int argc, char **argv)
{
	static const HostOptions plain;
	Bytes wasm;
	Host *h;
	Instance *i;
	HostFunc start;
	Err e = {0};
	uint64_t v[HOST_VALUES];
	int code = 0;
	if (argc == 2 && strcmp(argv[1], "version") == 0)
		return puts(WASMTIME_VERSION) < 0;
	if (argc != 3 || (strcmp(argv[1], "cranelift") != 0 && strcmp(argv[1], "winch") != 0))
		die(MEWE_BAD, "usage: process version|cranelift|winch [MODULE]");
	check(file_read(argv[2], &wasm, &e), &e);
	check(host_open_by(strcmp(argv[1], "winch") == 0 ? MAKER_WINCH : MAKER_CRANELIFT, false, argv[2], wasm.p, wasm.n, &h, &e), &e);
	check(host_start(h, &plain, (const char *const[]){argv[2], NULL}, &i, &e), &e);
	check(host_func(i, "_start", &start, &e), &e);
	if (host_func_call(&start, v, &code, &e))
		die(134, "%s", e.text);
	host_drop(i);
	host_close(h);
	free(wasm.p);
	return code;
}
