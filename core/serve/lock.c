/* lock.c - who works on a data directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <hermod/buf.h>
#include <hermod/conf.h>
#include <hermod/str.h>

#include "lock.h"

static int
open_lock(const char *data_dir)
{
	struct hm_buf path = { 0 };
	int fd, saved;

	hm_buf_printf(&path, "%s/hermod.lock", data_dir);
	fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	saved = errno;
	hm_buf_release(&path);
	errno = saved;
	return fd;
}

int
hm_lock_take(const char *data_dir, struct hm_err *reterr)
{
	int fd = open_lock(data_dir);

	if (fd < 0)
		return hm_err_errno(reterr, errno, "%s/hermod.lock", data_dir);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return hm_err_set(reterr, -HM_EBUSY, "another hermod works on %s (its "
	    "hermod.lock is taken)", data_dir);
}

bool
hm_lock_wait(const char *data_dir, int64_t timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	bool free = false;
	int fd;

	for (; timeout_ms > 0 && !free; timeout_ms -= 20) {
		if ((fd = open_lock(data_dir)) < 0)
			return errno == ENOENT;
		free = flock(fd, LOCK_EX | LOCK_NB) == 0;
		close(fd);
		if (!free)
			nanosleep(&pause, NULL);
	}
	return free;
}

int
hm_pid_write(const char *data_dir, long pid, struct hm_err *reterr)
{
	struct hm_buf path = { 0 }, text = { 0 };
	int r;

	hm_buf_printf(&path, "%s/hermod.pid", data_dir);
	hm_buf_printf(&text, "%ld\n", pid);
	r = hm_file_replace(path.p, hm_buf_view(&text), 0644, reterr);
	hm_buf_release(&path);
	hm_buf_release(&text);
	return r;
}

void
hm_pid_remove(const char *data_dir)
{
	struct hm_buf path = { 0 };

	hm_buf_printf(&path, "%s/hermod.pid", data_dir);
	unlink(path.p);
	hm_buf_release(&path);
}
