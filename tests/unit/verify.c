/* verify.c - what verify must find: a module is built, changed in one place, and verified against its original.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include "verify_unit.h"

/* ---- changes in code ------------------------------------------------------------------------------------------------------- */

static Expr body(Mod *m, const char *name) { return BinaryenFunctionGetBody(BinaryenGetFunction(m->ref, name)); }

typedef struct Seek {
	uint32_t kind;
	const char *target;            /* of a call */
	Expr found;
} Seek;

static bool seek(void *ctx, Expr e, uint32_t index)
{
	Seek *s = ctx;
	(void)index;
	if (walk_kind(e) != s->kind || (s->target && strcmp(BinaryenCallGetTarget(e), s->target) != 0))
		return true;
	s->found = e;
	return false;
}

static Expr first(Mod *m, const char *func, uint32_t kind, const char *target)
{
	Seek s = {kind, target, NULL};
	walk_each(body(m, func), seek, &s);
	if (!s.found) {
		printf("not ok the test's own search: no such node in %s\n", func);
		exit(1);
	}
	return s.found;
}

static void constant(Mod *m) { BinaryenConstSetValueI32(first(m, "f.mewe.1", K_Const, NULL), 78); }

static void swap(Mod *m)
{
	Expr call = first(m, "f", K_Call, "f.mewe.1");
	BinaryenLocalGetSetIndex(BinaryenCallGetOperandAt(call, 0), 1);
	BinaryenLocalGetSetIndex(BinaryenCallGetOperandAt(call, 1), 0);
}

static void drop_argument(Mod *m)
{
	BinaryenCallSetOperandAt(first(m, "f", K_Call, "f.mewe.1"), 1, BinaryenConst(m->ref, BinaryenLiteralInt32(0)));
}

static void bypass(Mod *m) { BinaryenCallSetTarget(first(m, "g.mewe.1", K_Call, "f"), "f.mewe.0"); }
static void bypass_undispatched(Mod *m) { BinaryenCallSetTarget(first(m, "plain", K_Call, "k"), "k.mewe.2"); }
static void other_body(Mod *m) { BinaryenCallSetTarget(first(m, "f", K_Call, "f.mewe.1"), "k.mewe.1"); }
static void same_body(Mod *m) { BinaryenCallSetTarget(first(m, "f", K_Call, "f.mewe.1"), "f.mewe.0"); }
static void undispatched(Mod *m) { BinaryenConstSetValueI32(first(m, "plain", K_Const, NULL), 0); }
static void draws_less(Mod *m) { BinaryenCallSetOperandAt(first(m, "f", K_Call, "mewe.draw"), 1, BinaryenConst(m->ref, BinaryenLiteralInt32(2))); }
static void draws_otherwise(Mod *m) { BinaryenCallSetTarget(first(m, "f", K_Call, "mewe.draw"), "k"); }
static Expr number(Mod *m, int32_t x) { return BinaryenConst(m->ref, BinaryenLiteralInt32(x)); }

static void pool_among_fewer(Mod *m) { BinaryenCallSetOperandAt(first(m, "f", K_Call, "mewe.ready"), 0, number(m, 2)); }
static void pool_unasked(Mod *m) { BinaryenIfSetCondition(first(m, "f", K_If, NULL), number(m, 0)); }
static void pool_kept(Mod *m)
{
	BinaryenGlobalSetSetValue(first(m, "f", K_GlobalSet, NULL), BinaryenGlobalGet(m->ref, "mewe.pool", BinaryenTypeInt64()));
}

static void pool_shifted(Mod *m) { BinaryenGlobalGetSetName(first(m, "f", K_GlobalGet, NULL), "mewe.counter"); }

/* Everywhere, another global of ours. */
static bool elsewhere(void *ctx, Expr e, uint32_t index)
{
	(void)ctx;
	(void)index;
	if (walk_kind(e) == K_GlobalGet)
		BinaryenGlobalGetSetName(e, "mewe.counter");
	else if (walk_kind(e) == K_GlobalSet)
		BinaryenGlobalSetSetName(e, "mewe.counter");
	return true;
}

static void pool_elsewhere(Mod *m) { walk_each(body(m, "f"), elsewhere, NULL); }

static void pool_asks_another(Mod *m)
{
	BinaryenType two[] = {BinaryenTypeInt32(), BinaryenTypeInt32()};
	BinaryenAddFunction(m->ref, "extra", BinaryenTypeCreate(two, 2), BinaryenTypeNone(), NULL, 0, BinaryenNop(m->ref));
	BinaryenCallSetTarget(first(m, "f", K_Call, "mewe.ready"), "extra");
}

static void discriminator(Mod *m) { BinaryenConstSetValueI32(first(m, "mewe.block", K_Const, NULL), 0); }
static void guest_import(Mod *m) { BinaryenConstSetValueI64(BinaryenBlockGetChildAt(body(m, "choices"), 1), 1); }

static Expr get(Mod *m, uint32_t i) { return BinaryenLocalGet(m->ref, i, BinaryenTypeInt32()); }

static void recursive(Mod *m)
{
	Expr args[] = {get(m, 0), get(m, 1)};
	BinaryenFunctionSetBody(BinaryenGetFunction(m->ref, "f.mewe.2"), BinaryenCall(m->ref, "f", args, 2, BinaryenTypeInt32()));
}

static void extra(Mod *m)
{
	BinaryenAddFunction(m->ref, "extra", BinaryenTypeNone(), BinaryenTypeNone(), NULL, 0, BinaryenNop(m->ref));
}

static void before(Mod *m, const char *func, Expr what)
{
	Expr part[] = {what, body(m, func)};
	BinaryenFunctionSetBody(BinaryenGetFunction(m->ref, func), BinaryenBlock(m->ref, NULL, part, 2, BinaryenTypeAuto()));
}

static void dispatcher_writes(Mod *m) { before(m, "f", BinaryenGlobalSet(m->ref, "x", get(m, 0))); }
static void body_writes(Mod *m) { before(m, "f.mewe.0", BinaryenGlobalSet(m->ref, "x", get(m, 0))); }
static void body_steers(Mod *m)
{
	before(m, "f.mewe.0", BinaryenGlobalSet(m->ref, "mewe.pool", BinaryenConst(m->ref, BinaryenLiteralInt64(0))));
}

static void start_moved(Mod *m)
{
	BinaryenAddFunction(m->ref, "extra", BinaryenTypeNone(), BinaryenTypeNone(), NULL, 0, BinaryenNop(m->ref));
	BinaryenSetStart(m->ref, BinaryenGetFunction(m->ref, "extra"));
}

/* The export of this name gets another value; the order stays. */
static void export_to(Mod *m, const char *name, const char *value)
{
	char *names[8], *values[8];
	BinaryenExternalKind kind[8];
	uint32_t n = BinaryenGetNumExports(m->ref);
	for (uint32_t i = 0; i < n && i < 8; i++) {
		BinaryenExportRef x = BinaryenGetExportByIndex(m->ref, i);
		names[i] = xstrdup(BinaryenExportGetName(x));
		values[i] = xstrdup(strcmp(names[i], name) == 0 ? value : BinaryenExportGetValue(x));
		kind[i] = BinaryenExportGetKind(x);
	}
	for (uint32_t i = 0; i < n; i++)
		BinaryenRemoveExport(m->ref, names[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (kind[i] == BinaryenExternalFunction())
			BinaryenAddFunctionExport(m->ref, values[i], names[i]);
		else
			BinaryenAddMemoryExport(m->ref, values[i], names[i]);
		free(names[i]);
		free(values[i]);
	}
}

static void export_body(Mod *m) { export_to(m, "f", "f.mewe.1"); }
static void export_other(Mod *m) { export_to(m, "f", "k"); }
static void export_added(Mod *m) { BinaryenAddFunctionExport(m->ref, "f.mewe.2", "more"); }
static void export_removed(Mod *m) { BinaryenRemoveExport(m->ref, "k"); }

static void element(Mod *m)
{
	const char *names[] = {"f", "g.mewe.1", "k"};
	BinaryenElementSegmentRef s = BinaryenGetElementSegmentByIndex(m->ref, 0);
	char *name = xstrdup(BinaryenElementSegmentGetName(s)), *table = xstrdup(BinaryenElementSegmentGetTable(s));
	BinaryenRemoveElementSegment(m->ref, name);
	BinaryenAddActiveElementSegment(m->ref, table, name, names, 3, BinaryenConst(m->ref, BinaryenLiteralInt32(0)));
	free(name);
	free(table);
}

typedef struct Tamper {
	const char *name;
	void (*change)(Mod *m);
	const char *about;
} Tamper;

static void tamper(const Case *c, const Tamper *t)
{
	Mod *m;
	Bytes out;
	Err e;
	if (read_module("built.wasm", c->out.p, c->out.n, &m, &e)) {
		check(t->name, false, e.text);
		return;
	}
	t->change(m);
	if (write_module(m, NULL, &out, &e))
		check(t->name, false, e.text);
	else
		expect(t->name, &c->raw, &out, MEWE_DIFFERS, t->about);
	free(out.p);
	read_free(m);
}

static void changes(void)
{
	static const Tamper list[] = {
		{"a constant in a body", constant, "f.mewe.1:"},
		{"a dispatcher that swaps arguments", swap, "difference: f:"},
		{"a dispatcher that drops an argument", drop_argument, "difference: f:"},
		{"a body that passes a dispatcher by", bypass, "g.mewe.1: it calls f.mewe.0"},
		{"an undispatched function that passes a dispatcher by", bypass_undispatched, "plain: it calls k.mewe.2"},
		{"a dispatcher with another's body", other_body, "difference: f:"},
		{"a dispatcher with one body twice", same_body, "difference: f:"},
		{"a changed function that is not dispatched", undispatched, "plain:"},
		{"a changed discriminator", discriminator, "mewe.block:"},
		{"a changed function for an import from mewe", guest_import, "choices:"},
		{"a body that calls its dispatcher", recursive, "f.mewe.2:"},
		{"an extra function", extra, "extra:"},
		{"a dispatcher that writes a global", dispatcher_writes, "difference: f:"},
		{"a body that writes a global", body_writes, "f.mewe.0:"},
		{"a body that writes the discriminator's state", body_steers, "f.mewe.0: it uses global mewe.pool"},
		{"a start function of its own", start_moved, "extra: the start function"},
		{"an export that leads to a body", export_body, "f.mewe.1: export f"},
		{"an export that leads to another function", export_other, "k: export f"},
		{"an export more", export_added, "more"},
		{"an export less", export_removed, "export"},
		{"a table's slot with a body", element, "g.mewe.1: element"},
	};
	Options o = options();
	Case c = make(&o, false);
	for (size_t i = 0; i < LEN(list); i++)
		tamper(&c, &list[i]);
	drop(&c);
}

/* Choices out of the pool, of three and of four; and by a call. */
static void selectors(void)
{
	static const Tamper pool[] = {
		{"a dispatcher that asks for fewer", pool_among_fewer, "difference: f:"},
		{"a dispatcher that leaves its bits to the next", pool_kept, "difference: f:"},
		{"a dispatcher that does not ask for bits", pool_unasked, "difference: f:"},
		{"a dispatcher that looks at another global", pool_shifted, "difference: f:"},
		{"a dispatcher that has the counter for a pool", pool_elsewhere, "f: it does not choose by the discriminator's pool"},
		{"a dispatcher that asks another function", pool_asks_another, "f: it does not choose by the discriminator's pool"},
	}, call[] = {
		{"a dispatcher that draws among fewer", draws_less, "difference: f:"},
		{"a dispatcher that draws with another function", draws_otherwise, "difference: f:"},
	};
	for (int k = 0; k < 3; k++) {
		Options o = options();
		o.variants = k == 1 ? 4 : 3;
		o.discriminator = k == 2 ? MEWE_XORSHIFT : MEWE_CHACHA;
		Case c = make(&o, false);
		expect(k == 2 ? "choices by a call" : k == 1 ? "choices of four" : "choices of three", &c.raw, &c.out, MEWE_OK, NULL);
		for (size_t i = 0; i < (k == 2 ? LEN(call) : LEN(pool)); i++)
			tamper(&c, k == 2 ? &call[i] : &pool[i]);
		drop(&c);
	}
}

/* ---- changes in wrappers and traces --------------------------------------------------------------------------------------- */

static void wrapper_argument(Mod *m) { BinaryenCallSetOperandAt(first(m, "mewe.request.1", K_Call, "f"), 0, get(m, 1)); }
static void wrapper_target(Mod *m) { BinaryenCallSetTarget(first(m, "mewe.request.1", K_Call, "f"), "k"); }
static void wrapper_global(Mod *m) { before(m, "mewe.request.3", BinaryenGlobalSet(m->ref, "x", get(m, 0))); }
static void wrapper_twice(Mod *m)
{
	Expr args[] = {get(m, 0)};
	before(m, "mewe.request.3", BinaryenCall(m->ref, "g", args, 1, BinaryenTypeNone()));
}

static void wrapper_silent(Mod *m) { BinaryenFunctionSetBody(BinaryenGetFunction(m->ref, "mewe.request.3"), BinaryenNop(m->ref)); }

static void wrapper_steers(Mod *m)
{
	before(m, "mewe.request.3", BinaryenGlobalSet(m->ref, "mewe.key.0", BinaryenConst(m->ref, BinaryenLiteralInt64(0))));
}

static void wrapper_result(Mod *m)
{
	Expr b = body(m, "mewe.request.1");
	BinaryenBlockSetChildAt(b, BinaryenBlockGetNumChildren(b) - 1, get(m, 0));
}

static void field(Mod *m) { BinaryenConstSetValueI32(BinaryenBinaryGetRight(first(m, "f", K_Binary, NULL)), 1); }

static void body_enters(Mod *m)
{
	Expr args[] = {BinaryenConst(m->ref, BinaryenLiteralInt32(1)), BinaryenConst(m->ref, BinaryenLiteralInt32(1))};
	before(m, "f.mewe.0", BinaryenCall(m->ref, "mewe.enter", args, 2, BinaryenTypeNone()));
}

static void wrong_id(Mod *m) { BinaryenCallSetOperandAt(first(m, "plain", K_Call, "mewe.enter"), 0, BinaryenConst(m->ref, BinaryenLiteralInt32(1))); }

static void requests(void)
{
	static const Tamper list[] = {
		{"a wrapper that changes an argument", wrapper_argument, "mewe.request.1:"},
		{"a wrapper of another function", wrapper_target, "mewe.request.1:"},
		{"a wrapper that writes the guest's global", wrapper_global, "mewe.request.3:"},
		{"a wrapper that calls twice", wrapper_twice, "mewe.request.3:"},
		{"a wrapper that calls nothing", wrapper_silent, "mewe.request.3:"},
		{"a wrapper that sets the key", wrapper_steers, "mewe.request.3:"},
		{"a wrapper that returns something else", wrapper_result, "mewe.request.1:"},
		{"a dispatcher that reads part of its field", field, "difference: f:"},
		{"a body that writes a trace", body_enters, "f.mewe.0: it calls mewe.enter"},
		{"a function that is traced as another", wrong_id, "difference: plain:"},
	};
	Options o = options();
	o.dispatch = MEWE_REQUEST;
	o.trace = MEWE_TRACE_HASH;
	Case c = make(&o, false);
	for (size_t i = 0; i < LEN(list); i++)
		tamper(&c, &list[i]);
	drop(&c);
}

/* ---- any constant ---------------------------------------------------------------------------------------------------------- */

typedef struct Nth {
	uint32_t left;
	uint32_t skip;                 /* constants that may be anything: a trace's classes */
	bool done;
} Nth;

static bool change_nth(void *ctx, Expr e, uint32_t index)
{
	Nth *n = ctx;
	(void)index;
	if (walk_kind(e) == K_Call && strcmp(BinaryenCallGetTarget(e), "mewe.enter") == 0)
		n->skip = 2;
	if (walk_kind(e) != K_Const)
		return true;
	if (n->skip > 0) {
		n->skip--;
		return true;
	}
	if (n->left-- > 0)
		return true;
	BinaryenType t = BinaryenExpressionGetType(e);
	if (t == BinaryenTypeInt32())
		BinaryenConstSetValueI32(e, BinaryenConstGetValueI32(e) + 1);
	else if (t == BinaryenTypeInt64())
		BinaryenConstSetValueI64(e, BinaryenConstGetValueI64(e) + 1);
	else
		BinaryenConstSetValueF64(e, BinaryenConstGetValueF64(e) + 1);
	n->done = true;
	return false;
}

/* Every seventh constant of the module, wherever it is: in a body, dispatcher, wrapper, trace or the discriminator. */
static void constants(void)
{
	Options o = options();
	o.dispatch = MEWE_REQUEST;
	o.trace = MEWE_TRACE_HASH;
	Case c = make(&o, true);
	uint32_t changed = 0, seen = 0;
	char why[200] = "";
	for (bool more = true; more;) {
		Mod *m;
		Bytes out;
		Err e;
		Nth n = {.left = 7 * changed};
		if (read_module("built.wasm", c.out.p, c.out.n, &m, &e))
			break;
		uint32_t f = 0;
		while (f < m->nfunc && walk_each(BinaryenFunctionGetBody(m->func[f].ref), change_nth, &n))
			f++;
		more = n.done;
		if (more && write_module(m, NULL, &out, &e) == 0) {
			char *text;
			bool found = verify(&c.raw, &out, 1, &text) == MEWE_DIFFERS && strstr(text, m->func[f].name);
			if (!found)
				snprintf(why, sizeof why, "not seen: constant %u, in %s", 7 * changed, m->func[f].name);
			seen += found;
			changed++;
			free(text);
			free(out.p);
		}
		read_free(m);
	}
	check("a changed constant is seen wherever it is", changed > 20 && seen == changed, why);
	drop(&c);
}

/* ---- changes in bytes -------------------------------------------------------------------------------------------------------- */

static void patch(const char *name, const Case *c, const char *from, const char *to, size_t n, int want, const char *about)
{
	Bytes out = {xalloc(c->out.n), c->out.n};
	size_t i = 0;
	memcpy(out.p, c->out.p, c->out.n);
	while (i + n <= out.n && memcmp(out.p + i, from, n) != 0)
		i++;
	if (i + n > out.n) {
		check(name, false, "the test's own search: no such bytes");
	} else {
		memcpy(out.p + i, to, n);
		expect(name, &c->raw, &out, want, about);
	}
	free(out.p);
}

/* The module without its section of this id. */
static Bytes without(const Bytes *wasm, uint8_t id)
{
	Buf b = {0};
	buf_put(&b, wasm->p, 8);
	for (const uint8_t *p = wasm->p + 8, *end = wasm->p + wasm->n; p < end;) {
		const uint8_t *head = p++;
		uint64_t size = 0;
		unsigned shift = 0;
		do {
			size |= (uint64_t)(*p & 0x7f) << shift;
			shift += 7;
		} while (*p++ & 0x80);
		p += size;
		if (*head != id)
			buf_put(&b, head, p - head);
	}
	return buf_bytes(&b);
}

static void bytes(void)
{
	Options o = options();
	Case c = make(&o, true);
	patch("a global's first value", &c, "\x41\xe7\x8a\x8d\x09", "\x41\xe6\x8a\x8d\x09", 5, MEWE_DIFFERS, "globals");
	patch("a byte of data", &c, "hello", "jello", 5, MEWE_DIFFERS, "data");
	patch("an import's name", &c, "\3out", "\3oux", 4, MEWE_DIFFERS, "import 0 is env.oux");
	patch("an export's name", &c, "\5plain\0", "\5plaim\0", 7, MEWE_DIFFERS, "plaim");
	patch("a memory's limits", &c, "\5\4\1\1\1\5", "\5\4\1\1\1\6", 6, MEWE_DIFFERS, "memory");
	patch("a table's limits", &c, "\4\4\1\x70\0\4", "\4\4\1\x70\0\5", 6, MEWE_DIFFERS, "tables");
	patch("the custom section, which says nothing", &c, "\"strategy\":\"copy\"", "\"strategy\":\"lies\"", 17, MEWE_OK, NULL);
	Bytes no_start = without(&c.out, 8), no_names = without(&c.out, 0);
	expect("no start function", &c.raw, &no_start, MEWE_DIFFERS, "start function");
	expect("no custom sections", &c.raw, &no_names, MEWE_OK, NULL);
	expect("the original in its own place", &c.raw, &c.raw, MEWE_DIFFERS, NULL);
	free(no_start.p);
	free(no_names.p);
	drop(&c);
}

int main(void)
{
	changes();
	selectors();
	requests();
	constants();
	bytes();
	return failed > 0;
}
