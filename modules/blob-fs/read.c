/* read.c - reading blobs, with their checksum compared when they are opened. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/crc32c.h>

#include "fs.h"

/* Up to this many bytes are read at once and kept in memory. */
#define SMALL (256u << 10)

static int
read_all(int fd, uint64_t offset, char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = pread(fd, p, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -HM_EIO : -HM_ECORRUPT;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Piece by piece; its pages are then in memory. */
int
fs_sum(int fd, uint64_t length, uint32_t *ret)
{
	char *piece = hm_xalloc(SMALL);
	uint64_t at;
	size_t len;
	int r = 0;

	*ret = 0;
	for (at = 0; at < length && r == 0; at += len) {
		len = length - at < SMALL ? (size_t)(length - at) : SMALL;
		r = read_all(fd, at, piece, len);
		if (!r)
			*ret = hm_crc32c(*ret, piece, len);
	}
	free(piece);
	return r;
}

static int
check(struct fs_store *store, uint64_t id, const struct fs_blob *blob,
    struct hm_blob_reader *reader)
{
	atomic_uint_fast64_t *good = &store->good[id % 1024];
	size_t len = (size_t)blob->length;
	uint32_t sum;
	int r;

	/* a file that has become longer is as wrong as a shorter one */
	if (lseek(reader->fd, 0, SEEK_END) != (off_t)blob->length)
		return -HM_ECORRUPT;
	if (len <= SMALL) {
		r = read_all(reader->fd, 0, reader->bytes, len);
		if (!r && hm_crc32c(0, reader->bytes, len) != blob->sum)
			r = -HM_ECORRUPT;
		return r;
	}
	if (atomic_load_explicit(good, memory_order_relaxed) == id)
		return 0;
	r = fs_sum(reader->fd, blob->length, &sum);
	if (!r && sum != blob->sum)
		r = -HM_ECORRUPT;
	if (!r)
		atomic_store_explicit(good, id, memory_order_relaxed);
	return r;
}

int
fs_open(struct fs_store *store, const struct hm_blob_records *kv, uint64_t id,
    struct hm_blob_reader **ret, uint64_t *ret_size, struct hm_err *reterr)
{
	struct hm_blob_reader *reader;
	struct fs_blob blob;
	char name[32];
	bool small;
	int fd, r;

	r = fs_find(kv, id, &blob, reterr);
	if (r == -HM_ENOENT && store->unsure)
		return hm_blob_record_lost(id, reterr);
	if (r)
		return r;
	fs_name(id, name);
	fd = openat(store->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) /* unlinked in between, or lost */
		return fs_find(kv, id, &blob, reterr) == -HM_ENOENT ?
		    -HM_ENOENT : hm_err_set(reterr, -HM_ECORRUPT,
		    "%s/%s is missing", store->dir, name);
	if (fd < 0)
		return hm_err_disk(reterr, errno, "cannot open %s/%s",
		    store->dir, name);
	small = blob.length <= SMALL;
	reader = hm_xalloc(sizeof(*reader) + (small ? (size_t)blob.length : 0));
	reader->fd = fd;
	reader->length = blob.length;
	r = check(store, id, &blob, reader);
	if (r || small) {
		close(fd);
		reader->fd = -1;
	}
	if (r) {
		free(reader);
		return hm_err_set(reterr, r, "%s/%s %s", store->dir, name,
		    r == -HM_EIO ? "cannot be read" :
		    "does not match its checksum");
	}
	*ret = reader;
	*ret_size = blob.length;
	return 0;
}

ssize_t
fs_read(struct hm_blob_reader *reader, uint64_t offset, void *p, size_t len)
{
	int r;

	if (offset >= reader->length)
		return 0;
	if (len > reader->length - offset)
		len = (size_t)(reader->length - offset);
	if (len > SSIZE_MAX)
		len = SSIZE_MAX;
	if (reader->fd < 0) {
		memcpy(p, reader->bytes + offset, len);
		return (ssize_t)len;
	}
	r = read_all(reader->fd, offset, p, len);
	return r ? r : (ssize_t)len;
}

void
fs_close(struct hm_blob_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	free(reader);
}
