;; seed_fixed.wat - the i-th output of splitmix64 from the exported global mewe.seed, which a host may set before the first
;; draw. The build puts that global beside this file.

(func $mewe.entropy (param $i i32) (result i64)
  (local $x i64)
  (local.set $x (i64.add
    (global.get $mewe.seed)
    (i64.mul
      (i64.extend_i32_u (i32.add (local.get $i) (i32.const 1)))
      (i64.const 0x9e3779b97f4a7c15))))
  (local.set $x (i64.mul
    (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 30)))
    (i64.const 0xbf58476d1ce4e5b9)))
  (local.set $x (i64.mul
    (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 27)))
    (i64.const 0x94d049bb133111eb)))
  (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 31))))
