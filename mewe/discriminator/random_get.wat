;; random_get.wat - the host's randomness, of which seed_wasi.wat and key_wasi.wat make seeds.

(import "wasi_snapshot_preview1" "random_get" (func $mewe.random_get (param i32 i32) (result i32)))
