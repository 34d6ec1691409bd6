/* hex.c - hexadecimal and xtext. */
#include <hermod/buf.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "hex.h"

static int
fail(struct hm_buf *out, size_t len)
{
	out->len = len;
	if (out->p)
		out->p[len] = '\0';
	return -HM_ESYNTAX;
}

void
hm_hex_encode(struct hm_buf *out, struct hm_str in)
{
	static const char digits[16] = "0123456789abcdef";
	size_t i;

	hm_buf_reserve(out, 2 * in.len);
	for (i = 0; i < in.len; i++) {
		hm_buf_putc(out, digits[(unsigned char)in.p[i] >> 4]);
		hm_buf_putc(out, digits[(unsigned char)in.p[i] & 15]);
	}
}

int
hm_hex_decode(struct hm_buf *out, struct hm_str in)
{
	size_t before = out->len, i;

	if (in.len % 2)
		return -HM_ESYNTAX;
	hm_buf_reserve(out, in.len / 2);
	for (i = 0; i < in.len; i += 2) {
		int high = hm_hex_value(in.p[i]);
		int low = hm_hex_value(in.p[i + 1]);

		if (high < 0 || low < 0)
			return fail(out, before);
		hm_buf_putc(out, (char)(high << 4 | low));
	}
	return 0;
}

/* RFC 3461, 4: printable ASCII but "+" and "=" stands for itself. */
static bool
xchar(char c)
{
	return c > 0x20 && c < 0x7f && c != '+' && c != '=';
}

void
hm_xtext_encode(struct hm_buf *out, struct hm_str in)
{
	static const char digits[16] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < in.len; i++) {
		unsigned char u = (unsigned char)in.p[i];

		if (xchar(in.p[i])) {
			hm_buf_putc(out, in.p[i]);
			continue;
		}
		hm_buf_putc(out, '+');
		hm_buf_putc(out, digits[u >> 4]);
		hm_buf_putc(out, digits[u & 15]);
	}
}

int
hm_xtext_decode(struct hm_buf *out, struct hm_str in)
{
	size_t before = out->len, i;

	hm_buf_reserve(out, in.len);
	for (i = 0; i < in.len; i++) {
		int high, low;

		if (xchar(in.p[i])) {
			hm_buf_putc(out, in.p[i]);
			continue;
		}
		if (in.p[i] != '+' || in.len - i < 3)
			return fail(out, before);
		high = hm_hex_value(in.p[i + 1]);
		low = hm_hex_value(in.p[i + 2]);
		if (high < 0 || low < 0)
			return fail(out, before);
		hm_buf_putc(out, (char)(high << 4 | low));
		i += 2;
	}
	return 0;
}
