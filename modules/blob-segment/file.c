/* file.c - segment files: made, continued, opened, closed when too many. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/dir.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "seg.h"

void
seg_path(const struct seg_store *store, uint32_t number,
    char path[SEG_DIR_MAX + 32])
{
	snprintf(path, SEG_DIR_MAX + 32, "%s/%08u.seg", store->dir, number);
}

static struct seg_file **
bucket(struct seg_store *store, uint32_t number)
{
	return &store->files[number % SEG_BUCKETS];
}

static struct seg_file *
find(struct seg_store *store, uint32_t number)
{
	struct seg_file *file = *bucket(store, number);

	while (file && file->number != number)
		file = file->next;
	return file;
}

static struct seg_file *
add(struct seg_store *store, uint32_t number)
{
	struct seg_file *file = hm_xalloc(sizeof(*file));

	file->number = number;
	file->fd = -1;
	file->next = *bucket(store, number);
	*bucket(store, number) = file;
	return file;
}

static void
take_out(struct seg_store *store, struct seg_file *file)
{
	struct seg_file **at = bucket(store, file->number);

	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
}

static void
shut(struct seg_store *store, struct seg_file *file)
{
	if (file->fd < 0)
		return;
	close(file->fd);
	file->fd = -1;
	store->nopen--;
}

/* Closes what was not used for longest. What we append to stays known. */
static void
limit_open(struct seg_store *store)
{
	struct seg_file *file, *oldest;
	size_t i;

	while (store->nopen > store->conf.max_files) {
		oldest = NULL;
		for (i = 0; i < SEG_BUCKETS; i++)
			for (file = store->files[i]; file; file = file->next)
				if (file->fd >= 0 && file->refs == 0 &&
				    file->written == file->synced &&
				    (!oldest || file->used < oldest->used))
					oldest = file;
		if (!oldest)
			return;
		shut(store, oldest);
		if (!oldest->ours) {
			take_out(store, oldest);
			free(oldest);
		}
	}
}

int
seg_cannot(const struct seg_store *store, const char *what, uint32_t number,
    int errnum, struct hm_err *reterr)
{
	char path[SEG_DIR_MAX + 32];

	seg_path(store, number, path);
	return hm_err_disk(reterr, errnum, "cannot %s %s", what, path);
}

int
seg_file_get(struct seg_store *store, uint32_t number, struct seg_file **ret,
    struct hm_err *reterr)
{
	struct seg_file *file = find(store, number);
	char path[SEG_DIR_MAX + 32];
	int fd;

	if (!file || file->fd < 0) {
		seg_path(store, number, path);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			return hm_err_set(reterr, -HM_ENOENT, "%s is missing",
			    path);
		if (fd < 0)
			return seg_cannot(store, "open", number, errno, reterr);
		if (!file)
			file = add(store, number);
		file->fd = fd;
		store->nopen++;
	}
	file->refs++;
	file->used = ++store->uses;
	limit_open(store);
	*ret = file;
	return 0;
}

void
seg_file_put(struct seg_store *store, struct seg_file *file)
{
	if (--file->refs > 0 || !file->gone)
		return;
	shut(store, file);
	free(file);
}

void
seg_file_forget(struct seg_store *store, uint32_t number)
{
	struct seg_file *file = find(store, number);

	if (!file)
		return;
	take_out(store, file);
	file->gone = true;
	file->refs++;
	seg_file_put(store, file);
}

bool
seg_file_settled(struct seg_store *store, uint32_t number)
{
	struct seg_file *file;
	bool settled;

	pthread_mutex_lock(&store->mutex);
	file = find(store, number);
	/* the last number is never given up, so that it is not used again */
	settled = number != store->last_number && (!file || !file->ours ||
	    (file != store->active && file->written == file->synced &&
	    store->now_ms() - file->last_put_ms > SEG_GRACE_MS));
	pthread_mutex_unlock(&store->mutex);
	return settled;
}

/* ---- the active one ---- */

/* Whether the last segment was ended in good order and has room. */
static bool
continue_last(struct seg_store *store)
{
	unsigned char header[SEG_HEADER], mark[SEG_RECORD];
	struct seg_file *file;
	struct stat st;
	uint64_t end;

	if (store->tried_last || store->last_number == 0)
		return false;
	store->tried_last = true;
	if (seg_file_get(store, store->last_number, &file, NULL) < 0)
		return false;
	if (fstat(file->fd, &st) == 0 &&
	    st.st_size >= SEG_HEADER + SEG_RECORD &&
	    (uint64_t)st.st_size < store->conf.segment_bytes) {
		end = (uint64_t)st.st_size - SEG_RECORD;
		if (pread(file->fd, header, SEG_HEADER, 0) == SEG_HEADER &&
		    seg_header_read(header, file->number, &file->tag) == 0 &&
		    pread(file->fd, mark, SEG_RECORD, (off_t)end) ==
		    SEG_RECORD && seg_end_good(mark, file->tag, end)) {
			file->ours = true;
			file->end = file->zeroed = end;
			store->active = file;
			return true;
		}
	}
	seg_file_put(store, file);
	return false;
}

static int
make_file(struct seg_store *store, uint32_t number, uint64_t tag, int *ret_fd,
    struct hm_err *reterr)
{
	unsigned char header[SEG_HEADER];
	char path[SEG_DIR_MAX + 32];
	int fd, r;

	seg_path(store, number, path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return seg_cannot(store, "make", number, errno, reterr);
	seg_header_make(header, number, tag, (uint64_t)hm_wall_ms() / 1000);
	if (pwrite(fd, header, SEG_HEADER, 0) != SEG_HEADER ||
	    fdatasync(fd) < 0 || hm_dir_sync(store->dir, NULL) < 0) {
		r = seg_cannot(store, "write", number, errno ? errno : ENOSPC,
		    reterr);
		close(fd);
		unlink(path);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static void
leave_active(struct seg_store *store)
{
	struct seg_file *file = store->active;

	store->active = NULL;
	/* what was zeroed ahead is not needed any more */
	if (file->zeroed > file->end && !file->failed &&
	    ftruncate(file->fd, (off_t)file->end) < 0)
		seg_report(store, HM_LOG_WARN, "cannot shorten segment %u",
		    file->number);
	seg_file_put(store, file);
}

int
seg_file_roll(struct seg_store *store, struct hm_err *reterr)
{
	struct seg_file *file;
	uint32_t number;
	uint64_t tag;
	int fd, r;

	if (store->active)
		leave_active(store);
	else if (continue_last(store))
		return 0;
	if (store->last_number == UINT32_MAX)
		return hm_err_set(reterr, -HM_ELIMIT,
		    "all segment numbers are used");
	number = ++store->last_number;
	store->tried_last = true;
	hm_random(&tag, sizeof(tag));
	r = make_file(store, number, tag, &fd, reterr);
	if (r)
		return r;
	file = add(store, number);
	file->fd = fd;
	file->tag = tag;
	file->refs = 1;
	file->ours = true;
	file->end = file->zeroed = SEG_HEADER;
	file->used = ++store->uses;
	store->nopen++;
	store->active = file;
	limit_open(store);
	return 0;
}

int
seg_list(struct seg_store *store, struct seg_size **ret, size_t *ret_n,
    struct hm_err *reterr)
{
	DIR *dir = opendir(store->dir);
	struct seg_size *list = NULL;
	size_t n = 0, cap = 0;
	struct hm_str name;
	struct dirent *entry;
	struct stat st;
	uint64_t number;

	if (!dir)
		return hm_err_errno(reterr, errno, "cannot read %s", store->dir);
	while ((entry = readdir(dir))) {
		name = hm_str(entry->d_name);
		if (!hm_str_ends(name, HM_STR(".seg")) ||
		    hm_str_u64(hm_str_take(name, name.len - 4), UINT32_MAX,
		    &number) < 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			list = hm_xrealloc(list, cap * sizeof(*list));
		}
		list[n++] = (struct seg_size){ .number = (uint32_t)number,
		    .bytes = (uint64_t)st.st_size };
	}
	closedir(dir);
	*ret = list;
	*ret_n = n;
	return 0;
}
