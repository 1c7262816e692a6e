/* aead.h - the head that requests to encrypt and decrypt share.
 *
 *     key[32] nonce[12] adlen[1] ad[adlen] rest...
 *
 * In: the request. Out: pointers into it. Holds afterwards: ad[0..adlen) and rest[0..nrest) lie inside the request. */
#ifndef AEAD_H
#define AEAD_H

#include "service.h"

enum { AEAD_KEY = 32, AEAD_NONCE = 12, AEAD_MAC = 16, AEAD_HEAD = AEAD_KEY + AEAD_NONCE + 1 };

typedef struct Aead {
	const uint8_t *key, *nonce, *ad, *rest;
	size_t adlen, nrest;
} Aead;

static int aead_parse(const uint8_t *in, size_t n, Aead *a, const char **why)
{
	if (n > SERVICE_INPUT_MAX)
		return service_error(why, SERVICE_LARGE, SERVICE_TOO_LONG);
	if (n < AEAD_HEAD)
		return service_error(why, SERVICE_BAD,
		                     "the request is shorter than its head of 45 bytes: key 32, nonce 12, length of the ad 1");
	a->key = in;
	a->nonce = in + AEAD_KEY;
	a->adlen = in[AEAD_HEAD - 1];
	if (n - AEAD_HEAD < a->adlen)
		return service_error(why, SERVICE_BAD, "the request ends inside its additional data");
	a->ad = in + AEAD_HEAD;
	a->rest = a->ad + a->adlen;
	a->nrest = n - AEAD_HEAD - a->adlen;
	return SERVICE_OK;
}

#endif
