/* constinfer.c - what constinfer proposes: see infer_unit.h. And what is not always zero is refuted where it is added to a
 * constant, as is a guard that lets through what is wrong. */
#include "infer_unit.h"
#include "../../mewe/strategy/rewrite.h"

#define P0 "(local.get 0)"
#define P1 "(local.get 1)"
#define P2 "(local.get 2)"

static const char before[] = "(module (memory (export \"memory\") 1 2) (global $g (mut i32) (i32.const 5))"
                             " (data (i32.const 0) \"\\01\\ff\\80\\7f\\00\\05\\09\\fe\\ff\\ff\\00\\11\")";

static const Case cases[] = {
	{"a constant", "(i32.xor " P0 " (i32.const 1234))", "zero-neighbours zero-clz-top zero-square-bit ", "zero-known-top value-decided "},
	{"a wide constant", "(i32.wrap_i64 (i64.shr_u (i64.mul " P2 " (i64.const 0x123456789abc)) (i64.const 17)))", "zero-popcnt-top zero-carry ", NULL},
	{"a call's constant", "(global.set $g (i32.add (global.get $g) (i32.const 3))) (global.get $g)", "guard-copy guard-wrong guard-trap ", NULL},
	{"a byte", "(i32.mul (i32.and " P0 " (i32.const 255)) (i32.const 77))", "zeros-cleared top-shifted-out sign-shifted-out limited ", "ones-set "},
	{"a masked sum", "(i32.add (i32.and " P0 " (i32.const 240)) (i32.and " P1 " (i32.const 15)))", "add-as-or add-as-xor ", NULL},
	{"an or of shifted", "(i32.or (i32.shl " P0 " (i32.const 8)) (i32.and " P1 " (i32.const 255)))", "or-as-add or-as-xor ", NULL},
	{"an xor of parts", "(i32.xor (i32.shl " P0 " (i32.const 4)) (i32.shr_u " P1 " (i32.const 28)))", "xor-as-or xor-as-add ", NULL},
	{"taken from ones", "(i32.sub (i32.or " P0 " (i32.const 255)) (i32.and " P1 " (i32.const 255)))", "sub-as-xor ones-set ", NULL},
	{"flipped ones", "(i32.xor (i32.or " P0 " (i32.const 255)) (i32.and " P1 " (i32.const 255)))", "xor-as-sub ", NULL},
	{"a comparison of bytes", "(i32.lt_s (i32.and " P0 " (i32.const 255)) (i32.and " P1 " (i32.const 4095)))", "less-other-sign ", NULL},
	{"a comparison of any", "(i32.lt_s " P0 " " P1 ")", "", "less-other-sign "},
	{"other comparisons", "(i32.add (i32.gt_u (i32.and " P0 " (i32.const 255)) (i32.const 7)) (i32.add (i32.le_s (i32.shr_u " P0
	 " (i32.const 3)) (i32.const 99)) (i32.ge_u (i32.shr_u " P1 " (i32.const 1)) (i32.const 5))))",
	 "greater-other-sign less-equal-other-sign greater-equal-other-sign ", NULL},
	{"a division of halves", "(i32.div_s (i32.shr_u " P0 " (i32.const 1)) (i32.and " P1 " (i32.const 1023)))", "divide-other-sign ", NULL},
	{"a remainder of halves", "(i32.rem_u (i32.shr_u " P0 " (i32.const 1)) (i32.and " P1 " (i32.const 1023)))", "remainder-other-sign ", NULL},
	{"a remainder by a constant", "(i32.rem_u (i32.shr_u " P0 " (i32.const 1)) (i32.const 1000))", "remainder-other-sign ", NULL},
	{"an arm with a sign", "(if (result i32) (i32.ge_s " P0 " (i32.const 3)) (then (i32.wrap_i64 (i64.shr_u (i64.extend_i32_s " P0
	 ") (i64.const 3)))) (else " P1 "))", "extend-other-sign ", NULL},
	{"an arm with a bit", "(if (result i32) (i32.and " P0 " (i32.const 4)) (then (i32.mul " P1 " (i32.const 99))) (else (i32.const 8)))",
	 "zero-known-ones zero-known-zeros ", NULL},
	{"a division of any", "(i32.div_s " P0 " " P1 ")", "", "divide-other-sign "},
	{"a shift", "(i32.shr_s (i32.and " P0 " (i32.const 0xffff)) (i32.and " P1 " (i32.const 7)))", "shift-other-sign ", NULL},
	{"an extension", "(i32.wrap_i64 (i64.mul (i64.extend_i32_s (i32.and " P0 " (i32.const 0xffff))) " P2 "))", "extend-other-sign ", NULL},
	{"an idle mask", "(i32.and (i32.shr_u " P0 " (i32.const 24)) (i32.const 255))", "operand-idle ", NULL},
	{"a mask that is not idle", "(i32.and (i32.shr_u " P0 " (i32.const 24)) (i32.const 127))", "", "operand-idle "},
	{"an idle or", "(i32.or (i32.or " P0 " (i32.const 12)) (i32.and " P1 " (i32.const 4)))", "operand-idle ", NULL},
	{"an idle remainder", "(i32.rem_u (i32.and " P0 " (i32.const 7)) (i32.or " P1 " (i32.const 8)))", "operand-idle ", NULL},
	{"an idle extension", "(i32.extend8_s (i32.and " P0 " (i32.const 127)))", "extension-idle ", NULL},
	{"a comparison that is decided", "(i32.add " P1 " (i32.lt_u (i32.and " P0 " (i32.const 15)) (i32.const 16)))", "value-decided ", NULL},
	{"a comparison that is not", "(i32.add " P1 " (i32.lt_u (i32.and " P0 " (i32.const 15)) (i32.const 15)))", "", "value-decided "},
	{"an arm that knows", "(if (result i32) (i32.eq " P0 " (i32.const 7)) (then (i32.add (i32.mul " P0 " (i32.const 3)) (i32.const 7))) (else " P1 "))",
	 "value-decided constant-from-local ", NULL},
	{"an arm below a limit", "(if (result i32) (i32.lt_u " P0 " (i32.const 100)) (then (i32.add (i32.lt_s " P0 " (i32.const 0)) (i32.const 9)))"
	 " (else (i32.const 3)))", "value-decided zero-known-top zero-above-limit zero-known-zeros zero-below-limit ", NULL},
	{"bits that are set", "(local.set 3 (i32.or " P0 " (i32.const 24))) (i32.mul (local.get 3) (i32.const 21))", "zero-known-ones zero-below-limit ", NULL},
	{"a branch that is always taken", "(block (br_if 0 (i32.or " P0 " (i32.const 1))) (local.set 1 (i32.const 4))) " P1, "branch-decided ", NULL},
	{"a branch that is never taken", "(block (br_if 0 (i32.gt_u (i32.and " P0 " (i32.const 3)) (i32.const 3))) (local.set 1 (i32.const 4))) " P1,
	 "branch-decided condition-or-zero condition-xor-zero condition-add-zero ", NULL},
	{"an if that is decided", "(if (result i32) (i32.eqz (i32.or " P0 " (i32.const 2))) (then (i32.const 4)) (else " P1 "))", "branch-decided ", NULL},
	{"a select that is decided", "(select " P0 " " P1 " (i32.or " P0 " (i32.const 64)))", "select-decided ", NULL},
	{"a store and a local", "(i32.store " P0 " (i32.const 17)) (local.set 3 (i32.load8_u " P1 ")) (i32.add (local.get 3) (i32.const 1))",
	 "guard-wrong zero-known-top ", "zero-known-ones "},
	{"a loop over bytes", "(loop (local.set 4 (i32.add (local.get 4) (i32.load8_u (local.get 3))))"
	 " (br_if 0 (i32.lt_u (local.tee 3 (i32.add (local.get 3) (i32.const 1))) (i32.and " P0 " (i32.const 15))))) (local.get 4)",
	 "zeros-cleared zero-square-parity ", NULL},
};

/* Added to a constant: none is zero for every v. */
static const Rule wrong[] = {
	{"control: a square is odd", RULE_BOTH, "K", "(add K (and (mul v v) 1))", NULL},
	{"control: a square's third bit", RULE_BOTH, "K", "(xor K (and (mul v v) 4))", NULL},
	{"control: clz of zero", RULE_BOTH, "K", "(add K (shr_u (clz v) (ctz W)))", NULL},
	{"control: popcnt of all", RULE_BOTH, "K", "(add K (shr_u (popcnt v) (ctz W)))", NULL},
	{"control: a sign", RULE_BOTH, "K", "(or K (shr_u v M))", NULL},
	{"control: three neighbours", RULE_BOTH, "K", "(add K (and (mul v (add v 2)) 1))", NULL},
};

static void planted(const Rule *r)
{
	static const Case c = {"plain", "(i32.add (i32.wrap_i64 (i64.add (local.get 2) (i64.const 1234))) (i32.add (local.get 0) (i32.const 1234)))", "", NULL};
	Mod *m = unit_module(before, &c, 1);
	Ident id = ident_of(m);
	Options o = {0};
	Sites s;
	Err e;
	uint32_t asked = 0;
	if (site_find(m, &o, &s, &e)) {
		printf("not ok the control has sites: %s\n", e.text);
		exit(1);
	}
	for (uint32_t i = 0; i < s.n; i++) {
		Body b = *s.site[i].body;
		Proposal p;
		Equiv q;
		if (walk_kind(s.site[i].expr) != K_Const || !rewrite_apply(r, &s.site[i], i, &p))
			continue;
		b.expr = walk_replace(BinaryenExpressionCopy(b.expr, m->ref), s.site[i].index, p.expr);
		equiv_bodies(s.site[i].body, &id, &b, &id, &q);
		report(q.verdict == V_REFUTED, r->name, "is refuted", verdict_name(q.verdict));
		asked++;
	}
	report(asked == 2, r->name, "applies at both widths", "it does not");
	site_free(&s);
	read_free(m);
}

int main(void)
{
	unit_all(&strategy_constinfer, before, 0, cases, LEN(cases));
	for (size_t i = 0; i < LEN(wrong); i++)
		planted(&wrong[i]);
	return failed > 0;
}
