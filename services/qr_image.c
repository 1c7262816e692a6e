/* qr_image.c - the QR code of a text as a picture.
 *
 * Request: see qr.h. Answer: one byte for each module, row by row, 0 where it is dark and 255 where it is light; the picture
 * is square, so its side is the root of the answer's length. There is no quiet zone. Whoever wants a file format or a scale
 * makes it from that. */
#include "qr.h"

const char service_name[] = "qr_image";

const ServiceInput service_input[INPUTS] = {
	[INPUT_VALID] = INPUT("Hello world form MEWE !"),
	[INPUT_PAPER] = INPUT("Hello world form MEWE !"),
};

int serve(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *nout, const char **why)
{
	QRcode *code;
	size_t size;
	int status = qr_encode(in, n, &code, why);

	if (status)
		return status;
	size = (size_t)code->width * (size_t)code->width;
	if (cap < size) {
		QRcode_free(code);
		return service_error(why, SERVICE_LARGE, "the answer does not fit");
	}
	for (size_t i = 0; i < size; i++)
		out[i] = code->data[i] & 1 ? 0 : 255;
	QRcode_free(code);
	*nout = size;
	return SERVICE_OK;
}
