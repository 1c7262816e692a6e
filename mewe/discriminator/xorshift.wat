;; xorshift.wat - xorshift64*: fast, and not secure: a few outputs give away all that follow. Every state but 0 comes once in
;; 2^64 - 1 draws, so an output is off by at most 2^-64 from fair; 0 stands for "not seeded yet".

(global $mewe.state (mut i64) (i64.const 0))

(func $mewe.forget
  (global.set $mewe.state (i64.const 0)))

;; A seed of 0, which would stay 0, becomes another one.
(func $mewe.key (result i64)
  (local $seed i64)
  (select
    (local.tee $seed (call $mewe.entropy (i32.const 0)))
    (i64.const 0x9e3779b97f4a7c15)
    (i64.ne (local.get $seed) (i64.const 0))))

;; 64 random bits.
(func $mewe.word (result i64)
  (local $x i64)
  (if (i64.eqz (local.tee $x (global.get $mewe.state)))
    (then (local.set $x (call $mewe.key))))
  (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 12))))
  (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 25))))
  (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 27))))
  (global.set $mewe.state (local.get $x))
  (i64.mul (local.get $x) (i64.const 0x2545f4914f6cdd1d)))
