// lib.mjs - build a text module with mewe, run it here with a host of the test's own, read its trace.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const temp = mkdtempSync(join(tmpdir(), 'mewe-'));
process.on('exit', () => rmSync(temp, { recursive: true }));
const program = process.env.MEWE ?? 'build/mewe';

export function check(name, good, why = '') {
	console.log(good ? `ok ${name}` : `not ok ${name}: ${why}`);
	if (!good) process.exitCode = 1;
}

// What the program prints, on both streams.
export function mewe(...args) {
	const r = spawnSync(program, args, { encoding: 'utf8' });
	if (r.status !== 0) throw new Error(`${args.join(' ')}: exit code ${r.status}: ${r.stderr ?? r.error}`);
	return r.stdout + r.stderr;
}

// The multivariant module's bytes; copies as variants, so that all that differs is the trace.
export function build(wat, ...args) {
	const from = join(temp, 'in.wat'), to = join(temp, 'out.wasm');
	writeFileSync(from, wat);
	mewe('build', from, '-o', to, '-q', '--strategy', 'copy', ...args);
	return readFileSync(to);
}

// splitmix64: a host's random numbers, the same in each run of the test.
export function numbers(seed) {
	let s = BigInt(seed);
	return () => {
		s = BigInt.asUintN(64, s + 0x9e3779b97f4a7c15n);
		let x = s;
		x = BigInt.asUintN(64, (x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n);
		x = BigInt.asUintN(64, (x ^ (x >> 27n)) * 0x94d049bb133111ebn);
		return x ^ (x >> 31n);
	};
}

// An instance, with what its host saw: calls of choose, bytes that random_get gave, calls of seed.
export function start(bytes, { seed = 1, choose = () => 0, back = () => {}, fails = () => false } = {}) {
	const next = numbers(seed), seen = { choose: [], random: [], seed: [] };
	const random_get = (at, n) => {
		if (fails()) return 29;
		const given = Uint8Array.from({ length: n }, () => Number(next() & 255n));
		new Uint8Array(instance.exports.memory.buffer, at, n).set(given);
		seen.random.push(given);
		return 0;
	};
	const imports = {
		wasi_snapshot_preview1: { random_get, fd_close: () => 0 },
		mewe: {
			choose: (d, n) => { seen.choose.push([d, n]); return choose(d, n); },
			seed: () => { seen.seed.push(next()); return seen.seed.at(-1); },
		},
		host: { back: () => back(instance) },
	};
	const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
	return { instance, call: instance.exports, seen };
}

// Entry ids since the last reset (--trace full).
export function ids({ instance: { exports: e } }) {
	const words = new Uint32Array(e.memory.buffer), out = [];
	for (let at = e['mewe.trace'].value / 4; at; at = words[at] / 4)
		out.push(...words.subarray(at + 2, at + 2 + words[at + 1]));
	return out;
}

// The variants taken by the function of this ordinal, or the alternatives by the region of this number, in order.
export const taken = (run, number) => ids(run).filter((x) => (x & 0x7fffffff) >>> 12 === number && x & 0xfff).map((x) => (x & 0xfff) - 1);

export function traps(f) {
	try {
		f();
		return false;
	} catch (e) {
		if (!(e instanceof WebAssembly.RuntimeError)) throw e;
		return true;
	}
}

export const share = (list, is) => list.filter(is).length / list.length;
