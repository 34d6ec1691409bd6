/* shim.c - stands between a program and its files, for the tests here.
 *
 * Preloaded with
 *   HERMOD_SHIM_DIR      the directory whose files it looks at
 *   HERMOD_SHIM_CONTROL  a file of CONTROL_BYTES, mapped: struct control. Calls
 *                        are counted by kind; one of them, or all from then on,
 *                        can be made to fail
 *   HERMOD_SHIM_RECORD   a file that gets all that is written, synced, renamed:
 *                        struct event, names, bytes
 * Calls are made as they come, but with a record a sync only takes its time.
 * disk.py and faults.py use it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

#define FDS 4096
#define PATH_BYTES 512

/* What a descriptor of ours stands for; the path is empty for all others. */
struct opened {
	char path[PATH_BYTES];       /* relative to the directory; "." itself */
	uint64_t ino;
};

static struct {
	char dir[PATH_BYTES];
	size_t dir_len;              /* 0: nothing is looked at */
	struct control *control;
	int record;
	struct opened *fd;
	pthread_mutex_t mutex;
} shim = { .record = -1, .mutex = PTHREAD_MUTEX_INITIALIZER };

/* ---- faults ---- */

/* Whether this call is to fail; errno is set. -1 with errno 0: a short write. */
bool
shim_fails(enum shim_kind kind)
{
	struct control *c = shim.control;
	uint64_t mode, count;

	if (!c)
		return false;
	atomic_fetch_add(&c->counts[kind], 1);
	mode = atomic_load(&c->mode);
	if (mode == MODE_OFF || !(atomic_load(&c->mask) >> kind & 1))
		return false;
	count = atomic_fetch_add(&c->matched, 1) + 1;
	if (mode == MODE_ONCE ? count != c->nth : count < c->nth)
		return false;
	atomic_fetch_add(&c->hits, 1);
	atomic_store(&c->hit_kind, kind);
	errno = (int)c->error;
	return true;
}

int
shim_error(void)
{
	return shim.control ? (int)shim.control->error : EIO;
}

/* ---- paths ---- */

/* Whether path is ours; then it is written, relative to the directory. */
static bool
ours(int at, const char *path, char ret[PATH_BYTES])
{
	const char *base = "";

	if (!shim.dir_len || !path)
		return false;
	if (path[0] == '/') {
		if (strncmp(path, shim.dir, shim.dir_len) != 0 ||
		    (path[shim.dir_len] != '/' && path[shim.dir_len] != '\0'))
			return false;
		path += shim.dir_len;
		path += strspn(path, "/");
	} else {
		if (at < 0 || at >= FDS || !shim.fd[at].path[0])
			return false;
		base = shim.fd[at].path;
	}
	if (strlen(base) + strlen(path) + 2 > PATH_BYTES)
		abort();
	ret[0] = '\0';
	if (base[0] && strcmp(base, ".") != 0)
		strcat(strcat(ret, base), "/");
	strcat(ret, path[0] ? path : ".");
	return true;
}

static struct opened *
opened(int fd)
{
	if (!shim.dir_len || fd < 0 || fd >= FDS || !shim.fd[fd].path[0])
		return NULL;
	return &shim.fd[fd];
}

/* ---- the record ---- */

static uint32_t
record(enum shim_event kind, const struct opened *file, const char *name,
    const char *to, uint64_t offset, const struct iovec *iov, int n,
    uint64_t len)
{
	struct event event = { .kind = kind, .offset = offset, .len = len };
	struct iovec out[36];
	int k = 0;

	if (shim.record < 0)
		return 0;
	event.number = (uint32_t)atomic_fetch_add(&shim.control->numbers, 1);
	if (file) {
		event.ino = file->ino;
		name = file->path;
	}
	event.name_len = (uint32_t)strlen(name);
	event.to_len = to ? (uint32_t)strlen(to) : 0;
	out[k++] = (struct iovec){ &event, sizeof(event) };
	out[k++] = (struct iovec){ (void *)(uintptr_t)name, event.name_len };
	out[k++] = (struct iovec){ (void *)(uintptr_t)(to ? to : ""),
	    event.to_len };
	for (int i = 0; i < n && k < 36; i++)
		out[k++] = iov[i];
	if (syscall(SYS_writev, shim.record, out, k) < 0)
		abort();
	return event.number;
}

/* A disk that takes its time; the bytes are in the record. */
static int
slow_sync(const struct opened *file, long number, int fd)
{
	struct timespec ts = { .tv_nsec = 300000 };
	uint32_t begin;

	if (shim.record < 0)
		return (int)syscall(number, fd);
	begin = record(EVENT_SYNC, file, "", NULL, 0, NULL, 0, 0);
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
	record(EVENT_SYNCED, file, "", NULL, begin, NULL, 0, 0);
	return 0;
}

/* ---- opening ---- */

static int
open_any(int at, const char *path, int flags, mode_t mode)
{
	char name[PATH_BYTES];
	bool mine = ours(at, path, name), made = false;
	struct stat st;
	int fd;

	if (!mine)
		return (int)syscall(SYS_openat, at, path, flags, mode);
	if (flags & O_CREAT)
		made = fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) != 0;
	if (shim_fails(made ? KIND_CREATE : KIND_OPEN))
		return -1;
	pthread_mutex_lock(&shim.mutex);
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd >= 0 && fd < FDS) {
		memcpy(shim.fd[fd].path, name, sizeof(name));
		shim.fd[fd].ino = fstat(fd, &st) == 0 ? st.st_ino : 0;
		if (made)
			record(EVENT_CREATE, &shim.fd[fd], "", NULL, 0, NULL, 0, 0);
		else if (flags & O_TRUNC)
			record(EVENT_TRUNCATE, &shim.fd[fd], "", NULL, 0, NULL, 0,
			    0);
	}
	pthread_mutex_unlock(&shim.mutex);
	return fd;
}

#define MODE_OF(flags, last) __extension__ ({ \
	mode_t mode_ = 0; \
	va_list ap_; \
	if ((flags) & (O_CREAT | O_TMPFILE)) { \
		va_start(ap_, last); \
		mode_ = (mode_t)va_arg(ap_, int); \
		va_end(ap_); \
	} \
	mode_; })

API int
open(const char *path, int flags, ...)
{
	return open_any(AT_FDCWD, path, flags, MODE_OF(flags, flags));
}

API int
open64(const char *path, int flags, ...)
{
	return open_any(AT_FDCWD, path, flags, MODE_OF(flags, flags));
}

API int
openat(int at, const char *path, int flags, ...)
{
	return open_any(at, path, flags, MODE_OF(flags, flags));
}

API int
openat64(int at, const char *path, int flags, ...)
{
	return open_any(at, path, flags, MODE_OF(flags, flags));
}

/* What fortified callers use when there is no mode. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);

API int
__open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

API int
__open64_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

API int
__openat_2(int at, const char *path, int flags)
{
	return open_any(at, path, flags, 0);
}

API int
__openat64_2(int at, const char *path, int flags)
{
	return open_any(at, path, flags, 0);
}

API int
mkostemp(char *name, int flags)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	char *x = name + strlen(name) - 6;
	unsigned char chance[6];
	int fd, tries = 100;

	do {
		syscall(SYS_getrandom, chance, sizeof(chance), 0);
		for (int i = 0; i < 6; i++)
			x[i] = letters[chance[i] % 32];
		fd = open_any(AT_FDCWD, name, flags | O_RDWR | O_CREAT | O_EXCL,
		    0600);
	} while (fd < 0 && errno == EEXIST && --tries > 0);
	return fd;
}

API int
mkostemp64(char *name, int flags)
{
	return mkostemp(name, flags);
}

API int
close(int fd)
{
	struct opened *file = opened(fd);

	if (file)
		file->path[0] = '\0';
	return (int)syscall(SYS_close, fd);
}

/* ---- writing ---- */

/* Half of what was to be written, if a short write is due. */
static ssize_t
write_any(int fd, enum shim_kind kind, const struct iovec *iov, int n,
    off_t offset)
{
	struct opened *file = opened(fd);
	struct iovec one;
	size_t len = 0;
	int i;

	if (file && shim_fails(kind)) {
		if (errno != 0)
			return -1;
		for (i = 0; i < n && iov[i].iov_len == 0; i++)
			;
		one = i < n ? iov[i] : (struct iovec){ 0 };
		one.iov_len = (one.iov_len + 1) / 2;
		iov = &one;
		n = 1;
	}
	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (file)
		record(EVENT_WRITE, file, "", NULL, (uint64_t)(offset >= 0 ?
		    offset : syscall(SYS_lseek, fd, 0, SEEK_CUR)), iov, n, len);
	return offset >= 0 ? syscall(SYS_pwritev, fd, iov, n, offset, 0L) :
	    syscall(SYS_writev, fd, iov, n);
}

API ssize_t
write(int fd, const void *p, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)p, len };

	if (!opened(fd))
		return syscall(SYS_write, fd, p, len);
	return write_any(fd, KIND_WRITE, &iov, 1, -1);
}

API ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	return write_any(fd, KIND_WRITE, iov, n, -1);
}

API ssize_t
pwrite(int fd, const void *p, size_t len, off_t offset)
{
	struct iovec iov = { (void *)(uintptr_t)p, len };

	return write_any(fd, KIND_PWRITE, &iov, 1, offset);
}

API ssize_t
pwrite64(int fd, const void *p, size_t len, off_t offset)
{
	return pwrite(fd, p, len, offset);
}

API ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	return write_any(fd, KIND_PWRITE, iov, n, offset);
}

API ssize_t
pwritev64(int fd, const struct iovec *iov, int n, off_t offset)
{
	return write_any(fd, KIND_PWRITE, iov, n, offset);
}

static int
truncate_any(int fd, off_t len)
{
	struct opened *file = opened(fd);

	if (file && shim_fails(KIND_TRUNCATE))
		return -1;
	if (file)
		record(EVENT_TRUNCATE, file, "", NULL, 0, NULL, 0,
		    (uint64_t)len);
	return (int)syscall(SYS_ftruncate, fd, len);
}

API int
ftruncate(int fd, off_t len)
{
	return truncate_any(fd, len);
}

API int
ftruncate64(int fd, off_t len)
{
	return truncate_any(fd, len);
}

static int
sync_any(int fd, long number, enum shim_kind kind)
{
	struct opened *file = opened(fd);

	if (file && shim_fails(kind))
		return -1;
	return file ? slow_sync(file, number, fd) : (int)syscall(number, fd);
}

API int
fsync(int fd)
{
	return sync_any(fd, SYS_fsync, KIND_FSYNC);
}

API int
fdatasync(int fd)
{
	return sync_any(fd, SYS_fdatasync, KIND_FDATASYNC);
}

/* Everything, in the record. */
API int
syncfs(int fd)
{
	struct opened all = { .path = "*" };

	if (!opened(fd))
		return (int)syscall(SYS_syncfs, fd);
	if (shim_fails(KIND_FSYNC))
		return -1;
	return slow_sync(&all, SYS_syncfs, fd);
}

/* ---- reading ---- */

API ssize_t
pread(int fd, void *p, size_t len, off_t offset)
{
	if (opened(fd) && shim_fails(KIND_READ))
		return -1;
	return syscall(SYS_pread64, fd, p, len, offset);
}

API ssize_t
pread64(int fd, void *p, size_t len, off_t offset)
{
	return pread(fd, p, len, offset);
}

API ssize_t
preadv(int fd, const struct iovec *iov, int n, off_t offset)
{
	if (opened(fd) && shim_fails(KIND_READ))
		return -1;
	return syscall(SYS_preadv, fd, iov, n, offset, 0L);
}

API ssize_t
preadv64(int fd, const struct iovec *iov, int n, off_t offset)
{
	return preadv(fd, iov, n, offset);
}

API void *
mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (fd >= 0 && opened(fd) && shim_fails(KIND_MMAP))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, p, len, prot, flags, fd, offset);
}

API void *
mmap64(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap(p, len, prot, flags, fd, offset);
}

/* ---- names ---- */

static int
rename_any(int at, const char *from, int to_at, const char *to, unsigned flags)
{
	char name[PATH_BYTES], to_name[PATH_BYTES];
	int r;

	if (!ours(at, from, name) || !ours(to_at, to, to_name))
		return (int)syscall(SYS_renameat2, at, from, to_at, to, flags);
	if (shim_fails(KIND_RENAME))
		return -1;
	pthread_mutex_lock(&shim.mutex);
	r = (int)syscall(SYS_renameat2, at, from, to_at, to, flags);
	if (r == 0)
		record(EVENT_RENAME, NULL, name, to_name, 0, NULL, 0, 0);
	pthread_mutex_unlock(&shim.mutex);
	return r;
}

API int
rename(const char *from, const char *to)
{
	return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}

API int
renameat(int at, const char *from, int to_at, const char *to)
{
	return rename_any(at, from, to_at, to, 0);
}

API int
renameat2(int at, const char *from, int to_at, const char *to, unsigned flags)
{
	return rename_any(at, from, to_at, to, flags);
}

API int
unlinkat(int at, const char *path, int flags)
{
	char name[PATH_BYTES];
	int r;

	if (!ours(at, path, name))
		return (int)syscall(SYS_unlinkat, at, path, flags);
	if (shim_fails(KIND_UNLINK))
		return -1;
	pthread_mutex_lock(&shim.mutex);
	r = (int)syscall(SYS_unlinkat, at, path, flags);
	if (r == 0)
		record(EVENT_UNLINK, NULL, name, NULL, 0, NULL, 0, 0);
	pthread_mutex_unlock(&shim.mutex);
	return r;
}

API int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

API int
linkat(int at, const char *from, int to_at, const char *to, int flags)
{
	char name[PATH_BYTES], to_name[PATH_BYTES];
	int r;

	if (!ours(at, from, name) || !ours(to_at, to, to_name))
		return (int)syscall(SYS_linkat, at, from, to_at, to, flags);
	if (shim_fails(KIND_LINK))
		return -1;
	pthread_mutex_lock(&shim.mutex);
	r = (int)syscall(SYS_linkat, at, from, to_at, to, flags);
	if (r == 0)
		record(EVENT_LINK, NULL, name, to_name, 0, NULL, 0, 0);
	pthread_mutex_unlock(&shim.mutex);
	return r;
}

API int
link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

API int
mkdirat(int at, const char *path, mode_t mode)
{
	char name[PATH_BYTES];
	int r;

	if (!ours(at, path, name))
		return (int)syscall(SYS_mkdirat, at, path, mode);
	if (shim_fails(KIND_MKDIR))
		return -1;
	pthread_mutex_lock(&shim.mutex);
	r = (int)syscall(SYS_mkdirat, at, path, mode);
	if (r == 0)
		record(EVENT_MKDIR, NULL, name, NULL, 0, NULL, 0, 0);
	pthread_mutex_unlock(&shim.mutex);
	return r;
}

API int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

/* ---- beginning ---- */

static int
open_high(const char *path, int flags)
{
	int fd, high;

	if (!path)
		return -1;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	/* out of the way of who closes what it does not know */
	high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FDS - 100);
	if (high < 0)
		return fd;
	syscall(SYS_close, fd);
	return high;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *dir = getenv("HERMOD_SHIM_DIR");
	int fd;

	if (!dir || strlen(dir) >= sizeof(shim.dir))
		return;
	shim.fd = (void *)syscall(SYS_mmap, NULL, FDS * sizeof(*shim.fd),
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
	fd = open_high(getenv("HERMOD_SHIM_CONTROL"), O_RDWR);
	if (fd >= 0)
		shim.control = (void *)syscall(SYS_mmap, NULL, CONTROL_BYTES,
		    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
	if (shim.control)
		shim.record = open_high(getenv("HERMOD_SHIM_RECORD"),
		    O_WRONLY | O_APPEND | O_CREAT);
	snprintf(shim.dir, sizeof(shim.dir), "%s", dir);
	shim.dir_len = strlen(dir);
}
