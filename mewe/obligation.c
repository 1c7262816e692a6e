/* obligation.c - keys for the cache: what a proof or a compilation depends on, as bytes, as a digest.
 * In: bodies. Out: a digest, or none where something has no lasting name. Must hold: two questions that could have different
 * answers have different keys; the same question has the same key in another function, module or run, as far as that is so:
 * a proof knows functions, globals and tables only by their types and by which is which, so they are numbered as they come. */
#include <stdlib.h>
#include <string.h>
#include "all.h"

extern const char obligation_sources[];                    /* of all that decides the answers: made by the Makefile */

/* Types that have a number of their own; the others' are made up by each process. */
static bool lasting(BinaryenType type)
{
	const BinaryenType known[] = {BinaryenTypeNone(), BinaryenTypeUnreachable(), BinaryenTypeInt32(), BinaryenTypeInt64(),
	                              BinaryenTypeFloat32(), BinaryenTypeFloat64(), BinaryenTypeVec128()};
	BinaryenType part[64];
	uint32_t n = BinaryenTypeArity(type);
	if (n > LEN(part))
		return false;
	BinaryenTypeExpand(type, part);
	for (uint32_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < LEN(known) && known[k] != part[i])
			k++;
		if (k == LEN(known))
			return false;
	}
	return true;
}

static bool lasting_node(void *ctx, Expr e, uint32_t index)
{
	(void)ctx;
	(void)index;
	if (walk_kind(e) == K_CallIndirect && !(lasting(BinaryenCallIndirectGetParams(e)) && lasting(BinaryenCallIndirectGetResults(e))))
		return false;
	return lasting(BinaryenExpressionGetType(e));
}

static void put_type(Buf *b, BinaryenType type)
{
	BinaryenType part[64];
	uint32_t n = BinaryenTypeArity(type);
	BinaryenTypeExpand(type, part);
	buf_leb(b, n);
	for (uint32_t i = 0; i < n; i++)
		buf_leb(b, part[i]);
}

static bool put_locals(Buf *b, const Body *body)
{
	bool ok = lasting(body->params) && lasting(body->results);
	for (uint32_t i = 0; ok && i < body->nvars; i++)
		ok = lasting(body->vars[i]);
	if (!ok)
		return false;
	put_type(b, body->params);
	put_type(b, body->results);
	buf_leb(b, body->nvars);
	for (uint32_t i = 0; i < body->nvars; i++)
		put_type(b, body->vars[i]);
	return true;
}

/* ---- names as they come ---- */

typedef struct Seen {
	const Mod *m;
	const char **func, **global, **table;
	uint32_t nfunc, nglobal, ntable, fcap, gcap, tcap;
} Seen;

#define NUMBER(list, n, cap) \
	uint32_t i = 0; \
	while (i < (n) && strcmp((list)[i], name) != 0) \
		i++; \
	if (i == (n)) \
		PUSH(list, n, cap, name); \
	return i

static uint32_t number_func(void *ctx, const char *name)
{
	Seen *s = ctx;
	NUMBER(s->func, s->nfunc, s->fcap);
}

static uint32_t number_global(void *ctx, const char *name)
{
	Seen *s = ctx;
	NUMBER(s->global, s->nglobal, s->gcap);
}

static uint32_t number_table(void *ctx, const char *name)
{
	Seen *s = ctx;
	NUMBER(s->table, s->ntable, s->tcap);
}

/* What the numbers stand for, as far as a proof could ask. */
static bool put_seen(Buf *b, const Seen *s)
{
	for (uint32_t i = 0; i < s->nfunc; i++) {
		BinaryenFunctionRef f = BinaryenGetFunction(s->m->ref, s->func[i]);
		if (!f || !lasting(BinaryenFunctionGetParams(f)) || !lasting(BinaryenFunctionGetResults(f)))
			return false;
		put_type(b, BinaryenFunctionGetParams(f));
		put_type(b, BinaryenFunctionGetResults(f));
	}
	for (uint32_t i = 0; i < s->nglobal; i++) {
		BinaryenGlobalRef g = BinaryenGetGlobal(s->m->ref, s->global[i]);
		if (!g || !lasting(BinaryenGlobalGetType(g)))
			return false;
		put_type(b, BinaryenGlobalGetType(g));
		buf_u8(b, BinaryenGlobalIsMutable(g) << 1 | !BinaryenGlobalGetInitExpr(g)); /* two that are imported may be one */
	}
	const Scan *c = &s->m->scan;
	buf_u8(b, c->has_memory << 2 | c->memory_shared << 1 | c->memory_64);
	buf_u64(b, c->memory_min);
	buf_u64(b, c->memory_max);
	return true;
}

bool obligation_proof(const Body *a, const Body *b, Digest *key)
{
	Seen seen = {.m = a->mod};
	Ident id = {number_func, number_global, number_table, &seen};
	Buf k = {0};
	buf_str(&k, obligation_sources);
	bool ok = walk_each(a->expr, lasting_node, NULL) && walk_each(b->expr, lasting_node, NULL) && put_locals(&k, a) &&
	          put_locals(&k, b) && walk_write(&k, a->expr, &id) && walk_write(&k, b->expr, &id) && put_seen(&k, &seen);
	if (ok)
		*key = digest(k.p, k.n);
	buf_free(&k);
	free(seen.func);
	free(seen.global);
	free(seen.table);
	return ok;
}

Digest obligation_module(const uint8_t *wasm, size_t n)
{
	Buf k = {0};
	buf_str(&k, obligation_sources);
	buf_str(&k, survive_engine());
	buf_put(&k, wasm, n);
	Digest d = digest(k.p, k.n);
	buf_free(&k);
	return d;
}

bool obligation_code(Digest module, const Ident *id, const Body *b, Digest *key)
{
	Buf k = {0};
	buf_put(&k, &module, sizeof module);
	bool ok = walk_each(b->expr, lasting_node, NULL) && put_locals(&k, b) && walk_write(&k, b->expr, id);
	if (ok)
		*key = digest(k.p, k.n);
	buf_free(&k);
	return ok;
}
