/* util.c - memory, growing buffers, errors, files, random numbers.
 * In: nothing of the rest. Must hold: a failed file_write leaves neither a new nor a changed file behind. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "all.h"

static void *checked(void *p)
{
	if (!p) {
		static const char text[] = "mewe: out of memory\n";
		if (write(2, text, sizeof text - 1) < 0)
			abort();
		abort();
	}
	return p;
}

void *xalloc(size_t n) { return checked(calloc(1, n ? n : 1)); }
void *xgrow(void *p, size_t n) { return checked(realloc(p, n ? n : 1)); }

/* By default glibc gives back what is free at the end of its memory, and large pieces at once: a solver's context that comes and
 * goes thousands of times then costs as much in the kernel as in the solver. */
void xkeep(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

char *xstrdup(const char *s) { return checked(strdup(s)); }

char *xprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return checked(s);
}

void buf_put(Buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (b->cap - b->n < n) {
		b->cap = b->cap + n > 2 * b->cap ? b->cap + n : 2 * b->cap;
		b->p = xgrow(b->p, b->cap);
	}
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_u8(Buf *b, uint8_t v) { buf_put(b, &v, 1); }

void buf_u32(Buf *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		buf_u8(b, v >> 8 * i);
}

void buf_u64(Buf *b, uint64_t v)
{
	buf_u32(b, v);
	buf_u32(b, v >> 32);
}

void buf_leb(Buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_u8(b, v | 0x80);
	buf_u8(b, v);
}

void buf_str(Buf *b, const char *s) { buf_put(b, s, strlen(s)); }

void buf_printf(Buf *b, const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		checked(NULL);
	buf_put(b, s, n);
	free(s);
}

void buf_free(Buf *b)
{
	free(b->p);
	*b = (Buf){0};
}

Bytes buf_bytes(Buf *b)
{
	Bytes r = {b->p, b->n};
	*b = (Buf){0};
	return r;
}

int err_set(Err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	for (char *c = e->text; *c; c++) /* one line, whatever a library's message holds */
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	for (size_t n = strlen(e->text); n > 0 && e->text[n - 1] == ' '; n--)
		e->text[n - 1] = 0;
	return e->code = code;
}

int file_read(const char *path, Bytes *out, Err *e)
{
	bool std = strcmp(path, "-") == 0;
	int fd = std ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	Buf b = {0};
	ssize_t k = 0;
	static const size_t chunk = 1 << 16;

	*out = (Bytes){0};
	if (fd < 0)
		return err_set(e, MEWE_BAD, "%s: can't be opened: %s", path, strerror(errno));
	uint8_t *tmp = xalloc(chunk);
	while ((k = read(fd, tmp, chunk)) > 0 || (k < 0 && errno == EINTR))
		if (k > 0)
			buf_put(&b, tmp, k);
	int err = errno;
	free(tmp);
	if (!std)
		close(fd);
	if (k < 0) {
		buf_free(&b);
		return err_set(e, MEWE_BAD, "%s: can't be read: %s", path, strerror(err));
	}
	*out = buf_bytes(&b);
	return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		p += k;
		n -= k;
	}
	return 0;
}

/* A device or a pipe is written as it is: there is nothing to rename over. */
static int write_in_place(const char *path, const void *p, size_t n, Err *e)
{
	bool std = strcmp(path, "-") == 0;
	int fd = std ? 1 : open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, MEWE_BAD, "%s: can't be opened for writing: %s", path, strerror(errno));
	int bad = write_all(fd, p, n), err = errno;
	if (!std && close(fd) < 0 && !bad) {
		bad = -1;
		err = errno;
	}
	return bad ? err_set(e, MEWE_BAD, "%s: can't be written: %s", std ? "standard output" : path, strerror(err)) : 0;
}

int file_write(const char *path, const void *p, size_t n, Err *e)
{
	struct stat st;
	bool there = stat(path, &st) == 0;
	if (strcmp(path, "-") == 0 || (there && !S_ISREG(st.st_mode)))
		return write_in_place(path, p, n, e);
	mode_t mask = umask(0);
	umask(mask);
	sigset_t stop, old; /* an interrupt waits, so that it leaves no temporary file behind */
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &stop, &old);
	char *tmp = xprintf("%s.XXXXXX", path);
	int fd = mkostemp(tmp, O_CLOEXEC), bad = 0;
	if (fd < 0)
		bad = errno;
	else if (write_all(fd, p, n) < 0 || fchmod(fd, there ? st.st_mode & 07777 : 0666 & ~mask) < 0)
		bad = errno;
	if (fd >= 0 && close(fd) < 0 && !bad)
		bad = errno;
	if (!bad && rename(tmp, path) < 0)
		bad = errno;
	if (bad && fd >= 0)
		unlink(tmp);
	free(tmp);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return bad ? err_set(e, MEWE_BAD, "%s: can't be written: %s", path, strerror(bad)) : 0;
}

uint64_t mix64(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t rng_next(Rng *r) { return mix64(r->s += 0x9e3779b97f4a7c15); }

/* Exact for every n: the low word of the product tells when to draw again (Lemire). */
uint32_t rng_below(Rng *r, uint32_t n)
{
	for (;;) {
		uint64_t m = (rng_next(r) >> 32) * n;
		if ((uint32_t)m >= -n % n)
			return m >> 32;
	}
}

void rng_order(Rng *r, uint32_t *order, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = rng_below(r, i + 1);
		order[i] = order[j];
		order[j] = i;
	}
}

Digest digest(const void *p, size_t n)
{
	const uint8_t *s = p;
	Digest d = {mix64(n + 1), mix64(~(uint64_t)n)};
	for (; n > 0;) {
		uint64_t w = 0;
		size_t k = n < 8 ? n : 8;
		memcpy(&w, s, k);
		d.a = mix64(d.a ^ w) + 0x9e3779b97f4a7c15;
		d.b = mix64(d.b + w) ^ d.a >> 32;
		s += k;
		n -= k;
	}
	return (Digest){mix64(d.a), mix64(d.b ^ d.a << 1)};
}
