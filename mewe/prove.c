/* prove.c - verdicts for the candidates, by worker processes.
 * In: sites and the rows asked for. Out: the verdict, work and reason of each, from the cache where it knows.
 * Must hold: a verdict depends on the candidate alone, so that neither --jobs nor the machine changes a byte of the result;
 * Binaryen keeps process-wide state, so workers are processes. A worker that dies costs its one row, and the row says so. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "all.h"

enum { JOBS_MAX = 64 };

/* One row's result on its way home; below PIPE_BUF, so that writes by several workers never mix. */
typedef struct Answer {
	uint32_t row, verdict;         /* row: in the task */
	uint64_t work;
	bool limited;                  /* a clock decided */
	char why[400];
} Answer;

/* What the workers share: the next row to take, and the time spent on each function. */
typedef struct Shared {
	uint32_t next;
	bool limited;                  /* a time limit was hit */
	uint64_t spent[];              /* nanoseconds, by ordinal; only for --time-limit */
} Shared;

/* The rows to prove, and their keys in the cache. */
typedef struct Task {
	const Sites *s;
	const Options *o;
	Variants *v;
	Proving *p;
	uint32_t *row, n;
	Digest *key;
	bool *keyed;
} Task;

uint64_t prove_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The proof of one row, or what stands in its place. */
static void judge(const Sites *s, const Variant *v, const Ident *id, Answer *a)
{
	Body original, candidate;
	if (v->strategy->grants == V_BY_CONSTRUCTION) {
		a->verdict = V_BY_CONSTRUCTION;
	} else if (!propose_pair(s, v, &original, &candidate)) {
		a->verdict = V_UNSUPPORTED;
		strcpy(a->why, "the rule does not apply here");
	} else {
		Equiv q;
		equiv_certify(&original, id, &candidate, id, EQUIV_QUICK, NULL, &q);
		a->verdict = q.verdict;
		a->work = q.work;
		if (q.verdict != V_PROVED)
			memcpy(a->why, q.why, sizeof a->why);
		a->why[sizeof a->why - 1] = 0;
		body_free(&original);
		body_free(&candidate);
	}
}

static void work(const Task *t, Shared *sh, int out)
{
	Ident id = ident_of(t->s->body[0].mod);
	uint64_t limit = t->o->time_limit * 1000000000ull;
	for (;;) {
		uint32_t i = __atomic_fetch_add(&sh->next, 1, __ATOMIC_RELAXED);
		if (i >= t->n)
			break;
		Answer a = {.row = i};
		const Variant *v = &t->v->v[t->row[i]];
		uint64_t *spent = &sh->spent[v->func], start = limit ? prove_now() : 0;
		if (limit && __atomic_load_n(spent, __ATOMIC_RELAXED) > limit) {
			a.verdict = V_TIMEOUT;
			a.limited = true;
			strcpy(a.why, "the time limit of its function was reached");
			sh->limited = true;
		} else {
			judge(t->s, v, &id, &a);
		}
		if (limit)
			__atomic_fetch_add(spent, prove_now() - start, __ATOMIC_RELAXED);
		if (write(out, &a, sizeof a) != sizeof a)
			_exit(1);
	}
	_exit(0);
}

static void take(const Task *t, const Answer *a)
{
	Variant *to = &t->v->v[t->row[a->row]];
	const char *why = a->why[0] ? a->why : NULL;
	to->verdict = a->verdict;
	to->work = a->work;
	to->why = why ? xstrdup(why) : NULL;
	if (t->keyed[a->row] && !a->limited)
		cache_put_proof(t->p->cache, t->key[a->row], a->verdict, a->work, why);
}

/* Rows before `to` that nobody has answered. */
static void leave(const Task *t, Shared *sh, uint32_t to, const char *why)
{
	for (uint32_t i = 0; i < to; i++) {
		Variant *v = &t->v->v[t->row[i]];
		if (v->verdict != V_NEW)
			continue;
		v->verdict = V_TIMEOUT;
		v->why = xstrdup(why);
		sh->limited = true;
	}
}

static void collect(const Task *t, int in)
{
	Answer a;
	uint32_t done = 0;
	size_t got = 0;
	uint64_t deadline = t->p->deadline;
	for (;;) {
		ssize_t k = read(in, (char *)&a + got, sizeof a - got);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return;
		if ((got += k) < sizeof a)
			continue;
		got = 0;
		take(t, &a);
		done++;
		if (t->o->progress)
			t->o->progress(t->o->progress_ctx, "prove", done, t->n);
		if (deadline && prove_now() > deadline)
			return;
	}
}

static bool late(const Task *t) { return t->p->deadline && prove_now() > t->p->deadline; }

/* Workers for the rows that none has taken, until there are no more, or all have died, or time is up. */
static int run_rest(const Task *t, Shared *sh, Err *e)
{
	unsigned jobs = t->o->jobs < 1 ? 1 : t->o->jobs > JOBS_MAX ? JOBS_MAX : t->o->jobs, started = 0;
	pid_t pid[JOBS_MAX];
	int pipefd[2];

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_set(e, MEWE_BAD, "no pipe to the provers: %s", strerror(errno));
	for (; started < jobs && started < t->n; started++) {
		pid[started] = fork();
		if (pid[started] < 0)
			break;
		if (pid[started] == 0) {
			close(pipefd[0]);
			xkeep();
			work(t, sh, pipefd[1]);
		}
	}
	close(pipefd[1]);
	if (started > 0)
		collect(t, pipefd[0]);
	close(pipefd[0]);
	for (unsigned j = 0; j < started; j++) {
		if (late(t))
			kill(pid[j], SIGKILL);
		while (waitpid(pid[j], NULL, 0) < 0 && errno == EINTR)
			;
	}
	return started > 0 ? 0 : err_set(e, MEWE_BAD, "no process to prove in: %s", strerror(errno));
}

/* A worker that dies costs the row that it was at, and no other: so there are workers again until all rows were taken. */
static int run(const Task *t, Shared *sh, Err *e)
{
	int code = 0;
	while (!code && !late(t) && sh->next < t->n) {
		uint32_t from = sh->next;
		code = run_rest(t, sh, e);
		if (!code && !late(t) && sh->next == from)
			code = err_set(e, MEWE_BAD, "the provers' processes end before they begin; free some memory");
		if (!code && !late(t))
			leave(t, sh, sh->next < t->n ? sh->next : t->n, "the prover's process ended on it");
	}
	if (!code)
		leave(t, sh, t->n, "the time limit of the whole run was reached");
	return code;
}

/* Answers from the cache; what is left of the rows is the task. */
static void remember(Task *t, const uint32_t *row, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		Variant *v = &t->v->v[row[i]];
		Body original, candidate;
		t->keyed[t->n] = false;
		if (t->p->cache && v->strategy->grants != V_BY_CONSTRUCTION && propose_pair(t->s, v, &original, &candidate)) {
			t->keyed[t->n] = obligation_proof(&original, &candidate, &t->key[t->n]);
			body_free(&original);
			body_free(&candidate);
		}
		if (t->keyed[t->n] && cache_proof(t->p->cache, t->key[t->n], &v->verdict, &v->work, &v->why))
			t->p->remembered++;
		else
			t->row[t->n++] = row[i];
	}
}

int prove_rows(const Sites *s, const Options *o, Variants *v, const uint32_t *row, uint32_t n, Proving *p, Err *e)
{
	Task t = {.s = s, .o = o, .v = v, .p = p};
	size_t size = sizeof(Shared) + s->nbody * sizeof(uint64_t);
	int code = 0;
	p->asked += n;
	t.row = xalloc(n * sizeof *t.row);
	t.key = xalloc((n + 1) * sizeof *t.key);
	t.keyed = xalloc((n + 1) * sizeof *t.keyed);
	remember(&t, row, n);
	if (t.n > 0) {
		Shared *sh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (sh == MAP_FAILED) {
			code = err_set(e, MEWE_BAD, "no shared memory for the provers: %s", strerror(errno));
		} else {
			memcpy(sh->spent, p->spent, s->nbody * sizeof *p->spent);
			code = run(&t, sh, e);
			memcpy(p->spent, sh->spent, s->nbody * sizeof *p->spent);
			p->limited |= sh->limited;
			munmap(sh, size);
		}
	}
	if (!code)
		code = cache_flush(p->cache, e);
	free(t.row);
	free(t.key);
	free(t.keyed);
	return code;
}
