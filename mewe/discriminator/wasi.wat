;; wasi.wat - every word from the host: one random_get for each choice.

(func $mewe.word (result i64)
  (call $mewe.entropy (i32.const 0)))
