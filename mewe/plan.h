/* plan.h - what the parts of the planner share: profile.c, race.c, plan*.c. */
#ifndef PLAN_H
#define PLAN_H

#include "host.h"

typedef mewe_wish Wish;

/* ---- race.c ---- */

/* A module that takes requests, to be timed. */
typedef struct Runner Runner;
int runner_open(const char *file, const uint8_t *wasm, size_t n, const Wish *w, Runner **out, Err *e);
void runner_close(Runner *r);
int runner_start(Runner *r, Err *e);   /* a new instance, which has taken no request */
int runner_request(Runner *r, Err *e); /* one request: of a command with an instance of its own, else of the one there is */
bool runner_command(const Runner *r);  /* is a request all of a command, so that each has an instance of its own? */
Instance *runner_instance(Runner *r);  /* that took the last request */

/* How long a request of a module takes, over the original's. */
typedef struct Ratio {
	double median, low, high;      /* of the rounds' ratios; an interval that has the true median in 95 of 100 cases */
} Ratio;
/* Times the runners in turn, so many rounds for each time that they are compiled; the first ones are all the original. *base is the
 * first one's nanoseconds for a request; out[i] runner i's over the mean of the originals', but an original's over the first one's. */
enum { RACE_SHORT = 8, RACE_LONG = 40 };
int race_run(Runner **r, uint32_t n, uint32_t originals, uint32_t rounds, double *base, Ratio *out, Err *e);

/* ---- profile.c ---- */

/* How often one request meets each place: count[i] for p->p[i]. 0 for one that the first request of an instance, or a later one,
 * does not meet. */
int profile_count(const char *file, const uint8_t *wasm, size_t n, const Places *p, const Options *o, const Wish *w, uint64_t *count,
                  Err *e);

/* ---- plan_scout.c ---- */

/* A place that requests meet, and what is known of it. */
typedef struct Spot {
	Place at;
	uint64_t met;                  /* so often in a request */
	double gain;                   /* bits of choice in a request for each bit of it */
	double cost;                   /* what it was seen to add to the ratio of times, for each bit */
	uint32_t copy;                 /* its dispatcher among the copies */
	uint32_t real;                 /* and in the build that was searched; NONE: it was not, or has no variant */
	uint32_t bits;                 /* there it has at least 2^bits bodies that are proved and differ */
} Spot;
typedef struct Planner {
	const Wish *wish;
	const char *file;
	Options o;
	const uint8_t *in;             /* the module's bytes */
	size_t nin;
	Build copies;                  /* identical copies for bodies: what a choice costs there, before there are any variants */
	Build build;                   /* variants, proved and compiled */
	Options ocopies, obuild;       /* the builds' */
	char *plans[2];
	Spot *spot;                    /* the best first, once they are ordered */
	uint32_t nspot, cap;
	Runner *original, *again;      /* the same module twice: what differs between them is noise */
	Bytes plain;                   /* what they are compiled from */
	uint32_t most_bits;            /* of one place, for now */
	double base;                   /* nanoseconds of one request of the original */
	Buf frontier;
	struct Finalist *finalist;     /* the best first */
	uint32_t nfinalist;
} Planner;
bool plan_short(const Planner *p); /* plan.c: can the clock tell what one place adds to a request? */
enum { COPIES = 4 };               /* a spot among copies has 2^COPIES bodies */
int scout_copies(Planner *p, Err *e);             /* fills copies and spot: places that a request meets, the least often first */
int scout_search(Planner *p, uint32_t n, Err *e); /* fills build, anew, from the first n spots */
uint32_t scout_dispatcher(const Build *b, const Place *at); /* the index of the one at this place, or NONE */
double scout_price(const Planner *p, uint64_t met); /* nanoseconds that a place is thought to cost where the clock can't tell */
void progress_of(const Planner *p, const char *stage, uint64_t done, uint64_t total);

/* ---- plan_trial.c ---- */

/* A placement: bits[i] of spot i, 0 where it is left alone. */
typedef struct Trial {
	uint8_t *bits;                 /* of p->nspot */
	double entropy;
	uint32_t places, bodies;
	uint64_t size;
	Ratio ratio, noise;            /* of a request's time: the multivariant's, and the original's second time */
} Trial;
int trial_open(Planner *p, Err *e);               /* times the original */
void trial_close(Planner *p);
/* What a placement is timed for: the price of a place, by copies or variants; a step on the way; the final; the plan. */
typedef enum TrialKind { TRIAL_COPIES, TRIAL_VARIANTS, TRIAL_STEP, TRIAL_FINAL, TRIAL_PLAN } TrialKind;
int trial_make(Planner *p, TrialKind kind, Trial *t, Bytes *out, Err *e); /* bits' module */
int trial_run(Planner *p, TrialKind kind, Trial *t, uint32_t rounds, Err *e); /* makes bits' module and times it */
int trial_time(Planner *p, TrialKind kind, Trial *t, const Bytes *wasm, uint32_t rounds, Err *e); /* times this one */
void trial_row(Planner *p, TrialKind kind, const Trial *t);
double trial_entropy(const Planner *p, const uint8_t *bits);

/* ---- plan_final.c ---- */

void final_enter(Planner *p, const Trial *t);     /* t has just been timed for long: is it among the best? */
/* Times the best so far once more, together and in other places, and leaves the one that meets the wish best in t. */
int final_run(Planner *p, Trial *t, Err *e);
void final_forget(Planner *p);                    /* the finalists: there is another build */

/* ---- plan_grow.c ---- */

/* Times each spot alone with copies, and sorts them; *n is how many of them are worth a search. */
int grow_copies(Planner *p, Trial *t, uint32_t *n, Err *e);
/* From the placement in t, which may be none, to one that meets the wish, if there is one. */
int grow_all(Planner *p, Trial *t, Err *e);

#endif
