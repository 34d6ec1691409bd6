/* verify.c - every page of every table, then every record in order. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "bdb.h"

#define REPORTS_MAX 1000
#define REREADS 5

struct check {
	struct bdb_env *env;
	struct hm_kv_table *table;
	void (*report)(const char *text, void *arg);
	void *arg;
	int count;
	struct bdb_mem last;   /* key seen last */
	size_t last_len;
	bool any;
};

static void
note(struct check *c, const char *fmt, ...) HM_PRINTF(2, 3);

static void
note(struct check *c, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->count++ < REPORTS_MAX && c->report)
		c->report(text, c->arg);
}

/* The page may be written while it is read: only one that stays wrong is. */
static bool
page_good_on_disk(int fd, void *page, size_t len, off_t offset, bool *ret_end)
{
	struct timespec pause = { .tv_nsec = 2000000 };
	ssize_t n;
	int i;

	for (i = 0; i < REREADS; i++) {
		n = pread(fd, page, len, offset);
		*ret_end = n >= 0 && n < (ssize_t)len;
		if (*ret_end || (n == (ssize_t)len && bdb_page_good(page, len)))
			return true;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return false;
}

static int
check_pages(struct check *c, struct hm_err *reterr)
{
	size_t len = c->table->page_bytes;
	char path[BDB_DIR_MAX + BDB_NAME_MAX + 8];
	uint32_t last = 0;
	off_t at = 0;
	bool end = false;
	char *page;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.db", c->env->dir, c->table->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hm_err_errno(reterr, errno, "cannot open %s", path);
	page = hm_xalloc(len);
	while (!end) {
		if (!page_good_on_disk(fd, page, len, at, &end))
			note(c, "table %s: page %lld does not match its checksum",
			    c->table->name, (long long)(at / (off_t)len));
		else if (at == 0 && !end)
			memcpy(&last, page + BDB_META_LAST, sizeof(last));
		at += (off_t)len;
	}
	/* the page read last is the one behind the end */
	if (at - (off_t)len < (off_t)len * ((off_t)last + 1))
		note(c, "table %s: its file ends at page %lld of %lu",
		    c->table->name, (long long)(at / (off_t)len - 1),
		    (unsigned long)last + 1);
	free(page);
	close(fd);
	return 0;
}

static int
see_record(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *c = arg;
	struct hm_str last = { c->last.p, c->last_len };

	(void)value;
	if (c->any && hm_str_cmp(last, key) >= 0)
		note(c, "table %s: keys out of order", c->table->name);
	c->any = true;
	bdb_mem_reserve(&c->last, key.len);
	if (key.len)
		memcpy(c->last.p, key.p, key.len);
	c->last_len = key.len;
	return 0;
}

static int
check_records(struct hm_kv_txn *txn, void *arg)
{
	struct check *c = arg;

	c->any = false;
	return bdb_scan(txn, c->table, HM_STR(""), HM_STR(""), 0, see_record,
	    c);
}

static void
note_strange(struct bdb_env *env, const char *name, void *arg)
{
	note(arg, "%s/%s: a strange file", env->dir, name);
}

int
bdb_verify(struct bdb_env *env, void (*report)(const char *text, void *arg),
    void *arg, struct hm_err *reterr)
{
	struct check c = { .env = env, .report = report, .arg = arg };
	struct hm_kv_table *table;
	struct hm_err err = { 0 };
	int r;

	r = env->db->txn_checkpoint(env->db, 0, 0, DB_FORCE);
	if (r)
		return bdb_fail(reterr, r, "checkpoint");
	pthread_mutex_lock(&env->mutex);
	table = env->tables; /* only ever grows at its front */
	pthread_mutex_unlock(&env->mutex);
	for (; table && r == 0; table = table->next) {
		c.table = table;
		r = check_pages(&c, reterr);
		if (!r && bdb_run(env, HM_KV_BROWSE, check_records, &c, &err))
			note(&c, "table %s: %s", table->name, err.text);
	}
	free(c.last.p);
	bdb_strange_files(env, note_strange, &c);
	return r ? r : c.count;
}
