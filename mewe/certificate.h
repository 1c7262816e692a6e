/* certificate.h - what verify.c asks of certificate.c. */
#ifndef CERTIFICATE_H
#define CERTIFICATE_H

#include "account.h"

/* Files of questions, one for each worker: they are too long for a pipe. */
typedef struct Certificate {
	int *fd;
	uint32_t n, cap;
} Certificate;

int certificate_file(Certificate *c);                      /* a new, nameless file for one worker to write to; -1: there is none */
bool certificate_put(int fd, uint32_t pair, const Buf *text); /* by the worker: the questions of one pair */
Bytes certificate_text(const Certificate *c, const Account *a, uint32_t proved);
void certificate_free(Certificate *c);

#endif
