;; host.wat - the host decides; what is out of range means the original.

(import "mewe" "choose" (func $mewe.choose (param i32 i32) (result i32)))

(func $mewe.draw (param $dispatcher i32) (param $n i32) (result i32)
  (local $k i32)
  (local.set $k (call $mewe.choose (local.get $dispatcher) (local.get $n)))
  (select
    (local.get $k)
    (i32.const 0)
    (i32.lt_u (local.get $k) (local.get $n))))
