/* facts_op.c - what operators make of what is known of their operands: bits and unsigned ranges.
 * In: facts. Out: facts. Must hold: whatever values the operands have that their facts allow, the result's fact allows the
 * operator's result; division by zero and other traps give no result, so nothing need hold of it. */
#include <string.h>
#include "facts.h"

static uint64_t top_bit(uint32_t width) { return 1ull << (width - 1); }

static uint32_t bits_of(uint64_t v) { return v ? 64 - (uint32_t)__builtin_clzll(v) : 0; }

/* All ones up to the highest bit of v. */
static uint64_t smear(uint64_t v)
{
	uint32_t n = bits_of(v);
	return n == 64 ? UINT64_MAX : (1ull << n) - 1;
}

Fact fact_any(uint32_t width) { return (Fact){.width = width, .hi = fact_mask(width)}; }

Fact fact_const(uint32_t width, uint64_t v)
{
	uint64_t m = fact_mask(width);
	v &= m;
	return (Fact){.width = width, .zeros = ~v & m, .ones = v, .lo = v, .hi = v};
}

Fact fact_norm(Fact f)
{
	uint64_t m = fact_mask(f.width);
	if (f.width == 0)
		return f;
	f.lo = f.lo > f.ones ? f.lo : f.ones;
	f.hi = f.hi < (~f.zeros & m) ? f.hi : ~f.zeros & m;
	uint64_t above = m & ~smear(f.lo ^ f.hi); /* where the ends of the range agree */
	f.ones |= f.lo & above;
	f.zeros |= ~f.lo & above;
	if (f.lo > f.hi || (f.ones & f.zeros)) {
		Fact any = fact_any(f.width);
		any.reach = f.reach;
		return any;
	}
	f.lo = f.lo > f.ones ? f.lo : f.ones;
	f.hi = f.hi < (~f.zeros & m) ? f.hi : ~f.zeros & m;
	return f;
}

Fact fact_range(uint32_t width, uint64_t lo, uint64_t hi)
{
	Fact f = fact_any(width);
	f.lo = lo;
	f.hi = hi;
	return fact_norm(f);
}

static uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }

Fact fact_join(Fact a, Fact b)
{
	if (a.width != b.width)
		return (Fact){0};
	return (Fact){a.width, a.zeros & b.zeros, a.ones & b.ones, min(a.lo, b.lo), max(a.hi, b.hi), min(a.reach, b.reach)};
}

static Fact bits(uint32_t width, uint64_t zeros, uint64_t ones)
{
	Fact f = fact_any(width);
	f.zeros = zeros & fact_mask(width);
	f.ones = ones & fact_mask(width);
	return fact_norm(f);
}

/* ---- arithmetic ---- */

/* The bits of a + b + carry: those below which all that goes in is known. */
static Fact sum_bits(uint32_t w, const Fact *a, uint64_t bzeros, uint64_t bones, uint64_t carry)
{
	uint64_t m = fact_mask(w), most = (~a->zeros & m) + (~bzeros & m) + carry, least = a->ones + bones + carry;
	uint64_t in0 = ~(most ^ a->zeros ^ bzeros), in1 = least ^ a->ones ^ bones;
	uint64_t known = (a->zeros | a->ones) & (bzeros | bones) & (in0 | in1);
	return bits(w, ~most & known, least & known);
}

static Fact add(uint32_t w, Fact a, Fact b)
{
	Fact r = sum_bits(w, &a, b.zeros, b.ones, 0);
	if (a.hi <= fact_mask(w) - b.hi) {
		r.lo = max(r.lo, a.lo + b.lo);
		r.hi = min(r.hi, a.hi + b.hi);
	}
	if (fact_is_const(&b) && b.lo < a.reach)
		r.reach = a.reach - b.lo;
	return fact_norm(r);
}

static Fact sub(uint32_t w, Fact a, Fact b)
{
	Fact r = sum_bits(w, &a, b.ones, b.zeros, 1);
	if (a.lo >= b.hi) {
		r.lo = max(r.lo, a.lo - b.hi);
		r.hi = min(r.hi, a.hi - b.lo);
	}
	return fact_norm(r);
}

/* Zeros at the lower end that every allowed value has. */
static uint32_t trailing(const Fact *f)
{
	uint64_t maybe = ~f->zeros & fact_mask(f->width);
	return maybe ? (uint32_t)__builtin_ctzll(maybe) : f->width;
}

static Fact mul(uint32_t w, Fact a, Fact b)
{
	uint64_t product;
	uint32_t low = trailing(&a) + trailing(&b);
	uint64_t zeros = low >= w ? fact_mask(w) : (1ull << low) - 1;
	Fact r = bits(w, zeros, a.ones & b.ones & 1);
	if (!__builtin_mul_overflow(a.hi, b.hi, &product) && product <= fact_mask(w)) {
		r.lo = max(r.lo, a.lo * b.lo);
		r.hi = min(r.hi, product);
	}
	return fact_norm(r);
}

static Fact div_u(uint32_t w, Fact a, Fact b) { return fact_range(w, a.lo / max(b.hi, 1), a.hi / max(b.lo, 1)); }
static Fact rem_u(uint32_t w, Fact a, Fact b) { return fact_range(w, 0, min(a.hi, b.hi ? b.hi - 1 : 0)); }

static bool both_positive(const Fact *a, const Fact *b) { return fact_sign(a, false) && fact_sign(b, false); }

static Fact div_s(uint32_t w, Fact a, Fact b) { return both_positive(&a, &b) ? div_u(w, a, b) : fact_any(w); }
static Fact rem_s(uint32_t w, Fact a, Fact b) { return both_positive(&a, &b) ? rem_u(w, a, b) : fact_any(w); }

/* ---- bits ---- */

static Fact and_(uint32_t w, Fact a, Fact b)
{
	Fact r = bits(w, a.zeros | b.zeros, a.ones & b.ones);
	r.hi = min(r.hi, min(a.hi, b.hi));
	return fact_norm(r);
}

static Fact or_(uint32_t w, Fact a, Fact b)
{
	Fact r = bits(w, a.zeros & b.zeros, a.ones | b.ones);
	r.lo = max(r.lo, max(a.lo, b.lo));
	return fact_norm(r);
}

static Fact xor_(uint32_t w, Fact a, Fact b)
{
	return bits(w, (a.zeros & b.zeros) | (a.ones & b.ones), (a.zeros & b.ones) | (a.ones & b.zeros));
}

/* Shifts by an amount that is not known keep little: only what shr_u does to the range. */
static Fact shl(uint32_t w, Fact a, Fact b)
{
	uint32_t k = b.lo % w;
	if (!fact_is_const(&b))
		return fact_any(w);
	Fact r = bits(w, a.zeros << k | ((1ull << k) - 1), a.ones << k);
	if (a.hi <= fact_mask(w) >> k) {
		r.lo = max(r.lo, a.lo << k);
		r.hi = min(r.hi, a.hi << k);
	}
	return fact_norm(r);
}

static Fact shr_u(uint32_t w, Fact a, Fact b)
{
	uint32_t k = b.lo % w;
	if (!fact_is_const(&b))
		return fact_range(w, 0, a.hi);
	Fact r = bits(w, a.zeros >> k | ~(fact_mask(w) >> k), a.ones >> k);
	r.lo = max(r.lo, a.lo >> k);
	r.hi = min(r.hi, a.hi >> k);
	return fact_norm(r);
}

static Fact shr_s(uint32_t w, Fact a, Fact b)
{
	uint32_t k = b.lo % w;
	if (fact_sign(&a, false))
		return shr_u(w, a, b);
	if (!fact_is_const(&b))
		return fact_any(w);
	uint64_t in = ~(fact_mask(w) >> k);
	return bits(w, a.zeros >> k, a.ones >> k | (fact_sign(&a, true) ? in : 0));
}

static Fact rotate(uint32_t w, Fact a, uint32_t k)
{
	if (k == 0)
		return a;
	return bits(w, a.zeros << k | a.zeros >> (w - k), a.ones << k | a.ones >> (w - k));
}

static Fact rotl(uint32_t w, Fact a, Fact b) { return fact_is_const(&b) ? rotate(w, a, b.lo % w) : fact_any(w); }
static Fact rotr(uint32_t w, Fact a, Fact b) { return fact_is_const(&b) ? rotate(w, a, (w - b.lo % w) % w) : fact_any(w); }

static uint32_t leading(uint32_t w, uint64_t v) { return w - bits_of(v); }

static Fact clz(uint32_t w, Fact a, Fact b)
{
	(void)b;
	return fact_range(w, leading(w, a.hi), leading(w, a.lo));
}

static Fact ctz(uint32_t w, Fact a, Fact b)
{
	(void)b;
	return fact_range(w, trailing(&a), a.ones ? (uint32_t)__builtin_ctzll(a.ones) : w);
}

static Fact popcnt(uint32_t w, Fact a, Fact b)
{
	(void)b;
	return fact_range(w, __builtin_popcountll(a.ones), w - __builtin_popcountll(a.zeros));
}

/* The lowest `from` bits with their top one repeated. */
static Fact extend(uint32_t w, Fact a, uint32_t from)
{
	uint64_t low = (1ull << from) - 1, top = 1ull << (from - 1);
	uint64_t zeros = a.zeros & low, ones = a.ones & low;
	return bits(w, zeros | (zeros & top ? ~low : 0), ones | (ones & top ? ~low : 0));
}

static Fact extend8(uint32_t w, Fact a, Fact b) { return (void)b, extend(w, a, 8); }
static Fact extend16(uint32_t w, Fact a, Fact b) { return (void)b, extend(w, a, 16); }
static Fact extend32(uint32_t w, Fact a, Fact b) { return (void)w, (void)b, extend(64, a, 32); }

static Fact extend_u(uint32_t w, Fact a, Fact b)
{
	(void)w, (void)b;
	return fact_norm((Fact){.width = 64, .zeros = a.zeros | ~0xffffffffull, .ones = a.ones, .lo = a.lo, .hi = a.hi});
}

static Fact wrap(uint32_t w, Fact a, Fact b)
{
	(void)w, (void)b;
	Fact r = bits(32, a.zeros, a.ones);
	if (a.hi <= UINT32_MAX) {
		r.lo = max(r.lo, a.lo);
		r.hi = min(r.hi, a.hi);
	}
	return fact_norm(r);
}

/* ---- comparisons ---- */

static Fact truth(bool can_be_0, bool can_be_1) { return fact_range(32, !can_be_0, can_be_1); }

static Fact eq(uint32_t w, Fact a, Fact b)
{
	(void)w;
	bool apart = a.hi < b.lo || b.hi < a.lo || (a.ones & b.zeros) || (a.zeros & b.ones);
	return truth(!(fact_is_const(&a) && fact_is_const(&b) && a.lo == b.lo), !apart);
}

static Fact not_(Fact f) { return fact_range(32, 1 - f.hi, 1 - f.lo); }

static Fact ne(uint32_t w, Fact a, Fact b) { return not_(eq(w, a, b)); }
static Fact eqz(uint32_t w, Fact a, Fact b) { return (void)b, eq(w, a, fact_const(w, 0)); }
static Fact lt_u(uint32_t w, Fact a, Fact b) { return (void)w, truth(a.hi >= b.lo, a.lo < b.hi); }
static Fact gt_u(uint32_t w, Fact a, Fact b) { return lt_u(w, b, a); }
static Fact le_u(uint32_t w, Fact a, Fact b) { return not_(lt_u(w, b, a)); }
static Fact ge_u(uint32_t w, Fact a, Fact b) { return not_(lt_u(w, a, b)); }

/* Signed order is the unsigned one with the top bit turned. */
static Fact turned(uint32_t w, Fact f)
{
	if (!fact_sign(&f, false) && !fact_sign(&f, true))
		return fact_any(w);
	return fact_range(w, f.lo ^ top_bit(w), f.hi ^ top_bit(w));
}

static Fact lt_s(uint32_t w, Fact a, Fact b) { return lt_u(w, turned(w, a), turned(w, b)); }
static Fact gt_s(uint32_t w, Fact a, Fact b) { return lt_s(w, b, a); }
static Fact le_s(uint32_t w, Fact a, Fact b) { return not_(lt_s(w, b, a)); }
static Fact ge_s(uint32_t w, Fact a, Fact b) { return not_(lt_s(w, a, b)); }

typedef struct Transfer {
	const char *op;
	Fact (*of)(uint32_t width, Fact a, Fact b);
} Transfer;

static const Transfer transfers[] = {
	{"add", add}, {"sub", sub}, {"mul", mul}, {"div_u", div_u}, {"div_s", div_s}, {"rem_u", rem_u}, {"rem_s", rem_s},
	{"and", and_}, {"or", or_}, {"xor", xor_}, {"shl", shl}, {"shr_u", shr_u}, {"shr_s", shr_s}, {"rotl", rotl}, {"rotr", rotr},
	{"clz", clz}, {"ctz", ctz}, {"popcnt", popcnt}, {"eqz", eqz}, {"wrap", wrap}, {"extend_u", extend_u}, {"extend_s", extend32},
	{"extend8_s", extend8}, {"extend16_s", extend16}, {"extend32_s", extend32}, {"eq", eq}, {"ne", ne}, {"lt_u", lt_u}, {"gt_u", gt_u},
	{"le_u", le_u}, {"ge_u", ge_u}, {"lt_s", lt_s}, {"gt_s", gt_s}, {"le_s", le_s}, {"ge_s", ge_s},
};

Fact fact_op(const char *op, uint32_t width, uint32_t result, Fact a, Fact b)
{
	for (size_t i = 0; i < LEN(transfers); i++)
		if (strcmp(transfers[i].op, op) == 0)
			return a.width ? transfers[i].of(width, a, b) : fact_any(result);
	return fact_any(result);
}
