/* search_text.c - looking into messages for SEARCH.
 *
 * A batch is one job. Subjects, addresses and dates are those of the envelopes,
 * which the store has at hand (RFC 9051, 6.4.4). Else the header is read; of the
 * rest only texts and the headers of enclosed messages, decoded.
 */
#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/err.h>
#include <hermod/header.h>
#include <hermod/mime.h>
#include <hermod/service.h>
#include <hermod/str.h>

#include "envelope.h"
#include "search_text.h"

enum {
	HEADER_FIRST = 16 << 10,   /* most headers are no longer */
	HEADER_MAX = 1 << 20,
	PART_MAX = 64 << 20,       /* of one text; what lies behind is not found */
};

struct text {
	const struct imap_search_job *job;
	struct hm_arena *arena;
	const struct hm_entry *entry;
	const struct hm_stored *stored;  /* NULL: not loaded */
	struct hm_str bytes;       /* of the message, if they were read ahead */
	struct hm_body *body;
	bool opened;
	uint64_t size;
	struct hm_buf header;      /* the header section, once has_header */
	bool has_header;
	const struct hm_mime *mime;
	struct hm_err err;
};

static int
read_range(struct text *t, uint64_t from, uint64_t to, struct hm_buf *ret)
{
	const struct hm_store *store = t->job->store;
	ssize_t got;

	hm_buf_clear(ret);
	if (t->bytes.p) {
		hm_buf_add(ret, t->bytes.p + from, (size_t)(to - from));
		return 0;
	}
	hm_buf_reserve(ret, (size_t)(to - from));
	while (from < to) {
		got = store->ops->body_read(t->body, from, ret->p + ret->len,
		    (size_t)(to - from));
		if (got <= 0)
			return hm_err_set(&t->err, got < 0 ? (int)got : -HM_EIO,
			    "message %llu cannot be read from octet %llu on",
			    (unsigned long long)t->entry->msgid,
			    (unsigned long long)from);
		ret->len += (size_t)got;
		ret->p[ret->len] = 0;
		from += (uint64_t)got;
	}
	return 0;
}

static int
open_message(struct text *t)
{
	const struct hm_store *store = t->job->store;
	int r = 0;

	if (t->opened)
		return 0;
	t->size = t->bytes.len;
	if (!t->bytes.p)
		r = store->ops->body_open(t->job->acc, t->entry->msgid,
		    &t->body, &t->size, &t->err);
	t->opened = r == 0;
	return r;
}

static int
load_header(struct text *t)
{
	uint64_t take = HEADER_FIRST;
	struct hm_str section = { 0 };
	int r;

	if (t->has_header)
		return 0;
	r = open_message(t);
	while (r == 0) {
		if (take > t->size)
			take = t->size;
		r = read_range(t, 0, take, &t->header);
		section = hm_header_section(hm_buf_view(&t->header));
		if (section.len < take || take == t->size || take >= HEADER_MAX)
			break;
		take *= 8;
	}
	if (r < 0)
		return r;
	t->header.len = section.len;
	t->has_header = true;
	return 0;
}

/* Whether the needle is in a decoded field; with_name: or in its name. */
static bool
field_has(const struct imap_node *leaf, const struct hm_hdrfield *field,
    bool with_name, struct hm_buf *scratch)
{
	if (!leaf->needle)
		return true;
	hm_buf_clear(scratch);
	if (with_name) {
		hm_buf_str(scratch, field->name);
		hm_buf_puts(scratch, ": ");
	}
	hm_words_decode(scratch, field->value);
	hm_search_reset(leaf->needle);
	return hm_search_feed(leaf->needle, hm_buf_view(scratch));
}

/* Whether the needle is in an address as the envelope has it, which need not be
 * how it stands in the header: "anna (work) @ example.org". */
static bool
addresses_have(struct hm_arena *arena, const struct imap_node *leaf,
    const struct hm_hdrfield *field, struct hm_buf *scratch)
{
	struct hm_hdraddrs list;
	bool found = false;
	size_t i;

	hm_hdraddrs_parse(arena, field->value, &list);
	for (i = 0; i < list.n && !found; i++) {
		if (list.at[i].kind != HM_HDRADDR_MAILBOX)
			continue;
		hm_buf_clear(scratch);
		hm_buf_str(scratch, list.at[i].local);
		hm_buf_putc(scratch, '@');
		hm_buf_str(scratch, list.at[i].domain);
		hm_search_reset(leaf->needle);
		found = hm_search_feed(leaf->needle, hm_buf_view(scratch));
	}
	return found;
}

/* name absent: any field. */
static bool
header_has(struct text *t, const struct imap_node *leaf, struct hm_str header,
    struct hm_str name)
{
	struct hm_buf scratch = { 0 };
	struct hm_hdrfield field;
	bool found = false;

	while (!found && hm_header_next(&header, &field)) {
		if (name.p && !hm_str_caseeq(field.name, name))
			continue;
		found = field_has(leaf, &field, !name.p, &scratch) ||
		    (leaf->addresses && name.p &&
		    addresses_have(t->arena, leaf, &field, &scratch));
	}
	hm_buf_release(&scratch);
	return found;
}

/* What an envelope says; false: there is none. */
static bool
envelope_says(struct text *t, const struct imap_node *leaf, struct hm_buf *ret,
    bool *ret_there)
{
	return leaf->envelope && t->stored && t->stored->envelope.len &&
	    imap_envelope_get(t->stored->envelope,
	    (enum imap_envelope)leaf->envelope, ret, ret_there);
}

static int
match_header(void *self, const struct imap_node *leaf)
{
	struct hm_buf said = { 0 };
	struct text *t = self;
	bool found;
	int r;

	if (envelope_says(t, leaf, &said, &found)) {
		if (found && leaf->needle) {
			hm_search_reset(leaf->needle);
			found = hm_search_feed(leaf->needle, hm_buf_view(&said));
		}
		hm_buf_release(&said);
		return found;
	}
	hm_buf_release(&said);
	r = load_header(t);
	if (r < 0)
		return r;
	return header_has(t, leaf, hm_buf_view(&t->header), leaf->field);
}

static int
sent_day(void *self, const struct imap_node *leaf, int64_t *ret_day)
{
	struct hm_hdrfield field = { 0 };
	struct hm_buf said = { 0 };
	struct text *t = self;
	bool there;
	int64_t at;
	int r = 0, zone;

	if (envelope_says(t, leaf, &said, &there)) {
		field.value = hm_buf_view(&said);
	} else {
		r = load_header(t);
		there = r == 0 && hm_header_find(hm_buf_view(&t->header),
		    "Date", 0, &field);
	}
	there = there && hm_date_parse(field.value, &at, &zone) == 0;
	hm_buf_release(&said);
	if (!there)
		return r;
	/* The day as the sender wrote it (RFC 9051, 6.4.4, SENTON). */
	at += zone * 60;
	*ret_day = at >= 0 ? at / 86400 : (at - 86399) / 86400;
	return 1;
}

static int
part_has(struct text *t, const struct imap_node *leaf,
    const struct hm_mime_part *part)
{
	struct hm_mime_part copy = *part;
	struct hm_buf raw = { 0 }, text = { 0 };
	uint64_t end = part->end;
	int r;

	if (end > t->size)
		end = t->size;
	if (part->body >= end)
		return 0;
	if (end - part->body > PART_MAX)
		end = part->body + PART_MAX;
	r = read_range(t, part->body, end, &raw);
	if (r == 0) {
		copy.header = copy.body = 0;
		copy.end = raw.len;
		if (hm_mime_text(&text, hm_buf_view(&raw), &copy,
		    PART_MAX) != -HM_EUNSUPPORTED && text.len) {
			hm_search_reset(leaf->needle);
			r = hm_search_feed(leaf->needle, hm_buf_view(&text));
		}
	}
	hm_buf_release(&raw);
	hm_buf_release(&text);
	return r;
}

/* The header of a message within the message. */
static int
inner_header_has(struct text *t, const struct imap_node *leaf,
    const struct hm_mime_part *part)
{
	struct hm_buf raw = { 0 };
	uint64_t end = part->body;
	int r;

	if (end > t->size)
		end = t->size;
	if (part->header >= end)
		return 0;
	if (end - part->header > HEADER_MAX)
		end = part->header + HEADER_MAX;
	r = read_range(t, part->header, end, &raw);
	if (r == 0)
		r = header_has(t, leaf, hm_buf_view(&raw), hm_str(NULL));
	hm_buf_release(&raw);
	return r;
}

static int
match_part(struct text *t, const struct imap_node *leaf,
    const struct hm_mime_part *part)
{
	int r = 0;

	if (part->parent >= 0 && t->mime->parts[part->parent].message)
		r = inner_header_has(t, leaf, part);
	if (r == 0 && !part->multipart && !part->message &&
	    (!part->type.len || hm_str_is(part->type, "text")))
		r = part_has(t, leaf, part);
	return r;
}

static int
match_body(void *self, const struct imap_node *leaf)
{
	struct text *t = self;
	size_t i;
	int r;

	if (leaf->key == IMAP_KEY_TEXT) {
		r = load_header(t);
		if (r < 0)
			return r;
		if (header_has(t, leaf, hm_buf_view(&t->header), hm_str(NULL)))
			return 1;
	}
	r = open_message(t);
	if (r < 0)
		return r;
	if (!t->mime)
		return hm_err_set(&t->err, -HM_ECORRUPT,
		    "the structure of message %llu is damaged",
		    (unsigned long long)t->entry->msgid);
	if (!leaf->needle)
		return 1;
	for (i = 0; i < t->mime->n && r == 0; i++)
		r = match_part(t, leaf, &t->mime->parts[i]);
	return r;
}

static const struct imap_text_ops text_ops = {
	match_header, sent_day, match_body
};

bool
imap_search_reads(const struct imap_search *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->nodes[i].key >= IMAP_KEY_HEADER && !s->nodes[i].envelope)
			return true;
	return false;
}

/* enum hm_stored_parts */
static unsigned
parts_needed(const struct imap_search *s)
{
	unsigned parts = 0;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->nodes[i].key >= IMAP_KEY_BODY)
			parts |= HM_STORED_MIME;
		if (s->nodes[i].envelope)
			parts |= HM_STORED_ENVELOPE;
	}
	return parts;
}

static int
judge(struct imap_search_job *job, size_t i, struct hm_arena *arena,
    const struct hm_stored *stored, struct hm_str bytes)
{
	struct text t = { .job = job, .arena = arena, .entry = job->entry[i],
	    .stored = stored, .bytes = bytes };
	int r;

	if (stored && stored->mime.len)
		(void)hm_mime_unpack(arena, stored->mime, &t.mime);
	r = imap_search_eval(job->search, job->entry[i], job->seq[i], &text_ops,
	    &t);
	if (r < 0 && r != -HM_ENOENT)
		job->err = t.err;
	if (t.body)
		job->store->ops->body_close(t.body);
	hm_buf_release(&t.header);
	return r;
}

int
imap_search_work(void *arg)
{
	struct imap_search_job *job = arg;
	const struct hm_store_ops *ops = job->store->ops;
	struct hm_arena *arena = hm_arena_new(NULL, "imap search");
	unsigned parts = parts_needed(job->search);
	struct hm_stored *stored = NULL;
	struct hm_str *bytes;
	uint64_t *ids;
	size_t i;
	int r = 0;

	bytes = hm_alloc_array(arena, job->n, sizeof(*bytes));
	ids = hm_alloc_array(arena, job->n, sizeof(*ids));
	for (i = 0; i < job->n; i++)
		ids[i] = job->entry[i]->msgid;
	if (parts) {
		stored = hm_alloc_array(arena, job->n, sizeof(*stored));
		r = ops->load(job->acc, ids, job->n, parts, arena, stored,
		    &job->err);
	}
	if (r == 0 && imap_search_reads(job->search) &&
	    HM_HAS(job->store, bodies))
		r = ops->bodies(job->acc, ids, job->n, IMAP_SEARCH_SMALL, arena,
		    bytes, &job->err);
	for (i = 0; r == 0 && i < job->n; i++)
		job->says[i] = judge(job, i, arena,
		    stored ? &stored[i] : NULL, bytes[i]);
	hm_arena_free(arena);
	return r;
}
