/* account_fork.c - regions of the original's functions where a choice is made, held against the original.
 * In: an Account whose shape says `site`. Out: differences; pairs to be proved. Must hold, of each function with forks:
 * - each chooses by its own field of the request's choices, and does nothing else but, in a traced build, say so;
 * - the function with the original's in the place of every fork is equal to the original's function (one pair);
 * - each alternative of a fork is equal to the first of it (a pair each, as region.c makes them), whatever the function's locals,
 *   memory and globals hold when it is met.
 * Then by induction over an execution the function does what the original's does, whichever alternatives are taken: up to each fork
 * the states are equal, but for locals that nothing but alternatives reads, and whose values no proof has relied on. */
#include <stdlib.h>
#include <string.h>
#include "account.h"
#include "combine.h"

/* A global that the original does not have. */
static bool is_ours(void *ctx, const char *global)
{
	const Account *a = ctx;
	return account_global_of(a->have, global) >= a->nglobals;
}

Ours account_ours(const Account *a) { return (Ours){is_ours, (void *)a}; }

void account_find_forks(Account *a)
{
	Ours ours = account_ours(a);
	uint32_t cap = 0;
	for (uint32_t i = 0; i < a->norig && i < a->have->nfunc; i++) {
		Forks f;
		fork_find(a->have->ref, BinaryenFunctionGetBody(a->have->func[i].ref), &ours, &f);
		for (uint32_t k = 0; k < f.n; k++) {
			Dispatcher d = {.func = i, .id = a->dispatchers.n, .region = true, .n = f.f[k].n};
			PUSH(a->dispatchers.d, a->dispatchers.n, cap, d);
		}
		fork_free(&f);
	}
	if (a->dispatchers.n > 0)
		a->shape.dispatch = MEWE_SITE;
}

static bool good_trace(const Account *a, const Fork *f, uint32_t i, uint32_t k)
{
	Expr took = f->trace[k][0], chose = f->trace[k][1];
	if (a->shape.trace == MEWE_TRACE_OFF)
		return !took && !chose;
	return took && chose && account_call(a, took, "took") && account_operand(took, 0) == TRACE_REGION_ID(i, k) &&
	       account_operand(took, 1) >= TRACE_REGION_ID(i, 0) && account_operand(took, 1) <= TRACE_REGION_ID(i, k) &&
	       account_chose(a, chose, i, k);
}

static bool note_read(void *ctx, Expr e, uint32_t index)
{
	uint8_t *own = ctx;
	(void)index;
	if (walk_kind(e) == K_LocalGet)
		own[BinaryenLocalGetGetIndex(e)] = 0;
	return true;
}

/* Which locals nothing but alternatives reads, the first of each fork not being one of them. */
static uint8_t *own_locals(const Body *pinned)
{
	uint32_t n = body_nparams(pinned) + pinned->nvars;
	uint8_t *own = xalloc(n + 1);
	memset(own, 1, n);
	walk_each(pinned->expr, note_read, own);
	return own;
}

static bool check_fork(Account *a, uint32_t ordinal, uint32_t i, const Fork *f, const Layout *l)
{
	const char *name = account_name(a, ordinal);
	bool good = account_field(a, i, &f->selector, l);
	if (!good)
		account_differs(a, name, "region %u does not choose by its own field of the request's choices", i);
	for (uint32_t k = 0; k < f->n && good; k++) {
		if (!good_trace(a, f, i, k) || !region_good(f->arm[k])) {
			account_differs(a, name, "region %u does more than choose: alternative %u", i, k);
			good = false;
		}
	}
	for (uint32_t k = 1; k < f->n && good; k++)
		good = account_uses(a, ordinal, f->arm[k]);
	return good;
}

static void pair_fork(Account *a, uint32_t ordinal, uint32_t i, const Fork *f, const Body *body, const uint8_t *own)
{
	Ident id = account_have(a);
	for (uint32_t k = 1; k < f->n; k++) {
		Pair p = {.func = ordinal, .dispatcher = i, .place = k, .region = true};
		region_pair(body, f->arm[0], f->arm[k], own, &p.was, &p.is);
		p.same = account_same_tree(p.was.expr, &id, p.is.expr, &id);
		account_pair(a, &p);
	}
}

static void pair_function(Account *a, uint32_t ordinal, const Body *pinned)
{
	BinaryenFunctionRef f = a->want->func[ordinal].ref;
	Ident iw = account_want(a), ih = account_have(a);
	Pair p = {.func = ordinal, .dispatcher = NONE, .place = NONE, .was = body_of(a->want, ordinal), .is = body_copy(pinned)};
	p.same = BinaryenFunctionGetNumVars(f) == pinned->nvars && account_same_tree(p.was.expr, &iw, p.is.expr, &ih);
	for (uint32_t i = 0; i < pinned->nvars && p.same; i++)
		p.same = pinned->vars[i] == p.was.vars[i];
	account_pair(a, &p);
}

/* The instrument's call is taken off first, so that indices are those of the code that is left. */
uint32_t account_forks(Account *a, uint32_t ordinal, uint32_t first, const Layout *l)
{
	Ours ours = account_ours(a);
	Body body = body_of(a->have, ordinal);
	Forks f;
	fork_find(a->have->ref, body.expr, &ours, &f);
	uint32_t n = f.n;
	bool good = n == 0 || account_same_type(a->want->func[ordinal].ref, a->have->func[ordinal].ref);
	if (!good)
		account_differs(a, account_name(a, ordinal), "its type is not the original's");
	if (good && n > 0) {
		fork_free(&f);
		body.expr = account_uninstrumented(a, ordinal);
		good = body.expr != NULL;
		if (!good)
			account_differs(a, account_name(a, ordinal), "the trace's call is not at its start");
		else
			fork_find(a->have->ref, body.expr, &ours, &f);
		if (good && f.n != n) { /* what held the trace's call is a fork itself now, around those that were counted */
			account_differs(a, account_name(a, ordinal), "it holds a choice inside an alternative");
			good = false;
		}
	}
	for (uint32_t i = 0; i < f.n && good; i++)
		good = check_fork(a, ordinal, first + i, &f.f[i], l);
	if (good && n > 0) {
		Body pinned = body;
		pinned.expr = fork_pin(a->have->ref, body.expr, &f, NULL);
		if (account_uses(a, ordinal, pinned.expr)) {
			uint8_t *own = own_locals(&pinned);
			pair_function(a, ordinal, &pinned);
			for (uint32_t i = 0; i < f.n; i++)
				pair_fork(a, ordinal, first + i, &f.f[i], &body, own);
			free(own);
		}
	}
	fork_free(&f);
	body_free(&body);
	return n;
}
