/* test-blob.c - the conformance suite of "blob" on single files; with the
 * word "bench", what storing a message costs. */
#include <hermod/arena.h>
#include <hermod/clock.h>

#include <stdlib.h>
#include <string.h>

#include "modules/blob-fs/fs.h"

#include "t/bench-storage.h"
#include "t/conformance-blob.h"

struct direct {
	struct fs_store *store;
	struct hm_blob_records kv;
};

static atomic_int_fast64_t shift_ms;

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
	return fs_put(direct(self)->store, slices, n, flags, ret_id, reterr);
}

static int
blob_sync(struct hm_mod *self, struct hm_err *reterr)
{
	return fs_sync(direct(self)->store, reterr);
}

static int
blob_link(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id, int delta)
{
	return fs_link(direct(self)->store, &direct(self)->kv, txn, id, delta);
}

static int
blob_open(struct hm_mod *self, uint64_t id, struct hm_blob_reader **ret,
    uint64_t *ret_size, struct hm_err *reterr)
{
	return fs_open(direct(self)->store, &direct(self)->kv, id, ret,
	    ret_size, reterr);
}

static int
blob_verify(struct hm_mod *self, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	return fs_verify(direct(self)->store, &direct(self)->kv, fix, links,
	    report, arg, reterr);
}

static void
blob_usage(struct hm_mod *self, uint64_t *ret_total, uint64_t *ret_dead)
{
	fs_usage(direct(self)->store, &direct(self)->kv, ret_total, ret_dead);
}

static const struct hm_blob_ops ops = {
	.size = sizeof(ops),
	.put = blob_put, .sync = blob_sync, .link = blob_link,
	.open = blob_open, .read = fs_read, .close = fs_close,
	.verify = blob_verify, .usage = blob_usage,
};

static int
open_store(const char *dir, const struct hm_kv *kv, struct hm_blob *ret,
    struct hm_err *reterr)
{
	/* Room for a checkpoint of the tables, which may come at any time. */
	struct fs_conf conf = { .dir = dir, .reserve_bytes = 4 << 20 };
	struct direct *d = hm_xalloc(sizeof(*d));
	int r = fs_store_open(&conf, &d->store, reterr);

	if (!r) {
		d->store->now_ms = shifted_ms;
		r = fs_bind(d->store, kv, &d->kv, reterr);
	}
	if (r) {
		fs_store_close(d->store);
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
	fs_store_close(direct(blob->self)->store);
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
	return fs_sweep(direct(blob->self)->store, &direct(blob->self)->kv,
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
		.table = "blob-fs", .open = open_store, .close = close_store,
		.syncs = count_syncs, .sweep = sweep, .age = age,
		.syncs_alone = 4.0, .syncs_together = 4.0, .syncs_batch = 2.5,
	};

	if (argc > 1 && strcmp(argv[1], "bench") == 0)
		return bench_storage(&provider);
	return conformance_blob(&provider);
}
