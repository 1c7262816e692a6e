;; draw.wat - one of n, from the high half of one random word: the high half of its product with n, drawn again in the few
;; cases that would make some k likelier (the low half is below 2^32 mod n).

(func $mewe.draw (param $dispatcher i32) (param $n i32) (result i32)
  (local $m i64)
  (loop $again
    (local.set $m (i64.mul
      (i64.shr_u (call $mewe.word) (i64.const 32))
      (i64.extend_i32_u (local.get $n))))
    (if (i32.lt_u (i32.wrap_i64 (local.get $m)) (local.get $n))
      (then
        (br_if $again (i32.lt_u
          (i32.wrap_i64 (local.get $m))
          (i32.rem_u (i32.sub (i32.const 0) (local.get $n)) (local.get $n)))))))
  (i32.wrap_i64 (i64.shr_u (local.get $m) (i64.const 32))))
