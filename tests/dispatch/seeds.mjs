// seeds.mjs - where seeds come from, when they are drawn, and that nothing of them stays in linear memory.
import { build, check, mewe, start, temp, traps } from './lib.mjs';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const guest = (imports, more = '') => `(module ${imports} (memory (export "memory") 2)
  (data (i32.const 0) "0123456789abcdef0123456789abcdef")
  (func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "one") (result i32) (call $f (i32.const 1))) ${more})`;
const wasi = guest('(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))');
const own = guest('(import "wasi_snapshot_preview1" "random_get" (func $own (param i32 i32) (result i32)))',
	'(func (export "own") (result i32) (call $own (i32.const 64) (i32.const 4)))');
const bare = guest('');
const flags = ['--functions', 'f', '--variants', '16'];

const memory = (run) => Buffer.from(run.call.memory.buffer).toString('latin1');

// Does any run of eight bytes of the seeds appear in memory?
function found(run) {
	const key = Buffer.concat(run.seen.random).toString('latin1'), all = memory(run);
	for (let i = 0; i + 8 <= key.length; i++)
		if (all.includes(key.slice(i, i + 8))) return true;
	return false;
}

for (const dispatch of ['call', 'request']) {
	for (const [kind, calls, bytes_each] of [['chacha', 1, 32], ['xorshift', 1, 8], ['wasi', 100, 8]]) {
		const name = `${kind}, ${dispatch}`, bytes = build(wasi, ...flags, '--discriminator', kind, '--dispatch', dispatch);
		const run = start(bytes), before = memory(run);
		check(`${name}: nothing is drawn before the first entry`, run.seen.random.length === 0);
		for (let i = 0; i < 100; i++) run.call.one();
		check(`${name}: ${calls} seeds of ${bytes_each} bytes`, run.seen.random.length === calls && run.seen.random.every((x) => x.length === bytes_each), `${run.seen.random.length}`);
		check(`${name}: memory is as it was`, memory(run) === before);
		check(`${name}: no byte of the seeds is in memory`, !found(run));
		new Uint8Array(run.call.memory.buffer).set(run.seen.random[0], 70000);
		check(`${name}: control: a planted seed is found`, found(run));

		let fails = true;
		const poor = start(bytes, { fails: () => fails });
		check(`${name}: no randomness, no answer`, traps(() => poor.call.one()) && traps(() => poor.call.one()));
		check(`${name}: memory is as it was after that, too`, memory(poor) === before);
		fails = false;
		check(`${name}: and when there is randomness, it goes on`, poor.call.one() === 2);
	}
}

{
	const count = (m) => WebAssembly.Module.imports(new WebAssembly.Module(m)).map((i) => `${i.module}.${i.name}`).join(' ');
	check('imports: random_get is added', count(build(wasi, ...flags)) === 'wasi_snapshot_preview1.fd_close wasi_snapshot_preview1.random_get');
	check('imports: the guest\'s own random_get serves', count(build(own, ...flags)) === 'wasi_snapshot_preview1.random_get');
	check('imports: mewe.seed without WASI', count(build(bare, ...flags)) === 'mewe.seed');
	check('imports: mewe.choose', count(build(wasi, ...flags, '--discriminator', 'host')) === 'wasi_snapshot_preview1.fd_close mewe.choose');
	for (const none of ['fixed:1', 'none'])
		check(`imports: none for ${none}`, count(build(bare, ...flags, '--discriminator', none)) === '');
	const run = start(build(own, ...flags));
	run.call.one();
	run.call.own();
	check('imports: the guest\'s own calls of random_get are its own', run.seen.random.length === 2 && run.seen.random[1].length === 4);
	for (const [kind, calls] of [['chacha', 4], ['xorshift', 1]]) {
		const seeded = start(build(bare, ...flags, '--discriminator', kind));
		check(`mewe.seed: ${kind} does not ask before the first draw`, seeded.seen.seed.length === 0);
		for (let i = 0; i < 50; i++) seeded.call.one();
		check(`mewe.seed: ${kind} asks ${calls} times`, seeded.seen.seed.length === calls);
	}
}

{
	const seeds = (run, n) => Array.from({ length: n }, () => { run.call.one(); return run.seen.random.length; });
	for (const dispatch of ['call', 'request']) {
		const once = start(build(wasi, ...flags, '--dispatch', dispatch));
		const each = start(build(wasi, ...flags, '--dispatch', dispatch, '--reseed', 'entry'));
		check(`--reseed instance, ${dispatch}: seeded once`, `${seeds(once, 4)}` === '1,1,1,1');
		check(`--reseed entry, ${dispatch}: seeded at each entry`, `${seeds(each, 4)}` === '1,2,3,4');
	}
}

// The same seed, the same choices, here and on Wasmtime.
{
	const many = guest('', '(func (export "many") (result i32) (local i32) (loop (drop (call $f (i32.const 1)))' +
		' (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000)))) (local.get 0))');
	const hex = (g) => BigInt.asUintN(64, g.value).toString(16).padStart(16, '0');
	for (const dispatch of ['call', 'request']) {
		const bytes = build(many, ...flags, '--dispatch', dispatch, '--discriminator', 'fixed:0', '--trace', 'full');
		const file = join(temp, 'fixed.wasm'), seen = new Set();
		let same = true;
		writeFileSync(file, bytes);
		for (const seed of [0n, 1n, 0xffffffffffffffffn]) {
			const run = start(bytes);
			run.call['mewe.seed'].value = BigInt.asIntN(64, seed);
			run.call.many();
			const text = mewe('run', file, '--invoke', 'many', '--seed', `${seed}`, '--trace');
			same &&= text.includes(`entry trace ${hex(run.call['mewe.entry'])}`) && text.includes(`choice trace ${hex(run.call['mewe.choice'])}`);
			seen.add(hex(run.call['mewe.choice']));
		}
		check(`fixed, ${dispatch}: Node and Wasmtime make the same choices`, same);
		check(`fixed, ${dispatch}: another seed, other choices`, dispatch === 'call' ? seen.size === 3 : seen.size > 1, `${seen.size}`);
	}
}
