/* pack.c - the stored record of a MIME structure.
 *
 * Version byte, flags, number of parts, then the parts in depth-first order;
 * the tree is rebuilt from their depths. Numbers are varints, offsets relative
 * to the one before.
 */
#include <hermod/mime.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

enum {
	VERSION = 1,
	MIME_TRUNCATED = 1, MIME_UTF8_HEADER = 2,
	PART_HAS_TYPE = 1, PART_MULTIPART = 2, PART_MESSAGE = 4,
	PART_DAMAGED = 8,
	PARTS_LIMIT = 1000000, /* more cannot come from any parser of ours */
};

/* Length plus one, so that absent and empty differ. */
static void
put_str(struct hm_buf *out, struct hm_str s)
{
	hm_buf_varint(out, s.p ? s.len + 1 : 0);
	hm_buf_str(out, s);
}

static void
put_params(struct hm_buf *out, const struct hm_param *params, size_t n)
{
	hm_buf_varint(out, n);
	for (size_t i = 0; i < n; i++) {
		put_str(out, params[i].name);
		put_str(out, params[i].value);
	}
}

static void
put_part(struct hm_buf *out, const struct hm_mime_part *p, uint64_t *at)
{
	unsigned flags = (p->has_type ? PART_HAS_TYPE : 0) |
	    (p->multipart ? PART_MULTIPART : 0) |
	    (p->message ? PART_MESSAGE : 0) | (p->damaged ? PART_DAMAGED : 0);

	hm_buf_varint(out, flags);
	hm_buf_varint(out, p->depth);
	hm_buf_varint(out, p->header - *at);
	hm_buf_varint(out, p->body - p->header);
	hm_buf_varint(out, p->end - p->body);
	*at = p->header;
	hm_buf_varint(out, p->header_lines);
	hm_buf_varint(out, p->body_lines);
	put_str(out, p->type);
	put_str(out, p->subtype);
	put_params(out, p->params, p->nparams);
	put_str(out, p->id);
	put_str(out, p->description);
	put_str(out, p->encoding);
	put_str(out, p->md5);
	put_str(out, p->location);
	put_str(out, p->disposition);
	put_params(out, p->dparams, p->ndparams);
	hm_buf_varint(out, p->nlanguages);
	for (size_t i = 0; i < p->nlanguages; i++)
		put_str(out, p->languages[i]);
}

void
hm_mime_pack(struct hm_buf *out, const struct hm_mime *mime)
{
	uint64_t at = 0;

	hm_buf_putc(out, VERSION);
	hm_buf_varint(out, (mime->truncated ? MIME_TRUNCATED : 0) |
	    (mime->utf8_header ? MIME_UTF8_HEADER : 0));
	hm_buf_varint(out, mime->n);
	for (size_t i = 0; i < mime->n; i++)
		put_part(out, &mime->parts[i], &at);
}

/* The reading side: the first damage sticks, and everything behind it reads as
 * zero, so that callers check once. */
struct reader {
	struct hm_arena *arena;
	struct hm_str in;
	bool bad;
};

static uint64_t
take(struct reader *r, uint64_t max)
{
	uint64_t n = 0;

	if (r->bad || hm_take_varint(&r->in, &n) < 0 || n > max) {
		r->bad = true;
		return 0;
	}
	return n;
}

static struct hm_str
take_str(struct reader *r)
{
	uint64_t n = take(r, r->in.len + 1);

	if (n == 0 || n - 1 > r->in.len) {
		r->bad |= n != 0;
		return (struct hm_str){ NULL, 0 };
	}
	struct hm_str s = hm_str_take(r->in, (size_t)(n - 1));
	r->in = hm_str_skip(r->in, (size_t)(n - 1));
	return s;
}

static const struct hm_param *
take_params(struct reader *r, size_t *ret_n)
{
	/* each takes two bytes at least */
	size_t n = (size_t)take(r, r->in.len / 2);

	*ret_n = n;
	if (n == 0)
		return NULL;
	struct hm_param *params = hm_alloc_array(r->arena, n, sizeof(*params));
	for (size_t i = 0; i < n; i++) {
		params[i].name = take_str(r);
		params[i].value = take_str(r);
	}
	return params;
}

static const struct hm_str *
take_languages(struct reader *r, size_t *ret_n)
{
	size_t n = (size_t)take(r, r->in.len);

	*ret_n = n;
	if (n == 0)
		return NULL;
	struct hm_str *tags = hm_alloc_array(r->arena, n, sizeof(*tags));
	for (size_t i = 0; i < n; i++)
		tags[i] = take_str(r);
	return tags;
}

static void
take_part(struct reader *r, struct hm_mime_part *p, uint64_t *at)
{
	unsigned flags = (unsigned)take(r, 255);

	p->has_type = flags & PART_HAS_TYPE;
	p->multipart = flags & PART_MULTIPART;
	p->message = flags & PART_MESSAGE;
	p->damaged = flags & PART_DAMAGED;
	p->depth = (uint16_t)take(r, UINT16_MAX);
	p->header = *at += take(r, INT64_MAX / 4);
	p->body = p->header + take(r, INT64_MAX / 4);
	p->end = p->body + take(r, INT64_MAX / 4);
	p->header_lines = (uint32_t)take(r, UINT32_MAX);
	p->body_lines = (uint32_t)take(r, UINT32_MAX);
	p->type = take_str(r);
	p->subtype = take_str(r);
	p->params = take_params(r, &p->nparams);
	p->id = take_str(r);
	p->description = take_str(r);
	p->encoding = take_str(r);
	p->md5 = take_str(r);
	p->location = take_str(r);
	p->disposition = take_str(r);
	p->dparams = take_params(r, &p->ndparams);
	p->languages = take_languages(r, &p->nlanguages);
	p->parent = p->first_child = p->next = HM_MIME_NONE;
}

/* Parents and siblings from the depths; last[d] is the latest part at depth d. */
static bool
link_parts(struct reader *r, struct hm_mime_part *parts, size_t n)
{
	unsigned deepest = 0;

	for (size_t i = 0; i < n; i++)
		if (parts[i].depth > deepest)
			deepest = parts[i].depth;
	if (deepest >= n)
		return false;
	int *last = hm_alloc_array(r->arena, deepest + 1u, sizeof(*last));
	for (size_t i = 0; i < n; i++) {
		unsigned depth = parts[i].depth;
		if ((depth == 0) != (i == 0) ||
		    (i > 0 && depth > parts[i - 1].depth + 1u))
			return false;
		if (i > 0) {
			int up = last[depth - 1];
			parts[i].parent = up;
			if (parts[up].first_child == HM_MIME_NONE)
				parts[up].first_child = (int)i;
			else
				parts[last[depth]].next = (int)i;
		}
		last[depth] = (int)i;
	}
	for (size_t i = 0; i < n; i++)
		if (parts[i].message && parts[i].first_child == HM_MIME_NONE)
			return false;
	return true;
}

int
hm_mime_unpack(struct hm_arena *arena, struct hm_str record,
    const struct hm_mime **ret)
{
	struct reader r = { .arena = arena, .in = record };
	uint8_t version;

	if (hm_take_u8(&r.in, &version) < 0 || version != VERSION)
		return -HM_ECORRUPT;
	unsigned flags = (unsigned)take(&r, 255);
	/* each part takes 19 bytes at least */
	size_t n = (size_t)take(&r, r.in.len / 19);
	if (r.bad || n == 0 || n > PARTS_LIMIT)
		return -HM_ECORRUPT;
	struct hm_mime *mime = hm_new(arena, struct hm_mime);
	struct hm_mime_part *parts = hm_alloc_array(arena, n, sizeof(*parts));
	uint64_t at = 0;
	for (size_t i = 0; i < n && !r.bad; i++)
		take_part(&r, &parts[i], &at);
	if (r.bad || r.in.len > 0 || !link_parts(&r, parts, n))
		return -HM_ECORRUPT;
	mime->n = n;
	mime->parts = parts;
	mime->truncated = flags & MIME_TRUNCATED;
	mime->utf8_header = flags & MIME_UTF8_HEADER;
	*ret = mime;
	return 0;
}
