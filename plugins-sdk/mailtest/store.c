/* store.c - what lies in the mailboxes, asked of the store itself. */
#include <hermod/iface/store.h>

#include "mailtest.h"

enum { MESSAGE_MAX = 1 << 20 };

struct question {
	struct mt *t;
	struct hm_store store;
	struct hm_str account, mailbox;
	uint32_t uid;
	bool found;
	struct hm_mailbox answer;
	struct hm_buf bytes;           /* the message */
	struct hm_buf reports;
	int result;
	struct hm_err err;
};

static bool
find_store(struct mt *t, struct question *q)
{
	const void *ops = NULL;

	q->t = t;
	if (!mt_platform_ready(t))
		return false;
	if (hm_harness_service(t->server, "store", &ops, &q->store.self) < 0) {
		mt_fail(t, "no module provides a store");
		return false;
	}
	q->store.ops = ops;
	return true;
}

/* ---- mailboxes ---- */

static HM_FIBER void
look_at_mailbox(struct question *q, struct hm_account *acc)
{
	struct hm_mailboxes *all = q->store.ops->mailboxes(acc);
	const struct hm_mailbox *box = hm_mailboxes_find(all, q->mailbox);

	if (box != NULL) {
		q->found = true;
		q->answer = *box;
	}
	hm_mailboxes_unref(all);
}

static HM_FIBER int
read_message(struct question *q, struct hm_account *acc, uint64_t msgid)
{
	const struct hm_store_ops *ops = q->store.ops;
	struct hm_body *body;
	uint64_t size, at = 0;
	char piece[2048];
	ssize_t n = 0;
	int r = ops->body_open(acc, msgid, &body, &size, &q->err);

	if (r < 0)
		return r;
	while (at < size && at < MESSAGE_MAX &&
	    (n = ops->body_read(body, at, piece, sizeof(piece))) > 0) {
		hm_buf_add(&q->bytes, piece, (size_t)n);
		at += (uint64_t)n;
	}
	ops->body_close(body);
	return n < 0 ? (int)n : 0;
}

static HM_FIBER void
look_at_message(struct question *q, struct hm_account *acc)
{
	struct hm_view *view;
	uint32_t seq;

	look_at_mailbox(q, acc);
	if (!q->found)
		return;
	q->found = false;
	q->result = q->store.ops->view(acc, q->answer.id, &view, &q->err);
	if (q->result < 0)
		return;
	seq = hm_view_seq(view, q->uid);
	if (seq > 0) {
		q->result = read_message(q, acc, hm_view_at(view, seq)->msgid);
		q->found = q->result == 0;
	}
	hm_view_unref(view);
}

static HM_FIBER void
ask(void *arg)
{
	struct question *q = arg;
	const struct hm_store_ops *ops = q->store.ops;
	struct hm_account *acc;

	q->result = ops->open(q->store.self, q->account, &acc, &q->err);
	if (q->result < 0)
		return;
	if (q->uid != 0)
		look_at_message(q, acc);
	else
		look_at_mailbox(q, acc);
	ops->close(acc);
}

/* expect mailbox ACCOUNT NAME COUNT [unseen N] */
void
mt_expect_mailbox(struct mt *t, struct hm_str rest)
{
	struct question q = { .account = mt_word(t, &rest),
		.mailbox = mt_word(t, &rest) };
	uint64_t count, unseen = 0;
	bool asks_unseen;

	if (!mt_number(t, &rest, &count))
		return;
	asks_unseen = mt_word_is(&rest, "unseen");
	if ((asks_unseen && !mt_number(t, &rest, &unseen)) ||
	    !find_store(t, &q) || !hm_harness_run(ask, &q))
		return;
	if (mt_ok(t, q.found && q.answer.messages == count &&
	    (!asks_unseen || q.answer.unseen == unseen),
	    "%.*s of %.*s has %u messages", HM_FMT(q.mailbox),
	    HM_FMT(q.account), (unsigned)count))
		return;
	if (q.result < 0)
		mt_diag("%s", q.err.text);
	else if (!q.found)
		mt_diag("there is no such mailbox");
	else
		mt_diag("it has %u, %u of them unseen", q.answer.messages,
		    q.answer.unseen);
	mt_show(t, NULL);
}

/* expect message ACCOUNT MAILBOX UID PATTERN */
void
mt_expect_message(struct mt *t, struct hm_str rest)
{
	struct question q = { .account = mt_word(t, &rest),
		.mailbox = mt_word(t, &rest) };
	uint64_t uid;

	if (!mt_number(t, &rest, &uid))
		return;
	q.uid = (uint32_t)uid;
	if (!find_store(t, &q) || !hm_harness_run(ask, &q))
		return;
	if (!mt_ok(t, q.found && mt_matches(t, rest,
	    mt_without_cr(t, hm_buf_view(&q.bytes))),
	    "message %u in %.*s of %.*s has %.*s", q.uid, HM_FMT(q.mailbox),
	    HM_FMT(q.account), HM_FMT(rest))) {
		if (q.found)
			mt_diag_text("", hm_buf_view(&q.bytes));
		else
			mt_diag("there is no such message");
		mt_show(t, NULL);
	}
	hm_buf_release(&q.bytes);
}

/* ---- the checker ---- */

static void
report(const char *text, void *arg)
{
	struct question *q = arg;

	hm_buf_puts(&q->reports, text);
	hm_buf_putc(&q->reports, '\n');
}

static HM_FIBER void
verify(void *arg)
{
	struct question *q = arg;
	struct hm_str all = { NULL, 0 };

	q->result = q->store.ops->verify(q->store.self, all, false, report, q,
	    &q->err);
}

/* verify: the store agrees with itself. Also at the end, if there is a store. */
void
mt_do_verify(struct mt *t, struct hm_str rest)
{
	struct question q = { .uid = 0 };

	(void)rest;
	if (!find_store(t, &q))
		return;
	if (!hm_harness_run(verify, &q))
		q.result = -HM_ETIMEDOUT;
	if (!mt_ok(t, q.result == 0 && q.reports.len == 0,
	    "the store agrees with itself")) {
		if (q.result < 0)
			mt_diag("%s %s", hm_err_name(q.result), q.err.text);
		mt_diag_text("", hm_buf_view(&q.reports));
	}
	hm_buf_release(&q.reports);
}
