;; gate.wat - before the first entry nothing is drawn and the original runs, so that a snapshot taken then holds no state.

(func $mewe.gate (param $dispatcher i32) (param $n i32) (result i32)
  (if (result i32) (global.get $mewe.live)
    (then (call $mewe.draw (local.get $dispatcher) (local.get $n)))
    (else (i32.const 0))))
