/* link.c - which blobs there are and how many links they have. */
#include <endian.h>
#include <string.h>

#include "fs.h"

struct hm_str
fs_value(char out[HM_BLOB_RECORD_MAX], const struct fs_blob *blob)
{
	uint64_t length = htole64(blob->length);
	uint32_t links = htole32(blob->links), sum = htole32(blob->sum);

	memcpy(out, &length, 8);
	memcpy(out + FS_LINKS_AT, &links, 4);
	memcpy(out + 12, &sum, 4);
	return (struct hm_str){ out, FS_VALUE };
}

struct fs_blob
fs_value_read(const char *value)
{
	uint64_t length;
	uint32_t links, sum;

	memcpy(&length, value, 8);
	memcpy(&links, value + FS_LINKS_AT, 4);
	memcpy(&sum, value + 12, 4);
	return (struct fs_blob){ .length = le64toh(length),
	    .links = le32toh(links), .sum = le32toh(sum) };
}

int
fs_value_check(struct hm_str value)
{
	return fs_value_read(value.p).length > FS_BLOB_MAX ? -HM_ECORRUPT : 0;
}

/* A blob that was put and has no record. The order matters: a sweep forgets
 * the fresh one, removes the file, and then the record "d". */
static int
find_fresh(struct fs_store *store, const struct hm_blob_records *kv,
    struct hm_kv_txn *txn, uint64_t id, char *value)
{
	struct fs_fresh *fresh;
	struct hm_str got;
	char key[9];
	int r;

	r = kv->kv->ops->get(txn, kv->table, hm_blob_key(key, 'd', id), 0, &got);
	if (r != -HM_ENOENT)
		return r ? r : -HM_ENOENT;
	pthread_mutex_lock(&store->mutex);
	fresh = fs_fresh_find(store, id);
	if (fresh && store->now_ms() - fresh->put_ms < FS_LINK_MS) {
		fs_value(value, &fresh->blob);
		r = 0;
	}
	pthread_mutex_unlock(&store->mutex);
	return r;
}

/* The file goes when this is committed for good. */
int
fs_drop(const struct hm_blob_records *kv, struct hm_kv_txn *txn, uint64_t id,
    const char *value)
{
	char key[9];

	return kv->kv->ops->put(txn, kv->table, hm_blob_key(key, 'd', id),
	    hm_str_n(value, FS_VALUE));
}

int
fs_link(struct fs_store *store, const struct hm_blob_records *kv,
    struct hm_kv_txn *txn, uint64_t id, int delta)
{
	char value[HM_BLOB_RECORD_MAX];
	int r = hm_blob_record_get(kv, txn, id, HM_KV_FOR_UPDATE, value);

	if (r == -HM_ENOENT && delta > 0)
		r = find_fresh(store, kv, txn, id, value);
	if (!r)
		r = hm_blob_record_link(kv, txn, id, value, delta);
	if (r || hm_blob_links(kv, value) > 0)
		return r;
	return fs_drop(kv, txn, id, value);
}

int
fs_find(const struct hm_blob_records *kv, uint64_t id, struct fs_blob *ret,
    struct hm_err *reterr)
{
	char value[HM_BLOB_RECORD_MAX];
	int r = hm_blob_find(kv, id, value, reterr);

	if (!r)
		*ret = fs_value_read(value);
	return r;
}
