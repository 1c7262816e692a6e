/* constinfer_zero.c - terms that are zero whatever the value in them is, or by what is known of it, and what is made with
 * them: constants, conditions, and statements behind conditions that only ever go one way.
 * In: a site. Out: an equal expression. Must hold: a term reads one local or global, and neither traps nor writes. */
#include <string.h>
#include "constinfer.h"

/* What has to be known of v; L is taken from it. */
typedef enum Need { ANY, TOP, ZEROS, ONES, HIGH, LOW } Need;

typedef struct Zero {
	const char *rule;              /* of a constant that is put together with it */
	const char *term;              /* in rewrite.h's notation */
	Need need;
	bool test;                     /* the term is a comparison: i32 whatever v is */
} Zero;

static const Zero zeros[] = {
#include "constinfer_zero.h"
};

/* ---- v ---- */

typedef struct Value {
	uint32_t local;                /* NONE: the global */
	const char *global;
	uint32_t width;
} Value;

static uint32_t width_of(BinaryenType t) { return t == BinaryenTypeInt32() ? 32 : t == BinaryenTypeInt64() ? 64 : 0; }

/* The nth integer local that holds something else than the zero it began with; how many there are in *n. */
static bool given_local(const Infer *c, uint32_t *n, Value *out)
{
	uint32_t seen = 0, nth = *n, all = body_nparams(c->s->body) + c->s->body->nvars;
	bool found = false;
	for (uint32_t i = 0; i < all; i++) {
		uint32_t width = width_of(body_local(c->s->body, i));
		if (!width || !c->facts->given[i])
			continue;
		if (seen++ == nth) {
			*out = (Value){i, NULL, width};
			found = true;
		}
	}
	*n = seen;
	return found;
}

static bool given_global(const Infer *c, Value *out)
{
	const Mod *m = c->s->body->mod;
	for (uint32_t i = 0; i < m->scan.nglobals; i++) { /* those that were there when the module was read */
		BinaryenGlobalRef g = BinaryenGetGlobalByIndex(m->ref, i);
		uint32_t width = width_of(BinaryenGlobalGetType(g));
		if (BinaryenGlobalIsMutable(g) && width) {
			*out = (Value){NONE, BinaryenGlobalGetName(g), width};
			return true;
		}
	}
	return false;
}

static bool some_value(const Infer *c, Rng *r, Value *out)
{
	uint32_t n = UINT32_MAX;
	given_local(c, &n, out);
	if (n == 0)
		return given_global(c, out);
	uint32_t nth = r ? rng_below(r, n) : 0;
	return given_local(c, &nth, out);
}

/* ---- a term ---- */

static uint64_t some_bits(Rng *r, uint64_t of)
{
	uint64_t some = of & rng_next(r);
	return some ? some : of;
}

/* L; false where the fact does not give what the term needs. */
static bool known(const Zero *z, const Fact *f, Rng *r, uint64_t *l)
{
	switch (z->need) {
	case ANY: return false;
	case TOP:
		*l = f->hi ? 64 - (uint32_t)__builtin_clzll(f->hi) : 0;
		return *l < f->width;
	case ZEROS:
		*l = r ? some_bits(r, f->zeros) : f->zeros;
		return f->zeros != 0;
	case ONES:
		*l = r ? some_bits(r, f->ones) : f->ones;
		return f->ones != 0;
	case HIGH:
		*l = f->hi;
		return f->hi != fact_mask(f->width);
	case LOW:
		*l = f->lo;
		return f->lo != 0;
	}
	return false;
}

/* The term over v, made as wide as is wanted. */
static Expr build(const Infer *c, const Zero *z, const Value *v, uint64_t l, uint32_t width, Rng *r)
{
	Terms t;
	Binding b = {.module = c->m, .constant = {0, l}, .vtype = infer_type(v->width), .v = v->local, .vglobal = v->global};
	b.random[0] = rng_below(r, 1u << 30) | 1u << 8;
	b.random[1] = rng_next(r) >> 32;
	b.random[2] = rng_below(r, 1u << 20) | 3;
	uint32_t is = z->test ? 32 : v->width;
	Expr e = rewrite_parse(z->term, &t) ? rewrite_build(&t, &b, infer_type(is)) : NULL;
	if (!e || is == width)
		return e;
	return BinaryenUnary(c->m, is == 64 ? BinaryenWrapInt64() : BinaryenExtendUInt32(), e);
}

/* The nth of the zeros that need nothing known; their number in *n. */
static const Zero *any_zero(uint32_t *n)
{
	const Zero *found = NULL;
	uint32_t seen = 0;
	for (size_t i = 0; i < LEN(zeros); i++)
		if (zeros[i].need == ANY && seen++ == *n)
			found = &zeros[i];
	*n = seen;
	return found;
}

/* Some zero over some value. */
static Expr some_zero(const Infer *c, uint32_t width, Rng *r)
{
	Value v;
	uint32_t n = UINT32_MAX;
	any_zero(&n);
	uint32_t nth = rng_below(r, n);
	const Zero *z = any_zero(&nth);
	return some_value(c, r, &v) ? build(c, z, &v, 0, width, r) : NULL;
}

/* ---- constants ---- */

static const FactLocal *noted(const Infer *c, uint32_t *n) { return facts_at(c->facts, c->s->index, n); }

/* The nth (zero, local) at this constant for which enough is known. */
static const Zero *known_zero(const Infer *c, uint32_t *n, const FactLocal **local)
{
	uint32_t nlocal;
	const FactLocal *l = noted(c, &nlocal);
	uint64_t ignored;
	for (uint32_t i = 0; i < nlocal; i++) {
		for (size_t k = 0; k < LEN(zeros) && !fact_is_const(&l[i].fact); k++) {
			if (known(&zeros[k], &l[i].fact, NULL, &ignored) && (*n)-- == 0) {
				*local = &l[i];
				return &zeros[k];
			}
		}
	}
	return NULL;
}

/* A local that is this very constant here. */
static uint32_t equal_local(const Infer *c)
{
	uint32_t n;
	const FactLocal *l = noted(c, &n);
	for (uint32_t i = 0; i < n; i++)
		if (l[i].fact.width == c->width && fact_is_const(&l[i].fact) && l[i].fact.lo == c->fact.lo)
			return l[i].local;
	return NONE;
}

static bool is_constant(const Infer *c) { return c->kind == K_Const && c->width; }

static uint32_t constants_count(const Infer *c)
{
	const FactLocal *local;
	Value v;
	uint32_t any = UINT32_MAX, facts = UINT32_MAX;
	if (!is_constant(c))
		return 0;
	any_zero(&any);
	known_zero(c, &facts, &local);
	return (equal_local(c) != NONE) + (UINT32_MAX - facts) + (some_value(c, NULL, &v) ? any : 0);
}

/* The constant with a zero added, in one of the ways that leave it as it is. */
static Expr with_zero(const Infer *c, Expr zero, Rng *r)
{
	static const char *const ways[] = {"add", "sub", "xor", "or"};
	return zero ? infer_binary(c->m, ways[rng_below(r, LEN(ways))], c->width, infer_copy(c, c->e), zero) : NULL;
}

static bool constants_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	const FactLocal *local;
	const Zero *z;
	Value v;
	uint64_t l = 0;
	uint32_t equal = equal_local(c);
	if (equal != NONE && n-- == 0) {
		*out = (Proposal){.rule = "constant-from-local", .expr = BinaryenLocalGet(c->m, equal, infer_type(c->width))};
		return true;
	}
	if ((z = known_zero(c, &n, &local))) {
		v = (Value){local->local, NULL, local->fact.width};
		known(z, &local->fact, r, &l);
	} else if (!(z = any_zero(&n)) || !some_value(c, r, &v)) {
		return false;
	}
	*out = (Proposal){.rule = z->rule, .expr = with_zero(c, build(c, z, &v, l, c->width, r), r)};
	return true;
}

const Family infer_constants = {constants_count, constants_make};

/* ---- conditions ---- */

enum { CONDITIONS = 3 };

/* Which child is a condition; NONE: there is none. */
static uint32_t condition_of(const Infer *c)
{
	uint32_t at = c->kind == K_If ? 0 : c->kind == K_Select ? 2 : NONE;
	if (c->kind == K_Break && BinaryenBreakGetCondition(c->e))
		at = walk_nkids(c->e) - 1;
	return at != NONE && BinaryenExpressionGetType(walk_kid(c->e, at)) == BinaryenTypeInt32() ? at : NONE;
}

static uint32_t conditions_count(const Infer *c)
{
	Value v;
	return condition_of(c) != NONE && some_value(c, NULL, &v) ? CONDITIONS : 0;
}

/* What is not zero stays so; what is zero, too. */
static bool conditions_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	static const char *const ways[CONDITIONS] = {"or", "xor", "add"};
	static const char *const rules[CONDITIONS] = {"condition-or-zero", "condition-xor-zero", "condition-add-zero"};
	uint32_t at = condition_of(c);
	Expr zero = some_zero(c, 32, r);
	if (!zero)
		return false;
	*out = (Proposal){.rule = rules[n], .expr = infer_copy(c, c->e)};
	walk_set_kid(out->expr, at, infer_binary(c->m, ways[n], 32, walk_kid(out->expr, at), zero));
	return true;
}

const Family infer_conditions = {conditions_count, conditions_make};

/* ---- guards: statements behind a condition ---- */

/* Larger ones would cost more than they are worth: there are two of them afterwards. */
enum { GUARDED = 24, GUARDS = 3 };

static bool binds_label(void *ctx, Expr e, uint32_t index)
{
	(void)index;
	(void)ctx;
	return !(walk_kind(e) == K_Block && BinaryenBlockGetName(e)) && walk_kind(e) != K_Loop;
}

static bool is_statement(const Infer *c)
{
	if (BinaryenExpressionGetType(c->e) != BinaryenTypeNone() || c->facts->size[c->s->index] > GUARDED)
		return false;
	switch (c->kind) {
	case K_LocalSet: case K_GlobalSet: case K_Store: case K_Call: case K_Drop: case K_Break:
		return walk_each(c->e, binds_label, NULL); /* labels are unique in a function */
	default: return false;
	}
}

static uint32_t guards_count(const Infer *c)
{
	Value v;
	return is_statement(c) && some_value(c, NULL, &v) ? GUARDS : 0;
}

static bool spoil(void *ctx, Expr e, uint32_t index)
{
	Rng *r = ctx;
	(void)index;
	if (walk_kind(e) != K_Const)
		return true;
	if (BinaryenExpressionGetType(e) == BinaryenTypeInt32())
		BinaryenConstSetValueI32(e, BinaryenConstGetValueI32(e) ^ (int32_t)(1 + rng_below(r, 127)));
	else if (BinaryenExpressionGetType(e) == BinaryenTypeInt64())
		BinaryenConstSetValueI64(e, BinaryenConstGetValueI64(e) ^ (int64_t)(1 + rng_below(r, 127)));
	return true;
}

/* What never happens ends in a trap: a join that the original lacks would set provers out of step. */
static bool guards_make(const Infer *c, uint32_t n, Rng *r, Proposal *out)
{
	static const char *const rules[GUARDS] = {"guard-trap", "guard-wrong", "guard-copy"};
	Expr other[2] = {infer_copy(c, c->e), BinaryenUnreachable(c->m)}, never = other[1], cond = some_zero(c, 32, r);
	if (!cond)
		return false;
	if (n == 1)
		walk_each(other[0], spoil, r);
	if (n > 0)
		never = BinaryenBlock(c->m, NULL, other, 2, BinaryenTypeUnreachable());
	*out = (Proposal){.rule = rules[n], .expr = BinaryenIf(c->m, cond, never, infer_copy(c, c->e))};
	return true;
}

const Family infer_guards = {guards_count, guards_make};
