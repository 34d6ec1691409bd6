/* sweep.c - taking back the space of blobs without links. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>

#include "seg.h"

static int
by_number(const void *a, const void *b)
{
	const struct seg_size *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

struct counting {
	struct seg_size *list;
	size_t n;
	int64_t live;
};

static int
count_one(uint64_t id, char *value, void *arg)
{
	struct seg_where where = seg_where_read(value);
	struct seg_size key = { .number = where.segment }, *found;
	struct counting *c = arg;
	uint64_t bytes = seg_record_bytes(where.length);

	(void)id;
	c->live += (int64_t)bytes;
	found = c->n ? bsearch(&key, c->list, c->n, sizeof(key), by_number) :
	    NULL;
	if (found)
		found->live += bytes;
	return 0;
}

int
seg_count_live(struct seg_store *store, const struct seg_kv *kv,
    struct seg_size *list, size_t n, struct hm_err *reterr)
{
	struct counting c = { .list = list, .n = list ? n : 0 };
	int r;

	if (list)
		qsort(list, n, sizeof(*list), by_number);
	r = hm_blob_walk(&kv->recs, 'b', count_one, &c, reterr);
	if (r)
		return r;
	pthread_mutex_lock(&store->mutex);
	store->live = c.live;
	store->live_known = true;
	pthread_mutex_unlock(&store->mutex);
	return 0;
}

static void
remove_segment(struct seg_store *store, const struct seg_size *size)
{
	char path[SEG_DIR_MAX + 32];

	seg_path(store, size->number, path);
	pthread_mutex_lock(&store->mutex);
	if (unlink(path) < 0)
		seg_report(store, HM_LOG_WARN, "cannot remove %s", path);
	else
		seg_file_forget(store, size->number);
	pthread_mutex_unlock(&store->mutex);
}

static int
sweep(struct seg_store *store, const struct seg_kv *kv, struct seg_size *list,
    size_t n, struct hm_err *reterr)
{
	bool any = false;
	size_t i;
	int r = 0;

	/* first who may go, then who is dead: nothing is linked in between */
	for (i = 0; i < n; i++)
		list[i].chosen = seg_file_settled(store, list[i].number);
	r = seg_count_live(store, kv, list, n, reterr);
	if (r)
		return r;
	for (i = 0; i < n; i++) {
		uint64_t dead = list[i].bytes > list[i].live ?
		    list[i].bytes - list[i].live : 0;

		list[i].chosen = list[i].chosen && (list[i].live == 0 ||
		    dead * 100 > list[i].bytes * store->conf.compact_percent);
		any |= list[i].chosen;
	}
	if (!any)
		return 0;
	r = seg_compact(store, kv, list, n, reterr);
	if (r)
		return r;
	/* what made them dead must not come back after a crash */
	r = hm_kv_flush(kv->recs.kv, reterr);
	for (i = 0; i < n && r == 0; i++)
		if (list[i].chosen && !list[i].keep)
			remove_segment(store, &list[i]);
	return r;
}

int
seg_sweep(struct seg_store *store, const struct seg_kv *kv,
    struct hm_err *reterr)
{
	struct seg_size *list;
	size_t n;
	int r;

	if (store->unsure)
		return 0;
	pthread_mutex_lock(&store->sweeping);
	/* one that was not synced is not settled */
	r = seg_sync(store, reterr);
	if (!r)
		r = seg_list(store, &list, &n, reterr);
	if (!r) {
		r = sweep(store, kv, list, n, reterr);
		free(list);
	}
	pthread_mutex_unlock(&store->sweeping);
	return r;
}

void
seg_usage(struct seg_store *store, const struct seg_kv *kv,
    uint64_t *ret_total, uint64_t *ret_dead)
{
	struct seg_size *list;
	size_t n, i;
	int64_t live;
	bool known;

	*ret_total = *ret_dead = 0;
	if (seg_list(store, &list, &n, NULL) < 0)
		return;
	for (i = 0; i < n; i++)
		*ret_total += list[i].bytes;
	free(list);
	pthread_mutex_lock(&store->mutex);
	known = store->live_known;
	pthread_mutex_unlock(&store->mutex);
	if (!known && seg_count_live(store, kv, NULL, 0, NULL) < 0)
		return;
	pthread_mutex_lock(&store->mutex);
	live = store->live > 0 ? store->live : 0;
	pthread_mutex_unlock(&store->mutex);
	if ((uint64_t)live < *ret_total)
		*ret_dead = *ret_total - (uint64_t)live;
}
