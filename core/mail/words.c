/* words.c - encoded words in header fields (RFC 2047). */
#include <hermod/header.h>

#include <string.h>

#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "lex.h"
#include "unicode.h"

enum {
	CHARSET_MAX = 64,
	WORD_MAX = 75,       /* RFC 2047, 2 */
	DECODED_MAX = 4 * 1024 * 1024,
};

struct word {
	struct hm_str charset;
	char encoding;
	struct hm_str text;
};

/* Adjacent words of one charset are joined before they are decoded: senders
 * split characters between words, against RFC 2047, 5. */
struct decoder {
	struct hm_buf *out;
	struct hm_buf bytes;       /* transfer decoded, in charset */
	struct hm_str charset;
	bool no_end;               /* no "?=" in what remains */
};

/* The encoded word at p, and where it ends; NULL if there is none. The text
 * may hold spaces, and question marks in Q: both are seen. */
static const char *
parse_word(struct decoder *d, const char *p, const char *end, struct word *ret)
{
	const char *q = p += 2;

	while (q < end && q - p <= CHARSET_MAX &&
	    (lex_is(*q, LEX_TOKEN) && (unsigned char)*q < 0x80))
		q++;
	if (q == p || q == end || *q != '?' || q + 2 >= end || q[2] != '?')
		return NULL;
	ret->charset = lex_slice(p, q);
	ssize_t star = hm_str_chr(ret->charset, '*'); /* language: RFC 2231, 5 */
	if (star >= 0)
		ret->charset.len = (size_t)star;
	if (ret->charset.len == 0)
		return NULL;
	ret->encoding = lex_lower(q[1]);
	if (ret->encoding != 'b' && ret->encoding != 'q')
		return NULL;
	p = q + 3;
	if (d->no_end)
		return NULL;
	q = memmem(p, (size_t)(end - p), "?=", 2);
	if (!q) {
		d->no_end = true;
		return NULL;
	}
	ret->text = lex_slice(p, q);
	if (ret->encoding == 'b' && hm_str_chr(ret->text, '?') >= 0)
		return NULL;
	return q + 2;
}

static void
decode_q(struct hm_buf *out, struct hm_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		if (c == '_') {
			hm_buf_putc(out, ' ');
			continue;
		}
		if (c == '=' && i + 2 < text.len) {
			int hi = lex_hex(text.p[i + 1]);
			int lo = lex_hex(text.p[i + 2]);
			if (hi >= 0 && lo >= 0) {
				hm_buf_putc(out, (char)(hi << 4 | lo));
				i += 2;
				continue;
			}
		}
		if (c != '\r' && c != '\n')
			hm_buf_putc(out, c);
	}
}

static void
decode_b(struct hm_buf *out, struct hm_str text)
{
	struct hm_decoder b64 = { 0 };

	hm_base64_feed(&b64, out, text);
	hm_base64_finish(&b64, out);
}

static void
flush_words(struct decoder *d)
{
	struct hm_str bytes = hm_buf_view(&d->bytes);

	if (bytes.len > 0 && hm_charset_decode(d->out, d->charset, bytes,
	    DECODED_MAX) == -HM_EUNSUPPORTED)
		hm_uni_guess(d->out, bytes);
	hm_buf_clear(&d->bytes);
	d->charset = (struct hm_str){ NULL, 0 };
}

static void
add_word(struct decoder *d, const struct word *word)
{
	if (!d->charset.p || !hm_str_caseeq(d->charset, word->charset))
		flush_words(d);
	d->charset = word->charset;
	if (word->encoding == 'q')
		decode_q(&d->bytes, word->text);
	else
		decode_b(&d->bytes, word->text);
}

static bool
only_space(const char *p, const char *end)
{
	while (p < end && lex_is(*p, LEX_SPACE))
		p++;
	return p == end;
}

/* Text between words. White space between two words is dropped. */
static void
add_plain(struct decoder *d, const char *from, const char *to, bool between)
{
	if (between && only_space(from, to))
		return;
	flush_words(d);
	hm_uni_guess(d->out, lex_slice(from, to));
}

/* Removes line ends and other control characters from out[start..]. */
static void
remove_controls(struct hm_buf *out, size_t start)
{
	size_t n = start;

	for (size_t i = start; i < out->len; i++) {
		unsigned char c = (unsigned char)out->p[i];
		if (c == '\t')
			c = ' ';
		if (c < ' ' || c == 0x7f)
			continue;
		if (c == 0xc2 && i + 1 < out->len &&
		    (unsigned char)out->p[i + 1] < 0xa0) {
			i++;
			continue;
		}
		out->p[n++] = (char)c;
	}
	if (out->p) {
		out->len = n;
		out->p[n] = '\0';
	}
}

void
hm_words_decode(struct hm_buf *out, struct hm_str value)
{
	struct hm_str s = hm_str_trim(value);
	const char *p = s.p, *plain = s.p, *end = lex_end(s);
	struct decoder d = { .out = out };
	size_t start = out->len;
	bool after_word = false;

	while (p < end) {
		struct word word;
		p = memmem(p, (size_t)(end - p), "=?", 2);
		if (!p)
			break;
		const char *behind = parse_word(&d, p, end, &word);
		if (!behind) {
			p += 2;
			continue;
		}
		add_plain(&d, plain, p, after_word);
		add_word(&d, &word);
		after_word = true;
		p = plain = behind;
	}
	if (plain < end)
		add_plain(&d, plain, end, false);
	flush_words(&d);
	hm_buf_release(&d.bytes);
	remove_controls(out, start);
}

static bool
q_safe(char c)
{
	return lex_is(c, LEX_ALNUM) || c == '!' || c == '*' || c == '+' ||
	    c == '-' || c == '/';
}

/* How many bytes of whole characters fit into one word. */
static size_t
word_bytes(struct hm_str text, bool q)
{
	size_t room = WORD_MAX - sizeof("=?utf-8?q?" "?=") + 1;
	size_t bytes = 0, cost = 0;

	while (bytes < text.len) {
		uint32_t cp;
		size_t n = hm_utf8_next(hm_str_skip(text, bytes), &cp);
		if (n == 0)
			n = 1;
		size_t more = 0;
		for (size_t i = bytes; q && i < bytes + n; i++)
			more += q_safe(text.p[i]) || text.p[i] == ' ' ? 1 : 3;
		if (q ? cost + more > room : (bytes + n + 2) / 3 * 4 > room)
			break;
		cost += more;
		bytes += n;
	}
	return bytes;
}

static void
encode_q(struct hm_buf *out, struct hm_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		if (c == ' ')
			hm_buf_putc(out, '_');
		else if (q_safe(c))
			hm_buf_putc(out, c);
		else
			hm_buf_printf(out, "=%02X", (unsigned char)c);
	}
}

void
hm_words_encode(struct hm_buf *out, struct hm_str utf8)
{
	/* What looks like an encoded word must not be read as one. */
	if (hm_str_ascii(utf8) &&
	    hm_str_find(utf8, HM_STR("=?")) < 0) {
		hm_buf_str(out, utf8);
		return;
	}
	size_t safe = 0;
	for (size_t i = 0; i < utf8.len; i++)
		safe += q_safe(utf8.p[i]) || utf8.p[i] == ' ';
	bool q = safe > utf8.len * 2 / 3;
	for (bool first = true; utf8.len > 0; first = false) {
		size_t n = word_bytes(utf8, q);
		struct hm_str piece = hm_str_take(utf8, n);
		hm_buf_puts(out, first ? "=?utf-8?" : " =?utf-8?");
		hm_buf_puts(out, q ? "q?" : "b?");
		if (q)
			encode_q(out, piece);
		else
			hm_base64_encode(out, piece);
		hm_buf_puts(out, "?=");
		utf8 = hm_str_skip(utf8, n);
	}
}
