/* store.c - opening and closing the directory; what was put lately. */
#include <dirent.h>
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

#include "fs.h"

void
fs_report(struct fs_store *store, enum hm_loglevel level, const char *fmt, ...)
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

void
fs_name(uint64_t id, char name[32])
{
	snprintf(name, 32, "%02x/%016llx", (unsigned)(id & 0xff),
	    (unsigned long long)id);
}

bool
fs_is_folder(const char *name)
{
	return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

static int
take_lock(struct fs_store *store, struct hm_err *reterr)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	int r = hm_dir_make(store->dir, 0700, reterr);

	if (r)
		return r;
	store->dir_fd = open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir_fd < 0)
		return hm_err_errno(reterr, errno, "cannot open %s", store->dir);
	store->lock_fd = openat(store->dir_fd, "lock",
	    O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return hm_err_errno(reterr, errno, "cannot open %s/lock",
		    store->dir);
	if (fcntl(store->lock_fd, F_OFD_SETLK, &fl) < 0)
		return hm_err_set(reterr, -HM_EBUSY,
		    "%s is in use by another process", store->dir);
	return 0;
}

/* Nobody is writing there now: what is in it a crash has left. */
static int
empty_tmp(struct fs_store *store, struct hm_err *reterr)
{
	struct dirent *entry;
	DIR *dir;
	int fd;

	if (mkdirat(store->dir_fd, "tmp", 0700) < 0 && errno != EEXIST)
		return hm_err_errno(reterr, errno, "cannot make %s/tmp",
		    store->dir);
	fd = openat(store->dir_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int r = hm_err_errno(reterr, errno, "cannot read %s/tmp",
		    store->dir);

		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(fd, entry->d_name, 0);
	closedir(dir);
	return 0;
}

int
fs_store_open(const struct fs_conf *conf, struct fs_store **ret,
    struct hm_err *reterr)
{
	size_t len = strlen(conf->dir);
	struct fs_store *store;
	int r;

	if (len > FS_DIR_MAX)
		return hm_err_set(reterr, -HM_ELIMIT,
		    "the path of the directory for bodies is too long");
	store = hm_xalloc(sizeof(*store));
	store->version = FS_STORE_VERSION;
	store->conf = *conf;
	store->dir = hm_xalloc(len + 1);
	memcpy(store->dir, conf->dir, len + 1);
	store->conf.dir = store->dir;
	store->dir_fd = store->lock_fd = -1;
	store->now_ms = hm_now_ms;
	store->sync_fd = fsync;
	pthread_mutex_init(&store->mutex, NULL);
	pthread_cond_init(&store->synced_more, NULL);
	pthread_mutex_init(&store->sweeping, NULL);
	r = take_lock(store, reterr);
	if (!r)
		r = empty_tmp(store, reterr);
	if (r) {
		fs_store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

void
fs_store_close(struct fs_store *store)
{
	struct fs_fresh *fresh;
	size_t i;

	if (!store)
		return;
	for (i = 0; i < FS_BUCKETS; i++)
		while ((fresh = store->fresh[i])) {
			store->fresh[i] = fresh->next;
			free(fresh);
		}
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	if (store->dir_fd >= 0)
		close(store->dir_fd);
	pthread_mutex_destroy(&store->sweeping);
	pthread_cond_destroy(&store->synced_more);
	pthread_mutex_destroy(&store->mutex);
	free(store->unsynced);
	free(store->dir);
	free(store);
}

/* ---- the records ---- */

struct look {
	const struct hm_blob_records *kv;
	uint32_t format;
};

static int
look_at_table(struct hm_kv_txn *txn, void *arg)
{
	struct look *look = arg;
	struct hm_str got;
	int r;

	r = look->kv->kv->ops->get(txn, look->kv->table, HM_STR("f"), 0, &got);
	look->format = !r && got.len == 4 ? (uint32_t)(unsigned char)got.p[0] : 0;
	return r == -HM_ENOENT ? 0 : r;
}

static int
write_format(struct hm_kv_txn *txn, void *arg)
{
	const struct hm_blob_records *kv = ((struct look *)arg)->kv;
	static const char format[4] = { FS_FORMAT, 0, 0, 0 };

	return kv->kv->ops->put(txn, kv->table, HM_STR("f"),
	    (struct hm_str){ format, sizeof(format) });
}

static int
stop_at_one(uint64_t id, char *value, void *arg)
{
	(void)id, (void)value, (void)arg;
	return 1;
}

/* A folder stays when it becomes empty. */
static bool
has_folders(const struct fs_store *store)
{
	DIR *dir = opendir(store->dir);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = fs_is_folder(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

int
fs_bind(struct fs_store *store, const struct hm_kv *kv,
    struct hm_blob_records *ret, struct hm_err *reterr)
{
	bool files = has_folders(store), any;
	struct look look = { .kv = ret };
	int r;

	*ret = (struct hm_blob_records){ .kv = kv, .bytes = FS_VALUE,
	    .links_at = FS_LINKS_AT, .check = fs_value_check };
	r = hm_kv_table(kv, "blob-fs", &ret->table, reterr);
	if (r)
		return r;
	r = hm_kv_run(kv, HM_KV_READ, look_at_table, &look, reterr);
	store->unsure = r == -HM_ECORRUPT ||
	    (r == 0 && hm_blob_unsure(ret, store->dir));
	if (store->unsure)
		fs_report(store, HM_LOG_ERROR, HM_BLOB_TABLE_DAMAGED);
	if (r)
		return r == -HM_ECORRUPT ? 0 : r;
	if (look.format != 0 && look.format != FS_FORMAT)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "bodies have format %u; this version knows %d",
		    look.format, FS_FORMAT);
	any = hm_blob_walk(ret, 'b', stop_at_one, NULL, NULL) == 1;
	if (any && !files)
		r = hm_blob_all_missing(store->dir, reterr);
	else if (look.format == 0 && !any && files && !store->unsure)
		r = hm_blob_not_ours(store->dir, reterr);
	else if (look.format == 0)
		r = hm_kv_run(kv, HM_KV_DURABLE, write_format, &look, reterr);
	return r;
}

/* ---- what was put lately ---- */

struct fs_fresh *
fs_fresh_find(struct fs_store *store, uint64_t id)
{
	struct fs_fresh *fresh = store->fresh[id % FS_BUCKETS];

	while (fresh && fresh->id != id)
		fresh = fresh->next;
	return fresh;
}

void
fs_fresh_add(struct fs_store *store, uint64_t id, const struct fs_blob *blob)
{
	struct fs_fresh *fresh = hm_xalloc(sizeof(*fresh));

	fresh->id = id;
	fresh->blob = *blob;
	fresh->put_ms = store->now_ms();
	fresh->next = store->fresh[id % FS_BUCKETS];
	store->fresh[id % FS_BUCKETS] = fresh;
}

void
fs_fresh_drop(struct fs_store *store, uint64_t id)
{
	struct fs_fresh **at = &store->fresh[id % FS_BUCKETS], *fresh;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	fresh = *at;
	if (!fresh)
		return;
	*at = fresh->next;
	free(fresh);
}
