// guest_host.mjs - a Fastly program, run in process for the sake of its trace, which the program itself knows nothing of.
//
// Usage: guest_host.mjs MODULE N METHOD PATH [BODY]
// In:    a module that was built with --trace; one request.
// Out:   N lines, one for each run of the request in an instance of its own: status, SHA-256 of the answer's body, how many choices
//        were made, how many different dispatchers were met, and the hashes of the choice and of the body trace.
// Must hold: only what these guests call is there; any other call says "unsupported", as Fastly's hosts do.
import { createHash, getRandomValues } from "node:crypto";
import { readFileSync } from "node:fs";

const OK = 0, INVALID = 2, BUFFER = 4, UNSUPPORTED = 5, NONE = 10;
const REQUEST = 1, REQUEST_BODY = 2, RESPONSE = 3, ANSWER = 4;

class Exit extends Error {}

function host(request) {
	let memory, at = 0;
	const answer = { status: 200, body: [], sent: false };
	const view = () => new DataView(memory.buffer);
	const bytes = (p, n) => new Uint8Array(memory.buffer, p, n);
	const u32 = (p, v) => view().setUint32(p, v, true);
	// Text to a buffer of the guest's: its length goes to `wrote`, also where it does not fit.
	const give = (text, p, max, wrote) => {
		const from = Buffer.from(text);
		u32(wrote, from.length);
		if (from.length > max) return BUFFER;
		bytes(p, from.length).set(from);
		return OK;
	};
	const wasi = {
		random_get: (p, n) => (getRandomValues(bytes(p, n)), OK),
		clock_time_get: (id, precision, p) => (view().setBigUint64(p, process.hrtime.bigint(), true), OK),
		clock_res_get: (id, p) => (view().setBigUint64(p, 1n, true), OK),
		args_sizes_get: (n, size) => (u32(n, 0), u32(size, 0), OK),
		args_get: () => OK,
		environ_sizes_get: (n, size) => (u32(n, 0), u32(size, 0), OK),
		environ_get: () => OK,
		sched_yield: () => OK,
		fd_fdstat_get: (fd, p) => (bytes(p, 24).fill(0), (bytes(p, 1)[0] = 2), fd < 3 ? OK : 8),
		fd_fdstat_set_flags: () => OK,
		fd_prestat_get: () => 8,
		fd_close: () => OK,
		fd_write(fd, vectors, n, wrote) {
			let sum = 0;
			for (let i = 0; i < n; i++) {
				const p = view().getUint32(vectors + 8 * i, true), size = view().getUint32(vectors + 8 * i + 4, true);
				process.stderr.write(Buffer.from(bytes(p, size)));
				sum += size;
			}
			u32(wrote, sum);
			return OK;
		},
		// Go waits for a clock when it has nothing to do; here no time passes.
		poll_oneoff(subscriptions, events, n, count) {
			bytes(events, 32 * n).fill(0);
			for (let i = 0; i < n; i++) bytes(events + 32 * i, 8).set(bytes(subscriptions + 48 * i, 8));
			u32(count, n);
			return OK;
		},
		proc_exit: (code) => {
			throw new Exit(String(code));
		},
	};
	const fastly = {
		"fastly_abi.init": () => OK,
		"fastly_http_req.body_downstream_get": (req, body) => (u32(req, REQUEST), u32(body, REQUEST_BODY), OK),
		"fastly_http_req.downstream_client_ip_addr": (p, wrote) => (bytes(p, 4).set([127, 0, 0, 1]), u32(wrote, 4), OK),
		"fastly_http_req.downstream_server_ip_addr": (p, wrote) => (bytes(p, 4).set([127, 0, 0, 1]), u32(wrote, 4), OK),
		"fastly_http_req.method_get": (h, p, max, wrote) => give(request.method, p, max, wrote),
		"fastly_http_req.uri_get": (h, p, max, wrote) => give("http://localhost" + request.path, p, max, wrote),
		"fastly_http_req.version_get": (h, p) => (u32(p, 2), OK),
		"fastly_http_req.header_names_get"(h, p, max, cursor, end, wrote) {
			u32(wrote, 0);
			view().setBigInt64(end, -1n, true);
			return OK;
		},
		"fastly_http_body.new": (p) => (u32(p, ANSWER), OK),
		"fastly_http_body.read"(h, p, max, wrote) {
			const part = h === REQUEST_BODY ? request.body.subarray(at, at + max) : Buffer.alloc(0);
			bytes(p, part.length).set(part);
			at += part.length;
			u32(wrote, part.length);
			return OK;
		},
		"fastly_http_body.write": (h, p, n, end, wrote) => (answer.body.push(Buffer.from(bytes(p, n))), u32(wrote, n), OK),
		"fastly_http_body.append": () => OK,
		"fastly_http_body.close": () => OK,
		"fastly_http_resp.new": (p) => (u32(p, RESPONSE), OK),
		"fastly_http_resp.status_set": (h, status) => ((answer.status = status), OK),
		"fastly_http_resp.status_get": (h, p) => (view().setUint16(p, answer.status, true), OK),
		"fastly_http_resp.version_set": () => OK,
		"fastly_http_resp.framing_headers_mode_set": () => OK,
		"fastly_http_resp.header_values_set": () => OK,
		"fastly_http_resp.header_append": () => OK,
		"fastly_http_resp.header_insert": () => OK,
		"fastly_http_resp.send_downstream": () => ((answer.sent = true), OK),
	};
	const named = (module, name) => (module === "wasi_snapshot_preview1" ? wasi[name] : fastly[`${module}.${name}`]);
	return { answer, named, use: (m) => (memory = m) };
}

function run(module, request) {
	const h = host(request), imports = {}, missing = new Set();
	for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
		if (kind !== "function") continue;
		imports[from] ??= {};
		imports[from][name] = h.named(from, name) ?? (() => (missing.add(`${from}.${name}`), UNSUPPORTED));
	}
	const { exports } = new WebAssembly.Instance(module, imports);
	h.use(exports.memory);
	try {
		exports._start();
	} catch (e) {
		if (!(e instanceof Exit)) throw e;
	}
	if (!h.answer.sent) throw new Error(`no answer; not there: ${[...missing].join(" ") || "nothing"}`);
	const hash = (name) => BigInt.asUintN(64, exports[`mewe.${name}`].value).toString(16).padStart(16, "0");
	const digest = createHash("sha256").update(Buffer.concat(h.answer.body)).digest("hex");
	const count = (name) => String(exports[`mewe.${name}`].value);
	console.log(h.answer.status, digest, count("choices"), count("executed"), hash("choice"), hash("body"));
}

const [file, n, method, path, body = ""] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));
for (let i = 0; i < Number(n); i++) run(module, { method, path, body: Buffer.from(body) });
