/* rewrite_survival.c - what is left of every rule in machine code.
 * Each rule is put where code has it: as a result, with a constant operand, stored, as an address, as a condition, with
 * loads for operands, inside another operation; and both sides are compiled. One line for each rule and width: in how many
 * of these its code differs, in how many the shape of the code, and the instructions that it costs on average.
 * A rule that is the same code everywhere does not belong in the table. */
#include "rewrite_pair.h"

/* Wanted of every rule: a different shape somewhere; of the table as a whole: nearly everywhere. */
enum { TABLE_PERCENT = 90 };

typedef struct Row {
	const Rule *rule;
	uint32_t width, first, n;      /* functions first.. are pairs, one for each place */
} Row;

static const uint64_t constants[] = {1234567, 16, 7, 255, 3, 2};

static void add(Mod *m, Row *row)
{
	char name[64];
	Pair p;
	for (Setting place = 0; place < NPLACES; place++) {
		for (size_t k = 0; k < LEN(constants); k++) {
			if (!pair_make(m, row->rule, row->width, place, constants[k], 11, &p))
				continue;
			snprintf(name, sizeof name, "%s %u %u plain", row->rule->name, row->width, place);
			body_add(m, name, &p.plain);
			snprintf(name, sizeof name, "%s %u %u made", row->rule->name, row->width, place);
			body_add(m, name, &p.made);
			body_free(&p.made);
			row->n++;
			break;
		}
	}
}

static Code *compile(Mod *m)
{
	Bytes wasm;
	Code *code;
	Err e = {.text = "not valid"};
	if (!BinaryenModuleValidate(m->ref) || write_module(m, NULL, &wasm, &e) || survive_code("pairs", wasm.p, wasm.n, NULL, &code, &e)) {
		printf("not ok all pairs compile: %s\n", e.text);
		exit(1);
	}
	free(wasm.p);
	return code;
}

/* The control: a rule that the compiler undoes, measured in the same way, must show no difference. */
static const Rule folded = {"control-folded", RULE_BOTH, "(add x y)", "(sub x (neg y))", NULL};

int main(void)
{
	Mod *m = pair_module();
	Row *row = xalloc(2 * (rewrite_nrules + 1) * sizeof *row);
	uint32_t n = 0, failed = 0, pairs = 0, differ = 0, reshaped = 0;
	uint32_t at = m->nfunc;

	for (uint32_t i = 0; i <= rewrite_nrules; i++) {
		const Rule *r = i < rewrite_nrules ? &rewrite_rules[i] : &folded;
		for (uint32_t width = 32; width <= 64; width += 32) {
			if (!(r->widths & (width == 64 ? RULE_64 : RULE_32)))
				continue;
			row[n] = (Row){r, width, at, 0};
			add(m, &row[n]);
			at += 2 * row[n++].n;
		}
	}
	Code *code = compile(m);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t d = 0, s = 0;
		double cost = 0;
		for (uint32_t k = 0; k < row[i].n; k++) {
			const Code *plain = &code[row[i].first + 2 * k], *made = plain + 1;
			d += !digest_eq(plain->code, made->code);
			s += !digest_eq(plain->shape, made->shape);
			cost += (double)made->ninsn - plain->ninsn;
		}
		bool control = row[i].rule == &folded, good = control ? row[i].n > 0 && d == 0 : s > 0;
		printf("%s %s i%u: of %u places, other code in %u, other shape in %u, %+.1f instructions\n", good ? "ok" : "not ok",
		       row[i].rule->name, row[i].width, row[i].n, d, s, row[i].n ? cost / row[i].n : 0);
		failed += !good;
		if (!control) {
			pairs += row[i].n;
			differ += d;
			reshaped += s;
		}
	}
	bool most = 100 * reshaped >= TABLE_PERCENT * pairs;
	printf("%s %u rules at their widths, %u pairs: other code in %u, other shape in %u\n", most ? "ok" : "not ok", n - 2, pairs, differ,
	       reshaped);
	free(code);
	free(row);
	read_free(m);
	return failed > 0 || !most;
}
