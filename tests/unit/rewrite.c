/* rewrite.c - the rules of rewrite are equalities: proved one by one, and run.
 * Each operator has a rule. For each rule and width: an instance exists; each instance is proved, with several constants
 * and draws; run over edge values, both sides give the same results and the same traps. And what is not an equality is
 * refuted, with arguments that show it when they are run: wrong results, a trap gained, a trap lost. */
#include "rewrite_pair.h"

enum { DRAWS = 2, PROVED_CONSTANTS = 3 };

static int failed;

static bool report(bool good, const char *name, uint32_t width, const char *what, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s i%u %s\n", name, width, what);
	else
		printf("not ok %s i%u %s: %s\n", name, width, what, why);
	return good;
}

static const uint64_t constants[] = {1234567, 16, 7, 255, 3, 0, 1, 2, 31, 32, 33, 63, 64, UINT64_MAX, 0x80000000, 0x7fffffff,
                                     1ull << 63, INT64_MAX, 0xfffffffffffffffe, 0x100000000};

/* ---- one rule after the other, all of them in one module ---- */

typedef struct Row {
	const Rule *rule;
	uint32_t width, n;             /* instances: exports "NAME WIDTH I p" and "... m" */
	Err run;
	char why[500];
	bool proved, same;
} Row;

static void export_body(Mod *m, const Row *r, uint32_t i, char side, const Body *b)
{
	char name[64];
	snprintf(name, sizeof name, "%s %u %u %c", r->rule->name, r->width, i, side);
	body_add(m, name, b);
	BinaryenAddFunctionExport(m->ref, name, name);
}

static void instances(Mod *m, Row *r)
{
	Ident id = ident_of(m);
	r->proved = true;
	for (size_t k = 0; k < LEN(constants); k++) {
		bool has_constant = strpbrk(r->rule->from, "KL") != NULL;
		for (uint64_t seed = 0; seed < DRAWS && (k == 0 || has_constant); seed++) {
			Pair p;
			Equiv q;
			if (!pair_make(m, r->rule, r->width, P_RESULT, constants[k], seed, &p))
				continue;
			if (r->proved && r->n < PROVED_CONSTANTS * DRAWS) {
				equiv_bodies(&p.plain, &id, &p.made, &id, &q);
				r->proved = q.verdict == V_PROVED;
				snprintf(r->why, sizeof r->why, "%s: %s", verdict_name(q.verdict), q.why);
			}
			export_body(m, r, r->n, 'p', &p.plain);
			export_body(m, r, r->n, 'm', &p.made);
			body_free(&p.made);
			r->n++;
		}
	}
}

/* ---- running ---- */

static const uint64_t edges[] = {0, 1, 2, 31, 32, 63, 65, 127, 128, 255, 0x8000, 65500, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff,
                                 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff80000000, 0xfffffffffffffffe,
                                 0xffffffffffffffff, 0x123456789abcdef0};

static Host *open_module(Mod *m)
{
	Bytes wasm;
	Host *h;
	Err e = {.text = "not valid"};
	if (!BinaryenModuleValidate(m->ref) || write_module(m, NULL, &wasm, &e) || host_open("pairs", wasm.p, wasm.n, &h, &e)) {
		printf("not ok all pairs load: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	return h;
}

/* Both sides with these arguments: the same result, or both trap. */
static bool agree(Instance *in, const char *plain, const char *made, const uint64_t args[8], Err *e)
{
	uint64_t r[2] = {0, 0};
	int exited;
	int a = host_call(in, plain, args, 8, &r[0], 1, &exited, e), b = host_call(in, made, args, 8, &r[1], 1, &exited, e);
	if (a == b && (a || r[0] == r[1]))
		return true;
	err_set(e, MEWE_DIFFERS, "with i32 %x %x %x, i64 %llx %llx %llx: %llx%s and %llx%s", (unsigned)args[0], (unsigned)args[1],
	        (unsigned)args[2], (unsigned long long)args[4], (unsigned long long)args[5], (unsigned long long)args[6],
	        (unsigned long long)r[0], a ? " (a trap)" : "", (unsigned long long)r[1], b ? " (a trap)" : "");
	return false;
}

static bool run(Instance *in, const Row *r, uint32_t i, Err *e)
{
	char plain[64], made[64];
	Rng rng = {i};
	snprintf(plain, sizeof plain, "%s %u %u p", r->rule->name, r->width, i);
	snprintf(made, sizeof made, "%s %u %u m", r->rule->name, r->width, i);
	for (size_t x = 0; x < LEN(edges); x++) {
		for (size_t y = 0; y < LEN(edges); y++) {
			uint64_t args[8];
			for (int k = 0; k < 8; k++)
				args[k] = edges[rng_below(&rng, LEN(edges))];
			args[4] = edges[x];
			args[5] = edges[y];
			args[0] = (uint32_t)edges[x];
			args[1] = (uint32_t)edges[y];
			for (int k = 0; k < 4; k++)
				args[k] = (uint32_t)args[k];
			if (!agree(in, plain, made, args, e))
				return false;
		}
	}
	return true;
}

static void table(void)
{
	Mod *m = pair_module();
	Row *row = xalloc(2 * rewrite_nrules * sizeof *row);
	uint32_t n = 0;
	HostOptions o = {0};
	Instance *in;
	Err e;
	for (uint32_t i = 0; i < rewrite_nrules; i++) {
		for (uint32_t width = 32; width <= 64; width += 32) {
			if (!(rewrite_rules[i].widths & (width == 64 ? RULE_64 : RULE_32)))
				continue;
			row[n] = (Row){.rule = &rewrite_rules[i], .width = width};
			instances(m, &row[n++]);
		}
	}
	Host *h = open_module(m);
	if (host_instance(h, &o, &in, &e)) {
		printf("not ok all pairs run: %s\n", e.text);
		exit(1);
	}
	for (uint32_t i = 0; i < n; i++) {
		Row *r = &row[i];
		r->same = true;
		for (uint32_t k = 0; k < r->n && r->same; k++)
			r->same = run(in, r, k, &r->run);
		if (report(r->n > 0, r->rule->name, r->width, "applies", "to nothing that the test makes")) {
			report(r->proved, r->rule->name, r->width, "is proved", r->why);
			report(r->same, r->rule->name, r->width, "runs the same", r->run.text);
		}
	}
	host_drop(in);
	host_close(h);
	free(row);
	read_free(m);
}

/* Every integer operator has a rule. */
static void operators(void)
{
	static const char *const both[] = {"add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl", "shr_s", "shr_u",
	                                   "rotl", "rotr", "eqz", "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u",
	                                   "clz", "ctz", "popcnt", "extend8_s", "extend16_s", "extend32_s", "wrap", "extend_s", "extend_u", "select"};
	for (size_t i = 0; i < LEN(both); i++) {
		uint8_t have = 0, want = RULE_BOTH;
		if (strcmp(both[i], "extend32_s") == 0 || strcmp(both[i], "wrap") == 0)
			want = RULE_64;
		else if (strcmp(both[i], "extend_s") == 0 || strcmp(both[i], "extend_u") == 0)
			want = RULE_32;
		for (uint32_t k = 0; k < rewrite_nrules; k++) {
			const char *from = rewrite_rules[k].from;
			size_t n = strlen(both[i]);
			if (from[0] == '(' && strncmp(from + 1, both[i], n) == 0 && from[1 + n] == ' ')
				have |= rewrite_rules[k].widths & RULE_BOTH;
		}
		report((have & want) == want, both[i], want == RULE_32 ? 32 : 64, "has a rule", "it has none");
	}
}

/* ---- what must be refuted ---- */

static const Rule wrong[] = {
	{"control: off by one", RULE_BOTH, "(add x y)", "(sub x (not y))", NULL},
	{"control: or for add", RULE_BOTH, "(add x y)", "(or x y)", NULL},
	{"control: few inputs differ", RULE_BOTH, "(eqz x)", "(eqz (mul x x))", NULL},
	{"control: the constant's edge", RULE_BOTH, "(lt_s x K)", "(le_s x (add K 1))", NULL},
	{"control: signed for unsigned", RULE_BOTH, "(shr_u x y)", "(shr_s x y)", NULL},
	{"control: gains and loses the overflow's trap", RULE_BOTH, "(div_s x y)", "(neg (div_s x (neg y)))", NULL},
	{"control: gains a trap by zero", RULE_BOTH, "(and x y)", "(and x (mul y (div_u y y)))", NULL},
	{"control: loses the trap by zero", RULE_32, "(div_u x y)", "(div_u x (or y (eqz y)))", NULL},
	{"control: loses the overflow's trap", RULE_32, "(div_s x y)", "(wrap (div_s (extend_s x) (extend_s y)))", NULL},
};

/* Refuted, and the arguments given really tell the two apart. */
static void control(const Rule *r, uint32_t width)
{
	Mod *m = pair_module();
	Ident id = ident_of(m);
	Row row = {.rule = r, .width = width};
	HostOptions o = {0};
	Instance *in;
	Pair p;
	Equiv q;
	Err e = {.text = "the arguments make no difference when they are run"};
	if (!report(pair_make(m, r, width, P_RESULT, 77, 0, &p), r->name, width, "applies", "to nothing that the test makes"))
		return;
	equiv_bodies(&p.plain, &id, &p.made, &id, &q);
	report(q.verdict == V_REFUTED, r->name, width, "is refuted", verdict_name(q.verdict));
	report(q.ncex == 8, r->name, width, "has arguments that show it", q.why);
	export_body(m, &row, 0, 'p', &p.plain);
	export_body(m, &row, 0, 'm', &p.made);
	Host *h = open_module(m);
	if (q.ncex == 8 && host_instance(h, &o, &in, &e) == 0) {
		char plain[64], made[64];
		snprintf(plain, sizeof plain, "%s %u 0 p", r->name, width);
		snprintf(made, sizeof made, "%s %u 0 m", r->name, width);
		bool same = agree(in, plain, made, q.cex, &e);
		report(!same, r->name, width, "differs when it is run", e.text);
		host_drop(in);
	}
	host_close(h);
	body_free(&p.made);
	read_free(m);
}

/* ---- operands that do something ---- */

/* Operands with effects are evaluated once and in order, whatever the term that is built does with them. */
static void effects(void)
{
	static const char *const name[] = {"add-shifted", "sub-add-not", "select-flipped", "value-tripled"};
	for (size_t i = 0; i < LEN(name); i++) {
		const Rule *r = rewrite_rules;
		while (strcmp(r->name, name[i]) != 0)
			r++;
		Mod *m = pair_module();
		Ident id = ident_of(m);
		Expr e = pair_plain(m->ref, r, 32, P_RESULT, 0), kid[3];
		if (walk_nkids(e) == 0)
			e = BinaryenCall(m->ref, "once", &e, 1, BinaryenTypeInt32());
		for (uint32_t k = 0; k < walk_nkids(e) && k < 3; k++) {
			Expr set = BinaryenLocalTee(m->ref, 0, walk_kid(e, k), BinaryenTypeInt32());
			kid[k] = k == 1 ? BinaryenLocalGet(m->ref, 0, BinaryenTypeInt32()) : BinaryenCall(m->ref, "once", &set, 1, BinaryenTypeInt32());
			walk_set_kid(e, k, kid[k]);
		}
		Pair p = {.plain = pair_body(m, e)};
		Equiv q = {0};
		bool made = pair_apply(r, &p.plain, e, 1, &p.made);
		if (made)
			equiv_bodies(&p.plain, &id, &p.made, &id, &q);
		report(made && q.verdict == V_PROVED, name[i], 32, "keeps its operands' effects", made ? q.why : "does not apply");
		if (made)
			body_free(&p.made);
		read_free(m);
	}
}

/* A function without locals: a global takes their part. */
static void globals(void)
{
	const Rule *r = rewrite_rules;
	while (strcmp(r->name, "const-absorbed") != 0)
		r++;
	Mod *m = pair_module();
	Ident id = ident_of(m);
	Pair p = {.plain = {.mod = m, .name = "constant", .params = BinaryenTypeNone(), .results = BinaryenTypeInt32()}};
	Equiv q = {0};
	p.plain.expr = BinaryenConst(m->ref, BinaryenLiteralInt32(77));
	bool made = pair_apply(r, &p.plain, p.plain.expr, 1, &p.made);
	if (made)
		equiv_bodies(&p.plain, &id, &p.made, &id, &q);
	report(made && q.verdict == V_PROVED, r->name, 32, "uses a global where there is no local", made ? q.why : "does not apply");
	if (made)
		body_free(&p.made);
	p.plain.expr = BinaryenConst(m->ref, BinaryenLiteralInt64(77));
	p.plain.results = BinaryenTypeInt64();
	report(!pair_apply(r, &p.plain, p.plain.expr, 1, &p.made), r->name, 64, "does not apply where there is neither", "it did");
	read_free(m);
}

int main(void)
{
	operators();
	table();
	for (size_t i = 0; i < LEN(wrong); i++)
		for (uint32_t width = 32; width <= 64; width += 32)
			if (wrong[i].widths & (width == 64 ? RULE_64 : RULE_32))
				control(&wrong[i], width);
	effects();
	globals();
	return failed > 0;
}
