/* file.c - what stands between Berkeley DB and its files.
 *
 * Berkeley DB gives up the whole environment when the checksum of one page is
 * wrong. Here each page of a table is checked before it sees it, so that the
 * damage is an error of the calls that need this page and of no others. The
 * library offers such hooks only for the whole process, hence the static state
 * here and nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "bdb.h"

/* On-disk layout of Berkeley DB 5.3, db_page.h. */
#define PAGE_PGNO 8
#define PAGE_TYPE 25
#define PAGE_SUM 28
#define META_FLAGS 26
#define META_HAS_SUM 0x01
#define META_SUM 492
#define META_BYTES 512
#define TYPE_INVALID 0
#define TYPE_BTREE_META 9

#define FDS 4096

static struct {
	pthread_once_t once;
	atomic_ulong syncs;
	atomic_bool is_table[FDS];   /* by descriptor */
} bdb_hooked = { .once = PTHREAD_ONCE_INIT };

static __thread struct {
	int refused;    /* descriptor + 1 of the page just refused */
	bool inside;    /* a transaction */
} bdb_thread;

unsigned long
bdb_syncs(void)
{
	return atomic_load(&bdb_hooked.syncs);
}

bool
bdb_inside(bool now)
{
	bool before = bdb_thread.inside;

	bdb_thread.inside = now;
	return before;
}

/* Chris Torek's hash, as the library computes it: h = 33 h + byte. Four bytes
 * a step, because the multiplications depend on each other. */
static uint32_t
sum_add(uint32_t h, const unsigned char *p, size_t len)
{
	while (len >= 4) {
		h = h * 1185921u + p[0] * 35937u + p[1] * 1089u + p[2] * 33u +
		    p[3];
		p += 4;
		len -= 4;
	}
	while (len--)
		h = h * 33u + *p++;
	return h;
}

/* The sum of a page whose own four bytes at sum_at count as zero. */
static bool
sum_good(const unsigned char *page, size_t len, size_t sum_at)
{
	static const unsigned char zero[4];
	uint32_t h, want;

	h = sum_add(0, page, sum_at);
	h = sum_add(h, zero, 4);
	h = sum_add(h, page + sum_at + 4, len - sum_at - 4);
	memcpy(&want, page + sum_at, 4);
	return h == want;
}

bool
bdb_page_good(const void *p, size_t len)
{
	static const unsigned char hole[PAGE_PGNO + 4];
	const unsigned char *page = p;

	if (len < META_BYTES)
		return true;
	if (page[PAGE_TYPE] == TYPE_BTREE_META)
		return (page[META_FLAGS] & META_HAS_SUM) &&
		    sum_good(page, META_BYTES, META_SUM);
	/* allocated but never written */
	if (page[PAGE_TYPE] == TYPE_INVALID &&
	    memcmp(page, hole, sizeof(hole)) == 0)
		return true;
	return sum_good(page, len, PAGE_SUM);
}

static int
hook_open(const char *path, int flags, ...)
{
	size_t len = strlen(path);
	va_list ap;
	mode_t mode;
	int fd;

	va_start(ap, flags);
	mode = (flags & O_CREAT) ? (mode_t)va_arg(ap, int) : 0;
	va_end(ap);
	fd = open(path, flags | O_CLOEXEC, mode);
	if (fd >= 0 && fd < FDS)
		atomic_store(&bdb_hooked.is_table[fd], len > 3 &&
		    strcmp(path + len - 3, ".db") == 0);
	return fd;
}

static int
hook_close(int fd)
{
	if (fd >= 0 && fd < FDS)
		atomic_store(&bdb_hooked.is_table[fd], false);
	return close(fd);
}

static ssize_t
hook_pread(int fd, void *p, size_t len, off_t offset)
{
	ssize_t n = pread(fd, p, len, offset);

	if (n != (ssize_t)len || fd >= FDS || !atomic_load(&bdb_hooked.is_table[fd]) ||
	    len < META_BYTES || offset % (off_t)len != 0 ||
	    bdb_page_good(p, len))
		return n;
	bdb_thread.refused = fd + 1;
	errno = EUCLEAN;
	return -1;
}

/* After a failed pread() the library seeks and reads again. */
static int
hook_seek(int fd, off_t offset, int whence)
{
	if (fd >= 0 && bdb_thread.refused == fd + 1) {
		bdb_thread.refused = 0;
		return EUCLEAN;
	}
	return lseek(fd, offset, whence) < 0 ? errno : 0;
}

static int
hook_fsync(int fd)
{
	atomic_fetch_add_explicit(&bdb_hooked.syncs, 1, memory_order_relaxed);
	return fdatasync(fd);
}

static void
install(void)
{
	db_env_set_func_open(hook_open);
	db_env_set_func_close(hook_close);
	db_env_set_func_pread(hook_pread);
	db_env_set_func_seek(hook_seek);
	db_env_set_func_fsync(hook_fsync);
}

void
bdb_file_hooks(void)
{
	pthread_once(&bdb_hooked.once, install);
}
