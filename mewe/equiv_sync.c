/* equiv_sync.c - where both sides must agree on all that can be seen: at a join, an effect, a return, and at each trap before it.
 * In: a path whose sides have run to the same kind of place. Out: whether they agree; what each did since is then forgotten.
 *
 * Each side has a row of traps and writes, in order. Traps with no write between them are one group: whichever of them happens,
 * the same has been written. Both sides have to have the same groups: the first trap that happens, if any, is then in groups
 * that stand for each other, and the writes before those must have left the same memory and globals. After the last group all
 * writes must have. (More could be proved equal, such as a trap on one side that two groups of the other stand for together.)
 *
 * Two rows of stores leave the same memory: if they are the same, one for one; or, byte by byte, once what is overwritten later
 * is left out (nobody sees it) and what neighbours by the same address is sorted (distinct offsets are distinct places); or else
 * if the solver finds the byte at any address the same, which is the definition. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

enum { WRITES = 512, REACHES = 64 };   /* writes to be compared byte by byte; what is remembered to be in reach */

/* ---- memory and globals ---- */

typedef struct Byte {
	Term addr, value;
	uint64_t offset;
} Byte;

typedef struct Row {
	Byte *b;
	uint32_t n, cap;
} Row;

static void put_byte(Search *s, Row *r, Byte b)
{
	uint32_t k = 0;
	spend_scan(s, r->n);
	for (uint32_t i = 0; i < r->n; i++)
		if (r->b[i].addr != b.addr || r->b[i].offset != b.offset)
			r->b[k++] = r->b[i];
	r->n = k;
	PUSH(r->b, r->n, r->cap, b);
}

/* What the writes from `from` on leave, in order; by the same address, neighbours are sorted by offset. */
static Row row_of(Search *s, const Side *x, uint32_t from, uint32_t to)
{
	Row r = {0};
	for (uint32_t k = from; k < to; k++)
		for (unsigned i = 0; x->write[k].global == NONE && i < x->write[k].bytes; i++)
			put_byte(s, &r, (Byte){term_find(&s->t, x->write[k].addr), memory_byte(s, x->write[k].value, i), x->write[k].offset + i});
	for (uint32_t i = 1; i < r.n; i++) {
		for (uint32_t k = i; k > 0 && r.b[k - 1].addr == r.b[k].addr && r.b[k - 1].offset > r.b[k].offset; k--) {
			Byte swap = r.b[k];
			r.b[k] = r.b[k - 1];
			r.b[k - 1] = swap;
		}
	}
	return r;
}

static bool same_rows(Search *s, const Path *p, const Row *a, const Row *b, uint64_t *w)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->b[i].offset != b->b[i].offset || equal_on(s, p, a->b[i].addr, b->b[i].addr, w) != ANSWER_YES)
			return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (equal_on(s, p, a->b[i].value, b->b[i].value, w) != ANSWER_YES)
			return false;
	return true;
}

static bool stores(const Side *x, uint32_t from, uint32_t to)
{
	while (from < to && x->write[from].global != NONE)
		from++;
	return from < to;
}

/* Is memory plainly the same after na writes of one side and nb of the other? */
static bool plain_memory(Search *s, const Path *p, uint32_t na, uint32_t nb)
{
	const Side *a = &p->side[0], *b = &p->side[1];
	uint32_t from = p->step < na ? p->step : na;
	from = from < nb ? from : nb;
	if (!stores(a, from, na) && !stores(b, from, nb))
		return true;
	if (na - from > WRITES || nb - from > WRITES)
		return false;
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	Row x = row_of(s, a, from, na), y = row_of(s, b, from, nb);
	bool yes = same_rows(s, p, &x, &y, w);
	free(x.b);
	free(y.b);
	free(w);
	return yes;
}

static bool same_memory(Search *s, Path *p, uint32_t na, uint32_t nb, const char *what)
{
	if (plain_memory(s, p, na, nb))
		return true;
	if (!s->deep || na > WRITES || nb > WRITES) {
		fail(s, p, V_UNSUPPORTED, "%s is written otherwise", what);
		return false;
	}
	Term where = term_sym(&s->t, 64);
	return must_equal(s, p, memory_at(s, p, &p->side[0], na, where), memory_at(s, p, &p->side[1], nb, where), what);
}

static bool same_globals(Search *s, Path *p, uint32_t na, uint32_t nb, const char *what)
{
	const Side *a = &p->side[0], *b = &p->side[1];
	for (uint32_t i = 0; i < na + nb; i++) {
		const Write *w = i < na ? &a->write[i] : &b->write[i - na];
		if (w->global == NONE)
			continue;
		uint8_t width = s->t.node[w->value].width;
		if (!must_equal(s, p, memory_global(s, p, a, na, w->global, width), memory_global(s, p, b, nb, w->global, width), what))
			return false;
	}
	return true;
}

static bool must_agree(Search *s, Path *p, uint32_t na, uint32_t nb, const char *where)
{
	char memory[100], global[100];
	snprintf(memory, sizeof memory, "what memory holds at %s", where);
	snprintf(global, sizeof global, "what a global holds at %s", where);
	return same_memory(s, p, na, nb, memory) && same_globals(s, p, na, nb, global);
}

/* ---- traps ---- */

/* 1 where the trap happens. */
static Term condition(Search *s, const Path *p, const Trap *x)
{
	Terms *t = &s->t;
	if (x->cond != TERM_NONE)
		return term_op(t, T_NE, t->node[x->cond].width, x->cond, term_const(t, t->node[x->cond].width, 0));
	Term size = term_op(t, T_SHL, 64, term_op(t, T_EXTU, 32, p->pages, TERM_NONE), term_const(t, 64, 16));
	return term_op(t, T_GTU, 64, memory_place(s, x->addr, x->end), size);
}

static Term any(Search *s, const Path *p, const Side *x, uint32_t from, uint32_t to)
{
	Term v = term_const(&s->t, 32, 0);
	for (; from < to; from++)
		v = term_op(&s->t, T_OR, 32, v, condition(s, p, &x->trap[from]));
	return v;
}

static uint32_t group(const Side *x, uint32_t from)
{
	uint32_t to = from;
	while (to < x->ntrap && x->trap[to].at == x->trap[from].at)
		to++;
	return to;
}

static bool same_trap(const Search *s, const Trap *a, const Trap *b)
{
	return term_find(&s->t, a->cond) == term_find(&s->t, b->cond) &&
	       (a->cond != TERM_NONE || (a->end == b->end && term_find(&s->t, a->addr) == term_find(&s->t, b->addr)));
}

/* Each trap of one group among the other's. */
static bool covered(Search *s, const Side *a, uint32_t from, uint32_t to, const Side *b, uint32_t low, uint32_t high)
{
	for (; from < to; from++) {
		uint32_t k = low;
		while (k < high && !same_trap(s, &a->trap[from], &b->trap[k]))
			k++;
		spend_scan(s, k - low);
		if (k == high || spent(s))
			return false;
	}
	return true;
}

/* The usual case: the same traps between the same writes. */
static bool plainly_same(Search *s, const Path *p)
{
	const Side *a = &p->side[0], *b = &p->side[1];
	uint32_t i = 0, k = 0;
	while (i < a->ntrap && k < b->ntrap) {
		uint32_t ie = group(a, i), ke = group(b, k);
		if (a->trap[i].at != b->trap[k].at || a->trap[i].at > p->step || !covered(s, a, i, ie, b, k, ke) || !covered(s, b, k, ke, a, i, ie))
			return false;
		i = ie;
		k = ke;
	}
	return i == a->ntrap && k == b->ntrap;
}

static void learn_size(Search *s, Path *p)
{
	Terms *t = &s->t;
	path_learn(p, term_op(t, T_LEU, 32, p->pages, term_const(t, 32, 65536)), true);
	path_learn(p, term_op(t, T_GEU, 32, p->pages, term_const(t, 32, s->memory_min >> 16)), true);
}

/* Leaves out what can be proved not to happen. */
static void prune(Search *s, Path *p, Side *x)
{
	uint32_t k = 0, known = p->nknown;
	for (uint32_t i = 0; i < x->ntrap; i++) {
		Term c = condition(s, p, &x->trap[i]);
		if (!holds(s, p, c, false)) {
			path_learn(p, c, false); /* what comes after it comes only if it did not happen */
			x->trap[k++] = x->trap[i];
		}
	}
	x->ntrap = k;
	p->nknown = known;
}

static bool same_traps(Search *s, Path *p, const char *where)
{
	Side *a = &p->side[0], *b = &p->side[1];
	char what[100];
	snprintf(what, sizeof what, "whether it traps before %s", where);
	for (uint32_t i = 0, k = 0; i < a->ntrap || k < b->ntrap;) {
		uint32_t ie = group(a, i), ke = group(b, k);
		Term x = any(s, p, a, i, ie), y = any(s, p, b, k, ke);
		if (!must_equal(s, p, x, y, what))
			return false;
		if (i < ie && k < ke) {
			path_learn(p, x, true);
			bool good = must_agree(s, p, a->trap[i].at, b->trap[k].at, "a trap");
			p->nknown--;
			if (!good)
				return false;
		}
		path_learn(p, x, false);
		i = ie;
		k = ke;
	}
	return true;
}

bool path_traps_too(Search *s, Path *p, int side)
{
	uint32_t known = p->nknown;
	const Side *x = &p->side[side];
	if (x->ntrap == 0 || p->side[0].nwrite > 0 || p->side[1].nwrite > 0)
		return false;
	learn_size(s, p);
	bool yes = holds(s, p, any(s, p, x, 0, x->ntrap), true);
	p->nknown = known;
	return yes;
}

/* ---- both ---- */

static void reached(Search *s, Path *p, const Trap *x)
{
	for (uint32_t i = 0; i < p->nsafe; i++) {
		if (term_find(&s->t, p->safe[i].addr) == term_find(&s->t, x->addr)) {
			p->safe[i].end = p->safe[i].end > x->end ? p->safe[i].end : x->end;
			return;
		}
	}
	if (p->nsafe < REACHES)
		PUSH(p->safe, p->nsafe, p->safecap, ((Reach){x->addr, x->end}));
}

static void set_global(Path *p, uint32_t id, Term value)
{
	for (uint32_t i = 0; i < p->nset; i++) {
		if (p->set[i].id == id) {
			p->set[i].value = value;
			return;
		}
	}
	PUSH(p->set, p->nset, p->scap, ((__typeof__(*p->set)){id, value}));
}

static void forget(Search *s, Path *p)
{
	for (int k = 0; k < 2; k++) {
		Side *x = &p->side[k];
		for (uint32_t i = 0; i < x->ntrap; i++)
			if (x->trap[i].cond == TERM_NONE)
				reached(s, p, &x->trap[i]);
		for (uint32_t i = 0; i < x->nwrite; i++)
			if (k == 0 && x->write[i].global != NONE)
				set_global(p, x->write[i].global, x->write[i].value);
		x->ntrap = x->nwrite = 0;
	}
	p->step = 0;
}

bool path_sync(Search *s, Path *p, const char *where)
{
	uint32_t known = p->nknown;
	memory_step(s, p);
	bool good = plainly_same(s, p);
	if (!good) {
		learn_size(s, p);
		if (s->deep)
			for (int k = 0; k < 2; k++)
				prune(s, p, &p->side[k]);
		good = same_traps(s, p, where);
	}
	good = good && must_agree(s, p, p->side[0].nwrite, p->side[1].nwrite, where);
	p->nknown = known;
	if (good)
		forget(s, p);
	return good;
}
