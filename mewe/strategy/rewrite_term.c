/* rewrite_term.c - the notation of the rules: reading, matching, computing and building terms.
 * In: the text of a term; an expression to match, or what its letters stand for. Out: a Binding, a number, an expression.
 * Must hold: building copies what it is given, and never uses an operand but through its local or as a constant. */
#include <stdlib.h>
#include <string.h>
#include "rewrite.h"

typedef enum OpKind { OP_UNARY, OP_BINARY, OP_TEST, OP_COMPARE, OP_WRAP, OP_EXTEND, OP_SELECT, OP_LOAD, OP_NOT, OP_NEG } OpKind;

struct RewriteOp {
	const char *name;
	OpKind kind;
	uint8_t nkids;
	BinaryenOp (*id[2])(void);     /* at 32 and 64 bits; NULL: there is none */
	uint64_t (*eval)(uint64_t a, uint64_t b, uint32_t width); /* where rules compute with constants */
	uint8_t bytes;                 /* of a load that is narrower than its type; 0: a full one */
	bool sign;
};

#define EVAL(name, result) \
	static uint64_t eval_##name(uint64_t a, uint64_t b, uint32_t width) \
	{ \
		(void)b; \
		(void)width; \
		return result; \
	}
EVAL(add, a + b)
EVAL(sub, a - b)
EVAL(mul, a *b)
EVAL(and, a &b)
EVAL(or, a | b)
EVAL(xor, a ^ b)
EVAL(shl, a << b % width)
EVAL(shr_u, a >> b % width)
EVAL(rotl, b % width == 0 ? a : a << b % width | a >> (width - b % width))
EVAL(not, ~a)
EVAL(neg, 0 - a)
EVAL(ctz, a == 0 ? width : (uint64_t)__builtin_ctzll(a))
EVAL(popcnt, (uint64_t)__builtin_popcountll(a))
EVAL(ne, a != b)
EVAL(eq, a == b)
EVAL(lt_u, a < b)

#define UN(name, id, ...) {name, OP_UNARY, 1, {Binaryen##id##Int32, Binaryen##id##Int64}, __VA_ARGS__}
#define BIN(name, id, ...) {name, OP_BINARY, 2, {Binaryen##id##Int32, Binaryen##id##Int64}, __VA_ARGS__}
#define CMP(name, id, ...) {name, OP_COMPARE, 2, {Binaryen##id##Int32, Binaryen##id##Int64}, __VA_ARGS__}
#define LOAD(name, bytes, sign) {name, OP_LOAD, 1, {NULL, NULL}, NULL, bytes, sign}

static const RewriteOp ops[] = {
	BIN("add", Add, eval_add, 0, 0), BIN("sub", Sub, eval_sub, 0, 0), BIN("mul", Mul, eval_mul, 0, 0),
	BIN("and", And, eval_and, 0, 0), BIN("or", Or, eval_or, 0, 0), BIN("xor", Xor, eval_xor, 0, 0),
	BIN("shl", Shl, eval_shl, 0, 0), BIN("shr_u", ShrU, eval_shr_u, 0, 0), BIN("shr_s", ShrS, NULL, 0, 0),
	BIN("rotl", RotL, eval_rotl, 0, 0), BIN("rotr", RotR, NULL, 0, 0),
	BIN("div_s", DivS, NULL, 0, 0), BIN("div_u", DivU, NULL, 0, 0),
	BIN("rem_s", RemS, NULL, 0, 0), BIN("rem_u", RemU, NULL, 0, 0),
	CMP("eq", Eq, eval_eq, 0, 0), CMP("ne", Ne, eval_ne, 0, 0),
	CMP("lt_s", LtS, NULL, 0, 0), CMP("lt_u", LtU, eval_lt_u, 0, 0), CMP("gt_s", GtS, NULL, 0, 0), CMP("gt_u", GtU, NULL, 0, 0),
	CMP("le_s", LeS, NULL, 0, 0), CMP("le_u", LeU, NULL, 0, 0), CMP("ge_s", GeS, NULL, 0, 0), CMP("ge_u", GeU, NULL, 0, 0),
	UN("clz", Clz, NULL, 0, 0), UN("ctz", Ctz, eval_ctz, 0, 0), UN("popcnt", Popcnt, eval_popcnt, 0, 0),
	UN("extend8_s", ExtendS8, NULL, 0, 0), UN("extend16_s", ExtendS16, NULL, 0, 0),
	{"extend32_s", OP_UNARY, 1, {NULL, BinaryenExtendS32Int64}, NULL, 0, 0},
	{"eqz", OP_TEST, 1, {BinaryenEqZInt32, BinaryenEqZInt64}, NULL, 0, 0},
	{"wrap", OP_WRAP, 1, {BinaryenWrapInt64, BinaryenWrapInt64}, NULL, 0, 0},
	{"extend_s", OP_EXTEND, 1, {BinaryenExtendSInt32, BinaryenExtendSInt32}, NULL, 0, 0},
	{"extend_u", OP_EXTEND, 1, {BinaryenExtendUInt32, BinaryenExtendUInt32}, NULL, 0, 0},
	{"select", OP_SELECT, 3, {NULL, NULL}, NULL, 0, 0},
	LOAD("load", 0, false), LOAD("load8_u", 1, false), LOAD("load8_s", 1, true), LOAD("load16_u", 2, false),
	LOAD("load16_s", 2, true), LOAD("load32_u", 4, false), LOAD("load32_s", 4, true),
	{"not", OP_NOT, 1, {NULL, NULL}, eval_not, 0, 0},
	{"neg", OP_NEG, 1, {NULL, NULL}, eval_neg, 0, 0},
};

static BinaryenType type_of_width(uint32_t width) { return width == 64 ? BinaryenTypeInt64() : BinaryenTypeInt32(); }

static uint32_t width_of_type(BinaryenType t) { return t == BinaryenTypeInt32() ? 32 : t == BinaryenTypeInt64() ? 64 : 0; }

static uint32_t width_of(Expr e) { return width_of_type(BinaryenExpressionGetType(e)); }

/* ---- reading ---- */

static const char *skip(const char *s) { return s + strspn(s, " "); }

static const RewriteOp *op_named(const char *s, size_t n)
{
	for (size_t i = 0; i < LEN(ops); i++)
		if (strlen(ops[i].name) == n && memcmp(ops[i].name, s, n) == 0)
			return &ops[i];
	return NULL;
}

static const char *read_leaf(const char *s, Term *t)
{
	size_t n = strcspn(s, " ()");
	char *end;
	if (n == 1 && strchr(OPERANDS "KLvckoWM", *s))
		t->leaf = *s;
	else if (n == 3 && memcmp(s, "MIN", n) == 0)
		t->leaf = 'm';
	else if (n == 3 && memcmp(s, "MAX", n) == 0)
		t->leaf = 'X';
	else {
		t->leaf = '#';
		t->value = *s == '-' ? (uint64_t)strtoll(s, &end, 0) : strtoull(s, &end, 0);
		return n > 0 && end == s + n ? end : NULL;
	}
	return s + n;
}

static const char *read_term(const char *s, Terms *out)
{
	if (out->n == TERM_MAX)
		return NULL;
	Term *t = &out->t[out->n++];
	*t = (Term){0};
	if (*s != '(')
		return read_leaf(s, t);
	size_t n = strcspn(++s, " ()");
	t->op = op_named(s, n);
	if (!t->op)
		return NULL;
	s = skip(s + n);
	for (uint32_t i = 0; i < t->op->nkids && s; i++) {
		t->kid[i] = out->n;
		s = read_term(s, out);
		s = s ? skip(s) : NULL;
	}
	return s && *s == ')' ? s + 1 : NULL;
}

bool rewrite_parse(const char *text, Terms *out)
{
	out->n = 0;
	const char *end = read_term(text, out);
	return end && *end == 0;
}

bool rewrite_uses(const Terms *t, const char *letters)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (!t->t[i].op && strchr(letters, t->t[i].leaf))
			return true;
	return false;
}

/* ---- matching ---- */

static bool op_is(const RewriteOp *o, Expr e)
{
	BinaryenOp id;
	uint32_t kind = walk_kind(e);
	if (kind == K_Select)
		return o->kind == OP_SELECT;
	if (kind == K_Load) {
		uint32_t bytes = BinaryenLoadGetBytes(e), full = width_of(e) / 8;
		if (o->kind != OP_LOAD || BinaryenLoadIsAtomic(e))
			return false;
		return o->bytes == 0 ? bytes == full : bytes < full && bytes == o->bytes && BinaryenLoadIsSigned(e) == o->sign;
	}
	if (kind == K_Unary)
		id = BinaryenUnaryGetOp(e);
	else if (kind == K_Binary)
		id = BinaryenBinaryGetOp(e);
	else
		return false;
	/* Binaryen numbers unary and binary operators apart, both from 0. */
	return (kind == K_Unary) == (o->nkids == 1) && ((o->id[0] && o->id[0]() == id) || (o->id[1] && o->id[1]() == id));
}

const char *rewrite_op_of(Expr e, uint32_t *width)
{
	*width = width_of(e);
	if (*width == 0)
		return NULL;
	for (size_t i = 0; i < LEN(ops); i++) {
		if (op_is(&ops[i], e)) {
			if (ops[i].kind != OP_SELECT && ops[i].kind != OP_LOAD)
				*width = width_of(walk_kid(e, 0));
			return ops[i].name;
		}
	}
	return NULL;
}

bool rewrite_match(const Terms *t, uint32_t at, Expr e, Binding *b)
{
	const Term *term = &t->t[at];
	uint32_t width = width_of(e);
	if (width == 0)
		return false;
	if (term->op) {
		if (!op_is(term->op, e))
			return false;
		if (term->op->kind == OP_LOAD)
			b->load = e;
		for (uint32_t i = 0; i < term->op->nkids; i++)
			if (!rewrite_match(t, term->kid[i], walk_kid(e, i), b))
				return false;
		return true;
	}
	bool constant = walk_kind(e) == K_Const;
	if (strchr(OPERANDS, term->leaf)) {
		b->letter[b->nleaf] = term->leaf;
		b->leaf[b->nleaf++] = e;
		return !constant || term->leaf == 'a' || term->leaf == 'b';
	}
	if (!constant)
		return false;
	uint64_t value = width == 64 ? (uint64_t)BinaryenConstGetValueI64(e) : (uint32_t)BinaryenConstGetValueI32(e);
	if (term->leaf == 'K' || term->leaf == 'L') {
		b->constant[term->leaf - 'K'] = value;
		return true;
	}
	return value == rewrite_eval(t, at, b, width);
}

/* ---- computing ---- */

uint64_t rewrite_eval(const Terms *t, uint32_t at, const Binding *b, uint32_t width)
{
	const Term *term = &t->t[at];
	uint64_t mask = width == 64 ? UINT64_MAX : UINT32_MAX, r = term->value;
	if (term->op) {
		uint64_t kid[2] = {0};
		for (uint32_t i = 0; i < term->op->nkids; i++)
			kid[i] = rewrite_eval(t, term->kid[i], b, width);
		return term->op->eval(kid[0], kid[1], width) & mask;
	}
	switch (term->leaf) {
	case 'K': r = b->constant[0]; break;
	case 'L': r = b->constant[1]; break;
	case 'c': r = b->random[0]; break;
	case 'k': r = b->random[1] % (width - 1) + 1; break;
	case 'o': r = b->random[2] | 1; break;
	case 'W': r = width; break;
	case 'M': r = width - 1; break;
	case 'm': r = 1ull << (width - 1); break;
	case 'X': r = (1ull << (width - 1)) - 1; break;
	}
	return r & mask;
}

static bool is_constant(const Terms *t, uint32_t at)
{
	const Term *term = &t->t[at];
	if (!term->op)
		return !strchr(OPERANDS "v", term->leaf);
	bool all = term->op->eval != NULL;
	for (uint32_t i = 0; i < term->op->nkids; i++)
		all = all && is_constant(t, term->kid[i]);
	return all;
}

/* ---- building ---- */

static uint32_t leaf_index(const Binding *b, char letter)
{
	uint32_t i = 0;
	while (i < b->nleaf && b->letter[i] != letter)
		i++;
	return i;
}

/* The width that the term has by itself; 0: whatever is asked of it. */
static uint32_t own_width(const Terms *t, uint32_t at, const Binding *b)
{
	const Term *term = &t->t[at];
	if (is_constant(t, at))
		return 0;
	if (!term->op)
		return term->leaf == 'v' ? width_of_type(b->vtype) : width_of(b->leaf[leaf_index(b, term->leaf)]);
	switch (term->op->kind) {
	case OP_TEST: case OP_COMPARE: case OP_WRAP: return 32;
	case OP_EXTEND: return 64;
	case OP_LOAD: return 0;
	case OP_UNARY: case OP_NOT: case OP_NEG: return own_width(t, term->kid[0], b);
	case OP_BINARY: case OP_SELECT: break;
	}
	uint32_t w = own_width(t, term->kid[0], b);
	return w ? w : own_width(t, term->kid[1], b);
}

static Expr number(const Binding *b, uint64_t value, uint32_t width)
{
	return BinaryenConst(b->module, width == 64 ? BinaryenLiteralInt64((int64_t)value) : BinaryenLiteralInt32((int32_t)value));
}

static Expr build_leaf(const Term *term, const Binding *b, uint32_t width)
{
	if (term->leaf == 'v' && width != width_of_type(b->vtype))
		return NULL;
	if (term->leaf == 'v')
		return b->v == NONE ? BinaryenGlobalGet(b->module, b->vglobal, b->vtype) : BinaryenLocalGet(b->module, b->v, b->vtype);
	uint32_t i = leaf_index(b, term->leaf);
	if (width_of(b->leaf[i]) != width)
		return NULL;
	if (b->local[i] == NONE)
		return BinaryenExpressionCopy(b->leaf[i], b->module);
	return BinaryenLocalGet(b->module, b->local[i], BinaryenExpressionGetType(b->leaf[i]));
}

static Expr build_load(const RewriteOp *op, const Binding *b, uint32_t width, Expr ptr)
{
	uint32_t bytes = op->bytes ? op->bytes : width / 8;
	if (bytes > width / 8 || (op->bytes && bytes == width / 8) || BinaryenLoadGetBytes(b->load) != bytes)
		return NULL;
	Expr e = BinaryenExpressionCopy(b->load, b->module);
	BinaryenLoadSetSigned(e, op->sign);
	BinaryenLoadSetPtr(e, ptr);
	BinaryenExpressionSetType(e, type_of_width(width));
	return e;
}

static Expr build(const Terms *t, uint32_t at, const Binding *b, uint32_t width)
{
	const Term *term = &t->t[at];
	const RewriteOp *op = term->op;
	if (is_constant(t, at))
		return number(b, rewrite_eval(t, at, b, width), width);
	if (!op)
		return build_leaf(term, b, width);

	uint32_t inner = width; /* the width of the first operand */
	if (op->kind == OP_WRAP || op->kind == OP_EXTEND)
		inner = op->kind == OP_WRAP ? 64 : 32;
	else if (op->kind == OP_TEST || op->kind == OP_COMPARE)
		inner = own_width(t, term->kid[0], b) ? own_width(t, term->kid[0], b) : own_width(t, term->kid[op->nkids - 1], b);
	else if (op->kind == OP_LOAD)
		inner = width_of(b->leaf[0]);
	Expr kid[3] = {NULL};
	for (uint32_t i = 0; i < op->nkids; i++) {
		kid[i] = build(t, term->kid[i], b, op->kind == OP_SELECT && i == 2 ? 32 : inner);
		if (!kid[i])
			return NULL;
	}
	BinaryenOp (*id)(void) = op->id[inner == 64];
	bool narrow = op->kind == OP_TEST || op->kind == OP_COMPARE || op->kind == OP_WRAP;
	if ((narrow && width != 32) || (op->kind == OP_EXTEND && width != 64))
		return NULL;
	switch (op->kind) {
	case OP_SELECT: return BinaryenSelect(b->module, kid[2], kid[0], kid[1], type_of_width(width));
	case OP_LOAD: return build_load(op, b, width, kid[0]);
	case OP_NOT: return BinaryenBinary(b->module, inner == 64 ? BinaryenXorInt64() : BinaryenXorInt32(), kid[0], number(b, -1, inner));
	case OP_NEG: return BinaryenBinary(b->module, inner == 64 ? BinaryenSubInt64() : BinaryenSubInt32(), number(b, 0, inner), kid[0]);
	default: break;
	}
	if (!id)
		return NULL;
	return op->nkids == 1 ? BinaryenUnary(b->module, id(), kid[0]) : BinaryenBinary(b->module, id(), kid[0], kid[1]);
}

Expr rewrite_build(const Terms *t, const Binding *b, BinaryenType type) { return build(t, 0, b, width_of_type(type)); }
