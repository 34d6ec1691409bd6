/* blob.h - service "blob": immutable bodies, shared by reference.
 *
 * A blob is first put (its bytes become durable), then linked in the kv
 * transaction that refers to it. A blob without links, after a crash in between
 * say, is dead space that the driver reclaims by itself. Thread: worker.
 */
#ifndef HERMOD_IFACE_BLOB_H
#define HERMOD_IFACE_BLOB_H

#include <hermod/iface/kv.h>
#include <hermod/service.h>
#include <hermod/types.h>

struct hm_blob_reader;

enum hm_blob_flags {
	HM_BLOB_NOSYNC = 1,   /* put: durable only after sync(); for batches */
	HM_BLOB_LINKED = 2,   /* put: durable no later than the transaction that
	                       * links it, which may save a sync; for single ones */
};

struct hm_blob_ops {
	uint32_t size;
	/* Stores the concatenation of n slices; returns when it is on disk
	 * (concurrent callers share a sync). A blob that is not linked within
	 * an hour may be reclaimed. -HM_ENOSPC, -HM_EIO: nothing is left. */
	int (*put)(struct hm_mod *self, const struct hm_str *slices, size_t n,
	    unsigned flags, uint64_t *ret_id, struct hm_err *reterr);
	int (*sync)(struct hm_mod *self, struct hm_err *reterr);
	/* Changes the number of links by delta within a transaction; at zero
	 * the blob is gone once the transaction has committed. Readers opened
	 * before stay valid. -HM_ENOENT: there is no such blob. */
	int (*link)(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id,
	    int delta);
	/* -HM_ENOENT for a blob that is gone, -HM_ECORRUPT when its checksum
	 * does not match, -HM_EIO when it cannot be read, whatever forbids it. */
	int (*open)(struct hm_mod *self, uint64_t id,
	    struct hm_blob_reader **ret, uint64_t *ret_size,
	    struct hm_err *reterr);
	/* Up to len bytes at offset; the count, 0 at the end, or an error. */
	ssize_t (*read)(struct hm_blob_reader *reader, uint64_t offset, void *p,
	    size_t len);
	void (*close)(struct hm_blob_reader *reader);
	/* Compares every stored blob with its checksum, and its links with what
	 * links(id) says the store knows (NULL: checksums only); fix corrects
	 * the links and sets damaged blobs aside. Returns the number of reports. */
	int (*verify)(struct hm_mod *self, bool fix,
	    int64_t (*links)(uint64_t id, void *arg),
	    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
	    struct hm_err *reterr);
	/* Bytes held on disk, and how many of them are dead. */
	void (*usage)(struct hm_mod *self, uint64_t *ret_total,
	    uint64_t *ret_dead);
	/* Many whole blobs: fn gets the place in ids and the bytes (valid until
	 * it returns) of each that has at most max of them, in any order. Those
	 * that are larger, gone or damaged are left out: open() tells why. What
	 * fn returns, unless it is 0, ends it and is returned. */
	int (*read_many)(struct hm_mod *self, const uint64_t *ids, size_t n,
	    size_t max, int (*fn)(size_t i, struct hm_str bytes, void *arg),
	    void *arg, struct hm_err *reterr);
};
HM_IFACE(blob, 1);

static inline int
hm_blob_put(const struct hm_blob *blob, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr)
{
	return blob->ops->put(blob->self, slices, n, flags, ret_id, reterr);
}

static inline int
hm_blob_sync(const struct hm_blob *blob, struct hm_err *reterr)
{
	return blob->ops->sync(blob->self, reterr);
}

static inline int
hm_blob_link(const struct hm_blob *blob, struct hm_kv_txn *txn, uint64_t id,
    int delta)
{
	return blob->ops->link(blob->self, txn, id, delta);
}

#endif
