/* synth_bank.c - all expressions of up to two operators over the variables, by what they give at the test points.
 * In: the variables' width. Out: classes of expressions that agree at all points, each with a few
 * members, the cheapest first. Must hold: the same bank on every machine; at most CLASSES of them, about 30 MB in all.
 * Operands are classes, not expressions: what is equal to something cheaper is no operand, but is a member. */
#include <stdlib.h>
#include <string.h>
#include "synth.h"

enum { CLASSES = 1 << 17, VALUES = 1 << 18, SLOTS = 1 << 18, MEMBERS = 3 };

/* ---- test points ---- */

static uint64_t ones(uint8_t width) { return width == 64 ? UINT64_MAX : UINT32_MAX; }

/* Where operators change their ways. */
static uint64_t edge(uint8_t width, char letter)
{
	uint64_t top = 1ull << (width - 1);
	switch (letter) {
	case 'm': return top;
	case 'M': return top - 1;
	case 'n': return top + 1;
	case 'f': return ones(width);
	case 'e': return ones(width) - 1;
	case 's': return width - 1u;
	case 'w': return width;
	case 'b': return 0xff;
	case 'h': return 0x80;
	case 'q': return 0xffff;
	case 't': return 32;
	case 'i': return width == 64 ? 0x7fffffff : 0x7fff;
	case 'j': return width == 64 ? 0x80000000 : 0x8000;
	case 'g': return ones(width) - 0x7f;
	case 'a': return 0xaaaaaaaaaaaaaaaa & ones(width);
	case 'c': return 0x5555555555555555 & ones(width);
	case 'u': return width == 64 ? UINT32_MAX : 0xff00;
	default: return (uint64_t)(letter - '0');
	}
}

/* A value that few operators treat like any other: small, a multiple of a power of two, or one beside another variable's. */
static uint64_t unusual(Rng *r, uint8_t width, uint64_t other)
{
	uint64_t x = rng_next(r), bit = 1ull << rng_below(r, width);
	switch (rng_below(r, 12)) {
	case 0: return x & 127;
	case 1: return 0 - (x & 127);
	case 2: return x & -bit;
	case 3: return other + 1;
	case 4: return other - 1;
	case 5: return other ^ bit;
	case 6: case 7: return other;
	case 8: return other + bit;
	case 9: return other - bit;
	case 10: return x;
	default: return x >> rng_below(r, width);
	}
}

/* A power of two, or one below it, in the variable whose turn it is. */
static bool power(const Bank *b, uint32_t n, uint32_t v, uint64_t *x)
{
	if (n / (2 * b->width) != v)
		return false;
	*x = (1ull << n / 2 % b->width) - (n & 1);
	return true;
}

/* Any values come first, since these tell most expressions apart; then values at edges (r: any value, =: that of the variable
 * before); the further points have all pairs of edges, powers of two, and unusual values. */
static void points(Bank *b)
{
	static const char first[][SYNTH_VARS + 1] = {"00r", "01r", "10r", "1rr", "r0r", "r11", "2r0", "mr1", "Mm2", "frm", "rf2", "r=r",
	                                             "rr=", "srb", "wsf", "tM3"};
	static const char edges[] = "012mMnfeswbhq3tijugac";
	enum { ANY = SYNTH_POINTS - LEN(first), EDGES = LEN(edges) - 1, PAIRS = SYNTH_POINTS + EDGES * EDGES };
	Rng r = {b->width};
	for (uint32_t i = 0; i < SYNTH_ALL; i++) {
		for (uint32_t v = 0; v < SYNTH_VARS; v++) {
			uint64_t other = v > 0 ? b->var[rng_below(&r, v)][i] : 0, x = i < ANY ? rng_next(&r) : unusual(&r, b->width, other);
			uint32_t pair[] = {i % EDGES, i / EDGES % EDGES, rng_below(&r, EDGES)};
			char how = i >= ANY && i < SYNTH_POINTS ? first[i - ANY][v] : 'r';
			if (i >= SYNTH_POINTS && i < PAIRS && (v < 2 || i & 1))
				how = edges[pair[v]];
			if (i >= PAIRS && power(b, i - PAIRS, v, &x))
				how = 'r';
			else if (how == '=')
				x = b->var[v - 1][i];
			else if (how != 'r')
				x = edge(b->width, how);
			b->var[v][i] = x & ones(b->width);
		}
	}
}

/* ---- hashes: of a sum or a difference they follow from those of the operands ---- */

uint64_t synth_sum(const uint64_t *point, uint8_t type)
{
	uint64_t s = 0;
	uint32_t low = 0, high = 0;
	for (uint32_t i = 0; i < SYNTH_POINTS; i++) {
		uint64_t k = (i + 1) * 0x9e3779b97f4a7c15 ^ (i + 3) * 0xd1b54a32d192ed03;
		if (type == 64) {
			s += point[i] * (k | 1);
		} else {
			low += (uint32_t)point[i] * ((uint32_t)k | 1);
			high += (uint32_t)point[i] * ((uint32_t)(k >> 32) | 1);
		}
	}
	return type == 64 ? s : (uint64_t)high << 32 | low;
}

uint64_t synth_sum_of(uint8_t op, uint8_t type, uint64_t a, uint64_t b)
{
	if (op == T_SUB && type == 64)
		return a - b;
	if (op == T_SUB)
		return ((a >> 32) - (b >> 32)) << 32 | (uint32_t)(a - b);
	return type == 64 ? a + b : ((a >> 32) + (b >> 32)) << 32 | (uint32_t)(a + b);
}

uint64_t synth_mix(const uint64_t *point)
{
	uint64_t h = 0;
	for (uint32_t i = 0; i < SYNTH_POINTS; i++)
		h ^= point[i] << (13 * i & 63) | point[i] >> (-13 * i & 63);
	return h;
}

static uint32_t slot(uint64_t h, uint8_t type) { return (h + type) * 0x9e3779b97f4a7c15 >> 46; }

uint32_t synth_class_sum(const Bank *b, uint8_t type, uint64_t sum, uint32_t from, uint32_t *next)
{
	for (uint32_t i = from == NONE ? slot(sum, type) : from; b->by_sum[i]; i = (i + 1) & (SLOTS - 1)) {
		const Class *c = &b->class[b->by_sum[i] - 1];
		*next = (i + 1) & (SLOTS - 1);
		if (c->sum == sum && c->type == type)
			return b->by_sum[i] - 1;
	}
	return NONE;
}

uint32_t synth_class_mix(const Bank *b, uint8_t type, uint64_t mix, uint32_t from, uint32_t *next)
{
	for (uint32_t i = from == NONE ? slot(mix, type) : from; b->by_mix[i]; i = (i + 1) & (SLOTS - 1)) {
		const Class *c = &b->class[b->by_mix[i] - 1];
		*next = (i + 1) & (SLOTS - 1);
		if (c->mix == mix && c->type == type)
			return b->by_mix[i] - 1;
	}
	return NONE;
}

/* ---- putting in ---- */

static void class_add(Bank *b, const Class *c)
{
	uint32_t s = slot(c->sum, c->type), m = slot(c->mix, c->type);
	while (b->by_sum[s])
		s = (s + 1) & (SLOTS - 1);
	while (b->by_mix[m])
		m = (m + 1) & (SLOTS - 1);
	b->class[b->nclass] = *c;
	b->by_sum[s] = b->by_mix[m] = ++b->nclass;
}

static uint32_t class_find(const Bank *b, const Class *c)
{
	uint32_t next, at = synth_class_sum(b, c->type, c->sum, NONE, &next);
	while (at != NONE && memcmp(b->class[at].point, c->point, sizeof c->point) != 0)
		at = synth_class_sum(b, c->type, c->sum, next, &next);
	return at;
}

static void member(Bank *b, uint32_t class, Value v)
{
	uint32_t n = 1, at = b->class[class].first;
	for (; b->value[at].next != NONE; at = b->value[at].next)
		n++;
	if (n < MEMBERS && b->nvalue < VALUES && v.cost <= b->class[class].cost + 2) {
		b->value[at].next = b->nvalue;
		b->value[b->nvalue++] = v;
	}
}

/* Does the expression of this class have a part that is of it? What gives its operand back is of no use, nor is a
 * longer way to write a leaf. */
static bool detour(const Bank *b, const Value *v, uint32_t class)
{
	bool is = class < b->leaves;
	for (uint32_t i = 0; i < synth_ops[v->op].nkids; i++) {
		const Value *k = &b->value[b->class[v->kid[i]].first];
		is |= v->kid[i] == class;
		for (uint32_t j = 0; j < synth_ops[k->op].nkids; j++)
			is |= k->kid[j] == class;
	}
	return is;
}

/* An expression and its points: a member of its class, or a class of its own. */
static void put(Bank *b, Value v, Class *c)
{
	c->sum = synth_sum(c->point, c->type);
	uint32_t at = class_find(b, c);
	v.next = NONE;
	if (at != NONE) {
		if (!detour(b, &v, at))
			member(b, at, v);
	} else if (b->nclass < CLASSES && b->nvalue < VALUES) {
		c->mix = synth_mix(c->point);
		c->first = b->nvalue;
		c->cost = v.cost;
		c->hard = v.hard;
		b->value[b->nvalue++] = v;
		class_add(b, c);
	}
}

static void leaf(Bank *b, uint8_t op, uint8_t type, uint32_t var, uint64_t imm)
{
	Class c = {.type = type, .vars = op == T_SYM ? 1u << var : 0};
	for (uint32_t i = 0; i < SYNTH_POINTS; i++)
		c.point[i] = op == T_SYM ? b->var[var][i] : imm;
	put(b, (Value){.op = op, .width = type, .kid = {var}, .imm = imm}, &c);
}

/* What is the same at all points is either constant or can't be told from it: neither is of use as an operand. */
static bool constant(const Class *c)
{
	for (uint32_t i = 1; i < SYNTH_POINTS; i++)
		if (c->point[i] != c->point[0])
			return false;
	return true;
}

static void apply(Bank *b, uint8_t op, uint8_t width, uint32_t x, uint32_t y, uint32_t z)
{
	const SynthOp *o = &synth_ops[op];
	const Class *k[] = {&b->class[x], &b->class[y], &b->class[z]};
	bool known = k[1]->vars == 0;
	Value v = {.op = op, .width = width, .cost = synth_cost_of(op, known), .kid = {x, y, z}};
	Class c = {.type = synth_gives(op, width)};
	v.hard = synth_hard(op, b->value[k[0]->first].op, b->value[k[1]->first].op);
	for (uint32_t i = 0; i < o->nkids; i++) {
		c.vars |= k[i]->vars;
		v.cost += k[i]->cost;
		v.hard += k[i]->hard;
	}
	if (c.vars == 0)
		return;
	b->looked++;
	synth_eval(op, width, k[0]->point, k[1]->point, k[2]->point, c.point, SYNTH_POINTS);
	if (!constant(&c))
		put(b, v, &c);
}

/* ---- enumeration ---- */

/* In 64 bits, expressions over 32-bit variables are made with these alone. */
static bool inner(uint8_t op)
{
	return op == T_ADD || op == T_SUB || op == T_OR || op == T_SHL || op == T_SHRU || op == T_ROTL || op == T_MUL;
}

/* Greater-than is less-than the other way round: which of them is written is decided when code is made. */
bool synth_mirrored(uint8_t op) { return op == T_GTS || op == T_GTU || op == T_GES || op == T_GEU; }

static bool wanted(const Bank *b, uint8_t op, uint8_t width)
{
	const SynthOp *o = &synth_ops[op];
	if (!o->name || (o->feature && !b->feature) || (o->narrow && o->narrow != width) || synth_mirrored(op))
		return false;
	return width == b->width || o->nkids == 1 || width < b->width || inner(op);
}

/* All operators on x and y of the same type, y among the leaves. */
static void pair(Bank *b, uint32_t x, uint32_t y)
{
	uint8_t width = b->class[x].type;
	if (b->class[y].type != width)
		return;
	for (uint8_t op = 0; op < S_OPS; op++) {
		if (synth_ops[op].nkids != 2 || !wanted(b, op, width))
			continue;
		if (synth_ops[op].divides) {
			if (b->class[y].vars == 0 && b->class[y].point[0] > 1)
				apply(b, op, width, x, y, 0);
			continue;
		}
		if (x >= y || !synth_ops[op].commutes)
			apply(b, op, width, x, y, 0);
		if (x >= b->leaves && !synth_ops[op].commutes)
			apply(b, op, width, y, x, 0);
	}
}

static void choices(Bank *b, uint32_t x)
{
	const Value *v = &b->value[b->class[x].first];
	if (b->class[x].type != 32 || !(synth_ops[v->op].compares || (v->op == T_SYM && b->width == 32)))
		return;
	for (uint32_t y = 0; y < b->leaves; y++)
		for (uint32_t z = 0; z < b->leaves; z++)
			if (y != z && y != x && z != x && b->class[y].type == b->class[z].type)
				apply(b, T_ITE, b->class[y].type, x, y, z);
}

static void level(Bank *b, uint32_t from, uint32_t to)
{
	for (uint32_t x = from; x < to; x++) {
		for (uint8_t op = 0; op < S_OPS; op++)
			if (synth_ops[op].nkids == 1 && wanted(b, op, b->class[x].type))
				apply(b, op, b->class[x].type, x, 0, 0);
		for (uint32_t y = 0; y < b->leaves; y++)
			pair(b, x, y);
		choices(b, x);
	}
}

static void leaves(Bank *b)
{
	for (uint32_t v = 0; v < SYNTH_VARS; v++)
		leaf(b, T_SYM, b->width, v, 0);
	for (uint8_t width = 32; width <= 64; width += 32) {
		const uint64_t constants[] = {1, 2, width - 1, 1ull << (width - 1), 32};
		for (size_t i = 0; i < (width == 64 ? LEN(constants) : LEN(constants) - 1); i++)
			leaf(b, T_CONST, width, 0, constants[i]);
	}
	b->leaves = b->nclass;
	for (uint32_t x = 0; x < SYNTH_VARS; x++) { /* conversions of variables are as good as variables */
		if (b->width == 64)
			apply(b, T_WRAP, 64, x, 0, 0);
		else
			apply(b, T_EXTU, 32, x, 0, 0);
	}
	b->leaves = b->nclass;
}

uint32_t synth_write(const Bank *b, uint32_t v, Tree *t)
{
	const Value *x = &b->value[v];
	Twig w = {.op = x->op, .width = x->width};
	uint32_t nkids = synth_ops[x->op].nkids;
	if (x->op == T_SYM)
		w.kid[0] = x->kid[0];
	else if (x->op == T_CONST)
		w.imm = x->imm;
	for (uint32_t i = 0; i < nkids; i++) {
		uint32_t k = synth_write(b, b->class[x->kid[i]].first, t);
		if (k == NONE)
			return NONE;
		w.kid[i] = k;
	}
	if (t->n == SYNTH_TREE)
		return NONE;
	t->t[t->n] = w;
	return t->n++;
}

void synth_bank_open(Bank *b, uint8_t width, bool feature)
{
	*b = (Bank){.width = width, .feature = feature};
	b->value = xalloc(VALUES * sizeof *b->value);
	b->class = xalloc(CLASSES * sizeof *b->class);
	b->by_sum = xalloc(SLOTS * sizeof *b->by_sum);
	b->by_mix = xalloc(SLOTS * sizeof *b->by_mix);
	points(b);
	leaves(b);
	level(b, 0, b->leaves);
	b->ones = b->nclass;
	level(b, b->leaves, b->ones);
}

void synth_bank_close(Bank *b)
{
	free(b->value);
	free(b->class);
	free(b->by_sum);
	free(b->by_mix);
	*b = (Bank){0};
}
