/* inspect.c - what a module holds: functions, dispatchers, bodies and how many of those are different machine code.
 * In: a binary; perhaps an input for one traced run. Out: a table, JSON, or Graphviz text. Must hold: what is said comes from
 * the code and from the run; only the strategies' names are taken from the custom section, and "unknown" where it does not fit. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "fork.h"
#include "graph.h"
#include "section.h"

/* One dispatcher, or region where a choice is made, with what the run and the custom section say of it. */
typedef struct Row {
	uint32_t func, n;
	const Found *f;                       /* NULL: a region */
	uint32_t distinct, distinct_shape;
	uint64_t executed;
	json_t *strategies;
} Row;

/* The paper's counts over the functions that one run has entered. */
typedef struct Counts {
	uint64_t length, choices;
	uint32_t functions, dispatchers;      /* #F, #D */
	uint32_t plain;                       /* #Non-D: functions entered in which nothing is chosen */
	uint64_t variants, variants_paper;    /* #V: bodies, and the paper's way, which counts the original twice */
	double paths_paper, paths_exact_log2;
} Counts;

typedef struct Inspect {
	Mod *m;
	Founds found;
	Code *code;
	ForkCodes regions;
	Row *row;
	uint32_t nrow;
	double ways;                          /* log10 of the paths through the call graph */
	bool ran;
	Counts counts;
} Inspect;

/* ---- the custom section --------------------------------------------------------------------------------------------------- */

/* The last custom section `mewe` as JSON, or NULL. */
static json_t *hint(const uint8_t *wasm, size_t n)
{
	Part file = section_file(wasm, n), body;
	json_t *found = NULL;
	uint8_t id;
	while (section_next(&file, &id, &body)) {
		if (id != S_CUSTOM || body.end - body.p < 5 || memcmp(body.p, "\4mewe", 5) != 0)
			continue;
		json_decref(found);
		found = json_loadb((const char *)body.p + 5, body.end - body.p - 5, 0, NULL);
	}
	return found;
}

/* A name as strategies have; anything else could be a letter to the terminal. */
static bool is_word(const json_t *name)
{
	const char *s = json_string_value(name);
	return s && *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == 0;
}

/* The names in a dispatcher's hint, each once, in order of appearance; "unknown" when it has another number of bodies. */
static json_t *strategies(json_t *d, uint32_t n)
{
	json_t *v, *names = json_array(), *had, *vs = json_object_get(d, "variants");
	size_t k, j;
	json_array_foreach(vs, k, v) {
		json_t *name = json_object_get(v, "strategy");
		bool known = !is_word(name) || json_array_size(vs) + 1 != n;
		json_array_foreach(names, j, had)
			known |= json_equal(had, name);
		if (!known)
			json_array_append(names, name);
	}
	if (json_array_size(names) > 0)
		return names;
	json_decref(names);
	return json_string("unknown");
}

/* Hints and dispatchers come in the same order; each hint has its dispatcher's ordinal. */
static void take_hint(Inspect *in, json_t *all)
{
	json_t *list = json_object_get(all, "dispatchers");
	for (uint32_t k = 0; k < in->nrow; k++) {
		json_t *d = json_array_get(list, k), *ordinal = json_object_get(d, "ordinal");
		bool fits = json_is_integer(ordinal) && json_integer_value(ordinal) == in->row[k].func;
		in->row[k].strategies = strategies(fits ? d : NULL, in->row[k].n);
	}
}

/* ---- machine code ------------------------------------------------------------------------------------------------------------ */

static uint32_t distinct(const Code *code, const bool *gone, uint32_t n, bool shape)
{
	uint32_t different = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = 0;
		while (k < i && !digest_eq(shape ? code[i].shape : code[i].code, shape ? code[k].shape : code[k].code))
			k++;
		different += k == i && !(gone && gone[i]);
	}
	return different;
}

static Row row_of(uint32_t func, const Found *f, const Code *code, const bool *gone, uint32_t n)
{
	return (Row){.func = func, .n = n, .f = f, .distinct = distinct(code, gone, n, false), .distinct_shape = distinct(code, gone, n, true)};
}

/* A module has dispatchers or regions. */
static int take_code(Inspect *in, const char *file, const uint8_t *wasm, size_t n, Err *e)
{
	int code = survive_code(file, wasm, n, NULL, &in->code, e);
	if (!code && in->found.n == 0)
		code = fork_code(file, in->m, &fork_any, NULL, &in->regions, e);
	if (code)
		return code;
	in->nrow = in->found.n + in->regions.n;
	in->row = xalloc(in->nrow * sizeof *in->row);
	for (uint32_t i = 0; i < in->found.n; i++) {
		const Found *f = &in->found.f[i];
		Code *own = xalloc(f->n * sizeof *own);
		for (uint32_t k = 0; k < f->n; k++)
			own[k] = in->code[f->variant[k]];
		in->row[i] = row_of(f->func, f, own, NULL, f->n);
		free(own);
	}
	for (uint32_t i = 0; i < in->regions.n; i++) {
		const ForkCode *f = &in->regions.f[i];
		in->row[i] = row_of(f->func, NULL, f->code, f->gone, f->n);
	}
	return 0;
}

/* ---- one traced run -------------------------------------------------------------------------------------------------------- */

static int traced_run(const char *file, const uint8_t *wasm, size_t n, const HostOptions *o, HostTrace *out, Err *e)
{
	Host *h = NULL;
	Instance *i = NULL;
	int exit_code, code = host_open(file, wasm, n, &h, e);
	if (!code)
		code = host_instance(h, o, &i, e);
	if (!code)
		code = host_call(i, "_start", NULL, 0, NULL, 0, &exit_code, e);
	if (!code)
		code = host_trace(i, out, e);
	if (i)
		host_drop(i);
	host_close(h);
	return code;
}

/* A region's alternatives multiply the bodies of its function. */
static void count_row(Counts *c, const Row *r, double *weight)
{
	if (r->executed == 0)
		return;
	c->plain -= weight[r->func] == 1;
	weight[r->func] = r->f ? r->n + 1 : weight[r->func] * r->n;
	c->dispatchers++;
	c->variants += r->n;
	c->variants_paper += r->n + 1;
}

static void count(Inspect *in, const HostTrace *t)
{
	Counts *c = &in->counts;
	uint32_t n = in->m->nfunc, nfunc = 0;
	double *weight = xalloc(n * sizeof *weight);
	uint32_t *func = xalloc(t->nid * sizeof *func), *entered = xalloc(n * sizeof *entered);
	for (uint64_t i = 0; i < t->nid; i++) {
		if (t->id[i] & TRACE_REGION) {
			in->row[(t->id[i] & ~TRACE_REGION) >> 12].executed++;
			continue;
		}
		func[nfunc] = t->id[i] >> 12;
		entered[func[nfunc++]] += (t->id[i] & 0xfff) == 0;
	}
	*c = (Counts){.length = t->length, .choices = t->choices, .paths_exact_log2 = t->bits};
	for (uint32_t i = 0; i < n; i++) {
		weight[i] = 1;
		c->functions += entered[i] > 0;
	}
	c->plain = c->functions;
	for (uint32_t i = 0; i < in->nrow; i++) {
		if (in->row[i].f)
			in->row[i].executed = entered[in->row[i].func];
		count_row(c, &in->row[i], weight);
	}
	c->paths_paper = graph_paths(func, nfunc, weight, n);
	in->ran = true;
	free(weight);
	free(func);
	free(entered);
}

/* Are the ids those of this module's functions and regions, and are they all there? */
static int check_ids(const Inspect *in, const char *file, const HostTrace *t, Err *e)
{
	uint64_t entries = 0;
	for (uint64_t i = 0; i < t->nid; i++) {
		bool region = t->id[i] & TRACE_REGION;
		uint32_t what = (t->id[i] & ~TRACE_REGION) >> 12;
		if (what >= (region ? in->regions.n : in->m->nfunc))
			return err_set(e, MEWE_BAD, "%s: its trace names %s %u, which it does not have: the guest has overwritten it", file,
			               region ? "region" : "function", what);
		entries += !region;
	}
	if (entries != t->length)
		return err_set(e, MEWE_BAD, "%s: its trace has %llu ids of %llu: its memory can't grow; use a shorter input", file,
		               (unsigned long long)entries, (unsigned long long)t->length);
	return 0;
}

static int run(Inspect *in, const char *file, const uint8_t *wasm, size_t n, const uint8_t *input, size_t ninput, Err *e)
{
	HostOptions o = {.input = input, .ninput = ninput, .seeded = true, .fix_guest = true};
	HostTrace t = {0};
	bool start = false, full = false;
	for (uint32_t i = 0; i < in->m->scan.nexports; i++) {
		start |= strcmp(in->m->scan.exports[i].name, "_start") == 0;
		full |= strcmp(in->m->scan.exports[i].name, "mewe.trace") == 0;
	}
	if (!full)
		return err_set(e, MEWE_BAD, "%s: it keeps no trace to count in; build it with --trace full", file);
	if (!start)
		return err_set(e, MEWE_BAD, "%s: it is no command (it exports no _start), so there is nothing to give an input to", file);
	int code = traced_run(file, wasm, n, &o, &t, e);
	if (!code)
		code = check_ids(in, file, &t, e);
	if (!code)
		count(in, &t);
	free(t.id);
	return code;
}

/* ---- output ------------------------------------------------------------------------------------------------------------------ */

static void put_strategies(Buf *b, const json_t *s)
{
	size_t i;
	json_t *name;
	if (json_is_string(s))
		buf_str(b, json_string_value(s));
	json_array_foreach(s, i, name)
		buf_printf(b, "%s%s", i ? "," : "", json_string_value(name));
}

static void put_row(Buf *b, const Inspect *in, const Row *r)
{
	buf_printf(b, " %8u %8u %6u ", r->n, r->distinct, r->distinct_shape);
	if (in->ran)
		buf_printf(b, "%8llu  ", (unsigned long long)r->executed);
	else
		buf_printf(b, "%8s  ", "-");
	put_strategies(b, r->strategies);
}

static void put_counts(Buf *b, const Counts *c)
{
	buf_printf(b, "\none run     %llu entries, %llu choices\n", (unsigned long long)c->length, (unsigned long long)c->choices);
	buf_printf(b, "executed    #F %u, #D %u, #Non-D %u, #V %llu (%llu as the paper counts)\n", c->functions, c->dispatchers,
	           c->plain, (unsigned long long)c->variants, (unsigned long long)c->variants_paper);
	buf_printf(b, "paths       %.17g as the paper counts; 2^%.4g choices taken together\n", c->paths_paper, c->paths_exact_log2);
}

static Bytes text(const Inspect *in)
{
	Buf b = {0};
	int width = 8;
	for (uint32_t i = 0; i < in->m->nfunc; i++)
		width = strlen(in->m->func[i].name) > (size_t)width ? (int)strlen(in->m->func[i].name) : width;
	width = width > 48 ? 48 : width;
	buf_printf(&b, "functions   %u, of which %u dispatchers\n", in->m->nfunc, in->found.n);
	if (in->regions.n)
		buf_printf(&b, "regions     %u\n", in->regions.n);
	buf_printf(&b, "call graph  10^%.4g paths from what a host can enter\n\n", in->ways);
	buf_printf(&b, "%6s  %-*s %7s %8s %8s %8s %6s %8s  %s\n", "index", width, "function", "insns", "bytes", "variants", "distinct", "shape",
	           "executed", "strategies");
	for (uint32_t i = 0, d = 0; i < in->m->nfunc; i++) {
		buf_printf(&b, "%6u  %-*s %7u %8u", i, width, in->m->func[i].name, in->m->scan.bodies[i].ninsn, in->code[i].bytes);
		if (d < in->found.n && in->row[d].func == i)
			put_row(&b, in, &in->row[d++]);
		buf_str(&b, "\n");
		for (; in->regions.n && d < in->nrow && in->row[d].func == i; d++) {
			buf_printf(&b, "%6s  region %-*u %16s", "", width - 7, d, "");
			put_row(&b, in, &in->row[d]);
			buf_str(&b, "\n");
		}
	}
	if (in->ran)
		put_counts(&b, &in->counts);
	return buf_bytes(&b);
}

static json_t *number(uint64_t x) { return json_integer((json_int_t)x); }

/* A whole number as one, as long as a double holds it exactly. */
static json_t *whole(double x) { return fabs(x) < 9007199254740992.0 ? json_integer((json_int_t)x) : json_real(x); }

static void json_counts(json_t *root, const Counts *c)
{
	json_object_set_new(root, "trace_length", number(c->length));
	json_object_set_new(root, "choices", number(c->choices));
	json_object_set_new(root, "executed_functions", number(c->functions));
	json_object_set_new(root, "executed_dispatchers", number(c->dispatchers));
	json_object_set_new(root, "executed_non_dispatchers", number(c->plain));
	json_object_set_new(root, "executed_variants", number(c->variants));
	json_object_set_new(root, "executed_variants_paper", number(c->variants_paper));
	json_object_set_new(root, "paths_paper", isfinite(c->paths_paper) ? whole(c->paths_paper) : json_null());
	json_object_set_new(root, "paths_exact_log2", json_real(c->paths_exact_log2));
}

static json_t *json_row(const Inspect *in, uint32_t i)
{
	const Row *r = &in->row[i];
	json_t *bodies = json_array();
	for (uint32_t k = 0; r->f && k < r->n; k++)
		json_array_append_new(bodies, number(r->f->variant[k]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:O, s:o, s:o}", "name", in->m->func[r->func].name, "index", number(r->func), "region",
	                 r->f ? json_null() : number(i), "variants", number(r->n), "distinct", number(r->distinct), "distinct_shape",
	                 number(r->distinct_shape), "strategies", r->strategies, "executed", in->ran ? number(r->executed) : json_null(),
	                 "bodies", bodies);
}

static Bytes json_text(const Inspect *in)
{
	json_t *defined = json_array(), *dispatchers = json_array();
	for (uint32_t i = 0; i < in->m->nfunc; i++)
		json_array_append_new(defined, json_pack("{s:s, s:o, s:o, s:o}", "name", in->m->func[i].name, "index", number(i), "instructions",
		                      number(in->m->scan.bodies[i].ninsn), "code_bytes", number(in->code[i].bytes)));
	for (uint32_t i = 0; i < in->nrow; i++)
		json_array_append_new(dispatchers, json_row(in, i));
	json_t *file = json_string(in->m->file); /* none where the name is no UTF-8 */
	json_t *root = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "file", file ? file : json_null(), "engine", survive_engine(), "functions",
	                         number(in->m->nfunc), "paths_static_log10",
	                         isfinite(in->ways) ? json_real(round(in->ways * 1e6) / 1e6) : json_null(),
	                         "dispatchers", dispatchers, "defined", defined);
	if (in->ran)
		json_counts(root, &in->counts);
	char *s = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	Buf b = {0};
	buf_printf(&b, "%s\n", s);
	free(s);
	json_decref(root);
	return buf_bytes(&b);
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------------- */

static int gather(Inspect *in, const char *file, const uint8_t *wasm, size_t n, Err *e)
{
	int code = take_code(in, file, wasm, n, e);
	if (code)
		return code;
	json_t *all = hint(wasm, n);
	take_hint(in, all);
	json_decref(all);
	return 0;
}

int mewe_inspect(const char *file, const uint8_t *wasm, size_t n, const uint8_t *input, size_t ninput, bool with_input,
                 enum mewe_format format, mewe_bytes *out, mewe_err *err)
{
	Inspect in = {0};
	Graph g = {0};
	int code = read_module(file, wasm, n, &in.m, err);
	if (!code)
		code = shape_find(in.m, &in.found, err);
	if (!code)
		graph_make(in.m, &in.found, wasm, n, &g);
	if (!code && format == MEWE_DOT) {
		*out = graph_dot(&g);
	} else if (!code) {
		in.ways = graph_ways(&g);
		code = gather(&in, file, wasm, n, err);
		if (!code && with_input)
			code = run(&in, file, wasm, n, input, ninput, err);
		if (!code)
			*out = format == MEWE_JSON ? json_text(&in) : text(&in);
	}
	for (uint32_t i = 0; i < in.nrow; i++)
		json_decref(in.row[i].strategies);
	free(in.row);
	free(in.code);
	fork_code_free(&in.regions);
	graph_free(&g);
	shape_free(&in.found);
	read_free(in.m);
	return code;
}
