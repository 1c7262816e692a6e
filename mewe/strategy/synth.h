/* synth.h - what the files of the synth strategy share.
 *
 * A cone is the pure integer operators at a site over at most three variables: operands, or constants of the site. Its form is
 * what is left when operands are numbered and constants are named: the same at many sites. For each form in the module, trees
 * over the same variables are searched that have the same values at all test points:
 * - with the constants as variables (synth_search): trees that are right whatever the constants are. They may also use a variable
 *   that the form does not; then they are right whatever it holds, a live local or a constant drawn at random;
 * - with the constants as they are (synth_const), where there is one operand: trees with other constants, which are solved for.
 *   What is known of the operand's bits, such as those of a byte from memory, counts;
 * - of two assignments next to each other (synth_pair): trees for one value that use the other.
 * Agreement at the test points is no proof: that comes later. */
#ifndef SYNTH_H
#define SYNTH_H

#include "../equiv.h"

enum {
	SYNTH_VARS = 3,
	SYNTH_FIRST = SYNTH_VARS,      /* of two values, as a variable of the tree for the other: the one that is computed first */
	SYNTH_POINTS = 24,             /* test points that everything is evaluated at */
	SYNTH_MORE = 744,              /* and those that come after, for what agreed */
	SYNTH_ALL = SYNTH_POINTS + SYNTH_MORE,
	SYNTH_CONE = 15,               /* nodes of a cone */
	SYNTH_TREE = 24,               /* nodes of a tree */
	SYNTH_KEEP = 512,              /* trees for one form */
	SYNTH_EXTRA = 4,               /* what a tree may cost beyond the cone it replaces */
};

/* ---- synth_op.c: the operators ---- */

/* Beside equiv.h's: T_SYM is a variable, T_CONST a constant; these two are short for xor -1 and sub from 0. */
enum { S_NOT = T_LIST + 1, S_NEG, S_OPS };

typedef struct SynthOp {
	const char *name;              /* NULL: not an operator of this strategy */
	uint8_t nkids, cost;
	bool commutes, compares;
	bool divides;                  /* only by a constant that can't trap */
	bool feature;                  /* needs the sign-extension feature */
	uint8_t narrow;                /* the only width of operands that it has; 0: both */
	uint8_t gives;                 /* width of the value; 0: that of the operands */
	BinaryenOp (*id[2])(void);     /* at operands of 32 and 64 bits */
} SynthOp;
extern const SynthOp synth_ops[S_OPS];

bool synth_op_of(Expr e, uint8_t *op, uint8_t *width);     /* width: of the operands; false: none of ours */
uint64_t synth_constant(Expr e);
bool synth_divisor(uint64_t v, uint8_t width);             /* may it be divided by? */
uint8_t synth_gives(uint8_t op, uint8_t width);
/* out[i] = op(a[i], b[i], c[i]); unused operands may be anything readable. */
void synth_eval(uint8_t op, uint8_t width, const uint64_t *a, const uint64_t *b, const uint64_t *c, uint64_t *out, uint32_t n);

/* ---- trees ---- */

typedef struct Twig {
	uint8_t op, width;             /* width of the operands; of the value for leaves */
	uint8_t kid[3];                /* earlier twigs; of T_SYM: [0] is the variable */
	uint64_t imm;
} Twig;

typedef struct Tree {
	uint8_t n;
	Twig t[SYNTH_TREE];            /* operands before operators; the last is the root */
} Tree;

/* How hard for the solver: of the operator, when its operands have these at their roots. */
uint32_t synth_hard(uint8_t op, uint8_t left, uint8_t right);
uint32_t synth_cost_of(uint8_t op, bool constant);
uint32_t synth_cost(const Tree *t);
uint32_t synth_hardness(const Tree *t);
/* The values at n points, var[i] those of variable i. False: some part of the tree has the same values as the whole. */
bool synth_tree_points(const Tree *t, const uint64_t *const *var, uint64_t *out, uint32_t n);
uint64_t synth_tree_value(const Tree *t, uint32_t at, const uint64_t *var);
void synth_tree_part(const Tree *t, uint32_t root, Tree *out); /* the tree that ends there, unused twigs and all */

/* ---- synth_cone.c: what stands at a site ---- */

typedef struct Cone {
	Tree tree;
	uint8_t width;                 /* of the variables, which all have the same */
	uint8_t nvar;
	Expr var[SYNTH_VARS];          /* operands, in order of evaluation; the first occurrence of each */
	bool constant[SYNTH_VARS];
	uint64_t value[SYNTH_VARS];    /* of constants */
	bool pair;                     /* two values: that of root[0] is computed first, and is at hand for the other */
	uint8_t root[2];               /* of a pair */
	bool concrete;                 /* the constants are themselves, and no variables */
	uint64_t mask;                 /* of a concrete one: what is known of its operand, bits that can be set */
} Cone;

enum { SYNTH_CUTS = 4, SYNTH_CONES = 2 * SYNTH_CUTS };
/* The cones at an expression, the deepest first. value: an operand alone is one, too. */
uint32_t synth_cones(Expr e, bool value, Cone out[SYNTH_CONES]);
/* Of two assignments, one after the other: what both compute, from what was there before. Either value may be the first. */
uint32_t synth_pair_cones(Expr first, Expr second, Cone out[2]);

bool synth_special(uint64_t v, uint8_t width);             /* a constant that means something by itself */
bool synth_written(const Cone *c, uint32_t local);          /* is the local written while the operands are evaluated? */

/* ---- synth_bank.c: all small expressions over the variables, by what they give at the test points ---- */

typedef struct Value {
	uint8_t op, width, cost, hard;
	uint32_t kid[3];               /* classes; of T_SYM: [0] is the variable */
	uint32_t next;                 /* another member of its class, or NONE */
	uint64_t imm;                  /* of T_CONST */
} Value;

typedef struct Class {
	uint64_t sum, mix;             /* hashes of the points: linear over addition, and over exclusive or */
	uint64_t point[SYNTH_POINTS];
	uint32_t first;                /* the cheapest member */
	uint8_t type, cost, hard;      /* width of the value; of the first member */
	uint8_t vars;                  /* bit i: variable i is in the first member; 0: a constant */
} Class;

typedef struct Bank {
	uint8_t width;                 /* of the variables */
	bool feature;
	uint64_t var[SYNTH_VARS][SYNTH_ALL];
	Value *value;
	uint32_t nvalue;
	Class *class;
	uint32_t nclass, leaves, ones; /* classes: variables and constants, then of one operator, then of two */
	uint32_t *by_sum, *by_mix;     /* open addressing: class + 1 */
	uint64_t looked;
} Bank;

void synth_bank_open(Bank *b, uint8_t width, bool feature);
void synth_bank_close(Bank *b);
bool synth_mirrored(uint8_t op);                            /* greater-than: written only when code is made */
uint64_t synth_sum(const uint64_t *point, uint8_t type);
uint64_t synth_sum_of(uint8_t op, uint8_t type, uint64_t a, uint64_t b); /* the sum of a+b or a-b from theirs */
uint64_t synth_mix(const uint64_t *point);
uint32_t synth_class_sum(const Bank *b, uint8_t type, uint64_t sum, uint32_t from, uint32_t *next); /* one after the other; NONE */
uint32_t synth_class_mix(const Bank *b, uint8_t type, uint64_t mix, uint32_t from, uint32_t *next);

uint32_t synth_write(const Bank *b, uint32_t value, Tree *t); /* adds it to the tree: its root, or NONE: there is no room */

/* ---- synth_search.c: the trees for a form ---- */

typedef struct Form {
	Tree tree;
	uint8_t width, nvar, type;     /* type: width of the value */
	uint8_t constants;             /* bit i: variable i is a constant of the site */
	bool pair, concrete;
	uint8_t root[2];               /* of a pair */
	uint64_t mask;                 /* of a concrete one: bits that its variable can have */
	uint32_t first, n;             /* its trees in Synth.tree */
} Form;

typedef struct Synth {
	Form *form;
	uint32_t nform, fcap;
	uint32_t *hash;                /* of forms: open addressing, form + 1 */
	uint32_t nhash;
	Twig *twig;                    /* of all trees */
	uint32_t ntwig, tcap;
	uint32_t *tree;                /* where each begins in twig; the next one's beginning is its end */
	uint32_t ntree, treecap;
	uint32_t *nsite;               /* by function: how many sites have a cone */
	char **name;                   /* rules' names: open addressing */
	uint32_t nname, namecap;
	bool feature;                  /* sign-extension operators may be used */
	uint64_t enumerated, passed;
} Synth;

void synth_search(Synth *s, Form *const *form, uint32_t n); /* forms of one width */
void synth_tree_add(Synth *s, const Tree *t);
void synth_tree_get(const Synth *s, uint32_t i, Tree *t);
bool synth_tree_same(const Tree *a, const Tree *b);
uint64_t synth_tree_hash(const Tree *t);

/* ---- synth_const.c: trees with constants of their own ---- */

void synth_constants(Synth *s, Form *f, const uint64_t *x); /* x: the variable's values at all test points */

/* ---- synth_pair.c: one value from another ---- */

void synth_pair(Synth *s, const Bank *b, Form *f);

/* ---- synth_build.c: a tree as code ---- */

void synth_build(const Site *s, const Cone *c, const Tree *t, uint64_t seed, Proposal *out, char *name, size_t size);
/* For a block, whose children at and at + 1 are the cone's two assignments. */
void synth_build_pair(const Site *s, uint32_t at, const Cone *c, const Tree *t, uint64_t seed, Proposal *out, char *name, size_t size);

#endif
