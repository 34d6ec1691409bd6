/* base64.c - base64 of protocols (RFC 4648) and of bodies (RFC 2045, 6.8). */
#include <string.h>

#include <hermod/buf.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/str.h>

/* 57 bytes make a line of 76 characters. */
#define LINE_BYTES 57

static void
encode_group(struct hm_buf *out, const unsigned char *p, size_t n)
{
	static const char alphabet[64] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) |
	    (n > 2 ? p[2] : 0);
	char text[4] = {
		alphabet[v >> 18], alphabet[v >> 12 & 63],
		n > 1 ? alphabet[v >> 6 & 63] : '=',
		n > 2 ? alphabet[v & 63] : '=',
	};

	hm_buf_add(out, text, 4);
}

void
hm_base64_encode(struct hm_buf *out, struct hm_str in)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t i;

	hm_buf_reserve(out, in.len / 3 * 4 + 4);
	for (i = 0; i < in.len; i += 3)
		encode_group(out, p + i, in.len - i);
}

void
hm_base64_encode_lines(struct hm_buf *out, struct hm_str in)
{
	while (in.len) {
		hm_base64_encode(out, hm_str_take(in, LINE_BYTES));
		hm_buf_add(out, "\r\n", 2);
		in = hm_str_skip(in, LINE_BYTES);
	}
}

/* 0 to 63, or -1. */
static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
hm_base64_decode(struct hm_buf *out, struct hm_str in)
{
	size_t before = out->len, chars = in.len, i;
	uint32_t bits = 0;

	if (in.len % 4)
		return -HM_ESYNTAX;
	while (chars && in.len - chars < 2 && in.p[chars - 1] == '=')
		chars--;
	hm_buf_reserve(out, in.len / 4 * 3);
	for (i = 0; i < chars; i++) {
		int v = value_of(in.p[i]);

		if (v < 0)
			goto bad;
		bits = bits << 6 | (uint32_t)v;
		/* Every character but the first of a group ends a byte. */
		if (i % 4)
			hm_buf_putc(out, (char)(bits >> (6 - 2 * (i % 4))));
	}
	/* Bits behind the last byte must be zero (RFC 4648, 3.5). */
	if ((chars % 4 == 2 && bits & 15) || (chars % 4 == 3 && bits & 3))
		goto bad;
	return 0;
bad:
	out->len = before;
	if (out->p)
		out->p[before] = '\0';
	return -HM_ESYNTAX;
}

/* Gives out what a group that ends early still holds. */
static void
flush_group(struct hm_decoder *d, struct hm_buf *out)
{
	if (d->nbits == 6)
		d->bad = true;
	if (d->nbits >= 12)
		hm_buf_putc(out, (char)(d->bits >> (d->nbits - 8)));
	if (d->nbits == 18)
		hm_buf_putc(out, (char)(d->bits >> 2));
	d->bits = 0;
	d->nbits = 0;
}

/* d->state counts the padding that is still due. Text after padding is decoded
 * as well: pieces that were encoded apart are joined like that. */
static void
feed_pad(struct hm_decoder *d, struct hm_buf *out)
{
	if (d->nbits >= 12) {
		d->state = d->nbits == 12 ? 1 : 0;
		flush_group(d, out);
	} else if (d->nbits == 0 && d->state) {
		d->state--;
	} else {
		d->bad = true;
	}
}

void
hm_base64_feed(struct hm_decoder *d, struct hm_buf *out, struct hm_str in)
{
	size_t i;

	hm_buf_reserve(out, in.len / 4 * 3 + 3);
	for (i = 0; i < in.len; i++) {
		char c = in.p[i];
		int v = value_of(c);

		if (v >= 0) {
			d->bad |= d->state != 0;
			d->state = 0;
			d->bits = d->bits << 6 | (uint32_t)v;
			d->nbits += 6;
			if (d->nbits == 24) {
				hm_buf_putc(out, (char)(d->bits >> 16));
				hm_buf_putc(out, (char)(d->bits >> 8));
				hm_buf_putc(out, (char)d->bits);
				d->bits = 0;
				d->nbits = 0;
			}
		} else if (c == '=') {
			feed_pad(d, out);
		} else if (c != '\r' && c != '\n' && c != ' ' && c != '\t') {
			d->bad = true;
		}
	}
}

void
hm_base64_finish(struct hm_decoder *d, struct hm_buf *out)
{
	if (d->nbits || d->state)
		d->bad = true;
	flush_group(d, out);
	d->state = 0;
}
