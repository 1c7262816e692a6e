// shapes.mjs - every combination of discriminator, dispatch, trace and reseeding is built, and proved from the two files alone.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, check, mewe, temp } from './lib.mjs';

const guest = (start) => `(module (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "mewe" "entry" (func $entry)) (import "mewe" "trace_hash" (func $hash (param i32) (result i64)))
  (memory (export "memory") 1) (table (export "table") 2 funcref) (elem (i32.const 0) $f $g) ${start}
  (func $s (drop (call $f (i32.const 1))))
  (func $f (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $g (export "g") (param i32 i64 f64) (local i32 i64) (i32.store (i32.const 100) (local.get 0)))
  (func $pair (export "pair") (result i32 i64) (call $entry) (i32.const 1) (call $hash (i32.const 0))))`;
const original = join(temp, 'original.wasm'), multivariant = join(temp, 'multivariant.wasm');

for (const start of ['', '(start $s)']) {
	writeFileSync(original, build(guest(start), '--strategy', 'none'));
	for (const discriminator of ['chacha', 'wasi', 'xorshift', 'fixed:5', 'none', 'host'])
		for (const dispatch of ['call', 'request'])
			for (const trace of ['off', 'hash', 'full'])
				for (const reseed of ['instance', 'entry']) {
					const how = ['--discriminator', discriminator, '--dispatch', dispatch, '--trace', trace, '--reseed', reseed];
					let why = '';
					try {
						writeFileSync(multivariant, build(guest(start), '--variants', '3', ...how));
						mewe('verify', original, multivariant);
					} catch (e) {
						why = e.message;
					}
					check(`${how.filter((x) => !x.startsWith('--')).join(' ')} ${start && 'with a start function'}`, why === '', why);
				}
}
