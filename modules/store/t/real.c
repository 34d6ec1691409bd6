/* real.c - a kit on kv-bdb and blob-segment, without loading modules. */
#include "kit.h"

#include <hermod/clock.h>

#include "modules/blob-segment/seg.h"
#include "t/direct-kv.h"

struct real {
	struct hm_kv kv;
	struct hm_blob blob;
	struct seg_store *store;
	struct seg_kv seg_kv;
};

static struct real *
real_of(const struct hm_mod *self)
{
	return (struct real *)(uintptr_t)self;
}

static int
real_put(struct hm_mod *self, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr)
{
	return seg_put(real_of(self)->store, slices, n, flags, ret_id, reterr);
}

static int
real_sync(struct hm_mod *self, struct hm_err *reterr)
{
	return seg_sync(real_of(self)->store, reterr);
}

static int
real_link(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id, int delta)
{
	return seg_link(real_of(self)->store, &real_of(self)->seg_kv, txn, id,
	    delta);
}

static int
real_open(struct hm_mod *self, uint64_t id, struct hm_blob_reader **ret,
    uint64_t *ret_size, struct hm_err *reterr)
{
	return seg_open(real_of(self)->store, &real_of(self)->seg_kv, id, ret,
	    ret_size, reterr);
}

static int
real_verify(struct hm_mod *self, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	return seg_verify(real_of(self)->store, &real_of(self)->seg_kv, fix,
	    links, report, arg, reterr);
}

static const struct hm_blob_ops real_ops = {
	.size = sizeof(real_ops), .put = real_put, .sync = real_sync,
	.link = real_link, .open = real_open, .read = seg_read,
	.close = seg_close, .verify = real_verify,
};

static void
show(enum hm_loglevel level, const char *text, void *arg)
{
	(void)arg;
	if (level <= HM_LOG_WARN)
		diag("blob: %s", text);
}

void
kit_start_real(struct kit *k, const char *dir)
{
	struct real *real = hm_xalloc(sizeof(*real));
	struct hm_err err = { 0 };
	char path[300];
	struct seg_conf conf = { .dir = path, .segment_bytes = 64 << 20,
		.ahead_bytes = 256 << 10, .compact_percent = 50,
		.max_files = 20, .report = show };

	snprintf(path, sizeof(path), "%s/kv", dir);
	if (direct_kv_open(path, &real->kv, &err) < 0)
		diag("kv: %s", err.text);
	snprintf(path, sizeof(path), "%s/blob", dir);
	if (seg_store_open(&conf, &real->store, &err) < 0 ||
	    seg_bind(real->store, &real->kv, &real->seg_kv, &err) < 0)
		diag("blob: %s", err.text);
	real->blob.ops = &real_ops;
	real->blob.self = (struct hm_mod *)(void *)real;
	k->kv = &real->kv;
	k->blob = &real->blob;
	kit_start_with(k);
}

void
kit_close(struct kit *k)
{
	struct real *real = real_of(k->blob->self);

	seg_store_close(real->store);
	direct_kv_close(&real->kv);
	free(real);
}
