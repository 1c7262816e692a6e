/* facts_flow.c - the walk that finds facts: a function's tree from its start to its end, with a state of all locals.
 * In: a body. Out: Facts. Must hold: of what a loop sets nothing is known when it begins (provers seldom follow what holds
 * from one round to the next); what a condition says is known in the arm where it holds. */
#include <stdlib.h>
#include <string.h>
#include "facts.h"
#include "strategy/rewrite.h"

/* In a larger function only what operators say is followed. What hangs on the way through the code is proved by the solver, with
 * all of the function that comes before. */
enum { SMALL = 200 };

typedef struct State {
	bool dead;                     /* this point is never reached */
	Fact *local;
} State;

typedef struct Target {
	const char *name;
	State at;                      /* joined from all branches to it */
} Target;

typedef struct Walk {
	Facts *out;
	uint32_t nlocal, nest;         /* nest: loops around */
	State now;
	Target *target;
	uint32_t ntarget, cap;
	uint64_t memory;               /* bytes there are at the least */
} Walk;

/* ---- states ---- */

static State copy(const Walk *w, const State *s)
{
	State c = {s->dead, xalloc((w->nlocal + 1) * sizeof(Fact))};
	memcpy(c.local, s->local, w->nlocal * sizeof(Fact));
	return c;
}

static State none(const Walk *w) { return (State){true, xalloc((w->nlocal + 1) * sizeof(Fact))}; }

static void join(const Walk *w, State *to, const State *from)
{
	if (from->dead)
		return;
	for (uint32_t i = 0; i < w->nlocal; i++) {
		bool same = memcmp(&to->local[i], &from->local[i], sizeof(Fact)) == 0;
		to->local[i] = to->dead ? from->local[i] : fact_join(to->local[i], from->local[i]);
		if (w->out->n > SMALL && !same && to->local[i].width)
			to->local[i] = fact_any(to->local[i].width);
		to->local[i].reach = 0;
	}
	to->dead = false;
}

static void replace(Walk *w, State with)
{
	free(w->now.local);
	w->now = with;
}

/* Memory is another one from here on: it is no smaller, but provers don't follow that. */
static void far(Walk *w)
{
	for (uint32_t i = 0; i < w->nlocal; i++)
		w->now.local[i].reach = 0;
}

/* ---- what a condition says ---- */

/* Each before its opposite. */
static const char *const compares[] = {"eq", "ne", "lt_u", "ge_u", "gt_u", "le_u", "lt_s", "ge_s", "gt_s", "le_s"};
static const char *const mirrors[] = {"eq", "ne", "gt_u", "le_u", "lt_u", "ge_u", "gt_s", "le_s", "lt_s", "ge_s"};

static bool local_of(Expr e, uint32_t *local)
{
	uint32_t kind = walk_kind(e);
	if (kind != K_LocalGet && !(kind == K_LocalSet && BinaryenLocalSetIsTee(e)))
		return false;
	*local = kind == K_LocalGet ? BinaryenLocalGetGetIndex(e) : BinaryenLocalSetGetIndex(e);
	return true;
}

/* The local's fact, if `local op other` holds. */
static Fact narrowed(Fact f, const char *op, const Fact *o)
{
	uint64_t m = fact_mask(f.width), half = m >> 1;
	Fact n = f;
	bool small = fact_sign(o, false); /* the other is not negative */
	if (strcmp(op, "eq") == 0)
		n = (Fact){f.width, f.zeros | o->zeros, f.ones | o->ones, f.lo > o->lo ? f.lo : o->lo, f.hi < o->hi ? f.hi : o->hi, f.reach};
	else if (strcmp(op, "ne") == 0 && fact_is_const(o) && f.lo == o->lo && f.lo < m)
		n.lo++;
	else if (strcmp(op, "ne") == 0 && fact_is_const(o) && f.hi == o->hi && f.hi > 0)
		n.hi--;
	else if (strcmp(op, "lt_u") == 0 || (strcmp(op, "lt_s") == 0 && small && fact_sign(&f, false)))
		n.hi = o->hi && o->hi - 1 < f.hi ? o->hi - 1 : f.hi;
	else if (strcmp(op, "le_u") == 0 || (strcmp(op, "le_s") == 0 && small && fact_sign(&f, false)))
		n.hi = o->hi < f.hi ? o->hi : f.hi;
	else if (strcmp(op, "gt_u") == 0)
		n.lo = o->lo < m && o->lo + 1 > f.lo ? o->lo + 1 : f.lo;
	else if (strcmp(op, "ge_u") == 0)
		n.lo = o->lo > f.lo ? o->lo : f.lo;
	else if (strcmp(op, "ge_s") == 0 && small)
		n.lo = o->lo > f.lo ? o->lo : f.lo, n.hi = half < f.hi ? half : f.hi;
	else if (strcmp(op, "gt_s") == 0 && fact_is_const(o) && (o->lo == m || o->lo < half))
		n.lo = ((o->lo + 1) & m) > f.lo ? (o->lo + 1) & m : f.lo, n.hi = half < f.hi ? half : f.hi;
	return fact_norm(n);
}

static void learn(Walk *w, Expr e, uint32_t index, bool sense);

static void learn_compare(Walk *w, Expr e, uint32_t index, size_t op)
{
	Expr side[2] = {walk_kid(e, 0), walk_kid(e, 1)};
	uint32_t at[2] = {facts_kid(w->out, index, 0), facts_kid(w->out, index, 1)}, l[2] = {NONE, NONE};
	bool is[2] = {local_of(side[0], &l[0]), local_of(side[1], &l[1])};
	/* The other operand must not change the local after it was read. */
	bool simple = w->out->size[at[1]] == 1 && l[0] != l[1];
	Fact f[2] = {w->out->node[at[0]], w->out->node[at[1]]};
	if (is[0] && simple && f[1].width)
		w->now.local[l[0]] = narrowed(w->now.local[l[0]], compares[op], &f[1]);
	if (is[1] && simple && f[0].width)
		w->now.local[l[1]] = narrowed(w->now.local[l[1]], mirrors[op], &f[0]);
	if (op <= 1 && walk_kind(side[1]) == K_Const && f[1].lo == 0)
		learn(w, side[0], at[0], op == 1);
}

/* The condition is not zero (sense), or zero: what that says of locals goes into the state. */
static void learn(Walk *w, Expr e, uint32_t index, bool sense)
{
	uint32_t local, width;
	const char *op = rewrite_op_of(e, &width);
	if (w->out->n > SMALL)
		return;
	if (local_of(e, &local)) {
		Fact zero = fact_const(w->now.local[local].width, 0);
		if (zero.width)
			w->now.local[local] = narrowed(w->now.local[local], sense ? "ne" : "eq", &zero);
	}
	if (!op)
		return;
	if (strcmp(op, "eqz") == 0)
		learn(w, walk_kid(e, 0), facts_kid(w->out, index, 0), !sense);
	for (size_t i = 0; i < LEN(compares); i++) {
		if (strcmp(op, compares[i]) == 0) {
			learn_compare(w, e, index, sense ? i : i ^ 1);
			return;
		}
	}
	if (strcmp(op, "and") == 0 && walk_kind(walk_kid(e, 1)) == K_Const && local_of(walk_kid(e, 0), &local)) {
		Fact *f = &w->now.local[local];
		uint64_t mask = w->out->node[facts_kid(w->out, index, 1)].lo;
		if (!sense)
			f->zeros |= mask;
		else if (mask && !(mask & (mask - 1)))
			f->ones |= mask;
		*f = fact_norm(*f);
	}
}

/* ---- branches ---- */

static void jump(Walk *w, const char *name)
{
	for (uint32_t i = w->ntarget; i-- > 0;) {
		if (strcmp(w->target[i].name, name) == 0) {
			join(w, &w->target[i].at, &w->now);
			return;
		}
	}
}

static Fact eval(Walk *w, Expr e, uint32_t index);

static Fact eval_kid(Walk *w, Expr e, uint32_t index, uint32_t i) { return eval(w, walk_kid(e, i), facts_kid(w->out, index, i)); }

static Fact eval_if(Walk *w, Expr e, uint32_t index)
{
	Fact cond = eval_kid(w, e, index, 0), value[2] = {{0}, {0}};
	State other = copy(w, &w->now), end = none(w);
	bool dead[2] = {true, true};
	for (uint32_t arm = 0; arm < 2; arm++) {
		if (arm == 1)
			replace(w, other);
		if (!w->now.dead)
			learn(w, BinaryenIfGetCondition(e), index + 1, arm == 0);
		if (cond.width && (arm == 0 ? cond.hi == 0 : cond.lo > 0))
			w->now.dead = true;
		if (arm + 1 < walk_nkids(e))
			value[arm] = eval_kid(w, e, index, arm + 1);
		dead[arm] = w->now.dead;
		join(w, &end, &w->now);
	}
	replace(w, end);
	return dead[0] ? value[1] : dead[1] ? value[0] : fact_join(value[0], value[1]);
}

static void eval_break(Walk *w, Expr e, uint32_t index)
{
	uint32_t n = walk_nkids(e);
	Fact cond = {0};
	for (uint32_t i = 0; i < n; i++)
		cond = eval_kid(w, e, index, i);
	if (!BinaryenBreakGetCondition(e)) {
		jump(w, BinaryenBreakGetName(e));
		w->now.dead = true;
		return;
	}
	uint32_t at = facts_kid(w->out, index, n - 1);
	State before = copy(w, &w->now);
	if (!w->now.dead)
		learn(w, BinaryenBreakGetCondition(e), at, true);
	w->now.dead |= cond.width && cond.hi == 0;
	jump(w, BinaryenBreakGetName(e));
	replace(w, before);
	if (!w->now.dead)
		learn(w, BinaryenBreakGetCondition(e), at, false);
	w->now.dead |= cond.width && cond.lo > 0;
}

static void eval_switch(Walk *w, Expr e, uint32_t index)
{
	for (uint32_t i = 0, n = walk_nkids(e); i < n; i++)
		eval_kid(w, e, index, i);
	for (uint32_t i = 0, n = BinaryenSwitchGetNumNames(e); i < n; i++)
		jump(w, BinaryenSwitchGetNameAt(e, i));
	jump(w, BinaryenSwitchGetDefaultName(e));
	w->now.dead = true;
}

static void push(Walk *w, const char *name)
{
	Target t = {name, none(w)};
	PUSH(w->target, w->ntarget, w->cap, t);
}

static Fact eval_block(Walk *w, Expr e, uint32_t index)
{
	const char *name = BinaryenBlockGetName(e);
	Fact last = {0};
	bool branched = false;
	uint32_t at = index + 1;
	if (name)
		push(w, name);
	for (uint32_t i = 0, n = BinaryenBlockGetNumChildren(e); i < n; i++) {
		last = eval(w, BinaryenBlockGetChildAt(e, i), at);
		at += w->out->size[at];
	}
	if (name) {
		Target *t = &w->target[--w->ntarget];
		branched = !t->at.dead;
		join(w, &w->now, &t->at);
		free(t->at.local);
	}
	return branched && last.width ? fact_any(last.width) : last;
}

/* Nothing is known any more of what the loop sets. */
static bool forget(void *ctx, Expr e, uint32_t index)
{
	Fact *local = ctx;
	(void)index;
	if (walk_kind(e) == K_LocalSet && local[BinaryenLocalSetGetIndex(e)].width)
		local[BinaryenLocalSetGetIndex(e)] = fact_any(local[BinaryenLocalSetGetIndex(e)].width);
	return true;
}

static Fact eval_loop(Walk *w, Expr e, uint32_t index)
{
	const char *name = BinaryenLoopGetName(e);
	if (!name)
		return eval_kid(w, e, index, 0);
	walk_each(e, forget, w->now.local);
	far(w);
	push(w, name);
	w->nest++;
	Fact f = eval_kid(w, e, index, 0);
	w->nest--;
	free(w->target[--w->ntarget].at.local);
	return f;
}

/* ---- values ---- */

static uint32_t width_of(Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	return t == BinaryenTypeInt32() ? 32 : t == BinaryenTypeInt64() ? 64 : 0;
}

/* An access to memory that did not trap: its address reaches so far. */
static void touched(Walk *w, Expr ptr, uint64_t end)
{
	uint32_t local;
	if (local_of(ptr, &local) && w->now.local[local].width == 32 && w->now.local[local].reach < end)
		w->now.local[local].reach = end;
}

static Fact eval_load(Walk *w, Expr e, uint32_t index)
{
	uint32_t width = width_of(e), bytes = BinaryenLoadGetBytes(e);
	eval_kid(w, e, index, 0);
	touched(w, BinaryenLoadGetPtr(e), (uint64_t)BinaryenLoadGetOffset(e) + bytes);
	if (width && 8 * bytes < width && !BinaryenLoadIsSigned(e))
		return fact_range(width, 0, (1ull << 8 * bytes) - 1);
	return width ? fact_any(width) : (Fact){0};
}

static void eval_store(Walk *w, Expr e, uint32_t index)
{
	Expr ptr = BinaryenStoreGetPtr(e);
	uint32_t local;
	eval_kid(w, e, index, 0);
	eval_kid(w, e, index, 1);
	if (local_of(ptr, &local) && !facts_sets(BinaryenStoreGetValue(e), local)) /* it still holds the address */
		touched(w, ptr, (uint64_t)BinaryenStoreGetOffset(e) + BinaryenStoreGetBytes(e));
}

static Fact eval_const(Walk *w, Expr e)
{
	uint32_t width = width_of(e);
	if (width == 0)
		return (Fact){0};
	Fact f = fact_const(width, width == 64 ? (uint64_t)BinaryenConstGetValueI64(e) : (uint32_t)BinaryenConstGetValueI32(e));
	if (width == 32 && f.lo <= w->memory)
		f.reach = w->memory - f.lo;
	return f;
}

static Fact eval_op(Walk *w, Expr e, uint32_t index)
{
	uint32_t n = walk_nkids(e), width;
	Fact f[3] = {{0}};
	for (uint32_t i = 0; i < n; i++) {
		Fact kid = eval_kid(w, e, index, i);
		if (i < LEN(f))
			f[i] = kid;
	}
	const char *op = width_of(e) ? rewrite_op_of(e, &width) : NULL;
	if (walk_kind(e) == K_Select && width_of(e))
		return !f[2].width ? fact_join(f[0], f[1]) : f[2].lo > 0 ? f[0] : f[2].hi == 0 ? f[1] : fact_join(f[0], f[1]);
	if (op && n <= 2 && f[n - 1].width)
		return fact_op(op, width, width_of(e), f[0], f[1]);
	return width_of(e) ? fact_any(width_of(e)) : (Fact){0};
}

static Fact eval_set(Walk *w, Expr e, uint32_t index)
{
	uint32_t local = BinaryenLocalSetGetIndex(e);
	Fact f = eval_kid(w, e, index, 0);
	w->out->given[local] = true;
	w->out->looped[local] |= w->nest > 0;
	if (w->now.local[local].width)
		w->now.local[local] = f.width == w->now.local[local].width ? f : fact_any(w->now.local[local].width);
	return BinaryenLocalSetIsTee(e) ? w->now.local[local] : (Fact){0};
}

/* At a constant: the locals of which something is known, but not all of it. */
static void note_locals(Walk *w, uint32_t index)
{
	for (uint32_t i = 0, n = 0; i < w->nlocal && n < FACTS_LOCALS; i++) {
		const Fact *f = &w->now.local[i];
		if (f->width == 0 || (!f->zeros && !f->ones && f->lo == 0 && f->hi == fact_mask(f->width)))
			continue;
		FactLocal l = {index, i, *f};
		PUSH(w->out->local, w->out->nlocal, w->out->cap, l);
		n++;
	}
}

static Fact eval_any(Walk *w, Expr e, uint32_t index)
{
	switch (walk_kind(e)) {
	case K_Block: return eval_block(w, e, index);
	case K_If: return eval_if(w, e, index);
	case K_Loop: return eval_loop(w, e, index);
	case K_Break: eval_break(w, e, index); return (Fact){0};
	case K_Switch: eval_switch(w, e, index); return (Fact){0};
	case K_Load: return eval_load(w, e, index);
	case K_Store: eval_store(w, e, index); return (Fact){0};
	case K_Const: return eval_const(w, e);
	case K_LocalGet: return w->now.local[BinaryenLocalGetGetIndex(e)];
	case K_LocalSet: return eval_set(w, e, index);
	case K_Return: case K_Unreachable:
		eval_op(w, e, index);
		w->now.dead = true;
		return (Fact){0};
	case K_Call: case K_CallIndirect: case K_MemoryGrow: {
		Fact f = eval_op(w, e, index);
		far(w);
		return f;
	}
	default: return eval_op(w, e, index);
	}
}

static Fact eval(Walk *w, Expr e, uint32_t index)
{
	if (w->now.dead)
		return (Fact){0};
	w->out->reached[index] = true;
	if (walk_kind(e) == K_Const)
		note_locals(w, index);
	Fact f = eval_any(w, e, index);
	w->out->node[index] = f;
	return f;
}

/* ---- a function ---- */

static uint32_t width_of_local(const Body *b, uint32_t i)
{
	BinaryenType t = body_local(b, i);
	return t == BinaryenTypeInt32() ? 32 : t == BinaryenTypeInt64() ? 64 : 0;
}

void facts_walk(const Body *b, Facts *out)
{
	Walk w = {.out = out, .nlocal = body_nparams(b) + b->nvars};
	w.memory = b->mod->scan.has_memory ? b->mod->scan.memory_min << 16 : 0;
	w.now = none(&w);
	w.now.dead = false;
	for (uint32_t i = 0; i < w.nlocal; i++) {
		uint32_t width = width_of_local(b, i);
		out->given[i] = i < body_nparams(b);
		if (width)
			w.now.local[i] = i < body_nparams(b) ? fact_any(width) : fact_const(width, 0);
	}
	eval(&w, b->expr, 0);
	free(w.now.local);
	free(w.target);
}
