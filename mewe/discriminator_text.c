/* discriminator_text.c - the text of the functions and globals that a build adds.
 * In: the shape; the dispatchers' ordinals and numbers of bodies. Out: one module in the text format, put together from the
 * files in discriminator/ and from a few functions whose length depends on the number of dispatchers.
 * Must hold: nothing else goes in, so that anyone can make the same text from the final binary and compare. */
#include <inttypes.h>
#include <stdlib.h>
#include "combine.h"

#define WAT(name) extern const char mewe_wat_##name[];
WAT(chacha) WAT(draw) WAT(gate) WAT(host) WAT(key_wasi) WAT(key_words) WAT(none) WAT(random_get) WAT(seed_fixed) WAT(seed_import)
WAT(seed_wasi) WAT(trace) WAT(trace_full) WAT(trace_hash) WAT(wasi) WAT(xorshift)
#undef WAT

/* A field of n values is raw when any bits will do: they are not drawn one by one then. */
static bool raw(const Shape *s, uint32_t n) { return s->discriminator != MEWE_HOST && (n & (n - 1)) == 0; }

/* Fill words with the fields that are raw, or with those that are not; a field lies in one word. */
static void place(const Shape *s, const Dispatchers *d, bool want, Layout *l)
{
	uint32_t used = 64;
	for (uint32_t i = 0; i < d->n; i++) {
		uint32_t bits = draw_bits(d->d[i].n);
		if (raw(s, d->d[i].n) != want)
			continue;
		if (used + bits > 64) {
			l->nwords++;
			used = 0;
		}
		l->field[i] = (Field){l->nwords - 1, used, bits};
		used += bits;
	}
}

Layout layout_of(const Shape *s, const Dispatchers *d)
{
	Layout l = {0};
	if (d && shape_vector(s)) {
		l.field = xalloc(d->n * sizeof *l.field);
		place(s, d, true, &l);
		place(s, d, false, &l);
	}
	if (d && s->trace != MEWE_TRACE_OFF)
		l.nseen = (d->n + 63) / 64;
	return l;
}

static bool keyed(const Shape *s)
{
	return s->discriminator == MEWE_CHACHA || s->discriminator == MEWE_FIXED || s->discriminator == MEWE_XORSHIFT;
}

static bool forgets(const Shape *s) { return s->reseed == MEWE_RESEED_ENTRY && keyed(s); }

bool discriminator_renews(const Shape *s, const Dispatchers *d)
{
	return d && (shape_vector(s) || forgets(s));
}

/* What asks for seeds. */
static void put_seed(Buf *b, const Shape *s)
{
	if (s->discriminator == MEWE_FIXED) {
		buf_printf(b, "(global $mewe.seed (mut i64) (i64.const %" PRId64 "))\n", (int64_t)s->fixed_seed);
		buf_str(b, "(export \"mewe.seed\" (global $mewe.seed))\n");
		buf_str(b, mewe_wat_seed_fixed);
	} else if ((keyed(s) || s->discriminator == MEWE_WASI) && s->import_seed) {
		buf_str(b, mewe_wat_seed_import);
	} else if (keyed(s) || s->discriminator == MEWE_WASI) {
		buf_str(b, mewe_wat_random_get);
		if (s->discriminator != MEWE_CHACHA)
			buf_str(b, mewe_wat_seed_wasi);
	}
}

/* The key of ChaCha: by one call where the host can fill memory. */
static void put_key(Buf *b, const Shape *s)
{
	if (s->discriminator == MEWE_CHACHA && !s->import_seed)
		buf_str(b, mewe_wat_key_wasi);
	else if (s->discriminator == MEWE_CHACHA || s->discriminator == MEWE_FIXED)
		buf_str(b, mewe_wat_key_words);
}

static void put_discriminator(Buf *b, const Shape *s)
{
	static const char *const text[] = {
		[MEWE_CHACHA] = mewe_wat_chacha, [MEWE_FIXED] = mewe_wat_chacha, [MEWE_XORSHIFT] = mewe_wat_xorshift,
		[MEWE_WASI] = mewe_wat_wasi, [MEWE_NONE] = mewe_wat_none, [MEWE_HOST] = mewe_wat_host,
	};
	put_seed(b, s);
	buf_str(b, text[s->discriminator]);
	put_key(b, s);
	if (s->discriminator == MEWE_XORSHIFT || s->discriminator == MEWE_WASI)
		buf_str(b, mewe_wat_draw);
}

static void put_globals(Buf *b, const char *name, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		buf_printf(b, "(global $mewe.%s.%u (mut i64) (i64.const 0))\n", name, i);
}

/* ---- the choice vector ------------------------------------------------------------------------------------------------ */

/* A field that is not raw is made from a piece of a random word that is wider: the high bits of its product with n. The word is drawn
 * again, all of it, when one piece would make some value likelier (the low bits are below 2^width mod n), which for each piece
 * happens less than once in 64. */
static uint32_t width(uint32_t n) { return draw_bits(n) + DRAW_SPARE; }

static void put_product(Buf *b, uint32_t n, uint32_t at)
{
	buf_printf(b, "(i32.mul (i32.const %u) (i32.and (i32.const %u) (i32.wrap_i64 (i64.shr_u (local.get $word) (i64.const %u)))))", n,
	           (1u << width(n)) - 1, at);
}

/* The fields whose pieces are in one word: of the list, from here to the end or to what this returns. */
static uint32_t group_end(const Dispatchers *d, const Layout *l, const uint32_t *list, uint32_t from, uint32_t n)
{
	uint32_t to = from, used = 0;
	while (to < n && l->field[list[to]].word == l->field[list[from]].word && (used += width(d->d[list[to]].n)) <= 64)
		to++;
	return to;
}

static void put_group(Buf *b, const Dispatchers *d, const Layout *l, const uint32_t *list, uint32_t count)
{
	buf_str(b, "  (loop $again\n    (local.set $word (call $mewe.word))\n");
	for (uint32_t i = 0, at = 0; i < count; i++) {
		uint32_t n = d->d[list[i]].n, p = width(n);
		buf_printf(b, "    (br_if $again (i32.lt_u (i32.and (i32.const %u) ", (1u << p) - 1);
		put_product(b, n, at);
		buf_printf(b, ") (i32.const %u)))\n", (1u << p) % n);
		at += p;
	}
	buf_str(b, "  )\n");
	for (uint32_t i = 0, at = 0; i < count; i++) {
		uint32_t n = d->d[list[i]].n;
		buf_str(b, "  (local.set $vector (i64.or (local.get $vector) (i64.shl (i64.extend_i32_u (i32.shr_u ");
		put_product(b, n, at);
		buf_printf(b, " (i32.const %u))) (i64.const %u))))\n", width(n), l->field[list[i]].shift);
		at += width(n);
	}
}

/* One field as the discriminator draws it: the host, or nobody. */
static void put_drawn(Buf *b, const Dispatcher *d, const Field *f)
{
	buf_str(b, "  (local.set $vector (i64.or (local.get $vector) (i64.shl (i64.extend_i32_u\n");
	buf_printf(b, "    (call $mewe.draw (i32.const %u) (i32.const %u))) (i64.const %u))))\n", d->id, d->n, f->shift);
}

/* The words of these fields, each put together in a local. */
static void put_words(Buf *b, const Shape *s, const Dispatchers *d, const Layout *l, const uint32_t *list, uint32_t n)
{
	bool drawn = s->discriminator == MEWE_HOST || s->discriminator == MEWE_NONE;
	for (uint32_t i = 0, to; i < n; i = to) {
		const Field *f = &l->field[list[i]];
		if (f->shift == 0)
			buf_str(b, "  (local.set $vector (i64.const 0))\n");
		to = drawn ? i + 1 : group_end(d, l, list, i, n);
		if (drawn)
			put_drawn(b, &d->d[list[i]], f);
		else
			put_group(b, d, l, list + i, to - i);
		if (to == n || l->field[list[to]].word != f->word)
			buf_printf(b, "  (global.set $mewe.vector.%u (local.get $vector))\n", f->word);
	}
}

/* How many bits a request needs of a word that serves several: where they are few, and dear, and their generator is not forgotten in
 * between. 0: it serves one. */
static uint32_t shared_bits(const Shape *s, const Dispatchers *d, const Layout *l)
{
	uint32_t bits = 0;
	for (uint32_t i = 0; i < d->n; i++) {
		if (!raw(s, d->d[i].n))
			return 0;
		bits += l->field[i].bits;
	}
	return (s->discriminator != MEWE_CHACHA && s->discriminator != MEWE_FIXED) || forgets(s) || bits > 31 ? 0 : bits;
}

/* The word at $at of the generator's block, selected by its bits from the highest down. */
static void put_selected(Buf *b, uint32_t first, uint32_t n)
{
	if (n == 1) {
		buf_printf(b, "(global.get $mewe.word.%u) ", first);
		return;
	}
	buf_str(b, "(select ");
	put_selected(b, first + n / 2, n / 2);
	put_selected(b, first, n / 2);
	buf_printf(b, "(i32.and (local.get $at) (i32.const %u))) ", n / 2);
}

/* A word, which is to follow with two parentheses, with a 1 above its last bits that serve. */
static void put_ended(Buf *b, uint32_t bits)
{
	uint64_t end = UINT64_C(1) << 63 / bits * bits;
	buf_printf(b, "(i64.or (i64.const %" PRId64 ") (i64.and (i64.const %" PRIu64 ") ", (int64_t)end, end - 1);
}

/* The next bits of that word, which ends with a 1 above the last of them; 0 is what it is before the first request. When it is used up
 * the next one is taken at once, so that a request's first choice, which comes soon, never waits for it to be selected; and it is selected
 * and not jumped to, since that is every few times, and where choices made jumps unforeseeable, such a jump can't be foreseen either. */
static void put_shared(Buf *b, uint32_t bits)
{
	buf_str(b, "  (if (i64.eqz (local.tee $word (global.get $mewe.spare))) (then (local.set $word ");
	put_ended(b, bits);
	buf_str(b, "(call $mewe.word))))))\n");
	buf_printf(b, "  (global.set $mewe.vector.0 (i64.and (local.get $word) (i64.const %" PRIu64 ")))\n", (UINT64_C(1) << bits) - 1);
	buf_str(b, "  (local.set $need (i64.eq (i64.const 1) (local.tee $word (i64.shr_u (local.get $word) ");
	buf_printf(b, "(i64.const %u)))))\n", bits);
	buf_str(b, "  (if (i32.and (local.get $need) (i32.eq (global.get $mewe.at) (i32.const 8))) (then (call $mewe.fill)))\n");
	buf_str(b, "  (local.set $at (global.get $mewe.at))\n  (global.set $mewe.at (i32.add (local.get $at) (local.get $need)))\n");
	buf_str(b, "  (global.set $mewe.spare (select ");
	put_ended(b, bits);
	put_selected(b, 0, 8);
	buf_str(b, ")) (local.get $word) (local.get $need)))\n");
}

/* A new choice vector. A word of raw fields is a random word. */
static void put_vector(Buf *b, const Shape *s, const Dispatchers *d, const Layout *l)
{
	uint32_t *list = xalloc(d->n * sizeof *list), n = 0, shared = shared_bits(s, d, l);
	if (shared)
		put_shared(b, shared);
	for (uint32_t i = 0; i < d->n; i++) {
		if (!raw(s, d->d[i].n))
			list[n++] = i;
		else if (l->field[i].shift == 0 && !shared)
			buf_printf(b, "  (global.set $mewe.vector.%u (call $mewe.word))\n", l->field[i].word);
	}
	put_words(b, s, d, l, list, n);
	for (uint32_t i = 0; i < l->nseen; i++)
		buf_printf(b, "  (global.set $mewe.seen.%u (i64.const 0))\n", i);
	free(list);
}

/* mewe.renew: what every request begins with. */
static void put_renew(Buf *b, const Shape *s, const Dispatchers *d, const Layout *l)
{
	if (shape_vector(s)) {
		put_globals(b, "vector", l->nwords);
		if (shared_bits(s, d, l))
			buf_str(b, "(global $mewe.spare (mut i64) (i64.const 0))\n");
	}
	buf_str(b, "(func $mewe.renew\n  (local $word i64)\n  (local $vector i64)\n  (local $at i32)\n  (local $need i32)\n");
	if (s->gated)
		buf_str(b, "  (if (i32.eqz (global.get $mewe.live)) (then (return)))\n");
	if (forgets(s))
		buf_str(b, "  (call $mewe.forget)\n");
	if (shape_vector(s))
		put_vector(b, s, d, l);
	buf_str(b, ")\n");
}

/* mewe.first: is this dispatcher's choice to be counted? At each call; of a request, at the first. */
static void put_first(Buf *b, const Shape *s, const Layout *l)
{
	bool request = shape_vector(s);
	buf_str(b, "(func $mewe.first (param $d i32) (result i32)\n  (local $bit i64)\n  (local $first i32)\n");
	buf_str(b, "  (local.set $bit (i64.shl (i64.const 1) (i64.extend_i32_u (local.get $d))))\n");
	buf_str(b, "  (local.set $first (i32.const 1))\n  (block $out\n");
	for (uint32_t i = l->nseen; i-- > 0;)
		buf_printf(b, "(block $%u ", i);
	buf_str(b, "\n    (br_table ");
	for (uint32_t i = 0; i < l->nseen; i++)
		buf_printf(b, "$%u ", i);
	buf_str(b, "$out (i32.shr_u (local.get $d) (i32.const 6)))\n");
	for (uint32_t i = 0; i < l->nseen; i++) {
		buf_printf(b, "    )\n    (if (i64.eqz (i64.and (global.get $mewe.ran.%u) (local.get $bit)))\n", i);
		buf_str(b, "      (then (global.set $mewe.executed (i64.add (global.get $mewe.executed) (i64.const 1)))))\n");
		buf_printf(b, "    (global.set $mewe.ran.%u (i64.or (global.get $mewe.ran.%u) (local.get $bit)))\n", i, i);
		if (request) {
			buf_printf(b, "    (local.set $first (i64.eqz (i64.and (global.get $mewe.seen.%u) (local.get $bit))))\n", i);
			buf_printf(b, "    (global.set $mewe.seen.%u (i64.or (global.get $mewe.seen.%u) (local.get $bit)))\n", i, i);
		}
		buf_str(b, "    (br $out)\n");
	}
	buf_str(b, "  )\n  (local.get $first))\n");
}

static void put_trace(Buf *b, const Shape *s, const Dispatchers *d, const Layout *l)
{
	bool request = shape_vector(s);
	buf_str(b, mewe_wat_trace);
	buf_str(b, s->trace == MEWE_TRACE_FULL ? mewe_wat_trace_full : mewe_wat_trace_hash);
	put_globals(b, "ran", l->nseen);
	if (request)
		put_globals(b, "seen", l->nseen);
	put_first(b, s, l);
	buf_str(b, "(func $mewe.clear\n");
	for (uint32_t i = 0; i < l->nseen; i++) {
		buf_printf(b, "  (global.set $mewe.ran.%u (i64.const 0))\n", i);
		if (request)
			buf_printf(b, "  (global.set $mewe.seen.%u (i64.const 0))\n", i);
	}
	if (d && forgets(s))
		buf_str(b, "  (call $mewe.forget)\n");
	buf_str(b, ")\n");
}

char *discriminator_text(const Shape *s, const Dispatchers *d)
{
	Layout l = layout_of(s, d);
	Buf b = {0};
	buf_str(&b, "(module\n");
	if (d)
		put_discriminator(&b, s); /* first: imports must be; and Binaryen wants globals before their use */
	buf_str(&b, "(memory 1)\n");
	if (d && s->gated)
		buf_str(&b, "(global $mewe.live (mut i32) (i32.const 0))\n");
	else if (s->trace != MEWE_TRACE_OFF)
		buf_str(&b, "(global $mewe.live i32 (i32.const 1))\n");
	if (d && s->gated && s->dispatch == MEWE_CALL && !shape_pooled(s))
		buf_str(&b, mewe_wat_gate);
	if (discriminator_renews(s, d))
		put_renew(&b, s, d, &l);
	if (s->trace != MEWE_TRACE_OFF)
		put_trace(&b, s, d, &l);
	buf_str(&b, ")\n");
	buf_u8(&b, 0);
	free(l.field);
	return (char *)buf_bytes(&b).p;
}
