/* smt.c - the solver, on terms. The only file that knows Z3.
 * In: two terms and assumptions. Out: equal or not, or not known. Must hold: the answer depends on the query alone: a solver of
 * its own for each query, bounded by steps (rlimit) and never by time; Z3's handler, which would exit, is replaced. */
#include <stdlib.h>
#include <string.h>
#include <z3.h>
#include "smt.h"

/* Steps for one query, of which a core does some hundred thousand a second: with what both sides share taken for free values,
 * and with everything written out. A multiplication of 64 bits that is not settled by then rarely is. */
enum { RLIMIT_CUT = 300000, RLIMIT_WHOLE = 100000 };

struct Smt {
	Terms *t;
	Z3_context z;
	uint64_t work;
	Z3_ast *ast;                   /* of each term, in the query at hand */
	bool was_cut;                  /* something in it stands for itself that is made of more */
	uint8_t *mark;
	uint32_t n;
	Term *todo;
	uint32_t ntodo, cap;
	uint64_t most;                 /* steps for one question */
	Buf *text;                     /* gets each question that was settled, or NULL */
	bool cut;                      /* what both sides share stands for itself, in the query at hand */
};

static void quiet(Z3_context z, Z3_error_code e)
{
	(void)z;
	(void)e; /* asked for after the query, by Z3_get_error_code */
}

Smt *smt_new(Terms *t, uint64_t steps, Buf *text)
{
	Smt *s = xalloc(sizeof *s);
	Z3_config c = Z3_mk_config();
	s->t = t;
	s->text = text;
	s->most = steps;
	s->z = Z3_mk_context(c);
	Z3_del_config(c);
	Z3_set_error_handler(s->z, quiet);
	return s;
}

void smt_free(Smt *s)
{
	if (!s)
		return;
	Z3_del_context(s->z);
	free(s->ast);
	free(s->mark);
	free(s->todo);
	free(s);
}

uint64_t smt_work(const Smt *s) { return s->work; }

static Z3_sort sort(const Smt *s, uint8_t width) { return Z3_mk_bv_sort(s->z, width); }
static Z3_ast number(const Smt *s, uint8_t width, uint64_t v) { return Z3_mk_unsigned_int64(s->z, v, sort(s, width)); }

static Z3_ast flag(const Smt *s, Z3_ast b) { return Z3_mk_ite(s->z, b, number(s, 32, 1), number(s, 32, 0)); }

static Z3_ast nonzero(const Smt *s, Z3_ast x, uint8_t width)
{
	return Z3_mk_not(s->z, Z3_mk_eq(s->z, x, number(s, width, 0)));
}

/* The count of a shift is taken modulo the width. */
static Z3_ast count(const Smt *s, Z3_ast b, uint8_t width) { return Z3_mk_bvand(s->z, b, number(s, width, width - 1)); }

/* Division as term_eval() has it, so that a zero divisor, which traps, gives zero on both sides. */
static Z3_ast divide(const Smt *s, Z3_ast q, Z3_ast b, uint8_t width)
{
	return Z3_mk_ite(s->z, Z3_mk_eq(s->z, b, number(s, width, 0)), number(s, width, 0), q);
}

static Z3_ast bit(const Smt *s, Z3_ast a, unsigned i)
{
	return Z3_mk_eq(s->z, Z3_mk_extract(s->z, i, i, a), number(s, 1, 1));
}

static Z3_ast counting(const Smt *s, uint8_t op, uint8_t width, Z3_ast a)
{
	Z3_ast v = number(s, width, op == T_POPCNT ? 0 : width);
	for (unsigned i = 0; i < width; i++) {
		if (op == T_POPCNT)
			v = Z3_mk_bvadd(s->z, v, Z3_mk_zero_ext(s->z, width - 1, Z3_mk_extract(s->z, i, i, a)));
		else if (op == T_CLZ) /* the highest set bit decides last */
			v = Z3_mk_ite(s->z, bit(s, a, i), number(s, width, width - 1 - i), v);
		else
			v = Z3_mk_ite(s->z, bit(s, a, width - 1 - i), number(s, width, width - 1 - i), v);
	}
	return v;
}

static Z3_ast unary(const Smt *s, uint8_t op, uint8_t width, Z3_ast a)
{
	Z3_context z = s->z;
	switch (op) {
	case T_EQZ: return flag(s, Z3_mk_eq(z, a, number(s, width, 0)));
	case T_EXT8: return Z3_mk_sign_ext(z, width - 8, Z3_mk_extract(z, 7, 0, a));
	case T_EXT16: return Z3_mk_sign_ext(z, width - 16, Z3_mk_extract(z, 15, 0, a));
	case T_EXT32: return Z3_mk_sign_ext(z, width - 32, Z3_mk_extract(z, 31, 0, a));
	case T_WRAP: return Z3_mk_extract(z, 31, 0, a);
	case T_EXTS: return Z3_mk_sign_ext(z, 32, a);
	case T_EXTU: return Z3_mk_zero_ext(z, 32, a);
	case T_BYTE: return Z3_mk_extract(z, width + 7, width, a);
	}
	return counting(s, op, width, a);
}

static Z3_ast compare(const Smt *s, uint8_t op, Z3_ast a, Z3_ast b)
{
	Z3_context z = s->z;
	switch (op) {
	case T_EQ: return Z3_mk_eq(z, a, b);
	case T_NE: return Z3_mk_not(z, Z3_mk_eq(z, a, b));
	case T_LTS: return Z3_mk_bvslt(z, a, b);
	case T_LTU: return Z3_mk_bvult(z, a, b);
	case T_LES: return Z3_mk_bvsle(z, a, b);
	case T_LEU: return Z3_mk_bvule(z, a, b);
	case T_GTS: return Z3_mk_bvsgt(z, a, b);
	case T_GTU: return Z3_mk_bvugt(z, a, b);
	case T_GES: return Z3_mk_bvsge(z, a, b);
	default: return Z3_mk_bvuge(z, a, b);
	}
}

static Z3_ast binary(const Smt *s, uint8_t op, uint8_t width, Z3_ast a, Z3_ast b)
{
	Z3_context z = s->z;
	switch (op) {
	case T_ADD: return Z3_mk_bvadd(z, a, b);
	case T_SUB: return Z3_mk_bvsub(z, a, b);
	case T_MUL: return Z3_mk_bvmul(z, a, b);
	case T_DIVS: return divide(s, Z3_mk_bvsdiv(z, a, b), b, width);
	case T_DIVU: return divide(s, Z3_mk_bvudiv(z, a, b), b, width);
	case T_REMS: return divide(s, Z3_mk_bvsrem(z, a, b), b, width);
	case T_REMU: return divide(s, Z3_mk_bvurem(z, a, b), b, width);
	case T_AND: return Z3_mk_bvand(z, a, b);
	case T_OR: return Z3_mk_bvor(z, a, b);
	case T_XOR: return Z3_mk_bvxor(z, a, b);
	case T_SHL: return Z3_mk_bvshl(z, a, count(s, b, width));
	case T_SHRU: return Z3_mk_bvlshr(z, a, count(s, b, width));
	case T_SHRS: return Z3_mk_bvashr(z, a, count(s, b, width));
	case T_ROTL: return Z3_mk_ext_rotate_left(z, a, b);
	case T_ROTR: return Z3_mk_ext_rotate_right(z, a, b);
	case T_CAT: return Z3_mk_concat(z, a, b);
	}
	return flag(s, compare(s, op, a, b));
}

/* ---- from terms ---- */

static Z3_ast leaf(const Smt *s, Term x)
{
	return Z3_mk_const(s->z, Z3_mk_int_symbol(s->z, x), sort(s, s->t->node[x].width));
}

static Z3_ast make(const Smt *s, Term x)
{
	const Node *n = &s->t->node[x];
	if (n->op == T_CONST)
		return number(s, n->width, n->imm);
	if (n->op == T_ITE)
		return Z3_mk_ite(s->z, nonzero(s, s->ast[n->a], s->t->node[n->a].width), s->ast[n->b], s->ast[n->c]);
	if (n->b == TERM_NONE)
		return unary(s, n->op, n->key, s->ast[n->a]);
	return binary(s, n->op, n->key, s->ast[n->a], s->ast[n->b]);
}

enum { IN_X = 1, IN_Y = 2 };

/* Marks everything that x is made of. Interpreted parts alone: below an uninterpreted term nothing is looked at. */
static void reach(Smt *s, Term x, uint8_t bit_)
{
	s->ntodo = 0;
	PUSH(s->todo, s->ntodo, s->cap, x);
	while (s->ntodo > 0) {
		Term y = s->todo[--s->ntodo];
		const Node *n = &s->t->node[y];
		if (s->mark[y] & bit_)
			continue;
		s->mark[y] |= bit_;
		if (n->op > T_INTERPRETED)
			continue;
		const Term part[] = {n->a, n->b, n->c};
		for (size_t i = 0; i < LEN(part); i++)
			if (part[i] != TERM_NONE)
				PUSH(s->todo, s->ntodo, s->cap, part[i]);
	}
}

/* Whatever the value of what both sides share, the two must agree. */
static bool is_shared(const void *ctx, Term x)
{
	const Smt *s = ctx;
	return s->cut && s->mark[x] == (IN_X | IN_Y);
}

/* The formula of x. */
static Z3_ast encode(Smt *s, Term x)
{
	s->ntodo = 0;
	PUSH(s->todo, s->ntodo, s->cap, x);
	while (s->ntodo > 0) {
		Term y = s->todo[s->ntodo - 1];
		const Node *n = &s->t->node[y];
		bool ready = true;
		if (s->ast[y]) {
			s->ntodo--;
			continue;
		}
		bool shared = n->op < T_INTERPRETED && n->op != T_CONST && is_shared(s, y);
		if (n->op > T_INTERPRETED || shared) {
			s->ast[y] = leaf(s, y);
			s->was_cut |= shared;
			continue;
		}
		const Term part[] = {n->a, n->b, n->c};
		for (size_t i = 0; i < LEN(part); i++) {
			if (part[i] != TERM_NONE && !s->ast[part[i]]) {
				PUSH(s->todo, s->ntodo, s->cap, part[i]);
				ready = false;
			}
		}
		if (ready)
			s->ast[y] = make(s, y);
	}
	return s->ast[x];
}

static uint64_t steps(const Smt *s, Z3_solver solver)
{
	Z3_stats st = Z3_solver_get_statistics(s->z, solver);
	uint64_t v = 0;
	Z3_stats_inc_ref(s->z, st);
	for (unsigned i = 0; i < Z3_stats_size(s->z, st); i++)
		if (strcmp(Z3_stats_get_key(s->z, st, i), "rlimit count") == 0)
			v = Z3_stats_is_uint(s->z, st, i) ? Z3_stats_get_uint_value(s->z, st, i) : (uint64_t)Z3_stats_get_double_value(s->z, st, i);
	Z3_stats_dec_ref(s->z, st);
	return v;
}

static void read_model(const Smt *s, Z3_solver solver, const Term *sym, uint64_t *value, uint32_t n)
{
	Z3_model m = Z3_solver_get_model(s->z, solver);
	if (!m)
		return;
	Z3_model_inc_ref(s->z, m);
	for (uint32_t i = 0; i < n; i++) {
		Z3_ast v;
		value[i] = 0;
		if (s->t->node[sym[i]].width <= 64 && Z3_model_eval(s->z, m, leaf(s, sym[i]), true, &v))
			Z3_get_numeral_uint64(s->z, v, &value[i]);
	}
	Z3_model_dec_ref(s->z, m);
}

static Answer ask(Smt *s, const Query *q, bool cut)
{
	Z3_context z = s->z;
	Z3_solver solver = Z3_mk_simple_solver(z);
	Z3_solver_inc_ref(z, solver);
	Z3_params p = Z3_mk_params(z);
	Z3_params_inc_ref(z, p);
	uint64_t most = cut ? RLIMIT_CUT : RLIMIT_WHOLE;
	Z3_params_set_uint(z, p, Z3_mk_string_symbol(z, "rlimit"), most < s->most ? most : s->most);
	Z3_solver_set_params(z, solver, p);
	memset(s->ast, 0, s->n * sizeof *s->ast);
	s->was_cut = false;
	s->cut = cut;
	Z3_solver_assert(z, solver, Z3_mk_not(z, Z3_mk_eq(z, encode(s, q->x), encode(s, q->y))));
	for (uint32_t i = 0; i < q->n; i++) {
		Z3_ast a = nonzero(s, encode(s, q->assume[i]), s->t->node[q->assume[i]].width);
		Z3_solver_assert(z, solver, q->sense[i] ? a : Z3_mk_not(z, a));
	}
	uint64_t before = steps(s, solver);
	Z3_lbool r = Z3_solver_check(z, solver);
	s->work += steps(s, solver) - before;
	Answer a = r == Z3_L_FALSE ? ANSWER_YES : r == Z3_L_TRUE ? ANSWER_NO : ANSWER_UNKNOWN;
	if (Z3_get_error_code(z) != Z3_OK)
		a = ANSWER_UNKNOWN;
	else if (a == ANSWER_NO && !s->was_cut)
		read_model(s, solver, q->sym, q->value, q->nsym);
	else if (a == ANSWER_YES && s->text)
		smt_write(s->text, s->t, q, is_shared, s);
	Z3_params_dec_ref(z, p);
	Z3_solver_dec_ref(z, solver);
	return a;
}

Answer smt_equal(Smt *s, Term x, Term y, const Term *assume, const bool *sense, uint32_t n, const Term *sym, uint64_t *value, uint32_t nsym)
{
	Query q = {x, y, assume, sense, n, sym, value, nsym};
	s->n = s->t->n;
	s->ast = xgrow(s->ast, s->n * sizeof *s->ast);
	s->mark = xgrow(s->mark, s->n);
	memset(s->mark, 0, s->n);
	reach(s, x, IN_X);
	reach(s, y, IN_Y);
	Answer a = ask(s, &q, true);
	return a == ANSWER_NO && s->was_cut ? ask(s, &q, false) : a;
}
