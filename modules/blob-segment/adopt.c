/* adopt.c - records that are missing, made anew from the bodies themselves. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>

#include "seg.h"

enum { WINDOW = 64 << 10 };

struct scan {
	int fd;
	uint32_t number;
	uint64_t size, at;
	bool strict, failed;           /* failed: the rest cannot be read now */
	unsigned char window[WINDOW];
	uint64_t from, to;             /* of the file, in the window */
};

/* The next record, at s->at. Behind bytes that are none, only those that lie where
 * their id says: others might be what somebody wrote into a message. */
static bool
next_record(struct scan *s, struct seg_record *ret)
{
	ssize_t n;

	for (; s->at + SEG_RECORD <= s->size; s->at += SEG_ALIGN) {
		if (s->at < s->from || s->at + SEG_RECORD > s->to) {
			n = pread(s->fd, s->window, WINDOW, (off_t)s->at);
			s->failed = n < 0;
			if (n < SEG_RECORD)
				return false;
			s->from = s->at;
			s->to = s->at + (uint64_t)n;
		}
		if (seg_record_read(s->window + (s->at - s->from), ret) == 0 &&
		    ret->length <= s->size - s->at - SEG_RECORD &&
		    (!s->strict || ret->id == seg_id(s->number, s->at)))
			return true;
		s->strict = true;
	}
	return false;
}

static int
adopt_record(struct seg_check *c, const struct scan *s,
    const struct seg_record *record)
{
	struct seg_where where = { .segment = s->number, .offset = s->at,
	    .length = record->length };
	char value[HM_BLOB_RECORD_MAX];
	struct hm_blob_reader *reader;
	uint32_t links = 0;
	int r = hm_blob_record_wanted(&c->b, record->id, &links);

	if (r <= 0)
		return r;
	r = seg_open_at(c->store, record->id, &where, &reader, NULL);
	if (r == -HM_ECORRUPT) {       /* perhaps a copy elsewhere is not */
		if (c->b.fix)
			seg_save(c->store, record->id, &where);
		return 0;
	}
	if (r < 0) {
		hm_blob_unread(&c->b, record->id);
		return 0;
	}
	seg_close(reader);
	seg_where_make(value, &where);
	return hm_blob_adopt(&c->b, record->id, value, links);
}

static int
adopt_segment(struct seg_check *c, uint32_t number)
{
	struct scan *s = hm_xalloc(sizeof(*s));
	char path[SEG_DIR_MAX + 32];
	struct seg_record record;
	struct stat st;
	int r = 0;

	seg_path(c->store, number, path);
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st) < 0 || fdatasync(s->fd) < 0)
		r = hm_err_errno(c->b.reterr, errno, "cannot read %s", path);
	else
		s->size = (uint64_t)st.st_size;
	s->number = number;
	for (s->at = SEG_HEADER; r == 0 && next_record(s, &record);
	    s->at += seg_record_bytes(record.length))
		r = adopt_record(c, s, &record);
	if (r == 0 && s->failed)
		r = hm_err_set(c->b.reterr, -HM_EIO, "cannot read %s", path);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return r;
}

int
seg_adopt(struct seg_check *c)
{
	struct seg_size *list;
	size_t n, i;
	int r = seg_list(c->store, &list, &n, c->b.reterr);

	if (r)
		return r;
	for (i = 0; i < n && r == 0; i++)
		r = adopt_segment(c, list[i].number);
	free(list);
	if (r == 0)
		r = hm_blob_adopted(&c->b);
	if (r == 1)
		c->store->unsure = false;
	return r < 0 ? r : 0;
}
