/* term.c - values as terms, hash-consed: the same operator on the same terms is the same term.
 * In: operators and terms. Out: terms. Must hold: every simplification is an equality for all values; what an operator means
 * is said in term_eval() for constants and tests, and again in smt.c for the solver, and both are tested against an engine. */
#include <stdlib.h>
#include <string.h>
#include "equiv.h"

static uint64_t mask(uint8_t width) { return width >= 64 ? UINT64_MAX : (1ull << width) - 1; }
static int64_t sign(uint64_t v, uint8_t width) { return (int64_t)(v << (64 - width)) >> (64 - width); }

static uint64_t eval_unary(uint8_t op, uint8_t width, uint64_t a)
{
	switch (op) {
	case T_CLZ: return a ? (uint64_t)(__builtin_clzll(a) - (64 - width)) : width;
	case T_CTZ: return a ? (uint64_t)__builtin_ctzll(a) : width;
	case T_POPCNT: return __builtin_popcountll(a);
	case T_EQZ: return a == 0;
	case T_EXT8: return sign(a, 8);
	case T_EXT16: return sign(a, 16);
	case T_EXT32: case T_EXTS: return sign(a, 32);
	case T_WRAP: case T_EXTU: return (uint32_t)a;
	case T_BYTE: return a >> width & 0xff; /* width: the lowest bit */
	}
	return 0;
}

static uint64_t eval_divide(uint8_t op, uint8_t width, uint64_t a, uint64_t b)
{
	int64_t x = sign(a, width), y = sign(b, width);
	if (b == 0)
		return 0;
	switch (op) {
	case T_DIVU: return a / b;
	case T_REMU: return a % b;
	case T_DIVS: return y == -1 ? 0 - (uint64_t)x : (uint64_t)(x / y);
	default: return y == -1 ? 0 : (uint64_t)(x % y);
	}
}

/* Operands are below 2^width; the result is cut to its own width by the caller. */
static uint64_t eval_binary(uint8_t op, uint8_t width, uint64_t a, uint64_t b)
{
	int64_t x = sign(a, width), y = sign(b, width);
	unsigned s = b & (width - 1);
	switch (op) {
	case T_ADD: return a + b;
	case T_SUB: return a - b;
	case T_MUL: return a * b;
	case T_AND: return a & b;
	case T_OR: return a | b;
	case T_XOR: return a ^ b;
	case T_SHL: return a << s;
	case T_SHRU: return a >> s;
	case T_SHRS: return (uint64_t)(x >> s);
	case T_ROTL: return s ? a << s | a >> (width - s) : a;
	case T_ROTR: return s ? a >> s | a << (width - s) : a;
	case T_EQ: return a == b;
	case T_NE: return a != b;
	case T_LTS: return x < y;
	case T_LTU: return a < b;
	case T_LES: return x <= y;
	case T_LEU: return a <= b;
	case T_GTS: return x > y;
	case T_GTU: return a > b;
	case T_GES: return x >= y;
	case T_GEU: return a >= b;
	case T_CAT: return a << width | b; /* width: of the lower part */
	}
	return eval_divide(op, width, a, b);
}

/* The width of the result of an operator on operands of this width. */
static uint8_t result_width(uint8_t op, uint8_t width)
{
	if ((op >= T_EQ && op <= T_GEU) || op == T_EQZ || op == T_WRAP)
		return 32;
	if (op == T_BYTE)
		return 8;
	return op == T_EXTS || op == T_EXTU || op == T_CAT ? 64 : width;
}

uint64_t term_eval(uint8_t op, uint8_t width, uint64_t a, uint64_t b)
{
	uint64_t v = op >= T_CLZ ? eval_unary(op, width, a) : eval_binary(op, width, a, b);
	return v & mask(result_width(op, width));
}

/* ---- the table of terms ---- */

static uint64_t hash_of(const Node *n)
{
	uint64_t h = mix64((uint64_t)n->op << 40 | (uint64_t)n->width << 32 | n->key);
	h = mix64(h ^ ((uint64_t)n->a << 32 | n->b));
	return mix64(h ^ n->imm ^ (uint64_t)n->c << 17);
}

static bool node_eq(const Node *x, const Node *y)
{
	return x->op == y->op && x->width == y->width && x->key == y->key && x->a == y->a && x->b == y->b && x->c == y->c && x->imm == y->imm;
}

static void rehash(Terms *t)
{
	uint32_t size = t->nhash ? 2 * t->nhash : 1024;
	free(t->hash);
	t->hash = xalloc(size * sizeof *t->hash);
	t->nhash = size;
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t h = hash_of(&t->node[i]);
		while (t->hash[h & (size - 1)])
			h++;
		t->hash[h & (size - 1)] = i + 1;
	}
}

Term term_make(Terms *t, uint8_t op, uint8_t width, uint32_t key, Term a, Term b, Term c, uint64_t imm)
{
	Node n = {op, width, key, a, b, c, imm};
	if (2 * (t->n + 1) > t->nhash)
		rehash(t);
	uint64_t h = hash_of(&n);
	for (; t->hash[h & (t->nhash - 1)]; h++) {
		Term x = t->hash[h & (t->nhash - 1)] - 1;
		if (node_eq(&t->node[x], &n))
			return term_find(t, x);
	}
	t->hash[h & (t->nhash - 1)] = t->n + 1;
	uint32_t nrep = t->n;
	PUSH(t->rep, nrep, t->rcap, t->n);
	PUSH(t->node, t->n, t->cap, n);
	return t->n - 1;
}

void term_free(Terms *t)
{
	for (uint32_t i = 0; i < t->nkey; i++)
		buf_free(&t->key[i]);
	free(t->key);
	free(t->keyhash);
	free(t->node);
	free(t->rep);
	free(t->hash);
	free(t->point);
	*t = (Terms){0};
}

/* Where in the hash the key is, or where it would be. */
static uint32_t *key_at(const Terms *t, const Buf *b)
{
	uint64_t h = digest(b->p, b->n).a;
	for (;; h++) {
		uint32_t *at = &t->keyhash[h & (t->nkeyhash - 1)];
		const Buf *k = *at ? &t->key[*at - 1] : NULL;
		if (!k || (k->n == b->n && memcmp(k->p, b->p, b->n) == 0))
			return at;
	}
}

static void rehash_keys(Terms *t)
{
	t->nkeyhash = t->nkeyhash ? 2 * t->nkeyhash : 64;
	free(t->keyhash);
	t->keyhash = xalloc(t->nkeyhash * sizeof *t->keyhash);
	for (uint32_t i = 0; i < t->nkey; i++)
		*key_at(t, &t->key[i]) = i + 1;
}

uint32_t term_key(Terms *t, const Buf *b)
{
	if (2 * (t->nkey + 1) > t->nkeyhash)
		rehash_keys(t);
	uint32_t *at = key_at(t, b);
	if (*at == 0) {
		Buf copy = {0};
		buf_put(&copy, b->p, b->n);
		PUSH(t->key, t->nkey, t->kcap, copy);
		*at = t->nkey;
	}
	return *at - 1;
}

/* Chains are short: a term is proved equal to one that was there before it, and that one has been found already. */
Term term_find(const Terms *t, Term x)
{
	while (x != TERM_NONE && t->rep[x] != x)
		x = t->rep[x];
	return x;
}

/* ---- making them ---- */

Term term_const(Terms *t, uint8_t width, uint64_t v)
{
	return term_make(t, T_CONST, width, 0, TERM_NONE, TERM_NONE, TERM_NONE, v & mask(width));
}

Term term_sym(Terms *t, uint8_t width) { return term_make(t, T_SYM, width, 0, TERM_NONE, TERM_NONE, TERM_NONE, t->nsym++); }

bool term_is_const(const Terms *t, Term x, uint64_t *v)
{
	if (x == TERM_NONE || t->node[x].op != T_CONST)
		return false;
	*v = t->node[x].imm;
	return true;
}

static bool commutes(uint8_t op)
{
	return op == T_ADD || op == T_MUL || op == T_AND || op == T_OR || op == T_XOR || op == T_EQ || op == T_NE;
}

Term term_op(Terms *t, uint8_t op, uint8_t width, Term a, Term b)
{
	uint64_t x = 0, y = 0;
	a = term_find(t, a);
	b = term_find(t, b);
	bool ca = term_is_const(t, a, &x), cb = b == TERM_NONE || term_is_const(t, b, &y);
	if (ca && cb)
		return term_const(t, result_width(op, width), term_eval(op, width, x, y));
	if (b != TERM_NONE && cb && y == 0 &&
	    (op == T_ADD || op == T_SUB || op == T_OR || op == T_XOR || (op >= T_SHL && op <= T_ROTR)))
		return a;
	if (commutes(op) && a > b) {
		Term swap = a;
		a = b;
		b = swap;
	}
	return term_make(t, op, result_width(op, width), width, a, b, TERM_NONE, 0);
}

Term term_ite(Terms *t, Term c, Term a, Term b)
{
	uint64_t v;
	c = term_find(t, c);
	a = term_find(t, a);
	b = term_find(t, b);
	if (a == b)
		return a;
	if (term_is_const(t, c, &v))
		return v ? a : b;
	if (t->node[c].op == T_EQZ && t->node[c].key == 32)
		return term_ite(t, t->node[c].a, b, a);
	return term_make(t, T_ITE, t->node[a].width, 0, c, a, b, 0);
}

/* ---- values at the test points ---- */

/* What an uninterpreted term is at a point: edges at the first points, then anything. Equal terms, equal values. */
static uint64_t free_value(const Node *n, Term x, uint32_t point)
{
	static const uint64_t edge[] = {0, 1, UINT64_MAX, 0x8000000080000000, 0x7fffffff7fffffff, 2, 31, 0x80};
	uint64_t r = mix64(((uint64_t)x << 8 | point) ^ 0x6d657765);
	if (point == 0)
		return 0;
	if (point < 12) /* a mixture of edges, so that each leaf meets the other's */
		return edge[r % LEN(edge)] & mask(n->width);
	if (point < 15)
		return (r & 15) & mask(n->width);
	return mix64(r) & mask(n->width);
}

static uint64_t value_at(const Terms *t, Term x, uint32_t p)
{
	const Node *n = &t->node[x];
	const uint64_t *a = n->a == TERM_NONE ? NULL : &t->point[(size_t)n->a * POINTS];
	const uint64_t *b = n->b == TERM_NONE ? NULL : &t->point[(size_t)n->b * POINTS];
	if (n->op == T_CONST)
		return n->imm;
	if (n->op > T_INTERPRETED)
		return free_value(n, x, p);
	if (n->op == T_ITE)
		return a[p] ? b[p] : t->point[(size_t)n->c * POINTS + p];
	return term_eval(n->op, n->key, a[p], b ? b[p] : 0);
}

/* A term's parts have smaller numbers than it, so one pass over what is new is enough. */
const uint64_t *term_points(Terms *t, Term x)
{
	if (t->npoint < t->n) {
		if (t->pcap < t->n) {
			t->pcap = t->cap;
			t->point = xgrow(t->point, (size_t)t->pcap * POINTS * sizeof *t->point);
		}
		for (; t->npoint < t->n; t->npoint++)
			for (uint32_t p = 0; p < POINTS; p++)
				t->point[(size_t)t->npoint * POINTS + p] = value_at(t, t->npoint, p);
	}
	return &t->point[(size_t)x * POINTS];
}
