/* mutf7.c - modified UTF-7 of IMAP mailbox names (RFC 3501, 5.1.3).
 *
 * Every name has one encoding only: base64 of what could stand plain, empty or
 * needless shifts, padding bits that are not zero are refused, so that two
 * spellings cannot name one mailbox.
 */
#include <hermod/charset.h>

#include <string.h>

#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int
digit(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

static bool
printable(uint32_t cp)
{
	return cp >= 0x20 && cp <= 0x7e;
}

static bool
surrogate(uint32_t unit, uint32_t first)
{
	return unit >= first && unit < first + 0x400;
}

static void
put(struct hm_buf *out, uint32_t cp)
{
	char utf8[4];
	hm_buf_add(out, utf8, hm_utf8_put(utf8, cp));
}

/* The UTF-16 between "&" and "-". */
static int
decode_shift(struct hm_buf *out, struct hm_str b64)
{
	uint32_t bits = 0, high = 0;
	unsigned n = 0;

	for (size_t i = 0; i < b64.len; i++) {
		int d = digit(b64.p[i]);
		if (d < 0)
			return -HM_ESYNTAX;
		bits = bits << 6 | (uint32_t)d;
		n += 6;
		if (n < 16)
			continue;
		n -= 16;
		uint32_t unit = bits >> n & 0xffff;
		if (high) {
			if (!surrogate(unit, 0xdc00))
				return -HM_ESYNTAX;
			put(out, 0x10000 + ((high - 0xd800) << 10) +
			    (unit - 0xdc00));
			high = 0;
		} else if (surrogate(unit, 0xd800)) {
			high = unit;
		} else if (surrogate(unit, 0xdc00) || printable(unit) ||
		    unit == 0) {
			return -HM_ESYNTAX;
		} else {
			put(out, unit);
		}
	}
	if (high || n >= 6 || (bits & ((1u << n) - 1)) != 0)
		return -HM_ESYNTAX;
	return 0;
}

static int
decode(struct hm_buf *out, struct hm_str in)
{
	bool shifted = false; /* the last thing was a shift sequence */

	while (in.len > 0) {
		char c = in.p[0];
		if (c < 0x20 || c > 0x7e)
			return -HM_ESYNTAX;
		if (c != '&') {
			hm_buf_putc(out, c);
			in = hm_str_skip(in, 1);
			shifted = false;
			continue;
		}
		ssize_t dash = hm_str_chr(in, '-');
		if (dash < 0)
			return -HM_ESYNTAX;
		struct hm_str b64 = { in.p + 1, (size_t)dash - 1 };
		if (b64.len == 0) {
			hm_buf_putc(out, '&');
			shifted = false;
		} else if (shifted || decode_shift(out, b64) < 0) {
			return -HM_ESYNTAX;
		} else {
			shifted = true;
		}
		in = hm_str_skip(in, (size_t)dash + 1);
	}
	return 0;
}

int
hm_mutf7_decode(struct hm_buf *out, struct hm_str in)
{
	size_t start = out->len;

	int rc = decode(out, in);
	if (rc < 0 && out->p) {
		out->len = start;
		out->p[start] = '\0';
	}
	return rc;
}

struct shift {
	struct hm_buf *out;
	uint32_t bits;
	unsigned n;
	bool open;
};

static void
put_unit(struct shift *s, uint32_t unit)
{
	if (!s->open)
		hm_buf_putc(s->out, '&');
	s->open = true;
	s->bits = s->bits << 16 | unit;
	for (s->n += 16; s->n >= 6; s->n -= 6)
		hm_buf_putc(s->out, alphabet[s->bits >> (s->n - 6) & 63]);
}

static void
end_shift(struct shift *s)
{
	if (!s->open)
		return;
	if (s->n > 0)
		hm_buf_putc(s->out, alphabet[s->bits << (6 - s->n) & 63]);
	hm_buf_putc(s->out, '-');
	*s = (struct shift){ .out = s->out };
}

void
hm_mutf7_encode(struct hm_buf *out, struct hm_str utf8)
{
	struct shift s = { .out = out };

	while (utf8.len > 0) {
		uint32_t cp = 0xfffd;
		size_t n = hm_utf8_next(utf8, &cp);
		if (n == 0)
			cp = 0xfffd;
		utf8 = hm_str_skip(utf8, n ? n : 1);
		if (printable(cp)) {
			end_shift(&s);
			hm_buf_putc(out, (char)cp);
			if (cp == '&')
				hm_buf_putc(out, '-');
		} else if (cp >= 0x10000) {
			put_unit(&s, 0xd800 + ((cp - 0x10000) >> 10));
			put_unit(&s, 0xdc00 + ((cp - 0x10000) & 0x3ff));
		} else {
			put_unit(&s, cp);
		}
	}
	end_shift(&s);
}
