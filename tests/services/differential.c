/* differential.c - does a multivariant service answer as the original does, whatever is chosen?
 * Usage: differential NAME ORIGINAL FIXED HOST VECTORS SEEDS
 *   FIXED was built with --discriminator fixed:0, HOST with --discriminator host; VECTORS is the folder of NAME's vectors.
 * Every vector is asked of the original, of FIXED under each of SEEDS seeds (one vector a seed, in turn, and all of them under
 * the first), and of HOST with each body of each dispatcher forced. Prints `ok WHAT` or `not ok WHAT: why`; the last check
 * is that a wrong answer would have been noticed. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../mewe/all.h"

typedef struct Case {
	char *name;
	Bytes in, out;
} Case;

static Case *cases;
static uint32_t ncases;
static const char *service;
static int failed;

static void report(const char *what, uint64_t runs, uint64_t differences, const char *first)
{
	failed += differences > 0 || runs == 0;
	if (differences > 0)
		printf("not ok %s %s: %lu of %lu answers differ, first %s\n", service, what, differences, runs, first);
	else if (runs == 0)
		printf("not ok %s %s: nothing was run\n", service, what);
	else
		printf("ok %s %s: %lu answers, 0 differences\n", service, what, runs);
	fflush(stdout);
}

static void die(const Err *e)
{
	printf("not ok %s: %s\n", service, e->text);
	exit(1);
}

static int by_case(const void *a, const void *b) { return strcmp(((const Case *)a)->name, ((const Case *)b)->name); }

/* A request of random's that is not refused: it has no .err beside it. */
static bool answered(const char *dir, const char *in)
{
	char *err = xprintf("%s/%.*s.err", dir, (int)strlen(in) - 3, in);
	bool good = access(err, F_OK) != 0;
	free(err);
	return good;
}

static void load(const char *dir)
{
	uint32_t cap = 0;
	DIR *d = opendir(dir);
	for (struct dirent *x; d && (x = readdir(d));) {
		size_t n = strlen(x->d_name);
		Err e;
		if (n < 4 || strcmp(x->d_name + n - 3, ".in") != 0)
			continue;
		char *in = xprintf("%s/%s", dir, x->d_name), *out = xprintf("%s/%.*s.out", dir, (int)n - 3, x->d_name);
		Case c = {.name = xprintf("%.*s", (int)n - 3, x->d_name)};
		bool random = strcmp(service, "random") == 0;
		if (file_read(in, &c.in, &e) == 0 && (random ? answered(dir, x->d_name) : file_read(out, &c.out, &e) == 0))
			PUSH(cases, ncases, cap, c);
		free(in);
		free(out);
	}
	if (d)
		closedir(d);
	if (ncases > 0)
		qsort(cases, ncases, sizeof *cases, by_case);
}

/* The answer to a request, by the exports that every service has; *n is negative for a refusal. */
static uint8_t *ask(Instance *i, const Bytes *in, int32_t *n)
{
	Err e;
	uint64_t at = 0, got = 0, len = in->n;
	uint8_t *base;
	size_t size;
	int code;
	if (host_call(i, "input", NULL, 0, &at, 1, &code, &e) || host_memory(i, &base, &size))
		die(&e);
	if (in->n)
		memcpy(base + (uint32_t)at, in->p, in->n);
	if (host_call(i, "serve", &len, 1, &got, 1, &code, &e) || host_call(i, "output", NULL, 0, &at, 1, &code, &e))
		die(&e);
	host_memory(i, &base, &size);
	*n = (int32_t)got;
	return base + (uint32_t)at;
}

static Instance *fresh(Host *h, HostOptions *o)
{
	Err e;
	Instance *i;
	o->fix_guest = true;
	if (host_instance(h, o, &i, &e))
		die(&e);
	return i;
}

/* Does an instance answer this case as it should? For `random` the original's own answer, the guest's randomness being the
 * same, is what it should. */
static bool answers(Host *h, HostOptions *o, const Case *c, const Bytes *want)
{
	int32_t n;
	Instance *i = fresh(h, o);
	const uint8_t *p = ask(i, &c->in, &n);
	bool good = n >= 0 && (size_t)n == want->n && memcmp(p, want->p, n) == 0;
	host_drop(i);
	return good;
}

static Host *open_module(const char *file)
{
	Err e;
	Bytes b;
	Host *h;
	if (file_read(file, &b, &e) || host_open(file, b.p, b.n, &h, &e))
		die(&e);
	free(b.p);
	return h;
}

static void original_answers(Host *h)
{
	uint64_t bad = 0;
	const char *first = "";
	bool random = strcmp(service, "random") == 0;
	for (uint32_t i = 0; i < ncases; i++) {
		HostOptions o = {0};
		if (random) { /* its vectors are no fixed answers: take the original's as the reference for the rest */
			int32_t n;
			o.guest_seed = i;
			Instance *in = fresh(h, &o);
			const uint8_t *p = ask(in, &cases[i].in, &n);
			free(cases[i].out.p);
			cases[i].out = (Bytes){xalloc(n < 0 ? 0 : n), n < 0 ? 0 : n};
			memcpy(cases[i].out.p, p, cases[i].out.n);
			bad += n <= 0;
			host_drop(in);
		} else if (!answers(h, &o, &cases[i], &cases[i].out)) {
			first = bad++ ? first : cases[i].name;
		}
	}
	report("original against the vectors", ncases, bad, first);
}

static void seeds(Host *h, uint32_t n)
{
	uint64_t runs = 0, bad = 0;
	char first[200] = "";
	for (uint32_t seed = 0; seed < n; seed++) {
		for (uint32_t i = 0; i < ncases; i++) {
			if (seed > 0 && i != seed % ncases)
				continue;
			HostOptions o = {.seeded = true, .seed = seed, .guest_seed = i};
			runs++;
			if (!answers(h, &o, &cases[i], &cases[i].out) && bad++ == 0)
				snprintf(first, sizeof first, "%s under seed %u", cases[i].name, seed);
		}
	}
	char what[60];
	snprintf(what, sizeof what, "multivariant under %u seeds", n);
	report(what, runs, bad, first);
}

enum { EACH = 3 };

/* A module whose every body is forced, each on so many vectors in turn. */
static void forced(Host *h, const char *file)
{
	Err e;
	Bytes b;
	Mod *m;
	Choosers f;
	uint64_t runs = 0, bad = 0;
	char first[200] = "";
	if (file_read(file, &b, &e) || read_module(file, b.p, b.n, &m, &e) || fork_choosers(m, &f, &e))
		die(&e);
	for (uint32_t d = 0; d < f.n; d++) {
		for (uint32_t k = 0; k < EACH * f.c[d].n; k++) {
			HostChoice choice = {f.c[d].id, k / EACH};
			uint32_t i = runs % ncases;
			HostOptions o = {.choose = &choice, .nchoose = 1, .guest_seed = i};
			runs++;
			if (!answers(h, &o, &cases[i], &cases[i].out) && bad++ == 0)
				snprintf(first, sizeof first, "%s with %u forced in %s", cases[i].name, k / EACH, m->func[f.c[d].func].name);
		}
	}
	char what[80];
	snprintf(what, sizeof what, "each body of %u dispatchers or regions forced", f.n);
	report(what, runs, bad, first);
	free(f.c);
	read_free(m);
	free(b.p);
}

static void control(Host *h)
{
	HostOptions o = {0};
	Bytes wrong = {xalloc(cases[0].out.n + 1), cases[0].out.n};
	memcpy(wrong.p, cases[0].out.p, cases[0].out.n);
	wrong.p[0] ^= 1;
	bool noticed = !answers(h, &o, &cases[0], &wrong);
	printf(noticed ? "ok %s control: a flipped bit is noticed\n" : "not ok %s control: a flipped bit is not noticed\n", service);
	failed += !noticed;
	free(wrong.p);
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: differential NAME ORIGINAL FIXED HOST VECTORS SEEDS\n");
		return 2;
	}
	service = argv[1];
	load(argv[5]);
	if (ncases == 0) {
		printf("not ok %s: no vectors in %s\n", service, argv[5]);
		return 1;
	}
	Host *original = open_module(argv[2]), *fixed = open_module(argv[3]), *host = open_module(argv[4]);
	original_answers(original);
	seeds(fixed, atoi(argv[6]));
	forced(host, argv[4]);
	control(original);
	host_close(original);
	host_close(fixed);
	host_close(host);
	for (uint32_t i = 0; i < ncases; i++) {
		free(cases[i].name);
		free(cases[i].in.p);
		free(cases[i].out.p);
	}
	free(cases);
	return failed > 0;
}
