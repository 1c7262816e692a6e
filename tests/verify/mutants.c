/* mutants.c - is a wrong variant ever accepted? Single changes in the kept variants of multivariant services.
 * Usage: mutants WANTED INPUTS SEED NAME=ORIGINAL=MULTIVARIANT...   WANTED: mutants for each module that are shown to behave otherwise
 * Each mutant is executed against the original's body on up to INPUTS inputs, and, apart from that, held against it by the prover that
 * `mewe verify` uses; the first few modules with a mutant in the variant's place go through all of mewe_verify().
 *   behaves otherwise, not proved: caught     behaves otherwise, proved: MISSED, and the test fails
 *   never differs, proved: equivalent, set aside and listed     never differs, not proved: not accepted either, counted apart
 * Prints the table, then `ok WHAT` or `not ok WHAT: why`. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../../mewe/all.h"
#include "../../mewe/host.h"

enum { FRESH = 200, SECONDS = 5, WHOLE = 3, SPARE = 4, LOW = 4096, HIGH = 65536 };

enum Kind { OPERATOR, CONSTANT, LOCAL, OPERANDS, WIDTH, OFFSET, CONDITION, STORE, KINDS };
static const char *const kind_name[KINDS] = {"another operator", "another constant", "another local", "operands exchanged",
	"sign of a load", "another offset", "condition inverted", "store dropped"};

typedef struct Mutant {
	uint32_t found, place, node;   /* dispatcher, body, preorder index */
	enum Kind kind;
	Body body;
	char export[24];
} Mutant;

static struct { uint32_t all, refuted, open, quiet, equivalent, missed; } table[KINDS];
static int failed;

static void check(const char *what, bool good, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s\n", what);
	else
		printf("not ok %s: %s\n", what, why);
}

static void must(int code, const Err *e)
{
	if (!code)
		return;
	printf("not ok mutants: %s\n", e->text);
	exit(1);
}

/* ---- changes ---- */

typedef BinaryenOp Op(void);
static Op *const swaps[][2] = {
	{BinaryenAddInt32, BinaryenSubInt32}, {BinaryenMulInt32, BinaryenAddInt32}, {BinaryenAndInt32, BinaryenOrInt32},
	{BinaryenOrInt32, BinaryenXorInt32}, {BinaryenXorInt32, BinaryenAndInt32}, {BinaryenShlInt32, BinaryenShrUInt32},
	{BinaryenShrUInt32, BinaryenShrSInt32}, {BinaryenShrSInt32, BinaryenShlInt32}, {BinaryenRotLInt32, BinaryenRotRInt32},
	{BinaryenSubInt32, BinaryenXorInt32}, {BinaryenEqInt32, BinaryenLeUInt32}, {BinaryenNeInt32, BinaryenGtUInt32},
	{BinaryenLtSInt32, BinaryenLtUInt32}, {BinaryenLtUInt32, BinaryenLeUInt32}, {BinaryenGtUInt32, BinaryenGeUInt32},
	{BinaryenGtSInt32, BinaryenGtUInt32}, {BinaryenLeSInt32, BinaryenLtSInt32}, {BinaryenLeUInt32, BinaryenLtUInt32},
	{BinaryenGeSInt32, BinaryenGtSInt32}, {BinaryenGeUInt32, BinaryenGtUInt32}, {BinaryenAddInt64, BinaryenSubInt64},
	{BinaryenSubInt64, BinaryenAddInt64}, {BinaryenMulInt64, BinaryenAddInt64}, {BinaryenAndInt64, BinaryenOrInt64},
	{BinaryenOrInt64, BinaryenXorInt64}, {BinaryenXorInt64, BinaryenOrInt64}, {BinaryenShlInt64, BinaryenShrUInt64},
	{BinaryenShrUInt64, BinaryenShrSInt64}, {BinaryenShrSInt64, BinaryenShrUInt64}, {BinaryenRotLInt64, BinaryenRotRInt64},
};

static bool change_operator(Expr e)
{
	for (size_t i = 0; walk_kind(e) == K_Binary && i < LEN(swaps); i++) {
		if (swaps[i][0]() == BinaryenBinaryGetOp(e)) {
			BinaryenBinarySetOp(e, swaps[i][1]());
			return true;
		}
	}
	return false;
}

static bool change_constant(Expr e, uint64_t r)
{
	if (walk_kind(e) != K_Const)
		return false;
	if (BinaryenExpressionGetType(e) == BinaryenTypeInt32())
		BinaryenConstSetValueI32(e, BinaryenConstGetValueI32(e) ^ (int32_t)(1u << (r & 3)));
	else if (BinaryenExpressionGetType(e) == BinaryenTypeInt64())
		BinaryenConstSetValueI64(e, BinaryenConstGetValueI64(e) ^ (int64_t)(1ull << (r & 7)));
	else
		return false;
	return true;
}

static bool change_local(Expr e, const Body *b, uint64_t r)
{
	uint32_t n = body_nparams(b) + b->nvars;
	if (walk_kind(e) != K_LocalGet)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = (r + i) % n;
		if (to != BinaryenLocalGetGetIndex(e) && body_local(b, to) == body_local(b, BinaryenLocalGetGetIndex(e))) {
			BinaryenLocalGetSetIndex(e, to);
			return true;
		}
	}
	return false;
}

static bool commutes(BinaryenOp op)
{
	Op *const all[] = {BinaryenAddInt32, BinaryenMulInt32, BinaryenAndInt32, BinaryenOrInt32, BinaryenXorInt32, BinaryenEqInt32, BinaryenNeInt32,
		BinaryenAddInt64, BinaryenMulInt64, BinaryenAndInt64, BinaryenOrInt64, BinaryenXorInt64, BinaryenEqInt64, BinaryenNeInt64};
	for (size_t i = 0; i < LEN(all); i++)
		if (all[i]() == op)
			return true;
	return false;
}

static bool change_operands(Expr e)
{
	if (walk_kind(e) != K_Binary || commutes(BinaryenBinaryGetOp(e)))
		return false;
	Expr l = BinaryenBinaryGetLeft(e), r = BinaryenBinaryGetRight(e);
	if (BinaryenExpressionGetType(l) != BinaryenExpressionGetType(r))
		return false;
	BinaryenBinarySetLeft(e, r);
	BinaryenBinarySetRight(e, l);
	return true;
}

static bool change_width(Expr e)
{
	if (walk_kind(e) != K_Load || BinaryenLoadGetBytes(e) > 2)
		return false;
	BinaryenLoadSetSigned(e, !BinaryenLoadIsSigned(e));
	return true;
}

static bool change_offset(Expr e)
{
	if (walk_kind(e) == K_Load)
		BinaryenLoadSetOffset(e, BinaryenLoadGetOffset(e) + 1);
	else if (walk_kind(e) == K_Store)
		BinaryenStoreSetOffset(e, BinaryenStoreGetOffset(e) + 1);
	else
		return false;
	return true;
}

static Expr inverted(Ref m, Expr c)
{
	return c && BinaryenExpressionGetType(c) == BinaryenTypeInt32() ? BinaryenUnary(m, BinaryenEqZInt32(), c) : NULL;
}

static bool change_condition(Ref m, Expr e)
{
	uint32_t k = walk_kind(e);
	Expr c = k == K_If ? BinaryenIfGetCondition(e) : k == K_Break ? BinaryenBreakGetCondition(e) : k == K_Select ? BinaryenSelectGetCondition(e) : NULL;
	if (!(c = inverted(m, c)))
		return false;
	if (k == K_If)
		BinaryenIfSetCondition(e, c);
	else if (k == K_Break)
		BinaryenBreakSetCondition(e, c);
	else
		BinaryenSelectSetCondition(e, c);
	return true;
}

static Expr drop_store(Ref m, Expr root, uint32_t node)
{
	Expr e = walk_at(root, node);
	if (walk_kind(e) != K_Store)
		return NULL;
	Expr part[2] = {BinaryenDrop(m, BinaryenExpressionCopy(BinaryenStoreGetPtr(e), m)), BinaryenDrop(m, BinaryenExpressionCopy(BinaryenStoreGetValue(e), m))};
	return walk_replace(root, node, BinaryenBlock(m, NULL, part, 2, BinaryenTypeNone()));
}

/* One change of the kind at the node of a fresh copy; NULL: it does not fit there. */
static Expr changed(const Body *b, uint32_t node, enum Kind kind, uint64_t r)
{
	Ref m = b->mod->ref;
	Expr root = BinaryenExpressionCopy(b->expr, m), e = walk_at(root, node);
	switch (kind) {
	case OPERATOR: return change_operator(e) ? root : NULL;
	case CONSTANT: return change_constant(e, r) ? root : NULL;
	case LOCAL: return change_local(e, b, r) ? root : NULL;
	case OPERANDS: return change_operands(e) ? root : NULL;
	case WIDTH: return change_width(e) ? root : NULL;
	case OFFSET: return change_offset(e) ? root : NULL;
	case CONDITION: return change_condition(m, e) ? root : NULL;
	default: return drop_store(m, root, node);
	}
}

/* ---- execution ---- */

static uint64_t any_value(Rng *r, bool wide)
{
	static const uint64_t edge[] = {0, 1, 2, 3, 4, 7, 8, 16, 20, 31, 32, 63, 64, 127, 128, 255, 256, 4095, UINT64_MAX, INT64_MIN, INT32_MAX};
	uint64_t v = rng_next(r);
	switch (rng_below(r, 5)) {
	case 0: return edge[v % LEN(edge)] & (wide ? UINT64_MAX : UINT32_MAX);
	case 1: return v & 63;
	case 2: return wide ? v : (uint32_t)v;
	default: return LOW + 8 * (v % ((HIGH - LOW) / 8 - 64)); /* an address */
	}
}

static Instance *fresh(Host *h)
{
	static const HostOptions o = {.fix_guest = true};
	Instance *i;
	Err e;
	must(host_instance(h, &o, &i, &e), &e);
	return i;
}

/* The same bytes into both memories, below what either uses of its stack. */
static void fill(Instance *const i[2], Rng *r)
{
	uint8_t *base[2];
	size_t size[2];
	if (host_memory(i[0], &base[0], &size[0]) || host_memory(i[1], &base[1], &size[1]) || size[0] < HIGH || size[1] < HIGH)
		return;
	for (uint32_t at = LOW; at < HIGH; at += 8) {
		uint64_t v = rng_next(r) & (rng_below(r, 2) ? UINT64_MAX : 0x0f0f0f0f0f0f0f0f);
		memcpy(base[0] + at, &v, 8);
		memcpy(base[1] + at, &v, 8);
	}
}

static bool same_memory(Instance *const i[2])
{
	uint8_t *base[2];
	size_t size[2];
	int none = host_memory(i[0], &base[0], &size[0]) + host_memory(i[1], &base[1], &size[1]);
	return none || (size[0] == size[1] && memcmp(base[0], base[1], size[0]) == 0);
}

/* Do both behave alike on one input? Traps are compared by their kind, exits by their code. Either may never end: *side is
 * where the alarm found it. */
static bool same_call(Instance *const i[2], const char *const export[2], const Body *b, Rng *r, volatile int *side)
{
	uint64_t v[2][HOST_VALUES], results[2][HOST_VALUES] = {{0}};
	uint32_t n = body_nparams(b), nresults = BinaryenTypeArity(b->results);
	int code[2], exit_code[2] = {-1, -1};
	Err e[2];
	for (uint32_t k = 0; k < n; k++)
		v[0][k] = v[1][k] = any_value(r, body_local(b, k) == BinaryenTypeInt64() || body_local(b, k) == BinaryenTypeFloat64());
	for (int k = 0; k < 2; k++) {
		*side = k;
		alarm(SECONDS);
		code[k] = host_call(i[k], export[k], v[k], n, results[k], nresults, &exit_code[k], &e[k]);
	}
	alarm(0);
	bool done = !code[0] && !code[1];
	return code[0] == code[1] && exit_code[0] == exit_code[1] && (!done || memcmp(results[0], results[1], nresults * 8) == 0) && same_memory(i);
}

/* In a process of its own, which the alarm ends: 0 never differs, 1 differs. */
static int execute(Host *h, const char *original, const Mutant *x, uint32_t inputs, uint64_t seed, volatile int *side)
{
	const char *export[2] = {original, x->export};
	Rng r = {seed};
	Instance *i[2] = {NULL, NULL};
	time_t start = time(NULL);
	for (uint32_t k = 0; k < inputs && time(NULL) - start < SECONDS; k++) {
		if (k % FRESH == 0) {
			for (int s = 0; s < 2; s++) {
				if (i[s])
					host_drop(i[s]);
				i[s] = fresh(h);
			}
			fill(i, &r);
		}
		if (!same_call(i, export, &x->body, &r, side))
			return 1;
	}
	return 0;
}

static bool differs(Host *h, const char *original, const Mutant *x, uint32_t inputs, uint64_t seed)
{
	int status = 0;
	volatile int *side = mmap(NULL, sizeof *side, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(execute(h, original, x, inputs, seed, side));
	waitpid(pid, &status, 0);
	bool other = WIFEXITED(status) ? WEXITSTATUS(status) != 0 : *side == 1;
	munmap((void *)side, sizeof *side);
	return other;
}

/* ---- a module ---- */

typedef struct Subject {
	char *name;
	Bytes original, multivariant;
	Mod *m;
	Founds f;
	Mutant *x;
	uint32_t n, cap;
} Subject;

/* A change somewhere in a kept variant. */
static void mutate(Subject *s, Rng *r)
{
	Mutant x = {.found = rng_below(r, s->f.n), .kind = rng_below(r, KINDS)};
	const Found *f = &s->f.f[x.found];
	x.place = 1 + rng_below(r, f->n - 1);
	Body b = body_of(s->m, f->variant[x.place]);
	x.node = rng_below(r, walk_count(b.expr));
	Expr e = walk_known(b.expr) ? changed(&b, x.node, x.kind, rng_next(r)) : NULL;
	if (!e) {
		body_free(&b);
		return;
	}
	b.expr = e;
	x.body = b;
	snprintf(x.export, sizeof x.export, "mutant.%u", s->n);
	PUSH(s->x, s->n, s->cap, x);
}

static void original_export(uint32_t found, char *out, size_t n)
{
	snprintf(out, n, "original.%u", found);
}

/* All mutants beside what is there, each exported; and the originals' bodies. */
static Host *together(Subject *s)
{
	Host *h;
	Bytes wasm;
	Err e;
	for (uint32_t i = 0; i < s->f.n; i++) {
		char export[24];
		original_export(i, export, sizeof export);
		BinaryenAddFunctionExport(s->m->ref, s->m->func[s->f.f[i].variant[0]].name, export);
	}
	for (uint32_t i = 0; i < s->n; i++) {
		body_add(s->m, s->x[i].export, &s->x[i].body);
		BinaryenAddFunctionExport(s->m->ref, s->x[i].export, s->x[i].export);
	}
	must(write_module(s->m, NULL, &wasm, &e), &e);
	must(host_open(s->name, wasm.p, wasm.n, &h, &e), &e);
	free(wasm.p);
	return h;
}

/* The whole of verify, with the mutant in the variant's place. */
static void verify_whole(const Subject *s, const Mutant *x)
{
	Mod *m;
	Err e;
	Bytes wasm, found = {0};
	must(read_module(s->name, s->multivariant.p, s->multivariant.n, &m, &e), &e);
	const Found *f = &s->f.f[x->found];
	BinaryenFunctionSetBody(m->func[f->variant[x->place]].ref, BinaryenExpressionCopy(x->body.expr, m->ref));
	must(write_module(m, NULL, &wasm, &e), &e);
	int code = mewe_verify("original", s->original.p, s->original.n, "mutant", wasm.p, wasm.n, false, 1, NULL, NULL, &found, NULL, &e);
	char *what = xprintf("%s: mewe verify refuses %s in %s", s->name, kind_name[x->kind], m->func[f->variant[x->place]].name);
	check(what, code == MEWE_DIFFERS || code == MEWE_LIMIT, code ? e.text : "it is proved");
	free(what);
	free(found.p);
	free(wasm.p);
	read_free(m);
}

static void tell(const Subject *s, const Mutant *x, const char *what, const char *why)
{
	printf("  %s: %s: %s, body %u, node %u%s%s\n", what, s->m->func[s->f.f[x->found].variant[0]].name, kind_name[x->kind], x->place, x->node,
	       *why ? ": " : "", why);
}

/* True: the mutant behaves otherwise. */
static bool judge(const Subject *s, Host *h, const Mutant *x, uint32_t inputs, uint64_t seed)
{
	char export[24];
	Equiv q;
	Ident id = ident_of(s->m);
	Body original = body_of(s->m, s->f.f[x->found].variant[0]);
	original_export(x->found, export, sizeof export);
	equiv_bodies(&original, &id, &x->body, &id, &q);
	body_free(&original);
	bool other = differs(h, export, x, inputs, seed), proved = q.verdict == V_PROVED;
	table[x->kind].all += other;
	table[x->kind].refuted += other && q.verdict == V_REFUTED;
	table[x->kind].open += other && !proved && q.verdict != V_REFUTED;
	table[x->kind].missed += other && proved;
	table[x->kind].equivalent += !other && proved;
	table[x->kind].quiet += !other && !proved;
	if (other && proved)
		tell(s, x, "MISSED", "");
	else if (other && q.verdict != V_REFUTED)
		tell(s, x, "caught without a refutation", q.why);
	else if (!other && proved)
		tell(s, x, "equivalent", "");
	return other;
}

static void subject(char *spec, uint32_t wanted, uint32_t inputs, uint64_t seed)
{
	Subject s = {.name = strtok(spec, "=")};
	const char *original = strtok(NULL, "="), *multivariant = strtok(NULL, "=");
	Rng r = {seed};
	Err e;
	uint32_t shown = 0;
	must(file_read(original, &s.original, &e), &e);
	must(file_read(multivariant, &s.multivariant, &e), &e);
	must(read_module(multivariant, s.multivariant.p, s.multivariant.n, &s.m, &e), &e);
	must(shape_find(s.m, &s.f, &e), &e);
	while (s.n < SPARE * wanted)
		mutate(&s, &r);
	Host *h = together(&s);
	printf("%s\n", s.name);
	for (uint32_t i = 0, whole = 0; i < s.n && shown < wanted; i++) {
		if (!judge(&s, h, &s.x[i], inputs, mix64(seed + i)))
			continue;
		shown++;
		if (whole++ < WHOLE)
			verify_whole(&s, &s.x[i]);
		fflush(stdout);
	}
	char *what = xprintf("%s: %u mutants that behave otherwise", s.name, shown);
	check(what, shown == wanted, "too few of those made do");
	free(what);
	host_close(h);
	for (uint32_t i = 0; i < s.n; i++)
		body_free(&s.x[i].body);
	free(s.x);
	shape_free(&s.f);
	read_free(s.m);
	free(s.original.p);
	free(s.multivariant.p);
}

int main(int argc, char **argv)
{
	uint32_t all = 0, missed = 0, equivalent = 0, quiet = 0;
	if (argc < 5)
		return 2;
	for (int i = 4; i < argc; i++)
		subject(argv[i], strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10), mix64(strtoull(argv[3], NULL, 10) + i));
	printf("%-20s %8s %8s %8s %8s | %10s %12s\n", "change", "mutants", "refuted", "unproved", "missed", "equivalent", "undetermined");
	for (int k = 0; k < KINDS; k++) {
		printf("%-20s %8u %8u %8u %8u | %10u %12u\n", kind_name[k], table[k].all, table[k].refuted, table[k].open, table[k].missed,
		       table[k].equivalent, table[k].quiet);
		all += table[k].all;
		missed += table[k].missed;
		equivalent += table[k].equivalent;
		quiet += table[k].quiet;
	}
	char *what = xprintf("all of %u mutants that behave otherwise are caught; %u equivalent ones set aside, %u not accepted without a difference shown",
	                     all, equivalent, quiet);
	check(what, missed == 0 && all > 0, "some are accepted");
	free(what);
	return failed != 0;
}
