/* fetch_body.c - FETCH items that are bytes of the message: BODY[…], RFC822…,
 * BINARY[…] (RFC 9051, 6.4.5; RFC 3516). */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/encode.h>
#include <hermod/log.h>
#include <hermod/mime.h>

#include "fetch.h"

enum {
	CHUNK = 32 << 10,
	HEADER_MAX = 1 << 20,      /* what the MIME parser takes for a header */
};

/* Another session may have expunged a message that is gone; all else is ours. */
void
imap_fetch_failed(struct imap_fetch *f, struct imap_fetch_msg *m, int r,
    const char *why)
{
	m->failed = true;
	if (f->failed == 0 || f->failed == -HM_ENOENT)
		f->failed = r;
	if (r != -HM_ENOENT)
		hm_log(HM_LOG_ERROR, "message cannot be read",
		    hm_f("msgid", m->entry->msgid), hm_f("error", why));
}

/* Opens the message's bytes once; false when that fails. */
static bool
open_body(struct imap_fetch *f, struct imap_fetch_msg *m)
{
	struct imap *s = f->c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_err err = { 0 };
	int r;

	if (m->body)
		return true;
	if (m->bytes.p) {
		m->size = m->bytes.len;
		return true;
	}
	r = store->ops->body_open(s->acc, m->entry->msgid, &m->body, &m->size,
	    &err);
	if (r == 0)
		return true;
	m->body = NULL;
	imap_fetch_failed(f, m, r, err.text);
	return false;
}

/* Where a section lies; false: there is no such part. *ret_part is NULL for the
 * message as a whole. */
static bool
locate(struct imap_fetch_msg *m, const struct imap_section *s,
    const struct hm_mime_part **ret_part, uint64_t *ret_from, uint64_t *ret_to)
{
	int i;

	*ret_part = NULL;
	*ret_from = 0;
	*ret_to = m->size;
	if (s->kind == IMAP_SECTION_ALL && !s->nparts)
		return true;
	if (!m->mime && (!m->stored || hm_mime_unpack(m->arena,
	    m->stored->mime, &m->mime) < 0))
		return false;
	if (!imap_section_find(s, m->mime, &i, ret_from, ret_to))
		return false;
	*ret_part = &m->mime->parts[i];
	if (*ret_to > m->size)
		*ret_to = m->size;
	return *ret_from <= *ret_to;
}

static ssize_t
read_body(struct imap_fetch *f, struct imap_fetch_msg *m, uint64_t from,
    void *p, size_t len)
{
	if (!m->bytes.p)
		return f->c->s->srv->store->ops->body_read(m->body, from, p, len);
	if (from >= m->bytes.len)
		return 0;
	if (len > m->bytes.len - from)
		len = m->bytes.len - (size_t)from;
	memcpy(p, m->bytes.p + from, len);
	return (ssize_t)len;
}

/* A literal was announced that cannot be delivered: nothing that is sent now
 * would be understood. */
static void
cut_off(struct imap_fetch *f, const struct imap_fetch_msg *m, ssize_t r)
{
	hm_log(HM_LOG_ERROR, "message cannot be read",
	    hm_f("msgid", m->entry->msgid),
	    hm_f("error", r < 0 ? hm_err_name((int)r) : "shorter than it was"));
	f->c->s->broken = -HM_EIO;
}

/* No literal but literal8 holds NUL (RFC 9051, 9, CHAR8). What the store could
 * not put into base64, a header for one, is shown with another byte there. */
static void
hide_nul(char *p, size_t n)
{
	char *end = p + n;

	while ((p = memchr(p, '\0', (size_t)(end - p))))
		*p++ = '\x80';
}

static void
put_bytes(struct imap_fetch *f, struct imap_fetch_msg *m, uint64_t from,
    uint64_t count, bool literal8)
{
	struct imap *s = f->c->s;
	struct hm_buf *out = &s->out;
	size_t want;
	ssize_t got;

	while (count && !s->broken) {
		want = count < CHUNK ? (size_t)count : CHUNK;
		hm_buf_reserve(out, want);
		got = read_body(f, m, from, out->p + out->len, want);
		if (got <= 0) {
			cut_off(f, m, got);
			return;
		}
		if (!literal8)
			hide_nul(out->p + out->len, (size_t)got);
		out->len += (size_t)got;
		out->p[out->len] = 0;
		from += (uint64_t)got;
		count -= (uint64_t)got;
		imap_pump(s);
	}
}

/* All of [from, to), which the caller knows to be small; false when it cannot
 * be read. */
static bool
read_small(struct imap_fetch *f, struct imap_fetch_msg *m, uint64_t from,
    uint64_t to, struct hm_buf *ret)
{
	ssize_t got = 0;

	if (to - from > HEADER_MAX)
		to = from + HEADER_MAX;
	hm_buf_reserve(ret, (size_t)(to - from));
	while (from < to) {
		got = read_body(f, m, from, ret->p + ret->len,
		    (size_t)(to - from));
		if (got <= 0)
			return false;
		ret->len += (size_t)got;
		ret->p[ret->len] = 0;
		from += (uint64_t)got;
	}
	return true;
}

/* "BODY[TEXT]<5>" and the space behind it. */
static void
put_name(struct imap_fetch *f, struct imap_fetch_msg *m,
    const struct imap_fetch_item *item)
{
	struct hm_buf *out = &f->c->s->out;

	imap_put_gap(f, m);
	hm_buf_puts(out, item->name);
	if (item->section.text.p) {
		hm_buf_str(out, item->section.text);
		hm_buf_putc(out, ']');
	}
	if (item->section.partial)
		hm_buf_printf(out, "<%u>", item->section.offset);
	hm_buf_putc(out, ' ');
}

static void
put_fields(struct imap_fetch *f, struct imap_fetch_msg *m,
    const struct imap_fetch_item *item, uint64_t from, uint64_t to)
{
	struct hm_buf header = { 0 }, fields = { 0 };
	uint64_t first, count;

	if (read_small(f, m, from, to, &header)) {
		imap_section_fields(&item->section, hm_buf_view(&header),
		    &fields);
		hide_nul(fields.p, fields.len);
		imap_section_cut(&item->section, fields.len, &first, &count);
		put_name(f, m, item);
		hm_buf_printf(&f->c->s->out, "{%u}\r\n", (unsigned)count);
		hm_buf_add(&f->c->s->out, fields.p + first, (size_t)count);
	} else {
		imap_fetch_failed(f, m, -HM_EIO, "its header cannot be read");
	}
	hm_buf_release(&header);
	hm_buf_release(&fields);
}

void
imap_put_section(struct imap_fetch *f, struct imap_fetch_msg *m,
    const struct imap_fetch_item *item)
{
	const struct imap_section *s = &item->section;
	const struct hm_mime_part *part;
	uint64_t from, to, first, count;

	if (!open_body(f, m))
		return;
	if (!locate(m, s, &part, &from, &to)) {
		put_name(f, m, item);
		hm_buf_puts(&f->c->s->out, "NIL");
		return;
	}
	if (s->kind == IMAP_SECTION_FIELDS_ONLY ||
	    s->kind == IMAP_SECTION_FIELDS_NOT) {
		put_fields(f, m, item, from, to);
		return;
	}
	imap_section_cut(s, to - from, &first, &count);
	put_name(f, m, item);
	hm_buf_printf(&f->c->s->out, "{%llu}\r\n", (unsigned long long)count);
	put_bytes(f, m, from + first, count, false);
}

enum encoding { AS_IS = 0, BASE64 = 1, QUOTED = 2, UNKNOWN = 3 };

static enum encoding
encoding_of(const struct hm_mime_part *part)
{
	if (!part || part->multipart || part->message || !part->encoding.len)
		return AS_IS;
	if (hm_str_caseis(part->encoding, "7bit") ||
	    hm_str_caseis(part->encoding, "8bit") ||
	    hm_str_caseis(part->encoding, "binary"))
		return AS_IS;
	if (hm_str_caseis(part->encoding, "base64"))
		return BASE64;
	if (hm_str_caseis(part->encoding, "quoted-printable"))
		return QUOTED;
	return UNKNOWN;
}

static void
feed(enum encoding how, struct hm_decoder *d, struct hm_buf *out,
    struct hm_str in, bool last)
{
	if (how == BASE64) {
		hm_base64_feed(d, out, in);
		if (last)
			hm_base64_finish(d, out);
	} else {
		hm_qp_feed(d, out, in);
		if (last)
			hm_qp_finish(d, out);
	}
}

/* Decodes [from, to) and hands on what lies in [first, first + count) of it, or,
 * without out, nothing. Returns the decoded size, or an error. */
static int64_t
decode(struct imap_fetch *f, struct imap_fetch_msg *m, enum encoding how,
    uint64_t from, uint64_t to, uint64_t first, uint64_t count,
    struct hm_buf *out)
{
	struct imap *s = f->c->s;
	struct hm_buf raw = { 0 }, plain = { 0 };
	struct hm_decoder d = { 0 };
	uint64_t size = 0, end = first + count;
	ssize_t got;

	hm_buf_reserve(&raw, CHUNK);
	while (from < to && !s->broken && (!out || size < end)) {
		got = read_body(f, m, from, raw.p,
		    to - from < CHUNK ? (size_t)(to - from) : CHUNK);
		if (got <= 0)
			break;
		from += (uint64_t)got;
		hm_buf_clear(&plain);
		feed(how, &d, &plain, hm_str_n(raw.p, (size_t)got), from == to);
		if (out && size + plain.len > first && size < end) {
			uint64_t skip = first > size ? first - size : 0;
			uint64_t n = plain.len - skip;

			if (size + plain.len > end)
				n = end - size - skip;
			hm_buf_add(out, plain.p + skip, (size_t)n);
			imap_pump(s);
		}
		size += plain.len;
	}
	hm_buf_release(&raw);
	hm_buf_release(&plain);
	/* Not all was read: enough of it, or something failed. */
	if (from < to && !(out && size >= end))
		return -HM_EIO;
	return (int64_t)size;
}

void
imap_put_binary(struct imap_fetch *f, struct imap_fetch_msg *m,
    const struct imap_fetch_item *item)
{
	struct hm_buf *out = &f->c->s->out;
	const struct hm_mime_part *part;
	uint64_t from, to, first, count;
	enum encoding how;
	int64_t size;

	if (!open_body(f, m))
		return;
	if (!locate(m, &item->section, &part, &from, &to)) {
		put_name(f, m, item);
		hm_buf_puts(out, item->item == IMAP_ITEM_BINARY ? "NIL" : "0");
		return;
	}
	how = encoding_of(part);
	if (how == UNKNOWN) {
		f->unknown_cte = true;
		return;
	}
	size = how == AS_IS ? (int64_t)(to - from) :
	    decode(f, m, how, from, to, 0, 0, NULL);
	if (size < 0) {
		imap_fetch_failed(f, m, (int)size, "a part cannot be read");
		return;
	}
	put_name(f, m, item);
	if (item->item == IMAP_ITEM_BINARY_SIZE) {
		hm_buf_u64(out, (uint64_t)size);
		return;
	}
	imap_section_cut(&item->section, (uint64_t)size, &first, &count);
	hm_buf_printf(out, "~{%llu}\r\n", (unsigned long long)count);
	if (how == AS_IS)
		put_bytes(f, m, from + first, count, true);
	else if (count && decode(f, m, how, from, to, first, count, out) < 0)
		cut_off(f, m, -HM_EIO);
}
