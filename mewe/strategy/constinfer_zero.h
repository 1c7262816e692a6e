/* constinfer_zero.h - the zeros: {rule, term over v, what must be known of v, whether it is a comparison}.
 * Listed are those of which the engine leaves something (tests/unit/constinfer.c measures it): what it folds to 0, such as
 * (and v (not v)) or (lt_u (or v c) c), has no place here. */

/* products: of two neighbours one is even; a square is 0 or 1 modulo 4, an odd one is 1 modulo 8 */
{"zero-neighbours", "(and (mul v (add v 1)) 1)", ANY, false},
{"zero-neighbours-below", "(and (mul (sub v 1) v) 1)", ANY, false},
{"zero-square-bit", "(and (mul v v) 2)", ANY, false},
{"zero-odd-square-bits", "(and (mul (or v 1) (or v 1)) 6)", ANY, false},
{"zero-square-is-3", "(eq (and (mul v v) 3) 3)", ANY, true},
{"zero-square-parity", "(and (sub (mul v v) v) 1)", ANY, false},
{"zero-cube-parity", "(and (add (mul (mul v v) v) v) 1)", ANY, false},
{"zero-odd-multiple", "(and (sub (mul v o) v) 1)", ANY, false},

/* counts of bits: none is larger than the width */
{"zero-clz-top", "(shr_u (clz (or v 1)) (ctz W))", ANY, false},
{"zero-clz-limit", "(gt_u (clz (or v c)) M)", ANY, true},
{"zero-ctz-limit", "(and (ctz (or v 128)) 8)", ANY, false},
{"zero-ctz-above", "(gt_u (ctz (or v 256)) 8)", ANY, true},
{"zero-popcnt-top", "(shr_u (popcnt (and v 255)) 4)", ANY, false},
{"zero-popcnt-limit", "(gt_u (popcnt (and v 4095)) 12)", ANY, true},

/* order */
{"zero-shifted-above", "(gt_u (shr_u v k) (shr_u -1 k))", ANY, true},
{"zero-sign-of-shifted", "(shr_s (shr_u v k) M)", ANY, false},
{"zero-sign-of-masked", "(lt_s (and v MAX) 0)", ANY, true},
{"zero-byte-product", "(shr_u (mul (and v 255) (and v 255)) 16)", ANY, false},
{"zero-carry", "(xor (lt_u (add v c) c) (lt_u (add v c) v))", ANY, true},
{"zero-both-sides", "(and (lt_s v 0) (gt_s v c))", ANY, true},

/* what is known of v where it stands */
{"zero-known-top", "(shr_u v L)", TOP, false},
{"zero-known-zeros", "(and v L)", ZEROS, false},
{"zero-known-ones", "(xor (and v L) L)", ONES, false},
{"zero-above-limit", "(gt_u v L)", HIGH, true},
{"zero-below-limit", "(lt_u v L)", LOW, true},
