/* certificate.c - what the solver was asked in a verification, for another solver to answer again.
 * In: the questions of each pair of functions, from worker processes. Out: one SMT-LIB 2 script.
 * Must hold: the script depends on the two modules alone, not on which worker came to what; a question is in it once, however
 * many pairs ask it; it says what it does not cover. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "certificate.h"

typedef struct Record {
	uint32_t pair, n;              /* n bytes of text follow, in a worker's file */
} Record;
typedef struct Pairing {
	Record r;
	char *text;                    /* NUL-terminated */
} Pairing;

int certificate_file(Certificate *c)
{
	char name[] = "/tmp/mewe-certificate-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -1;
	unlink(name);
	PUSH(c->fd, c->n, c->cap, fd);
	return fd;
}

static bool write_all(int fd, const void *p, size_t n)
{
	for (const char *s = p; n > 0;) {
		ssize_t k = write(fd, s, n);
		if (k <= 0)
			return false;
		s += k;
		n -= k;
	}
	return true;
}

bool certificate_put(int fd, uint32_t pair, const Buf *text)
{
	Record r = {pair, text->n};
	return write_all(fd, &r, sizeof r) && write_all(fd, text->p, text->n);
}

void certificate_free(Certificate *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		close(c->fd[i]);
	free(c->fd);
	*c = (Certificate){0};
}

static bool read_all(int fd, void *p, size_t n, off_t *at)
{
	for (char *s = p; n > 0;) {
		ssize_t k = pread(fd, s, n, *at);
		if (k <= 0)
			return false;
		s += k;
		*at += k;
		n -= k;
	}
	return true;
}

static int by_pair(const void *a, const void *b)
{
	const Pairing *x = a, *y = b;
	return (x->r.pair > y->r.pair) - (x->r.pair < y->r.pair);
}

/* All records, by pair. One that a worker died on is not whole, and the last of its file. */
static Pairing *gather(const Certificate *c, uint32_t *n)
{
	Pairing *all = NULL;
	uint32_t cap = 0;
	*n = 0;
	for (uint32_t i = 0; i < c->n; i++) {
		off_t at = 0;
		for (Pairing p; read_all(c->fd[i], &p.r, sizeof p.r, &at);) {
			p.text = xalloc(p.r.n + 1ul);
			if (!read_all(c->fd[i], p.text, p.r.n, &at)) {
				free(p.text);
				break;
			}
			PUSH(all, *n, cap, p);
		}
	}
	if (*n > 0)
		qsort(all, *n, sizeof *all, by_pair);
	return all;
}

/* ---- each question once ---- */

typedef struct Asked {
	Digest *of;                    /* open addressing; {0, 0} is free */
	uint32_t n, cap;
} Asked;

static bool is_new(Asked *s, Digest d)
{
	static const Digest none;
	if (2 * (s->n + 1) > s->cap) {
		Asked old = *s;
		*s = (Asked){.cap = old.cap ? 2 * old.cap : 256};
		s->of = xalloc(s->cap * sizeof *s->of);
		for (uint32_t i = 0; i < old.cap; i++)
			if (!digest_eq(old.of[i], none))
				is_new(s, old.of[i]);
		free(old.of);
	}
	uint64_t h = d.a;
	for (; !digest_eq(s->of[h & (s->cap - 1)], none); h++)
		if (digest_eq(s->of[h & (s->cap - 1)], d))
			return false;
	s->of[h & (s->cap - 1)] = d;
	s->n++;
	return true;
}

/* A name is anybody's, and must not end a comment. */
static void put_plain(Buf *out, const char *s)
{
	for (; *s; s++)
		buf_u8(out, *s >= ' ' && *s <= '~' ? *s : '?');
}

static void put_questions(Buf *out, const Account *a, const Pairing *p, Asked *asked, uint32_t *n)
{
	static const char end[] = "(pop 1)\n";
	uint32_t k = 0;
	for (const char *s = p->text, *next; *s; s = next) {
		next = strstr(s, end) + strlen(end);
		*n += 1;
		k++;
		if (!is_new(asked, digest(s, next - s)))
			continue;
		buf_str(out, "\n; ");
		put_plain(out, account_name(a, a->pair[p->r.pair].func));
		buf_printf(out, " and function %u, question %u\n", a->pair[p->r.pair].func, k);
		buf_put(out, s, next - s);
	}
}

Bytes certificate_text(const Certificate *c, const Account *a, uint32_t proved)
{
	Buf out = {0}, body = {0};
	Asked asked = {0};
	uint32_t n, questions = 0, plain = 0;
	Pairing *p = gather(c, &n);
	for (uint32_t i = 0; i < n; i++) {
		plain += p[i].r.n == 0;
		put_questions(&body, a, &p[i], &asked, &questions);
		free(p[i].text);
	}
	buf_str(&out, "; ");
	put_plain(&out, a->want->file);
	buf_str(&out, " and ");
	put_plain(&out, a->have->file);
	buf_printf(&out, "\n; %u of %u pairs of functions proved, %u of them without a solver (the same code, or the same terms).\n",
	           proved, a->npair, plain);
	buf_printf(&out, "; The others rest on %u questions, %u of them different: those below. Each is answered by unsat.\n", questions, asked.n);
	buf_str(&out, "; Not covered: that these are the right questions, which is for the reader of both modules and the symbolic execution to\n"
	              "; get right, and that nothing in the module is left out.\n(set-logic QF_BV)\n");
	buf_put(&out, body.p, body.n);
	buf_free(&body);
	free(asked.of);
	free(p);
	return buf_bytes(&out);
}
