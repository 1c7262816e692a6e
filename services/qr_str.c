/* qr_str.c - the QR code of a text, drawn as text.
 *
 * Request: see qr.h. Answer: UTF-8, a line for each row, two characters for each module: full blocks where it is dark, spaces
 * where it is light. There is no quiet zone: whoever shows it to a scanner adds the light margin. */
#include "qr.h"

const char service_name[] = "qr_str";

const ServiceInput service_input[INPUTS] = {
	[INPUT_VALID] = INPUT("Hello world form MEWE !"),
	[INPUT_PAPER] = INPUT("Hello world form MEWE !"),
};

static uint8_t *put(uint8_t *out, const char *s)
{
	while (*s)
		*out++ = (uint8_t)*s++;
	return out;
}

int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why)
{
	uint8_t *o = out;
	QRcode *code;
	int status = qr_encode(in, n, &code, why);

	if (status)
		return status;
	if (cap < (size_t)code->width * (6 * (size_t)code->width + 1)) {
		QRcode_free(code);
		return service_error(why, SERVICE_LARGE, "the answer does not fit");
	}
	for (int y = 0; y < code->width; y++) {
		for (int x = 0; x < code->width; x++)
			o = put(o, code->data[y * code->width + x] & 1 ? "\u2588\u2588" : "  ");
		o = put(o, "\n");
	}
	QRcode_free(code);
	*nout = (size_t)(o - out);
	return SERVICE_OK;
}
