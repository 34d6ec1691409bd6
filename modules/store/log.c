/* log.c - what changed since: the change log and the tombstones. */
#include "store.h"

#include <hermod/work.h>

enum { PRUNE_STEP = 500 };

/* ---- forgetting the oldest ----------------------------------------------------- */

struct prune {
	struct store_tx *tx;
	struct { uint64_t modseq; struct log_record rec; } *at;
	size_t n;
};

static int
prune_one(struct hm_str key, struct hm_str value, void *arg)
{
	struct prune *p = arg;

	key = hm_str_skip(key, 4);
	if (store_key_take_u64(&key, &p->at[p->n].modseq) < 0)
		return -HM_ECORRUPT;
	if (store_get_log(value, &p->at[p->n].rec) < 0)
		p->at[p->n].rec.kind = 0;
	return ++p->n == PRUNE_STEP;
}

static int
prune_gone(struct store_tx *tx, uint32_t mailbox, uint64_t modseq)
{
	const struct hm_kv_ops *ops = tx->st->kv->ops;
	struct store_key key;
	uint32_t part;
	int r = 0;

	for (part = 0; r == 0; part++) {
		store_key(&key, tx->a->id);
		store_key_u32(&key, mailbox);
		store_key_u64(&key, modseq);
		store_key_u32(&key, part);
		r = ops->del(tx->kv, tx->st->t.gone, store_key_str(&key));
	}
	return r == -HM_ENOENT ? 0 : r;
}

static int
prune_records(struct store_tx *tx, struct prune *p)
{
	const struct hm_kv_ops *ops = tx->st->kv->ops;
	struct store_key key;
	size_t i;
	int r = 0;

	for (i = 0; i < p->n && r == 0; i++) {
		store_key(&key, tx->a->id);
		store_key_u64(&key, p->at[i].modseq);
		r = ops->del(tx->kv, tx->st->t.log, store_key_str(&key));
		if (r == 0 && p->at[i].rec.kind == HM_LOGGED_REMOVED)
			r = prune_gone(tx, p->at[i].rec.mailbox, p->at[i].modseq);
		if (r == 0)
			tx->state.log_floor = p->at[i].modseq;
	}
	return r;
}

/* Every transaction makes few records, so forgetting some hundred now and then
 * keeps up with them. */
int
store_log_prune(struct store_tx *tx)
{
	uint64_t keep = (uint64_t)tx->st->conf->changes_kept;
	struct prune p = { .tx = tx };
	struct store_key from, to;
	int r;

	if (tx->state.modseq - tx->state.log_floor < keep + PRUNE_STEP)
		return 0;
	p.at = hm_alloc_array(tx->arena, PRUNE_STEP, sizeof(*p.at));
	store_key(&from, tx->a->id);
	to = from;
	store_key_u64(&to, tx->state.modseq - keep);
	r = tx->st->kv->ops->scan(tx->kv, tx->st->t.log, store_key_str(&from),
	    store_key_str(&to), 0, prune_one, &p);
	if (r >= 0)
		r = prune_records(tx, &p);
	return r < 0 ? store_tx_fail(tx, r, "shortening the change log") : 0;
}

/* ---- reading ------------------------------------------------------------------------ */

struct reading {
	struct hm_account *acc;
	struct hm_arena *arena;
	uint64_t since, until, mailbox;
	unsigned max;
	struct hm_logged_change *at;
	size_t n, cap;
	struct hm_uidset_builder uids;
	struct acct_state state;
	struct hm_err *err;
};

static int
take_change(struct hm_str key, struct hm_str value, void *arg)
{
	struct reading *rd = arg;
	struct hm_uidset_builder b = { 0 };
	struct hm_logged_change *c;
	struct log_record rec;
	int r;

	if (rd->n == rd->max)
		return 1;
	if (rd->n == rd->cap) {
		struct hm_logged_change *more;

		rd->cap = rd->cap ? rd->cap * 2 : 16;
		more = hm_alloc_array(rd->arena, rd->cap, sizeof(*more));
		if (rd->n > 0)
			memcpy(more, rd->at, rd->n * sizeof(*more));
		rd->at = more;
	}
	c = &rd->at[rd->n];
	key = hm_str_skip(key, 4);
	if (store_key_take_u64(&key, &c->modseq) < 0)
		return -HM_ECORRUPT;
	if (c->modseq > rd->until)
		return 1;
	if ((r = store_get_log(value, &rec)) == 0)
		r = store_take_ranges(&rec.ranges, &b);
	c->kind = rec.kind;
	c->mailbox = rec.mailbox;
	hm_uidset_take(&b, rd->arena, &c->uids);
	rd->n++;
	return r;
}

static int
read_state(struct hm_kv_txn *kv, struct reading *rd)
{
	struct store *st = rd->acc->st;
	struct store_key key;
	struct hm_str value;
	int r;

	store_key(&key, rd->acc->a->id);
	store_key_u32(&key, 0);
	r = st->kv->ops->get(kv, st->t.box, store_key_str(&key), 0, &value);
	return r < 0 ? r : store_get_state(value, &rd->state);
}

static int
read_changes(struct hm_kv_txn *kv, void *arg)
{
	struct reading *rd = arg;
	struct store *st = rd->acc->st;
	struct store_key from, to, all;
	int r;

	hm_arena_clear(rd->arena);
	rd->n = rd->cap = 0;
	rd->at = NULL;
	if ((r = read_state(kv, rd)) < 0)
		return r;
	if (rd->since < rd->state.log_floor)
		return -HM_ELIMIT;
	if (rd->since >= rd->until)
		return 0;
	store_key(&all, rd->acc->a->id);
	store_key_after(&all, &to);
	from = all;
	store_key_u64(&from, rd->since + 1);
	return st->kv->ops->scan(kv, st->t.log, store_key_str(&from),
	    store_key_str(&to), 0, take_change, rd);
}

static int
changes_job(void *arg)
{
	struct reading *rd = arg;

	return hm_kv_run(rd->acc->st->kv, HM_KV_READ, read_changes, rd,
	    rd->err);
}

int
store_changes(struct hm_account *acc, uint64_t since, unsigned max,
    int (*fn)(const struct hm_logged_change *c, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct reading rd = { .acc = acc, .since = since, .max = max,
		.err = reterr, .arena = hm_arena_new(NULL, "store changes") };
	size_t i;
	int r;

	pthread_mutex_lock(&acc->a->snap);
	rd.until = acc->a->now->modseq;
	pthread_mutex_unlock(&acc->a->snap);
	r = hm_work(changes_job, &rd);
	if (r == -HM_ELIMIT)
		hm_err_set(reterr, r, "the change log begins later than that");
	for (i = 0; i < rd.n && r >= 0; i++)
		r = fn(&rd.at[i], arg);
	hm_arena_free(rd.arena);
	return r < 0 ? r : (int)i;
}

/* ---- tombstones ------------------------------------------------------------------------ */

static int
take_gone(struct hm_str key, struct hm_str value, void *arg)
{
	struct reading *rd = arg;
	uint64_t modseq;

	key = hm_str_skip(key, 8);
	if (store_key_take_u64(&key, &modseq) < 0)
		return -HM_ECORRUPT;
	if (modseq > rd->until)
		return 1;
	return store_take_ranges(&value, &rd->uids);
}

static int
read_gone(struct hm_kv_txn *kv, void *arg)
{
	struct reading *rd = arg;
	struct store *st = rd->acc->st;
	struct store_key from, to, all;
	int r;

	hm_uidset_release(&rd->uids);
	if ((r = read_state(kv, rd)) < 0)
		return r;
	if (rd->since < rd->state.log_floor)
		return -HM_ELIMIT;
	store_key(&all, rd->acc->a->id);
	store_key_u32(&all, (uint32_t)rd->mailbox);
	store_key_after(&all, &to);
	from = all;
	store_key_u64(&from, rd->since + 1);
	return st->kv->ops->scan(kv, st->t.gone, store_key_str(&from),
	    store_key_str(&to), 0, take_gone, rd);
}

static int
gone_job(void *arg)
{
	struct reading *rd = arg;

	return hm_kv_run(rd->acc->st->kv, HM_KV_READ, read_gone, rd, rd->err);
}

/* All uids that the mailbox ever gave out and has no more: right, though more
 * than asked for (RFC 7162, 3.2.5.1 allows that). */
static void
all_missing(const struct hm_view *view, struct hm_uidset_builder *b)
{
	const struct hm_entry *e;
	struct hm_view_iter it;
	uint32_t next = 1;

	for (hm_view_iter(&it, view, 1); (e = hm_view_next(&it)); ) {
		if (e->uid > next)
			hm_uidset_add(b, next, e->uid - 1);
		next = e->uid + 1;
	}
	if (hm_view_uidnext(view) > next)
		hm_uidset_add(b, next, hm_view_uidnext(view) - 1);
}

int
store_vanished(struct hm_account *acc, uint64_t mailbox, uint64_t since,
    struct hm_arena *arena, struct hm_uidset *ret, struct hm_err *reterr)
{
	struct reading rd = { .acc = acc, .since = since, .mailbox = mailbox,
		.err = reterr };
	struct hm_view *view;
	int r;

	if ((r = store_view(acc, mailbox, &view, reterr)) < 0)
		return r;
	rd.until = hm_view_modseq(view);
	r = since >= rd.until ? 0 : hm_work(gone_job, &rd);
	if (r == -HM_ELIMIT) {
		hm_uidset_release(&rd.uids);
		all_missing(view, &rd.uids);
		r = 0;
	}
	hm_view_unref(view);
	if (r >= 0)
		hm_uidset_take(&rd.uids, arena, ret);
	hm_uidset_release(&rd.uids);
	return r < 0 ? r : 0;
}
