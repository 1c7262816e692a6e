/* account_parts.c - what is not code: imports, tables, memories, globals, start, elements, data, exports with their wrappers.
 * In: an Account with both modules read. Out: differences. Must hold: everything outside custom sections is looked at; both
 * modules were written by Binaryen, so what is equal has equal bytes, but for type indices, which it sorts by use. */
#include <stdlib.h>
#include <string.h>
#include "account.h"
#include "combine.h"
#include "section.h"

/* The sections by id; false when there is one of no known id. */
static bool sections(const uint8_t *p, size_t n, Part part[S_END])
{
	Part file = section_file(p, n), body;
	uint8_t id;
	memset(part, 0, S_END * sizeof *part);
	while (section_next(&file, &id, &body)) {
		if (id >= S_END)
			return false;
		part[id] = body;
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
	section_skip(in, section_leb(in));
	return start;
}

/* The next import's bytes without a function's type index, which is where the two modules may differ. */
static Part next_import(Part *in)
{
	Part out = {skip_name(in), NULL};
	skip_name(in);
	uint8_t kind = section_byte(in);
	if (kind == 0) {
		out.end = in->p;
		section_leb(in);
		return out;
	}
	section_skip(in, kind != 2); /* element type of a table, type of a global */
	if (kind == 3) {
		section_skip(in, 1);
	} else {
		uint64_t flags = section_leb(in);
		section_leb(in);
		if (flags & 1)
			section_leb(in);
	}
	out.end = in->p;
	return out;
}

static char *import_name(const Mod *m, uint32_t i)
{
	const ScanImport *x = i < m->scan.nimports ? &m->scan.imports[i] : NULL;
	return x ? xprintf("%s.%s", x->module, x->name) : xstrdup("none");
}

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
			section_leb(&have[S_IMPORT]);
			section_leb(&want[S_IMPORT]);
		}
		good = good && same_bytes(next_import(&have[S_IMPORT]), next_import(&want[S_IMPORT]));
		if (good && a->want->scan.imports[i].kind == 0) {
			BinaryenFunctionRef x = a->have->imp[f].ref, y = a->want->imp[f].ref;
			good = BinaryenFunctionGetParams(x) == BinaryenFunctionGetParams(y) && BinaryenFunctionGetResults(x) == BinaryenFunctionGetResults(y);
			f++;
		}
		if (!good) {
			char *is = import_name(a->have, i), *was = import_name(a->want, i);
			account_differs(a, "", "import %u is %s, where the original and its discriminator have %s", i, is, was);
			free(is);
			free(was);
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

/* The first slot that differs, by name; both modules have the same function indices so far as the original's go. */
static bool name_element(Account *a)
{
	Slots is = section_slots(a->have_bytes, a->nhave), was = section_slots(a->want_bytes.p, a->want_bytes.n);
	uint32_t i = 0;
	while (i < is.n && i < was.n && memcmp(&is.slot[i], &was.slot[i], sizeof *is.slot) == 0)
		i++;
	bool found = i < is.n && i < was.n && is.slot[i].segment == was.slot[i].segment && is.slot[i].index == was.slot[i].index &&
	             is.slot[i].table == was.slot[i].table && is.slot[i].func != was.slot[i].func;
	if (found)
		account_differs(a, function_at(a->have, is.slot[i].func), "element segment %u holds it in slot %u, where the original has %s",
		                is.slot[i].segment, is.slot[i].index, function_at(a->want, was.slot[i].func));
	free(is.slot);
	free(was.slot);
	return found;
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

/* ---- exports ---------------------------------------------------------------------------------------------------------- */

/* Must nothing be drawn while this export runs? So it is by its name, whatever a build was told. */
static bool is_init(const Account *a, const ScanExport *was)
{
	Options o;
	mewe_options_default(&o);
	return a->dispatchers.n > 0 && was->kind == 0 && was->index >= a->have->nimp && was->index < a->have->nimp + a->norig &&
	       discriminator_role(&o, was->name) == ROLE_INIT;
}

/* The function that the export leads to is the one of the original, or a wrapper of that alone. */
static void check_target(Account *a, const ScanExport *is, const ScanExport *was)
{
	uint32_t nimp = a->have->nimp;
	const char *name = is->kind == 0 ? function_at(a->have, is->index) : "";
	bool init = is_init(a, was), one = is->kind == 0 && is->index >= nimp + a->first_body && !a->owned[is->index - nimp];
	Wrapping how = one && was->index >= nimp ? account_wrapper(a, is->index - nimp, was->index) : WRAP_NOT;
	a->nrequest += how == WRAP_REQUEST;
	a->ninit += how == WRAP_INIT;
	if (how != WRAP_NOT)
		a->owned[is->index - nimp] = true;
	if (how == WRAP_NOT && is->index != was->index)
		account_differs(a, name, "export %s leads to it, and not to %s or a wrapper of that", is->name,
		                was->kind == 0 ? function_at(a->want, was->index) : "what the original exports");
	else if (init && how != WRAP_INIT)
		account_differs(a, name, "export %s leads to it, where by its name it must lead to a wrapper that draws nothing", is->name);
}

void account_exports(Account *a)
{
	const Scan *have = &a->have->scan, *want = &a->want->scan;
	for (uint32_t i = 0; i < have->nexports || i < want->nexports; i++) {
		const ScanExport *is = i < have->nexports ? &have->exports[i] : NULL, *was = i < want->nexports ? &want->exports[i] : NULL;
		if (!is || !was || strcmp(is->name, was->name) != 0 || is->kind != was->kind) {
			account_differs(a, is && is->kind == 0 ? function_at(a->have, is->index) : "",
			                "export %u is %s, where the original and its discriminator have %s", i,
			                is ? is->name : "none", was ? was->name : "none");
			return;
		}
		check_target(a, is, was);
	}
}
