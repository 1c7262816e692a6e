/* elf.c - the functions in a compiled module.
 * In: the ELF file into which Wasmtime serialises a module. Out: its text and, by address, the functions in it.
 * Must hold: nothing is read outside the file, whatever its tables say. */
#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "code.h"

typedef struct File {
	const uint8_t *p;
	size_t n;
	const Elf64_Shdr *section;
	uint32_t nsection;
} File;

static bool inside(const File *f, uint64_t offset, uint64_t size)
{
	return offset <= f->n && size <= f->n - offset;
}

static bool open_file(File *f)
{
	if (f->n < sizeof(Elf64_Ehdr) || memcmp(f->p, ELFMAG, SELFMAG) != 0)
		return false;
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)f->p;
	f->section = (const Elf64_Shdr *)(f->p + h->e_shoff);
	f->nsection = h->e_shnum;
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_shentsize != sizeof *f->section || h->e_shoff % 8 != 0 ||
	    !inside(f, h->e_shoff, (uint64_t)f->nsection * sizeof *f->section))
		return false;
	for (uint32_t i = 0; i < f->nsection; i++)
		if (f->section[i].sh_type != SHT_NOBITS && !inside(f, f->section[i].sh_offset, f->section[i].sh_size))
			return false;
	return true;
}

/* Wasm's functions are "wasm[0]::function[INDEX]", with "::NAME" when they have one. */
static uint32_t func_index(const char *name)
{
	static const char head[] = "wasm[0]::function[";
	char *end;
	if (strncmp(name, head, sizeof head - 1) != 0)
		return NONE;
	unsigned long i = strtoul(name + sizeof head - 1, &end, 10);
	return *end == ']' && i < NONE ? i : NONE;
}

static int by_start(const void *a, const void *b)
{
	const Symbol *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

static bool symbols(const File *f, const Elf64_Shdr *table, uint32_t text, Text *t)
{
	if (table->sh_link >= f->nsection || table->sh_offset % 8 != 0)
		return false;
	const Elf64_Shdr *str = &f->section[table->sh_link];
	const char *names = (const char *)f->p + str->sh_offset;
	const Elf64_Sym *s = (const Elf64_Sym *)(f->p + table->sh_offset);
	uint32_t cap = 0;

	if (str->sh_size == 0 || names[str->sh_size - 1] != 0)
		return false;
	for (uint64_t n = table->sh_size / sizeof *s; n > 0; n--, s++) {
		if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || s->st_shndx != text)
			continue;
		uint64_t start = s->st_value - f->section[text].sh_addr;
		if (start > t->n || s->st_size > t->n - start || s->st_name >= str->sh_size)
			return false;
		const char *name = names + s->st_name;
		PUSH(t->symbol, t->nsymbol, cap, ((Symbol){start, s->st_size, func_index(name), name}));
	}
	if (t->nsymbol > 1)
		qsort(t->symbol, t->nsymbol, sizeof *t->symbol, by_start);
	return true;
}

int elf_read(const char *file, const uint8_t *p, size_t n, Text *out, Err *e)
{
	File f = {.p = p, .n = n};
	uint32_t text = 0, table = 0;

	*out = (Text){0};
	if (open_file(&f)) {
		for (uint32_t i = 0; i < f.nsection; i++) {
			if (f.section[i].sh_type == SHT_PROGBITS && (f.section[i].sh_flags & SHF_EXECINSTR))
				text = i;
			else if (f.section[i].sh_type == SHT_SYMTAB)
				table = i;
		}
	}
	if (text) {
		out->p = p + f.section[text].sh_offset;
		out->n = f.section[text].sh_size;
	}
	if (!text || !table || !symbols(&f, &f.section[table], text, out)) {
		elf_free(out);
		return err_set(e, MEWE_BAD, "%s: the engine's compiled form is not the one that is known; use Wasmtime 50.0.1", file);
	}
	return 0;
}

const Symbol *elf_at(const Text *t, uint64_t start)
{
	Symbol key = {.start = start};
	return t->nsymbol ? bsearch(&key, t->symbol, t->nsymbol, sizeof key, by_start) : NULL;
}

void elf_free(Text *t)
{
	free(t->symbol);
	*t = (Text){0};
}
