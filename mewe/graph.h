/* graph.h - graphs of functions: what inspect.c, graph.c and graph_paths.c share. */
#ifndef GRAPH_H
#define GRAPH_H

#include "all.h"

typedef struct List {
	uint32_t *at, n, cap;
} List;
void list_add(List *l, uint32_t x);                        /* unless it is there */
void lists_free(List *l, uint32_t n);

/* The multivariant call graph: who may call whom. Nodes are function indices, and after them the tables. A dispatcher's callees
 * are its bodies, by choice; what it draws with and what it writes into a trace are no calls of the program's. */
typedef struct Graph {
	const Mod *m;
	uint32_t nfunc, n;             /* functions; nodes */
	List *callees;                 /* by node */
	const Found **dispatcher;      /* by node, or NULL */
	bool *body;                    /* by node: is it a dispatcher's? */
	List roots;                    /* what a host can enter; not the discriminator's own exports */
} Graph;
void graph_make(const Mod *m, const Founds *found, const uint8_t *wasm, size_t n, Graph *out);
void graph_free(Graph *g);
Bytes graph_dot(const Graph *g);                           /* as Graphviz text: dispatchers are bold boxes, their bodies round ones */

/* The paper's number of paths, from the functions of one trace in order: the simple paths from the first to the last one in
 * the graph of which follows which, each weighted with the product of its functions' weights. */
double graph_paths(const uint32_t *func, uint64_t n, const double *weight, uint32_t nfunc);

/* log10 of the number of ways through the call graph, from what a host can enter down to a function that calls nothing: at a
 * dispatcher there are n times as many as below its original. Functions that call each other in a circle are passed as one, with
 * all their choices. -INFINITY where a host can enter nothing. */
double graph_ways(const Graph *g);

#endif
