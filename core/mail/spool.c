/* spool.c - a message on its way in.
 *
 * The tail is always in memory and goes to the file in whole blocks, on a
 * worker thread; the file has no name, so a crash leaves nothing behind.
 */
#include <hermod/spool.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include "spool-private.h"

enum {
	SPOOL_MEMORY = 128 * 1024,
	SPOOL_RESERVE = 128 << 20, /* left free on the disk, or a sixteenth of it */
};

struct hm_spool {
	char *dir;
	int fd;              /* -1 while everything is in memory */
	uint64_t on_file;
	struct hm_buf tail;  /* what follows the bytes on file */
	void *map;
	size_t mapped;
	bool broken;
	struct hm_err *err;  /* of the job under way */
};

struct hm_spool *
hm_spool_new(const char *dir)
{
	struct hm_spool *spool = hm_xalloc(sizeof(*spool));
	size_t len = strlen(dir);

	spool->dir = hm_xalloc(len + 1);
	memcpy(spool->dir, dir, len);
	spool->fd = -1;
	return spool;
}

struct hm_spool *
hm_spool_sibling(const struct hm_spool *spool)
{
	return hm_spool_new(spool->dir);
}

bool
hm_spool_on_file(const struct hm_spool *spool)
{
	return spool->fd >= 0;
}

static void
unmap(struct hm_spool *spool)
{
	if (spool->map)
		munmap(spool->map, spool->mapped);
	spool->map = NULL;
	spool->mapped = 0;
}

void
hm_spool_free(struct hm_spool *spool)
{
	if (!spool)
		return;
	unmap(spool);
	if (spool->fd >= 0)
		close(spool->fd);
	hm_buf_release(&spool->tail);
	free(spool->dir);
	free(spool);
}

static int
cannot(const struct hm_spool *spool, const char *what, int errnum,
    struct hm_err *reterr)
{
	return hm_err_disk(reterr, errnum, "cannot %s a temporary file in %s",
	    what, spool->dir);
}

/* A file without a name; where the file system cannot do that, one whose name
 * is gone at once. */
static int
open_file(struct hm_spool *spool, struct hm_err *reterr)
{
	spool->fd = open(spool->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (spool->fd >= 0)
		return 0;
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT) {
		struct hm_buf name = { 0 };
		hm_buf_printf(&name, "%s/spool-XXXXXX", spool->dir);
		spool->fd = mkostemp(name.p, O_CLOEXEC);
		int errnum = errno;
		if (spool->fd >= 0)
			unlink(name.p);
		hm_buf_release(&name);
		errno = errnum;
	}
	if (spool->fd >= 0)
		return 0;
	return cannot(spool, "make", errno, reterr);
}

/* Whoever sends a large message slowly takes no room from what others store. */
static bool
leaves_room(const struct hm_spool *spool)
{
	struct statvfs fs;

	if (fstatvfs(spool->fd, &fs) < 0)
		return true;
	uint64_t reserve = (uint64_t)fs.f_blocks * fs.f_frsize / 16;
	if (reserve > SPOOL_RESERVE)
		reserve = SPOOL_RESERVE;
	return (uint64_t)fs.f_bavail * fs.f_frsize >= reserve + spool->tail.len;
}

static int
write_tail(void *arg)
{
	struct hm_spool *spool = arg;
	const char *p = spool->tail.p;
	size_t left = spool->tail.len;

	if (spool->fd < 0) {
		int rc = open_file(spool, spool->err);
		if (rc < 0)
			return rc;
	}
	if (!leaves_room(spool))
		return hm_err_set(spool->err, -HM_ENOSPC,
		    "too little room on the disk for a temporary file in %s",
		    spool->dir);
	while (left > 0) {
		ssize_t n = pwrite(spool->fd, p, left, (off_t)spool->on_file);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cannot(spool, "write", n < 0 ? errno : EIO,
			    spool->err);
		p += n;
		left -= (size_t)n;
		spool->on_file += (uint64_t)n;
	}
	hm_buf_clear(&spool->tail);
	return 0;
}

int
hm_spool_append(struct hm_spool *spool, const void *p, size_t len,
    struct hm_err *reterr)
{
	const char *from = p;

	if (spool->broken)
		return hm_err_set(reterr, -HM_EIO,
		    "an earlier write to this message failed");
	if (spool->on_file > 0 && spool->fd < 0)
		return hm_err_set(reterr, -HM_EIO,
		    "this message is another process's, only to be read");
	unmap(spool);
	while (len > 0) {
		size_t room = SPOOL_MEMORY - spool->tail.len;
		size_t n = len < room ? len : room;
		hm_buf_add(&spool->tail, from, n);
		from += n;
		len -= n;
		if (len == 0 || spool->tail.len < SPOOL_MEMORY)
			break;
		spool->err = reterr;
		int rc = hm_work(write_tail, spool);
		spool->err = NULL;
		if (rc < 0) {
			spool->broken = true;
			return rc;
		}
	}
	return 0;
}

uint64_t
hm_spool_size(const struct hm_spool *spool)
{
	return spool->on_file + spool->tail.len;
}

ssize_t
hm_spool_read(struct hm_spool *spool, uint64_t offset, void *p, size_t len)
{
	if (spool->broken)
		return -HM_EIO;
	if (offset >= spool->on_file) {
		struct hm_str rest = hm_buf_view(&spool->tail);
		uint64_t skip = offset - spool->on_file;
		if (skip >= rest.len)
			return 0;
		rest = hm_str_take(hm_str_skip(rest, (size_t)skip), len);
		memcpy(p, rest.p, rest.len);
		return (ssize_t)rest.len;
	}
	if (len > spool->on_file - offset)
		len = (size_t)(spool->on_file - offset);
	if (spool->fd < 0) {         /* shared by another process */
		memcpy(p, (const char *)spool->map + offset, len);
		return (ssize_t)len;
	}
	ssize_t n;
	do
		n = pread(spool->fd, p, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n > 0 ? n : -HM_EIO;
}

int
hm_spool_view(struct hm_spool *spool, struct hm_str *ret)
{
	if (spool->broken)
		return -HM_EIO;
	if (spool->on_file == 0) {
		*ret = spool->tail.len > 0 ? hm_buf_view(&spool->tail)
		    : HM_STR("");
		return 0;
	}
	if (spool->tail.len > 0) {
		int rc = write_tail(spool);
		if (rc < 0) {
			spool->broken = true;
			return rc;
		}
	}
	if (!spool->map) {
		void *map = mmap(NULL, (size_t)spool->on_file, PROT_READ,
		    MAP_SHARED, spool->fd, 0);
		if (map == MAP_FAILED)
			return -HM_EIO;
		spool->map = map;
		spool->mapped = (size_t)spool->on_file;
	}
	*ret = hm_str_n(spool->map, spool->mapped);
	return 0;
}

/* ---- between processes ---- */

static int
share_memory(struct hm_spool *spool, struct hm_err *reterr)
{
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct hm_str rest = hm_buf_view(&spool->tail);

	if (fd < 0)
		return hm_err_errno(reterr, errno, "memory for a message");
	while (rest.len > 0) {
		ssize_t n = write(fd, rest.p, rest.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int r = hm_err_errno(reterr, errno,
			    "memory for a message");
			close(fd);
			return r;
		}
		rest = hm_str_skip(rest, (size_t)n);
	}
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_WRITE);
	return fd;
}

/* The descriptor that we have could be written to. */
int
hm_spool_share(struct hm_spool *spool, struct hm_err *reterr)
{
	struct hm_str all;
	char name[40];

	if (!hm_spool_on_file(spool))
		return share_memory(spool, reterr);
	int rc = hm_spool_view(spool, &all);
	if (rc < 0)
		return hm_err_set(reterr, rc, "reading the message failed");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", spool->fd);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : hm_err_errno(reterr, errno,
	    "opening the message again");
}

struct hm_spool *
hm_spool_shared(int fd, uint64_t size, struct hm_err *reterr)
{
	struct hm_spool *spool = hm_spool_new("/nonexistent");
	struct stat st;

	spool->on_file = spool->mapped = size;
	if (size > 0 && (fstat(fd, &st) < 0 || (uint64_t)st.st_size < size))
		errno = EINVAL;
	else if (size > 0)
		spool->map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (size > 0 && (!spool->map || spool->map == MAP_FAILED)) {
		spool->map = NULL;
		hm_err_errno(reterr, errno, "mapping a message");
		hm_spool_free(spool);
		spool = NULL;
	}
	if (fd >= 0)
		close(fd);
	return spool;
}
