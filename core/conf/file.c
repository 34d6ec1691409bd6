/* file.c - configuration files read whole and replaced whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/dir.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "core/run/privsep.h"
#include "core/run/sandbox.h"

#include "errs.h"
#include "node.h"

/* Reads what fstat() promised, and one byte more to notice growth. */
static int
read_all(int fd, const char *path, char *p, size_t room, size_t *ret_len,
    struct hm_err *reterr)
{
	size_t len = 0;
	ssize_t n;

	while (len < room) {
		n = read(fd, p + len, room - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hm_err_errno(reterr, errno, "reading %s", path);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

static int
read_fd(struct hm_arena *arena, int fd, const char *path, size_t max,
    struct hm_str *ret, unsigned *ret_mode, struct hm_err *reterr)
{
	struct stat st;
	size_t len = 0, room;
	char *p;
	int r;

	if (fstat(fd, &st) < 0)
		return hm_err_errno(reterr, errno, "reading %s", path);
	if (!S_ISREG(st.st_mode))
		return hm_err_set(reterr, -HM_EINVAL, "%s is not a file", path);
	if ((uint64_t)st.st_size > max)
		return hm_err_set(reterr, -HM_ELIMIT,
		    "%s is larger than %zu bytes", path, max);
	room = (size_t)st.st_size + 1;
	p = hm_alloc(arena, room + 1);
	r = read_all(fd, path, p, room, &len, reterr);
	if (r < 0)
		return r;
	if (len == room)
		return hm_err_set(reterr, -HM_EBUSY,
		    "%s grew while it was read", path);
	*ret = hm_str_n(p, len);
	if (ret_mode != NULL)
		*ret_mode = st.st_mode & 07777;
	return 0;
}

static int
read_file(struct hm_arena *arena, const char *path, size_t max,
    struct hm_str *ret, unsigned *ret_mode, struct hm_err *reterr)
{
	int fd = hm_priv_open(path, reterr), r;

	if (fd < 0)
		return fd;
	r = read_fd(arena, fd, path, max, ret, ret_mode, reterr);
	close(fd);
	return r;
}

int
hm_file_read(struct hm_arena *arena, const char *path, size_t max,
    struct hm_str *ret, struct hm_err *reterr)
{
	return read_file(arena, path, max, ret, NULL, reterr);
}

int
hm_node_read(struct hm_arena *arena, const char *path, struct hm_node **ret,
    struct hm_errs *errs)
{
	struct hm_doc *doc;
	struct hm_str text;
	struct hm_err err = { 0 };
	unsigned mode;
	int r;

	r = read_file(arena, path, HM_NODE_MAX_BYTES, &text, &mode, &err);
	if (r < 0) {
		hm_errs_put_err(errs, &err);
		return r;
	}
	r = hm_doc_new(arena, path, text, &doc, errs);
	if (r < 0)
		return r;
	doc->mode = mode;
	return hm_doc_parse(arena, doc, ret, errs);
}

static int
write_all(int fd, struct hm_str text)
{
	ssize_t n;

	while (text.len > 0) {
		n = write(fd, text.p, text.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text = hm_str_skip(text, (size_t)n);
	}
	return 0;
}

/* Fills the temporary file; a replaced file keeps its owner, so that what root
 * edits stays readable for the server. */
static int
fill(int fd, const char *path, struct hm_str text, unsigned mode)
{
	struct stat old;

	if (stat(path, &old) == 0 &&
	    (old.st_uid != geteuid() || old.st_gid != getegid()) &&
	    fchown(fd, old.st_uid, old.st_gid) < 0 && geteuid() == 0)
		return -1;
	if (fchmod(fd, mode) < 0 || write_all(fd, text) < 0 || fsync(fd) < 0)
		return -1;
	return 0;
}

/* path: with all symbolic links followed. */
static int
replace(struct hm_arena *arena, const char *path, struct hm_str text,
    unsigned mode, struct hm_err *reterr)
{
	ssize_t slash = hm_str_rchr(hm_str(path), '/');
	const char *folder = slash < 0 ? "." : slash == 0 ? "/" :
	    hm_strndup(arena, path, (size_t)slash);
	char *temp = hm_printf(arena, "%s/.%s.XXXXXX", folder, path + slash + 1);
	int fd, r, saved;

	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return hm_sandbox_errno(reterr, errno, "writing in ", folder,
		    true);
	r = fill(fd, path, text, mode);
	saved = errno;
	if (close(fd) < 0 && r == 0) {
		r = -1;
		saved = errno;
	}
	if (r == 0 && rename(temp, path) < 0) {
		r = -1;
		saved = errno;
	}
	if (r < 0) {
		unlink(temp);
		return hm_err_errno(reterr, saved, "writing %s", path);
	}
	return hm_dir_sync(folder, reterr);
}

int
hm_file_replace(const char *path, struct hm_str text, unsigned mode,
    struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "file");
	char *real = realpath(path, NULL);
	int r;

	r = replace(arena, real != NULL ? real : path, text, mode, reterr);
	free(real);
	hm_arena_free(arena);
	return r;
}
