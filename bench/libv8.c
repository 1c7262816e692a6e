/* libv8.c - what V8 makes of a module.
 * In: a module, and Node on PATH. Out: digests of its functions' machine code.
 * Must hold: each function is compiled by the optimising compiler, before anything runs; the dump, which Node writes for Linux's
 * perf, has each of them once; nothing stays behind in the temporary folder. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>
#include "jitdump.h"
#include "measure.h"

/* ---- the dump ---- */

/* The index out of "JS:NAME-INDEX-turbofan", as functions of WebAssembly are called there; or NONE. */
static uint32_t index_of(const char *name)
{
	static const char tail[] = "-turbofan";
	size_t n = strlen(name), end = n < sizeof tail ? 0 : n - (sizeof tail - 1), from = end;
	if (end == 0 || strcmp(name + end, tail) != 0)
		return NONE;
	while (from > 0 && name[from - 1] >= '0' && name[from - 1] <= '9')
		from--;
	return from > 0 && from < end && name[from - 1] == '-' ? strtoul(name + from, NULL, 10) : NONE;
}

static bool defined(Symbol *s, const void *nimported)
{
	s->func = index_of(s->name);
	return s->func != NONE && s->func >= *(const uint32_t *)nimported;
}

/* ---- Node ---- */

/* All functions at once by TurboFan, for the processor that engine.c names. */
static char *const node[] = {"node", "--perf-prof", "--no-liftoff", "--no-wasm-tier-up", "--no-wasm-dynamic-tiering",
	"--no-wasm-lazy-compilation", "--no-enable-avx", "--no-enable-avx2", "--no-enable-fma3", "--no-enable-bmi1",
	"--no-enable-bmi2", "--no-enable-lzcnt", "-e",
	"const fs = require('fs'); const m = new WebAssembly.Module(fs.readFileSync('module'));"
	" fs.linkSync(`jit-${process.pid}.dump`, 'dump'); fs.writeFileSync('version', process.versions.v8)", NULL};

/* In the folder; what it says goes nowhere. Addresses are the same each time, so that those of V8's own functions are, too. */
static const char *run_node(const char *folder)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);
		personality(ADDR_NO_RANDOMIZE);
		if (null >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2 && chdir(folder) == 0)
			execvp(node[0], node);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return "node did not end by itself";
	return WEXITSTATUS(status) == 127 ? "there is no node" : WEXITSTATUS(status) ? "node refuses the module, or its options" : NULL;
}

static void remove_folder(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	while (d && (entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(folder);
}

static int read_in(const char *folder, const char *name, Bytes *out, Err *e)
{
	char *path = xprintf("%s/%s", folder, name);
	int code = file_read(path, out, e);
	free(path);
	return code;
}

static const char *compile(const char *folder, const Bytes *wasm, Bytes *dump, char **version)
{
	Err e;
	Bytes v;
	char *module = xprintf("%s/module", folder);
	int code = file_write(module, wasm->p, wasm->n, &e);
	const char *why = code ? "the temporary folder can't be written" : run_node(folder);
	free(module);
	if (why)
		return why;
	if (read_in(folder, "dump", dump, &e))
		return "node left no dump";
	if (read_in(folder, "version", &v, &e))
		return "node does not say its version";
	*version = xprintf("%.*s", (int)v.n, (const char *)v.p);
	free(v.p);
	return NULL;
}

static int digests(const char *path, const Bytes *dump, const Scan *s, Code **out, Err *e)
{
	Text t;
	const char *why = dump_read(dump, MAKER_V8, defined, &s->nimported, &t);
	int code = why ? err_set(e, MEWE_BAD, "its dump: %s", why) : 0;
	if (!code) {
		*out = xalloc(s->nbodies * sizeof **out);
		code = code_text(path, &t, s, NULL, *out, e);
	}
	if (code) {
		free(*out);
		*out = NULL;
	}
	dump_free(&t);
	return code;
}

bool v8_code(const char *path, const Bytes *wasm, Code **out, char **version)
{
	const char *tmp = getenv("TMPDIR"), *why;
	char *folder = xprintf("%s/mewe.XXXXXX", tmp ? tmp : "/tmp");
	Bytes dump = {0}, sorted;
	Scan s;
	Err e = {0};
	*out = NULL;
	*version = NULL;
	check(scan_module(path, wasm->p, wasm->n, &s, &e), &e);
	check(retype(path, wasm->p, wasm->n, &sorted, &e), &e);
	if (!mkdtemp(folder))
		die(MEWE_BAD, "%s: it can't be made", folder);
	if ((why = compile(folder, &sorted, &dump, version)) == NULL && digests(path, &dump, &s, out, &e))
		why = e.text;
	if (why) {
		free(*version);
		*version = xstrdup(why);
	}
	remove_folder(folder);
	free(dump.p);
	free(sorted.p);
	scan_free(&s);
	free(folder);
	return *out;
}
