/* code_table.c - jump tables in x86-64 code, in the forms in which the compilers write them.
 * In: the instructions before an indirect jump. Out: where its table is, and how many entries it has.
 * Must hold: a form that is not known exactly is none. */
#include <string.h>
#include "code_flow.h"

static const Insn *at(const Fn *f, uint32_t offset) { return &f->insn[f->seen[offset] - 1]; }
static bool is_reg(const Operand *o) { return o->type == ZYDIS_OPERAND_TYPE_REGISTER; }
static bool same(uint16_t a, uint16_t b) { return flow_whole(a) == flow_whole(b); }

/* The number of entries is in no table: it is the constant to which the index r is limited. Cranelift writes `mov r, n - 1`,
 * `cmp`, `cmovb r, i`; Winch `mov c, n - 1`, `cmp`, `cmovb r, c`. */
static bool bound(const Fn *f, const uint32_t *back, uint32_t n, uint16_t r, uint32_t *entries)
{
	bool winch = f->callees->text->maker == MAKER_WINCH;
	while (n-- > 0) {
		const Insn *in = at(f, back[n]);
		const Operand *to = &in->op[0], *from = &in->op[1];
		if (in->n == 0 || !is_reg(to) || !same(to->reg, r) || !to->write)
			continue;
		if (in->mnemonic == ZYDIS_MNEMONIC_CMOVB) {
			if (winch && !is_reg(from))
				return false;
			r = winch ? from->reg : r;
		} else if (in->mnemonic != ZYDIS_MNEMONIC_MOV) {
			return false;
		} else if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
			*entries = (uint32_t)from->value + 1;
			return from->value >= 0 && from->value < f->n;
		} else if (is_reg(from)) {
			r = from->reg;
		} else {
			return false;
		}
	}
	return false;
}

/* `lea b, table`, `movsxd i, [b + 4 * i]`, `add`, `jmp r`; the table is right behind the jump. */
static bool find_wasmtime(const Fn *f, const uint32_t *back, uint32_t n, Table *t)
{
	if (n < 4)
		return false;
	const Insn *jump = at(f, back[n - 1]), *add = at(f, back[n - 2]), *load = at(f, back[n - 3]), *lea = at(f, back[n - 4]);
	const Operand *mem = &load->op[1];
	if (!is_reg(&jump->op[0]) || lea->mnemonic != ZYDIS_MNEMONIC_LEA || lea->op[1].base != ZYDIS_REGISTER_RIP ||
	    lea->next + lea->op[1].value != jump->next || load->mnemonic != ZYDIS_MNEMONIC_MOVSXD ||
	    mem->type != ZYDIS_OPERAND_TYPE_MEMORY || mem->base != lea->op[0].reg || mem->scale != 4 || mem->value != 0 ||
	    add->mnemonic != ZYDIS_MNEMONIC_ADD || !is_reg(&add->op[1]) || add->op[0].reg != jump->op[0].reg ||
	    add->op[0].reg != lea->op[0].reg || add->op[1].reg != load->op[0].reg)
		return false;
	*t = (Table){.lea = lea->at, .jump = jump->at, .start = jump->next, .width = 4};
	return bound(f, back, n - 4, mem->index, &t->n) && t->n <= (f->n - t->start) / 4;
}

/* `cmp i, n`, `jae`, `lea b, table`, `jmp [b + 8 * i]`; the tables are behind the code. */
static bool find_v8(const Fn *f, const uint32_t *back, uint32_t n, Table *t)
{
	if (n < 4)
		return false;
	const Insn *jump = at(f, back[n - 1]), *lea = at(f, back[n - 2]), *jae = at(f, back[n - 3]), *cmp = at(f, back[n - 4]);
	const Operand *mem = &jump->op[0], *bound = &cmp->op[1];
	int64_t start = lea->next + lea->op[1].value;
	if (mem->type != ZYDIS_OPERAND_TYPE_MEMORY || mem->scale != 8 || mem->value != 0 || lea->mnemonic != ZYDIS_MNEMONIC_LEA ||
	    lea->op[1].base != ZYDIS_REGISTER_RIP || lea->op[0].reg != mem->base || jae->mnemonic != ZYDIS_MNEMONIC_JNB ||
	    cmp->mnemonic != ZYDIS_MNEMONIC_CMP || !is_reg(&cmp->op[0]) || !same(cmp->op[0].reg, mem->index) ||
	    bound->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return false;
	if (start < f->end || start > f->rest || bound->value < 0 || bound->value > (f->rest - start) / 8)
		return false;
	*t = (Table){.lea = lea->at, .jump = jump->at, .start = start, .n = bound->value, .width = 8};
	return true;
}

bool table_find(Fn *f, const uint32_t *back, uint32_t n, Table *out)
{
	return f->callees->text->maker == MAKER_V8 ? find_v8(f, back, n, out) : find_wasmtime(f, back, n, out);
}

/* The address of 8 bytes there as an offset in the function; n or more: it is none. */
static uint64_t address(const Fn *f, uint32_t at)
{
	uint64_t a;
	memcpy(&a, f->p + at, sizeof a);
	return a - (f->callees->text->base + f->start);
}

uint32_t table_target(const Fn *f, const Table *t, uint32_t i)
{
	int32_t offset;
	if (t->width == 8)
		return address(f, t->start + 8 * i) < f->n ? address(f, t->start + 8 * i) : f->n;
	memcpy(&offset, f->p + t->start + 4 * i, sizeof offset);
	return t->start + offset;
}

/* ---- V8's safepoints: where its calls return to ---- */

static uint32_t word(const Fn *f, uint32_t at)
{
	uint32_t w;
	memcpy(&w, f->p + at, sizeof w);
	return w;
}

static uint32_t narrow(const Fn *f, uint32_t at, uint32_t size)
{
	uint32_t w = 0;
	memcpy(&w, f->p + at, size);
	return w;
}

/* V8 fills up to a multiple of 4 with 0xcc, and what follows with nothing. */
static bool padding(const Fn *f, uint64_t at)
{
	while (at < f->n && f->p[at] == 0xcc)
		at++;
	while (at < f->n && f->p[at] == 0)
		at++;
	return at == f->n;
}

/* Does a call, direct or by a register, end there? */
static bool behind_call(const Fn *f, uint32_t at)
{
	return at >= 5 && (f->p[at - 5] == 0xe8 || (f->p[at - 2] == 0xff && (f->p[at - 1] & 0xf8) == 0xd0));
}

/* Is there a table of safepoints at this place, with nothing but padding behind it? Its count, the sizes of its fields (one bit:
 * are there deoptimisations; then 3 bits for registers, 3 for the place, 3 for the deoptimisation's number, the rest for the
 * stack's bits), the places, which rise, each with its registers, and the bits. */
static bool safepoints(const Fn *f, uint32_t at)
{
	uint32_t n = word(f, at), fields = word(f, at + 4), last = 0;
	uint64_t place = fields >> 4 & 7, entry = (fields >> 1 & 7) + place, bits = fields >> 10;
	uint64_t end = at + 8 + n * (entry + bits);
	if ((fields & 1) != 0 || bits == 0 || place > 4 || (n > 0 && place == 0) || n > f->n || bits > f->n || end > f->n ||
	    !padding(f, end))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pc = narrow(f, at + 8 + i * entry, place);
		if (pc <= last || pc > at || !behind_call(f, pc))
			return false;
		last = pc;
	}
	return true;
}

/* Behind the code are 8-byte addresses in it, the jump tables, if there are any; then the safepoints, at a multiple of 4. Their
 * bits may look like another such table: it is the first. */
bool table_v8_end(Fn *f)
{
	for (f->rest = 0; f->rest + 8 <= f->n && !safepoints(f, f->rest);)
		f->rest += 4;
	for (f->end = f->rest; f->end >= 8 && f->end % 8 == 0 && address(f, f->end - 8) < f->end - 8;)
		f->end -= 8;
	return f->rest + 8 <= f->n;
}
