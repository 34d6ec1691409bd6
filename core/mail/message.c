/* message.c - the message that hooks decide about. */
#include <hermod/message.h>

#include <stdlib.h>
#include <string.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/header.h>
#include <hermod/mime.h>
#include <hermod/spool.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include "core/plug/slots.h"
#include "message-private.h"
#include "spool-private.h"

enum { HEADER_MAX = 4 * 1024 * 1024 }; /* of which fields are looked for */
enum { ADDED = 1, REMOVED = 2 };       /* in journals */

struct hm_message {
	struct hm_slots slots;      /* first: see slots.h */
	struct hm_arena *arena;
	struct hm_spool *spool;
	struct hm_addr sender;
	struct hm_addr *rcpts;
	size_t nrcpts, room;
	struct hm_buf prefix;
	struct hm_str header;       /* as received; {NULL,0} until looked at */
	uint64_t header_of;         /* the size of the spool then */
	struct hm_buf removed;      /* names, each ended by NUL */
	struct hm_spool *final;     /* with the fields of removed left out */
	size_t final_of;            /* the length of removed then */
	const struct hm_mime *mime;
	struct hm_buf *journal;     /* of changes of fields, or NULL */
	struct hm_err *err;         /* of the job under way */
};

static void
clean_up(void *arg)
{
	struct hm_message *msg = arg;

	msg->slots.reply = NULL; /* a child of the arena: gone already */
	hm_slots_release(&msg->slots);
	hm_spool_free(msg->final);
	hm_spool_free(msg->spool);
	hm_buf_release(&msg->prefix);
	hm_buf_release(&msg->removed);
	free(msg->rcpts);
}

struct hm_message *
hm_message_new(struct hm_arena *parent, struct hm_spool *spool)
{
	struct hm_arena *arena = hm_arena_new(parent, "message");
	struct hm_message *msg = hm_new(arena, struct hm_message);

	msg->arena = arena;
	msg->spool = spool;
	msg->sender.local = msg->sender.domain = msg->sender.text = HM_STR("");
	hm_slots_init(&msg->slots, arena);
	hm_on_free(arena, clean_up, msg);
	return msg;
}

void
hm_message_free(struct hm_message *msg)
{
	if (!msg)
		return;
	hm_slots_release(&msg->slots);
	hm_arena_free(msg->arena);
}

struct hm_arena *
hm_message_arena(struct hm_message *msg)
{
	return msg->arena;
}

struct hm_spool *
hm_message_spool(struct hm_message *msg)
{
	return msg->spool;
}

/* ---- envelope -------------------------------------------------------- */

void
hm_message_set_sender(struct hm_message *msg, const struct hm_addr *sender)
{
	hm_addr_copy(msg->arena, sender, &msg->sender);
}

const struct hm_addr *
hm_message_sender(const struct hm_message *msg)
{
	return &msg->sender;
}

void
hm_message_add_rcpt(struct hm_message *msg, const struct hm_addr *rcpt)
{
	if (msg->nrcpts == msg->room) {
		msg->room = msg->room ? 2 * msg->room : 4;
		msg->rcpts = hm_xrealloc(msg->rcpts,
		    msg->room * sizeof(*msg->rcpts));
	}
	hm_addr_copy(msg->arena, rcpt, &msg->rcpts[msg->nrcpts++]);
}

size_t
hm_message_rcpts(const struct hm_message *msg)
{
	return msg->nrcpts;
}

const struct hm_addr *
hm_message_rcpt(const struct hm_message *msg, size_t i)
{
	return i < msg->nrcpts ? &msg->rcpts[i] : NULL;
}

/* ---- bytes ----------------------------------------------------------- */

uint64_t
hm_message_size(const struct hm_message *msg)
{
	return hm_spool_size(msg->spool);
}

struct read_job {
	struct hm_spool *spool;
	uint64_t offset;
	void *p;
	size_t len;
	ssize_t n;
};

static int
read_job(void *arg)
{
	struct read_job *job = arg;

	job->n = hm_spool_read(job->spool, job->offset, job->p, job->len);
	return 0;
}

ssize_t
hm_message_read(struct hm_message *msg, uint64_t offset, void *p, size_t len)
{
	struct read_job job = { msg->spool, offset, p, len, 0 };

	if (!hm_spool_on_file(msg->spool))
		return hm_spool_read(msg->spool, offset, p, len);
	int rc = hm_work(read_job, &job);
	return rc < 0 ? rc : job.n;
}

/* ---- fields ---------------------------------------------------------- */

static int
header_job(void *arg)
{
	struct hm_message *msg = arg;
	struct hm_str bytes;

	int rc = hm_spool_view(msg->spool, &bytes);
	if (rc < 0)
		return rc;
	msg->header = hm_str_dup(msg->arena,
	    hm_header_section(hm_str_take(bytes, HEADER_MAX)));
	msg->header_of = bytes.len;
	return 0;
}

/* Bytes may still be coming in: a header section without its end is read
 * again when there are more. A copy, because views end with every append. */
static int
need_header(struct hm_message *msg)
{
	struct hm_str have = msg->header;

	if (have.p && (msg->header_of == hm_spool_size(msg->spool) ||
	    have.len < msg->header_of))
		return 0;
	return hm_spool_on_file(msg->spool) ? hm_work(header_job, msg)
	    : header_job(msg);
}

static bool
is_removed(const struct hm_message *msg, struct hm_str name)
{
	struct hm_str rest = hm_buf_view(&msg->removed);

	while (name.p && rest.len > 0) {
		struct hm_str one = hm_str(rest.p);
		if (hm_str_caseeq(one, name))
			return true;
		rest = hm_str_skip(rest, one.len + 1);
	}
	return false;
}

static size_t
count_fields(struct hm_str header, const char *name)
{
	struct hm_hdrfield field;
	size_t n = 0;

	while (hm_header_next(&header, &field))
		n += field.name.p && hm_str_caseis(field.name, name);
	return n;
}

struct hm_str
hm_message_field(struct hm_message *msg, const char *name, size_t n)
{
	struct hm_str none = { NULL, 0 }, prefix = hm_buf_view(&msg->prefix);
	struct hm_hdrfield field;
	size_t added = count_fields(prefix, name);

	if (n < added) {
		hm_header_find(prefix, name, n, &field);
		return hm_header_unfold(msg->arena, field.value);
	}
	if (is_removed(msg, hm_str(name)) || need_header(msg) < 0 ||
	    !hm_header_find(msg->header, name, n - added, &field))
		return none;
	return hm_header_unfold(msg->arena, field.value);
}

static void
note(struct hm_message *msg, char what, const char *name, const char *value)
{
	if (!msg->journal)
		return;
	hm_buf_putc(msg->journal, what);
	hm_buf_lstr(msg->journal, hm_str(name));
	if (value)
		hm_buf_lstr(msg->journal, hm_str(value));
}

int
hm_message_add_field(struct hm_message *msg, const char *name,
    const char *value)
{
	struct hm_buf field = { 0 };

	int rc = hm_header_fold(&field, name, hm_str(value));
	if (rc == 0) {
		note(msg, ADDED, name, value);
		hm_buf_str(&field, hm_buf_view(&msg->prefix));
		hm_buf_release(&msg->prefix);
		msg->prefix = field;
		return 0;
	}
	hm_buf_release(&field);
	return rc;
}

/* The fields of any other name. */
static void
copy_without(struct hm_buf *out, struct hm_str header, const char *name)
{
	struct hm_hdrfield field;

	while (hm_header_next(&header, &field))
		if (!field.name.p || !hm_str_caseis(field.name, name))
			hm_buf_str(out, field.raw);
}

int
hm_message_remove_field(struct hm_message *msg, const char *name)
{
	struct hm_str prefix = hm_buf_view(&msg->prefix);
	size_t n = count_fields(prefix, name);

	note(msg, REMOVED, name, NULL);
	if (n > 0) {
		struct hm_buf rest = { 0 };
		copy_without(&rest, prefix, name);
		hm_buf_release(&msg->prefix);
		msg->prefix = rest;
	}
	if (is_removed(msg, hm_str(name)))
		return (int)n;
	int rc = need_header(msg);
	if (rc < 0)
		return rc;
	size_t received = count_fields(msg->header, name);
	if (received > 0)
		hm_buf_add(&msg->removed, name, strlen(name) + 1);
	return (int)(n + received);
}

struct hm_str
hm_message_prefix(const struct hm_message *msg)
{
	return hm_buf_view(&msg->prefix);
}

/* ---- in two processes ------------------------------------------------ */

struct hm_str
hm_message_removed(const struct hm_message *msg)
{
	return hm_buf_view(&msg->removed);
}

void
hm_message_set_spool(struct hm_message *msg, struct hm_spool *spool)
{
	hm_spool_free(msg->spool);
	msg->spool = spool;
	msg->header = (struct hm_str){ NULL, 0 };
	msg->mime = NULL;
}

void
hm_message_set_fields(struct hm_message *msg, struct hm_str prefix,
    struct hm_str removed)
{
	hm_buf_clear(&msg->prefix);
	hm_buf_str(&msg->prefix, prefix);
	hm_buf_clear(&msg->removed);
	hm_buf_str(&msg->removed, removed);
}

void
hm_message_set_journal(struct hm_message *msg, struct hm_buf *journal)
{
	msg->journal = journal;
}

/* Free of NUL, which would end it early. */
static int
take_text(struct hm_arena *arena, struct hm_str *in, const char **ret)
{
	struct hm_str text;

	if (hm_take_lstr(in, &text) < 0 || memchr(text.p, '\0', text.len))
		return -HM_ECORRUPT;
	*ret = hm_strndup(arena, text.p, text.len);
	return 0;
}

int
hm_message_replay(struct hm_message *msg, struct hm_str journal)
{
	struct hm_arena *arena = hm_arena_new(NULL, "journal");
	int rc = 0;

	while (rc >= 0 && journal.len > 0) {
		const char *name, *value;
		uint8_t what;
		if (hm_take_u8(&journal, &what) < 0 ||
		    take_text(arena, &journal, &name) < 0)
			rc = -HM_ECORRUPT;
		else if (what == REMOVED)
			rc = hm_message_remove_field(msg, name);
		else if (what != ADDED || take_text(arena, &journal, &value) < 0)
			rc = -HM_ECORRUPT;
		else
			rc = hm_message_add_field(msg, name, value);
	}
	hm_arena_free(arena);
	return rc < 0 ? rc : 0;
}

/* ---- the result ------------------------------------------------------ */

static int
final_job(void *arg)
{
	struct hm_message *msg = arg;
	struct hm_str bytes;
	struct hm_hdrfield field;

	int rc = hm_spool_view(msg->spool, &bytes);
	if (rc < 0)
		return hm_err_set(msg->err, rc, "reading the message failed");
	while (rc == 0 && hm_header_next(&bytes, &field))
		if (!is_removed(msg, field.name))
			rc = hm_spool_append(msg->final, field.raw.p,
			    field.raw.len, msg->err);
	if (rc == 0)
		rc = hm_spool_append(msg->final, bytes.p, bytes.len, msg->err);
	return rc;
}

int
hm_message_final(struct hm_message *msg, struct hm_spool **ret,
    struct hm_err *reterr)
{
	if (msg->removed.len == 0) {
		*ret = msg->spool;
		return 0;
	}
	if (!msg->final || msg->final_of != msg->removed.len) {
		hm_spool_free(msg->final);
		msg->final = hm_spool_sibling(msg->spool);
		msg->final_of = msg->removed.len;
		msg->err = reterr;
		int rc = hm_work(final_job, msg);
		msg->err = NULL;
		if (rc < 0) {
			hm_spool_free(msg->final);
			msg->final = NULL;
			return rc;
		}
	}
	*ret = msg->final;
	return 0;
}

static int
mime_job(void *arg)
{
	struct hm_message *msg = arg;
	struct hm_str bytes;

	int rc = hm_spool_view(msg->spool, &bytes);
	if (rc == 0)
		hm_mime_parse(msg->arena, bytes, NULL, &msg->mime);
	return rc;
}

int
hm_message_mime(struct hm_message *msg, const struct hm_mime **ret)
{
	if (!msg->mime) {
		int rc = hm_work(mime_job, msg);
		if (rc < 0)
			return rc;
	}
	*ret = msg->mime;
	return 0;
}
