/* content.c - what is worked out once for each message that comes in. */
#include "store.h"

#include <hermod/header.h>
#include <hermod/mime.h>
#include <hermod/spool.h>

static struct hm_str
take_buf(struct hm_arena *arena, struct hm_buf *buf)
{
	struct hm_str s = hm_str_dup(arena, hm_buf_view(buf));

	hm_buf_release(buf);
	return s;
}

/* References, else In-Reply-To (RFC 5322, 3.6.4). */
static void
read_refs(struct hm_arena *arena, struct hm_str header,
    struct store_content *c)
{
	struct hm_hdrfield f;

	if (hm_header_find(header, "References", 0, &f))
		c->nrefs = hm_msgid_all(arena, f.value, &c->refs);
	if (c->nrefs == 0 && hm_header_find(header, "In-Reply-To", 0, &f))
		c->nrefs = hm_msgid_all(arena, f.value, &c->refs);
}

static void
read_texts(struct hm_arena *arena, struct hm_str message,
    const struct hm_mime *mime, struct store_content *c)
{
	struct hm_str header = hm_header_section(message);
	struct hm_buf buf = { 0 };
	struct hm_hdrfield f;

	hm_imap_envelope(&buf, header);
	c->envelope = take_buf(arena, &buf);
	hm_imap_bodystructure(&buf, message, mime, false);
	c->body = take_buf(arena, &buf);
	hm_imap_bodystructure(&buf, message, mime, true);
	c->bodystructure = take_buf(arena, &buf);
	if (hm_header_find(header, "Message-ID", 0, &f))
		c->message_id = hm_msgid_first(arena, f.value);
	if (hm_header_find(header, "Subject", 0, &f))
		c->subject_base = hm_subject_base(arena, f.value, &c->reply);
	read_refs(arena, header, c);
}

int
store_content(struct hm_arena *arena, struct hm_spool *spool,
    struct store_content *ret, struct hm_err *reterr)
{
	struct store_content c = { .spool = spool };
	struct hm_buf encoded = { 0 };

	if (hm_spool_view(spool, &c.message) < 0)
		return hm_err_set(reterr, -HM_EIO, "reading the message failed");
	hm_mime_parse(arena, c.message, NULL, &c.mime);
	if (store_binary(c.message, c.mime, &encoded)) {
		c.message = take_buf(arena, &encoded);
		hm_mime_parse(arena, c.message, NULL, &c.mime);
	}
	read_texts(arena, c.message, c.mime, &c);
	*ret = c;
	return 0;
}

/* Whether a field above the message changes what IMAP shows of it. Trace fields
 * do not, and they are what stands there nearly always. */
static bool
prefix_matters(struct hm_str prefix)
{
	static const char *const names[] = { "Bcc", "Cc", "Date", "From",
		"In-Reply-To", "Message-ID", "MIME-Version", "References",
		"Reply-To", "Sender", "Subject", "To" };
	struct hm_hdrfield f;
	size_t i;

	while (hm_header_next(&prefix, &f)) {
		if (hm_str_casestarts(f.name, HM_STR("Content-")))
			return true;
		for (i = 0; i < HM_ARRAY_LEN(names); i++)
			if (hm_str_caseis(f.name, names[i]))
				return true;
	}
	return false;
}

/* The structure as it is with prefix above: everything lies further down. */
static struct hm_str
shifted(struct hm_arena *arena, const struct hm_mime *mime,
    struct hm_str prefix)
{
	struct hm_mime_part *parts = hm_alloc_array(arena, mime->n,
	    sizeof(*parts));
	struct hm_mime moved = *mime;
	struct hm_buf buf = { 0 };
	size_t i;

	memcpy(parts, mime->parts, mime->n * sizeof(*parts));
	for (i = 0; i < mime->n; i++) {
		parts[i].header += i > 0 ? prefix.len : 0;
		parts[i].body += prefix.len;
		parts[i].end += prefix.len;
	}
	for (i = 0; i < prefix.len; i++)
		parts[0].header_lines += prefix.p[i] == '\n';
	moved.parts = parts;
	hm_mime_pack(&buf, &moved);
	return take_buf(arena, &buf);
}

void
store_content_cold(struct hm_arena *arena, const struct store_content *c,
    struct hm_str prefix, struct cold_record *ret)
{
	const struct store_content *from = c;
	struct store_content whole = { 0 };
	struct hm_buf buf = { 0 };

	if (prefix.len > 0 && prefix_matters(prefix)) {
		hm_buf_reserve(&buf, prefix.len + c->message.len);
		hm_buf_str(&buf, prefix);
		hm_buf_str(&buf, c->message);
		whole.message = take_buf(arena, &buf);
		hm_mime_parse(arena, whole.message, NULL, &whole.mime);
		read_texts(arena, whole.message, whole.mime, &whole);
		hm_mime_pack(&buf, whole.mime);
		ret->mime = take_buf(arena, &buf);
		from = &whole;
	} else {
		ret->mime = shifted(arena, c->mime, prefix);
	}
	ret->prefix = prefix;
	ret->envelope = from->envelope;
	ret->body = from->body;
	ret->bodystructure = from->bodystructure;
	ret->message_id = from->message_id;
	ret->subject_base = from->subject_base;
}
