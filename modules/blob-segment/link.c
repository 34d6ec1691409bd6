/* link.c - where blobs lie and how many links they have. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "seg.h"

static struct hm_str
key_of(char key[9], uint64_t id)
{
	seg_key_make(key, id);
	return (struct hm_str){ key, 9 };
}

/* What was not synced goes into the log of the transaction. */
static int
cover(struct seg_store *store, const struct seg_kv *kv, struct hm_kv_txn *txn,
    struct seg_file *file, const struct seg_where *where)
{
	size_t len = (size_t)seg_record_bytes(where->length);
	char path[SEG_DIR_MAX + 32], *bytes;
	int r;

	if (!kv->covers) /* it did when this was put */
		return seg_sync(store, NULL);
	bytes = hm_xalloc(len);
	seg_path(store, file->number, path);
	r = seg_read_at(file->fd, where->offset, bytes, len);
	if (!r)
		r = kv->kv->ops->cover(txn, path, where->offset,
		    hm_str_n(bytes, len));
	free(bytes);
	return r;
}

/* A blob that was put and has no record: only a fresh one, of this process, so
 * that its space cannot have been taken back. */
static int
find_unlinked(struct seg_store *store, const struct seg_kv *kv,
    struct hm_kv_txn *txn, uint64_t id, struct seg_where *ret)
{
	uint32_t number = (uint32_t)(id >> 32);
	uint64_t offset = (id & UINT32_MAX) * SEG_ALIGN;
	unsigned char head[SEG_RECORD];
	struct seg_record record;
	struct seg_file *file;
	bool fresh;
	int r;

	pthread_mutex_lock(&store->mutex);
	r = number <= store->last_number ?
	    seg_file_get(store, number, &file, NULL) : -HM_ENOENT;
	if (r) {
		pthread_mutex_unlock(&store->mutex);
		return -HM_ENOENT;
	}
	fresh = file->ours && !file->failed && offset < file->end &&
	    store->now_ms() - file->last_put_ms < SEG_LINK_MS;
	pthread_mutex_unlock(&store->mutex);
	r = -HM_ENOENT;
	if (fresh && offset >= SEG_HEADER &&
	    pread(file->fd, head, SEG_RECORD, (off_t)offset) == SEG_RECORD &&
	    seg_record_read(head, &record) == 0 && record.id == id) {
		*ret = (struct seg_where){ .segment = number, .offset = offset,
		    .length = record.length };
		r = (record.flags & SEG_COVERED) ?
		    cover(store, kv, txn, file, ret) : 0;
	}
	pthread_mutex_lock(&store->mutex);
	seg_file_put(store, file);
	pthread_mutex_unlock(&store->mutex);
	return r;
}

static void
count_live(struct seg_store *store, const struct seg_where *where, int sign)
{
	pthread_mutex_lock(&store->mutex);
	store->live += sign * (int64_t)seg_record_bytes(where->length);
	pthread_mutex_unlock(&store->mutex);
}

int
seg_link(struct seg_store *store, const struct seg_kv *kv,
    struct hm_kv_txn *txn, uint64_t id, int delta)
{
	const struct hm_kv_ops *ops = kv->kv->ops;
	char key[9], value[SEG_VALUE];
	struct seg_where where;
	struct hm_str got;
	int64_t links;
	bool fresh;
	int r;

	r = ops->get(txn, kv->table, key_of(key, id), HM_KV_FOR_UPDATE, &got);
	fresh = r == -HM_ENOENT;
	if (!r)
		r = seg_where_read(got, &where);
	else if (fresh)
		r = delta > 0 ? find_unlinked(store, kv, txn, id, &where) :
		    -HM_ENOENT;
	if (r)
		return r;
	links = (int64_t)where.links + delta;
	if (links < 0 || links > UINT32_MAX)
		return -HM_EINVAL;
	if (links == 0) {
		count_live(store, &where, -1);
		return ops->del(txn, kv->table, key_of(key, id));
	}
	if (fresh)
		count_live(store, &where, 1);
	where.links = (uint32_t)links;
	seg_where_make(value, &where);
	return ops->put(txn, kv->table, key_of(key, id),
	    (struct hm_str){ value, SEG_VALUE });
}

struct finding {
	const struct seg_kv *kv;
	uint64_t id;
	struct seg_where *where;
};

static int
find_in(struct hm_kv_txn *txn, void *arg)
{
	struct finding *f = arg;
	struct hm_str got;
	char key[9];
	int r;

	r = f->kv->kv->ops->get(txn, f->kv->table, key_of(key, f->id), 0, &got);
	return r ? r : seg_where_read(got, f->where);
}

int
seg_find(const struct seg_kv *kv, uint64_t id, struct seg_where *ret,
    struct hm_err *reterr)
{
	struct finding f = { .kv = kv, .id = id, .where = ret };
	int r = hm_kv_run(kv->kv, HM_KV_BROWSE, find_in, &f, reterr);

	if (r == -HM_ENOENT)
		return hm_err_set(reterr, r, "there is no blob %016llx",
		    (unsigned long long)id);
	if (r == -HM_ECORRUPT)
		return hm_err_set(reterr, r, "the record of blob %016llx is "
		    "damaged", (unsigned long long)id);
	return r;
}
