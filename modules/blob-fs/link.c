/* link.c - which blobs there are and how many links they have. */
#include <endian.h>
#include <string.h>

#include "fs.h"

struct hm_str
fs_key(char out[9], char kind, uint64_t id)
{
	id = htobe64(id);
	out[0] = kind;
	memcpy(out + 1, &id, 8);
	return (struct hm_str){ out, 9 };
}

uint64_t
fs_key_id(struct hm_str key)
{
	uint64_t id = 0;

	if (key.len == 9)
		memcpy(&id, key.p + 1, 8);
	return be64toh(id);
}

struct hm_str
fs_value(char out[FS_VALUE], const struct fs_blob *blob)
{
	uint64_t length = htole64(blob->length);
	uint32_t links = htole32(blob->links), sum = htole32(blob->sum);

	memcpy(out, &length, 8);
	memcpy(out + 8, &links, 4);
	memcpy(out + 12, &sum, 4);
	return (struct hm_str){ out, FS_VALUE };
}

int
fs_value_read(struct hm_str in, struct fs_blob *ret)
{
	uint64_t length;
	uint32_t links, sum;

	if (in.len != FS_VALUE)
		return -HM_ECORRUPT;
	memcpy(&length, in.p, 8);
	memcpy(&links, in.p + 8, 4);
	memcpy(&sum, in.p + 12, 4);
	*ret = (struct fs_blob){ .length = le64toh(length),
	    .links = le32toh(links), .sum = le32toh(sum) };
	return ret->length > FS_BLOB_MAX ? -HM_ECORRUPT : 0;
}

/* A blob that was put and has no record. The order matters: a sweep forgets
 * the fresh one, removes the file, and then the record "d". */
static int
find_fresh(struct fs_store *store, const struct fs_kv *kv,
    struct hm_kv_txn *txn, uint64_t id, struct fs_blob *ret)
{
	struct fs_fresh *fresh;
	struct hm_str got;
	char key[9];
	int r;

	r = kv->kv->ops->get(txn, kv->table, fs_key(key, 'd', id), 0, &got);
	if (r != -HM_ENOENT)
		return r ? r : -HM_ENOENT;
	pthread_mutex_lock(&store->mutex);
	fresh = fs_fresh_find(store, id);
	if (fresh && store->now_ms() - fresh->put_ms < FS_LINK_MS) {
		*ret = fresh->blob;
		r = 0;
	}
	pthread_mutex_unlock(&store->mutex);
	return r;
}

int
fs_link(struct fs_store *store, const struct fs_kv *kv, struct hm_kv_txn *txn,
    uint64_t id, int delta)
{
	const struct hm_kv_ops *ops = kv->kv->ops;
	char key[9], value[FS_VALUE];
	struct fs_blob blob;
	struct hm_str got;
	int64_t links;
	int r;

	r = ops->get(txn, kv->table, fs_key(key, 'b', id), HM_KV_FOR_UPDATE,
	    &got);
	if (!r)
		r = fs_value_read(got, &blob);
	else if (r == -HM_ENOENT && delta > 0)
		r = find_fresh(store, kv, txn, id, &blob);
	if (r)
		return r;
	links = (int64_t)blob.links + delta;
	if (links < 0 || links > UINT32_MAX)
		return -HM_EINVAL;
	blob.links = (uint32_t)links;
	if (links > 0)
		return ops->put(txn, kv->table, fs_key(key, 'b', id),
		    fs_value(value, &blob));
	r = ops->del(txn, kv->table, fs_key(key, 'b', id));
	/* the file goes when this is committed for good */
	return r ? r : ops->put(txn, kv->table, fs_key(key, 'd', id),
	    fs_value(value, &blob));
}

struct finding {
	const struct fs_kv *kv;
	uint64_t id;
	struct fs_blob *blob;
};

static int
find_in(struct hm_kv_txn *txn, void *arg)
{
	struct finding *f = arg;
	struct hm_str got;
	char key[9];
	int r;

	r = f->kv->kv->ops->get(txn, f->kv->table, fs_key(key, 'b', f->id), 0,
	    &got);
	return r ? r : fs_value_read(got, f->blob);
}

int
fs_find(const struct fs_kv *kv, uint64_t id, struct fs_blob *ret,
    struct hm_err *reterr)
{
	struct finding f = { .kv = kv, .id = id, .blob = ret };
	int r = hm_kv_run(kv->kv, HM_KV_BROWSE, find_in, &f, reterr);

	if (r == -HM_ENOENT)
		return hm_err_set(reterr, r, "there is no blob %016llx",
		    (unsigned long long)id);
	if (r == -HM_ECORRUPT)
		return hm_err_set(reterr, r, "the record of blob %016llx is "
		    "damaged", (unsigned long long)id);
	return r;
}
