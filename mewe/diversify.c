/* diversify.c - standalone variants of a module: static diversification.
 * In: a wasm binary, options, how many are wanted. Out: the modules, one after another, then their manifest.
 * Must hold: each function of a module is the original's or one of its kept variants, which are found and proved as for a build;
 * functions keep their ordinals, so that `mewe verify` can hold a module against the original; all modules differ from the
 * original and from each other in machine code, which is looked at in each of them as it is written.
 *
 * Each function deals its bodies like cards: all of them once, in an order drawn from the seed, then all again in another one. So
 * no body is rare, and two modules have a function in common about once in as many as it has bodies. */
#include <stdlib.h>
#include <string.h>
#include "diversify.h"

/* ---- bodies ------------------------------------------------------------------------------------------------------------- */

/* The function's kept variants that the compiler told apart from all before them: of the control, `copy`, none is. */
static int add_deck(Diversify *d, const Dispatcher *from, Err *e)
{
	Build *b = &d->b;
	uint32_t cap = 0;
	Deck *k = &d->deck[d->ndeck++];
	k->func = from->func;
	PUSH(k->body, k->n, cap, ((Choice){.row = NONE, .body = b->sites.body[from->func], .code = b->original[from->func].code}));
	for (uint32_t i = 0; i + 1 < from->n; i++) {
		const Variant *v = &b->variants.v[from->row[i]];
		Choice c = {.row = from->row[i], .code = v->code};
		bool known = false;
		for (uint32_t j = 0; j < k->n; j++)
			known |= digest_eq(k->body[j].code, c.code);
		if (known)
			continue;
		if (!propose_body(&b->sites, v, NULL, &c.body))
			return err_set(e, MEWE_BAD, "%s: %s: row %u can't be made again; report this", b->file, k->body[0].body.name, c.row);
		PUSH(k->body, k->n, cap, c);
	}
	k->card = xalloc(k->n * sizeof *k->card);
	k->rng = (Rng){mix64(b->o->seed ^ mix64(k->func + 1))};
	return 0;
}

static int make_decks(Diversify *d, Err *e)
{
	int code = 0;
	d->deck = xalloc(d->b.dispatchers.n * sizeof *d->deck);
	for (uint32_t i = 0; !code && i < d->b.dispatchers.n; i++)
		code = add_deck(d, &d->b.dispatchers.d[i], e);
	return code;
}

/* So many modules there can be at most, the original not counted; no number that is more than is wanted matters. */
static uint32_t possible(const Diversify *d, uint32_t wanted)
{
	uint64_t n = 1;
	for (uint32_t i = 0; i < d->ndeck && n <= wanted; i++)
		n *= d->deck[i].n;
	return n - 1 < wanted ? n - 1 : wanted;
}

/* ---- dealing ------------------------------------------------------------------------------------------------------------ */

static void shuffle(Deck *k)
{
	for (uint32_t i = 0; i < k->n; i++)
		k->card[i] = i;
	for (uint32_t i = k->n; i > 1; i--) {
		uint32_t j = rng_below(&k->rng, i);
		uint16_t t = k->card[i - 1];
		k->card[i - 1] = k->card[j];
		k->card[j] = t;
	}
}

static void deal(Diversify *d, uint32_t module, uint16_t *hand)
{
	for (uint32_t i = 0; i < d->ndeck; i++) {
		Deck *k = &d->deck[i];
		if (module % k->n == 0)
			shuffle(k);
		hand[i] = k->card[module % k->n];
	}
}

/* The next of all hands there are, as a number whose digits are the bodies. */
static void next_hand(const Diversify *d, uint16_t *hand)
{
	for (uint32_t i = 0; i < d->ndeck && ++hand[i] == d->deck[i].n; i++)
		hand[i] = 0;
}

/* Hands that were dealt, by their bytes; the first is the original's. */
typedef struct Dealt {
	uint32_t *slot, mask;          /* 1 + number of the hand; 0: free */
} Dealt;

static bool take_hand(Dealt *t, const Diversify *d, uint32_t n)
{
	size_t size = d->ndeck * sizeof *d->hand;
	const uint16_t *hand = d->hand + n * d->ndeck;
	for (uint64_t h = digest(hand, size).a;; h++) {
		uint32_t *slot = &t->slot[h & t->mask];
		if (*slot == 0) {
			*slot = n + 1;
			return true;
		}
		if (memcmp(d->hand + (*slot - 1) * d->ndeck, hand, size) == 0)
			return false;
	}
}

/* A hand that was dealt before is passed on to the next that was not: there is one, since there are more hands than modules. */
static void deal_all(Diversify *d)
{
	Dealt t = {.mask = 1};
	while (t.mask < 2 * (d->n + 1))
		t.mask = 2 * t.mask + 1;
	t.slot = xalloc((t.mask + 1) * sizeof *t.slot);
	d->hand = xalloc((size_t)(d->n + 1) * d->ndeck * sizeof *d->hand);
	take_hand(&t, d, 0);
	for (uint32_t i = 0; i < d->n; i++) {
		uint16_t *hand = d->hand + (i + 1) * d->ndeck;
		deal(d, i, hand);
		while (!take_hand(&t, d, i + 1))
			next_hand(d, hand);
	}
	free(t.slot);
}

/* ---- modules ------------------------------------------------------------------------------------------------------------ */

/* All functions are taken out and put back in order, since there is no other way to give one more locals. Nothing is copied:
 * a body is in one function at a time. */
static void arrange(Diversify *d, const uint16_t *hand)
{
	Mod *m = d->b.mod;
	Body *all = xalloc(m->nfunc * sizeof *all);
	for (uint32_t i = 0; i < m->nfunc; i++)
		all[i] = i < d->norig ? d->b.sites.body[i] : body_of(m, i);
	for (uint32_t i = 0; i < d->ndeck; i++)
		all[d->deck[i].func] = d->deck[i].body[hand[i]].body;
	for (uint32_t i = 0; i < m->nfunc; i++)
		BinaryenRemoveFunction(m->ref, m->func[i].name);
	for (uint32_t i = 0; i < m->nfunc; i++) {
		body_add(m, m->func[i].name, &all[i]);
		if (i >= d->norig)
			body_free(&all[i]);
	}
	free(all);
	read_index(m);
}

/* One digest for the machine code of all functions. */
static int machine_code(const Diversify *d, const Bytes *wasm, Digest *out, Err *e)
{
	Code *c;
	Buf b = {0};
	int code = survive_code(d->b.file, wasm->p, wasm->n, NULL, &c, e);
	if (code)
		return code;
	for (uint32_t i = 0; i < d->b.mod->nfunc; i++)
		buf_put(&b, &c[i].code, sizeof c[i].code);
	*out = digest(b.p, b.n);
	buf_free(&b);
	free(c);
	return 0;
}

/* Hand 0, the original's, is looked at like the others, but is no module. */
static int emit(Diversify *d, uint32_t n, mewe_put *put, void *ctx, Err *e)
{
	Bytes wasm = {0};
	arrange(d, d->hand + (size_t)n * d->ndeck);
	int code = write_module(d->b.mod, NULL, &wasm, e);
	if (!code)
		code = machine_code(d, &wasm, &d->code[n], e);
	for (uint32_t i = 0; i < n && !code; i++)
		if (digest_eq(d->code[i], d->code[n]))
			code = err_set(e, MEWE_BAD, "%s: modules %u and %u have different bodies but equal machine code; report this", d->b.file, i, n);
	if (!code && n > 0) {
		char *name = diversify_name(d, n);
		crypto_hash_sha256(d->sha256[n], wasm.p, wasm.n);
		code = put(ctx, name, &wasm, e);
		free(name);
	}
	free(wasm.p);
	return code;
}

static int emit_all(Diversify *d, mewe_put *put, void *ctx, Err *e)
{
	Build *b = &d->b;
	Bytes manifest;
	d->norig = b->mod->nfunc;
	d->code = xalloc((d->n + 1) * sizeof *d->code);
	d->sha256 = xalloc((d->n + 1) * sizeof *d->sha256);
	int code = discriminator_add(b->mod, &b->shape, NULL, e);
	for (uint32_t i = 0; i <= d->n && !code; i++) {
		code = emit(d, i, put, ctx, e);
		if (b->o->progress)
			b->o->progress(b->o->progress_ctx, "modules", i, d->n);
	}
	if (code)
		return code;
	manifest = diversify_manifest(d);
	code = put(ctx, "manifest.json", &manifest, e);
	free(manifest.p);
	return code;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------ */

static int stages(Diversify *d, uint32_t wanted, mewe_put *put, void *ctx, mewe_report **report, Err *e)
{
	Build *b = &d->b;
	int code = pipeline_search(b, e);
	if (!code)
		code = make_decks(d, e);
	if (code)
		return code;
	d->n = possible(d, wanted);
	*report = report_make(b);
	if (d->n == 0)
		return err_set(e, MEWE_NOTHING, "%s: nothing could be diversified; see --ledger for why each candidate fell", b->file);
	deal_all(d);
	if ((code = emit_all(d, put, ctx, e)) != 0)
		return code;
	free((*report)->summary.p);
	(*report)->summary = diversify_summary(d);
	return 0;
}

static void release(Diversify *d)
{
	for (uint32_t i = 0; i < d->ndeck; i++) {
		for (uint32_t k = 1; k < d->deck[i].n; k++) /* the original's body is the sites' */
			body_free(&d->deck[i].body[k].body);
		free(d->deck[i].body);
		free(d->deck[i].card);
	}
	free(d->deck);
	free(d->hand);
	free(d->code);
	free(d->sha256);
	pipeline_free(&d->b, NULL);
}

int mewe_diversify(const char *file, const uint8_t *in, size_t n, const mewe_options *o, unsigned count, const char *stem, mewe_put *put,
                   void *ctx, mewe_report **report, mewe_err *err)
{
	Options own = *o;
	Diversify d = {.b = {.o = &own, .file = file}, .stem = stem};
	mewe_report *r = NULL;
	Bytes wasm = {0};
	own.discriminator = MEWE_NONE; /* nothing is drawn */
	own.trace = MEWE_TRACE_OFF;
	int code = read_wasm(file, in, n, &wasm, err);
	d.b.in = wasm.p;
	d.b.nin = wasm.n;
	if (!code)
		code = stages(&d, count, put, ctx, &r, err);
	if (!code && d.n < count)
		code = err_set(err, MEWE_LIMIT, "%s: there are only %u different variants of it, not %u; all are written; more bodies come from "
		               "--variants, --strategy and --functions", file, d.n, count);
	else if (!code && d.b.proving.limited)
		code = err_set(err, MEWE_LIMIT, "%s: a time limit was reached, or a prover's process ended; the modules are whole but made of fewer bodies", file);
	if (report)
		*report = r;
	else
		mewe_report_free(r);
	release(&d);
	free(wasm.p);
	return code;
}
