/* batch.c - messages that left a mailbox, until nobody can see them any more.
 *
 * An expunge only takes entries out of the mailbox and writes down the message
 * ids ("erase" records). The messages' own records and bodies go when the last
 * view that still shows them is given back, so that a session may go on reading
 * what another one expunged; after a restart there are no such views.
 */
#include "store.h"

#include <hermod/work.h>

enum { IDS_PER_RECORD = 256 };

struct store_batch *
store_batch_new(struct acct *a)
{
	struct store_batch *b = hm_xalloc(sizeof(*b));

	atomic_init(&b->refs, 1);
	b->acct = a;
	store_acct_ref(a);
	return b;
}

void
store_batch_ref(struct store_batch *b)
{
	atomic_fetch_add(&b->refs, 1);
}

static void
batch_free(struct store_batch *b)
{
	struct acct *a = b->acct;

	free(b);
	store_acct_unref(a);
}

static void
let_go(struct store_batch *b, struct store_batch **dead)
{
	if (!b || atomic_fetch_sub(&b->refs, 1) > 1)
		return;
	b->dead = *dead;
	*dead = b;
}

/* Nobody sees these messages any more. */
static void
batch_ready(struct store_batch *b)
{
	struct acct *a = b->acct;

	pthread_mutex_lock(&a->snap);
	b->next = a->ready;
	a->ready = b;
	pthread_mutex_unlock(&a->snap);
	if (a->shared->loop)
		store_erase_soon(a);
}

void
store_batch_unref(struct store_batch *b)
{
	struct store_batch *dead = NULL;

	let_go(b, &dead);
	while ((b = dead)) {
		dead = b->dead;
		let_go(b->next, &dead);
		let_go(b->moved, &dead);
		if (b->modseq == 0)
			batch_free(b);
		else
			batch_ready(b);
	}
}

static void
view_released(void *arg)
{
	store_batch_unref(arg);
}

void
store_batch_hold(struct hm_view *view, struct store_batch *b)
{
	store_batch_ref(b);
	hm_view_on_release(view, view_released, b);
}

/* ---- writing down -------------------------------------------------------------- */

int
store_tx_erase(struct store_tx *tx, uint64_t modseq, const uint64_t *ids,
    size_t n)
{
	uint32_t part = 0;
	size_t i, take;
	int r = 0;

	for (i = 0; i < n && r == 0; i += take) {
		struct hm_buf value = { 0 };
		struct store_key key;

		take = n - i < IDS_PER_RECORD ? n - i : IDS_PER_RECORD;
		store_key(&key, tx->a->id);
		store_key_u64(&key, modseq);
		store_key_u32(&key, part++);
		store_put_ids(&value, ids + i, take);
		r = store_put(tx, tx->st->t.erase, &key, &value);
	}
	return r;
}

/* ---- erasing --------------------------------------------------------------------- */

struct erase {
	struct store *st;
	uint32_t acct;
	struct hm_arena *arena;
	struct store_key from, to;   /* records to be erased */
	struct hm_str key, value;    /* the first of them, copied */
	bool any;
};

static int
first_record(struct hm_str key, struct hm_str value, void *arg)
{
	struct erase *e = arg;

	e->key = hm_str_dup(e->arena, key);
	e->value = hm_str_dup(e->arena, value);
	e->any = true;
	return 1;
}

static int
note_user(struct hm_str key, struct hm_str value, void *arg)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return 1;
}

/* Whether another message has that cold record. */
static int
has_users(struct hm_kv_txn *kv, struct erase *e, uint64_t cold, bool *ret)
{
	const struct hm_kv_ops *ops = e->st->kv->ops;
	struct store_key from, to;
	struct hm_str value;
	int r;

	store_key(&from, e->acct);
	store_key_u64(&from, cold);
	r = ops->get(kv, e->st->t.msg, store_key_str(&from), 0, &value);
	if (r != -HM_ENOENT) {
		*ret = r == 0;
		return r;
	}
	*ret = false;
	store_index_key(&from, e->acct, COPY_OF, cold);
	store_key_after(&from, &to);
	return ops->scan(kv, e->st->t.index, store_key_str(&from),
	    store_key_str(&to), 0, note_user, ret);
}

static int
erase_cold(struct hm_kv_txn *kv, struct erase *e, uint64_t id)
{
	const struct hm_kv_ops *ops = e->st->kv->ops;
	struct cold_record cold;
	struct store_key key;
	struct hm_str value;
	int r;

	store_key(&key, e->acct);
	store_key_u64(&key, id);
	r = ops->get(kv, e->st->t.cold, store_key_str(&key), HM_KV_FOR_UPDATE,
	    &value);
	if (r < 0)
		return r == -HM_ENOENT ? 0 : r;
	value = hm_str_dup(e->arena, value);
	if ((r = ops->del(kv, e->st->t.cold, store_key_str(&key))) < 0)
		return r;
	if (store_get_cold(value, &cold) < 0)
		return 0;            /* the checker finds what that leaves */
	if ((r = store_index_del(kv, e->st, e->acct, id, &cold)) < 0)
		return r;
	r = hm_blob_link(e->st->blob, kv, cold.blob, -1);
	return r == -HM_ENOENT ? 0 : r;
}

static int
erase_message(struct hm_kv_txn *kv, struct erase *e, uint64_t msgid)
{
	const struct hm_kv_ops *ops = e->st->kv->ops;
	struct msg_record m = { .cold = 0 };
	struct store_key key;
	struct hm_str value;
	bool used = false;
	int r, parsed;

	store_key(&key, e->acct);
	store_key_u64(&key, msgid);
	r = ops->get(kv, e->st->t.msg, store_key_str(&key), HM_KV_FOR_UPDATE,
	    &value);
	if (r < 0)
		return r == -HM_ENOENT ? 0 : r;
	parsed = store_get_msg(value, &m);
	r = ops->del(kv, e->st->t.msg, store_key_str(&key));
	if (r < 0 || parsed < 0)
		return r;
	if (m.cold != msgid) {
		store_index_key(&key, e->acct, COPY_OF, m.cold);
		store_key_u64(&key, msgid);
		r = ops->del(kv, e->st->t.index, store_key_str(&key));
		if (r < 0 && r != -HM_ENOENT)
			return r;
	}
	if ((r = has_users(kv, e, m.cold, &used)) < 0 && r != -HM_ENOENT)
		return r;
	return used ? 0 : erase_cold(kv, e, m.cold);
}

/* Erases what the first record names, and the record. */
static int
erase_step(struct hm_kv_txn *kv, void *arg)
{
	const struct hm_kv_ops *ops;
	struct erase *e = arg;
	uint64_t msgid = 0;
	int r;

	ops = e->st->kv->ops;
	hm_arena_clear(e->arena);
	e->any = false;
	r = ops->scan(kv, e->st->t.erase, store_key_str(&e->from),
	    store_key_str(&e->to), 0, first_record, e);
	if (r < 0 || !e->any)
		return r;
	while ((r = store_take_id(&e->value, &msgid)) > 0)
		if ((r = erase_message(kv, e, msgid)) < 0)
			return r;
	if (r < 0 && r != -HM_ECORRUPT)
		return r;
	return ops->del(kv, e->st->t.erase, e->key);
}

static int
erase_range(struct store *st, struct acct *a, const struct store_key *from,
    const struct store_key *to, struct hm_err *reterr)
{
	struct erase e = { .st = st, .acct = a->id, .from = *from, .to = *to,
		.arena = hm_arena_new(NULL, "store erase") };
	int r;

	do {
		pthread_mutex_lock(&a->lock);
		r = hm_kv_run(st->kv, HM_KV_LAZY, erase_step, &e, reterr);
		pthread_mutex_unlock(&a->lock);
	} while (r >= 0 && e.any);
	hm_arena_free(e.arena);
	return r < 0 ? r : 0;
}

int
store_erase_ready(struct store *st, struct acct *a)
{
	struct store_key from, to;
	struct store_batch *b;
	int r = 0;

	for (;;) {
		pthread_mutex_lock(&a->snap);
		if ((b = a->ready))
			a->ready = b->next;
		pthread_mutex_unlock(&a->snap);
		if (!b)
			return r;
		store_key(&from, a->id);
		store_key_u64(&from, b->modseq);
		store_key_after(&from, &to);
		if (b->older)
			store_key(&from, a->id);
		/* What fails now is done when the account is loaded again. */
		r = erase_range(st, a, &from, &to, NULL);
		batch_free(b);
	}
}

void
store_erase_now(struct store *st, struct acct *a, uint64_t modseq, bool older)
{
	struct store_batch *b = store_batch_new(a);

	b->modseq = modseq;
	b->older = older;
	store_batch_unref(b);
	if (!a->shared->loop)
		store_erase_ready(st, a);
}

/* ---- in the background -------------------------------------------------------------- */

struct erase_job {
	struct store *st;
	struct acct *a;
};

static int
erase_job(void *arg)
{
	struct erase_job *job = arg;

	return store_erase_ready(job->st, job->a);
}

static void
erase_done(int result, void *arg)
{
	struct erase_job *job = arg;
	struct acct *a = job->a;

	(void)result;
	a->erasing = false;
	job->st->hold(job->st, false);
	free(job);
	pthread_mutex_lock(&a->snap);
	bool more = a->ready != NULL;
	pthread_mutex_unlock(&a->snap);
	if (more)
		store_erase_soon(a);
	store_acct_unref(a);
}

static void
erase_start(void *arg)
{
	struct acct *a = arg;
	struct store *st = a->shared->current;
	struct erase_job *job;

	if (!st || a->erasing) {
		store_acct_unref(a);
		return;
	}
	a->erasing = true;
	job = hm_xalloc(sizeof(*job));
	job->st = st;
	job->a = a;
	st->hold(st, true);
	hm_work_detached(erase_job, erase_done, job);
}

void
store_erase_soon(struct acct *a)
{
	store_acct_ref(a);
	hm_post(erase_start, a);
}
