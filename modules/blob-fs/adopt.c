/* adopt.c - records that are missing, made anew from the bodies themselves. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"

static int
sum_up(const struct fs_store *store, uint64_t id, struct fs_blob *ret)
{
	struct stat st;
	char name[32];
	int fd, r = -HM_EIO;

	fs_name(id, name);
	fd = openat(store->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return r;
	if (fstat(fd, &st) == 0 && fsync(fd) == 0) {
		ret->length = (uint64_t)st.st_size;
		r = fs_sum(fd, ret->length, &ret->sum);
	}
	close(fd);
	return r;
}

static int
adopt_file(uint64_t id, void *arg)
{
	struct fs_check *c = arg;
	char value[HM_BLOB_RECORD_MAX];
	struct fs_blob blob = { 0 };
	uint32_t links = 0;
	int r = hm_blob_record_wanted(&c->b, id, &links);

	if (r <= 0)
		return r;
	if (sum_up(c->store, id, &blob) < 0) {
		hm_blob_unread(&c->b, id);
		return 0;
	}
	fs_value(value, &blob);
	return hm_blob_adopt(&c->b, id, value, links);
}

int
fs_adopt(struct fs_check *c)
{
	int r = fs_each_file(c->store, adopt_file, c, c->b.reterr);

	if (r == 0)
		r = hm_blob_adopted(&c->b);
	if (r == 1)
		c->store->unsure = false;
	return r < 0 ? r : 0;
}
