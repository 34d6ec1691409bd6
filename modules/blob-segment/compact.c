/* compact.c - moving what lives out of segments that are mostly dead. */
#include <errno.h>
#include <stdlib.h>

#include <hermod/arena.h>

#include "seg.h"

#define BATCH 256
#define BATCH_BYTES (8u << 20)
/* One body is held in memory while it is copied. */
#define LARGEST (256u << 20)

struct move {
	uint64_t id;
	struct seg_where from, to;
};

struct compacting {
	struct seg_store *store;
	const struct seg_kv *kv;
	struct seg_size *list;
	size_t nlist;
	struct hm_err *reterr;
	uint64_t bytes;
	size_t n;
	struct move moves[BATCH];
};

static int
by_number(const void *a, const void *b)
{
	const struct seg_size *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static bool
same_place(const struct seg_where *a, const struct seg_where *b)
{
	return a->segment == b->segment && a->offset == b->offset;
}

/* What was unlinked in the meantime stays so. */
static int
move_records(struct hm_kv_txn *txn, void *arg)
{
	struct compacting *c = arg;
	const struct hm_blob_records *recs = &c->kv->recs;
	char value[HM_BLOB_RECORD_MAX];
	struct seg_where now;
	size_t i;
	int r;

	for (i = 0; i < c->n; i++) {
		struct move *move = &c->moves[i];

		r = hm_blob_record_get(recs, txn, move->id, HM_KV_FOR_UPDATE,
		    value);
		if (r == -HM_ENOENT)
			continue;
		if (r)
			return r;
		now = seg_where_read(value);
		if (!same_place(&now, &move->from))
			continue;
		now.segment = move->to.segment;
		now.offset = move->to.offset;
		seg_where_make(value, &now);
		r = hm_blob_record_put(recs, txn, move->id, value, now.links);
		if (r)
			return r;
	}
	return 0;
}

static int
commit_batch(struct compacting *c)
{
	int r;

	if (c->n == 0)
		return 0;
	/* the copies are on disk before anything points to them */
	r = seg_sync(c->store, c->reterr);
	if (!r)
		r = hm_kv_run(c->kv->recs.kv, HM_KV_LAZY, move_records, c, c->reterr);
	c->n = 0;
	c->bytes = 0;
	return r;
}

static int
copy(struct compacting *c, uint64_t id, const struct seg_where *from,
    struct seg_where *to, struct hm_err *reterr)
{
	struct seg_record record = { .id = id };
	struct hm_blob_reader *reader;
	struct seg_put put;
	struct hm_str slice;
	char *bytes;
	int r;

	r = seg_open_at(c->store, id, from, &reader, reterr);
	if (r)
		return r;
	bytes = hm_xalloc((size_t)from->length + 1);
	r = seg_read(reader, 0, bytes, (size_t)from->length) ==
	    (ssize_t)from->length ? 0 : hm_err_set(reterr, -HM_EIO,
	    "cannot read blob %016llx", (unsigned long long)id);
	seg_close(reader);
	slice = (struct hm_str){ bytes, (size_t)from->length };
	if (!r)
		r = seg_append(c->store, &slice, 1, record, &put, reterr);
	free(bytes);
	if (r)
		return r;
	*to = put.where;
	pthread_mutex_lock(&c->store->mutex);
	seg_file_put(c->store, put.file);
	pthread_mutex_unlock(&c->store->mutex);
	return 0;
}

static int
see_one(uint64_t id, char *value, void *arg)
{
	struct seg_where where = seg_where_read(value);
	struct seg_size key = { .number = where.segment }, *found;
	struct compacting *c = arg;
	struct move *move = &c->moves[c->n];
	struct hm_err err = { 0 };
	int r;

	found = bsearch(&key, c->list, c->nlist, sizeof(key), by_number);
	if (!found || !found->chosen || found->keep)
		return 0;
	if (where.length > LARGEST) {
		found->keep = true;
		return 0;
	}
	move->id = id;
	move->from = where;
	r = copy(c, id, &move->from, &move->to, &err);
	if (r == -HM_ECORRUPT || r == -HM_EIO || r == -HM_ENOENT) {
		/* stays for verify to look at */
		found->keep = true;
		seg_report(c->store, HM_LOG_ERROR, "segment %u stays: %s",
		    where.segment, err.text);
		return 0;
	}
	if (r)
		return hm_err_set(c->reterr, r, "%s", err.text);
	c->bytes += where.length;
	if (++c->n == BATCH || c->bytes >= BATCH_BYTES)
		return commit_batch(c);
	return 0;
}

/* list is sorted by number. */
int
seg_compact(struct seg_store *store, const struct seg_kv *kv,
    struct seg_size *list, size_t n, struct hm_err *reterr)
{
	struct compacting *c;
	bool any = false;
	size_t i;
	int r;

	for (i = 0; i < n; i++)
		any |= list[i].chosen && list[i].live > 0;
	if (!any)
		return 0;
	c = hm_xalloc(sizeof(*c));
	c->store = store;
	c->kv = kv;
	c->list = list;
	c->nlist = n;
	c->reterr = reterr;
	r = hm_blob_walk(&kv->recs, 'b', see_one, c, reterr);
	if (!r)
		r = commit_batch(c);
	free(c);
	return r;
}
