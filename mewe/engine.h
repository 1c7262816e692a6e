/* engine.h - the WebAssembly engine, as the parts of mewe use it: a fixed target for machine code that is looked at, the
 * host itself for code that runs. The only header of ours that shows Wasmtime's types. */
#ifndef ENGINE_H
#define ENGINE_H

#include <wasm.h>
#include <wasmtime.h>
#include "code.h"

#define ENGINE_TARGET "x86_64-unknown-linux-gnu"

/* An engine that compiles for ENGINE_TARGET and the named features alone, or with MAKER_AARCH64 for any such processor. */
int engine_target(Maker maker, bool parallel, wasm_engine_t **out, Err *e);
/* Can it? Asked in a process of its own, since a library without that part ends the one that asks. */
bool engine_present(Maker maker);
/* An engine for this machine, Cranelift or Winch; pooled: instances come from a small pool, which is quick but bounds their size. */
wasm_engine_t *engine_native(Maker maker, bool pooled);
/* The features by name, as a row of "+name". */
const char *engine_name(void);

/* The engine's error as one line, "FILE: text; hint"; takes the error. */
int engine_error(const char *file, wasmtime_error_t *error, const char *hint, Err *e);

#endif
