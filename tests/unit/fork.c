/* fork.c - choices inside functions: which regions may be chosen, what they do when each alternative is forced, what verify says
 * of them, and what it must find when one is tampered with. Prints `ok NAME` or `not ok NAME: why`. */
#include "verify_unit.h"
#include "../../mewe/fork.h"

/* A region with a local of its own in a loop; one that stores; one with a label inside; one of floats. */
static const char regions_wat[] =
	"(module (memory (export \"memory\") 1) (global $g (mut i32) (i32.const 5))"
	" (func $sum (export \"sum\") (param $n i32) (param $x i32) (result i32) (local $i i32) (local $s i32) (local $spare i32)"
	"  (loop $again"
	"   (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31)) (i32.xor (local.get $i) (local.get $x))))"
	"   (i32.store (i32.and (local.get $s) (i32.const 255)) (i32.sub (local.get $s) (local.get $i)))"
	"   (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))"
	"  (i32.add (local.get $s) (i32.load (i32.and (local.get $s) (i32.const 255)))))"
	" (func $pick (export \"pick\") (param $n i32) (param $x i32) (result i32)"
	"  (global.set $g (i32.add (global.get $g) (i32.sub (local.get $x) (local.get $n))))"
	"  (block $out (br_if $out (i32.lt_s (i32.add (local.get $n) (local.get $x)) (i32.const 9)))"
	"   (return (i32.or (local.get $n) (i32.shl (local.get $x) (i32.const 3)))))"
	"  (i32.add (i32.mul (local.get $x) (local.get $x)) (i32.sub (global.get $g) (local.get $n)))))";

static Options site_options(void)
{
	Options o = options();
	o.strategies = "rewrite,reorder";
	o.functions = NULL;
	o.dispatch = MEWE_SITE;
	o.variants = 5;
	return o;
}

static Case build(const char *wat, const Options *o)
{
	Case c = {{0}, {0}};
	Err e;
	if (read_wasm("regions.wat", (const uint8_t *)wat, strlen(wat), &c.raw, &e) ||
	    mewe_build("regions.wasm", c.raw.p, c.raw.n, o, &c.out, NULL, &e)) {
		printf("not ok the test's own build: %s\n", e.text);
		exit(1);
	}
	return c;
}

/* ---- which ----------------------------------------------------------------------------------------------------------- */

static void good_ones(void)
{
	static const struct {
		const char *name, *text;
		bool good;
	} list[] = {
		{"a value", "(drop (i32.add (local.get 0) (i32.const 1)))", true},
		{"a statement with a label of its own", "(block $l (br_if $l (local.get 0)) (local.set 0 (i32.const 1)))", true},
		{"a loop", "(loop $l (br_if $l (local.get 0)))", true},
		{"a branch to a label around it", "(block $l (block $m (br $l)))", true},
		{"a trap", "(if (local.get 0) (then (unreachable)))", true},
		{"a return", "(if (local.get 0) (then (return)))", false},
		{"a switch out", "(block $in (br_table $in $around (local.get 0)))", false},
		{"a branch out", "(br_if $around (local.get 0))", false},
	};
	for (size_t i = 0; i < LEN(list); i++) {
		char *wat = xprintf("(module (func $f (param i32) (block $around %s (nop))))", list[i].text);
		Bytes wasm;
		Err e;
		Mod *m;
		if (read_wasm("r.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e) || read_module("r.wasm", wasm.p, wasm.n, &m, &e)) {
			check(list[i].name, false, e.text);
		} else {
			Expr around = BinaryenFunctionGetBody(m->func[0].ref);
			check(list[i].name, region_good(walk_at(around, 1)) == list[i].good, list[i].good ? "refused" : "taken for a region");
			read_free(m);
			free(wasm.p);
		}
		free(wat);
	}
}

/* ---- what they do ------------------------------------------------------------------------------------------------------ */

typedef struct Regions {
	uint32_t *n, count, cap;
} Regions;

static Regions regions_of(const Bytes *wasm)
{
	Regions r = {0};
	Mod *m;
	Err e;
	if (read_module("built.wasm", wasm->p, wasm->n, &m, &e))
		return r;
	for (uint32_t i = 0; i < m->nfunc; i++) {
		Forks f;
		fork_find(m->ref, BinaryenFunctionGetBody(m->func[i].ref), &fork_any, &f);
		for (uint32_t k = 0; k < f.n; k++)
			PUSH(r.n, r.count, r.cap, f.f[k].n);
		fork_free(&f);
	}
	read_free(m);
	return r;
}

/* Answers of both functions on a few arguments, on one instance. */
static uint64_t answers(Host *h, const HostOptions *o)
{
	Instance *in;
	Err e;
	uint64_t all = 0;
	if (host_instance(h, o, &in, &e))
		return 0;
	for (uint32_t x = 0; x < 40; x++) {
		uint64_t args[] = {x % 7, x * 0x9e3779b9u >> (x % 5)}, r[2] = {0};
		host_call(in, "sum", args, 2, &r[0], 1, NULL, &e);
		host_call(in, "pick", args, 2, &r[1], 1, NULL, &e);
		all = mix64(all ^ mix64(r[0]) ^ r[1] << 7);
	}
	host_drop(in);
	return all;
}

static void forced(void)
{
	Options o = site_options();
	o.discriminator = MEWE_HOST;
	Case c = build(regions_wat, &o);
	Regions r = regions_of(&c.out);
	Host *plain, *h;
	Err e;
	uint32_t wrong = 0, tried = 0;
	if (host_open("regions.wasm", c.raw.p, c.raw.n, &plain, &e) || host_open("built.wasm", c.out.p, c.out.n, &h, &e)) {
		check("forced: it can be run", false, e.text);
		return;
	}
	uint64_t want = answers(plain, &(HostOptions){0});
	for (uint32_t i = 0; i < r.count; i++)
		for (uint32_t k = 0; k < r.n[i] + 1; k++, tried++)
			wrong += answers(h, &(HostOptions){.choose = (HostChoice[]){{i, k}}, .nchoose = 1}) != want;
	check("forced: there are regions to choose in", r.count >= 6 && tried > 20, "few");
	check("forced: every alternative answers as the original", wrong == 0, "one does not");
	host_close(plain);
	host_close(h);
	free(r.n);
	drop(&c);
}

/* ---- what verify says --------------------------------------------------------------------------------------------------- */

static void passes(void)
{
	for (int i = 0; i < 9; i++) {
		Options o = site_options();
		char *name = xprintf("verify: site, trace %d, discriminator %d", i % 3, i / 3);
		o.trace = i % 3;
		o.discriminator = i / 3 == 0 ? MEWE_CHACHA : i / 3 == 1 ? MEWE_FIXED : MEWE_HOST;
		Case c = build(regions_wat, &o);
		expect(name, &c.raw, &c.out, MEWE_OK, NULL);
		free(name);
		drop(&c);
	}
	Options o = site_options();
	o.strategies = "copy";
	Case c = build(regions_wat, &o);
	expect("verify: copies", &c.raw, &c.out, MEWE_OK, NULL);
	drop(&c);
	o = site_options();
	c = make(&o, true);
	expect("verify: a guest with imports from mewe, and a start function", &c.raw, &c.out, MEWE_OK, NULL);
	drop(&c);
}

/* A call of several results, which the reader puts into one local, is no part of a region; what stands beside it is. */
static void several_results(void)
{
	static const char wat[] = "(module (func $two (param i32) (result i32 i32) (local.get 0) (i32.add (local.get 0) (i32.const 3)))"
		" (func $f (export \"f\") (param i32 i32) (result i32) (local i32 i32)"
		"  (block $b (br_if $b (i32.lt_u (local.get 0) (i32.const 5)))"
		"   (call $two (i32.add (i32.mul (local.get 0) (i32.const 9)) (i32.sub (local.get 1) (i32.const 7))))"
		"   (local.set 2) (local.set 3))"
		"  (i32.add (i32.mul (local.get 2) (i32.const 31)) (i32.xor (local.get 3) (local.get 1)))))";
	Options o = site_options();
	Case c = build(wat, &o);
	expect("verify: beside a call of several results", &c.raw, &c.out, MEWE_OK, "region 0");
	drop(&c);
}

static void same_bytes(void)
{
	Options o = site_options();
	Case one = build(regions_wat, &o);
	o.jobs = 3;
	Case three = build(regions_wat, &o);
	check("the same bytes, whatever --jobs", one.out.n == three.out.n && memcmp(one.out.p, three.out.p, one.out.n) == 0, "they differ");
	drop(&one);
	drop(&three);
}

/* ---- what verify must find ---------------------------------------------------------------------------------------------- */

/* The block that holds arm k of $sum's first fork, which is a statement, or of its last, which has a value. */
static Expr arm_of(Mod *m, bool last, uint32_t k)
{
	Forks f;
	Expr body = BinaryenFunctionGetBody(BinaryenGetFunction(m->ref, "sum"));
	fork_find(m->ref, body, &fork_any, &f);
	const Fork *one = &f.f[last ? f.n - 1 : 0];
	Expr around = one->expr; /* of an arm that is not there: all of the fork */
	for (uint32_t i = one->n - 1; i > k; i--)
		around = BinaryenBlockGetChildAt(around, 0);
	fork_free(&f);
	return around;
}

static Expr switch_of(Mod *m)
{
	Expr e = BinaryenBlockGetChildAt(arm_of(m, false, 0), 0);
	return BinaryenBlockGetChildAt(e, 0);
}

static Expr number(Mod *m, uint32_t x) { return BinaryenConst(m->ref, BinaryenLiteralInt32(x)); }
static void insert(Mod *m, uint32_t k, Expr e) { BinaryenBlockInsertChildAt(arm_of(m, false, k), 1, e); }

static Expr value_of(Mod *m, uint32_t k)
{
	Expr around = arm_of(m, true, k);
	return BinaryenBlockGetChildAt(around, BinaryenBlockGetNumChildren(around) - 1);
}

static void other_value(Mod *m)
{
	Expr br = value_of(m, 1), was = BinaryenBreakGetValue(br);
	BinaryenBreakSetValue(br, BinaryenBinary(m->ref, BinaryenXorInt32(), was, number(m, 64)));
}
static void other_local(Mod *m) { insert(m, 1, BinaryenLocalSet(m->ref, 0, number(m, 3))); }
static void other_global(Mod *m) { insert(m, 2, BinaryenGlobalSet(m->ref, "g", number(m, 3))); }
static void other_store(Mod *m) { insert(m, 1, BinaryenStore(m->ref, 4, 0, 0, number(m, 8), number(m, 3), BinaryenTypeInt32())); }
static void returns(Mod *m) { insert(m, 1, BinaryenReturn(m->ref, number(m, 3))); }
static void traps(Mod *m) { insert(m, 1, BinaryenUnreachable(m->ref)); }
static void loads(Mod *m) { insert(m, 1, BinaryenDrop(m->ref, BinaryenLoad(m->ref, 4, false, 0, 0, BinaryenTypeInt32(), BinaryenLocalGet(m->ref, 1, BinaryenTypeInt32())))); }
static void never_ends(Mod *m) { insert(m, 1, BinaryenLoop(m->ref, "for.ever", BinaryenBreak(m->ref, "for.ever", NULL, NULL))); }
static void first_differs(Mod *m)
{
	Expr br = value_of(m, 0), was = BinaryenBreakGetValue(br);
	BinaryenBreakSetValue(br, BinaryenBinary(m->ref, BinaryenAddInt32(), was, number(m, 1)));
}
static void reads_key(Mod *m) { insert(m, 1, BinaryenDrop(m->ref, BinaryenGlobalGet(m->ref, "mewe.key.0", BinaryenTypeInt64()))); }
static void steers(Mod *m) { insert(m, 1, BinaryenGlobalSet(m->ref, "mewe.vector.0", BinaryenConst(m->ref, BinaryenLiteralInt64(0)))); }
static void other_field(Mod *m)
{
	Expr select = BinaryenSwitchGetCondition(switch_of(m));
	BinaryenBinarySetRight(select, number(m, 1));
}
static void chooses_by_argument(Mod *m) { BinaryenSwitchSetCondition(switch_of(m), BinaryenLocalGet(m->ref, 0, BinaryenTypeInt32())); }

/* A local that nothing but alternatives reads may hold anything when one begins: this one takes it for 0, as it is at first. */
static void stale(Mod *m)
{
	Expr br = value_of(m, 1), was = BinaryenBreakGetValue(br); /* behind the one that leaves it behind */
	const uint32_t own = 4; /* $spare */
	BinaryenBreakSetValue(br, BinaryenBinary(m->ref, BinaryenAddInt32(), was, BinaryenLocalGet(m->ref, own, BinaryenTypeInt32())));
	insert(m, 2, BinaryenLocalSet(m->ref, own, number(m, 7)));
}

/* What an alternative leaves in a local that the function reads, if only to add the 0 that it holds otherwise. */
static void carries_out(Mod *m)
{
	BinaryenFunctionRef f = BinaryenGetFunction(m->ref, "sum");
	Expr body = BinaryenFunctionGetBody(f), spare = BinaryenLocalGet(m->ref, 4, BinaryenTypeInt32());
	insert(m, 1, BinaryenLocalSet(m->ref, 4, number(m, 7)));
	BinaryenFunctionSetBody(f, BinaryenBinary(m->ref, BinaryenAddInt32(), body, spare));
}

/* The same, read by the original's part of another region. */
static void carries_over(Mod *m)
{
	Expr br = value_of(m, 0), was = BinaryenBreakGetValue(br), spare = BinaryenLocalGet(m->ref, 4, BinaryenTypeInt32());
	BinaryenBreakSetValue(br, BinaryenBinary(m->ref, BinaryenAddInt32(), was, spare));
	insert(m, 1, BinaryenLocalSet(m->ref, 4, number(m, 7)));
}

static void tees(Mod *m)
{
	Expr br = value_of(m, 1), was = BinaryenBreakGetValue(br);
	BinaryenBreakSetValue(br, BinaryenLocalTee(m->ref, 1, was, BinaryenTypeInt32()));
}

static void table_skips(Mod *m) { BinaryenSwitchSetNameAt(switch_of(m), 1, BinaryenSwitchGetNameAt(switch_of(m), 2)); }
static void table_leaves(Mod *m) { BinaryenSwitchSetNameAt(switch_of(m), 1, BinaryenBlockGetName(arm_of(m, false, 99))); }
static void default_leaves(Mod *m) { BinaryenSwitchSetDefaultName(switch_of(m), BinaryenBlockGetName(arm_of(m, false, 99))); }
static void before_table(Mod *m)
{
	BinaryenBlockInsertChildAt(BinaryenBlockGetChildAt(arm_of(m, false, 0), 0), 0, BinaryenLocalSet(m->ref, 0, number(m, 3)));
}

/* Alternative 1 goes on into alternative 2 always, or if an argument says so. */
static void falls_through(Mod *m)
{
	Expr around = arm_of(m, false, 1);
	BinaryenBlockRemoveChildAt(around, BinaryenBlockGetNumChildren(around) - 1);
}
static void leaves_perhaps(Mod *m)
{
	Expr around = arm_of(m, false, 1), br = BinaryenBlockGetChildAt(around, BinaryenBlockGetNumChildren(around) - 1);
	BinaryenBreakSetCondition(br, BinaryenLocalGet(m->ref, 0, BinaryenTypeInt32()));
}
static void leaves_early(Mod *m)
{
	insert(m, 0, BinaryenBreak(m->ref, BinaryenBlockGetName(arm_of(m, false, 99)), BinaryenLocalGet(m->ref, 0, BinaryenTypeInt32()), NULL));
}

static void grows(Mod *m) { insert(m, 1, BinaryenDrop(m->ref, BinaryenMemoryGrow(m->ref, number(m, 1)))); }
static void renews(Mod *m) { insert(m, 1, BinaryenCall(m->ref, "mewe.renew", NULL, 0, BinaryenTypeNone())); }
static void calls(Mod *m)
{
	Expr arg[] = {number(m, 0), number(m, 0)};
	insert(m, 1, BinaryenDrop(m->ref, BinaryenCall(m->ref, "pick", arg, 2, BinaryenTypeInt32())));
}
static void steers_before(Mod *m)
{
	BinaryenFunctionRef f = BinaryenGetFunction(m->ref, "sum");
	Expr part[] = {BinaryenGlobalSet(m->ref, "mewe.vector.0", BinaryenConst(m->ref, BinaryenLiteralInt64(0))), BinaryenFunctionGetBody(f)};
	BinaryenFunctionSetBody(f, BinaryenBlock(m->ref, NULL, part, 2, BinaryenTypeInt32()));
}

/* Its first region chooses by the next one's field. */
static void neighbours_field(Mod *m)
{
	Forks f;
	fork_find(m->ref, BinaryenFunctionGetBody(BinaryenGetFunction(m->ref, "sum")), &fork_any, &f);
	Expr mine = switch_of(m), e = f.f[1].expr;
	while (walk_kind(e) == K_Block)
		e = BinaryenBlockGetChildAt(e, 0);
	BinaryenSwitchSetCondition(mine, BinaryenExpressionCopy(BinaryenSwitchGetCondition(e), m->ref));
	fork_free(&f);
}

/* Two stores, the first of which the other overwrites; but when the second traps the first is seen. */
static void stores_before_trap(Mod *m)
{
	Expr around = arm_of(m, false, 1), first = BinaryenBlockGetChildAt(around, 1);
	insert(m, 1, BinaryenStore(m->ref, 4, 0, 0, BinaryenLocalGet(m->ref, 1, BinaryenTypeInt32()), number(m, 3), BinaryenTypeInt32()));
	BinaryenBlockInsertChildAt(around, 2, BinaryenExpressionCopy(first, m->ref));
}

/* Controls: a local that nobody sets is read; an alternative sets one that nobody reads. */
static void reads_spare(Mod *m)
{
	BinaryenFunctionRef f = BinaryenGetFunction(m->ref, "sum");
	Expr spare = BinaryenLocalGet(m->ref, 4, BinaryenTypeInt32());
	BinaryenFunctionSetBody(f, BinaryenBinary(m->ref, BinaryenAddInt32(), BinaryenFunctionGetBody(f), spare));
}
static void sets_spare(Mod *m) { insert(m, 1, BinaryenLocalSet(m->ref, 4, number(m, 7))); }

static void changed(const char *name, const Case *c, void (*change)(Mod *m), int want)
{
	Mod *m;
	Bytes out;
	Err e;
	if (read_module("built.wasm", c->out.p, c->out.n, &m, &e)) {
		check(name, false, e.text);
		return;
	}
	change(m);
	if (write_module(m, NULL, &out, &e)) {
		check(name, false, e.text);
	} else {
		expect(name, &c->raw, &out, want, want ? "sum" : NULL);
		free(out.p);
	}
	read_free(m);
}

static void tampered(void)
{
	static const struct {
		const char *name;
		void (*change)(Mod *m);
	} list[] = {
		{"an alternative with another value", other_value}, {"an alternative that changes a local", other_local},
		{"an alternative that changes a global", other_global}, {"an alternative that stores", other_store},
		{"an alternative that returns", returns}, {"an alternative that traps", traps}, {"an alternative that loads, and may trap", loads},
		{"an alternative that never ends", never_ends}, {"the original's is another", first_differs},
		{"an alternative that reads the key", reads_key}, {"an alternative that steers", steers}, {"a part of the field", other_field},
		{"a choice by an argument", chooses_by_argument}, {"an alternative that relies on what another left behind", stale},
		{"a local that is read behind the region", carries_out}, {"a local that another region's original reads", carries_over},
		{"an alternative that changes a local on its way", tees}, {"a table that takes one for another's", table_skips},
		{"a table that leaves out the region", table_leaves}, {"a default that leaves out the region", default_leaves},
		{"something before the table", before_table}, {"an alternative that goes on into the next", falls_through},
		{"an alternative that does so perhaps", leaves_perhaps}, {"the original's leaves early", leaves_early},
		{"an alternative that grows memory", grows}, {"an alternative that draws anew", renews},
		{"an alternative that calls", calls}, {"a choice that is steered before the region", steers_before},
		{"a choice by the next region's field", neighbours_field}, {"an alternative that stores before it may trap", stores_before_trap},
	};
	Options o = site_options();
	Case c = build(regions_wat, &o);
	for (size_t i = 0; i < LEN(list); i++)
		changed(list[i].name, &c, list[i].change, MEWE_DIFFERS);
	changed("control: a local that nobody sets is read", &c, reads_spare, MEWE_OK);
	changed("control: an alternative sets a local that nobody reads", &c, sets_spare, MEWE_OK);
	drop(&c);
}

int main(void)
{
	good_ones();
	forced();
	passes();
	several_results();
	same_bytes();
	tampered();
	return failed > 0;
}
