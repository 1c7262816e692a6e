/* survival.c - which bodies of a multivariant module are still different when other engines have compiled them.
 * In: a module that `mewe build` made, and its ledger. Out: a CSV line for each body of each dispatcher, with digests by engine;
 * rows of the one schema (results/README.md): counts by engine, and by engine and strategy.
 * Must hold: bodies are found in the binary by their shape; the ledger only says where they come from. What an engine that is not
 * here would say stays empty. */
#define _GNU_SOURCE
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "../mewe/engine.h"
#include "measure.h"

enum { OPT_LEDGER = 1000, OPT_SERVICE, OPT_PROFILE, OPT_CONFIG, ENGINES = 4 };

static const struct argp_option options[] = {
	{"ledger", OPT_LEDGER, "FILE", 0, "where the bodies come from: the ledger of the build", 0},
	{"output", 'o', "FILE", 0, "write the rows there", 0},
	{"bodies", 'b', "FILE", 0, "write the bodies there (default: standard output)", 0},
	{"service", OPT_SERVICE, "NAME", 0, "for the rows", 0},
	{"profile", OPT_PROFILE, "NAME", 0, "for the rows", 0},
	{"config", OPT_CONFIG, "NAME", 0, "for the rows (default call)", 0},
	{0},
};

typedef struct Engine {
	const char *name, *runtime;
	Maker maker;
	bool here;
	char *version;
	Code *code;                    /* of each function that the module defines */
} Engine;

/* One body of a dispatcher. */
typedef struct Slot {
	uint32_t dispatcher, place, ordinal;
	const LedgerRow *row;          /* NULL: the original, or unknown */
	bool fresh[ENGINES], shape[ENGINES]; /* none at an earlier place of the dispatcher has the same code, or shape */
} Slot;

typedef struct Survival {
	const char *path, *ledger, *out, *bodies, *config;
	Rows rows;
	Bytes wasm;
	Mod *mod;
	Ledger l;
	Engine engine[ENGINES];
	Slot *slot;
	uint32_t n, cap, ndispatchers;
} Survival;

static error_t opt(int key, char *arg, struct argp_state *st)
{
	Survival *s = st->input;
	switch (key) {
	case 'o': s->out = arg; break;
	case 'b': s->bodies = arg; break;
	case OPT_LEDGER: s->ledger = arg; break;
	case OPT_SERVICE: s->rows.service = arg; break;
	case OPT_PROFILE: s->rows.profile = arg; break;
	case OPT_CONFIG: s->config = arg; break;
	case ARGP_KEY_ARG:
		if (s->path)
			argp_error(st, "one module is wanted");
		s->path = arg;
		break;
	case ARGP_KEY_END:
		if (!s->path)
			argp_error(st, "a module is wanted");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- engines ---- */

static void compile(Engine *e, const char *path, const Bytes *wasm)
{
	Err err = {0};
	if (e->maker == MAKER_V8) {
		e->here = v8_code(path, wasm, &e->code, &e->version);
	} else if (e->here) {
		check(code_module(e->maker, true, path, wasm->p, wasm->n, NULL, &e->code, &err), &err);
		e->version = xstrdup(WASMTIME_VERSION);
	} else {
		e->version = xstrdup("this Wasmtime has no such compiler");
	}
	if (!e->here)
		fprintf(stderr, "survival: %s: not here: %s\n", e->name, e->version);
}

/* ---- bodies ---- */

static const LedgerRow *row_of(const Ledger *l, uint32_t ordinal, uint32_t place)
{
	for (uint32_t i = 0; i < l->n && place > 0; i++)
		if (l->row[i].kept && l->row[i].ordinal == ordinal && l->row[i].place == place)
			return &l->row[i];
	return NULL;
}

static void find_bodies(Survival *s)
{
	Founds f;
	Err e = {0};
	check(shape_find(s->mod, &f, &e), &e);
	for (uint32_t i = 0; i < f.n; i++) {
		for (uint32_t k = 0; k < f.f[i].n; k++) {
			Slot p = {.dispatcher = f.f[i].func, .place = k, .ordinal = f.f[i].variant[k], .row = row_of(&s->l, f.f[i].func, k)};
			if (s->ledger && k > 0 && !p.row)
				die(MEWE_BAD, "%s: it does not know place %u of function %u: it is another build's", s->ledger, k, f.f[i].func);
			PUSH(s->slot, s->n, s->cap, p);
		}
	}
	s->ndispatchers = f.n;
	shape_free(&f);
}

static void compare(Survival *s, uint32_t engine)
{
	const Engine *e = &s->engine[engine];
	for (uint32_t i = 0; i < s->n && e->here; i++) {
		Slot *p = &s->slot[i];
		p->fresh[engine] = p->shape[engine] = true;
		for (uint32_t j = i - p->place; j < i; j++) {
			const Code *a = &e->code[p->ordinal], *b = &e->code[s->slot[j].ordinal];
			p->fresh[engine] &= !digest_eq(a->code, b->code);
			p->shape[engine] &= !digest_eq(a->shape, b->shape);
		}
	}
}

static const char *strategy_of(const Slot *p)
{
	return p->place == 0 ? "original" : p->row ? p->row->strategy : "unknown";
}

static void put_text(Buf *b, const char *s)
{
	if (!strpbrk(s, ",\"\n")) {
		buf_str(b, s);
		return;
	}
	buf_u8(b, '"');
	for (; *s; s++) {
		if (*s == '"')
			buf_u8(b, '"');
		buf_u8(b, *s);
	}
	buf_u8(b, '"');
}

static void put_digest(Buf *b, const Engine *e, Digest d)
{
	static const Digest none;
	buf_u8(b, ',');
	if (e->here && !digest_eq(d, none))
		buf_printf(b, "%016" PRIx64 "%016" PRIx64, d.a, d.b);
}

static void write_bodies(const Survival *s)
{
	Buf b = {0};
	Err e = {0};
	buf_str(&b, "service,function,ordinal,place,body,strategy,rule");
	for (uint32_t k = 0; k < ENGINES; k++)
		buf_printf(&b, ",%s,%s_shape", s->engine[k].runtime, s->engine[k].runtime);
	buf_u8(&b, '\n');
	for (uint32_t i = 0; i < s->n; i++) {
		const Slot *p = &s->slot[i];
		buf_printf(&b, "%s,", s->rows.service);
		put_text(&b, s->mod->func[p->dispatcher].name);
		buf_printf(&b, ",%u,%u,%u,%s,", p->dispatcher, p->place, p->ordinal, strategy_of(p));
		put_text(&b, p->row ? p->row->rule : "");
		for (uint32_t k = 0; k < ENGINES; k++) {
			const Code *c = s->engine[k].here ? &s->engine[k].code[p->ordinal] : &(Code){0};
			put_digest(&b, &s->engine[k], c->code);
			put_digest(&b, &s->engine[k], c->shape);
		}
		buf_u8(&b, '\n');
	}
	check(file_write(s->bodies, b.p, b.n, &e), &e);
	buf_free(&b);
}

/* ---- rows ---- */

typedef struct Counts {
	uint64_t bodies, distinct, shapes, preserved;
} Counts;

/* Of the bodies from this strategy, or of all. Only variants are preserved, but originals are distinct, too. */
static Counts count(const Survival *s, uint32_t engine, const char *strategy)
{
	const Engine *e = &s->engine[engine];
	Counts n = {0};
	for (uint32_t i = 0; i < s->n; i++) {
		const Slot *p = &s->slot[i];
		if (strategy && strcmp(strategy_of(p), strategy) != 0)
			continue;
		n.bodies++;
		n.distinct += p->fresh[engine];
		n.shapes += p->shape[engine];
		n.preserved += !digest_eq(e->code[p->ordinal].code, e->code[s->slot[i - p->place].ordinal].code);
	}
	return n;
}

/* The strategies of the variants, each once, by rising name. */
static uint32_t strategies(const Survival *s, const char **out, uint32_t max)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		const char *name = strategy_of(&s->slot[i]);
		uint32_t k = 0;
		if (s->slot[i].place == 0)
			continue;
		while (k < n && strcmp(out[k], name) < 0)
			k++;
		if (n == max || (k < n && strcmp(out[k], name) == 0))
			continue;
		memmove(out + k + 1, out + k, (n++ - k) * sizeof *out);
		out[k] = name;
	}
	return n;
}

static void put_rows(Survival *s, uint32_t engine, const char *strategy)
{
	Rows *r = &s->rows;
	Counts n = count(s, engine, strategy);
	bool shaped = s->engine[engine].maker != MAKER_AARCH64;
	if (!strategy)
		rows_int(r, "dispatchers", s->ndispatchers);
	rows_int(r, strategy ? "kept" : "variants", n.bodies);
	rows_int(r, "distinct", n.distinct);
	if (shaped)
		rows_int(r, "distinct_shape", n.shapes);
	rows_int(r, "preserved", n.preserved);
}

static void write_rows(Survival *s)
{
	const char *name[STRATEGIES_MAX];
	uint32_t n = strategies(s, name, LEN(name));
	Rows *r = &s->rows;
	Buf all = {0};
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&all, i ? "+%s" : "%s", name[i]);
	buf_u8(&all, 0);
	rows_begin(r);
	snprintf(r->module, sizeof r->module, "%016" PRIx64, digest(s->wasm.p, s->wasm.n).a);
	r->build = "multivariant";
	r->phase = "static";
	for (uint32_t k = 0; k < ENGINES; k++) {
		if (!s->engine[k].here)
			continue;
		r->runtime = s->engine[k].runtime;
		r->runtime_version = s->engine[k].version;
		r->config = s->config;
		r->strategy = (const char *)all.p;
		put_rows(s, k, NULL);
		r->config = "by-strategy";
		for (uint32_t i = 0; i < n; i++) {
			r->strategy = name[i];
			put_rows(s, k, name[i]);
		}
	}
	rows_end(r, s->out);
	buf_free(&all);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {options, opt, "MULTIVARIANT.wasm",
		"Compile a multivariant module with each engine that is here, and tell which of its bodies stay different.", 0, 0, 0};
	Survival s = {.bodies = "-", .config = "call", .rows = {.service = "", .profile = "", .input = "none"},
	              .engine = {{.name = "Cranelift, x86-64", .runtime = "wasmtime-cranelift", .maker = MAKER_CRANELIFT},
	                         {.name = "Winch, x86-64", .runtime = "wasmtime-winch", .maker = MAKER_WINCH},
	                         {.name = "V8, x86-64", .runtime = "node-v8", .maker = MAKER_V8},
	                         {.name = "Cranelift, AArch64", .runtime = "wasmtime-cranelift-aarch64", .maker = MAKER_AARCH64}}};
	Err e = {0};
	argp_err_exit_status = MEWE_BAD;
	argp_parse(&argp, argc, argv, 0, 0, &s);
	check(file_read(s.path, &s.wasm, &e), &e);
	check(read_module(s.path, s.wasm.p, s.wasm.n, &s.mod, &e), &e);
	if (s.ledger)
		s.l = ledger_read(s.ledger);
	find_bodies(&s);
	for (uint32_t k = 0; k < ENGINES; k++) /* before there are threads */
		s.engine[k].here = s.engine[k].maker != MAKER_V8 && engine_present(s.engine[k].maker);
	for (uint32_t k = 0; k < ENGINES; k++) {
		compile(&s.engine[k], s.path, &s.wasm);
		compare(&s, k);
	}
	write_bodies(&s);
	if (s.out)
		write_rows(&s);
	for (uint32_t k = 0; k < ENGINES; k++) {
		free(s.engine[k].code);
		free(s.engine[k].version);
	}
	free(s.slot);
	ledger_free(&s.l);
	read_free(s.mod);
	free(s.wasm.p);
	return 0;
}
