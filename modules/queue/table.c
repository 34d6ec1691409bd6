/* table.c - transactions over the queue's tables. */
#include <stdlib.h>
#include <string.h>

#include "queue.h"

/* ---- opening ---- */

enum { ID_BLOCK = 10000 };
static const struct hm_str next_id_key = { "next-id", 7 };

static const struct hm_str clock_key = { "clock", 5 };

/* Queue time does not begin before what the queue saw last: a machine that comes up
 * with a clock that is years behind would else leave its mail waiting for years. */
int
queue_keep_clock(struct queue_module *q, struct hm_kv_txn *txn)
{
	struct hm_buf value = { 0 };
	struct hm_str got;
	uint64_t seen = 0;
	int64_t now = queue_now_ms(q->shared);
	int r = q->kv->ops->get(txn, q->shared->t.meta, clock_key, HM_KV_FOR_UPDATE,
	    &got);

	if (r < 0 && r != -HM_ENOENT)
		return r;
	if (r == 0 && hm_take_be64(&got, &seen) < 0)
		return -HM_ECORRUPT;
	if ((int64_t)seen > now) {
		q->shared->clock_ms += (int64_t)seen - now;
		now = (int64_t)seen;
	}
	hm_buf_be64(&value, (uint64_t)now);
	r = q->kv->ops->put(txn, q->shared->t.meta, clock_key, hm_buf_view(&value));
	hm_buf_release(&value);
	return r;
}

struct reserving {
	struct queue_module *q;
	uint64_t next;
};

/* Ids are reserved on disk in blocks: one is never given out twice. */
static int
reserve_ids(struct hm_kv_txn *txn, void *arg)
{
	struct reserving *res = arg;
	struct queue_module *q = res->q;
	struct hm_buf value = { 0 };
	struct hm_str got;
	uint64_t next = 1;
	int r = q->kv->ops->get(txn, q->shared->t.meta, next_id_key, HM_KV_FOR_UPDATE,
	    &got);

	if (r < 0 && r != -HM_ENOENT)
		return r;
	if (r == 0 && hm_take_be64(&got, &next) < 0)
		return -HM_ECORRUPT;
	res->next = next;
	hm_buf_be64(&value, next + ID_BLOCK);
	r = q->kv->ops->put(txn, q->shared->t.meta, next_id_key, hm_buf_view(&value));
	hm_buf_release(&value);
	return r < 0 ? r : queue_keep_clock(q, txn);
}

int
queue_reserve_ids(struct queue_module *q, uint64_t *ret_next,
    struct hm_err *reterr)
{
	struct reserving res = { .q = q };
	int r = hm_kv_run(q->kv, HM_KV_DURABLE, reserve_ids, &res, reterr);

	if (r == 0)
		*ret_next = res.next;
	return r;
}

void
queue_take_ids(struct queue_shared *q, uint64_t next)
{
	if (next < q->id_limit)
		return;
	q->next_id = next;
	q->id_limit = next + ID_BLOCK;
}

int
queue_tables_open(struct queue_module *q, struct hm_err *reterr)
{
	const struct {
		const char *name;
		struct hm_kv_table **ret;
	} all[] = {
		{ "queue-message", &q->shared->t.message },
		{ "queue-rcpt", &q->shared->t.rcpt },
		{ "queue-due", &q->shared->t.due },
		{ HM_BLOB_HOLDS, &q->shared->t.holds },
		{ "queue-meta", &q->shared->t.meta },
		{ "queue-retired", &q->shared->t.retired },
		{ "queue-sent", &q->shared->t.sent },
		{ "queue-suppressed", &q->shared->t.suppressed },
		{ "queue-rule", &q->shared->t.rule },
		{ "queue-damaged", &q->shared->t.damaged },
	};
	uint64_t next;
	int r = 0;

	for (size_t i = 0; i < HM_ARRAY_LEN(all) && r == 0; i++)
		r = hm_kv_table(q->kv, all[i].name, all[i].ret, reterr);
	if (r == 0)
		r = queue_reserve_ids(q, &next, reterr);
	if (r == 0)
		queue_take_ids(q->shared, next);
	return r;
}

/* ---- the destinations ---- */

/* The first key at or behind from; what is no key of ours is passed by. */
struct first {
	struct hm_buf domain;
	int64_t next_ms;
	bool found;
};

static int
take_first(struct hm_str key, struct hm_str value, void *arg)
{
	struct first *first = arg;
	struct hm_str domain;
	uint64_t id;
	uint32_t number;

	(void)value;
	if (queue_key_due_read(key, &domain, &first->next_ms, &id, &number) < 0)
		return 0;
	hm_buf_clear(&first->domain);
	hm_buf_str(&first->domain, domain);
	first->found = true;
	return 1;
}

int
queue_first_due(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_str domain, int64_t *ret_ms)
{
	struct hm_buf from = { 0 }, to = { 0 };
	struct first first = { .next_ms = INT64_MAX };
	int r;

	hm_buf_str(&from, domain);
	hm_buf_putc(&from, '\0');
	hm_buf_str(&to, domain);
	hm_buf_putc(&to, '\1');
	r = q->kv->ops->scan(txn, q->shared->t.due, hm_buf_view(&from), hm_buf_view(&to),
	    0, take_first, &first);
	*ret_ms = first.found ? first.next_ms : INT64_MAX;
	hm_buf_release(&from);
	hm_buf_release(&to);
	hm_buf_release(&first.domain);
	return r < 0 ? r : 0;
}

struct domains {
	struct queue_module *q;
	void (*fn)(struct hm_str domain, int64_t next_ms, void *arg);
	void *arg;
	struct hm_buf from;
};

/* One destination in each step: the keys between are jumped over. */
static int
next_domain(struct hm_kv_txn *txn, void *arg)
{
	struct domains *d = arg;
	struct first first = { 0 };
	int r = d->q->kv->ops->scan(txn, d->q->shared->t.due, hm_buf_view(&d->from),
	    (struct hm_str){ 0 }, 0, take_first, &first);

	if (r >= 0 && first.found) {
		d->fn(hm_buf_view(&first.domain), first.next_ms, d->arg);
		hm_buf_clear(&d->from);
		hm_buf_str(&d->from, hm_buf_view(&first.domain));
		hm_buf_putc(&d->from, '\1');
	}
	hm_buf_release(&first.domain);
	return r < 0 ? r : first.found;
}

int
queue_tables_domains(struct queue_module *q,
    void (*fn)(struct hm_str domain, int64_t next_ms, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct domains d = { .q = q, .fn = fn, .arg = arg };
	int r;

	do
		r = hm_kv_run(q->kv, HM_KV_BROWSE, next_domain, &d, reterr);
	while (r > 0);
	hm_buf_release(&d.from);
	return r;
}

/* ---- messages ---- */

/* The record in the arena, so that what is unpacked from it lasts. */
static int
get_record(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_kv_table *table, const struct hm_buf *key, struct hm_arena *arena,
    struct hm_str *ret)
{
	struct hm_str got;
	int r = q->kv->ops->get(txn, table, hm_buf_view(key), 0, &got);

	if (r == 0)
		*ret = hm_str_dup(arena, got);
	return r;
}

int
queue_get_message(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, uint64_t id, struct queue_message *ret)
{
	struct hm_buf key = { 0 };
	struct hm_str record;
	int r;

	queue_key_id(&key, id);
	r = get_record(q, txn, q->shared->t.message, &key, arena, &record);
	hm_buf_release(&key);
	return r < 0 ? r : queue_message_unpack(record, id, ret);
}

int
queue_put_message(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_message *msg)
{
	struct hm_buf key = { 0 }, value = { 0 };
	int r;

	queue_key_id(&key, msg->id);
	queue_message_pack(&value, msg);
	r = q->kv->ops->put(txn, q->shared->t.message, hm_buf_view(&key),
	    hm_buf_view(&value));
	hm_buf_release(&key);
	hm_buf_release(&value);
	return r;
}

int
queue_hold_body(struct queue_module *q, struct hm_kv_txn *txn, uint64_t blob,
    bool on)
{
	return hm_blob_hold(q->kv, q->blob, q->shared->t.holds, txn, blob, "queue", on);
}

/* ---- recipients ---- */

int
queue_get_rcpt(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, uint64_t id, uint32_t number, struct queue_rcpt *ret)
{
	struct hm_buf key = { 0 };
	struct hm_str record;
	int r;

	queue_key_rcpt(&key, id, number);
	r = get_record(q, txn, q->shared->t.rcpt, &key, arena, &record);
	hm_buf_release(&key);
	return r < 0 ? r : queue_rcpt_unpack(record, id, number, ret);
}

static int
move_due(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, const struct queue_rcpt *now)
{
	struct hm_buf key = { 0 };
	int r = 0;

	if (was != NULL && !was->held) {
		queue_key_due(&key, queue_rcpt_place(was), was->next_ms,
		    was->id, was->number);
		r = q->kv->ops->del(txn, q->shared->t.due, hm_buf_view(&key));
		if (r == -HM_ENOENT)
			r = 0;
	}
	if (r == 0 && now != NULL && !now->held) {
		queue_key_due(&key, queue_rcpt_place(now), now->next_ms,
		    now->id, now->number);
		r = q->kv->ops->put(txn, q->shared->t.due, hm_buf_view(&key),
		    HM_STR(""));
	}
	hm_buf_release(&key);
	return r;
}

int
queue_put_rcpt(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, const struct queue_rcpt *now)
{
	struct hm_buf key = { 0 }, value = { 0 };
	int r;

	queue_key_rcpt(&key, now->id, now->number);
	queue_rcpt_pack(&value, now);
	r = q->kv->ops->put(txn, q->shared->t.rcpt, hm_buf_view(&key),
	    hm_buf_view(&value));
	hm_buf_release(&key);
	hm_buf_release(&value);
	return r < 0 ? r : move_due(q, txn, was, now);
}

/* What was once sent stays known for a while: when, the message, how it went. */
static int
put_retired(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_message *msg, const struct queue_rcpt *rcpt)
{
	struct queue_message slim = *msg;
	struct hm_buf key = { 0 }, value = { 0 }, part = { 0 };
	int r;

	slim.prefix = (struct hm_str){ 0 };
	hm_buf_be64(&key, (uint64_t)rcpt->last_ms);
	hm_buf_be64(&key, rcpt->id);
	hm_buf_be32(&key, rcpt->number);
	queue_message_pack(&part, &slim);
	hm_buf_lstr(&value, hm_buf_view(&part));
	hm_buf_clear(&part);
	queue_rcpt_pack(&part, rcpt);
	hm_buf_lstr(&value, hm_buf_view(&part));
	r = q->kv->ops->put(txn, q->shared->t.retired, hm_buf_view(&key),
	    hm_buf_view(&value));
	hm_buf_release(&key);
	hm_buf_release(&value);
	hm_buf_release(&part);
	return r;
}

/* The message goes with its last recipient. */
static int
drop_one(struct queue_module *q, struct hm_kv_txn *txn,
    struct queue_message *msg)
{
	struct hm_buf key = { 0 };
	int r;

	if (msg->nrcpts > 1) {
		msg->nrcpts--;
		return queue_put_message(q, txn, msg);
	}
	queue_key_id(&key, msg->id);
	r = q->kv->ops->del(txn, q->shared->t.message, hm_buf_view(&key));
	hm_buf_release(&key);
	return r < 0 ? r : queue_hold_body(q, txn, msg->blob, false);
}

int
queue_del_rcpt(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, const struct queue_rcpt *retired)
{
	struct hm_arena *arena = hm_arena_new(NULL, "rcpt");
	struct hm_buf key = { 0 };
	struct queue_message msg;
	int r = queue_get_message(q, txn, arena, was->id, &msg);

	queue_key_rcpt(&key, was->id, was->number);
	if (r == 0)
		r = q->kv->ops->del(txn, q->shared->t.rcpt, hm_buf_view(&key));
	if (r == 0)
		r = move_due(q, txn, was, NULL);
	if (r == 0 && retired != NULL)
		r = put_retired(q, txn, &msg, retired);
	if (r == 0)
		r = drop_one(q, txn, &msg);
	hm_buf_release(&key);
	hm_arena_free(arena);
	return r;
}
