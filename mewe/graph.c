/* graph.c - graphs of functions: the paper's count of paths in a trace, and the multivariant call graph.
 * In: a trace's functions, or a module with its dispatchers. Out: a number, or Graphviz text.
 * Must hold: the count is the paper's, oddities and all, or it could not be compared with the paper's numbers. */
#include <stdlib.h>
#include <string.h>
#include "graph.h"
#include "shape.h"

typedef struct List {
	uint32_t *at, n, cap;
} List;

static void list_add(List *l, uint32_t x)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->at[i] == x)
			return;
	PUSH(l->at, l->n, l->cap, x);
}

static void lists_free(List *l, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(l[i].at);
	free(l);
}

/* ---- paths -------------------------------------------------------------------------------------------------------------- */

typedef struct Step {
	uint32_t func, next;           /* the successor to be taken next */
	double sum;
} Step;

/* paths(last) = weight(last); paths(x) = weight(x) * the sum of paths(y) over the successors y that are not on the way here.
 * As in the paper's scripts, what was once found for y stands for every other way to y, though that may meet other functions
 * on its way; so the order of successors, which is that of the trace, matters where there are cycles. */
static double paths(const List *succ, uint32_t first, uint32_t last, const double *weight, uint32_t nfunc)
{
	enum { NEW, ON_WAY, DONE };
	uint8_t *state = xalloc(nfunc);
	double *found = xalloc(nfunc * sizeof *found), result;
	Step *step = NULL;
	uint32_t n = 0, cap = 0;
	state[last] = DONE;
	found[last] = weight[last];
	if (first != last)
		PUSH(step, n, cap, ((Step){first, 0, 0}));
	state[first] = first == last ? DONE : ON_WAY;
	while (n > 0) {
		Step *s = &step[n - 1];
		if (s->next == succ[s->func].n) {
			found[s->func] = weight[s->func] * s->sum;
			state[s->func] = DONE;
			n--;
			continue;
		}
		uint32_t y = succ[s->func].at[s->next];
		if (state[y] == NEW) {
			state[y] = ON_WAY;
			PUSH(step, n, cap, ((Step){y, 0, 0}));
			continue;
		}
		if (state[y] == DONE)
			s->sum += found[y];
		s->next++;
	}
	result = found[first];
	free(step);
	free(found);
	free(state);
	return result;
}

double graph_paths(const uint32_t *func, uint64_t n, const double *weight, uint32_t nfunc)
{
	if (n == 0)
		return 0;
	List *succ = xalloc(nfunc * sizeof *succ);
	for (uint64_t i = 1; i < n; i++)
		list_add(&succ[func[i - 1]], func[i]);
	double x = paths(succ, func[0], func[n - 1], weight, nfunc);
	lists_free(succ, nfunc);
	return x;
}

/* ---- the multivariant call graph ---------------------------------------------------------------------------------------- */

/* Nodes are function indices, and after them one node for each table. */
typedef struct Graph {
	const Mod *m;
	const Founds *found;
	List *callees;
	bool *dispatches;              /* by node */
	uint32_t nfunc, n;             /* functions; nodes */
	uint32_t enter;                /* the instrument's function, or NONE */
	uint32_t from;
	bool *seen;
} Graph;

static uint32_t table_node(const Graph *g, const char *name)
{
	Ident id = ident_of(g->m);
	return g->nfunc + id.table(id.ctx, name);
}

static bool add_call(void *ctx, Expr e, uint32_t index)
{
	Graph *g = ctx;
	uint32_t kind = walk_kind(e), to = NONE;
	(void)index;
	if (kind == K_Call)
		to = read_function(g->m, BinaryenCallGetTarget(e));
	else if (kind == K_RefFunc)
		to = read_function(g->m, BinaryenRefFuncGetFunc(e));
	else if (kind == K_CallIndirect)
		to = table_node(g, BinaryenCallIndirectGetTable(e));
	if (to != NONE && to != g->enter)
		list_add(&g->callees[g->from], to);
	return true;
}

/* A dispatcher's choice and its trace are no calls of the program's. */
static void add_functions(Graph *g)
{
	for (uint32_t i = 0, d = 0; i < g->m->nfunc; i++) {
		const Found *f = d < g->found->n && g->found->f[d].func == i ? &g->found->f[d++] : NULL;
		g->from = g->m->nimp + i;
		g->dispatches[g->from] = f != NULL;
		for (uint32_t k = 0; f && k < f->n; k++)
			list_add(&g->callees[g->from], g->m->nimp + f->variant[k]);
		if (!f)
			walk_each(BinaryenFunctionGetBody(g->m->func[i].ref), add_call, g);
	}
}

static void add_tables(Graph *g)
{
	for (uint32_t i = 0; i < BinaryenGetNumElementSegments(g->m->ref); i++) {
		BinaryenElementSegmentRef s = BinaryenGetElementSegmentByIndex(g->m->ref, i);
		const char *table = BinaryenElementSegmentGetTable(s);
		for (uint32_t k = 0; table && *table && k < BinaryenElementSegmentGetLength(s); k++) {
			uint32_t to = read_function(g->m, BinaryenElementSegmentGetData(s, k));
			if (to != NONE)
				list_add(&g->callees[table_node(g, table)], to);
		}
	}
}

/* What a host can reach; the discriminator's own exports are left out, and so it is itself. */
static void mark(Graph *g)
{
	const Scan *s = &g->m->scan;
	List todo = {0};
	if (s->start != NONE)
		list_add(&todo, s->start);
	for (uint32_t i = 0; i < s->nexports; i++)
		if (s->exports[i].kind <= 1 && strncmp(s->exports[i].name, "mewe.", 5) != 0)
			list_add(&todo, s->exports[i].index + (s->exports[i].kind == 1 ? g->nfunc : 0));
	while (todo.n > 0) {
		uint32_t x = todo.at[--todo.n];
		if (g->seen[x])
			continue;
		g->seen[x] = true;
		for (uint32_t i = 0; i < g->callees[x].n; i++)
			PUSH(todo.at, todo.n, todo.cap, g->callees[x].at[i]);
	}
	free(todo.at);
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
	buf_str(b, x < g->m->nimp ? ", shape=plaintext];\n" : g->dispatches[x] ? ", shape=box, style=bold];\n" : "];\n");
}

static void put_edges(Buf *b, const Graph *g, uint32_t x)
{
	const char *style = g->dispatches[x] ? " [style=dashed]" : "";
	for (uint32_t i = 0; i < g->callees[x].n; i++)
		buf_printf(b, "\tn%u -> n%u%s;\n", x, g->callees[x].at[i], style);
}

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

Bytes graph_dot(const Mod *m, const Founds *found)
{
	Graph g = {.m = m, .found = found, .nfunc = m->nimp + m->nfunc, .enter = instrument(m, found)};
	Buf b = {0};
	g.n = g.nfunc + m->scan.ntables;
	g.callees = xalloc(g.n * sizeof *g.callees);
	g.dispatches = xalloc(g.n);
	g.seen = xalloc(g.n);
	add_functions(&g);
	add_tables(&g);
	mark(&g);
	buf_str(&b, "digraph mcg {\n");
	for (uint32_t x = 0; x < g.n; x++)
		if (g.seen[x])
			put_node(&b, &g, x);
	for (uint32_t x = 0; x < g.n; x++)
		if (g.seen[x])
			put_edges(&b, &g, x);
	buf_str(&b, "}\n");
	lists_free(g.callees, g.n);
	free(g.dispatches);
	free(g.seen);
	return buf_bytes(&b);
}
