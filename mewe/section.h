/* section.h - the sections of a binary, for those that compare or read bytes which Binaryen's C interface keeps to itself. */
#ifndef SECTION_H
#define SECTION_H

#include "all.h"

enum { S_CUSTOM, S_TYPE, S_IMPORT, S_TABLE = 4, S_MEMORY, S_GLOBAL, S_EXPORT, S_START, S_ELEMENT, S_CODE, S_DATA, S_DATACOUNT, S_END };

/* Bytes yet to be read; nothing here reads past the end. */
typedef struct Part {
	const uint8_t *p, *end;
} Part;

Part section_file(const uint8_t *wasm, size_t n);          /* all sections: the file behind its header */
bool section_next(Part *file, uint8_t *id, Part *body);    /* the next of them; false at the end */
uint64_t section_leb(Part *in);
uint8_t section_byte(Part *in);
void section_skip(Part *in, uint64_t n);

/* One slot of an element segment. */
typedef struct Slot {
	uint32_t segment, index;       /* which slot of which segment */
	uint32_t table;                /* NONE for a segment that is put nowhere by itself */
	uint32_t func;                 /* function index; NONE for anything else: null, or a global's value */
} Slot;
typedef struct Slots {
	Slot *slot;                    /* in order; released with free() */
	uint32_t n;
} Slots;
Slots section_slots(const uint8_t *wasm, size_t n);

/* stub.c: the module without custom sections, and with `unreachable` for the code of its first nstubs functions. */
Bytes stub_functions(const uint8_t *wasm, size_t n, uint32_t nstubs);

#endif
