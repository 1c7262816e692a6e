/* synth_pair.c - one value from another: of two assignments next to each other, the second value by way of the first.
 * In: a form of two values over the same variables, the bank. Out: trees for the second value over the variables and the first.
 * Must hold: each tree agrees with the second value at all test points, and uses the first. */
#include <string.h>
#include "synth.h"

enum { KEEP = 128 };

typedef struct Derive {
	Synth *s;
	const Bank *b;
	Form *form;
	uint64_t first[SYNTH_ALL], second[SYNTH_ALL];
	uint32_t limit;
} Derive;

/* Some operator on the first value and a leaf, or the first value itself. */
typedef struct Use {
	uint8_t op;                    /* T_SYM: itself */
	bool swapped;
	uint32_t leaf;                 /* class */
	uint64_t point[SYNTH_POINTS];
} Use;

static uint32_t write_use(const Derive *d, const Use *u, Tree *t)
{
	uint8_t width = d->form->width;
	*t = (Tree){.n = 1, .t = {{.op = T_SYM, .width = width, .kid = {SYNTH_FIRST}}}};
	if (u->op == T_SYM)
		return 0;
	uint32_t leaf = synth_ops[u->op].nkids == 2 ? synth_write(d->b, d->b->class[u->leaf].first, t) : 0;
	t->t[t->n] = (Twig){.op = u->op, .width = width, .kid = {u->swapped ? leaf : 0, u->swapped ? 0 : leaf}};
	return t->n++;
}

/* Is the tree right everywhere? Then it is kept. */
static void keep(Derive *d, const Tree *t)
{
	const uint64_t *var[] = {d->b->var[0], d->b->var[1], d->b->var[2], d->first};
	uint64_t out[SYNTH_ALL];
	if (d->form->n == KEEP || synth_cost(t) > d->limit)
		return;
	if (!synth_tree_points(t, var, out, SYNTH_ALL) || memcmp(out, d->second, sizeof out) != 0)
		return;
	synth_tree_add(d->s, t);
	d->form->n++;
	d->s->passed++;
}

/* The second value as the use, op and something of the bank. */
static void join(Derive *d, const Use *u, uint8_t op, bool swapped, uint32_t class)
{
	Tree t;
	uint32_t use = write_use(d, u, &t), rest = synth_write(d->b, d->b->class[class].first, &t);
	if (rest == NONE || t.n == SYNTH_TREE)
		return;
	t.t[t.n++] = (Twig){.op = op, .width = d->form->width, .kid = {swapped ? rest : use, swapped ? use : rest}};
	keep(d, &t);
}

static void solve(Derive *d, const Use *u)
{
	static const struct {
		uint8_t op;
		bool swapped;
		uint8_t back;              /* how the other operand follows from the second value and the use */
	} ways[] = {{T_ADD, false, T_SUB}, {T_SUB, true, T_ADD}, {T_SUB, false, T_SUB}, {T_XOR, false, T_XOR}};
	uint8_t width = d->form->width;
	for (size_t i = 0; i < LEN(ways); i++) {
		uint64_t want[SYNTH_POINTS];
		uint32_t next, at;
		bool from_use = ways[i].op == T_SUB && !ways[i].swapped;
		synth_eval(ways[i].back, width, from_use ? u->point : d->second, from_use ? d->second : u->point, want, want, SYNTH_POINTS);
		uint64_t sum = synth_sum(want, width);
		d->s->enumerated++;
		for (at = synth_class_sum(d->b, width, sum, NONE, &next); at != NONE; at = synth_class_sum(d->b, width, sum, next, &next))
			if (memcmp(d->b->class[at].point, want, sizeof want) == 0)
				join(d, u, ways[i].op, ways[i].swapped, at);
	}
	if (u->op != T_SYM && memcmp(u->point, d->second, sizeof u->point) == 0) {
		Tree t;
		write_use(d, u, &t);
		keep(d, &t);
	}
}

static void use(Derive *d, uint8_t op, uint32_t leaf, bool swapped)
{
	uint8_t width = d->form->width;
	const uint64_t *x = d->b->class[leaf].point;
	Use u = {.op = op, .swapped = swapped, .leaf = leaf};
	synth_eval(op, width, swapped ? x : d->first, swapped ? d->first : x, x, u.point, SYNTH_POINTS);
	if (memcmp(u.point, d->first, sizeof u.point) != 0) /* or it is a longer way to write it */
		solve(d, &u);
}

static bool wanted(const Derive *d, uint8_t op)
{
	const SynthOp *o = &synth_ops[op];
	return o->name && !o->divides && !o->narrow && !o->gives && o->nkids < 3 && (!o->feature || d->b->feature);
}

void synth_pair(Synth *s, const Bank *b, Form *f)
{
	Derive d = {.s = s, .b = b, .form = f};
	const uint64_t *var[] = {b->var[0], b->var[1], b->var[2]};
	Tree first, second;
	Use itself = {.op = T_SYM};
	synth_tree_part(&f->tree, f->root[0], &first);
	synth_tree_part(&f->tree, f->root[1], &second);
	synth_tree_points(&first, var, d.first, SYNTH_ALL);
	synth_tree_points(&second, var, d.second, SYNTH_ALL);
	d.limit = synth_cost(&second) + SYNTH_EXTRA;
	f->first = s->ntree;
	memcpy(itself.point, d.first, sizeof itself.point);
	solve(&d, &itself);
	for (uint8_t op = 0; op < S_OPS; op++) {
		for (uint32_t leaf = 0; wanted(&d, op) && leaf < (synth_ops[op].nkids == 2 ? b->leaves : 1); leaf++) {
			if (synth_ops[op].nkids == 2 && b->class[leaf].type != f->width)
				continue;
			use(&d, op, leaf, false);
			if (synth_ops[op].nkids == 2 && !synth_ops[op].commutes)
				use(&d, op, leaf, true);
		}
	}
}
