/* repair.c - tables made anew from the pages that can still be read.
 *
 * Nothing but the records in the leaves of the tree is taken from a damaged
 * file; what led to them is built again. The file itself is set aside, in
 * damaged/, and so is a log that cannot be used. As this may lose what only a
 * log knew, it is done for those who ask for it, with a file "repair".
 */
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

#include "bdb.h"
#include "file.h"

/* On-disk layout of Berkeley DB 5.3, db_page.h. */
#define META_PAGE_BYTES 20
#define META_TYPE 25
#define TYPE_META 9
#define NEXT_PAGE 16
#define ENTRIES 20
#define FREE_FROM 22             /* of an overflow page: how much it holds */
#define PAGE_TYPE 25
#define HEAD 32
#define TYPE_LEAF 5
#define TYPE_OVERFLOW 7
#define ITEM_HEAD 3
#define ITEM_TYPE 2
#define ITEM_BYTES 1
#define ITEM_OVERFLOW 3
#define ITEM_DELETED 0x80
#define PATH_MAX_BYTES (BDB_DIR_MAX + 128)

struct salvage {
	const char *name;        /* of the file */
	int fd;
	size_t page_bytes;
	uint32_t pages, bad;
	uint64_t records;
	DB *out;
	unsigned char *page, *over;
	struct bdb_mem key, value;
};

static uint32_t
get(const unsigned char *p, size_t bytes)
{
	uint32_t v = 0;

	memcpy(&v, p, bytes);    /* tables have the byte order of the machine */
	return v;
}

static bool
read_page(const struct salvage *s, uint32_t number, unsigned char *page)
{
	ssize_t n = pread(s->fd, page, s->page_bytes,
	    (off_t)number * (off_t)s->page_bytes);

	return n == (ssize_t)s->page_bytes &&
	    (bdb_page_good(page, s->page_bytes) ||
	    bdb_page_mend(page, s->page_bytes));
}

/* ---- what is in a leaf ---- */

static bool
append(struct bdb_mem *mem, size_t *len, const unsigned char *p, size_t n)
{
	struct bdb_mem more = { 0 };

	if (n > BDB_VALUE_MAX || *len + n > BDB_VALUE_MAX)
		return false;
	if (n == 0)
		return true;
	if (*len + n > mem->cap) {
		bdb_mem_reserve(&more, *len + n);
		if (*len > 0)
			memcpy(more.p, mem->p, *len);
		free(mem->p);
		*mem = more;
	}
	memcpy(mem->p + *len, p, n);
	*len += n;
	return true;
}

static bool
read_overflow(struct salvage *s, uint32_t number, uint32_t total,
    struct bdb_mem *out, size_t *ret_len)
{
	uint32_t left = s->pages;
	size_t n;

	while (number != 0 && left-- > 0) {
		if (!read_page(s, number, s->over) ||
		    s->over[PAGE_TYPE] != TYPE_OVERFLOW)
			return false;
		n = get(s->over + FREE_FROM, 2);
		if (n > s->page_bytes - HEAD ||
		    !append(out, ret_len, s->over + HEAD, n))
			return false;
		number = get(s->over + NEXT_PAGE, 4);
	}
	return *ret_len == total;
}

/* The i-th item of the page; false: there is none. */
static bool
read_item(struct salvage *s, uint32_t i, struct bdb_mem *out, size_t *ret_len)
{
	size_t at = get(s->page + HEAD + 2 * (size_t)i, 2), len;
	const unsigned char *item = s->page + at;

	*ret_len = 0;
	if (at < HEAD || at + 12 > s->page_bytes + 8 ||
	    at + ITEM_HEAD > s->page_bytes)
		return false;
	if (item[ITEM_TYPE] == ITEM_BYTES) {
		len = get(item, 2);
		return at + ITEM_HEAD + len <= s->page_bytes &&
		    append(out, ret_len, item + ITEM_HEAD, len);
	}
	return item[ITEM_TYPE] == ITEM_OVERFLOW && at + 12 <= s->page_bytes &&
	    read_overflow(s, get(item + 4, 4), get(item + 8, 4), out, ret_len);
}

static int
take_leaf(struct salvage *s)
{
	uint32_t n = get(s->page + ENTRIES, 2), i;
	size_t key_len, len;
	DBT k, v;
	int ret;

	if (n > (s->page_bytes - HEAD) / 2)
		return 0;
	for (i = 0; i + 1 < n; i += 2) {
		if (!read_item(s, i, &s->key, &key_len) ||
		    !read_item(s, i + 1, &s->value, &len))
			continue;        /* deleted, or without its overflow */
		k = (DBT){ .data = s->key.p, .size = (uint32_t)key_len };
		v = (DBT){ .data = s->value.p, .size = (uint32_t)len };
		ret = s->out->put(s->out, NULL, &k, &v, 0);
		if (ret)
			return ret;
		s->records++;
	}
	return 0;
}

static int
take_all(struct salvage *s)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < s->pages && ret == 0; i++)
		if (!read_page(s, i, s->page))
			s->bad++;
		else if (s->page[PAGE_TYPE] == TYPE_LEAF)
			ret = take_leaf(s);
	return ret;
}

/* ---- a file ---- */

/* From the first page; if that is damaged, the size that most pages agree to. */
static size_t
find_page_bytes(int fd, off_t size, bool *ret_meta)
{
	unsigned char *page = hm_xalloc(65536);
	size_t len, best = 0;
	unsigned good, most = 0;
	off_t at;

	*ret_meta = pread(fd, page, BDB_META_BYTES, 0) == BDB_META_BYTES &&
	    (bdb_page_good(page, BDB_META_BYTES) ||
	    bdb_page_mend(page, BDB_META_BYTES)) &&
	    page[META_TYPE] == TYPE_META;
	if (*ret_meta)
		best = get(page + META_PAGE_BYTES, 4);
	for (len = 4096; len <= 65536 && !*ret_meta; len *= 2) {
		for (good = 0, at = (off_t)len; at < size && at < 128 * (off_t)len;
		    at += (off_t)len)
			good += pread(fd, page, len, at) == (ssize_t)len &&
			    page[PAGE_TYPE] != 0 && bdb_page_good(page, len);
		if (good > most) {
			most = good;
			best = len;
		}
	}
	free(page);
	return best >= BDB_META_BYTES && best <= 65536 ? best : 0;
}

/* What is wrong with a table's file as it stands, or NULL. */
static const char *
look(const char *path, bool whole, uint32_t *ret_bad)
{
	unsigned char *page = hm_xalloc(65536);
	struct salvage s = { .fd = open(path, O_RDONLY | O_CLOEXEC) };
	const char *wrong = NULL;
	struct stat st;
	bool meta = true;
	uint32_t last = 0, i;

	*ret_bad = 0;
	if (s.fd < 0 || fstat(s.fd, &st) < 0 || st.st_size == 0)
		goto out;            /* none; or one that was being made */
	s.page_bytes = find_page_bytes(s.fd, st.st_size, &meta);
	if (!meta || !s.page_bytes) {
		wrong = "its first page is damaged";
		goto out;
	}
	if (read_page(&s, 0, page))
		last = get(page + BDB_META_LAST, 4);
	s.pages = (uint32_t)((uint64_t)st.st_size / s.page_bytes);
	for (i = 0; whole && i < s.pages; i++)
		*ret_bad += !read_page(&s, i, page);
	if (*ret_bad)
		wrong = "pages are damaged";
	else if (whole && last >= s.pages)
		wrong = "its end is missing";
out:
	if (s.fd >= 0)
		close(s.fd);
	free(page);
	return wrong;
}

static int
make_table(const char *path, size_t page_bytes, DB **ret)
{
	DB *db;
	int ret_ = db_create(&db, NULL, 0);

	if (ret_)
		return ret_;
	if ((ret_ = db->set_pagesize(db, (uint32_t)page_bytes)) ||
	    (ret_ = db->set_flags(db, DB_CHKSUM)) ||
	    (ret_ = db->open(db, NULL, path, NULL, DB_BTREE,
	    DB_CREATE | DB_TRUNCATE, 0600))) {
		db->close(db, 0);
		return ret_;
	}
	*ret = db;
	return 0;
}

/* Gives DIR/NAME a second name DIR/damaged/NAME.SECONDS. 0 or errno. */
static int
set_aside(struct bdb_env *env, const char *name)
{
	char from[PATH_MAX_BYTES], to[PATH_MAX_BYTES];

	snprintf(to, sizeof(to), "%s/damaged", env->dir);
	if (hm_dir_make(to, 0700, NULL) < 0)
		return errno;
	snprintf(from, sizeof(from), "%s/%s", env->dir, name);
	snprintf(to, sizeof(to), "%s/damaged/%.80s.%lld", env->dir, name,
	    (long long)(hm_wall_ms() / 1000));
	if (link(from, to) < 0 && errno != EEXIST)
		return errno;
	snprintf(to, sizeof(to), "%s/damaged", env->dir);
	return hm_dir_sync(to, NULL) < 0 ? errno : 0;
}

/* 0, errno or a result of Berkeley DB. */
static int
rebuild(struct bdb_env *env, struct salvage *s)
{
	char path[PATH_MAX_BYTES], fresh[PATH_MAX_BYTES];
	struct stat st;
	bool meta;
	int ret, closing;

	snprintf(path, sizeof(path), "%s/%s", env->dir, s->name);
	snprintf(fresh, sizeof(fresh), "%s/%.*s.new", env->dir,
	    (int)strlen(s->name) - 3, s->name);
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return errno;
	s->page_bytes = find_page_bytes(s->fd, st.st_size, &meta);
	if (!s->page_bytes)
		s->page_bytes = env->conf.page_bytes;
	s->pages = (uint32_t)(((uint64_t)st.st_size + s->page_bytes - 1) /
	    s->page_bytes);
	unlink(fresh);
	ret = make_table(fresh, s->page_bytes, &s->out);
	if (ret)
		return ret;
	ret = take_all(s);
	closing = s->out->close(s->out, 0);
	ret = ret ? ret : closing;
	if (!ret)
		ret = set_aside(env, s->name);
	return ret ? ret : rename(fresh, path) < 0 ? errno : 0;
}

/* An empty file NAME.lost; the folder is synced before the repair ends. */
static int
mark_lost(struct bdb_env *env, const char *name, struct hm_err *reterr)
{
	char path[PATH_MAX_BYTES];
	int fd;

	snprintf(path, sizeof(path), "%s/%.*s.lost", env->dir,
	    (int)strlen(name) - 3, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return hm_err_errno(reterr, errno, "cannot make %s", path);
	close(fd);
	return 0;
}

static int
rebuild_table(struct bdb_env *env, const char *name, const char *why,
    struct hm_err *reterr)
{
	struct salvage s = { .name = name, .page = hm_xalloc(65536),
		.over = hm_xalloc(65536), .fd = -1 };
	char what[PATH_MAX_BYTES];
	int ret = rebuild(env, &s);

	if (s.fd >= 0)
		close(s.fd);
	free(s.page);
	free(s.over);
	free(s.key.p);
	free(s.value.p);
	if (ret) {
		snprintf(what, sizeof(what), "cannot make %s anew", name);
		return bdb_fail(reterr, ret, what);
	}
	bdb_report(env, HM_LOG_ERROR, "%s: %s; it was made anew with %llu records "
	    "(%u of %u pages were lost), the old file is in damaged/", name, why,
	    (unsigned long long)s.records, s.bad, s.pages);
	return mark_lost(env, name, reterr);
}

/* ---- all files ---- */

static int
each_file(struct bdb_env *env, const char *prefix, const char *suffix,
    int (*fn)(struct bdb_env *env, const char *name, void *arg,
    struct hm_err *reterr), void *arg, struct hm_err *reterr)
{
	struct dirent **list;
	int n = scandir(env->dir, &list, NULL, alphasort), i, r = 0;
	size_t len;

	if (n < 0)
		return hm_err_errno(reterr, errno, "cannot read %s", env->dir);
	for (i = 0; i < n; i++) {
		len = strlen(list[i]->d_name);
		if (r == 0 && len > strlen(suffix) && len < 100 &&
		    strncmp(list[i]->d_name, prefix, strlen(prefix)) == 0 &&
		    strcmp(list[i]->d_name + len - strlen(suffix), suffix) == 0)
			r = fn(env, list[i]->d_name, arg, reterr);
		free(list[i]);
	}
	free(list);
	return r;
}

static int
count_file(struct bdb_env *env, const char *name, void *arg,
    struct hm_err *reterr)
{
	(void)env;
	(void)name;
	(void)reterr;
	++*(unsigned *)arg;
	return 0;
}

/* A file that does not end with a page is not even opened. What is missing of the
 * last one is as damaged as if it were there. */
static void
fill_last_page(struct bdb_env *env, const char *name, int fd)
{
	struct stat st;
	off_t over;
	bool meta;
	size_t len;

	if (fstat(fd, &st) < 0 || st.st_size < BDB_META_BYTES)
		return;
	len = find_page_bytes(fd, st.st_size, &meta);
	over = meta && len ? st.st_size % (off_t)len : 0;
	if (over && ftruncate(fd, st.st_size - over + (off_t)len) == 0 &&
	    fdatasync(fd) == 0)
		bdb_report(env, HM_LOG_ERROR, "%s was cut in the middle of a page: "
		    "run \"hermod verify\"", name);
}

/* Berkeley DB reads this page in a way of its own, before any other. */
static void
mend_first_page(struct bdb_env *env, const char *name, const char *path)
{
	unsigned char page[BDB_META_BYTES];
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (pread(fd, page, sizeof(page), 0) == (ssize_t)sizeof(page) &&
	    !bdb_page_good(page, sizeof(page)) &&
	    bdb_page_mend(page, sizeof(page)) &&
	    pwrite(fd, page, sizeof(page), 0) == (ssize_t)sizeof(page) &&
	    fdatasync(fd) == 0)
		bdb_report(env, HM_LOG_ERROR, "a flipped bit in the first page of "
		    "%s was mended: the disk or the memory of this machine needs "
		    "a look", name);
	fill_last_page(env, name, fd);
	close(fd);
}

static int
check_first_page(struct bdb_env *env, const char *name, void *arg,
    struct hm_err *reterr)
{
	char path[PATH_MAX_BYTES];
	const char *wrong;
	uint32_t bad;

	(void)arg;
	snprintf(path, sizeof(path), "%s/%s", env->dir, name);
	mend_first_page(env, name, path);
	wrong = look(path, false, &bad);
	return wrong ? hm_err_set(reterr, -HM_ECORRUPT, "table %s: %s: "
	    BDB_WAY_OUT, name, wrong, env->dir) : 0;
}

/* Recovery would pass over a table that cannot be opened, and over a log that is
 * not there. */
int
bdb_check_tables(struct bdb_env *env, bool log_needed, struct hm_err *reterr)
{
	unsigned logs = 0, tables = 0;
	int r;

	if ((r = each_file(env, "log.", "", count_file, &logs, reterr)) ||
	    (r = each_file(env, "", ".db", count_file, &tables, reterr)))
		return r;
	if (tables > 0 && logs == 0 && log_needed)
		return hm_err_set(reterr, -HM_ECORRUPT, "the log in %s is "
		    "missing: " BDB_WAY_OUT, env->dir, env->dir);
	return each_file(env, "", ".db", check_first_page, NULL, reterr);
}

bool
bdb_repair_wanted(struct bdb_env *env)
{
	char path[PATH_MAX_BYTES];

	snprintf(path, sizeof(path), "%s/repair", env->dir);
	return access(path, F_OK) == 0;
}

static int
drop_file(struct bdb_env *env, const char *name, void *arg,
    struct hm_err *reterr)
{
	char path[PATH_MAX_BYTES];
	int r = set_aside(env, name);

	(void)arg;
	snprintf(path, sizeof(path), "%s/%s", env->dir, name);
	if (!r && unlink(path) < 0)
		r = errno;
	return r ? hm_err_errno(reterr, r, "cannot set %s aside", name) : 0;
}

static int
repair_file(struct bdb_env *env, const char *name, void *arg,
    struct hm_err *reterr)
{
	const bool *without_log = arg;
	char path[PATH_MAX_BYTES];
	const char *wrong;
	uint32_t bad;

	snprintf(path, sizeof(path), "%s/%s", env->dir, name);
	wrong = look(path, true, &bad);
	/* pages name places in a log that is not there any more */
	if (!wrong && *without_log)
		wrong = "it needs a log that is lost";
	return wrong ? rebuild_table(env, name, wrong, reterr) : 0;
}

int
bdb_repair_tables(struct bdb_env *env, struct hm_err *reterr)
{
	char path[PATH_MAX_BYTES];
	unsigned logs = 0;
	bool without_log;
	int r = each_file(env, "log.", "", count_file, &logs, reterr);

	if (r)
		return r;
	bdb_check_tables(env, true, NULL);   /* mends what it can */
	without_log = logs == 0 || bdb_env_recover(env) != 0;
	bdb_env_close(env);
	/* it holds files that may be replaced now */
	r = bdb_env_journal(env, false, reterr);
	if (!r && without_log) {
		bdb_report(env, HM_LOG_ERROR, "the log in %s cannot be used: "
		    "what was stored last may be lost", env->dir);
		r = each_file(env, "log.", "", drop_file, NULL, reterr);
	}
	if (!r)
		r = each_file(env, "", ".db", repair_file, &without_log, reterr);
	if (!r)
		r = hm_dir_sync(env->dir, reterr);
	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/repair", env->dir);
	if (unlink(path) < 0)
		return hm_err_errno(reterr, errno, "cannot remove %s", path);
	return bdb_env_journal(env, true, reterr);
}

/* ---- while it is in use ---- */

static bool
ours(struct bdb_env *env, const char *name)
{
	const struct hm_kv_table *table;
	size_t len = strlen(name);

	if (name[0] == '.' || strcmp(name, "lock") == 0 ||
	    strcmp(name, "pages") == 0 || strcmp(name, "repair") == 0 ||
	    strcmp(name, "damaged") == 0 || strncmp(name, "log.", 4) == 0 ||
	    strncmp(name, "__db", 4) == 0)
		return true;
	for (table = env->tables; table; table = table->next)
		if (len == strlen(table->name) + 3 && strcmp(name + len - 3,
		    ".db") == 0 && strncmp(name, table->name, len - 3) == 0)
			return true;
	/* of a module that is not in use */
	return (len > 3 && strcmp(name + len - 3, ".db") == 0) ||
	    (len > 5 && strcmp(name + len - 5, ".lost") == 0);
}

bool
bdb_lost(struct bdb_env *env, const struct hm_kv_table *table)
{
	char path[PATH_MAX_BYTES];

	snprintf(path, sizeof(path), "%s/%s.lost", env->dir, table->name);
	return access(path, F_OK) == 0;
}

int
bdb_found(struct bdb_env *env, const struct hm_kv_table *table,
    struct hm_err *reterr)
{
	char path[PATH_MAX_BYTES];

	snprintf(path, sizeof(path), "%s/%s.lost", env->dir, table->name);
	if (unlink(path) < 0 && errno != ENOENT)
		return hm_err_errno(reterr, errno, "cannot remove %s", path);
	return hm_dir_sync(env->dir, reterr);
}

struct strange {
	void (*fn)(struct bdb_env *env, const char *name, void *arg);
	void *arg;
};

static int
see_strange(struct bdb_env *env, const char *name, void *arg,
    struct hm_err *reterr)
{
	struct strange *strange = arg;

	(void)reterr;
	if (!ours(env, name))
		strange->fn(env, name, strange->arg);
	return 0;
}

void
bdb_strange_files(struct bdb_env *env,
    void (*fn)(struct bdb_env *env, const char *name, void *arg), void *arg)
{
	struct strange strange = { fn, arg };

	each_file(env, "", "", see_strange, &strange, NULL);
}

static void
drop_strange(struct bdb_env *env, const char *name, void *arg)
{
	(void)arg;
	drop_file(env, name, NULL, NULL);
}

/* Flipped bits are mended where they are. */
static void
mend_table(struct bdb_env *env, const struct hm_kv_table *table)
{
	char path[PATH_MAX_BYTES];
	struct bdb_table_file *file;
	off_t at = 0;

	snprintf(path, sizeof(path), "%s/%s.db", env->dir, table->name);
	file = bdb_journal_file(path);
	while (file && bdb_journal_mend(file, table->page_bytes, at))
		at += table->page_bytes;
	if (file)
		bdb_journal_sync(file);
}

int
bdb_repair(struct bdb_env *env, void (*report)(const char *text, void *arg),
    void *arg, struct hm_err *reterr)
{
	char path[PATH_MAX_BYTES];
	struct hm_kv_table *table;
	int n, fd;

	pthread_mutex_lock(&env->mutex);
	table = env->tables;     /* only ever grows at its front */
	pthread_mutex_unlock(&env->mutex);
	for (; table; table = table->next)
		mend_table(env, table);
	bdb_strange_files(env, drop_strange, NULL);
	n = bdb_verify(env, NULL, NULL, reterr);
	if (n <= 0)
		return n;
	snprintf(path, sizeof(path), "%s/repair", env->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return hm_err_errno(reterr, errno, "cannot make %s", path);
	close(fd);
	report("damaged tables are made anew from what can be read when they are "
	    "opened next: restart the server if it runs, then run \"hermod "
	    "verify --fix\" again", arg);
	return n;
}
