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

typedef struct Wrapper {
	const Account *a;
	uint32_t nparams, target;      /* function index that it must call, once */
	uint32_t result;               /* local that holds what the call gave; NONE before */
	bool called;
} Wrapper;

/* The globals that belong to a request and not to the guest. */
static bool of_request(const Account *a, const char *name)
{
	Ident id = ident_of(a->have);
	uint32_t i = id.global(id.ctx, name);
	size_t n = strlen(a->tag);
	if (i < a->nglobals || i >= BinaryenGetNumGlobals(a->plan->ref))
		return false;
	const char *ours = BinaryenGlobalGetName(BinaryenGetGlobalByIndex(a->plan->ref, i)) + n;
	return strcmp(ours, ".live") == 0 || strncmp(ours, ".vector.", 8) == 0 || strncmp(ours, ".seen.", 6) == 0;
}

static bool calls_target(Wrapper *w, Expr e)
{
	if (walk_kind(e) != K_Call || w->called || read_function(w->a->have, BinaryenCallGetTarget(e)) != w->target)
		return false;
	for (uint32_t i = 0; i < BinaryenCallGetNumOperands(e); i++) {
		Expr arg = BinaryenCallGetOperandAt(e, i);
		if (walk_kind(arg) != K_LocalGet || BinaryenLocalGetGetIndex(arg) != i)
			return false;
	}
	w->called = true;
	return true;
}

static bool own_local(const Wrapper *w, uint32_t i) { return i >= w->nparams && i != w->result; }

/* Saves or restores a choice, opens or closes the gate, asks for new choices, or is the call. Parameters stay as they came. */
static bool statement(Wrapper *w, Expr e)
{
	const Account *a = w->a;
	Expr value;
	switch (walk_kind(e)) {
	case K_LocalSet:
		value = BinaryenLocalSetGetValue(e);
		if (BinaryenLocalSetIsTee(e) || !own_local(w, BinaryenLocalSetGetIndex(e)))
			return false;
		if (walk_kind(value) == K_GlobalGet)
			return of_request(a, BinaryenGlobalGetGetName(value));
		if (!calls_target(w, value))
			return false;
		w->result = BinaryenLocalSetGetIndex(e);
		return true;
	case K_GlobalSet:
		value = BinaryenGlobalSetGetValue(e);
		return of_request(a, BinaryenGlobalSetGetName(e)) &&
		       (walk_kind(value) == K_Const || (walk_kind(value) == K_LocalGet && own_local(w, BinaryenLocalGetGetIndex(value))));
	case K_Call:
		if (account_index(a, "renew") == read_function(a->have, BinaryenCallGetTarget(e)))
			return true;
		return BinaryenExpressionGetType(e) == BinaryenTypeNone() && calls_target(w, e);
	}
	return false;
}

/* Straight through, the target once, and its result returned. */
static bool is_wrapper(const Account *a, uint32_t ordinal, uint32_t target)
{
	BinaryenFunctionRef f = a->have->func[ordinal].ref, to = a->have->func[target - a->have->nimp].ref;
	Expr body = BinaryenFunctionGetBody(f), last;
	Wrapper w = {a, BinaryenTypeArity(BinaryenFunctionGetParams(f)), target, NONE, false};
	uint32_t n = walk_kind(body) == K_Block ? BinaryenBlockGetNumChildren(body) : 0;
	bool results = BinaryenFunctionGetResults(f) != BinaryenTypeNone();
	if (BinaryenFunctionGetParams(f) != BinaryenFunctionGetParams(to) || BinaryenFunctionGetResults(f) != BinaryenFunctionGetResults(to))
		return false;
	for (uint32_t i = 0; i + results < n; i++)
		if (!statement(&w, BinaryenBlockGetChildAt(body, i)))
			return false;
	if (!w.called || !results)
		return w.called;
	last = BinaryenBlockGetChildAt(body, n - 1);
	return walk_kind(last) == K_LocalGet && BinaryenLocalGetGetIndex(last) == w.result;
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
