/* prover.c - the operators' semantics at 8 bits, where every value can be tried: random pairs of expressions, the solver's answer
 * against an evaluation of all 65,536 pairs of values by code of its own.
 * Environment: PROVER_PAIRS (3000; 100000 takes some minutes), PROVER_SEED. Prints `ok NAME` or `not ok NAME: why`.
 * Left out are the operators that only join widths (extensions, wrap, bytes): tests/unit/semantics.c has them. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/equiv.h"

enum { VALUES = 65536, NODES = 24, DEPTH = 3, AGAIN = 200, SOME = 61 };

static int failed;

static void check(const char *name, bool good, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void check(const char *name, bool good, const char *fmt, ...)
{
	va_list ap;
	failed += !good;
	printf(good ? "ok %s" : "not ok %s: ", name);
	va_start(ap, fmt);
	if (!good)
		vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* ---- expressions ---- */

/* A node: T_SYM (imm 0 or 1), T_CONST, an operator, or T_ITE. Operands stand before it. */
typedef struct Node8 {
	uint8_t op, a, b, c, imm;
} Node8;
typedef struct Tree8 {
	Node8 node[NODES];
	uint32_t n;
} Tree8;

static bool compares(uint8_t op) { return (op >= T_EQ && op <= T_GEU) || op == T_EQZ; }
static bool is_unary(uint8_t op) { return op == T_CLZ || op == T_CTZ || op == T_POPCNT || op == T_EQZ; }
static bool is_leaf(uint8_t op) { return op == T_SYM || op == T_CONST; }

static uint32_t put(Tree8 *t, Node8 n)
{
	if (t->n == NODES)
		return NODES - 1;              /* a tree that is too large is cut off: any operand will do */
	t->node[t->n] = n;
	return t->n++;
}

static uint8_t any_constant(Rng *r)
{
	static const uint8_t edge[] = {0, 1, 2, 3, 7, 8, 0x0f, 0x55, 0x7f, 0x80, 0xfe, 0xff};
	return rng_below(r, 3) ? edge[rng_below(r, LEN(edge))] : (uint8_t)rng_next(r);
}

static uint32_t leaf(Tree8 *t, Rng *r)
{
	if (rng_below(r, 3) == 0)
		return put(t, (Node8){.op = T_CONST, .imm = any_constant(r)});
	return put(t, (Node8){.op = T_SYM, .imm = (uint8_t)rng_below(r, 2)});
}

static const uint8_t values[] = {T_ADD, T_SUB, T_MUL, T_DIVS, T_DIVU, T_REMS, T_REMU, T_AND, T_OR, T_XOR, T_SHL, T_SHRU, T_SHRS, T_ROTL,
                                 T_ROTR, T_CLZ, T_CTZ, T_POPCNT, T_ITE};
static const uint8_t flags[] = {T_EQ, T_NE, T_LTS, T_LTU, T_LES, T_LEU, T_GTS, T_GTU, T_GES, T_GEU, T_EQZ};

static uint32_t grow(Tree8 *t, Rng *r, uint32_t depth)
{
	if (depth == 0 || t->n > NODES - 8)
		return leaf(t, r);
	Node8 n = {.op = values[rng_below(r, LEN(values))]};
	if (n.op == T_ITE) {
		Node8 f = {.op = flags[rng_below(r, LEN(flags))]};
		f.a = grow(t, r, depth - 1);
		f.b = is_unary(f.op) ? 0 : leaf(t, r);
		n.a = put(t, f);
		n.b = grow(t, r, depth - 1);
		n.c = leaf(t, r);
	} else {
		n.a = grow(t, r, depth - 1);
		n.b = is_unary(n.op) ? 0 : grow(t, r, rng_below(r, depth));
	}
	return put(t, n);
}

/* ---- candidates: equal ones, and others ---- */

static uint32_t op2(Tree8 *t, uint8_t op, uint32_t a, uint32_t b) { return put(t, (Node8){.op = op, .a = a, .b = b}); }
static uint32_t number(Tree8 *t, uint8_t v) { return put(t, (Node8){.op = T_CONST, .imm = v}); }
static uint32_t inverted(Tree8 *t, uint32_t a) { return op2(t, T_XOR, a, number(t, 0xff)); }

/* The node n in another way, its operands being a and b in t. Some of the ways are wrong for some operators: all the better. */
static uint32_t another(Tree8 *t, Rng *r, Node8 n)
{
	uint32_t a = n.a, b = n.b;
	switch (n.op) {
	case T_ADD: return rng_below(r, 2) ? op2(t, T_ADD, op2(t, T_XOR, a, b), op2(t, T_SHL, op2(t, T_AND, a, b), number(t, 1))) : op2(t, T_SUB, a, op2(t, T_SUB, number(t, 0), b));
	case T_SUB: return op2(t, T_ADD, op2(t, T_ADD, a, inverted(t, b)), number(t, 1));
	case T_MUL: return op2(t, T_SUB, number(t, 0), op2(t, T_MUL, a, op2(t, T_SUB, number(t, 0), b)));
	case T_AND: return op2(t, T_SUB, op2(t, T_ADD, a, b), op2(t, T_OR, a, b));
	case T_OR: return op2(t, T_ADD, op2(t, T_AND, a, inverted(t, b)), b);
	case T_XOR: return op2(t, T_SUB, op2(t, T_OR, a, b), op2(t, T_AND, a, b));
	case T_SHL: return op2(t, T_ROTL, op2(t, T_AND, a, op2(t, T_SHRU, number(t, 0xff), b)), b);
	case T_SHRU: return op2(t, T_AND, op2(t, T_ROTR, a, b), op2(t, T_SHRU, number(t, 0xff), b));
	case T_SHRS: return inverted(t, op2(t, T_SHRS, inverted(t, a), b));
	case T_ROTL: return op2(t, T_ROTR, a, op2(t, T_SUB, number(t, rng_below(r, 4) ? 8 : 7), b));
	case T_ROTR: return op2(t, T_ROTL, a, op2(t, T_SUB, number(t, 0), b));
	case T_REMU: return op2(t, T_SUB, a, op2(t, T_MUL, op2(t, T_DIVU, a, b), b)); /* but for a zero divisor */
	case T_CTZ: return put(t, (Node8){.op = T_POPCNT, .a = op2(t, T_AND, inverted(t, a), op2(t, T_SUB, a, number(t, 1)))});
	case T_ITE: { uint32_t f = put(t, (Node8){.op = T_EQZ, .a = a}); return put(t, (Node8){.op = T_ITE, .a = f, .b = n.c, .c = b}); }
	}
	return put(t, n);
}

/* A copy of the tree below root in which one node, `at`, is made in another way, or wrongly. */
static uint32_t copy(const Tree8 *from, uint32_t root, uint32_t at, bool wrong, Tree8 *to, Rng *r)
{
	Node8 n = from->node[root];
	if (!is_leaf(n.op)) {
		n.a = copy(from, n.a, at, wrong, to, r);
		n.b = is_unary(n.op) ? 0 : copy(from, n.b, at, wrong, to, r);
		n.c = n.op == T_ITE ? copy(from, n.c, at, wrong, to, r) : 0;
	}
	if (root == at && wrong && is_leaf(n.op))
		n = (Node8){.op = T_CONST, .imm = any_constant(r)};
	else if (root == at && wrong && compares(n.op) && n.op != T_EQZ)
		n.op = flags[rng_below(r, LEN(flags) - 1)];
	else if (root == at && wrong && n.op != T_ITE && !is_unary(n.op))
		n.op = values[rng_below(r, 15)];
	else if (root == at && !wrong)
		return another(to, r, n);
	return put(to, n);
}

/* ---- what it is: by code of this file alone ---- */

static uint8_t byte_op(uint8_t op, uint8_t a, uint8_t b)
{
	int x = (int8_t)a, y = (int8_t)b, s = b % 8;
	switch (op) {
	case T_ADD: return a + b;
	case T_SUB: return a - b;
	case T_MUL: return a * b;
	case T_DIVS: return b ? x / y : 0;
	case T_DIVU: return b ? a / b : 0;
	case T_REMS: return b ? x % y : 0;
	case T_REMU: return b ? a % b : 0;
	case T_AND: return a & b;
	case T_OR: return a | b;
	case T_XOR: return a ^ b;
	case T_SHL: return a << s;
	case T_SHRU: return a >> s;
	case T_SHRS: return x < 0 ? ~(~x >> s) : x >> s;
	case T_ROTL: return a << s | a >> (8 - s);
	case T_ROTR: return a >> s | a << (8 - s);
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
	case T_EQZ: return a == 0;
	}
	uint8_t n = 0;
	for (int i = 0; i < 8 && op == T_POPCNT; i++)
		n += a >> i & 1;
	while (op == T_CLZ && n < 8 && !(a >> (7 - n) & 1))
		n++;
	while (op == T_CTZ && n < 8 && !(a >> n & 1))
		n++;
	return n;
}

static uint8_t value(const Tree8 *t, uint32_t root, uint8_t x, uint8_t y)
{
	const Node8 *n = &t->node[root];
	if (n->op == T_SYM)
		return n->imm ? y : x;
	if (n->op == T_CONST)
		return n->imm;
	if (n->op == T_ITE)
		return value(t, n->a, x, y) ? value(t, n->b, x, y) : value(t, n->c, x, y);
	return byte_op(n->op, value(t, n->a, x, y), is_unary(n->op) ? 0 : value(t, n->b, x, y));
}

/* The first pair of values at which they differ, of which some are tried before all: VALUES if there is none. */
static uint32_t difference(const Tree8 *s, uint32_t p, const Tree8 *t, uint32_t q)
{
	for (uint32_t i = 0; i < SOME * SOME; i++) {
		uint32_t v = i * 40503u % VALUES;
		if (value(s, p, v >> 8, v) != value(t, q, v >> 8, v))
			return v;
	}
	for (uint32_t v = 0; v < VALUES; v++)
		if (value(s, p, v >> 8, v) != value(t, q, v >> 8, v))
			return v;
	return VALUES;
}

/* ---- the prover's view ---- */

static Term term_of(Terms *t, const Tree8 *tree, uint32_t root, const Term sym[2])
{
	const Node8 *n = &tree->node[root];
	if (n->op == T_SYM)
		return sym[n->imm];
	if (n->op == T_CONST)
		return term_const(t, 8, n->imm);
	Term a = term_of(t, tree, n->a, sym);
	if (is_unary(n->op))
		return term_op(t, n->op, t->node[a].width, a, TERM_NONE);
	Term b = term_of(t, tree, n->b, sym);
	return n->op == T_ITE ? term_ite(t, a, b, term_of(t, tree, n->c, sym)) : term_op(t, n->op, 8, a, b);
}

typedef struct Count {
	uint32_t equal, different, unknown, wrong, model, points;
} Count;

/* spoil: the prover is told of another operator than the oracle, and has to be found out. */
static void pair(Terms *terms, Smt *smt, const Term sym[2], Rng *r, bool spoil, Count *c)
{
	Tree8 s = {.n = 0}, t = {.n = 0};
	uint32_t p = grow(&s, r, 1 + rng_below(r, DEPTH));
	bool wrong = rng_below(r, 2);
	uint32_t q = copy(&s, p, rng_below(r, p + 1), wrong, &t, r);
	if (t.n == NODES)
		return;
	uint64_t v[2];
	uint32_t at = difference(&s, p, &t, q);
	for (uint32_t i = 0; spoil && i < t.n; i++)
		t.node[i].op = t.node[i].op == T_SHRS ? T_SHRU : t.node[i].op;
	Term x = term_of(terms, &s, p, sym), y = term_of(terms, &t, q, sym);
	Answer a = x == y ? ANSWER_YES : smt_equal(smt, x, y, NULL, NULL, 0, sym, v, 2);
	c->equal += at == VALUES;
	c->different += at != VALUES;
	c->unknown += a == ANSWER_UNKNOWN;
	c->wrong += a != ANSWER_UNKNOWN && (a == ANSWER_YES) != (at == VALUES);
	c->model += a == ANSWER_NO && value(&s, p, v[0], v[1]) == value(&t, q, v[0], v[1]);
	c->points += at == VALUES && !spoil && memcmp(term_points(terms, x), term_points(terms, y), POINTS * sizeof(uint64_t)) != 0;
}

static Count run(uint32_t n, uint64_t seed, bool spoil)
{
	Count c = {0};
	Rng r = {seed};
	for (uint32_t i = 0; i < n; i += AGAIN) { /* terms pile up, so there are new ones now and then */
		Terms terms = {0};
		Term sym[2] = {term_sym(&terms, 8), term_sym(&terms, 8)};
		Smt *smt = smt_new(&terms, EQUIV_FULL, NULL);
		for (uint32_t k = i; k < n && k < i + AGAIN; k++)
			pair(&terms, smt, sym, &r, spoil, &c);
		smt_free(smt);
		term_free(&terms);
	}
	return c;
}

int main(void)
{
	const char *n = getenv("PROVER_PAIRS"), *seed = getenv("PROVER_SEED");
	uint32_t pairs = n ? strtoul(n, NULL, 10) : 3000;
	Count c = run(pairs, seed ? strtoull(seed, NULL, 10) : 1, false);
	printf("%u pairs: %u equal, %u different, %u not settled\n", c.equal + c.different, c.equal, c.different, c.unknown);
	check("the prover agrees with evaluation", c.wrong == 0, "%u of %u answers are wrong", c.wrong, c.equal + c.different);
	check("its counterexamples are some", c.model == 0, "%u are none", c.model);
	check("equal expressions are equal at the test points", c.points == 0, "%u are not", c.points);
	check("both kinds of pairs are many", c.equal > pairs / 5 && c.different > pairs / 5, "%u and %u of %u", c.equal, c.different, pairs);
	check("few stay unsettled", c.unknown <= pairs / 30, "%u of %u", c.unknown, pairs);
	c = run(1000, 2, true);
	check("an arithmetic shift taken for a logical one is noticed", c.wrong > 0, "all %u answers agree", c.equal + c.different);
	return failed != 0;
}
