/* graph.c - the multivariant call graph.
 * In: a module with its dispatchers. Out: the graph, or Graphviz text. Must hold: of the discriminator nothing is in it that the
 * program does not call by itself. */
#include <stdlib.h>
#include <string.h>
#include "graph.h"
#include "section.h"
#include "shape.h"

void list_add(List *l, uint32_t x)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->at[i] == x)
			return;
	PUSH(l->at, l->n, l->cap, x);
}

void lists_free(List *l, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(l[i].at);
	free(l);
}

/* ---- who calls whom ------------------------------------------------------------------------------------------------------ */

typedef struct Calls {
	const Graph *g;
	List *to;
	uint32_t enter;                /* the instrument's function, or NONE */
	bool last;                     /* only the last call: a wrapper draws, and then calls what it wraps */
} Calls;

static uint32_t table_node(const Graph *g, const char *name)
{
	Ident id = ident_of(g->m);
	return g->nfunc + id.table(id.ctx, name);
}

static bool add_call(void *ctx, Expr e, uint32_t index)
{
	Calls *c = ctx;
	uint32_t kind = walk_kind(e), to = NONE;
	(void)index;
	if (kind == K_Call)
		to = read_function(c->g->m, BinaryenCallGetTarget(e));
	else if (kind == K_RefFunc)
		to = read_function(c->g->m, BinaryenRefFuncGetFunc(e));
	else if (kind == K_CallIndirect)
		to = table_node(c->g, BinaryenCallIndirectGetTable(e));
	if (to == NONE || to == c->enter)
		return true;
	if (c->last)
		c->to->n = 0;
	list_add(c->to, to);
	return true;
}

/* The instrument's function, which is told when a function is entered. */
static uint32_t instrument(const Mod *m, const Founds *found)
{
	Pieces p;
	uint32_t enter = NONE;
	if (found->n > 0 && shape_pieces(m, found->f[0].func, &p)) {
		if (p.enter)
			enter = read_function(m, BinaryenCallGetTarget(p.enter));
		free(p.arm);
	}
	return enter;
}

/* Behind the last body there are wrappers alone. A function that stands for an import from `mewe` calls nothing of the program's. */
static void add_functions(Graph *g, const Founds *found)
{
	const Found *end = found->n ? &found->f[found->n - 1] : NULL;
	Calls c = {.g = g, .enter = instrument(g->m, found)};
	for (uint32_t i = 0, d = 0; i < g->m->nfunc; i++) {
		const Found *f = d < found->n && found->f[d].func == i ? &found->f[d++] : NULL;
		Expr body = BinaryenFunctionGetBody(g->m->func[i].ref);
		uint32_t node = g->m->nimp + i;
		c.to = &g->callees[node];
		c.last = end && i > end->variant[end->n - 1];
		g->dispatcher[node] = f;
		for (uint32_t k = 0; f && k < f->n; k++) {
			list_add(c.to, g->m->nimp + f->variant[k]);
			g->body[g->m->nimp + f->variant[k]] = true;
		}
		if (!f && !shape_marked(body))
			walk_each(body, add_call, &c);
	}
}

static void add_tables(Graph *g, const uint8_t *wasm, size_t n)
{
	Slots s = section_slots(wasm, n);
	for (uint32_t i = 0; i < s.n; i++)
		if (s.slot[i].table < g->n - g->nfunc && s.slot[i].func < g->nfunc)
			list_add(&g->callees[g->nfunc + s.slot[i].table], s.slot[i].func);
	free(s.slot);
}

static void add_roots(Graph *g)
{
	const Scan *s = &g->m->scan;
	if (s->start != NONE)
		list_add(&g->roots, s->start);
	for (uint32_t i = 0; i < s->nexports; i++)
		if (s->exports[i].kind <= 1 && strncmp(s->exports[i].name, "mewe.", 5) != 0)
			list_add(&g->roots, s->exports[i].index + (s->exports[i].kind == 1 ? g->nfunc : 0));
}

void graph_make(const Mod *m, const Founds *found, const uint8_t *wasm, size_t n, Graph *out)
{
	*out = (Graph){.m = m, .nfunc = m->nimp + m->nfunc, .n = m->nimp + m->nfunc + m->scan.ntables};
	out->callees = xalloc(out->n * sizeof *out->callees);
	out->dispatcher = xalloc(out->n * sizeof *out->dispatcher);
	out->body = xalloc(out->n);
	add_functions(out, found);
	add_tables(out, wasm, n);
	add_roots(out);
}

void graph_free(Graph *g)
{
	lists_free(g->callees, g->n);
	free(g->dispatcher);
	free(g->body);
	free(g->roots.at);
	*g = (Graph){0};
}

/* ---- Graphviz ------------------------------------------------------------------------------------------------------------ */

/* What a host can reach. */
static bool *reached(const Graph *g)
{
	bool *seen = xalloc(g->n);
	List todo = {0};
	for (uint32_t i = 0; i < g->roots.n; i++)
		PUSH(todo.at, todo.n, todo.cap, g->roots.at[i]);
	while (todo.n > 0) {
		uint32_t x = todo.at[--todo.n];
		if (seen[x])
			continue;
		seen[x] = true;
		for (uint32_t i = 0; i < g->callees[x].n; i++)
			PUSH(todo.at, todo.n, todo.cap, g->callees[x].at[i]);
	}
	free(todo.at);
	return seen;
}

static void put_quoted(Buf *b, const char *s)
{
	buf_u8(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_u8(b, '\\');
		buf_u8(b, *s);
	}
	buf_u8(b, '"');
}

static void put_node(Buf *b, const Graph *g, uint32_t x)
{
	buf_printf(b, "\tn%u [label=", x);
	if (x >= g->nfunc) {
		buf_printf(b, "\"table %u\", shape=hexagon];\n", x - g->nfunc);
		return;
	}
	put_quoted(b, x < g->m->nimp ? g->m->imp[x].name : g->m->func[x - g->m->nimp].name);
	buf_str(b, x < g->m->nimp ? ", shape=plaintext];\n" : g->dispatcher[x] ? ", shape=box, style=bold];\n" :
	           g->body[x] ? ", shape=box, style=rounded];\n" : "];\n");
}

static void put_edges(Buf *b, const Graph *g, uint32_t x)
{
	const char *style = g->dispatcher[x] ? " [style=dashed]" : "";
	for (uint32_t i = 0; i < g->callees[x].n; i++)
		buf_printf(b, "\tn%u -> n%u%s;\n", x, g->callees[x].at[i], style);
}

Bytes graph_dot(const Graph *g)
{
	Buf b = {0};
	bool *seen = reached(g);
	buf_str(&b, "digraph mcg {\n");
	for (uint32_t x = 0; x < g->n; x++)
		if (seen[x])
			put_node(&b, g, x);
	for (uint32_t x = 0; x < g->n; x++)
		if (seen[x])
			put_edges(&b, g, x);
	buf_str(&b, "}\n");
	free(seen);
	return buf_bytes(&b);
}
