/* verify.c - every blob against its checksum and its links. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/dir.h>

#include "fs.h"

struct check {
	struct fs_store *store;
	const struct fs_kv *kv;
	bool fix;
	int64_t (*links)(uint64_t id, void *arg);
	void (*report)(uint64_t id, const char *text, void *arg);
	void *arg;
	struct hm_err *reterr;
	int count;
	/* for the transaction that fixes */
	uint64_t id;
	uint32_t seen, want;
};

static void
tell(struct check *c, uint64_t id, const char *text)
{
	c->count++;
	if (c->report)
		c->report(id, text, c->arg);
}

/* Sets the links to want, if nothing has changed since it was looked at. */
static int
correct(struct hm_kv_txn *txn, void *arg)
{
	struct check *c = arg;
	const struct hm_kv_ops *ops = c->kv->kv->ops;
	char key[9], value[FS_VALUE];
	struct fs_blob blob;
	struct hm_str got;
	int r;

	r = ops->get(txn, c->kv->table, fs_key(key, 'b', c->id),
	    HM_KV_FOR_UPDATE, &got);
	if (!r)
		r = fs_value_read(got, &blob);
	if (r)
		return r == -HM_ENOENT ? 0 : r;
	if (blob.links != c->seen)
		return 0;
	blob.links = c->want;
	if (c->want)
		return ops->put(txn, c->kv->table, fs_key(key, 'b', c->id),
		    fs_value(value, &blob));
	r = ops->del(txn, c->kv->table, fs_key(key, 'b', c->id));
	return r ? r : ops->put(txn, c->kv->table, fs_key(key, 'd', c->id),
	    fs_value(value, &blob));
}

static int
fix(struct check *c, uint64_t id, uint32_t seen, uint32_t want)
{
	c->id = id;
	c->seen = seen;
	c->want = want;
	return hm_kv_run(c->kv->kv, HM_KV_DURABLE, correct, c, c->reterr);
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

/* A difference counts when the record did not change while links() looked. */
static int
check_links(struct check *c, uint64_t id, uint32_t links)
{
	struct fs_blob now = { .links = links };
	uint32_t before;
	char text[96];
	int64_t want;
	int r, i;

	want = c->links(id, c->arg);
	for (i = 0; want != now.links && want >= 0; i++) {
		if (i == 10)
			return 0; /* in constant use: not now */
		before = now.links;
		r = fs_find(c->kv, id, &now, c->reterr);
		if (r)
			return r == -HM_ENOENT ? 0 : r;
		if (i > 0 && now.links == before)
			break;
		want = c->links(id, c->arg);
	}
	if (want < 0)
		return (int)want;
	if (want == now.links)
		return 0;
	snprintf(text, sizeof(text), "has %u links, but %lld are in use",
	    now.links, (long long)want);
	tell(c, id, text);
	if (!c->fix || want > UINT32_MAX)
		return 0;
	if (want == 0)           /* perhaps what used it was lost */
		set_aside(c->store, id);
	return fix(c, id, now.links, (uint32_t)want);
}

static int
check_one(uint64_t id, const struct fs_blob *blob, void *arg)
{
	struct check *c = arg;
	struct hm_blob_reader *reader;
	struct fs_blob now;
	struct hm_err err = { 0 };
	uint64_t size;
	int r;

	/* not from what was found good before */
	atomic_store(&c->store->good[id % 1024], 0);
	r = fs_open(c->store, c->kv, id, &reader, &size, &err);
	if (r == -HM_ENOENT)
		return 0;
	if (r == 0) {
		fs_close(reader);
		return c->links ? check_links(c, id, blob->links) : 0;
	}
	if (r != -HM_ECORRUPT && r != -HM_EIO) {
		if (c->reterr)
			*c->reterr = err;
		return r;
	}
	tell(c, id, err.text);
	if (!c->fix || fs_find(c->kv, id, &now, NULL) < 0)
		return 0;
	set_aside(c->store, id);
	return fix(c, id, now.links, 0);
}

static bool
strange(const char *name)
{
	return name[0] != '.' && strcmp(name, "lock") != 0 &&
	    strcmp(name, "tmp") != 0 && strcmp(name, "damaged") != 0 &&
	    (strlen(name) != 2 || strspn(name, "0123456789abcdef") != 2);
}

static void
check_files(struct check *c)
{
	char text[FS_DIR_MAX + 300], to[300];
	DIR *dir = opendir(c->store->dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (!strange(entry->d_name))
			continue;
		snprintf(text, sizeof(text), "%s/%s: a strange file",
		    c->store->dir, entry->d_name);
		tell(c, 0, text);
		if (!c->fix)
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
fs_verify(struct fs_store *store, const struct fs_kv *kv, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct check c = { .store = store, .kv = kv, .fix = fix,
	    .links = links, .report = report, .arg = arg, .reterr = reterr };
	int r = fs_walk(kv, 'b', check_one, &c, reterr);

	if (!r)
		check_files(&c);
	return r ? r : c.count;
}
