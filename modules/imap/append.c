/* append.c - APPEND, one message or several (RFC 9051, 6.3.12; RFC 3502).
 *
 * The command is read piece by piece: whatever stands before a message is taken
 * into memory and parsed, the message itself goes straight into a spool.
 */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/plugin.h>
#include <hermod/spool.h>

#include "imap.h"

enum { MESSAGES_MAX = 1000, CHUNK = 32 << 10 };

struct message {
	struct imap_flags flags;
	int64_t received;
	struct imap_literal literal;
	bool wrapped;              /* UTF8 (~{…}) of RFC 6855, 4 */
	struct hm_spool *spool;
};

struct append {
	struct imap_cmd *c;
	struct hm_str name;        /* of the mailbox */
	uint64_t mailbox;          /* 0: there is none */
	bool cancelled;            /* an empty message (RFC 3502, 2) */
	bool failed;               /* the rest is read, but not kept */
	uint64_t bytes;
	size_t n, cap;
	struct message *at;
};

static struct message *
add_message(struct append *a)
{
	struct message *more;

	if (a->n == a->cap) {
		a->cap = a->cap ? a->cap * 2 : 2;
		more = hm_alloc_array(a->c->arena, a->cap, sizeof(*more));
		if (a->n)
			memcpy(more, a->at, a->n * sizeof(*more));
		a->at = more;
	}
	more = &a->at[a->n++];
	more->received = INT64_MIN;
	return more;
}

/* " [(flags) ] ["date" ] literal", where the literal's bytes are still to come:
 * the text must end with its announcement. */
static bool
take_head(struct imap_parse *p, struct message *m)
{
	if (!imap_p_sp(p))
		return false;
	if (imap_p_peek(p) == '(' &&
	    (!imap_p_flags(p, false, &m->flags) || !imap_p_sp(p)))
		return false;
	if (imap_p_peek(p) == '"' &&
	    (!imap_p_datetime(p, &m->received) || !imap_p_sp(p)))
		return false;
	if (imap_p_word(p, "UTF8")) {
		if (!imap_p_sp(p) || !imap_p_char(p, '('))
			return false;
		m->wrapped = true;
	}
	return imap_p_literal(p, &m->literal) && imap_p_end(p);
}

/* Mailbox names are literals sometimes: reads those, and begins again. */
static bool
take_mailbox(struct append *a, size_t args)
{
	struct imap_cmd *c = a->c;
	struct hm_str name;
	size_t before;
	const char *why;
	bool good;

	for (;;) {
		before = c->s->in.len;
		imap_parse_init(&c->p, c->arena, hm_buf_view(&c->s->in));
		c->p.p += args;
		c->p.utf8 = imap_utf8(c->s);
		if (imap_p_sp(&c->p) && imap_p_astring(&c->p, &name))
			break;
		if (!c->p.need_literal) {
			imap_bad_syntax(c);
			return false;
		}
		if (imap_read_literal(c, &good) < 0 || !good)
			return false;
		if (c->s->in.len == before) {
			imap_bad_syntax(c);
			return false;
		}
	}
	if (name.len > 1 && name.p[name.len - 1] == '/')
		name.len--;
	if (imap_mailbox_name(c->s, c->arena, name, &a->name, &why)) {
		a->name = hm_str_dup(c->arena, a->name);
		return true;
	}
	imap_no(c, "[CANNOT] %s", why);
	return false;
}

/* What is refused before a byte of the message was asked for: NO is said. */
static bool
refuse(struct append *a, const struct message *m)
{
	struct imap *s = a->c->s;
	const struct hm_store *store = s->srv->store;
	uint64_t used = 0, limit = 0;

	if (m->literal.size > s->srv->conf->append_limit_bytes)
		imap_no(a->c, "[TOOBIG] message is too large");
	else if (!a->mailbox)
		imap_no(a->c, "[TRYCREATE] no such mailbox");
	else if (store->ops->quota(s->acc, &used, &limit) == 0 && limit &&
	    used + a->bytes + m->literal.size > limit)
		imap_no(a->c, "[OVERQUOTA] no room in the account");
	else
		return false;
	return true;
}

/* Reads and forgets the bytes of a message that was refused. Too many of them
 * are not worth the wait. */
static void
drain(struct append *a, uint64_t left)
{
	struct imap *s = a->c->s;
	struct hm_str piece;
	int r;

	if (left > s->srv->conf->append_limit_bytes) {
		imap_bye(s, "cannot go on behind that literal");
		return;
	}
	while (left && !s->broken) {
		r = hm_io_read_some(s->io, left < CHUNK ? (size_t)left : CHUNK,
		    &piece);
		if (r < 0) {
			s->broken = r;
			return;
		}
		s->in_bytes += piece.len;
		left -= piece.len;
	}
}

/* Lines end with CRLF in what is stored, whatever a client's file had. *last is
 * the byte before the piece. */
static int
spool_text(struct hm_spool *spool, struct hm_str piece, char *last,
    struct hm_err *reterr)
{
	struct hm_buf out = { 0 };
	int r;

	for (size_t i = 0, from = 0; i < piece.len; i++) {
		char before = i > 0 ? piece.p[i - 1] : *last;

		if (i + 1 < piece.len && piece.p[i] != '\n')
			continue;
		if (piece.p[i] == '\n' && before != '\r') {
			hm_buf_add(&out, piece.p + from, i - from);
			hm_buf_puts(&out, "\r\n");
		} else {
			hm_buf_add(&out, piece.p + from, i + 1 - from);
		}
		from = i + 1;
	}
	*last = piece.p[piece.len - 1];
	r = hm_spool_append(spool, out.p, out.len, reterr);
	hm_buf_release(&out);
	return r;
}

static void
spool_message(struct append *a, struct message *m)
{
	struct imap *s = a->c->s;
	uint64_t left = m->literal.size;
	bool text = !m->literal.binary || m->wrapped;
	struct hm_err err = { 0 };
	struct hm_str piece;
	char last = '\0';
	int r = 0;

	m->spool = hm_spool_new(hm_server(s->srv->mod)->data_dir);
	while (left && !s->broken) {
		r = hm_io_read_some(s->io, left < CHUNK ? (size_t)left : CHUNK,
		    &piece);
		if (r < 0) {
			s->broken = r;
			return;
		}
		s->in_bytes += piece.len;
		left -= piece.len;
		r = text ? spool_text(m->spool, piece, &last, &err) :
		    hm_spool_append(m->spool, piece.p, piece.len, &err);
		if (r < 0)
			break;
	}
	a->bytes += m->literal.size;
	if (r == 0)
		return;
	imap_no_err(a->c, r, &err);
	a->failed = true;
	drain(a, left);
}

/* One message and the line behind it; what that line begins with is the next
 * message's head, if anything. False when the reply was made or the stream has
 * ended, and nothing more of this command is to come. */
static bool
read_message(struct append *a, struct message *m)
{
	struct imap_cmd *c = a->c;
	struct imap *s = c->s;
	bool no = a->failed || refuse(a, m);

	a->failed |= no;
	if (no && m->literal.sync)
		return false; /* the client sees NO and sends nothing */
	if (m->literal.sync) {
		hm_buf_puts(&s->out, "+ go on\r\n");
		imap_push(s);
	}
	if (no)
		drain(a, m->literal.size);
	else
		spool_message(a, m);
	if (m->literal.size == 0)
		a->cancelled = true;
	hm_buf_clear(&s->in);
	return !s->broken && s->state != IMAP_LOGOUT && imap_read_line(s) == 0;
}

/* Every message of the command, the last one's line being the end. */
static bool
read_messages(struct append *a, size_t args)
{
	struct imap_cmd *c = a->c;
	struct imap_literal lit;
	struct message *m;

	for (;;) {
		m = add_message(a);
		if (a->n > MESSAGES_MAX)
			imap_p_fail(&c->p, "fewer messages");
		if (c->p.missed || !take_head(&c->p, m)) {
			imap_bad_syntax(c);
			if (imap_literal_at_end(hm_str_skip(
			    hm_buf_view(&c->s->in), args), &lit) && !lit.sync)
				imap_bye(c->s, "cannot go on behind that literal");
			return false;
		}
		if (!read_message(a, m))
			return false;
		imap_parse_init(&c->p, c->arena, hm_buf_view(&c->s->in));
		args = 0;
		if (m->wrapped && !imap_p_char(&c->p, ')')) {
			imap_bad_syntax(c);
			return false;
		}
		if (c->p.p == c->p.end)
			return true;
	}
}

static void
reply(struct append *a, const struct hm_append *items)
{
	struct imap_cmd *c = a->c;
	struct hm_uidset_builder b = { 0 };
	struct hm_uidset uids;
	struct hm_buf *out = &c->s->out;
	size_t i;

	for (i = 0; i < a->n; i++)
		hm_uidset_add(&b, items[i].ret_uid, items[i].ret_uid);
	hm_uidset_take(&b, c->arena, &uids);
	imap_sync(c->s, true, NULL);
	hm_buf_str(out, c->tag);
	hm_buf_printf(out, " OK [APPENDUID %u ", items[0].ret_uidvalidity);
	imap_put_uidset(out, &uids);
	hm_buf_puts(out, "] done\r\n");
	c->replied = true;
	c->s->bad = 0;
}

static void
store_messages(struct append *a)
{
	struct imap_cmd *c = a->c;
	struct imap *s = c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_append *items = hm_alloc_array(c->arena, a->n, sizeof(*items));
	struct hm_err err = { 0 };
	size_t i;
	int r;

	for (i = 0; i < a->n; i++)
		items[i] = (struct hm_append){
			.mailbox = a->mailbox, .spool = a->at[i].spool,
			.flags = a->at[i].flags.flags,
			.nkeywords = a->at[i].flags.nkeywords,
			.keywords = a->at[i].flags.keywords,
			.received = a->at[i].received,
		};
	r = store->ops->append(s->acc, items, a->n, &err);
	if (r == -HM_ENOENT)
		imap_no(c, "[TRYCREATE] no such mailbox");
	else if (r < 0)
		imap_no_err(c, r, &err);
	else
		reply(a, items);
}

void
imap_cmd_append(struct imap_cmd *c)
{
	struct imap *s = c->s;
	struct append a = { .c = c };
	const struct hm_mailbox *box;
	struct hm_mailboxes *all;
	struct imap_literal lit;
	size_t i, args = (size_t)(c->p.p - s->in.p);

	if (!take_mailbox(&a, args)) {
		if (!s->broken && imap_literal_at_end(hm_str_skip(
		    hm_buf_view(&s->in), args), &lit) && !lit.sync)
			imap_bye(s, "cannot go on behind that literal");
		return;
	}
	all = s->srv->store->ops->mailboxes(s->acc);
	box = hm_mailboxes_find(all, a.name);
	a.mailbox = box ? box->id : 0;
	hm_mailboxes_unref(all);
	if (read_messages(&a, args) && !a.failed) {
		if (a.cancelled)
			imap_no(c, "cancelled by an empty message");
		else
			store_messages(&a);
	}
	for (i = 0; i < a.n; i++)
		hm_spool_free(a.at[i].spool);
}
