;; seed_wasi.wat - 64 bits of a seed from WASI's random_get, which writes to linear memory: eight bytes there are saved and
;; put back, so that no byte of the seed stays. When the host has no randomness the module traps: it is never predictable
;; without a word. The address is not 0, which some hosts take for a null pointer.

(func $mewe.entropy (param $i i32) (result i64)
  (local $saved i64)
  (local $seed i64)
  (local $failed i32)
  (local.set $saved (i64.load (i32.const 8)))
  (local.set $failed (call $mewe.random_get (i32.const 8) (i32.const 8)))
  (local.set $seed (i64.load (i32.const 8)))
  (i64.store (i32.const 8) (local.get $saved))
  (if (local.get $failed)
    (then (unreachable)))
  (local.get $seed))
