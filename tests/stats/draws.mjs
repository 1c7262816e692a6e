// draws.mjs - what a discriminator draws: a module built by mewe --trace full, run here, its choices counted.
// Usage: draws.mjs MODULE N DRAWS SEED [BIAS]   Prints JSON: how often each k was drawn, and each pair, of those that do not overlap.
// BIAS is a bad generator to stand in for the host's choose: the controls.
import { createCipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [file, n, draws, seed, bias] = [process.argv[2], ...process.argv.slice(3, 6).map(Number), process.argv[6]];

// The host's random numbers, the same in each run: AES in counter mode.
const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
let pool = Buffer.alloc(0), used = 0;
function bytes(count) {
	if (used + count > pool.length) [pool, used] = [cipher.update(Buffer.alloc(1 << 16)), 0];
	used += count;
	return pool.subarray(used - count, used);
}

let last = 0, state = 1;
const biases = {
	modulo: () => bytes(1)[0] % n,                                            // some k more often
	sticky: () => (last = bytes(1)[0] < 3 ? last : bytes(4).readUInt32LE() % n), // each k as often, but it tends to stay
	counter: () => state++ % n,                                               // each k exactly as often: too even
};
const module = new WebAssembly.Module(readFileSync(file));
const { exports: e } = new WebAssembly.Instance(module, {
	wasi_snapshot_preview1: {
		fd_close: () => 0,
		random_get: (at, count) => { new Uint8Array(e.memory.buffer, at, count).set(bytes(count)); return 0; },
	},
	mewe: { choose: biases[bias] },
});
if (e['mewe.seed']) e['mewe.seed'].value = BigInt(seed);

const single = new Array(n).fill(0), pairs = new Array(n * n).fill(0), batch = 1000;
let before = -1;
for (let done = 0; done < draws;) {
	e['mewe.reset']();
	for (let i = 0; i < batch; i++) e.one();
	done += Number(e['mewe.choices'].value);
	const words = new Uint32Array(e.memory.buffer);
	for (let at = e['mewe.trace'].value / 4; at; at = words[at] / 4)
		for (let i = at + 2; i < at + 2 + words[at + 1]; i++) {
			const k = (words[i] & 0xfff) - 1;
			if (k < 0) continue;
			single[k]++;
			if (before >= 0) pairs[before * n + k]++;
			before = before < 0 ? k : -1;
		}
}
console.log(JSON.stringify({ single, pairs }));
