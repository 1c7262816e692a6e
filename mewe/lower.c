/* lower.c - a tree to basic blocks over registers, in order of evaluation.
 * In: a body. Out: its flow: every value in a register, every trap and effect an instruction, every join a block.
 * Must hold: instructions come in the order in which the engine evaluates; what is not known is refused, never skipped. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "lower.h"

/* ---- emitting ---- */

static uint8_t width_of(BinaryenType t)
{
	if (t == BinaryenTypeInt32() || t == BinaryenTypeFloat32())
		return 32;
	return t == BinaryenTypeVec128() ? 128 : 64;
}

uint32_t lower_reg(Lower *l, BinaryenType t)
{
	uint32_t first = l->f->nreg, n = BinaryenTypeArity(t);
	BinaryenType *part = xalloc(n * sizeof *part);
	BinaryenTypeExpand(t, part);
	for (uint32_t i = 0; i < n; i++)
		PUSH(l->f->width, l->f->nreg, l->f->rcap, width_of(part[i]));
	free(part);
	return first;
}

Ins *lower_emit(Lower *l, uint8_t kind, uint32_t dst, uint32_t ndst, const uint32_t *arg, uint32_t narg)
{
	Ins i = {.kind = kind, .dst = dst, .ndst = ndst, .arg = l->f->narg, .narg = narg, .what = ""};
	for (uint32_t k = 0; k < narg; k++)
		PUSH(l->f->arg, l->f->narg, l->f->acap, arg[k]);
	if (ndst > 0)
		i.width = l->f->width[dst];
	PUSH(l->f->ins, l->f->nins, l->f->icap, i);
	l->f->block[l->f->nblock - 1].nins++;
	return &l->f->ins[l->f->nins - 1];
}

static void move(Lower *l, uint32_t dst, uint32_t src, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t from = src + i;
		lower_emit(l, I_MOVE, dst + i, 1, &from, 1);
	}
}

/* Blocks are numbered in the order in which they are begun; a label is resolved when its block is. */
static uint32_t new_label(Lower *l)
{
	PUSH(l->label, l->nlabel, l->lcap, NONE);
	return l->nlabel - 1;
}

static void begin(Lower *l, uint32_t label)
{
	Block b = {.ins = l->f->nins, .end = END_TRAP};
	PUSH(l->f->block, l->f->nblock, l->f->bcap, b);
	if (label != NONE)
		l->label[label] = l->f->nblock - 1;
	l->open = true;
}

/* Ends the block at hand; what follows until the next begin() can't be reached, and goes into a block of its own. */
static void end(Lower *l, uint8_t kind, uint32_t value, const uint32_t *to, uint32_t nto)
{
	Block *b = &l->f->block[l->f->nblock - 1];
	if ((kind == END_BRANCH || kind == END_SWITCH) && value == NONE) { /* what decides never comes: nor does this */
		kind = END_TRAP;
		nto = 0;
	}
	b->end = kind;
	b->value = value;
	b->to = l->f->nto;
	b->nto = nto;
	for (uint32_t i = 0; i < nto; i++)
		PUSH(l->f->to, l->f->nto, l->f->tcap, to[i]);
	begin(l, NONE);
	l->open = false;
}

static void jump(Lower *l, uint32_t label) { end(l, END_JUMP, 0, &label, 1); }

static void finish(Lower *l, uint32_t first, uint32_t n)
{
	Block *b = &l->f->block[l->f->nblock - 1];
	b->arg = l->f->narg;
	b->narg = n;
	for (uint32_t i = 0; i < n; i++)
		PUSH(l->f->arg, l->f->narg, l->f->acap, first + i);
	end(l, END_RETURN, 0, NULL, 0);
}

/* ---- control ---- */

static Target *target(Lower *l, const char *name)
{
	for (uint32_t i = l->ntarget; i-- > 0;)
		if (l->target[i].name && strcmp(l->target[i].name, name) == 0)
			return &l->target[i];
	l->bad = "a branch to a label that is not around it";
	return NULL;
}

static uint32_t arity(Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	return t == BinaryenTypeNone() || t == BinaryenTypeUnreachable() ? 0 : BinaryenTypeArity(t);
}

static void push_target(Lower *l, const char *name, uint32_t label, uint32_t value, uint32_t n)
{
	Target t = {name, label, value, n};
	PUSH(l->target, l->ntarget, l->tcap, t);
}

static uint32_t lower_block(Lower *l, Expr e)
{
	uint32_t n = arity(e), value = n ? lower_reg(l, BinaryenExpressionGetType(e)) : NONE;
	uint32_t nkids = BinaryenBlockGetNumChildren(e), last = NONE;
	const char *name = BinaryenBlockGetName(e);
	uint32_t after = name ? new_label(l) : NONE;
	if (name)
		push_target(l, name, after, value, n);
	for (uint32_t i = 0; i < nkids; i++)
		last = lower_expr(l, BinaryenBlockGetChildAt(e, i));
	if (n && l->open && last != NONE)
		move(l, value, last, n);
	if (name) {
		l->ntarget--;
		jump(l, after);
		begin(l, after);
	}
	return value;
}

static uint32_t lower_loop(Lower *l, Expr e)
{
	uint32_t head = new_label(l), n = arity(e), value = n ? lower_reg(l, BinaryenExpressionGetType(e)) : NONE;
	jump(l, head);
	begin(l, head);
	push_target(l, BinaryenLoopGetName(e), head, NONE, 0);
	uint32_t last = lower_expr(l, BinaryenLoopGetBody(e));
	l->ntarget--;
	if (n && l->open && last != NONE)
		move(l, value, last, n);
	return value;
}

static uint32_t lower_if(Lower *l, Expr e)
{
	Expr no = BinaryenIfGetIfFalse(e), arm[] = {BinaryenIfGetIfTrue(e), no};
	uint32_t n = arity(e), value = n ? lower_reg(l, BinaryenExpressionGetType(e)) : NONE;
	uint32_t cond = lower_expr(l, BinaryenIfGetCondition(e));
	uint32_t to[] = {new_label(l), new_label(l)}, after = no ? new_label(l) : to[1];
	end(l, END_BRANCH, cond, to, 2);
	for (int i = 0; i < (no ? 2 : 1); i++) {
		begin(l, to[i]);
		uint32_t v = lower_expr(l, arm[i]);
		if (n && l->open && v != NONE)
			move(l, value, v, n);
		jump(l, after);
	}
	begin(l, after);
	return value;
}

static uint32_t lower_break(Lower *l, Expr e)
{
	Target *t = target(l, BinaryenBreakGetName(e));
	if (!t)
		return NONE;
	Target copy = *t; /* lowering the operands may move the list */
	Expr v = BinaryenBreakGetValue(e), c = BinaryenBreakGetCondition(e);
	uint32_t value = v ? lower_expr(l, v) : NONE, cond = c ? lower_expr(l, c) : NONE;
	if (!c) {
		if (v && value != NONE)
			move(l, copy.value, value, copy.n);
		jump(l, copy.label);
		return NONE;
	}
	uint32_t to[] = {new_label(l), new_label(l)};
	end(l, END_BRANCH, cond, to, 2);
	begin(l, to[0]);
	if (v && value != NONE)
		move(l, copy.value, value, copy.n);
	jump(l, copy.label);
	begin(l, to[1]);
	return value; /* a br_if gives its value when it is not taken */
}

static uint32_t lower_switch(Lower *l, Expr e)
{
	uint32_t n = BinaryenSwitchGetNumNames(e), *to = xalloc((n + 1) * sizeof *to);
	Expr v = BinaryenSwitchGetValue(e);
	uint32_t value = v ? lower_expr(l, v) : NONE, which = lower_expr(l, BinaryenSwitchGetCondition(e));
	for (uint32_t i = 0; i <= n; i++) {
		Target *t = target(l, i < n ? BinaryenSwitchGetNameAt(e, i) : BinaryenSwitchGetDefaultName(e));
		if (!t)
			break;
		if (v && value != NONE)
			move(l, t->value, value, t->n);
		to[i] = t->label;
	}
	if (!l->bad)
		end(l, END_SWITCH, which, to, n + 1);
	free(to);
	return NONE;
}

static uint32_t lower_control(Lower *l, Expr e)
{
	Expr v;
	uint32_t r;
	switch (walk_kind(e)) {
	case K_Block: return lower_block(l, e);
	case K_Loop: return lower_loop(l, e);
	case K_If: return lower_if(l, e);
	case K_Break: return lower_break(l, e);
	case K_Switch: return lower_switch(l, e);
	case K_Return:
		v = BinaryenReturnGetValue(e);
		r = v ? lower_expr(l, v) : NONE;
		finish(l, r, v && r != NONE ? BinaryenTypeArity(l->results) : 0);
		return NONE;
	default: /* unreachable */
		end(l, END_TRAP, 0, NULL, 0);
		return NONE;
	}
}

uint32_t lower_expr(Lower *l, Expr e)
{
	if (l->bad)
		return NONE;
	if (++l->depth > LOWER_DEPTH) {
		l->bad = "nested too deeply";
		return NONE;
	}
	uint32_t r = NONE;
	switch (walk_kind(e)) {
	case K_Block: case K_Loop: case K_If: case K_Break: case K_Switch: case K_Return: case K_Unreachable:
		r = lower_control(l, e);
		break;
	default:
		r = lower_value(l, e);
	}
	l->depth--;
	return r;
}

/* ---- a whole body ---- */

static void resolve(Lower *l)
{
	Flow *f = l->f;
	for (uint32_t i = 0; i < f->nto; i++)
		f->to[i] = l->label[f->to[i]];
	for (uint32_t i = 0; i < f->nblock; i++) {
		const Block *b = &f->block[i];
		for (uint32_t k = 0; k < b->nto; k++)
			f->block[f->to[b->to + k]].npred++;
	}
}

/* Unreachable blocks must not make joins of their targets: only edges from blocks that are reached count. */
static void reachable(Flow *f)
{
	uint32_t *todo = xalloc(f->nblock * sizeof *todo), n = 0;
	bool *seen = xalloc(f->nblock);
	todo[n++] = 0;
	seen[0] = true;
	for (uint32_t i = 0; i < f->nblock; i++)
		f->block[i].npred = 0;
	f->block[0].npred = 1;
	while (n > 0) {
		const Block *b = &f->block[todo[--n]];
		for (uint32_t k = 0; k < b->nto; k++) {
			uint32_t to = f->to[b->to + k];
			f->block[to].npred++;
			if (!seen[to]) {
				seen[to] = true;
				todo[n++] = to;
			}
		}
	}
	free(todo);
	free(seen);
}

const char *lower_body(Terms *t, const Body *b, const Ident *id, Flow *out)
{
	Lower l = {.t = t, .id = id, .mod = b->mod->ref, .f = out, .results = b->results};
	uint32_t n = body_nparams(b) + b->nvars;
	*out = (Flow){0};
	l.local = xalloc(n * sizeof *l.local);
	for (uint32_t i = 0; i < n; i++) {
		l.local[i] = lower_reg(&l, body_local(b, i));
		if (i < body_nparams(b))
			out->nparam = out->nreg;
	}
	out->nlocal = out->nreg;
	begin(&l, NONE);
	uint32_t v = lower_expr(&l, b->expr);
	if (!l.bad) {
		uint32_t nr = b->results == BinaryenTypeNone() ? 0 : BinaryenTypeArity(b->results);
		if (l.open)
			finish(&l, v, v == NONE ? 0 : nr);
		resolve(&l);
		reachable(out);
		if (!lower_live(out))
			l.bad = "too large";
	}
	free(l.label);
	free(l.target);
	free(l.local);
	return l.bad;
}

void lower_free(Flow *f)
{
	for (uint32_t i = 0; f->live && i < f->nblock; i++)
		free(f->live[i]);
	free(f->live);
	free(f->nlive);
	free(f->ins);
	free(f->arg);
	free(f->block);
	free(f->to);
	free(f->width);
	*f = (Flow){0};
}
