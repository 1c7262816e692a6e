/* source.c - what a user may hand in, to a wasm binary: text, LLVM bitcode and C.
 * In: a file's name and bytes. Out: the bytes of a core module that an engine has validated.
 * Must hold: no tool's own exit or crash ends this process, and no temporary file stays behind. */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "engine.h"

extern char **environ;

static bool ends(const char *s, const char *tail)
{
	size_t n = strlen(s), k = strlen(tail);
	return n >= k && strcmp(s + n - k, tail) == 0;
}

static int from_text(const char *file, const uint8_t *in, size_t n, Bytes *wasm, Err *e)
{
	wasm_byte_vec_t out;
	wasmtime_error_t *error = wasmtime_wat2wasm((const char *)in, n, &out);
	if (error) {
		/* its message draws the place over several lines: keep what and where */
		wasm_byte_vec_t text;
		wasmtime_error_message(error, &text);
		char *s = strndup(text.data, text.size), *at = s ? strstr(s, "<anon>:") : NULL;
		unsigned line = 0, col = 0;
		if (at && sscanf(at, "<anon>:%u:%u", &line, &col) == 2)
			err_set(e, MEWE_BAD, "%s:%u:%u: %.*s; correct the text", file, line, col, (int)strcspn(s, "\n"), s);
		else
			err_set(e, MEWE_BAD, "%s: %.300s; correct the text", file, s ? s : "not WebAssembly text");
		free(s);
		wasm_byte_vec_delete(&text);
		wasmtime_error_delete(error);
		return MEWE_BAD;
	}
	*wasm = (Bytes){xalloc(out.size), out.size};
	memcpy(wasm->p, out.data, out.size);
	wasm_byte_vec_delete(&out);
	return 0;
}

/* Run argv with its messages in log; its exit code, or -1 when it can't be started. */
static int run(char *const *argv, const char *log)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int status = 0;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 2, log, 01101 /* write, create, truncate */, 0600);
	int bad = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (bad)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static size_t first_line(const Bytes *b)
{
	const uint8_t *end = memchr(b->p, '\n', b->n);
	return end ? (size_t)(end - b->p) : b->n;
}

/* Compiled with -O2 and linked without: an optimised link runs any wasm-opt that is on the PATH. */
static int from_clang(const char *file, const char *kind, const uint8_t *in, size_t n, Bytes *wasm, Err *e)
{
	char dir[] = "/tmp/mewe-XXXXXX";
	const char *sdk = getenv("WASI_SDK_PATH");
	char *cc = sdk && *sdk ? xprintf("%s/bin/clang", sdk) : xstrdup("clang-19");
	if (!mkdtemp(dir)) {
		free(cc);
		return err_set(e, MEWE_BAD, "%s: no temporary directory: %s", file, strerror(errno));
	}
	char *src = xprintf("%s/in%s", dir, kind), *obj = xprintf("%s/in.o", dir), *out = xprintf("%s/out.wasm", dir);
	char *log = xprintf("%s/log", dir);
	char *compile[] = {cc, "--target=wasm32-wasi", "-O2", "-g0", "-Wno-override-module", "-c", src, "-o", obj, NULL};
	char *link[] = {cc, "--target=wasm32-wasi", obj, "-o", out, NULL};
	int code = file_write(src, in, n, e), rc = 0;
	if (!code && ((rc = run(compile, log)) != 0 || (rc = run(link, log)) != 0)) {
		Bytes text = {0};
		Err ignored;
		if (rc < 0 || file_read(log, &text, &ignored) != 0 || text.n == 0)
			code = err_set(e, MEWE_BAD, "%s: %s can't be run; install it or set WASI_SDK_PATH", file, cc);
		else
			code = err_set(e, MEWE_BAD, "%s: %.*s; compile it yourself and hand in the .wasm", file,
			               (int)first_line(&text), (char *)text.p);
		free(text.p);
	}
	if (!code)
		code = file_read(out, wasm, e);
	char *const gone[] = {src, obj, out, log, cc};
	for (size_t i = 0; i < LEN(gone); i++) {
		if (gone[i] != cc)
			unlink(gone[i]);
		free(gone[i]);
	}
	rmdir(dir);
	return code;
}

static int validate(const char *file, const Bytes *wasm, Err *e)
{
	/* Everything on: what is valid but not supported is then named by the scanner, not called invalid. */
	wasm_config_t *c = wasm_config_new();
	wasmtime_config_parallel_compilation_set(c, false); /* threads of the engine's would hold locks in children forked later */
	wasmtime_config_wasm_threads_set(c, true);
	wasmtime_config_wasm_tail_call_set(c, true);
	wasmtime_config_wasm_memory64_set(c, true);
	wasmtime_config_wasm_multi_memory_set(c, true);
	wasmtime_config_wasm_function_references_set(c, true);
	wasmtime_config_wasm_gc_set(c, true);
	wasmtime_config_wasm_exceptions_set(c, true);
	wasm_engine_t *engine = wasm_engine_new_with_config(c);
	wasmtime_error_t *error = wasmtime_module_validate(engine, wasm->p, wasm->n);
	int code = error ? engine_error(file, error, "rebuild the module", e) : 0;
	wasm_engine_delete(engine);
	return code;
}

static bool printable(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && i < 4096; i++)
		if (p[i] < 9 || (p[i] > 13 && p[i] < 32) || p[i] == 127)
			return false;
	return n > 0;
}

int read_wasm(const char *file, const uint8_t *in, size_t n, Bytes *wasm, Err *e)
{
	size_t skip = 0;
	int code;

	*wasm = (Bytes){0};
	while (skip < n && strchr(" \t\r\n", in[skip]) && in[skip])
		skip++;
	if (n == 0)
		return err_set(e, MEWE_BAD, "%s: empty; a WebAssembly module, .wat, .ll, .bc or .c is wanted", file);
	if (n >= 8 && memcmp(in, "\0asm", 4) == 0) {
		if (in[6] != 0)
			return err_set(e, MEWE_UNSUPPORTED, "%s: a component, not a core module; take the core module out of it first", file);
		*wasm = (Bytes){xalloc(n), n};
		memcpy(wasm->p, in, n);
		code = 0;
	} else if (ends(file, ".c") || ends(file, ".ll")) {
		code = from_clang(file, ends(file, ".c") ? ".c" : ".ll", in, n, wasm, e);
	} else if (n >= 4 && (memcmp(in, "BC\xc0\xde", 4) == 0 || memcmp(in, "\xde\xc0\x17\x0b", 4) == 0)) {
		code = from_clang(file, ".bc", in, n, wasm, e);
	} else if (ends(file, ".wat") || (printable(in, n) && (in[skip] == '(' || (in[skip] == ';' && n > skip + 1 && in[skip + 1] == ';')))) {
		code = from_text(file, in, n, wasm, e);
	} else {
		return err_set(e, MEWE_BAD, "%s: %s; a WebAssembly module, .wat, .ll, .bc or .c is wanted", file,
		               printable(in, n) ? "a text file, and not WebAssembly text" : "no WebAssembly module (no \\0asm at its start)");
	}
	if (!code && (code = validate(file, wasm, e)) != 0) {
		free(wasm->p);
		*wasm = (Bytes){0};
	}
	return code;
}
