/* read.c - many records of one table by id. */
#include "store.h"

enum { SPREAD = 8 };             /* so many times n may lie between */

struct many {
	const uint64_t *ids;
	size_t n, at;
	int (*fn)(size_t i, struct hm_str value, void *arg);
	void *arg;
};

static int
many_one(struct hm_str key, struct hm_str value, void *arg)
{
	struct many *m = arg;
	uint64_t id;
	int r;

	key = hm_str_skip(key, 4);
	if (store_key_take_u64(&key, &id) < 0)
		return -HM_ECORRUPT;
	while (m->at < m->n && m->ids[m->at] < id)
		m->at++;
	while (m->at < m->n && m->ids[m->at] == id)
		if ((r = m->fn(m->at++, value, m->arg)) < 0)
			return r;
	return m->at == m->n;
}

static int
one_by_one(struct hm_kv_txn *kv, struct store *st, uint32_t acct,
    struct hm_kv_table *table, struct many *m)
{
	struct store_key key;
	struct hm_str value;
	size_t i;
	int r;

	for (i = 0; i < m->n; i++) {
		store_key(&key, acct);
		store_key_u64(&key, m->ids[i]);
		r = st->kv->ops->get(kv, table, store_key_str(&key), 0, &value);
		if (r == 0)
			r = m->fn(i, value, m->arg);
		if (r < 0 && r != -HM_ENOENT)
			return r;
	}
	return 0;
}

int
store_read_many(struct hm_kv_txn *kv, struct store *st, uint32_t acct,
    struct hm_kv_table *table, const uint64_t *ids, size_t n,
    int (*fn)(size_t i, struct hm_str value, void *arg), void *arg)
{
	struct many m = { .ids = ids, .n = n, .fn = fn, .arg = arg };
	struct store_key from, last, to;
	int r;

	if (n < 4 || (ids[n - 1] - ids[0]) / SPREAD > n)
		return one_by_one(kv, st, acct, table, &m);
	store_key(&from, acct);
	store_key_u64(&from, ids[0]);
	store_key(&last, acct);
	store_key_u64(&last, ids[n - 1]);
	store_key_after(&last, &to);
	r = st->kv->ops->scan(kv, table, store_key_str(&from),
	    store_key_str(&to), 0, many_one, &m);
	return r < 0 ? r : 0;
}
