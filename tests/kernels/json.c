/* json.c - text formats: JSON checked by recursive descent; whether the input is, where it ceases to be, how deep it goes, and how
 * many values of each kind it has; then the same of a text that is JSON. */
#include <string.h>
#include "kernel.h"

enum { DEEPEST = 64, NUMBER = 0, STRING, WORD, ARRAY, OBJECT, KINDS };

static const uint8_t *at, *end;
static uint32_t count[KINDS], deepest;

static int peek(void) { return at < end ? *at : -1; }
static int take(int c) { return peek() == c ? at++, 1 : 0; }
static int digit(void) { return peek() >= '0' && peek() <= '9'; }

static void blank(void)
{
	while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')
		at++;
}

static int digits(void)
{
	const uint8_t *from = at;
	while (digit())
		at++;
	return at > from;
}

static int number(void)
{
	count[NUMBER]++;
	take('-');
	if (!take('0') && !digits())
		return 0;
	if (take('.') && !digits())
		return 0;
	if (!take('e') && !take('E'))
		return 1;
	if (!take('+'))
		take('-');
	return digits();
}

static int escape(void)
{
	if (!take('u'))
		return at < end && memchr("\"\\/bfnrt", *at++, 8) != NULL;
	for (int i = 0; i < 4; i++, at++)
		if (!digit() && ((peek() | 32) < 'a' || (peek() | 32) > 'f'))
			return 0;
	return 1;
}

static int string(void)
{
	count[STRING]++;
	if (!take('"'))
		return 0;
	while (!take('"')) {
		if (peek() < ' ')
			return 0;
		if (*at++ == '\\' && !escape())
			return 0;
	}
	return 1;
}

static int word(const char *w)
{
	count[WORD]++;
	while (*w)
		if (!take(*w++))
			return 0;
	return 1;
}

static int value(uint32_t depth);

static int members(uint32_t depth, int close)
{
	count[close == ']' ? ARRAY : OBJECT]++;
	blank();
	if (take(close))
		return 1;
	do {
		blank();
		if (close == '}' && !(string() && (blank(), take(':'))))
			return 0;
		if (!value(depth + 1))
			return 0;
	} while (take(','));
	return take(close);
}

static int value(uint32_t depth)
{
	int ok;

	deepest = depth > deepest ? depth : deepest;
	blank();
	if (depth > DEEPEST)
		return 0;
	if (take('['))
		ok = members(depth, ']');
	else if (take('{'))
		ok = members(depth, '}');
	else if (peek() == '"')
		ok = string();
	else if (peek() == '-' || digit())
		ok = number();
	else
		ok = word(peek() == 't' ? "true" : peek() == 'f' ? "false" : "null");
	blank();
	return ok;
}

static void show(const uint8_t *p, size_t n)
{
	at = p;
	end = p + n;
	deepest = 0;
	memset(count, 0, sizeof count);
	put(value(1) && at == end);
	put((uint64_t)(at - p));
	put(deepest);
	for (int i = 0; i < KINDS; i++)
		put(count[i]);
}

void kernel(const uint8_t *in, size_t n)
{
	static const char good[] = "{\"a\": [1, -2.5e+3, true, null], \"b\\u00e9\": {\"c\": \"x\\ny\", \"d\": [[], {}]}}";

	show(in, n);
	show((const uint8_t *)good, sizeof good - 1);
}
