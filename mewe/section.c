/* section.c - the sections of a binary, and what its element segments hold.
 * In: a module that an engine has validated. Out: its sections, numbers and slots. Must hold: nothing is read past the end, also
 * of bytes that nobody has validated; Binaryen is not asked, since it ends the process on a slot that holds no function. */
#include "section.h"

Part section_file(const uint8_t *wasm, size_t n) { return (Part){wasm + (n < 8 ? n : 8), wasm + n}; }

uint8_t section_byte(Part *in) { return in->p < in->end ? *in->p++ : 0; }

uint64_t section_leb(Part *in)
{
	uint64_t x = 0;
	for (unsigned shift = 0; in->p < in->end; shift += 7) {
		uint8_t b = *in->p++;
		if (shift < 64)
			x |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return x;
}

void section_skip(Part *in, uint64_t n) { in->p = n > (uint64_t)(in->end - in->p) ? in->end : in->p + n; }

bool section_next(Part *file, uint8_t *id, Part *body)
{
	if (file->p >= file->end)
		return false;
	*id = section_byte(file);
	uint64_t size = section_leb(file);
	body->p = file->p;
	section_skip(file, size);
	body->end = file->p;
	return true;
}

/* ---- elements --------------------------------------------------------------------------------------------------------- */

/* A constant expression; the function that it refers to, or NONE. */
static uint32_t constant(Part *in)
{
	uint32_t func = NONE;
	for (uint8_t op; in->p < in->end && (op = section_byte(in)) != 0x0b;) {
		if (op == 0xd2)
			func = section_leb(in);
		else if (op == 0x23 || op == 0x41 || op == 0x42)
			section_leb(in);
		else if (op == 0x43 || op == 0x44)
			section_skip(in, op == 0x43 ? 4 : 8);
		else if (op == 0xd0)
			section_byte(in);
	}
	return func;
}

Slots section_slots(const uint8_t *wasm, size_t n)
{
	enum { NOT_ACTIVE = 1, TABLE = 2, EXPRESSIONS = 4 };
	Part file = section_file(wasm, n), in;
	Slots out = {0};
	uint32_t cap = 0;
	uint8_t id;
	while (section_next(&file, &id, &in)) {
		uint32_t nsegments = id == S_ELEMENT ? section_leb(&in) : 0;
		for (uint32_t i = 0; i < nsegments && in.p < in.end; i++) {
			uint8_t flags = section_byte(&in);
			uint32_t table = flags & NOT_ACTIVE ? NONE : flags & TABLE ? section_leb(&in) : 0;
			if (!(flags & NOT_ACTIVE))
				constant(&in); /* where it is put */
			if (flags & (NOT_ACTIVE | TABLE))
				section_byte(&in); /* what it holds: functions, or references of a type */
			uint32_t nslots = section_leb(&in);
			for (uint32_t k = 0; k < nslots && in.p < in.end; k++) {
				uint32_t func = flags & EXPRESSIONS ? constant(&in) : (uint32_t)section_leb(&in);
				PUSH(out.slot, out.n, cap, ((Slot){i, k, table, func}));
			}
		}
	}
	return out;
}
