// fastly.mjs - a Fastly Compute program on workerd: the host functions that the services import, and WASI's.
//
// In:  module.wasm, a command of Fastly's ABI, compiled once; FASTLY_POP, the node's name; a request.
// Out: the response that the program sends, from an instance of its own. One that traps, or sends none, is answered with 500.
// What else a program might import is not here: such a module can't be instantiated, and the error names the function.
import module from 'module.wasm';

const OK = 0, BADF = 3, BUFLEN = 4;
const encoder = new TextEncoder(), decoder = new TextDecoder();

class Exit {}

// What the host keeps for one request; a handle is a place in `things`. Memory may move, so it is looked up at each use.
function host(request, received, environment) {
	const things = [{ request }, { read: received, at: 0 }], state = { memory: null, response: null };
	const bytes = (at, n) => new Uint8Array(state.memory.buffer, at >>> 0, n >>> 0), string = (at, n) => decoder.decode(bytes(at, n));
	const put32 = (at, n) => new DataView(state.memory.buffer).setUint32(at >>> 0, n, true);
	const put64 = (at, n) => new DataView(state.memory.buffer).setBigUint64(at >>> 0, n, true);
	const handle = (thing, out) => (put32(out, things.push(thing) - 1), OK);
	const give = (text, to, room, out) => {
		const all = encoder.encode(text), fits = all.length <= room >>> 0;
		if (fits) bytes(to, all.length).set(all);
		put32(out, all.length);
		return fits ? OK : BUFLEN;
	};
	const lists = [environment.map((s) => encoder.encode(`${s}\0`)), [encoder.encode('compute-app\0')]];
	const sizes = (list) => (count, size) => (put32(count, list.length), put32(size, list.reduce((n, s) => n + s.length, 0)), OK);
	const strings = (list) => (at, to) => (list.forEach((s, i) => (put32(at + 4 * i, to), bytes(to, s.length).set(s), to += s.length)), OK);
	return { state, imports: {
		fastly_abi: { init: (version) => (version === 1n ? OK : 2) },
		fastly_http_req: {
			body_downstream_get: (r, b) => (put32(r, 0), put32(b, 1), OK),
			method_get: (r, to, n, out) => give(things[r].request.method, to, n, out),
			uri_get: (r, to, n, out) => give(things[r].request.url, to, n, out),
		},
		fastly_http_body: {
			new: (out) => handle({ written: [] }, out),
			read: (b, to, n, out) => {
				const body = things[b], part = body.read.subarray(body.at, body.at + (n >>> 0));
				bytes(to, part.length).set(part);
				body.at += part.length;
				return put32(out, part.length), OK;
			},
			write: (b, at, n, end, out) => (things[b].written[end ? 'unshift' : 'push'](bytes(at, n).slice()), put32(out, n), OK),
			close: (b) => (delete things[b] ? OK : BADF),
		},
		fastly_http_resp: {
			new: (out) => handle({ status: 200, headers: new Headers() }, out),
			status_set: (r, status) => (things[r].status = status, OK),
			header_insert: (r, name, n, value, m) => (things[r].headers.set(string(name, n), string(value, m)), OK),
			send_downstream: (r, b) => (state.response = { ...things[r], body: new Blob(things[b].written) }, OK),
		},
		wasi_snapshot_preview1: {
			args_sizes_get: sizes(lists[1]), args_get: strings(lists[1]),
			environ_sizes_get: sizes(lists[0]), environ_get: strings(lists[0]),
			clock_time_get: (id, precision, out) => (put64(out, BigInt(Math.round((id ? performance.now() : Date.now()) * 1000)) * 1000n), OK),
			random_get: (at, n) => (crypto.getRandomValues(bytes(at, n)), OK),
			proc_exit: () => { throw new Exit(); },
		},
	} };
}

export default {
	async fetch(request, env) {
		const received = new Uint8Array(await request.arrayBuffer());
		const { state, imports } = host(request, received, [`FASTLY_POP=${env.FASTLY_POP ?? 'XXX'}`]);
		try {
			const { exports } = await WebAssembly.instantiate(module, imports);
			state.memory = exports.memory;
			exports._start();
		} catch (e) {
			if (!(e instanceof Exit)) console.error(`${e}`);
		}
		const r = state.response;
		return r ? new Response(r.body, r) : new Response('', { status: 500 });
	},
};
