/* place.c - where choices are made: in which functions or regions of them, and among how many bodies.
 * In: a module, and options that name a form of dispatch, or a plan. Out: places, by function and position.
 * Must hold: regions never overlap; a plan made for one module is refused for another; the same options give the same places.
 *
 * Without a plan every function is a place, or with `--dispatch site` every region of a middling size: the outermost
 * expressions of at most REGION_MAX nodes that can be chosen on their own. Smaller ones give the strategies little to change,
 * and all of a larger one is there again in each alternative. */
#include <fnmatch.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "all.h"

enum { REGION_MIN = 3, REGION_MAX = 24 };

static const char *const dispatch_names[] = {[MEWE_CALL] = "call", [MEWE_REQUEST] = "request", [MEWE_SITE] = "site"};

/* ---- all there are -------------------------------------------------------------------------------------------------------- */

typedef struct Regions {
	Places *out;
	uint32_t func, bodies, skip;   /* skip: expressions still inside the last region */
} Regions;

static bool look(void *ctx, Expr e, uint32_t index)
{
	Regions *r = ctx;
	if (r->skip > 0) {
		r->skip--;
		return true;
	}
	uint32_t size = walk_count(e);
	if (size >= REGION_MIN && size <= REGION_MAX && region_good(e)) {
		PUSH(r->out->p, r->out->n, r->out->cap, ((Place){r->func, index, size, true, r->bodies}));
		r->skip = size - 1;
	}
	return true;
}

static int find_all(const Mod *m, const Body *body, const Options *o, Places *out, Err *e)
{
	bool matched = false;
	for (uint32_t i = 0; i < m->nfunc; i++) {
		Regions r = {.out = out, .func = i, .bodies = o->variants};
		if (o->functions && fnmatch(o->functions, body[i].name, 0) != 0)
			continue;
		matched = true;
		if (!walk_known(body[i].expr))
			continue;
		if (o->dispatch == MEWE_SITE)
			walk_each(body[i].expr, look, &r);
		else
			PUSH(out->p, out->n, out->cap, ((Place){.func = i, .bodies = o->variants}));
	}
	if (o->functions && !matched)
		return err_set(e, MEWE_BAD, "%s: no function's name matches '%s'; see the names with `mewe inspect`", m->file, o->functions);
	return 0;
}

/* ---- a plan's ---------------------------------------------------------------------------------------------------------------- */

static json_t *parse(const char *plan, Err *e)
{
	json_error_t err;
	json_t *root = json_loads(plan, 0, &err);
	if (!root)
		err_set(e, MEWE_BAD, "the plan is no JSON: line %d: %s", err.line, err.text);
	else if (!json_is_array(json_object_get(root, "places")) || !json_is_string(json_object_get(root, "dispatch")))
		err_set(e, MEWE_BAD, "the plan has no \"dispatch\" or no \"places\"; make one with `mewe build --entropy`");
	else
		return root;
	json_decref(root);
	return NULL;
}

static int dispatch_of(const json_t *root, enum mewe_dispatch *out, Err *e)
{
	const char *word = json_string_value(json_object_get(root, "dispatch"));
	for (size_t i = 0; i < LEN(dispatch_names); i++)
		if (strcmp(word, dispatch_names[i]) == 0) {
			*out = i;
			return 0;
		}
	return err_set(e, MEWE_BAD, "the plan's \"dispatch\" is call, request or site, not '%.40s'", word);
}

int place_dispatch(const char *plan, enum mewe_dispatch *out, Err *e)
{
	json_t *root = parse(plan, e);
	int code = root ? dispatch_of(root, out, e) : MEWE_BAD;
	json_decref(root);
	return code;
}

/* A whole number from min to max, or NONE. */
static uint32_t number(const json_t *place, const char *key, uint32_t min, uint32_t max)
{
	const json_t *v = json_object_get(place, key);
	json_int_t x = json_is_integer(v) ? json_integer_value(v) : -1;
	return x < (json_int_t)min || x > (json_int_t)max ? NONE : (uint32_t)x;
}

static int take(const Mod *m, const Body *body, bool region, const json_t *from, size_t k, Places *out, Err *e)
{
	Place p = {.func = number(from, "ordinal", 0, NONE - 1), .region = region, .bodies = number(from, "bodies", 2, 4095)};
	const Place *last = out->n ? &out->p[out->n - 1] : NULL;
	if (p.func >= m->nfunc || p.bodies == NONE)
		return err_set(e, MEWE_BAD, "%s: the plan's place %zu has no \"ordinal\" of a function, or no \"bodies\" from 2 to 4095", m->file, k);
	if (!walk_known(body[p.func].expr))
		return err_set(e, MEWE_BAD, "%s: the plan's place %zu is in a function that is left as it is", m->file, k);
	if (region) {
		p.index = number(from, "region", 0, NONE - 2);
		Expr root = p.index == NONE ? NULL : walk_at(body[p.func].expr, p.index);
		if (!root || !region_good(root))
			return err_set(e, MEWE_BAD, "%s: the plan's place %zu has no \"region\" that can be chosen on its own", m->file, k);
		p.size = walk_count(root);
	}
	if (last && (p.func < last->func || (p.func == last->func && (!region || p.index < last->index + last->size))))
		return err_set(e, MEWE_BAD, "%s: the plan's place %zu is not behind the one before it", m->file, k);
	PUSH(out->p, out->n, out->cap, p);
	return 0;
}

static int find_planned(const Mod *m, const Body *body, const Options *o, Places *out, Err *e)
{
	json_t *root = parse(o->plan, e), *place;
	enum mewe_dispatch dispatch;
	char module[20];
	size_t k;
	if (!root)
		return MEWE_BAD;
	const char *made_for = json_string_value(json_object_get(root, "module"));
	int code = dispatch_of(root, &dispatch, e);
	snprintf(module, sizeof module, "%016" PRIx64, m->bytes.a);
	if (!code && (!made_for || strcmp(made_for, module) != 0))
		code = err_set(e, MEWE_BAD, "%s: the plan was made for another module; make one for this one", m->file);
	json_array_foreach(json_object_get(root, "places"), k, place)
		if (!code)
			code = take(m, body, dispatch == MEWE_SITE, place, k, out, e);
	json_decref(root);
	return code;
}

int place_find(const Mod *m, const Body *body, const Options *o, Places *out, Err *e)
{
	*out = (Places){0};
	return o->plan ? find_planned(m, body, o, out, e) : find_all(m, body, o, out, e);
}

static int by_position(const void *a, const void *b)
{
	const Place *x = a, *y = b;
	return x->func != y->func ? (x->func > y->func) - (x->func < y->func) : (x->index > y->index) - (x->index < y->index);
}

void place_sort(Places *p)
{
	if (p->n > 1)
		qsort(p->p, p->n, sizeof *p->p, by_position);
}

char *place_plan(const Mod *m, enum mewe_dispatch dispatch, const Places *p)
{
	json_t *all = json_array();
	char module[20];
	snprintf(module, sizeof module, "%016" PRIx64, m->bytes.a);
	for (uint32_t i = 0; i < p->n; i++) {
		const Place *at = &p->p[i];
		json_t *place = json_object(), *name = json_string(m->func[at->func].name); /* none where the name is no UTF-8 */
		if (name)
			json_object_set_new(place, "function", name);
		json_object_set_new(place, "ordinal", json_integer(at->func));
		json_object_set_new(place, "bodies", json_integer(at->bodies));
		if (at->region)
			json_object_set_new(place, "region", json_integer(at->index));
		json_array_append_new(all, place);
	}
	json_t *root = json_pack("{s:s, s:s, s:o}", "module", module, "dispatch", dispatch_names[dispatch], "places", all);
	char *text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}
