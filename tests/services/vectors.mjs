// vectors.mjs - does a service answer as its vectors say?
//
// usage: node vectors.mjs VECTORS SERVICE PROGRAM LABEL
//
// In: the folder of vectors (services/vectors/generate.py says what is in it) and a PROGRAM: a .wasm, which is run as a WASI
// command and again through its exports, or a native program. Out: a line for each case and way, `ok LABEL SERVICE CASE` or
// `not ok LABEL SERVICE CASE: why`; exit code 1 if there was any of the latter. QR codes are read back by zbarimg.
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WASI } from "node:wasi";
import { isScalars } from "./scalars.mjs";
import { load } from "./module.mjs";

const [vectors, service, program, label] = process.argv.slice(2);
const temp = mkdtempSync(join(tmpdir(), "vectors-"));
let bad = 0;

function report(name, why) {
	if (why)
		bad++;
	console.log(`${why ? "not ok" : "ok"} ${label} ${service} ${name}${why ? ": " + why : ""}`);
}

// What must come back for a case: {code, out, err}, or {code, count} where the answer is random.
function expected(name) {
	const file = (ending) => join(vectors, service, name + ending);
	if (existsSync(file(".out")))
		return { code: 0, out: readFileSync(file(".out")), err: "" };
	if (existsSync(file(".count")))
		return { code: 0, count: parseInt(readFileSync(file(".count"), "utf8")), err: "" };
	return { code: 2, out: Buffer.alloc(0), err: `${service}: ${readFileSync(file(".err"), "utf8")}` };
}

// ---- ways to run: request to {code, out, err} ------------------------------------------------------------------------

function native(request) {
	const r = spawnSync(program, { input: request, maxBuffer: 1 << 24 });
	return { code: r.status, out: r.stdout, err: r.stderr.toString() };
}

async function command(module, request) {
	const path = ["in", "out", "err"].map((name) => join(temp, name));
	writeFileSync(path[0], request);
	const [stdin, stdout, stderr] = [openSync(path[0], "r"), openSync(path[1], "w"), openSync(path[2], "w")];
	const wasi = new WASI({ version: "preview1", stdin, stdout, stderr, returnOnExit: true });
	let code;
	try {
		code = wasi.start(await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport }));
	} catch (e) {
		code = `trap, ${e.message},`;
	}
	[stdin, stdout, stderr].forEach(closeSync);
	return { code, out: readFileSync(path[1]), err: readFileSync(path[2], "utf8") };
}

// In-process there is a status without its line, so the line is taken to be the wanted one where that has this status.
function inProcess(request, line) {
	try {
		const { status, out } = exports.serve(request);
		const err = status ? `${service}: ${status} ` : "";
		return { code: status ? 2 : 0, out, err: err && line.startsWith(err) ? line : err };
	} catch (e) {
		return { code: `trap, ${e.message},`, out: Buffer.alloc(0), err: "" };
	}
}

// ---- checks: why it is wrong, or nothing ---------------------------------------------------------------------------

function differs(got, want) {
	if (got.code !== want.code)
		return `exit code ${got.code} instead of ${want.code}, ${JSON.stringify(got.err)}`;
	if (got.err !== want.err)
		return `error ${JSON.stringify(got.err)} instead of ${JSON.stringify(want.err)}`;
	if (want.count !== undefined)
		return isScalars(got.out, want.count);
	if (got.out.length !== want.out.length)
		return `${got.out.length} bytes instead of ${want.out.length}`;
	const at = got.out.findIndex((byte, i) => byte !== want.out[i]);
	if (at >= 0)
		return `byte ${at} is ${got.out[at]} instead of ${want.out[at]}`;
}

// The modules' values, 0 for dark, whichever of the two services the answer is from.
function modules(answer) {
	if (service === "qr_image")
		return [...answer];
	return answer.toString("utf8").replaceAll("\n", "").match(/../gu).map((pair) => (pair === "██" ? 0 : 255));
}

// Does a scanner read the request out of the answer? Drawn with the quiet zone and the size that a scanner needs.
function unreadable(answer, request) {
	const data = modules(answer), side = Math.sqrt(data.length), scale = 4, margin = 4;
	const size = (side + 2 * margin) * scale;
	const pixels = Buffer.alloc(size * size, 255);
	data.forEach((value, i) => {
		const x = ((i % side) + margin) * scale, y = (Math.floor(i / side) + margin) * scale;
		for (let row = 0; row < scale; row++)
			pixels.fill(value, (y + row) * size + x, (y + row) * size + x + scale);
	});
	const file = join(temp, "code.pgm");
	writeFileSync(file, Buffer.concat([Buffer.from(`P5 ${size} ${size} 255\n`), pixels]));
	const r = spawnSync("zbarimg", ["-q", "--raw", "--oneshot", "-Sdisable", "-Sqrcode.enable", "-Sbinary", file], { maxBuffer: 1 << 24 });
	if (r.error)
		return `zbarimg can't be run (${r.error.code}): install zbar-tools`;
	if (!r.stdout.equals(request))
		return `zbarimg reads ${JSON.stringify(r.stdout.toString().slice(0, 60))}`;
}

// ---- all cases -----------------------------------------------------------------------------------------------------------

const wasm = program.endsWith(".wasm");
const module = wasm && await WebAssembly.compile(readFileSync(program));
const exports = wasm && await load(module);
const cases = readdirSync(join(vectors, service)).filter((name) => name.endsWith(".in")).map((name) => name.slice(0, -3)).sort();

if (cases.length < 5)
	report("cases", `only ${cases.length} of them in ${vectors}`);
for (const name of cases) {
	const request = readFileSync(join(vectors, service, name + ".in"));
	const want = expected(name);
	const got = wasm ? await command(module, request) : native(request);
	report(name, differs(got, want));
	if (wasm && request.length <= exports.capacity)
		report(name + " in-process", differs(inProcess(request, want.err), want));
	if (service.startsWith("qr_") && got.code === 0 && request.length)
		report(name + " read back", unreadable(got.out, request));
}
if (wasm) {
	const paper = readFileSync(join(vectors, service, "paper.in"));
	exports.select(1);
	const selected = exports.serve(Buffer.alloc(0)), given = exports.serve(paper);
	report("select_input", service !== "random" && !selected.out.equals(given.out) ? "serve(0) does not answer the paper's input" : "");
}
rmSync(temp, { recursive: true });
process.exit(bad ? 1 : 0);
