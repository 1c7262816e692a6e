/* diversify_manifest.c - what standalone variants are made of.
 * In: the modules that were made. Out: their manifest as JSON, and the counts for people. Must hold: with the input and the
 * options that it names, the manifest says enough to make each module again and to check what each function in it was proved by;
 * nothing in it depends on the machine, the time, or the folder. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "diversify.h"

char *diversify_name(const Diversify *d, uint32_t n) { return xprintf("%s.%04u.wasm", d->stem, n); }

/* The mean comes from how often each body occurs: functions are alike in as many pairs as there are of modules with one body. */
Distance diversify_distance(const Diversify *d)
{
	const uint16_t *hand = d->hand + d->ndeck;
	Distance all = {.least = d->n > 1 ? d->ndeck : 0}; /* one module alone has none */
	double pairs = d->n * (d->n - 1.0) / 2, alike = 0;
	for (uint32_t f = 0; f < d->ndeck; f++) {
		uint32_t *seen = xalloc(d->deck[f].n * sizeof *seen);
		for (uint32_t i = 0; i < d->n; i++)
			alike += seen[hand[(size_t)i * d->ndeck + f]]++;
		free(seen);
	}
	for (uint32_t i = 0; i < d->n; i++) {
		for (uint32_t j = 0; j < i; j++) {
			const uint16_t *x = hand + (size_t)i * d->ndeck, *y = hand + (size_t)j * d->ndeck;
			uint32_t differ = 0;
			for (uint32_t f = 0; f < d->ndeck; f++)
				differ += x[f] != y[f];
			all.least = differ < all.least ? differ : all.least;
		}
	}
	all.mean = pairs > 0 ? d->ndeck - alike / pairs : 0;
	return all;
}

static json_t *hex(const uint8_t *p, size_t n)
{
	Buf b = {0};
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%02x", p[i]);
	json_t *s = json_stringn((const char *)b.p, b.n);
	buf_free(&b);
	return s;
}

/* A name is anybody's; one that is no UTF-8 can't be in JSON. */
static json_t *json_name(const char *s)
{
	json_t *j = json_string(s);
	return j ? j : json_string("?");
}

static json_t *json_digest(Digest d) { return json_sprintf("%016" PRIx64, d.a); } /* as in the ledger */

static json_t *json_input(const Diversify *d)
{
	Sha256 digest;
	const char *slash = strrchr(d->b.file, '/');
	crypto_hash_sha256(digest, d->b.in, d->b.nin);
	return json_pack("{s:o, s:o, s:I}", "name", json_name(slash ? slash + 1 : d->b.file), "sha256", hex(digest, sizeof digest), "functions",
	                 (json_int_t)d->norig);
}

static json_t *json_options(const Options *o)
{
	json_t *accept = json_array();
	for (Verdict v = V_NEW; v <= V_TESTED; v++)
		if (o->accept >> v & 1)
			json_array_append_new(accept, json_string(verdict_name(v)));
	return json_pack("{s:s, s:i, s:o, s:o, s:o}", "strategy", o->strategies, "variants", (int)o->variants, "functions",
	                 o->functions ? json_name(o->functions) : json_null(), "accept", accept, "seed",
	                 json_sprintf("%" PRIu64, o->seed)); /* a string: JSON's readers round large numbers */
}

static json_t *json_body(const Diversify *d, const Choice *c)
{
	if (c->row == NONE)
		return json_pack("{s:s, s:o}", "strategy", "original", "code", json_digest(c->code));
	const Variant *v = &d->b.variants.v[c->row];
	return json_pack("{s:s, s:s, s:i, s:i, s:o, s:s, s:I, s:o, s:i}", "strategy", v->strategy->name, "rule", v->rule, "site",
	                 (int)d->b.sites.site[v->site].index, "n", (int)v->n, "seed", json_sprintf("%016" PRIx64, v->seed), "verdict",
	                 verdict_name(v->verdict), "solver_work", (json_int_t)v->work, "code", json_digest(c->code), "bytes", (int)v->bytes);
}

static json_t *json_functions(const Diversify *d)
{
	json_t *all = json_array();
	for (uint32_t i = 0; i < d->ndeck; i++) {
		const Deck *k = &d->deck[i];
		json_t *bodies = json_array();
		for (uint32_t j = 0; j < k->n; j++)
			json_array_append_new(bodies, json_body(d, &k->body[j]));
		json_array_append_new(all, json_pack("{s:i, s:o, s:o}", "ordinal", (int)k->func, "name", json_name(k->body[0].body.name),
		                                     "bodies", bodies));
	}
	return all;
}

static json_t *json_modules(const Diversify *d)
{
	json_t *all = json_array();
	for (uint32_t i = 1; i <= d->n; i++) {
		json_t *bodies = json_array();
		for (uint32_t f = 0; f < d->ndeck; f++)
			json_array_append_new(bodies, json_integer(d->hand[(size_t)i * d->ndeck + f]));
		char *name = diversify_name(d, i);
		json_array_append_new(all, json_pack("{s:o, s:o, s:o, s:o}", "file", json_name(name), "sha256",
		                                     hex(d->sha256[i], sizeof d->sha256[i]), "code", json_digest(d->code[i]), "bodies", bodies));
		free(name);
	}
	return all;
}

Bytes diversify_manifest(const Diversify *d)
{
	Distance far = diversify_distance(d);
	json_t *distance = json_pack("{s:I, s:f}", "least", (json_int_t)far.least, "mean", far.mean);
	json_t *root = json_pack("{s:i, s:o, s:o, s:s, s:o, s:o, s:o}", "version", 1, "input", json_input(d), "options", json_options(d->b.o),
	                         "engine", survive_engine(), "distance", distance, "functions", json_functions(d), "modules", json_modules(d));
	char *s = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	Buf b = {0};
	buf_printf(&b, "%s\n", s);
	free(s);
	json_decref(root);
	return buf_bytes(&b);
}

Bytes diversify_summary(const Diversify *d)
{
	Distance far = diversify_distance(d);
	uint32_t bodies = 0;
	Buf b = {0};
	for (uint32_t i = 0; i < d->ndeck; i++)
		bodies += d->deck[i].n;
	buf_printf(&b, "functions   %u, of which %u have variants: %u bodies, the originals counted\n", d->norig, d->ndeck, bodies);
	buf_printf(&b, "modules     %u, all different in machine code (%s)\n", d->n, survive_engine());
	if (d->n > 1)
		buf_printf(&b, "distance    two of them differ in %.1f functions on average, in %u at least\n", far.mean, far.least);
	return buf_bytes(&b);
}
