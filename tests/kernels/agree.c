/* agree.c - does a command answer as it should, whatever is chosen?
 * Usage: agree MODULE SEEDS INPUT OUTPUT...
 *   Each OUTPUT is what MODULE, a WASI command, is to write for INPUT: once for each of SEEDS seeds of its own draws, or, with
 *   0 seeds, once for a module that draws nothing. Prints how many runs agreed; the last line of a failure says which did not. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/all.h"

static void die(const Err *e)
{
	printf("%s\n", e->text);
	exit(2);
}

static Bytes content(const char *file)
{
	Bytes b;
	Err e;
	if (file_read(file, &b, &e))
		die(&e);
	return b;
}

static bool agrees(Host *h, const HostOptions *o, const Bytes *want)
{
	Instance *i;
	int exit_code = 0;
	Err e;
	if (host_instance(h, o, &i, &e) || host_call(i, "_start", NULL, 0, NULL, 0, &exit_code, &e))
		die(&e);
	Bytes got = host_stdout(i);
	bool good = exit_code == 0 && got.n == want->n && memcmp(got.p, want->p, got.n) == 0;
	free(got.p);
	host_drop(i);
	return good;
}

int main(int argc, char **argv)
{
	uint32_t runs = 0, seeds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	Host *h;
	Err e;
	if (argc < 5 || argc % 2 == 0) {
		printf("usage: agree MODULE SEEDS INPUT OUTPUT...\n");
		return 2;
	}
	Bytes wasm = content(argv[1]);
	if (host_open(argv[1], wasm.p, wasm.n, &h, &e))
		die(&e);
	for (int a = 3; a < argc; a += 2) {
		Bytes in = content(argv[a]), want = content(argv[a + 1]);
		for (uint32_t seed = 0; seed < (seeds ? seeds : 1); seed++, runs++) {
			HostOptions o = {.input = in.p, .ninput = in.n, .seeded = seeds > 0, .seed = seed};
			if (!agrees(h, &o, &want)) {
				printf("another answer to %s under seed %u\n", argv[a], seed);
				return 1;
			}
		}
		free(in.p);
		free(want.p);
	}
	host_close(h);
	free(wasm.p);
	printf("%u\n", runs);
	return 0;
}
