/* decrypt.c - authenticated decryption, ChaCha20-Poly1305 as in RFC 8439.
 *
 * Request: key[32] nonce[12] adlen[1] ad[adlen] ciphertext[0..] mac[16]. Answer: the line "ok" and then the message, or,
 * when the mac does not belong to the rest, the line "forged" and nothing more: that is an answer, not an error. */
#include <sodium/crypto_aead_chacha20poly1305.h>
#include <string.h>
#include "aead.h"

const char service_name[] = "decrypt";

const ServiceInput service_input[INPUTS] = {
	/* RFC 8439 2.8.2 */
	[INPUT_VALID] = INPUT(
		"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
		"\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
		"\x07\x00\x00\x00\x40\x41\x42\x43\x44\x45\x46\x47"
		"\x0c" "\x50\x51\x52\x53\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7"
		"\xd3\x1a\x8d\x34\x64\x8e\x60\xdb\x7b\x86\xaf\xbc\x53\xef\x7e\xc2"
		"\xa4\xad\xed\x51\x29\x6e\x08\xfe\xa9\xe2\xb5\xa7\x36\xee\x62\xd6"
		"\x3d\xbe\xa4\x5e\x8c\xa9\x67\x12\x82\xfa\xfb\x69\xda\x92\x72\x8b"
		"\x1a\x71\xde\x0a\x9e\x06\x0b\x29\x05\xd6\xa5\xb6\x7e\xcd\x3b\x36"
		"\x92\xdd\xbd\x7f\x2d\x77\x8b\x8c\x98\x03\xae\xe3\x28\x09\x1b\x58"
		"\xfa\xb3\x24\xe4\xfa\xd6\x75\x94\x55\x85\x80\x8b\x48\x31\xd7\xbc"
		"\x3f\xf4\xde\xf0\x8e\x4b\x7a\x9d\xe5\x76\xd2\x65\x86\xce\xc6\x4b"
		"\x61\x16"
		"\x1a\xe1\x0b\x59\x4f\x09\xe2\x6a\x7e\x90\x2e\xcb\xd0\x60\x06\x91"),
	/* hexadecimal digits taken for bytes, so the mac can't match */
	[INPUT_PAPER] = INPUT(
		"46f0254965f769d52bdb4a70b443199f"
		"ab0dca716ee0"
		"\x08" "91ca6c59"
		"c4"
		"168310ca45b1f7c6"),
};

int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why)
{
	static const char ok[] = "ok\n", forged[] = "forged\n";
	Aead a;
	size_t len;
	int status = aead_parse(in, n, &a, why);

	if (status)
		return status;
	if (a.nrest < AEAD_MAC)
		return service_error(why, SERVICE_BAD, "the request has no room for the mac of 16 bytes at its end");
	len = a.nrest - AEAD_MAC;
	if (cap < sizeof forged - 1 + len)
		return service_error(why, SERVICE_LARGE, "the answer does not fit");
	if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(out + sizeof ok - 1, NULL, a.rest, len, a.rest + len, a.ad,
	                                                       a.adlen, a.nonce, a.key)) {
		memcpy(out, forged, sizeof forged - 1);
		*nout = sizeof forged - 1;
		return SERVICE_OK;
	}
	memcpy(out, ok, sizeof ok - 1);
	*nout = sizeof ok - 1 + len;
	return SERVICE_OK;
}
