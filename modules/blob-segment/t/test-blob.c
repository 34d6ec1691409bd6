/* test-blob.c - the conformance suite of "blob" on segments; with the word
 * "bench", what storing a message costs. */
#include <hermod/arena.h>
#include <hermod/clock.h>

#include <stdlib.h>
#include <string.h>

#include "modules/blob-segment/seg.h"

#include "t/bench-storage.h"
#include "t/conformance-blob.h"

struct direct {
	struct seg_store *store;
	struct seg_kv kv;
};

static atomic_int_fast64_t shift_ms;
static uint64_t segment_bytes = 256 << 10, ahead_bytes = 64 << 10;

static int64_t
shifted_ms(void)
{
	return hm_now_ms() + atomic_load(&shift_ms);
}

static struct direct *
direct(const struct hm_mod *self)
{
	return (struct direct *)(uintptr_t)self;
}

static int
blob_put(struct hm_mod *self, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr)
{
	return seg_put(direct(self)->store, &direct(self)->kv, slices, n, flags,
	    ret_id, reterr);
}

static int
blob_sync(struct hm_mod *self, struct hm_err *reterr)
{
	return seg_sync(direct(self)->store, reterr);
}

static int
blob_link(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id, int delta)
{
	return seg_link(direct(self)->store, &direct(self)->kv, txn, id, delta);
}

static int
blob_open(struct hm_mod *self, uint64_t id, struct hm_blob_reader **ret,
    uint64_t *ret_size, struct hm_err *reterr)
{
	return seg_open(direct(self)->store, &direct(self)->kv, id, ret,
	    ret_size, reterr);
}

static int
blob_verify(struct hm_mod *self, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	return seg_verify(direct(self)->store, &direct(self)->kv, fix, links,
	    report, arg, reterr);
}

static void
blob_usage(struct hm_mod *self, uint64_t *ret_total, uint64_t *ret_dead)
{
	seg_usage(direct(self)->store, &direct(self)->kv, ret_total, ret_dead);
}

static int
blob_read_many(struct hm_mod *self, const uint64_t *ids, size_t n, size_t max,
    int (*fn)(size_t i, struct hm_str bytes, void *arg), void *arg,
    struct hm_err *reterr)
{
	return seg_read_many(direct(self)->store, &direct(self)->kv, ids, n,
	    max, fn, arg, reterr);
}

static const struct hm_blob_ops ops = {
	.size = sizeof(ops),
	.put = blob_put, .sync = blob_sync, .link = blob_link,
	.open = blob_open, .read = seg_read, .close = seg_close,
	.verify = blob_verify, .usage = blob_usage,
	.read_many = blob_read_many,
};

static int
open_store(const char *dir, const struct hm_kv *kv, struct hm_blob *ret,
    struct hm_err *reterr)
{
	/* Room for a checkpoint of the tables, which may come at any time. */
	struct seg_conf conf = { .dir = dir, .segment_bytes = segment_bytes,
		.ahead_bytes = ahead_bytes, .compact_percent = 50,
		.max_files = 8, .reserve_bytes = 4 << 20 };
	struct direct *d = hm_xalloc(sizeof(*d));
	int r = seg_store_open(&conf, &d->store, reterr);

	if (!r) {
		d->store->now_ms = shifted_ms;
		r = seg_bind(d->store, kv, &d->kv, reterr);
	}
	if (r) {
		seg_store_close(d->store);
		free(d);
		return r;
	}
	ret->ops = &ops;
	ret->self = (struct hm_mod *)(void *)d;
	return 0;
}

static void
close_store(struct hm_blob *blob)
{
	seg_store_close(direct(blob->self)->store);
	free(direct(blob->self));
}

static unsigned long
count_syncs(const struct hm_blob *blob)
{
	return atomic_load(&direct(blob->self)->store->syncs);
}

static int
sweep(const struct hm_blob *blob, struct hm_err *reterr)
{
	return seg_sweep(direct(blob->self)->store, &direct(blob->self)->kv,
	    reterr);
}

static void
age(const struct hm_blob *blob, int64_t ms)
{
	(void)blob;
	atomic_fetch_add(&shift_ms, ms);
}

int
main(int argc, char **argv)
{
	static const struct conformance_blob provider = {
		.table = "blob-segment", .open = open_store, .close = close_store,
		.syncs = count_syncs, .sweep = sweep, .age = age,
		.syncs_alone = 1.0, .syncs_together = 0.6, .syncs_batch = 0.05,
	};

	if (argc > 1 && strcmp(argv[1], "bench") == 0) {
		segment_bytes = 64 << 20;
		ahead_bytes = 256 << 10;
		return bench_storage(&provider);
	}
	return conformance_blob(&provider);
}
