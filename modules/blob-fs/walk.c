/* walk.c - all records of a kind, in batches: a transaction may be started
 * anew, and fn should not see anything twice. */
#include <stdlib.h>

#include <hermod/arena.h>

#include "fs.h"

#define BATCH 2048

struct batch {
	const struct fs_kv *kv;
	char kind;
	uint64_t first;
	size_t n;
	bool damaged;
	struct {
		uint64_t id;
		struct fs_blob blob;
	} items[BATCH];
};

static int
collect_one(struct hm_str key, struct hm_str value, void *arg)
{
	struct batch *batch = arg;

	batch->items[batch->n].id = fs_key_id(key);
	if (key.len != 9 || fs_value_read(value, &batch->items[batch->n].blob)) {
		batch->damaged = true;
		return 0;
	}
	return ++batch->n == BATCH;
}

static int
collect(struct hm_kv_txn *txn, void *arg)
{
	struct batch *batch = arg;
	char key[9], end[1] = { (char)(batch->kind + 1) };

	batch->n = 0;
	return batch->kv->kv->ops->scan(txn, batch->kv->table,
	    fs_key(key, batch->kind, batch->first), (struct hm_str){ end, 1 },
	    0, collect_one, batch);
}

int
fs_walk(const struct fs_kv *kv, char kind,
    int (*fn)(uint64_t id, const struct fs_blob *blob, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct batch *batch = hm_xalloc(sizeof(*batch));
	size_t i;
	int r;

	batch->kv = kv;
	batch->kind = kind;
	do {
		r = hm_kv_run(kv->kv, HM_KV_BROWSE, collect, batch, reterr);
		for (i = 0; i < batch->n && r == 0; i++)
			r = fn(batch->items[i].id, &batch->items[i].blob, arg);
		if (batch->n)
			batch->first = batch->items[batch->n - 1].id + 1;
	} while (r == 0 && batch->n == BATCH && batch->first != 0);
	if (r == 0 && batch->damaged)
		r = hm_err_set(reterr, -HM_ECORRUPT,
		    "the table of blobs has damaged records");
	free(batch);
	return r;
}
