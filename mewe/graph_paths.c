/* graph_paths.c - numbers of paths: the paper's, in one trace, and those through the call graph.
 * In: a trace's functions, or a call graph. Out: a number. Must hold: the paper's count is the paper's, oddities and all, or it
 * could not be compared with the paper's numbers; neither recurses, whatever the depth of the calls. */
#include <math.h>
#include <stdlib.h>
#include "graph.h"

/* ---- in a trace --------------------------------------------------------------------------------------------------------- */

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

/* ---- through the call graph ----------------------------------------------------------------------------------------------- */

/* Tarjan's search for the circles, which closes callees before their callers. */
typedef struct Ways {
	const Graph *g;
	uint32_t *order, *low, clock;  /* order 0: not yet met */
	uint32_t *circle;              /* by node; NONE while it is open */
	List open;
	double *log;                   /* by circle: log10 of its ways */
	uint32_t n, cap;
} Ways;

typedef struct Visit {
	uint32_t node, next;
} Visit;

/* All bodies of a dispatcher call what the original's calls, or they would not be equal to it: so that one stands for them. */
static uint32_t ncallees(const Graph *g, uint32_t x) { return g->dispatcher[x] ? 1 : g->callees[x].n; }

/* log10(10^a + 10^b), for numbers that no double holds. */
static double add_logs(double a, double b)
{
	double most = a > b ? a : b, least = a > b ? b : a;
	return isinf(least) ? most : most + log10(1 + pow(10, least - most));
}

/* The open nodes from `from` on are a circle; all that they call otherwise is closed. */
static void close_circle(Ways *w, uint32_t from)
{
	double weight = 0, below = -INFINITY;
	for (uint32_t i = from; i < w->open.n; i++)
		w->circle[w->open.at[i]] = w->n;
	for (uint32_t i = from; i < w->open.n; i++) {
		uint32_t x = w->open.at[i];
		weight += w->g->dispatcher[x] ? log10(w->g->dispatcher[x]->n) : 0;
		for (uint32_t k = 0; k < ncallees(w->g, x); k++) {
			uint32_t to = w->circle[w->g->callees[x].at[k]];
			below = to == w->n ? below : add_logs(below, w->log[to]);
		}
	}
	w->open.n = from;
	PUSH(w->log, w->n, w->cap, isinf(below) ? weight : weight + below);
}

static void enter(Ways *w, uint32_t x)
{
	w->order[x] = w->low[x] = ++w->clock;
	PUSH(w->open.at, w->open.n, w->open.cap, x);
}

static void leave(Ways *w, uint32_t x)
{
	uint32_t from = w->open.n;
	if (w->low[x] != w->order[x])
		return;
	while (w->open.at[--from] != x)
		;
	close_circle(w, from);
}

static void search(Ways *w, uint32_t root)
{
	Visit *todo = NULL;
	uint32_t n = 0, cap = 0;
	enter(w, root);
	PUSH(todo, n, cap, ((Visit){root, 0}));
	while (n > 0) {
		Visit *v = &todo[n - 1];
		uint32_t x = v->node;
		if (v->next < ncallees(w->g, x)) {
			uint32_t y = w->g->callees[x].at[v->next++];
			if (w->order[y] == 0) {
				enter(w, y);
				PUSH(todo, n, cap, ((Visit){y, 0}));
			} else if (w->circle[y] == NONE && w->order[y] < w->low[x]) {
				w->low[x] = w->order[y];
			}
			continue;
		}
		leave(w, x);
		if (--n > 0 && w->low[x] < w->low[todo[n - 1].node])
			w->low[todo[n - 1].node] = w->low[x];
	}
	free(todo);
}

double graph_ways(const Graph *g)
{
	Ways w = {.g = g};
	double sum = -INFINITY;
	w.order = xalloc(g->n * sizeof *w.order);
	w.low = xalloc(g->n * sizeof *w.low);
	w.circle = xalloc(g->n * sizeof *w.circle);
	for (uint32_t x = 0; x < g->n; x++)
		w.circle[x] = NONE;
	for (uint32_t i = 0; i < g->roots.n; i++) {
		uint32_t x = g->roots.at[i];
		if (w.order[x] == 0)
			search(&w, x);
		sum = add_logs(sum, w.log[w.circle[x]]);
	}
	free(w.order);
	free(w.low);
	free(w.circle);
	free(w.open.at);
	free(w.log);
	return sum;
}
