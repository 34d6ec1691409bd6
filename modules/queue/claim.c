/* claim.c - what a run takes on at once.
 *
 * An attempt is on disk before anybody is called: the count is raised and the
 * next one is set, so that no crash makes a message be tried in a circle.
 */
#include <hermod/rand.h>

#include "queue.h"

enum {
	CLAIM_MESSAGES = 20,
	CLAIM_RCPTS = 1000,
	SMALL_BODY = 64 * 1024,
	REPORT_AGAIN_MS = 15 * 60 * 1000,
	JITTER_MS = 5000,
};

struct due {
	int64_t next_ms;
	uint64_t id;
	uint32_t number;
	bool damaged;
};

struct claiming {
	struct queue_module *q;
	struct hm_str domain;
	int64_t now_ms;
	struct queue_batch *batch;
	struct due *due;
	size_t ndue, nmessages;
	uint64_t ndamaged;             /* set aside by now; if any was */
	struct hm_err *err;
};

/* ---- which ---- */

static bool
new_message(const struct claiming *c, uint64_t id)
{
	for (size_t i = c->ndue; i-- > 0;)
		if (c->due[i].id == id)
			return false;
	return true;
}

static int
take_due(struct hm_str key, struct hm_str value, void *arg)
{
	struct claiming *c = arg;
	struct due *d = &c->due[c->ndue];
	struct hm_str domain;

	(void)value;
	if (queue_key_due_read(key, &domain, &d->next_ms, &d->id, &d->number) < 0)
		return 0;
	d->damaged = false;
	if (new_message(c, d->id) && c->nmessages++ == CLAIM_MESSAGES)
		return 1;
	return ++c->ndue == CLAIM_RCPTS;
}

static int
find_due(struct claiming *c, struct hm_kv_txn *txn)
{
	struct queue_module *q = c->q;
	struct hm_buf from = { 0 }, to = { 0 };
	int r;

	c->ndue = c->nmessages = 0;
	queue_key_due(&from, c->domain, 0, 0, 0);
	queue_key_due(&to, c->domain, c->now_ms + 1, 0, 0);
	r = q->kv->ops->scan(txn, q->shared->t.due, hm_buf_view(&from),
	    hm_buf_view(&to), 0, take_due, c);
	hm_buf_release(&from);
	hm_buf_release(&to);
	return r < 0 ? r : 0;
}

/* ---- taking them on ---- */

/* 7.5 minutes, doubled each time, give or take a little; the same for all
 * recipients of a message, so that they stay together. */
int64_t
queue_retry_ms(const struct queue_conf *conf, const struct queue_rcpt *rcpt)
{
	int64_t wait = conf->retry_ms, jitter;
	uint64_t hash = (rcpt->id * 31 + rcpt->attempts) * 0x9e3779b97f4a7c15u;

	for (uint32_t i = 1; i < rcpt->attempts &&
	    wait < 7LL * 24 * 3600 * 1000; i++)
		wait *= 2;
	jitter = wait < 10 * JITTER_MS ? wait / 10 : JITTER_MS;
	return rcpt->last_ms + wait - jitter +
	    (int64_t)((hash >> 32) % (uint64_t)(2 * jitter));
}

static size_t
count_due(const struct claiming *c, uint64_t id)
{
	size_t n = 0;

	for (size_t i = 0; i < c->ndue; i++)
		n += c->due[i].id == id;
	return n;
}

static struct queue_work *
work_for(struct claiming *c, struct hm_kv_txn *txn, uint64_t id, int *ret_r)
{
	struct queue_batch *b = c->batch;
	struct queue_work *w = &b->works[b->n];

	*ret_r = 0;
	for (size_t i = 0; i < b->n; i++)
		if (b->works[i].msg.id == id)
			return &b->works[i];
	*w = (struct queue_work){ 0 };
	*ret_r = queue_get_message(c->q, txn, b->arena, id, &w->msg);
	w->rcpts = hm_alloc_array(b->arena, count_due(c, id),
	    sizeof(*w->rcpts));
	return *ret_r == 0 ? w : NULL;
}

/* A place among the due whose record is gone, or says something else. */
static int
drop_stray(struct claiming *c, struct hm_kv_txn *txn, const struct due *d)
{
	struct queue_module *q = c->q;
	struct hm_buf key = { 0 };
	int r;

	queue_key_due(&key, c->domain, d->next_ms, d->id, d->number);
	r = q->kv->ops->del(txn, q->shared->t.due, hm_buf_view(&key));
	hm_buf_release(&key);
	return r == -HM_ENOENT ? 0 : r;
}

static int
ask_suppressed(struct claiming *c, struct hm_kv_txn *txn,
    const struct queue_message *msg, struct queue_rcpt *rcpt)
{
	struct hm_arena *arena = c->batch->arena;
	struct queue_suppression s;
	int r;

	if (msg->account.len == 0)
		return 0;
	r = queue_suppressed(c->q, txn, arena, msg->account, rcpt->addr,
	    &s);
	if (r == 0)
		rcpt->suppressed = hm_str(hm_printf(arena, "not sent: this "
		    "account's earlier mail to the address failed: "
		    "%.*s", HM_FMT(s.reason)));
	return r == -HM_ENOENT ? 0 : r;
}

static int
set_aside(struct claiming *c, struct hm_kv_txn *txn, struct due *d)
{
	int r = drop_stray(c, txn, d);

	d->damaged = true;
	if (r == 0)
		r = queue_damaged_add(c->q, txn, d->id, d->number, c->now_ms);
	return r < 0 ? r : queue_damaged_count(c->q, txn, &c->ndamaged);
}

static void
name_damaged(const struct claiming *c)
{
	struct queue_module *q = c->q;

	if (c->ndamaged > 0) {
		q->shared->ndamaged = c->ndamaged;
		hm_gauge_set(q->metrics->set_aside, (int64_t)c->ndamaged);
	}
	for (size_t i = 0; i < c->ndue; i++)
		if (c->due[i].damaged)
			hm_log(HM_LOG_ERROR, "a record of the queue is damaged "
			    "or of another version: it is set aside, see "
			    "hermod queue damaged list",
			    hm_f("id", c->due[i].id),
			    hm_f("recipient", c->due[i].number),
			    hm_f("domain", c->domain));
}

static int
claim_one(struct claiming *c, struct hm_kv_txn *txn, struct due *d)
{
	struct queue_module *q = c->q;
	struct queue_rcpt *was = hm_new(c->batch->arena, struct queue_rcpt);
	struct queue_rcpt *rcpt = hm_new(c->batch->arena, struct queue_rcpt);
	struct queue_work *w;
	int r = queue_get_rcpt(q, txn, c->batch->arena, d->id, d->number, was);

	if (r == -HM_ENOENT || (r == 0 && (was->held ||
	    was->next_ms != d->next_ms ||
	    !hm_str_eq(queue_rcpt_place(was), c->domain))))
		return drop_stray(c, txn, d);
	w = r < 0 ? NULL : work_for(c, txn, d->id, &r);
	if (w == NULL)
		return r == -HM_ENOENT ? drop_stray(c, txn, d) :
		    r == -HM_ECORRUPT ? set_aside(c, txn, d) : r;
	*rcpt = *was;
	if (queue_flight_has(q->shared, was)) {
		rcpt->next_ms = c->now_ms + c->q->conf->retry_ms;
		return queue_put_rcpt(q, txn, was, rcpt);
	}
	if (rcpt->owes != QUEUE_REPORT_NONE) {
		rcpt->next_ms = c->now_ms + REPORT_AGAIN_MS;
	} else {
		rcpt->attempts++;
		rcpt->last_ms = c->now_ms;
		rcpt->next_ms = queue_retry_ms(c->q->conf, rcpt);
		r = ask_suppressed(c, txn, &w->msg, rcpt);
	}
	if (r == 0)
		r = queue_put_rcpt(q, txn, was, rcpt);
	if (r == 0)
		queue_flight_take(q->shared, c->batch, w, rcpt);
	return r;
}

static int
claim_txn(struct hm_kv_txn *txn, void *arg)
{
	struct claiming *c = arg;
	struct queue_batch *b = c->batch;
	int r = find_due(c, txn);

	queue_flight_clear(c->q->shared, b);
	b->works = hm_alloc_array(b->arena, CLAIM_MESSAGES + 1,
	    sizeof(*b->works));
	for (size_t i = 0; i < c->ndue && r == 0; i++)
		r = claim_one(c, txn, &c->due[i]);
	return r < 0 ? r : queue_first_due(c->q, txn, c->domain,
	    &b->next_ms);
}

/* ---- bodies ---- */

static void
read_body(struct claiming *c, struct queue_work *w)
{
	const struct hm_blob *blob = c->q->blob;
	struct hm_blob_reader *reader;
	uint64_t size;
	char *body;

	if (w->msg.body_bytes > SMALL_BODY || blob->ops->open(blob->self,
	    w->msg.blob, &reader, &size, NULL) < 0)
		return;
	body = hm_alloc(c->batch->arena, size + 1);
	if (size == w->msg.body_bytes &&
	    blob->ops->read(reader, 0, body, size) == (ssize_t)size)
		w->body = hm_str_n(body, size);
	blob->ops->close(reader);
}

static int
claim_job(void *arg)
{
	struct claiming *c = arg;
	int r = hm_kv_run(c->q->kv, HM_KV_DURABLE, claim_txn, c, c->err);

	for (size_t i = 0; r == 0 && i < c->batch->n; i++)
		read_body(c, &c->batch->works[i]);
	return r;
}

int
queue_claim(struct queue_module *q, struct hm_str domain,
    struct queue_batch **ret, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "batch");
	struct queue_batch *batch = hm_new(arena, struct queue_batch);
	struct claiming c = { .q = q, .domain = domain, .batch = batch,
	    .now_ms = queue_now_ms(q->shared), .err = reterr };
	int r;

	batch->arena = arena;
	batch->refs = 1;
	c.due = hm_alloc_array(arena, CLAIM_RCPTS + 1, sizeof(*c.due));
	queue_flight_add(q->shared, batch);
	r = hm_work(claim_job, &c);
	if (r < 0)
		queue_batch_unref(q->shared, batch);
	else {
		*ret = batch;
		name_damaged(&c);
	}
	return r;
}

void
queue_batch_unref(struct queue_shared *q, struct queue_batch *batch)
{
	if (--batch->refs > 0)
		return;
	queue_flight_remove(q, batch);
	hm_arena_free(batch->arena);
}
