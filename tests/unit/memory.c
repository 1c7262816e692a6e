/* memory.c - what memory proposes: see infer_unit.h. And what looks like it but is not the same is not proved: parts in the wrong
 * order, stores that overlap or may trap exchanged, an offset that wraps, a counter that is off by one. */
#include "infer_unit.h"

#define P0 "(local.get 0)"
#define P1 "(local.get 1)"
#define P2 "(local.get 2)"
#define W(e) "(i32.wrap_i64 " e ")"
#define SET3(e) "(local.set 3 " e ")"
#define SET4(e) "(local.set 4 " e ")"
#define STEP3 "(local.set 3 (i32.add (local.get 3) (i32.const 1)))"

static const char before[] = "(module (memory (export \"memory\") 1 2) (global $g (mut i32) (i32.const 5))"
                             " (data (i32.const 0) \"\\01\\ff\\80\\7f\\00\\05\\09\\fe\\ff\\ff\\00\\11\\92\\e3\\f4\\05\\16\\27\\81\")"
                             " (data (i32.const 65516) \"\\11\\22\\33\\44\\55\\66\\77\\88\\99\\aa\\bb\\cc\\dd\\ee\\ff\\81\\82\\83\\84\\85\")";

static const Case cases[] = {
	{"a word", "(i32.load " P0 ")", "load-halves load-bytes ", "load-from-below load-beyond "},
	{"a word further on", "(i32.load offset=8 " P0 ")", "load-halves load-bytes load-from-below ", "load-beyond offset-to-address "},
	{"a word of a sum", "(i32.load offset=8 (i32.add " P0 " " P1 "))", "load-halves load-from-below ", "offset-to-address "},
	{"a double word", W("(i64.mul " P2 " (i64.load offset=16 " P0 "))"), "load-halves ", NULL},
	{"a signed half", "(i32.load16_s offset=2 " P0 ")", "load-halves load-bytes load-from-below ", NULL},
	{"a signed byte", "(i32.load8_s offset=3 " P0 ")", "load-from-below ", "load-halves "},
	{"a byte", "(i32.load8_u offset=1 " P0 ")", "load-from-below ", NULL},
	{"a wide signed word", W("(i64.shr_u (i64.load32_s offset=4 " P0 ") (i64.const 7))"), "load-halves load-from-below ", NULL},
	{"a wide half", W("(i64.mul (i64.load16_u offset=4 " P0 ") " P2 ")"), "load-halves load-bytes load-from-below ", NULL},
	{"two words up", SET3("(i32.load offset=4 " P0 ")") SET4("(i32.load offset=8 " P0 ")") "(i32.sub (local.get 3) (local.get 4))", "loads-merged ", NULL},
	{"two words down", SET3("(i32.load offset=8 " P0 ")") SET4("(i32.load offset=4 " P0 ")") "(i32.sub (local.get 3) (local.get 4))", "loads-merged ", NULL},
	{"two bytes", SET3("(i32.load8_s " P0 ")") SET4("(i32.load8_u offset=1 " P0 ")") "(i32.sub (local.get 3) (local.get 4))", "loads-merged ", NULL},
	{"two words of two", SET3("(i32.load " P0 ")") SET4("(i32.load offset=4 " P1 ")") "(i32.sub (local.get 3) (local.get 4))", "", "loads-merged "},
	{"a word into its own address", "(local.set 0 (i32.load " P0 "))" SET4("(i32.load offset=4 " P0 ")") "(i32.sub " P0 " (local.get 4))", "", "loads-merged "},
	{"a known byte", SET3("(i32.load offset=4 " P0 ")") "(i32.add (local.get 3) (i32.load8_u offset=5 " P0 "))", "load-beyond load-from-below ", "offset-to-address "},
	{"an unknown sum", "(i32.load (i32.add " P0 " (i32.const 4)))", "", "address-to-offset "},
	{"a masked address", "(i32.load offset=4 (i32.add (i32.and " P0 " (i32.const 0xfff8)) (i32.const 12)))", "address-to-offset offset-to-address ", NULL},
	{"a store of a word", "(i32.store offset=4 " P0 " " P1 ") " P1, "store-halves ", "store-noise-flipped "},
	{"a store of a sum", "(i32.store (i32.add " P0 " " P1 ") (i32.mul " P0 " (i32.const 77))) " P1, "store-halves ", NULL},
	{"a store of a byte", "(i32.store8 offset=3 " P0 " " P1 ") " P1, "store-noise-flipped store-noise-added ", "store-halves "},
	{"a store of a wide half", "(i64.store16 " P0 " " P2 ") " P1, "store-halves store-noise-flipped ", NULL},
	{"stores to fixed places", "(i32.store (i32.const 64) " P0 ") (i32.store (i32.const 68) " P1 ") " P1, "stores-exchanged stores-merged ", NULL},
	{"stores to unknown places", "(i32.store " P0 " " P0 ") (i32.store offset=4 " P0 " " P1 ") " P1, "", "stores-exchanged stores-merged "},
	{"stores to known places", SET3("(i32.load offset=12 " P0 ")") "(i32.store " P0 " " P1 ") (i32.store offset=8 " P0 " (local.get 3)) (local.get 3)",
	 "stores-exchanged ", "stores-merged "},
	{"stores that overlap", "(i32.store (i32.const 64) " P0 ") (i32.store (i32.const 66) " P1 ") " P1, "", "stores-exchanged stores-merged "},
	{"bytes to known places", SET3("(i32.load " P0 ")") "(i32.store8 offset=1 " P0 " " P1 ") (i32.store8 " P0 " (local.get 3)) (local.get 3)",
	 "stores-exchanged stores-merged ", NULL},
	{"a store and a load below", "(i32.store offset=8 " P0 " " P1 ") " SET3("(i32.load offset=4 " P0 ")") " (local.get 3)", "store-and-load-exchanged ", NULL},
	{"a load below and a store", SET3("(i32.load " P0 ")") "(i32.store offset=8 " P0 " " P1 ") (local.get 3)", "store-and-load-exchanged ", NULL},
	{"a store and a load above", "(i32.store " P0 " " P1 ") " SET3("(i32.load offset=4 " P0 ")") " (local.get 3)", "", "store-and-load-exchanged "},
	{"a store of what was loaded", SET3("(i32.load " P0 ")") "(i32.store offset=8 " P0 " (local.get 3)) (local.get 3)", "", "store-and-load-exchanged "},
	{"a counter", "(loop " SET4("(i32.add (local.get 4) (i32.load8_u (i32.and (local.get 3) (i32.const 31))))") STEP3
	 "(br_if 0 (i32.lt_u (local.get 3) (i32.and " P0 " (i32.const 31))))) (local.get 4)",
	 "local-shifted local-twin ", NULL},
	{"a pointer", "(local.set 3 (i32.and " P0 " (i32.const 15))) (block (loop (br_if 1 (i32.eqz (local.get 3))) (local.set 4 (i32.xor (i32.shl (local.get 4)"
	 " (i32.const 1)) (i32.load8_u " P1 "))) (local.set 1 (i32.add " P1 " (i32.const 1))) (br_if 0 (local.tee 3 (i32.sub (local.get 3) (i32.const 1)))))) (local.get 4)",
	 "local-shifted local-twin ", NULL},
	{"a wide counter", "(loop (local.set 5 (i64.add (i64.mul (local.get 5) (i64.const 3)) (i64.const 7))) " STEP3
	 "(br_if 0 (i32.ne (local.get 3) (i32.or (i32.and " P0 " (i32.const 63)) (i32.const 1))))) (i32.wrap_i64 (local.get 5))", "local-shifted local-twin ", NULL},
	{"a fill", "(block (br_if 0 (i32.gt_u " P1 " (i32.const 200))) (loop (br_if 1 (i32.ge_u (local.get 3) " P1 "))"
	 "(i32.store8 offset=256 (local.get 3) " P0 ") " STEP3 "(br 0))) (local.get 3)", "local-shifted store-noise-added ", NULL},
	{"no loop", "(local.set 3 (i32.add " P0 " (i32.const 7))) (i32.mul (local.get 3) " P1 ")", "", "local-shifted "},
};

/* Two functions that differ: not proved, whatever it is that comes close. */
typedef struct Wrong {
	const char *name, *plain, *other;
} Wrong;

static const Wrong wrong[] = {
	{"control: halves the wrong way round", "(i32.load " P0 ")", "(i32.or (i32.shl (i32.load16_u " P0 ") (i32.const 16)) (i32.load16_u offset=2 " P0 "))"},
	{"control: a half read twice", "(i32.load " P0 ")", "(i32.or (i32.shl (i32.load16_u " P0 ") (i32.const 16)) (i32.load16_u " P0 "))"},
	{"control: a part that reaches further", "(i32.load8_u " P0 ")", "(i32.and (i32.load16_u " P0 ") (i32.const 255))"},
	{"control: a load that ends lower", "(i32.load8_u offset=1 " P0 ")", "(i32.load8_u " P0 ")"},
	{"control: a sign lost", "(i32.load16_s " P0 ")", "(i32.or (i32.shl (i32.load8_u offset=1 " P0 ") (i32.const 8)) (i32.load8_u " P0 "))"},
	{"control: an offset that wraps", "(i32.load offset=8 " P0 ")", "(i32.load (i32.add " P0 " (i32.const 8)))"},
	{"control: the lower half is stored first", "(i32.store " P0 " " P1 ") " P1, "(i32.store16 " P0 " " P1 ") (i32.store16 offset=2 " P0 " (i32.shr_u " P1 " (i32.const 16))) " P1},
	{"control: a half that is not stored", "(i32.store " P0 " " P1 ") " P1, "(i32.store16 offset=2 " P0 " (i32.shr_u " P1 " (i32.const 16))) " P1},
	{"control: noise that is stored", "(i32.store8 " P0 " " P1 ") " P1, "(i32.store8 " P0 " (i32.xor " P1 " (i32.const 128))) " P1},
	{"control: stores that overlap exchanged", "(i32.store (i32.const 64) " P0 ") (i32.store (i32.const 66) " P1 ") " P1,
	 "(i32.store (i32.const 66) " P1 ") (i32.store (i32.const 64) " P0 ") " P1},
	{"control: stores that may trap exchanged", "(i32.store " P0 " " P0 ") (i32.store offset=4 " P0 " " P1 ") " P1,
	 "(i32.store offset=4 " P0 " " P1 ") (i32.store " P0 " " P0 ") " P1},
	{"control: a load past a store that it meets", "(i32.store " P0 " " P1 ") (i32.load " P0 ")", SET3("(i32.load " P0 ")") "(i32.store " P0 " " P1 ") (local.get 3)"},
	{"control: a load past a store above it", "(i32.store " P0 " " P1 ") (i32.load offset=4 " P0 ")",
	 SET3("(i32.load offset=4 " P0 ")") "(i32.store " P0 " " P1 ") (local.get 3)"},
	{"control: a counter off by one", "(loop " STEP3 "(br_if 0 (i32.lt_u (local.get 3) (i32.and " P0 " (i32.const 31))))) (local.get 3)",
	 "(local.set 3 (i32.const 9)) (loop " STEP3 "(br_if 0 (i32.lt_u (i32.sub (local.get 3) (i32.const 9)) (i32.and " P0
	 " (i32.const 31))))) (i32.sub (local.get 3) (i32.const 8))"},
	{"control: a counter that starts elsewhere", "(loop " STEP3 "(br_if 0 (i32.lt_u (local.get 3) (i32.and " P0 " (i32.const 31))))) (local.get 3)",
	 "(local.set 3 (i32.const 8)) (loop " STEP3 "(br_if 0 (i32.lt_u (i32.sub (local.get 3) (i32.const 9)) (i32.and " P0
	 " (i32.const 31))))) (i32.sub (local.get 3) (i32.const 9))"},
};

/* Not proved; and it differs when it is run. */
static void planted(const Wrong *w)
{
	const Case c[2] = {{"plain", w->plain, "", NULL}, {"other", w->other, "", NULL}};
	Mod *m = unit_module(before, c, 2);
	Ident id = ident_of(m);
	Body a = body_of(m, 0), b = body_of(m, 1);
	Equiv q;
	equiv_bodies(&a, &id, &b, &id, &q);
	report(q.verdict == V_REFUTED || q.verdict == V_UNSUPPORTED, w->name, "is not proved", verdict_name(q.verdict));
	Bytes wasm = unit_written(m);
	Host *h;
	Err e;
	if (host_open("control", wasm.p, wasm.n, &h, &e)) {
		printf("not ok the control loads: %s\n", e.text);
		exit(1);
	}
	report(!same_run(h, "plain", "other", &e), w->name, "differs when it is run", "it does not");
	host_close(h);
	free(wasm.p);
	body_free(&a);
	body_free(&b);
	read_free(m);
}

int main(void)
{
	unit_all(&strategy_memory, before, 0, cases, LEN(cases));
	for (size_t i = 0; i < LEN(wrong); i++)
		planted(&wrong[i]);
	return failed > 0;
}
