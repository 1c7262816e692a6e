/* qr.h - what the two QR services share: a text to the modules of its QR code.
 *
 * Request: UTF-8 text without NUL, as much as a QR code of error correction level M holds (2331 bytes; 5596 digits).
 * Holds afterwards: the code is the caller's, released with QRcode_free(). */
#ifndef QR_H
#define QR_H

#include <errno.h>
#include <qrencode.h>
#include <string.h>
#include "service.h"

enum { QR_TEXT_MAX = 5596 };

/* The length of the UTF-8 sequence at p, of which n >= 1 bytes are there, or 0: overlong forms, surrogates and values
 * above U+10FFFF are none (RFC 3629). */
static size_t qr_utf8(const uint8_t *p, size_t n)
{
	uint8_t low = 0x80, high = 0xbf; /* of the second byte */
	size_t len;

	if (*p < 0x80)
		return 1;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	len = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	if (*p == 0xe0)
		low = 0xa0;
	if (*p == 0xed)
		high = 0x9f;
	if (*p == 0xf0)
		low = 0x90;
	if (*p == 0xf4)
		high = 0x8f;
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static int qr_encode(const uint8_t *in, size_t n, QRcode **out, const char **why)
{
	char text[QR_TEXT_MAX + 1];

	if (n > QR_TEXT_MAX)
		return service_error(why, SERVICE_LARGE, "the text is longer than a QR code of level M holds");
	if (memchr(in, 0, n))
		return service_error(why, SERVICE_BAD, "the text has a NUL byte");
	for (size_t i = 0, len; i < n; i += len) {
		len = qr_utf8(in + i, n - i);
		if (!len)
			return service_error(why, SERVICE_BAD, "the text is not UTF-8");
	}
	memcpy(text, in, n);
	text[n] = 0;
	*out = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	if (*out)
		return SERVICE_OK;
	if (errno == ERANGE)
		return service_error(why, SERVICE_LARGE, "the text is longer than a QR code of level M holds");
	return service_error(why, SERVICE_FAILED, "out of memory");
}

#endif
