/* envelope.c - reading a ready-made ENVELOPE. */
#include "envelope.h"

#include <stdlib.h>

#include <hermod/header.h>
#include <hermod/str.h>

struct reader {
	const char *p, *end;
};

static bool
take(struct reader *in, char c)
{
	if (in->p == in->end || *in->p != c)
		return false;
	in->p++;
	return true;
}

static bool
take_nil(struct reader *in)
{
	if (in->end - in->p < 3 || in->p[0] != 'N' || in->p[1] != 'I' ||
	    in->p[2] != 'L')
		return false;
	in->p += 3;
	return true;
}

/* "{5}" CR LF and five bytes; the brace is taken. */
static bool
take_literal(struct reader *in, struct hm_buf *ret)
{
	size_t len = 0;

	while (in->p < in->end && *in->p >= '0' && *in->p <= '9') {
		len = len * 10 + (size_t)(*in->p++ - '0');
		if (len > (size_t)(in->end - in->p))
			return false;
	}
	if (!take(in, '}') || !take(in, '\r') || !take(in, '\n') ||
	    len > (size_t)(in->end - in->p))
		return false;
	hm_buf_add(ret, in->p, len);
	in->p += len;
	return true;
}

/* A string or NIL; ret is what it holds. */
static bool
take_nstring(struct reader *in, struct hm_buf *ret, bool *ret_nil)
{
	const char *from;

	hm_buf_clear(ret);
	*ret_nil = take_nil(in);
	if (*ret_nil)
		return true;
	if (take(in, '{'))
		return take_literal(in, ret);
	if (!take(in, '"'))
		return false;
	for (;;) {
		for (from = in->p; in->p < in->end && *in->p != '"' &&
		    *in->p != '\\';)
			in->p++;
		hm_buf_add(ret, from, (size_t)(in->p - from));
		if (take(in, '"'))
			return true;
		if (!take(in, '\\') || in->p == in->end)
			return false;
		hm_buf_putc(ret, *in->p++);
	}
}

/* name, route, mailbox, host: hosts are NIL at both ends of a group, where the
 * mailbox is its name or NIL. */
struct address {
	struct hm_buf part[4];
	bool nil[4];
};

static bool
take_address(struct reader *in, struct address *a)
{
	int i;

	if (!take(in, '('))
		return false;
	for (i = 0; i < 4; i++)
		if ((i > 0 && !take(in, ' ')) ||
		    !take_nstring(in, &a->part[i], &a->nil[i]))
			return false;
	return take(in, ')');
}

static void
put_address(struct hm_buf *ret, const struct address *a, bool *first)
{
	struct hm_str mailbox = hm_buf_view(&a->part[2]);

	if (a->nil[3] && a->nil[2]) {
		hm_buf_putc(ret, ';');
		return;
	}
	if (!*first)
		hm_buf_puts(ret, ", ");
	*first = a->nil[3];
	if (a->nil[3]) {
		hm_words_decode(ret, mailbox);
		hm_buf_puts(ret, ": ");
		return;
	}
	hm_words_decode(ret, hm_buf_view(&a->part[0]));
	hm_buf_puts(ret, a->part[0].len ? " <" : "");
	hm_buf_str(ret, mailbox);
	hm_buf_putc(ret, '@');
	hm_buf_str(ret, hm_buf_view(&a->part[3]));
	hm_buf_puts(ret, a->part[0].len ? ">" : "");
}

/* ret NULL: only passed over. */
static bool
take_addresses(struct reader *in, struct address *a, struct hm_buf *ret,
    bool *ret_there)
{
	bool first = true;

	*ret_there = !take_nil(in);
	if (!*ret_there)
		return true;
	if (!take(in, '('))
		return false;
	while (!take(in, ')')) {
		if (!take_address(in, a))
			return false;
		if (ret)
			put_address(ret, a, &first);
	}
	return true;
}

static bool
walk(struct reader *in, enum imap_envelope field, struct address *a,
    struct hm_buf *ret, bool *ret_there)
{
	int at;

	if (!take(in, '('))
		return false;
	for (at = IMAP_ENVELOPE_DATE; at <= IMAP_ENVELOPE_BCC; at++) {
		bool wanted = at == (int)field, nil = true;

		if (at > IMAP_ENVELOPE_DATE && !take(in, ' '))
			return false;
		if (at >= IMAP_ENVELOPE_FROM) {
			if (!take_addresses(in, a, wanted ? ret : NULL,
			    ret_there))
				return false;
		} else if (!take_nstring(in, &a->part[0], &nil)) {
			return false;
		}
		if (!wanted)
			continue;
		if (at < IMAP_ENVELOPE_FROM) {
			hm_words_decode(ret, hm_buf_view(&a->part[0]));
			*ret_there = !nil;
		}
		return true;
	}
	return false;
}

bool
imap_envelope_get(struct hm_str envelope, enum imap_envelope field,
    struct hm_buf *ret, bool *ret_there)
{
	struct reader in = { envelope.p, envelope.p + envelope.len };
	struct address a = { 0 };
	bool good;
	int i;

	good = walk(&in, field, &a, ret, ret_there);
	for (i = 0; i < 4; i++)
		hm_buf_release(&a.part[i]);
	return good;
}

int
imap_envelope_field(struct hm_str name)
{
	static const char *const names[] = {
		"Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc",
		"Bcc",
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(names); i++)
		if (hm_str_caseis(name, names[i]))
			return (int)i + 1;
	return 0;
}
