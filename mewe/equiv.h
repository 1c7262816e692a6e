/* equiv.h - what the files of the equivalence checker share: term.c, smt.c, lower.c, equiv.c. */
#ifndef EQUIV_H
#define EQUIV_H

#include "all.h"

/* ---- term.c: values as terms; equal terms are one term ---------------------------------------------------------------- */

typedef uint32_t Term;
#define TERM_NONE UINT32_MAX

enum {
	/* interpreted, on 32 or 64 bits; comparisons give 32; T_CAT and T_BYTE: on whole bytes, 64 bits at most */
	T_CONST, T_ADD, T_SUB, T_MUL, T_DIVS, T_DIVU, T_REMS, T_REMU, T_AND, T_OR, T_XOR, T_SHL, T_SHRU, T_SHRS, T_ROTL, T_ROTR,
	T_EQ, T_NE, T_LTS, T_LTU, T_LES, T_LEU, T_GTS, T_GTU, T_GES, T_GEU,
	T_CAT,                         /* a above b, which has key bits */
	T_CLZ, T_CTZ, T_POPCNT, T_EQZ, T_EXT8, T_EXT16, T_EXT32, T_WRAP, T_EXTS, T_EXTU,
	T_BYTE,                        /* the 8 bits of a from bit key on */
	T_ITE,                         /* a is not zero: b, else c */
	T_INTERPRETED,
	/* uninterpreted */
	T_SYM,                         /* any value: imm tells them apart */
	T_FUN,                         /* a function of its arguments, called key and imm: equal arguments, equal value */
	T_LIST,                        /* a: an argument, b: the list of the rest or TERM_NONE */
};

typedef struct Node {
	uint8_t op, width;             /* width of the value in bits */
	uint32_t key;
	Term a, b, c;
	uint64_t imm;
} Node;

typedef struct Terms {
	Node *node;
	Term *rep;                     /* an equal term that was found by proof, or the term itself */
	uint32_t n, cap, rcap;
	uint32_t *hash;                /* open addressing: term + 1 */
	uint32_t nhash;
	uint64_t nsym;
	Buf *key;                      /* interned keys */
	uint32_t nkey, kcap;
	uint32_t *keyhash, nkeyhash;   /* open addressing: key + 1 */
	uint64_t *point;               /* values at the test points, POINTS for each term */
	uint32_t npoint, pcap;
} Terms;

enum { POINTS = 24 };              /* the tests that go before the solver */

void term_free(Terms *t);
uint32_t term_key(Terms *t, const Buf *b);                       /* the number of these bytes */
Term term_make(Terms *t, uint8_t op, uint8_t width, uint32_t key, Term a, Term b, Term c, uint64_t imm);
Term term_const(Terms *t, uint8_t width, uint64_t v);
Term term_sym(Terms *t, uint8_t width);
Term term_op(Terms *t, uint8_t op, uint8_t width, Term a, Term b); /* width of the operands; b is TERM_NONE for one operand */
Term term_ite(Terms *t, Term c, Term a, Term b);
Term term_byte(Terms *t, Term x, unsigned i);                    /* byte i of x, the lowest is 0 */
Term term_word(Terms *t, const Term *byte, unsigned n);          /* of n bytes, the lowest first */
Term term_cat(Terms *t, Term high, Term low);
Term term_find(const Terms *t, Term x);
bool term_is_const(const Terms *t, Term x, uint64_t *v);
const uint64_t *term_points(Terms *t, Term x);                   /* its values at the test points */
uint64_t term_eval(uint8_t op, uint8_t width, uint64_t a, uint64_t b); /* the operators' meaning; division by zero gives 0 */

/* ---- smt.c: the solver, on terms ---------------------------------------------------------------------------------------- */

typedef struct Smt Smt;
/* No question gets more steps; text, unless NULL, gets each question that was answered with yes, as SMT-LIB 2. */
Smt *smt_new(Terms *t, uint64_t steps, Buf *text);
void smt_free(Smt *s);
typedef enum Answer { ANSWER_YES, ANSWER_NO, ANSWER_UNKNOWN } Answer;
/* Does x = y hold whenever each assumption (a term that is nonzero for `true`, zero for `false`) does? After NO, value[i] is
 * what the model gives to the symbol sym[i]. */
Answer smt_equal(Smt *s, Term x, Term y, const Term *assume, const bool *sense, uint32_t n, const Term *sym, uint64_t *value,
                 uint32_t nsym);
uint64_t smt_work(const Smt *s);

/* ---- lower.c: a tree to basic blocks over registers ------------------------------------------------------------------- */

enum {
	I_MOVE, I_CONST, I_OP, I_SELECT,
	I_PURE,                        /* an uninterpreted function of its arguments */
	I_READ,                        /* likewise, and of tables; of memory too where op is not zero */
	I_FETCH,                       /* I_READ that may trap */
	I_TRAPPING,                    /* I_PURE that may trap */
	I_SIZE,                        /* of memory, in pages */
	I_LOAD, I_STORE,               /* of op bytes at the first operand + imm */
	I_GLOBAL_GET, I_GLOBAL_SET,
	I_EFFECT,                      /* a call or anything else that others can see: key says what */
};
enum { EFFECT_CALL = 255 };            /* Ins.op of an I_EFFECT in which functions run */

typedef struct Ins {
	uint8_t kind, op, width;       /* width: of the operands for I_OP, of the value otherwise */
	uint32_t key;                  /* of I_GLOBAL_*: the global's identity */
	uint32_t dst, ndst;            /* registers dst.. get the values */
	uint32_t arg, narg;            /* in Code.arg */
	uint64_t imm;
	const char *what;              /* for messages */
} Ins;

enum { END_JUMP, END_BRANCH, END_SWITCH, END_RETURN, END_TRAP };

typedef struct Block {
	uint32_t ins, nins;
	uint8_t end;
	uint32_t value;                /* of a branch or switch: the register that decides */
	uint32_t to, nto;              /* in Code.to; of a branch: taken, then not taken; of a switch: the last is the default */
	uint32_t arg, narg;            /* of a return */
	uint32_t npred;
	bool loop;
} Block;

typedef struct Flow {
	Ins *ins;
	uint32_t nins, icap;
	uint32_t *arg;
	uint32_t narg, acap;
	Block *block;
	uint32_t nblock, bcap;
	uint32_t *to;
	uint32_t nto, tcap;
	uint8_t *width;                /* of each register */
	uint32_t nreg, rcap;
	uint32_t nparam, nlocal;       /* registers: parameters, other locals, temporaries */
	uint32_t **live;               /* of each block: registers that are live at its start, ascending */
	uint32_t *nlive;
} Flow;

/* Returns NULL, or what can't be handled. */
const char *lower_body(Terms *t, const Body *b, const Ident *id, Flow *out);
void lower_free(Flow *f);

#endif
