/* direct-blob.c - the engine under the face of the service, for tests. */
#include <stdio.h>
#include <stdlib.h>

#include <hermod/arena.h>

#include "modules/blob-segment/seg.h"

#include "t/direct-blob.h"

struct direct {
	struct seg_store *store;
	struct seg_kv seg_kv;
};

static struct direct *
direct_of(const struct hm_mod *self)
{
	return (struct direct *)(uintptr_t)self;
}

static int
direct_put(struct hm_mod *self, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr)
{
	return seg_put(direct_of(self)->store, &direct_of(self)->seg_kv, slices,
	    n, flags, ret_id, reterr);
}

static int
direct_sync(struct hm_mod *self, struct hm_err *reterr)
{
	return seg_sync(direct_of(self)->store, reterr);
}

static int
direct_link(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id, int delta)
{
	return seg_link(direct_of(self)->store, &direct_of(self)->seg_kv, txn, id,
	    delta);
}

static int
direct_open(struct hm_mod *self, uint64_t id, struct hm_blob_reader **ret,
    uint64_t *ret_size, struct hm_err *reterr)
{
	return seg_open(direct_of(self)->store, &direct_of(self)->seg_kv, id, ret,
	    ret_size, reterr);
}

static int
direct_verify(struct hm_mod *self, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	return seg_verify(direct_of(self)->store, &direct_of(self)->seg_kv, fix,
	    links, report, arg, reterr);
}

static int
direct_read_many(struct hm_mod *self, const uint64_t *ids, size_t n, size_t max,
    int (*fn)(size_t i, struct hm_str bytes, void *arg), void *arg,
    struct hm_err *reterr)
{
	return seg_read_many(direct_of(self)->store, &direct_of(self)->seg_kv,
	    ids, n, max, fn, arg, reterr);
}

static const struct hm_blob_ops direct_ops = {
	.size = sizeof(direct_ops), .put = direct_put, .sync = direct_sync,
	.link = direct_link, .open = direct_open, .read = seg_read,
	.close = seg_close, .verify = direct_verify,
	.read_many = direct_read_many,
};

static void
direct_report(enum hm_loglevel level, const char *text, void *arg)
{
	(void)arg;
	if (level <= HM_LOG_WARN)
		printf("# blob: %s\n", text);
}

int
direct_blob_open(const char *dir, const struct hm_kv *kv,
    struct hm_blob *ret, struct hm_err *reterr)
{
	struct seg_conf conf = {
		.dir = dir, .segment_bytes = 64 << 20, .ahead_bytes = 256 << 10,
		.compact_percent = 50, .max_files = 20, .report = direct_report,
	};
	struct direct *d = hm_xalloc(sizeof(*d));
	int r = seg_store_open(&conf, &d->store, reterr);

	if (r == 0 && (r = seg_bind(d->store, kv, &d->seg_kv, reterr)) < 0)
		seg_store_close(d->store);
	if (r < 0) {
		free(d);
		return r;
	}
	ret->ops = &direct_ops;
	ret->self = (struct hm_mod *)(void *)d;
	return 0;
}

void
direct_blob_close(struct hm_blob *blob)
{
	seg_store_close(direct_of(blob->self)->store);
	free(direct_of(blob->self));
}
