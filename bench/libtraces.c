/* libtraces.c - the traces of many executions, each on a fresh instance, as the paper's edge nodes gave them.
 * In: the original and a traced build. Out: rows for each execution; its answer was the original's, or the program has ended.
 * An answer that the guest draws itself has the original's length only. */
#include <stdlib.h>
#include "measure.h"

static void put(Rows *r, const HostTrace *t)
{
	rows_hash(r, "entry_trace", t->entry);
	rows_hash(r, "choice_trace", t->choice);
	rows_hash(r, "body_trace", t->body);
	rows_int(r, "trace_length", t->length);
	rows_int(r, "choices", t->choices);
	rows_int(r, "dispatchers_executed", t->executed);
	rows_real(r, "bits", t->bits);
}

void measure_traces(const Plan *p, Rows *r)
{
	Guest original = guest_open(p->original), traced = guest_open(p->traced);
	Answer want = guest_reference(&original, p->input);
	HostTrace t;
	Err e = {0};

	guest_rows(&traced, r, p->build, p->config, "execute");
	for (uint32_t k = 0; k < p->count; k++) {
		HostOptions o = {.fix_guest = p->fixed, .seeded = p->fixed, .seed = k};
		Instance *i = guest_fresh(&traced, &o, p->input);
		HostFunc serve = guest_serve(i);
		check(host_trace_reset(i, &e), &e); /* what came before the request is no part of it */
		int32_t n = guest_run(&serve);
		check(host_trace(i, &t, &e), &e);   /* before output(), which is an entry of its own */
		if (p->free ? n != want.n : !guest_answered(i, n, &want))
			die(MEWE_DIFFERS, "%s: execution %u: its answer is not the original's", p->traced, k);
		host_drop(i);
		free(t.id);
		r->node = k % NODES;                /* round robin over the nodes */
		r->iteration = k / NODES;
		r->seed = p->fixed ? k : NO_SEED;
		put(r, &t);
		progress(p->traced, k + 1, p->count);
	}
	free(want.p);
	guest_close(&traced);
	guest_close(&original);
}
