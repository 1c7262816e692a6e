/* instructions.c - how many instructions a request takes, counted by Valgrind's callgrind.
 * In: a service's name and modules, CONFIG=FILE each, whose own draws come from a seed. Out: rows `instructions` in FILE: of one request
 * of a warm instance, in the guest and for it in the host.
 * How: this program runs itself under callgrind, which counts while the function `requests` runs, N requests and then 2 N; the
 * difference over N is free of what does not belong to a request. Every count is taken twice.
 * Must hold: the engine's code is for the processor that callgrind stands for, which has no AVX-512; counts are no times. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "measure.h"

enum { REPETITIONS = 2, REQUESTS = 64 };

/* ---- below callgrind --------------------------------------------------------------------------------------------------- */

/* Callgrind knows it by its name. */
__attribute__((noinline, visibility("default"))) int32_t requests(const HostFunc *serve, uint32_t n);
int32_t requests(const HostFunc *serve, uint32_t n)
{
	int32_t last = 0;
	while (n-- > 0)
		last = guest_run(serve);
	return last;
}

static int counted(const char *path, uint32_t n)
{
	HostOptions o = {.fix_guest = true};
	Guest g = {.path = path};
	Instance *i;
	Err e = {0};
	check(file_read(path, &g.wasm, &e), &e);
	check(host_open_by(MAKER_CRANELIFT, false, path, g.wasm.p, g.wasm.n, &g.host, &e), &e);
	check(host_instance(g.host, &o, &i, &e), &e);
	HostFunc serve = guest_serve(i);
	if (guest_run(&serve) <= 0 || requests(&serve, n) <= 0) /* the first seeds */
		die(MEWE_BAD, "%s: it refuses its own input", path);
	return 0;
}

/* ---- above it ----------------------------------------------------------------------------------------------------------- */

/* The instructions of n requests, from the one line of callgrind's file that has the sum. */
static uint64_t count(const char *self, const char *path, uint32_t n)
{
	char out[] = "/tmp/callgrind.XXXXXX", line[200];
	int fd = mkstemp(out), status;
	uint64_t sum = 0;
	if (fd < 0)
		die(MEWE_BAD, "no temporary file can be made in /tmp");
	close(fd);
	char *file = xprintf("--callgrind-out-file=%s", out), *many = xprintf("%u", n);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		execlp("valgrind", "valgrind", "-q", "--tool=callgrind", "--toggle-collect=requests", file, self, "--count", path, many, NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die(MEWE_BAD, "%s: valgrind --tool=callgrind ends with status %d; is it installed?", path, WEXITSTATUS(status));
	FILE *f = fopen(out, "r");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "totals: %" SCNu64, &sum);
	if (f)
		fclose(f);
	unlink(out);
	free(file);
	free(many);
	if (sum == 0)
		die(MEWE_BAD, "%s: callgrind counted nothing", path);
	return sum;
}

static void measure(const char *self, char *what, Rows *r)
{
	char *path = strchr(what, '=');
	if (!path)
		die(MEWE_BAD, "CONFIG=FILE is wanted, not '%s'", what);
	*path++ = 0;
	Guest g = {.path = path};
	Err e = {0};
	check(file_read(path, &g.wasm, &e), &e);
	guest_rows(&g, r, strcmp(what, "original") == 0 ? "original" : "multivariant", what, "execute");
	r->seed = strcmp(what, "original") == 0 ? NO_SEED : 0;
	for (uint32_t k = 0; k < REPETITIONS; k++) {
		uint64_t once = count(self, path, REQUESTS), twice = count(self, path, 2 * REQUESTS);
		if (twice <= once)
			die(MEWE_BAD, "%s: %u requests take no more instructions than %u", path, 2 * REQUESTS, REQUESTS);
		r->iteration = k;
		rows_real(r, "instructions", (double)(twice - once) / REQUESTS);
	}
	free(g.wasm.p);
}

int main(int argc, char **argv)
{
	Rows r = {.profile = "release", .input = "valid", .strategy = "rewrite+reorder"};
	if (argc == 4 && strcmp(argv[1], "--count") == 0)
		return counted(argv[2], strtoul(argv[3], NULL, 10));
	if (argc < 4)
		die(MEWE_BAD, "usage: instructions SERVICE FILE.csv CONFIG=MODULE...");
	r.service = argv[1];
	rows_begin(&r);
	for (int i = 3; i < argc; i++) {
		progress(argv[i], i - 3, argc - 3);
		measure(argv[0], argv[i], &r);
	}
	progress("", 1, 1);
	rows_end(&r, argv[2]);
	return 0;
}
