/* put.c - writing a body: whole and synced before it has its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/crc32c.h>
#include <hermod/rand.h>

#include "fs.h"

#define TRIES 8
#define MANY 256

/* In the order of time, so that records of new bodies lie together; the end is
 * random, so that files spread over the folders. */
static uint64_t
new_id(void)
{
	uint32_t chance;

	hm_random(&chance, sizeof(chance));
	return (uint64_t)(hm_wall_ms() / 1000) << 30 | (chance >> 2);
}

static int
write_slices(int fd, const struct hm_str *slices, size_t n)
{
	size_t i, at;
	ssize_t done;

	for (i = 0; i < n; i++)
		for (at = 0; at < slices[i].len; at += (size_t)done) {
			done = write(fd, slices[i].p + at, slices[i].len - at);
			if (done < 0 && errno == EINTR)
				done = 0;
			if (done < 0)
				return errno;
		}
	return 0;
}

static int
sync_fd(struct fs_store *store, int fd)
{
	atomic_fetch_add_explicit(&store->syncs, 1, memory_order_relaxed);
	return store->sync_fd(fd) < 0 ? errno : 0;
}

static int
sync_name(struct fs_store *store, const char *name)
{
	int fd = openat(store->dir_fd, name, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno;
	r = sync_fd(store, fd);
	close(fd);
	return r;
}

/* Gives tmp/ID its name. */
static int
move_in(struct fs_store *store, uint64_t id, bool sync)
{
	char from[32], to[32], folder[3];
	int i;

	snprintf(from, sizeof(from), "tmp/%016llx", (unsigned long long)id);
	fs_name(id, to);
	memcpy(folder, to, 2);
	folder[2] = '\0';
	for (i = 0; i < 2; i++) {
		if (renameat2(store->dir_fd, from, store->dir_fd, to,
		    RENAME_NOREPLACE) == 0)
			return sync ? sync_name(store, folder) : 0;
		if (errno != ENOENT || i > 0)
			break;
		if (mkdirat(store->dir_fd, folder, 0700) < 0 && errno != EEXIST)
			break;
		if (sync && sync_fd(store, store->dir_fd) != 0)
			break;
	}
	return errno;
}

/* One attempt with one id: 0 or an errno value. Nothing is left on failure. */
static int
write_blob(struct fs_store *store, uint64_t id, const struct hm_str *slices,
    size_t n, bool sync)
{
	char name[32];
	int fd, r;

	snprintf(name, sizeof(name), "tmp/%016llx", (unsigned long long)id);
	fd = openat(store->dir_fd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	r = write_slices(fd, slices, n);
	if (!r && sync)
		r = sync_fd(store, fd);
	close(fd);
	if (!r)
		r = move_in(store, id, sync);
	if (r)
		unlinkat(store->dir_fd, name, 0);
	return r;
}

static int
cannot_write(struct fs_store *store, int errnum, struct hm_err *reterr)
{
	pthread_mutex_lock(&store->mutex);
	store->room = (struct hm_blob_room){ 0 };
	pthread_mutex_unlock(&store->mutex);
	return hm_err_disk(reterr, errnum, "cannot write a body in %s",
	    store->dir);
}

static int
measure(struct fs_store *store, const struct hm_str *slices, size_t n,
    struct fs_blob *ret, struct hm_err *reterr)
{
	bool room;
	size_t i;

	*ret = (struct fs_blob){ 0 };
	for (i = 0; i < n; i++) {
		if (slices[i].len > FS_BLOB_MAX - ret->length)
			return hm_err_set(reterr, -HM_ELIMIT,
			    "the body is too large");
		ret->sum = hm_crc32c(ret->sum, slices[i].p, slices[i].len);
		ret->length += slices[i].len;
	}
	pthread_mutex_lock(&store->mutex);
	room = hm_blob_take_room(&store->room, store->dir, store->now_ms(),
	    store->conf.reserve_bytes, ret->length);
	pthread_mutex_unlock(&store->mutex);
	if (!room)
		return hm_err_set(reterr, -HM_ENOSPC,
		    "no room on the disk of %s", store->dir);
	return 0;
}

static void
add_unsynced(struct fs_store *store, uint64_t id)
{
	pthread_mutex_lock(&store->mutex);
	if (store->nunsynced == store->cap) {
		store->cap = store->cap ? store->cap * 2 : 64;
		store->unsynced = hm_xrealloc(store->unsynced,
		    store->cap * sizeof(*store->unsynced));
	}
	store->unsynced[store->nunsynced++] = id;
	store->written++;
	pthread_mutex_unlock(&store->mutex);
}

int
fs_put(struct fs_store *store, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr)
{
	bool sync = !(flags & HM_BLOB_NOSYNC);
	struct fs_blob blob;
	uint64_t id = 0;
	int i, r;

	r = measure(store, slices, n, &blob, reterr);
	if (r)
		return r;
	for (i = 0, r = EEXIST; i < TRIES && r == EEXIST; i++) {
		id = new_id();
		/* known before it has a name: no sweep takes it for a leftover */
		pthread_mutex_lock(&store->mutex);
		if (fs_fresh_find(store, id)) {
			pthread_mutex_unlock(&store->mutex);
			continue;
		}
		fs_fresh_add(store, id, &blob);
		pthread_mutex_unlock(&store->mutex);
		r = write_blob(store, id, slices, n, sync);
		if (!r)
			break;
		pthread_mutex_lock(&store->mutex);
		fs_fresh_drop(store, id);
		pthread_mutex_unlock(&store->mutex);
	}
	if (r)
		return cannot_write(store, r, reterr);
	if (!sync)
		add_unsynced(store, id);
	*ret_id = id;
	return 0;
}

/* ---- syncing a batch ---- */

static int
sync_everything(struct fs_store *store)
{
	atomic_fetch_add_explicit(&store->syncs, 1, memory_order_relaxed);
	return syncfs(store->dir_fd) < 0 ? errno : 0;
}

static int
sync_all(struct fs_store *store, const uint64_t *ids, size_t n)
{
	bool folders[256] = { false };
	char name[32];
	size_t i;
	int r;

	/* of very many the file system as a whole is faster */
	if (n > MANY)
		return sync_everything(store);
	for (i = 0, r = 0; i < n && r == 0; i++) {
		fs_name(ids[i], name);
		r = sync_name(store, name);
		folders[ids[i] & 0xff] = true;
	}
	for (i = 0; i < 256 && r == 0; i++)
		if (folders[i]) {
			snprintf(name, sizeof(name), "%02x", (unsigned)i);
			r = sync_name(store, name);
		}
	/* a folder may be new */
	return r ? r : sync_fd(store, store->dir_fd);
}

/* Syncs what is unsynced now; with the mutex held, which it gives up. */
static int
sync_batch(struct fs_store *store)
{
	uint64_t *ids = store->unsynced, written = store->written;
	size_t n = store->nunsynced, i;
	int r;

	store->unsynced = NULL;
	store->nunsynced = store->cap = 0;
	store->syncing = true;
	pthread_mutex_unlock(&store->mutex);
	r = sync_all(store, ids, n);
	pthread_mutex_lock(&store->mutex);
	/* what may be lost cannot be linked by anybody */
	for (i = 0; i < n && r; i++)
		fs_fresh_drop(store, ids[i]);
	free(ids);
	store->syncing = false;
	store->synced = written;
	pthread_cond_broadcast(&store->synced_more);
	return r;
}

int
fs_sync(struct fs_store *store, struct hm_err *reterr)
{
	uint64_t target;
	int r = 0;

	pthread_mutex_lock(&store->mutex);
	target = store->written;
	while (store->synced < target && r == 0) {
		if (store->syncing)
			pthread_cond_wait(&store->synced_more, &store->mutex);
		else
			r = sync_batch(store);
	}
	pthread_mutex_unlock(&store->mutex);
	return r ? hm_err_disk(reterr, r, "cannot sync %s", store->dir) : 0;
}
