/* code_flow.c - which of a function's bytes are instructions.
 * In: a function in a compiled module's text. Out: its instructions by address and by number, its jump tables.
 * Must hold: an instruction is what is reached from the function's entry, since jump tables and constants lie between and
 * behind the code; each is decoded once; what can't be followed is an error, never a guess. */
#include <stdlib.h>
#include <string.h>
#include "code_flow.h"

void flow_stop(Fn *f, uint32_t at, const char *why)
{
	if (!f->why) {
		f->why = why;
		f->at = at;
	}
}

ZydisRegister flow_whole(uint16_t r) { return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r); }

static Operand operand(const ZydisDecodedOperand *o)
{
	Operand out = {.type = o->type, .size = o->size, .write = o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE};
	if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		out.reg = o->reg.value;
	} else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		out.agen = o->mem.type == ZYDIS_MEMOP_TYPE_AGEN;
		out.base = o->mem.base;
		out.index = o->mem.index;
		out.segment = o->mem.segment;
		out.scale = o->mem.scale;
		out.value = o->mem.disp.value;
	} else if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		out.relative = o->imm.is_relative;
		out.value = o->imm.value.s;
	}
	return out;
}

static bool decode(Fn *f, uint32_t at, Insn *in)
{
	ZydisDecodedInstruction i;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT_VISIBLE];
	ZydisDecoderContext c;
	if (at >= f->end || ZYAN_FAILED(ZydisDecoderDecodeInstruction(&f->decoder, &c, f->p + at, f->end - at, &i)) ||
	    i.operand_count_visible > LEN(in->op) ||
	    ZYAN_FAILED(ZydisDecoderDecodeOperands(&f->decoder, &c, &i, op, i.operand_count_visible))) {
		flow_stop(f, at, "what is reached there is no instruction");
		return false;
	}
	*in = (Insn){.at = at, .next = at + i.length, .mnemonic = i.mnemonic, .category = i.meta.category,
	             .n = i.operand_count_visible, .attributes = i.attributes};
	for (uint32_t k = 0; k < in->n; k++)
		in->op[k] = operand(&op[k]);
	return true;
}

bool flow_target(Fn *f, const Insn *in, uint32_t *to)
{
	int64_t t = in->next + in->op[0].value;
	if (t < 0 || t >= f->end) {
		flow_stop(f, in->at, "a jump leads out of the function");
		return false;
	}
	*to = t;
	return true;
}

static void follow(Fn *f, uint32_t at)
{
	PUSH(f->todo, f->ntodo, f->dcap, at);
}

static void follow_jump(Fn *f, const Insn *in)
{
	uint32_t to;
	if (flow_target(f, in, &to))
		follow(f, to);
}

static void follow_table(Fn *f, const uint32_t *back, uint32_t n)
{
	Table t;
	if (!table_find(f, back, n, &t)) {
		flow_stop(f, back[n - 1], "an indirect jump that is no jump table of a known form");
		return;
	}
	PUSH(f->table, f->ntable, f->tcap, t);
	for (uint32_t i = 0; i < t.n; i++) {
		if (table_target(f, &t, i) >= f->end)
			flow_stop(f, t.jump, "a jump table leads out of the function");
		else
			follow(f, table_target(f, &t, i));
	}
}

/* Is there nothing but padding up to where the code ends? A call that does not return may be the last. */
static bool ended(Fn *f, uint32_t at)
{
	Insn in;
	while (at < f->end && decode(f, at, &in) && in.mnemonic == ZYDIS_MNEMONIC_NOP)
		at = in.next;
	return at == f->end;
}

enum { BACK = 32 };                    /* how far back the parts of an access to a jump table are looked for */

/* Mark the instructions from here on, up to code that is marked already or to what does not go on. */
static void mark(Fn *f, uint32_t at)
{
	uint32_t back[BACK], n = 0;
	Insn in;
	for (; !f->why && (at >= f->end || !f->seen[at]); at = in.next) {
		if (!decode(f, at, &in))
			return;
		PUSH(f->insn, f->ninsn, f->icap, in);
		f->seen[at] = f->ninsn;
		if (n == BACK)
			memmove(back, back + 1, --n * sizeof *back);
		back[n++] = at;
		if (in.category == ZYDIS_CATEGORY_COND_BR) {
			follow_jump(f, &in);
		} else if (in.category == ZYDIS_CATEGORY_UNCOND_BR) {
			if (in.op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
				follow_jump(f, &in);
			else
				follow_table(f, back, n);
			return;
		} else if (in.category == ZYDIS_CATEGORY_RET || in.mnemonic == ZYDIS_MNEMONIC_UD2) {
			return;
		} else if (in.category == ZYDIS_CATEGORY_CALL && f->callees->text->maker == MAKER_V8 && ended(f, in.next)) {
			return;
		}
	}
}

/* Number the instructions in order of address; padding counts as the instruction behind it. */
static void number(Fn *f)
{
	uint32_t end = 0;
	for (uint32_t at = 0; at < f->end && !f->why; at++) {
		if (!f->seen[at])
			continue;
		const Insn *in = &f->insn[f->seen[at] - 1];
		if (at < end)
			flow_stop(f, at, "two instructions overlap");
		end = in->next;
		f->index[at] = f->count;
		f->count += in->mnemonic != ZYDIS_MNEMONIC_NOP;
		for (uint32_t t = 0; t < f->ntable; t++)
			if (at < f->table[t].start + f->table[t].width * f->table[t].n && end > f->table[t].start)
				flow_stop(f, at, "code in the middle of a jump table");
	}
}

void flow_read(Fn *f)
{
	uint64_t entries = 0;
	ZydisDecoderInit(&f->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	f->seen = xalloc((size_t)f->n * sizeof *f->seen);
	f->index = xalloc((size_t)f->n * sizeof *f->index);
	f->end = f->rest = f->n;
	if (f->callees->text->maker == MAKER_V8 && !table_v8_end(f))
		flow_stop(f, 0, "where its code ends can't be told");
	follow(f, 0);
	while (f->ntodo > 0 && !f->why)
		mark(f, f->todo[--f->ntodo]);
	number(f);
	for (uint32_t t = 0; t < f->ntable; t++)
		entries += f->table[t].n * f->table[t].width;
	if (f->end < f->rest && f->end + entries != f->rest)
		flow_stop(f, f->end, "what lies there is more than its jump tables");
}

void flow_free(Fn *f)
{
	free(f->insn);
	free(f->seen);
	free(f->index);
	free(f->table);
	free(f->todo);
}
