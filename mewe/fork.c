/* fork.c - a choice inside a function, made and found again.
 * In: alternatives; or a body that nobody vouches for. Out: one expression that takes one of them; or the forks in the body.
 * Must hold: nothing is taken for a fork but what chooses by a field of a global among arms that all go on behind it. */
#include <stdlib.h>
#include <string.h>
#include "fork.h"

static const char out_label[] = "fork";

Expr fork_make(Ref m, Expr selector, Expr *arm, uint32_t n)
{
	BinaryenType type = BinaryenExpressionGetType(arm[0]);
	bool value = type != BinaryenTypeNone();
	char **label = xalloc(n * sizeof *label);
	for (uint32_t k = 0; k < n; k++)
		label[k] = xprintf("fork.%u", k);
	Expr kid[3] = {BinaryenSwitch(m, (const char **)label, n, label[0], selector, NULL)};
	for (uint32_t k = 0, nkids = 1; k < n; k++) {
		kid[0] = BinaryenBlock(m, label[k], kid, nkids, BinaryenTypeNone());
		kid[1] = value ? BinaryenBreak(m, out_label, NULL, arm[k]) : arm[k];
		kid[2] = value ? NULL : BinaryenBreak(m, out_label, NULL, NULL);
		nkids = value ? 2 : 3;
		free(label[k]);
	}
	free(label);
	return BinaryenBlock(m, out_label, kid, value ? 2 : 3, type);
}

/* ---- found again ------------------------------------------------------------------------------------------------------------ */

/* Blocks from the outermost to the one that holds the br_table alone; the way down is by first children. */
static Expr find_table(Expr e, Expr **block, uint32_t *n)
{
	uint32_t cap = 0;
	while (walk_kind(e) == K_Block && BinaryenBlockGetNumChildren(e) > 0) {
		PUSH(*block, *n, cap, e);
		e = BinaryenBlockGetChildAt(e, 0);
	}
	return walk_kind(e) == K_Switch && *n >= 3 && BinaryenBlockGetNumChildren((*block)[*n - 1]) == 1 ? e : NULL;
}

static bool const_at(Expr call, uint32_t i, BinaryenType t)
{
	Expr e = BinaryenCallGetOperandAt(call, i);
	return walk_kind(e) == K_Const && BinaryenExpressionGetType(e) == t;
}

/* Do an arm's statements begin with the instrument's two calls? They are known by their operands: a region's ids are no other
 * call's, and a dispatcher's number, choice and bits follow. */
static bool traced(Expr around)
{
	if (BinaryenBlockGetNumChildren(around) < 4) /* with the block before and the branch behind */
		return false;
	Expr took = BinaryenBlockGetChildAt(around, 1), chose = BinaryenBlockGetChildAt(around, 2);
	BinaryenType i32 = BinaryenTypeInt32();
	if (!shape_trace(took) || BinaryenCallGetNumOperands(took) != 2 || !shape_trace(chose) || BinaryenCallGetNumOperands(chose) != 3)
		return false;
	for (uint32_t i = 0; i < 2; i++)
		if (!const_at(took, i, i32) || !((uint32_t)BinaryenConstGetValueI32(BinaryenCallGetOperandAt(took, i)) & TRACE_REGION))
			return false;
	return const_at(chose, 0, i32) && const_at(chose, 1, i32) && const_at(chose, 2, BinaryenTypeFloat64());
}

/* The statements of an arm without the branch at their end, as one expression. */
static bool take_arm(Ref m, Expr around, const char *out, BinaryenType type, Fork *f, uint32_t k)
{
	uint32_t n = BinaryenBlockGetNumChildren(around), at = 1, nkids = 0;
	Expr last = BinaryenBlockGetChildAt(around, n - 1);
	if (walk_kind(last) != K_Break || BinaryenBreakGetCondition(last) || !out || strcmp(BinaryenBreakGetName(last), out) != 0)
		return false;
	Expr value = BinaryenBreakGetValue(last), *kid = xalloc(n * sizeof *kid);
	if (traced(around)) {
		f->trace[k][0] = BinaryenBlockGetChildAt(around, at++);
		f->trace[k][1] = BinaryenBlockGetChildAt(around, at++);
	}
	for (; at < n - 1; at++)
		kid[nkids++] = BinaryenExpressionCopy(BinaryenBlockGetChildAt(around, at), m);
	if (value)
		kid[nkids++] = BinaryenExpressionCopy(value, m);
	f->arm[k] = nkids == 1 ? kid[0] : BinaryenBlock(m, NULL, kid, nkids, type);
	free(kid);
	return (type != BinaryenTypeNone()) == (value != NULL) && BinaryenExpressionGetType(f->arm[k]) == type;
}

static bool take(Ref m, Expr e, uint32_t index, Fork *out)
{
	Expr *block = NULL;
	uint32_t nblock = 0;
	Expr table = find_table(e, &block, &nblock);
	bool good = table != NULL;
	*out = (Fork){.index = index, .expr = e};
	if (good) {
		out->n = nblock - 1;
		out->arm = xalloc(out->n * sizeof *out->arm);
		out->trace = xalloc(out->n * sizeof *out->trace);
		good = shape_targets(table, block, out->n) && shape_field(BinaryenSwitchGetCondition(table), &out->selector);
	}
	for (uint32_t k = 0; good && k < out->n; k++)
		good = take_arm(m, block[out->n - 1 - k], BinaryenBlockGetName(e), BinaryenExpressionGetType(e), out, k);
	free(block);
	if (!good) {
		free(out->arm);
		free(out->trace);
	}
	return good;
}

typedef struct Search {
	Ref m;
	const Ours *ours;
	Forks *out;
	uint32_t skip;                 /* expressions still inside the last fork */
} Search;

static bool look(void *ctx, Expr e, uint32_t index)
{
	Search *s = ctx;
	Fork f;
	if (s->skip > 0) {
		s->skip--;
		return true;
	}
	if (walk_kind(e) != K_Block || !BinaryenBlockGetName(e) || !take(s->m, e, index, &f))
		return true;
	if (!s->ours->is(s->ours->ctx, f.selector.global)) {
		free(f.arm);
		free(f.trace);
		return true;
	}
	PUSH(s->out->f, s->out->n, s->out->cap, f);
	s->skip = walk_count(e) - 1;
	return true;
}

static bool is_any(void *ctx, const char *global)
{
	(void)ctx;
	(void)global;
	return true;
}

const Ours fork_any = {is_any, NULL};

void fork_find(Ref m, Expr body, const Ours *ours, Forks *out)
{
	Search s = {.m = m, .ours = ours, .out = out};
	*out = (Forks){0};
	walk_each(body, look, &s);
}

void fork_free(Forks *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		free(f->f[i].arm);
		free(f->f[i].trace);
	}
	free(f->f);
	*f = (Forks){0};
}

/* From the last to the first, so that an index is good until its turn comes. */
Expr fork_pin(Ref m, Expr body, const Forks *f, uint32_t *at)
{
	Expr e = BinaryenExpressionCopy(body, m);
	uint32_t less = 0;
	for (uint32_t i = f->n; i-- > 0;)
		e = walk_replace(e, f->f[i].index, BinaryenExpressionCopy(f->f[i].arm[0], m));
	for (uint32_t i = 0; i < f->n && at; i++) {
		at[i] = f->f[i].index - less;
		less += walk_count(f->f[i].expr) - walk_count(f->f[i].arm[0]);
	}
	return e;
}

Expr fork_without(Ref m, Expr body, uint32_t index, const Fork *f, uint32_t k)
{
	Expr e = BinaryenExpressionCopy(body, m), around = walk_at(e, index);
	Expr arm = BinaryenExpressionCopy(f->arm[0], m), out;
	for (uint32_t i = f->n - 1; i > k; i--)
		around = BinaryenBlockGetChildAt(around, 0);
	while (BinaryenBlockGetNumChildren(around) > 2)
		BinaryenBlockRemoveChildAt(around, 1);
	out = BinaryenBlockGetChildAt(around, 1);
	if (BinaryenBreakGetValue(out))
		BinaryenBreakSetValue(out, arm);
	else
		BinaryenBlockInsertChildAt(around, 1, arm);
	return e;
}

void fork_trace(Expr fork, Expr (*trace)[2], uint32_t n)
{
	Expr around = fork;
	for (uint32_t k = n; k-- > 0;) {
		BinaryenBlockInsertChildAt(around, 1, trace[k][0]);
		BinaryenBlockInsertChildAt(around, 2, trace[k][1]);
		around = BinaryenBlockGetChildAt(around, 0);
	}
}

int fork_choosers(const Mod *m, Choosers *out, Err *e)
{
	Founds found;
	int code = shape_find(m, &found, e);
	*out = (Choosers){0};
	for (uint32_t i = 0; !code && i < found.n; i++)
		PUSH(out->c, out->n, out->cap, ((Chooser){found.f[i].func, found.f[i].func, found.f[i].n}));
	for (uint32_t i = 0; !code && found.n == 0 && i < m->nfunc; i++) {
		Forks f;
		fork_find(m->ref, BinaryenFunctionGetBody(m->func[i].ref), &fork_any, &f);
		for (uint32_t k = 0; k < f.n; k++)
			PUSH(out->c, out->n, out->cap, ((Chooser){out->n, i, f.f[k].n}));
		fork_free(&f);
	}
	shape_free(&found);
	return code;
}
