/* account_wrap.c - does a function do nothing but wrap another one, and how?
 * In: an Account with its three modules. Out: what a function is to the one that an export has led to. Must hold:
 *   a request's wrapper opens the gate, draws anew, and puts back what a request that it may be nested in has drawn;
 *   an init's wrapper shuts the gate meanwhile, takes away what was drawn, and puts back both.
 * Either runs the function once, with its own parameters, and returns what that gives; and writes nothing else.
 *
 * A wrapper is straight code, so that one walk over it, in order, tells what every local and every global of the request's holds;
 * which statements it is made of does not matter. */
#include <stdlib.h>
#include <string.h>
#include "account.h"
#include "combine.h"

/* What a local or a global holds, or an expression gives. FIRST: what the global of this index held at the start. NEW: what it
 * got from drawing, or from whatever the function did. PART: a result, or one of several. */
typedef struct Value {
	enum { W_BAD, W_VOID, W_NUMBER, W_PARAM, W_TUPLE, W_PART, W_FIRST, W_NEW } kind;
	uint32_t x;
} Value;

/* A global that we have added: is it the gate, part of what was drawn, or none of a wrapper's business? */
typedef enum Own { OWN_OTHER, OWN_GATE, OWN_DRAWN } Own;

typedef struct Wrapper {
	const Account *a;
	uint32_t nparams, target;      /* function index that it must call, once */
	Value *local, result;          /* result: as the call leaves it */
	uint32_t nown;
	Own *own;
	Value *now, *then;             /* our globals: now, and when the function was called */
	bool called, drew;
} Wrapper;

enum { NESTING = 8 };                  /* of blocks, which the reader puts in for several results */

static const Value bad = {W_BAD, 0}, nothing = {W_VOID, 0};

static bool is(Value v, int kind, uint32_t x) { return (int)v.kind == kind && v.x == x; }

/* ---- the walk ---------------------------------------------------------------------------------------------------------- */

static Value eval(Wrapper *w, Expr e, unsigned depth);

/* The index among our globals, or NONE for one that a wrapper has no business with. */
static uint32_t own_global(const Wrapper *w, const char *name)
{
	uint32_t i = account_global_of(w->a->have, name);
	if (i < w->a->nglobals || i - w->a->nglobals >= w->nown || w->own[i - w->a->nglobals] == OWN_OTHER)
		return NONE;
	return i - w->a->nglobals;
}

/* Nothing is drawn behind a gate that is shut. */
static Value eval_renew(Wrapper *w)
{
	for (uint32_t i = 0; i < w->nown; i++) {
		if (w->own[i] == OWN_GATE && w->a->shape.gated && !is(w->now[i], W_NUMBER, 1))
			return bad;
		if (w->own[i] == OWN_DRAWN)
			w->now[i] = (Value){W_NEW, 0};
	}
	w->drew = true;
	return w->called ? bad : nothing;
}

static Value eval_call(Wrapper *w, Expr e, unsigned depth)
{
	uint32_t to = read_function(w->a->have, BinaryenCallGetTarget(e)), renew = account_index(w->a, "renew");
	if (renew != NONE && to == renew)
		return eval_renew(w);
	if (to != w->target || w->called)
		return bad;
	for (uint32_t i = 0; i < BinaryenCallGetNumOperands(e); i++)
		if (!is(eval(w, BinaryenCallGetOperandAt(e, i), depth), W_PARAM, i))
			return bad;
	for (uint32_t i = 0; i < w->nown; i++) {
		w->then[i] = w->now[i];
		w->now[i] = (Value){W_NEW, 0};
	}
	w->called = true;
	return w->result;
}

static Value eval_local_set(Wrapper *w, Expr e, unsigned depth)
{
	Value v = eval(w, BinaryenLocalSetGetValue(e), depth);
	uint32_t i = BinaryenLocalSetGetIndex(e);
	if (v.kind == W_BAD || BinaryenLocalSetIsTee(e) || i < w->nparams)
		return bad;
	w->local[i] = v;
	return nothing;
}

static Value eval_global_set(Wrapper *w, Expr e, unsigned depth)
{
	Value v = eval(w, BinaryenGlobalSetGetValue(e), depth);
	uint32_t i = own_global(w, BinaryenGlobalSetGetName(e));
	if (i == NONE || (v.kind != W_NUMBER && v.kind != W_FIRST))
		return bad;
	w->now[i] = v;
	return nothing;
}

static Value eval_const(Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	uint64_t x = 2;
	if (t == BinaryenTypeInt32())
		x = BinaryenConstGetValueI32(e);
	else if (t == BinaryenTypeInt64())
		x = BinaryenConstGetValueI64(e);
	return x > 1 ? bad : (Value){W_NUMBER, x};
}

static Value eval_tuple(Wrapper *w, Expr e, unsigned depth)
{
	for (uint32_t i = 0; i < BinaryenTupleMakeGetNumOperands(e); i++)
		if (!is(eval(w, BinaryenTupleMakeGetOperandAt(e, i), depth), W_PART, i))
			return bad;
	return (Value){W_TUPLE, 0};
}

static Value eval_block(Wrapper *w, Expr e, unsigned depth)
{
	Value v = nothing;
	if (BinaryenBlockGetName(e))
		return bad;
	for (uint32_t i = 0; i < BinaryenBlockGetNumChildren(e) && v.kind == W_VOID; i++) {
		v = eval(w, BinaryenBlockGetChildAt(e, i), depth);
		if (v.kind != W_VOID && i + 1 < BinaryenBlockGetNumChildren(e))
			return bad;
	}
	return v;
}

static Value eval(Wrapper *w, Expr e, unsigned depth)
{
	uint32_t i;
	if (depth == NESTING)
		return bad;
	switch (walk_kind(e)) {
	case K_Const:
		return eval_const(e);
	case K_GlobalGet:
		i = own_global(w, BinaryenGlobalGetGetName(e));
		return i == NONE ? bad : w->now[i];
	case K_LocalGet:
		return w->local[BinaryenLocalGetGetIndex(e)];
	case K_LocalSet:
		return eval_local_set(w, e, depth + 1);
	case K_GlobalSet:
		return eval_global_set(w, e, depth + 1);
	case K_Call:
		return eval_call(w, e, depth + 1);
	case K_TupleMake:
		return eval_tuple(w, e, depth + 1);
	case K_TupleExtract:
		if (eval(w, BinaryenTupleExtractGetTuple(e), depth + 1).kind != W_TUPLE)
			return bad;
		return (Value){W_PART, BinaryenTupleExtractGetIndex(e)};
	case K_Block:
		return eval_block(w, e, depth + 1);
	}
	return bad;
}

/* ---- what it comes to --------------------------------------------------------------------------------------------------- */

static Wrapping judge(const Wrapper *w)
{
	const Shape *s = &w->a->shape;
	bool request = w->drew == discriminator_renews(s, w->a->dispatchers.n ? &w->a->dispatchers : NULL), init = s->gated && !w->drew;
	for (uint32_t i = 0; i < w->nown; i++) {
		bool back = is(w->now[i], W_FIRST, i), zero = is(w->then[i], W_NUMBER, 0);
		if (w->own[i] == OWN_DRAWN) {
			request &= w->then[i].kind == W_NEW && back;
			init &= zero && back;
		} else if (w->own[i] == OWN_GATE && s->gated) {
			request &= is(w->then[i], W_NUMBER, 1) && w->now[i].kind == W_NEW;
			init &= zero && back;
		}
	}
	return request ? WRAP_REQUEST : init ? WRAP_INIT : WRAP_NOT;
}

static void find_own(Wrapper *w)
{
	const Account *a = w->a;
	w->nown = BinaryenGetNumGlobals(a->plan->ref) - a->nglobals;
	w->own = xalloc(w->nown * sizeof *w->own);
	w->now = xalloc(w->nown * sizeof *w->now);
	w->then = xalloc(w->nown * sizeof *w->then);
	for (uint32_t i = 0; i < w->nown; i++) {
		const char *ours = BinaryenGlobalGetName(BinaryenGetGlobalByIndex(a->plan->ref, a->nglobals + i)) + strlen(a->tag);
		bool drawn = strncmp(ours, ".vector.", 8) == 0 || strncmp(ours, ".seen.", 6) == 0;
		w->own[i] = strcmp(ours, ".live") == 0 ? OWN_GATE : drawn ? OWN_DRAWN : OWN_OTHER;
		w->now[i] = (Value){W_FIRST, i};
	}
}

Wrapping account_wrapper(const Account *a, uint32_t ordinal, uint32_t target)
{
	BinaryenFunctionRef f = a->have->func[ordinal].ref, to = a->have->func[target - a->have->nimp].ref;
	uint32_t arity = BinaryenTypeArity(BinaryenFunctionGetResults(f));
	Wrapper w = {.a = a, .nparams = BinaryenTypeArity(BinaryenFunctionGetParams(f)), .target = target};
	if (BinaryenFunctionGetParams(f) != BinaryenFunctionGetParams(to) || BinaryenFunctionGetResults(f) != BinaryenFunctionGetResults(to))
		return WRAP_NOT;
	w.result = (Value){arity == 0 ? W_VOID : arity == 1 ? W_PART : W_TUPLE, 0};
	uint32_t n = w.nparams + BinaryenFunctionGetNumVars(f);
	w.local = xalloc(n * sizeof *w.local);
	for (uint32_t i = 0; i < n; i++)
		w.local[i] = i < w.nparams ? (Value){W_PARAM, i} : (Value){W_NUMBER, 0};
	find_own(&w);
	Value v = eval(&w, BinaryenFunctionGetBody(f), 0);
	Wrapping how = w.called && is(v, w.result.kind, w.result.x) ? judge(&w) : WRAP_NOT;
	free(w.local);
	free(w.own);
	free(w.now);
	free(w.then);
	return how;
}
