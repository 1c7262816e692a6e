/* jitdump.h - libjitdump.c: machine code out of the dump that an engine writes for Linux's perf. */
#ifndef JITDUMP_H
#define JITDUMP_H

#include "../mewe/code.h"

/* The functions of the dump that `wanted` takes, which may number them; names are the dump's. Returns NULL, or why there are none. Ends
 * with dump_free, also then. */
const char *dump_read(const Bytes *dump, Maker maker, bool (*wanted)(Symbol *s, const void *about), const void *about, Text *t);
void dump_free(Text *t);

#endif
