/* equiv_path.c - one path of both sides, step by step.
 * In: a path. Out: the path further on. Must hold: effects are made by both sides at the same point with equal operands, after a
 * sync (equiv_sync.c), so that whoever sees one sees the same memory and globals, and the same traps have not happened. */
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

bool path_spent(Search *s, const Path *p)
{
	if (spent(s))
		fail(s, p, V_TIMEOUT, "the limit of %d steps was reached", STEPS);
	return spent(s);
}

void path_free(Path *p)
{
	for (int i = 0; i < 2; i++) {
		free(p->side[i].reg);
		free(p->side[i].trap);
		free(p->side[i].write);
	}
	free(p->set);
	free(p->known);
	free(p->safe);
}

Path path_begin(Search *s)
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
		x->write = dup(x->write, x->nwrite * sizeof *x->write);
		x->wcap = x->nwrite;
	}
	c.set = dup(c.set, c.nset * sizeof *c.set);
	c.scap = c.nset;
	c.known = dup(c.known, c.nknown * sizeof *c.known);
	c.kcap = c.nknown;
	c.safe = dup(c.safe, c.nsafe * sizeof *c.safe);
	c.safecap = c.nsafe;
	return c;
}

/* ---- running one side ---- */

void path_learn(Path *p, Term cond, bool sense) { PUSH(p->known, p->nknown, p->kcap, ((Known){cond, sense})); }

void path_trap(Search *s, Side *x, Term cond)
{
	uint64_t v;
	cond = term_find(&s->t, cond);
	if (term_is_const(&s->t, cond, &v) && v == 0)
		return;
	spend_scan(s, x->ntrap);
	for (uint32_t i = 0; i < x->ntrap; i++)
		if (x->trap[i].cond == cond)
			return;
	PUSH(x->trap, x->ntrap, x->tcap, ((Trap){cond, TERM_NONE, 0, x->nwrite}));
}

static Term flag_ne0(Search *s, Term x) { return term_op(&s->t, T_NE, 32, x, term_const(&s->t, 32, 0)); }

static void division_traps(Search *s, Side *x, const Ins *i, Term a, Term b)
{
	Term zero = term_const(&s->t, i->width, 0);
	path_trap(s, x, term_op(&s->t, T_EQ, i->width, b, zero));
	if (i->op != T_DIVS)
		return;
	Term min = term_const(&s->t, i->width, 1ull << (i->width - 1)), minus1 = term_const(&s->t, i->width, UINT64_MAX);
	path_trap(s, x, term_op(&s->t, T_AND, 32, term_op(&s->t, T_EQ, i->width, a, min), term_op(&s->t, T_EQ, i->width, b, minus1)));
}

/* An uninterpreted value; where it may trap, so is the condition: a function of the same arguments under another name. Whether
 * it traps depends on no store. */
static void uninterpreted(Search *s, Path *p, Side *x, const Ins *i)
{
	Term arg[9];
	uint32_t n = 0;
	bool reads = i->kind == I_READ || i->kind == I_FETCH, traps = i->kind == I_FETCH || i->kind == I_TRAPPING;
	p->entry = false; /* what memory holds is no argument */
	if (reads)
		arg[n++] = i->op ? memory_version(s, p, x, x->nwrite) : p->version;
	for (uint32_t k = 0; k < i->narg; k++)
		arg[n++] = x->reg[x->f->arg[i->arg + k]];
	x->reg[i->dst] = apply(s, i->width, i->key, 0, arg, n);
	if (reads)
		arg[0] = p->version;
	if (traps)
		path_trap(s, x, flag_ne0(s, apply(s, 32, search_key(s, "trap", &i->key), 0, arg, n)));
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
		p->entry = false;
		x->reg[i->dst] = memory_global(s, p, x, x->nwrite, i->key, i->width);
		break;
	case I_GLOBAL_SET:
		memory_set(s, p, x, i->key, a);
		break;
	case I_SIZE:
		p->entry = false;
		x->reg[i->dst] = p->pages;
		break;
	case I_LOAD:
		x->reg[i->dst] = memory_load(s, p, x, a, i->imm, i->op, i->width);
		break;
	case I_STORE:
		memory_store(s, p, x, a, i->imm, i->op, b);
		break;
	default:
		uninterpreted(s, p, x, i);
	}
}

void path_enter(Side *x, uint32_t block)
{
	x->block = block;
	x->ip = x->f->block[block].ins;
	x->arrived = true;
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
			if (i->kind == I_EFFECT)
				return STOP_EVENT;
			if (spent(s))
				return STOP_SPENT;
			step(s, p, x, i);
			s->steps++;
		}
		uint32_t way = 0;
		if (b->end == END_RETURN)
			return STOP_RETURN;
		if (b->end == END_TRAP)
			return STOP_TRAP;
		if (b->end != END_JUMP && (way = path_decided(s, x, b)) == NONE)
			return STOP_BRANCH;
		path_enter(x, x->f->to[b->to + way]);
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

bool must_equal(Search *s, Path *p, Term x, Term y, const char *what)
{
	if (path_spent(s, p))
		return false;
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	Answer a = equal_exactly(s, p, x, y, w);
	if (a == ANSWER_UNKNOWN)
		fail(s, p, V_TIMEOUT, "the solver's step limit was reached at %s", what);
	else if (a == ANSWER_NO && opaque(s, x, y))
		fail(s, p, V_UNSUPPORTED, "%s depends on operators that are not interpreted", what);
	else if (a == ANSWER_NO)
		refute(s, p, w, "%s differs", what);
	free(w);
	return a == ANSWER_YES;
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
	if (x->kind != y->kind || x->op != y->op || x->key != y->key || x->narg != y->narg || x->ndst != y->ndst) {
		path_apart(s, p, x->what, strcmp(x->what, y->what) == 0 ? "different one" : y->what);
		return false;
	}
	if (!path_sync(s, p, x->what) || !operands(s, p, &a->f->arg[x->arg], &b->f->arg[y->arg], x->narg, x->what))
		return false;
	for (uint32_t i = 0; i < x->ndst; i++)
		a->reg[x->dst + i] = b->reg[y->dst + i] = term_sym(&s->t, a->f->width[x->dst + i]);
	p->version = term_sym(&s->t, 64);
	p->pages = term_sym(&s->t, 32);
	if (x->op == EFFECT_CALL) { /* a callee may set any global */
		p->globals = term_sym(&s->t, 64);
		p->nset = 0;
	}
	a->ip++;
	b->ip++;
	return true;
}

bool path_return(Search *s, Path *p)
{
	Side *a = &p->side[0], *b = &p->side[1];
	const Block *x = &a->f->block[a->block], *y = &b->f->block[b->block];
	return path_sync(s, p, "return") && operands(s, p, &a->f->arg[x->arg], &b->f->arg[y->arg], x->narg, "return");
}
