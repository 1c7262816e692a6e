/* equiv_path.c - one path of both sides, step by step.
 * In: a path. Out: the path further on. Must hold: whatever one side does that can be seen from outside, the other does at the
 * same point with equal operands, and the traps that may have happened before are the same. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "path.h"

void fail(Search *s, const Path *p, Verdict v, const char *fmt, ...)
{
	va_list ap;
	if (s->failed)
		return;
	s->failed = true;
	if (v == V_REFUTED && s->unknown)
		v = V_TIMEOUT;
	else if (v == V_REFUTED && p && p->skewed && !s->suspect[0])
		v = V_UNSUPPORTED;
	s->out->verdict = v;
	va_start(ap, fmt);
	vsnprintf(s->out->why, sizeof s->out->why, fmt, ap);
	va_end(ap);
	size_t n = strlen(s->out->why);
	if (v == V_REFUTED && p && p->skewed)
		snprintf(s->out->why + n, sizeof s->out->why - n, "; %s", s->suspect);
	else if (v == V_REFUTED && p && !p->entry)
		snprintf(s->out->why + n, sizeof s->out->why - n, " (from equal states in the middle of the function)");
}

void path_free(Path *p)
{
	for (int i = 0; i < 2; i++) {
		free(p->side[i].reg);
		free(p->side[i].trap);
	}
	free(p->set);
	free(p->known);
}

static void *dup(const void *p, size_t n)
{
	void *q = xalloc(n);
	if (n)
		memcpy(q, p, n);
	return q;
}

Path path_copy(const Path *p)
{
	Path c = *p;
	for (int i = 0; i < 2; i++) {
		Side *x = &c.side[i];
		x->reg = dup(x->reg, x->f->nreg * sizeof *x->reg);
		x->trap = dup(x->trap, x->ntrap * sizeof *x->trap);
		x->tcap = x->ntrap;
	}
	c.set = dup(c.set, c.nset * sizeof *c.set);
	c.scap = c.nset;
	c.known = dup(c.known, c.nknown * sizeof *c.known);
	c.kcap = c.nknown;
	return c;
}

/* ---- running one side ---- */

static void add_trap(Search *s, Side *x, Term cond)
{
	uint64_t v;
	cond = term_find(&s->t, cond);
	if (term_is_const(&s->t, cond, &v) && v == 0)
		return;
	for (uint32_t i = 0; i < x->ntrap; i++)
		if (x->trap[i] == cond)
			return;
	PUSH(x->trap, x->ntrap, x->tcap, cond);
}

static Term flag_ne0(Search *s, Term x) { return term_op(&s->t, T_NE, 32, x, term_const(&s->t, 32, 0)); }

static void division_traps(Search *s, Side *x, const Ins *i, Term a, Term b)
{
	Term zero = term_const(&s->t, i->width, 0);
	add_trap(s, x, term_op(&s->t, T_EQ, i->width, b, zero));
	if (i->op != T_DIVS)
		return;
	Term min = term_const(&s->t, i->width, 1ull << (i->width - 1)), minus1 = term_const(&s->t, i->width, UINT64_MAX);
	add_trap(s, x, term_op(&s->t, T_AND, 32, term_op(&s->t, T_EQ, i->width, a, min), term_op(&s->t, T_EQ, i->width, b, minus1)));
}

/* An uninterpreted value; where it may trap, so is the condition: a function of the same arguments under another key. */
static void uninterpreted(Search *s, Path *p, Side *x, const Ins *i)
{
	Term arg[9];
	uint32_t n = 0;
	p->entry = false; /* what memory holds is no argument */
	if (i->kind == I_READ || i->kind == I_LOAD)
		arg[n++] = p->version;
	for (uint32_t k = 0; k < i->narg; k++)
		arg[n++] = x->reg[x->f->arg[i->arg + k]];
	x->reg[i->dst] = apply(s, i->width, i->key, arg, n);
	if (i->kind == I_LOAD || i->kind == I_TRAPPING) {
		Buf b = {0};
		buf_put(&b, "trap", 5); /* with its zero, as all keys begin */
		buf_u32(&b, i->key);
		uint32_t key = term_key(&s->t, &b);
		buf_free(&b);
		add_trap(s, x, flag_ne0(s, apply(s, 32, key, arg, n)));
	}
}

static Term global_value(Search *s, const Path *p, uint32_t id, uint8_t width)
{
	for (uint32_t i = 0; i < p->nset; i++)
		if (p->set[i].id == id)
			return p->set[i].value;
	Term arg[] = {p->globals, term_const(&s->t, 32, id)};
	Buf b = {0};
	buf_put(&b, "global", 7);
	uint32_t key = term_key(&s->t, &b);
	buf_free(&b);
	return apply(s, width, key, arg, 2);
}

static void step(Search *s, Path *p, Side *x, const Ins *i)
{
	const uint32_t *arg = &x->f->arg[i->arg];
	Term a = i->narg > 0 ? x->reg[arg[0]] : TERM_NONE, b = i->narg > 1 ? x->reg[arg[1]] : TERM_NONE;
	switch (i->kind) {
	case I_MOVE:
		x->reg[i->dst] = term_find(&s->t, a);
		break;
	case I_CONST:
		x->reg[i->dst] = term_const(&s->t, i->width, i->imm);
		break;
	case I_OP:
		if (i->op >= T_DIVS && i->op <= T_REMU)
			division_traps(s, x, i, a, b);
		x->reg[i->dst] = term_op(&s->t, i->op, i->width, a, b);
		break;
	case I_SELECT:
		x->reg[i->dst] = term_ite(&s->t, a, b, x->reg[arg[2]]);
		break;
	case I_GLOBAL_GET:
		x->reg[i->dst] = global_value(s, p, i->key, i->width);
		break;
	default:
		uninterpreted(s, p, x, i);
	}
}

static void enter(Side *x, uint32_t block)
{
	x->block = block;
	x->ip = x->f->block[block].ins;
	x->arrived = true;
}

/* The way that a branch or switch takes where its value is known; NONE where it is not. */
static uint32_t decided(const Search *s, const Side *x, const Block *b)
{
	uint64_t v;
	if (!term_is_const(&s->t, term_find(&s->t, x->reg[b->value]), &v))
		return NONE;
	if (b->end == END_BRANCH)
		return v ? 0 : 1;
	return v < b->nto - 1 ? v : b->nto - 1;
}

Stop path_run(Search *s, Path *p, int side)
{
	Side *x = &p->side[side];
	for (;;) {
		const Block *b = &x->f->block[x->block];
		if (x->arrived && b->npred > 1)
			return STOP_JOIN;
		x->arrived = false;
		for (; x->ip < b->ins + b->nins; x->ip++) {
			const Ins *i = &x->f->ins[x->ip];
			if (i->kind == I_EFFECT || i->kind == I_GLOBAL_SET)
				return STOP_EVENT;
			step(s, p, x, i);
			s->steps++;
		}
		uint32_t way = 0;
		if (b->end == END_RETURN)
			return STOP_RETURN;
		if (b->end == END_TRAP)
			return STOP_TRAP;
		if (b->end != END_JUMP && (way = decided(s, x, b)) == NONE)
			return STOP_BRANCH;
		enter(x, x->f->to[b->to + way]);
	}
}

/* ---- what both must do ---- */

/* A difference; from the function's entry, with the arguments that show it. */
static void refute(Search *s, const Path *p, const uint64_t *w, const char *fmt, ...)
{
	char what[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (s->failed)
		return;
	fail(s, p, V_REFUTED, "%s", what);
	if (!p->entry || s->out->verdict != V_REFUTED)
		return;
	Buf b = {0};
	buf_str(&b, s->out->why);
	s->out->ncex = s->nparam < LEN(s->out->cex) ? s->nparam : LEN(s->out->cex);
	for (uint32_t i = 0; i < s->out->ncex; i++) {
		s->out->cex[i] = w[i];
		buf_printf(&b, "%s%" PRIu64, i ? ", " : " for arguments ", w[i]);
	}
	snprintf(s->out->why, sizeof s->out->why, "%.*s", (int)b.n, (char *)b.p);
	buf_free(&b);
}

static bool must_equal(Search *s, Path *p, Term x, Term y, const char *what)
{
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	Answer a = equal_on(s, p, x, y, w);
	if (a == ANSWER_UNKNOWN)
		fail(s, p, V_TIMEOUT, "the solver's step limit was reached at %s", what);
	else if (a == ANSWER_NO && opaque(s, x, y))
		fail(s, p, V_UNSUPPORTED, "%s depends on operators that are not interpreted", what);
	else if (a == ANSWER_NO)
		refute(s, p, w, "%s differs", what);
	free(w);
	return a == ANSWER_YES;
}

/* All conditions of one side as one value, 0 or 1. */
static Term any(Search *s, const Side *x)
{
	Term v = term_const(&s->t, 32, 0);
	for (uint32_t i = 0; i < x->ntrap; i++)
		v = term_op(&s->t, T_OR, 32, v, flag_ne0(s, x->trap[i]));
	return v;
}

bool path_traps(Search *s, Path *p, const char *where)
{
	Side *a = &p->side[0], *b = &p->side[1];
	uint32_t shared = 0;
	for (uint32_t i = 0; i < a->ntrap; i++)
		for (uint32_t k = 0; k < b->ntrap; k++)
			shared += term_find(&s->t, a->trap[i]) == term_find(&s->t, b->trap[k]);
	bool good = shared == a->ntrap && shared == b->ntrap;
	if (!good) {
		char what[100];
		snprintf(what, sizeof what, "whether it traps before %s", where);
		good = must_equal(s, p, any(s, a), any(s, b), what);
	}
	a->ntrap = b->ntrap = 0;
	return good;
}

static bool operands(Search *s, Path *p, const uint32_t *x, const uint32_t *y, uint32_t n, const char *what)
{
	for (uint32_t i = 0; i < n; i++) {
		char where[100];
		snprintf(where, sizeof where, "operand %u of %s", i + 1, what);
		if (!must_equal(s, p, p->side[0].reg[x[i]], p->side[1].reg[y[i]], where))
			return false;
	}
	return true;
}

static void set_global(Path *p, uint32_t id, Term value)
{
	for (uint32_t i = 0; i < p->nset; i++) {
		if (p->set[i].id == id) {
			p->set[i].value = value;
			return;
		}
	}
	PUSH(p->set, p->nset, p->scap, ((__typeof__(*p->set)){id, value}));
}

void path_apart(Search *s, Path *p, const char *one, const char *other)
{
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	Answer never = equal_on(s, p, term_const(&s->t, 32, 0), term_const(&s->t, 32, 1), w);
	if (never == ANSWER_UNKNOWN)
		fail(s, p, V_TIMEOUT, "the solver's step limit was reached where a %s stands against a %s", one, other);
	else if (never == ANSWER_NO)
		refute(s, p, w, "a %s of the original stands against a %s", one, other);
	free(w);
}

bool path_event(Search *s, Path *p)
{
	Side *a = &p->side[0], *b = &p->side[1];
	const Ins *x = &a->f->ins[a->ip], *y = &b->f->ins[b->ip];
	p->entry = false; /* what a callee gives is no argument */
	if (x->kind != y->kind || x->key != y->key || x->narg != y->narg || x->ndst != y->ndst) {
		path_apart(s, p, x->what, strcmp(x->what, y->what) == 0 ? "different one" : y->what);
		return false;
	}
	if (!path_traps(s, p, x->what) || !operands(s, p, &a->f->arg[x->arg], &b->f->arg[y->arg], x->narg, x->what))
		return false;
	for (uint32_t i = 0; i < x->ndst; i++)
		a->reg[x->dst + i] = b->reg[y->dst + i] = term_sym(&s->t, a->f->width[x->dst + i]);
	if (x->kind == I_GLOBAL_SET) {
		set_global(p, x->key, a->reg[a->f->arg[x->arg]]);
	} else {
		p->version = term_sym(&s->t, 64);
		if (strncmp(x->what, "call", 4) == 0) { /* a callee may set any global */
			p->globals = term_sym(&s->t, 64);
			p->nset = 0;
		}
	}
	a->ip++;
	b->ip++;
	return true;
}

bool path_return(Search *s, Path *p)
{
	Side *a = &p->side[0], *b = &p->side[1];
	const Block *x = &a->f->block[a->block], *y = &b->f->block[b->block];
	return path_traps(s, p, "return") && operands(s, p, &a->f->arg[x->arg], &b->f->arg[y->arg], x->narg, "return");
}

/* ---- branches ---- */

static void learn(Path *p, Term cond, bool sense) { PUSH(p->known, p->nknown, p->kcap, ((Known){cond, sense})); }

/* A condition without the negations around it; *sense is turned for each. */
static Term bare(const Search *s, Term c, bool *sense)
{
	for (;;) {
		const Node *n = &s->t.node[c];
		uint64_t v;
		if (n->op == T_EQZ || (n->op == T_EQ && term_is_const(&s->t, n->a, &v) && v == 0)) {
			*sense = !*sense;
			c = n->op == T_EQZ ? n->a : n->b;
		} else if (n->op == T_EQ && term_is_const(&s->t, n->b, &v) && v == 0) {
			*sense = !*sense;
			c = n->a;
		} else if (n->op == T_NE && term_is_const(&s->t, n->a, &v) && v == 0) {
			c = n->b;
		} else if (n->op == T_NE && term_is_const(&s->t, n->b, &v) && v == 0) {
			c = n->a;
		} else {
			return c;
		}
		c = term_find(&s->t, c);
	}
}

static Term truth(Search *s, Term c) /* 1 where c is not zero */
{
	uint8_t w = s->t.node[c].width;
	return term_op(&s->t, T_NE, w, c, term_const(&s->t, w, 0));
}

/* Is the condition, or its opposite, among what is known of the path? 1, 0, or -1. */
static int known(Search *s, const Path *p, Term cond, bool sense)
{
	for (uint32_t i = p->nknown; i-- > 0;)
		if (term_find(&s->t, p->known[i].cond) == cond)
			return p->known[i].sense == sense;
	return -1;
}

/* Likewise, if something known can be proved equal to it or to its opposite. Oldest first: the other side ran ahead from there. */
static int provable(Search *s, const Path *p, Term cond, bool sense)
{
	Term c = truth(s, cond), not_c = term_op(&s->t, T_EQZ, 32, c, TERM_NONE);
	for (uint32_t i = 0; i < p->nknown; i++) {
		Term k = truth(s, p->known[i].cond);
		if (same(s, k, c))
			return p->known[i].sense == sense;
		if (same(s, k, not_c))
			return p->known[i].sense != sense;
	}
	return -1;
}

static void go(Path *p, int side, uint32_t way)
{
	Side *x = &p->side[side];
	enter(x, x->f->to[x->f->block[x->block].to + way]);
}

/* The condition under which a switch on v takes `way`: one of its numbers, or for the default none of them. */
static Term way_condition(Search *s, const Side *x, const Block *b, Term v, uint32_t way)
{
	const uint32_t *to = &x->f->to[b->to];
	Term c = term_const(&s->t, 32, 0);
	if (to[way] == to[b->nto - 1])
		c = term_op(&s->t, T_GEU, 32, v, term_const(&s->t, 32, b->nto - 1));
	for (uint32_t i = 0; i + 1 < b->nto; i++)
		if (to[i] == to[way])
			c = term_op(&s->t, T_OR, 32, c, term_op(&s->t, T_EQ, 32, v, term_const(&s->t, 32, i)));
	return c;
}

static bool first_of(const Side *x, const Block *b, uint32_t way)
{
	for (uint32_t i = 0; i < way; i++)
		if (x->f->to[b->to + i] == x->f->to[b->to + way])
			return false;
	return true;
}

/* The bare condition of a way, and whether it must hold or fail. */
static Term condition(Search *s, const Side *x, const Block *b, uint32_t way, bool *sense)
{
	Term v = term_find(&s->t, x->reg[b->value]);
	*sense = b->end != END_BRANCH || way == 0;
	return bare(s, b->end == END_BRANCH ? v : way_condition(s, x, b, v, way), sense);
}

/* Must the path take this way, by all that is known of it? Asked for the second side, which follows the first. */
static bool forced(Search *s, const Path *p, Term cond, bool sense)
{
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	bool yes = equal_on(s, p, truth(s, cond), term_const(&s->t, 32, sense), w) == ANSWER_YES;
	free(w);
	return yes;
}

/* The ways that are open, into open[]; *settled when there is but one, and nothing new is learnt by taking it. The first side
 * takes them all in turn; of the second, which has to follow, it is asked which way the first one's conditions leave. */
static uint32_t ways(Search *s, const Path *p, int side, const Block *b, uint32_t *open, bool *settled)
{
	const Side *x = &p->side[side];
	uint32_t n = 0;
	for (int effort = 0; effort < (side == 0 ? 1 : 2); effort++) {
		n = 0;
		for (uint32_t way = 0; way < b->nto; way++) {
			bool sense;
			if (b->end == END_SWITCH && !first_of(x, b, way))
				continue;
			Term cond = condition(s, x, b, way, &sense);
			int k = effort == 0 ? known(s, p, cond, sense) : provable(s, p, cond, sense);
			if (k == 1 || (effort == 1 && k < 0 && forced(s, p, cond, sense))) {
				open[0] = way;
				*settled = true;
				return 1;
			}
			if (k < 0)
				open[n++] = way;
		}
	}
	return n;
}

void path_branch(Search *s, Path *p, int side)
{
	Side *x = &p->side[side];
	const Block *b = &x->f->block[x->block];
	uint32_t *open = xalloc(b->nto * sizeof *open);
	bool sense, settled = false;
	uint32_t n = ways(s, p, side, b, open, &settled);
	if (n == 0)
		x->block = NONE;
	for (uint32_t i = 0; i + 1 < n; i++) { /* the ways but the last go onto the list */
		Path c = path_copy(p);
		Term cond = condition(s, x, b, open[i], &sense);
		learn(&c, cond, sense);
		go(&c, side, open[i]);
		PUSH(s->todo, s->ntodo, s->todocap, c);
	}
	if (n > 0) {
		Term cond = condition(s, x, b, open[n - 1], &sense);
		if (!settled)
			learn(p, cond, sense);
		go(p, side, open[n - 1]);
	}
	free(open);
}
