/* remove.c - an account and all its data go.
 *
 * The name goes at once, in one transaction that leaves a note behind; the data
 * follow in steps, and a crash in between is made up for at the next start.
 */
#include "store.h"

#include <hermod/work.h>

enum { STEP = 500 };

struct removal {
	struct store *st;
	struct hm_str name;
	uint32_t id;
	struct hm_kv_table *table;
	bool blobs;                  /* the table holds references to blobs */
	struct hm_arena *arena;
	struct hm_str *keys;
	uint64_t *blob;
	size_t n;
	struct hm_err *err;
};

/* ---- the name ------------------------------------------------------------------ */

/* The next account of that name must not reuse a uidvalidity. */
static int
raise_floor(struct hm_kv_txn *kv, struct removal *rm)
{
	const struct hm_kv_ops *ops = rm->st->kv->ops;
	struct hm_buf buf = { 0 };
	struct acct_state state;
	struct store_key key;
	struct hm_str value;
	uint64_t floor = 0;
	int r;

	store_key(&key, rm->id);
	store_key_u32(&key, 0);
	r = ops->get(kv, rm->st->t.box, store_key_str(&key), 0, &value);
	if (r < 0 || store_get_state(value, &state) < 0)
		return r == -HM_ENOENT ? 0 : r;
	r = ops->get(kv, rm->st->t.names, hm_str("uidvalidity"),
	    HM_KV_FOR_UPDATE, &value);
	if (r == 0)
		r = hm_take_be64(&value, &floor);
	if (r < 0 && r != -HM_ENOENT)
		return r;
	if (state.next_uidvalidity <= floor)
		return 0;
	hm_buf_be64(&buf, state.next_uidvalidity);
	r = ops->put(kv, rm->st->t.names, hm_str("uidvalidity"),
	    hm_buf_view(&buf));
	hm_buf_release(&buf);
	return r;
}

static void
note_key(struct hm_buf *buf, uint32_t id)
{
	hm_buf_putc(buf, 'd');
	hm_buf_be32(buf, id);
}

static int
drop_name(struct hm_kv_txn *kv, void *arg)
{
	struct removal *rm = arg;
	const struct hm_kv_ops *ops = rm->st->kv->ops;
	struct hm_buf key = { 0 };
	int r;

	if ((r = store_find_id(rm->st, kv, rm->name, &rm->id)) < 0)
		return r;
	if ((r = raise_floor(kv, rm)) < 0)
		return r;
	r = store_name_drop(rm->st, kv, rm->name);
	note_key(&key, rm->id);
	if (r == 0)
		r = ops->put(kv, rm->st->t.names, hm_buf_view(&key), rm->name);
	hm_buf_release(&key);
	return r;
}

/* ---- the data ------------------------------------------------------------------- */

static int
collect(struct hm_str key, struct hm_str value, void *arg)
{
	struct removal *rm = arg;
	struct cold_record cold;

	if (rm->blobs)
		rm->blob[rm->n] = store_get_cold(value, &cold) < 0 ? 0 :
		    cold.blob;
	rm->keys[rm->n++] = hm_str_dup(rm->arena, key);
	return rm->n == STEP;
}

static int
step(struct hm_kv_txn *kv, void *arg)
{
	struct removal *rm = arg;
	const struct hm_kv_ops *ops = rm->st->kv->ops;
	struct store_key from, to;
	size_t i;
	int r;

	hm_arena_clear(rm->arena);
	rm->keys = hm_alloc_array(rm->arena, STEP, sizeof(*rm->keys));
	rm->blob = hm_alloc_array(rm->arena, STEP, sizeof(*rm->blob));
	rm->n = 0;
	store_key(&from, rm->id);
	store_key_after(&from, &to);
	r = ops->scan(kv, rm->table, store_key_str(&from), store_key_str(&to),
	    0, collect, rm);
	for (i = 0; i < rm->n && r >= 0; i++) {
		r = ops->del(kv, rm->table, rm->keys[i]);
		if (r == 0 && rm->blob[i])
			r = hm_blob_link(rm->st->blob, kv, rm->blob[i], -1);
		if (r == -HM_ENOENT)
			r = 0;
	}
	return r < 0 ? r : 0;
}

static int
drop_note(struct hm_kv_txn *kv, void *arg)
{
	struct removal *rm = arg;
	struct hm_buf key = { 0 };
	int r;

	note_key(&key, rm->id);
	r = rm->st->kv->ops->del(kv, rm->st->t.names, hm_buf_view(&key));
	hm_buf_release(&key);
	return r == -HM_ENOENT ? 0 : r;
}

static int
drop_data(struct removal *rm)
{
	const struct store_tables *t = &rm->st->t;
	struct hm_kv_table *const tables[] = { t->hot, t->cold, t->msg, t->log,
		t->gone, t->erase, t->index, t->damaged, t->subs, t->box };
	size_t i;
	int r = 0;

	rm->arena = hm_arena_new(NULL, "store removal");
	for (i = 0; i < HM_ARRAY_LEN(tables) && r >= 0; i++) {
		rm->table = tables[i];
		rm->blobs = tables[i] == t->cold;
		do
			r = hm_kv_run(rm->st->kv, HM_KV_LAZY, step, rm, rm->err);
		while (r >= 0 && rm->n > 0);
	}
	hm_arena_free(rm->arena);
	if (r >= 0)
		r = hm_kv_run(rm->st->kv, HM_KV_DURABLE, drop_note, rm, rm->err);
	return r < 0 ? r : 0;
}

static int
remove_job(void *arg)
{
	struct removal *rm = arg;
	struct acct *a;
	int r;

	a = store_hold_to_remove(rm->st->shared, rm->name, &r);
	if (!a)
		return hm_err_set(rm->err, r, "account %.*s is in use",
		    HM_FMT(rm->name));
	pthread_mutex_lock(&a->lock);
	r = hm_kv_run(rm->st->kv, HM_KV_DURABLE, drop_name, rm, rm->err);
	pthread_mutex_unlock(&a->lock);
	store_removed(a, r >= 0);
	if (r == -HM_ENOENT)
		return hm_err_set(rm->err, r, "account %.*s has no data",
		    HM_FMT(rm->name));
	return r < 0 ? r : drop_data(rm);
}

int
store_remove(struct store *st, struct hm_str name, struct hm_err *reterr)
{
	struct removal rm = { .st = st, .name = name, .err = reterr };

	return hm_work(remove_job, &rm);
}

static int
first_note(struct hm_str key, struct hm_str value, void *arg)
{
	struct removal *rm = arg;

	(void)value;
	key = hm_str_skip(key, 1);
	return hm_take_be32(&key, &rm->id) < 0 ? -HM_ECORRUPT : 1;
}

static int
find_note(struct hm_kv_txn *kv, void *arg)
{
	struct removal *rm = arg;

	rm->id = 0;
	return rm->st->kv->ops->scan(kv, rm->st->t.names, hm_str("d"),
	    hm_str("e"), 0, first_note, rm);
}

int
store_remove_leftovers(struct store *st, struct hm_err *reterr)
{
	struct removal rm = { .st = st, .err = reterr };
	int r;

	for (;;) {
		r = hm_kv_run(st->kv, HM_KV_READ, find_note, &rm, reterr);
		if (r < 0 || rm.id == 0)
			return r < 0 ? r : 0;
		if ((r = drop_data(&rm)) < 0)
			return r;
	}
}
