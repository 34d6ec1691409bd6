/* write.c - the forms in which IMAP says things. */
#include <string.h>

#include <hermod/charset.h>
#include <hermod/clock.h>
#include <hermod/str.h>

#include "write.h"

void
imap_put_u32(struct hm_buf *out, uint32_t n)
{
	char digits[10];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	hm_buf_add(out, digits + i, sizeof(digits) - i);
}

void
imap_put_text(struct hm_buf *out, struct hm_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		hm_buf_putc(out, c < 0x20 || c >= 0x7f ? '?' : (char)c);
	}
}

static bool
is_atom(struct hm_str s)
{
	size_t i;

	/* "NIL" would be read as nothing at all. */
	if (s.len == 0 || hm_str_caseis(s, "NIL"))
		return false;
	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c >= 0x7f || memchr("(){%*\"\\]", c, 8))
			return false;
	}
	return true;
}

static bool
can_be_quoted(struct hm_str s, bool utf8)
{
	size_t i;

	if (s.len > 4096)
		return false;
	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f || (c >= 0x80 && !utf8))
			return false;
	}
	return true;
}

void
imap_put_string(struct hm_buf *out, struct hm_str s, bool utf8)
{
	size_t i;

	if (!can_be_quoted(s, utf8)) {
		hm_buf_putc(out, '{');
		hm_buf_u64(out, s.len);
		hm_buf_puts(out, "}\r\n");
		hm_buf_str(out, s);
		return;
	}
	hm_buf_putc(out, '"');
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			hm_buf_putc(out, '\\');
		hm_buf_putc(out, s.p[i]);
	}
	hm_buf_putc(out, '"');
}

void
imap_put_astring(struct hm_buf *out, struct hm_str s, bool utf8)
{
	if (is_atom(s))
		hm_buf_str(out, s);
	else
		imap_put_string(out, s, utf8);
}

void
imap_put_mailbox(struct hm_buf *out, struct hm_str name, bool utf8)
{
	struct hm_buf encoded = { 0 };

	if (utf8 || (hm_str_ascii(name) && hm_str_chr(name, '&') < 0)) {
		imap_put_astring(out, name, utf8);
		return;
	}
	hm_mutf7_encode(&encoded, name);
	imap_put_astring(out, hm_buf_view(&encoded), false);
	hm_buf_release(&encoded);
}

void
imap_put_uidset(struct hm_buf *out, const struct hm_uidset *set)
{
	size_t i;

	for (i = 0; i < set->n; i++) {
		if (i)
			hm_buf_putc(out, ',');
		imap_put_u32(out, set->at[i].first);
		if (set->at[i].last == set->at[i].first)
			continue;
		hm_buf_putc(out, ':');
		imap_put_u32(out, set->at[i].last);
	}
}

void
imap_put_flags(struct hm_buf *out, unsigned flags, uint64_t bits,
    const struct hm_mailbox *box)
{
	/* In the order of enum hm_flag. */
	static const char *const names[] = {
		"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft",
		"$Forwarded", "$Junk", "$NotJunk", "$Phishing", "$MDNSent",
	};
	const char *gap = "";
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(names); i++) {
		if (!(flags & 1u << i))
			continue;
		hm_buf_puts(out, gap);
		hm_buf_puts(out, names[i]);
		gap = " ";
	}
	if (flags & IMAP_FLAG_RECENT) {
		hm_buf_puts(out, gap);
		hm_buf_puts(out, "\\Recent");
		gap = " ";
	}
	for (i = 0; bits && box && i < box->nkeywords && i < 64; i++) {
		if (!(bits & UINT64_C(1) << i))
			continue;
		hm_buf_puts(out, gap);
		hm_buf_str(out, box->keywords[i]);
		gap = " ";
	}
}

void
imap_put_flags_memo(struct hm_buf *out, struct imap_flag_memo *memo,
    unsigned flags, uint64_t bits, const struct hm_mailbox *box)
{
	if (!memo->filled || memo->flags != flags || memo->bits != bits) {
		hm_buf_clear(&memo->text);
		imap_put_flags(&memo->text, flags, bits, box);
		memo->filled = true;
		memo->flags = flags;
		memo->bits = bits;
	}
	hm_buf_add(out, memo->text.p, memo->text.len);
}

static void
two_digits(char *p, int n)
{
	p[0] = (char)('0' + n / 10);
	p[1] = (char)('0' + n % 10);
}

void
imap_put_datetime(struct hm_buf *out, int64_t unix_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char text[] = "\"dd-Mon-yyyy hh:mm:ss +0000\"";
	struct hm_tm tm;

	hm_tm_from_unix(unix_s, 0, &tm);
	/* Four digits is all the syntax has. */
	if (tm.year < 0 || tm.year > 9999)
		hm_tm_from_unix(0, 0, &tm);
	two_digits(text + 1, tm.day);
	if (tm.day < 10)
		text[1] = ' ';
	memcpy(text + 4, months + 3 * (tm.mon - 1), 3);
	two_digits(text + 8, (int)tm.year / 100);
	two_digits(text + 10, (int)tm.year % 100);
	two_digits(text + 13, tm.hour);
	two_digits(text + 16, tm.min);
	two_digits(text + 19, tm.sec);
	hm_buf_add(out, text, sizeof(text) - 1);
}
