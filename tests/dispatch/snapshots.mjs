// snapshots.mjs - inits and start functions: the originals run, nothing is drawn, and a snapshot taken then holds no state.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, check, start, taken, temp } from './lib.mjs';

// f, of ordinal 0, is dispatched; init calls it, asks for a new request and calls it again.
const guest = (more, imports = '(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))') => `(module ${imports}
  (import "mewe" "entry" (func $entry))
  (memory (export "memory") 1)
  (func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $init (drop (call $f (i32.const 1))) (call $entry) (drop (call $f (i32.const 1))))
  (func (export "one") (result i32) (call $f (i32.const 1))) ${more})`;
const flags = ['--functions', 'f', '--variants', '16', '--trace', 'full'];
const kinds = [
	['start', '(start $init)', []],
	['_initialize', '(export "_initialize" (func $init))', []],
	['wizer.initialize', '(export "wizer.initialize" (func $init))', []],
	['wizer-initialize', '(export "wizer-initialize" (func $init))', []],
	['--init', '(export "boot" (func $init))', ['--init', 'boot']],
];
const init = (run) => run.call._initialize ?? run.call['wizer.initialize'] ?? run.call['wizer-initialize'] ?? run.call.boot ?? (() => {});
const originals = (list, n) => list.length === n && list.every((k) => k === 0);

for (const dispatch of ['call', 'request', 'site']) {
	for (const [name, more, extra] of kinds) {
		const what = `${name}, ${dispatch}`, args = [...flags, ...extra, '--dispatch', dispatch];
		const hosted = start(build(guest(more), ...args, '--discriminator', 'host'), { choose: () => 5 });
		init(hosted)();
		check(`${what}: nothing is chosen, and the original runs`, hosted.seen.choose.length === 0 && originals(taken(hosted, 0), 1), `${taken(hosted, 0)}`);
		check(`${what}: nothing is counted as a choice`, hosted.call['mewe.choices'].value === 0n);
		hosted.call['mewe.reset']();
		hosted.call.one();
		check(`${what}: afterwards it is`, `${taken(hosted, 0)}` === '5' && hosted.call['mewe.choices'].value === 1n);
		const run = start(build(guest(more), ...args));
		init(run)();
		check(`${what}: no seed is drawn`, run.seen.random.length === 0);
		run.call.one();
		check(`${what}: afterwards it is drawn`, run.seen.random.length === 1);
		if (name === 'start') continue;
		const before = run.seen.random.length;
		run.call['mewe.reset']();
		init(run)();
		check(`${what}: a late init takes the original, too`, originals(taken(run, 0), 1) && run.seen.random.length === before, `${taken(run, 0)}`);
		const list = Array.from({ length: 100 }, () => { run.call['mewe.reset'](); run.call.one(); return taken(run, 0)[0]; });
		check(`${what}: and then choices are drawn as before`, new Set(list).size > 10);
	}
	const plain = start(build(guest('(export "boot" (func $init))'), ...flags, '--dispatch', dispatch, '--discriminator', 'host'), { choose: () => 5 });
	plain.call.boot();
	check(`control, ${dispatch}: an export that is no init draws`, plain.seen.choose.length > 0);
}

// The module with its own globals exported, so that a snapshot can be looked into.
function open(bytes) {
	const wasm = join(temp, 'open.wasm'), wat = join(temp, 'open.wat');
	writeFileSync(wasm, bytes);
	let r = spawnSync('wasm-dis', [wasm, '-o', wat]);
	if (r.status !== 0) throw new Error(`wasm-dis: ${r.stderr ?? r.error}`);
	const text = readFileSync(wat, 'utf8'), names = [...text.matchAll(/\(global \$(mewe\.\S+) \(mut/g)].map((m) => m[1]);
	const exports = names.map((n) => `(export "look ${n}" (global $${n}))`).join('\n');
	writeFileSync(wat, text.replace(/^ \(export /m, `${exports}\n (export `));
	r = spawnSync('wasm-as', [wat, '-g', '--enable-mutable-globals', '-o', wasm]);
	if (r.status !== 0) throw new Error(`wasm-as: ${r.stderr ?? r.error}`);
	return readFileSync(wasm);
}
const look = (run) => Object.entries(run.call).filter(([n]) => n.startsWith('look ')).map(([n, g]) => `${n} ${g.value}`).join('\n');

for (const dispatch of ['call', 'request', 'site']) {
	const bytes = open(build(guest('(export "_initialize" (func $init))'), '--functions', 'f', '--variants', '16', '--dispatch', dispatch));
	const run = start(bytes), fresh = look(run);
	run.call._initialize();
	check(`globals, ${dispatch}: the same after an init as before`, look(run) === fresh && fresh.includes('mewe.key.0 0'), look(run));
	run.call.one();
	check(`globals, ${dispatch}: control: not so after an entry`, look(run) !== fresh);
}

// With Wizer itself, where npm could bring it.
const wizer = process.env.WIZER ?? '';
if (existsSync(wizer)) {
	const snapshot = (more, ...args) => {
		const to = join(temp, 'snapshot.wasm');
		const r = spawnSync(wizer, [...args, '-o', to], { input: build(guest(more), ...flags) });
		return r.status === 0 ? readFileSync(to) : null;
	};
	const sequence = (bytes, seed) => {
		const run = start(bytes, { seed });
		for (let i = 0; i < 100; i++) run.call.one();
		return `${taken(run, 0)}`;
	};
	const bytes = snapshot('(export "wizer-initialize" (func $init))');
	check('Wizer: a snapshot is taken', bytes !== null);
	if (bytes) {
		check('Wizer: resumed twice, two streams', sequence(bytes, 1) !== sequence(bytes, 2));
		check('Wizer: control: with the same numbers from the host, one', sequence(bytes, 1) === sequence(bytes, 1));
	}
	check('Wizer: control: an init that draws is refused', snapshot('(export "boot" (func $init))', '-f', 'boot') === null);
}
