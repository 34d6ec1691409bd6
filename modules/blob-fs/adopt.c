/* adopt.c - records that are missing, made anew from the bodies themselves. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"

static int
adopt_file(uint64_t id, void *arg)
{
	struct fs_check *c = arg;
	char value[HM_BLOB_RECORD_MAX], name[32], text[96];
	struct fs_blob blob = { 0 };
	struct stat st;
	int64_t want;
	int r = fs_find(c->kv, id, &blob, c->reterr), fd;

	if (r != -HM_ENOENT)
		return r;
	want = c->links(id, c->arg);
	if (want <= 0 || want > UINT32_MAX)
		return 0;
	fs_name(id, name);
	fd = openat(c->store->dir_fd, name, O_RDONLY | O_CLOEXEC);
	r = fd < 0 || fstat(fd, &st) < 0 || fsync(fd) < 0 ? -HM_EIO :
	    fs_sum(fd, blob.length = (uint64_t)st.st_size, &blob.sum);
	if (fd >= 0)
		close(fd);
	c->unread |= r < 0;
	snprintf(text, sizeof(text), "body %llu: has lost its record%s",
	    (unsigned long long)id, r < 0 ? ", and cannot be read" : "");
	fs_tell(c, 0, text);
	if (!c->fix || r < 0)
		return 0;
	fs_value(value, &blob);
	return hm_blob_adopt(c->kv, id, value, (uint32_t)want, c->reterr);
}

int
fs_adopt(struct fs_check *c)
{
	int r;

	fs_tell(c, 0, "the table of bodies was made anew, and may have lost records");
	r = fs_each_file(c->store, adopt_file, c, c->reterr);
	if (r < 0 || !c->fix || c->unread)
		return r;
	r = hm_blob_sure(c->kv, c->store->dir, c->reterr);
	c->store->unsure = r < 0;
	return r;
}
