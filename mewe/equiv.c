/* equiv.c - are two functions the same? The search over the product of both.
 * In: two bodies and what their names stand for. Out: a verdict.
 *
 * Both are run symbolically in step. Where ways join, a relation is kept (equiv_join.c): what is known of the registers of both
 * sides whenever they stand there. It begins with what holds on the first arrival, loses on later arrivals what does not, and is
 * followed anew each time it has lost something (so it ends). A path begins at such a pair of joins with nothing known but the
 * relation, and ends at the next, or at a return or trap; on it both sides must do the same visible things with equal operands.
 * A path of one side is never longer than the other's by more than PASS joins, so neither can loop for ever alone.
 *
 * There are two attempts. The first takes equal registers alone for the relation, and asks nothing about which stores may touch;
 * the second, for what the first could not prove, does all that.
 *
 * The budget of steps is looked at before each instruction, and what is quadratic in a long block is counted (spend_scan), so that no
 * block, however long, runs past it by much.
 *
 * Must hold: `proved` only when every path from every pair, under the relation that is left at last, was followed to its end. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

enum { PASS = 16, PATHS = 50000 };

static Path begin_entry(Search *s)
{
	Path p = path_begin(s);
	p.entry = true;
	for (int k = 0; k < 2; k++) {
		Side *x = &p.side[k];
		for (uint32_t i = 0; i < x->f->nlocal; i++)
			x->reg[i] = i < s->nparam ? s->param[i] : term_const(&s->t, x->f->width[i], 0);
		x->ip = x->f->block[0].ins;
		x->arrived = true;
	}
	return p;
}

/* A side that stands at a join which the other side lacks goes on alone; false: the path ends here. The two are often out of step
 * where what is known of the path is a contradiction, so that it is never taken. */
static bool pass(Search *s, Path *p, int side)
{
	p->side[side].arrived = false;
	p->passed++;
	if ((p->passed == 1 && s->deep) || p->passed > PASS)
		if (path_never(s, p))
			return false;
	if (p->passed > PASS)
		fail(s, p, V_UNSUPPORTED, "the two do not run in step");
	return !s->failed;
}

/* Both stand at joins, but one has done less than the other: it may have come to a join that the other lacks, and has to go on.
 * That side, or -1: this is where both should agree. */
static int behind(Search *s, const Path *p)
{
	const Side *a = &p->side[0], *b = &p->side[1];
	if ((a->nwrite == b->nwrite && a->ntrap == b->ntrap) || p->passed >= PASS)
		return -1;
	Path c = path_copy(p);
	Equiv keep = *s->out;
	bool agree = path_sync(s, &c, "a join");
	*s->out = keep;
	s->failed = false;
	path_free(&c);
	if (agree)
		return -1;
	return a->nwrite != b->nwrite ? b->nwrite < a->nwrite : b->ntrap < a->ntrap;
}

static const char *stop_name(const Path *p, Stop stop, int side)
{
	if (stop == STOP_EVENT)
		return p->side[side].f->ins[p->side[side].ip].what;
	return stop == STOP_RETURN ? "return" : stop == STOP_TRAP ? "trap" : "join";
}

/* Follows the path to its end. */
static void follow(Search *s, Path *p)
{
	int late;
	while (!s->failed) {
		Stop stop[2];
		for (int k = 0; k < 2; k++) {
			while ((stop[k] = path_run(s, p, k)) == STOP_BRANCH) {
				path_branch(s, p, k);
				if (p->side[k].block == NONE)
					return;
			}
		}
		if (path_spent(s, p)) {
			return;
		} else if (stop[0] == STOP_JOIN && stop[1] == STOP_JOIN) {
			if ((late = behind(s, p)) < 0) {
				join_arrive(s, p);
				return;
			}
			if (!pass(s, p, late))
				return;
		} else if (stop[0] == STOP_JOIN || stop[1] == STOP_JOIN) {
			if (!pass(s, p, stop[0] == STOP_JOIN ? 0 : 1))
				return;
		} else if (stop[0] != stop[1]) {
			if ((stop[0] == STOP_TRAP || stop[1] == STOP_TRAP) && path_traps_too(s, p, stop[0] == STOP_TRAP))
				return;
			p->entry &= stop[0] != STOP_EVENT && stop[1] != STOP_EVENT; /* running both need not show a call that is not made */
			p->entry &= p->side[0].ntrap == 0 && p->side[1].ntrap == 0; /* nor what comes after a trap */
			path_apart(s, p, stop_name(p, stop[0], 0), stop_name(p, stop[1], 1));
			return;
		} else if (stop[0] == STOP_RETURN) {
			path_return(s, p);
			return;
		} else if (stop[0] == STOP_TRAP) {
			if (p->side[0].nwrite > 0 || p->side[1].nwrite > 0)
				path_sync(s, p, "a trap");
			return;
		} else if (!path_event(s, p)) {
			return;
		}
	}
}

static void search(Search *s)
{
	Path p = begin_entry(s);
	uint32_t paths = 0;
	PUSH(s->todo, s->ntodo, s->todocap, p);
	for (;;) {
		while (s->ntodo > 0) {
			Path next = s->todo[--s->ntodo];
			if (++paths > PATHS)
				fail(s, &next, V_TIMEOUT, "the limit of %d paths was reached", PATHS);
			follow(s, &next);
			path_free(&next);
		}
		if (s->failed || !join_next(s, &p))
			return;
		PUSH(s->todo, s->ntodo, s->todocap, p);
	}
}

static void finish(Search *s)
{
	if (s->smt)
		s->out->work += smt_work(s->smt);
	smt_free(s->smt);
	join_free(s);
	for (uint32_t i = 0; i < s->ntodo; i++)
		path_free(&s->todo[i]);
	for (int k = 0; k < 2; k++)
		lower_free(&s->flow[k]);
	free(s->todo);
	free(s->fun);
	free(s->addr);
	free(s->bound);
	free(s->tried);
	free(s->param);
	term_free(&s->t);
}

static void begin_search(Search *s)
{
	uint64_t least[2] = {s->body[0]->mod->scan.memory_min, s->body[1]->mod->scan.memory_min};
	s->memory_min = (least[0] < least[1] ? least[0] : least[1]) << 16;
	s->key.byte = search_key(s, "byte", NULL);
	s->key.store = search_key(s, "store", NULL);
	s->key.lane = search_key(s, "lane of bytes", NULL);
	s->key.v128 = search_key(s, "v128 of bytes", NULL);
	s->key.global = search_key(s, "global", NULL);
	s->nparam = s->flow[0].nparam;
	s->param = xalloc(s->nparam * sizeof *s->param);
	for (uint32_t i = 0; i < s->nparam; i++)
		s->param[i] = term_sym(&s->t, s->flow[0].width[i]);
}

static void attempt(const Body *a, const Ident *ia, const Body *b, const Ident *ib, bool deep, uint64_t steps, Buf *certificate, Equiv *out)
{
	Search s = {.out = out, .body = {a, b}, .deep = deep, .most = steps, .certificate = certificate};
	const char *bad[2];
	*out = (Equiv){.verdict = V_PROVED, .work = out->work};
	bad[0] = lower_body(&s.t, a, ia, &s.flow[0]);
	bad[1] = lower_body(&s.t, b, ib, &s.flow[1]);
	if (a->params != b->params || a->results != b->results) {
		fail(&s, NULL, V_REFUTED, "the types of the functions differ");
	} else if (bad[0] || bad[1]) {
		fail(&s, NULL, V_UNSUPPORTED, "%s%s", bad[0] ? "the original has " : "the variant has ", bad[0] ? bad[0] : bad[1]);
	} else {
		begin_search(&s);
		if (deep)
			claim_bounds(&s);
		search(&s);
	}
	finish(&s);
}

void equiv_certify(const Body *a, const Ident *ia, const Body *b, const Ident *ib, uint64_t steps, Buf *certificate, Equiv *out)
{
	size_t before = certificate ? certificate->n : 0;
	out->work = 0;
	attempt(a, ia, b, ib, false, steps, certificate, out);
	if (out->verdict == V_PROVED || out->ncex > 0) /* arguments that show a difference need no second look */
		return;
	if (certificate)
		certificate->n = before;
	attempt(a, ia, b, ib, true, steps, certificate, out);
}

void equiv_bodies(const Body *a, const Ident *ia, const Body *b, const Ident *ib, Equiv *out)
{
	equiv_certify(a, ia, b, ib, EQUIV_FULL, NULL, out);
}
