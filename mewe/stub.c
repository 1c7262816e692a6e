/* stub.c - a module without the code of functions whose machine code is known already.
 * In: a module's bytes, as Binaryen wrote them, and how many of its functions, from the first on, are to lose their code. Out: the
 * same module, where these are `unreachable`. Must hold: types, functions, globals and segments keep their numbers, so that the
 * machine code of the other functions is what it was; no engine that is asked here inlines. */
#include "section.h"

static void put_section(Buf *out, uint8_t id, const uint8_t *p, size_t n)
{
	buf_u8(out, id);
	buf_leb(out, n);
	buf_put(out, p, n);
}

static void put_code(Buf *out, Part in, uint32_t nstubs)
{
	static const uint8_t stub[] = {3, 0, 0x00, 0x0b}; /* its size, no locals, unreachable, end */
	uint64_t n = section_leb(&in);
	buf_leb(out, n);
	for (uint64_t i = 0; i < n && in.p < in.end; i++) {
		const uint8_t *from = in.p;
		section_skip(&in, section_leb(&in));
		if (i < nstubs)
			buf_put(out, stub, sizeof stub);
		else
			buf_put(out, from, in.p - from);
	}
}

Bytes stub_functions(const uint8_t *wasm, size_t n, uint32_t nstubs)
{
	Part file = section_file(wasm, n), in;
	Buf out = {0}, code = {0};
	uint8_t id;
	buf_put(&out, wasm, 8);
	while (section_next(&file, &id, &in)) {
		if (id == S_CODE) {
			put_code(&code, in, nstubs);
			put_section(&out, id, code.p, code.n);
		} else if (id != S_CUSTOM) {
			put_section(&out, id, in.p, in.end - in.p);
		}
	}
	buf_free(&code);
	return buf_bytes(&out);
}
