/* smt_text.c - the solver's questions as SMT-LIB 2 text, for another solver to answer again.
 * In: a query over terms. Out: text from push to pop. Must hold: it is made from the terms, not from what the solver was given, so
 * that a second solver checks that, too; symbols and terms are numbered as they come, so that equal questions are equal texts;
 * only what the standard's theory of bit vectors has is used, and what it leaves open (a zero divisor) never matters. */
#include <inttypes.h>
#include <stdlib.h>
#include "smt.h"

typedef struct Text {
	Buf *out;
	const Terms *t;
	uint32_t *name;                /* of each term: 0 none yet, else 2 * number + 1 for a symbol, + 2 for a definition */
	uint32_t nsymbol, ndef;
	bool (*cut)(const void *ctx, Term x);
	const void *ctx;
} Text;

static void put_name(const Text *w, Term x)
{
	uint32_t n = w->name[x] - 1;
	buf_printf(w->out, "%c%u", n & 1 ? 't' : 'v', n / 2);
}

static void put_number(Buf *out, unsigned width, uint64_t v)
{
	buf_printf(out, "(_ bv%" PRIu64 " %u)", width == 64 ? v : v & ((UINT64_C(1) << width) - 1), width);
}

/* ---- operators ---- */

static const char *const plain[] = {
	[T_ADD] = "bvadd", [T_SUB] = "bvsub", [T_MUL] = "bvmul", [T_AND] = "bvand", [T_OR] = "bvor", [T_XOR] = "bvxor",
	[T_CAT] = "concat",
};
static const char *const division[] = {[T_DIVS] = "bvsdiv", [T_DIVU] = "bvudiv", [T_REMS] = "bvsrem", [T_REMU] = "bvurem"};
static const char *const shift[] = {[T_SHL] = "bvshl", [T_SHRU] = "bvlshr", [T_SHRS] = "bvashr"};
static const char *const compare[] = {
	[T_EQ] = "=", [T_NE] = "distinct", [T_LTS] = "bvslt", [T_LTU] = "bvult", [T_LES] = "bvsle", [T_LEU] = "bvule",
	[T_GTS] = "bvsgt", [T_GTU] = "bvugt", [T_GES] = "bvsge", [T_GEU] = "bvuge",
};
#define IS(list, op) ((op) < LEN(list) && (list)[op])

static void put_call(const Text *w, const char *op, const Node *n)
{
	buf_printf(w->out, "(%s ", op);
	put_name(w, n->a);
	buf_u8(w->out, ' ');
	put_name(w, n->b);
	buf_u8(w->out, ')');
}

/* The count of a shift is taken modulo the width. */
static void put_count(const Text *w, const Node *n)
{
	buf_str(w->out, "(bvand ");
	put_name(w, n->b);
	buf_u8(w->out, ' ');
	put_number(w->out, n->key, n->key - 1);
	buf_u8(w->out, ')');
}

static void put_shift(const Text *w, const char *op, const Node *n)
{
	buf_printf(w->out, "(%s ", op);
	put_name(w, n->a);
	buf_u8(w->out, ' ');
	put_count(w, n);
	buf_u8(w->out, ')');
}

/* One way by the count, the other way by the width less the count; by the width itself nothing is left, as it must be. */
static void put_rotation(const Text *w, const Node *n)
{
	const char *op[2] = {"bvshl", "bvlshr"};
	bool right = n->op == T_ROTR;
	buf_str(w->out, "(bvor ");
	put_shift(w, op[right], n);
	buf_printf(w->out, " (%s ", op[!right]);
	put_name(w, n->a);
	buf_str(w->out, " (bvsub ");
	put_number(w->out, n->key, n->key);
	buf_u8(w->out, ' ');
	put_count(w, n);
	buf_str(w->out, ")))");
}

static void put_division(const Text *w, const Node *n)
{
	buf_str(w->out, "(ite (= ");
	put_name(w, n->b);
	buf_u8(w->out, ' ');
	put_number(w->out, n->key, 0);
	buf_str(w->out, ") ");
	put_number(w->out, n->key, 0);
	buf_u8(w->out, ' ');
	put_call(w, division[n->op], n);
	buf_u8(w->out, ')');
}

static void put_bit(const Text *w, const Node *n, unsigned i)
{
	buf_printf(w->out, "((_ extract %u %u) ", i, i);
	put_name(w, n->a);
	buf_u8(w->out, ')');
}

/* Leading or trailing zeros: the first bit that is set, from the one end or the other, decides. */
static void put_zeros(const Text *w, const Node *n)
{
	unsigned width = n->key;
	for (unsigned i = 0; i < width; i++) {
		buf_str(w->out, "(ite (= ");
		put_bit(w, n, n->op == T_CLZ ? width - 1 - i : i);
		buf_str(w->out, " #b1) ");
		put_number(w->out, width, i);
		buf_u8(w->out, ' ');
	}
	put_number(w->out, width, width);
	for (unsigned i = 0; i < width; i++)
		buf_u8(w->out, ')');
}

static void put_population(const Text *w, const Node *n)
{
	buf_str(w->out, "(bvadd");
	for (unsigned i = 0; i < n->key; i++) {
		buf_printf(w->out, " ((_ zero_extend %u) ", n->key - 1);
		put_bit(w, n, i);
		buf_u8(w->out, ')');
	}
	buf_u8(w->out, ')');
}

/* The low bits of a value, or all of them, extended to the width. */
static void put_extension(const Text *w, const Node *n, unsigned low, bool is_signed)
{
	buf_printf(w->out, "((_ %s %u) ((_ extract %u 0) ", is_signed ? "sign_extend" : "zero_extend", n->width - low, low - 1);
	put_name(w, n->a);
	buf_str(w->out, "))");
}

static void put_unary(const Text *w, const Node *n)
{
	switch (n->op) {
	case T_EQZ:
		buf_str(w->out, "(ite (= ");
		put_name(w, n->a);
		buf_u8(w->out, ' ');
		put_number(w->out, n->key, 0);
		buf_str(w->out, ") ");
		put_number(w->out, n->width, 1);
		buf_u8(w->out, ' ');
		put_number(w->out, n->width, 0);
		buf_u8(w->out, ')');
		break;
	case T_EXT8: put_extension(w, n, 8, true); break;
	case T_EXT16: put_extension(w, n, 16, true); break;
	case T_EXT32: put_extension(w, n, 32, true); break;
	case T_EXTS: put_extension(w, n, 32, true); break;
	case T_EXTU: put_extension(w, n, 32, false); break;
	case T_WRAP: put_extension(w, n, 32, false); break;
	case T_BYTE: /* its key is the lowest bit */
		buf_printf(w->out, "((_ extract %u %u) ", n->key + 7, n->key);
		put_name(w, n->a);
		buf_u8(w->out, ')');
		break;
	case T_POPCNT: put_population(w, n); break;
	default: put_zeros(w, n); break;
	}
}

static void put_choice(const Text *w, const Node *n)
{
	buf_str(w->out, "(ite (= ");
	put_name(w, n->a);
	buf_u8(w->out, ' ');
	put_number(w->out, w->t->node[n->a].width, 0);
	buf_str(w->out, ") ");
	put_name(w, n->c);
	buf_u8(w->out, ' ');
	put_name(w, n->b);
	buf_u8(w->out, ')');
}

static void put_operation(const Text *w, const Node *n)
{
	if (n->op == T_CONST) {
		put_number(w->out, n->width, n->imm);
	} else if (n->op == T_ITE) {
		put_choice(w, n);
	} else if (n->b == TERM_NONE) {
		put_unary(w, n);
	} else if (IS(compare, n->op)) {
		buf_str(w->out, "(ite ");
		put_call(w, compare[n->op], n);
		buf_u8(w->out, ' ');
		put_number(w->out, n->width, 1);
		buf_u8(w->out, ' ');
		put_number(w->out, n->width, 0);
		buf_u8(w->out, ')');
	} else if (IS(plain, n->op)) {
		put_call(w, plain[n->op], n);
	} else if (IS(division, n->op)) {
		put_division(w, n);
	} else if (IS(shift, n->op)) {
		put_shift(w, shift[n->op], n);
	} else {
		put_rotation(w, n);
	}
}

/* ---- terms ---- */

static void define(Text *w, Term x)
{
	const Node *n = &w->t->node[x];
	bool symbol = n->op > T_INTERPRETED || (n->op != T_CONST && w->cut(w->ctx, x));
	w->name[x] = 1 + (symbol ? 2 * w->nsymbol++ : 2 * w->ndef++ + 1);
	buf_printf(w->out, symbol ? "(declare-fun " : "(define-fun ");
	put_name(w, x);
	buf_printf(w->out, " () (_ BitVec %u)", n->width);
	if (!symbol) {
		buf_u8(w->out, ' ');
		put_operation(w, n);
	}
	buf_str(w->out, ")\n");
}

/* Everything that x is made of, before x: without recursion, since terms may be deep. */
static void put_term(Text *w, Term x)
{
	Term *todo = NULL;
	uint32_t n = 0, cap = 0;
	PUSH(todo, n, cap, x);
	while (n > 0) {
		Term y = todo[n - 1];
		const Node *node = &w->t->node[y];
		const Term part[] = {node->a, node->b, node->c};
		bool ready = true, leaf = node->op > T_INTERPRETED || node->op == T_CONST || w->cut(w->ctx, y);
		for (size_t i = 0; i < LEN(part) && !leaf && !w->name[y]; i++) {
			if (part[i] != TERM_NONE && !w->name[part[i]]) {
				PUSH(todo, n, cap, part[i]);
				ready = false;
			}
		}
		if (!ready)
			continue;
		if (!w->name[y])
			define(w, y);
		n--;
	}
	free(todo);
}

void smt_write(Buf *out, const Terms *t, const Query *q, bool (*cut)(const void *ctx, Term x), const void *ctx)
{
	Text w = {.out = out, .t = t, .cut = cut, .ctx = ctx, .name = xalloc(t->n * sizeof *w.name)};
	buf_str(out, "(push 1)\n");
	put_term(&w, q->x);
	put_term(&w, q->y);
	for (uint32_t i = 0; i < q->n; i++)
		put_term(&w, q->assume[i]);
	for (uint32_t i = 0; i < q->n; i++) {
		buf_str(out, q->sense[i] ? "(assert (distinct " : "(assert (= ");
		put_name(&w, q->assume[i]);
		buf_u8(out, ' ');
		put_number(out, t->node[q->assume[i]].width, 0);
		buf_str(out, "))\n");
	}
	buf_str(out, "(assert (distinct ");
	put_name(&w, q->x);
	buf_u8(out, ' ');
	put_name(&w, q->y);
	buf_str(out, "))\n(set-info :status unsat)\n(check-sat)\n(pop 1)\n");
	free(w.name);
}
