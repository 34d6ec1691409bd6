/* compose.c - messages that this server writes itself. */
#include <hermod/compose.h>

#include <string.h>

#include <hermod/address.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/header.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "lex.h"

enum { LINE_MAX_OCTETS = 998 }; /* RFC 5322, 2.1.1 */

static bool
breaks_header(struct hm_str s)
{
	return s.len > 0 && (memchr(s.p, '\r', s.len) ||
	    memchr(s.p, '\n', s.len) || memchr(s.p, '\0', s.len));
}

int
hm_compose_text(struct hm_buf *out, const char *name, struct hm_str value,
    bool utf8_ok)
{
	struct hm_buf encoded = { 0 };

	if (breaks_header(value))
		return -HM_EINVAL;
	if (utf8_ok && hm_utf8_valid(value))
		hm_buf_str(&encoded, value);
	else
		hm_words_encode(&encoded, value);
	int rc = hm_header_fold(out, name, hm_buf_view(&encoded));
	hm_buf_release(&encoded);
	return rc;
}

/* Atoms and single spaces between them may stand as they are. */
static bool
plain_phrase(struct hm_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool inner = i > 0 && i + 1 < s.len && s.p[i - 1] != ' ';
		if (!lex_is(c, LEX_ATEXT) && !(c == ' ' && inner))
			return false;
	}
	return hm_str_find(s, HM_STR("=?")) < 0;
}

static void
put_phrase(struct hm_buf *out, struct hm_str display, bool utf8_ok)
{
	bool ascii = hm_str_ascii(display);

	if (!ascii && !utf8_ok) {
		hm_words_encode(out, display);
	} else if (plain_phrase(display)) {
		hm_buf_str(out, display);
	} else if (ascii && hm_str_find(display, HM_STR("=?")) >= 0) {
		hm_words_encode(out, display);
	} else {
		hm_buf_putc(out, '"');
		for (size_t i = 0; i < display.len; i++) {
			if (display.p[i] == '"' || display.p[i] == '\\')
				hm_buf_putc(out, '\\');
			hm_buf_putc(out, display.p[i]);
		}
		hm_buf_putc(out, '"');
	}
}

int
hm_compose_addr(struct hm_buf *out, const char *name, struct hm_str display,
    const struct hm_addr *addr, bool utf8_ok)
{
	struct hm_buf value = { 0 };

	if (breaks_header(display) || breaks_header(addr->text) ||
	    (addr->utf8 && !utf8_ok) || !hm_utf8_valid(display))
		return -HM_EINVAL;
	if (display.len > 0) {
		put_phrase(&value, display, utf8_ok);
		hm_buf_putc(&value, ' ');
	}
	hm_buf_putc(&value, '<');
	hm_buf_str(&value, addr->text);
	hm_buf_putc(&value, '>');
	int rc = hm_header_fold(out, name, hm_buf_view(&value));
	hm_buf_release(&value);
	return rc;
}

int
hm_compose_date(struct hm_buf *out, int64_t unix_s)
{
	char date[40];

	hm_date_rfc5322(date, unix_s, hm_local_zone_min(unix_s));
	return hm_header_fold(out, "Date", hm_str(date));
}

int
hm_compose_msgid(struct hm_buf *out, const char *host)
{
	struct hm_str h = hm_str(host);
	char id[25];

	if (h.len == 0 || breaks_header(h) || hm_str_chr(h, '>') >= 0)
		return -HM_EINVAL;
	hm_random_id(id, sizeof(id) - 1);
	hm_buf_printf(out, "Message-ID: <%s@%s>\r\n", id, host);
	return 0;
}

struct shape {
	bool ascii, long_line, odd; /* odd: control characters */
};

/* Of text whose line ends are all CRLF. */
static struct shape
shape_of(struct hm_str text)
{
	struct shape shape = { .ascii = hm_str_ascii(text) };
	size_t column = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '\r')
			continue;
		column = c == '\n' ? 0 : column + 1;
		shape.long_line |= column > LINE_MAX_OCTETS;
		shape.odd |= c == 0x7f || (c < ' ' && c != '\n' && c != '\t');
	}
	return shape;
}

/* Bare CR and bare LF become CRLF, and the last line gets its end. */
static void
normalise_lines(struct hm_buf *out, struct hm_str text)
{
	hm_buf_reserve(out, text.len + text.len / 32 + 2);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		if (c == '\r' && i + 1 < text.len && text.p[i + 1] == '\n')
			continue;
		if (c == '\r' || c == '\n')
			hm_buf_add(out, "\r\n", 2);
		else
			hm_buf_putc(out, c);
	}
	if (out->len > 0 && out->p[out->len - 1] != '\n')
		hm_buf_add(out, "\r\n", 2);
}

void
hm_compose_body(struct hm_buf *out, struct hm_str utf8)
{
	struct hm_buf text = { 0 };

	normalise_lines(&text, utf8);
	struct hm_str body = hm_buf_view(&text);
	struct shape shape = shape_of(body);
	bool qp = shape.long_line || shape.odd;
	hm_buf_puts(out, "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: ");
	hm_buf_puts(out, qp ? "quoted-printable" : shape.ascii ? "7bit" : "8bit");
	hm_buf_puts(out, "\r\n\r\n");
	if (qp)
		hm_qp_encode(out, body);
	else
		hm_buf_str(out, body);
	hm_buf_release(&text);
}
