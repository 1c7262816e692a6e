/* scan.c - what the bytes say that Binaryen's C interface can't: start, limits, counts, offsets, features.
 * In: a core module that an engine has validated; the scanner is safe on anything, but trusts the validator for types.
 * Out: a Scan. Must hold: what Binaryen 108 misreads or miscompiles is refused here, by name, before Binaryen sees it. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "all.h"

typedef struct In {
	const uint8_t *base, *p, *end;
	const char *file;
	Err *e;
	int code;                      /* of the first failure; reading goes on with zeros */
} In;

typedef struct Type {
	uint32_t nparams, nresults;
} Type;

static void stop(In *in, int code, const char *what)
{
	if (in->code)
		return;
	in->code = err_set(in->e, code, "%s: offset %zu: %s", in->file, (size_t)(in->p - in->base), what);
	in->p = in->end;
}

static uint8_t u8(In *in)
{
	if (in->p >= in->end) {
		stop(in, MEWE_BAD, "the module ends in the middle of something; get it again or rebuild it");
		return 0;
	}
	return *in->p++;
}

/* Signed numbers are read the same way: only their length matters here. */
static uint64_t leb(In *in)
{
	uint64_t v = 0;
	for (int shift = 0; shift < 70; shift += 7) {
		uint8_t b = u8(in);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	stop(in, MEWE_BAD, "a number of more than ten bytes; the module is malformed");
	return 0;
}

static void skip(In *in, uint64_t n)
{
	if (n > (uint64_t)(in->end - in->p))
		stop(in, MEWE_BAD, "the module ends in the middle of something; get it again or rebuild it");
	else
		in->p += n;
}

static const char *name(In *in)
{
	uint64_t n = leb(in);
	const uint8_t *s = in->p;
	skip(in, n);
	if (in->code)
		return xstrdup("");
	char *c = xalloc(n + 1);
	memcpy(c, s, n);
	return c;
}

/* The number of a type is here. */
static void use_type(In *in, Scan *s)
{
	PUSH(s->typeuses, s->ntypeuses, s->tucap, (uint32_t)(in->p - in->base));
}

static void limits(In *in, Scan *s, bool memory)
{
	uint8_t flags = u8(in);
	uint64_t min = leb(in), max = flags & 1 ? leb(in) : UINT64_MAX;
	if (flags & 8)
		stop(in, MEWE_UNSUPPORTED, "custom page sizes are not supported; build without them");
	if (!memory)
		return;
	if (s->has_memory)
		stop(in, MEWE_UNSUPPORTED, "more than one memory (multi-memory) is not supported; build with one memory");
	if (flags & 2)
		stop(in, MEWE_UNSUPPORTED, "shared memory is not supported; build without threads");
	s->has_memory = true;
	s->memory_shared = flags & 2;
	s->memory_64 = flags & 4;
	s->memory_min = min;
	s->memory_max = max;
	if (s->memory_64)
		s->features |= BinaryenFeatureMemory64();
}

static void valtype(In *in, Scan *s)
{
	uint8_t t = u8(in);
	if (t == 0x7b)
		s->features |= BinaryenFeatureSIMD128();
	else if (t == 0x70 || t == 0x6f)
		s->features |= BinaryenFeatureReferenceTypes();
	else if (t < 0x7b)
		stop(in, MEWE_UNSUPPORTED, "typed references, garbage collection and exceptions are not supported; build without them");
}

static void types(In *in, Scan *s, Type **out, uint32_t *n)
{
	uint32_t cap = 0;
	for (uint64_t k = leb(in); k > 0 && !in->code; k--) {
		Type t = {0};
		if (u8(in) != 0x60) {
			stop(in, MEWE_UNSUPPORTED, "a type that is no function type (garbage collection) is not supported; build without it");
			return;
		}
		t.nparams = leb(in);
		for (uint32_t i = 0; i < t.nparams && !in->code; i++)
			valtype(in, s);
		t.nresults = leb(in);
		for (uint32_t i = 0; i < t.nresults && !in->code; i++)
			valtype(in, s);
		if (t.nresults > 1)
			s->features |= BinaryenFeatureMultivalue();
		PUSH(*out, *n, cap, t);
	}
}

static void imports(In *in, Scan *s)
{
	uint32_t cap = 0;
	for (uint64_t k = leb(in); k > 0 && !in->code; k--) {
		ScanImport i = {.module = name(in), .name = name(in), .type = NONE};
		i.kind = u8(in);
		if (i.kind == 0) {
			use_type(in, s);
			i.type = leb(in);
			s->nimported++;
		} else if (i.kind == 1) {
			valtype(in, s);
			limits(in, s, false);
			s->ntables++;
		} else if (i.kind == 2) {
			limits(in, s, true);
			s->memory_imported = true;
		} else if (i.kind == 3) {
			valtype(in, s);
			u8(in);
			s->nglobals++;
			s->nglobals_imported++;
		} else {
			stop(in, MEWE_UNSUPPORTED, "an imported tag (exceptions) is not supported; build without exceptions");
		}
		PUSH(s->imports, s->nimports, cap, i);
	}
}

/* A block type that takes parameters, or gives several results, is what Binaryen 108 gets wrong. */
static void blocktype(In *in, Scan *s, const Type *type, uint32_t ntypes)
{
	uint8_t b = in->p < in->end ? *in->p : 0;
	if ((b & 0xc0) == 0x40) { /* one byte, negative: empty or one value */
		u8(in);
		return;
	}
	use_type(in, s);
	uint64_t t = leb(in);
	if (t >= ntypes)
		stop(in, MEWE_BAD, "a block of a type that does not exist; the module is malformed");
	else if (type[t].nparams > 0 || type[t].nresults > 1)
		stop(in, MEWE_UNSUPPORTED, "a block or loop with parameters or several results (multi-value) is not supported; "
		                           "build with -mno-multivalue");
}

static void memarg(In *in)
{
	if (leb(in) & 0x40)
		stop(in, MEWE_UNSUPPORTED, "more than one memory (multi-memory) is not supported; build with one memory");
	if (leb(in) > UINT32_MAX) /* Binaryen's C interface cuts it to 32 bits */
		stop(in, MEWE_UNSUPPORTED, "an offset of 4 GiB or more into a 64-bit memory is not supported; add it to the address instead");
}

static void prefix_fc(In *in, Scan *s)
{
	uint64_t op = leb(in);
	static const uint8_t nimm[] = {[8] = 2, [9] = 1, [10] = 2, [11] = 1, [12] = 2, [13] = 1, [14] = 2, [15] = 1, [16] = 1, [17] = 1};
	if (op > 17) {
		stop(in, MEWE_UNSUPPORTED, "an instruction of a newer WebAssembly (0xfc) is not supported; build for an older one");
		return;
	}
	if (op < 8)
		s->features |= BinaryenFeatureNontrappingFPToInt();
	else
		s->features |= BinaryenFeatureBulkMemory();
	if (op >= 12)
		s->features |= BinaryenFeatureReferenceTypes();
	for (int i = 0; i < nimm[op]; i++)
		leb(in);
}

static void prefix_fd(In *in, Scan *s)
{
	uint64_t op = leb(in);
	s->features |= BinaryenFeatureSIMD128();
	if (op <= 11 || op == 92 || op == 93) {
		memarg(in);
	} else if (op == 12 || op == 13) {
		skip(in, 16);
	} else if (op >= 21 && op <= 34) {
		u8(in);
	} else if (op >= 84 && op <= 91) {
		memarg(in);
		u8(in);
	} else if (op >= 256) {
		stop(in, MEWE_UNSUPPORTED, "relaxed SIMD is not supported; build with -mno-relaxed-simd");
	}
}

static void plain(In *in, Scan *s, uint8_t op, const Type *type, uint32_t ntypes)
{
	switch (op) {
	case 0x02: case 0x03: case 0x04:
		blocktype(in, s, type, ntypes);
		break;
	case 0x0c: case 0x0d: case 0x10: case 0x20: case 0x21: case 0x22: case 0x23: case 0x24: case 0x25: case 0x26:
	case 0x41: case 0x42: case 0xd2:
		leb(in);
		if (op == 0x25 || op == 0x26 || op == 0xd2)
			s->features |= BinaryenFeatureReferenceTypes();
		break;
	case 0x0e:
		for (uint64_t n = leb(in) + 1; n > 0 && !in->code; n--)
			leb(in);
		break;
	case 0x11:
		use_type(in, s);
		leb(in);
		if (leb(in) > 0)
			s->features |= BinaryenFeatureReferenceTypes();
		break;
	case 0x12: case 0x13:
		stop(in, MEWE_UNSUPPORTED, "a tail call is not supported; build with -mno-tail-call");
		break;
	case 0x1c:
		for (uint64_t n = leb(in); n > 0 && !in->code; n--)
			valtype(in, s);
		break;
	case 0x3f: case 0x40:
		if (leb(in) != 0)
			stop(in, MEWE_UNSUPPORTED, "more than one memory (multi-memory) is not supported; build with one memory");
		break;
	case 0x43:
		skip(in, 4);
		break;
	case 0x44:
		skip(in, 8);
		break;
	case 0xc0: case 0xc1: case 0xc2: case 0xc3: case 0xc4:
		s->features |= BinaryenFeatureSignExt();
		break;
	case 0xd0:
		s->features |= BinaryenFeatureReferenceTypes();
		u8(in);
		break;
	case 0xd1:
		s->features |= BinaryenFeatureReferenceTypes();
		break;
	case 0xfc:
		prefix_fc(in, s);
		break;
	case 0xfd:
		prefix_fd(in, s);
		break;
	case 0xfe:
		stop(in, MEWE_UNSUPPORTED, "an atomic instruction is not supported; build without threads");
		break;
	default:
		if (op >= 0x28 && op <= 0x3e)
			memarg(in);
		else if ((op >= 0x06 && op <= 0x0a) || op == 0x14 || op == 0x15 || op == 0x18 || op == 0x19 || op == 0x1f || op > 0xd2)
			stop(in, MEWE_UNSUPPORTED, "exceptions and typed references are not supported; build without them");
	}
}

static void code(In *in, Scan *s, const Type *type, uint32_t ntypes)
{
	uint64_t n = leb(in);
	for (uint32_t i = 0; i < n && i < s->nbodies && !in->code; i++) {
		ScanBody *b = &s->bodies[i];
		const uint8_t *end = in->end;
		b->size = leb(in);
		b->offset = in->p - in->base;
		if (b->size > (size_t)(end - in->p)) {
			stop(in, MEWE_BAD, "a function ends past its section; the module is malformed");
			return;
		}
		in->end = in->p + b->size;
		for (uint64_t k = leb(in); k > 0 && !in->code; k--) {
			leb(in);
			valtype(in, s);
		}
		while (in->p < in->end) {
			uint8_t op = *in->p++;
			b->ninsn += op != 0x0b;
			plain(in, s, op, type, ntypes);
		}
		in->end = end;
	}
}

static void globals(In *in, Scan *s)
{
	for (uint64_t k = leb(in); k > 0 && !in->code; k--) {
		valtype(in, s);
		u8(in);
		for (uint8_t op; !in->code && (op = u8(in)) != 0x0b;)
			plain(in, s, op, NULL, 0);
		s->nglobals++;
	}
}

static void section(In *in, Scan *s, uint8_t id, Type **type, uint32_t *ntypes)
{
	uint32_t cap = 0;
	if (id == 1) {
		types(in, s, type, ntypes);
	} else if (id == 2) {
		imports(in, s);
	} else if (id == 3) {
		for (uint64_t k = leb(in); k > 0 && !in->code; k--) {
			use_type(in, s);
			PUSH(s->bodies, s->nbodies, cap, ((ScanBody){.type = leb(in)}));
		}
	} else if (id == 4) {
		s->ntables += leb(in);
	} else if (id == 5) {
		for (uint64_t k = leb(in); k > 0 && !in->code; k--)
			limits(in, s, true);
	} else if (id == 6) {
		globals(in, s);
	} else if (id == 7) {
		for (uint64_t k = leb(in); k > 0 && !in->code; k--) {
			ScanExport x = {.name = name(in)};
			x.kind = u8(in);
			x.index = leb(in);
			PUSH(s->exports, s->nexports, cap, x);
		}
	} else if (id == 8) {
		s->start = leb(in);
	} else if (id == 10) {
		code(in, s, *type, *ntypes);
	} else if (id == 13) {
		stop(in, MEWE_UNSUPPORTED, "tags (exceptions) are not supported; build without exceptions");
	}
}

int scan_module(const char *file, const uint8_t *p, size_t n, Scan *s, Err *e)
{
	In in = {p, p, p + n, file, e, 0};
	Type *type = NULL;
	uint32_t ntypes = 0;

	*s = (Scan){.start = NONE, .memory_max = UINT64_MAX};
	if (n < 8 || memcmp(p, "\0asm\1\0\0\0", 8) != 0)
		return err_set(e, MEWE_BAD, "%s: no WebAssembly core module: it does not start with \\0asm and version 1", file);
	in.p += 8;
	while (in.p < p + n && !in.code) {
		const uint8_t *head = in.p;
		uint8_t id = u8(&in);
		uint64_t size = leb(&in);
		if (size > (uint64_t)(p + n - in.p))
			stop(&in, MEWE_BAD, "a section ends past the file; get it again or rebuild it");
		if (in.code)
			break;
		const uint8_t *body = in.p;
		in.end = body + size;
		if (id == 0)
			s->custom_bytes += in.end - head;
		else
			section(&in, s, id, &type, &ntypes);
		in.p = body + size;
		in.end = p + n;
	}
	free(type);
	if (in.code)
		scan_free(s);
	return in.code;
}

void scan_free(Scan *s)
{
	for (uint32_t i = 0; i < s->nimports; i++) {
		free((char *)s->imports[i].module);
		free((char *)s->imports[i].name);
	}
	for (uint32_t i = 0; i < s->nexports; i++)
		free((char *)s->exports[i].name);
	free(s->imports);
	free(s->exports);
	free(s->bodies);
	free(s->typeuses);
	*s = (Scan){0};
}
