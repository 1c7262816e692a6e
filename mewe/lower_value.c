/* lower_value.c - values, traps and effects to instructions.
 * In: an expression that is no control. Out: the register of its value. Must hold: whatever an instruction's meaning depends
 * on beside its operands is in its key, so that equal keys and operands mean the same. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "lower.h"

/* ---- operators ---- */

typedef struct Op {
	uint8_t op, width;             /* T_..., width of the operands; op 0: not an integer operator */
	uint8_t special;
} Op;

enum { SPECIAL_NONE, SPECIAL_MOVE, SPECIAL_NEG, SPECIAL_ABS, SPECIAL_TRAPS };

/* By Binaryen's numbers, which unary and binary operators count each from zero. Filled once and never changed. */
static Op unary_ops[256], binary_ops[256];

static void op_set(Op *table, BinaryenOp o, uint8_t op, uint8_t width, uint8_t special)
{
	if (o >= 0 && o < 256)
		table[o] = (Op){op, width, special};
}

#define BOTH(table, name, op) op_set(table, Binaryen##name##Int32(), op, 32, 0), op_set(table, Binaryen##name##Int64(), op, 64, 0)

static void op_fill_binary(void)
{
	BOTH(binary_ops, Add, T_ADD), BOTH(binary_ops, Sub, T_SUB), BOTH(binary_ops, Mul, T_MUL);
	BOTH(binary_ops, DivS, T_DIVS), BOTH(binary_ops, DivU, T_DIVU), BOTH(binary_ops, RemS, T_REMS), BOTH(binary_ops, RemU, T_REMU);
	BOTH(binary_ops, And, T_AND), BOTH(binary_ops, Or, T_OR), BOTH(binary_ops, Xor, T_XOR);
	BOTH(binary_ops, Shl, T_SHL), BOTH(binary_ops, ShrU, T_SHRU), BOTH(binary_ops, ShrS, T_SHRS);
	BOTH(binary_ops, RotL, T_ROTL), BOTH(binary_ops, RotR, T_ROTR);
	BOTH(binary_ops, Eq, T_EQ), BOTH(binary_ops, Ne, T_NE);
	BOTH(binary_ops, LtS, T_LTS), BOTH(binary_ops, LtU, T_LTU), BOTH(binary_ops, LeS, T_LES), BOTH(binary_ops, LeU, T_LEU);
	BOTH(binary_ops, GtS, T_GTS), BOTH(binary_ops, GtU, T_GTU), BOTH(binary_ops, GeS, T_GES), BOTH(binary_ops, GeU, T_GEU);
}

static void op_fill_unary(void)
{
	BOTH(unary_ops, Clz, T_CLZ), BOTH(unary_ops, Ctz, T_CTZ), BOTH(unary_ops, Popcnt, T_POPCNT), BOTH(unary_ops, EqZ, T_EQZ);
	op_set(unary_ops, BinaryenExtendS8Int32(), T_EXT8, 32, 0), op_set(unary_ops, BinaryenExtendS8Int64(), T_EXT8, 64, 0);
	op_set(unary_ops, BinaryenExtendS16Int32(), T_EXT16, 32, 0), op_set(unary_ops, BinaryenExtendS16Int64(), T_EXT16, 64, 0);
	op_set(unary_ops, BinaryenExtendS32Int64(), T_EXT32, 64, 0), op_set(unary_ops, BinaryenWrapInt64(), T_WRAP, 64, 0);
	op_set(unary_ops, BinaryenExtendSInt32(), T_EXTS, 32, 0), op_set(unary_ops, BinaryenExtendUInt32(), T_EXTU, 32, 0);
	BinaryenOp moves[] = {BinaryenReinterpretFloat32(), BinaryenReinterpretFloat64(), BinaryenReinterpretInt32(), BinaryenReinterpretInt64()};
	for (size_t i = 0; i < LEN(moves); i++)
		op_set(unary_ops, moves[i], 0, 0, SPECIAL_MOVE);
	op_set(unary_ops, BinaryenNegFloat32(), 0, 32, SPECIAL_NEG), op_set(unary_ops, BinaryenNegFloat64(), 0, 64, SPECIAL_NEG);
	op_set(unary_ops, BinaryenAbsFloat32(), 0, 32, SPECIAL_ABS), op_set(unary_ops, BinaryenAbsFloat64(), 0, 64, SPECIAL_ABS);
	BinaryenOp traps[] = {
		BinaryenTruncSFloat32ToInt32(), BinaryenTruncSFloat32ToInt64(), BinaryenTruncUFloat32ToInt32(), BinaryenTruncUFloat32ToInt64(),
		BinaryenTruncSFloat64ToInt32(), BinaryenTruncSFloat64ToInt64(), BinaryenTruncUFloat64ToInt32(), BinaryenTruncUFloat64ToInt64(),
	};
	for (size_t i = 0; i < LEN(traps); i++)
		op_set(unary_ops, traps[i], 0, 0, SPECIAL_TRAPS);
}

static void op_fill(void)
{
	op_fill_binary();
	op_fill_unary();
}

static Op op_of(BinaryenOp o, bool binary)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, op_fill);
	return o >= 0 && o < 256 ? (binary ? binary_ops : unary_ops)[o] : (Op){0};
}

/* ---- keys ---- */

static uint32_t key_of(Lower *l, const char *what, const uint64_t *imm, uint32_t n)
{
	Buf b = {0};
	buf_str(&b, what);
	buf_u8(&b, 0);
	for (uint32_t i = 0; i < n; i++)
		buf_u64(&b, imm[i]);
	uint32_t key = term_key(l->t, &b);
	buf_free(&b);
	return key;
}

#define KEY(l, what, ...) key_of(l, what, (const uint64_t[]){__VA_ARGS__}, LEN(((const uint64_t[]){__VA_ARGS__})))

static uint32_t named(Lower *l, uint32_t (*of)(void *ctx, const char *name), const char *name, const char *what)
{
	uint32_t id = of(l->id->ctx, name);
	if (id == NONE)
		l->bad = what;
	return id;
}

/* ---- instructions ---- */

/* All children, in order, into arg[]; false when one of them never ends. */
static bool operands(Lower *l, Expr e, uint32_t *arg, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		arg[i] = lower_expr(l, walk_kid(e, i));
	for (uint32_t i = 0; i < n; i++)
		if (arg[i] == NONE)
			return false;
	return !l->bad;
}

static uint32_t result(Lower *l, Expr e, uint32_t *n)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	*n = t == BinaryenTypeNone() || t == BinaryenTypeUnreachable() ? 0 : BinaryenTypeArity(t);
	return *n ? lower_reg(l, t) : NONE;
}

/* An instruction of this kind with all children as operands. */
static uint32_t generic(Lower *l, Expr e, uint8_t kind, uint32_t key, const char *what)
{
	uint32_t n = walk_nkids(e), nr, arg[8];
	if (n > LEN(arg)) {
		l->bad = "too many operands";
		return NONE;
	}
	if (!operands(l, e, arg, n))
		return NONE;
	uint32_t r = result(l, e, &nr);
	Ins *i = lower_emit(l, kind, r, nr, arg, n);
	i->key = key;
	i->what = what;
	return r;
}

static uint32_t constant(Lower *l, uint8_t width, uint64_t v)
{
	uint32_t r = lower_reg(l, width == 32 ? BinaryenTypeInt32() : BinaryenTypeInt64());
	lower_emit(l, I_CONST, r, 1, NULL, 0)->imm = v;
	return r;
}

static uint32_t lower_const(Lower *l, Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	uint64_t v[2] = {0};
	if (t == BinaryenTypeInt32())
		return constant(l, 32, (uint32_t)BinaryenConstGetValueI32(e));
	if (t == BinaryenTypeInt64())
		return constant(l, 64, BinaryenConstGetValueI64(e));
	if (t == BinaryenTypeFloat32()) {
		float f = BinaryenConstGetValueF32(e);
		memcpy(v, &f, sizeof f);
		return constant(l, 32, v[0]);
	}
	if (t == BinaryenTypeFloat64()) {
		double f = BinaryenConstGetValueF64(e);
		memcpy(v, &f, sizeof f);
		return constant(l, 64, v[0]);
	}
	BinaryenConstGetValueV128(e, (uint8_t *)v);
	return generic(l, e, I_PURE, KEY(l, "v128.const", v[0], v[1]), "constant");
}

static uint32_t integer(Lower *l, uint8_t op, uint8_t width, const uint32_t *arg, uint32_t n, BinaryenType type)
{
	uint32_t r = lower_reg(l, type);
	Ins *i = lower_emit(l, I_OP, r, 1, arg, n);
	i->op = op;
	i->width = width;
	return r;
}

static uint32_t lower_operator(Lower *l, Expr e, BinaryenOp o)
{
	uint32_t arg[2], n = walk_nkids(e);
	Op op = op_of(o, n == 2);
	BinaryenType type = BinaryenExpressionGetType(e);
	if (op.op == 0 && op.special == SPECIAL_NONE)
		return generic(l, e, I_PURE, KEY(l, "operator", n, o), "operator");
	if (op.special == SPECIAL_TRAPS)
		return generic(l, e, I_TRAPPING, KEY(l, "operator", n, o), "truncation");
	if (!operands(l, e, arg, n))
		return NONE;
	if (op.special == SPECIAL_MOVE)
		return arg[0];
	if (op.special == SPECIAL_NONE)
		return integer(l, op.op, op.width, arg, n, type);
	uint64_t top = 1ull << (op.width - 1);
	arg[1] = constant(l, op.width, op.special == SPECIAL_NEG ? top : top - 1);
	return integer(l, op.special == SPECIAL_NEG ? T_XOR : T_AND, op.width, arg, 2, type);
}

static uint32_t lower_select(Lower *l, Expr e)
{
	uint32_t arg[3], n;
	if (!operands(l, e, arg, 3))
		return NONE;
	uint32_t r = result(l, e, &n);
	const uint32_t ordered[] = {arg[2], arg[0], arg[1]};
	lower_emit(l, I_SELECT, r, n, ordered, 3);
	return r;
}

static uint32_t lower_local(Lower *l, Expr e)
{
	if (walk_kind(e) == K_LocalGet) {
		uint32_t n, r = result(l, e, &n), from = l->local[BinaryenLocalGetGetIndex(e)];
		for (uint32_t i = 0; i < n; i++, from++)
			lower_emit(l, I_MOVE, r + i, 1, &from, 1);
		return r;
	}
	Expr v = BinaryenLocalSetGetValue(e);
	uint32_t r = lower_expr(l, v), to = l->local[BinaryenLocalSetGetIndex(e)];
	if (r == NONE)
		return NONE;
	for (uint32_t i = 0, n = BinaryenTypeArity(BinaryenExpressionGetType(v)); i < n; i++) {
		uint32_t from = r + i;
		lower_emit(l, I_MOVE, to + i, 1, &from, 1);
	}
	return BinaryenLocalSetIsTee(e) ? r : NONE;
}

static uint32_t lower_global(Lower *l, Expr e)
{
	bool get = walk_kind(e) == K_GlobalGet;
	const char *name = get ? BinaryenGlobalGetGetName(e) : BinaryenGlobalSetGetName(e);
	uint32_t id = named(l, l->id->global, name, "a global that only one side has");
	BinaryenGlobalRef g = BinaryenGetGlobal(l->mod, name);
	if (g && BinaryenGlobalIsMutable(g) && !BinaryenGlobalGetInitExpr(g)) { /* imported: who instantiates may give one for two */
		if (l->imported && strcmp(l->imported, name) != 0)
			l->bad = "more than one mutable global that is imported: they may be the same";
		l->imported = name;
	}
	return l->bad ? NONE : generic(l, e, get ? I_GLOBAL_GET : I_GLOBAL_SET, id, "global.set");
}

static uint32_t type_key(Lower *l, BinaryenType params, BinaryenType results)
{
	BinaryenType part[2][64];
	uint64_t imm[130];
	uint32_t n = 0;
	BinaryenType both[] = {params, results};
	for (int i = 0; i < 2; i++) {
		uint32_t k = BinaryenTypeArity(both[i]);
		if (k > LEN(part[i])) {
			l->bad = "a type of more than 64 values";
			return 0;
		}
		BinaryenTypeExpand(both[i], part[i]);
		imm[n++] = k;
		for (uint32_t j = 0; j < k; j++)
			imm[n++] = part[i][j];
	}
	return key_of(l, "type", imm, n);
}

/* An instrument's call: constant arguments, no result, and its function is known to change nothing that others see. */
static bool instrument(Expr e)
{
	if (BinaryenExpressionGetType(e) != BinaryenTypeNone())
		return false;
	for (uint32_t i = 0; i < walk_nkids(e); i++)
		if (walk_kind(walk_kid(e, i)) != K_Const)
			return false;
	return true;
}

static uint32_t lower_call(Lower *l, Expr e)
{
	uint32_t n = walk_nkids(e), nr, *arg = xalloc(n * sizeof *arg), r = NONE, key;
	bool direct = walk_kind(e) == K_Call;
	if (direct) {
		uint32_t id = named(l, l->id->func, BinaryenCallGetTarget(e), "a call of a function that only one side has");
		if (id == IDENT_SKIP) {
			if (!instrument(e))
				l->bad = "an instrument called with more than constants";
			free(arg);
			return NONE;
		}
		key = KEY(l, "call", id);
	} else {
		uint32_t table = named(l, l->id->table, BinaryenCallIndirectGetTable(e), "a table that only one side has");
		key = KEY(l, "call_indirect", table, type_key(l, BinaryenCallIndirectGetParams(e), BinaryenCallIndirectGetResults(e)));
	}
	if (direct ? BinaryenCallIsReturn(e) : BinaryenCallIndirectIsReturn(e))
		l->bad = "a tail call";
	if (!l->bad && operands(l, e, arg, n)) {
		r = result(l, e, &nr);
		Ins *i = lower_emit(l, I_EFFECT, r, nr, arg, n);
		i->key = key;
		i->op = EFFECT_CALL;
		i->what = direct ? "call" : "call_indirect";
	}
	free(arg);
	return r;
}

/* Memory is taken apart byte by byte where its addresses have 32 bits; else an access is like any other thing of which nothing
 * is known. */
static bool plain_memory(const Lower *l, uint32_t ptr) { return l->f->width[ptr] == 32; }

static uint32_t lower_load(Lower *l, Expr e)
{
	BinaryenType type = BinaryenExpressionGetType(e);
	uint64_t bytes = BinaryenLoadGetBytes(e), offset = BinaryenLoadGetOffset(e);
	uint32_t ptr = lower_expr(l, BinaryenLoadGetPtr(e));
	if (ptr == NONE || l->bad)
		return NONE;
	uint32_t r = lower_reg(l, bytes > 8 ? BinaryenTypeVec128() : bytes > 4 ? BinaryenTypeInt64() : BinaryenTypeInt32());
	bool plain = plain_memory(l, ptr);
	uint32_t key = KEY(l, "load", bytes, offset);
	Ins *i = lower_emit(l, plain ? I_LOAD : I_FETCH, r, 1, &ptr, 1);
	i->key = key;
	i->op = bytes;
	i->imm = offset;
	i->what = "load";
	if (bytes < 4 && BinaryenLoadIsSigned(e)) {
		r = integer(l, bytes == 1 ? T_EXT8 : T_EXT16, 32, &r, 1, BinaryenTypeInt32());
	} else if (bytes < 4 && !plain) {
		uint32_t arg[] = {r, constant(l, 32, (1u << 8 * bytes) - 1)};
		r = integer(l, T_AND, 32, arg, 2, BinaryenTypeInt32());
	}
	if (bytes <= 4 && type == BinaryenTypeInt64())
		r = integer(l, BinaryenLoadIsSigned(e) ? T_EXTS : T_EXTU, 32, &r, 1, type);
	return r;
}

static uint32_t lower_store(Lower *l, Expr e)
{
	uint32_t arg[2], bytes = BinaryenStoreGetBytes(e);
	uint64_t offset = BinaryenStoreGetOffset(e);
	if (!operands(l, e, arg, 2))
		return NONE;
	uint32_t key = KEY(l, "store", bytes, offset, BinaryenStoreGetValueType(e));
	Ins *i = lower_emit(l, plain_memory(l, arg[0]) ? I_STORE : I_EFFECT, NONE, 0, arg, 2);
	i->key = key;
	i->op = bytes;
	i->imm = offset;
	i->what = "store";
	return NONE;
}

static uint32_t lower_memory(Lower *l, Expr e)
{
	uint8_t size = BinaryenExpressionGetType(e) == BinaryenTypeInt32() ? I_SIZE : I_READ;
	switch (walk_kind(e)) {
	case K_Load:
		if (BinaryenLoadIsAtomic(e))
			break;
		return lower_load(l, e);
	case K_Store:
		if (BinaryenStoreIsAtomic(e))
			break;
		return lower_store(l, e);
	case K_MemorySize: return generic(l, e, size, KEY(l, "memory.size", 0), "memory.size");
	case K_MemoryGrow: return generic(l, e, I_EFFECT, KEY(l, "memory.grow", 0), "memory.grow");
	case K_MemoryCopy: return generic(l, e, I_EFFECT, KEY(l, "memory.copy", 0), "memory.copy");
	case K_MemoryFill: return generic(l, e, I_EFFECT, KEY(l, "memory.fill", 0), "memory.fill");
	case K_MemoryInit: return generic(l, e, I_EFFECT, KEY(l, "memory.init", BinaryenMemoryInitGetSegment(e)), "memory.init");
	case K_DataDrop: return generic(l, e, I_EFFECT, KEY(l, "data.drop", BinaryenDataDropGetSegment(e)), "data.drop");
	}
	l->bad = "an atomic access";
	return NONE;
}

static uint32_t table_key(Lower *l, const char *what, const char *table)
{
	return KEY(l, what, named(l, l->id->table, table, "a table that only one side has"));
}

static uint32_t lower_ref_func(Lower *l, Expr e)
{
	uint32_t id = named(l, l->id->func, BinaryenRefFuncGetFunc(e), "a function that only one side has");
	return generic(l, e, I_PURE, KEY(l, "ref.func", id), "ref.func");
}

static uint32_t lower_table(Lower *l, Expr e)
{
	switch (walk_kind(e)) {
	case K_TableGet: return generic(l, e, I_FETCH, table_key(l, "table.get", BinaryenTableGetGetTable(e)), "table.get");
	case K_TableSet: return generic(l, e, I_EFFECT, table_key(l, "table.set", BinaryenTableSetGetTable(e)), "table.set");
	case K_TableSize: return generic(l, e, I_READ, table_key(l, "table.size", BinaryenTableSizeGetTable(e)), "table.size");
	case K_TableGrow: return generic(l, e, I_EFFECT, table_key(l, "table.grow", BinaryenTableGrowGetTable(e)), "table.grow");
	case K_RefNull: return generic(l, e, I_PURE, KEY(l, "ref.null", BinaryenExpressionGetType(e)), "ref.null");
	case K_RefIs: return generic(l, e, I_PURE, KEY(l, "ref.is", BinaryenRefIsGetOp(e)), "ref.is");
	default: return lower_ref_func(l, e);
	}
}

/* What was emitted last reads memory, not a table alone. */
static uint32_t of_memory(Lower *l, uint32_t r)
{
	if (r != NONE)
		l->f->ins[l->f->nins - 1].op = 1;
	return r;
}

static uint32_t lower_simd(Lower *l, Expr e)
{
	uint64_t m[2];
	switch (walk_kind(e)) {
	case K_SIMDExtract:
		m[0] = KEY(l, "extract", BinaryenSIMDExtractGetOp(e), BinaryenSIMDExtractGetIndex(e));
		return generic(l, e, I_PURE, m[0], "extract");
	case K_SIMDReplace:
		m[0] = KEY(l, "replace", BinaryenSIMDReplaceGetOp(e), BinaryenSIMDReplaceGetIndex(e));
		return generic(l, e, I_PURE, m[0], "replace");
	case K_SIMDShuffle:
		BinaryenSIMDShuffleGetMask(e, (uint8_t *)m);
		return generic(l, e, I_PURE, KEY(l, "shuffle", m[0], m[1]), "shuffle");
	case K_SIMDTernary: return generic(l, e, I_PURE, KEY(l, "ternary", BinaryenSIMDTernaryGetOp(e)), "ternary");
	case K_SIMDShift: return generic(l, e, I_PURE, KEY(l, "shift", BinaryenSIMDShiftGetOp(e)), "shift");
	case K_SIMDLoad:
		m[0] = KEY(l, "simd.load", BinaryenSIMDLoadGetOp(e), BinaryenSIMDLoadGetOffset(e));
		return of_memory(l, generic(l, e, I_FETCH, m[0], "load"));
	default:
		m[0] = KEY(l, "lane", BinaryenSIMDLoadStoreLaneGetOp(e), BinaryenSIMDLoadStoreLaneGetOffset(e), BinaryenSIMDLoadStoreLaneGetIndex(e));
		return of_memory(l, generic(l, e, BinaryenSIMDLoadStoreLaneIsStore(e) ? I_EFFECT : I_FETCH, m[0], "lane"));
	}
}

static uint32_t lower_tuple(Lower *l, Expr e)
{
	if (walk_kind(e) == K_TupleExtract) {
		uint32_t r = lower_expr(l, BinaryenTupleExtractGetTuple(e));
		return r == NONE ? NONE : r + BinaryenTupleExtractGetIndex(e);
	}
	uint32_t n = walk_nkids(e), *arg = xalloc(n * sizeof *arg), r = NONE, nr;
	if (operands(l, e, arg, n)) {
		r = result(l, e, &nr);
		for (uint32_t i = 0; i < n; i++)
			lower_emit(l, I_MOVE, r + i, 1, &arg[i], 1);
	}
	free(arg);
	return r;
}

uint32_t lower_value(Lower *l, Expr e)
{
	switch (walk_kind(e)) {
	case K_Nop: return NONE;
	case K_Drop: lower_expr(l, BinaryenDropGetValue(e)); return NONE;
	case K_Const: return lower_const(l, e);
	case K_Unary: return lower_operator(l, e, BinaryenUnaryGetOp(e));
	case K_Binary: return lower_operator(l, e, BinaryenBinaryGetOp(e));
	case K_Select: return lower_select(l, e);
	case K_LocalGet: case K_LocalSet: return lower_local(l, e);
	case K_GlobalGet: case K_GlobalSet: return lower_global(l, e);
	case K_Call: case K_CallIndirect: return lower_call(l, e);
	case K_Load: case K_Store: case K_MemorySize: case K_MemoryGrow: case K_MemoryCopy: case K_MemoryFill: case K_MemoryInit: case K_DataDrop:
		return lower_memory(l, e);
	case K_TableGet: case K_TableSet: case K_TableSize: case K_TableGrow: case K_RefNull: case K_RefIs: case K_RefFunc:
		return lower_table(l, e);
	case K_SIMDExtract: case K_SIMDReplace: case K_SIMDShuffle: case K_SIMDTernary: case K_SIMDShift: case K_SIMDLoad:
	case K_SIMDLoadStoreLane:
		return lower_simd(l, e);
	case K_TupleMake: case K_TupleExtract: return lower_tuple(l, e);
	}
	l->bad = "an expression of a kind that the prover does not know";
	return NONE;
}
