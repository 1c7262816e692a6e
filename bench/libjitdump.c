/* libjitdump.c - what V8 makes of a module.
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
#include "../mewe/code.h"
#include "measure.h"

/* ---- the dump ---- */

typedef struct Header {
	uint32_t magic, version, size, machine, pad, pid;
	uint64_t time, flags;
} Header;

typedef struct Load {                  /* the name and the code follow */
	uint32_t id, size;
	uint64_t time;
	uint32_t pid, tid;
	uint64_t vma, address, code_size, index;
} Load;

enum { MAGIC = 0x4a695444, CODE_LOAD = 0, RECORD = 16, SPAN_MAX = 1 << 30 };

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

/* The next record, if it is code: its symbol, with the address as start. 0: there is none, or it is not whole. */
static uint32_t record(const Bytes *dump, uint64_t at, Symbol *s, const uint8_t **code)
{
	Load l;
	uint64_t room = dump->n - at;
	if (room < RECORD)
		return 0;
	memcpy(&l, dump->p + at, room < sizeof l ? room : sizeof l);
	if (l.size < RECORD || l.size > room)
		return 0;
	*s = (Symbol){.func = NONE};
	if (l.id == CODE_LOAD && l.size > sizeof l && l.code_size < l.size - sizeof l) {
		const char *name = (const char *)dump->p + at + sizeof l;
		if (memchr(name, 0, l.size - sizeof l - l.code_size))
			*s = (Symbol){l.address, l.code_size, index_of(name), name};
		*code = dump->p + at + l.size - l.code_size;
	}
	return l.size;
}

/* The functions that the module defines, at the distances that they had. */
static const char *read_dump(const Bytes *dump, uint32_t nimported, Text *t)
{
	Header h;
	Symbol s;
	const uint8_t **code = NULL, *p;
	uint64_t end = 0;
	uint32_t n = 0, cap = 0, ncode = 0, ccap = 0;
	*t = (Text){.maker = MAKER_V8, .base = UINT64_MAX};
	if (dump->n < sizeof h)
		return "its dump is empty";
	memcpy(&h, dump->p, sizeof h);
	if (h.magic != MAGIC || h.version != 1)
		return "its dump is not of the known form";
	for (uint64_t at = h.size; (n = record(dump, at, &s, &p)) > 0; at += n) {
		if (s.func == NONE || s.func < nimported)
			continue;
		PUSH(t->symbol, t->nsymbol, cap, s);
		PUSH(code, ncode, ccap, p);
		t->base = s.start < t->base ? s.start : t->base;
		end = s.start + s.size > end ? s.start + s.size : end;
	}
	t->n = t->nsymbol ? end - t->base : 0;
	uint8_t *image = t->n < SPAN_MAX ? xalloc(t->n) : NULL;
	for (uint32_t i = 0; i < t->nsymbol && image; i++) {
		t->symbol[i].start -= t->base;
		memcpy(image + t->symbol[i].start, code[i], t->symbol[i].size);
	}
	free(code);
	t->p = image;
	return image ? NULL : "its functions are too far apart";
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

bool v8_code(const char *path, const Bytes *wasm, Code **out, char **version)
{
	const char *tmp = getenv("TMPDIR"), *why;
	char *folder = xprintf("%s/mewe.XXXXXX", tmp ? tmp : "/tmp");
	Bytes dump = {0}, sorted;
	Text t = {0};
	Scan s;
	Err e = {0};
	*out = NULL;
	*version = NULL;
	check(scan_module(path, wasm->p, wasm->n, &s, &e), &e);
	check(retype(path, wasm->p, wasm->n, &sorted, &e), &e);
	if (!mkdtemp(folder))
		die(MEWE_BAD, "%s: it can't be made", folder);
	if ((why = compile(folder, &sorted, &dump, version)) == NULL && (why = read_dump(&dump, s.nimported, &t)) == NULL) {
		*out = xalloc(s.nbodies * sizeof **out);
		if (code_text(path, &t, &s, NULL, *out, &e)) {
			free(*out);
			*out = NULL;
			why = e.text;
		}
	}
	if (why) {
		free(*version);
		*version = xstrdup(why);
	}
	remove_folder(folder);
	free((uint8_t *)t.p);
	elf_free(&t);
	free(dump.p);
	free(sorted.p);
	scan_free(&s);
	free(folder);
	return *out;
}
