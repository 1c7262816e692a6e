/* rewrite_rules.c - the rules, chosen by what is left of them in machine code.
 * Must hold: every rule is an equality at its widths, for all operands and for all of its own constants, traps included;
 * and what it makes needs no feature of WebAssembly that what it matches does not.
 *
 * An optimising compiler undoes most identities that look clever. What Cranelift (Wasmtime 50, x86-64, speed) does, measured:
 *   x+y        back from x-(0-y), ~(~x-y), -(-x-y), (x|y)+(x&y), (x^y)+2(x&y), (x+v)+(y-v), (x-c)+(y+c), wrap of the 64-bit sum;
 *              kept: x-~y-1, (x+c)+y-c, (x+v)+y-v, another order of three terms, and (x|y)+(y&x): it knows one order only
 *   x-y        back from x+(~y+1), ~(~x+y), ~y-~x, -(y-x), (x+c)-(y+c), (x-v)-(y-v); kept: (x+1)+~y, (x-v)+(v-y)
 *   x*y        back from -(x*-y), -x*-y, (x*o)*(y*o^-1), shl; kept: x*(y-1)+x, x*(K+1)-x, distribution, association
 *   and or xor back from each other's De Morgan and absorption forms, x^(x&~y), (x|y)^(x^y), (x+y)-(x|y), (x|y)-(x&y),
 *              (x^c)^(y^c), ~(~x^y), (x&c)|(x&~c), (x&c)^(x&~c); kept: (x&~y)+y, x-(x&~y), (x&~y)|(y&~x), K|(v&K), noise in the
 *              bits that a mask or a shift drops, rotr(rotl(x,k)&rotl(K,k),k)
 *   shifts     back from x<<(y&31), ~(~x>>y), x*(1<<y), rotr(rotl x), shr_u of shl by the same, shl by parts;
 *              kept: an amount plus or xor the width, x+x for x<<1, a rotation and a mask, the 64-bit shift
 *   x<y        back from !(x>=y), x==y from (x-y)==0, (x^y)==0, x-v==y-v, rotl both; kept: x<=K-1 for x<K, but not for K of
 *              -1 0 1; ~x>~K, (x<y)^1, 64-bit comparisons, the borrow of a 64-bit difference
 *   x          back from ~~x, -(-x), (x+c)-c, c-(c-x), (x&v)^(x&~v), x&(x|v), x+x-x, x/1, bytes taken apart and joined by `or`;
 *              kept: 3x-2x, (x^MIN)-MIN, high and low half exchanged twice in 64 bits
 *   always undone: a select of equal arms, ne of a boolean with 0, a dead product, a spill to a local, wrap of anything that
 *              only touches the high half by and, or, xor or a constant sum.
 * Nearly free: association, comparisons with a constant, x+x, sign against mask, loads of the other sign, the 64-bit form.
 * A rule is listed under the operator that it replaces, the cheapest and the most different first.
 */
#include "rewrite.h"

#define B RULE_BOTH
#define W32 RULE_32
#define W64 RULE_64
#define SMALL (RULE_BOTH | RULE_SMALL)
#define SMALL32 (RULE_32 | RULE_SMALL)
#define ALWAYS NULL
#define POW2 "(eq (popcnt K) 1)"
#define SHIFT "(lt_u (sub K 1) M)" /* 1 to width-1 */
#define NOT0 "(ne K 0)"
#define NOT1S "(ne K -1)"
#define ORDERED "(and (lt_u 2 (add K 1)) (lt_u 1 (sub K MAX)))" /* none of -1 0 1, which the compiler turns itself, MIN and MAX */
#define MIXED "(lt_u (sub (add K 1) 2) -2)" /* neither 0 nor all ones */

const Rule rewrite_rules[] = {
	/* sums and differences */
	{"add-assoc-right", B, "(add (add x y) z)", "(add x (add y z))", ALWAYS},
	{"add-assoc-swap", B, "(add (add x y) z)", "(add (add x z) y)", ALWAYS},
	{"add-assoc-left", B, "(add x (add y z))", "(add (add x y) z)", ALWAYS},
	{"add-sub-left", B, "(add x (sub y z))", "(sub (add x y) z)", ALWAYS},
	{"add-sub-mirror", B, "(add x (sub y z))", "(sub x (sub z y))", ALWAYS},
	{"add-sub-late", B, "(add (sub x y) z)", "(sub (add x z) y)", ALWAYS},
	{"add-sub-right", B, "(add (sub x y) z)", "(add x (sub z y))", ALWAYS},
	{"add-mul-negated", B, "(add (mul x y) z)", "(sub z (mul x (neg y)))", ALWAYS},
	{"add-const-negated", B, "(add x K)", "(sub K (neg x))", NOT0},
	{"add-const-by-local", B, "(add x K)", "(sub (add x v) (sub v K))", NOT0},
	{"add-shifted", B, "(add x y)", "(sub (add (add x c) y) c)", ALWAYS},
	{"add-shifted-by-local", B, "(add x a)", "(sub (add (add x v) a) v)", ALWAYS},
	{"add-twice", B, "(add x y)", "(sub (mul x 2) (sub x y))", ALWAYS},
	{"add-sign-flipped", W32, "(add x a)", "(xor (add (xor x MIN) a) MIN)", ALWAYS},
	{"sub-sub-joined", B, "(sub (sub x y) z)", "(sub x (add y z))", ALWAYS},
	{"sub-sub-swap", B, "(sub (sub x y) z)", "(sub (sub x z) y)", ALWAYS},
	{"sub-add-apart", B, "(sub x (add y z))", "(sub (sub x y) z)", ALWAYS},
	{"sub-sub-late", B, "(sub x (sub y z))", "(sub (add x z) y)", ALWAYS},
	{"sub-sub-early", B, "(sub x (sub y z))", "(add (sub x y) z)", ALWAYS},
	{"sub-add-right", B, "(sub (add x y) z)", "(add x (sub y z))", ALWAYS},
	{"sub-from-const-not", B, "(sub K x)", "(add (sub -1 x) (add K 1))", NOT0},
	{"sub-from-const-negated", B, "(sub K x)", "(neg (sub x K))", NOT0},
	{"sub-add-not", B, "(sub x a)", "(add (add x 1) (not a))", ALWAYS},
	{"sub-by-local", B, "(sub x a)", "(add (sub x v) (sub v a))", ALWAYS},
	{"sub-sign-flipped", W32, "(sub x a)", "(xor (sub (xor x MIN) a) MIN)", ALWAYS},

	/* products */
	{"mul-assoc", B, "(mul (mul x y) z)", "(mul x (mul y z))", ALWAYS},
	{"mul-distribute-left", B, "(mul (add x y) z)", "(add (mul x z) (mul y z))", ALWAYS},
	{"mul-distribute-right", B, "(mul x (add y z))", "(add (mul x y) (mul x z))", ALWAYS},
	{"mul-const-above", B, "(mul x K)", "(sub (mul x (add K 1)) x)", ALWAYS},
	{"mul-const-below", B, "(mul x K)", "(add (mul x (sub K 1)) x)", ALWAYS},
	{"mul-const-split", B, "(mul x K)", "(add (mul x 4) (mul x (sub K 4)))", ALWAYS},
	{"mul-below", B, "(mul x a)", "(add (mul x (sub a 1)) x)", ALWAYS},

	/* quotients: each divides by zero, and overflows, exactly where the first term does */
	{"div_u-wide", W32, "(div_u x a)", "(wrap (div_u (extend_u x) (extend_u a)))", ALWAYS},
	{"div_u-tripled", B, "(div_u x a)", "(div_u (sub (mul x 3) (mul x 2)) a)", ALWAYS},
	{"div_s-tripled", B, "(div_s x a)", "(div_s (sub (mul x 3) (mul x 2)) a)", ALWAYS},
	{"rem_u-wide", W32, "(rem_u x a)", "(wrap (rem_u (extend_u x) (extend_u a)))", ALWAYS},
	{"rem_u-tripled", B, "(rem_u x a)", "(rem_u (sub (mul x 3) (mul x 2)) a)", ALWAYS},
	{"rem_s-wide", W32, "(rem_s x a)", "(wrap (rem_s (extend_s x) (extend_s a)))", ALWAYS},
	{"rem_s-tripled", B, "(rem_s x a)", "(rem_s (sub (mul x 3) (mul x 2)) a)", ALWAYS},

	/* bits */
	{"and-assoc", B, "(and (and x y) z)", "(and x (and y z))", ALWAYS},
	{"and-low8-shifted", B, "(and x 255)", "(shr_u (shl x (sub W 8)) (sub W 8))", ALWAYS},
	{"and-low16-shifted", B, "(and x 65535)", "(shr_u (shl x (sub W 16)) (sub W 16))", ALWAYS},
	{"and-low1-shifted", B, "(and x 1)", "(neg (shr_s (shl x M) M))", ALWAYS},
	{"and-distribute-or", B, "(and (or x y) z)", "(or (and x z) (and y z))", ALWAYS},
	{"and-distribute-xor", B, "(and (xor x y) z)", "(xor (and x z) (and y z))", ALWAYS},
	{"and-const-noise-set", B, "(and x K)", "(and (or x (and c (not K))) K)", MIXED},
	{"and-const-noise-flipped", B, "(and x K)", "(and (xor x (and c (not K))) K)", MIXED},
	{"and-const-rotated", B, "(and x K)", "(rotr (and (rotl x k) (rotl K k)) k)", MIXED},
	{"and-const-sub", B, "(and x K)", "(sub x (and x (not K)))", MIXED},
	{"and-or-not", B, "(and x y)", "(sub (or x (not y)) (not y))", ALWAYS},
	{"or-assoc", B, "(or (or x y) z)", "(or x (or y z))", ALWAYS},
	{"or-distribute-and", B, "(or (and x y) z)", "(and (or x z) (or y z))", ALWAYS},
	{"or-const-add", B, "(or x K)", "(add (and x (not K)) K)", MIXED},
	{"or-const-xor", B, "(or x K)", "(xor (and x (not K)) K)", MIXED},
	{"or-const-noise-flipped", B, "(or x K)", "(or (xor x (and c K)) K)", MIXED},
	{"or-const-noise-cleared", B, "(or x K)", "(or (and x (or c (not K))) K)", MIXED},
	{"or-add-right", B, "(or x a)", "(add (and x (not a)) a)", ALWAYS},
	{"xor-assoc", B, "(xor (xor x y) z)", "(xor x (xor y z))", ALWAYS},
	{"xor-const-rotated", B, "(xor x K)", "(rotr (xor (rotl x k) (rotl K k)) k)", MIXED},
	{"xor-or-nand", B, "(xor x a)", "(sub (or x a) (sub -1 (or (not x) (not a))))", ALWAYS},
	{"xor-or", B, "(xor x a)", "(or (and x (not a)) (and a (not x)))", ALWAYS},

	/* shifts and rotations */
	{"shl-1-add", B, "(shl x 1)", "(add x x)", ALWAYS},
	{"shl-const-late", B, "(shl (shl x K) y)", "(shl (shl x y) K)", ALWAYS},
	{"shl-const-rotated", B, "(shl x K)", "(and (rotl x K) (shl -1 K))", SHIFT},
	{"shl-const-masked", W32, "(shl x K)", "(rotl (and x (shr_u -1 K)) K)", SHIFT},
	{"shl-const-add", B, "(shl x K)", "(shl (add x x) (sub K 1))", "(lt_u (sub K 2) (sub M 1))"},
	{"shl-amount-plus", B, "(shl x y)", "(shl x (sub y W))", ALWAYS},
	{"shl-amount-flipped", B, "(shl x y)", "(shl x (xor y W))", ALWAYS},
	{"shl-amount-set", B, "(shl x y)", "(shl x (or y W))", ALWAYS},
	{"shl-wide", W32, "(shl x a)", "(wrap (shl (extend_u x) (extend_u (and a 31))))", ALWAYS},
	{"shr_u-const-masked", B, "(shr_u x K)", "(rotr (and x (shl -1 K)) K)", SHIFT},
	{"shr_u-const-rotated", W32, "(shr_u x K)", "(and (rotr x K) (shr_u -1 K))", SHIFT},
	{"shr_u-const-cleared", B, "(shr_u x K)", "(shr_u (and x (shl -1 K)) K)", SHIFT},
	{"shr_u-const-noise", B, "(shr_u x K)", "(shr_u (xor x (shr_u (shl (or c 1) (sub W K)) (sub W K))) K)", SHIFT},
	{"shr_u-amount-plus", B, "(shr_u x y)", "(shr_u x (sub y W))", ALWAYS},
	{"shr_u-amount-flipped", B, "(shr_u x y)", "(shr_u x (xor y W))", ALWAYS},
	{"shr_u-amount-set", B, "(shr_u x y)", "(shr_u x (or y W))", ALWAYS},
	{"shr_u-wide", W32, "(shr_u x a)", "(wrap (shr_u (extend_u x) (extend_u (and a 31))))", ALWAYS},
	{"shr_s-const-wide", W32, "(shr_s x K)", "(wrap (shr_u (extend_s x) K))", SHIFT},
	{"shr_s-const-noise", B, "(shr_s x K)", "(shr_s (xor x (shr_u (shl (or c 1) (sub W K)) (sub W K))) K)", SHIFT},
	{"shr_s-const-biased", W32, "(shr_s x K)", "(sub (shr_u (xor x MIN) K) (shr_u MIN K))", SHIFT},
	{"shr_s-amount-plus", B, "(shr_s x y)", "(shr_s x (sub y W))", ALWAYS},
	{"shr_s-amount-flipped", B, "(shr_s x y)", "(shr_s x (xor y W))", ALWAYS},
	{"shr_s-wide", W32, "(shr_s x a)", "(wrap (shr_s (extend_s x) (extend_u (and a 31))))", ALWAYS},
	{"rotl-amount-flipped", B, "(rotl x y)", "(rotl x (xor y W))", ALWAYS},
	{"rotl-const-not", B, "(rotl x K)", "(not (rotl (not x) K))", SHIFT},
	{"rotl-amount-plus", B, "(rotl x y)", "(rotl x (sub y W))", ALWAYS},
	{"rotl-amount-set", B, "(rotl x y)", "(rotl x (or y W))", ALWAYS},
	{"rotr-amount-flipped", B, "(rotr x y)", "(rotr x (xor y W))", ALWAYS},
	{"rotr-const-not", B, "(rotr x K)", "(not (rotr (not x) K))", SHIFT},
	{"rotr-amount-plus", B, "(rotr x y)", "(rotr x (sub y W))", ALWAYS},
	{"rotr-amount-set", B, "(rotr x y)", "(rotr x (or y W))", ALWAYS},

	/* comparisons */
	{"eqz-borrow", W32, "(eqz x)", "(wrap (shr_u (sub (extend_u x) 1) 63))", ALWAYS},
	{"eqz-rotated", B, "(eqz x)", "(eqz (rotl x k))", ALWAYS},
	{"eqz-flipped", B, "(eqz x)", "(eq (xor x c) c)", ALWAYS},
	{"eqz-below", B, "(eqz x)", "(gt_u (sub x 1) -2)", ALWAYS},
	{"eqz-not-ne", B, "(eqz x)", "(xor (ne x 0) 1)", ALWAYS},
	{"eq-const-not", B, "(eq x K)", "(eq (not x) (not K))", ALWAYS},
	{"eq-const-flipped", B, "(eq x K)", "(eq (xor x c) (xor K c))", ALWAYS},
	{"eq-const-rotated", B, "(eq x K)", "(eq (rotl x k) (rotl K k))", ALWAYS},
	{"eq-borrow", W32, "(eq x a)", "(wrap (shr_u (sub (extend_u (xor x a)) 1) 63))", ALWAYS},
	{"eq-rotated", B, "(eq x a)", "(eqz (rotl (xor x a) k))", ALWAYS},
	{"eq-sum-not", B, "(eq x y)", "(eq (add x (not y)) -1)", ALWAYS},
	{"eq-wide", W32, "(eq x a)", "(eq (extend_s x) (extend_s a))", ALWAYS},
	{"ne-const-not", B, "(ne x K)", "(ne (not x) (not K))", ALWAYS},
	{"ne-const-flipped", B, "(ne x K)", "(ne (xor x c) (xor K c))", ALWAYS},
	{"ne-borrow", W32, "(ne x a)", "(wrap (shr_u (neg (extend_u (xor x a))) 63))", ALWAYS},
	{"ne-not-eq", B, "(ne x a)", "(xor (eq x a) 1)", ALWAYS},
	{"ne-rotated", B, "(ne x a)", "(ne (rotl x k) (rotl a k))", ALWAYS},
	{"lt_s-0-sign", W32, "(lt_s x 0)", "(shr_u x 31)", ALWAYS},
	{"lt_s-0-sign", W64, "(lt_s x 0)", "(wrap (shr_u x 63))", ALWAYS},
	{"lt_s-const-le", B, "(lt_s x K)", "(le_s x (sub K 1))", ORDERED},
	{"lt_s-const-not", B, "(lt_s x K)", "(gt_s (not x) (not K))", ALWAYS},
	{"lt_s-not", B, "(lt_s x a)", "(lt_s (not a) (not x))", ALWAYS},
	{"lt_s-not-ge", B, "(lt_s x a)", "(xor (ge_s x a) 1)", ALWAYS},
	{"lt_s-difference", W32, "(lt_s x a)", "(wrap (shr_u (sub (extend_s x) (extend_s a)) 63))", ALWAYS},
	{"lt_s-wide", W32, "(lt_s x a)", "(lt_s (extend_s x) (extend_s a))", ALWAYS},
	{"lt_u-pow2-masked", B, "(lt_u x K)", "(eqz (and x (neg K)))", POW2},
	{"lt_u-pow2-shifted", B, "(lt_u x K)", "(eqz (shr_u x (ctz K)))", POW2},
	{"lt_u-const-le", B, "(lt_u x K)", "(le_u x (sub K 1))", NOT0},
	{"lt_u-const-not", B, "(lt_u x K)", "(gt_u (not x) (not K))", ALWAYS},
	{"lt_u-not", B, "(lt_u x a)", "(lt_u (not a) (not x))", ALWAYS},
	{"lt_u-not-ge", B, "(lt_u x a)", "(xor (ge_u x a) 1)", ALWAYS},
	{"lt_u-borrow", W32, "(lt_u x a)", "(wrap (shr_u (sub (extend_u x) (extend_u a)) 63))", ALWAYS},
	{"lt_u-wide", W32, "(lt_u x a)", "(lt_s (extend_u x) (extend_u a))", ALWAYS},
	{"gt_s-const-ge", B, "(gt_s x K)", "(ge_s x (add K 1))", ORDERED},
	{"gt_s-const-not", B, "(gt_s x K)", "(lt_s (not x) (not K))", ALWAYS},
	{"gt_s-not-le", B, "(gt_s x a)", "(xor (le_s x a) 1)", ALWAYS},
	{"gt_s-wide", W32, "(gt_s x a)", "(gt_s (extend_s x) (extend_s a))", ALWAYS},
	{"gt_u-const-ge", B, "(gt_u x K)", "(ge_u x (add K 1))", NOT1S},
	{"gt_u-const-not", B, "(gt_u x K)", "(lt_u (not x) (not K))", ALWAYS},
	{"gt_u-not-le", B, "(gt_u x a)", "(xor (le_u x a) 1)", ALWAYS},
	{"gt_u-wide", W32, "(gt_u x a)", "(gt_s (extend_u x) (extend_u a))", ALWAYS},
	{"le_s-const-lt", B, "(le_s x K)", "(lt_s x (add K 1))", ORDERED},
	{"le_s-not-gt", B, "(le_s x a)", "(xor (gt_s x a) 1)", ALWAYS},
	{"le_s-wide", W32, "(le_s x a)", "(le_s (extend_s x) (extend_s a))", ALWAYS},
	{"le_u-const-lt", B, "(le_u x K)", "(lt_u x (add K 1))", NOT1S},
	{"le_u-not-gt", B, "(le_u x a)", "(xor (gt_u x a) 1)", ALWAYS},
	{"le_u-wide", W32, "(le_u x a)", "(le_s (extend_u x) (extend_u a))", ALWAYS},
	{"ge_s-0-sign", W32, "(ge_s x 0)", "(shr_u (not x) 31)", ALWAYS},
	{"ge_s-0-sign", W64, "(ge_s x 0)", "(wrap (shr_u (not x) 63))", ALWAYS},
	{"ge_s-const-gt", B, "(ge_s x K)", "(gt_s x (sub K 1))", ORDERED},
	{"ge_s-not-lt", B, "(ge_s x a)", "(xor (lt_s x a) 1)", ALWAYS},
	{"ge_s-wide", W32, "(ge_s x a)", "(ge_s (extend_s x) (extend_s a))", ALWAYS},
	{"ge_u-const-gt", B, "(ge_u x K)", "(gt_u x (sub K 1))", NOT0},
	{"ge_u-pow2-masked", B, "(ge_u x K)", "(ne (and x (neg K)) 0)", POW2},
	{"ge_u-not-lt", B, "(ge_u x a)", "(xor (lt_u x a) 1)", ALWAYS},
	{"ge_u-wide", W32, "(ge_u x a)", "(ge_s (extend_u x) (extend_u a))", ALWAYS},

	/* counts */
	{"clz-wide", W32, "(clz x)", "(sub (wrap (clz (extend_u x))) 32)", ALWAYS},
	{"clz-smeared", B, "(clz x)", "(clz (or x (shr_u x k)))", ALWAYS},
	{"ctz-negated", B, "(ctz x)", "(ctz (neg x))", ALWAYS},
	{"ctz-odd", B, "(ctz x)", "(ctz (mul x o))", ALWAYS},
	{"ctz-popcnt", W32, "(ctz x)", "(popcnt (sub (and x (neg x)) 1))", ALWAYS},
	{"popcnt-wide", W32, "(popcnt x)", "(wrap (popcnt (extend_u x)))", ALWAYS},
	{"popcnt-tripled", B, "(popcnt x)", "(popcnt (sub (mul x 3) (mul x 2)))", ALWAYS},

	/* extensions, wraps and loads */
	{"extend8_s-biased", B, "(extend8_s x)", "(sub (xor (and x 255) 128) 128)", ALWAYS},
	{"extend8_s-biased-add", B, "(extend8_s x)", "(sub (and (add x 128) 255) 128)", ALWAYS},
	{"extend8_s-not", B, "(extend8_s x)", "(not (extend8_s (not x)))", ALWAYS},
	{"extend16_s-biased", B, "(extend16_s x)", "(sub (xor (and x 65535) 32768) 32768)", ALWAYS},
	{"extend16_s-biased-add", B, "(extend16_s x)", "(sub (and (add x 32768) 65535) 32768)", ALWAYS},
	{"extend16_s-not", B, "(extend16_s x)", "(not (extend16_s (not x)))", ALWAYS},
	{"extend32_s-rotated", W64, "(extend32_s x)", "(shr_s (rotl x 32) 32)", ALWAYS},
	{"extend32_s-not", W64, "(extend32_s x)", "(not (extend32_s (not x)))", ALWAYS},
	{"extend_s-rotated", W32, "(extend_s x)", "(shr_s (rotl (extend_u x) 32) 32)", ALWAYS},
	{"extend_s-not", W32, "(extend_s x)", "(not (extend_s (not x)))", ALWAYS},
	{"extend_s-or", W32, "(extend_s x)", "(or (extend_s x) (extend_u x))", ALWAYS},
	{"extend_u-rotated", W32, "(extend_u x)", "(shr_u (rotl (extend_s x) 32) 32)", ALWAYS},
	{"extend_u-and", W32, "(extend_u x)", "(and (extend_u x) (extend_s x))", ALWAYS},
	{"wrap-high-rotated", W64, "(wrap (shr_u x 32))", "(wrap (rotl x 32))", ALWAYS},
	{"wrap-high-signed", W64, "(wrap (shr_u x 32))", "(wrap (shr_s x 32))", ALWAYS},
	{"wrap-add", W64, "(wrap (add x y))", "(add (wrap x) (wrap y))", ALWAYS},
	{"wrap-mul", W64, "(wrap (mul x y))", "(mul (wrap x) (wrap y))", ALWAYS},
	{"wrap-rotated", W64, "(wrap x)", "(wrap (rotl (shl x 32) 32))", ALWAYS},
	{"load8_u-signed", B, "(load8_u x)", "(and (load8_s x) 255)", ALWAYS},
	{"load16_u-signed", B, "(load16_u x)", "(and (load16_s x) 65535)", ALWAYS},
	{"load32_u-signed", W64, "(load32_u x)", "(and (load32_s x) 0xffffffff)", ALWAYS},
	{"load8_s-unsigned", B, "(load8_s x)", "(shr_s (shl (load8_u x) (sub W 8)) (sub W 8))", ALWAYS},
	{"load16_s-unsigned", B, "(load16_s x)", "(shr_s (shl (load16_u x) (sub W 16)) (sub W 16))", ALWAYS},
	{"load32_s-unsigned", W64, "(load32_s x)", "(shr_s (shl (load32_u x) (sub W 32)) (sub W 32))", ALWAYS},
	{"load-wide", W32, "(load x)", "(wrap (load32_s x))", ALWAYS},

	/* choices */
	{"select-odd", B, "(select a b x)", "(select a b (mul x o))", ALWAYS},
	{"select-flipped", W32, "(select a b x)", "(xor b (select (xor a b) 0 x))", ALWAYS},

	/* constants, and values from elsewhere: all that the smallest functions are made of */
	{"const-absorbed", B, "K", "(or K (and v K))", MIXED},
	{"const-absorbed-part", SMALL, "K", "(or K (and v (and K c)))", MIXED},
	{"const-limit", SMALL, "K", "(and K (or v (or K c)))", MIXED},
	{"const-plus-even-bit", B, "K", "(add K (and (add v v) 1))", NOT0},
	{"const-plus-absorbed", SMALL, "K", "(add (sub K c) (or c (and v c)))", NOT0},
	{"const-flip-even-bit", SMALL, "K", "(xor K (and (shl v k) 1))", NOT0},
	{"const-difference", B, "K", "(sub v (sub v K))", NOT0},
	{"const-sum-not", SMALL, "K", "(add (add v (add K 1)) (not v))", NOT0},
	{"value-sign-flipped", W32, "x", "(sub (xor x MIN) MIN)", ALWAYS},
	{"value-tripled", B, "x", "(sub (mul x 3) (mul x 2))", ALWAYS},
	{"value-quintupled", SMALL, "x", "(sub (mul x 5) (mul x 4))", ALWAYS},
	{"value-by-local", SMALL, "x", "(sub (add x (mul v 2)) (add v v))", ALWAYS},
	{"value-difference", SMALL, "x", "(sub v (sub v x))", ALWAYS},
	{"value-halves", SMALL, "x", "(add (and x c) (and x (not c)))", ALWAYS},
	{"value-rotated", SMALL32, "x", "(wrap (rotl (shl (extend_u x) 32) 32))", ALWAYS},
	{"value-shifted-out", SMALL32, "x", "(wrap (shr_u (rotl (extend_u x) 20) 20))", ALWAYS},
	{"value-twice", SMALL32, "x", "(wrap (or (extend_u x) (shl (extend_u x) 32)))", ALWAYS},
	{"value-below-local", SMALL32, "x", "(wrap (add (extend_s x) (shl (extend_u v) 32)))", ALWAYS},
};
const uint32_t rewrite_nrules = LEN(rewrite_rules);
