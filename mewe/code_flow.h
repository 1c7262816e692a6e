/* code_flow.h - one x86-64 function's instructions: what code_flow.c finds and code.c writes. */
#ifndef CODE_FLOW_H
#define CODE_FLOW_H

#include <Zydis/Zydis.h>
#include "code.h"

/* What of an operand is compared. */
typedef struct Operand {
	uint8_t type, scale, agen;     /* agen: an address alone, nothing is read or written there */
	bool relative, write;
	uint16_t size;                 /* bits */
	uint16_t reg, base, index, segment;
	int64_t value;                 /* immediate or displacement */
} Operand;

typedef struct Insn {
	uint32_t at, next;             /* offsets in the function */
	uint16_t mnemonic;
	uint8_t category, n;           /* n operands */
	uint64_t attributes;
	Operand op[5];
} Insn;

/* A jump table: offsets of 4 bytes from its start, or addresses of 8. */
typedef struct Table {
	uint32_t lea, jump, start, n, width;
} Table;

typedef struct Fn {
	ZydisDecoder decoder;
	const uint8_t *p;
	uint32_t n;
	uint64_t start;                /* in the text */
	const Callees *callees;
	Insn *insn;                    /* in the order in which they were reached */
	uint32_t ninsn, icap;
	uint32_t *seen;                /* by byte: 1 + the place in insn[] of the one that starts here, or 0 */
	uint32_t *index;               /* its number by address, padding not counted */
	uint32_t count;                /* how many are numbered */
	uint32_t end, rest;            /* code goes up to end, jump tables up to rest, where the maker says so; else both are n */
	Table *table;
	uint32_t ntable, tcap;
	uint32_t *todo, ntodo, dcap;   /* offsets to follow the code from */
	const char *why;               /* what stopped the reading */
	uint32_t at;
} Fn;

/* Find all instructions and jump tables; why is set when that fails. */
void flow_read(Fn *f);
void flow_free(Fn *f);
void flow_stop(Fn *f, uint32_t at, const char *why);
bool flow_target(Fn *f, const Insn *in, uint32_t *to);     /* the offset in the function that a direct jump leads to */

ZydisRegister flow_whole(uint16_t r);                      /* the register that this one is a part of */

/* code_table.c: jump tables. back[n - 1] is an indirect jump: the table that it reads, or false for no known form. */
bool table_find(Fn *f, const uint32_t *back, uint32_t n, Table *out);
uint32_t table_target(const Fn *f, const Table *t, uint32_t i);
/* Where V8's code and jump tables end and what it keeps beside them starts. */
bool table_v8_end(Fn *f);

#endif
