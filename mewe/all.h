/* all.h - what the parts of mewe share. One section for each file, in pipeline order.
 * Names across files are module_verb; nothing but mewe.h's names is visible outside the library. */
#ifndef ALL_H
#define ALL_H

#include <binaryen-c.h>
#include <stdarg.h>
#include <stdio.h>
#include "mewe.h"

typedef mewe_err Err;
typedef mewe_bytes Bytes;
typedef mewe_options Options;
typedef BinaryenExpressionRef Expr;
typedef BinaryenModuleRef Ref;

#define NONE UINT32_MAX
#define LEN(a) (sizeof(a) / sizeof *(a))

/* ---- util.c: memory, growing buffers, errors, files, random numbers -------------------------------------------- */

void *xalloc(size_t n);            /* zeroed; dies when there is no memory */
void *xgrow(void *p, size_t n);    /* realloc that dies */
void xkeep(void);                  /* memory that is freed stays with the process: for one that is ours alone */
char *xstrdup(const char *s);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Append x to the array a, of which n are used and cap allocated. */
#define PUSH(a, n, cap, x) \
	do { \
		if ((n) == (cap)) { \
			(cap) = (cap) ? 2 * (cap) : 16; \
			(a) = xgrow((a), (cap) * sizeof *(a)); \
		} \
		(a)[(n)++] = (x); \
	} while (0)

typedef struct Buf {
	uint8_t *p;
	size_t n, cap;
} Buf;
void buf_put(Buf *b, const void *p, size_t n);
void buf_u8(Buf *b, uint8_t v);
void buf_u32(Buf *b, uint32_t v);  /* little-endian, 4 bytes */
void buf_u64(Buf *b, uint64_t v);
void buf_leb(Buf *b, uint64_t v);  /* unsigned LEB128 */
void buf_str(Buf *b, const char *s);
void buf_printf(Buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_free(Buf *b);
Bytes buf_bytes(Buf *b);           /* hands over what is in it, and empties it */

/* Put the line into e and return code, so that `return err_set(e, MEWE_BAD, ...)` is how every failure looks. */
int err_set(Err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

int file_read(const char *path, Bytes *out, Err *e);                     /* "-" is standard input */
int file_write(const char *path, const void *p, size_t n, Err *e);       /* temporary file, then rename; "-" is standard output */

uint64_t mix64(uint64_t x);        /* a bijection whose output bits all depend on all input bits (splitmix64's) */
typedef struct Rng {
	uint64_t s;
} Rng;
uint64_t rng_next(Rng *r);
uint32_t rng_below(Rng *r, uint32_t n);
void rng_order(Rng *r, uint32_t *order, uint32_t n); /* the numbers below n, in any order */

typedef struct Digest {
	uint64_t a, b;
} Digest;                          /* 128 bits: equal digests are taken for equal code */
Digest digest(const void *p, size_t n);
static inline bool digest_eq(Digest x, Digest y) { return x.a == y.a && x.b == y.b; }

typedef struct Code {
	Digest code, shape;            /* of machine code; the same with immediates masked and registers renamed */
	uint32_t bytes, ninsn;
} Code;

/* ---- scan.c: what the bytes say that Binaryen's C interface can't ---------------------------------------------- */

typedef struct ScanImport {
	const char *module, *name;     /* NUL-terminated copies */
	uint8_t kind;                  /* 0 function, 1 table, 2 memory, 3 global, 4 tag */
	uint32_t type;                 /* of a function: its type index */
} ScanImport;
typedef struct ScanExport {
	const char *name;
	uint8_t kind;
	uint32_t index;
} ScanExport;
typedef struct ScanBody {
	uint32_t offset, size;         /* of the body in the file, past its size field */
	uint32_t type;
	uint32_t ninsn;                /* instructions, `end`s not counted */
} ScanBody;
typedef struct Scan {
	ScanImport *imports;
	uint32_t nimports, nimported;  /* nimported: functions alone */
	ScanExport *exports;
	uint32_t nexports;
	ScanBody *bodies;              /* of the defined functions, by ordinal */
	uint32_t nbodies;
	uint32_t *typeuses;            /* offsets of the numbers of types: of functions, imported ones, calls and blocks */
	uint32_t ntypeuses, tucap;
	uint32_t start;                /* function index, or NONE */
	bool has_memory, memory_imported, memory_shared, memory_64;
	uint64_t memory_min, memory_max; /* pages; memory_max UINT64_MAX: none */
	uint32_t nglobals, nglobals_imported, ntables;
	uint32_t custom_bytes;         /* bytes in custom sections, which sizes leave out */
	uint32_t features;             /* bits of BinaryenFeatures that the code uses */
} Scan;
int scan_module(const char *file, const uint8_t *p, size_t n, Scan *s, Err *e);
void scan_free(Scan *s);

/* ---- retype.c: a module's types in an order of their own -------------------------------------------------------- */

/* The same module with its types sorted by their bytes. Binaryen sorts them by use, and a type's number is part of the machine
 * code of an indirect call: without this, that would depend on what else is in the module. */
int retype(const char *file, const uint8_t *wasm, size_t n, Bytes *out, Err *e);

/* ---- source.c: what a user hands in, to a binary ----------------------------------------------------------------- */

int read_wasm(const char *file, const uint8_t *in, size_t n, Bytes *wasm, Err *e); /* .wat, .ll, .bc, .c, or wasm as it is */

/* ---- read.c: bytes to a module ----------------------------------------------------------------------------------- */

typedef struct Func {
	const char *name;              /* Binaryen's internal name, unique in the module */
	BinaryenFunctionRef ref;
} Func;

/* A module as read. func[] are the defined functions by ordinal, imp[] the imported ones by index. */
typedef struct Mod {
	char *file;
	Ref ref;
	Scan scan;
	Func *func, *imp;
	uint32_t nfunc, nimp;
	struct Named *named;           /* all functions by name, for look-ups */
	Digest bytes;                  /* of what was read */
	bool custom;                   /* Binaryen could read its custom sections, too */
} Mod;

int read_module(const char *file, const uint8_t *wasm, size_t n, Mod **out, Err *e);
int read_again(const Mod *m, const uint8_t *wasm, size_t n, Mod **out, Err *e); /* the bytes of m: they need no second trial */
void read_free(Mod *m);
void read_index(Mod *m);                                   /* refill func[] and imp[] after functions were added */
uint32_t read_function(const Mod *m, const char *name);    /* its index: imports first; or NONE */
uint32_t read_ordinal(const Mod *m, const char *name);     /* of a defined function, or NONE */
uint32_t read_import(const Mod *m, const char *module, const char *name); /* imported function's index, or NONE */

/* A function's code on its own: of a function in a module, or of a candidate that is in none yet. */
typedef struct Body {
	const Mod *mod;
	const char *name;              /* for messages */
	BinaryenType params, results;
	BinaryenType *vars;            /* owned by whoever made the Body; body_free() */
	uint32_t nvars;
	Expr expr;                     /* owned by the module */
} Body;
Body body_of(const Mod *m, uint32_t ordinal);              /* shares the expression */
Body body_copy(const Body *b);                             /* a deep copy, in the same module */
void body_free(Body *b);
uint32_t body_nparams(const Body *b);
BinaryenType body_local(const Body *b, uint32_t i);        /* type of local i */
BinaryenFunctionRef body_add(Mod *m, const char *name, const Body *b); /* as a new function of b's module */

/* ---- walk.c: Binaryen's C interface has no walker; this is one ------------------------------------------------- */

/* Kinds of expression as constants, so that they can be switch labels: Binaryen's own ids are known only at run time. */
enum { K_Invalid = __COUNTER__ };
#define DELEGATE(name) enum { K_##name = __COUNTER__ - K_Invalid }
#include <wasm-delegations.def>
enum { K_END = __COUNTER__ - K_Invalid };
uint32_t walk_kind(Expr e);                                /* K_... */

uint32_t walk_nkids(Expr e);                               /* children, in order of evaluation */
Expr walk_kid(Expr e, uint32_t i);
void walk_set_kid(Expr e, uint32_t i, Expr kid);
bool walk_known(Expr root);                                /* every node is of a kind that the walker knows */
uint32_t walk_count(Expr root);
Expr walk_at(Expr root, uint32_t index);                   /* the node at this place in preorder, root is 0 */
Expr walk_replace(Expr root, uint32_t index, Expr with);   /* returns the root, which is `with` for index 0 */
/* Preorder; stops, and returns false, when fn does. */
bool walk_each(Expr root, bool (*fn)(void *ctx, Expr e, uint32_t index), void *ctx);

/* ---- tree.c: a tree as bytes, for comparison --------------------------------------------------------------------- */

/* The same bytes for two trees exactly when they are the same code. Names become what `id` makes of them, labels their
 * nesting depth. Returns false for a node of an unknown kind. */
typedef struct Ident {
	uint32_t (*func)(void *ctx, const char *name);     /* an identity that both sides share; IDENT_SKIP: see equiv */
	uint32_t (*global)(void *ctx, const char *name);
	uint32_t (*table)(void *ctx, const char *name);
	void *ctx;
} Ident;
#define IDENT_SKIP (UINT32_MAX - 1)
Ident ident_of(const Mod *m);                              /* imports 0.. , then defined functions; globals and tables by index */
bool walk_write(Buf *out, Expr root, const Ident *id);

/* ---- region.c, place.c: where choices are made --------------------------------------------------------------------- */

/* May the expression be chosen on its own? It goes on behind itself, and its value, if any, is a plain one. */
bool region_good(Expr e);
/* Two regions as functions of what they read, to be proved equal: in the bodies' module; body_free(). own[i]: local i is read by
 * no other code than such alternatives. The expressions are those of a body that has all the locals of both. */
void region_pair(const Body *body, Expr first, Expr second, const uint8_t *own, Body *a, Body *b);

/* Where one choice is made: a function, or a region of one. */
typedef struct Place {
	uint32_t func;                 /* ordinal */
	uint32_t index, size;          /* of a region: preorder index of its root, and how many expressions it has */
	bool region;                   /* else all of the function */
	uint32_t bodies;               /* at most so many alternatives, the original counted */
} Place;
typedef struct Places {
	Place *p;
	uint32_t n, cap;
} Places;                          /* by rising func, then index */
/* Those that the options ask for: the plan's, or all there are. bodies[] are the functions'. */
int place_find(const Mod *m, const Body *body, const Options *o, Places *out, Err *e);
void place_sort(Places *p);
/* A plan as text, for --plan: JSON that says which places get how many bodies. */
char *place_plan(const Mod *m, enum mewe_dispatch dispatch, const Places *p);
int place_dispatch(const char *plan, enum mewe_dispatch *out, Err *e); /* what a plan says */

/* ---- site.c: where variants may be made ------------------------------------------------------------------------- */

typedef enum SiteKind { SITE_EXPR, SITE_BODY } SiteKind;
typedef struct Site {
	uint32_t func;                 /* ordinal */
	uint32_t index;                /* preorder index of the expression; 0 for the body */
	SiteKind kind;
	Expr expr;                     /* in the original; read only */
	const Body *body;              /* that expr is part of */
	const struct Sites *in;
	uint32_t place;                /* index into the places */
} Site;
enum { STRATEGIES_MAX = 32 };
typedef struct Sites {
	Site *site;
	uint32_t n;
	Places places;
	Body *body;                    /* of each function, by ordinal */
	uint32_t nbody;
	void *own[STRATEGIES_MAX];     /* what each strategy keeps for the run, in the order of strategy_all */
} Sites;
int site_find(Mod *m, const Options *o, Sites *out, Err *e); /* of the places that the options, or their plan, ask for */
void site_free(Sites *s);

/* ---- strategy/ *.c: propose, and nothing else ------------------------------------------------------------------- */

typedef enum Verdict { V_NEW, V_PROVED, V_REFUTED, V_TIMEOUT, V_UNSUPPORTED, V_BY_CONSTRUCTION, V_TESTED } Verdict;
const char *verdict_name(Verdict v);

/* A proposal for a site: the expression to put in its place, freshly built in the site's module (parts of the original are
 * copied with BinaryenExpressionCopy, never moved), and the types of the locals that it needs beyond the body's own. */
typedef struct Proposal {
	const char *rule;              /* static or interned name of the rule */
	Expr expr;
	BinaryenType vars[8];
	uint32_t nvars;
} Proposal;

typedef struct Strategy {
	const char *name, *help;
	Verdict grants;                /* the verdict that its variants are expected to earn */
	/* What it keeps for a run (tables, facts about functions), made before anything else is asked of it: see strategy_own(). All
	 * three may be NULL. What is kept may be filled further by count, never by propose: workers are forked after count. */
	void *(*open)(const Sites *s, uint64_t seed);
	void (*close)(void *own);
	/* Of its search so far: expressions looked at, and those that agreed with a site at all test points. */
	void (*tally)(const void *own, uint64_t *enumerated, uint64_t *passed);
	/* How many proposals there are for the site. */
	uint32_t (*count)(const Site *s);
	/* The nth of them; pure in (site, n, seed). False: it does not apply after all. */
	bool (*propose)(const Site *s, uint32_t n, uint64_t seed, Proposal *out);
} Strategy;
#define STRATEGY(name, grants, help) extern const Strategy strategy_##name;
#include "strategies.h"
#undef STRATEGY
extern const Strategy *const strategy_all[];               /* NULL at the end */
const Strategy *strategy_named(const char *name, size_t n);
void *strategy_own(const Strategy *st, const Sites *s);    /* what its open() gave for these sites; NULL before */

/* A fresh local of this type for the proposal: its index. */
uint32_t proposal_local(Proposal *p, const Site *s, BinaryenType type);

/* ---- propose.c: the candidates ---------------------------------------------------------------------------------- */

/* The spine: each stage fills its fields, and each row ends in the ledger, kept or not. */
typedef struct Variant {
	uint32_t site;                 /* index into Sites */
	uint32_t func;                 /* ordinal */
	uint32_t at;                   /* index into the places */
	const Strategy *strategy;
	const char *rule;
	uint32_t n;                    /* which of the strategy's proposals */
	uint64_t seed;
	Verdict verdict;
	char *why;                     /* counterexample or reason of the verdict; NULL if proved */
	uint64_t work;                 /* solver units spent */
	Digest code, shape;            /* machine code, and the same with immediates masked and registers renamed */
	uint32_t bytes;                /* of machine code */
	bool tried;                    /* by the compiler */
	bool idle;                     /* some of its code can't matter: see Traits */
	bool kept, struck;             /* struck: equal to another body in the final binary */
	const char *reason;            /* static: why it was not kept */
	uint32_t place;                /* in its dispatcher: 1.. ; 0 is the original */
	uint32_t rank;                 /* in the order in which they were kept, from 0: with less room the first ones would be */
} Variant;
typedef struct Variants {
	Variant *v;
	uint32_t n, cap;
} Variants;

typedef struct Picks Picks;        /* what may still be tried, and what was learned from what has been */
int propose_open(Sites *s, const Options *o, Picks **out, Err *e); /* *out is for propose_close() in any case */
void propose_close(Picks *p);
/* Draws up to want[place] further candidates for each place into v: how many there were. */
uint32_t propose_more(Picks *p, const uint32_t *want, Variants *v);
void propose_learn(Picks *p, const Variants *v, const Code *original); /* rules that survive come first from now on */
void propose_tally(const Picks *p, uint64_t *enumerated, uint64_t *passed);
typedef struct Traits {
	const char *rule;
	bool idle;                     /* it reads a local or global that its site does not: a part of it can't matter */
} Traits;
/* Makes the candidate's code anew, in the sites' module: all of its function. traits may be NULL. False: it does not apply. */
bool propose_body(const Sites *s, const Variant *v, Traits *traits, Body *out);
/* The two functions whose equality is the candidate's proof: its function's and its own code, or, where its place is a region, that
 * alone. False: it does not apply. Both are for body_free(). */
bool propose_pair(const Sites *s, const Variant *v, Body *a, Body *b);

#include "proof.h" /* term.c, smt.c, lower.c, equiv.c, obligation.c, cache.c, prove.c */

/* ---- survive.c: machine code ------------------------------------------------------------------------------------- */

/* Compile for the one fixed target and digest each defined function's machine code. ident[i] is what a call of defined
 * function i counts as (i itself where ident is NULL). *out: one for each defined function, released with free(). */
int survive_code(const char *file, const uint8_t *wasm, size_t n, const uint32_t *ident, Code **out, Err *e);
/* Candidates that have not been compiled yet, gathered into modules. *original (NULL at first) gets the originals' digests.
 * module: key of the bytes that the sites' module was read from; remembered counts the cache's answers. */
int survive_all(const Sites *s, const Options *o, Variants *v, Code **original, Cache *cache, Digest module, uint64_t *remembered, Err *e);
/* Is row's machine code different from the original's and from that of every earlier row of its function? */
bool survive_distinct(const Variants *v, uint32_t row, const Code *original);
const char *survive_engine(void);                          /* name, version and target of the engine that decides */

/* ---- select.c: which to keep ------------------------------------------------------------------------------------- */

typedef struct Dispatcher {
	uint32_t func;                 /* ordinal */
	uint32_t id;                   /* what the host knows it by: the ordinal, or, of regions, which of them all it is */
	uint32_t at;                   /* index into the places; means nothing where a module was read */
	bool region;
	uint32_t n;                    /* bodies, the original counted */
	uint32_t *row;                 /* n-1 rows of Variants, by place - 1 */
	uint32_t *klass;               /* n classes of equal machine code, class of the original first; from the audit */
	uint32_t distinct, distinct_shape;
} Dispatcher;
typedef struct Dispatchers {
	Dispatcher *d;                 /* by rising ordinal */
	uint32_t n;
} Dispatchers;
void select_all(const Options *o, const Places *p, const Code *original, Variants *v, Dispatchers *out);
/* Fill klass, distinct and distinct_shape from the code of the n bodies; strikes off variants that are equal there, or not there as
 * something of their own (gone[k]; may be NULL), and is true when there were any. */
bool select_classes(Dispatcher *d, const Code *code, const bool *gone, Variants *v);
void select_free(Dispatchers *d);

/* ---- search.c: propose, survive, select, prove, until each dispatcher is full ----------------------------------- */

struct Build;
int search_all(struct Build *b, Err *e);
int search_more(struct Build *b, Err *e);                  /* once more, for the dispatchers that are not full */
int search_keep(struct Build *b, Err *e);                  /* select anew, and prove what is selected and not proved yet */

/* ---- discriminator.c: the functions that draw ------------------------------------------------------------------- */

/* How a multivariant module is made, so far as its discriminator, dispatchers and wrappers go. */
typedef struct Shape {
	enum mewe_discriminator discriminator;
	enum mewe_dispatch dispatch;
	enum mewe_reseed reseed;
	enum mewe_trace trace;
	uint64_t fixed_seed;
	bool import_seed;              /* seeds come from mewe.seed instead of random_get */
	bool gated;                    /* the module has a start function or inits: nothing is drawn before the first entry */
} Shape;
int discriminator_shape(const Mod *m, const Options *o, Shape *out, Err *e); /* decides import_seed and gated, or refuses */
/* Adds the discriminator's functions and globals; resolves the guest's imports from `mewe` (to zeros when d is NULL). */
int discriminator_add(Mod *m, const Shape *s, const Dispatchers *d, Err *e);

/* ---- combine.c, instrument.c: dispatchers, entry wrappers, traces ------------------------------------------------ */

/* m is a fresh reading of the original; s are its sites in m, so that propose_body() builds in m. */
int combine_all(Mod *m, const Sites *s, const Variants *v, const Dispatchers *d, const Shape *shape, const Options *o, Err *e);
int instrument_all(Mod *m, const Dispatchers *d, const Shape *shape, uint32_t norig, Err *e);

/* What a build adds beside dispatchers and variants, all of it appended after the original's own:
 * - function `mewe.draw`, or `mewe.ready` where dispatchers take choices out of a pool (and what it needs), globals named `mewe.*`;
 * - discriminator fixed: the exported mutable i64 global "mewe.seed"; a value set before the first draw keys the generator;
 * - discriminator host: the import mewe.choose(dispatcher i32, n i32) -> i32; seeds from mewe.seed() -> i64 where
 *   random_get can't serve;
 * - trace hash or full: exported mutable globals "mewe.entry", "mewe.choice", "mewe.body" (i64 hashes), "mewe.length",
 *   "mewe.choices", "mewe.executed" (i64), "mewe.bits" (f64: sum of log2 n over the choices; in dispatch `request` each
 *   dispatcher counts once a request), the exported function "mewe.reset" (clears the trace; the next entry draws anew);
 * - trace full: "mewe.trace" (i32), the address of the first of a list of chunks got by memory.grow, each
 *   {next u32, used u32, ids u32[]}: entry ids in order; 0 when there are none;
 * - dispatch request, --reseed entry, or a gated module: an entry wrapper for each exported function that takes over the export. */

/* Does the shape draw once for each request, and not at each call? */
static inline bool shape_vector(const Shape *s) { return s->dispatch != MEWE_CALL; }

/* Does each dispatcher take its choice out of the generator's pool itself, without a call? */
static inline bool shape_pooled(const Shape *s)
{
	return s->dispatch == MEWE_CALL && (s->discriminator == MEWE_CHACHA || s->discriminator == MEWE_FIXED);
}

/* The bits that a number below n needs; and those that one is made from: as many where n is a power of two, else some more, so
 * that less than once in 64 they have to be drawn again to make all numbers equally likely. */
enum { DRAW_SPARE = 6 };
static inline uint32_t draw_bits(uint32_t n) { return 32 - __builtin_clz(n - 1); }
static inline uint32_t draw_width(uint32_t n) { return draw_bits(n) + ((n & (n - 1)) == 0 ? 0 : DRAW_SPARE); }

/* Trace ids: function `ordinal` entered is ordinal << 12; its variant k taken is ordinal << 12 | (k + 1); in the body trace
 * k is the class. */
#define TRACE_ID(ordinal, k) ((uint32_t)(ordinal) << 12 | (uint32_t)(k))
/* Region i, counted over all of them, took its alternative k; in the body trace k is the class. */
#define TRACE_REGION (1u << 31)
#define TRACE_REGION_ID(i, k) (TRACE_REGION | TRACE_ID(i, (k) + 1))

/* ---- write.c ------------------------------------------------------------------------------------------------------ */

int write_module(Mod *m, const char *hint_json, Bytes *out, Err *e); /* runs no passes; the custom section `mewe` is a hint */
uint64_t write_size(const uint8_t *wasm, size_t n);                  /* bytes outside custom sections */

/* ---- target.c: would the platform that was asked for link and load it? --------------------------------------------- */

int target_input(const Options *o, const Shape *s, const char *file, const uint8_t *wasm, size_t n, Err *e);
int target_output(const Options *o, const char *file, const uint8_t *wasm, size_t n, Err *e);

/* ---- pipeline.c, report.c ----------------------------------------------------------------------------------------- */

enum { STAGE_PROPOSE, STAGE_SURVIVE, STAGE_PROVE, STAGE_AUDIT, STAGES };
typedef struct Build {
	const Options *o;
	const char *file;
	const uint8_t *in;
	size_t nin;
	Mod *mod;
	Sites sites;
	Picks *picks;
	Variants variants;
	Proving proving;
	Digest key;                    /* of `in` */
	Code *original;
	Dispatchers dispatchers;
	Shape shape;
	Bytes twin, out;               /* without and with the trace; where the trace is off, one becomes the other */
	uint64_t remembered;           /* candidates whose machine code the cache knew */
	uint64_t ns[STAGES];           /* time spent in each */
} Build;
/* From bytes to candidates that are proved and survive: needs o, file, in, nin; release with pipeline_free(). */
int pipeline_search(Build *b, Err *e);
/* From them to what is kept: fills shape, dispatchers, twin. May be called again with other options o that only change how
 * the module is made. */
int pipeline_choose(Build *b, Err *e);
/* audit.c: the classes of equal machine code in the final binary without a trace. Variants that are equal there, though they were
 * different alone, are struck off, and the module is to be made again. */
int audit_classes(Build *b, bool *again, Err *e);
void pipeline_free(Build *b, Err *e);
int pipeline_emit(const Build *b, enum mewe_trace trace, Bytes *out, Err *e);
struct mewe_report {
	Bytes ledger, summary;
};
/* How many candidates were left after each stage, and how many of those kept have idle code. */
typedef struct Funnel {
	uint64_t enumerated, passed, tried, survived, asked, proved, kept, idle;
} Funnel;
Funnel report_funnel(const Build *b);
mewe_report *report_make(const Build *b);
char *report_hint(const Build *b);                         /* the custom section's JSON, malloc'ed */

/* ---- shape.c: find dispatchers, wrappers and discriminator in a module that nobody vouches for ------------------ */

typedef struct Found {
	uint32_t func;                 /* the dispatcher's ordinal */
	uint32_t n;
	uint32_t *variant;             /* ordinals of its n bodies; [0] is the original's */
} Found;
typedef struct Founds {
	Found *f;
	uint32_t n;
} Founds;
int shape_find(const Mod *m, Founds *out, Err *e);
void shape_free(Founds *f);

#include "guest.h" /* fork.c (more in fork.h), host.c */

#endif
