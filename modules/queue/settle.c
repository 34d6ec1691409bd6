/* settle.c - results become durable, those of all runs together.
 *
 * Runs hand in what they know and go on; one fiber at a time reports to senders
 * and writes everything that has gathered in one transaction. What was sent is
 * thus forgotten one commit after the peer took it, whatever crashes.
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
	return rcpt->failed || rcpt->outcome == HM_ATTEMPT_PERMANENT ||
	    (rcpt->outcome == HM_ATTEMPT_TEMPORARY &&
	    exhausted(q->conf, msg, rcpt));
}

/* RFC 3461, 5.2: the sender says what it wants to hear. */
static bool
wanted(const struct queue_module *q, const struct queue_message *msg,
    const struct queue_rcpt *rcpt, enum queue_report kind)
{
	unsigned notify = rcpt->notify;

	switch (kind) {
	case QUEUE_REPORT_FAILED:
		return given_up(q, msg, rcpt) &&
		    (notify == 0 || (notify & HM_NOTIFY_FAILURE));
	case QUEUE_REPORT_DELAYED:
		return rcpt->outcome == HM_ATTEMPT_TEMPORARY &&
		    !given_up(q, msg, rcpt) && !msg->report &&
		    rcpt->attempts == q->conf->delay_notice_after &&
		    (notify == 0 || (notify & HM_NOTIFY_DELAY));
	case QUEUE_REPORT_DELIVERED:
		return rcpt->outcome == HM_ATTEMPT_DELIVERED && rcpt->local &&
		    (notify & HM_NOTIFY_SUCCESS);
	case QUEUE_REPORT_RELAYED:
		return rcpt->outcome == HM_ATTEMPT_RELAYED &&
		    (notify & HM_NOTIFY_SUCCESS);
	}
	return false;
}

static HM_FIBER void
report(struct queue_module *q, struct queue_work *w)
{
	static const enum queue_report kinds[] = { QUEUE_REPORT_FAILED,
		QUEUE_REPORT_DELAYED, QUEUE_REPORT_DELIVERED,
		QUEUE_REPORT_RELAYED };

	for (size_t k = 0; k < HM_ARRAY_LEN(kinds); k++) {
		struct hm_err err = { 0 };
		size_t n = 0;

		for (size_t i = 0; i < w->nrcpts; i++)
			n += w->rcpts[i].report = wanted(q, &w->msg,
			    &w->rcpts[i], kinds[k]);
		if (n == 0 || queue_report(q, w, kinds[k], &err) == 0)
			continue;
		hm_log(HM_LOG_ERROR, "cannot report to the sender",
		    hm_f("id", w->msg.id), hm_f("sender", w->msg.sender),
		    hm_f("error", err.text));
		/* The mail is kept until the sender can be told. */
		for (size_t i = 0; i < w->nrcpts; i++)
			if (w->rcpts[i].report && kinds[k] == QUEUE_REPORT_FAILED)
				w->rcpts[i].unreported = true;
	}
}

/* ---- writing ---- */

struct writing {
	struct queue_module *q;
	struct queue_settled *first;
	struct hm_err err;
};

static int
suppress(struct queue_module *q, struct hm_kv_txn *txn, struct hm_arena *arena,
    const struct queue_message *msg, const struct queue_rcpt *rcpt)
{
	if (!q->conf->suppress || msg->account.len == 0 || gone(rcpt) ||
	    !queue_suppress_reason(rcpt))
		return 0;
	return queue_suppress_put(q->shared, txn, arena, msg->account,
	    rcpt->addr, queue_rcpt_last(rcpt)->text, queue_now_ms(q->shared));
}

/* What the admin changed meanwhile stays; the results are ours. */
static int
write_rcpt(struct queue_module *q, struct hm_kv_txn *txn, struct hm_arena *arena,
    const struct queue_message *msg, const struct queue_rcpt *rcpt)
{
	struct queue_rcpt *was = hm_new(arena, struct queue_rcpt);
	struct queue_rcpt *now = hm_new(arena, struct queue_rcpt);
	int r = queue_get_rcpt(q->shared, txn, arena, rcpt->id, rcpt->number,
	    was);

	if (r < 0)
		return r == -HM_ENOENT ? 0 : r;
	*now = *rcpt;
	now->held = was->held;
	now->transport = was->transport;
	now->next_ms = was->next_ms;
	if (gone(rcpt) || (given_up(q, msg, rcpt) && !rcpt->unreported)) {
		r = suppress(q, txn, arena, msg, rcpt);
		return r < 0 ? r : queue_del_rcpt(q->shared, txn, was,
		    q->conf->keep_retired_ms > 0 ? now : NULL);
	}
	if (given_up(q, msg, rcpt)) {
		now->failed = true;
	} else if (rcpt->outcome == HM_ATTEMPT_UNTRIED) {
		now->attempts--;
		now->next_ms = queue_now_ms(q->shared);
	}
	return queue_put_rcpt(q->shared, txn, was, now);
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

	return hm_kv_run(wr->q->shared->kv, HM_KV_DURABLE, write_txn, wr,
	    &wr->err);
}

/* ---- afterwards ---- */

static void
tell(struct queue_module *q, const struct queue_message *msg,
    const struct queue_rcpt *rcpt)
{
	if (gone(rcpt))
		queue_tell(q, QUEUE_TALE_DELIVERED, msg, rcpt);
	else if (given_up(q, msg, rcpt))
		queue_tell(q, QUEUE_TALE_BOUNCED, msg, rcpt);
	else if (rcpt->outcome == HM_ATTEMPT_TEMPORARY)
		queue_tell(q, QUEUE_TALE_DEFERRED, msg, rcpt);
	else
		queue_index_note(q->shared, rcpt->domain,
		    queue_now_ms(q->shared));
}

static HM_FIBER void
settle_all(struct queue_module *q, struct queue_settled *first)
{
	struct writing wr = { .q = q, .first = first };
	struct queue_settled *s, *next;
	bool said = false;

	for (s = first; s != NULL; s = s->next)
		report(q, s->work);
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
		queue_batch_unref(s->batch);
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
