/* encrypt.c - authenticated encryption, ChaCha20-Poly1305 as in RFC 8439.
 *
 * Request: key[32] nonce[12] adlen[1] ad[adlen] message[0..]. Answer: ciphertext, as long as the message, then mac[16],
 * so that a request to decrypt is the request to encrypt with the answer in the message's place. */
#include <sodium/crypto_aead_chacha20poly1305.h>
#include "aead.h"

const char service_name[] = "encrypt";

const ServiceInput service_input[INPUTS] = {
	/* RFC 8439 2.8.2 */
	[INPUT_VALID] = INPUT(
		"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
		"\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
		"\x07\x00\x00\x00\x40\x41\x42\x43\x44\x45\x46\x47"
		"\x0c" "\x50\x51\x52\x53\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7"
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."),
	/* the same key, but the additional data is the nonce and the nonce is the additional data */
	[INPUT_PAPER] = INPUT(
		"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
		"\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
		"\x50\x51\x52\x53\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7"
		"\x0c" "\x07\x00\x00\x00\x40\x41\x42\x43\x44\x45\x46\x47"
		"Diversification is cool!"),
};

int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why)
{
	Aead a;
	int status = aead_parse(in, n, &a, why);

	if (status)
		return status;
	if (cap < a.nrest + AEAD_MAC)
		return service_error(why, SERVICE_LARGE, "the answer does not fit");
	crypto_aead_chacha20poly1305_ietf_encrypt_detached(out, out + a.nrest, NULL, a.rest, a.nrest, a.ad, a.adlen, NULL,
	                                                   a.nonce, a.key);
	*nout = a.nrest + AEAD_MAC;
	return SERVICE_OK;
}
