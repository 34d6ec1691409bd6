/* sweep.c - removing the files of blobs without links. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/encode.h>
#include <hermod/str.h>

#include "fs.h"

/* A growing list of ids. */
struct ids {
	uint64_t *at;
	size_t n, cap;
};

static void
ids_add(struct ids *ids, uint64_t id)
{
	if (ids->n == ids->cap) {
		ids->cap = ids->cap ? ids->cap * 2 : 256;
		ids->at = hm_xrealloc(ids->at, ids->cap * sizeof(*ids->at));
	}
	ids->at[ids->n++] = id;
}

static int
add_one(uint64_t id, char *value, void *arg)
{
	(void)value;
	ids_add(arg, id);
	return 0;
}

static void
remove_file(struct fs_store *store, uint64_t id)
{
	char name[32];

	fs_name(id, name);
	if (unlinkat(store->dir_fd, name, 0) < 0 && errno != ENOENT)
		fs_report(store, HM_LOG_WARN, "cannot remove %s/%s", store->dir,
		    name);
}

/* ---- blobs whose last link went ---- */

struct removing {
	const struct hm_blob_records *kv;
	const uint64_t *ids;
	size_t n;
};

static int
remove_records(struct hm_kv_txn *txn, void *arg)
{
	struct removing *removing = arg;
	char key[9];
	size_t i;
	int r = 0;

	for (i = 0; i < removing->n && (r == 0 || r == -HM_ENOENT); i++)
		r = removing->kv->kv->ops->del(txn, removing->kv->table,
		    hm_blob_key(key, 'd', removing->ids[i]));
	return r == -HM_ENOENT ? 0 : r;
}

static int
remove_unlinked(struct fs_store *store, const struct hm_blob_records *kv,
    struct hm_err *reterr)
{
	struct removing removing = { .kv = kv };
	struct ids ids = { 0 };
	size_t i;
	int r;

	r = hm_blob_walk(kv, 'd', add_one, &ids, reterr);
	/* that they are unlinked must not be undone by a crash */
	if (!r && ids.n)
		r = hm_kv_flush(kv->kv, reterr);
	for (i = 0; i < ids.n && r == 0; i++) {
		pthread_mutex_lock(&store->mutex);
		fs_fresh_drop(store, ids.at[i]);
		pthread_mutex_unlock(&store->mutex);
		remove_file(store, ids.at[i]);
	}
	for (i = 0; i < ids.n && r == 0; i += removing.n) {
		removing.ids = ids.at + i;
		removing.n = ids.n - i < 256 ? ids.n - i : 256;
		r = hm_kv_run(kv->kv, HM_KV_LAZY, remove_records, &removing,
		    reterr);
	}
	free(ids.at);
	return r;
}

/* ---- blobs that were put lately: linked by now, or never ---- */

/* The ids of all that are older than that. */
static void
list_fresh(struct fs_store *store, int64_t age_ms, struct ids *ids)
{
	struct fs_fresh *fresh;
	size_t i;

	pthread_mutex_lock(&store->mutex);
	for (i = 0; i < FS_BUCKETS; i++)
		for (fresh = store->fresh[i]; fresh; fresh = fresh->next)
			if (store->now_ms() - fresh->put_ms > age_ms)
				ids_add(ids, fresh->id);
	pthread_mutex_unlock(&store->mutex);
}

static int
settle(struct fs_store *store, const struct hm_blob_records *kv, int64_t age_ms,
    bool forgotten, struct hm_err *reterr)
{
	struct ids ids = { 0 };
	struct fs_blob blob;
	size_t i;
	int r = 0;

	list_fresh(store, age_ms, &ids);
	for (i = 0; i < ids.n; i++) {
		r = fs_find(kv, ids.at[i], &blob, reterr);
		if (r && r != -HM_ENOENT)
			break;
		if (r && forgotten)
			remove_file(store, ids.at[i]);
		if (r == 0 || forgotten) {
			pthread_mutex_lock(&store->mutex);
			fs_fresh_drop(store, ids.at[i]);
			pthread_mutex_unlock(&store->mutex);
		}
		r = 0;
	}
	free(ids.at);
	return r;
}

/* ---- what crashes have left ---- */

static int
list_folder(struct fs_store *store, unsigned number, struct ids *ids,
    struct hm_err *reterr)
{
	struct hm_str text;
	struct dirent *entry;
	char name[8], *end;
	uint64_t id;
	DIR *dir;
	int fd;

	snprintf(name, sizeof(name), "%02x", number & 0xff);
	fd = openat(store->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int errnum = errno;

		if (fd >= 0)
			close(fd);
		return errnum == ENOENT ? 0 : hm_err_errno(reterr, errnum,
		    "cannot read %s/%s", store->dir, name);
	}
	while ((entry = readdir(dir))) {
		text = hm_str(entry->d_name);
		id = strtoull(entry->d_name, &end, 16);
		if (text.len == 16 && *end == '\0')
			ids_add(ids, id);
	}
	closedir(dir);
	return 0;
}

int
fs_each_file(struct fs_store *store, int (*fn)(uint64_t id, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct ids ids = { 0 };
	unsigned folder;
	size_t i;
	int r = 0;

	for (folder = 0; folder < 256 && r == 0; folder++) {
		ids.n = 0;
		r = list_folder(store, folder, &ids, reterr);
		for (i = 0; i < ids.n && r == 0; i++)
			r = fn(ids.at[i], arg);
	}
	free(ids.at);
	return r;
}

struct search {
	struct fs_store *store;
	const struct hm_blob_records *kv;
	struct hm_err *reterr;
};

static int
remove_stray(uint64_t id, void *arg)
{
	struct search *s = arg;
	struct fs_blob blob;
	bool fresh;
	int r;

	pthread_mutex_lock(&s->store->mutex);
	fresh = fs_fresh_find(s->store, id) != NULL;
	pthread_mutex_unlock(&s->store->mutex);
	r = fresh ? 0 : fs_find(s->kv, id, &blob, s->reterr);
	if (r != -HM_ENOENT)
		return r;
	remove_file(s->store, id);
	return 0;
}

/* Once after the start: files without a record that this process has not
 * put. */
static int
search(struct fs_store *store, const struct hm_blob_records *kv, struct hm_err *reterr)
{
	struct search s = { store, kv, reterr };
	int r = fs_each_file(store, remove_stray, &s, reterr);

	store->searched = r == 0;
	return r;
}

int
fs_sweep(struct fs_store *store, const struct hm_blob_records *kv, struct hm_err *reterr)
{
	int r;

	pthread_mutex_lock(&store->sweeping);
	r = remove_unlinked(store, kv, reterr);
	if (!r)
		r = settle(store, kv, FS_GRACE_MS, true, reterr);
	if (!r)
		r = settle(store, kv, FS_SETTLE_MS, false, reterr);
	if (!r && !store->searched && !store->unsure)
		r = search(store, kv, reterr);
	pthread_mutex_unlock(&store->sweeping);
	return r;
}

static int
add_up(uint64_t id, char *value, void *arg)
{
	(void)id;
	*(uint64_t *)arg += fs_value_read(value).length;
	return 0;
}

/* Without what was put and not linked, which is little. */
void
fs_usage(struct fs_store *store, const struct hm_blob_records *kv, uint64_t *ret_total,
    uint64_t *ret_dead)
{
	uint64_t live = 0;

	(void)store;
	*ret_dead = 0;
	hm_blob_walk(kv, 'b', add_up, &live, NULL);
	hm_blob_walk(kv, 'd', add_up, ret_dead, NULL);
	*ret_total = live + *ret_dead;
}
