;; trace_full.wat - entry ids in order, in a list of chunks of one page each: {next u32, used u32, ids u32[16382]}. When memory
;; can't grow, recording stops until the next reset.

(global $mewe.trace (mut i32) (i32.const 0)) ;; the first chunk; 0: none yet
(global $mewe.chunk (mut i32) (i32.const 0)) ;; the one that is written to
(global $mewe.stopped (mut i32) (i32.const 0))
(export "mewe.trace" (global $mewe.trace))

;; The chunk after mewe.chunk: one from before a reset, or a new page. 0: there is none to be had.
(func $mewe.more (result i32)
  (local $chunk i32)
  (local $page i32)
  (if (global.get $mewe.chunk)
    (then
      (if (local.tee $chunk (i32.load (global.get $mewe.chunk)))
        (then
          (global.set $mewe.chunk (local.get $chunk))
          (return (local.get $chunk))))))
  (local.set $page (memory.grow (i32.const 1)))
  (if (i32.le_s (local.get $page) (i32.const 0))
    (then
      (global.set $mewe.stopped (i32.const 1))
      (return (i32.const 0))))
  (local.set $chunk (i32.shl (local.get $page) (i32.const 16)))
  (if (global.get $mewe.chunk)
    (then (i32.store (global.get $mewe.chunk) (local.get $chunk)))
    (else (global.set $mewe.trace (local.get $chunk))))
  (global.set $mewe.chunk (local.get $chunk))
  (local.get $chunk))

(func $mewe.record (param $id i32)
  (local $chunk i32)
  (local $used i32)
  (if (global.get $mewe.stopped)
    (then (return)))
  (if (local.tee $chunk (global.get $mewe.chunk))
    (then (local.set $used (i32.load offset=4 (local.get $chunk))))
    (else (local.set $used (i32.const 16382))))
  (if (i32.ge_u (local.get $used) (i32.const 16382))
    (then
      (local.set $used (i32.const 0))
      (if (i32.eqz (local.tee $chunk (call $mewe.more)))
        (then (return)))))
  (i32.store offset=8
    (i32.add (local.get $chunk) (i32.shl (local.get $used) (i32.const 2)))
    (local.get $id))
  (i32.store offset=4 (local.get $chunk) (i32.add (local.get $used) (i32.const 1))))

;; Every chunk is empty, and writing begins at the first.
(func $mewe.rewind
  (local $chunk i32)
  (global.set $mewe.stopped (i32.const 0))
  (global.set $mewe.chunk (global.get $mewe.trace))
  (local.set $chunk (global.get $mewe.trace))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $chunk)))
      (i32.store offset=4 (local.get $chunk) (i32.const 0))
      (local.set $chunk (i32.load (local.get $chunk)))
      (br $next))))

;; What the guest's trace_read() gives: the first ids, as many as size bytes hold, copied to `to`; how many bytes they are.
(func $mewe.read (param $to i32) (param $size i32) (result i32)
  (local $chunk i32)
  (local $i i32)
  (local $done i32)
  (local.set $chunk (global.get $mewe.trace))
  (block $out
    (loop $next
      (br_if $out (i32.eqz (local.get $chunk)))
      (br_if $out (i32.lt_u (i32.sub (local.get $size) (local.get $done)) (i32.const 4)))
      (if (i32.ge_u (local.get $i) (i32.load offset=4 (local.get $chunk)))
        (then
          (local.set $chunk (i32.load (local.get $chunk)))
          (local.set $i (i32.const 0)))
        (else
          (i32.store
            (i32.add (local.get $to) (local.get $done))
            (i32.load offset=8 (i32.add (local.get $chunk) (i32.shl (local.get $i) (i32.const 2)))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (local.set $done (i32.add (local.get $done) (i32.const 4)))))
      (br $next)))
  (local.get $done))
