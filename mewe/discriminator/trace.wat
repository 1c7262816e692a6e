;; trace.wat - the three traces as hashes of sequences, and counts. The build puts mewe.first (has this dispatcher not run
;; yet?), mewe.clear and the global mewe.live beside this file, and trace_hash.wat or trace_full.wat.

(global $mewe.entry (mut i64) (i64.const 0))
(global $mewe.choice (mut i64) (i64.const 0))
(global $mewe.body (mut i64) (i64.const 0))
(global $mewe.length (mut i64) (i64.const 0))
(global $mewe.choices (mut i64) (i64.const 0))
(global $mewe.executed (mut i64) (i64.const 0))
(global $mewe.bits (mut f64) (f64.const 0))
(export "mewe.entry" (global $mewe.entry))
(export "mewe.choice" (global $mewe.choice))
(export "mewe.body" (global $mewe.body))
(export "mewe.length" (global $mewe.length))
(export "mewe.choices" (global $mewe.choices))
(export "mewe.executed" (global $mewe.executed))
(export "mewe.bits" (global $mewe.bits))
(export "mewe.reset" (func $mewe.reset))

;; The hash of a sequence with one more id at its end: splitmix64's output function of the sum.
(func $mewe.mix (param $hash i64) (param $id i32) (result i64)
  (local $x i64)
  (local.set $x (i64.add
    (i64.add (local.get $hash) (i64.const 0x9e3779b97f4a7c15))
    (i64.extend_i32_u (local.get $id))))
  (local.set $x (i64.mul
    (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 30)))
    (i64.const 0xbf58476d1ce4e5b9)))
  (local.set $x (i64.mul
    (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 27)))
    (i64.const 0x94d049bb133111eb)))
  (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 31))))

;; A function, or a variant, is entered: its id in the entry trace and in the body trace.
(func $mewe.enter (param $entry i32) (param $body i32)
  (global.set $mewe.length (i64.add (global.get $mewe.length) (i64.const 1)))
  (global.set $mewe.entry (call $mewe.mix (global.get $mewe.entry) (local.get $entry)))
  (global.set $mewe.body (call $mewe.mix (global.get $mewe.body) (local.get $body)))
  (call $mewe.record (local.get $entry)))

;; A region took an alternative: its id in the body trace. No function is entered, so the entry trace does not see it.
(func $mewe.took (param $alternative i32) (param $body i32)
  (global.set $mewe.body (call $mewe.mix (global.get $mewe.body) (local.get $body)))
  (call $mewe.record (local.get $alternative)))

;; Dispatcher d (counted from 0) took its variant k, out of 2^bits.
(func $mewe.chose (param $d i32) (param $k i32) (param $bits f64)
  (if (i32.eqz (global.get $mewe.live))
    (then (return)))
  (if (i32.eqz (call $mewe.first (local.get $d)))
    (then (return)))
  (global.set $mewe.choices (i64.add (global.get $mewe.choices) (i64.const 1)))
  (global.set $mewe.bits (f64.add (global.get $mewe.bits) (local.get $bits)))
  (global.set $mewe.choice (call $mewe.mix
    (global.get $mewe.choice)
    (i32.or
      (i32.shl (local.get $d) (i32.const 12))
      (i32.add (local.get $k) (i32.const 1))))))

(func $mewe.reset
  (global.set $mewe.entry (i64.const 0))
  (global.set $mewe.choice (i64.const 0))
  (global.set $mewe.body (i64.const 0))
  (global.set $mewe.length (i64.const 0))
  (global.set $mewe.choices (i64.const 0))
  (global.set $mewe.executed (i64.const 0))
  (global.set $mewe.bits (f64.const 0))
  (call $mewe.clear)
  (call $mewe.rewind))

;; What the guest's trace_hash() gives.
(func $mewe.hash (param $kind i32) (result i64)
  (if (i32.eqz (local.get $kind))
    (then (return (global.get $mewe.entry))))
  (if (i32.eq (local.get $kind) (i32.const 1))
    (then (return (global.get $mewe.choice))))
  (if (i32.eq (local.get $kind) (i32.const 2))
    (then (return (global.get $mewe.body))))
  (i64.const 0))
