/* code.c - one function's machine code as bytes that are the same wherever the function stands.
 * In: a function in a compiled module's text. Out: a digest of its instructions, and one of their shape.
 * Must hold: every byte that is digested as an instruction is reached from the function's entry, since jump tables and
 * constants lie between and behind the code; what can't be followed is an error, never a guess.
 *
 * Kept: mnemonics, operands, immediates, the contents of constants, the order of the instructions. Replaced: a direct call's
 * target by who it is, a jump's by the number of the instruction it leads to. Dropped: padding and encodings. The shape drops
 * immediates, displacements and constants too, and numbers registers by first appearance; the frame's keep their names. */
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>
#include "code.h"

typedef struct Insn {
	ZydisDecodedInstruction i;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	uint32_t at, next;             /* offsets in the function */
} Insn;

/* A jump table: 32-bit offsets from its start, which is right behind the jump. */
typedef struct Table {
	uint32_t lea, jump, start, n;
} Table;

typedef struct Fn {
	ZydisDecoder decoder;
	const uint8_t *p;
	uint32_t n;
	uint64_t start;                /* in the text */
	const Callees *callees;
	uint8_t *seen;                 /* by byte: an instruction starts here */
	uint32_t *index;               /* its number, padding not counted */
	Table *table;
	uint32_t ntable, tcap;
	uint32_t *todo, ntodo, dcap;   /* offsets to follow the code from */
	const char *why;               /* what stopped the reading */
	uint32_t at;
} Fn;

static void stop(Fn *f, uint32_t at, const char *why)
{
	if (!f->why) {
		f->why = why;
		f->at = at;
	}
}

static bool decode(Fn *f, uint32_t at, Insn *in)
{
	if (at >= f->n || ZYAN_FAILED(ZydisDecoderDecodeFull(&f->decoder, f->p + at, f->n - at, &in->i, in->op))) {
		stop(f, at, "what is reached there is no instruction");
		return false;
	}
	in->at = at;
	in->next = at + in->i.length;
	return true;
}

static ZydisRegister whole(ZydisRegister r) { return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r); }
static bool is_reg(const ZydisDecodedOperand *o) { return o->type == ZYDIS_OPERAND_TYPE_REGISTER; }

/* ---- which bytes are code ---- */

/* The offset in the function that a direct jump leads to. */
static bool jump_target(Fn *f, const Insn *in, uint32_t *to)
{
	int64_t t = in->next + in->op[0].imm.value.s;
	if (t < 0 || t >= f->n) {
		stop(f, in->at, "a jump leads out of the function");
		return false;
	}
	*to = t;
	return true;
}

static void follow(Fn *f, uint32_t at)
{
	PUSH(f->todo, f->ntodo, f->dcap, at);
}

enum { BACK = 32 };                    /* how far back the bound of a jump table is looked for */

/* The number of entries is in no table: it is the constant to which the index is limited, `mov r, n - 1`, `cmp`, `cmovb`. */
static bool table_bound(Fn *f, const uint32_t *back, uint32_t n, ZydisRegister r, uint32_t *entries)
{
	Insn in;
	while (n-- > 0 && decode(f, back[n], &in)) {
		if (!is_reg(&in.op[0]) || whole(in.op[0].reg.value) != r || !(in.op[0].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (in.i.mnemonic == ZYDIS_MNEMONIC_CMOVB)
			continue;
		if (in.i.mnemonic == ZYDIS_MNEMONIC_MOV && in.op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
			*entries = in.op[1].imm.value.u + 1;
			return in.op[1].imm.value.u < f->n;
		}
		if (in.i.mnemonic != ZYDIS_MNEMONIC_MOV || !is_reg(&in.op[1]))
			return false;
		r = whole(in.op[1].reg.value);
	}
	return false;
}

/* back[n - 1] is `jmp r`; it is known only behind `lea r, table`, `movsxd i, [r + 4 * i]`, `add r, i`. */
static bool table_find(Fn *f, const uint32_t *back, uint32_t n, const Insn *jump)
{
	Insn lea, load, add;
	Table t = {.jump = jump->at, .start = jump->next};
	if (n < 4 || !decode(f, back[n - 4], &lea) || !decode(f, back[n - 3], &load) || !decode(f, back[n - 2], &add))
		return false;
	if (lea.i.mnemonic != ZYDIS_MNEMONIC_LEA || lea.op[1].mem.base != ZYDIS_REGISTER_RIP ||
	    lea.next + lea.op[1].mem.disp.value != t.start || load.i.mnemonic != ZYDIS_MNEMONIC_MOVSXD ||
	    load.op[1].type != ZYDIS_OPERAND_TYPE_MEMORY || load.op[1].mem.base != lea.op[0].reg.value ||
	    load.op[1].mem.scale != 4 || add.i.mnemonic != ZYDIS_MNEMONIC_ADD || !is_reg(&add.op[1]) ||
	    add.op[0].reg.value != jump->op[0].reg.value || add.op[1].reg.value != load.op[0].reg.value)
		return false;
	if (!table_bound(f, back, n - 4, load.op[1].mem.index, &t.n) || t.n > (f->n - t.start) / 4)
		return false;
	t.lea = lea.at;
	PUSH(f->table, f->ntable, f->tcap, t);
	return true;
}

static uint32_t table_target(const Fn *f, const Table *t, uint32_t i)
{
	int32_t offset;
	memcpy(&offset, f->p + t->start + 4 * i, sizeof offset);
	return t->start + offset;
}

static void table_follow(Fn *f, const Table *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		if (table_target(f, t, i) >= f->n)
			stop(f, t->jump, "a jump table leads out of the function");
		else
			follow(f, table_target(f, t, i));
	}
}

/* Mark the instructions from here on, up to code that is marked already or to what does not go on. */
static void mark(Fn *f, uint32_t at)
{
	uint32_t back[BACK], n = 0, to;
	Insn in;
	for (; !f->why && (at >= f->n || !f->seen[at]); at = in.next) {
		if (!decode(f, at, &in))
			return;
		f->seen[at] = 1;
		if (n == BACK)
			memmove(back, back + 1, --n * sizeof *back);
		back[n++] = at;
		switch (in.i.meta.category) {
		case ZYDIS_CATEGORY_COND_BR:
			if (jump_target(f, &in, &to))
				follow(f, to);
			break;
		case ZYDIS_CATEGORY_UNCOND_BR:
			if (in.op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
				if (jump_target(f, &in, &to))
					follow(f, to);
			} else if (is_reg(&in.op[0]) && table_find(f, back, n, &in)) {
				table_follow(f, &f->table[f->ntable - 1]);
			} else {
				stop(f, at, "an indirect jump that is no jump table of a known form");
			}
			return;
		case ZYDIS_CATEGORY_RET:
			return;
		default:
			if (in.i.mnemonic == ZYDIS_MNEMONIC_UD2)
				return;
		}
	}
}

/* Number the instructions in order of address; padding counts as the instruction behind it. */
static uint32_t number(Fn *f)
{
	uint32_t n = 0, end = 0;
	Insn in;
	for (uint32_t at = 0; at < f->n && !f->why; at++) {
		if (!f->seen[at])
			continue;
		if (at < end)
			stop(f, at, "two instructions overlap");
		if (!decode(f, at, &in))
			break;
		end = in.next;
		f->index[at] = n;
		n += in.i.mnemonic != ZYDIS_MNEMONIC_NOP;
		for (uint32_t t = 0; t < f->ntable; t++)
			if (at < f->table[t].start + 4 * f->table[t].n && end > f->table[t].start)
				stop(f, at, "code in the middle of a jump table");
	}
	return n;
}

/* ---- instructions as bytes ---- */

typedef struct Out {
	Buf *b;
	bool shape;
	uint8_t name[ZYDIS_REGISTER_MAX_VALUE + 1]; /* of whole registers: 1.. by first appearance in their class */
	uint8_t used[ZYDIS_REGCLASS_MAX_VALUE + 1];
} Out;

static void put_reg(Out *o, ZydisRegister r)
{
	ZydisRegister w = whole(r);
	if (!o->shape || r == ZYDIS_REGISTER_NONE || w == ZYDIS_REGISTER_NONE || w == ZYDIS_REGISTER_RSP ||
	    w == ZYDIS_REGISTER_RBP || w == ZYDIS_REGISTER_RIP) {
		buf_u32(o->b, r);
		return;
	}
	if (!o->name[w])
		o->name[w] = ++o->used[ZydisRegisterGetClass(w)];
	buf_u32(o->b, 0x80000000u | ZydisRegisterGetClass(r) << 16 | (r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH) << 8 |
	              o->name[w]);
}

/* What lies at a place that an instruction names by its distance: a jump table, or constants behind the code. */
static void put_data(Out *o, Fn *f, const Insn *in, const ZydisDecodedOperand *op)
{
	int64_t at = in->next + op->mem.disp.value;
	uint32_t size = op->size / 8;
	for (uint32_t t = 0; t < f->ntable; t++) {
		if (f->table[t].lea == in->at) {
			buf_u8(o->b, 't');
			return;
		}
	}
	if (at < 0 || at >= f->n || f->seen[at] || size > f->n - at) {
		stop(f, in->at, "an address that is neither a constant's nor a jump table's");
		return;
	}
	if (op->mem.type == ZYDIS_MEMOP_TYPE_AGEN) /* a table of constants, of unknown size: all the rest */
		size = f->n - at;
	buf_u8(o->b, 'd');
	if (!o->shape)
		buf_put(o->b, f->p + at, size);
}

static void put_memory(Out *o, Fn *f, const Insn *in, const ZydisDecodedOperand *op)
{
	buf_u32(o->b, op->mem.segment);
	if (op->mem.base == ZYDIS_REGISTER_RIP) {
		put_data(o, f, in, op);
		return;
	}
	put_reg(o, op->mem.base);
	put_reg(o, op->mem.index);
	buf_u8(o->b, op->mem.scale);
	if (!o->shape)
		buf_u64(o->b, op->mem.disp.value);
}

static void put_callee(Out *o, Fn *f, const Insn *in)
{
	const Callees *c = f->callees;
	const Symbol *s = elf_at(c->text, f->start + in->next + in->op[0].imm.value.s);
	if (!s) {
		stop(f, in->at, "a call of no function");
	} else if (s->func == NONE) {
		buf_u8(o->b, 'b');
		buf_put(o->b, s->name, strlen(s->name) + 1);
	} else {
		uint32_t ordinal = s->func - c->nimported;
		buf_u8(o->b, 'f');
		buf_u32(o->b, c->ident ? c->ident[ordinal] : ordinal);
	}
}

static void put_target(Out *o, Fn *f, const Insn *in)
{
	uint32_t to;
	if (in->i.meta.category == ZYDIS_CATEGORY_CALL)
		put_callee(o, f, in);
	else if (jump_target(f, in, &to))
		buf_u32(o->b, f->index[to]);
}

static void put_operand(Out *o, Fn *f, const Insn *in, const ZydisDecodedOperand *op)
{
	buf_u8(o->b, op->type);
	buf_u32(o->b, op->size);
	if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
		put_reg(o, op->reg.value);
	else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
		put_memory(o, f, in, op);
	else if (op->imm.is_relative)
		put_target(o, f, in);
	else if (!o->shape)
		buf_u64(o->b, op->imm.value.u);
}

static void put_insn(Out *o, Fn *f, const Insn *in)
{
	buf_u32(o->b, in->i.mnemonic);
	buf_u64(o->b, in->i.attributes & (ZYDIS_ATTRIB_HAS_LOCK | ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE));
	for (uint32_t i = 0; i < in->i.operand_count_visible; i++)
		put_operand(o, f, in, &in->op[i]);
	for (uint32_t t = 0; t < f->ntable; t++) {
		if (f->table[t].jump != in->at)
			continue;
		buf_u32(o->b, f->table[t].n);
		for (uint32_t i = 0; i < f->table[t].n; i++)
			buf_u32(o->b, f->index[table_target(f, &f->table[t], i)]);
	}
}

static Digest write(Fn *f, bool shape)
{
	Buf b = {0};
	Out o = {.b = &b, .shape = shape};
	Insn in;
	for (uint32_t at = 0; at < f->n && !f->why; at++)
		if (f->seen[at] && decode(f, at, &in) && in.i.mnemonic != ZYDIS_MNEMONIC_NOP)
			put_insn(&o, f, &in);
	Digest d = digest(b.p, b.n);
	buf_free(&b);
	return d;
}

int code_digest(const char *file, const Symbol *s, const Callees *c, Code *out, Err *e)
{
	Fn f = {.p = c->text->p + s->start, .n = s->size, .start = s->start, .callees = c};
	ZydisDecoderInit(&f.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	f.seen = xalloc(f.n);
	f.index = xalloc((size_t)f.n * sizeof *f.index);
	follow(&f, 0);
	while (f.ntodo > 0 && !f.why)
		mark(&f, f.todo[--f.ntodo]);
	*out = (Code){.bytes = f.n, .ninsn = number(&f)};
	out->code = write(&f, false);
	out->shape = write(&f, true);
	free(f.seen);
	free(f.index);
	free(f.table);
	free(f.todo);
	return f.why ? err_set(e, MEWE_UNSUPPORTED, "%s: machine code of %s, byte %u: %s; leave the function out with --functions",
	                       file, s->name, f.at, f.why) : 0;
}
