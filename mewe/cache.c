/* cache.c - what proofs and compilations found before: an SQLite file that outlives the run.
 * In: keys (obligation.c makes them). Out: verdicts and digests of machine code.
 * Must hold: a key stands for everything that its value depends on, the sources of this program included, so nothing in the file
 * is ever out of date; what was written before a kill is there after it; several programs may read and write at once. Only what
 * any machine would find is kept: nothing that a clock decided. The generator alone believes it; `mewe verify` never reads it. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include "all.h"

/* So many answers may be lost by a kill. More of them in one transaction cost less time. */
enum { BATCH = 64, BUSY_MS = 60000 };

struct Cache {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *get_proof, *put_proof, *get_code, *put_code;
	unsigned pending;              /* answers since the last commit */
	bool failed;
	Err e;                         /* of the first failure */
};

static const char schema[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
	"CREATE TABLE IF NOT EXISTS proof(key BLOB PRIMARY KEY, verdict INT, work INT, why TEXT) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS code(key BLOB PRIMARY KEY, code BLOB, shape BLOB, bytes INT, ninsn INT) WITHOUT ROWID;";

static int fail(Cache *c)
{
	if (!c->failed)
		err_set(&c->e, MEWE_BAD, "%s: the cache can't be used: %s; remove it, name another, or build with --cache none", c->path,
		        c->db ? sqlite3_errmsg(c->db) : "out of memory");
	c->failed = true;
	return c->e.code;
}

static int prepare(Cache *c, const char *sql, sqlite3_stmt **out)
{
	return sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK ? 0 : fail(c);
}

/* SQLite waits for other writers by itself, but not while one of them turns a new file to WAL. */
static bool make(Cache *c)
{
	int code = SQLITE_BUSY;
	for (int waited = 0; code == SQLITE_BUSY && waited < BUSY_MS; waited += 20) {
		code = sqlite3_exec(c->db, schema, NULL, NULL, NULL);
		if (code == SQLITE_BUSY)
			sqlite3_sleep(20);
	}
	return code == SQLITE_OK;
}

static int open_file(Cache *c)
{
	if (sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		return fail(c);
	sqlite3_busy_timeout(c->db, BUSY_MS);
	if (!make(c))
		return fail(c);
	int code = prepare(c, "SELECT verdict, work, why FROM proof WHERE key = ?", &c->get_proof);
	if (!code)
		code = prepare(c, "INSERT OR REPLACE INTO proof VALUES(?, ?, ?, ?)", &c->put_proof);
	if (!code)
		code = prepare(c, "SELECT code, shape, bytes, ninsn FROM code WHERE key = ?", &c->get_code);
	if (!code)
		code = prepare(c, "INSERT OR REPLACE INTO code VALUES(?, ?, ?, ?, ?)", &c->put_code);
	return code;
}

int cache_open(const char *path, Cache **out, Err *e)
{
	*out = NULL;
	if (!path)
		return 0;
	Cache *c = xalloc(sizeof *c);
	c->path = xstrdup(path);
	int code = open_file(c);
	if (code) {
		*e = c->e;
		cache_close(c, NULL);
		return code;
	}
	*out = c;
	return 0;
}

int cache_flush(Cache *c, Err *e)
{
	if (c && !c->failed && c->pending > 0 && sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		fail(c);
	if (!c || !c->failed) {
		if (c)
			c->pending = 0;
		return 0;
	}
	if (e)
		*e = c->e;
	return c->e.code;
}

int cache_close(Cache *c, Err *e)
{
	if (!c)
		return 0;
	int code = cache_flush(c, e);
	sqlite3_finalize(c->get_proof);
	sqlite3_finalize(c->put_proof);
	sqlite3_finalize(c->get_code);
	sqlite3_finalize(c->put_code);
	sqlite3_close(c->db);
	free(c->path);
	free(c);
	return code;
}

/* The first of a batch begins the transaction; writers wait for each other here, and nowhere else. */
static bool begin(Cache *c)
{
	if (!c || c->failed)
		return false;
	if (c->pending == 0 && sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
		fail(c);
		return false;
	}
	return true;
}

static void put(Cache *c, sqlite3_stmt *s)
{
	int code = sqlite3_step(s);
	sqlite3_reset(s);
	if (code != SQLITE_DONE)
		fail(c);
	else if (++c->pending == BATCH)
		cache_flush(c, NULL);
}

static bool get(Cache *c, sqlite3_stmt *s, const Digest *key)
{
	sqlite3_bind_blob(s, 1, key, sizeof *key, SQLITE_STATIC);
	int code = sqlite3_step(s);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		fail(c);
	return code == SQLITE_ROW;
}

bool cache_proof(Cache *c, Digest key, Verdict *verdict, uint64_t *work, char **why)
{
	bool found = c && !c->failed && get(c, c->get_proof, &key);
	if (found) {
		int v = sqlite3_column_int(c->get_proof, 0);
		const unsigned char *text = sqlite3_column_text(c->get_proof, 2);
		found = v >= V_PROVED && v <= V_UNSUPPORTED; /* a row of another hand is no row */
		*verdict = v;
		*work = sqlite3_column_int64(c->get_proof, 1);
		*why = found && text ? xstrdup((const char *)text) : NULL;
	}
	if (c && !c->failed)
		sqlite3_reset(c->get_proof);
	return found;
}

void cache_put_proof(Cache *c, Digest key, Verdict verdict, uint64_t work, const char *why)
{
	if (!begin(c))
		return;
	sqlite3_bind_blob(c->put_proof, 1, &key, sizeof key, SQLITE_STATIC);
	sqlite3_bind_int(c->put_proof, 2, verdict);
	sqlite3_bind_int64(c->put_proof, 3, work);
	sqlite3_bind_text(c->put_proof, 4, why, -1, SQLITE_STATIC); /* NULL stays NULL */
	put(c, c->put_proof);
}

static bool get_digest(sqlite3_stmt *s, int column, Digest *out)
{
	if (sqlite3_column_bytes(s, column) != sizeof *out)
		return false;
	memcpy(out, sqlite3_column_blob(s, column), sizeof *out);
	return true;
}

bool cache_code(Cache *c, Digest key, Code *out)
{
	bool found = c && !c->failed && get(c, c->get_code, &key);
	if (found) {
		found = get_digest(c->get_code, 0, &out->code) && get_digest(c->get_code, 1, &out->shape);
		out->bytes = sqlite3_column_int(c->get_code, 2);
		out->ninsn = sqlite3_column_int(c->get_code, 3);
	}
	if (c && !c->failed)
		sqlite3_reset(c->get_code);
	return found;
}

void cache_put_code(Cache *c, Digest key, const Code *code)
{
	if (!begin(c))
		return;
	sqlite3_bind_blob(c->put_code, 1, &key, sizeof key, SQLITE_STATIC);
	sqlite3_bind_blob(c->put_code, 2, &code->code, sizeof code->code, SQLITE_STATIC);
	sqlite3_bind_blob(c->put_code, 3, &code->shape, sizeof code->shape, SQLITE_STATIC);
	sqlite3_bind_int(c->put_code, 4, code->bytes);
	sqlite3_bind_int(c->put_code, 5, code->ninsn);
	put(c, c->put_code);
}
