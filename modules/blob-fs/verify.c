/* verify.c - every blob against its checksum and its links. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/dir.h>

#include "fs.h"

static int
fix(struct fs_check *c, uint64_t id, uint32_t seen, uint32_t want)
{
	return hm_blob_correct(c->b.recs, id, seen, want, fs_drop,
	    c->b.reterr);
}

static void
set_aside(struct fs_store *store, uint64_t id)
{
	char from[32], to[32], folder[FS_DIR_MAX + 16];

	snprintf(folder, sizeof(folder), "%s/damaged", store->dir);
	hm_dir_make(folder, 0700, NULL);
	fs_name(id, from);
	snprintf(to, sizeof(to), "damaged/%016llx", (unsigned long long)id);
	if (renameat(store->dir_fd, from, store->dir_fd, to) < 0 &&
	    errno != ENOENT)
		fs_report(store, HM_LOG_WARN, "cannot move %s/%s to damaged",
		    store->dir, from);
	hm_dir_sync(folder, NULL);
}

static int
check_links(struct fs_check *c, uint64_t id, char *value)
{
	char text[96];
	uint32_t have;
	int64_t want = 0;
	int r = hm_blob_recount(&c->b, id, value, &want);

	if (r <= 0)
		return r;
	have = hm_blob_links(c->b.recs, value);
	snprintf(text, sizeof(text), "has %u links, but %lld are in use", have,
	    (long long)want);
	hm_blob_tell(&c->b, id, text);
	if (!c->b.fix || want > UINT32_MAX)
		return 0;
	if (want == 0)           /* perhaps what used it was lost */
		set_aside(c->store, id);
	return fix(c, id, have, (uint32_t)want);
}

static int
check_one(uint64_t id, char *value, void *arg)
{
	struct fs_check *c = arg;
	struct hm_blob_reader *reader;
	struct fs_blob now;
	struct hm_err err = { 0 };
	uint64_t size;
	int r;

	/* not from what was found good before */
	atomic_store(&c->store->good[id % 1024], 0);
	r = fs_open(c->store, c->b.recs, id, &reader, &size, &err);
	if (r == -HM_ENOENT)
		return 0;
	if (r == 0) {
		fs_close(reader);
		return c->b.links ? check_links(c, id, value) : 0;
	}
	hm_blob_tell(&c->b, id, err.text);
	/* what cannot be read now, a disk or an administrator may give back */
	if (!c->b.fix || r != -HM_ECORRUPT || fs_find(c->b.recs, id, &now, NULL) < 0)
		return 0;
	set_aside(c->store, id);
	return fix(c, id, now.links, 0);
}

static bool
strange(const char *name)
{
	return name[0] != '.' && strcmp(name, "lock") != 0 &&
	    strcmp(name, "tmp") != 0 && strcmp(name, "damaged") != 0 &&
	    strcmp(name, "adopt") != 0 &&
	    !fs_is_folder(name);
}

static void
check_files(struct fs_check *c)
{
	char text[FS_DIR_MAX + 300], to[300];
	DIR *dir = opendir(c->store->dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (!strange(entry->d_name))
			continue;
		snprintf(text, sizeof(text), "%s/%s: a strange file",
		    c->store->dir, entry->d_name);
		hm_blob_tell(&c->b, 0, text);
		if (!c->b.fix)
			continue;
		mkdirat(c->store->dir_fd, "damaged", 0700);
		snprintf(to, sizeof(to), "damaged/%s", entry->d_name);
		if (renameat(c->store->dir_fd, entry->d_name, c->store->dir_fd,
		    to) < 0)
			fs_report(c->store, HM_LOG_WARN, "cannot move %s",
			    entry->d_name);
	}
	if (dir)
		closedir(dir);
}

int
fs_verify(struct fs_store *store, const struct hm_blob_records *kv, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct fs_check c = { .store = store, .b = { .recs = kv,
	    .dir = store->dir, .fix = fix, .links = links, .report = report,
	    .arg = arg, .reterr = reterr } };
	int r = 0;

	if (links && hm_blob_unsure(kv, store->dir))
		r = fs_adopt(&c);
	if (!r)
		r = hm_blob_walk(kv, 'b', check_one, &c, reterr);
	if (!r)
		check_files(&c);
	return r ? r : c.b.count;
}
