/* number.c - parsing: numbers as JSON writes them, into a mantissa of 64 bits and a decimal exponent; what is none is counted. */
#include "kernel.h"

typedef struct Number {
	uint64_t digits;
	int32_t exponent;              /* of ten */
	uint32_t negative;
} Number;

static int is_digit(const uint8_t *p, const uint8_t *end) { return p < end && *p >= '0' && *p <= '9'; }

/* More digits than fit are left out, and the exponent makes up for those before the point. */
static const uint8_t *digits(const uint8_t *p, const uint8_t *end, Number *out, int32_t step)
{
	for (; is_digit(p, end); p++) {
		if (out->digits < 1844674407370955161u) {
			out->digits = out->digits * 10 + (*p - '0');
			out->exponent += step;
		} else {
			out->exponent += step + 1;
		}
	}
	return p;
}

/* Where the number ends; NULL: there is none. */
static const uint8_t *parse(const uint8_t *p, const uint8_t *end, Number *out)
{
	*out = (Number){0, 0, p < end && *p == '-'};
	p += out->negative;
	if (!is_digit(p, end) || (*p == '0' && is_digit(p + 1, end)))
		return NULL;
	p = digits(p, end, out, 0);
	if (p < end && *p == '.') {
		if (!is_digit(p + 1, end))
			return NULL;
		p = digits(p + 1, end, out, -1);
	}
	if (p < end && (*p | 32) == 'e') {
		int32_t sign = p + 1 < end && p[1] == '-' ? -1 : 1, e = 0;
		p += 1 + (p + 1 < end && (p[1] == '-' || p[1] == '+'));
		if (!is_digit(p, end))
			return NULL;
		for (; is_digit(p, end); p++)
			e = e < 9999 ? e * 10 + (*p - '0') : e;
		out->exponent += sign * e;
	}
	return p;
}

void kernel(const uint8_t *in, size_t n)
{
	const uint8_t *end = in + n;
	uint64_t sum = 0, good = 0, bad = 0;
	for (const uint8_t *p = in; p < end;) {
		Number x;
		const uint8_t *next = parse(p, end, &x);
		good += next != NULL;
		bad += !next;
		if (next)
			sum = sum * 17 + (x.negative ? -x.digits : x.digits) + (uint32_t)x.exponent;
		p = next ? next : p + 1;
	}
	put(sum);
	put(good << 32 | bad);
}
