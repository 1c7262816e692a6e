// random.mjs - are the scalars of service `random` spread as they should be?
//
// usage: node random.mjs MODULE
//
// Out: a line for each check, `ok NAME` or `not ok NAME: why`; exit code 1 if there was any of the latter. The bounds let a good
// generator fail once in some ten million runs, and each check is shown to see a bad one.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { load } from "./module.mjs";
import { isScalars } from "./scalars.mjs";

const ROUNDS = 40, COUNT = 256, N = ROUNDS * COUNT;
let bad = 0;

function report(name, why) {
	if (why)
		bad++;
	console.log(`${why ? "not ok" : "ok"} random ${name}${why ? ": " + why : ""}`);
}

// The scalars' 31 low bytes: uniform, but for a part in 2^128 or so.
function lowBytes(scalars) {
	return scalars.filter((_, i) => i % 32 !== 31);
}

// Pearson's test for 256 equally likely bytes: 255 degrees of freedom, above 384 once in ten million.
function unevenBytes(scalars) {
	const seen = new Float64Array(256), bytes = lowBytes(scalars), want = bytes.length / 256;
	bytes.forEach((byte) => seen[byte]++);
	const chi2 = seen.reduce((sum, n) => sum + (n - want) ** 2 / want, 0);
	return chi2 > 384 ? `chi-square ${chi2.toFixed(1)} of bytes` : "";
}

// Each of the 248 low bits is set half of the time: 248 tries at 6.2 standard deviations.
function unevenBits(scalars) {
	for (let bit = 0; bit < 248; bit++) {
		let set = 0;
		for (let i = 0; i < N; i++)
			set += (scalars[32 * i + (bit >> 3)] >> (bit & 7)) & 1;
		const z = (set - N / 2) / Math.sqrt(N / 4);
		if (Math.abs(z) > 6.2)
			return `bit ${bit} is set ${set} times of ${N}`;
	}
}

// Uniform below L, so that the top byte is 0..15, each equally likely: 15 degrees of freedom, above 63 once in ten million.
function unevenTop(scalars) {
	const seen = new Float64Array(16);
	for (let i = 0; i < N; i++)
		seen[Math.min(scalars[32 * i + 31], 15)]++;
	const chi2 = seen.reduce((sum, n) => sum + (n - N / 16) ** 2 / (N / 16), 0);
	return chi2 > 63 ? `chi-square ${chi2.toFixed(1)} of the top bytes` : "";
}

function repeated(scalars) {
	const seen = new Set();
	for (let i = 0; i < N; i++)
		seen.add(Buffer.from(scalars.subarray(32 * i, 32 * i + 32)).toString("hex"));
	return seen.size !== N ? `${N - seen.size} of ${N} came again` : "";
}

const checks = { "bytes": unevenBytes, "bits": unevenBits, "top bytes": unevenTop, "no repeats": repeated };
const module = await WebAssembly.compile(readFileSync(process.argv[2]));
const instances = [await load(module), await load(module)];

// Half from either instance, so that two that start alike are seen as repeats.
const scalars = Buffer.concat(Array.from({ length: ROUNDS }, (_, i) => instances[i % 2].serve(Buffer.from(`${COUNT}`)).out));
report("range", isScalars(scalars, N));
for (const [name, check] of Object.entries(checks))
	report(name, check(scalars));

function spoiled(change) {
	const out = randomBytes(32 * N);
	for (let i = 0; i < N; i++)
		change(out, 32 * i, i);
	return out;
}
const controls = {
	"bytes": spoiled((out, at) => { if (out[at] === 7) out[at] = 8; out[at + 1] &= 0xfe; out[at + 31] &= 15; }),
	"bits": spoiled((out, at, i) => { if (i % 8 === 0) out[at + 5] |= 16; out[at + 31] &= 15; }),
	"top bytes": spoiled((out, at) => { out[at + 31] %= 15; }),
	"no repeats": spoiled((out, at, i) => { if (i === 99) out.copyWithin(at, 0, 32); }),
};
for (const [name, bytes] of Object.entries(controls))
	report(`${name}: a bad generator is seen`, checks[name](bytes) ? "" : "it is not");
process.exit(bad ? 1 : 0);
