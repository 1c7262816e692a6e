/* read.c - bytes to a module, and functions to bodies.
 * In: a validated wasm binary. Out: a Mod whose func[] are the defined functions by ordinal.
 * Must hold: Binaryen ends the process on what it does not like, so a child reads the module first. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "all.h"

/* A read of this many CPU seconds is taken for Binaryen's hang on what it misreads. */
enum { PROBE_SECONDS = 300, STACK_DEFAULT = 8 << 20 };

/* Binaryen's threads would be missing in a forked child, which then waits for them for ever. */
static void one_thread(void) { setenv("BINARYEN_CORES", "1", 1); }

static uint64_t leb(const uint8_t **p, const uint8_t *end)
{
	uint64_t v = 0;
	for (int shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t b = *(*p)++;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return v;
}

enum { NAMES_LABEL = 3, NAMES_FIELD = 10 }; /* subsections of the name section */

/* Names of labels, fields and tags make Binaryen print a warning, and a library does not print: they go; unless custom, so do all
 * custom sections. */
static Bytes without_labels(const uint8_t *wasm, size_t n, bool custom)
{
	Buf out = {0};
	const uint8_t *p = wasm + 8, *end = wasm + n;
	buf_put(&out, wasm, n < 8 ? n : 8);
	while (p < end) {
		const uint8_t *head = p++;
		uint64_t size = leb(&p, end);
		const uint8_t *body = p, *next = size > (uint64_t)(end - p) ? end : p + size;
		p = next;
		if (*head == 0 && !custom)
			continue;
		if (*head != 0 || next - body < 5 || memcmp(body, "\4name", 5) != 0) {
			buf_put(&out, head, next - head);
			continue;
		}
		Buf names = {0};
		buf_put(&names, body, 5);
		for (const uint8_t *s = body + 5; s < next;) {
			const uint8_t *from = s, id = *s++;
			uint64_t k = leb(&s, next);
			s = k > (uint64_t)(next - s) ? next : s + k;
			if (id != NAMES_LABEL && id < NAMES_FIELD)
				buf_put(&names, from, s - from);
		}
		buf_u8(&out, 0);
		buf_leb(&out, names.n);
		buf_put(&out, names.p, names.n);
		buf_free(&names);
	}
	return buf_bytes(&out);
}

static Ref parse(const uint8_t *wasm, size_t n, uint32_t features, bool custom)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, one_thread);
	BinaryenSetDebugInfo(true); /* keep names; process-global in Binaryen, so set at each use */
	Bytes b = without_labels(wasm, n, custom);
	Ref m = BinaryenModuleRead((char *)b.p, b.n);
	free(b.p);
	BinaryenModuleSetFeatures(m, features | BinaryenFeatureMutableGlobals());
	return m;
}

/* All that is done with a module later, on half the stack: Binaryen recurses, and what nests too deeply ends the process. */
static bool rehearse(Ref m)
{
	struct rlimit stack;
	if (getrlimit(RLIMIT_STACK, &stack) == 0) {
		stack.rlim_cur = stack.rlim_cur == RLIM_INFINITY ? STACK_DEFAULT / 2 : stack.rlim_cur / 2;
		setrlimit(RLIMIT_STACK, &stack);
	}
	if (!BinaryenModuleValidate(m))
		return false;
	for (uint32_t i = 0, n = BinaryenGetNumFunctions(m); i < n; i++) {
		Expr body = BinaryenFunctionGetBody(BinaryenGetFunctionByIndex(m, i));
		if (body)
			BinaryenExpressionCopy(body, m);
	}
	BinaryenModuleAllocateAndWriteResult r = BinaryenModuleAllocateAndWrite(m, NULL);
	free(r.binary);
	free(r.sourceMap);
	return true;
}

/* Can it be read? *silent: without a warning. */
static int probe(const char *file, const uint8_t *wasm, size_t n, uint32_t features, bool custom, bool *silent, Err *e)
{
	int pipefd[2], status = 0;
	char text[400];
	size_t used = 0;
	ssize_t k;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_set(e, MEWE_BAD, "%s: no pipe: %s", file, strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit cpu = {PROBE_SECONDS, PROBE_SECONDS};
		setrlimit(RLIMIT_CPU, &cpu);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		dup2(pipefd[1], 1);
		dup2(pipefd[1], 2);
		_exit(rehearse(parse(wasm, n, features, custom)) ? 0 : 1);
	}
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		return err_set(e, MEWE_BAD, "%s: no process to read it in: %s", file, strerror(errno));
	}
	while ((k = read(pipefd[0], text + used, sizeof text - 1 - used)) > 0)
		used += k;
	char rest[512];
	while (read(pipefd[0], rest, sizeof rest) > 0)
		;
	close(pipefd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	text[used] = 0;
	*silent = used == 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_set(e, MEWE_UNSUPPORTED, "%s: Binaryen ends with signal %d on it: it nests too deeply, or is of a newer WebAssembly; "
		               "rebuild it otherwise", file, WTERMSIG(status));
	return err_set(e, MEWE_UNSUPPORTED, "%s: Binaryen can't read it (%.*s); rebuild it for an older WebAssembly", file,
	               (int)strcspn(text, "\n"), text);
}

typedef struct Named {
	const char *name;
	uint32_t index;                /* imports first, then defined functions */
} Named;

static int by_name(const void *a, const void *b) { return strcmp(((const Named *)a)->name, ((const Named *)b)->name); }

void read_index(Mod *m)
{
	uint32_t n = BinaryenGetNumFunctions(m->ref);
	m->func = xgrow(m->func, n * sizeof *m->func);
	m->imp = xgrow(m->imp, n * sizeof *m->imp);
	m->named = xgrow(m->named, n * sizeof *m->named);
	m->nfunc = m->nimp = 0;
	for (uint32_t i = 0; i < n; i++) {
		BinaryenFunctionRef f = BinaryenGetFunctionByIndex(m->ref, i);
		Func *to = BinaryenFunctionGetBody(f) ? &m->func[m->nfunc++] : &m->imp[m->nimp++];
		*to = (Func){BinaryenFunctionGetName(f), f};
	}
	for (uint32_t i = 0; i < n; i++)
		m->named[i] = (Named){i < m->nimp ? m->imp[i].name : m->func[i - m->nimp].name, i};
	if (n > 0)
		qsort(m->named, n, sizeof *m->named, by_name);
}

uint32_t read_function(const Mod *m, const char *name)
{
	Named key = {name, 0}, *found = NULL;
	if (m->nimp + m->nfunc > 0)
		found = bsearch(&key, m->named, m->nimp + m->nfunc, sizeof key, by_name);
	return found ? found->index : NONE;
}

uint32_t read_ordinal(const Mod *m, const char *name)
{
	uint32_t i = read_function(m, name);
	return i == NONE || i < m->nimp ? NONE : i - m->nimp;
}

/* Custom sections are hints. Where Binaryen refuses or warns of what is in them, such as a malformed section of names, it does not
 * see them: *custom becomes false. */
static int probe_both(const char *file, const uint8_t *wasm, size_t n, const Scan *s, bool *custom, Err *e)
{
	bool silent, without = false;
	Err ignored;
	int code = probe(file, wasm, n, s->features, true, &silent, e);
	*custom = true;
	if ((code || !silent) && s->custom_bytes > 0 && probe(file, wasm, n, s->features, false, &without, &ignored) == 0 && (code || without)) {
		*custom = false;
		return 0;
	}
	return code;
}

static Mod *take(const char *file, const uint8_t *wasm, size_t n, Scan s, bool custom)
{
	Mod *m = xalloc(sizeof *m);
	m->file = xstrdup(file);
	m->scan = s;
	m->bytes = digest(wasm, n);
	m->custom = custom;
	m->ref = parse(wasm, n, s.features, custom);
	read_index(m);
	return m;
}

int read_module(const char *file, const uint8_t *wasm, size_t n, Mod **out, Err *e)
{
	Scan s;
	bool custom;
	int code = scan_module(file, wasm, n, &s, e);
	if (code)
		return code;
	if ((code = probe_both(file, wasm, n, &s, &custom, e)) != 0) {
		scan_free(&s);
		return code;
	}
	*out = take(file, wasm, n, s, custom);
	return 0;
}

int read_again(const Mod *m, const uint8_t *wasm, size_t n, Mod **out, Err *e)
{
	Scan s;
	int code = scan_module(m->file, wasm, n, &s, e);
	if (!code)
		*out = take(m->file, wasm, n, s, m->custom);
	return code;
}

void read_free(Mod *m)
{
	if (!m)
		return;
	BinaryenModuleDispose(m->ref);
	scan_free(&m->scan);
	free(m->func);
	free(m->imp);
	free(m->named);
	free(m->file);
	free(m);
}

uint32_t read_import(const Mod *m, const char *module, const char *name)
{
	for (uint32_t i = 0, k = 0; i < m->scan.nimports; i++) {
		const ScanImport *s = &m->scan.imports[i];
		if (s->kind != 0)
			continue;
		if (strcmp(s->module, module) == 0 && strcmp(s->name, name) == 0)
			return k;
		k++;
	}
	return NONE;
}

Body body_of(const Mod *m, uint32_t ordinal)
{
	BinaryenFunctionRef f = m->func[ordinal].ref;
	Body b = {.mod = m, .name = m->func[ordinal].name, .expr = BinaryenFunctionGetBody(f)};
	b.params = BinaryenFunctionGetParams(f);
	b.results = BinaryenFunctionGetResults(f);
	b.nvars = BinaryenFunctionGetNumVars(f);
	b.vars = xalloc(b.nvars * sizeof *b.vars);
	for (uint32_t i = 0; i < b.nvars; i++)
		b.vars[i] = BinaryenFunctionGetVar(f, i);
	return b;
}

Body body_copy(const Body *b)
{
	Body c = *b;
	c.vars = xalloc(b->nvars * sizeof *b->vars);
	if (b->nvars)
		memcpy(c.vars, b->vars, b->nvars * sizeof *b->vars);
	c.expr = BinaryenExpressionCopy(b->expr, b->mod->ref);
	return c;
}

void body_free(Body *b)
{
	free(b->vars);
	*b = (Body){0};
}

uint32_t body_nparams(const Body *b) { return BinaryenTypeArity(b->params); }

BinaryenType body_local(const Body *b, uint32_t i)
{
	uint32_t n = body_nparams(b);
	if (i >= n)
		return b->vars[i - n];
	BinaryenType *p = xalloc(n * sizeof *p);
	BinaryenTypeExpand(b->params, p);
	BinaryenType t = p[i];
	free(p);
	return t;
}

BinaryenFunctionRef body_add(Mod *m, const char *name, const Body *b)
{
	return BinaryenAddFunction(m->ref, name, b->params, b->results, b->vars, b->nvars, b->expr);
}
