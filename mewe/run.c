/* run.c - `mewe run`: a command or one export, with its choices replayed, forced or told.
 * In: a module and what was asked for. Out: the guest's exit code, results and trace as text.
 * Must hold: a seed or a choice that can't reach the module's draws is refused before anything runs; the guest's own
 * randomness is never touched. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"
#include "run.h"

/* ---- what the module lets its host decide ---- */

static bool imports(const Scan *s, const char *name)
{
	for (uint32_t i = 0; i < s->nimports; i++)
		if (s->imports[i].kind == 0 && strcmp(s->imports[i].module, "mewe") == 0 && strcmp(s->imports[i].name, name) == 0)
			return true;
	return false;
}

static bool exports(const Scan *s, uint8_t kind, const char *name)
{
	for (uint32_t i = 0; i < s->nexports; i++)
		if (s->exports[i].kind == kind && strcmp(s->exports[i].name, name) == 0)
			return true;
	return false;
}

static int reachable(const RunOptions *o, Err *e)
{
	Scan s;
	int code = scan_module(o->file, o->wasm, o->n, &s, e);
	if (code)
		return code;
	if (o->seeded && !exports(&s, 3, "mewe.seed") && !imports(&s, "seed") && !imports(&s, "choose"))
		code = err_set(e, MEWE_BAD, "%s: --seed reaches no draws in it: they are seeded by random_get, or there are none; build it "
		               "with --discriminator fixed:SEED or host", o->file);
	else if (o->nchoose > 0 && !imports(&s, "choose"))
		code = err_set(e, MEWE_BAD, "%s: --choose reaches no draws in it; build it with --discriminator host", o->file);
	else if (!o->invoke && !exports(&s, 0, "_start"))
		code = err_set(e, MEWE_BAD, "%s: it is no command (it exports no _start); name a function with --invoke EXPORT", o->file);
	scan_free(&s);
	return code;
}

/* ---- choices ---- */

static bool number(const char *s, size_t n, uint64_t max, uint32_t *out)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9' || (v = 10 * v + (s[i] - '0')) > max)
			return false;
	}
	*out = v;
	return n > 0;
}

static int parse_choice(const RunOptions *o, const Mod *m, const Choosers *all, const char *text, HostChoice *out, Err *e)
{
	const char *eq = strrchr(text, '=');
	if (!eq || !number(eq + 1, strlen(eq + 1), UINT16_MAX, &out->choice))
		return err_set(e, MEWE_BAD, "--choose takes DISPATCHER=NUMBER, not '%s'", text);
	if (!number(text, eq - text, NONE - 1, &out->dispatcher)) {
		char *name = xprintf("%.*s", (int)(eq - text), text);
		out->dispatcher = read_ordinal(m, name);
		free(name);
	}
	for (uint32_t i = 0; i < all->n; i++) {
		if (all->c[i].id != out->dispatcher)
			continue;
		if (out->choice >= all->c[i].n)
			return err_set(e, MEWE_BAD, "%s: --choose %s: that dispatcher has %u bodies, numbered from 0", o->file, text, all->c[i].n);
		return 0;
	}
	return err_set(e, MEWE_BAD, "%s: --choose %s: no such dispatcher; `mewe inspect` lists them", o->file, text);
}

static int parse_choices(const RunOptions *o, const Mod *m, HostChoice *out, Err *e)
{
	Choosers all;
	int code = fork_choosers(m, &all, e);
	for (unsigned i = 0; !code && i < o->nchoose; i++)
		code = parse_choice(o, m, &all, o->choose[i], &out[i], e);
	free(all.c);
	return code;
}

/* ---- values as text ---- */

static bool parse_value(const char *s, uint8_t kind, uint64_t *out)
{
	char *end;
	errno = 0;
	if (kind == WASM_F32 || kind == WASM_F64) {
		double d = strtod(s, &end);
		float f = d;
		uint32_t narrow;
		memcpy(out, &d, sizeof d);
		memcpy(&narrow, &f, sizeof f);
		if (kind == WASM_F32)
			*out = narrow;
		return end != s && *end == 0;
	}
	bool minus = *s == '-';
	uint64_t max = kind == WASM_I32 ? UINT32_MAX : UINT64_MAX;
	const char *digits = s + minus;
	uint64_t v = strtoull(digits, &end, 0);
	if (*digits < '0' || *digits > '9' || *end || errno || v > (minus ? max / 2 + 1 : max))
		return false;
	*out = (minus ? -v : v) & max;
	return true;
}

static void print_value(Buf *b, uint8_t kind, uint64_t v)
{
	uint32_t narrow = v;
	float f;
	double d;
	memcpy(&f, &narrow, sizeof f);
	memcpy(&d, &v, sizeof d);
	if (kind == WASM_I32)
		buf_printf(b, "%" PRId32 "\n", (int32_t)narrow);
	else if (kind == WASM_I64)
		buf_printf(b, "%" PRId64 "\n", (int64_t)v);
	else if (kind == WASM_F32)
		buf_printf(b, "%.9g\n", f);
	else
		buf_printf(b, "%.17g\n", d);
}

/* ---- the run ---- */

static int call(const RunOptions *o, Instance *i, RunResult *r, Err *e)
{
	HostFunc f;
	uint64_t v[HOST_VALUES];
	Buf out = {0};
	int code = host_func(i, o->invoke ? o->invoke : "_start", &f, e);
	if (code)
		return code;
	if (f.nparams != (o->invoke ? o->nargs : 0))
		return err_set(e, MEWE_BAD, "%s: '%s' takes %u arguments, not %u", o->file, o->invoke ? o->invoke : "_start", f.nparams,
		               o->invoke ? o->nargs : 0);
	for (unsigned k = 0; k < f.nparams; k++)
		if (!parse_value(o->args[k], f.param[k], &v[k]))
			return err_set(e, MEWE_BAD, "'%s' is no %s, which argument %u of '%s' is", o->args[k],
			               (const char *const[]){"i32", "i64", "f32", "f64"}[f.param[k]], k + 1, o->invoke);
	if (host_func_call(&f, v, &r->exit_code, &r->trap) != 0)
		r->exit_code = RUN_TRAPPED;
	else if (!i->exited)
		for (uint32_t k = 0; o->invoke && k < f.nresults; k++)
			print_value(&out, f.result[k], v[k]);
	r->out = buf_bytes(&out);
	return 0;
}

static int print_trace(const Mod *m, Instance *i, RunResult *r, Err *e)
{
	HostTrace t;
	Buf b = {0};
	int code = host_trace(i, &t, e);
	if (code)
		return code;
	for (uint64_t k = 0; k < t.nid; k++) {
		bool region = t.id[k] & TRACE_REGION;
		uint32_t ordinal = (t.id[k] & ~TRACE_REGION) >> 12, body = t.id[k] & 0xfff;
		const char *name = ordinal < m->nfunc ? m->func[ordinal].name : "?";
		if (region)
			buf_printf(&b, "choose region %u %u\n", ordinal, body - 1);
		else if (body)
			buf_printf(&b, "choose %s %u\n", name, body - 1);
		else
			buf_printf(&b, "enter  %s\n", name);
	}
	buf_printf(&b, "entry trace %016" PRIx64 " of %" PRIu64 " entries\n", t.entry, t.length);
	buf_printf(&b, "choice trace %016" PRIx64 " of %" PRIu64 " choices, %.3f bits, by %" PRIu64 " dispatchers\n", t.choice, t.choices,
	           t.bits, t.executed);
	buf_printf(&b, "body trace %016" PRIx64 "\n", t.body);
	free(t.id);
	r->trace = buf_bytes(&b);
	return 0;
}

static int run_instance(const RunOptions *o, const Mod *m, Instance *i, RunResult *r, Err *e)
{
	HostTrace none = {0};
	int code = o->trace ? host_trace(i, &none, e) : 0; /* without one, say so before the command has run */
	free(none.id);
	if (!code)
		code = call(o, i, r, e);
	if (!code && o->trace)
		code = print_trace(m, i, r, e);
	return code;
}

static int run(const RunOptions *o, const Mod *m, const HostOptions *ho, RunResult *r, Err *e)
{
	Host *h = NULL;
	Instance *i = NULL;
	const char **argv = xalloc((o->nargs + 2) * sizeof *argv);
	argv[0] = o->file;
	for (unsigned k = 0; k < o->nargs && !o->invoke; k++)
		argv[k + 1] = o->args[k];
	int code = host_open(o->file, o->wasm, o->n, &h, e);
	if (!code && (code = host_start(h, ho, argv, &i, e)) == MEWE_BAD) { /* in its start function, or over its data */
		r->trap = *e;
		r->exit_code = RUN_TRAPPED;
		code = 0;
	} else if (!code) {
		code = run_instance(o, m, i, r, e);
	}
	host_drop(i);
	host_close(h);
	free(argv);
	return code;
}

int run_file(const RunOptions *o, RunResult *r, Err *e)
{
	Mod *m = NULL;
	HostChoice *choice = xalloc(o->nchoose * sizeof *choice);
	HostOptions ho = {.seeded = o->seeded, .seed = o->seed, .choose = choice, .nchoose = o->nchoose};
	*r = (RunResult){0};
	int code = reachable(o, e);
	if (!code && (o->nchoose > 0 || o->trace)) /* for names and dispatchers; a plain run leaves Binaryen alone */
		code = read_module(o->file, o->wasm, o->n, &m, e);
	if (!code && o->nchoose > 0)
		code = parse_choices(o, m, choice, e);
	if (!code)
		code = run(o, m, &ho, r, e);
	if (code) {
		free(r->out.p);
		free(r->trace.p);
		*r = (RunResult){0};
	}
	read_free(m);
	free(choice);
	return code;
}
