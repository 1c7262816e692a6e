/* memory_pair.c - two neighbouring statements that access memory through one address: exchanged or merged.
 * In: a block. Out: the block with two of its statements in the other order, or as one access. Must hold: they touch no byte in
 * common; if the first does its work and the second traps, or the other way round, the same is seen: a load ends no higher than
 * the store that it passes, and two stores pass each other only inside of memory. */
#include "constinfer.h"

/* A store of something that only computes, or a local set to what a load gives. */
typedef struct Statement {
	Expr e, value;                 /* value: what is stored, or NULL */
	uint32_t base;                 /* the local with the address; NONE: the address is a constant */
	uint64_t offset, reach;        /* reach: past the base, known to be inside of memory */
	uint32_t bytes, set;           /* set: the local that a load goes to */
	bool is_store;
} Statement;

static uint64_t end(const Statement *s) { return s->offset + s->bytes; }

static bool statement_of(const Infer *c, uint32_t at, Expr e, Statement *s)
{
	Expr ptr;
	*s = (Statement){.e = e, .base = NONE, .set = NONE};
	if (walk_kind(e) == K_Store && !BinaryenStoreIsAtomic(e) && infer_pure(BinaryenStoreGetValue(e))) {
		s->is_store = true;
		s->value = BinaryenStoreGetValue(e);
		ptr = BinaryenStoreGetPtr(e);
		s->offset = BinaryenStoreGetOffset(e);
		s->bytes = BinaryenStoreGetBytes(e);
	} else if (walk_kind(e) == K_LocalSet && !BinaryenLocalSetIsTee(e) && walk_kind(BinaryenLocalSetGetValue(e)) == K_Load) {
		Expr load = BinaryenLocalSetGetValue(e);
		s->set = BinaryenLocalSetGetIndex(e);
		ptr = BinaryenLoadGetPtr(load);
		s->offset = BinaryenLoadGetOffset(load);
		s->bytes = BinaryenLoadGetBytes(load);
		if (BinaryenLoadIsAtomic(load))
			return false;
		at++;
	} else {
		return false;
	}
	s->reach = c->facts->node[at + 1].reach;
	if (BinaryenExpressionGetType(ptr) != BinaryenTypeInt32() || (walk_kind(ptr) != K_LocalGet && walk_kind(ptr) != K_Const))
		return false;
	if (walk_kind(ptr) == K_LocalGet) {
		s->base = BinaryenLocalGetGetIndex(ptr);
	} else {
		s->offset += (uint32_t)BinaryenConstGetValueI32(ptr);
		s->reach += (uint32_t)BinaryenConstGetValueI32(ptr);
	}
	return end(s) <= UINT32_MAX;
}

static bool uses(void *ctx, Expr e, uint32_t index)
{
	(void)index;
	return walk_kind(e) != K_LocalGet || BinaryenLocalGetGetIndex(e) != *(const uint32_t *)ctx;
}

/* Does what one sets have to do with the other? */
static bool tied(const Statement *a, const Statement *b)
{
	uint32_t set = a->set;
	return set != NONE && (set == b->base || set == b->set || (b->value && !walk_each(b->value, uses, &set)));
}

static bool apart(const Statement *a, const Statement *b)
{
	bool kept = a->base == NONE || (a->set != a->base && b->set != a->base);
	return a->base == b->base && kept && !tied(a, b) && !tied(b, a) && (end(a) <= b->offset || end(b) <= a->offset);
}

/* a is the first: what is known at b may be known because a did not trap. */
static bool exchangeable(const Statement *a, const Statement *b)
{
	if (!a->is_store && !b->is_store)
		return false; /* that needs no knowledge of memory: reorder does it */
	uint64_t load = a->is_store && b->is_store ? UINT64_MAX : end(a->is_store ? b : a), store = end(a->is_store ? a : b);
	uint64_t top = end(a) > end(b) ? end(a) : end(b);
	return apart(a, b) && (load <= store || a->reach >= top);
}

static bool same_integers(BinaryenType a, BinaryenType b) { return a == b && (a == BinaryenTypeInt32() || a == BinaryenTypeInt64()); }

/* Their integers lie side by side, and are of one size and type. */
static bool adjacent(const Statement *a, const Statement *b)
{
	bool up = end(a) == b->offset, down = end(b) == a->offset;
	if (!apart(a, b) || a->is_store != b->is_store || a->bytes != b->bytes || a->bytes > 4 || !(up || down))
		return false;
	if (a->is_store)
		return a->reach >= (up ? end(b) : end(a)) && same_integers(BinaryenStoreGetValueType(a->e), BinaryenStoreGetValueType(b->e));
	return same_integers(BinaryenExpressionGetType(BinaryenLocalSetGetValue(a->e)), BinaryenExpressionGetType(BinaryenLocalSetGetValue(b->e)));
}

typedef enum Pairing { EXCHANGE, MERGE, PAIRINGS } Pairing;

/* The nth pair of the block, and what can be done with it. */
static Pairing pair_at(const Infer *c, uint32_t n, uint32_t *first, Statement s[2])
{
	uint32_t at = c->s->index + 1, count = c->kind == K_Block ? BinaryenBlockGetNumChildren(c->e) : 0;
	for (uint32_t i = 0; i + 1 < count; i++) {
		uint32_t next = at + c->facts->size[at];
		if (c->facts->reached[next] && statement_of(c, at, BinaryenBlockGetChildAt(c->e, i), &s[0]) &&
		    statement_of(c, next, BinaryenBlockGetChildAt(c->e, i + 1), &s[1])) {
			*first = i;
			if (exchangeable(&s[0], &s[1]) && n-- == 0)
				return EXCHANGE;
			if (adjacent(&s[0], &s[1]) && n-- == 0)
				return MERGE;
		}
		at = next;
	}
	return PAIRINGS;
}

static uint32_t pairs_count(const Infer *c)
{
	Statement s[2];
	uint32_t n = 0, first;
	while (pair_at(c, n, &first, s) != PAIRINGS)
		n++;
	return n;
}

static Expr base_of(const Infer *c, const Statement *s)
{
	return s->base == NONE ? infer_const(c->m, 32, 0) : BinaryenLocalGet(c->m, s->base, BinaryenTypeInt32());
}

static uint32_t width_of(BinaryenType t) { return t == BinaryenTypeInt64() ? 64 : 32; }

/* Width of a register that holds both. */
static uint32_t wide(const Statement *s, uint32_t width) { return s->bytes == 4 ? 64 : width; }

static Expr widened(const Infer *c, Expr e, uint32_t from, uint32_t to) { return from == to ? e : BinaryenUnary(c->m, BinaryenExtendUInt32(), e); }
static Expr narrowed(const Infer *c, Expr e, uint32_t from, uint32_t to) { return from == to ? e : BinaryenUnary(c->m, BinaryenWrapInt64(), e); }

/* One half of what was loaded at once, as its own load would give it. */
static Expr half(const Infer *c, const Statement *s, uint32_t t, uint32_t w, bool high)
{
	Expr load = BinaryenLocalSetGetValue(s->e), e = BinaryenLocalGet(c->m, t, infer_type(w));
	uint32_t width = width_of(BinaryenExpressionGetType(load)), bits = 8 * s->bytes;
	if (bits == width)
		return narrowed(c, high ? infer_binary(c->m, "shr_u", w, e, infer_const(c->m, w, bits)) : e, w, width);
	e = infer_binary(c->m, "shl", w, e, infer_const(c->m, w, w - (high ? 2 : 1) * bits));
	return narrowed(c, infer_binary(c->m, BinaryenLoadIsSigned(load) ? "shr_s" : "shr_u", w, e, infer_const(c->m, w, w - bits)), w, width);
}

static void merge_loads(const Infer *c, const Statement s[2], Proposal *out, Expr list[3])
{
	uint32_t low = s[0].offset > s[1].offset, w = wide(s, width_of(BinaryenExpressionGetType(BinaryenLocalSetGetValue(s[0].e))));
	uint32_t t = proposal_local(out, c->s, infer_type(w));
	list[0] = BinaryenLocalSet(c->m, t, BinaryenLoad(c->m, 2 * s->bytes, false, (uint32_t)s[low].offset, 1, infer_type(w), base_of(c, s)));
	for (uint32_t i = 0; i < 2; i++)
		list[1 + i] = BinaryenLocalSet(c->m, s[i].set, half(c, &s[i], t, w, i != low));
}

static Expr merge_stores(const Infer *c, const Statement s[2])
{
	uint32_t low = s[0].offset > s[1].offset, width = width_of(BinaryenStoreGetValueType(s->e)), w = wide(s, width), bits = 8 * s->bytes;
	Expr lo = widened(c, infer_copy(c, s[low].value), width, w), hi = widened(c, infer_copy(c, s[!low].value), width, w);
	lo = infer_binary(c->m, "and", w, lo, infer_const(c->m, w, (1ull << bits) - 1));
	hi = infer_binary(c->m, "shl", w, hi, infer_const(c->m, w, bits));
	Expr both = infer_binary(c->m, "or", w, lo, hi);
	return BinaryenStore(c->m, 2 * s->bytes, (uint32_t)s[low].offset, 1, base_of(c, s), both, infer_type(w));
}

static bool pairs_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	Statement s[2];
	uint32_t first;
	Pairing k = pair_at(c, n, &first, s);
	Expr copy = infer_copy(c, c->e), list[3];
	(void)r;
	if (k == PAIRINGS)
		return false;
	if (k == EXCHANGE) {
		Expr a = BinaryenBlockGetChildAt(copy, first);
		BinaryenBlockSetChildAt(copy, first, BinaryenBlockGetChildAt(copy, first + 1));
		BinaryenBlockSetChildAt(copy, first + 1, a);
		out->rule = s[0].is_store && s[1].is_store ? "stores-exchanged" : "store-and-load-exchanged";
	} else if (s[0].is_store) {
		BinaryenBlockSetChildAt(copy, first, merge_stores(c, s));
		BinaryenBlockSetChildAt(copy, first + 1, BinaryenNop(c->m));
		out->rule = "stores-merged";
	} else {
		merge_loads(c, s, out, list);
		BinaryenBlockSetChildAt(copy, first, BinaryenBlock(c->m, NULL, list, 3, BinaryenTypeNone()));
		BinaryenBlockSetChildAt(copy, first + 1, BinaryenNop(c->m));
		out->rule = "loads-merged";
	}
	out->expr = copy;
	return true;
}

const Family memory_pairs = {pairs_count, pairs_make};
