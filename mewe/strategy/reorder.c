/* reorder.c - the reorder strategy: the same work in another order.
 * In: a site that is an expression. Out: operands commuted, arms swapped under the inverted condition, branches turned
 * around, tables of branches reversed, or two neighbouring statements exchanged.
 * Must hold: two things change places only if neither can see that the other has happened: no local or global that one
 * writes and the other uses, no memory that one writes and the other uses, no trap before or after something that lasts.
 * Two loads may change places, since the module traps in the same way at either. */
#include <stdlib.h>
#include <string.h>
#include "../all.h"

/* Statements larger than this are taken to use everything. */
enum { SMALL = 64 };

/* ---- what an expression uses ---- */

typedef struct Access {
	bool global, write;
	uint32_t local;
	const char *name;              /* of a global; Binaryen keeps one copy of each name */
} Access;

typedef struct Uses {
	Access access[SMALL];
	uint32_t n, nodes;
	bool reads, writes;            /* memory */
	bool load_trap, other_trap;
	bool calls;                    /* may use all memory and all globals, and trap, but no local */
	bool barrier;                  /* leaves, may not end, or is not looked into */
} Uses;

static void use_local(Uses *u, uint32_t local, bool write)
{
	u->access[u->n++] = (Access){.write = write, .local = local};
}

static void use_global(Uses *u, const char *name, bool write)
{
	u->access[u->n++] = (Access){.global = true, .write = write, .name = name};
}

static bool unary_traps(BinaryenOp op)
{
	BinaryenOp (*const trunc[])(void) = {
		BinaryenTruncSFloat32ToInt32, BinaryenTruncSFloat32ToInt64, BinaryenTruncUFloat32ToInt32, BinaryenTruncUFloat32ToInt64,
		BinaryenTruncSFloat64ToInt32, BinaryenTruncSFloat64ToInt64, BinaryenTruncUFloat64ToInt32, BinaryenTruncUFloat64ToInt64,
	};
	for (size_t i = 0; i < LEN(trunc); i++)
		if (op == trunc[i]())
			return true;
	return false;
}

static bool binary_traps(BinaryenOp op)
{
	BinaryenOp (*const divide[])(void) = {
		BinaryenDivSInt32, BinaryenDivSInt64, BinaryenDivUInt32, BinaryenDivUInt64,
		BinaryenRemSInt32, BinaryenRemSInt64, BinaryenRemUInt32, BinaryenRemUInt64,
	};
	for (size_t i = 0; i < LEN(divide); i++)
		if (op == divide[i]())
			return true;
	return false;
}

static bool use(void *ctx, Expr e, uint32_t index)
{
	Uses *u = ctx;
	u->nodes = index + 1;
	if (u->nodes > SMALL) {
		u->barrier = true;
		return false;
	}
	switch (walk_kind(e)) {
	case K_Nop: case K_Block: case K_If: case K_Const: case K_Select: case K_Drop: break;
	case K_LocalGet: use_local(u, BinaryenLocalGetGetIndex(e), false); break;
	case K_LocalSet: use_local(u, BinaryenLocalSetGetIndex(e), true); break;
	case K_GlobalGet: use_global(u, BinaryenGlobalGetGetName(e), false); break;
	case K_GlobalSet: use_global(u, BinaryenGlobalSetGetName(e), true); break;
	case K_Unary: u->other_trap |= unary_traps(BinaryenUnaryGetOp(e)); break;
	case K_Binary: u->other_trap |= binary_traps(BinaryenBinaryGetOp(e)); break;
	case K_Call: u->calls = true; break;
	case K_Load:
		u->reads = u->load_trap = true;
		u->barrier |= BinaryenLoadIsAtomic(e);
		break;
	case K_Store:
		u->writes = u->other_trap = true;
		u->barrier |= BinaryenStoreIsAtomic(e);
		break;
	default: u->barrier = true; break;
	}
	return !u->barrier;
}

static bool writes_global(const Uses *u)
{
	for (uint32_t i = 0; i < u->n; i++)
		if (u->access[i].global && u->access[i].write)
			return true;
	return false;
}

static bool uses_global(const Uses *u)
{
	for (uint32_t i = 0; i < u->n; i++)
		if (u->access[i].global)
			return true;
	return false;
}

static bool lasts(const Uses *u) { return u->calls || u->writes || writes_global(u); }

static bool traps(const Uses *u) { return u->calls || u->load_trap || u->other_trap; }

/* Does a stand in the way of b, for one of the two reasons that are not symmetric? */
static bool hinders(const Uses *a, const Uses *b)
{
	if (traps(a) && (lasts(b) || b->other_trap))
		return true;
	if (a->calls && (b->reads || uses_global(b)))
		return true;
	return (a->writes && (b->reads || b->writes)) || (writes_global(a) && writes_global(b)); /* the prover has these in order */
}

/* Does the compiler keep its place? What only computes, it puts where it likes. */
static bool placed(const Uses *u) { return u->reads || traps(u) || lasts(u) || uses_global(u); }

/* both_placed: and would the exchange be more than the compiler would undo? */
static bool exchangeable(Expr x, Expr y, bool both_placed)
{
	Uses a = {0}, b = {0};
	walk_each(x, use, &a);
	if (!a.barrier)
		walk_each(y, use, &b);
	if (a.barrier || b.barrier || hinders(&a, &b) || hinders(&b, &a))
		return false;
	if (both_placed && !(placed(&a) && placed(&b)))
		return false;
	for (uint32_t i = 0; i < a.n; i++) {
		for (uint32_t k = 0; k < b.n; k++) {
			const Access *p = &a.access[i], *q = &b.access[k];
			bool same = p->global == q->global && (p->global ? strcmp(p->name, q->name) == 0 : p->local == q->local);
			if (same && (p->write || q->write))
				return false;
		}
	}
	return true;
}

/* ---- operators ---- */

typedef BinaryenOp Op(void);
typedef struct Turn {
	Op *op, *mirror, *inverse;     /* x op y = y mirror x = !(x inverse y) */
} Turn;

#define COMMUTES(id) {Binaryen##id##Int32, Binaryen##id##Int32, NULL}, {Binaryen##id##Int64, Binaryen##id##Int64, NULL}
#define COMPARES(id, mirror, inverse) \
	{Binaryen##id##Int32, Binaryen##mirror##Int32, Binaryen##inverse##Int32}, \
	{Binaryen##id##Int64, Binaryen##mirror##Int64, Binaryen##inverse##Int64}

static const Turn turns[] = {
	COMMUTES(Add), COMMUTES(Mul), COMMUTES(And), COMMUTES(Or), COMMUTES(Xor),
	COMPARES(Eq, Eq, Ne), COMPARES(Ne, Ne, Eq),
	COMPARES(LtS, GtS, GeS), COMPARES(LtU, GtU, GeU), COMPARES(GtS, LtS, LeS), COMPARES(GtU, LtU, LeU),
	COMPARES(LeS, GeS, GtS), COMPARES(LeU, GeU, GtU), COMPARES(GeS, LeS, LtS), COMPARES(GeU, LeU, LtU),
};

static const Turn *turn_of(Expr e)
{
	if (walk_kind(e) != K_Binary)
		return NULL;
	for (size_t i = 0; i < LEN(turns); i++)
		if (turns[i].op() == BinaryenBinaryGetOp(e))
			return &turns[i];
	return NULL;
}

/* A copy of the condition that holds exactly when it doesn't. */
static Expr inverted(Ref m, Expr cond)
{
	const Turn *t = turn_of(cond);
	Expr copy = BinaryenExpressionCopy(cond, m);
	if (t && t->inverse) {
		BinaryenBinarySetOp(copy, t->inverse());
		return copy;
	}
	if (walk_kind(cond) == K_Unary && BinaryenUnaryGetOp(cond) == BinaryenEqZInt32())
		return BinaryenUnaryGetValue(copy);
	return BinaryenUnary(m, BinaryenEqZInt32(), copy);
}

static bool is_condition(Expr e) { return e && BinaryenExpressionGetType(e) == BinaryenTypeInt32(); }

/* ---- what can be done to each kind of expression ---- */

/* The compiler puts constants to the right by itself. */
static bool may_commute(Expr left, Expr right)
{
	return walk_kind(left) != K_Const && walk_kind(right) != K_Const && exchangeable(left, right, false);
}

static Expr commute(Ref m, Expr e)
{
	Expr copy = BinaryenExpressionCopy(e, m), left = BinaryenBinaryGetLeft(copy);
	BinaryenBinarySetOp(copy, turn_of(e)->mirror());
	BinaryenBinarySetLeft(copy, BinaryenBinaryGetRight(copy));
	BinaryenBinarySetRight(copy, left);
	return copy;
}

static Expr swap_if(Ref m, Expr e)
{
	Expr copy = BinaryenExpressionCopy(e, m), arm = BinaryenIfGetIfTrue(copy), other = BinaryenIfGetIfFalse(copy);
	BinaryenIfSetCondition(copy, inverted(m, BinaryenIfGetCondition(e)));
	BinaryenIfSetIfTrue(copy, other ? other : BinaryenNop(m));
	BinaryenIfSetIfFalse(copy, arm);
	return copy;
}

static Expr swap_select(Ref m, Expr e)
{
	Expr copy = BinaryenExpressionCopy(e, m), arm = BinaryenSelectGetIfTrue(copy);
	BinaryenSelectSetCondition(copy, inverted(m, BinaryenSelectGetCondition(e)));
	BinaryenSelectSetIfTrue(copy, BinaryenSelectGetIfFalse(copy));
	BinaryenSelectSetIfFalse(copy, arm);
	return copy;
}

/* br_if L c as a jump over br L. Labels have to be unique in a function: the site's index makes this one so. */
static Expr turn_branch(const Site *s)
{
	Ref m = s->body->mod->ref;
	char over[32];
	snprintf(over, sizeof over, "reorder$%u", s->index);
	Expr list[2] = {
		BinaryenBreak(m, over, inverted(m, BinaryenBreakGetCondition(s->expr)), NULL),
		BinaryenBreak(m, BinaryenBreakGetName(s->expr), NULL, NULL),
	};
	return BinaryenBlock(m, over, list, 2, BinaryenTypeNone());
}

/* br_if L c as an if around br L: the compiler lays out its blocks in another order. */
static Expr branch_in_if(Ref m, Expr e)
{
	Expr leave = BinaryenBreak(m, BinaryenBreakGetName(e), NULL, NULL);
	return BinaryenIf(m, BinaryenExpressionCopy(BinaryenBreakGetCondition(e), m), leave, NULL);
}

/* Entry i becomes entry n-1-i; an index past the end stays past the end. */
static Expr reverse_switch(Ref m, Expr e)
{
	Expr copy = BinaryenExpressionCopy(e, m);
	uint32_t n = BinaryenSwitchGetNumNames(copy);
	for (uint32_t i = 0; i < n; i++)
		BinaryenSwitchSetNameAt(copy, i, BinaryenSwitchGetNameAt(e, n - 1 - i));
	Expr last = BinaryenConst(m, BinaryenLiteralInt32((int32_t)(n - 1)));
	BinaryenSwitchSetCondition(copy, BinaryenBinary(m, BinaryenSubInt32(), last, BinaryenSwitchGetCondition(copy)));
	return copy;
}

static bool may_swap_at(Expr block, uint32_t i)
{
	Expr a = BinaryenBlockGetChildAt(block, i), b = BinaryenBlockGetChildAt(block, i + 1);
	BinaryenType none = BinaryenTypeNone();
	return BinaryenExpressionGetType(a) == none && BinaryenExpressionGetType(b) == none && exchangeable(a, b, true);
}

/* The nth place in the block where two neighbours may change places, or, past the last, how many places there are. */
static uint32_t place_in(Expr block, uint32_t nth, bool *found)
{
	uint32_t n = BinaryenBlockGetNumChildren(block), seen = 0;
	*found = false;
	for (uint32_t i = 0; i + 1 < n; i++) {
		if (!may_swap_at(block, i))
			continue;
		*found = seen++ == nth;
		if (*found)
			return i;
	}
	return seen;
}

static Expr swap_statements(Ref m, Expr e, uint32_t i)
{
	Expr copy = BinaryenExpressionCopy(e, m), first = BinaryenBlockGetChildAt(copy, i);
	BinaryenBlockSetChildAt(copy, i, BinaryenBlockGetChildAt(copy, i + 1));
	BinaryenBlockSetChildAt(copy, i + 1, first);
	return copy;
}

static uint32_t count(const Site *s)
{
	Expr e = s->expr;
	bool found;
	if (s->kind != SITE_EXPR)
		return 0;
	switch (walk_kind(e)) {
	case K_Binary: return turn_of(e) && may_commute(BinaryenBinaryGetLeft(e), BinaryenBinaryGetRight(e));
	case K_If: return is_condition(BinaryenIfGetCondition(e));
	case K_Select: /* both arms are evaluated */
		return is_condition(BinaryenSelectGetCondition(e)) && exchangeable(BinaryenSelectGetIfTrue(e), BinaryenSelectGetIfFalse(e), false);
	case K_Break: return is_condition(BinaryenBreakGetCondition(e)) && !BinaryenBreakGetValue(e) ? 2 : 0;
	case K_Switch: return is_condition(BinaryenSwitchGetCondition(e)) && BinaryenSwitchGetNumNames(e) > 1;
	case K_Block: return place_in(e, UINT32_MAX, &found);
	default: return 0;
	}
}

static bool propose(const Site *s, uint32_t n, uint64_t seed, Proposal *out)
{
	Ref m = s->body->mod->ref;
	bool found;
	(void)seed;
	*out = (Proposal){0};
	if (n >= count(s))
		return false;
	switch (walk_kind(s->expr)) {
	case K_Binary: *out = (Proposal){.rule = "commute", .expr = commute(m, s->expr)}; break;
	case K_If: *out = (Proposal){.rule = "if-swap", .expr = swap_if(m, s->expr)}; break;
	case K_Select: *out = (Proposal){.rule = "select-swap", .expr = swap_select(m, s->expr)}; break;
	case K_Break:
		*out = (Proposal){.rule = n == 0 ? "branch-turn" : "branch-in-if"};
		out->expr = n == 0 ? turn_branch(s) : branch_in_if(m, s->expr);
		break;
	case K_Switch: *out = (Proposal){.rule = "switch-reverse", .expr = reverse_switch(m, s->expr)}; break;
	case K_Block:
		*out = (Proposal){.rule = "statement-swap"};
		out->expr = swap_statements(m, s->expr, place_in(s->expr, n, &found));
		break;
	}
	return out->expr != NULL;
}

const Strategy strategy_reorder = {"reorder", "arms swapped under the inverted condition, operands commuted, statements reordered",
                                   V_PROVED, NULL, NULL, NULL, count, propose};
