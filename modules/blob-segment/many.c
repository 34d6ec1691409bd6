/* many.c - reading many blobs in one go: their places in one transaction, and
 * what lies close together in the files in one read. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/crc32c.h>
#include <hermod/str.h>

#include "seg.h"

/* A scan may pass over this many records of others for each one wanted; gaps in
 * a file up to so many bytes are read along. */
#define SPREAD 8
#define GAP (16u << 10)
#define READ_MOST (1u << 20)

struct item {
	uint64_t id;
	size_t i;                   /* its place in the caller's list */
	bool found;
	struct seg_where where;
};

struct many {
	struct seg_store *store;
	const struct seg_kv *kv;
	struct item *items;
	size_t n, at, seen;
	size_t max;
	struct hm_buf bytes;
	int (*fn)(size_t i, struct hm_str bytes, void *arg);
	void *arg;
};

static int
by_id(const void *va, const void *vb)
{
	const struct item *a = va, *b = vb;

	return a->id < b->id ? -1 : a->id > b->id;
}

static int
by_place(const void *va, const void *vb)
{
	const struct seg_where *a = &((const struct item *)va)->where;
	const struct seg_where *b = &((const struct item *)vb)->where;

	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* ---- where they are ---- */

static void
found(struct item *item, struct hm_str value)
{
	/* a damaged record is left to seg_open(), which names it */
	item->found = value.len == SEG_VALUE && seg_where_check(value) == 0;
	if (item->found)
		item->where = seg_where_read(value.p);
}

/* 1 ends the scan: all were passed, or too many others. */
static int
pass(struct hm_str key, struct hm_str value, void *arg)
{
	struct many *m = arg;
	uint64_t id;

	key = hm_str_skip(key, 1);
	if (hm_take_be64(&key, &id) < 0)
		return -HM_ECORRUPT;
	while (m->at < m->n && m->items[m->at].id < id)
		m->at++;
	while (m->at < m->n && m->items[m->at].id == id)
		found(&m->items[m->at++], value);
	return m->at == m->n || ++m->seen > SPREAD * m->n;
}

static int
find_all(struct hm_kv_txn *txn, void *arg)
{
	struct many *m = arg;
	const struct hm_kv_ops *ops = m->kv->recs.kv->ops;
	struct hm_str got;
	char key[9];
	int r;

	m->at = m->seen = 0;
	r = ops->scan(txn, m->kv->recs.table,
	    hm_blob_key(key, 'b', m->items[0].id), HM_STR("c"), 0, pass, m);
	for (; r >= 0 && m->seen > SPREAD * m->n && m->at < m->n; m->at++) {
		r = ops->get(txn, m->kv->recs.table,
		    hm_blob_key(key, 'b', m->items[m->at].id), 0, &got);
		if (r == 0)
			found(&m->items[m->at], got);
		else if (r == -HM_ENOENT)
			r = 0;
	}
	return r < 0 ? r : 0;
}

/* Leaves only those that are to be read, in the order in which they lie. */
static void
arrange(struct many *m)
{
	const struct seg_where *where;
	size_t i, n = 0;

	for (i = 0; i < m->n; i++) {
		where = &m->items[i].where;
		if (m->items[i].found && where->length <= m->max &&
		    where->offset <= SEG_END_MAX)
			m->items[n++] = m->items[i];
	}
	m->n = n;
	qsort(m->items, n, sizeof(*m->items), by_place);
}

/* ---- their bytes ---- */

static uint64_t
end_of(const struct item *item)
{
	return item->where.offset + SEG_RECORD + item->where.length;
}

/* Hands on one that lies at p, unless it is damaged. */
static int
hand_on(struct many *m, const struct item *item, const char *p)
{
	struct seg_record record;
	struct hm_str bytes = { p + SEG_RECORD, (size_t)item->where.length };

	if (seg_record_read((const unsigned char *)p, &record) < 0 ||
	    record.id != item->id || record.length != item->where.length ||
	    hm_crc32c(0, bytes.p, bytes.len) != record.sum)
		return 0;
	return m->fn(item->i, bytes, m->arg);
}

/* The items from first that one read brings in, up to *ret_end; returns how
 * many. */
static size_t
stretch(const struct many *m, size_t first, uint64_t *ret_end)
{
	const struct item *item = &m->items[first], *next;
	uint64_t end = end_of(item);
	size_t k;

	for (k = first + 1; k < m->n; k++) {
		next = &m->items[k];
		if (next->where.segment != item->where.segment ||
		    next->where.offset > end + GAP ||
		    end_of(next) - item->where.offset > READ_MOST)
			break;
		if (end_of(next) > end)
			end = end_of(next);
	}
	*ret_end = end;
	return k - first;
}

static int
read_stretch(struct many *m, size_t first, size_t n, uint64_t end)
{
	const struct item *item = &m->items[first];
	uint64_t from = item->where.offset;
	struct seg_file *file;
	size_t k;
	int r;

	pthread_mutex_lock(&m->store->mutex);
	r = seg_file_get(m->store, item->where.segment, &file, NULL);
	pthread_mutex_unlock(&m->store->mutex);
	if (r)
		return 0;
	hm_buf_clear(&m->bytes);
	hm_buf_reserve(&m->bytes, (size_t)(end - from));
	r = seg_read_at(file->fd, from, m->bytes.p, (size_t)(end - from));
	pthread_mutex_lock(&m->store->mutex);
	seg_file_put(m->store, file);
	pthread_mutex_unlock(&m->store->mutex);
	if (r)
		return 0;
	for (k = 0; k < n && r == 0; k++)
		r = hand_on(m, &item[k],
		    m->bytes.p + (item[k].where.offset - from));
	return r;
}

int
seg_read_many(struct seg_store *store, const struct seg_kv *kv,
    const uint64_t *ids, size_t n, size_t max,
    int (*fn)(size_t i, struct hm_str bytes, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct many m = { .store = store, .kv = kv, .n = n, .fn = fn,
	    .arg = arg, .max = max };
	uint64_t end;
	size_t i, k;
	int r = 0;

	if (n == 0)
		return 0;
	m.items = hm_xalloc(n * sizeof(*m.items));
	for (i = 0; i < n; i++)
		m.items[i] = (struct item){ .id = ids[i], .i = i };
	qsort(m.items, n, sizeof(*m.items), by_id);
	r = hm_kv_run(kv->recs.kv, HM_KV_BROWSE, find_all, &m, reterr);
	if (r == 0)
		arrange(&m);
	for (i = 0; i < m.n && r == 0; i += k) {
		k = stretch(&m, i, &end);
		r = read_stretch(&m, i, k, end);
	}
	hm_buf_release(&m.bytes);
	free(m.items);
	return r;
}
