/* equiv.c - are two functions the same? The search over the product of both.
 * In: two bodies and what their names stand for. Out: a verdict.
 *
 * Both are run symbolically in step. Where ways join, a relation is kept: which registers of either side hold equal values.
 * It begins with what is equal on the first arrival, loses on later arrivals what is not, and is followed anew each time it
 * has lost something (so it ends). A path begins at such a pair of joins with nothing known but the relation, and ends at the
 * next, or at a return or trap; on it both sides must do the same visible things with equal operands. A path of one side is
 * never longer than the other's by more than PASS joins, so neither can loop for ever alone.
 *
 * Must hold: `proved` only when every path from every pair, under the relation that is left at last, was followed to its end. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

enum { PASS = 16, STEPS = 4000000, PATHS = 50000, PAIRS = 4000, RELATION = 3000 };

typedef struct Pair {
	uint32_t block[2];
	uint32_t n[2];                 /* live registers on either side */
	uint32_t *klass;               /* of all n[0] + n[1]: equal numbers, equal values */
	bool queued, skewed;
} Pair;

static Pair *pair_of(Search *s, const Path *p)
{
	for (uint32_t i = 0; i < s->npair; i++)
		if (s->pair[i].block[0] == p->side[0].block && s->pair[i].block[1] == p->side[1].block)
			return &s->pair[i];
	Pair n = {.block = {p->side[0].block, p->side[1].block}};
	for (int k = 0; k < 2; k++)
		n.n[k] = s->flow[k].nlive[n.block[k]];
	PUSH(s->pair, s->npair, s->pcap, n);
	return &s->pair[s->npair - 1];
}

static uint32_t live(const Search *s, const Pair *q, uint32_t i, int *side)
{
	*side = i >= q->n[0];
	return s->flow[*side].live[q->block[*side]][*side ? i - q->n[0] : i];
}

/* Has a class that the first side's value j leads a value of the second side? */
static bool matched(const Pair *q, const uint32_t *now, uint32_t j)
{
	for (uint32_t i = q->n[0]; i < q->n[0] + q->n[1]; i++)
		if (now[i] == j)
			return true;
	return false;
}

/* Classes of one and the same term, within the classes so far. */
static void split(Search *s, const Pair *q, const Term *value, uint32_t *now)
{
	for (uint32_t i = 0; i < q->n[0] + q->n[1]; i++) {
		now[i] = i;
		for (uint32_t j = 0; j < i && now[i] == i; j++)
			if (now[j] == j && (!q->klass || q->klass[j] == q->klass[i]) && term_find(&s->t, value[j]) == term_find(&s->t, value[i]))
				now[i] = j;
	}
}

/* May value i of the second side be in a class that value j of the first leads, alone so far? */
static bool candidate(const Search *s, const Pair *q, const Term *value, const uint32_t *now, uint32_t j, uint32_t i)
{
	return now[j] == j && (!q->klass || q->klass[j] == q->klass[i]) &&
	       s->t.node[value[j]].width == s->t.node[value[i]].width && !matched(q, now, j);
}

/* Finds for value i of the second side, which is alone, a value of the first that is proved equal: everywhere, or if there is
 * none, on this path. If there is none either, and one that could be it is seen to differ, the function is suspect. */
static void match(Search *s, const Path *p, const Pair *q, const Term *value, uint32_t *now, uint32_t i)
{
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	uint32_t rival = NONE, found = NONE;
	for (int here = 0; here < 2 && found == NONE; here++) {
		for (uint32_t j = 0; j < q->n[0] && found == NONE; j++) {
			if (!candidate(s, q, value, now, j, i))
				continue;
			rival = rival == NONE ? j : rival;
			if (here ? equal_on(s, p, value[j], value[i], w) == ANSWER_YES : same(s, value[j], value[i]))
				found = j;
		}
	}
	for (uint32_t k = q->n[0] + q->n[1]; found != NONE && k-- > i;)
		now[k] = now[k] == i ? found : now[k];
	if (found == NONE && rival != NONE && !p->skewed && !s->suspect[0] &&
	    equal_on(s, p, value[rival], value[i], w) == ANSWER_NO && !opaque(s, value[rival], value[i]))
		snprintf(s->suspect, sizeof s->suspect, "a value that lives on where ways join differs before");
	free(w);
}

/* Is what is known of the path a contradiction? Then anything would be equal on it, and it is never taken. */
static bool never(Search *s, const Path *p)
{
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	bool yes = equal_on(s, p, term_const(&s->t, 32, 0), term_const(&s->t, 32, 1), w) == ANSWER_YES;
	free(w);
	return yes;
}

static void arrive(Search *s, Path *p)
{
	if (!path_sync(s, p, "a join"))
		return;
	Pair *q = pair_of(s, p);
	uint32_t n = q->n[0] + q->n[1];
	if (n > RELATION || s->npair > PAIRS) {
		fail(s, p, V_UNSUPPORTED, "too many values are live where ways join");
		return;
	}
	Term *value = xalloc(n * sizeof *value);
	uint32_t *now = xalloc((n + 1) * sizeof *now);
	for (uint32_t i = 0; i < n; i++) {
		int side;
		uint32_t r = live(s, q, i, &side);
		value[i] = p->side[side].reg[r];
	}
	split(s, q, value, now);
	bool alone = false, taken = true;
	for (uint32_t i = q->n[0]; i < n && taken; i++) {
		if (now[i] != i)
			continue;
		taken = alone || !never(s, p);
		if (taken)
			match(s, p, q, value, now, i);
		alone |= now[i] == i;
	}
	free(value);
	if (!taken) {
		free(now);
		return;
	}
	q->queued |= !q->klass || memcmp(now, q->klass, n * sizeof *now) != 0;
	q->skewed |= alone || p->skewed;
	free(q->klass);
	q->klass = now;
}

static Path begin(Search *s)
{
	Path p = {.version = term_sym(&s->t, 64), .globals = term_sym(&s->t, 64), .pages = term_sym(&s->t, 32)};
	for (int k = 0; k < 2; k++) {
		Side *x = &p.side[k];
		x->f = &s->flow[k];
		x->name = s->body[k]->name;
		x->reg = xalloc(x->f->nreg * sizeof *x->reg);
		for (uint32_t i = 0; i < x->f->nreg; i++)
			x->reg[i] = TERM_NONE;
	}
	return p;
}

static Path begin_entry(Search *s)
{
	Path p = begin(s);
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

static Path begin_pair(Search *s, const Pair *q)
{
	Path p = begin(s);
	uint32_t n = q->n[0] + q->n[1];
	Term *sym = xalloc(n * sizeof *sym);
	p.skewed = q->skewed;
	for (uint32_t i = 0; i < n; i++) {
		int side;
		uint32_t r = live(s, q, i, &side);
		sym[i] = q->klass[i] == i ? term_sym(&s->t, s->flow[side].width[r]) : sym[q->klass[i]];
		p.side[side].reg[r] = sym[i];
	}
	free(sym);
	for (int k = 0; k < 2; k++) {
		p.side[k].block = q->block[k];
		p.side[k].ip = s->flow[k].block[q->block[k]].ins;
	}
	return p;
}

/* A side that stands at a join which the other side lacks goes on alone. */
static bool pass(Search *s, Path *p, int side)
{
	p->side[side].arrived = false;
	if (++p->passed > PASS)
		fail(s, p, V_UNSUPPORTED, "the two do not run in step");
	return !s->failed;
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
	while (!s->failed) {
		Stop stop[2];
		for (int k = 0; k < 2; k++) {
			while ((stop[k] = path_run(s, p, k)) == STOP_BRANCH) {
				path_branch(s, p, k);
				if (p->side[k].block == NONE)
					return;
			}
		}
		if (s->steps > STEPS) {
			fail(s, p, V_TIMEOUT, "the limit of %d steps was reached", STEPS);
		} else if (stop[0] == STOP_JOIN && stop[1] == STOP_JOIN) {
			arrive(s, p);
			return;
		} else if (stop[0] == STOP_JOIN || stop[1] == STOP_JOIN) {
			if (!pass(s, p, stop[0] == STOP_JOIN ? 0 : 1))
				return;
		} else if (stop[0] != stop[1]) {
			p->entry &= stop[0] != STOP_EVENT && stop[1] != STOP_EVENT; /* running both need not show a call that is not made */
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
		uint32_t i = 0;
		while (i < s->npair && !s->pair[i].queued)
			i++;
		if (s->failed || i == s->npair)
			return;
		s->pair[i].queued = false;
		p = begin_pair(s, &s->pair[i]);
		PUSH(s->todo, s->ntodo, s->todocap, p);
	}
}

static void finish(Search *s)
{
	if (s->smt)
		s->out->work += smt_work(s->smt);
	smt_free(s->smt);
	for (uint32_t i = 0; i < s->npair; i++)
		free(s->pair[i].klass);
	for (uint32_t i = 0; i < s->ntodo; i++)
		path_free(&s->todo[i]);
	for (int k = 0; k < 2; k++)
		lower_free(&s->flow[k]);
	free(s->pair);
	free(s->todo);
	free(s->fun);
	free(s->addr);
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

static void attempt(const Body *a, const Ident *ia, const Body *b, const Ident *ib, bool deep, Equiv *out)
{
	Search s = {.out = out, .body = {a, b}, .deep = deep};
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
		search(&s);
	}
	finish(&s);
}

void equiv_bodies(const Body *a, const Ident *ia, const Body *b, const Ident *ib, Equiv *out)
{
	out->work = 0;
	attempt(a, ia, b, ib, false, out);
	if (out->verdict != V_PROVED && out->ncex == 0) /* arguments that show a difference need no second look */
		attempt(a, ia, b, ib, true, out);
}
