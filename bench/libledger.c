/* libledger.c - read a ledger. In: the CSV file that `mewe build --ledger` writes. Out: its rows, in order. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "measure.h"

enum { COLUMNS = 32 };

/* The fields of a CSV line, cut in place: a field may be quoted, with quotes doubled inside. Returns what follows the line. */
static char *fields(char *s, char **field, uint32_t *n)
{
	for (*n = 0; *n < COLUMNS;) {
		char *to = s;
		bool quoted = *s == '"';
		field[(*n)++] = s;
		s += quoted;
		while (*s && (quoted || (*s != ',' && *s != '\n'))) {
			if (quoted && *s == '"' && *++s != '"') {
				quoted = false;
				continue;
			}
			*to++ = *s++;
		}
		char end = *s;
		*to = 0;
		s += end != 0;
		if (end != ',')
			break;
	}
	return s;
}

typedef struct Table {
	const char *path;
	char *name[COLUMNS], *field[COLUMNS];
	uint32_t n;
} Table;

static const char *get(const Table *t, const char *name)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->name[i], name) == 0)
			return t->field[i];
	die(MEWE_BAD, "%s: no column '%s': it is no ledger", t->path, name);
}

static uint64_t get_int(const Table *t, const char *name) { return strtoull(get(t, name), NULL, 10); }

static Verdict get_verdict(const Table *t)
{
	const char *s = get(t, "verdict");
	for (Verdict v = V_NEW; v <= V_TESTED; v++)
		if (strcmp(s, verdict_name(v)) == 0)
			return v;
	die(MEWE_BAD, "%s: '%s' is no verdict", t->path, s);
}

Ledger ledger_read(const char *path)
{
	Ledger l = {0};
	Table t = {.path = path};
	uint32_t n, cap = 0;
	Bytes b;
	Err e = {0};
	check(file_read(path, &b, &e), &e);
	l.text = xalloc(b.n + 1);
	memcpy(l.text, b.p, b.n);
	free(b.p);
	for (char *at = fields(l.text, t.name, &t.n); *at;) {
		at = fields(at, t.field, &n);
		if (n != t.n)
			die(MEWE_BAD, "%s: row %u has %u fields, not %u", path, l.n + 1, n, t.n);
		LedgerRow r = {.ordinal = get_int(&t, "ordinal"), .site = get_int(&t, "site"), .n = get_int(&t, "n"),
		               .strategy = get(&t, "strategy"), .rule = get(&t, "rule"), .reason = get(&t, "reason"),
		               .verdict = get_verdict(&t), .work = get_int(&t, "solver_work"), .survives = get_int(&t, "survives"),
		               .kept = get_int(&t, "kept"), .place = get_int(&t, "place"), .idle = get_int(&t, "idle")};
		PUSH(l.row, l.n, cap, r);
	}
	return l;
}

void ledger_free(Ledger *l)
{
	free(l->row);
	free(l->text);
}
