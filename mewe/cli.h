/* cli.h - what the files of the command line share: main.c and cli_*.c. */
#ifndef CLI_H
#define CLI_H

#include <argp.h>
#include "all.h"

static const char cli_version[] = "0.1.0";

int cli_build(int argc, char **argv);
int cli_diversify(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_verify(int argc, char **argv);

/* cli_search.c: the options that decide which variants are found, as a child of a command's own; its input is a Search. */
typedef struct Search {
	Options *o;
	const char *cache;             /* as asked for */
} Search;
extern const struct argp cli_search;

/* cli_plan.c: the options that decide where choices are made, as a child of `mewe build`; its input is a Placement. */
typedef struct Placement {
	mewe_wish wish;
	bool wished;                   /* for entropy or overhead */
	const char *plan, *input, *frontier;
} Placement;
extern const struct argp cli_plan;
/* *plan, malloc'ed, is what they ask for, or NULL; given for 0 and MEWE_LIMIT. */
int cli_place(const Placement *p, const char *file, const Bytes *in, const Options *o, bool quiet, char **plan, Err *e);

char *cli_cache(const char *asked);                             /* the cache's path, malloc'ed: --cache's or the default; or NULL */
int cli_word(struct argp_state *st, const char *name, const char *arg, const char *const *words); /* its number; else a usage error */
int cli_fail(const Err *e);                                     /* prints the one line; returns e->code */
int cli_write(const char *path, const Bytes *b, bool binary);   /* prints the one line when it can't */
void cli_progress(void *ctx, const char *stage, uint64_t done, uint64_t total);
bool cli_number(const char *s, uint64_t max, uint64_t *out);
uint64_t cli_number_or_usage(struct argp_state *st, const char *name, const char *s, uint64_t min, uint64_t max);

#endif
