/* code.c - machine code of the processors and compilers that do not decide: AArch64's and V8's, from bytes that were written down.
 * Those that Wasmtime's compilers make here are tests/unit/survive.c's and tests/bench/survival_test.py's.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/engine.h"
#include "check.h"

/* A text of functions behind each other, each at a multiple of 64. */
typedef struct Made {
	Buf b;
	Text t;
	uint32_t cap;
} Made;

static void add(Made *m, const void *p, size_t n)
{
	while (m->b.n % 64 != 0)
		buf_u8(&m->b, 0);
	PUSH(m->t.symbol, m->t.nsymbol, m->cap, ((Symbol){m->b.n, n, m->t.nsymbol, "f"}));
	buf_put(&m->b, p, n);
}

static Made made(Maker maker)
{
	return (Made){.t = {.maker = maker, .base = 0x123456789000}};
}

static void unmake(Made *m)
{
	buf_free(&m->b);
	elf_free(&m->t);
}

static int code_of(Made *m, uint32_t f, Code *out, Err *e)
{
	m->t.p = m->b.p;
	m->t.n = m->b.n;
	Callees c = {&m->t, 0, NULL};
	*e = (Err){0};
	return (m->t.maker == MAKER_AARCH64 ? code_aarch64 : code_digest)("test", &m->t.symbol[f], &c, out, e);
}

/* Do the functions a and b have the same code? */
static void compare(const char *name, Made *m, uint32_t a, uint32_t b, bool same)
{
	Code x, y;
	Err e;
	if (code_of(m, a, &x, &e) || code_of(m, b, &y, &e))
		check(name, false, e.text);
	else
		check(name, digest_eq(x.code, y.code) == same && x.ninsn > 0, same ? "they differ" : "they do not differ");
}

static void refused(const char *name, Made *m, uint32_t f, const char *why)
{
	Code x;
	Err e;
	int code = code_of(m, f, &x, &e);
	check(name, code == MEWE_UNSUPPORTED && strstr(e.text, why), code ? e.text : "it was taken");
}

/* ---- AArch64 ---- */

/* As Cranelift compiles `br_table 0 1 2 3 0 2`, each arm a constant. */
static const uint32_t table[] = {
	0x7100149f,                    /*  0 cmp w4, 5 */
	0xd28000a9,                    /*  1 mov x9, 5 */
	0x9a893089,                    /*  2 csel x9, x4, x9, lo */
	0x10000088,                    /*  3 adr x8, 7 */
	0xb8a95909,                    /*  4 ldrsw x9, [x8, w9, uxtw 2] */
	0x8b090108,                    /*  5 add x8, x8, x9 */
	0xd61f0100,                    /*  6 br x8 */
	24, 32, 40, 24, 32, 40,        /*  7 */
	0x52800122, 0xd65f03c0,        /* 13 mov w2, 9; ret */
	0x528000e2, 0xd65f03c0,        /* 15 mov w2, 7; ret */
	0x52800062, 0xd65f03c0,        /* 17 mov w2, 3; ret */
};

/* A call of the function so many bytes away from the caller's start, with a frame. */
static void add_call(Made *m, int32_t distance)
{
	uint32_t w[] = {0xa9bf7bfd, 0x910003fd, 0x94000000 | ((distance / 4 - 2) & 0x3ffffff), 0xa8c17bfd, 0xd65f03c0};
	add(m, w, sizeof w);
}

static void with(Made *m, uint32_t at, uint32_t word)
{
	uint32_t w[LEN(table)];
	memcpy(w, table, sizeof w);
	w[at] = word;
	add(m, w, sizeof w);
}

static void aarch64(void)
{
	static const uint32_t literal[] = {0x58000040, 0xd65f03c0, 0x11111111, 0x22222222};
	static const uint32_t other[] = {0x58000040, 0xd65f03c0, 0x11111111, 0x33333333};
	static const uint32_t unread[] = {0x52800122, 0xd65f03c0, 1}, unread2[] = {0x52800122, 0xd65f03c0, 2};
	static const uint32_t page[] = {0x90000000, 0xd65f03c0}, out[] = {0x14000100, 0}, open[] = {0x52800122};
	Made m = made(MAKER_AARCH64);
	add(&m, table, sizeof table);          /* 0, at 0 */
	add(&m, table, sizeof table);          /* 1, at 128 */
	with(&m, 8, 40);                       /* 2, at 256: entry 1 leads elsewhere */
	with(&m, 13, 0x52800142);              /* 3, at 384: another constant in an arm */
	with(&m, 1, 0xd2800089);               /* 4, at 512: an entry less */
	add_call(&m, -640);                    /* 5, at 640: calls 0 */
	add_call(&m, -704);                    /* 6, at 704: calls 0 */
	add_call(&m, -640);                    /* 7, at 768: calls 1 */
	compare("AArch64: the same jump table elsewhere", &m, 0, 1, true);
	compare("AArch64: a jump table in another order", &m, 0, 2, false);
	compare("AArch64: another constant", &m, 0, 3, false);
	compare("AArch64: a shorter jump table", &m, 0, 4, false);
	compare("AArch64: the same callee from elsewhere", &m, 5, 6, true);
	compare("AArch64: another callee at the same distance", &m, 5, 7, false);
	add(&m, literal, sizeof literal);      /* 8 */
	add(&m, other, sizeof other);          /* 9 */
	add(&m, literal, sizeof literal);      /* 10 */
	compare("AArch64: the same constant behind the code", &m, 8, 10, true);
	compare("AArch64: another constant behind the code", &m, 8, 9, false);
	add(&m, unread, sizeof unread);        /* 11 */
	add(&m, unread2, sizeof unread2);      /* 12 */
	compare("AArch64: what is not reached does not count", &m, 11, 12, true);
	add_call(&m, 12);                      /* 13: into the middle of itself */
	refused("AArch64: a call of no function", &m, 13, "call of no function");
	add(&m, page, sizeof page);            /* 14 */
	refused("AArch64: a page's address", &m, 14, "page");
	add(&m, out, sizeof out);              /* 15 */
	refused("AArch64: a jump out of the function", &m, 15, "out of the function");
	add(&m, open, sizeof open);            /* 16 */
	refused("AArch64: no end", &m, 16, "behind the function");
	with(&m, 2, 0x9a89308a);               /* 17: the limited index is another register */
	refused("AArch64: a jump table of another form", &m, 17, "known form");
	with(&m, 1, 0xf9400049);               /* 18: the limit is loaded from memory */
	refused("AArch64: a jump table without a limit", &m, 18, "known form");
	unmake(&m);
}

/* ---- V8 ---- */

/* A function with a jump table of three addresses, two calls, one of which does not return, and a table of safepoints. */
typedef struct V8 {
	int32_t callee;                /* distance from the function's start */
	uint32_t order[3], trap, safepoint, unread;
} V8;

static void add_v8(Made *m, const V8 *v)
{
	uint8_t code[128] = {
		0x83, 0xfb, 0x03,                               /*  0 cmp ebx, 3 */
		0x0f, 0x83, 0x12, 0, 0, 0,                      /*  3 jae 27 */
		0x4c, 0x8d, 0x15, 0x20, 0, 0, 0,                /*  9 lea r10, [rip + 32] */
		0x41, 0xff, 0x24, 0xda,                         /* 16 jmp [r10 + 8 rbx] */
		0xe8, 0, 0, 0, 0, 0xc3,                         /* 20 call; ret */
		0x90,                                           /* 26 nop */
		0xb8, 7, 0, 0, 0, 0xc3,                         /* 27 mov eax, 7; ret */
		0xe8, 0, 0, 0, 0,                               /* 33 call of what does not return */
		0x0f, 0x1f, 0,                                  /* 38 nop */
		[41] = 0x0f, 0x1f, 0x80, 0, 0, 0, 0,            /* 41 nop */
		/* 48 the table; 72 the safepoints */
	};
	static const uint8_t arm[] = {20, 27, 33};
	uint64_t start = (m->b.n + 63) / 64 * 64;
	uint32_t head[] = {1, 0x410}, callee = v->callee - 25, trap = v->trap - 38 - start;
	for (int i = 0; i < 3; i++) {
		uint64_t a = m->t.base + start + arm[v->order[i]];
		memcpy(code + 48 + 8 * i, &a, 8);
	}
	memcpy(code + 21, &callee, 4);
	memcpy(code + 34, &trap, 4);
	memcpy(code + 72, head, 8);
	code[80] = v->safepoint;
	code[81] = 0;
	code[82] = code[83] = 0xcc;
	code[127] = v->unread;
	add(m, code, sizeof code);
}

static void v8(void)
{
	Made m = made(MAKER_V8);
	add_v8(&m, &(V8){-64, {0, 1, 2}, -200, 25, 0});                /* 0, at 0 */
	add_v8(&m, &(V8){-64 - 128, {0, 1, 2}, -200, 25, 0});          /* 1, at 128: the same calls */
	add_v8(&m, &(V8){-64, {0, 1, 2}, -200, 25, 0});                /* 2, at 256: another callee at the same distance */
	add_v8(&m, &(V8){-64 - 384, {1, 0, 2}, -200, 25, 0});          /* 3, at 384: another order */
	add_v8(&m, &(V8){-64 - 512, {0, 1, 2}, -216, 25, 0});          /* 4, at 512: another trap */
	add_v8(&m, &(V8){-64 - 640, {0, 1, 2}, -200, 38, 0});          /* 5, at 640: the safepoint is the other call's */
	add_v8(&m, &(V8){-64, {0, 1, 2}, -200, 26, 0});                /* 6: a safepoint behind no call */
	add_v8(&m, &(V8){-64, {0, 1, 2}, -200, 25, 1});                /* 7: more behind the safepoints */
	compare("V8: the same code elsewhere", &m, 0, 1, true);
	compare("V8: another callee", &m, 0, 2, false);
	compare("V8: a jump table in another order", &m, 0, 3, false);
	compare("V8: another trap", &m, 0, 4, false);
	compare("V8: what is beside the code does not count", &m, 0, 5, true);
	refused("V8: a safepoint that is none", &m, 6, "where its code ends");
	refused("V8: something behind the safepoints", &m, 7, "where its code ends");
	m.t.base++;
	refused("V8: a jump table that leads elsewhere", &m, 0, "");
	m.t.maker = MAKER_CRANELIFT;
	refused("V8's code is not Cranelift's", &m, 0, "known form");
	unmake(&m);
}

static void present(void)
{
	check("the compiler that decides is here", engine_present(MAKER_CRANELIFT), "it is not");
}

int main(void)
{
	aarch64();
	v8();
	present();
	return failed != 0;
}
