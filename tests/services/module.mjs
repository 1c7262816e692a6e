// module.mjs - a service's module, called in-process through the exports that services/host/wasi.c gives it.
//
// In: a compiled module. Out: {capacity, serve, select}. Its _start is never called. Memory is looked at anew after each call,
// since a growing memory detaches the buffers of before.
import { WASI } from "node:wasi";

export async function load(module) {
	const wasi = new WASI({ version: "preview1" });
	const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport });
	const e = instance.exports;
	// This makes the WASI functions find the memory; the instance has no _initialize, so nothing runs. A command's _start must
	// not be there, which is why the exports are copied without it.
	wasi.initialize({ exports: { memory: e.memory } });
	return {
		capacity: e.input_capacity(),
		select: (which) => e.select_input(which),
		// The answer to a request: {status: 0, out} or {status, out: empty}.
		serve(request) {
			new Uint8Array(e.memory.buffer).set(request, e.input());
			const n = e.serve(request.length);
			if (n < 0)
				return { status: -n, out: Buffer.alloc(0) };
			return { status: 0, out: Buffer.from(e.memory.buffer.slice(e.output(), e.output() + n)) };
		},
	};
}
