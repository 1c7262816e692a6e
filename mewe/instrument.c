/* instrument.c - traces: which functions are entered, which bodies are taken, what is chosen.
 * In: a module as combine_all() leaves it, with the traces' functions in it, and the dispatchers with their classes.
 * Out: calls of mewe.enter at the start of every function of the original and in every arm of every dispatcher, of mewe.took in
 * every arm of a region's, and of mewe.chose in both. Must hold: nothing is added to a variant, so that the instrument makes no
 * difference between them. */
#include <stdlib.h>
#include <string.h>
#include "combine.h"
#include "fork.h"

static Expr number(Ref m, uint32_t x) { return BinaryenConst(m, BinaryenLiteralInt32(x)); }

typedef struct Trace {
	Ref m;
	char vector[TAG_SIZE + 8], enter[TAG_SIZE + 8], chose[TAG_SIZE + 8], took[TAG_SIZE + 8];
} Trace;

/* The names are found from the one that the build exports: a tag may be in them. */
static Trace trace_of(Mod *m)
{
	Trace t = {.m = m->ref};
	const char *reset = BinaryenExportGetValue(BinaryenGetExport(m->ref, "mewe.reset"));
	int tag = strcspn(reset, ".");
	snprintf(t.vector, sizeof t.vector, "%.*s.vector.", tag, reset);
	snprintf(t.enter, sizeof t.enter, "%.*s.enter", tag, reset);
	snprintf(t.chose, sizeof t.chose, "%.*s.chose", tag, reset);
	snprintf(t.took, sizeof t.took, "%.*s.took", tag, reset);
	return t;
}

static Expr enter(const Trace *t, uint32_t entry, uint32_t body)
{
	Expr args[] = {number(t->m, entry), number(t->m, body)};
	return BinaryenCall(t->m, t->enter, args, 2, BinaryenTypeNone());
}

/* log2 n to 40 binary places, by squaring: the C library's last bit is not the same on every machine. */
static double log2_of(uint32_t n)
{
	uint32_t whole = 31 - __builtin_clz(n);
	unsigned __int128 x = (uint64_t)n << (62 - whole); /* in [1, 2), with 62 places */
	uint64_t part = 0;
	for (int i = 0; i < 40; i++) {
		x = x * x >> 62;
		part = part << 1 | (uint64_t)(x >> 63);
		x >>= x >> 63;
	}
	return whole + (double)part / ((uint64_t)1 << 40);
}

static Expr chose(const Trace *t, uint32_t i, uint32_t k, uint32_t n)
{
	Expr args[] = {number(t->m, i), number(t->m, k), BinaryenConst(t->m, BinaryenLiteralFloat64(log2_of(n)))};
	return BinaryenCall(t->m, t->chose, args, 3, BinaryenTypeNone());
}

/* Into the function's own outermost block where that has no label: a block around it would get its type, and one of several
 * results is what Binaryen 108 can't read back. */
static void begin(const Trace *t, BinaryenFunctionRef f, uint32_t ordinal)
{
	Expr body = BinaryenFunctionGetBody(f), call = enter(t, TRACE_ID(ordinal, 0), TRACE_ID(ordinal, 0));
	if (walk_kind(body) == K_Block && !BinaryenBlockGetName(body)) {
		BinaryenBlockInsertChildAt(body, 0, call);
		return;
	}
	Expr both[] = {call, body};
	BinaryenFunctionSetBody(f, BinaryenBlock(t->m, NULL, both, 2, BinaryenTypeAuto()));
}

/* Arm k follows block k in the block around it, and the function's body is the block around the last one. */
static void arms(const Trace *t, BinaryenFunctionRef f, const Dispatcher *d, uint32_t i)
{
	Expr around = BinaryenFunctionGetBody(f);
	for (uint32_t k = d->n; k-- > 0;) {
		BinaryenBlockInsertChildAt(around, 1, enter(t, TRACE_ID(d->func, k + 1), TRACE_ID(d->func, d->klass[k] + 1)));
		BinaryenBlockInsertChildAt(around, 2, chose(t, i, k, d->n));
		around = BinaryenBlockGetChildAt(around, 0);
	}
}

static Expr took(const Trace *t, uint32_t i, uint32_t k, uint32_t klass)
{
	Expr args[] = {number(t->m, TRACE_REGION_ID(i, k)), number(t->m, TRACE_REGION_ID(i, klass))};
	return BinaryenCall(t->m, t->took, args, 2, BinaryenTypeNone());
}

static bool is_vector(void *ctx, const char *global)
{
	const Trace *t = ctx;
	return strncmp(global, t->vector, strlen(t->vector)) == 0;
}

/* The forks of a function are its dispatchers from the first on, in order. */
static void forks(const Trace *t, BinaryenFunctionRef f, const Dispatcher *d, uint32_t first)
{
	Forks found;
	Ours ours = {is_vector, (void *)t};
	fork_find(t->m, BinaryenFunctionGetBody(f), &ours, &found);
	for (uint32_t i = 0; i < found.n; i++, d++) {
		Expr (*calls)[2] = xalloc(d->n * sizeof *calls);
		for (uint32_t k = 0; k < d->n; k++) {
			calls[k][0] = took(t, first + i, k, d->klass[k]);
			calls[k][1] = chose(t, first + i, k, d->n);
		}
		fork_trace(found.f[i].expr, calls, d->n);
		free(calls);
	}
	fork_free(&found);
}

int instrument_all(Mod *m, const Dispatchers *d, const Shape *shape, uint32_t norig, Err *e)
{
	if (shape->trace == MEWE_TRACE_OFF)
		return 0;
	if (norig >= 1u << 20)
		return err_set(e, MEWE_UNSUPPORTED, "%s: %u functions are too many for trace ids; use --trace off", m->file, norig);
	Trace t = trace_of(m);
	for (uint32_t i = 0; i < d->n; i++)
		if (!d->d[i].region)
			arms(&t, m->func[d->d[i].func].ref, &d->d[i], i);
		else if (i == 0 || d->d[i - 1].func != d->d[i].func)
			forks(&t, m->func[d->d[i].func].ref, &d->d[i], i);
	for (uint32_t i = 0; i < norig; i++)
		begin(&t, m->func[i].ref, i);
	return 0;
}
