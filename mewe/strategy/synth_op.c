/* synth_op.c - the operators that trees are made of: their names, costs and values.
 * In: an expression, or operands at test points. Out: its operator, or the values. Must hold: what an operator gives here is what
 * the engine gives; nothing that may trap is among them. Loops over points are written so that compilers vectorise them. */
#include <string.h>
#include "synth.h"

#define BOTH(is) {Binaryen##is##Int32, Binaryen##is##Int64}
#define BINARY(text, is, price) {.name = text, .nkids = 2, .cost = price, .id = BOTH(is)}
#define COMMUTES(text, is, price) {.name = text, .nkids = 2, .cost = price, .commutes = true, .id = BOTH(is)}
#define COMPARE(text, is) {.name = text, .nkids = 2, .cost = 2, .compares = true, .gives = 32, .id = BOTH(is)}
#define EQUALS(text, is) {.name = text, .nkids = 2, .cost = 2, .compares = true, .commutes = true, .gives = 32, .id = BOTH(is)}
#define DIVIDE(text, is) {.name = text, .nkids = 2, .cost = 5, .divides = true, .id = BOTH(is)}
#define UNARY(text, is, price) {.name = text, .nkids = 1, .cost = price, .id = BOTH(is)}

const SynthOp synth_ops[S_OPS] = {
	[T_ADD] = COMMUTES("add", Add, 1), [T_SUB] = BINARY("sub", Sub, 1), [T_MUL] = COMMUTES("mul", Mul, 3),
	[T_AND] = COMMUTES("and", And, 1), [T_OR] = COMMUTES("or", Or, 1), [T_XOR] = COMMUTES("xor", Xor, 1),
	[T_DIVU] = DIVIDE("div_u", DivU), [T_DIVS] = DIVIDE("div_s", DivS), [T_REMU] = DIVIDE("rem_u", RemU), [T_REMS] = DIVIDE("rem_s", RemS),
	[T_SHL] = BINARY("shl", Shl, 1), [T_SHRU] = BINARY("shr_u", ShrU, 1), [T_SHRS] = BINARY("shr_s", ShrS, 1),
	[T_ROTL] = BINARY("rotl", RotL, 1), [T_ROTR] = BINARY("rotr", RotR, 1),
	[T_EQ] = EQUALS("eq", Eq), [T_NE] = EQUALS("ne", Ne),
	[T_LTS] = COMPARE("lt_s", LtS), [T_LTU] = COMPARE("lt_u", LtU), [T_LES] = COMPARE("le_s", LeS), [T_LEU] = COMPARE("le_u", LeU),
	[T_GTS] = COMPARE("gt_s", GtS), [T_GTU] = COMPARE("gt_u", GtU), [T_GES] = COMPARE("ge_s", GeS), [T_GEU] = COMPARE("ge_u", GeU),
	[T_CLZ] = UNARY("clz", Clz, 3), [T_CTZ] = UNARY("ctz", Ctz, 2), [T_POPCNT] = UNARY("popcnt", Popcnt, 1),
	[T_EQZ] = {.name = "eqz", .nkids = 1, .cost = 2, .compares = true, .gives = 32, .id = BOTH(EqZ)},
	[T_EXT8] = {.name = "extend8_s", .nkids = 1, .cost = 1, .feature = true, .id = {BinaryenExtendS8Int32, BinaryenExtendS8Int64}},
	[T_EXT16] = {.name = "extend16_s", .nkids = 1, .cost = 1, .feature = true, .id = {BinaryenExtendS16Int32, BinaryenExtendS16Int64}},
	[T_EXT32] = {.name = "extend32_s", .nkids = 1, .cost = 1, .feature = true, .narrow = 64, .id = {NULL, BinaryenExtendS32Int64}},
	[T_WRAP] = {.name = "wrap", .nkids = 1, .cost = 0, .narrow = 64, .gives = 32, .id = {NULL, BinaryenWrapInt64}},
	[T_EXTS] = {.name = "extend_s", .nkids = 1, .cost = 1, .narrow = 32, .gives = 64, .id = {BinaryenExtendSInt32, NULL}},
	[T_EXTU] = {.name = "extend_u", .nkids = 1, .cost = 0, .narrow = 32, .gives = 64, .id = {BinaryenExtendUInt32, NULL}},
	[T_ITE] = {.name = "select", .nkids = 3, .cost = 2, .id = {NULL, NULL}},
	[S_NOT] = {.name = "not", .nkids = 1, .cost = 1, .id = {NULL, NULL}},
	[S_NEG] = {.name = "neg", .nkids = 1, .cost = 1, .id = {NULL, NULL}},
};

static uint8_t width_of(Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	return t == BinaryenTypeInt32() ? 32 : t == BinaryenTypeInt64() ? 64 : 0;
}

uint64_t synth_constant(Expr e)
{
	return width_of(e) == 64 ? (uint64_t)BinaryenConstGetValueI64(e) : (uint32_t)BinaryenConstGetValueI32(e);
}

/* Neither zero nor -1, by which the least number can't be divided. */
bool synth_divisor(uint64_t v, uint8_t width) { return v != 0 && v != (width == 64 ? UINT64_MAX : UINT32_MAX); }

bool synth_op_of(Expr e, uint8_t *op, uint8_t *width)
{
	uint32_t kind = walk_kind(e);
	*width = width_of(e);
	*op = T_ITE;
	if (*width == 0 || (kind != K_Unary && kind != K_Binary))
		return *width != 0 && kind == K_Select;
	*width = width_of(walk_kid(e, 0));
	if (*width == 0)
		return false;
	BinaryenOp id = kind == K_Unary ? BinaryenUnaryGetOp(e) : BinaryenBinaryGetOp(e);
	for (*op = 0; *op < S_OPS; ++*op) {
		const SynthOp *o = &synth_ops[*op];
		if (o->name && (o->nkids == 1) == (kind == K_Unary) && o->id[*width == 64] && o->id[*width == 64]() == id)
			return !o->divides || (walk_kind(walk_kid(e, 1)) == K_Const && synth_divisor(synth_constant(walk_kid(e, 1)), *width));
	}
	return false;
}

uint8_t synth_gives(uint8_t op, uint8_t width) { return synth_ops[op].gives ? synth_ops[op].gives : width; }

/* ---- values ---- */

#define EACH(what) \
	for (uint32_t i = 0; i < n; i++) \
		out[i] = what; \
	return

static void eval32(uint8_t op, const uint64_t *a, const uint64_t *b, uint64_t *restrict out, uint32_t n)
{
	switch (op) {
	case T_ADD: EACH((uint32_t)(a[i] + b[i]));
	case T_SUB: EACH((uint32_t)(a[i] - b[i]));
	case T_MUL: EACH((uint32_t)a[i] * (uint64_t)(uint32_t)b[i] & UINT32_MAX);
	case T_DIVU: EACH(b[i] ? a[i] / b[i] : 0);
	case T_REMU: EACH(b[i] ? a[i] % b[i] : 0);
	case T_DIVS: EACH(synth_divisor(b[i], 32) ? (uint32_t)((int32_t)a[i] / (int32_t)b[i]) : 0);
	case T_REMS: EACH(synth_divisor(b[i], 32) ? (uint32_t)((int32_t)a[i] % (int32_t)b[i]) : 0);
	case T_SHL: EACH((uint32_t)a[i] << (b[i] & 31));
	case T_SHRU: EACH((uint32_t)a[i] >> (b[i] & 31));
	case T_SHRS: EACH((uint32_t)((int32_t)a[i] >> (b[i] & 31)));
	case T_ROTL: EACH((uint32_t)a[i] << (b[i] & 31) | (uint32_t)a[i] >> (-b[i] & 31));
	case T_ROTR: EACH((uint32_t)a[i] >> (b[i] & 31) | (uint32_t)a[i] << (-b[i] & 31));
	case T_LTS: EACH((int32_t)a[i] < (int32_t)b[i]);
	case T_LES: EACH((int32_t)a[i] <= (int32_t)b[i]);
	case T_GTS: EACH((int32_t)a[i] > (int32_t)b[i]);
	case T_GES: EACH((int32_t)a[i] >= (int32_t)b[i]);
	case T_CLZ: EACH(a[i] ? (uint32_t)__builtin_clz((uint32_t)a[i]) : 32);
	case T_CTZ: EACH(a[i] ? (uint32_t)__builtin_ctz((uint32_t)a[i]) : 32);
	case T_EXT8: EACH((uint32_t)(int8_t)a[i]);
	case T_EXT16: EACH((uint32_t)(int16_t)a[i]);
	case T_EXTS: EACH((uint64_t)(int32_t)a[i]);
	case T_EXTU: EACH(a[i]);
	case S_NOT: EACH(a[i] ^ UINT32_MAX);
	case S_NEG: EACH((uint32_t)-a[i]);
	}
}

static void eval64(uint8_t op, const uint64_t *a, const uint64_t *b, uint64_t *restrict out, uint32_t n)
{
	switch (op) {
	case T_ADD: EACH(a[i] + b[i]);
	case T_SUB: EACH(a[i] - b[i]);
	case T_MUL: EACH(a[i] * b[i]);
	case T_DIVU: EACH(b[i] ? a[i] / b[i] : 0);
	case T_REMU: EACH(b[i] ? a[i] % b[i] : 0);
	case T_DIVS: EACH(synth_divisor(b[i], 64) ? (uint64_t)((int64_t)a[i] / (int64_t)b[i]) : 0);
	case T_REMS: EACH(synth_divisor(b[i], 64) ? (uint64_t)((int64_t)a[i] % (int64_t)b[i]) : 0);
	case T_SHL: EACH(a[i] << (b[i] & 63));
	case T_SHRU: EACH(a[i] >> (b[i] & 63));
	case T_SHRS: EACH((uint64_t)((int64_t)a[i] >> (b[i] & 63)));
	case T_ROTL: EACH(a[i] << (b[i] & 63) | a[i] >> (-b[i] & 63));
	case T_ROTR: EACH(a[i] >> (b[i] & 63) | a[i] << (-b[i] & 63));
	case T_LTS: EACH((int64_t)a[i] < (int64_t)b[i]);
	case T_LES: EACH((int64_t)a[i] <= (int64_t)b[i]);
	case T_GTS: EACH((int64_t)a[i] > (int64_t)b[i]);
	case T_GES: EACH((int64_t)a[i] >= (int64_t)b[i]);
	case T_CLZ: EACH(a[i] ? (uint64_t)__builtin_clzll(a[i]) : 64);
	case T_CTZ: EACH(a[i] ? (uint64_t)__builtin_ctzll(a[i]) : 64);
	case T_EXT8: EACH((uint64_t)(int8_t)a[i]);
	case T_EXT16: EACH((uint64_t)(int16_t)a[i]);
	case T_EXT32: EACH((uint64_t)(int32_t)a[i]);
	case T_WRAP: EACH((uint32_t)a[i]);
	case S_NOT: EACH(~a[i]);
	case S_NEG: EACH(-a[i]);
	}
}

void synth_eval(uint8_t op, uint8_t width, const uint64_t *a, const uint64_t *b, const uint64_t *c, uint64_t *restrict out, uint32_t n)
{
	switch (op) { /* the same at both widths, since operands are below 2^width */
	case T_AND: EACH(a[i] & b[i]);
	case T_OR: EACH(a[i] | b[i]);
	case T_XOR: EACH(a[i] ^ b[i]);
	case T_EQ: EACH(a[i] == b[i]);
	case T_NE: EACH(a[i] != b[i]);
	case T_LTU: EACH(a[i] < b[i]);
	case T_LEU: EACH(a[i] <= b[i]);
	case T_GTU: EACH(a[i] > b[i]);
	case T_GEU: EACH(a[i] >= b[i]);
	case T_EQZ: EACH(a[i] == 0);
	case T_POPCNT: EACH((uint64_t)__builtin_popcountll(a[i]));
	case T_ITE: EACH(a[i] ? b[i] : c[i]);
	}
	if (width == 64)
		eval64(op, a, b, out, n);
	else
		eval32(op, a, b, out, n);
}

/* ---- trees ---- */

static bool plain(uint8_t op) { return op == T_SYM || op == T_CONST || op == T_ADD || op == T_SUB || op == S_NEG; }

uint32_t synth_hard(uint8_t op, uint8_t left, uint8_t right)
{
	if (op == T_MUL && right != T_CONST && left != T_CONST)
		return 1 + 2 * !plain(left) + 2 * !plain(right);
	return (op >= T_SHL && op <= T_ROTR && right != T_CONST) || op == T_CLZ || op == T_CTZ || op == T_POPCNT || synth_ops[op].divides;
}

uint32_t synth_hardness(const Tree *t)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->n; i++)
		n += synth_hard(t->t[i].op, t->t[t->t[i].kid[0]].op, t->t[t->t[i].kid[1]].op);
	return n;
}

/* An amount that isn't known needs a register of its own. */
uint32_t synth_cost_of(uint8_t op, bool constant)
{
	return synth_ops[op].cost + (op >= T_SHL && op <= T_ROTR && !constant);
}

uint32_t synth_cost(const Tree *t)
{
	uint32_t cost = 0;
	for (uint32_t i = 0; i < t->n; i++)
		cost += synth_cost_of(t->t[i].op, t->t[t->t[i].kid[1]].op == T_CONST);
	return cost;
}

bool synth_tree_points(const Tree *t, const uint64_t *const *var, uint64_t *out, uint32_t n)
{
	uint64_t v[SYNTH_TREE][SYNTH_ALL];
	const uint64_t *at[SYNTH_TREE];
	for (uint32_t k = 0; k < t->n; k++) {
		const Twig *w = &t->t[k];
		at[k] = v[k];
		if (w->op == T_SYM)
			at[k] = var[w->kid[0]];
		else if (w->op == T_CONST)
			for (uint32_t i = 0; i < n; i++)
				v[k][i] = w->imm;
		else
			synth_eval(w->op, w->width, at[w->kid[0]], at[w->kid[1]], at[w->kid[2]], v[k], n);
	}
	memcpy(out, at[t->n - 1], n * sizeof *out);
	for (uint32_t k = 0; k + 1 < t->n; k++)
		if (memcmp(at[k], out, n * sizeof *out) == 0)
			return false;
	return true;
}

uint64_t synth_tree_value(const Tree *t, uint32_t at, const uint64_t *var)
{
	const Twig *w = &t->t[at];
	uint64_t kid[3], out;
	if (w->op == T_CONST)
		return w->imm;
	if (w->op == T_SYM)
		return var[w->kid[0]];
	for (uint32_t i = 0; i < 3; i++)
		kid[i] = i < synth_ops[w->op].nkids ? synth_tree_value(t, w->kid[i], var) : 0;
	synth_eval(w->op, w->width, &kid[0], &kid[1], &kid[2], &out, 1);
	return out;
}

void synth_tree_part(const Tree *t, uint32_t root, Tree *out)
{
	*out = *t;
	out->n = root + 1;
}
