;; key_words.wat - a key for chacha.wat from four seeds of 64 bits.

(func $mewe.key
  (global.set $mewe.key.0 (call $mewe.entropy (i32.const 0)))
  (global.set $mewe.key.1 (call $mewe.entropy (i32.const 1)))
  (global.set $mewe.key.2 (call $mewe.entropy (i32.const 2)))
  (global.set $mewe.key.3 (call $mewe.entropy (i32.const 3)))
  (global.set $mewe.counter (i64.const 0))
  (global.set $mewe.keyed (i32.const 1)))
