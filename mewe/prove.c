/* prove.c - verdicts for the candidates, by worker processes.
 * In: sites and candidates. Out: each row's rule, verdict, work and reason.
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
	uint32_t row, verdict;
	uint64_t work;
	char rule[64], why[400];
} Answer;

/* What the workers share: the next row to take, the row each is at, and the time spent on each function. */
typedef struct Shared {
	uint32_t next, at[JOBS_MAX];
	bool limited;                  /* a time limit was hit */
	uint64_t spent[];              /* nanoseconds, by ordinal; only for --time-limit */
} Shared;

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The proof of one row, or what stands in its place. */
static void judge(const Sites *s, const Variant *v, const Ident *id, Answer *a)
{
	const char *rule = "";
	Body candidate;
	if (!propose_body(s, v, &rule, &candidate)) {
		a->verdict = V_UNSUPPORTED;
		strcpy(a->why, "the rule does not apply here");
	} else {
		if (v->strategy->grants == V_BY_CONSTRUCTION) {
			a->verdict = V_BY_CONSTRUCTION;
		} else {
			Equiv q;
			equiv_bodies(s->site[v->site].body, id, &candidate, id, &q);
			a->verdict = q.verdict;
			a->work = q.work;
			if (q.verdict != V_PROVED)
				memcpy(a->why, q.why, sizeof a->why);
			a->why[sizeof a->why - 1] = 0;
		}
		body_free(&candidate);
	}
	strncpy(a->rule, rule, sizeof a->rule - 1);
}

static void work(const Sites *s, const Options *o, const Variants *v, Shared *sh, unsigned me, int out)
{
	Ident id = ident_of(s->body[0].mod);
	uint64_t limit = o->time_limit * 1000000000ull;
	for (;;) {
		uint32_t row = __atomic_fetch_add(&sh->next, 1, __ATOMIC_RELAXED);
		if (row >= v->n)
			break;
		Answer a = {.row = row};
		uint64_t *spent = &sh->spent[v->v[row].func], start = limit ? now() : 0;
		__atomic_store_n(&sh->at[me], row, __ATOMIC_RELAXED);
		if (limit && __atomic_load_n(spent, __ATOMIC_RELAXED) > limit) {
			a.verdict = V_TIMEOUT;
			strcpy(a.why, "the time limit of its function was reached");
			sh->limited = true;
		} else {
			judge(s, &v->v[row], &id, &a);
		}
		if (limit)
			__atomic_fetch_add(spent, now() - start, __ATOMIC_RELAXED);
		if (write(out, &a, sizeof a) != sizeof a)
			_exit(1);
	}
	_exit(0);
}

static void take(Variants *v, const Answer *a)
{
	Variant *to = &v->v[a->row];
	to->verdict = a->verdict;
	to->work = a->work;
	to->rule = xstrdup(a->rule);
	to->why = a->why[0] ? xstrdup(a->why) : NULL;
}

/* Whatever is left unanswered: the row a dead worker was at, or all that was not reached in time. */
static void take_rest(Variants *v, Shared *sh, const bool *died, unsigned jobs)
{
	for (uint32_t i = 0; i < v->n; i++) {
		if (v->v[i].verdict != V_NEW)
			continue;
		v->v[i].verdict = V_TIMEOUT;
		const char *why = "the time limit of the whole run was reached";
		for (unsigned j = 0; j < jobs; j++)
			if (died[j] && sh->at[j] == i)
				why = "the prover's process ended on it";
		sh->limited = true;
		v->v[i].why = xstrdup(why);
		v->v[i].rule = xstrdup("");
	}
}

static void collect(const Options *o, Variants *v, int in, uint64_t deadline)
{
	Answer a;
	uint32_t done = 0;
	size_t got = 0;
	for (;;) {
		ssize_t k = read(in, (char *)&a + got, sizeof a - got);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return;
		if ((got += k) < sizeof a)
			continue;
		got = 0;
		take(v, &a);
		done++;
		if (o->progress)
			o->progress(o->progress_ctx, "prove", done, v->n);
		if (deadline && now() > deadline)
			return;
	}
}

int prove_all(const Sites *s, const Options *o, Variants *v, bool *limited, Err *e)
{
	unsigned jobs = o->jobs < 1 ? 1 : o->jobs > JOBS_MAX ? JOBS_MAX : o->jobs, started = 0;
	uint64_t deadline = o->total_time ? now() + o->total_time * 1000000000ull : 0;
	size_t size = sizeof(Shared) + s->nbody * sizeof(uint64_t);
	bool died[JOBS_MAX] = {0};
	pid_t pid[JOBS_MAX];
	int pipefd[2], code = 0;

	if (v->n == 0)
		return 0;
	Shared *sh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		return err_set(e, MEWE_BAD, "no shared memory for the provers: %s", strerror(errno));
	if (pipe2(pipefd, O_CLOEXEC) < 0) {
		munmap(sh, size);
		return err_set(e, MEWE_BAD, "no pipe to the provers: %s", strerror(errno));
	}
	for (; started < jobs; started++) {
		pid[started] = fork();
		if (pid[started] < 0)
			break;
		if (pid[started] == 0) {
			close(pipefd[0]);
			work(s, o, v, sh, started, pipefd[1]);
		}
	}
	close(pipefd[1]);
	if (started == 0)
		code = err_set(e, MEWE_BAD, "no process to prove in: %s", strerror(errno));
	else
		collect(o, v, pipefd[0], deadline);
	close(pipefd[0]);
	for (unsigned j = 0; j < started; j++) {
		int status = 0;
		if (deadline && now() > deadline)
			kill(pid[j], SIGKILL);
		while (waitpid(pid[j], &status, 0) < 0 && errno == EINTR)
			;
		died[j] = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	if (!code)
		take_rest(v, sh, died, started);
	*limited = sh->limited;
	munmap(sh, size);
	return code;
}
