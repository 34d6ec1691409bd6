/* scan.c - ranges of a table: a few records one by one, many in bulk. */
#include <errno.h>
#include <string.h>

#include <hermod/str.h>

#include "bdb.h"

/* A bulk read locks pages beyond a small range and copies them; so the first
 * records are read singly, and the buffer grows with the range. */
#define SINGLES 16
#define BULK_FIRST (32u << 10)
#define BULK_MOST (64u << 10)

struct scan {
	struct hm_kv_txn *txn;
	struct hm_kv_table *table;
	DBC *cursor;
	struct hm_str from, to;
	int (*fn)(struct hm_str key, struct hm_str value, void *arg);
	void *arg;
	bool end;
};

static DBT
out_of(struct bdb_mem *mem)
{
	return (DBT){ .data = mem->p, .ulen = (uint32_t)mem->cap,
	    .flags = DB_DBT_USERMEM };
}

/* Moves the cursor; start (may be {NULL,0}) is the key for DB_SET_RANGE. The
 * cursor stays where it was when a buffer is too small. */
static int
step(struct scan *s, uint32_t how, struct hm_str start, struct hm_str *ret_key,
    struct hm_str *ret_value)
{
	struct hm_kv_txn *txn = s->txn;
	DBT k, v;
	int r;

	bdb_mem_reserve(&txn->key, start.len > 256 ? start.len : 256);
	for (;;) {
		k = out_of(&txn->key);
		v = out_of(&txn->value);
		if (start.len)
			memcpy(k.data, start.p, start.len);
		k.size = (uint32_t)start.len;
		r = s->cursor->get(s->cursor, &k, &v, how);
		if (r != DB_BUFFER_SMALL)
			break;
		if (k.size <= k.ulen && v.size <= v.ulen)
			break;
		bdb_mem_reserve(&txn->key, k.size);
		bdb_mem_reserve(&txn->value, v.size);
	}
	if (r)
		return r;
	*ret_key = (struct hm_str){ k.data, k.size };
	*ret_value = (struct hm_str){ v.data, v.size };
	return 0;
}

/* What fn says, with 1 when the range is left or fn has enough. */
static int
offer(struct scan *s, struct hm_str key, struct hm_str value)
{
	if (s->to.len && hm_str_cmp(key, s->to) >= 0)
		return 1;
	return s->fn(key, value, s->arg);
}

static int
one_by_one(struct scan *s)
{
	struct hm_str key, value;
	unsigned n;
	int r;

	r = step(s, s->from.len ? DB_SET_RANGE : DB_FIRST, s->from, &key,
	    &value);
	for (n = 1; r == 0; n++) {
		r = offer(s, key, value);
		if (r || n == SINGLES)
			return r;
		r = step(s, DB_NEXT, HM_STR(""), &key, &value);
	}
	s->end = r == DB_NOTFOUND;
	return s->end ? 0 : bdb_txn_fail(s->txn, r, "reading", s->table);
}

static int
offer_all(struct scan *s, DBT *v)
{
	struct hm_str key, value;
	void *p, *kp, *vp;
	size_t kl, vl;
	int r;

	DB_MULTIPLE_INIT(p, v);
	for (;;) {
		DB_MULTIPLE_KEY_NEXT(p, v, kp, kl, vp, vl);
		if (!p)
			return 0;
		key = (struct hm_str){ kp, kl };
		value = (struct hm_str){ vp, vl };
		r = offer(s, key, value);
		if (r)
			return r;
	}
}

static int
in_bulk(struct scan *s)
{
	struct bdb_mem *bulk = &s->txn->bulk;
	size_t want = BULK_FIRST;
	DBT k, v;
	int r;

	/* the buffer must hold a page */
	if (want < s->table->page_bytes)
		want = s->table->page_bytes;
	for (;;) {
		bdb_mem_reserve(bulk, want);
		k = out_of(&s->txn->key);
		v = out_of(bulk);
		r = s->cursor->get(s->cursor, &k, &v, DB_NEXT | DB_MULTIPLE_KEY);
		if (r == DB_BUFFER_SMALL && v.size > v.ulen) {
			want = ((size_t)v.size + 1023) & ~(size_t)1023;
			continue;
		}
		if (r == DB_NOTFOUND)
			return 0;
		if (r)
			return bdb_txn_fail(s->txn, r, "reading", s->table);
		r = offer_all(s, &v);
		if (r)
			return r;
		if (want < BULK_MOST)
			want *= 2;
	}
}

static int
backwards(struct scan *s)
{
	struct hm_str key, value;
	int r = DB_NOTFOUND;

	if (s->to.len) {
		r = step(s, DB_SET_RANGE, s->to, &key, &value);
		if (r == 0)
			r = step(s, DB_PREV, HM_STR(""), &key, &value);
		else if (r == DB_NOTFOUND)
			r = step(s, DB_LAST, HM_STR(""), &key, &value);
	} else {
		r = step(s, DB_LAST, HM_STR(""), &key, &value);
	}
	while (r == 0) {
		if (hm_str_cmp(key, s->from) < 0)
			return 0;
		r = s->fn(key, value, s->arg);
		if (r)
			return r;
		r = step(s, DB_PREV, HM_STR(""), &key, &value);
	}
	if (r == DB_NOTFOUND)
		return 0;
	return bdb_txn_fail(s->txn, r, "reading", s->table);
}

int
bdb_scan(struct hm_kv_txn *txn, struct hm_kv_table *table, struct hm_str from,
    struct hm_str to, unsigned flags,
    int (*fn)(struct hm_str key, struct hm_str value, void *arg), void *arg)
{
	struct scan s = { .txn = txn, .table = table, .from = from, .to = to,
	    .fn = fn, .arg = arg };
	int r = bdb_txn_ready(txn), closing;

	if (r)
		return r;
	r = table->db->cursor(table->db, txn->db, &s.cursor, 0);
	if (r)
		return bdb_txn_fail(txn, r, "reading", table);
	if (flags & HM_KV_REVERSE) {
		r = backwards(&s);
	} else {
		r = one_by_one(&s);
		if (r == 0 && !s.end)
			r = in_bulk(&s);
	}
	closing = s.cursor->close(s.cursor);
	if (closing && r >= 0)
		r = bdb_txn_fail(txn, closing, "reading", table);
	return r == 1 ? 0 : r;
}
