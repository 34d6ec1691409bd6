/* damaged.c - records that cannot be read: set aside, found again, taken out.
 *
 * Nobody can tell what such a record says, so it is not tried; it and the body stay
 * where they are. The table "queue-damaged" has the key of each recipient that was
 * set aside, and since when. What the next start can read, because a newer version
 * came or the tables were repaired, is due again.
 */
#include <stdlib.h>

#include "queue.h"

enum { PAGE = 200 };

static int
count_one(struct hm_str key, struct hm_str value, void *arg)
{
	(void)key;
	(void)value;
	++*(uint64_t *)arg;
	return 0;
}

int
queue_damaged_count(struct queue_module *q, struct hm_kv_txn *txn,
    uint64_t *ret)
{
	int r;

	*ret = 0;
	r = q->kv->ops->scan(txn, q->shared->t.damaged, HM_STR(""),
	    (struct hm_str){ 0 }, 0, count_one, ret);
	return r < 0 ? r : 0;
}

int
queue_damaged_add(struct queue_module *q, struct hm_kv_txn *txn, uint64_t id,
    uint32_t number, int64_t now_ms)
{
	struct hm_buf key = { 0 }, value = { 0 };
	int r;

	queue_key_rcpt(&key, id, number);
	queue_damage_pack(&value, now_ms);
	r = q->kv->ops->put(txn, q->shared->t.damaged, hm_buf_view(&key),
	    hm_buf_view(&value));
	hm_buf_release(&key);
	hm_buf_release(&value);
	return r;
}

/* Since when; 0: it was not set aside. */
int
queue_damaged_since(struct queue_module *q, struct hm_kv_txn *txn, uint64_t id,
    uint32_t number, int64_t *ret_ms)
{
	struct hm_buf key = { 0 };
	struct hm_str got;
	int r;

	*ret_ms = 0;
	queue_key_rcpt(&key, id, number);
	r = q->kv->ops->get(txn, q->shared->t.damaged, hm_buf_view(&key), 0,
	    &got);
	if (r == 0)
		(void)queue_damage_unpack(got, ret_ms);
	hm_buf_release(&key);
	return r == -HM_ENOENT ? 0 : r;
}

static int
forget(struct queue_module *q, struct hm_kv_txn *txn, uint64_t id,
    uint32_t number)
{
	struct hm_buf key = { 0 };
	int r;

	queue_key_rcpt(&key, id, number);
	r = q->kv->ops->del(txn, q->shared->t.damaged, hm_buf_view(&key));
	hm_buf_release(&key);
	return r == -HM_ENOENT ? 0 : r;
}

/* ---- what can be read again ---- */

struct retrying {
	struct queue_module *q;
	struct hm_arena *arena;
	struct hm_buf from;            /* the key to go on with */
	struct { uint64_t id; uint32_t number; } at[PAGE];
	size_t n;
	bool more;
};

static int
take_key(struct hm_str key, struct hm_str value, void *arg)
{
	struct retrying *t = arg;

	(void)value;
	if (t->n == PAGE) {
		hm_buf_clear(&t->from);
		hm_buf_str(&t->from, key);
		t->more = true;
		return 1;
	}
	if (hm_take_be64(&key, &t->at[t->n].id) == 0 &&
	    hm_take_be32(&key, &t->at[t->n].number) == 0)
		t->n++;
	return 0;
}

static int
retry_one(struct retrying *t, struct hm_kv_txn *txn, uint64_t id,
    uint32_t number)
{
	struct queue_module *q = t->q;
	struct queue_rcpt *rcpt = hm_new(t->arena, struct queue_rcpt);
	struct queue_message msg;
	int r = queue_get_rcpt(q, txn, t->arena, id, number, rcpt);

	if (r == 0)
		r = queue_get_message(q, txn, t->arena, id, &msg);
	if (r == -HM_ECORRUPT)
		return 0;
	if (r == 0) {
		rcpt->next_ms = queue_now_ms(q->shared);
		r = queue_put_rcpt(q, txn, NULL, rcpt);
		hm_log(HM_LOG_INFO, "a record of the queue that was set aside "
		    "can be read again", hm_f("id", id),
		    hm_f("recipient", number));
	}
	return r < 0 && r != -HM_ENOENT ? r : forget(q, txn, id, number);
}

static int
retry_txn(struct hm_kv_txn *txn, void *arg)
{
	struct retrying *t = arg;
	int r;

	t->n = 0;
	t->more = false;
	r = t->q->kv->ops->scan(txn, t->q->shared->t.damaged,
	    hm_buf_view(&t->from), (struct hm_str){ 0 }, 0, take_key, t);
	for (size_t i = 0; i < t->n && r >= 0; i++)
		r = retry_one(t, txn, t->at[i].id, t->at[i].number);
	return r < 0 ? r : 0;
}

static int
count_txn(struct hm_kv_txn *txn, void *arg)
{
	struct retrying *t = arg;

	return queue_damaged_count(t->q, txn, &t->q->shared->ndamaged);
}

int
queue_damaged_retry(struct queue_module *q, struct hm_err *reterr)
{
	struct retrying t = { .q = q, .arena = hm_arena_new(NULL, "damaged") };
	int r;

	do {
		r = hm_kv_run(q->kv, HM_KV_DURABLE, retry_txn, &t, reterr);
		hm_arena_clear(t.arena);
	} while (r == 0 && t.more);
	if (r == 0)
		r = hm_kv_run(q->kv, HM_KV_READ, count_txn, &t, reterr);
	hm_buf_release(&t.from);
	hm_arena_free(t.arena);
	return r;
}

/* ---- taking them out ---- */

/* Whether the message has no recipient any more. */
static int
take_any(struct hm_str key, struct hm_str value, void *arg)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return 1;
}

static int
has_rcpts(struct queue_module *q, struct hm_kv_txn *txn, uint64_t id)
{
	struct hm_buf from = { 0 }, to = { 0 };
	bool any = false;
	int r;

	queue_key_id(&from, id);
	queue_key_id(&to, id + 1);
	r = q->kv->ops->scan(txn, q->shared->t.rcpt, hm_buf_view(&from),
	    hm_buf_view(&to), 0, take_any, &any);
	hm_buf_release(&from);
	hm_buf_release(&to);
	return r < 0 ? r : any;
}

/* Where the body of a message that cannot be read lies, nobody knows. */
static int
drop_message(struct queue_module *q, struct hm_kv_txn *txn, uint64_t id)
{
	struct hm_buf key = { 0 };
	int r = has_rcpts(q, txn, id);

	if (r != 0)
		return r < 0 ? r : 0;
	queue_key_id(&key, id);
	r = q->kv->ops->del(txn, q->shared->t.message, hm_buf_view(&key));
	hm_buf_release(&key);
	return r == -HM_ENOENT ? 0 : r;
}

int
queue_damaged_drop(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, uint64_t id, uint32_t number)
{
	struct queue_rcpt *was = hm_new(arena, struct queue_rcpt);
	struct queue_message msg;
	struct hm_buf key = { 0 };
	int r = queue_get_rcpt(q, txn, arena, id, number, was), message;

	message = queue_get_message(q, txn, arena, id, &msg);
	if (r == -HM_ENOENT || (r == 0 && message == 0))
		return -HM_ENOENT;     /* gone, or as it should be */
	if (message == 0) {
		*was = (struct queue_rcpt){ .id = id, .number = number,
		    .held = true };
		r = queue_del_rcpt(q, txn, was, NULL);
	} else {
		queue_key_rcpt(&key, id, number);
		r = q->kv->ops->del(txn, q->shared->t.rcpt, hm_buf_view(&key));
		hm_buf_release(&key);
		if (r == 0)
			r = drop_message(q, txn, id);
	}
	return r < 0 ? r : forget(q, txn, id, number);
}
