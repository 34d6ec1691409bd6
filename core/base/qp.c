/* qp.c - quoted-printable (RFC 2045, 6.7). */
#include <string.h>

#include <hermod/buf.h>
#include <hermod/encode.h>
#include <hermod/str.h>

#include "hex.h"

#define LINE_MAX_CHARS 76

enum state {
	TEXT = 0,      /* white space may be held back in d->hold */
	TEXT_CR,       /* a CR that may end the line */
	EQUALS,        /* "=" */
	EQUALS_HEX,    /* "=" and one hexadecimal digit, in d->bits */
	EQUALS_SPACE,  /* "=" and white space, in d->hold: a soft break? */
	EQUALS_CR,     /* the same and a CR */
};

static void
release_held(struct hm_decoder *d, struct hm_buf *out)
{
	hm_buf_add(out, d->hold, d->pending);
	d->pending = 0;
}

/* More white space than a legal line has: give it out, it is not the end of a
 * sane line any more. */
static void
hold(struct hm_decoder *d, struct hm_buf *out, char c)
{
	if (d->pending == sizeof(d->hold)) {
		if (d->state == EQUALS_SPACE) {
			hm_buf_putc(out, '=');
			d->state = TEXT;
		}
		d->bad = true;
		release_held(d, out);
	}
	d->hold[d->pending++] = c;
}

static void
feed_text(struct hm_decoder *d, struct hm_buf *out, char c)
{
	unsigned char u = (unsigned char)c;

	switch (c) {
	case ' ':
	case '\t':
		hold(d, out, c);
		return;
	case '\r':
		d->state = TEXT_CR;
		return;
	case '\n': /* white space before it was added on the way (6.7 (3)) */
		d->pending = 0;
		hm_buf_putc(out, c);
		return;
	}
	release_held(d, out);
	if (c == '=') {
		d->state = EQUALS;
		return;
	}
	if (u < 0x20 || u >= 0x7f)
		d->bad = true;
	hm_buf_putc(out, c);
}

static void
feed_text_cr(struct hm_decoder *d, struct hm_buf *out, char c)
{
	d->state = TEXT;
	if (c == '\n') {
		d->pending = 0;
		hm_buf_add(out, "\r\n", 2);
		return;
	}
	d->bad = true;
	release_held(d, out);
	hm_buf_putc(out, '\r');
	feed_text(d, out, c);
}

static void
feed_equals(struct hm_decoder *d, struct hm_buf *out, char c)
{
	if (hm_hex_value(c) >= 0) {
		d->bits = (unsigned char)c;
		d->state = EQUALS_HEX;
	} else if (c == ' ' || c == '\t') {
		d->state = EQUALS_SPACE;
		hold(d, out, c);
	} else if (c == '\r') {
		d->state = EQUALS_CR;
	} else if (c == '\n') {
		d->state = TEXT;
	} else { /* as if it stood for itself (6.7, note 2) */
		d->bad = true;
		d->state = TEXT;
		hm_buf_putc(out, '=');
		feed_text(d, out, c);
	}
}

static void
feed_equals_hex(struct hm_decoder *d, struct hm_buf *out, char c)
{
	int high = hm_hex_value((char)d->bits), low = hm_hex_value(c);

	d->state = TEXT;
	if (low >= 0) {
		hm_buf_putc(out, (char)(high << 4 | low));
		return;
	}
	d->bad = true;
	hm_buf_putc(out, '=');
	hm_buf_putc(out, (char)d->bits);
	feed_text(d, out, c);
}

static void
feed_equals_space(struct hm_decoder *d, struct hm_buf *out, char c)
{
	if (c == ' ' || c == '\t') {
		hold(d, out, c);
	} else if (c == '\r') {
		d->state = EQUALS_CR;
	} else if (c == '\n') {
		d->pending = 0;
		d->state = TEXT;
	} else {
		d->bad = true;
		d->state = TEXT;
		hm_buf_putc(out, '=');
		feed_text(d, out, c);
	}
}

static void
feed_equals_cr(struct hm_decoder *d, struct hm_buf *out, char c)
{
	d->state = TEXT;
	d->pending = 0;
	if (c == '\n')
		return;
	d->bad = true; /* a bare CR still reads as a soft break */
	feed_text(d, out, c);
}

void
hm_qp_feed(struct hm_decoder *d, struct hm_buf *out, struct hm_str in)
{
	static void (*const feed[])(struct hm_decoder *, struct hm_buf *,
	    char) = {
		[TEXT] = feed_text,
		[TEXT_CR] = feed_text_cr,
		[EQUALS] = feed_equals,
		[EQUALS_HEX] = feed_equals_hex,
		[EQUALS_SPACE] = feed_equals_space,
		[EQUALS_CR] = feed_equals_cr,
	};
	size_t i;

	hm_buf_reserve(out, in.len);
	for (i = 0; i < in.len; i++)
		feed[d->state](d, out, in.p[i]);
}

void
hm_qp_finish(struct hm_decoder *d, struct hm_buf *out)
{
	if (d->state == EQUALS_HEX) {
		d->bad = true;
		hm_buf_putc(out, '=');
		hm_buf_putc(out, (char)d->bits);
	} else if (d->state == TEXT_CR) {
		d->bad = true;
		release_held(d, out);
		hm_buf_putc(out, '\r');
	}
	d->pending = 0; /* white space at the end of the last line */
	d->state = TEXT;
}

/* Whether the byte at i has to be written as =XX. */
static bool
must_quote(struct hm_str in, size_t i, size_t column)
{
	unsigned char u = (unsigned char)in.p[i];
	struct hm_str rest = hm_str_skip(in, i + 1);

	if (u == ' ' || u == '\t') /* not at the end of a line */
		return rest.len == 0 || hm_str_starts(rest, HM_STR("\r\n"));
	if (u < 0x20 || u >= 0x7f || u == '=')
		return true;
	/* Relays and mbox files trip over these at the start of a line
	 * (RFC 2049, 3). */
	return column == 0 && (u == '.' ||
	    (u == 'F' && hm_str_starts(rest, HM_STR("rom "))));
}

void
hm_qp_encode(struct hm_buf *out, struct hm_str in)
{
	static const char digits[16] = "0123456789ABCDEF";
	size_t column = 0, i, width;

	hm_buf_reserve(out, in.len + in.len / 16);
	for (i = 0; i < in.len; i++) {
		unsigned char u = (unsigned char)in.p[i];
		bool quote, last;

		if (hm_str_starts(hm_str_skip(in, i), HM_STR("\r\n"))) {
			hm_buf_add(out, "\r\n", 2);
			column = 0;
			i++;
			continue;
		}
		quote = must_quote(in, i, column);
		width = quote ? 3 : 1;
		last = i + 1 == in.len ||
		    hm_str_starts(hm_str_skip(in, i + 1), HM_STR("\r\n"));
		/* Room for the "=" of a soft break, unless the line ends. */
		if (column + width + !last > LINE_MAX_CHARS) {
			hm_buf_add(out, "=\r\n", 3);
			column = 0;
			quote = must_quote(in, i, column);
			width = quote ? 3 : 1;
		}
		if (quote) {
			hm_buf_putc(out, '=');
			hm_buf_putc(out, digits[u >> 4]);
			hm_buf_putc(out, digits[u & 15]);
		} else {
			hm_buf_putc(out, (char)u);
		}
		column += width;
	}
}
