/* host.h - the in-process host beyond what all.h says: for its own files, `mewe run` and the bench. */
#ifndef HOST_H
#define HOST_H

#include "engine.h"

/* So many instances of one Host may be alive at a time. */
enum { HOST_INSTANCES = 16, HOST_VALUES = 32 };

struct Host {
	char *file;
	wasm_engine_t *engine;
	wasmtime_module_t *module;
	wasmtime_linker_t *linker;
	wasmtime_instance_pre_t *pre;
	bool needs_wasi;               /* it imports calls of WASI that host_wasi.c leaves to Wasmtime */
};

struct Instance {
	Host *host;
	wasmtime_store_t *store;
	wasmtime_context_t *context;
	wasmtime_instance_t instance;
	wasmtime_memory_t memory;
	bool has_memory;
	HostOptions options;
	bool inherit;                  /* the process's own standard streams */
	size_t in_at;                  /* so much of the input has been read */
	Buf out;
	uint8_t closed;                /* bit set of descriptors 0 to 2 */
	uint64_t ticks;                /* the clock of a guest that must repeat itself */
	Rng draws, guest;              /* behind mewe.choose and mewe.seed; behind the guest's random_get */
	bool exited;
	int exit_code;
};

/* As host_open(), with code that this compiler makes: Cranelift, or Winch; may_pool: instances come from a pool, which takes so much
 * address space that a process has room for a few hosts only. */
int host_open_by(Maker maker, bool may_pool, const char *file, const uint8_t *wasm, size_t n, Host **out, Err *e);

/* As host_instance(); what the options point to must stay as long as the instance. With argv, a NULL-terminated
 * list, the guest has these arguments and the process's own standard streams. */
int host_start(Host *h, const HostOptions *o, const char *const *argv, Instance **out, Err *e);

/* An exported function, looked up once. Kinds are wasm_valkind_t. */
typedef struct HostFunc {
	Instance *i;
	wasmtime_func_t func;
	uint8_t param[HOST_VALUES], result[HOST_VALUES];
	uint32_t nparams, nresults;
} HostFunc;
int host_func(Instance *i, const char *export, HostFunc *out, Err *e);
/* v[0..nparams) are the arguments, and v[0..nresults) become the results; HOST_VALUES are room enough. */
int host_func_call(const HostFunc *f, uint64_t *v, int *exit_code, Err *e);

/* host_wasi.c: the functions that a guest may import. */
int host_imports(Host *h, Err *e);

/* The value of an exported global as raw bits; false: there is none of that type. */
bool host_global(Instance *i, const char *name, wasmtime_valkind_t kind, uint64_t *out);

#endif
