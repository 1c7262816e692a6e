/* memory_access.c - one access to memory: loads and stores in parts, loads from further below, addresses and offsets.
 * In: a load or store. Out: what reads or writes the same bytes, and traps for the same addresses. Must hold: of a store in parts
 * the one that ends highest is first: if it does not trap, the others don't. */
#include <string.h>
#include "constinfer.h"

/* What is accessed. */
typedef struct Access {
	const Infer *c;
	uint32_t bytes, width;         /* of the access, of the value */
	bool sign;
	uint64_t offset;
	Expr ptr;
	uint32_t local;                /* that keeps the address; NONE: it can be computed again */
	BinaryenType type;
} Access;

static bool access_of(const Infer *c, Access *a)
{
	*a = (Access){.c = c, .local = NONE};
	if (c->kind == K_Load && !BinaryenLoadIsAtomic(c->e)) {
		*a = (Access){c, BinaryenLoadGetBytes(c->e), c->width, BinaryenLoadIsSigned(c->e), BinaryenLoadGetOffset(c->e), BinaryenLoadGetPtr(c->e), NONE,
		              BinaryenExpressionGetType(c->e)};
	} else if (c->kind == K_Store && !BinaryenStoreIsAtomic(c->e)) {
		a->type = BinaryenStoreGetValueType(c->e);
		a->width = a->type == BinaryenTypeInt64() ? 64 : a->type == BinaryenTypeInt32() ? 32 : 0;
		a->bytes = BinaryenStoreGetBytes(c->e);
		a->offset = BinaryenStoreGetOffset(c->e);
		a->ptr = BinaryenStoreGetPtr(c->e);
	} else {
		return false;
	}
	return BinaryenExpressionGetType(a->ptr) == BinaryenTypeInt32();
}

static bool simple(Expr e) { return walk_kind(e) == K_LocalGet || walk_kind(e) == K_Const; }

/* The address, for the first use and for later ones. */
static Expr address(Access *a, bool first, Proposal *out)
{
	BinaryenType i32 = BinaryenTypeInt32();
	if (simple(a->ptr))
		return infer_copy(a->c, a->ptr);
	if (!first)
		return BinaryenLocalGet(a->c->m, a->local, i32);
	a->local = proposal_local(out, a->c->s, i32);
	return BinaryenLocalTee(a->c->m, a->local, infer_copy(a->c, a->ptr), i32);
}

static Expr load(const Access *a, Expr ptr, uint32_t bytes, bool sign, uint64_t offset, uint32_t width)
{
	return BinaryenLoad(a->c->m, bytes, sign && bytes < width / 8, (uint32_t)offset, 1, infer_type(width), ptr);
}

static Expr shifted(const Access *a, const char *op, uint32_t width, Expr e, uint32_t by)
{
	return by ? infer_binary(a->c->m, op, width, e, infer_const(a->c->m, width, by)) : e;
}

/* ---- loads ---- */

typedef enum Loading { LOAD_HALVES, LOAD_BYTES, LOAD_BELOW, LOAD_OVER, LOADINGS } Loading;

static bool loads_so(const Access *a, Loading k)
{
	const Fact *ptr = &a->c->facts->node[a->c->s->index + 1];
	switch (k) {
	case LOAD_HALVES: return a->bytes >= 2 && a->offset + a->bytes <= UINT32_MAX;
	case LOAD_BYTES: return (a->bytes == 2 || a->bytes == 4) && a->offset + a->bytes <= UINT32_MAX;
	case LOAD_BELOW: return a->bytes <= 4 && a->offset >= a->bytes;
	case LOAD_OVER: return a->bytes <= 4 && ptr->width && ptr->reach >= a->offset + 2 * a->bytes;
	default: return false;
	}
}

static Loading loading_at(const Infer *c, Access *a, uint32_t n)
{
	if (c->kind != K_Load || !c->width || !access_of(c, a))
		return LOADINGS;
	for (Loading k = 0; k < LOADINGS; k++)
		if (loads_so(a, k) && n-- == 0)
			return k;
	return LOADINGS;
}

static uint32_t loads_count(const Infer *c)
{
	Access a;
	uint32_t n = 0;
	while (loading_at(c, &a, n) != LOADINGS)
		n++;
	return n;
}

/* The value from n parts of equal size, the highest first or last. */
static Expr in_parts(Access *a, uint32_t n, Rng *r, Proposal *out)
{
	static const char *const joins[] = {"or", "add", "xor"};
	const char *how = joins[rng_below(r, LEN(joins))];
	uint32_t size = a->bytes / n, down = rng_below(r, 2);
	Expr sum = NULL;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = down ? n - 1 - k : k;
		Expr part = load(a, address(a, k == 0, out), size, a->sign && i == n - 1, a->offset + i * size, a->width);
		part = shifted(a, "shl", a->width, part, 8 * i * size);
		sum = sum ? infer_binary(a->c->m, how, a->width, sum, part) : part;
	}
	return sum;
}

/* Twice as many bytes, from `offset` on; the wanted ones are those from bit `at` on. */
static Expr out_of(Access *a, uint64_t offset, uint32_t at, Proposal *out)
{
	uint32_t width = a->bytes == 4 ? 64 : a->width, wide = 2 * a->bytes;
	Expr e = load(a, address(a, true, out), wide, a->sign, offset, width);
	const char *down = a->sign ? "shr_s" : "shr_u";
	if (a->sign) /* to the top and down again, so that the sign comes along */
		e = shifted(a, down, width, shifted(a, "shl", width, e, width - at - 8 * a->bytes), width - 8 * a->bytes);
	else if (at)
		e = shifted(a, down, width, e, at);
	else
		e = infer_binary(a->c->m, "and", width, e, infer_const(a->c->m, width, (1ull << 8 * a->bytes) - 1));
	return width == a->width ? e : BinaryenUnary(a->c->m, BinaryenWrapInt64(), e);
}

static bool loads_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	Access a;
	switch (loading_at(c, &a, n)) {
	case LOAD_HALVES:
		out->rule = "load-halves";
		out->expr = in_parts(&a, 2, r, out);
		break;
	case LOAD_BYTES:
		out->rule = "load-bytes";
		out->expr = in_parts(&a, a.bytes, r, out);
		break;
	case LOAD_BELOW: /* it ends where the original ends */
		out->rule = "load-from-below";
		out->expr = out_of(&a, a.offset - a.bytes, 8 * a.bytes, out);
		break;
	case LOAD_OVER:
		out->rule = "load-beyond";
		out->expr = out_of(&a, a.offset, 0, out);
		break;
	case LOADINGS: return false;
	}
	return true;
}

const Family memory_loads = {loads_count, loads_make};

/* ---- stores ---- */

typedef enum Storing { STORE_HALVES, STORE_NOISE_XOR, STORE_NOISE_ADD, STORINGS } Storing;

static bool stores_so(const Access *a, Storing k)
{
	switch (k) {
	case STORE_HALVES: return a->bytes >= 2 && a->offset + a->bytes <= UINT32_MAX;
	case STORE_NOISE_XOR: case STORE_NOISE_ADD: return a->bytes < a->width / 8;
	default: return false;
	}
}

static Storing storing_at(const Infer *c, Access *a, uint32_t n)
{
	if (c->kind != K_Store || !access_of(c, a) || !a->width)
		return STORINGS;
	for (Storing k = 0; k < STORINGS; k++)
		if (stores_so(a, k) && n-- == 0)
			return k;
	return STORINGS;
}

static uint32_t stores_count(const Infer *c)
{
	Access a;
	uint32_t n = 0;
	while (storing_at(c, &a, n) != STORINGS)
		n++;
	return n;
}

static Expr store(const Access *a, Expr ptr, uint32_t bytes, uint64_t offset, Expr value)
{
	return BinaryenStore(a->c->m, bytes, (uint32_t)offset, 1, ptr, value, a->type);
}

/* May the address be read after the value was computed? */
static bool settled(const Access *a)
{
	return walk_kind(a->ptr) == K_Const || (walk_kind(a->ptr) == K_LocalGet &&
	                                        !facts_sets(BinaryenStoreGetValue(a->c->e), BinaryenLocalGetGetIndex(a->ptr)));
}

/* Address and value are computed first, once and in order; list[] gets what that takes. */
static uint32_t hold(Access *a, Expr list[2], uint32_t *value, Proposal *out)
{
	Expr v = BinaryenStoreGetValue(a->c->e);
	uint32_t n = 0;
	if (!settled(a)) {
		a->local = proposal_local(out, a->c->s, BinaryenTypeInt32());
		list[n++] = BinaryenLocalSet(a->c->m, a->local, infer_copy(a->c, a->ptr));
	}
	*value = NONE;
	if (!simple(v)) {
		*value = proposal_local(out, a->c->s, a->type);
		list[n++] = BinaryenLocalSet(a->c->m, *value, infer_copy(a->c, v));
	}
	return n;
}

static Expr held_address(const Access *a)
{
	return a->local == NONE ? infer_copy(a->c, a->ptr) : BinaryenLocalGet(a->c->m, a->local, BinaryenTypeInt32());
}

static Expr held_value(const Access *a, uint32_t value)
{
	return value == NONE ? infer_copy(a->c, BinaryenStoreGetValue(a->c->e)) : BinaryenLocalGet(a->c->m, value, a->type);
}

static Expr store_halves(Access *a, Proposal *out)
{
	Expr list[4];
	uint32_t value, n = hold(a, list, &value, out), half = a->bytes / 2;
	list[n++] = store(a, held_address(a), half, a->offset + half, shifted(a, "shr_u", a->width, held_value(a, value), 8 * half));
	list[n++] = store(a, held_address(a), half, a->offset, held_value(a, value));
	return BinaryenBlock(a->c->m, NULL, list, n, BinaryenTypeNone());
}

/* Bits that are not stored may be anything. */
static Expr store_noise(const Access *a, const char *how, Rng *r)
{
	uint64_t noise = (1 + (uint64_t)rng_below(r, 1u << 20)) << 8 * a->bytes;
	Expr copy = infer_copy(a->c, a->c->e);
	noise = noise & fact_mask(a->width) ? noise : 1ull << 8 * a->bytes;
	BinaryenStoreSetValue(copy, infer_binary(a->c->m, how, a->width, BinaryenStoreGetValue(copy), infer_const(a->c->m, a->width, noise)));
	return copy;
}

static bool stores_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	Access a;
	switch (storing_at(c, &a, n)) {
	case STORE_HALVES:
		out->rule = "store-halves";
		out->expr = store_halves(&a, out);
		break;
	case STORE_NOISE_XOR:
		out->rule = "store-noise-flipped";
		out->expr = store_noise(&a, "xor", r);
		break;
	case STORE_NOISE_ADD:
		out->rule = "store-noise-added";
		out->expr = store_noise(&a, "add", r);
		break;
	case STORINGS: return false;
	}
	return true;
}

const Family memory_stores = {stores_count, stores_make};

/* ---- addresses ---- */

typedef enum Moving { OFFSET_IN, OFFSET_OUT, MOVINGS } Moving;

static uint64_t get_offset(const Infer *c) { return c->kind == K_Load ? BinaryenLoadGetOffset(c->e) : BinaryenStoreGetOffset(c->e); }

/* The sum of what the fact tells of and `add` does not wrap. */
static bool exact(const Fact *f, uint64_t add) { return f->width == 32 && f->hi + add <= UINT32_MAX; }

static bool moves_so(const Infer *c, Moving k)
{
	Expr ptr = walk_kid(c->e, 0);
	uint32_t at = c->s->index + 1, width;
	const char *op = rewrite_op_of(ptr, &width);
	if (k == OFFSET_OUT)
		return get_offset(c) > 0 && exact(&c->facts->node[at], get_offset(c)) && walk_kind(ptr) != K_Const;
	if (!op || strcmp(op, "add") != 0 || walk_kind(walk_kid(ptr, 1)) != K_Const)
		return false;
	uint64_t add = c->facts->node[facts_kid(c->facts, at, 1)].lo;
	return exact(&c->facts->node[facts_kid(c->facts, at, 0)], add) && get_offset(c) + add <= UINT32_MAX;
}

static Moving moving_at(const Infer *c, uint32_t n)
{
	Access a;
	if (!access_of(c, &a))
		return MOVINGS;
	for (Moving k = 0; k < MOVINGS; k++)
		if (moves_so(c, k) && n-- == 0)
			return k;
	return MOVINGS;
}

static uint32_t addresses_count(const Infer *c)
{
	uint32_t n = 0;
	while (moving_at(c, n) != MOVINGS)
		n++;
	return n;
}

static void set_offset(Expr e, uint64_t offset)
{
	if (walk_kind(e) == K_Load)
		BinaryenLoadSetOffset(e, (uint32_t)offset);
	else
		BinaryenStoreSetOffset(e, (uint32_t)offset);
}

static bool addresses_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	Moving k = moving_at(c, n);
	Expr copy = infer_copy(c, c->e), ptr = walk_kid(copy, 0);
	uint64_t offset = get_offset(c);
	if (k == MOVINGS)
		return false;
	if (k == OFFSET_IN) {
		set_offset(copy, offset + (uint32_t)BinaryenConstGetValueI32(walk_kid(ptr, 1)));
		walk_set_kid(copy, 0, walk_kid(ptr, 0));
	} else {
		uint32_t part = 1 + rng_below(r, offset < 1u << 30 ? (uint32_t)offset : 1u << 30);
		set_offset(copy, offset - part);
		walk_set_kid(copy, 0, infer_binary(c->m, "add", 32, ptr, infer_const(c->m, 32, part)));
	}
	*out = (Proposal){.rule = k == OFFSET_IN ? "address-to-offset" : "offset-to-address", .expr = copy};
	return true;
}

const Family memory_addresses = {addresses_count, addresses_make};
