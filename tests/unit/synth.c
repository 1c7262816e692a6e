/* synth.c - what the search finds is equal, survives, and is the same at each run.
 * Operators: their values are those that the prover gives them. Forms: small functions with every operator; a sample of the
 * proposals for each is proved, compiled, and looked through for traps. Prints `ok WHAT` or `not ok WHAT: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/strategy/synth.h"

/* Wanted of the proposals of a function: so many; of those looked at, proved and different in machine code. */
enum { AT_LEAST = 12, SAMPLE = 12, PROVED_PERCENT = 10, ALL_PROVED_PERCENT = 85, SURVIVED_PERCENT = 60 };

static int failed;

static bool report(bool good, const char *name, const char *what, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s %s\n", name, what);
	else
		printf("not ok %s %s: %s\n", name, what, why);
	return good;
}

/* ---- functions ---- */

typedef struct Case {
	const char *name, *params, *result, *body;
} Case;

#define X "(local.get 0)"
#define Y "(local.get 1)"
#define TWO(op) {op, "i32 i32 i32", "i32", "(i32." op " " X " " Y ")"}, {op " i64", "i64 i64 i64", "i64", "(i64." op " " X " " Y ")"}
#define CMP(op) {op, "i32 i32 i32", "i32", "(i32." op " " X " " Y ")"}, {op " i64", "i64 i64 i64", "i32", "(i64." op " " X " " Y ")"}
#define ONE(op) {op, "i32 i32", "i32", "(i32." op " " X ")"}, {op " i64", "i64 i64", "i64", "(i64." op " " X ")"}

static const Case cases[] = {
	TWO("add"), TWO("sub"), TWO("and"), TWO("or"), TWO("xor"), TWO("shl"), TWO("shr_u"), TWO("shr_s"), TWO("rotl"), TWO("rotr"),
	CMP("eq"), CMP("ne"), CMP("lt_s"), CMP("lt_u"), CMP("le_s"), CMP("le_u"), CMP("gt_s"), CMP("gt_u"), CMP("ge_s"), CMP("ge_u"),
	ONE("clz"), ONE("ctz"), ONE("popcnt"), ONE("extend8_s"), ONE("extend16_s"),
	{"mul", "i32 i32 i32", "i32", "(i32.mul " X " " Y ")"},
	{"eqz", "i32 i32", "i32", "(i32.eqz " X ")"},
	{"eqz i64", "i64 i64", "i32", "(i64.eqz " X ")"},
	{"extend32_s", "i64 i64", "i64", "(i64.extend32_s " X ")"},
	{"wrap", "i64 i64", "i32", "(i32.wrap_i64 (i64.add " X " " Y "))"},
	{"extend_u", "i32 i32", "i64", "(i64.add (i64.extend_i32_u " X ") (i64.extend_i32_u " Y "))"},
	{"select", "i32 i32 i32", "i32", "(select " X " " Y " (local.get 2))"},
	{"a constant added", "i32 i32", "i32", "(i32.add " X " (i32.const 1234567))"},
	{"a constant mask", "i32 i32", "i32", "(i32.and " X " (i32.const 0xff00))"},
	{"a constant shift", "i64 i64", "i64", "(i64.shr_u " X " (i64.const 13))"},
	{"two constants", "i32 i32", "i32", "(i32.add (i32.and " X " (i32.const 77)) (i32.const 100))"},
	{"three operands", "i32 i32 i32", "i32", "(i32.xor (i32.and " X " " Y ") (i32.and (i32.xor " X " (i32.const -1)) (local.get 2)))"},
	{"loads", "i32 i32", "i32", "(i32.add (i32.load8_u " X ") (i32.load offset=4 " Y "))"},
	{"effects", "i32 i32", "i32", "(i32.sub (call $once " X ") (local.tee 0 (i32.add " Y " (i32.const 3))))"},
	{"two values", "i32 i32 i32", "i32",
	 "(local.set 2 (i32.add " X " " Y ")) (local.set 0 (i32.xor " X " " Y ")) (i32.mul (local.get 2) " X ")"},
	{"a value from another", "i32 i32 i32", "i32",
	 "(local.set 0 (i32.sub " X " " Y ")) (local.set 1 (i32.add " X " (i32.const 3))) (i32.mul " X " " Y ")"},
	{"a byte", "i32 i32", "i32", "(i32.lt_u (i32.load8_u " X ") (i32.const 48))"},
	{"a word", "i32 i32", "i32", "(i32.lt_u (i32.load " X ") (i32.const 48))"},
	{"a quotient by a constant", "i32 i32", "i32", "(i32.div_u " X " (i32.const 12))"},
	{"a remainder by a constant", "i32 i32", "i32", "(i32.rem_u " X " (i32.const 64))"},
	{"a signed quotient by a constant", "i64 i64", "i64", "(i64.div_s " X " (i64.const 2))"},
	{"a quotient", "i32 i32", "i32", "(i32.add (i32.div_s " X " " Y ") " X ")"},
};

static Mod *module_of(const char *wat)
{
	Bytes wasm;
	Mod *m;
	Err e;
	if (read_wasm("test.wat", (const uint8_t *)wat, strlen(wat), &wasm, &e) || read_module("test.wat", wasm.p, wasm.n, &m, &e)) {
		printf("not ok the test's own text: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	return m;
}

static Mod *module(void)
{
	Buf b = {0};
	buf_printf(&b, "(module (memory 1 1) (func $once (param i32) (result i32) (i32.store (i32.const 8) %s) %s)", X, X);
	for (size_t i = 0; i < LEN(cases); i++)
		buf_printf(&b, "(func (param %s) (result %s) %s)", cases[i].params, cases[i].result, cases[i].body);
	buf_printf(&b, ")");
	buf_u8(&b, 0);
	Mod *m = module_of((const char *)b.p);
	buf_free(&b);
	return m;
}

/* The sites of a module, and the strategy's own for them. */
static Synth *open_sites(Mod *m, Sites *s)
{
	static const Options o;
	Err e;
	size_t i = 0;
	if (site_find(m, &o, s, &e)) {
		printf("not ok sites: %s\n", e.text);
		exit(1);
	}
	while (strategy_all[i] != &strategy_synth)
		i++;
	s->own[i] = strategy_synth.open(s, 1);
	return s->own[i];
}

/* All proposals for a function, numbered over its sites. */
static uint32_t total(const Sites *s, uint32_t func)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->n; i++)
		n += s->site[i].func == func ? strategy_synth.count(&s->site[i]) : 0;
	return n;
}

static bool candidate(const Sites *s, uint32_t func, uint32_t n, const char **rule, Body *out)
{
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t here = s->site[i].func == func ? strategy_synth.count(&s->site[i]) : 0;
		Variant v = {.site = i, .func = func, .strategy = &strategy_synth, .n = n, .seed = mix64(n)};
		Traits t;
		if (n < here && !propose_body(s, &v, &t, out))
			return false;
		if (n < here) {
			*rule = t.rule;
			return true;
		}
		n -= here;
	}
	return false;
}

/* ---- what may trap ---- */

typedef struct Traps {
	uint32_t n;
} Traps;

static bool trap(void *ctx, Expr e, uint32_t index)
{
	Traps *t = ctx;
	uint8_t op, width;
	(void)index;
	uint32_t kind = walk_kind(e);
	bool pure = kind == K_LocalGet || kind == K_LocalSet || kind == K_Const || kind == K_Block || kind == K_Nop || synth_op_of(e, &op, &width);
	t->n += !pure;
	return true;
}

static uint32_t traps(Expr e)
{
	Traps t = {0};
	walk_each(e, trap, &t);
	return t.n;
}

/* ---- proofs and machine code ---- */

typedef struct Count {
	uint32_t looked, proved, refuted, trapped, differ, reshaped;
} Count;

static void prove_one(const Sites *s, uint32_t func, Body *made, const char *rule, Count *c)
{
	Ident id = ident_of(made->mod);
	Equiv q;
	equiv_bodies(&s->body[func], &id, made, &id, &q);
	c->looked++;
	c->proved += q.verdict == V_PROVED;
	c->refuted += q.verdict == V_REFUTED;
	c->trapped += traps(made->expr) != traps(s->body[func].expr);
	if (q.verdict != V_PROVED)
		printf("# %s: %s: %s\n", rule, verdict_name(q.verdict), q.why);
}

static void survivors(Mod *m, const uint32_t *func, uint32_t n, uint32_t first, Count *c)
{
	Bytes wasm;
	Code *code;
	Err e = {.text = "not valid"};
	if (!BinaryenModuleValidate(m->ref) || write_module(m, NULL, &wasm, &e) || survive_code("made", wasm.p, wasm.n, NULL, &code, &e)) {
		report(false, "all proposals", "compile", e.text);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		c->differ += !digest_eq(code[first + i].code, code[func[i]].code);
		c->reshaped += !digest_eq(code[first + i].shape, code[func[i]].shape);
	}
	free(code);
	free(wasm.p);
}

static void forms(void)
{
	Mod *m = module();
	Sites s;
	uint64_t from = prove_now();
	Synth *own = open_sites(m, &s);
	double spent = (prove_now() - from) / 1e9;
	Count all = {0};
	uint32_t *func = xalloc(LEN(cases) * SAMPLE * sizeof *func), n = 0, first = m->nfunc;
	char text[200];
	for (uint32_t i = 0; i < LEN(cases); i++) {
		uint32_t f = i + 1, have = total(&s, f);
		Count c = {0};
		for (uint32_t k = 0; k < SAMPLE && k < have; k++) {
			Body made;
			const char *rule;
			if (!candidate(&s, f, (uint64_t)k * have / SAMPLE, &rule, &made))
				continue;
			prove_one(&s, f, &made, rule, &c);
			snprintf(text, sizeof text, "made %u", n);
			body_add(m, text, &made);
			func[n++] = f;
			body_free(&made);
		}
		snprintf(text, sizeof text, "%u proposals, %u looked at, %u proved, %u refuted", have, c.looked, c.proved, c.refuted);
		report(have >= AT_LEAST && 100 * c.proved >= PROVED_PERCENT * c.looked && c.looked > 0, cases[i].name, text, "too few");
		report(c.trapped == 0, cases[i].name, "has the traps it had", "a proposal has others");
		all.looked += c.looked;
		all.proved += c.proved;
		all.refuted += c.refuted;
	}
	survivors(m, func, n, first, &all);
	printf("# %u forms: %llu enumerated, %llu passed the test points; %.1f million a second\n", own->nform,
	       (unsigned long long)own->enumerated, (unsigned long long)own->passed, own->enumerated / spent / 1e6);
	snprintf(text, sizeof text, "%u looked at: %u proved, %u refuted; other code in %u, other shape in %u", all.looked, all.proved,
	         all.refuted, all.differ, all.reshaped);
	report(100 * all.proved >= ALL_PROVED_PERCENT * all.looked, "all proposals", text, "too few are proved");
	report(100 * all.differ >= SURVIVED_PERCENT * all.looked, "all proposals", "survive", "too few do");
	free(func);
	site_free(&s);
	read_free(m);
}

/* ---- the same each time ---- */

static Digest everything(void)
{
	Mod *m = module();
	Sites s;
	Buf b = {0};
	Ident id = ident_of(m);
	open_sites(m, &s);
	for (uint32_t f = 1; f <= LEN(cases); f++) {
		for (uint32_t n = 0, have = total(&s, f); n < have; n += 17) {
			Body made;
			const char *rule;
			if (!candidate(&s, f, n, &rule, &made))
				continue;
			buf_str(&b, rule);
			walk_write(&b, made.expr, &id);
			body_free(&made);
		}
	}
	Digest d = digest(b.p, b.n);
	buf_free(&b);
	site_free(&s);
	read_free(m);
	return d;
}

/* ---- operators ---- */

static const uint64_t values[] = {0, 1, 2, 3, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0x80000001,
                                  UINT32_MAX, 0x123456789abcdef, INT64_MAX, 1ull << 63, UINT64_MAX};

/* Every operator at every pair of values, against what the prover takes it for. */
static void operators(void)
{
	for (uint8_t op = 0; op < T_ITE; op++) {
		bool same = true;
		if (!synth_ops[op].name)
			continue;
		for (uint8_t width = 32; width <= 64; width += 32) {
			for (size_t i = 0; i < LEN(values) * LEN(values); i++) {
				uint64_t m = width == 64 ? UINT64_MAX : UINT32_MAX, a = values[i % LEN(values)] & m, b = values[i / LEN(values)] & m, out;
				if (synth_ops[op].divides && !synth_divisor(b, width))
					continue;
				if (synth_ops[op].narrow && synth_ops[op].narrow != width)
					continue;
				synth_eval(op, width, &a, &b, &b, &out, 1);
				same &= out == term_eval(op, width, a, b);
			}
		}
		report(same, synth_ops[op].name, "is what the prover takes it for", "another value");
	}
}

/* ---- what must be there, and what must be refuted ---- */

/* Trees by name, and whether the search must find them for a case, or must not: then they are no equalities. */
static const struct {
	const char *name, *rule;
	bool found;
} known[] = {
	{"add", "(sub (sub x (not y)) 1)", true},
	{"add", "(sub x (not y))", false},          /* off by one */
	{"and", "(sub x (and (not y) x))", true},
	{"or", "(add y (and (not y) x))", true},
	{"lt_u", "(xor 1 (le_u y x))", true},
	{"a constant mask", "(and (or x C) C)", true},
	{"a byte", "(shr_u (add x C) 31)", true},   /* a sum that is negative below 48 */
	{"a word", "(shr_u (add x C) 31)", false},  /* or from 1<<31 on */
	{"two values", "then (sub u (shl (and y x) 1))", true},
};

static bool is_found(const Sites *s, uint32_t f, const char *name)
{
	bool is = false;
	for (uint32_t n = 0, have = total(s, f); n < have && !is; n++) {
		const char *rule;
		Body made;
		if (!candidate(s, f, n, &rule, &made))
			continue;
		is = strcmp(rule, name) == 0;
		body_free(&made);
	}
	return is;
}

static void expected(void)
{
	Mod *m = module();
	Sites s;
	open_sites(m, &s);
	for (size_t i = 0; i < LEN(known); i++) {
		uint32_t f = 0;
		while (strcmp(cases[f].name, known[i].name) != 0)
			f++;
		report(is_found(&s, f + 1, known[i].rule) == known[i].found, known[i].rule, known[i].found ? "is found" : "is not found",
		       "it should be otherwise");
	}
	site_free(&s);
	read_free(m);
}

/* Trees that are no equalities, put in the place of x+y: the proof must fail. */
static void planted(void)
{
	static const struct {
		const char *name;
		uint8_t op;
	} wrong[] = {{"or for add", T_OR}, {"xor for add", T_XOR}, {"a select for add", T_ITE}};
	Mod *m = module();
	Sites s;
	Ident id = ident_of(m);
	open_sites(m, &s);
	for (size_t i = 0; i < LEN(wrong); i++) {
		Tree t = {.n = 3, .t = {{.op = T_SYM, .width = 32}, {.op = T_SYM, .width = 32, .kid = {1}}, {wrong[i].op, 32, {0, 1, 1}, 0}}};
		Cone c[SYNTH_CONES];
		Proposal p = {0};
		char name[61];
		Equiv q;
		uint32_t at = 0;
		while (s.site[at].func != 1 || s.site[at].kind != SITE_EXPR)
			at++;
		report(synth_cones(s.site[at].expr, false, c) == 1, wrong[i].name, "has a place", "there is no cone");
		synth_build(&s.site[at], &c[0], &t, 1, &p, name, sizeof name);
		Body made = s.body[1];
		made.expr = p.expr;
		equiv_bodies(&s.body[1], &id, &made, &id, &q);
		report(q.verdict == V_REFUTED, wrong[i].name, "is refuted", verdict_name(q.verdict));
	}
	site_free(&s);
	read_free(m);
}

int main(void)
{
	operators();
	forms();
	report(digest_eq(everything(), everything()), "two runs", "propose the same", "they do not");
	expected();
	planted();
	return failed > 0;
}
