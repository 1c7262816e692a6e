/* equiv_memory.c - loads, stores and globals of one side of a path.
 * In: addresses and values. Out: bytes, each an unknown of a version of the memory and of its place.
 *
 * An address is 32 bits, an offset too, and their sum is not cut: a place is a number of 33 bits, here of 64. Each store and
 * global.set since the last sync is in the side's list. A load goes back through the list: by the same address term a store is
 * either beside it or over it, the offsets tell; by another the solver is asked whether it can touch (in the second attempt;
 * if it may, the byte is a choice between the two); and where nobody asks, the byte is one of the version after that store,
 * which is an unknown function of the version before it and of the store. All this is true of any memory: what a path assumes
 * comes in only through holds(), and stays on the path.
 *
 * A trap: an access ends at addr + end, and traps if the memory ends before. The memory never shrinks, so what was reached once
 * can be reached again, and what ends no later by the same address term, too. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

enum { CANDIDATES = 16, CHOICES = 12 };

Term memory_place(Search *s, Term addr, uint64_t offset)
{
	Terms *t = &s->t;
	Term wide = t->node[addr].width == 64 ? addr : term_op(t, T_EXTU, 32, addr, TERM_NONE);
	return term_op(t, T_ADD, 64, wide, term_const(t, 64, offset));
}

/* The same place is one term, if that can be proved: then what is kept for places need not ask. */
static Term known_address(Search *s, Term addr)
{
	addr = term_find(&s->t, addr);
	spend_scan(s, 2 * s->naddr);
	for (uint32_t i = 0; i < s->naddr; i++)
		if (s->addr[i] == addr)
			return addr;
	for (uint32_t i = s->naddr, left = CANDIDATES; i-- > 0 && left > 0;) {
		if (!alike(s, s->addr[i], addr))
			continue;
		left--;
		if (same(s, s->addr[i], addr))
			return term_find(&s->t, addr);
	}
	PUSH(s->addr, s->naddr, s->acap, addr);
	return addr;
}

/* ---- traps ---- */

static void access_to(Search *s, Path *p, Side *x, Term addr, uint64_t end)
{
	uint64_t v;
	p->entry = false; /* how large the memory is, and what it holds, is no argument */
	if (term_is_const(&s->t, addr, &v) && v + end <= s->memory_min)
		return;
	spend_scan(s, p->nsafe + x->ntrap);
	for (uint32_t i = 0; i < p->nsafe; i++)
		if (term_find(&s->t, p->safe[i].addr) == addr && p->safe[i].end >= end)
			return;
	for (uint32_t i = 0; i < x->ntrap; i++)
		if (x->trap[i].cond == TERM_NONE && term_find(&s->t, x->trap[i].addr) == addr && x->trap[i].end >= end)
			return;
	for (uint32_t i = x->ntrap; i-- > 0 && x->trap[i].at == x->nwrite;) { /* nothing was written between: as if asked at once */
		if (x->trap[i].cond == TERM_NONE && term_find(&s->t, x->trap[i].addr) == addr) {
			x->trap[i].end = end;
			return;
		}
	}
	PUSH(x->trap, x->ntrap, x->tcap, ((Trap){TERM_NONE, addr, end, x->nwrite}));
}

/* ---- bytes ---- */

/* 128 bits are no width of the operators: such a value is a row of bytes under a name of its own. */
Term memory_byte(Search *s, Term value, unsigned i)
{
	value = term_find(&s->t, value);
	const Node *n = &s->t.node[value];
	if (n->width <= 64)
		return term_byte(&s->t, value, i);
	if (n->op != T_FUN || n->key != s->key.v128)
		return apply(s, 8, s->key.lane, i, &value, 1);
	Term list = n->a;
	for (; i > 0; i--)
		list = s->t.node[list].b;
	return s->t.node[list].a;
}

static Term wide_word(Search *s, const Term *byte)
{
	const Node *first = &s->t.node[byte[0]];
	if (first->op == T_FUN && first->key == s->key.lane) {
		Term x = s->t.node[first->a].a;
		bool whole = true;
		for (unsigned i = 0; i < 16 && whole; i++)
			whole = byte[i] == memory_byte(s, x, i);
		if (whole)
			return x;
	}
	return apply(s, 128, s->key.v128, 0, byte, 16);
}

static Term word(Search *s, Term *byte, unsigned n, uint8_t width)
{
	for (unsigned i = 0; i < n; i++)
		byte[i] = term_find(&s->t, byte[i]);
	if (n == 16)
		return wide_word(s, byte);
	Term x = term_word(&s->t, byte, n);
	return 8 * n == width ? x : term_cat(&s->t, term_const(&s->t, width - 8 * n, 0), x);
}

/* A byte that nobody has written since this version. */
static Term unwritten(Search *s, Term version, Term addr, uint64_t offset)
{
	Term arg[] = {version, addr};
	return apply(s, 8, s->key.byte, offset, arg, 2);
}

Term memory_version(Search *s, const Path *p, Side *x, uint32_t n)
{
	uint32_t k = n;
	while (k > 0 && (x->write[k - 1].global != NONE || x->write[k - 1].after == TERM_NONE))
		k--;
	Term v = k > 0 ? x->write[k - 1].after : p->version;
	for (; k < n; k++) {
		Write *w = &x->write[k];
		Term arg[] = {v, w->addr, w->value};
		if (w->global == NONE)
			v = w->after = apply(s, 64, s->key.store, w->offset << 5 | w->bytes, arg, 3);
	}
	return v;
}

/* The byte at `where`: one of those that the store w leaves, or `other`. */
static Term choice(Search *s, const Write *w, Term where, Term other)
{
	for (unsigned i = w->bytes; i-- > 0;) {
		Term here = term_op(&s->t, T_EQ, 64, where, memory_place(s, w->addr, w->offset + i));
		other = term_ite(&s->t, here, memory_byte(s, w->value, i), other);
	}
	return other;
}

Term memory_at(Search *s, const Path *p, const Side *x, uint32_t n, Term where)
{
	Term v = unwritten(s, p->version, where, 0);
	for (uint32_t k = 0; k < n; k++)
		if (x->write[k].global == NONE)
			v = choice(s, &x->write[k], where, v);
	return v;
}

enum { ADDENDS = 7, ELSEWHERE = 1, HERE = 2 }; /* a mark has a bit for each addend, beside ELSEWHERE */

static unsigned addends(const Search *s, Term x, Term *out, unsigned n)
{
	const Node *k = &s->t.node[x];
	if ((k->op == T_ADD || k->op == T_SUB) && n + 1 < ADDENDS)
		return addends(s, term_find(&s->t, k->b), out, addends(s, term_find(&s->t, k->a), out, n));
	if (n < ADDENDS)
		out[n++] = x;
	return n;
}

/* Is addr a sum with an addend of which nothing is known, and that neither the rest nor the other address depends on? It can be
 * anything then, so that the solver need not be asked whether it keeps away. */
static bool loose(Search *s, const Path *p, Term addr, Term other)
{
	Term part[ADDENDS];
	unsigned n = addends(s, addr, part, 0);
	uint8_t *mark = xalloc(s->t.n);
	bool yes = false;
	spend_scan(s, s->t.n);
	leaves(s, other, mark, ELSEWHERE);
	for (uint32_t i = 0; i < p->nknown; i++)
		leaves(s, p->known[i].cond, mark, ELSEWHERE);
	for (unsigned i = 0; i < n && !yes; i++) {
		if (s->t.node[part[i]].op < T_INTERPRETED || mark[part[i]] & ELSEWHERE)
			continue;
		for (unsigned k = 0; k < n; k++)
			if (k != i)
				leaves(s, part[k], mark, HERE << i);
		yes = !(mark[part[i]] & HERE << i);
	}
	free(mark);
	return yes;
}

/* Is it proved that n bytes at addr + offset are beside the store w? */
static bool beside(Search *s, const Path *p, const Write *w, Term addr, uint64_t offset, unsigned n)
{
	Terms *t = &s->t;
	uint64_t a, b;
	if (term_is_const(t, addr, &a) && term_is_const(t, w->addr, &b))
		return a + offset + n <= b + w->offset || b + w->offset + w->bytes <= a + offset;
	if (!s->deep || loose(s, p, addr, w->addr) || loose(s, p, w->addr, addr))
		return false;
	Term d = term_op(t, T_SUB, 64, memory_place(s, addr, offset + n - 1), memory_place(s, w->addr, w->offset));
	return holds(s, p, term_op(t, T_LTU, 64, d, term_const(t, 64, w->bytes + n - 1)), false);
}

/* Of a load, the byte at addr + offset + i, which the writes before the kth have left; CHOICES at most are left open. */
static Term look(Search *s, Path *p, Side *x, uint32_t k, Term addr, uint64_t offset, unsigned i, const bool *skip, unsigned choices)
{
	for (; k > 0; k--) {
		const Write *w = &x->write[k - 1];
		if (w->global != NONE || skip[k - 1])
			continue;
		bool here = term_find(&s->t, w->addr) == addr;
		if (!here && s->deep && choices > 0) {
			Term where = memory_place(s, addr, offset + i);
			Term other = look(s, p, x, k - 1, addr, offset, i, skip, choices - 1);
			return choice(s, w, where, other);
		}
		if (!here)
			break;
		if (offset + i >= w->offset && offset + i < w->offset + w->bytes)
			return memory_byte(s, w->value, offset + i - w->offset);
	}
	return unwritten(s, memory_version(s, p, x, k), addr, offset + i);
}

Term memory_load(Search *s, Path *p, Side *x, Term addr, uint64_t offset, unsigned bytes, uint8_t width)
{
	Term byte[16];
	addr = known_address(s, addr);
	access_to(s, p, x, addr, offset + bytes);
	bool *skip = xalloc(x->nwrite + 1);
	spend_scan(s, (bytes + 1) * x->nwrite);
	for (uint32_t k = x->nwrite; k > 0 && !spent(s); k--) {
		const Write *w = &x->write[k - 1];
		if (w->global != NONE || term_find(&s->t, w->addr) == addr)
			continue;
		skip[k - 1] = beside(s, p, w, addr, offset, bytes);
		if (!skip[k - 1] && !s->deep)
			break; /* no load looks further */
	}
	for (unsigned i = 0; i < bytes; i++)
		byte[i] = look(s, p, x, x->nwrite, addr, offset, i, skip, CHOICES);
	free(skip);
	return word(s, byte, bytes, width);
}

/* ---- writes ---- */

static bool same_write(Search *s, const Path *p, const Write *a, const Write *b, uint64_t *witness)
{
	if (a->global != b->global || a->bytes != b->bytes || a->offset != b->offset)
		return false;
	return (a->global != NONE || equal_on(s, p, a->addr, b->addr, witness) == ANSWER_YES) &&
	       equal_on(s, p, a->value, b->value, witness) == ANSWER_YES;
}

/* Writes that are proved to be the same on this path become one: the versions after them, too. */
void memory_step(Search *s, Path *p)
{
	Side *a = &p->side[0], *b = &p->side[1];
	uint64_t *w = xalloc(s->nparam * sizeof *w);
	while (p->step < a->nwrite && p->step < b->nwrite && same_write(s, p, &a->write[p->step], &b->write[p->step], w)) {
		b->write[p->step] = a->write[p->step];
		p->step++;
	}
	free(w);
}

static void write(Search *s, Path *p, Side *x, Write w)
{
	PUSH(x->write, x->nwrite, x->wcap, w);
	if (p->step + 1 == x->nwrite)
		memory_step(s, p);
}

void memory_store(Search *s, Path *p, Side *x, Term addr, uint64_t offset, unsigned bytes, Term value)
{
	Term byte[16];
	addr = known_address(s, addr);
	access_to(s, p, x, addr, offset + bytes);
	for (unsigned i = 0; i < bytes; i++)
		byte[i] = memory_byte(s, value, i);
	if (8 * bytes != s->t.node[value].width)
		value = word(s, byte, bytes, 8 * bytes);
	write(s, p, x, (Write){NONE, bytes, offset, addr, value, TERM_NONE});
}

void memory_set(Search *s, Path *p, Side *x, uint32_t global, Term value)
{
	write(s, p, x, (Write){global, 0, 0, TERM_NONE, value, TERM_NONE});
}

Term memory_global(Search *s, const Path *p, const Side *x, uint32_t n, uint32_t id, uint8_t width)
{
	for (uint32_t k = n; k-- > 0;) {
		if (x->write[k].global == id) {
			spend_scan(s, n - k);
			return x->write[k].value;
		}
	}
	spend_scan(s, n);
	for (uint32_t i = 0; i < p->nset; i++)
		if (p->set[i].id == id)
			return p->set[i].value;
	return apply(s, width, s->key.global, id, &p->globals, 1);
}
