/* blob_holds.h - links to blobs by others than the store.
 *
 * The store knows its own links when blobs are verified. Who else links a blob
 * says so in the kv table "blob-holds", in the same transaction: the store adds
 * these, also while the holder's module is switched off. Key: the blob's id,
 * big-endian, and the holder's name; no value. Thread: worker.
 */
#ifndef HERMOD_IFACE_BLOB_HOLDS_H
#define HERMOD_IFACE_BLOB_HOLDS_H

#include <hermod/buf.h>
#include <hermod/iface/blob.h>
#include <hermod/str.h>

#define HM_BLOB_HOLDS "blob-holds"

/* Links (on) or unlinks a blob in a holder's name; once each. */
static inline int
hm_blob_hold(const struct hm_kv *kv, const struct hm_blob *blob,
    struct hm_kv_table *holds, struct hm_kv_txn *txn, uint64_t id,
    const char *holder, bool on)
{
	struct hm_buf key = { 0 };
	int r;

	hm_buf_be64(&key, id);
	hm_buf_puts(&key, holder);
	if (on)
		r = kv->ops->put(txn, holds, hm_buf_view(&key), HM_STR(""));
	else
		r = kv->ops->del(txn, holds, hm_buf_view(&key));
	hm_buf_release(&key);
	return r < 0 ? r : hm_blob_link(blob, txn, id, on ? 1 : -1);
}

#endif
