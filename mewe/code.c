/* code.c - one function's x86-64 machine code as bytes that are the same wherever the function stands.
 * In: a function in a compiled module's text. Out: a digest of its instructions, and one of their shape.
 * Must hold: every byte that is digested as an instruction is one (code_flow.c).
 *
 * Kept: mnemonics, operands, immediates, the contents of constants, the order of the instructions. Replaced: a direct call's
 * target by who it is, a jump's by the number of the instruction it leads to. Dropped: padding and encodings. The shape drops
 * immediates, displacements and constants too, and numbers registers by first appearance; the frame's keep their names. */
#include <stdlib.h>
#include <string.h>
#include "code_flow.h"

typedef struct Out {
	Buf *b;
	bool shape;
	uint8_t name[ZYDIS_REGISTER_MAX_VALUE + 1]; /* of whole registers: 1.. by first appearance in their class */
	uint8_t used[ZYDIS_REGCLASS_MAX_VALUE + 1];
} Out;

static void put_reg(Out *o, uint16_t r)
{
	ZydisRegister w = flow_whole(r);
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

/* What lies at a place that an instruction names by its distance: a jump table, constants behind the code; V8 also has the
 * place of an instruction, for a frame to be found by, and constants of 8 bytes that are a part of an earlier instruction. */
static void put_data(Out *o, Fn *f, const Insn *in, const Operand *op)
{
	int64_t at = in->next + op->value;
	uint32_t size = op->size / 8;
	bool v8 = f->callees->text->maker == MAKER_V8;
	for (uint32_t t = 0; t < f->ntable; t++) {
		if (f->table[t].lea == in->at) {
			buf_u8(o->b, 't');
			return;
		}
	}
	if (at < 0 || at >= f->n || size > f->n - at || !f->seen[at] == (v8 && op->agen) || (v8 && !op->agen && size != 8)) {
		flow_stop(f, in->at, "an address that is neither a constant's nor a jump table's");
		return;
	}
	if (f->seen[at]) {
		buf_u8(o->b, 'p');
		buf_u32(o->b, f->index[at]);
		return;
	}
	if (op->agen)                  /* a table of constants, of unknown size: all the rest */
		size = f->n - at;
	buf_u8(o->b, 'd');
	if (!o->shape)
		buf_put(o->b, f->p + at, size);
}

static void put_memory(Out *o, Fn *f, const Insn *in, const Operand *op)
{
	buf_u32(o->b, op->segment);
	if (op->base == ZYDIS_REGISTER_RIP) {
		put_data(o, f, in, op);
		return;
	}
	put_reg(o, op->base);
	put_reg(o, op->index);
	buf_u8(o->b, op->scale);
	if (!o->shape)
		buf_u64(o->b, op->value);
}

void code_callee(Buf *b, const Callees *c, const Symbol *s)
{
	if (s->func == NONE) {
		buf_u8(b, 'b');
		buf_put(b, s->name, strlen(s->name) + 1);
	} else {
		uint32_t ordinal = s->func - c->nimported;
		buf_u8(b, 'f');
		buf_u32(b, c->ident ? c->ident[ordinal] : ordinal);
	}
}

/* V8's calls go to a place in a table of jumps, which is the callee's alone: one text, one table. */
static void put_callee(Out *o, Fn *f, const Insn *in)
{
	const Callees *c = f->callees;
	uint64_t to = f->start + in->next + in->op[0].value;
	const Symbol *s = elf_at(c->text, to);
	if (c->text->maker == MAKER_V8) {
		buf_u8(o->b, 'j');
		buf_u64(o->b, to);
	} else if (s) {
		code_callee(o->b, c, s);
	} else {
		flow_stop(f, in->at, "a call of no function");
	}
}

static void put_target(Out *o, Fn *f, const Insn *in)
{
	uint32_t to;
	if (in->category == ZYDIS_CATEGORY_CALL)
		put_callee(o, f, in);
	else if (flow_target(f, in, &to))
		buf_u32(o->b, f->index[to]);
}

static void put_operand(Out *o, Fn *f, const Insn *in, const Operand *op)
{
	buf_u8(o->b, op->type);
	buf_u32(o->b, op->size);
	if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
		put_reg(o, op->reg);
	else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
		put_memory(o, f, in, op);
	else if (op->relative)
		put_target(o, f, in);
	else if (!o->shape)
		buf_u64(o->b, op->value);
}

static void put_insn(Out *o, Fn *f, const Insn *in)
{
	buf_u32(o->b, in->mnemonic);
	buf_u64(o->b, in->attributes & (ZYDIS_ATTRIB_HAS_LOCK | ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE));
	for (uint32_t i = 0; i < in->n; i++)
		put_operand(o, f, in, &in->op[i]);
	for (uint32_t t = 0; t < f->ntable; t++) {
		if (f->table[t].jump != in->at)
			continue;
		buf_u32(o->b, f->table[t].n);
		for (uint32_t i = 0; i < f->table[t].n; i++)
			buf_u32(o->b, f->index[table_target(f, &f->table[t], i)]);
	}
}

static Digest write(Fn *f, Buf *b, bool shape)
{
	Out o = {.b = b, .shape = shape};
	b->n = 0;
	for (uint32_t at = 0; at < f->end && !f->why; at++)
		if (f->seen[at] && f->insn[f->seen[at] - 1].mnemonic != ZYDIS_MNEMONIC_NOP)
			put_insn(&o, f, &f->insn[f->seen[at] - 1]);
	return digest(b->p, b->n);
}

int code_stopped(const char *file, const Symbol *s, uint32_t at, const char *why, Err *e)
{
	return err_set(e, MEWE_UNSUPPORTED, "%s: machine code of %s, byte %u: %s; leave the function out with --functions", file,
	               s->name, at, why);
}

int code_digest(const char *file, const Symbol *s, const Callees *c, Code *out, Err *e)
{
	Fn f = {.p = c->text->p + s->start, .n = s->size, .start = s->start, .callees = c};
	Buf b = {0};
	flow_read(&f);
	*out = (Code){.bytes = f.n, .ninsn = f.count};
	out->code = write(&f, &b, false);
	out->shape = write(&f, &b, true);
	buf_free(&b);
	flow_free(&f);
	return f.why ? code_stopped(file, s, f.at, f.why, e) : 0;
}
