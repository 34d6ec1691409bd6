/* append.c - messages come in: bodies first, once each, then the records. */
#include "store.h"

#include <hermod/clock.h>
#include <hermod/spool.h>
#include <hermod/work.h>

/* ---- shared with copies -------------------------------------------------------- */

int
store_tx_quota(struct store_tx *tx, uint64_t bytes)
{
	uint64_t limit = atomic_load(&tx->a->quota);

	if (limit && (bytes > limit || tx->state.bytes > limit - bytes))
		return hm_err_set(tx->err, -HM_EQUOTA,
		    "the account's quota is used up");
	return 0;
}

int
store_tx_add(struct store_tx *tx, struct store_tx_box *b, struct hm_entry *e)
{
	struct store_group *g;
	int r;

	if (b->m.uidnext == UINT32_MAX)
		return hm_err_set(tx->err, -HM_ELIMIT,
		    "mailbox %.*s has given out all uids", HM_FMT(b->m.name));
	if (b->added_modseq == 0) {
		b->added_modseq = store_tx_modseq(tx);
		b->added_uid = b->m.uidnext;
		b->added_msgid = e->msgid;
	}
	e->uid = b->m.uidnext++;
	e->modseq = b->added_modseq;
	if ((r = store_tx_group(tx, b, hm_group(e->uid), &g)) < 0)
		return r;
	g->e[g->n++] = *e;
	g->modseq = e->modseq;
	g->dirty = b->dirty = true;
	b->m.modseq = e->modseq;
	store_count(&b->m, e, 1);
	return 0;
}

int
store_tx_added(struct store_tx *tx)
{
	struct store_tx_box *b;
	int r = 0;

	for (b = tx->boxes; b && r == 0; b = b->next) {
		struct hm_uidrange range = { b->added_uid, b->m.uidnext - 1 };
		struct hm_uidset set = { 1, &range };

		if (b->added_modseq == 0)
			continue;
		store_tx_note(tx, STORE_ADDED, b->added_modseq, b->m.id,
		    b->added_msgid, range.first, range.last - range.first + 1);
		r = store_tx_log(tx, b->added_modseq, HM_LOGGED_ADDED, b->m.id,
		    &set);
	}
	return r;
}

/* ---- one message ------------------------------------------------------------------ */

static int64_t
wall_s(void)
{
	return hm_wall_ms() / 1000;
}

static int
write_records(struct store_tx *tx, const struct store_content *c,
    struct hm_append *item, uint64_t id, uint64_t mailbox, int64_t received,
    uint64_t createseq)
{
	struct msg_record m = { .mailbox = (uint32_t)mailbox,
		.uid = item->ret_uid, .original = (uint32_t)mailbox,
		.createseq = createseq, .cold = id };
	struct cold_record *cold = hm_new(tx->arena, struct cold_record);
	struct hm_buf buf = { 0 };
	struct store_key key;
	int r;

	store_content_cold(tx->arena, c, item->prefix, cold);
	cold->blob = c->blob;
	cold->blob_bytes = c->message.len;
	if (item->facts) {
		store_put_facts(&buf, item->facts);
		cold->facts = hm_str_dup(tx->arena, hm_buf_view(&buf));
		hm_buf_release(&buf);
	}
	r = store_thread(tx, c, item->facts && item->facts->is_dsn, id, mailbox,
	    received, cold);
	if (r < 0)
		return r;
	store_key(&key, tx->a->id);
	store_key_u64(&key, id);
	store_put_cold(&buf, cold);
	if ((r = store_put(tx, tx->st->t.cold, &key, &buf)) < 0)
		return r;
	store_put_msg(&buf, &m);
	if ((r = store_put(tx, tx->st->t.msg, &key, &buf)) < 0)
		return r;
	r = hm_blob_link(tx->st->blob, tx->kv, c->blob, 1);
	if (r == -HM_ENOENT) /* taken back, because this took so long */
		r = -HM_EIO;
	return r < 0 ? store_tx_fail(tx, r, "linking the body") : 0;
}

static int
append_one(struct store_tx *tx, const struct store_content *c,
    struct hm_append *item, struct store_tx_box *b)
{
	uint64_t bytes = item->prefix.len + c->message.len;
	unsigned flags = item->flags;
	struct hm_entry e = { .size = (uint32_t)bytes };
	int r;

	if (bytes > UINT32_MAX)
		return hm_err_set(tx->err, -HM_ELIMIT, "the message is too large");
	if ((r = store_tx_quota(tx, bytes)) < 0)
		return r;
	r = store_keywords(tx, b, item->nkeywords, item->keywords, true,
	    &e.keywords, &flags);
	if (r < 0)
		return r;
	e.flags = flags & STORE_FLAGS;
	e.received = item->received == INT64_MIN ? wall_s() : item->received;
	e.saved = (uint32_t)wall_s();
	e.msgid = tx->state.next_msgid++;
	if ((r = store_tx_add(tx, b, &e)) < 0)
		return r;
	tx->state.bytes += bytes;
	tx->state.messages++;
	item->ret_uid = e.uid;
	item->ret_uidvalidity = b->m.uidvalidity;
	item->ret_msgid = e.msgid;
	return write_records(tx, c, item, e.msgid, b->m.id, e.received,
	    e.modseq);
}

/* ---- bodies ------------------------------------------------------------------------- */

/* The content of each spool, worked out once. */
struct bodies {
	struct hm_arena *arena;
	struct store_content *at;
	size_t n;
	unsigned flags;              /* enum hm_blob_flags */
};

enum { NEIGHBOURS = 100 };

static struct store_content *
find_content(struct bodies *bodies, struct hm_spool *spool)
{
	size_t i, least = bodies->n > NEIGHBOURS ? bodies->n - NEIGHBOURS : 0;

	for (i = bodies->n; i > least; i--)
		if (bodies->at[i - 1].spool == spool)
			return &bodies->at[i - 1];
	return NULL;
}

/* Items that share a spool stand near each other, or it is stored again. */
static int
add_body(struct store *st, struct bodies *bodies, struct hm_spool *spool,
    const struct store_content **ret, struct hm_err *reterr)
{
	struct store_content *c = &bodies->at[bodies->n];
	int r;

	if ((*ret = find_content(bodies, spool)))
		return 0;
	*ret = c;
	if ((r = store_content(bodies->arena, spool, c, reterr)) < 0)
		return r;
	r = hm_blob_put(st->blob, &c->message, 1, bodies->flags, &c->blob,
	    reterr);
	if (r == 0)
		bodies->n++;
	return r;
}

/* One body may become durable together with its records; many share a sync. */
static void
bodies_init(struct bodies *bodies, size_t n, bool many)
{
	bodies->arena = hm_arena_new(NULL, "store bodies");
	bodies->at = hm_alloc_array(bodies->arena, n, sizeof(*bodies->at));
	bodies->n = 0;
	bodies->flags = many ? HM_BLOB_NOSYNC : HM_BLOB_LINKED;
}

static int
sync_bodies(struct store *st, const struct bodies *bodies,
    struct hm_err *reterr)
{
	return bodies->n > 0 && (bodies->flags & HM_BLOB_NOSYNC) ?
	    hm_blob_sync(st->blob, reterr) : 0;
}

/* ---- append --------------------------------------------------------------------------- */

struct append {
	struct hm_account *acc;
	struct hm_append *items;
	size_t n;
	struct bodies bodies;
	const struct store_content **content; /* of each item */
	struct store_tx tx;
	struct hm_err *err;
};

static int
append_fn(struct store_tx *tx, void *arg)
{
	struct append *ap = arg;
	struct store_tx_box *b;
	size_t i;
	int r;

	for (i = 0; i < ap->n; i++) {
		r = store_tx_box(tx, ap->items[i].mailbox, &b);
		if (r == 0)
			r = append_one(tx, ap->content[i], &ap->items[i], b);
		if (r < 0)
			return r;
	}
	return store_tx_added(tx);
}

/* Before any byte is written: may all of them come in? */
static int
append_allowed(struct append *ap)
{
	struct acct *a = ap->acc->a;
	uint64_t limit = atomic_load(&a->quota), used, sum = 0;
	struct hm_mailboxes *all;
	size_t i;
	int r = 0;

	pthread_mutex_lock(&a->snap);
	used = a->bytes;
	all = hm_mailboxes_ref(a->now);
	pthread_mutex_unlock(&a->snap);
	for (i = 0; i < ap->n; i++) {
		sum += hm_spool_size(ap->items[i].spool) +
		    ap->items[i].prefix.len;
		if (!hm_mailboxes_by_id(all, ap->items[i].mailbox))
			r = hm_err_set(ap->err, -HM_ENOENT, "no such mailbox");
	}
	hm_mailboxes_unref(all);
	if (r == 0 && limit && (sum > limit || used > limit - sum))
		r = hm_err_set(ap->err, -HM_EQUOTA,
		    "the account's quota is used up");
	return r;
}

static int
append_job(void *arg)
{
	struct append *ap = arg;
	struct store *st = ap->acc->st;
	size_t i;
	int r = append_allowed(ap);

	for (i = 0; i < ap->n && r == 0; i++)
		r = add_body(st, &ap->bodies, ap->items[i].spool,
		    &ap->content[i], ap->err);
	if (r == 0)
		r = sync_bodies(st, &ap->bodies, ap->err);
	if (r == 0)
		r = store_commit(&ap->tx);
	if (r == 0)
		r = hm_kv_flush(st->kv, ap->err);
	if (r == 0)
		store_publish(&ap->tx);
	return r;
}

int
store_append(struct hm_account *acc, struct hm_append *items, size_t n,
    struct hm_err *reterr)
{
	struct append ap = { .acc = acc, .items = items, .n = n,
		.err = reterr };
	int r;

	if (n == 0)
		return 0;
	store_quota_refresh(acc);
	bodies_init(&ap.bodies, n, n > 1);
	ap.content = hm_alloc_array(ap.bodies.arena, n, sizeof(*ap.content));
	store_tx_init(&ap.tx, acc->st, acc->a, append_fn, &ap, reterr);
	r = hm_work(append_job, &ap);
	if (r == 0)
		store_notify(&ap.tx);
	store_tx_release(&ap.tx);
	hm_arena_free(ap.bodies.arena);
	return r;
}

/* ---- deliver ---------------------------------------------------------------------------- */

struct delivery {
	struct hm_deliver *item;
	struct hm_account *acc;
	const struct store_content *content;
	struct store_tx tx;
};

struct deliver {
	struct store *st;
	struct delivery *at;
	size_t n;
	struct bodies bodies;
	struct hm_err *err;
};

static int
deliver_fn(struct store_tx *tx, void *arg)
{
	struct delivery *d = arg;
	struct store_tx_box *b;
	struct hm_str name;
	int r;

	r = store_name_clean(tx->arena, d->item->mailbox.len ?
	    d->item->mailbox : HM_STR("INBOX"), &name, tx->err);
	if (r == 0)
		r = store_tx_mailbox(tx, name, 0, &b);
	if (r == 0)
		r = append_one(tx, d->content, &d->item->append, b);
	return r < 0 ? r : store_tx_added(tx);
}

static int
deliver_quota(struct delivery *d)
{
	struct acct *a = d->acc->a;
	uint64_t limit = atomic_load(&a->quota), used, bytes;

	bytes = hm_spool_size(d->item->append.spool) +
	    d->item->append.prefix.len;
	pthread_mutex_lock(&a->snap);
	used = a->bytes;
	pthread_mutex_unlock(&a->snap);
	return limit && (bytes > limit || used > limit - bytes) ?
	    -HM_EQUOTA : 0;
}

static void
fail_all(struct deliver *dl, int r)
{
	size_t i;

	for (i = 0; i < dl->n; i++)
		if (dl->at[i].item->result == 0)
			dl->at[i].item->result = r;
}

static int
deliver_job(void *arg)
{
	struct deliver *dl = arg;
	struct delivery *d;
	bool any = false;
	int r;

	for (d = dl->at; d < dl->at + dl->n; d++) {
		if (d->item->result == 0)
			d->item->result = deliver_quota(d);
		if (d->item->result == 0)
			d->item->result = add_body(dl->st, &dl->bodies,
			    d->item->append.spool, &d->content, dl->err);
	}
	r = sync_bodies(dl->st, &dl->bodies, dl->err);
	if (r < 0)
		fail_all(dl, r);
	for (d = dl->at; d < dl->at + dl->n; d++) {
		if (d->item->result == 0)
			d->item->result = store_commit(&d->tx);
		any = any || d->item->result == 0;
	}
	if (any && (r = hm_kv_flush(dl->st->kv, dl->err)) < 0)
		fail_all(dl, r);
	for (d = dl->at; d < dl->at + dl->n; d++)
		if (d->item->result == 0)
			store_publish(&d->tx);
	return 0;
}

int
store_deliver(struct store *st, struct hm_deliver *items, size_t n,
    struct hm_err *reterr)
{
	struct deliver dl = { .st = st, .n = n, .err = reterr };
	struct delivery *d;
	bool many = false;
	size_t i;

	if (n == 0)
		return 0;
	for (i = 1; i < n; i++)
		many |= items[i].append.spool != items[0].append.spool;
	bodies_init(&dl.bodies, n, many);
	dl.at = hm_alloc_array(dl.bodies.arena, n, sizeof(*dl.at));
	for (i = 0; i < n; i++) {
		d = &dl.at[i];
		d->item = &items[i];
		items[i].result = store_open(st, items[i].account, &d->acc,
		    reterr);
		if (items[i].result == 0)
			store_tx_init(&d->tx, st, d->acc->a, deliver_fn, d,
			    reterr);
	}
	hm_work(deliver_job, &dl);
	for (d = dl.at; d < dl.at + n; d++) {
		if (d->item->result == 0)
			store_notify(&d->tx);
		if (d->acc)
			store_tx_release(&d->tx);
		store_close(d->acc);
	}
	hm_arena_free(dl.bodies.arena);
	return 0;
}
