;; trace_hash.wat - hashes only: ids are not kept.

(func $mewe.record (param $id i32))

(func $mewe.rewind)

(func $mewe.read (param $to i32) (param $size i32) (result i32)
  (i32.const 0))
