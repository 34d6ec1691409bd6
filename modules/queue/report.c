/* report.c - who hears of it: an account here, or a sender elsewhere.
 *
 * A report that its account cannot take now becomes mail of the queue, with the
 * null sender: it is tried as often as other mail, and then it is over, since
 * nobody hears of a report (RFC 5321, 4.5.5). Only what is wrong here, a full disk
 * say, keeps the message it is about waiting.
 */
#include <hermod/spool.h>

#include "queue.h"

enum { HEADER_MAX = 64 * 1024, FULL_MAX = 1024 * 1024 };

/* ---- the original ---- */

struct original {
	struct queue_module *q;
	const struct queue_work *work;
	struct hm_buf text;
	size_t max;
};

static int
read_original(void *arg)
{
	struct original *o = arg;
	const struct hm_blob *blob = o->q->blob;
	const struct queue_work *w = o->work;
	struct hm_blob_reader *reader;
	uint64_t size, at = 0;
	ssize_t n = 1;
	int r;

	hm_buf_str(&o->text, w->msg.prefix);
	if (w->body.p != NULL) {
		hm_buf_str(&o->text, hm_str_take(w->body, o->max));
		return 0;
	}
	r = blob->ops->open(blob->self, w->msg.blob, &reader, &size, NULL);
	if (r < 0)
		return r;
	hm_buf_reserve(&o->text, o->max);
	while (at < o->max && n > 0) {
		n = blob->ops->read(reader, at, o->text.p + o->text.len,
		    o->max - at);
		if (n > 0) {
			at += (uint64_t)n;
			o->text.len += (size_t)n;
		}
	}
	blob->ops->close(reader);
	return n < 0 ? (int)n : 0;
}

/* ---- to whom ---- */

struct place {
	struct hm_str account, mailbox;
	unsigned flags;
};

static HM_FIBER int
to_account(struct queue_module *q, const struct place *to,
    struct hm_spool *spool, struct hm_str rcpt, struct hm_arena *arena,
    struct hm_err *reterr)
{
	struct hm_facts facts = { .rcpt_to = rcpt, .is_dsn = true };
	struct hm_deliver item = { .account = to->account,
	    .mailbox = to->mailbox.len > 0 ? to->mailbox : HM_STR("INBOX"),
	    .append = { .spool = spool, .received = INT64_MIN, .facts = &facts,
	    .flags = to->flags, .prefix = hm_str(hm_printf(arena,
	    "Return-Path: <>\r\nDelivered-To: %.*s\r\n", HM_FMT(rcpt))) } };
	int r = q->store->ops->deliver(q->store->self, &item, 1, reterr);

	if (r == 0 && item.result < 0)
		r = hm_err_set(reterr, item.result, "the account %.*s takes no "
		    "report: %s", HM_FMT(to->account), hm_err_name(item.result));
	return r;
}

/* Those who sign or otherwise mark mail of this server have a word. */
static HM_FIBER int
by_queue(struct queue_module *q, struct hm_str sender,
    struct hm_message *msg, bool utf8, struct hm_arena *arena,
    struct hm_err *reterr)
{
	struct hm_queue_rcpt rcpt = { .notify = HM_NOTIFY_NEVER };
	struct hm_queue_item item = { .nrcpts = 1, .rcpts = &rcpt,
	    .smtputf8 = utf8, .eightbit = utf8 };
	struct hm_verdict v;
	int r = hm_addr_parse(arena, sender, HM_ADDR_UTF8, &rcpt.addr, reterr);

	if (r < 0)
		return r;
	hm_message_add_rcpt(msg, &rcpt.addr);
	v = hm_decide_report(q->m, NULL, msg, msg);
	if (hm_verdict_final(v) && v.kind != HM_ACCEPT)
		return hm_err_set(reterr, v.kind == HM_REJECT ? -HM_EACCES :
		    -HM_EBUSY, "refused by %s: %s", v.module ? v.module : "a module", v.text ? v.text : "");
	r = hm_message_final(msg, &item.spool, reterr);
	item.prefix = hm_message_prefix(msg);
	return r < 0 ? r : queue_put(q->m, &item, reterr);
}

/* DMARC reports go by themselves, many of them to nobody: what is said of them is
 * put aside for the postmaster. */
static HM_FIBER bool
dmarc_place(struct queue_module *q, struct hm_arena *arena, struct place *ret)
{
	struct hm_rcpt_info info = { .kind = HM_RCPT_FOREIGN };
	struct hm_addr addr;

	if (hm_addr_parse(arena, hm_str(hm_printf(arena, "postmaster@%s",
	    q->server->hostname)), HM_ADDR_UTF8, &addr, NULL) < 0 ||
	    q->directory->ops->rcpt(q->directory->self, &addr, arena, &info,
	    NULL) < 0 || info.kind != HM_RCPT_ACCOUNT)
		return false;
	*ret = (struct place){ info.account, hm_str(hm_printf(arena,
	    "%.*s/dmarc", HM_FMT(info.mailbox))), HM_FLAG_SEEN };
	return true;
}

/* The account's troubles are not this server's. */
static HM_FIBER int
to_here(struct queue_module *q, const struct place *to, struct hm_str sender,
    struct hm_message *report, bool utf8, struct hm_arena *arena,
    struct hm_err *reterr)
{
	int r = to_account(q, to, hm_message_spool(report), sender, arena,
	    reterr);

	if (r != -HM_EQUOTA)
		return r;
	hm_log(HM_LOG_WARN, "an account has no room for a report, which is tried "
	    "again as mail", hm_f("account", to->account),
	    hm_f("to", sender));
	return by_queue(q, sender, report, utf8, arena, reterr);
}

/* An account that is gone leaves its reports to the postmaster. */
static HM_FIBER int
send(struct queue_module *q, const struct queue_message *msg,
    struct hm_message *report, bool utf8, struct hm_arena *arena,
    struct hm_err *reterr)
{
	const struct hm_directory *dir = q->directory;
	struct hm_account_info account;
	struct hm_rcpt_info info = { .kind = HM_RCPT_FOREIGN };
	struct hm_addr addr = { 0 };
	struct place to = { .account = msg->account };
	int r;

	if (q->store == NULL || dir == NULL)
		return by_queue(q, msg->sender, report, utf8, arena, reterr);
	if ((msg->kind == HM_MAIL_DMARC_REPORT && dmarc_place(q, arena, &to)) ||
	    (msg->account.len > 0 && dir->ops->account(dir->self, msg->account,
	    arena, &account, NULL) == 0))
		return to_here(q, &to, msg->sender, report, utf8, arena, reterr);
	if (hm_addr_parse(arena, msg->sender, HM_ADDR_UTF8, &addr, reterr) < 0)
		return -HM_EINVAL;
	r = dir->ops->rcpt(dir->self, &addr, arena, &info, reterr);
	if (r == 0 && info.kind == HM_RCPT_UNKNOWN) {
		addr.local = HM_STR("postmaster");
		r = dir->ops->rcpt(dir->self, &addr, arena, &info, reterr);
	}
	if (r < 0)
		return r;
	to.account = info.account;
	if (info.kind == HM_RCPT_ACCOUNT)
		return to_here(q, &to, msg->sender, report, utf8, arena, reterr);
	return by_queue(q, msg->sender, report, utf8, arena, reterr);
}

/* ---- the report ---- */

/* The last attempt, of what is reported. */
static int64_t
give_up_ms(const struct queue_conf *conf, const struct queue_work *w)
{
	const struct queue_rcpt *rcpt = w->rcpts;
	int64_t at;

	while (!rcpt->report)
		rcpt++;
	at = queue_retry_ms(conf, rcpt);
	for (int64_t n = rcpt->attempts; n + 1 < conf->attempts &&
	    at < INT64_MAX / 4; n++)
		at += conf->retry_ms << (n < 20 ? n : 20);
	return at;
}

static HM_FIBER int
compose(struct queue_module *q, const struct queue_work *w,
    enum queue_report kind, bool full, struct hm_arena *arena,
    struct hm_spool *spool, bool *ret_utf8, struct hm_err *reterr)
{
	struct original o = { .q = q, .work = w,
	    .max = full ? FULL_MAX : HEADER_MAX };
	struct queue_dsn dsn = { .kind = kind, .hostname = q->server->hostname,
	    .from = hm_str(hm_printf(arena, "postmaster@%s",
	    q->server->hostname)), .to = w->msg.sender, .msg = &w->msg,
	    .rcpts = w->rcpts, .nrcpts = w->nrcpts, .full = full,
	    .now_ms = queue_now_ms(q->shared) };
	struct hm_buf text = { 0 };
	int r = hm_work(read_original, &o);

	/* Without its original a report still says what matters. */
	if (r < 0)
		hm_log(HM_LOG_ERROR, "a queued message cannot be read",
		    hm_f("id", w->msg.id), hm_f("error", hm_err_name(r)));
	dsn.original = hm_buf_view(&o.text);
	dsn.give_up_ms = give_up_ms(q->conf, w);
	queue_dsn_write(&text, &dsn);
	*ret_utf8 = dsn.utf8;
	r = hm_spool_append(spool, text.p, text.len, reterr);
	hm_buf_release(&o.text);
	hm_buf_release(&text);
	return r;
}

/* About the recipients that are marked; durable on return. */
static HM_FIBER int
report(struct queue_module *q, const struct queue_work *w,
    enum queue_report kind, struct hm_err *reterr)
{
	bool full = kind == QUEUE_REPORT_FAILED && w->msg.ret == HM_RET_FULL &&
	    w->msg.body_bytes <= FULL_MAX, utf8 = false;
	struct hm_arena *arena = hm_arena_new(NULL, "report");
	struct hm_spool *spool = hm_spool_new(q->server->data_dir);
	struct hm_message *msg = hm_message_new(arena, spool);
	int r = compose(q, w, kind, full, arena, spool, &utf8, reterr);

	if (r == 0)
		r = send(q, &w->msg, msg, utf8, arena, reterr);
	hm_message_free(msg);
	hm_arena_free(arena);
	return r;
}

/* The admin may fail what asked for no report. */
static bool
wants(const struct queue_message *msg, const struct queue_rcpt *rcpt)
{
	return msg->sender.len > 0 && (rcpt->owes != QUEUE_REPORT_FAILED ||
	    rcpt->notify == 0 || (rcpt->notify & HM_NOTIFY_FAILURE));
}

/* No waiting makes an address of what is none, nor changes a module's mind. */
static bool
never(int r)
{
	return r == -HM_EINVAL || r == -HM_ESYNTAX || r == -HM_EACCES;
}

static HM_FIBER void
report_kind(struct queue_module *q, struct queue_work *w,
    enum queue_report kind)
{
	struct hm_err err = { 0 };
	size_t n = 0;
	bool told = true;
	int r = 0;

	for (size_t i = 0; i < w->nrcpts; i++)
		n += w->rcpts[i].report = w->rcpts[i].owes == kind &&
		    wants(&w->msg, &w->rcpts[i]);
	if (n > 0)
		r = report(q, w, kind, &err);
	if (r < 0) {
		/* The mail is kept until the sender can be told; but attempts
		 * do not wait for a notice of delay. */
		told = kind == QUEUE_REPORT_DELAYED || never(r);
		hm_log(HM_LOG_ERROR, never(r) ? "the sender is not told" :
		    "cannot report to the sender",
		    hm_f("id", w->msg.id), hm_f("sender", w->msg.sender),
		    hm_f("error", err.text));
	}
	for (size_t i = 0; i < w->nrcpts; i++)
		if (w->rcpts[i].owes == kind)
			w->rcpts[i].told = told || !w->rcpts[i].report;
}

void
queue_report(struct queue_module *q, struct queue_work *w)
{
	for (enum queue_report kind = QUEUE_REPORT_FAILED;
	    kind <= QUEUE_REPORT_RELAYED; kind++)
		report_kind(q, w, kind);
}
