/* account.c - the closed accounting: what is each function of a multivariant module, and is there nothing else?
 * In: the two binaries. Out: the differences found, and the pairs of functions that remain to be proved equal.
 * Must hold, with N functions defined in the original: function i < N of the module is the original's function i, or a
 * dispatcher in its place; after them come, function by function equal to what a build adds, the guest's imports from `mewe`
 * and the discriminator; then bodies, each of exactly one dispatcher, and entry wrappers, each of exactly one export.
 * Nothing but a dispatcher's arm calls a body. Or there are no bodies, and functions hold forks: choices among alternatives for a
 * region of theirs (account_fork.c). Imports, exports, tables, elements, memory, data, globals and start are the
 * original's and what the build adds. Custom sections say nothing here.
 *
 * What the build adds is not believed but made anew, by discriminator.c from the original; how the module was built is
 * guessed from what it holds, and a wrong guess can only lead to differences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "account.h"
#include "combine.h"

/* Names in a module are anybody's: they must neither end a line nor speak to a terminal. */
static void plain(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

void account_differs(Account *a, const char *func, const char *fmt, ...)
{
	char what[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	Difference d = {xstrdup(func), xstrdup(what)};
	plain(d.func);
	plain(d.what);
	PUSH(a->diff, a->ndiff, a->diff_cap, d);
}

const char *account_name(const Account *a, uint32_t ordinal) { return a->have->func[ordinal].name; }

static char *ours(const Account *a, const char *name) { return xprintf("%s.%s", a->tag, name); }

uint32_t account_index(const Account *a, const char *name)
{
	char *full = ours(a, name);
	uint32_t i = read_function(a->plan, full);
	free(full);
	return i;
}

uint32_t account_global(const Account *a, const char *name)
{
	char *full = ours(a, name);
	Ident id = ident_of(a->plan);
	uint32_t i = id.global(id.ctx, full);
	free(full);
	return i;
}

/* ---- identities ------------------------------------------------------------------------------------------------------ */

static uint32_t want_func(void *ctx, const char *name) { return read_function(((Account *)ctx)->want, name); }

static uint32_t have_func(void *ctx, const char *name)
{
	const Account *a = ctx;
	uint32_t i = read_function(a->have, name);
	if (i == NONE || i >= a->have->nimp + a->first_body)
		return NONE;
	return i == account_index(a, "enter") || i == account_index(a, "chose") || i == account_index(a, "took") ? IDENT_SKIP : i;
}

uint32_t account_global_of(const Mod *m, const char *name)
{
	Ident id = ident_of(m);
	return id.global(id.ctx, name);
}

static uint32_t table_of(const Mod *m, const char *name)
{
	Ident id = ident_of(m);
	return id.table(id.ctx, name);
}

static uint32_t want_global(void *ctx, const char *name) { return account_global_of(((Account *)ctx)->want, name); }
static uint32_t have_global(void *ctx, const char *name) { return account_global_of(((Account *)ctx)->have, name); }
static uint32_t want_table(void *ctx, const char *name) { return table_of(((Account *)ctx)->want, name); }
static uint32_t have_table(void *ctx, const char *name) { return table_of(((Account *)ctx)->have, name); }

Ident account_want(const Account *a) { return (Ident){want_func, want_global, want_table, (void *)a}; }
Ident account_have(const Account *a) { return (Ident){have_func, have_global, have_table, (void *)a}; }

bool account_same_tree(Expr x, const Ident *ix, Expr y, const Ident *iy)
{
	Buf a = {0}, b = {0};
	bool same = walk_write(&a, x, ix) && walk_write(&b, y, iy) && a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
	buf_free(&a);
	buf_free(&b);
	return same;
}

bool account_same_type(BinaryenFunctionRef f, BinaryenFunctionRef g)
{
	return BinaryenFunctionGetParams(f) == BinaryenFunctionGetParams(g) && BinaryenFunctionGetResults(f) == BinaryenFunctionGetResults(g);
}

bool account_same_locals(BinaryenFunctionRef f, BinaryenFunctionRef g)
{
	uint32_t n = BinaryenFunctionGetNumVars(f);
	if (!account_same_type(f, g) || BinaryenFunctionGetNumVars(g) != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (BinaryenFunctionGetVar(f, i) != BinaryenFunctionGetVar(g, i))
			return false;
	return true;
}

/* ---- functions in their old places ---------------------------------------------------------------------------------- */

bool account_call(const Account *a, Expr e, const char *ours)
{
	uint32_t index = account_index(a, ours);
	return index != NONE && walk_kind(e) == K_Call && read_function(a->have, BinaryenCallGetTarget(e)) == index;
}

/* The number that a call has there; NONE, which is no trace's id, where it has none: nobody vouches for its type. */
uint32_t account_operand(Expr call, uint32_t i)
{
	Expr e = i < BinaryenCallGetNumOperands(call) ? BinaryenCallGetOperandAt(call, i) : NULL;
	return e && walk_kind(e) == K_Const && BinaryenExpressionGetType(e) == BinaryenTypeInt32() ? (uint32_t)BinaryenConstGetValueI32(e) : NONE;
}

/* The instrument's call at the start of a function, with its own ids. */
static bool entered(const Account *a, Expr e, uint32_t ordinal)
{
	return account_call(a, e, "enter") && account_operand(e, 0) == TRACE_ID(ordinal, 0) && account_operand(e, 1) == TRACE_ID(ordinal, 0);
}

/* The function's body without the instrument's call; NULL: that is not there. */
Expr account_uninstrumented(const Account *a, uint32_t ordinal)
{
	Expr body = BinaryenFunctionGetBody(a->have->func[ordinal].ref);
	if (a->shape.trace == MEWE_TRACE_OFF)
		return body;
	if (entered(a, body, ordinal)) /* an empty function: the reader drops the block around its one call */
		return BinaryenNop(a->have->ref);
	if (walk_kind(body) != K_Block || BinaryenBlockGetNumChildren(body) == 0 || !entered(a, BinaryenBlockGetChildAt(body, 0), ordinal))
		return NULL;
	BinaryenBlockRemoveChildAt(body, 0);
	return BinaryenBlockGetNumChildren(body) == 1 && !BinaryenBlockGetName(body) ? BinaryenBlockGetChildAt(body, 0) : body;
}

static bool is_zero(Expr e)
{
	BinaryenType t = BinaryenExpressionGetType(e);
	if (walk_kind(e) != K_Const)
		return false;
	return t == BinaryenTypeInt32() ? BinaryenConstGetValueI32(e) == 0 : t == BinaryenTypeInt64() && BinaryenConstGetValueI64(e) == 0;
}

/* An import from `mewe` as a build that dispatches nothing resolves it: the mark, and zero if there is a result. */
static bool is_stub(Expr body)
{
	for (uint32_t i = 1; walk_kind(body) == K_Block && i < BinaryenBlockGetNumChildren(body); i++)
		if (!is_zero(BinaryenBlockGetChildAt(body, i)))
			return false;
	return shape_marked(body);
}

/* What such a function may do in a multivariant module, instead of nothing: read a count, or call the trace's functions with
 * its own parameters. None of these reaches anything of the guest's but where trace_read() is asked to. */
static bool reports(const Account *a, Expr e)
{
	static const char *const funcs[] = {"hash", "read", "reset", "renew"}, *const globals[] = {"choices", "length", "executed"};
	if (walk_kind(e) == K_Const)
		return is_zero(e);
	for (size_t i = 0; walk_kind(e) == K_GlobalGet && i < LEN(globals); i++)
		if (account_global_of(a->have, BinaryenGlobalGetGetName(e)) == account_global(a, globals[i]))
			return true;
	bool ok = false;
	for (size_t i = 0; i < LEN(funcs); i++)
		ok |= account_call(a, e, funcs[i]);
	for (uint32_t i = 0; ok && i < BinaryenCallGetNumOperands(e); i++) {
		Expr arg = BinaryenCallGetOperandAt(e, i);
		ok = walk_kind(arg) == K_LocalGet && BinaryenLocalGetGetIndex(arg) == i;
	}
	return ok;
}

static bool reporting(const Account *a, uint32_t ordinal)
{
	Expr was = BinaryenFunctionGetBody(a->want->func[ordinal].ref), is = BinaryenFunctionGetBody(a->have->func[ordinal].ref);
	if (!is_stub(was) || !shape_marked(is))
		return false;
	for (uint32_t i = 1; walk_kind(is) == K_Block && i < BinaryenBlockGetNumChildren(is); i++)
		if (!reports(a, BinaryenBlockGetChildAt(is, i)))
			return false;
	return true;
}

void account_pair(Account *a, const Pair *p) { PUSH(a->pair, a->npair, a->pair_cap, *p); }

static void put_pair(Account *a, uint32_t original, uint32_t body, uint32_t dispatcher, uint32_t place)
{
	BinaryenFunctionRef f = a->want->func[original].ref, g = a->have->func[body].ref;
	Ident iw = account_want(a), ih = account_have(a);
	Pair p = {.func = body, .dispatcher = dispatcher, .place = place, .was = body_of(a->want, original), .is = body_of(a->have, body)};
	p.same = account_same_locals(f, g) && account_same_tree(BinaryenFunctionGetBody(f), &iw, BinaryenFunctionGetBody(g), &ih);
	account_pair(a, &p);
}

typedef struct Uses {
	Account *a;
	uint32_t ordinal;
	bool good;
} Uses;

/* Is the function index the original's, or an import's from `mewe` that the build has resolved? */
static bool is_originals(const Account *a, uint32_t i)
{
	uint32_t nimp = a->have->nimp;
	return i < nimp + a->norig || (i < nimp + a->first_body && shape_marked(BinaryenFunctionGetBody(a->have->func[i - nimp].ref)));
}

/* What code of the original's may name: its own functions, dispatched or not, its imports and globals. */
static bool use(void *ctx, Expr e, uint32_t index)
{
	Uses *u = ctx;
	const Account *a = u->a;
	uint32_t kind = walk_kind(e);
	const char *f = kind == K_Call ? BinaryenCallGetTarget(e) : kind == K_RefFunc ? BinaryenRefFuncGetFunc(e) : NULL;
	const char *g = kind == K_GlobalGet ? BinaryenGlobalGetGetName(e) : kind == K_GlobalSet ? BinaryenGlobalSetGetName(e) : NULL;
	(void)index;
	if (f && !is_originals(a, read_function(a->have, f))) {
		account_differs(u->a, account_name(a, u->ordinal), "it calls %s, which is no function of the original's: that passes a dispatcher by", f);
		u->good = false;
	}
	if (g && account_global_of(a->have, g) >= a->nglobals) {
		account_differs(u->a, account_name(a, u->ordinal), "it uses global %s, which is no global of the original's", g);
		u->good = false;
	}
	return true;
}

bool account_uses(Account *a, uint32_t ordinal, Expr body)
{
	Uses u = {a, ordinal, true};
	if (!walk_known(body)) {
		account_differs(a, account_name(a, ordinal), "it holds an instruction that can't be judged");
		return false;
	}
	walk_each(body, use, &u);
	return u.good;
}

/* Not dispatched: the original's function, after one round trip through Binaryen or after none; else it is to be proved. */
static void untouched(Account *a, uint32_t ordinal)
{
	BinaryenFunctionRef f = a->want->func[ordinal].ref, g = a->have->func[ordinal].ref, p = a->plan->func[ordinal].ref;
	Ident iw = account_want(a), ih = account_have(a), ip = ident_of(a->plan);
	if (!account_same_type(f, g)) {
		account_differs(a, account_name(a, ordinal), "its type is not the original's");
		return;
	}
	Expr body = account_uninstrumented(a, ordinal);
	if (!body) {
		if (!reporting(a, ordinal))
			account_differs(a, account_name(a, ordinal), "the trace's call is not at its start");
		return;
	}
	if ((account_same_locals(f, g) && account_same_tree(BinaryenFunctionGetBody(f), &iw, body, &ih)) ||
	    (account_same_locals(p, g) && account_same_tree(BinaryenFunctionGetBody(p), &ip, body, &ih)) || reporting(a, ordinal))
		return;
	if (account_uses(a, ordinal, body))
		put_pair(a, ordinal, ordinal, NONE, NONE);
}

/* ---- dispatchers -------------------------------------------------------------------------------------------------------- */

bool account_field(const Account *a, uint32_t i, const Selector *s, const Layout *l)
{
	char *word = xprintf("vector.%u", l->field[i].word);
	bool good = s->global && account_global_of(a->have, s->global) == account_global(a, word) && s->shift == l->field[i].shift &&
	            s->mask == (1u << l->field[i].bits) - 1;
	free(word);
	return good;
}

/* The pool is the discriminator's own; what is made of it, shape.c has compared. */
static bool good_pool(const Account *a, const Selector *s)
{
	if (!s->ready || read_function(a->have, s->ready) != account_index(a, "ready") ||
	    account_global_of(a->have, s->global) != account_global(a, "pool"))
		return false;
	return a->shape.gated ? s->live && account_global_of(a->have, s->live) == account_global(a, "live") : !s->live;
}

static void check_selector(Account *a, uint32_t i, const Selector *s, const Layout *l)
{
	const char *name = account_name(a, a->found.f[i].func);
	if (shape_pooled(&a->shape)) {
		if (!good_pool(a, s))
			account_differs(a, name, "it does not choose by the discriminator's pool");
	} else if (a->shape.dispatch == MEWE_CALL) {
		uint32_t want = account_index(a, a->shape.gated ? "gate" : "draw");
		if (!s->draw || want == NONE || read_function(a->have, s->draw) != want)
			account_differs(a, name, "it does not choose by the discriminator's draw");
	} else if (!account_field(a, i, s, l)) {
		account_differs(a, name, "it does not choose by its own field of the request's choices");
	}
}

static bool good_enter(const Account *a, Expr e, uint32_t func, uint32_t k)
{
	if (!account_call(a, e, "enter") || account_operand(e, 0) != TRACE_ID(func, k + 1))
		return false;
	return account_operand(e, 1) > TRACE_ID(func, 0) && account_operand(e, 1) <= TRACE_ID(func, k + 1);
}

bool account_chose(const Account *a, Expr e, uint32_t i, uint32_t k)
{
	if (!account_call(a, e, "chose") || account_operand(e, 0) != i || account_operand(e, 1) != k || BinaryenCallGetNumOperands(e) != 3 ||
	    BinaryenExpressionGetType(BinaryenCallGetOperandAt(e, 2)) != BinaryenTypeFloat64())
		return false;
	return fabs(BinaryenConstGetValueF64(BinaryenCallGetOperandAt(e, 2)) - log2(a->dispatchers.d[i].n)) < 1e-9;
}

static void check_trace(Account *a, uint32_t i, const Pieces *p)
{
	const Found *f = &a->found.f[i];
	bool off = a->shape.trace == MEWE_TRACE_OFF, good = off ? !p->enter : p->enter && entered(a, p->enter, f->func);
	for (uint32_t k = 0; k < p->n && good; k++) {
		const Arm *m = &p->arm[k];
		good = off ? m->ntrace == 0 : m->ntrace == 2 && good_enter(a, m->trace[0], f->func, k) && account_chose(a, m->trace[1], i, k);
	}
	if (!good)
		account_differs(a, account_name(a, f->func), "this dispatcher does more than choose and pass on its arguments");
}

/* Its bodies begin at ordinal `first`: they lie one after another, in the dispatchers' order. */
static void check_dispatcher(Account *a, uint32_t i, uint32_t first, const Layout *l)
{
	const Found *f = &a->found.f[i];
	Pieces p;
	if (!account_same_type(a->want->func[f->func].ref, a->have->func[f->func].ref)) {
		account_differs(a, account_name(a, f->func), "its type is not the original's");
		return;
	}
	if (!shape_pieces(a->have, f->func, &p))
		return; /* can't be: it was found by this */
	check_selector(a, i, &p.selector, l);
	check_trace(a, i, &p);
	free(p.arm);
	for (uint32_t k = 0; k < f->n; k++) {
		uint32_t b = f->variant[k];
		if (b != first + k) {
			account_differs(a, account_name(a, f->func), "its body %u is %s, which is not its own", k, account_name(a, b));
			continue;
		}
		a->owned[b] = true;
		if (account_uses(a, b, BinaryenFunctionGetBody(a->have->func[b].ref)))
			put_pair(a, f->func, b, i, k);
	}
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------ */

static void check_functions(Account *a)
{
	Layout l = layout_of(&a->shape, a->dispatchers.n ? &a->dispatchers : NULL);
	Ident iw = account_want(a), ih = ident_of(a->have);
	for (uint32_t i = 0, d = 0, body = a->first_body; i < a->norig; i++) {
		a->owned[i] = true;
		if (a->shape.dispatch != MEWE_SITE && d < a->found.n && a->found.f[d].func == i) {
			check_dispatcher(a, d, body, &l);
			body += a->found.f[d++].n;
		} else {
			uint32_t n = a->shape.dispatch == MEWE_SITE ? account_forks(a, i, d, &l) : 0;
			d += n;
			if (n == 0)
				untouched(a, i);
		}
	}
	for (uint32_t i = a->norig; i < a->first_body; i++) {
		BinaryenFunctionRef f = a->want->func[i].ref, g = a->have->func[i].ref;
		a->owned[i] = true;
		if (!account_same_locals(f, g) || !account_same_tree(BinaryenFunctionGetBody(f), &iw, BinaryenFunctionGetBody(g), &ih))
			account_differs(a, account_name(a, i), "it is not the discriminator's function that belongs there (%s)",
			                BinaryenFunctionGetName(a->plan->func[i].ref));
	}
	free(l.field);
}

static void check_owned(Account *a)
{
	for (uint32_t i = 0; i < a->have->nfunc; i++)
		if (!a->owned[i])
			account_differs(a, account_name(a, i), "it is neither the original's, nor a body of one dispatcher, nor an export's wrapper, nor "
			                "the discriminator's");
}

/* The original with all that a build of this shape adds, but undispatched. */
static int make_want(Account *a, const char *ofile, Err *e)
{
	discriminator_tag(a->plan, a->tag);
	int code = discriminator_add(a->plan, &a->shape, a->dispatchers.n ? &a->dispatchers : NULL, e);
	if (!code)
		code = write_module(a->plan, NULL, &a->want_bytes, e);
	if (!code)
		code = read_module(ofile, a->want_bytes.p, a->want_bytes.n, &a->want, e);
	return code;
}

int account_make(const char *ofile, const uint8_t *original, size_t on, const char *mfile, const uint8_t *multivariant, size_t mn,
                 Account *out, Err *e)
{
	Account *a = out;
	int code;
	*a = (Account){.have_bytes = multivariant, .nhave = mn};
	if ((code = read_module(ofile, original, on, &a->plan, e)) != 0 || (code = read_module(mfile, multivariant, mn, &a->have, e)) != 0)
		return code;
	a->norig = a->plan->nfunc;
	a->nglobals = a->plan->scan.nglobals;
	account_guess(a);
	if ((code = make_want(a, ofile, e)) != 0 || !account_imports(a))
		return code;
	a->first_body = a->want->nfunc;
	a->owned = xalloc(a->have->nfunc * sizeof *a->owned);
	if (a->have->nfunc < a->first_body) {
		account_differs(a, "", "it has %u functions; the original and its discriminator alone are %u", a->have->nfunc, a->first_body);
		return 0;
	}
	check_functions(a);
	account_sections(a);
	account_exports(a);
	check_owned(a);
	return 0;
}

void account_free(Account *a)
{
	for (uint32_t i = 0; i < a->ndiff; i++) {
		free(a->diff[i].func);
		free(a->diff[i].what);
	}
	for (uint32_t i = 0; i < a->npair; i++) {
		body_free(&a->pair[i].was);
		body_free(&a->pair[i].is);
	}
	read_free(a->plan);
	read_free(a->want);
	read_free(a->have);
	shape_free(&a->found);
	free(a->dispatchers.d);
	free(a->want_bytes.p);
	free(a->owned);
	free(a->pair);
	free(a->diff);
	*a = (Account){0};
}
