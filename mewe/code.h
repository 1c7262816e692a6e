/* code.h - machine code as it is compared: what survive.c and its parts share. */
#ifndef CODE_H
#define CODE_H

#include "all.h"

/* Who made the code: they differ in the forms of their jump tables, in where a function's code ends, and in their calls. */
typedef enum Maker { MAKER_CRANELIFT, MAKER_WINCH, MAKER_V8, MAKER_AARCH64 } Maker;

/* A function in the text of a compiled module. */
typedef struct Symbol {
	uint64_t start, size;          /* offsets in the text */
	uint32_t func;                 /* index among all functions, or NONE for the engine's own */
	const char *name;              /* in the string table of the file */
} Symbol;

typedef struct Text {
	const uint8_t *p;
	uint64_t n;
	Maker maker;
	uint64_t base;                 /* the address that p[0] had, where absolute ones may be in the code */
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
void code_callee(Buf *b, const Callees *c, const Symbol *s);

/* code.c: digest one function's machine code. */
int code_digest(const char *file, const Symbol *s, const Callees *c, Code *out, Err *e);
/* code_aarch64.c: the same for that processor. The shape is left empty. */
int code_aarch64(const char *file, const Symbol *s, const Callees *c, Code *out, Err *e);
int code_stopped(const char *file, const Symbol *s, uint32_t at, const char *why, Err *e); /* the error of both */

/* code_module.c: digests of the functions that a module defines, which must all be in the text. */
int code_text(const char *file, const Text *t, const Scan *s, const uint32_t *ident, Code *out, Err *e);
/* The same from a module's bytes, by one of Wasmtime's compilers; *out is released with free(). */
int code_module(Maker maker, bool parallel, const char *file, const uint8_t *wasm, size_t n, const uint32_t *ident, Code **out,
                Err *e);

#endif
