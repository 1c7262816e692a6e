/* engine.c - engines, made in one place so that every part compiles the same language.
 * In: what the engine is for. Out: an engine. Must hold: engine_target() depends on nothing of the machine it runs on. */
#include <sys/wait.h>
#include <unistd.h>
#include "engine.h"

/* What each x86-64 processor since 2009 has, and what x86-64-v2 names. Wasmtime compiles only for what the machine under it
 * could run, so a longer list (AVX, BMI) would refuse machines and emulators that lack it, and none at all would leave the
 * emulated forms of popcnt, floor and most vector operations, which no server runs. */
#define FEATURES(X) X("sse3") X("ssse3") X("sse41") X("sse42") X("popcnt")

#define PLUS(name) " +" name
#define FLAG(name) "has_" name,

const char *engine_name(void)
{
	return "wasmtime " WASMTIME_VERSION " cranelift " ENGINE_TARGET FEATURES(PLUS);
}

/* One language for all engines; what it holds beyond what the scanner accepts never reaches them. */
static wasm_config_t *config(void)
{
	wasm_config_t *c = wasm_config_new();
	wasmtime_config_strategy_set(c, WASMTIME_STRATEGY_CRANELIFT);
	wasmtime_config_cranelift_opt_level_set(c, WASMTIME_OPT_LEVEL_SPEED);
	wasmtime_config_wasm_memory64_set(c, true);
	return c;
}

int engine_target(Maker maker, bool parallel, wasm_engine_t **out, Err *e)
{
	static const char *const flags[] = {FEATURES(FLAG)};
	const char *target = maker == MAKER_AARCH64 ? "aarch64-unknown-linux-gnu" : ENGINE_TARGET;
	wasm_config_t *c = config();
	wasmtime_error_t *error = wasmtime_config_target_set(c, target); /* and from now on, nothing of the host's */
	if (error) {
		wasm_config_delete(c);
		return engine_error("wasmtime", error, "use a build of it that has a backend for that processor", e);
	}
	for (size_t i = 0; i < LEN(flags) && maker != MAKER_AARCH64; i++)
		wasmtime_config_cranelift_flag_enable(c, flags[i]);
	if (maker == MAKER_WINCH)
		wasmtime_config_strategy_set(c, WASMTIME_STRATEGY_WINCH);
	wasmtime_config_parallel_compilation_set(c, parallel);
	*out = wasm_engine_new_with_config(c);
	return 0;
}

bool engine_present(Maker maker)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		static const uint8_t empty[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
		wasm_engine_t *engine;
		wasmtime_module_t *m = NULL;
		Err e;
		if (!freopen("/dev/null", "w", stderr) || engine_target(maker, false, &engine, &e))
			_exit(1);
		wasmtime_error_t *error = wasmtime_module_new(engine, empty, sizeof empty, &m);
		_exit(error != NULL);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

wasm_engine_t *engine_native(Maker maker, bool pooled)
{
	wasm_config_t *c = config();
	if (maker == MAKER_WINCH)
		wasmtime_config_strategy_set(c, WASMTIME_STRATEGY_WINCH);
	if (pooled) {
		wasmtime_pooling_allocation_config_t *p = wasmtime_pooling_allocation_config_new();
		wasmtime_pooling_allocation_config_total_core_instances_set(p, 16);
		wasmtime_pooling_allocation_config_total_stacks_set(p, 16); /* each is two mappings, of which a process has not so many */
		wasmtime_pooling_allocation_config_total_memories_set(p, 16);
		wasmtime_pooling_allocation_config_total_tables_set(p, 16);
		wasmtime_pooling_allocation_config_max_unused_warm_slots_set(p, 16);
		wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(p, 1 << 20);
		wasmtime_pooling_allocation_config_table_keep_resident_set(p, 1 << 16);
		wasmtime_pooling_allocation_strategy_set(c, p);
		wasmtime_pooling_allocation_config_delete(p);
	}
	return wasm_engine_new_with_config(c);
}

int engine_error(const char *file, wasmtime_error_t *error, const char *hint, Err *e)
{
	wasm_byte_vec_t text;
	wasmtime_error_message(error, &text);
	int code = err_set(e, MEWE_BAD, "%s: %.*s; %s", file, (int)text.size, text.data, hint);
	wasm_byte_vec_delete(&text);
	wasmtime_error_delete(error);
	return code;
}
