/* verify.c - every blob against its checksum and its links. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/dir.h>
#include <hermod/str.h>

#include "seg.h"

void
seg_save(struct seg_store *store, uint64_t id, const struct seg_where *where)
{
	char path[SEG_DIR_MAX + 32], *piece = hm_xalloc(65536);
	uint64_t left = SEG_RECORD + where->length, at = where->offset;
	int in, out;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/damaged", store->dir);
	hm_dir_make(path, 0700, NULL);
	snprintf(path, sizeof(path), "%s/damaged/%016llx", store->dir,
	    (unsigned long long)id);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	seg_path(store, where->segment, path);
	in = open(path, O_RDONLY | O_CLOEXEC);
	while (in >= 0 && out >= 0 && left > 0) {
		n = pread(in, piece, left < 65536 ? (size_t)left : 65536,
		    (off_t)at);
		if (n <= 0 || write(out, piece, (size_t)n) != n)
			break;
		at += (uint64_t)n;
		left -= (uint64_t)n;
	}
	if (in >= 0)
		close(in);
	if (out >= 0) {
		fsync(out);
		close(out);
		snprintf(path, sizeof(path), "%s/damaged", store->dir);
		hm_dir_sync(path, NULL);
	}
	free(piece);
}

static int
check_links(struct seg_check *c, uint64_t id, char *value)
{
	struct seg_where now;
	char text[96];
	int64_t want = 0;
	int r = hm_blob_recount(&c->b, id, value, &want);

	if (r <= 0)
		return r;
	now = seg_where_read(value);
	snprintf(text, sizeof(text), "has %u links, but %lld are in use",
	    now.links, (long long)want);
	hm_blob_tell(&c->b, id, text);
	if (!c->b.fix || want > UINT32_MAX)
		return 0;
	if (want == 0)           /* perhaps what used it was lost */
		seg_save(c->store, id, &now);
	return hm_blob_correct(c->b.recs, id, now.links, (uint32_t)want, NULL,
	    c->b.reterr);
}

static int
check_one(uint64_t id, char *value, void *arg)
{
	struct seg_check *c = arg;
	struct hm_blob_reader *reader;
	struct seg_where now;
	struct hm_err err = { 0 };
	uint64_t size;
	int r;

	/* not from what was found good before */
	atomic_store(&c->store->good[id * 2654435761u % 1024], 0);
	r = seg_open(c->store, c->kv, id, &reader, &size, &err);
	if (r == -HM_ENOENT)
		return 0;
	if (r == 0) {
		seg_close(reader);
		return c->b.links ? check_links(c, id, value) : 0;
	}
	hm_blob_tell(&c->b, id, err.text);
	/* what cannot be read now, a disk or an administrator may give back */
	if (!c->b.fix || r != -HM_ECORRUPT || seg_find(c->kv, id, &now, NULL) < 0)
		return 0;
	seg_save(c->store, id, &now);
	return hm_blob_correct(c->b.recs, id, now.links, 0, NULL, c->b.reterr);
}

/* Whatever is no segment, or one that does not say so itself. One without a whole
 * header was being made when a crash came, and a sweep removes it. */
static bool
strange(struct seg_store *store, const char *name)
{
	unsigned char header[SEG_HEADER];
	struct hm_str text = hm_str(name);
	char path[SEG_DIR_MAX + 32];
	uint64_t number, tag;
	ssize_t n;
	int fd;

	if (name[0] == '.' || strcmp(name, "lock") == 0 ||
	    strcmp(name, "damaged") == 0 || strcmp(name, "adopt") == 0)
		return false;
	if (!hm_str_ends(text, HM_STR(".seg")) || hm_str_u64(
	    hm_str_take(text, text.len - 4), UINT32_MAX, &number) < 0)
		return true;
	seg_path(store, (uint32_t)number, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, header, SEG_HEADER, 0);
	if (fd >= 0)
		close(fd);
	return n < 0 || (n == SEG_HEADER &&
	    seg_header_read(header, (uint32_t)number, &tag) < 0);
}

/* Segments stay where they are: what can be read of them is in use. */
static void
check_files(struct seg_check *c)
{
	char text[SEG_DIR_MAX + 300], to[SEG_DIR_MAX + 300];
	DIR *dir = opendir(c->store->dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (!strange(c->store, entry->d_name))
			continue;
		snprintf(text, sizeof(text), "%s/%s: a strange file",
		    c->store->dir, entry->d_name);
		hm_blob_tell(&c->b, 0, text);
		if (!c->b.fix || hm_str_ends(hm_str(entry->d_name), HM_STR(".seg")))
			continue;
		snprintf(to, sizeof(to), "%s/damaged", c->store->dir);
		hm_dir_make(to, 0700, NULL);
		snprintf(to, sizeof(to), "%s/damaged/%s", c->store->dir,
		    entry->d_name);
		snprintf(text, sizeof(text), "%s/%s", c->store->dir,
		    entry->d_name);
		if (rename(text, to) < 0)
			seg_report(c->store, HM_LOG_WARN, "cannot move %s", text);
	}
	if (dir)
		closedir(dir);
}

int
seg_verify(struct seg_store *store, const struct seg_kv *kv, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct seg_check c = { .store = store, .kv = kv, .b = {
	    .recs = &kv->recs, .dir = store->dir, .fix = fix, .links = links,
	    .report = report, .arg = arg, .reterr = reterr } };
	int r = 0;

	if (links && hm_blob_unsure(&kv->recs, store->dir))
		r = seg_adopt(&c);
	if (!r)
		r = hm_blob_walk(&kv->recs, 'b', check_one, &c, reterr);
	if (!r)
		check_files(&c);
	return r ? r : c.b.count;
}
