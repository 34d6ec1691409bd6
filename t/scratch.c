/* scratch.c - directories for tests. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "t/scratch.h"

static char dir[256];
static pid_t owner;

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void
scratch_remove(const char *path)
{
	nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void
clean_up(void)
{
	if (getpid() == owner)
		scratch_remove(dir);
}

const char *
scratch_dir(void)
{
	const char *base = getenv("TMPDIR");

	if (dir[0])
		return dir;
	snprintf(dir, sizeof(dir), "%s/hermod-test-XXXXXX",
	    base && *base ? base : "/tmp");
	if (!mkdtemp(dir)) {
		printf("Bail out! cannot make %s\n", dir);
		exit(1);
	}
	owner = getpid();
	atexit(clean_up);
	return dir;
}

const char *
scratch_path(const char *fmt, ...)
{
	static char turns[8][512];
	static unsigned turn;
	char *path = turns[turn++ % 8];
	size_t len;
	va_list ap;

	len = (size_t)snprintf(path, sizeof(turns[0]), "%s/", scratch_dir());
	va_start(ap, fmt);
	vsnprintf(path + len, sizeof(turns[0]) - len, fmt, ap);
	va_end(ap);
	return path;
}

static bool
write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len;

	if (fd >= 0)
		close(fd);
	return good;
}

/* A mount namespace of our own, by way of a user namespace where we are not
 * root; it ends with the process. */
bool
scratch_small_disk(const char *path, unsigned kilobytes)
{
	char text[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNS) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			return false;
		write_file("/proc/self/setgroups", "deny");
		snprintf(text, sizeof(text), "0 %u 1", (unsigned)uid);
		if (!write_file("/proc/self/uid_map", text))
			return false;
		snprintf(text, sizeof(text), "0 %u 1", (unsigned)gid);
		if (!write_file("/proc/self/gid_map", text))
			return false;
	}
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	snprintf(text, sizeof(text), "size=%uk", kilobytes);
	return mount("tmpfs", path, "tmpfs", 0, text) == 0;
}
