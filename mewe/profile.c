/* profile.c - how often a request meets each place where a choice could be made.
 * In: a module, its places, and what a request is: an export, its arguments, the input. Out: a count for each place.
 * Must hold: what is counted is the original, with a counter before each place and nothing else changed. A place counts as met only
 * if the first request of an instance meets it and a later one does, too (many a guest prepares itself in its first): no entropy is
 * promised of others. Nor of what is met before the first request, by a start function or _initialize: nothing is drawn there. */
#include <stdlib.h>
#include <string.h>
#include "plan.h"

static char *counter(uint32_t i) { return xprintf("mewe.met.%u", i); }

/* (block (global.set $met (i64.add (global.get $met) (i64.const 1))) PLACE) */
static Expr counted(Ref m, uint32_t i, Expr place)
{
	char *name = counter(i);
	Expr kid[2];
	BinaryenAddGlobal(m, name, BinaryenTypeInt64(), true, BinaryenConst(m, BinaryenLiteralInt64(0)));
	BinaryenAddGlobalExport(m, name, name);
	kid[0] = BinaryenGlobalSet(m, name, BinaryenBinary(m, BinaryenAddInt64(), BinaryenGlobalGet(m, name, BinaryenTypeInt64()),
	                                                   BinaryenConst(m, BinaryenLiteralInt64(1))));
	kid[1] = place;
	free(name);
	return BinaryenBlock(m, NULL, kid, 2, BinaryenExpressionGetType(place));
}

/* Later places come first, so that an index is good until its turn comes. */
static int put_counters(Mod *m, const Places *p, const Options *o, Err *e)
{
	Shape none;
	int code = discriminator_shape(m, o, &none, e);
	for (uint32_t i = p->n; i-- > 0 && !code;) {
		const Place *at = &p->p[i];
		Expr body = BinaryenFunctionGetBody(m->func[at->func].ref), place = at->region ? walk_at(body, at->index) : body;
		body = walk_replace(body, at->region ? at->index : 0, counted(m->ref, i, place));
		BinaryenFunctionSetBody(m->func[at->func].ref, body);
	}
	none.trace = MEWE_TRACE_OFF;
	return code ? code : discriminator_add(m, &none, NULL, e);
}

/* What an instance has met since `before`, which becomes what it has met by now. */
static void read_counters(Instance *i, const Places *p, uint64_t *before, uint64_t *count)
{
	for (uint32_t k = 0; k < p->n; k++) {
		char *name = counter(k);
		uint64_t now = 0;
		host_global(i, name, WASMTIME_I64, &now);
		count[k] = now - before[k];
		before[k] = now;
		free(name);
	}
}

/* Two requests of one instance; *first is what the first met, *then what the second did. Of a command there is but one, in an instance
 * that begins as the one did whose beginning was counted. */
static int run(Runner *r, const Places *p, uint64_t *before, uint64_t *first, uint64_t *then, Err *e)
{
	int code = runner_start(r, e);
	if (code)
		return code;
	read_counters(runner_instance(r), p, before, first);
	if ((code = runner_request(r, e)) != 0)
		return code;
	read_counters(runner_instance(r), p, before, first);
	if (runner_command(r)) {
		memcpy(then, first, p->n * sizeof *then);
		return 0;
	}
	if ((code = runner_request(r, e)) != 0)
		return code;
	read_counters(runner_instance(r), p, before, then);
	return 0;
}

int profile_count(const char *file, const uint8_t *wasm, size_t n, const Places *p, const Options *o, const Wish *w, uint64_t *count,
                  Err *e)
{
	Mod *m = NULL;
	Runner *r = NULL;
	Bytes out = {0};
	uint64_t *before = xalloc((p->n + 1) * sizeof *before), *first = xalloc((p->n + 1) * sizeof *first);
	int code = read_module(file, wasm, n, &m, e);
	if (!code)
		code = put_counters(m, p, o, e);
	if (!code)
		code = write_module(m, NULL, &out, e);
	if (!code)
		code = runner_open(file, out.p, out.n, w, &r, e);
	if (!code)
		code = run(r, p, before, first, count, e);
	for (uint32_t k = 0; k < p->n && !code; k++)
		if (first[k] == 0)
			count[k] = 0;
	runner_close(r);
	free(out.p);
	free(before);
	free(first);
	read_free(m);
	return code;
}
