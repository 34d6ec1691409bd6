/* link.c - where blobs lie and how many links they have. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "seg.h"

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
		r = kv->recs.kv->ops->cover(txn, path, where->offset,
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
		return r;
	}
	fresh = file->ours && !file->failed && offset < file->end &&
	    store->now_ms() - file->last_put_ms < SEG_LINK_MS;
	pthread_mutex_unlock(&store->mutex);
	if (!fresh || offset < SEG_HEADER)
		r = -HM_ENOENT;
	else if (pread(file->fd, head, SEG_RECORD, (off_t)offset) != SEG_RECORD)
		r = -HM_EIO;
	else if (seg_record_read(head, &record) < 0 || record.id != id)
		r = -HM_ENOENT;
	else {
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
	char value[HM_BLOB_RECORD_MAX];
	struct seg_where where;
	bool fresh;
	int r = hm_blob_record_get(&kv->recs, txn, id, HM_KV_FOR_UPDATE, value);

	fresh = r == -HM_ENOENT && delta > 0;
	if (fresh) {
		r = find_unlinked(store, kv, txn, id, &where);
		if (!r)
			seg_where_make(value, &where);
	}
	if (!r)
		r = hm_blob_record_link(&kv->recs, txn, id, value, delta);
	if (r)
		return r;
	where = seg_where_read(value);
	if (where.links == 0)
		count_live(store, &where, -1);
	else if (fresh)
		count_live(store, &where, 1);
	return 0;
}

int
seg_find(const struct seg_kv *kv, uint64_t id, struct seg_where *ret,
    struct hm_err *reterr)
{
	char value[HM_BLOB_RECORD_MAX];
	int r = hm_blob_find(&kv->recs, id, value, reterr);

	if (!r)
		*ret = seg_where_read(value);
	return r;
}
