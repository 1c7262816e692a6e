/* libjitdump.c - the machine code that an engine wrote down for Linux's perf.
 * In: a dump of the known form. Out: its functions that are wanted, at the distances that they had.
 * Must hold: a record that is not whole ends it; each function keeps the bytes of its own record. */
#include <stdlib.h>
#include <string.h>
#include "jitdump.h"

typedef struct Header {
	uint32_t magic, version, size, machine, pad, pid;
	uint64_t time, flags;
} Header;

typedef struct Load {                  /* the name and the code follow */
	uint32_t id, size;
	uint64_t time;
	uint32_t pid, tid;
	uint64_t vma, address, code_size, index;
} Load;

enum { MAGIC = 0x4a695444, CODE_LOAD = 0, RECORD = 16, SPAN_MAX = 1 << 30 };

/* The next record, if it is code: its symbol, with the address as start. 0: there is none, or it is not whole. */
static uint32_t record(const Bytes *dump, uint64_t at, Symbol *s)
{
	Load l;
	uint64_t room = at < dump->n ? dump->n - at : 0;
	if (room < RECORD)
		return 0;
	memcpy(&l, dump->p + at, room < sizeof l ? room : sizeof l);
	if (l.size < RECORD || l.size > room)
		return 0;
	*s = (Symbol){.func = NONE};
	if (l.id == CODE_LOAD && l.size > sizeof l && l.code_size < l.size - sizeof l) {
		const char *name = (const char *)dump->p + at + sizeof l;
		if (memchr(name, 0, l.size - sizeof l - l.code_size))
			*s = (Symbol){l.address, l.code_size, NONE, name};
	}
	return l.size;
}

static int by_start(const void *a, const void *b)
{
	const Symbol *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* Code comes behind its name. */
static const char *place(Text *t)
{
	for (uint32_t i = 0; i < t->nsymbol; i++) {
		const Symbol *s = &t->symbol[i];
		if (s->start - t->base > SPAN_MAX || s->size > SPAN_MAX)
			return "its functions are too far apart: they are of more than one module";
		if (s->start - t->base + s->size > t->n)
			t->n = s->start - t->base + s->size;
	}
	uint8_t *image = xalloc(t->n);
	for (uint32_t i = 0; i < t->nsymbol; i++) {
		Symbol *s = &t->symbol[i];
		s->start -= t->base;
		memcpy(image + s->start, s->name + strlen(s->name) + 1, s->size);
	}
	t->p = image;
	return NULL;
}

const char *dump_read(const Bytes *dump, Maker maker, bool (*wanted)(Symbol *s, const void *about), const void *about, Text *t)
{
	Header h;
	Symbol s;
	uint32_t n, cap = 0;
	*t = (Text){.maker = maker};
	if (dump->n < sizeof h || (memcpy(&h, dump->p, sizeof h), h.magic != MAGIC) || h.version != 1)
		return "it is no dump of the known form";
	for (uint64_t at = h.size; (n = record(dump, at, &s)) > 0; at += n)
		if (s.name && wanted(&s, about))
			PUSH(t->symbol, t->nsymbol, cap, s);
	if (t->nsymbol == 0)
		return "there is no code in it";
	qsort(t->symbol, t->nsymbol, sizeof *t->symbol, by_start);
	t->base = t->symbol[0].start;
	return place(t);
}

void dump_free(Text *t)
{
	free((uint8_t *)t->p);
	elf_free(t);
}
