/* cli_verify.c - `mewe verify`. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

typedef struct VerifyArgs {
	const char *file[2], *certificate;
	bool json;
	unsigned jobs;
} VerifyArgs;

static error_t verify_opt(int key, char *arg, struct argp_state *st)
{
	VerifyArgs *a = st->input;
	if (key == 'J')
		a->json = true;
	else if (key == 'C')
		a->certificate = arg;
	else if (key == 'j')
		a->jobs = cli_number_or_usage(st, "jobs", arg, 1, 64);
	else if (key == ARGP_KEY_ARG && st->arg_num < 2)
		a->file[st->arg_num] = arg;
	else if (key == ARGP_KEY_ARG)
		argp_error(st, "one file too many: %s", arg);
	else if (key == ARGP_KEY_END && st->arg_num < 2)
		argp_error(st, "two files are wanted: the original and the multivariant module");
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

int cli_verify(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"json", 'J', 0, 0, "print the findings as JSON", 0},
		{"certificate", 'C', "FILE", 0, "write what the solver was asked there, as SMT-LIB 2 for another solver (- for standard output, in "
		 "place of the findings)", 0},
		{"jobs", 'j', "N", 0, "worker processes (default: one for each core); never changes the result", 0},
		{0},
	};
	static const struct argp argp = {options, verify_opt, "ORIGINAL MULTIVARIANT",
		"Prove from the two binaries alone that MULTIVARIANT does what ORIGINAL does, whichever variants its dispatchers "
		"choose. Nothing that the generator said is believed; nor are custom sections, which only give names for the findings."
		"\vExit: 0 all proved; 1 a difference, or a structure that can't be accounted for; 2 bad input; 4 nothing refuted, "
		"something unproved (each is named).", 0, 0, 0};
	VerifyArgs a = {.jobs = sysconf(_SC_NPROCESSORS_ONLN)};
	Bytes in[2] = {{0}}, wasm[2] = {{0}}, out = {0}, certificate = {0};
	Err e = {0};

	argp_parse(&argp, argc, argv, 0, 0, &a);
	int code = 0;
	for (int i = 0; i < 2 && !code; i++)
		if ((code = file_read(a.file[i], &in[i], &e)) == 0)
			code = read_wasm(a.file[i], in[i].p, in[i].n, &wasm[i], &e);
	if (!code)
		code = mewe_verify(a.file[0], wasm[0].p, wasm[0].n, a.file[1], wasm[1].p, wasm[1].n, a.json, a.jobs,
		                   isatty(2) ? cli_progress : NULL, NULL, &out, a.certificate ? &certificate : NULL, &e);
	if (out.p) {
		int bad = certificate.p ? cli_write(a.certificate, &certificate, false) : 0;
		if (!bad && !(a.certificate && strcmp(a.certificate, "-") == 0))
			bad = cli_write("-", &out, false);
		code = bad ? bad : code;
	} else if (code) {
		cli_fail(&e);
	}
	for (int i = 0; i < 2; i++) {
		free(in[i].p);
		free(wasm[i].p);
	}
	free(out.p);
	free(certificate.p);
	return code;
}
