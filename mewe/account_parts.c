/* account_parts.c - what is not code: imports, tables, memories, globals, start, elements, data, exports with their wrappers.
 * In: an Account with both modules read. Out: differences. Must hold: everything outside custom sections is looked at; both
 * modules were written by Binaryen, so what is equal has equal bytes, but for type indices, which it sorts by use. */
#include <stdlib.h>
#include <string.h>
#include "account.h"

enum { S_IMPORT = 2, S_TABLE = 4, S_MEMORY, S_GLOBAL, S_EXPORT, S_START, S_ELEMENT, S_CODE, S_DATA, S_DATACOUNT, S_END };

typedef struct Part {
	const uint8_t *p, *end;
} Part;

static uint64_t leb(Part *in)
{
	uint64_t x = 0;
	for (unsigned shift = 0; in->p < in->end; shift += 7) {
		uint8_t b = *in->p++;
		if (shift < 64)
			x |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return x;
}

/* The sections by id; false when there is one of no known id. The scanner has seen that they lie within the file. */
static bool sections(const uint8_t *p, size_t n, Part part[S_END])
{
	Part in = {p + 8, p + n};
	memset(part, 0, S_END * sizeof *part);
	while (in.p < in.end) {
		uint8_t id = *in.p++;
		uint64_t size = leb(&in);
		if (id >= S_END)
			return false;
		if (id != 0)
			part[id] = (Part){in.p, in.p + size};
		in.p += size;
	}
	return true;
}

static bool same_bytes(Part a, Part b)
{
	size_t n = a.end - a.p;
	return n == (size_t)(b.end - b.p) && (n == 0 || memcmp(a.p, b.p, n) == 0);
}

/* ---- imports --------------------------------------------------------------------------------------------------------- */

static const uint8_t *skip_name(Part *in)
{
	const uint8_t *start = in->p;
	uint64_t n = leb(in);
	in->p += n;
	return start;
}

/* The next import's bytes without a function's type index, which is where the two modules may differ. */
static Part next_import(Part *in)
{
	Part out = {skip_name(in), NULL};
	skip_name(in);
	uint8_t kind = *in->p++;
	if (kind == 0) {
		out.end = in->p;
		leb(in);
		return out;
	}
	in->p += kind != 2; /* element type of a table, type of a global */
	if (kind == 3) {
		in->p++;
	} else {
		uint64_t flags = leb(in);
		leb(in);
		if (flags & 1)
			leb(in);
	}
	out.end = in->p;
	return out;
}

static const char *import_name(const Mod *m, uint32_t i) { return i < m->scan.nimports ? m->scan.imports[i].name : "none"; }

bool account_imports(Account *a)
{
	Part have[S_END], want[S_END];
	uint32_t n = a->want->scan.nimports;
	if (!sections(a->have_bytes, a->nhave, have) || !sections(a->want_bytes.p, a->want_bytes.n, want)) {
		account_differs(a, "", "there is a section of an unknown kind");
		return false;
	}
	for (uint32_t i = 0, f = 0; i < n || i < a->have->scan.nimports; i++) {
		bool good = i < n && i < a->have->scan.nimports;
		if (i == 0 && good) { /* the counts stand before the imports */
			leb(&have[S_IMPORT]);
			leb(&want[S_IMPORT]);
		}
		good = good && same_bytes(next_import(&have[S_IMPORT]), next_import(&want[S_IMPORT]));
		if (good && a->want->scan.imports[i].kind == 0) {
			BinaryenFunctionRef x = a->have->imp[f].ref, y = a->want->imp[f].ref;
			good = BinaryenFunctionGetParams(x) == BinaryenFunctionGetParams(y) && BinaryenFunctionGetResults(x) == BinaryenFunctionGetResults(y);
			f++;
		}
		if (!good) {
			account_differs(a, "", "import %u is %s, where the original and its discriminator have %s", i, import_name(a->have, i),
			                import_name(a->want, i));
			return false;
		}
	}
	return true;
}

/* ---- sections --------------------------------------------------------------------------------------------------------- */

static const char *function_at(const Mod *m, uint32_t index)
{
	if (index == NONE)
		return "none";
	return index < m->nimp ? m->imp[index].name : index - m->nimp < m->nfunc ? m->func[index - m->nimp].name : "none";
}

/* The first slot that differs, by name. */
static bool name_element(Account *a)
{
	uint32_t n = BinaryenGetNumElementSegments(a->want->ref);
	for (uint32_t i = 0; i < n && i < BinaryenGetNumElementSegments(a->have->ref); i++) {
		BinaryenElementSegmentRef x = BinaryenGetElementSegmentByIndex(a->have->ref, i), y = BinaryenGetElementSegmentByIndex(a->want->ref, i);
		for (uint32_t k = 0; k < BinaryenElementSegmentGetLength(x) && k < BinaryenElementSegmentGetLength(y); k++) {
			const char *is = BinaryenElementSegmentGetData(x, k), *was = BinaryenElementSegmentGetData(y, k);
			if (read_function(a->have, is) == read_function(a->want, was))
				continue;
			account_differs(a, is, "element segment %u holds it in slot %u, where the original has %s", i, k, was);
			return true;
		}
	}
	return false;
}

static size_t first_difference(Part x, Part y)
{
	size_t i = 0;
	while (x.p + i < x.end && y.p + i < y.end && x.p[i] == y.p[i])
		i++;
	return i;
}

void account_sections(Account *a)
{
	static const char *const what[S_END] = {
		[S_TABLE] = "tables", [S_MEMORY] = "memory", [S_GLOBAL] = "globals", [S_START] = "start function",
		[S_ELEMENT] = "elements", [S_DATA] = "data", [S_DATACOUNT] = "count of data segments",
	};
	Part have[S_END], want[S_END];
	sections(a->have_bytes, a->nhave, have);
	sections(a->want_bytes.p, a->want_bytes.n, want);
	for (int id = 0; id < S_END; id++) {
		if (!what[id] || same_bytes(have[id], want[id]))
			continue;
		if (id == S_START)
			account_differs(a, function_at(a->have, a->have->scan.start), "the start function is this, where the original has %s",
			                function_at(a->want, a->want->scan.start));
		else if (id != S_ELEMENT || !name_element(a))
			account_differs(a, "", "the %s are not the original's and its discriminator's, from byte %zu of their section on", what[id],
			                first_difference(have[id], want[id]));
	}
}

/* ---- wrappers --------------------------------------------------------------------------------------------------------- */

/* What a value in a wrapper is: a parameter, all that the call gave, one part of that, or something of the request's own. */
typedef struct Value {
	enum { W_BAD, W_VOID, W_OWN, W_PARAM, W_TUPLE, W_PART } kind;
	uint32_t index;                /* of a parameter or part */
} Value;

typedef struct Wrapper {
	const Account *a;
	uint32_t nparams, target;      /* function index that it must call, once */
	Value *local, result;          /* result: as the call leaves it */
	bool called;
} Wrapper;

enum { NESTING = 8 };                  /* of blocks, which the reader puts in for several results */

/* The globals that belong to a request and not to the guest. */
static bool of_request(const Account *a, const char *name)
{
	Ident id = ident_of(a->have);
	uint32_t i = id.global(id.ctx, name);
	if (i < a->nglobals || i >= BinaryenGetNumGlobals(a->plan->ref))
		return false;
	const char *ours = BinaryenGlobalGetName(BinaryenGetGlobalByIndex(a->plan->ref, i)) + strlen(a->tag);
	return strcmp(ours, ".live") == 0 || strncmp(ours, ".vector.", 8) == 0 || strncmp(ours, ".seen.", 6) == 0;
}

/* 0 or 1, which is all that a wrapper sets of itself. */
static bool bit(Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	uint64_t x = t == BinaryenTypeInt32() ? (uint64_t)BinaryenConstGetValueI32(e) : t == BinaryenTypeInt64() ? (uint64_t)BinaryenConstGetValueI64(e) : 2;
	return x <= 1;
}

static Value eval(Wrapper *w, Expr e, unsigned depth);

static Value eval_call(Wrapper *w, Expr e, unsigned depth)
{
	uint32_t to = read_function(w->a->have, BinaryenCallGetTarget(e)), renew = account_index(w->a, "renew");
	if (renew != NONE && to == renew)
		return (Value){W_VOID, 0};
	if (to != w->target || w->called)
		return (Value){W_BAD, 0};
	for (uint32_t i = 0; i < BinaryenCallGetNumOperands(e); i++) {
		Value v = eval(w, BinaryenCallGetOperandAt(e, i), depth);
		if (v.kind != W_PARAM || v.index != i)
			return (Value){W_BAD, 0};
	}
	w->called = true;
	return w->result;
}

/* Parameters stay as they came, and only the request's own goes into its globals. */
static Value eval_set(Wrapper *w, Expr e, unsigned depth)
{
	bool local = walk_kind(e) == K_LocalSet;
	Value v = eval(w, local ? BinaryenLocalSetGetValue(e) : BinaryenGlobalSetGetValue(e), depth);
	if (!local)
		return (Value){v.kind == W_OWN && of_request(w->a, BinaryenGlobalSetGetName(e)) ? W_VOID : W_BAD, 0};
	if (BinaryenLocalSetIsTee(e) || BinaryenLocalSetGetIndex(e) < w->nparams || v.kind == W_BAD)
		return (Value){W_BAD, 0};
	w->local[BinaryenLocalSetGetIndex(e)] = v;
	return (Value){W_VOID, 0};
}

static Value eval_tuple(Wrapper *w, Expr e, unsigned depth)
{
	for (uint32_t i = 0; i < BinaryenTupleMakeGetNumOperands(e); i++) {
		Value v = eval(w, BinaryenTupleMakeGetOperandAt(e, i), depth);
		if (v.kind != W_PART || v.index != i)
			return (Value){W_BAD, 0};
	}
	return (Value){W_TUPLE, 0};
}

static Value eval_block(Wrapper *w, Expr e, unsigned depth)
{
	Value v = {W_VOID, 0};
	if (BinaryenBlockGetName(e))
		return (Value){W_BAD, 0};
	for (uint32_t i = 0; i < BinaryenBlockGetNumChildren(e); i++) {
		if (v.kind != W_VOID)
			return (Value){W_BAD, 0};
		v = eval(w, BinaryenBlockGetChildAt(e, i), depth);
	}
	return v;
}

/* A wrapper is straight code, so that one walk over it, in order, tells what every value is. */
static Value eval(Wrapper *w, Expr e, unsigned depth)
{
	Value v = {W_BAD, 0};
	if (depth == NESTING)
		return v;
	switch (walk_kind(e)) {
	case K_Const:
		return (Value){bit(e) ? W_OWN : W_BAD, 0};
	case K_GlobalGet:
		return (Value){of_request(w->a, BinaryenGlobalGetGetName(e)) ? W_OWN : W_BAD, 0};
	case K_LocalGet:
		return w->local[BinaryenLocalGetGetIndex(e)];
	case K_LocalSet: case K_GlobalSet:
		return eval_set(w, e, depth + 1);
	case K_Call:
		return eval_call(w, e, depth + 1);
	case K_TupleMake:
		return eval_tuple(w, e, depth + 1);
	case K_TupleExtract:
		v = eval(w, BinaryenTupleExtractGetTuple(e), depth + 1);
		return (Value){v.kind == W_TUPLE ? W_PART : W_BAD, BinaryenTupleExtractGetIndex(e)};
	case K_Block:
		return eval_block(w, e, depth + 1);
	}
	return v;
}

/* Straight through, the target once with the own parameters, and its results returned. */
static bool is_wrapper(const Account *a, uint32_t ordinal, uint32_t target)
{
	BinaryenFunctionRef f = a->have->func[ordinal].ref, to = a->have->func[target - a->have->nimp].ref;
	uint32_t arity = BinaryenTypeArity(BinaryenFunctionGetResults(f));
	Wrapper w = {.a = a, .nparams = BinaryenTypeArity(BinaryenFunctionGetParams(f)), .target = target};
	if (BinaryenFunctionGetParams(f) != BinaryenFunctionGetParams(to) || BinaryenFunctionGetResults(f) != BinaryenFunctionGetResults(to))
		return false;
	w.result = (Value){arity == 0 ? W_VOID : arity == 1 ? W_PART : W_TUPLE, 0};
	uint32_t n = w.nparams + BinaryenFunctionGetNumVars(f);
	w.local = xalloc(n * sizeof *w.local);
	for (uint32_t i = 0; i < n; i++)
		w.local[i] = (Value){i < w.nparams ? W_PARAM : W_OWN, i < w.nparams ? i : 0};
	Value v = eval(&w, BinaryenFunctionGetBody(f), 0);
	free(w.local);
	return w.called && v.kind == w.result.kind && v.index == w.result.index;
}

/* ---- exports ---------------------------------------------------------------------------------------------------------- */

/* The function that the export leads to is the one of the original, or a wrapper of that alone. */
static void check_target(Account *a, const ScanExport *is, const ScanExport *was)
{
	uint32_t nimp = a->have->nimp;
	if (is->index == was->index)
		return;
	bool free_one = is->kind == 0 && is->index >= nimp + a->first_body && !a->owned[is->index - nimp];
	if (free_one && was->index >= nimp && is_wrapper(a, is->index - nimp, was->index)) {
		a->owned[is->index - nimp] = true;
		return;
	}
	account_differs(a, is->kind == 0 ? function_at(a->have, is->index) : "", "export %s leads to it, and not to %s or a wrapper of that", is->name,
	                was->kind == 0 ? function_at(a->want, was->index) : "what the original exports");
}

void account_exports(Account *a)
{
	const Scan *have = &a->have->scan, *want = &a->want->scan;
	for (uint32_t i = 0; i < have->nexports || i < want->nexports; i++) {
		const ScanExport *is = i < have->nexports ? &have->exports[i] : NULL, *was = i < want->nexports ? &want->exports[i] : NULL;
		if (!is || !was || strcmp(is->name, was->name) != 0 || is->kind != was->kind) {
			account_differs(a, is && is->kind == 0 ? function_at(a->have, is->index) : "", "export %u is %s, where the original and its discriminator have %s",
			                i, is ? is->name : "none", was ? was->name : "none");
			return;
		}
		check_target(a, is, was);
	}
}
