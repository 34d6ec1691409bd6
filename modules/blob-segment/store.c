/* store.c - opening and closing the directory of segments. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/dir.h>

#include "seg.h"

void
seg_report(struct seg_store *store, enum hm_loglevel level, const char *fmt,
    ...)
{
	char text[512];
	va_list ap;

	if (!store->conf.report)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	store->conf.report(level, text, store->conf.arg);
}

static int
take_lock(struct seg_store *store, struct hm_err *reterr)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[SEG_DIR_MAX + 16];

	int r = hm_dir_make(store->dir, 0700, reterr);

	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/lock", store->dir);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return hm_err_errno(reterr, errno, "cannot open %s", path);
	if (fcntl(store->lock_fd, F_OFD_SETLK, &fl) < 0)
		return hm_err_set(reterr, -HM_EBUSY,
		    "%s is in use by another process", store->dir);
	return 0;
}

static int
find_last(struct seg_store *store, struct hm_err *reterr)
{
	struct seg_size *list;
	size_t n, i;
	int r = seg_list(store, &list, &n, reterr);

	if (r)
		return r;
	for (i = 0; i < n; i++)
		if (list[i].number > store->last_number)
			store->last_number = list[i].number;
	free(list);
	return 0;
}

int
seg_store_open(const struct seg_conf *conf, struct seg_store **ret,
    struct hm_err *reterr)
{
	size_t len = strlen(conf->dir);
	struct seg_store *store;
	int r;

	if (len > SEG_DIR_MAX)
		return hm_err_set(reterr, -HM_ELIMIT,
		    "the path of the directory for segments is too long");
	store = hm_xalloc(sizeof(*store));
	store->version = SEG_STORE_VERSION;
	store->conf = *conf;
	store->dir = hm_xalloc(len + 1);
	memcpy(store->dir, conf->dir, len + 1);
	store->conf.dir = store->dir;
	store->lock_fd = -1;
	store->now_ms = hm_now_ms;
	store->datasync = fdatasync;
	pthread_mutex_init(&store->mutex, NULL);
	pthread_mutex_init(&store->sweeping, NULL);
	pthread_cond_init(&store->synced, NULL);
	r = take_lock(store, reterr);
	if (!r)
		r = find_last(store, reterr);
	if (r) {
		seg_store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

/* Leaves a mark, so that the next start can go on in the same file. */
static void
end_active(struct seg_store *store)
{
	struct seg_file *file = store->active;
	unsigned char mark[SEG_RECORD];

	if (!file || file->failed)
		return;
	seg_end_make(mark, file->tag, file->end);
	if (ftruncate(file->fd, (off_t)file->end) < 0 ||
	    pwrite(file->fd, mark, sizeof(mark), (off_t)file->end) !=
	    (ssize_t)sizeof(mark) || fdatasync(file->fd) < 0)
		seg_report(store, HM_LOG_WARN,
		    "segment %u was not ended in good order", file->number);
}

void
seg_store_close(struct seg_store *store)
{
	struct seg_file *file;
	size_t i;

	if (!store)
		return;
	end_active(store);
	for (i = 0; i < SEG_BUCKETS; i++)
		while ((file = store->files[i])) {
			store->files[i] = file->next;
			if (file->fd >= 0)
				close(file->fd);
			free(file);
		}
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	pthread_cond_destroy(&store->synced);
	pthread_mutex_destroy(&store->sweeping);
	pthread_mutex_destroy(&store->mutex);
	free(store->dir);
	free(store);
}

/* ---- the records ---- */

struct look {
	const struct seg_kv *kv;
	uint64_t last_id;
	uint32_t format, number;
};

static int
see_last(struct hm_str key, struct hm_str value, void *arg)
{
	struct look *look = arg;
	size_t i;

	(void)value;
	for (i = 1; i < 9 && key.len == 9; i++)
		look->last_id = look->last_id << 8 | (unsigned char)key.p[i];
	return 1;
}

static int
look_at_table(struct hm_kv_txn *txn, void *arg)
{
	struct look *look = arg;
	const struct seg_kv *kv = look->kv;
	struct hm_str got;
	int r;

	look->last_id = 0;
	r = kv->recs.kv->ops->get(txn, kv->recs.table, HM_STR("f"), 0, &got);
	if (r && r != -HM_ENOENT)
		return r;
	if (!r && got.len == 4)
		look->format = (uint32_t)(unsigned char)got.p[0];
	r = kv->recs.kv->ops->get(txn, kv->recs.table, HM_STR("n"), 0, &got);
	if (r && r != -HM_ENOENT)
		return r;
	look->number = 0;
	if (!r && got.len == sizeof(look->number))
		memcpy(&look->number, got.p, sizeof(look->number));
	look->number = le32toh(look->number);
	return kv->recs.kv->ops->scan(txn, kv->recs.table, HM_STR("b"), HM_STR("c"),
	    HM_KV_REVERSE, see_last, look);
}

static int
write_format(struct hm_kv_txn *txn, void *arg)
{
	const struct seg_kv *kv = ((struct look *)arg)->kv;
	static const char format[4] = { SEG_FORMAT, 0, 0, 0 };

	return kv->recs.kv->ops->put(txn, kv->recs.table, HM_STR("f"),
	    (struct hm_str){ format, sizeof(format) });
}

/* A number stays used when its segment, and all that was in it, is gone: who had a
 * blob of that id must never see another one. */
static int
write_number(struct hm_kv_txn *txn, void *arg)
{
	const struct look *look = arg;
	uint32_t number = htole32(look->number);

	return look->kv->recs.kv->ops->put(txn, look->kv->recs.table, HM_STR("n"),
	    hm_str_n((char *)&number, sizeof(number)));
}

static int
use_numbers(struct seg_store *store, struct look *look, struct hm_err *reterr)
{
	uint32_t highest = (uint32_t)(look->last_id >> 32);
	bool more;

	pthread_mutex_lock(&store->mutex);
	if (highest > store->last_number)
		store->last_number = highest;
	if (look->number > store->last_number)
		store->last_number = look->number;
	more = store->last_number > look->number;
	look->number = store->last_number;
	pthread_mutex_unlock(&store->mutex);
	return more && !store->unsure ? hm_kv_run(look->kv->recs.kv,
	    HM_KV_DURABLE, write_number, look, reterr) : 0;
}

int
seg_bind(struct seg_store *store, const struct hm_kv *kv, struct seg_kv *ret,
    struct hm_err *reterr)
{
	struct look look = { .kv = ret };
	int r;

	ret->recs = (struct hm_blob_records){ .kv = kv, .bytes = SEG_VALUE,
	    .links_at = SEG_LINKS_AT, .check = seg_where_check };
	r = hm_kv_table(kv, "blob-segment", &ret->recs.table, reterr);
	if (r)
		return r;
	ret->covers = HM_HAS(kv, cover) &&
	    kv->ops->covers(kv->self, store->dir);
	r = hm_kv_run(kv, HM_KV_READ, look_at_table, &look, reterr);
	store->unsure = r == -HM_ECORRUPT ||
	    hm_blob_unsure(&ret->recs, store->dir);
	if (store->unsure)
		seg_report(store, HM_LOG_ERROR, HM_BLOB_TABLE_DAMAGED);
	if (r == -HM_ECORRUPT) {
		look = (struct look){ .kv = ret, .format = SEG_FORMAT };
		r = 0;
	}
	if (!r && look.last_id == 0 && look.format == 0 &&
	    store->last_number > 0 && !store->unsure)
		r = hm_blob_not_ours(store->dir, reterr);
	if (!r && look.format == 0)
		r = hm_kv_run(kv, HM_KV_DURABLE, write_format, &look, reterr);
	else if (!r && look.format != SEG_FORMAT)
		r = hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "segments have format %u; this version knows %d",
		    look.format, SEG_FORMAT);
	if (!r && look.last_id > 0 && store->last_number == 0)
		r = hm_blob_all_missing(store->dir, reterr);
	return r ? r : use_numbers(store, &look, reterr);
}
