/* read.c - reading blobs, with their checksum compared when they are opened. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/crc32c.h>

#include "seg.h"

/* Up to this many bytes are read at once and kept in memory. */
#define SMALL (256u << 10)
#define TRIES 3

static int
damaged(struct hm_err *reterr, uint64_t id, const struct seg_where *where,
    const char *what)
{
	return hm_err_set(reterr, -HM_ECORRUPT,
	    "blob %016llx (segment %u, offset %llu): %s",
	    (unsigned long long)id, where->segment,
	    (unsigned long long)where->offset, what);
}

/* Both buffers whole, or -HM_ECORRUPT at the end of the file, or -HM_EIO. */
static int
read_two(int fd, uint64_t offset, void *a, size_t alen, void *b, size_t blen)
{
	struct iovec iov[2] = { { a, alen }, { b, blen } };
	size_t left = alen + blen;
	ssize_t n;
	int i = 0;

	while (left > 0) {
		n = preadv(fd, iov + i, 2 - i, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -HM_EIO : -HM_ECORRUPT;
		offset += (uint64_t)n;
		left -= (size_t)n;
		for (; i < 2 && (size_t)n >= iov[i].iov_len; i++)
			n -= (ssize_t)iov[i].iov_len;
		if (i < 2) {
			iov[i].iov_base = (char *)iov[i].iov_base + n;
			iov[i].iov_len -= (size_t)n;
		}
	}
	return 0;
}

int
seg_read_at(int fd, uint64_t offset, void *p, size_t len)
{
	return read_two(fd, offset, p, len, NULL, 0);
}

static bool
known_good(struct seg_store *store, uint64_t id)
{
	return atomic_load_explicit(&store->good[id * 2654435761u % 1024],
	    memory_order_relaxed) == id;
}

static void
remember_good(struct seg_store *store, uint64_t id)
{
	atomic_store_explicit(&store->good[id * 2654435761u % 1024], id,
	    memory_order_relaxed);
}

/* The sum of a large blob, piece by piece; its pages are then in memory. */
static int
sum_of(int fd, uint64_t offset, uint64_t length, uint32_t *ret)
{
	char *piece = hm_xalloc(SMALL);
	size_t len;
	int r = 0;

	*ret = 0;
	while (length > 0 && r == 0) {
		len = length < SMALL ? (size_t)length : SMALL;
		r = read_two(fd, offset, piece, len, NULL, 0);
		if (!r)
			*ret = hm_crc32c(*ret, piece, len);
		offset += len;
		length -= len;
	}
	free(piece);
	return r;
}

static int
check(struct seg_store *store, struct seg_file *file, uint64_t id,
    const struct seg_where *where, struct hm_blob_reader *reader)
{
	unsigned char head[SEG_RECORD];
	struct seg_record record;
	bool small = where->length <= SMALL;
	uint32_t sum;
	int r;

	r = read_two(file->fd, where->offset, head, SEG_RECORD, reader->bytes,
	    small ? (size_t)where->length : 0);
	if (r)
		return r;
	if (seg_record_read(head, &record) < 0 || record.id != id ||
	    record.length != where->length)
		return -HM_ECORRUPT;
	if (small) {
		sum = hm_crc32c(0, reader->bytes, (size_t)where->length);
		return sum == record.sum ? 0 : -HM_ECORRUPT;
	}
	if (known_good(store, id))
		return 0;
	r = sum_of(file->fd, where->offset + SEG_RECORD, where->length, &sum);
	if (!r && sum != record.sum)
		r = -HM_ECORRUPT;
	if (!r)
		remember_good(store, id);
	return r;
}

int
seg_open_at(struct seg_store *store, uint64_t id,
    const struct seg_where *where, struct hm_blob_reader **ret,
    struct hm_err *reterr)
{
	bool small = where->length <= SMALL;
	struct hm_blob_reader *reader;
	struct seg_file *file;
	int r;

	pthread_mutex_lock(&store->mutex);
	r = seg_file_get(store, where->segment, &file, reterr);
	pthread_mutex_unlock(&store->mutex);
	if (r)
		return r;
	reader = malloc(sizeof(*reader) + (small ? (size_t)where->length : 0));
	if (!reader)
		abort();
	*reader = (struct hm_blob_reader){ .store = store, .file = file,
	    .offset = where->offset + SEG_RECORD, .length = where->length };
	r = check(store, file, id, where, reader);
	if (r || small) {
		reader->file = NULL;
		pthread_mutex_lock(&store->mutex);
		seg_file_put(store, file);
		pthread_mutex_unlock(&store->mutex);
	}
	if (r) {
		free(reader);
		return r == -HM_EIO ?
		    hm_err_set(reterr, r, "cannot read segment %u",
		    where->segment) :
		    damaged(reterr, id, where, "does not match its checksum");
	}
	*ret = reader;
	return 0;
}

int
seg_open(struct seg_store *store, const struct seg_kv *kv, uint64_t id,
    struct hm_blob_reader **ret, uint64_t *ret_size, struct hm_err *reterr)
{
	struct seg_where where;
	int i, r = -HM_ENOENT;

	/* It may be moved, and its old segment removed, in between. */
	for (i = 0; i < TRIES && r == -HM_ENOENT; i++) {
		r = seg_find(kv, id, &where, reterr);
		if (r == -HM_ENOENT && store->unsure)
			return hm_blob_record_lost(id, reterr);
		if (r)
			return r;
		r = seg_open_at(store, id, &where, ret, reterr);
	}
	if (r == -HM_ENOENT)
		return damaged(reterr, id, &where, "its segment is missing");
	if (!r)
		*ret_size = where.length;
	return r;
}

ssize_t
seg_read(struct hm_blob_reader *reader, uint64_t offset, void *p, size_t len)
{
	int r;

	if (offset >= reader->length)
		return 0;
	if (len > reader->length - offset)
		len = (size_t)(reader->length - offset);
	if (len > SSIZE_MAX)
		len = SSIZE_MAX;
	if (!reader->file) {
		memcpy(p, reader->bytes + offset, len);
		return (ssize_t)len;
	}
	r = read_two(reader->file->fd, reader->offset + offset, p, len, NULL, 0);
	return r ? r : (ssize_t)len;
}

void
seg_close(struct hm_blob_reader *reader)
{
	struct seg_store *store;

	if (!reader)
		return;
	store = reader->store;
	if (reader->file) {
		pthread_mutex_lock(&store->mutex);
		seg_file_put(store, reader->file);
		pthread_mutex_unlock(&store->mutex);
	}
	free(reader);
}
