/* file.c - the hooks that Berkeley DB calls instead of the system.
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
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bdb.h"
#include "file.h"

/* Descriptors that can be told apart; Berkeley DB gets no higher ones. */
#define FDS 65536

static struct {
	pthread_once_t once;
	atomic_ulong syncs;
	_Atomic(const struct bdb_disk *) disk;
	/* by descriptor */
	atomic_bool is_table[FDS];
	_Atomic(struct bdb_table_file *) file[FDS]; /* NULL: no journal */
} bdb_hooked = { .once = PTHREAD_ONCE_INIT };

static __thread struct {
	int refused;    /* descriptor + 1 of the page just refused */
	bool recovering;
	unsigned voided;
	bool no_room;  /* a write failed for that since recovery began */
	bool inside;    /* a transaction */
} bdb_thread;

const struct bdb_disk bdb_real_disk = {
	.pwrite = pwrite, .sync = fdatasync, .truncate = ftruncate,
};

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

void
bdb_recovering(bool on)
{
	bdb_thread.recovering = on;
	bdb_thread.voided = 0;
	if (on)
		bdb_thread.no_room = false;
}

unsigned
bdb_voided(void)
{
	return bdb_thread.voided;
}

bool
bdb_no_room(void)
{
	return bdb_thread.no_room;
}

/* ---- the disk ---- */

void
bdb_file_disk(const struct bdb_disk *disk)
{
	atomic_store(&bdb_hooked.disk, disk);
}

static const struct bdb_disk *
disk(void)
{
	const struct bdb_disk *other = atomic_load(&bdb_hooked.disk);

	return other ? other : &bdb_real_disk;
}

int
bdb_disk_write(int fd, const void *p, size_t len, off_t offset)
{
	const char *from = p;
	ssize_t n;

	while (len > 0) {
		n = disk()->pwrite(fd, from, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		from += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

int
bdb_disk_sync(int fd)
{
	atomic_fetch_add_explicit(&bdb_hooked.syncs, 1, memory_order_relaxed);
	return disk()->sync(fd) < 0 ? errno : 0;
}

int
bdb_disk_truncate(int fd, off_t len)
{
	return disk()->truncate(fd, len) < 0 ? errno : 0;
}

/* ---- the hooks ---- */

static struct bdb_table_file *
file_of(int fd)
{
	return fd >= 0 && fd < FDS ? atomic_load(&bdb_hooked.file[fd]) : NULL;
}

/* The names in the folder of a file are on the disk: without that a power
 * failure could take a whole log that was synced. */
static int
sync_names(const char *path)
{
	char folder[BDB_DIR_MAX + 1] = ".";
	const char *slash = strrchr(path, '/');
	int fd, r;

	if (slash && (size_t)(slash - path) < sizeof(folder))
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path),
		    path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

static int
hook_rename(const char *from, const char *to)
{
	return rename(from, to) < 0 ? -1 : sync_names(to);
}

static int
hook_open(const char *path, int flags, ...)
{
	size_t len = strlen(path);
	bool table = len > 3 && strcmp(path + len - 3, ".db") == 0;
	bool made = (flags & O_CREAT) && access(path, F_OK) < 0;
	va_list ap;
	mode_t mode;
	int fd;

	va_start(ap, flags);
	mode = (flags & O_CREAT) ? (mode_t)va_arg(ap, int) : 0;
	va_end(ap);
	fd = open(path, flags | O_CLOEXEC, mode);
	if (fd >= FDS) {
		close(fd);
		errno = EMFILE;
		return -1;
	}
	if (fd >= 0 && made && sync_names(path) < 0) {
		close(fd);
		return -1;
	}
	if (fd >= 0) {
		atomic_store(&bdb_hooked.is_table[fd], table);
		atomic_store(&bdb_hooked.file[fd],
		    table ? bdb_journal_file(path) : NULL);
	}
	return fd;
}

static int
hook_close(int fd)
{
	if (fd >= 0 && fd < FDS) {
		atomic_store(&bdb_hooked.is_table[fd], false);
		atomic_store(&bdb_hooked.file[fd], NULL);
	}
	return close(fd);
}

/* A damaged page as Berkeley DB may see it, or false. */
static bool
mend(struct bdb_table_file *file, void *p, size_t len, off_t offset)
{
	if (file && bdb_page_mend(p, len)) {
		bdb_journal_mended(file, p, len, offset);
		return true;
	}
	if (!bdb_thread.recovering || offset == 0)
		return false;
	bdb_page_void(p, len, (uint32_t)(offset / (off_t)len));
	bdb_thread.voided++;
	return true;
}

static ssize_t
hook_pread(int fd, void *p, size_t len, off_t offset)
{
	struct bdb_table_file *file = file_of(fd);
	ssize_t n;

	if (file && bdb_journal_read(file, p, len, offset))
		return (ssize_t)len;
	n = pread(fd, p, len, offset);
	if (n != (ssize_t)len || !atomic_load(&bdb_hooked.is_table[fd]) ||
	    len < BDB_META_BYTES || offset % (off_t)len != 0 ||
	    bdb_page_good(p, len) || mend(file, p, len, offset))
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

/* Berkeley DB panics, and what it returns then does not tell why. */
static ssize_t
noted(ssize_t n)
{
	if (n < 0 && (errno == ENOSPC || errno == EDQUOT))
		bdb_thread.no_room = true;
	return n;
}

static ssize_t
hook_pwrite(int fd, const void *p, size_t len, off_t offset)
{
	struct bdb_table_file *file = file_of(fd);

	return noted(file ? bdb_journal_write(file, p, len, offset) :
	    disk()->pwrite(fd, p, len, offset));
}

static int
hook_fsync(int fd)
{
	struct bdb_table_file *file = file_of(fd);
	int r;

	if (file)
		return (int)noted(bdb_journal_sync(file));
	r = bdb_disk_sync(fd);
	if (r)
		errno = r;
	return (int)noted(r ? -1 : 0);
}

static int
hook_ftruncate(int fd, off_t len)
{
	struct bdb_table_file *file = file_of(fd);

	if (file)
		return bdb_journal_truncate(file, fd, len);
	return disk()->truncate(fd, len);
}

static void
install(void)
{
	db_env_set_func_open(hook_open);
	db_env_set_func_close(hook_close);
	db_env_set_func_pread(hook_pread);
	db_env_set_func_pwrite(hook_pwrite);
	db_env_set_func_seek(hook_seek);
	db_env_set_func_fsync(hook_fsync);
	db_env_set_func_rename(hook_rename);
	db_env_set_func_ftruncate(hook_ftruncate);
}

void
bdb_file_hooks(void)
{
	pthread_once(&bdb_hooked.once, install);
}
