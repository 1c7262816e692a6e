/* librows.c - rows of the one schema, as CSV.
 * In: what is fixed for a file (Rows) and one value at a time. Out: the file, whole or not at all.
 * Must hold: a row stands on its own, so that files can be put together in any order. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "measure.h"

static const char header[] = "run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,"
                             "node,phase,iteration,metric,value\n";

void die(int code, const char *fmt, ...)
{
	va_list ap;
	fputs("measure: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(code);
}

void check(int code, const Err *e)
{
	if (code)
		die(code, "%s", e->text);
}

void progress(const char *what, uint64_t done, uint64_t total)
{
	if (isatty(2))
		fprintf(stderr, done < total ? "\r%s %" PRIu64 "/%" PRIu64 " " : "\r\033[K", what, done, total);
}

/* The processor's name, as one word: what separates the rows of two machines for a reader. */
static void machine_name(char *out, size_t n)
{
	char line[300], *name = NULL;
	FILE *f = fopen("/proc/cpuinfo", "r");
	while (f && !name && fgets(line, sizeof line, f))
		if (strncmp(line, "model name", 10) == 0 && (name = strstr(line, ": ")) != NULL)
			name += 2;
	if (f)
		fclose(f);
	snprintf(out, n, "%.60s x%ld", name ? name : "unknown", sysconf(_SC_NPROCESSORS_ONLN));
	for (char *c = out; *c; c++)
		if (*c == ' ' || *c == ',' || *c == '\n' || *c == '"')
			*c = '-';
}

void rows_begin(Rows *r)
{
	struct utsname u;
	time_t now = time(NULL);
	struct tm tm;
	size_t n = strftime(r->run, sizeof r->run, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	snprintf(r->run + n, sizeof r->run - n, "-%d", (int)getpid());
	machine_name(r->machine, sizeof r->machine);
	uname(&u);
	snprintf(r->platform, sizeof r->platform, "in-process-%.20s-%.20s", u.sysname, u.machine);
	r->seed = NO_SEED;
	r->runtime = "wasmtime";
	r->runtime_version = WASMTIME_VERSION;
	buf_str(&r->text, header);
}

static void row(Rows *r, const char *metric)
{
	buf_printf(&r->text, "%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,", r->run, r->machine, r->runtime, r->runtime_version, r->platform,
	           r->service, r->profile, r->input, r->build, r->config,
	           strcmp(r->build, "original") == 0 ? "none" : r->strategy);
	if (r->seed != NO_SEED)
		buf_printf(&r->text, "%" PRIu64, r->seed);
	buf_printf(&r->text, ",%s,%u,%s,%u,%s,", r->module, r->node, r->phase, r->iteration, metric);
}

void rows_int(Rows *r, const char *metric, uint64_t value)
{
	row(r, metric);
	buf_printf(&r->text, "%" PRIu64 "\n", value);
}

void rows_hash(Rows *r, const char *metric, uint64_t value)
{
	row(r, metric);
	buf_printf(&r->text, "%016" PRIx64 "\n", value);
}

void rows_real(Rows *r, const char *metric, double value)
{
	row(r, metric);
	buf_printf(&r->text, "%.9g\n", value);
}

void rows_end(Rows *r, const char *path)
{
	Err e = {0};
	check(file_write(path, r->text.p, r->text.n, &e), &e);
	buf_free(&r->text);
}
