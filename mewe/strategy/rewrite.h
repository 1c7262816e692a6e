/* rewrite.h - what the three files of the rewrite strategy share: rules, their notation, and how one is applied.
 *
 * A rule is two terms: where the first matches an expression, the second may stand in its place.
 *   (op a b)   an operator at the width that its operands give: add, lt_u, extend8_s, select (c last), wrap, load8_u...
 *              `not` and `neg` are short for (xor a -1) and (sub 0 a), in the second term only
 *   x y z w    operands, each named once in the first term: any expressions of an integer type but constants
 *   a b        the same, but constants too
 *   K L        constants of the first term
 *   v          some local of the function, or else a mutable global, of the type that x has; what it holds does not matter
 *   c k o      constants of the proposal's own: any, 1 to width-1, and an odd one
 *   W M MIN MAX  of the type: its width, width-1, the least and the greatest signed number
 *   7 -1 0xff  a number
 * What is built from constants alone is computed when the rule is applied. */
#ifndef REWRITE_H
#define REWRITE_H

#include "../all.h"

#define OPERANDS "xyzwab"

/* RULE_SMALL: only in functions so small that there is little else to do; a rule that costs two or more instructions. */
enum { RULE_32 = 1, RULE_64 = 2, RULE_BOTH = 3, RULE_SMALL = 4 };

typedef struct Rule {
	const char *name;
	uint8_t widths;                /* of the first term's operands: a set of the above */
	const char *from, *to;
	const char *when;              /* a term over K and L that must not be zero; NULL: always */
} Rule;

extern const Rule rewrite_rules[];
extern const uint32_t rewrite_nrules;

/* ---- rewrite_term.c ---- */

typedef struct RewriteOp RewriteOp;

enum { TERM_MAX = 32, TERM_LEAVES = 4 };

typedef struct Term {
	const RewriteOp *op;           /* NULL: a leaf */
	char leaf;                     /* its letter; '#' a number; 'W', 'M', 'm' and 'X' for W, M, MIN and MAX */
	uint64_t value;
	uint8_t kid[3];
} Term;

typedef struct Terms {
	Term t[TERM_MAX];              /* t[0] is the root */
	uint32_t n;
} Terms;

/* What the letters of a rule stand for. */
typedef struct Binding {
	Ref module;
	Expr leaf[TERM_LEAVES];        /* operands as matched, in order of evaluation */
	char letter[TERM_LEAVES];
	uint32_t nleaf;
	uint32_t local[TERM_LEAVES];   /* the local that holds it, or NONE: leaf[i] is a constant */
	uint64_t constant[2];          /* K L */
	uint64_t random[3];            /* c k o */
	BinaryenType vtype;            /* of v: the first operand's, or the expression's */
	uint32_t v;                    /* the local, or NONE */
	const char *vglobal;           /* the global, or NULL */
	Expr load;                     /* the load that the first term matched: its offset and alignment */
} Binding;

bool rewrite_parse(const char *text, Terms *out);          /* false: not a term */
bool rewrite_uses(const Terms *t, const char *letters);
bool rewrite_match(const Terms *t, uint32_t at, Expr e, Binding *b);
/* The operator's name, or NULL, and the width that a rule for the expression counts as having. */
const char *rewrite_op_of(Expr e, uint32_t *width);
uint64_t rewrite_eval(const Terms *t, uint32_t at, const Binding *b, uint32_t width); /* constants alone */
Expr rewrite_build(const Terms *t, const Binding *b, BinaryenType type); /* NULL: not at this type */

/* ---- rewrite.c ---- */

/* The rule applied to the site's expression; false where it does not apply. Pure in its arguments. */
bool rewrite_apply(const Rule *r, const Site *s, uint64_t seed, Proposal *out);

#endif
