/* verify.c - prove a multivariant module equal to its original, from the two binaries alone.
 * In: two binaries. Out: findings, as text or JSON, and the verdict over them all. Must hold: what the builder knew or said is
 * not used; a module passes only if everything in it is accounted for (account.c) and each pair of functions is proved
 * (equiv_certify), whatever the number of workers. A worker that dies leaves the pair unproved that it was at. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "account.h"
#include "certificate.h"

enum { JOBS_MAX = 64 };

/* What is said of one pair; below PIPE_BUF, so that writes by several workers never mix. */
typedef struct Answer {
	uint32_t pair, verdict;
	uint64_t work;                 /* of the solver */
	char why[400];
	uint64_t cex[32];
	uint32_t ncex;
} Answer;

typedef struct Tally {
	uint32_t proved, refuted, open;
} Tally;

typedef struct Verify {
	Account a;
	Answer *answer;                /* by pair */
	uint32_t nanswer;
	Tally all, *each;              /* of all pairs, and by dispatcher */
	Certificate *certificate;      /* or NULL */
	mewe_progress *progress;
	void *progress_ctx;
} Verify;

/* ---- proofs ------------------------------------------------------------------------------------------------------------- */

static void judge(const Account *a, uint32_t i, Buf *text, Answer *out)
{
	const Pair *p = &a->pair[i];
	memset(out, 0, sizeof *out); /* its padding goes through a pipe too */
	out->pair = i;
	out->verdict = V_PROVED;
	if (p->same)
		return;
	Ident iw = account_want(a), ih = account_have(a);
	size_t before = text ? text->n : 0;
	Equiv q;
	equiv_certify(&p->was, p->region ? &ih : &iw, &p->is, &ih, EQUIV_FULL, text, &q);
	if (q.verdict == V_TIMEOUT) {
		if (text)
			text->n = before;
		equiv_certify(&p->was, p->region ? &ih : &iw, &p->is, &ih, EQUIV_PATIENT, text, &q);
	}
	out->verdict = q.verdict;
	out->work = q.work;
	out->ncex = q.ncex < LEN(out->cex) ? q.ncex : LEN(out->cex);
	memcpy(out->cex, q.cex, out->ncex * sizeof *out->cex);
	if (q.verdict != V_PROVED)
		memcpy(out->why, q.why, sizeof out->why - 1);
}

static void work(const Verify *v, uint32_t *next, int questions, int out)
{
	for (;;) {
		uint32_t i = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
		Answer answer;
		Buf text = {0};
		if (i >= v->a.npair)
			_exit(0);
		judge(&v->a, i, v->certificate ? &text : NULL, &answer);
		if (v->certificate && answer.verdict == V_PROVED && !certificate_put(questions, i, &text))
			_exit(1);
		buf_free(&text);
		if (write(out, &answer, sizeof answer) != sizeof answer)
			_exit(1);
	}
}

static void collect(Verify *v, int in)
{
	Answer a;
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
		v->answer[a.pair] = a;
		v->nanswer++;
		if (v->progress)
			v->progress(v->progress_ctx, "verify", v->nanswer, v->a.npair);
	}
}

/* Workers for the pairs from *next on, until they have come to the last pair or have all died. */
static int prove_rest(Verify *v, unsigned jobs, uint32_t *next, Err *e)
{
	unsigned started = 0;
	int pipefd[2];
	pid_t pid[JOBS_MAX];
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_set(e, MEWE_BAD, "no pipe to the provers: %s", strerror(errno));
	for (; started < jobs && started < v->a.npair; started++) {
		int questions = v->certificate ? certificate_file(v->certificate) : -1;
		pid[started] = v->certificate && questions < 0 ? -1 : fork();
		if (pid[started] < 0)
			break;
		if (pid[started] == 0) {
			close(pipefd[0]);
			xkeep();
			work(v, next, questions, pipefd[1]);
		}
	}
	close(pipefd[1]);
	if (started > 0)
		collect(v, pipefd[0]);
	close(pipefd[0]);
	for (unsigned j = 0; j < started; j++)
		while (waitpid(pid[j], NULL, 0) < 0 && errno == EINTR)
			;
	return started > 0 ? 0 : err_set(e, MEWE_BAD, "no process to prove in: %s", strerror(errno));
}

/* A worker that dies costs the pair that it was at, and no other: so there are workers again until all pairs were taken. */
static int prove(Verify *v, unsigned jobs, Err *e)
{
	int code = 0;
	v->answer = xalloc(v->a.npair * sizeof *v->answer);
	for (uint32_t i = 0; i < v->a.npair; i++) {
		v->answer[i].verdict = V_TIMEOUT;
		strcpy(v->answer[i].why, "the prover's process ended on it");
	}
	uint32_t *next = mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (next == MAP_FAILED)
		return err_set(e, MEWE_BAD, "no shared memory for the provers: %s", strerror(errno));
	while (!code && *next < v->a.npair) {
		uint32_t from = *next;
		code = prove_rest(v, jobs, next, e);
		if (!code && *next == from)
			code = err_set(e, MEWE_BAD, "the provers' processes end before they begin; free some memory");
	}
	munmap(next, sizeof *next);
	return code;
}

/* ---- findings ------------------------------------------------------------------------------------------------------------ */

static void tell(Tally *t, uint32_t verdict)
{
	t->proved += verdict == V_PROVED;
	t->refuted += verdict == V_REFUTED;
	t->open += verdict != V_PROVED && verdict != V_REFUTED;
}

static void tally(Verify *v)
{
	v->each = xalloc(v->a.dispatchers.n * sizeof *v->each);
	for (uint32_t i = 0; i < v->a.npair; i++) {
		tell(&v->all, v->answer[i].verdict);
		if (v->a.pair[i].dispatcher != NONE)
			tell(&v->each[v->a.pair[i].dispatcher], v->answer[i].verdict);
	}
}

static int verdict(const Verify *v)
{
	return v->a.ndiff > 0 || v->all.refuted > 0 ? MEWE_DIFFERS : v->all.open > 0 ? MEWE_LIMIT : MEWE_OK;
}

static const char *verdict_word(int code) { return code == MEWE_OK ? "proved" : code == MEWE_LIMIT ? "unproved" : "different"; }

static uint64_t all_work(const Verify *v)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < v->a.npair; i++)
		sum += v->answer[i].work;
	return sum;
}

static void put_arguments(Buf *b, const Answer *a)
{
	for (uint32_t i = 0; i < a->ncex; i++)
		buf_printf(b, "%s0x%llx", i ? ", " : "; shown by the arguments ", (unsigned long long)a->cex[i]);
}

static Bytes text(const Verify *v)
{
	const Account *a = &v->a;
	Tally all = v->all;
	Buf b = {0};
	for (uint32_t i = 0; i < a->dispatchers.n; i++) {
		const Dispatcher *d = &a->dispatchers.d[i];
		Tally t = v->each[i];
		if (d->region)
			buf_printf(&b, "region %u, in %s: %u alternatives to the original's, %u proved", i, account_name(a, d->func), d->n - 1, t.proved);
		else
			buf_printf(&b, "dispatcher %s: %u bodies, %u proved", account_name(a, d->func), d->n, t.proved);
		if (t.refuted)
			buf_printf(&b, ", %u refuted", t.refuted);
		if (t.open)
			buf_printf(&b, ", %u unproved", t.open);
		buf_str(&b, "\n");
	}
	for (uint32_t i = 0; i < a->ndiff; i++)
		buf_printf(&b, "difference: %s%s%s\n", a->diff[i].func, *a->diff[i].func ? ": " : "", a->diff[i].what);
	for (uint32_t i = 0; i < a->npair; i++) {
		const Answer *x = &v->answer[i];
		if (x->verdict == V_PROVED)
			continue;
		buf_printf(&b, "%s: %s: %s", x->verdict == V_REFUTED ? "difference" : "unproved", account_name(a, a->pair[i].func), x->why);
		put_arguments(&b, x);
		buf_str(&b, "\n");
	}
	if (a->nrequest + a->ninit > 0)
		buf_printf(&b, "exports: %u draw anew, %u draw nothing meanwhile\n", a->nrequest, a->ninit);
	buf_printf(&b, "solver: %llu units of work\n", (unsigned long long)all_work(v));
	int code = verdict(v);
	buf_printf(&b, "%s: %u functions, %u dispatchers, %u pairs proved, %u refuted, %u unproved, %u other differences\n",
	           verdict_word(code), a->norig, a->dispatchers.n, all.proved, all.refuted,
	           all.open, a->ndiff);
	return buf_bytes(&b);
}

static json_t *json_dispatcher(const Verify *v, uint32_t i)
{
	const Dispatcher *d = &v->a.dispatchers.d[i];
	Tally t = v->each[i];
	return json_pack("{s:s, s:I, s:b, s:I, s:I, s:I, s:I}", "name", account_name(&v->a, d->func), "index", (json_int_t)d->func,
	                 "region", d->region, "variants", (json_int_t)d->n, "proved", (json_int_t)t.proved,
	                 "refuted", (json_int_t)t.refuted, "unproved", (json_int_t)t.open);
}

static json_t *json_answer(const Verify *v, uint32_t i)
{
	const Answer *x = &v->answer[i];
	json_t *args = json_array();
	for (uint32_t k = 0; k < x->ncex; k++)
		json_array_append_new(args, json_sprintf("0x%llx", (unsigned long long)x->cex[k]));
	return json_pack("{s:s, s:s, s:s, s:o}", "function", account_name(&v->a, v->a.pair[i].func), "verdict", verdict_name(x->verdict), "why",
	                 x->why, "arguments", args);
}

static Bytes json_text(const Verify *v)
{
	const Account *a = &v->a;
	json_t *dispatchers = json_array(), *differences = json_array(), *unproved = json_array();
	int code = verdict(v);
	for (uint32_t i = 0; i < a->dispatchers.n; i++)
		json_array_append_new(dispatchers, json_dispatcher(v, i));
	for (uint32_t i = 0; i < a->ndiff; i++)
		json_array_append_new(differences, json_pack("{s:s, s:s}", "function", a->diff[i].func, "why", a->diff[i].what));
	for (uint32_t i = 0; i < a->npair; i++)
		if (v->answer[i].verdict != V_PROVED)
			json_array_append_new(v->answer[i].verdict == V_REFUTED ? differences : unproved, json_answer(v, i));
	json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "verdict", verdict_word(code),
	                         "functions", (json_int_t)a->norig, "pairs_proved", (json_int_t)v->all.proved,
	                         "exports_drawing", (json_int_t)a->nrequest, "exports_init", (json_int_t)a->ninit,
	                         "solver_work", (json_int_t)all_work(v), "dispatchers", dispatchers,
	                         "differences", differences, "unproved", unproved);
	char *s = json_dumps(root, JSON_INDENT(1));
	Buf b = {0};
	buf_printf(&b, "%s\n", s);
	free(s);
	json_decref(root);
	return buf_bytes(&b);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */

int mewe_verify(const char *ofile, const uint8_t *original, size_t on, const char *mfile, const uint8_t *multivariant, size_t mn,
                bool json, unsigned jobs, mewe_progress *progress, void *progress_ctx, mewe_bytes *findings, mewe_bytes *certificate,
                mewe_err *err)
{
	Verify v = {.progress = progress, .progress_ctx = progress_ctx};
	Certificate c = {0};
	*findings = (Bytes){0};
	v.certificate = certificate ? &c : NULL;
	int code = account_make(ofile, original, on, mfile, multivariant, mn, &v.a, err);
	if (!code)
		code = prove(&v, jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs, err);
	if (!code) {
		tally(&v);
		*findings = json ? json_text(&v) : text(&v);
		if (certificate)
			*certificate = certificate_text(&c, &v.a, v.all.proved);
		code = verdict(&v);
		if (code)
			err_set(err, code, "%s: %s; see the findings", mfile,
			        code == MEWE_LIMIT ? "not all of it is proved" : "it is not proved equal to its original");
	}
	free(v.answer);
	free(v.each);
	certificate_free(&c);
	account_free(&v.a);
	return code;
}
