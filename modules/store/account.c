/* account.c - accounts: found by name, made at first use, shared by all who have
 * them open, removed. */
#include "store.h"

#include <hermod/clock.h>
#include <hermod/work.h>

enum { NAME_MAX_BYTES = 127 };

/* ---- the shared part ---------------------------------------------------------- */

struct store_shared *
store_shared_new(void)
{
	struct store_shared *shared = hm_xalloc(sizeof(*shared));

	shared->layout = STORE_LAYOUT;
	atomic_init(&shared->refs, 1);
	pthread_mutex_init(&shared->lock, NULL);
	return shared;
}

void
store_shared_unref(struct store_shared *shared)
{
	if (atomic_fetch_sub(&shared->refs, 1) > 1)
		return;
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

static unsigned
bucket_of(struct hm_str name)
{
	return (unsigned)(store_hash(name) % STORE_BUCKETS);
}

void
store_acct_ref(struct acct *a)
{
	atomic_fetch_add(&a->refs, 1);
}

void
store_acct_unref(struct acct *a)
{
	struct store_batch *b;

	if (atomic_fetch_sub(&a->refs, 1) > 1)
		return;
	/* Its erase records are found again when it is loaded. */
	while ((b = a->ready)) {
		a->ready = b->next;
		free(b);
	}
	pthread_mutex_destroy(&a->lock);
	pthread_mutex_destroy(&a->snap);
	store_shared_unref(a->shared);
	free(a->name);
	free(a);
}

static struct acct *
acct_new(struct store_shared *shared, struct hm_str name)
{
	struct acct *a = hm_xalloc(sizeof(*a));

	atomic_init(&a->refs, 1);
	a->shared = shared;
	atomic_fetch_add(&shared->refs, 1);
	a->name = hm_xalloc(name.len + 1);
	memcpy(a->name, name.p, name.len);
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->snap, NULL);
	a->pending_end = &a->pending;
	a->head = hm_mailboxes_new(0, NULL, 0, NULL, NULL, 0);
	a->now = hm_mailboxes_ref(a->head);
	return a;
}

/* Gives up everything; nobody has it open. A batch that becomes ready now holds
 * the account until the end of this. */
static void
acct_discard(struct acct *a)
{
	struct store_pub *pub;
	struct store_batch *b;

	while ((pub = a->pending)) {
		size_t i;

		a->pending = pub->next;
		for (i = 0; i < pub->n; i++)
			hm_view_unref(pub->at[i].view);
		hm_mailboxes_unref(pub->boxes);
		free(pub);
	}
	while (a->nboxes > 0)
		store_box_drop(a, a->box[0]->id);
	free(a->box);
	a->box = NULL;
	hm_mailboxes_unref(a->head);
	hm_mailboxes_unref(a->now);
	a->head = a->now = NULL;
	pthread_mutex_lock(&a->snap);
	b = a->ready;
	a->ready = NULL;
	pthread_mutex_unlock(&a->snap);
	while (b) {
		struct store_batch *next = b->next;

		free(b);
		store_acct_unref(a);
		b = next;
	}
	store_acct_unref(a);
}

/* With the shared lock held. */
static void
unlink_acct(struct store_shared *shared, struct acct *a)
{
	struct acct **at = &shared->bucket[bucket_of(hm_str(a->name))];

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	shared->accounts--;
	if (a->open == 0)
		shared->idle--;
}

void
store_shared_close(struct store_shared *shared)
{
	struct acct *a;
	unsigned i;

	for (i = 0; i < STORE_BUCKETS; i++)
		while ((a = shared->bucket[i])) {
			unlink_acct(shared, a);
			acct_discard(a);
		}
	store_shared_unref(shared);
}

/* ---- found and made -------------------------------------------------------------- */

/* The first uidvalidity: from the clock, but never one that an account of the
 * same name may have had before. */
static int
first_uidvalidity(struct store_tx *tx, uint32_t *ret)
{
	uint64_t now = (uint64_t)(hm_wall_ms() / 1000) >> 1, floor = 0;
	struct hm_str value;
	int r;

	r = tx->st->kv->ops->get(tx->kv, tx->st->t.names,
	    hm_str("uidvalidity"), 0, &value);
	if (r == 0)
		r = hm_take_be64(&value, &floor);
	if (r < 0 && r != -HM_ENOENT)
		return store_tx_fail(tx, r, "making the account");
	*ret = (uint32_t)(now > floor ? now : floor);
	if (*ret == 0)
		*ret = 1;
	return 0;
}

int
store_tx_create(struct store_tx *tx)
{
	uint64_t id = 0;
	int r;

	if ((r = store_new_id(tx->st, tx->kv, &id)) < 0)
		return store_tx_fail(tx, r, "counting accounts");
	if (id > UINT32_MAX)
		return hm_err_set(tx->err, -HM_ELIMIT, "too many accounts");
	tx->a->id = (uint32_t)id;
	tx->state = (struct acct_state){ .modseq = 1, .next_msgid = 1,
		.next_mailbox = 1 };
	if ((r = first_uidvalidity(tx, &tx->state.next_uidvalidity)) < 0)
		return r;
	r = store_name_put(tx->st, tx->kv, hm_str(tx->a->name), tx->a->id);
	return r < 0 ? store_tx_fail(tx, r, "making the account") : 0;
}

struct read_acct {
	struct store *st;
	struct acct *a;
	struct hm_arena *arena;
	struct hm_err *err;
	struct acct_state state;
	struct hm_mailbox *m;
	size_t n, cap;
	struct hm_str *subs;
	size_t nsubs, subs_cap;
};

static int
read_box(struct hm_str key, struct hm_str value, void *arg)
{
	struct read_acct *ra = arg;
	uint32_t id;

	key = hm_str_skip(key, 4);
	if (store_key_take_u32(&key, &id) < 0)
		return -HM_ECORRUPT;
	if (id == 0)
		return store_get_state(value, &ra->state);
	if (ra->n == ra->cap) {
		ra->cap = ra->cap ? ra->cap * 2 : 16;
		ra->m = hm_xrealloc(ra->m, ra->cap * sizeof(*ra->m));
	}
	return store_get_box(value, id, ra->arena, &ra->m[ra->n++]);
}

static int
read_sub(struct hm_str key, struct hm_str value, void *arg)
{
	struct read_acct *ra = arg;

	(void)value;
	if (ra->nsubs == ra->subs_cap) {
		ra->subs_cap = ra->subs_cap ? ra->subs_cap * 2 : 16;
		ra->subs = hm_xrealloc(ra->subs,
		    ra->subs_cap * sizeof(*ra->subs));
	}
	ra->subs[ra->nsubs++] = hm_str_dup(ra->arena, hm_str_skip(key, 4));
	return 0;
}

static bool
has_inbox(const struct read_acct *ra)
{
	size_t i;

	for (i = 0; i < ra->n; i++)
		if (hm_str_eq(ra->m[i].name, HM_STR("INBOX")))
			return true;
	return false;
}

static int
read_all(struct hm_kv_txn *kv, void *arg)
{
	struct read_acct *ra = arg;
	struct store *st = ra->st;
	struct store_key from, to;
	int r;

	hm_arena_clear(ra->arena);
	ra->n = ra->nsubs = 0;
	if ((r = store_find_id(st, kv, hm_str(ra->a->name), &ra->a->id)) < 0)
		return r;
	store_key(&from, ra->a->id);
	store_key_after(&from, &to);
	r = st->kv->ops->scan(kv, st->t.box, store_key_str(&from),
	    store_key_str(&to), 0, read_box, ra);
	if (r < 0)
		return r;
	if (ra->state.modseq == 0 || !has_inbox(ra))
		return -HM_ECORRUPT;
	return st->kv->ops->scan(kv, st->t.subs, store_key_str(&from),
	    store_key_str(&to), 0, read_sub, ra);
}

static void
install(struct acct *a, struct read_acct *ra)
{
	const struct hm_mailbox **at = hm_alloc_array(ra->arena, ra->n,
	    sizeof(*at));
	struct hm_mailboxes *list;
	size_t i;

	for (i = 0; i < ra->n; i++) {
		at[i] = hm_mailbox_new(&ra->m[i]);
		if (!store_box_find(a, ra->m[i].id))
			store_box_add(a, ra->m[i].id);
	}
	list = hm_mailboxes_new(ra->state.modseq, at, ra->n, NULL, ra->subs,
	    ra->nsubs);
	for (i = 0; i < ra->n; i++)
		hm_mailbox_unref(at[i]);
	hm_mailboxes_unref(a->head);
	a->head = list;
	pthread_mutex_lock(&a->snap);
	hm_mailboxes_unref(a->now);
	a->now = hm_mailboxes_ref(list);
	a->bytes = ra->state.bytes;
	pthread_mutex_unlock(&a->snap);
}

/* From disk into memory, with the account's lock held. */
static int
load(struct store *st, struct acct *a, struct hm_err *reterr)
{
	struct read_acct ra = { .st = st, .a = a, .err = reterr,
		.arena = hm_arena_new(NULL, "store account") };
	int r = hm_kv_run(st->kv, HM_KV_READ, read_all, &ra, reterr);

	if (r >= 0)
		install(a, &ra);
	else if (r == -HM_ECORRUPT)
		hm_err_set(reterr, r, "account %s is damaged, see hermod verify",
		    a->name);
	hm_arena_free(ra.arena);
	free(ra.m);
	free(ra.subs);
	return r < 0 ? r : 0;
}

static int
create(struct store *st, struct acct *a, struct hm_err *reterr)
{
	struct store_tx tx;
	int r;

	store_tx_init(&tx, st, a, store_tx_initial, NULL, reterr);
	tx.create = true;
	r = store_commit_locked(&tx);
	if (r == 0)
		r = hm_kv_flush(st->kv, reterr);
	if (r == 0)
		store_publish(&tx);
	store_tx_release(&tx);
	return r;
}

static int
ready(struct store *st, struct acct *a, bool make, struct hm_err *reterr)
{
	uint64_t modseq = 0;
	bool found = false;
	int r = 0;

	pthread_mutex_lock(&a->lock);
	if (!a->loaded) {
		r = load(st, a, reterr);
		found = r == 0;
		if (r == -HM_ENOENT)
			r = make ? create(st, a, reterr) :
			    hm_err_set(reterr, r, "no account %s", a->name);
		a->loaded = r == 0;
		modseq = a->head->modseq;
	}
	pthread_mutex_unlock(&a->lock);
	if (found)
		store_erase_now(st, a, modseq, true);
	return r;
}

/* The account in memory, counted as open; *ret_loaded: nothing to wait for. */
static int
hold(struct store_shared *shared, struct hm_str name, struct acct **ret,
    bool *ret_loaded)
{
	struct acct *a, **at = &shared->bucket[bucket_of(name)];
	int r = 0;

	pthread_mutex_lock(&shared->lock);
	if (shared->frozen) {
		pthread_mutex_unlock(&shared->lock);
		return -HM_EBUSY;
	}
	for (a = *at; a && !hm_str_is(name, a->name); a = a->next)
		;
	if (!a) {
		a = acct_new(shared, name);
		a->next = *at;
		*at = a;
		shared->idle++;
		shared->accounts++;
	}
	if (a->removing) {
		r = -HM_EBUSY;
	} else {
		if (a->open++ == 0)
			shared->idle--;
		*ret = a;
		*ret_loaded = a->usable;
	}
	pthread_mutex_unlock(&shared->lock);
	return r;
}

/* The idle account that was closed longest ago, taken out. */
static struct acct *
surplus(struct store_shared *shared)
{
	struct acct *a, *best = NULL;
	unsigned i;

	if (shared->idle <= STORE_IDLE_MAX)
		return NULL;
	for (i = 0; i < STORE_BUCKETS; i++)
		for (a = shared->bucket[i]; a; a = a->next)
			if (a->open == 0 && !a->removing &&
			    (!best || a->closed_at < best->closed_at))
				best = a;
	if (best)
		unlink_acct(shared, best);
	return best;
}

static void
let_go(struct acct *a)
{
	struct store_shared *shared = a->shared;
	struct acct *old = NULL;

	pthread_mutex_lock(&shared->lock);
	a->closed_at = atomic_fetch_add(&shared->clock, 1);
	if (--a->open == 0) {
		shared->idle++;
		if (!a->usable) {
			unlink_acct(shared, a);
			old = a;
		} else {
			old = surplus(shared);
		}
	}
	pthread_mutex_unlock(&shared->lock);
	if (old)
		acct_discard(old);
}

int
store_open_worker(struct store *st, struct hm_str name, bool make,
    struct hm_account **ret, struct hm_err *reterr)
{
	struct hm_account *acc;
	struct acct *a;
	bool loaded;
	int r;

	if (name.len == 0 || name.len > NAME_MAX_BYTES ||
	    memchr(name.p, '\0', name.len))
		return hm_err_set(reterr, -HM_EINVAL, "not an account name");
	if ((r = hold(st->shared, name, &a, &loaded)) < 0)
		return hm_err_set(reterr, r,
		    "account %.*s is being removed or repaired", HM_FMT(name));
	if (!loaded) {
		if ((r = ready(st, a, make, reterr)) < 0) {
			let_go(a);
			return r;
		}
		pthread_mutex_lock(&st->shared->lock);
		a->usable = true;
		pthread_mutex_unlock(&st->shared->lock);
	}
	acc = hm_xalloc(sizeof(*acc));
	acc->st = st;
	acc->a = a;
	*ret = acc;
	return 0;
}

struct open {
	struct store *st;
	struct hm_str name;
	struct hm_account **ret;
	struct hm_err *err;
};

static int
open_job(void *arg)
{
	struct open *o = arg;

	return store_open_worker(o->st, o->name, true, o->ret, o->err);
}

int
store_open(struct store *st, struct hm_str name, struct hm_account **ret,
    struct hm_err *reterr)
{
	struct open o = { st, name, ret, reterr };
	struct acct *a;
	bool loaded;
	int r;

	/* One that is in memory already is had without a worker. */
	r = hold(st->shared, name, &a, &loaded);
	if (r == 0 && loaded) {
		*ret = hm_xalloc(sizeof(**ret));
		(*ret)->st = st;
		(*ret)->a = a;
	} else {
		if (r == 0)
			let_go(a);
		r = hm_work(open_job, &o);
	}
	if (r == 0)
		store_quota_refresh(*ret);
	return r;
}

void
store_close(struct hm_account *acc)
{
	if (!acc)
		return;
	let_go(acc->a);
	free(acc);
}

bool
store_freeze(struct store_shared *shared, bool on)
{
	bool done;

	pthread_mutex_lock(&shared->lock);
	done = !on || shared->idle == shared->accounts;
	if (done)
		shared->frozen = on;
	pthread_mutex_unlock(&shared->lock);
	return done;
}

struct acct *
store_hold_to_remove(struct store_shared *shared, struct hm_str name,
    int *ret_error)
{
	struct acct *a = NULL;
	bool loaded;

	*ret_error = hold(shared, name, &a, &loaded);
	if (*ret_error < 0)
		return NULL;
	pthread_mutex_lock(&shared->lock);
	if (a->open > 1)
		*ret_error = -HM_EBUSY;
	else
		a->removing = true;
	pthread_mutex_unlock(&shared->lock);
	if (*ret_error == 0)
		return a;
	let_go(a);
	return NULL;
}

void
store_removed(struct acct *a, bool gone)
{
	pthread_mutex_lock(&a->shared->lock);
	a->removing = false;
	if (gone)
		a->usable = false;       /* so that it is not kept */
	pthread_mutex_unlock(&a->shared->lock);
	let_go(a);
}
