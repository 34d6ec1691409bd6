/* deliver.c - a whole message: decide, then store, then say so.
 *
 * Every decision is made before anything is stored, so that what is refused for
 * all is with the sender alone. What is for elsewhere goes into the queue first;
 * what then cannot be stored here follows it, and is tried again from there.
 */
#include <stdlib.h>

#include "smtp.h"

enum {
	RECEIVED_MAX = 100,
	HEADER_BYTES_MAX = 1 << 20,
	PIECE = 64 << 10,
};

/* RFC 5321, 6.3: a hundred hops is a loop. */
static HM_FIBER bool
loops(struct smtp_session *s)
{
	if (hm_message_field(s->txn.msg, "Received", RECEIVED_MAX).p == NULL)
		return false;
	smtp_reply(s, 554, "5.4.6", "this message goes round in a loop");
	return true;
}

/* Whether the header is longer than anybody reads: what stands behind such a
 * limit one program sees and another does not. */
static HM_FIBER bool
header_too_large(struct smtp_session *s)
{
	struct hm_message *msg = s->txn.msg;
	struct hm_str read;
	char *piece;
	uint64_t at = 0;
	ssize_t n = 0;
	bool ends = hm_message_size(msg) <= HEADER_BYTES_MAX;

	if (ends)
		return false;
	piece = hm_xalloc(PIECE);
	while (!ends && at < HEADER_BYTES_MAX &&
	    (n = hm_message_read(msg, at, piece, PIECE)) > 0) {
		read = hm_str_n(piece, (size_t)n);
		ends = hm_str_find(read, HM_STR("\r\n\r\n")) >= 0 ||
		    (at == 0 && hm_str_starts(read, HM_STR("\r\n")));
		/* The four may lie in two pieces. */
		at += (uint64_t)(n > 3 ? n - 3 : n);
	}
	free(piece);
	if (n < 0)
		smtp_local_error(s);
	else if (!ends)
		smtp_reply(s, 552, "5.3.4",
		    "the header is larger than this server takes");
	return !ends;
}

static HM_FIBER bool
owned(struct smtp_session *s, const struct hm_addr *addr, const char *field)
{
	const struct hm_directory *dir = s->mod->directory;
	struct hm_err err = { 0 };
	int r = dir->ops->may_send(dir->self, hm_session_account(s->hs), addr,
	    &err);

	if (r == 0)
		smtp_reply(s, 550, "5.7.1",
		    "the %s address is not yours to send as", field);
	else if (r < 0)
		smtp_local_error(s);
	return r > 0;
}

/* A user writes as one author, and as an address of theirs (RFC 6409, 6.1). */
static HM_FIBER bool
author_owned(struct smtp_session *s)
{
	struct hm_message *msg = s->txn.msg;
	const struct hm_mime *mime;
	struct hm_err err = { 0 };
	struct hm_addr from;

	/* one that cannot be read now is not judged by what it lacks */
	if (hm_message_field(msg, "From", 0).p == NULL &&
	    hm_message_mime(msg, &mime) < 0) {
		smtp_local_error(s);
		return false;
	}
	if (hm_message_field(msg, "From", 0).p == NULL ||
	    hm_message_field(msg, "From", 1).p != NULL ||
	    hm_hdraddr_single(hm_message_arena(msg),
	    hm_message_field(msg, "From", 0), &from, &err) < 0) {
		smtp_reply(s, 550, "5.6.0",
		    "a message needs one From field with one address");
		return false;
	}
	return owned(s, &from, "From");
}

/* Who sends it on is an author, too (RFC 5322, 3.6.6): the newest one, above. */
static HM_FIBER bool
resender_owned(struct smtp_session *s)
{
	struct hm_message *msg = s->txn.msg;
	struct hm_str value = hm_message_field(msg, "Resent-From", 0);
	struct hm_err err = { 0 };
	struct hm_addr from;

	if (value.p == NULL)
		return true;
	if (hm_hdraddr_single(hm_message_arena(msg), value, &from, &err) == 0)
		return owned(s, &from, "Resent-From");
	smtp_reply(s, 550, "5.6.0", "Resent-From needs one address");
	return false;
}

/* What a submission server mends (RFC 6409, 8). */
static HM_FIBER int
complete(struct smtp_session *s)
{
	struct hm_message *msg = s->txn.msg;
	struct hm_arena *arena = hm_message_arena(msg);
	char id[23], date[40];
	int64_t now = hm_wall_ms() / 1000;
	int r = hm_message_remove_field(msg, "Bcc");

	if (r >= 0)
		r = hm_message_remove_field(msg, "Resent-Bcc");
	if (r >= 0 && hm_message_field(msg, "Message-ID", 0).p == NULL) {
		hm_random_id(id, sizeof(id) - 1);
		r = hm_message_add_field(msg, "Message-ID",
		    hm_printf(arena, "<%s@%s>", id, s->server->hostname));
	}
	if (r >= 0 && hm_message_field(msg, "Date", 0).p == NULL)
		r = hm_message_add_field(msg, "Date",
		    hm_date_rfc5322(date, now, hm_local_zone_min(now)));
	return r < 0 ? r : 0;
}

static HM_FIBER bool
accepted(struct smtp_session *s)
{
	struct hm_message *msg = s->txn.msg;

	if (header_too_large(s) || loops(s))
		return false;
	if (smtp_is_submission(s)) {
		if (!author_owned(s) || !resender_owned(s))
			return false;
		if (complete(s) < 0) {
			smtp_local_error(s);
			return false;
		}
	}
	if (smtp_refused(s, hm_decide_header(s->m, s->hs, msg, msg)))
		return false;
	return !smtp_refused(s, smtp_is_submission(s) ?
	    hm_decide_submit(s->m, s->hs, msg, msg) :
	    hm_decide_message(s->m, s->hs, msg, msg));
}

/* All recipients' deliveries, ready to be stored. */
struct batch {
	struct hm_deliver *items;
	struct hm_facts *facts;
	bool *queued;                    /* by the queue, not from here */
	bool *dropped;                   /* refused, and nobody is to hear of it */
	struct hm_verdict *verdicts;     /* of the deliver hooks */
	size_t n;
};

/* Whether it is stored by this session. */
static bool
from_here(const struct batch *b, size_t i)
{
	return !b->queued[i] && !b->dropped[i];
}

/* What the queue alone can do: other servers, waiting, telling of success. */
static bool
for_queue(const struct smtp_session *s, size_t i)
{
	const struct smtp_rcpt *rcpt = &s->txn.rcpts[i];

	return rcpt->account.len == 0 || s->txn.params.hold_s > 0 ||
	    (rcpt->notify & HM_NOTIFY_SUCCESS);
}

static HM_FIBER void
reply_queue_failed(struct smtp_session *s, const struct hm_err *err)
{
	hm_log(HM_LOG_WARN, "not queued", hm_f("account",
	    hm_session_account(s->hs)), hm_f("error", err->text));
	if (err->code == -HM_ELIMIT)
		smtp_reply(s, 451, "4.7.1", "%s", err->text);
	else if (err->code == -HM_ENOSPC)
		smtp_reply(s, 452, "4.3.1", "disk is full, try again later");
	else
		smtp_local_error(s);
}

static HM_FIBER bool
enqueue(struct smtp_session *s, struct hm_spool *body, const struct batch *b)
{
	struct hm_err err = { 0 };
	bool any = false;

	for (size_t i = 0; i < b->n; i++)
		any = any || b->queued[i];
	if (!any || smtp_enqueue(s, body, b->queued, &err) == 0)
		return true;
	reply_queue_failed(s, &err);
	return false;
}

/* A full mailbox or disk, met after others got theirs: the queue tries on, and
 * tells the sender if it is in vain. */
static HM_FIBER void
requeue_failed(struct smtp_session *s, struct hm_spool *body, struct batch *b)
{
	bool *failed = hm_alloc_array(hm_message_arena(s->txn.msg), b->n,
	    sizeof(*failed));
	bool any = false;

	if (s->mod->queue == NULL || !smtp_is_submission(s))
		return;
	for (size_t i = 0; i < b->n; i++)
		any |= failed[i] = from_here(b, i) && b->items[i].result < 0;
	if (any && smtp_enqueue(s, body, failed, NULL) == 0)
		for (size_t i = 0; i < b->n; i++)
			b->queued[i] = b->queued[i] || failed[i];
}

static struct hm_str
single_from(struct smtp_session *s)
{
	struct hm_message *msg = s->txn.msg;
	struct hm_addr from;

	if (hm_hdraddr_single(hm_message_arena(msg),
	    hm_message_field(msg, "From", 0), &from, NULL) < 0)
		return (struct hm_str){ 0 };
	return from.text;
}

static void
gather_facts(struct smtp_session *s, struct batch *b)
{
	struct hm_arena *arena = hm_message_arena(s->txn.msg);
	const struct hm_addr *sender = hm_message_sender(s->txn.msg);
	struct hm_str from = single_from(s);
	char ip[112];

	b->facts = hm_alloc_array(arena, b->n, sizeof(*b->facts));
	for (size_t i = 0; i < b->n; i++)
		b->facts[i] = (struct hm_facts){
			.remote_ip = hm_str_dup(arena, hm_str(
			    hm_sockaddr_ip(ip, hm_session_peer(s->hs)))),
			.helo = hm_session_helo(s->hs),
			.mail_from = sender->text,
			.rcpt_to = hm_message_rcpt(s->txn.msg, i)->text,
			.msg_from = from,
			.msg_from_valid = smtp_is_submission(s),
			.mail_from_valid = smtp_is_submission(s),
			.is_dsn = sender->text.len == 0,
			.is_list = hm_message_field(s->txn.msg, "List-Id", 0).p,
			.tls = hm_str(hm_io_tls_version(s->io)),
		};
}

/* Asks the deliver hooks about one recipient and fills its item. */
static HM_FIBER void
plan(struct smtp_session *s, size_t i, struct hm_spool *body, struct batch *b)
{
	struct hm_message *msg = s->txn.msg;
	struct hm_arena *arena = hm_message_arena(msg);
	const struct hm_addr *rcpt = hm_message_rcpt(msg, i);
	const struct smtp_rcpt *to = &s->txn.rcpts[i];
	struct hm_delivery *d = hm_delivery_new(msg, to->account, rcpt);
	struct hm_buf prefix = { 0 };
	struct hm_str *keywords;

	if (to->mailbox.len > 0)
		(void)hm_delivery_set_mailbox(d, to->mailbox);
	b->verdicts[i] = hm_decide_deliver(s->m, s->hs, msg, d);
	if (smtp_refuses(b->verdicts[i]))
		return;

	smtp_delivery_fields(s, rcpt, &prefix);
	smtp_received(s, &prefix);
	hm_buf_str(&prefix, hm_message_prefix(msg));
	keywords = hm_alloc_array(arena, hm_delivery_keywords(d) + 1,
	    sizeof(*keywords));
	for (size_t k = 0; k < hm_delivery_keywords(d); k++)
		keywords[k] = hm_delivery_keyword(d, k);
	b->items[i] = (struct hm_deliver){
		.account = to->account,
		.mailbox = hm_delivery_mailbox(d),
		.append = {
			.spool = body,
			.prefix = hm_str_dup(arena, hm_buf_view(&prefix)),
			.flags = hm_delivery_flags(d),
			.keywords = keywords,
			.nkeywords = hm_delivery_keywords(d),
			.received = INT64_MIN,
			.facts = &b->facts[i],
		},
	};
	hm_buf_release(&prefix);
}

/* ---- some take it, some do not ---- */

/* The one that counts for all: what may pass before what will not. */
static const struct hm_verdict *
worst_verdict(const struct batch *b)
{
	const struct hm_verdict *worst = NULL;

	for (size_t i = 0; i < b->n; i++)
		if (smtp_refuses(b->verdicts[i]) && (worst == NULL ||
		    (worst->kind == HM_REJECT &&
		    b->verdicts[i].kind != HM_REJECT)))
			worst = &b->verdicts[i];
	return worst;
}

/* Leaves out who refuses: of a report nobody would hear (RFC 5321, 4.5.5). */
static void
leave_out(struct smtp_session *s, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (smtp_refuses(b->verdicts[i])) {
			hm_log(HM_LOG_WARN, "refused for one recipient, and there "
			    "is no sender to tell", hm_f("rcpt",
			    hm_message_rcpt(s->txn.msg, i)->text), hm_f("module",
			    b->verdicts[i].module ? b->verdicts[i].module : "-"));
			b->dropped[i] = true;
		}
}

/* A user's report comes to the user, so the queue takes what is refused: it asks
 * again, and tells. For mail from elsewhere see refusals.c. False: answered. */
static HM_FIBER bool
settle_refusals(struct smtp_session *s, struct batch *b)
{
	const struct hm_verdict *worst = worst_verdict(b);
	size_t refused = 0;

	for (size_t i = 0; i < b->n; i++)
		refused += smtp_refuses(b->verdicts[i]);
	if (refused == 0)
		return true;
	if (refused < b->n && smtp_is_submission(s) && s->mod->queue != NULL &&
	    worst->kind != HM_DISCONNECT) {
		for (size_t i = 0; i < b->n; i++)
			b->queued[i] |= smtp_refuses(b->verdicts[i]);
		return true;
	}
	if (refused < b->n && worst->kind == HM_REJECT) {
		if (hm_message_sender(s->txn.msg)->text.len == 0) {
			leave_out(s, b);
			return true;
		}
		if (smtp_refusal_usable(s)) {
			for (size_t i = 0; i < b->n; i++)
				if (smtp_refuses(b->verdicts[i]))
					smtp_refusal_note(s, hm_message_rcpt(
					    s->txn.msg, i), b->verdicts[i]);
			smtp_reply(s, 451, "4.7.1", "not every recipient takes "
			    "this message: try again, and those who do get it");
			return false;
		}
	}
	(void)smtp_refused(s, *worst);
	return false;
}

static HM_FIBER void
reply_stored(struct smtp_session *s, const struct batch *b)
{
	int worst = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct hm_deliver *item = &b->items[i];

		if (!from_here(b, i))
			continue;
		hm_log(item->result < 0 ? HM_LOG_WARN : HM_LOG_INFO,
		    item->result < 0 ? "delivery failed" : "delivered",
		    hm_f("account", item->account),
		    hm_f("mailbox", item->mailbox),
		    hm_f("from", hm_message_sender(s->txn.msg)->text),
		    hm_f("size", hm_message_size(s->txn.msg)),
		    hm_f("uid", item->append.ret_uid),
		    hm_f("result", hm_err_name(item->result)));
		if (item->result < 0)
			worst = item->result;
	}
	/* Some may have it already; a second copy after the retry is the lesser
	 * evil (RFC 5321, 6.1). */
	if (worst == 0)
		smtp_reply(s, 250, "2.0.0", "stored, id %s",
		    hm_session_id(s->hs));
	else if (worst == -HM_EQUOTA)
		smtp_reply(s, 452, "4.2.2", "a mailbox is full");
	else if (worst == -HM_ENOSPC)
		smtp_reply(s, 452, "4.3.1", "disk is full, try again later");
	else
		smtp_local_error(s);
	if (worst == 0)
		s->commands = s->errors = 0;
}

/* The items of this server, side by side; the queue's are left out. */
static HM_FIBER void
store(struct smtp_session *s, struct batch *b)
{
	const struct hm_store *store = s->mod->store;
	struct hm_deliver *local = hm_alloc_array(hm_message_arena(s->txn.msg),
	    b->n, sizeof(*local));
	struct hm_err err = { 0 };
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < b->n; i++)
		if (from_here(b, i))
			local[n++] = b->items[i];
	if (n > 0)
		r = store->ops->deliver(store->self, local, n, &err);
	if (r < 0)
		hm_log(HM_LOG_ERROR, "cannot store message",
		    hm_f("error", err.text));
	for (size_t i = b->n; i-- > 0;)
		if (from_here(b, i)) {
			b->items[i] = local[--n];
			if (r < 0)
				b->items[i].result = err.code < 0 ? err.code :
				    -HM_EIO;
		}
}

void
smtp_deliver(struct smtp_session *s)
{
	struct hm_message *msg = s->txn.msg;
	struct hm_arena *arena = hm_message_arena(msg);
	struct batch b = { .n = s->txn.nrcpts };
	struct hm_err err = { 0 };
	struct hm_spool *body;

	if (!accepted(s))
		return;
	if (hm_message_final(msg, &body, &err) < 0) {
		hm_log(HM_LOG_ERROR, "cannot rewrite message",
		    hm_f("error", err.text));
		smtp_local_error(s);
		return;
	}
	b.items = hm_alloc_array(arena, b.n, sizeof(*b.items));
	b.queued = hm_alloc_array(arena, b.n, sizeof(*b.queued));
	b.dropped = hm_alloc_array(arena, b.n, sizeof(*b.dropped));
	b.verdicts = hm_alloc_array(arena, b.n, sizeof(*b.verdicts));
	gather_facts(s, &b);
	for (size_t i = 0; i < b.n; i++) {
		b.queued[i] = for_queue(s, i);
		if (!b.queued[i])
			plan(s, i, body, &b);
	}
	if (!settle_refusals(s, &b) || !enqueue(s, body, &b))
		return;
	store(s, &b);
	requeue_failed(s, body, &b);
	reply_stored(s, &b);
}
