/* shape.c - dispatchers found by their shape, in a module that nobody vouches for.
 * In: a module as read from its binary. Out: the dispatchers of the last build that made it, by rising ordinal, with the
 * ordinals of their bodies. Must hold: nothing is taken for a dispatcher that does more than choose and pass on its
 * parameters; a module that was multivariant before that build keeps its older dispatchers to itself.
 *
 * The shape, as combine.c writes it (n arms, the last outermost):
 *   (block (block $n-1 ... (block $0 (br_table $0 ... $n-1 $0 SELECTOR)) ARM 0) ... ) ARM n-1)
 *   ARM = [instrument's calls] (return (call BODY (local.get 0) ...))
 *       | [instrument's calls] (call BODY (local.get 0) ...) (return)       where there are no results
 *   SELECTOR = (call DRAW (i32.const own ordinal) (i32.const n))
 *            | (i32.and (i32.wrap_i64 [i64.shr_u] (global.get G) [(i64.const shift)]) (i32.const mask))
 *            | POOL | (if (result i32) (global.get LIVE) POOL (i32.const 0)), where for n = 2^w
 *   POOL = (block (result i32)
 *            (if (i64.lt_u (global.get P) (i64.const 2^w)) (call READY (i32.const n) (i32.const w)))
 *            (i32.and (i32.wrap_i64 (global.get P)) (block (result i32) TAKE (i32.const 2^w-1))))
 *   TAKE = (global.set P (i64.shr_u (global.get P) (i64.const w)))
 * and for any other n, w bits make PRODUCT = (i32.mul (i32.and (i32.wrap_i64 (global.get P)) (i32.const 2^w-1)) (i32.const n)):
 *   POOL = (block (result i32)
 *            (if (i32.or (i64.lt_u ...) (i32.lt_u (i32.and PRODUCT (i32.const 2^w-1)) (i32.const 2^w mod n))) (call READY ...))
 *            (i32.shr_u PRODUCT (block (result i32) TAKE (i32.const w)))) */
#include <stdlib.h>
#include <string.h>
#include "shape.h"

/* ---- small patterns ---------------------------------------------------------------------------------------------- */

static bool const32(Expr e, uint32_t *x)
{
	if (walk_kind(e) != K_Const || BinaryenExpressionGetType(e) != BinaryenTypeInt32())
		return false;
	*x = BinaryenConstGetValueI32(e);
	return true;
}

static bool is_binary(Expr e, BinaryenOp op) { return walk_kind(e) == K_Binary && BinaryenBinaryGetOp(e) == op; }

/* A call of the instrument: constants in, nothing out. */
bool shape_trace(Expr e)
{
	if (walk_kind(e) != K_Call || BinaryenExpressionGetType(e) != BinaryenTypeNone() || BinaryenCallGetNumOperands(e) == 0)
		return false;
	for (uint32_t i = 0; i < BinaryenCallGetNumOperands(e); i++)
		if (walk_kind(BinaryenCallGetOperandAt(e, i)) != K_Const)
			return false;
	return true;
}

bool shape_marked(Expr body)
{
	uint32_t x;
	Expr first = walk_kind(body) == K_Block && BinaryenBlockGetNumChildren(body) > 0 ? BinaryenBlockGetChildAt(body, 0) : body;
	return walk_kind(first) == K_Drop && const32(BinaryenDropGetValue(first), &x) && x == 0x6d657765;
}

/* ---- selectors ------------------------------------------------------------------------------------------------------ */

bool shape_field(Expr e, Selector *out)
{
	*out = (Selector){0};
	if (!is_binary(e, BinaryenAndInt32()) || !const32(BinaryenBinaryGetRight(e), &out->mask))
		return false;
	Expr word = BinaryenBinaryGetLeft(e);
	if (walk_kind(word) != K_Unary || BinaryenUnaryGetOp(word) != BinaryenWrapInt64())
		return false;
	word = BinaryenUnaryGetValue(word);
	if (is_binary(word, BinaryenShrUInt64())) {
		Expr by = BinaryenBinaryGetRight(word);
		if (walk_kind(by) != K_Const)
			return false;
		out->shift = BinaryenConstGetValueI64(by);
		word = BinaryenBinaryGetLeft(word);
	}
	if (walk_kind(word) != K_GlobalGet)
		return false;
	out->global = BinaryenGlobalGetGetName(word);
	return true;
}

static Expr number(Ref m, uint32_t x) { return BinaryenConst(m, BinaryenLiteralInt32(x)); }
static Expr number64(Ref m, uint64_t x) { return BinaryenConst(m, BinaryenLiteralInt64(x)); }
static Expr pool(Ref m, const Selector *s) { return BinaryenGlobalGet(m, s->global, BinaryenTypeInt64()); }

/* What the pool's next bits make of n: they themselves, or a product with n whose high bits are meant. */
static Expr product(Ref m, const Selector *s, uint32_t n)
{
	Expr bits = BinaryenUnary(m, BinaryenWrapInt64(), pool(m, s));
	if (draw_width(n) == draw_bits(n))
		return bits;
	bits = BinaryenBinary(m, BinaryenAndInt32(), bits, number(m, (1u << draw_width(n)) - 1));
	return BinaryenBinary(m, BinaryenMulInt32(), bits, number(m, n));
}

/* Are they too few, or such as would make some choices likelier? */
static Expr unready(Ref m, const Selector *s, uint32_t n)
{
	uint32_t all = 1u << draw_width(n);
	Expr few = BinaryenBinary(m, BinaryenLtUInt64(), pool(m, s), number64(m, all));
	if (all % n == 0)
		return few;
	Expr low = BinaryenBinary(m, BinaryenAndInt32(), product(m, s, n), number(m, all - 1));
	return BinaryenBinary(m, BinaryenOrInt32(), few, BinaryenBinary(m, BinaryenLtUInt32(), low, number(m, all % n)));
}

/* The pool's bits are read before, and taken away in, the right operand: so the dispatcher needs no local. */
Expr shape_pool(Ref m, const Selector *s, uint32_t n)
{
	uint32_t width = draw_width(n);
	bool raw = width == draw_bits(n);
	Expr args[] = {number(m, n), number(m, width)};
	Expr take[] = {BinaryenGlobalSet(m, s->global, BinaryenBinary(m, BinaryenShrUInt64(), pool(m, s), number64(m, width))),
	               number(m, raw ? n - 1 : width)};
	Expr part[] = {BinaryenIf(m, unready(m, s, n), BinaryenCall(m, s->ready, args, 2, BinaryenTypeNone()), NULL),
	               BinaryenBinary(m, raw ? BinaryenAndInt32() : BinaryenShrUInt32(), product(m, s, n),
	                              BinaryenBlock(m, NULL, take, 2, BinaryenTypeInt32()))};
	Expr choice = BinaryenBlock(m, NULL, part, 2, BinaryenTypeInt32());
	if (!s->live)
		return choice;
	return BinaryenIf(m, BinaryenGlobalGet(m, s->live, BinaryenTypeInt32()), choice, number(m, 0));
}

static bool pool_name(void *ctx, Expr e, uint32_t index)
{
	Selector *s = ctx;
	(void)index;
	if (walk_kind(e) == K_Call)
		s->ready = BinaryenCallGetTarget(e);
	else if (walk_kind(e) == K_GlobalSet)
		s->global = BinaryenGlobalSetGetName(e);
	return true;
}

/* Names are taken from where they may be, and then all of it is compared. */
static bool pooled(const Mod *m, Expr e, uint32_t n, Selector *out)
{
	Ident id = ident_of(m);
	Buf is = {0}, want = {0};
	*out = (Selector){0};
	if (walk_kind(e) == K_If && walk_kind(BinaryenIfGetCondition(e)) == K_GlobalGet)
		out->live = BinaryenGlobalGetGetName(BinaryenIfGetCondition(e));
	walk_each(e, pool_name, out);
	bool same = out->ready && out->global && walk_write(&is, e, &id) && walk_write(&want, shape_pool(m->ref, out, n), &id) &&
	            is.n == want.n && memcmp(is.p, want.p, is.n) == 0;
	buf_free(&is);
	buf_free(&want);
	return same;
}

static bool selector(const Mod *m, Expr e, uint32_t ordinal, uint32_t n, Selector *out)
{
	uint32_t own, of;
	*out = (Selector){0};
	if (walk_kind(e) == K_Block || walk_kind(e) == K_If)
		return pooled(m, e, n, out);
	if (walk_kind(e) != K_Call)
		return shape_field(e, out);
	out->draw = BinaryenCallGetTarget(e);
	return BinaryenCallGetNumOperands(e) == 2 && const32(BinaryenCallGetOperandAt(e, 0), &own) && own == ordinal &&
	       const32(BinaryenCallGetOperandAt(e, 1), &of) && of == n;
}

/* ---- arms ----------------------------------------------------------------------------------------------------------- */

/* A call of a defined function of the same type, with the own parameters in order. */
static bool passes_on(const Mod *m, uint32_t ordinal, Expr e, uint32_t *callee)
{
	BinaryenFunctionRef f = m->func[ordinal].ref, to;
	if (walk_kind(e) != K_Call || BinaryenCallIsReturn(e))
		return false;
	*callee = read_ordinal(m, BinaryenCallGetTarget(e));
	if (*callee == NONE)
		return false;
	to = m->func[*callee].ref;
	if (BinaryenFunctionGetParams(f) != BinaryenFunctionGetParams(to) || BinaryenFunctionGetResults(f) != BinaryenFunctionGetResults(to))
		return false;
	for (uint32_t i = 0; i < BinaryenCallGetNumOperands(e); i++) {
		Expr arg = BinaryenCallGetOperandAt(e, i);
		if (walk_kind(arg) != K_LocalGet || BinaryenLocalGetGetIndex(arg) != i)
			return false;
	}
	return true;
}

/* Is e what Binaryen's reader makes of several results on the stack, once it has put them into this local? */
static bool gives_tuple(Expr e, uint32_t local)
{
	if (walk_kind(e) != K_TupleMake)
		return false;
	for (uint32_t i = 0; i < BinaryenTupleMakeGetNumOperands(e); i++) {
		Expr part = BinaryenTupleMakeGetOperandAt(e, i);
		if (walk_kind(part) != K_TupleExtract || BinaryenTupleExtractGetIndex(part) != i)
			return false;
		Expr of = BinaryenTupleExtractGetTuple(part);
		if (walk_kind(of) != K_LocalGet || BinaryenLocalGetGetIndex(of) != local)
			return false;
	}
	return true;
}

/* The call in the statements of an arm: returned, or followed by a return, by way of a local where there are several results. */
static Expr called(BinaryenFunctionRef f, Expr first, Expr last)
{
	uint32_t arity = BinaryenTypeArity(BinaryenFunctionGetResults(f));
	Expr value = walk_kind(last) == K_Return ? BinaryenReturnGetValue(last) : NULL;
	if (walk_kind(last) != K_Return || (value != NULL) != (arity > 0))
		return NULL;
	if (arity < 2)
		return arity ? value : first;
	if (walk_kind(first) != K_LocalSet || BinaryenLocalSetIsTee(first))
		return NULL;
	uint32_t local = BinaryenLocalSetGetIndex(first);
	if (local < BinaryenTypeArity(BinaryenFunctionGetParams(f)) || !gives_tuple(value, local))
		return NULL;
	return BinaryenLocalSetGetValue(first);
}

/* The children of a block from `at` on are an arm and nothing else. */
static bool arm(const Mod *m, uint32_t ordinal, Expr block, uint32_t at, Arm *out)
{
	BinaryenFunctionRef f = m->func[ordinal].ref;
	uint32_t n = BinaryenBlockGetNumChildren(block), want = BinaryenTypeArity(BinaryenFunctionGetResults(f)) == 1 ? 1 : 2;
	*out = (Arm){0};
	while (n - at > want && out->ntrace < LEN(out->trace)) {
		Expr e = BinaryenBlockGetChildAt(block, at++);
		if (!shape_trace(e))
			return false;
		out->trace[out->ntrace++] = e;
	}
	if (n - at != want)
		return false;
	Expr call = called(f, BinaryenBlockGetChildAt(block, at), BinaryenBlockGetChildAt(block, n - 1));
	return call && passes_on(m, ordinal, call, &out->callee);
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

/* The block that holds the br_table has it alone; the blocks on the way there, outermost first, are where the arms are. */
static Expr find_table(Expr body, Expr **block, uint32_t *n, bool *traced)
{
	uint32_t cap = 0;
	*traced = false;
	for (Expr e = body;;) {
		if (walk_kind(e) == K_Switch)
			return e;
		if (walk_kind(e) != K_Block || BinaryenBlockGetNumChildren(e) == 0)
			return NULL;
		PUSH(*block, *n, cap, e);
		Expr kid = BinaryenBlockGetChildAt(e, 0);
		if (*n == 1 && shape_trace(kid) && BinaryenBlockGetNumChildren(e) > 1) {
			*traced = true;
			kid = BinaryenBlockGetChildAt(e, 1);
		}
		e = kid;
	}
}

/* The table's kth target is the end of the block that arm k follows; what is out of range takes the original. */
bool shape_targets(Expr table, Expr *block, uint32_t n)
{
	if (BinaryenSwitchGetNumNames(table) != n || BinaryenSwitchGetValue(table))
		return false;
	for (uint32_t k = 0; k < n; k++) {
		const char *label = BinaryenBlockGetName(block[n - k]);
		if (!label || strcmp(label, BinaryenSwitchGetNameAt(table, k)) != 0)
			return false;
	}
	return strcmp(BinaryenSwitchGetDefaultName(table), BinaryenSwitchGetNameAt(table, 0)) == 0;
}

bool shape_pieces(const Mod *m, uint32_t ordinal, Pieces *out)
{
	Expr body = BinaryenFunctionGetBody(m->func[ordinal].ref), *block = NULL;
	uint32_t nblock = 0;
	bool traced, good;
	*out = (Pieces){0};
	Expr table = find_table(body, &block, &nblock, &traced);
	good = table && nblock >= 3 && BinaryenBlockGetNumChildren(block[nblock - 1]) == 1;
	if (good) {
		out->n = nblock - 1;
		out->arm = xalloc(out->n * sizeof *out->arm);
		out->enter = traced ? BinaryenBlockGetChildAt(body, 0) : NULL;
		good = shape_targets(table, block, out->n) && selector(m, BinaryenSwitchGetCondition(table), ordinal, out->n, &out->selector);
	}
	for (uint32_t k = 0; good && k < out->n; k++) {
		Expr around = block[out->n - 1 - k];
		good = arm(m, ordinal, around, around == body && traced ? 2 : 1, &out->arm[k]);
	}
	free(block);
	if (!good) {
		free(out->arm);
		*out = (Pieces){0};
	}
	return good;
}

/* A dispatcher's bodies lie one after another, behind it. */
static bool behind(uint32_t ordinal, const Pieces *p)
{
	for (uint32_t k = 0; k < p->n; k++)
		if (p->arm[k].callee != p->arm[0].callee + k)
			return false;
	return p->arm[0].callee > ordinal;
}

static int by_bodies(const void *a, const void *b)
{
	const Found *x = a, *y = b;
	return x->variant[0] != y->variant[0] ? (x->variant[0] > y->variant[0] ? -1 : 1) : (x->func < y->func) - (x->func > y->func);
}

/* One build leaves its dispatchers' bodies without a gap, in the dispatchers' order, and behind what earlier builds left,
 * which its own discriminator parts from them: so follow the bodies downwards from the last. */
static uint32_t last_build(Found *f, uint32_t n)
{
	uint32_t last = 0;
	if (n == 0)
		return 0;
	qsort(f, n, sizeof *f, by_bodies);
	for (uint32_t i = 1; i < n; i++) {
		if (f[i].variant[0] + f[i].n != f[last].variant[0] || f[i].func >= f[last].func)
			continue;
		Found t = f[++last];
		f[last] = f[i];
		f[i] = t;
	}
	for (uint32_t i = last + 1; i < n; i++)
		free(f[i].variant);
	for (uint32_t i = 0; i < (last + 1) / 2; i++) {
		Found t = f[i];
		f[i] = f[last - i];
		f[last - i] = t;
	}
	return last + 1;
}

int shape_find(const Mod *m, Founds *out, Err *e)
{
	uint32_t cap = 0;
	(void)e; /* nothing is an error here: what has no dispatcher's shape is none */
	*out = (Founds){0};
	for (uint32_t i = 0; i < m->nfunc; i++) {
		Pieces p;
		if (!shape_pieces(m, i, &p))
			continue;
		if (behind(i, &p)) {
			Found f = {i, p.n, xalloc(p.n * sizeof *f.variant)};
			for (uint32_t k = 0; k < p.n; k++)
				f.variant[k] = p.arm[k].callee;
			PUSH(out->f, out->n, cap, f);
		}
		free(p.arm);
	}
	out->n = last_build(out->f, out->n);
	return 0;
}

void shape_free(Founds *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		free(f->f[i].variant);
	free(f->f);
	*f = (Founds){0};
}
