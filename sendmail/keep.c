/* keep.c - what could not be handed in lies in a file, and can be sent again. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/clock.h>
#include <hermod/dir.h>
#include <hermod/encode.h>
#include <hermod/header.h>
#include <hermod/rand.h>

#include "sendmail.h"

static bool
write_all(int fd, struct hm_str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = hm_str_skip(bytes, (size_t)n);
	}
	return true;
}

/* The kernel knows whose home it is; the environment only says so. */
static const char *
home_folder(struct hm_arena *arena, struct hm_err *reterr)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *folder;
	struct stat st;

	if (pw == NULL || pw->pw_dir[0] != '/') {
		hm_err_set(reterr, -HM_ENOENT, "this user has no home");
		return NULL;
	}
	folder = hm_printf(arena, "%s/mail-failures", pw->pw_dir);
	if (hm_dir_make(folder, 0700, reterr) < 0)
		return NULL;
	if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != getuid()) {
		hm_err_set(reterr, -HM_EACCES, "%s is no folder of this user's",
		    folder);
		return NULL;
	}
	return folder;
}

static void
put_failed(struct hm_buf *out, struct hm_str sender, const struct hm_attempt *a)
{
	struct hm_buf list = { 0 };

	hm_buf_printf(out, "X-Failed-Sender: <%.*s>\r\n", HM_FMT(sender));
	for (size_t i = 0; i < a->nrcpts; i++)
		if (a->rcpts[i].outcome != HM_ATTEMPT_DELIVERED &&
		    a->rcpts[i].outcome != HM_ATTEMPT_RELAYED)
			hm_buf_printf(&list, "%s<%.*s>",
			    list.len > 0 ? ", " : "",
			    HM_FMT(a->rcpts[i].addr.text));
	(void)hm_header_fold(out, "X-Failed-Recipients", hm_buf_view(&list));
	hm_buf_release(&list);
}

static const char *
file_name(struct hm_arena *arena, const char *folder)
{
	struct hm_tm tm;
	char id[9];

	hm_tm_from_unix(hm_wall_ms() / 1000, 0, &tm);
	hm_random_id(id, sizeof(id) - 1);
	return hm_printf(arena, "%s/%04d%02d%02d-%02d%02d%02d-%s.eml", folder,
	    (int)tm.year, tm.mon, tm.day, tm.hour, tm.min, tm.sec, id);
}

const char *
keep_copy(struct hm_arena *arena, const char *folder, struct hm_str message,
    struct hm_str sender, const struct hm_attempt *a, struct hm_err *reterr)
{
	struct hm_buf failed = { 0 };
	const char *path;
	bool good;
	int fd;

	if (folder == NULL && (folder = home_folder(arena, reterr)) == NULL)
		return NULL;
	path = file_name(arena, folder);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0) {
		hm_err_errno(reterr, errno, "%s", path);
		return NULL;
	}
	put_failed(&failed, sender, a);
	good = write_all(fd, hm_buf_view(&failed)) && write_all(fd, message) &&
	    fsync(fd) == 0;
	if (!good)
		hm_err_errno(reterr, errno, "%s", path);
	hm_buf_release(&failed);
	close(fd);
	if (good && hm_dir_sync(folder, reterr) == 0)
		return path;
	if (!good)
		(void)unlink(path);
	return good ? path : NULL;
}
