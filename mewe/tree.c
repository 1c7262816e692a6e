/* tree.c - a tree as bytes: the same bytes for two trees exactly when they are the same code.
 * In: a tree, and what its names stand for. Out: its nodes in preorder, each with all that is not a child.
 * Must hold: the bytes can be read back without ambiguity (every node says how many children it has), labels are counted
 * outwards from their use, as in the binary format. */
#include <stdlib.h>
#include <string.h>
#include "all.h"

typedef struct Frame {
	Expr e;
	uint32_t next, nkids;
	const char *label;             /* that it binds, or NULL */
} Frame;

typedef struct Tree {
	Buf *out;
	const Ident *id;
	Frame *frame;
	uint32_t n, cap;
} Tree;

static void put_type(Buf *out, BinaryenType t)
{
	uint32_t n = BinaryenTypeArity(t);
	BinaryenType *part = xalloc(n * sizeof *part); /* a thousand, if a function gives so many results */
	buf_leb(out, n);
	BinaryenTypeExpand(t, part);
	for (uint32_t i = 0; i < n; i++)
		buf_leb(out, part[i]);
	free(part);
}

static void put_label(Tree *t, const char *label)
{
	uint32_t depth = 0;
	for (uint32_t i = t->n; i-- > 0;) {
		if (!t->frame[i].label)
			continue;
		if (strcmp(t->frame[i].label, label) == 0)
			break;
		depth++;
	}
	buf_leb(t->out, depth);
}

static void put_const(Buf *out, Expr e)
{
	BinaryenType type = BinaryenExpressionGetType(e);
	if (type == BinaryenTypeInt32()) {
		buf_u32(out, BinaryenConstGetValueI32(e));
	} else if (type == BinaryenTypeInt64()) {
		buf_u64(out, BinaryenConstGetValueI64(e));
	} else if (type == BinaryenTypeFloat32()) {
		float f = BinaryenConstGetValueF32(e);
		buf_put(out, &f, sizeof f);
	} else if (type == BinaryenTypeFloat64()) {
		double f = BinaryenConstGetValueF64(e);
		buf_put(out, &f, sizeof f);
	} else {
		uint8_t v[16] = {0};
		BinaryenConstGetValueV128(e, v);
		buf_put(out, v, sizeof v);
	}
}

/* What a name stands for on either side; one past the last identity when nobody knows it. */
static void put_func(Tree *t, const char *name) { buf_leb(t->out, t->id->func(t->id->ctx, name)); }
static void put_table(Tree *t, const char *name) { buf_leb(t->out, t->id->table(t->id->ctx, name)); }

static void put_control(Tree *t, Expr e)
{
	Buf *o = t->out;
	switch (walk_kind(e)) {
	case K_Block: case K_Loop: case K_If: case K_Select:
		put_type(o, BinaryenExpressionGetType(e));
		break;
	case K_Break:
		put_label(t, BinaryenBreakGetName(e));
		buf_u8(o, BinaryenBreakGetCondition(e) != NULL);
		break;
	case K_Switch:
		buf_leb(o, BinaryenSwitchGetNumNames(e));
		for (uint32_t i = 0; i < BinaryenSwitchGetNumNames(e); i++)
			put_label(t, BinaryenSwitchGetNameAt(e, i));
		put_label(t, BinaryenSwitchGetDefaultName(e));
		break;
	case K_Call:
		put_func(t, BinaryenCallGetTarget(e));
		buf_u8(o, BinaryenCallIsReturn(e));
		break;
	case K_CallIndirect:
		put_table(t, BinaryenCallIndirectGetTable(e));
		put_type(o, BinaryenCallIndirectGetParams(e));
		put_type(o, BinaryenCallIndirectGetResults(e));
		buf_u8(o, BinaryenCallIndirectIsReturn(e));
		break;
	}
}

static void put_access(Buf *o, Expr e)
{
	switch (walk_kind(e)) {
	case K_Load:
		put_type(o, BinaryenExpressionGetType(e));
		buf_u8(o, BinaryenLoadIsSigned(e));
		buf_u8(o, BinaryenLoadIsAtomic(e));
		buf_leb(o, BinaryenLoadGetBytes(e));
		buf_leb(o, BinaryenLoadGetOffset(e));
		buf_leb(o, BinaryenLoadGetAlign(e));
		break;
	case K_Store:
		put_type(o, BinaryenStoreGetValueType(e));
		buf_u8(o, BinaryenStoreIsAtomic(e));
		buf_leb(o, BinaryenStoreGetBytes(e));
		buf_leb(o, BinaryenStoreGetOffset(e));
		buf_leb(o, BinaryenStoreGetAlign(e));
		break;
	case K_MemoryInit:
		buf_leb(o, BinaryenMemoryInitGetSegment(e));
		break;
	case K_DataDrop:
		buf_leb(o, BinaryenDataDropGetSegment(e));
		break;
	}
}

static void put_simd(Buf *o, Expr e)
{
	uint8_t mask[16];
	switch (walk_kind(e)) {
	case K_SIMDExtract:
		buf_leb(o, BinaryenSIMDExtractGetOp(e));
		buf_leb(o, BinaryenSIMDExtractGetIndex(e));
		break;
	case K_SIMDReplace:
		buf_leb(o, BinaryenSIMDReplaceGetOp(e));
		buf_leb(o, BinaryenSIMDReplaceGetIndex(e));
		break;
	case K_SIMDShuffle:
		BinaryenSIMDShuffleGetMask(e, mask);
		buf_put(o, mask, sizeof mask);
		break;
	case K_SIMDTernary:
		buf_leb(o, BinaryenSIMDTernaryGetOp(e));
		break;
	case K_SIMDShift:
		buf_leb(o, BinaryenSIMDShiftGetOp(e));
		break;
	case K_SIMDLoad:
		buf_leb(o, BinaryenSIMDLoadGetOp(e));
		buf_leb(o, BinaryenSIMDLoadGetOffset(e));
		buf_leb(o, BinaryenSIMDLoadGetAlign(e));
		break;
	case K_SIMDLoadStoreLane:
		buf_leb(o, BinaryenSIMDLoadStoreLaneGetOp(e));
		buf_leb(o, BinaryenSIMDLoadStoreLaneGetOffset(e));
		buf_leb(o, BinaryenSIMDLoadStoreLaneGetAlign(e));
		buf_leb(o, BinaryenSIMDLoadStoreLaneGetIndex(e));
		break;
	}
}

static void put_value(Tree *t, Expr e)
{
	Buf *o = t->out;
	switch (walk_kind(e)) {
	case K_LocalGet:
		buf_leb(o, BinaryenLocalGetGetIndex(e));
		break;
	case K_LocalSet:
		buf_leb(o, BinaryenLocalSetGetIndex(e));
		buf_u8(o, BinaryenLocalSetIsTee(e));
		break;
	case K_GlobalGet:
		buf_leb(o, t->id->global(t->id->ctx, BinaryenGlobalGetGetName(e)));
		break;
	case K_GlobalSet:
		buf_leb(o, t->id->global(t->id->ctx, BinaryenGlobalSetGetName(e)));
		break;
	case K_Const:
		put_type(o, BinaryenExpressionGetType(e));
		put_const(o, e);
		break;
	case K_Unary:
		buf_leb(o, BinaryenUnaryGetOp(e));
		break;
	case K_Binary:
		buf_leb(o, BinaryenBinaryGetOp(e));
		break;
	case K_RefNull:
		put_type(o, BinaryenExpressionGetType(e));
		break;
	case K_RefIs:
		buf_leb(o, BinaryenRefIsGetOp(e));
		break;
	case K_RefFunc:
		put_func(t, BinaryenRefFuncGetFunc(e));
		break;
	case K_TableGet:
		put_table(t, BinaryenTableGetGetTable(e));
		break;
	case K_TableSet:
		put_table(t, BinaryenTableSetGetTable(e));
		break;
	case K_TableSize:
		put_table(t, BinaryenTableSizeGetTable(e));
		break;
	case K_TableGrow:
		put_table(t, BinaryenTableGrowGetTable(e));
		break;
	case K_TupleExtract:
		buf_leb(o, BinaryenTupleExtractGetIndex(e));
		break;
	}
}

static void enter(Tree *t, Expr e)
{
	uint32_t kind = walk_kind(e);
	Frame f = {e, 0, walk_nkids(e), NULL};
	buf_u8(t->out, kind);
	buf_leb(t->out, f.nkids);
	put_control(t, e);
	put_access(t->out, e);
	put_simd(t->out, e);
	put_value(t, e);
	if (kind == K_Block)
		f.label = BinaryenBlockGetName(e);
	else if (kind == K_Loop)
		f.label = BinaryenLoopGetName(e);
	PUSH(t->frame, t->n, t->cap, f);
}

bool walk_write(Buf *out, Expr root, const Ident *id)
{
	Tree t = {out, id, NULL, 0, 0};
	if (!walk_known(root))
		return false;
	enter(&t, root);
	while (t.n > 0) {
		Frame *f = &t.frame[t.n - 1];
		if (f->next < f->nkids)
			enter(&t, walk_kid(f->e, f->next++));
		else
			t.n--;
	}
	free(t.frame);
	return true;
}

/* ---- identities within one module ---- */

static uint32_t own_func(void *ctx, const char *name) { return read_function(ctx, name); }

static uint32_t own_global(void *ctx, const char *name)
{
	const Mod *m = ctx;
	for (uint32_t i = 0; i < BinaryenGetNumGlobals(m->ref); i++)
		if (strcmp(BinaryenGlobalGetName(BinaryenGetGlobalByIndex(m->ref, i)), name) == 0)
			return i;
	return NONE;
}

static uint32_t own_table(void *ctx, const char *name)
{
	const Mod *m = ctx;
	for (uint32_t i = 0; i < BinaryenGetNumTables(m->ref); i++)
		if (strcmp(BinaryenTableGetName(BinaryenGetTableByIndex(m->ref, i)), name) == 0)
			return i;
	return NONE;
}

Ident ident_of(const Mod *m) { return (Ident){own_func, own_global, own_table, (void *)m}; }
