;; chacha.wat - ChaCha with 12 rounds as a generator: key, counter and one block of output in globals, so that nothing of it
;; is ever in linear memory. Keyed at the first draw, by mewe.key. Twelve rounds: the best attacks known reach seven.

(global $mewe.keyed (mut i32) (i32.const 0))
(global $mewe.key.0 (mut i64) (i64.const 0))
(global $mewe.key.1 (mut i64) (i64.const 0))
(global $mewe.key.2 (mut i64) (i64.const 0))
(global $mewe.key.3 (mut i64) (i64.const 0))
(global $mewe.counter (mut i64) (i64.const 0))
(global $mewe.at (mut i32) (i32.const 8)) ;; the next word of the block; 8: it is used up
(global $mewe.word.0 (mut i64) (i64.const 0))
(global $mewe.word.1 (mut i64) (i64.const 0))
(global $mewe.word.2 (mut i64) (i64.const 0))
(global $mewe.word.3 (mut i64) (i64.const 0))
(global $mewe.word.4 (mut i64) (i64.const 0))
(global $mewe.word.5 (mut i64) (i64.const 0))
(global $mewe.word.6 (mut i64) (i64.const 0))
(global $mewe.word.7 (mut i64) (i64.const 0))
(global $mewe.pool (mut i64) (i64.const 0)) ;; what is left of a word, from the lowest bit up to a 1 that ends it; 0: nothing

;; The next draw asks for a new key.
(func $mewe.forget
  (global.set $mewe.keyed (i32.const 0))
  (global.set $mewe.at (i32.const 8))
  (global.set $mewe.pool (i64.const 0)))

;; The block of this key and counter, with the 64-bit counter in words 12 and 13 and a nonce of 0.
(func $mewe.block (param $doublerounds i32)
  (local $x0 i32) (local $x1 i32) (local $x2 i32) (local $x3 i32)
  (local $x4 i32) (local $x5 i32) (local $x6 i32) (local $x7 i32)
  (local $x8 i32) (local $x9 i32) (local $x10 i32) (local $x11 i32)
  (local $x12 i32) (local $x13 i32) (local $x14 i32) (local $x15 i32)
  (local.set $x0 (i32.const 0x61707865))
  (local.set $x1 (i32.const 0x3320646e))
  (local.set $x2 (i32.const 0x79622d32))
  (local.set $x3 (i32.const 0x6b206574))
  (local.set $x4 (i32.wrap_i64 (global.get $mewe.key.0)))
  (local.set $x5 (i32.wrap_i64 (i64.shr_u (global.get $mewe.key.0) (i64.const 32))))
  (local.set $x6 (i32.wrap_i64 (global.get $mewe.key.1)))
  (local.set $x7 (i32.wrap_i64 (i64.shr_u (global.get $mewe.key.1) (i64.const 32))))
  (local.set $x8 (i32.wrap_i64 (global.get $mewe.key.2)))
  (local.set $x9 (i32.wrap_i64 (i64.shr_u (global.get $mewe.key.2) (i64.const 32))))
  (local.set $x10 (i32.wrap_i64 (global.get $mewe.key.3)))
  (local.set $x11 (i32.wrap_i64 (i64.shr_u (global.get $mewe.key.3) (i64.const 32))))
  (local.set $x12 (i32.wrap_i64 (global.get $mewe.counter)))
  (local.set $x13 (i32.wrap_i64 (i64.shr_u (global.get $mewe.counter) (i64.const 32))))
  (loop $rounds
    ;; 0 4 8 12
    (local.set $x0 (i32.add (local.get $x0) (local.get $x4)))
    (local.set $x12 (i32.rotl (i32.xor (local.get $x12) (local.get $x0)) (i32.const 16)))
    (local.set $x8 (i32.add (local.get $x8) (local.get $x12)))
    (local.set $x4 (i32.rotl (i32.xor (local.get $x4) (local.get $x8)) (i32.const 12)))
    (local.set $x0 (i32.add (local.get $x0) (local.get $x4)))
    (local.set $x12 (i32.rotl (i32.xor (local.get $x12) (local.get $x0)) (i32.const 8)))
    (local.set $x8 (i32.add (local.get $x8) (local.get $x12)))
    (local.set $x4 (i32.rotl (i32.xor (local.get $x4) (local.get $x8)) (i32.const 7)))
    ;; 1 5 9 13
    (local.set $x1 (i32.add (local.get $x1) (local.get $x5)))
    (local.set $x13 (i32.rotl (i32.xor (local.get $x13) (local.get $x1)) (i32.const 16)))
    (local.set $x9 (i32.add (local.get $x9) (local.get $x13)))
    (local.set $x5 (i32.rotl (i32.xor (local.get $x5) (local.get $x9)) (i32.const 12)))
    (local.set $x1 (i32.add (local.get $x1) (local.get $x5)))
    (local.set $x13 (i32.rotl (i32.xor (local.get $x13) (local.get $x1)) (i32.const 8)))
    (local.set $x9 (i32.add (local.get $x9) (local.get $x13)))
    (local.set $x5 (i32.rotl (i32.xor (local.get $x5) (local.get $x9)) (i32.const 7)))
    ;; 2 6 10 14
    (local.set $x2 (i32.add (local.get $x2) (local.get $x6)))
    (local.set $x14 (i32.rotl (i32.xor (local.get $x14) (local.get $x2)) (i32.const 16)))
    (local.set $x10 (i32.add (local.get $x10) (local.get $x14)))
    (local.set $x6 (i32.rotl (i32.xor (local.get $x6) (local.get $x10)) (i32.const 12)))
    (local.set $x2 (i32.add (local.get $x2) (local.get $x6)))
    (local.set $x14 (i32.rotl (i32.xor (local.get $x14) (local.get $x2)) (i32.const 8)))
    (local.set $x10 (i32.add (local.get $x10) (local.get $x14)))
    (local.set $x6 (i32.rotl (i32.xor (local.get $x6) (local.get $x10)) (i32.const 7)))
    ;; 3 7 11 15
    (local.set $x3 (i32.add (local.get $x3) (local.get $x7)))
    (local.set $x15 (i32.rotl (i32.xor (local.get $x15) (local.get $x3)) (i32.const 16)))
    (local.set $x11 (i32.add (local.get $x11) (local.get $x15)))
    (local.set $x7 (i32.rotl (i32.xor (local.get $x7) (local.get $x11)) (i32.const 12)))
    (local.set $x3 (i32.add (local.get $x3) (local.get $x7)))
    (local.set $x15 (i32.rotl (i32.xor (local.get $x15) (local.get $x3)) (i32.const 8)))
    (local.set $x11 (i32.add (local.get $x11) (local.get $x15)))
    (local.set $x7 (i32.rotl (i32.xor (local.get $x7) (local.get $x11)) (i32.const 7)))
    ;; 0 5 10 15
    (local.set $x0 (i32.add (local.get $x0) (local.get $x5)))
    (local.set $x15 (i32.rotl (i32.xor (local.get $x15) (local.get $x0)) (i32.const 16)))
    (local.set $x10 (i32.add (local.get $x10) (local.get $x15)))
    (local.set $x5 (i32.rotl (i32.xor (local.get $x5) (local.get $x10)) (i32.const 12)))
    (local.set $x0 (i32.add (local.get $x0) (local.get $x5)))
    (local.set $x15 (i32.rotl (i32.xor (local.get $x15) (local.get $x0)) (i32.const 8)))
    (local.set $x10 (i32.add (local.get $x10) (local.get $x15)))
    (local.set $x5 (i32.rotl (i32.xor (local.get $x5) (local.get $x10)) (i32.const 7)))
    ;; 1 6 11 12
    (local.set $x1 (i32.add (local.get $x1) (local.get $x6)))
    (local.set $x12 (i32.rotl (i32.xor (local.get $x12) (local.get $x1)) (i32.const 16)))
    (local.set $x11 (i32.add (local.get $x11) (local.get $x12)))
    (local.set $x6 (i32.rotl (i32.xor (local.get $x6) (local.get $x11)) (i32.const 12)))
    (local.set $x1 (i32.add (local.get $x1) (local.get $x6)))
    (local.set $x12 (i32.rotl (i32.xor (local.get $x12) (local.get $x1)) (i32.const 8)))
    (local.set $x11 (i32.add (local.get $x11) (local.get $x12)))
    (local.set $x6 (i32.rotl (i32.xor (local.get $x6) (local.get $x11)) (i32.const 7)))
    ;; 2 7 8 13
    (local.set $x2 (i32.add (local.get $x2) (local.get $x7)))
    (local.set $x13 (i32.rotl (i32.xor (local.get $x13) (local.get $x2)) (i32.const 16)))
    (local.set $x8 (i32.add (local.get $x8) (local.get $x13)))
    (local.set $x7 (i32.rotl (i32.xor (local.get $x7) (local.get $x8)) (i32.const 12)))
    (local.set $x2 (i32.add (local.get $x2) (local.get $x7)))
    (local.set $x13 (i32.rotl (i32.xor (local.get $x13) (local.get $x2)) (i32.const 8)))
    (local.set $x8 (i32.add (local.get $x8) (local.get $x13)))
    (local.set $x7 (i32.rotl (i32.xor (local.get $x7) (local.get $x8)) (i32.const 7)))
    ;; 3 4 9 14
    (local.set $x3 (i32.add (local.get $x3) (local.get $x4)))
    (local.set $x14 (i32.rotl (i32.xor (local.get $x14) (local.get $x3)) (i32.const 16)))
    (local.set $x9 (i32.add (local.get $x9) (local.get $x14)))
    (local.set $x4 (i32.rotl (i32.xor (local.get $x4) (local.get $x9)) (i32.const 12)))
    (local.set $x3 (i32.add (local.get $x3) (local.get $x4)))
    (local.set $x14 (i32.rotl (i32.xor (local.get $x14) (local.get $x3)) (i32.const 8)))
    (local.set $x9 (i32.add (local.get $x9) (local.get $x14)))
    (local.set $x4 (i32.rotl (i32.xor (local.get $x4) (local.get $x9)) (i32.const 7)))
    (br_if $rounds
      (local.tee $doublerounds (i32.sub (local.get $doublerounds) (i32.const 1)))))
  (global.set $mewe.word.0 (i64.or
    (i64.extend_i32_u (i32.add (local.get $x0) (i32.const 0x61707865)))
    (i64.shl (i64.extend_i32_u (i32.add (local.get $x1) (i32.const 0x3320646e))) (i64.const 32))))
  (global.set $mewe.word.1 (i64.or
    (i64.extend_i32_u (i32.add (local.get $x2) (i32.const 0x79622d32)))
    (i64.shl (i64.extend_i32_u (i32.add (local.get $x3) (i32.const 0x6b206574))) (i64.const 32))))
  (global.set $mewe.word.2 (i64.or
    (i64.extend_i32_u (i32.add (local.get $x4) (i32.wrap_i64 (global.get $mewe.key.0))))
    (i64.shl (i64.extend_i32_u (i32.add (local.get $x5) (i32.wrap_i64 (i64.shr_u (global.get $mewe.key.0) (i64.const 32))))) (i64.const 32))))
  (global.set $mewe.word.3 (i64.or
    (i64.extend_i32_u (i32.add (local.get $x6) (i32.wrap_i64 (global.get $mewe.key.1))))
    (i64.shl (i64.extend_i32_u (i32.add (local.get $x7) (i32.wrap_i64 (i64.shr_u (global.get $mewe.key.1) (i64.const 32))))) (i64.const 32))))
  (global.set $mewe.word.4 (i64.or
    (i64.extend_i32_u (i32.add (local.get $x8) (i32.wrap_i64 (global.get $mewe.key.2))))
    (i64.shl (i64.extend_i32_u (i32.add (local.get $x9) (i32.wrap_i64 (i64.shr_u (global.get $mewe.key.2) (i64.const 32))))) (i64.const 32))))
  (global.set $mewe.word.5 (i64.or
    (i64.extend_i32_u (i32.add (local.get $x10) (i32.wrap_i64 (global.get $mewe.key.3))))
    (i64.shl (i64.extend_i32_u (i32.add (local.get $x11) (i32.wrap_i64 (i64.shr_u (global.get $mewe.key.3) (i64.const 32))))) (i64.const 32))))
  (global.set $mewe.word.6 (i64.or
    (i64.extend_i32_u (i32.add (local.get $x12) (i32.wrap_i64 (global.get $mewe.counter))))
    (i64.shl (i64.extend_i32_u (i32.add (local.get $x13) (i32.wrap_i64 (i64.shr_u (global.get $mewe.counter) (i64.const 32))))) (i64.const 32))))
  (global.set $mewe.word.7 (i64.or
    (i64.extend_i32_u (local.get $x14))
    (i64.shl (i64.extend_i32_u (local.get $x15)) (i64.const 32))))
  (global.set $mewe.counter (i64.add (global.get $mewe.counter) (i64.const 1))))

;; The block is used up: the next one.
(func $mewe.fill
  (if (i32.eqz (global.get $mewe.keyed))
    (then (call $mewe.key)))
  (call $mewe.block (i32.const 6))
  (global.set $mewe.at (i32.const 0)))

;; 64 random bits. The word is selected and not jumped to: where a choice made jumps unforeseeable, no other jump can be foreseen.
(func $mewe.word (result i64)
  (local $at i32)
  (if (i32.eq (global.get $mewe.at) (i32.const 8))
    (then (call $mewe.fill)))
  (local.set $at (global.get $mewe.at))
  (global.set $mewe.at (i32.add (local.get $at) (i32.const 1)))
  (select
    (select
      (select (global.get $mewe.word.7) (global.get $mewe.word.6) (i32.and (local.get $at) (i32.const 1)))
      (select (global.get $mewe.word.5) (global.get $mewe.word.4) (i32.and (local.get $at) (i32.const 1)))
      (i32.and (local.get $at) (i32.const 2)))
    (select
      (select (global.get $mewe.word.3) (global.get $mewe.word.2) (i32.and (local.get $at) (i32.const 1)))
      (select (global.get $mewe.word.1) (global.get $mewe.word.0) (i32.and (local.get $at) (i32.const 1)))
      (i32.and (local.get $at) (i32.const 2)))
    (i32.and (local.get $at) (i32.const 4))))

;; What a dispatcher calls when the pool's next $width bits do not give one of n: it has fewer, or they would make some k likelier
;; (the low half of their product with n is below 2^width mod n). Afterwards they do, and the dispatcher takes them itself.
(func $mewe.ready (param $n i32) (param $width i32)
  (local $mask i32)
  (local.set $mask (i32.sub (i32.shl (i32.const 1) (local.get $width)) (i32.const 1)))
  (loop $again
    (if (i64.le_u (global.get $mewe.pool) (i64.extend_i32_u (local.get $mask)))
      (then (global.set $mewe.pool (i64.or (call $mewe.word) (i64.const 0x8000000000000000)))))
    (if (i32.lt_u
        (i32.and (i32.mul (i32.and (i32.wrap_i64 (global.get $mewe.pool)) (local.get $mask)) (local.get $n)) (local.get $mask))
        (i32.rem_u (i32.add (local.get $mask) (i32.const 1)) (local.get $n)))
      (then
        (global.set $mewe.pool (i64.shr_u (global.get $mewe.pool) (i64.extend_i32_u (local.get $width))))
        (br $again)))))
