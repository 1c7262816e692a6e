/* walk.c - children of a node, in order of evaluation, and walks over a tree.
 * In: Binaryen's trees. Must hold: children that are absent (an if without else) are not counted; a kind that is not
 * listed has no children and makes walk_known() false, and then nothing is changed in that function. */
#include <pthread.h>
#include <stdlib.h>
#include "all.h"

/* Binaryen's ids, which differ between its versions, to ours. Filled once and never changed. */
static uint8_t kind_by_id[256];

static void kind_fill(void)
{
#define DELEGATE(name) kind_by_id[Binaryen##name##Id() & 255] = K_##name
#include <wasm-delegations.def>
}

uint32_t walk_kind(Expr e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, kind_fill);
	return kind_by_id[BinaryenExpressionGetId(e) & 255];
}

typedef struct Slot {
	Expr (*get)(Expr e);
	void (*set)(Expr e, Expr kid);
} Slot;

/* What the node holds: up to three fixed children after any number of listed ones. */
typedef struct Kind {
	bool known;
	BinaryenIndex (*num)(Expr e);
	Expr (*at)(Expr e, BinaryenIndex i);
	void (*set_at)(Expr e, BinaryenIndex i, Expr kid);
	Slot slot[3];
} Kind;

#define S(class, field) {Binaryen##class##Get##field, Binaryen##class##Set##field}
#define LIST(class, what) Binaryen##class##GetNum##what##s, Binaryen##class##Get##what##At, Binaryen##class##Set##what##At
#define LEAF {.known = true}
#define FIXED(...) {true, NULL, NULL, NULL, {__VA_ARGS__}}

static const Kind kinds[K_END] = {
	[K_Nop] = LEAF,
	[K_Block] = {true, BinaryenBlockGetNumChildren, BinaryenBlockGetChildAt, BinaryenBlockSetChildAt, {{0}}},
	[K_If] = FIXED(S(If, Condition), S(If, IfTrue), S(If, IfFalse)),
	[K_Loop] = FIXED(S(Loop, Body)),
	[K_Break] = FIXED(S(Break, Value), S(Break, Condition)),
	[K_Switch] = FIXED(S(Switch, Value), S(Switch, Condition)),
	[K_Call] = {true, LIST(Call, Operand), {{0}}},
	[K_CallIndirect] = {true, LIST(CallIndirect, Operand), {S(CallIndirect, Target)}},
	[K_LocalGet] = LEAF,
	[K_LocalSet] = FIXED(S(LocalSet, Value)),
	[K_GlobalGet] = LEAF,
	[K_GlobalSet] = FIXED(S(GlobalSet, Value)),
	[K_Load] = FIXED(S(Load, Ptr)),
	[K_Store] = FIXED(S(Store, Ptr), S(Store, Value)),
	[K_SIMDExtract] = FIXED(S(SIMDExtract, Vec)),
	[K_SIMDReplace] = FIXED(S(SIMDReplace, Vec), S(SIMDReplace, Value)),
	[K_SIMDShuffle] = FIXED(S(SIMDShuffle, Left), S(SIMDShuffle, Right)),
	[K_SIMDTernary] = FIXED(S(SIMDTernary, A), S(SIMDTernary, B), S(SIMDTernary, C)),
	[K_SIMDShift] = FIXED(S(SIMDShift, Vec), S(SIMDShift, Shift)),
	[K_SIMDLoad] = FIXED(S(SIMDLoad, Ptr)),
	[K_SIMDLoadStoreLane] = FIXED(S(SIMDLoadStoreLane, Ptr), S(SIMDLoadStoreLane, Vec)),
	[K_MemoryInit] = FIXED(S(MemoryInit, Dest), S(MemoryInit, Offset), S(MemoryInit, Size)),
	[K_DataDrop] = LEAF,
	[K_MemoryCopy] = FIXED(S(MemoryCopy, Dest), S(MemoryCopy, Source), S(MemoryCopy, Size)),
	[K_MemoryFill] = FIXED(S(MemoryFill, Dest), S(MemoryFill, Value), S(MemoryFill, Size)),
	[K_Const] = LEAF,
	[K_Unary] = FIXED(S(Unary, Value)),
	[K_Binary] = FIXED(S(Binary, Left), S(Binary, Right)),
	[K_Select] = FIXED(S(Select, IfTrue), S(Select, IfFalse), S(Select, Condition)),
	[K_Drop] = FIXED(S(Drop, Value)),
	[K_Return] = FIXED(S(Return, Value)),
	[K_MemorySize] = LEAF,
	[K_MemoryGrow] = FIXED(S(MemoryGrow, Delta)),
	[K_Unreachable] = LEAF,
	[K_RefNull] = LEAF,
	[K_RefIs] = FIXED(S(RefIs, Value)),
	[K_RefFunc] = LEAF,
	[K_TableGet] = FIXED({BinaryenTableGetGetIndex, BinaryenTableGetSetIndex}),
	[K_TableSet] = FIXED({BinaryenTableSetGetIndex, BinaryenTableSetSetIndex}, {BinaryenTableSetGetValue, BinaryenTableSetSetValue}),
	[K_TableSize] = LEAF,
	[K_TableGrow] = FIXED(S(TableGrow, Value), S(TableGrow, Delta)),
	[K_TupleMake] = {true, LIST(TupleMake, Operand), {{0}}},
	[K_TupleExtract] = FIXED(S(TupleExtract, Tuple)),
};

static const Kind *kind_of(Expr e) { return &kinds[walk_kind(e)]; }

/* The slot of child i, past the listed ones; absent children are passed over. */
static const Slot *slot_of(Expr e, uint32_t i)
{
	const Kind *k = kind_of(e);
	for (size_t s = 0; s < LEN(k->slot) && k->slot[s].get; s++)
		if (k->slot[s].get(e) && i-- == 0)
			return &k->slot[s];
	return NULL;
}

static uint32_t nlisted(Expr e)
{
	const Kind *k = kind_of(e);
	return k->num ? k->num(e) : 0;
}

uint32_t walk_nkids(Expr e)
{
	const Kind *k = kind_of(e);
	uint32_t n = nlisted(e);
	for (size_t s = 0; s < LEN(k->slot) && k->slot[s].get; s++)
		n += k->slot[s].get(e) != NULL;
	return n;
}

Expr walk_kid(Expr e, uint32_t i)
{
	uint32_t n = nlisted(e);
	return i < n ? kind_of(e)->at(e, i) : slot_of(e, i - n)->get(e);
}

void walk_set_kid(Expr e, uint32_t i, Expr kid)
{
	uint32_t n = nlisted(e);
	if (i < n)
		kind_of(e)->set_at(e, i, kid);
	else
		slot_of(e, i - n)->set(e, kid);
}

/* Nodes still to be visited. A list and not recursion: a module may nest deeper than the stack is. */
typedef struct Todo {
	Expr *e;
	uint32_t n, cap;
} Todo;

static void todo_kids(Todo *t, Expr e)
{
	for (uint32_t i = walk_nkids(e); i-- > 0;)
		PUSH(t->e, t->n, t->cap, walk_kid(e, i));
}

bool walk_each(Expr root, bool (*fn)(void *ctx, Expr e, uint32_t index), void *ctx)
{
	Todo t = {0};
	uint32_t index = 0;
	bool on = true;
	PUSH(t.e, t.n, t.cap, root);
	while (on && t.n > 0) {
		Expr e = t.e[--t.n];
		on = fn(ctx, e, index++);
		if (on)
			todo_kids(&t, e);
	}
	free(t.e);
	return on;
}

static bool known(void *ctx, Expr e, uint32_t index)
{
	(void)ctx;
	(void)index;
	return kind_of(e)->known;
}

bool walk_known(Expr root) { return walk_each(root, known, NULL); }

static bool count(void *ctx, Expr e, uint32_t index)
{
	(void)e;
	*(uint32_t *)ctx = index + 1;
	return true;
}

uint32_t walk_count(Expr root)
{
	uint32_t n = 0;
	walk_each(root, count, &n);
	return n;
}

typedef struct Find {
	uint32_t index;
	Expr e;
} Find;

static bool find(void *ctx, Expr e, uint32_t index)
{
	Find *f = ctx;
	f->e = e;
	return index != f->index;
}

Expr walk_at(Expr root, uint32_t index)
{
	Find f = {index, NULL};
	return walk_each(root, find, &f) ? NULL : f.e;
}

typedef struct Put {
	Expr old, with;
} Put;

static bool put(void *ctx, Expr e, uint32_t index)
{
	Put *p = ctx;
	(void)index;
	for (uint32_t i = 0, n = walk_nkids(e); i < n; i++) {
		if (walk_kid(e, i) == p->old) {
			walk_set_kid(e, i, p->with);
			return false;
		}
	}
	return true;
}

Expr walk_replace(Expr root, uint32_t index, Expr with)
{
	Put p = {walk_at(root, index), with};
	if (index == 0 || !p.old)
		return index == 0 ? with : root;
	walk_each(root, put, &p);
	return root;
}
