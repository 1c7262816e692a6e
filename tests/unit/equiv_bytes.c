/* equiv_bytes.c - bytes of values, and values of bytes: what term_byte() and term_word() simplify must stay what it was.
 * Random values are made of operators; each byte of each is compared with the plain shift and mask at the test points, and by the
 * solver; all bytes together must be the value again. Prints `ok NAME` or `not ok NAME: why`. */
#include <inttypes.h>
#include <stdlib.h>
#include "../../mewe/equiv.h"

enum { VALUES = 600, SOLVED = 60 };

/* A value of 32 or 64 bits over the symbols. */
static Term value(Terms *t, Rng *r, uint8_t width, const Term *sym, unsigned depth)
{
	static const uint8_t binary[] = {T_ADD, T_AND, T_OR, T_XOR, T_SHL, T_SHRU, T_SHRS};
	static const uint64_t masks[] = {0xff, 0xff00, 0xffffff, 0xffffffff, 0xff00ff00ff00ff, 0x1234};
	unsigned k = rng_below(r, depth ? 10 : 2);
	if (k < 2)
		return k ? sym[width == 64 ? 2 + rng_below(r, 2) : rng_below(r, 2)] : term_const(t, width, masks[rng_below(r, LEN(masks))]);
	if (k == 2 && width == 32)
		return term_op(t, T_WRAP, 64, value(t, r, 64, sym, depth - 1), TERM_NONE);
	if (k == 2)
		return term_op(t, rng_below(r, 2) ? T_EXTU : T_EXTS, 32, value(t, r, 32, sym, depth - 1), TERM_NONE);
	if (k == 3)
		return term_op(t, width == 64 && rng_below(r, 2) ? T_EXT32 : rng_below(r, 2) ? T_EXT8 : T_EXT16, width,
		               value(t, r, width, sym, depth - 1), TERM_NONE);
	uint8_t op = binary[rng_below(r, LEN(binary))];
	Term a = value(t, r, width, sym, depth - 1);
	if (op >= T_SHL)
		return term_op(t, op, width, a, term_const(t, width, 8 * rng_below(r, 8) + (rng_below(r, 4) == 0)));
	return term_op(t, op, width, a, value(t, r, width, sym, depth - 1));
}

static bool same_points(Terms *t, Term byte, Term x, unsigned i)
{
	term_points(t, t->n - 1);
	for (unsigned p = 0; p < POINTS; p++)
		if (term_points(t, byte)[p] != (term_points(t, x)[p] >> 8 * i & 0xff))
			return false;
	return true;
}

/* To the solver, the byte with zeros above it is the value, shifted and masked. */
static bool solver_agrees(Terms *t, Smt *s, Term byte, Term x, unsigned i)
{
	uint8_t width = t->node[x].width;
	uint64_t none;
	Term plain = term_op(t, T_AND, width, term_op(t, T_SHRU, width, x, term_const(t, width, 8 * i)), term_const(t, width, 0xff));
	Term wide = term_cat(t, term_const(t, width - 8, 0), byte), wrong = term_op(t, T_XOR, width, plain, term_const(t, width, 0x80));
	return smt_equal(s, wide, plain, NULL, NULL, 0, NULL, &none, 0) == ANSWER_YES &&
	       smt_equal(s, wide, wrong, NULL, NULL, 0, NULL, &none, 0) == ANSWER_NO;
}

static const char *check(Terms *t, Smt *s, Rng *r, Term x)
{
	Term byte[8];
	unsigned n = t->node[x].width / 8;
	bool solve = rng_below(r, VALUES) < SOLVED;
	for (unsigned i = 0; i < n; i++) {
		byte[i] = term_byte(t, x, i);
		if (t->node[byte[i]].width != 8 || !same_points(t, byte[i], x, i))
			return "a byte has another value";
		if (solve && !solver_agrees(t, s, byte[i], x, i))
			return "the solver has a byte otherwise";
	}
	Term whole = term_word(t, byte, n), half = term_word(t, byte + n / 2, n / 2);
	term_points(t, t->n - 1);
	for (unsigned p = 0; p < POINTS; p++)
		if (term_points(t, whole)[p] != term_points(t, x)[p] || term_points(t, half)[p] != term_points(t, x)[p] >> 4 * n)
			return "all bytes, or the upper half, are another value";
	return NULL;
}

int main(void)
{
	Terms t = {0};
	Rng r = {3};
	Smt *s = smt_new(&t, EQUIV_FULL, NULL);
	Term sym[] = {term_sym(&t, 32), term_sym(&t, 32), term_sym(&t, 64), term_sym(&t, 64)};
	const char *why = NULL;
	unsigned n = 0;
	for (; n < VALUES && !why; n++)
		why = check(&t, s, &r, value(&t, &r, rng_below(&r, 2) ? 64 : 32, sym, 4));
	if (why)
		printf("not ok value %u: %s\n", n, why);
	else
		printf("ok the bytes of %u values\n", n);
	Term byte[8];
	for (unsigned i = 0; i < 8; i++)
		byte[i] = term_byte(&t, sym[2], i);
	bool again = term_word(&t, byte, 8) == sym[2] && term_word(&t, byte, 4) == term_op(&t, T_WRAP, 64, sym[2], TERM_NONE);
	printf(again ? "ok a value of its own bytes is the value\n" : "not ok a value of its own bytes: another term\n");
	smt_free(s);
	term_free(&t);
	return why != NULL || !again;
}
