// fastly.mjs - a Fastly Compute program on workerd: the host functions that the services import, and WASI's.
//
// In:  module.wasm, a command of Fastly's ABI, compiled once; FASTLY_POP, the node's name; a request.
// Out: the response that the program sends, from an instance of its own. One that traps, or sends none, is answered with 500.
// What else a program might import is not here: such a module can't be instantiated, and the error names the function.
// The clock has whole milliseconds, as workerd's has; so x-mewe-time-ns is nearly always 0, and times are for the client to take.
import module from 'module.wasm';

const OK = 0, INVALID = 2, BUFLEN = 4;
const encoder = new TextEncoder(), decoder = new TextDecoder();

// What the host keeps for one request; a handle is a place in `things`. Memory may grow, so it is looked up at each use.
function host(request, received, environment) {
	const things = [{ request }, { left: received }], state = { memory: null, response: null };
	const bytes = (at, n) => new Uint8Array(state.memory.buffer, at >>> 0, n >>> 0), string = (at, n) => decoder.decode(bytes(at, n));
	const put = (at, n) => (new DataView(state.memory.buffer).setUint32(at >>> 0, n, true), OK);
	const put64 = (at, n) => (new DataView(state.memory.buffer).setBigUint64(at >>> 0, n, true), OK);
	const handle = (thing, out) => put(out, things.push(thing) - 1);
	const give = (text, to, room, out) => {
		const all = encoder.encode(text), fits = all.length <= room >>> 0;
		if (fits) bytes(to, all.length).set(all);
		put(out, all.length);
		return fits ? OK : BUFLEN;
	};
	const variables = environment.map((s) => encoder.encode(`${s}\0`));
	return { state, imports: {
		fastly_abi: { init: (version) => (version === 1n ? OK : INVALID) },
		fastly_http_req: {
			body_downstream_get: (r, b) => put(r, 0) || put(b, 1),
			method_get: (r, to, n, out) => give(things[r].request.method, to, n, out),
			uri_get: (r, to, n, out) => give(things[r].request.url, to, n, out),
		},
		fastly_http_body: {
			new: (out) => handle({ written: [] }, out),
			read: (b, to, n, out) => {
				const part = things[b].left.subarray(0, n >>> 0);
				bytes(to, part.length).set(part);
				things[b].left = things[b].left.subarray(part.length);
				return put(out, part.length);
			},
			write: (b, at, n, end, out) => (things[b].written[end ? 'unshift' : 'push'](bytes(at, n).slice()), put(out, n)),
		},
		fastly_http_resp: {
			new: (out) => handle({ status: 200, headers: new Headers() }, out),
			status_set: (r, status) => (things[r].status = status, OK),
			header_insert: (r, name, n, value, m) => (things[r].headers.set(string(name, n), string(value, m)), OK),
			send_downstream: (r, b) => (state.response = { ...things[r], body: new Blob(things[b].written) }, OK),
		},
		wasi_snapshot_preview1: {
			environ_sizes_get: (count, size) => put(count, variables.length) || put(size, variables.reduce((n, s) => n + s.length, 0)),
			environ_get: (at, to) => (variables.forEach((s, i) => (put(at + 4 * i, to), bytes(to, s.length).set(s), to += s.length)), OK),
			clock_time_get: (id, precision, out) => put64(out, BigInt(Math.trunc(id ? performance.now() : Date.now())) * 1000000n),
			random_get: (at, n) => (crypto.getRandomValues(bytes(at, n)), OK),
		},
	} };
}

// The program can't wait, so its body is read before it starts: no more of it than any program here looks at.
const LARGEST = 1 << 20;

async function received(body) {
	const parts = [];
	let size = 0;
	for await (const part of body ?? []) {
		parts.push(part);
		size += part.length;
		if (size > LARGEST)
			break;
	}
	return new Uint8Array(await new Blob(parts).arrayBuffer());
}

export default {
	async fetch(request, env) {
		const { state, imports } = host(request, await received(request.body), [`FASTLY_POP=${env.FASTLY_POP ?? 'XXX'}`]);
		try {
			const { exports } = await WebAssembly.instantiate(module, imports);
			state.memory = exports.memory;
			exports._start();
		} catch (e) {
			console.error(`${e}`);
		}
		const r = state.response;
		return r ? new Response(r.body, r) : new Response('', { status: 500 });
	},
};
