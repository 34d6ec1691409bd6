/* cache.c - the views that accounts hold in memory: loaded when first asked for,
 * dropped when they were not used for longest and memory is short. */
#include "store.h"

#include <hermod/work.h>

#include <stdlib.h>

enum { WORTH_PACKING = 16 };   /* messages of a group */

struct store_box *
store_box_at(struct acct *a, uint64_t id)
{
	size_t i;

	for (i = 0; i < a->nboxes; i++)
		if (a->box[i]->id == id)
			return a->box[i];
	return NULL;
}

struct store_box *
store_box_find(struct acct *a, uint64_t id)
{
	struct store_box *box;

	pthread_mutex_lock(&a->snap);
	box = store_box_at(a, id);
	pthread_mutex_unlock(&a->snap);
	return box;
}

struct store_box *
store_box_add(struct acct *a, uint64_t id)
{
	struct store_box *box = hm_xalloc(sizeof(*box));

	box->id = id;
	box->batch = store_batch_new(a);
	pthread_mutex_lock(&a->snap);
	a->box = hm_xrealloc(a->box, (a->nboxes + 1) * sizeof(*a->box));
	a->box[a->nboxes++] = box;
	pthread_mutex_unlock(&a->snap);
	return box;
}

static void
box_free(struct acct *a, struct store_box *box)
{
	atomic_fetch_sub(&a->shared->cached, box->bytes);
	hm_view_unref(box->head);
	hm_view_unref(box->now);
	store_batch_unref(box->batch);
	free(box);
}

void
store_box_drop(struct acct *a, uint64_t id)
{
	struct store_box *box = NULL;
	size_t i;

	pthread_mutex_lock(&a->snap);
	for (i = 0; i < a->nboxes; i++)
		if (a->box[i]->id == id) {
			box = a->box[i];
			a->box[i] = a->box[--a->nboxes];
			break;
		}
	pthread_mutex_unlock(&a->snap);
	if (box)
		box_free(a, box);
}

void
store_box_set_head(struct acct *a, struct store_box *box,
    struct hm_view *view)
{
	size_t bytes = view ? hm_view_bytes(view) : 0;

	atomic_fetch_add(&a->shared->cached, bytes);
	atomic_fetch_sub(&a->shared->cached, box->bytes);
	box->bytes = bytes;
	hm_view_unref(box->head);
	box->head = view;
}

/* ---- loading ------------------------------------------------------------------ */

struct load {
	struct hm_account *acc;
	uint64_t id;
	struct hm_view *view;        /* under construction */
	struct hm_view *now;         /* a reference, once it is durable */
	struct hm_err *err;
};

/* Of a record that load_group() has read before. */
static void
unpack(uint32_t number, struct hm_str record, struct hm_entry *ret)
{
	uint64_t modseq;
	unsigned n;

	if (store_get_group(record, number, &modseq, ret, &n) < 0)
		abort();
}

/* A record that is damaged is found here, though its entries are unpacked for
 * good only when somebody looks. */
static int
load_group(struct hm_str key, struct hm_str value, void *arg)
{
	struct load *l = arg;
	struct hm_entry e[HM_GROUP_MAX];
	uint64_t modseq, present = 0;
	uint32_t number;
	unsigned n, i;
	int r;

	key = hm_str_skip(key, 8);
	if (store_key_take_u32(&key, &number) < 0)
		return -HM_ECORRUPT;
	r = store_get_group(value, number, &modseq, e, &n);
	if (r < 0)
		return r;
	if (n < WORTH_PACKING || value.len > n * sizeof(e[0]) / 2) {
		hm_view_set_group(l->view, number, e, n);
		return 0;
	}
	for (i = 0; i < n; i++)
		present |= UINT64_C(1) << e[i].uid % HM_GROUP_MAX;
	hm_view_set_packed(l->view, number, present, value, unpack);
	return 0;
}

static int
load_read(struct hm_kv_txn *kv, void *arg)
{
	struct load *l = arg;
	struct store *st = l->acc->st;
	struct store_key from, to;

	hm_view_unref(l->view);
	l->view = hm_view_copy(l->id, NULL);
	store_key(&from, l->acc->a->id);
	store_key_u32(&from, (uint32_t)l->id);
	store_key_after(&from, &to);
	return st->kv->ops->scan(kv, st->t.hot, store_key_str(&from),
	    store_key_str(&to), 0, load_group, l);
}

/* With the account's lock held: the mailbox as committed. */
static int
load_head(struct load *l, struct store_box *box, const struct hm_mailbox *m)
{
	struct acct *a = l->acc->a;
	int r = hm_kv_run(l->acc->st->kv, HM_KV_READ, load_read, l, l->err);

	if (r < 0) {
		hm_view_unref(l->view);
		if (r == -HM_ECORRUPT)
			hm_err_set(l->err, r, "account %s: mailbox %.*s is damaged,"
			    " see hermod verify", a->name, HM_FMT(m->name));
		return r;
	}
	store_batch_hold(l->view, box->batch);
	hm_view_finish(l->view, m->modseq, m->uidnext);
	store_box_set_head(a, box, l->view);
	return 0;
}

/* The head becomes what sessions see, unless it is ahead of the disk. */
static bool
show(struct load *l, struct store_box *box)
{
	struct acct *a = l->acc->a;
	bool durable;

	pthread_mutex_lock(&a->snap);
	durable = !a->pending;
	if (durable) {
		if (!box->now)
			box->now = hm_view_ref(box->head);
		box->used = atomic_fetch_add(&a->shared->clock, 1);
		l->now = hm_view_ref(box->now);
	}
	pthread_mutex_unlock(&a->snap);
	return durable;
}

static int
load_job(void *arg)
{
	struct load *l = arg;
	struct acct *a = l->acc->a;
	const struct hm_mailbox *m;
	struct store_box *box = NULL;
	bool behind = false;
	int r = 0;

	pthread_mutex_lock(&a->lock);
	m = hm_mailboxes_by_id(a->head, l->id);
	if (m)
		box = store_box_find(a, l->id);
	if (!box)
		r = hm_err_set(l->err, -HM_ENOENT, "no such mailbox");
	else if (!box->head)
		r = load_head(l, box, m);
	if (r == 0)
		behind = !show(l, box);
	pthread_mutex_unlock(&a->lock);
	if (r < 0 || !behind)
		return r;
	/* What was read may be newer than what is durable. */
	if ((r = store_settle(l->acc->st, a, l->err)) < 0)
		return r;
	pthread_mutex_lock(&a->lock);
	box = store_box_find(a, l->id);
	if (box && box->head)
		show(l, box);
	pthread_mutex_unlock(&a->lock);
	return 0;
}

static struct hm_view *
view_now(struct acct *a, uint64_t id, bool *ret_there)
{
	struct hm_view *view = NULL;
	struct store_box *box;

	pthread_mutex_lock(&a->snap);
	*ret_there = hm_mailboxes_by_id(a->now, id) != NULL;
	box = *ret_there ? store_box_at(a, id) : NULL;
	if (box && box->now) {
		view = hm_view_ref(box->now);
		box->used = atomic_fetch_add(&a->shared->clock, 1);
	}
	pthread_mutex_unlock(&a->snap);
	return view;
}

int
store_view(struct hm_account *acc, uint64_t mailbox, struct hm_view **ret,
    struct hm_err *reterr)
{
	struct load l = { .acc = acc, .id = mailbox, .err = reterr };
	struct hm_view *view;
	bool there;
	int r;

	/* With writers at work it may take more than one turn. */
	for (;;) {
		view = view_now(acc->a, mailbox, &there);
		if (view) {
			*ret = view;
			return 0;
		}
		if (!there)
			return hm_err_set(reterr, -HM_ENOENT, "no such mailbox");
		l.view = NULL;
		r = hm_work(load_job, &l);
		if (r < 0)
			return r;
		store_cache_trim(acc->a->shared);
		if (l.now) {
			*ret = l.now;
			return 0;
		}
	}
}

/* ---- forgetting ----------------------------------------------------------------- */

/* The mailbox whose view was not used for longest, or 0. */
static uint64_t
oldest(struct store_shared *shared, struct acct **ret_acct)
{
	uint64_t best = 0, used = UINT64_MAX;
	struct acct *a;
	unsigned i;
	size_t j;

	for (i = 0; i < STORE_BUCKETS; i++)
		for (a = shared->bucket[i]; a; a = a->next) {
			pthread_mutex_lock(&a->snap);
			for (j = 0; j < a->nboxes; j++)
				if (a->box[j]->now && a->box[j]->used < used) {
					used = a->box[j]->used;
					best = a->box[j]->id;
					*ret_acct = a;
				}
			pthread_mutex_unlock(&a->snap);
		}
	return best;
}

/* False when it is being changed just now. */
static bool
forget(struct acct *a, uint64_t id)
{
	struct store_box *box;
	struct hm_view *now = NULL;
	bool idle;

	if (pthread_mutex_trylock(&a->lock) != 0)
		return false;
	pthread_mutex_lock(&a->snap);
	box = store_box_at(a, id);
	idle = !a->pending && box && box->now;
	if (idle) {
		now = box->now;
		box->now = NULL;
	}
	pthread_mutex_unlock(&a->snap);
	if (idle)
		store_box_set_head(a, box, NULL);
	pthread_mutex_unlock(&a->lock);
	hm_view_unref(now);
	return idle;
}

void
store_cache_trim(struct store_shared *shared)
{
	struct acct *a = NULL;
	uint64_t box;

	while (atomic_load(&shared->cached) > atomic_load(&shared->cache_max)) {
		pthread_mutex_lock(&shared->lock);
		box = oldest(shared, &a);
		if (!box || !forget(a, box))
			box = 0;
		pthread_mutex_unlock(&shared->lock);
		if (!box)
			return;
	}
}
