/* put.c - appending bodies, and one sync for all who wait for theirs. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <hermod/crc32c.h>

#include "seg.h"

#define IOVS 16
#define ZEROES 16384

static const char zeroes[ZEROES];

/* Writes all of iov, which it changes. */
static int
write_all(int fd, struct iovec *iov, int n, uint64_t offset)
{
	ssize_t done;

	while (n > 0) {
		if (iov->iov_len == 0) {
			iov++;
			n--;
			continue;
		}
		done = pwritev(fd, iov, n, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : ENOSPC;
		offset += (uint64_t)done;
		for (; n > 0 && (size_t)done >= iov->iov_len; iov++, n--)
			done -= (ssize_t)iov->iov_len;
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}

static struct iovec
iov_of(const void *p, size_t len)
{
	return (struct iovec){ (void *)(uintptr_t)p, len };
}

static int
write_record(int fd, uint64_t offset, const struct seg_record *record,
    const struct hm_str *slices, size_t n)
{
	unsigned char head[SEG_RECORD];
	struct iovec iov[IOVS];
	size_t i = 0, pad;
	uint64_t at = offset, bytes;
	int k = 0, r = 0;

	seg_record_make(head, record);
	iov[k++] = iov_of(head, SEG_RECORD);
	bytes = SEG_RECORD;
	while (i < n && r == 0) {
		for (; i < n && k < IOVS - 1; i++) {
			iov[k++] = iov_of(slices[i].p, slices[i].len);
			bytes += slices[i].len;
		}
		if (i == n)
			break;
		r = write_all(fd, iov, k, at);
		at += bytes;
		bytes = 0;
		k = 0;
	}
	if (r)
		return r;
	pad = (size_t)(seg_record_bytes(record->length) - SEG_RECORD -
	    record->length);
	iov[k++] = iov_of(zeroes, pad);
	return write_all(fd, iov, k, at);
}

/* A sync of bytes that were written before needs no change of the file's
 * metadata, and so takes half the time. Failure does no harm. */
static void
zero_ahead(struct seg_store *store, struct seg_file *file)
{
	uint64_t from = file->end, left = store->conf.ahead_bytes;
	struct iovec iov[IOVS];
	uint64_t len;
	int k;

	file->zeroed = from;
	while (left > 0) {
		for (k = 0, len = 0; k < IOVS && len < left; k++) {
			iov[k] = iov_of(zeroes, left - len < ZEROES ?
			    (size_t)(left - len) : ZEROES);
			len += iov[k].iov_len;
		}
		if (write_all(file->fd, iov, k, from) != 0)
			return;
		from += len;
		left -= len;
		file->zeroed = from;
	}
}

/* A place in the active segment; with the mutex held. */
static int
reserve(struct seg_store *store, uint64_t bytes, struct seg_file **ret,
    uint64_t *ret_offset, struct hm_err *reterr)
{
	struct seg_file *file;
	int r;

	if (!hm_blob_take_room(&store->room, store->dir, store->now_ms(),
	    store->conf.reserve_bytes, bytes))
		return hm_err_set(reterr, -HM_ENOSPC,
		    "no room on the disk of %s", store->dir);
	file = store->active;
	if (!file || file->failed || file->end >= store->conf.segment_bytes) {
		r = seg_file_roll(store, reterr);
		if (r)
			return r;
		file = store->active;
	}
	*ret_offset = file->end;
	file->end += bytes;
	file->last_put_ms = store->now_ms();
	file->refs++;
	if (file->end > file->zeroed) {
		if (bytes < store->conf.ahead_bytes)
			zero_ahead(store, file);
		else
			file->zeroed = file->end;
	}
	*ret = file;
	return 0;
}

static int
write_failed(struct seg_store *store, struct seg_file *file, uint64_t offset,
    uint64_t bytes, int errnum, struct hm_err *reterr)
{
	int r = seg_cannot(store, "write", file->number, errnum, reterr);

	/* the place can be had again if nobody has taken the next one */
	if (file->end == offset + bytes)
		file->end = offset;
	store->room = (struct hm_blob_room){ 0 };
	seg_file_put(store, file);
	return r;
}

int
seg_append(struct seg_store *store, const struct hm_str *slices, size_t n,
    struct seg_record record, struct seg_put *ret, struct hm_err *reterr)
{
	struct seg_file *file = NULL;
	uint64_t offset = 0, bytes;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		if (slices[i].len > SEG_BLOB_MAX - record.length)
			return hm_err_set(reterr, -HM_ELIMIT,
			    "the body is too large");
		record.sum = hm_crc32c(record.sum, slices[i].p, slices[i].len);
		record.length += slices[i].len;
	}
	bytes = seg_record_bytes(record.length);
	pthread_mutex_lock(&store->mutex);
	r = reserve(store, bytes, &file, &offset, reterr);
	pthread_mutex_unlock(&store->mutex);
	if (r)
		return r;
	if (!record.id)
		record.id = seg_id(file->number, offset);
	r = write_record(file->fd, offset, &record, slices, n);
	pthread_mutex_lock(&store->mutex);
	if (r)
		r = write_failed(store, file, offset, bytes, r, reterr);
	else
		ret->ticket = ++file->written;
	pthread_mutex_unlock(&store->mutex);
	if (r)
		return r;
	ret->file = file;
	ret->where = (struct seg_where){ .segment = file->number,
	    .offset = offset, .length = record.length };
	return 0;
}

/* After a failed sync the kernel may have dropped the pages: what was waiting
 * is lost, nothing more goes into this file, and what is not linked in it
 * cannot be linked any more. */
static void
sync_failed(struct seg_store *store, struct seg_file *file)
{
	file->failed = true;
	seg_report(store, HM_LOG_ERROR, "syncing segment %u failed",
	    file->number);
}

int
seg_wait_synced(struct seg_store *store, struct seg_file *file, uint64_t ticket,
    struct hm_err *reterr)
{
	uint64_t target;
	int r;

	pthread_mutex_lock(&store->mutex);
	while (file->synced < ticket && !file->failed) {
		if (file->syncing) {
			pthread_cond_wait(&store->synced, &store->mutex);
			continue;
		}
		file->syncing = true;
		target = file->written;
		pthread_mutex_unlock(&store->mutex);
		r = store->datasync(file->fd);
		atomic_fetch_add_explicit(&store->syncs, 1,
		    memory_order_relaxed);
		pthread_mutex_lock(&store->mutex);
		file->syncing = false;
		if (r < 0)
			sync_failed(store, file);
		else
			file->synced = target;
		pthread_cond_broadcast(&store->synced);
	}
	r = file->synced < ticket ? -HM_EIO : 0;
	pthread_mutex_unlock(&store->mutex);
	if (r)
		return hm_err_set(reterr, r, "cannot sync segment %u",
		    file->number);
	return 0;
}

static bool
small(const struct hm_str *slices, size_t n)
{
	size_t sum = 0, i;

	for (i = 0; i < n && sum <= SEG_COVER_MOST; i++)
		sum += slices[i].len;
	return sum <= SEG_COVER_MOST;
}

int
seg_put(struct seg_store *store, const struct seg_kv *kv,
    const struct hm_str *slices, size_t n, unsigned flags, uint64_t *ret_id,
    struct hm_err *reterr)
{
	bool cover = (flags & HM_BLOB_LINKED) && kv->covers && small(slices, n);
	struct seg_record record = { .flags = cover ? SEG_COVERED : 0 };
	struct seg_put put;
	int r;

	r = seg_append(store, slices, n, record, &put, reterr);
	if (r)
		return r;
	if (!cover && !(flags & HM_BLOB_NOSYNC))
		r = seg_wait_synced(store, put.file, put.ticket, reterr);
	pthread_mutex_lock(&store->mutex);
	seg_file_put(store, put.file);
	pthread_mutex_unlock(&store->mutex);
	if (!r)
		*ret_id = seg_id(put.where.segment, put.where.offset);
	return r;
}

#define DIRTY_MAX 16

struct dirty {
	struct seg_file *file;
	uint64_t ticket;
};

/* Files with puts that were not synced, with references. */
static size_t
list_dirty(struct seg_store *store, struct dirty list[DIRTY_MAX])
{
	struct seg_file *file;
	size_t i, n = 0;

	for (i = 0; i < SEG_BUCKETS; i++)
		for (file = store->files[i]; file; file = file->next)
			if (file->written > file->synced && n < DIRTY_MAX) {
				file->refs++;
				list[n++] = (struct dirty){ file, file->written };
			}
	return n;
}

/* Waits for what was put before the call, not for what others put since. */
int
seg_sync(struct seg_store *store, struct hm_err *reterr)
{
	struct dirty list[DIRTY_MAX];
	int ret = 0, r;
	size_t n, i;

	do {
		pthread_mutex_lock(&store->mutex);
		n = list_dirty(store, list);
		pthread_mutex_unlock(&store->mutex);
		for (i = 0; i < n; i++) {
			r = seg_wait_synced(store, list[i].file, list[i].ticket,
			    reterr);
			pthread_mutex_lock(&store->mutex);
			if (r) {
				ret = r;
				/* told once; nothing in it can be linked */
				list[i].file->synced = list[i].file->written;
			}
			seg_file_put(store, list[i].file);
			pthread_mutex_unlock(&store->mutex);
		}
	} while (n == DIRTY_MAX);
	return ret;
}
