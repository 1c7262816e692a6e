/* graph.h - what inspect.c asks of graph.c. */
#ifndef GRAPH_H
#define GRAPH_H

#include "all.h"

/* The paper's number of paths, from the functions of one trace in order: the simple paths from the first to the last one in
 * the graph of which follows which, each weighted with the product of its functions' weights. */
double graph_paths(const uint32_t *func, uint64_t n, const double *weight, uint32_t nfunc);

/* The multivariant call graph as Graphviz text: which function may call which; dispatchers are boxes over their bodies. */
Bytes graph_dot(const Mod *m, const Founds *found);

#endif
