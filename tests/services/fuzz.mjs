// fuzz.mjs - the same in WebAssembly: a service's module must answer anything, any number of times, without a trap, and as the
// native program does.
//
// usage: node fuzz.mjs VECTORS SERVICE MODULE NATIVE ROUNDS
//
// In: mutations of the service's vectors. Out: one line; exit code 1 at the first trap or difference. One instance takes all
// rounds; every sixteenth answer is compared with the native program's (random's only by its length).
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "./module.mjs";

const [vectors, service, file, native, rounds] = process.argv.slice(2);
const folder = join(vectors, service);
const seeds = readdirSync(folder).filter((name) => name.endsWith(".in")).map((name) => readFileSync(join(folder, name)));
const module = await load(await WebAssembly.compile(readFileSync(file)));
let state = 1;

function below(n) {
	state = (Math.imul(state, 1103515245) + 12345) >>> 0;
	return Math.floor((state / 2 ** 32) * n);
}

function mutate(seed) {
	const out = Buffer.from(seed.subarray(0, below(3) ? seed.length : below(seed.length + 1)));
	for (let flips = out.length ? below(4) : 0; flips > 0; flips--)
		out[below(out.length)] ^= 1 << below(8);
	return out.subarray(0, module.capacity);
}

function fail(round, why) {
	console.log(`round ${round}: ${why}`);
	process.exit(1);
}

for (let round = 0; round < rounds; round++) {
	const request = mutate(seeds[below(seeds.length)]);
	let got;
	try {
		got = module.serve(request);
	} catch (e) {
		fail(round, `request ${request.toString("hex").slice(0, 100)}: ${e.message}`);
	}
	if (round % 16)
		continue;
	const want = spawnSync(native, { input: request, maxBuffer: 1 << 24 });
	const status = want.status ? parseInt(want.stderr.toString().split(" ")[1]) : 0;
	if (got.status !== status)
		fail(round, `request ${request.toString("hex").slice(0, 100)}: status ${got.status}, natively ${status}`);
	if (got.out.length !== want.stdout.length || (service !== "random" && !got.out.equals(want.stdout)))
		fail(round, `request ${request.toString("hex").slice(0, 100)}: another answer natively`);
}
console.log(`${rounds} rounds`);
