/* limit.c - how much an account may send, and to whom it sends no more.
 *
 * The table "queue-sent" has three kinds of keys for each account, NUL between the
 * parts: 'a' address (when it was first written to), 'f' base address (how many
 * messages in a row failed there), and 't' time id number (one for each recipient
 * of the last day, with whether it was the first time).
 */
#include "queue.h"

enum {
	DAY_MS = 24 * 3600 * 1000,
	PRUNE = 50,
	FAILURES = 3,                  /* in a row are one too many */
};

/* ---- limits ---- */

static void
key_begin(struct hm_buf *key, struct hm_str account, char kind)
{
	hm_buf_clear(key);
	hm_buf_str(key, account);
	hm_buf_putc(key, '\0');
	hm_buf_putc(key, kind);
}

static void
key_time(struct hm_buf *key, struct hm_str account, int64_t when_ms)
{
	key_begin(key, account, 't');
	hm_buf_be64(key, (uint64_t)when_ms);
}

struct tally {
	int64_t since_ms;
	size_t prefix;                 /* bytes of a key before its time */
	int64_t sent, first_times;     /* within the day */
	struct hm_buf old[PRUNE];      /* keys from before it */
	size_t nold;
};

static int
count_sent(struct hm_str key, struct hm_str value, void *arg)
{
	struct tally *t = arg;
	struct hm_str rest = hm_str_skip(key, t->prefix);
	uint64_t when;

	if (hm_take_be64(&rest, &when) < 0)
		return 0;
	if ((int64_t)when < t->since_ms) {
		if (t->nold < PRUNE)
			hm_buf_str(&t->old[t->nold++], key);
		return 0;
	}
	t->sent++;
	if (value.len > 0 && value.p[0] == 1)
		t->first_times++;
	return 0;
}

static int
tally_day(struct queue_module *q, struct hm_kv_txn *txn, struct hm_str account,
    int64_t now_ms, struct tally *t)
{
	struct hm_buf from = { 0 }, to = { 0 };
	int r;

	t->since_ms = now_ms - DAY_MS;
	key_begin(&from, account, 't');
	t->prefix = from.len;
	key_begin(&to, account, 't' + 1);
	r = q->kv->ops->scan(txn, q->shared->t.sent, hm_buf_view(&from),
	    hm_buf_view(&to), 0, count_sent, t);
	for (size_t i = 0; i < t->nold; i++) {
		if (r >= 0)
			r = q->kv->ops->del(txn, q->shared->t.sent,
			    hm_buf_view(&t->old[i]));
		hm_buf_release(&t->old[i]);
	}
	hm_buf_release(&from);
	hm_buf_release(&to);
	return r < 0 ? r : 0;
}

/* Notes one recipient; *ret_first tells whether it is a new one. */
static int
note_sent(struct queue_module *q, struct hm_kv_txn *txn, struct hm_str account,
    struct hm_str addr, int64_t now_ms, uint64_t id, uint32_t number,
    bool *ret_first)
{
	struct hm_buf key = { 0 }, value = { 0 };
	struct hm_str got;
	int r;

	key_begin(&key, account, 'a');
	hm_buf_str(&key, addr);
	r = q->kv->ops->get(txn, q->shared->t.sent, hm_buf_view(&key),
	    HM_KV_FOR_UPDATE, &got);
	*ret_first = r == -HM_ENOENT;
	if (r == -HM_ENOENT) {
		hm_buf_le64(&value, (uint64_t)now_ms);
		r = q->kv->ops->put(txn, q->shared->t.sent, hm_buf_view(&key),
		    hm_buf_view(&value));
	}
	key_time(&key, account, now_ms);
	hm_buf_be64(&key, id);
	hm_buf_be32(&key, number);
	if (r == 0)
		r = q->kv->ops->put(txn, q->shared->t.sent, hm_buf_view(&key),
		    *ret_first ? HM_STR("\1") : HM_STR(""));
	hm_buf_release(&key);
	hm_buf_release(&value);
	return r;
}

int
queue_limit_txn(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, const struct hm_queue_item *item, uint64_t id,
    int64_t now_ms, struct hm_err *reterr)
{
	const struct queue_conf *conf = q->conf;
	struct tally *t;
	int r;

	if (item->account.len == 0 || (conf->max_outgoing_per_day == 0 &&
	    conf->max_first_time_per_day == 0))
		return 0;
	t = hm_new(arena, struct tally);
	r = tally_day(q, txn, item->account, now_ms, t);
	for (size_t i = 0; r == 0 && i < item->nrcpts; i++) {
		bool first = false;

		r = note_sent(q, txn, item->account,
		    hm_str_lower(arena, item->rcpts[i].addr.text), now_ms, id,
		    (uint32_t)i, &first);
		t->sent++;
		t->first_times += first;
	}
	if (r < 0)
		return r;
	if (conf->max_outgoing_per_day > 0 &&
	    t->sent > conf->max_outgoing_per_day)
		return hm_err_set(reterr, -HM_ELIMIT, "this account may send to "
		    "%lld recipients in 24 hours (max-outgoing-per-day)",
		    (long long)conf->max_outgoing_per_day);
	if (conf->max_first_time_per_day > 0 &&
	    t->first_times > conf->max_first_time_per_day)
		return hm_err_set(reterr, -HM_ELIMIT, "this account may write to "
		    "%lld new addresses in 24 hours (max-first-time-per-day)",
		    (long long)conf->max_first_time_per_day);
	return 0;
}

/* ---- suppressed addresses ---- */

/* Variants of an address count as one: what stands behind + or - and dots of the
 * local part are left out. */
struct hm_str
queue_suppress_base(struct hm_arena *arena, struct hm_str addr)
{
	ssize_t at = hm_str_rchr(addr, '@');
	struct hm_str local = hm_str_take(addr, at < 0 ? addr.len : (size_t)at);
	struct hm_buf out = { 0 };
	struct hm_str base;

	for (size_t i = 0; i < local.len; i++) {
		char c = local.p[i];

		if ((c == '+' || c == '-') && i > 0)
			break;
		if (c != '.')
			hm_buf_putc(&out, c);
	}
	hm_buf_str(&out, hm_str_skip(addr, local.len));
	base = hm_str_lower(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return base;
}

void
queue_suppress_key(struct hm_buf *key, struct hm_str account, struct hm_str base)
{
	hm_buf_clear(key);
	hm_buf_str(key, account);
	hm_buf_putc(key, '\0');
	hm_buf_str(key, base);
}

int
queue_suppressed(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, struct hm_str account, struct hm_str addr,
    struct queue_suppression *ret)
{
	struct hm_buf key = { 0 };
	struct hm_str got;
	int r;

	queue_suppress_key(&key, account, queue_suppress_base(arena, addr));
	r = q->kv->ops->get(txn, q->shared->t.suppressed, hm_buf_view(&key), 0, &got);
	hm_buf_release(&key);
	if (r < 0)
		return r;
	return queue_suppression_unpack(hm_str_dup(arena, got), ret);
}

/* Whether the last result says that the address will never do. */
bool
queue_suppress_reason(const struct queue_rcpt *rcpt)
{
	static const char *const never[] = { ".1.1", ".1.2", ".1.3", ".1.6",
		".2.1", ".7.1" };
	const struct queue_result *last = queue_rcpt_last(rcpt);

	if (last == NULL || last->outcome != HM_ATTEMPT_PERMANENT)
		return false;
	switch (last->code) {
	case 521: case 550: case 551: case 553: case 556:
		return true;
	}
	for (size_t i = 0; i < HM_ARRAY_LEN(never); i++)
		if (last->code >= 500 && last->esc.len > 0 &&
		    hm_str_is(hm_str_skip(last->esc, 1), never[i]))
			return true;
	return false;
}

int
queue_suppress_put(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, struct hm_str account, struct hm_str addr,
    struct hm_str reason, int64_t now_ms)
{
	struct queue_suppression s = { .since_ms = now_ms, .addr = addr,
	    .reason = hm_str_take(reason, QUEUE_TEXT_MAX) };
	struct hm_buf key = { 0 }, value = { 0 };
	int r;

	queue_suppress_key(&key, account, queue_suppress_base(arena, addr));
	queue_suppression_pack(&value, &s);
	r = q->kv->ops->put(txn, q->shared->t.suppressed, hm_buf_view(&key),
	    hm_buf_view(&value));
	hm_buf_release(&key);
	hm_buf_release(&value);
	return r;
}

int
queue_failures_count(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, struct hm_str account, struct hm_str addr,
    bool failed)
{
	struct hm_buf key = { 0 }, value = { 0 };
	struct hm_str got;
	uint32_t n = 0;
	int r;

	key_begin(&key, account, 'f');
	hm_buf_str(&key, queue_suppress_base(arena, addr));
	r = q->kv->ops->get(txn, q->shared->t.sent, hm_buf_view(&key),
	    HM_KV_FOR_UPDATE, &got);
	if (r == 0 && hm_take_le32(&got, &n) < 0)
		n = 0;
	n = failed ? n + 1 : 0;
	if (n > 0 && n < FAILURES) {
		hm_buf_le32(&value, n);
		r = q->kv->ops->put(txn, q->shared->t.sent, hm_buf_view(&key),
		    hm_buf_view(&value));
	} else if (r == 0) {
		r = q->kv->ops->del(txn, q->shared->t.sent, hm_buf_view(&key));
	}
	hm_buf_release(&key);
	hm_buf_release(&value);
	return r < 0 && r != -HM_ENOENT ? r : n >= FAILURES;
}
