/* libbodies.c - the time of each variant of one dispatcher: the paper's Figure 5.
 * In: modules with one dispatcher, --discriminator host, no trace. Out: for each round and variant a row execute time_ns, the mean
 * of a batch of calls on a warm instance whose choices are all this one; `config` is the module's name, a dot, and the variant's
 * number. The original, body 0, is none of them.
 * Must hold: only the choice differs between two variants of a module: they share the instance, its memory, and the host's call that
 * answers the choice. Rounds are shuffled over all variants of all modules; places are as in librq4.c. */
#include <stdlib.h>
#include "measure.h"

enum { BODY_NS = 100000 };

typedef struct Forced {
	const char *config;            /* malloc'ed */
	uint32_t of, k;                /* module, number */
} Forced;

typedef struct Subject {
	Guest guest;
	Instance *warm;
	HostFunc serve;
	HostChoice choice;             /* what the instance is told, changed between batches */
	HostOptions options;
	uint32_t batch;
} Subject;

typedef struct Trial {
	const Plan *p;
	Rows *rows;
	Subject s[ALSO_MAX];
	Forced *forced;                /* malloc'ed */
	uint32_t *order, n;
	Answer want;
	Rng rng;
} Trial;

/* The one dispatcher of a module. */
static Chooser only(const char *path)
{
	Bytes wasm = {0};
	Mod *mod;
	Choosers c = {0};
	Err e = {0};
	check(file_read(path, &wasm, &e), &e);
	check(read_module(path, wasm.p, wasm.n, &mod, &e), &e);
	check(fork_choosers(mod, &c, &e), &e);
	if (c.n != 1)
		die(MEWE_BAD, "%s: it has %u dispatchers, where one is wanted: build it with --functions", path, c.n);
	Chooser one = c.c[0];
	free(c.c);
	read_free(mod);
	free(wasm.p);
	return one;
}

static uint64_t run(const Trial *t, const Subject *s)
{
	int32_t last = 0;
	uint64_t from = clock_spent();
	for (uint32_t k = 0; k < s->batch; k++)
		last = guest_run(&s->serve);
	from = clock_spent() - from;
	if (last != t->want.n)
		die(MEWE_DIFFERS, "%s: while timed it answered %d, not %d", s->guest.path, last, t->want.n);
	return from;
}

static void open_subject(Trial *t, uint32_t of)
{
	Subject *s = &t->s[of];
	s->guest = guest_open(t->p->also[of].path);
	s->warm = guest_fresh(&s->guest, &s->options, t->p->input);
	s->serve = guest_serve(s->warm);
	for (s->batch = 1; run(t, s) < BODY_NS;)
		s->batch *= 2;
	for (uint32_t k = 0; k < t->n; k++)
		if (t->forced[k].of == of) {
			s->choice.choice = t->forced[k].k;
			guest_compare(s->guest.path, s->warm, &s->serve, &t->want, t->p->free);
		}
}

static void open_all(void *trial, uint32_t place)
{
	Trial *t = trial;
	(void)place;
	for (uint32_t of = 0; of < t->p->nalso; of++)
		open_subject(t, of);
}

static void close_all(void *trial)
{
	Trial *t = trial;
	for (uint32_t k = 0; k < t->p->nalso; k++) {
		host_drop(t->s[k].warm);
		guest_close(&t->s[k].guest);
	}
}

static void round_of(void *trial, uint32_t round, uint32_t place)
{
	Trial *t = trial;
	rng_order(&t->rng, t->order, t->n);
	for (uint32_t i = 0; i < t->n; i++) {
		const Forced *b = &t->forced[t->order[i]];
		Subject *s = &t->s[b->of];
		s->choice.choice = b->k;
		guest_run(&s->serve);  /* the caches hold this variant, and no other one's */
		guest_rows(&s->guest, t->rows, "multivariant", b->config, "execute");
		t->rows->iteration = round;
		t->rows->node = place;
		rows_real(t->rows, "time_ns", (double)run(t, s) / s->batch);
	}
}

static void begin(Trial *t)
{
	Guest g = guest_open(t->p->original);
	t->want = guest_reference(&g, t->p->input);
	guest_close(&g);
	for (uint32_t of = 0; of < t->p->nalso; of++) {
		Chooser c = only(t->p->also[of].path);
		Subject *s = &t->s[of];
		s->choice.dispatcher = c.id;
		s->options = (HostOptions){.choose = &s->choice, .nchoose = 1};
		t->forced = xgrow(t->forced, (t->n + c.n) * sizeof *t->forced);
		for (uint32_t k = 1; k < c.n; k++)
			t->forced[t->n++] = (Forced){xprintf("%s.%u", t->p->also[of].config, k), of, k};
	}
	t->order = xalloc((t->n + 1) * sizeof *t->order);
}

void measure_bodies(const Plan *p, Rows *r)
{
	Trial t = {.p = p, .rows = r};
	begin(&t);
	rounds_run(p, &(Rounds){open_all, round_of, close_all}, &t);
	close_all(&t);
	for (uint32_t k = 0; k < t.n; k++)
		free((char *)t.forced[k].config);
	free(t.forced);
	free(t.order);
	free(t.want.p);
}
