/* equiv_bytes.c - values as rows of bytes, so that memory can be compared byte by byte.
 * In: terms. Out: one byte of a term, or a term of bytes. Must hold: as in term.c, every simplification is an equality for all
 * values. They are there so that a value that was stored and is loaded again, in whatever pieces, is the same term; where they
 * miss, the solver sees through T_BYTE and T_CAT as it does through any operator. */
#include "equiv.h"

enum { DEPTH = 8 };                    /* of a look into a value: its parts may be shared, so that it could take long */

static Term byte_at(Terms *t, Term x, unsigned i, unsigned depth);

/* Of and, or, xor with a constant: where the byte is that of one operand alone, or zero. */
static Term masked(Terms *t, const Node *n, unsigned i, unsigned depth)
{
	uint64_t v = 0;
	bool first = term_is_const(t, n->a, &v);
	Term other = first ? n->b : n->a;
	if (!first && !term_is_const(t, n->b, &v))
		return TERM_NONE;
	uint8_t c = v >> 8 * i & 0xff;
	if (c == (n->op == T_AND ? 0xff : 0))
		return byte_at(t, other, i, depth);
	return n->op == T_AND && c == 0 ? term_const(t, 8, 0) : TERM_NONE;
}

/* Of a shift by whole bytes. */
static Term shifted(Terms *t, const Node *n, unsigned i, unsigned depth)
{
	uint64_t v;
	unsigned size = n->width / 8;
	if (!term_is_const(t, n->b, &v) || v % 8 != 0 || v >= n->width)
		return TERM_NONE;
	unsigned k = v / 8;
	if (n->op == T_SHL)
		return i >= k ? byte_at(t, n->a, i - k, depth) : term_const(t, 8, 0);
	if (i + k < size)
		return byte_at(t, n->a, i + k, depth);
	return n->op == T_SHRU ? term_const(t, 8, 0) : TERM_NONE;
}

static Term inside(Terms *t, Term x, unsigned i, unsigned depth)
{
	const Node n = t->node[x]; /* a copy: making terms moves them */
	Term a, b;
	switch (n.op) {
	case T_CONST: return term_const(t, 8, n.imm >> 8 * i);
	case T_CAT: return 8 * i < n.key ? byte_at(t, n.b, i, depth) : byte_at(t, n.a, i - n.key / 8, depth);
	case T_WRAP: return byte_at(t, n.a, i, depth);
	case T_EXTU: return i < 4 ? byte_at(t, n.a, i, depth) : term_const(t, 8, 0);
	case T_EXTS: case T_EXT32: return i < 4 ? byte_at(t, n.a, i, depth) : TERM_NONE;
	case T_EXT16: return i < 2 ? byte_at(t, n.a, i, depth) : TERM_NONE;
	case T_EXT8: return i < 1 ? byte_at(t, n.a, i, depth) : TERM_NONE;
	case T_SHL: case T_SHRU: case T_SHRS: return shifted(t, &n, i, depth);
	case T_AND: case T_XOR: return masked(t, &n, i, depth);
	case T_OR:
		a = byte_at(t, n.a, i, depth);
		b = byte_at(t, n.b, i, depth);
		if (a == term_const(t, 8, 0))
			return b;
		return b == term_const(t, 8, 0) ? a : TERM_NONE;
	}
	return TERM_NONE;
}

static Term byte_at(Terms *t, Term x, unsigned i, unsigned depth)
{
	x = term_find(t, x);
	if (t->node[x].width == 8)
		return x;
	Term y = depth < DEPTH ? inside(t, x, i, depth + 1) : TERM_NONE;
	return y != TERM_NONE ? y : term_make(t, T_BYTE, 8, 8 * i, x, TERM_NONE, TERM_NONE, 0);
}

Term term_byte(Terms *t, Term x, unsigned i) { return byte_at(t, x, i, 0); }

Term term_cat(Terms *t, Term high, Term low)
{
	uint64_t h, l;
	high = term_find(t, high);
	low = term_find(t, low);
	const Node a = t->node[high], b = t->node[low];
	uint8_t width = a.width + b.width;
	if (term_is_const(t, high, &h) && term_is_const(t, low, &l))
		return term_const(t, width, h << b.width | l);
	return term_make(t, T_CAT, width, b.width, high, low, TERM_NONE, 0);
}

/* The term of which these are bytes k, k+1 and so on; *k is set. */
static Term run_of(const Terms *t, const Term *byte, unsigned n, unsigned *k)
{
	const Node *first = &t->node[byte[0]];
	if (first->op != T_BYTE)
		return TERM_NONE;
	*k = first->key / 8;
	for (unsigned i = 1; i < n; i++) {
		const Node *b = &t->node[byte[i]];
		if (b->op != T_BYTE || b->a != first->a || b->key != first->key + 8 * i)
			return TERM_NONE;
	}
	return first->a;
}

Term term_word(Terms *t, const Term *byte, unsigned n)
{
	unsigned k;
	Term x = n > 1 ? run_of(t, byte, n, &k) : TERM_NONE;
	if (x != TERM_NONE && t->node[x].width == 8 * n)
		return x;
	if (x != TERM_NONE && n == 4 && k % 4 == 0 && t->node[x].width == 64)
		return term_op(t, T_WRAP, 64, term_op(t, T_SHRU, 64, x, term_const(t, 64, 8 * k)), TERM_NONE);
	x = term_find(t, byte[0]);
	for (unsigned i = 1; i < n; i++)
		x = term_cat(t, byte[i], x);
	return x;
}
