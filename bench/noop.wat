;; noop.wat - a service that does nothing: what its execution takes, the harness takes.
;; Its answer is one byte, whatever was asked (services/README.md has the exports of a service).
(module
  (memory (export "memory") 1)
  (func (export "input") (result i32) (i32.const 16))
  (func (export "input_capacity") (result i32) (i32.const 16))
  (func (export "output") (result i32) (i32.const 0))
  (func (export "select_input") (param i32) (result i32) (i32.const 0))
  (func (export "serve") (param i32) (result i32) (i32.const 1)))
