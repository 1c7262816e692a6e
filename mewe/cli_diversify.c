/* cli_diversify.c - `mewe diversify`.
 * Must hold: the folder is there with all that belongs into it, or it is not there: its files come together in a temporary one
 * beside it, which is renamed at the end, and goes away after an error or an interrupt. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"

enum { OPT_LEDGER = 1000, COUNT_MAX = 9999 };

static const struct argp_option options[] = {
	{"count", 'n', "N", 0, "so many variants, from 1 to 9999", 1},
	{0, 'o', "DIR", 0, "write them into this folder, which is made, or is there and empty", 1},
	{"ledger", OPT_LEDGER, "FILE", 0, "write one CSV row for each candidate body, kept or not", 1},
	{"verbose", 'v', 0, 0, "print the counts on standard error", 1},
	{"quiet", 'q', 0, 0, "print nothing but errors", 1},
	{0},
};

typedef struct Args {
	Options o;
	Search search;
	const char *in, *ledger;
	char *out;
	unsigned count;
	bool verbose, quiet;
} Args;

static error_t opt(int key, char *arg, struct argp_state *st)
{
	Args *a = st->input;
	switch (key) {
	case ARGP_KEY_INIT: st->child_inputs[0] = &a->search; break;
	case 'n': a->count = cli_number_or_usage(st, "count", arg, 1, COUNT_MAX); break;
	case 'o': a->out = arg; break;
	case 'v': a->verbose = true; break;
	case 'q': a->quiet = true; break;
	case OPT_LEDGER: a->ledger = arg; break;
	case ARGP_KEY_ARG:
		if (a->in)
			argp_error(st, "one file too many: %s", arg);
		a->in = arg;
		break;
	case ARGP_KEY_END:
		if (!a->in || !a->out || a->count == 0)
			argp_error(st, "an input, -n N and -o DIR are wanted");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- the folder ----------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void interrupt(int number) { interrupted = number; }

/* Files on their way into the folder. Signals wait for the end of a file once there is something to be removed. */
typedef struct Folder {
	const char *path;
	char *temporary;               /* NULL until the first file */
	char **name;
	uint32_t n, cap;
} Folder;

/* Better known before the work than after it. */
static int folder_free(const char *path, Err *e)
{
	const char *last = strrchr(path, '/');
	last = last ? last + 1 : path;
	DIR *dir = opendir(path);
	int entries = 0;
	if (!dir && errno != ENOENT)
		return err_set(e, MEWE_BAD, "%s: can't be a folder for the variants: %s", path, strerror(errno));
	while (dir && readdir(dir))
		entries++;
	if (dir)
		closedir(dir);
	if (entries > 2) /* itself and its parent */
		return err_set(e, MEWE_BAD, "%s: the folder is not empty; name another one, or empty it", path);
	if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || !*last)
		return err_set(e, MEWE_BAD, "%s: a folder can't be replaced by this name; give it one of its own", path);
	return 0;
}

static int folder_make(Folder *f, Err *e)
{
	static const int stop[] = {SIGINT, SIGTERM, SIGHUP};
	mode_t mask = umask(0);
	umask(mask);
	for (size_t i = 0; i < LEN(stop); i++)
		signal(stop[i], interrupt);
	f->temporary = xprintf("%s.XXXXXX", f->path);
	if (!mkdtemp(f->temporary)) {
		free(f->temporary);
		f->temporary = NULL;
		return err_set(e, MEWE_BAD, "%s: can't be made: %s", f->path, strerror(errno));
	}
	return chmod(f->temporary, 0777 & ~mask) == 0 ? 0 : err_set(e, MEWE_BAD, "%s: can't be made: %s", f->path, strerror(errno));
}

static int folder_put(void *ctx, const char *name, const mewe_bytes *content, mewe_err *e)
{
	Folder *f = ctx;
	int code = f->temporary ? 0 : folder_make(f, e);
	if (code)
		return code;
	char *path = xprintf("%s/%s", f->temporary, name);
	PUSH(f->name, f->n, f->cap, path);
	code = file_write(path, content->p, content->n, e);
	return !code && interrupted ? err_set(e, MEWE_BAD, "%s: interrupted", f->path) : code;
}

static int folder_finish(Folder *f, bool keep, Err *e)
{
	int code = 0;
	if (keep && rename(f->temporary, f->path) < 0) {
		code = err_set(e, MEWE_BAD, "%s: can't be made: %s", f->path, strerror(errno));
		keep = false;
	}
	for (uint32_t i = 0; i < f->n; i++) {
		if (!keep)
			unlink(f->name[i]);
		free(f->name[i]);
	}
	if (f->temporary && !keep)
		rmdir(f->temporary);
	free(f->name);
	free(f->temporary);
	return code;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------ */

/* What the files are called by: the input's name without folder and ending. */
static char *stem_of(const char *in)
{
	const char *name = strrchr(in, '/') ? strrchr(in, '/') + 1 : in, *dot = strrchr(name, '.');
	if (strcmp(in, "-") == 0)
		return xstrdup("module");
	return xprintf("%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

static int tell(const Args *a, const mewe_report *report)
{
	Bytes text;
	int bad = 0;
	if (report && a->ledger) {
		text = mewe_report_ledger(report);
		bad = cli_write(a->ledger, &text, false);
		free(text.p);
	}
	if (report && a->verbose) {
		text = mewe_report_summary(report);
		fwrite(text.p, 1, text.n, stderr);
		free(text.p);
	}
	return bad;
}

static int diversify(Args *a)
{
	Folder folder = {.path = a->out};
	mewe_report *report = NULL;
	char *stem = stem_of(a->in);
	Bytes in = {0};
	Err e = {0};
	int code = folder_free(a->out, &e);
	if (!code)
		code = file_read(a->in, &in, &e);
	if (!code)
		code = mewe_diversify(a->in, in.p, in.n, &a->o, a->count, stem, folder_put, &folder, &report, &e);
	int bad = tell(a, report);
	if (code && !interrupted)
		cli_fail(&e);
	if (folder_finish(&folder, !bad && (code == 0 || code == MEWE_LIMIT), &e))
		bad = cli_fail(&e);
	if (interrupted) { /* now that nothing is left behind: ended by it, as whoever sent it expects */
		signal(interrupted, SIG_DFL);
		raise(interrupted);
	}
	mewe_report_free(report);
	free(in.p);
	free(stem);
	return bad ? bad : code;
}

int cli_diversify(int argc, char **argv)
{
	static const struct argp_child children[] = {{&cli_search, 0, NULL, 2}, {0}};
	static const struct argp argp = {options, opt, "IN",
		"Make N standalone variants of a WebAssembly module: find variants of its functions as `mewe build` does, prove them equal, "
		"and put others of them into each module, so that no two modules are the same machine code. The folder gets NAME.0001.wasm "
		"and so on, and manifest.json: what each module is made of, and how each body was proved. `mewe verify IN DIR/NAME.0001.wasm` "
		"proves a module from the two binaries alone. IN is .wasm, .wat, LLVM .bc or .ll, .c, or - for standard input."
		"\vExit: 0 done; 2 bad usage or bad input; 3 nothing could be diversified; 4 there are fewer than N (all of them are "
		"written), or a time limit was reached; 5 unsupported.", children, 0, 0};
	Args a = {.search.o = &a.o};
	mewe_options_default(&a.o);
	argp_parse(&argp, argc, argv, 0, 0, &a);
	for (size_t n = strlen(a.out); n > 1 && a.out[n - 1] == '/'; n--)
		a.out[n - 1] = 0;
	if (isatty(2) && !a.quiet)
		a.o.progress = cli_progress;
	char *cache = cli_cache(a.search.cache);
	a.o.cache = cache;
	int code = diversify(&a);
	free(cache);
	return code;
}
