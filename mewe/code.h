/* code.h - machine code as it is compared: what survive.c and its parts share. */
#ifndef CODE_H
#define CODE_H

#include "all.h"

/* A function in the text of a compiled module. */
typedef struct Symbol {
	uint64_t start, size;          /* offsets in the text */
	uint32_t func;                 /* index among all functions, or NONE for the engine's own */
	const char *name;              /* in the string table of the file */
} Symbol;

typedef struct Text {
	const uint8_t *p;
	uint64_t n;
	Symbol *symbol;                /* by rising start */
	uint32_t nsymbol;
} Text;

/* elf.c: the text and its functions, out of the ELF file that a compiled module is. */
int elf_read(const char *file, const uint8_t *p, size_t n, Text *out, Err *e);
const Symbol *elf_at(const Text *t, uint64_t start);       /* the function that starts there, or NULL */
void elf_free(Text *t);

/* What a direct call counts as. */
typedef struct Callees {
	const Text *text;
	uint32_t nimported;
	const uint32_t *ident;         /* of defined functions by ordinal; NULL: their ordinals */
} Callees;

/* code.c: digest one function's machine code. */
int code_digest(const char *file, const Symbol *s, const Callees *c, Code *out, Err *e);

#endif
