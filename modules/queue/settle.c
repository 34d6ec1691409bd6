/* settle.c - results become durable, those of all runs together.
 *
 * Runs hand in what they know and go on; one fiber at a time writes everything
 * that has gathered in one transaction. What was sent is thus forgotten one
 * commit after the peer took it. A report that a sender is to get takes longer:
 * the same transaction notes that it is owed, and a run makes it (report.c).
 */
#include <stdlib.h>

#include "queue.h"

enum { MANY = 200, TRY_AGAIN_MS = 5000 };

struct queue_settled {
	struct queue_settled *next;
	struct queue_batch *batch;
	struct queue_work *work;
};

/* ---- what is to become of a recipient ---- */

static bool
exhausted(const struct queue_conf *conf, const struct queue_message *msg,
    const struct queue_rcpt *rcpt)
{
	return rcpt->attempts >= (msg->report ? conf->report_attempts :
	    conf->attempts);
}

static bool
gone(const struct queue_rcpt *rcpt)
{
	return rcpt->outcome == HM_ATTEMPT_DELIVERED ||
	    rcpt->outcome == HM_ATTEMPT_RELAYED;
}

static bool
given_up(const struct queue_module *q, const struct queue_message *msg,
    const struct queue_rcpt *rcpt)
{
	return rcpt->outcome == HM_ATTEMPT_PERMANENT ||
	    (rcpt->outcome == HM_ATTEMPT_TEMPORARY &&
	    exhausted(q->conf, msg, rcpt));
}

/* RFC 3461, 5.2: the sender says what it wants to hear. Reports are never
 * reported (RFC 5321, 4.5.5). */
static enum queue_report
owed(const struct queue_module *q, const struct queue_message *msg,
    const struct queue_rcpt *rcpt)
{
	unsigned notify = rcpt->notify;

	if (msg->sender.len == 0)
		return QUEUE_REPORT_NONE;
	if (given_up(q, msg, rcpt))
		return notify == 0 || (notify & HM_NOTIFY_FAILURE) ?
		    QUEUE_REPORT_FAILED : QUEUE_REPORT_NONE;
	if (rcpt->outcome == HM_ATTEMPT_TEMPORARY)
		return rcpt->attempts == q->conf->delay_notice_after &&
		    !msg->report && (notify == 0 || (notify & HM_NOTIFY_DELAY)) ?
		    QUEUE_REPORT_DELAYED : QUEUE_REPORT_NONE;
	if (!gone(rcpt) || !(notify & HM_NOTIFY_SUCCESS))
		return QUEUE_REPORT_NONE;
	if (rcpt->outcome == HM_ATTEMPT_RELAYED)
		return QUEUE_REPORT_RELAYED;
	return rcpt->local ? QUEUE_REPORT_DELIVERED : QUEUE_REPORT_NONE;
}

/* ---- writing ---- */

struct writing {
	struct queue_module *q;
	struct queue_settled *first;
	struct hm_err err;
};

/* An address that its server refuses as such, or where nothing arrives. What an
 * account here refuses says nothing about the next message. */
static int
suppress(struct queue_module *q, struct hm_kv_txn *txn, struct hm_arena *arena,
    const struct queue_message *msg, const struct queue_rcpt *rcpt)
{
	struct hm_str reason;
	int r;

	if (!q->conf->suppress || msg->account.len == 0 || rcpt->local ||
	    rcpt->suppressed.p != NULL)
		return 0;
	r = queue_failures_count(q, txn, arena, msg->account, rcpt->addr,
	    !gone(rcpt));
	if (r < 0 || gone(rcpt) || (r == 0 && !queue_suppress_reason(rcpt)))
		return r < 0 ? r : 0;
	reason = queue_rcpt_last(rcpt)->text;
	if (!queue_suppress_reason(rcpt))
		reason = hm_str(hm_printf(arena, "three messages in a row "
		    "failed, the last one: %.*s", HM_FMT(reason)));
	return queue_suppress_put(q, txn, arena, msg->account,
	    rcpt->addr, reason, queue_now_ms(q->shared));
}

static int
remove_rcpt(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	now->left = true;
	return queue_del_rcpt(q, txn, was,
	    q->conf->keep_retired_ms > 0 ? now : NULL);
}

/* The report is made, or has to wait for its next time. */
static int
write_told(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	if (!now->told || was->owes != now->owes)
		return 0;
	if (now->owes != QUEUE_REPORT_DELAYED)
		return remove_rcpt(q, txn, was, now);
	now->owes = QUEUE_REPORT_NONE;
	now->next_ms = queue_retry_ms(q->conf, now);
	now->again = queue_rcpt_place(now);
	return queue_put_rcpt(q, txn, was, now);
}

/* The attempt is over. */
static int
write_tried(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, const struct queue_message *msg,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	bool settled = gone(now) || given_up(q, msg, now);
	int r = settled ? suppress(q, txn, arena, msg, now) : 0;

	now->owes = owed(q, msg, now);
	if (r < 0)
		return r;
	if (settled && now->owes == QUEUE_REPORT_NONE)
		return remove_rcpt(q, txn, was, now);
	if (now->owes == QUEUE_REPORT_NONE)
		now->owes = was->owes;
	if (now->outcome == HM_ATTEMPT_UNTRIED)
		now->attempts--;
	if (now->owes != QUEUE_REPORT_NONE ||
	    now->outcome == HM_ATTEMPT_UNTRIED) {
		now->next_ms = queue_now_ms(q->shared);
		now->again = queue_rcpt_place(now);
	}
	return queue_put_rcpt(q, txn, was, now);
}

/* What the admin changed meanwhile stays; the results are ours. */
static int
write_rcpt(struct queue_module *q, struct hm_kv_txn *txn, struct hm_arena *arena,
    const struct queue_message *msg, struct queue_rcpt *rcpt)
{
	struct queue_rcpt *was = hm_new(arena, struct queue_rcpt);
	struct queue_rcpt *now = hm_new(arena, struct queue_rcpt);
	int r = queue_get_rcpt(q, txn, arena, rcpt->id, rcpt->number,
	    was);

	rcpt->left = r == -HM_ENOENT && gone(rcpt);
	if (r < 0)
		return r == -HM_ENOENT || r == -HM_ECORRUPT ? 0 : r;
	*now = *rcpt;
	now->held = was->held;
	now->transport = was->transport;
	now->next_ms = was->next_ms;
	r = rcpt->owes != QUEUE_REPORT_NONE ? write_told(q, txn, was, now) :
	    write_tried(q, txn, arena, msg, was, now);
	rcpt->left = now->left;
	rcpt->again = now->again;
	rcpt->next_ms = now->next_ms;
	/* The next claim sets it aside; the other results shall not wait. */
	return r == -HM_ECORRUPT ? 0 : r;
}

static int
write_txn(struct hm_kv_txn *txn, void *arg)
{
	struct writing *wr = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "settle");
	int r = 0;

	for (struct queue_settled *s = wr->first; s && r == 0; s = s->next)
		for (size_t i = 0; i < s->work->nrcpts && r == 0; i++)
			r = write_rcpt(wr->q, txn, arena, &s->work->msg,
			    &s->work->rcpts[i]);
	hm_arena_free(arena);
	return r;
}

static int
write_job(void *arg)
{
	struct writing *wr = arg;

	return hm_kv_run(wr->q->kv, HM_KV_DURABLE, write_txn, wr,
	    &wr->err);
}

/* ---- afterwards ---- */

/* Who watches hears once how it ended, as the recipient leaves the queue. */
static void
tell(struct queue_module *q, const struct queue_message *msg,
    const struct queue_rcpt *rcpt)
{
	bool good = gone(rcpt) || rcpt->owes == QUEUE_REPORT_DELIVERED ||
	    rcpt->owes == QUEUE_REPORT_RELAYED;

	if (rcpt->again.p != NULL)
		queue_index_note(q->shared, rcpt->again, rcpt->next_ms);
	if (rcpt->left)
		queue_tell(q, good ? QUEUE_TALE_DELIVERED : QUEUE_TALE_BOUNCED,
		    msg, rcpt);
	else if (rcpt->outcome == HM_ATTEMPT_TEMPORARY &&
	    !given_up(q, msg, rcpt))
		queue_tell(q, QUEUE_TALE_DEFERRED, msg, rcpt);
}

static HM_FIBER void
settle_all(struct queue_module *q, struct queue_settled *first)
{
	struct writing wr = { .q = q, .first = first };
	struct queue_settled *s, *next;
	bool said = false;

	/* Until it is written, a crash would send all of this again. */
	while (hm_work(write_job, &wr) < 0) {
		if (!said)
			hm_log(HM_LOG_ERROR, "cannot write what was sent",
			    hm_f("error", wr.err.text));
		said = true;
		if (hm_sleep(TRY_AGAIN_MS) == -HM_ECANCELED)
			break;
	}
	for (s = first; s != NULL; s = next) {
		next = s->next;
		for (size_t i = 0; i < s->work->nrcpts; i++)
			tell(q, &s->work->msg, &s->work->rcpts[i]);
		queue_flight_land(q->shared, s->work);
		queue_batch_unref(q->shared, s->batch);
		free(s);
	}
}

static void
settle_fiber(void *arg)
{
	struct queue_module *q = arg;
	struct queue_settling *all = &q->settling;

	while (all->first != NULL) {
		struct queue_settled *first = all->first;

		all->first = NULL;
		all->end = &all->first;
		all->n = 0;
		settle_all(q, first);
		hm_wake(&all->done);
	}
	all->on = false;
	hm_wake(&all->done);
}

void
queue_settle(struct queue_module *q, struct queue_batch *batch,
    struct queue_work *work)
{
	struct queue_settling *all = &q->settling;
	struct queue_settled *s = hm_xalloc(sizeof(*s));

	s->batch = batch;
	s->work = work;
	batch->refs++;
	if (all->first == NULL)
		all->end = &all->first;
	*all->end = s;
	all->end = &s->next;
	all->n++;
	if (!all->on) {
		all->on = true;
		hm_fiber_start(q->m, "queue results", settle_fiber, q);
	}
	while (all->n >= MANY && hm_wait(&all->done, -1) == 0)
		;
}

void
queue_settle_flush(struct queue_module *q)
{
	while (q->settling.on && hm_wait(&q->settling.done, -1) == 0)
		;
}
