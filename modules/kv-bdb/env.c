/* env.c - opening and closing the environment, its tables, its errors. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/dir.h>

#include "bdb.h"
#include "file.h"

/* A page of a table may hold locks of many transactions; the defaults (about a
 * hundred transactions, a thousand locks) are for toys. Only what is used
 * takes memory. */
#define BDB_LOCKS 1000000
#define BDB_TXNS 10000
#define BDB_MUTEXES 1000        /* at first; one for each page and lock to come */
#define BDB_MUTEXES_MAX 2000000
#define BDB_LOCK_BUCKETS 1024
#define BDB_CACHE_MUTEXES 256   /* for the cache's chains of pages */
#define BDB_LOG_FILE (8u << 20) /* zeroed behind its end at each start */
#define BDB_LOG_BUFFER (512u << 10)

void
bdb_report(struct bdb_env *env, enum hm_loglevel level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!env->conf.report)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	env->conf.report(level, text, env->conf.arg);
}

int
bdb_fail(struct hm_err *err, int result, const char *what)
{
	switch (result) {
	case DB_LOCK_DEADLOCK:
	case DB_LOCK_NOTGRANTED:
		return hm_err_set(err, -HM_ECONFLICT,
		    "%s: a concurrent transaction won", what);
	case DB_NOTFOUND:
	case DB_KEYEMPTY:
		return hm_err_set(err, -HM_ENOENT, "%s: no such key", what);
	case EUCLEAN: /* what our own page check says */
	case DB_PAGE_NOTFOUND:
	case DB_VERIFY_BAD:
		return hm_err_set(err, -HM_ECORRUPT,
		    "%s: a page of the table is damaged, see hermod-kv-bdb(7)",
		    what);
	case DB_RUNRECOVERY:
		return hm_err_set(err, -HM_ECORRUPT,
		    "%s: the tables or their log are damaged", what);
	case ENOMEM:
		return hm_err_set(err, -HM_ELIMIT,
		    "%s: the transaction is too large", what);
	}
	if (result > 0)
		return hm_err_disk(err, result, "%s", what);
	return hm_err_set(err, -HM_EIO, "%s: %s", what, db_strerror(result));
}

static void
on_message(const DB_ENV *db, const char *prefix, const char *text)
{
	struct bdb_env *env = db->app_private;

	(void)prefix;
	bdb_report(env, env->opened ? HM_LOG_ERROR : HM_LOG_WARN, "%s", text);
}

/* Recovery is what the next start does. */
void
bdb_end(struct bdb_env *env, const char *what)
{
	bdb_report(env, HM_LOG_ERROR, "%s; ending the process to recover", what);
	abort();
}

/* Our own records in the log are no business of recovery's, see beside.c. */
static int
on_own_record(DB_ENV *db, DBT *record, DB_LSN *lsn, db_recops op)
{
	(void)db;
	(void)record;
	(void)lsn;
	(void)op;
	return 0;
}

/* After a panic every call fails. */
static void
on_event(DB_ENV *db, uint32_t event, void *info)
{
	struct bdb_env *env = db->app_private;

	(void)info;
	if (event == DB_EVENT_WRITE_FAILED &&
	    !atomic_exchange(&env->full, true))
		bdb_report(env, HM_LOG_ERROR,
		    "writing to the disk of %s failed", env->dir);
	if (event == DB_EVENT_PANIC && env->opened)
		bdb_end(env, "the environment cannot go on");
}

/* One process owns the directory; the kernel forgets the lock with it. */
static int
take_lock(struct bdb_env *env, struct hm_err *reterr)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[BDB_DIR_MAX + 16], pid[32];
	ssize_t n;
	int fd, len, r = hm_dir_make(env->dir, 0700, reterr);

	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/lock", env->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return hm_err_errno(reterr, errno, "cannot open %s", path);
	if (fcntl(fd, F_OFD_SETLK, &fl) < 0) {
		n = pread(fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		close(fd);
		return hm_err_set(reterr, -HM_EBUSY,
		    "%s is in use by process %.*s", env->dir,
		    (int)strspn(pid, "0123456789"), pid);
	}
	len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
		close(fd);
		return hm_err_errno(reterr, errno, "cannot write %s", path);
	}
	env->lock_fd = fd;
	return 0;
}

static int
configure(struct bdb_env *env)
{
	const struct bdb_conf *conf = &env->conf;
	DB_ENV *db = env->db;
	int ret;

	db->app_private = env;
	db->set_errcall(db, on_message);
	if ((ret = db->set_event_notify(db, on_event)) ||
	    (ret = db->set_cachesize(db, (uint32_t)(conf->cache_bytes >> 30),
	    (uint32_t)(conf->cache_bytes & ((1u << 30) - 1)), 1)) ||
	    /* fewer, longer hash chains: pages are larger than it assumes */
	    (ret = db->set_mp_pagesize(db, conf->page_bytes)) ||
	    (ret = db->set_lk_max_locks(db, BDB_LOCKS)) ||
	    (ret = db->set_lk_max_objects(db, BDB_LOCKS)) ||
	    (ret = db->set_lk_max_lockers(db, BDB_TXNS)) ||
	    /* else these are sized, and filled, for as many as there may be */
	    (ret = db->set_lk_tablesize(db, BDB_LOCK_BUCKETS)) ||
	    (ret = db->mutex_set_init(db, BDB_MUTEXES)) ||
	    /* Where the number of mutexes is given and this is not, the chains
	     * of pages have none: threads lose each other's changes. */
	    (ret = db->set_mp_mtxcount(db, BDB_CACHE_MUTEXES)) ||
	    (ret = db->mutex_set_max(db, BDB_MUTEXES_MAX)) ||
	    (ret = db->set_lk_detect(db, DB_LOCK_MINWRITE)) ||
	    (ret = db->set_tx_max(db, BDB_TXNS)) ||
	    (ret = db->set_lg_max(db, BDB_LOG_FILE)) ||
	    (ret = db->set_lg_bsize(db, BDB_LOG_BUFFER)) ||
	    (ret = db->set_app_dispatch(db, on_own_record)) ||
	    (ret = db->set_flags(db, DB_TIME_NOTGRANTED, 1)))
		return ret;
	return db->set_timeout(db, (db_timeout_t)(conf->lock_wait_ms * 1000),
	    DB_SET_LOCK_TIMEOUT);
}

int
bdb_env_journal(struct bdb_env *env, bool open, struct hm_err *reterr)
{
	unsigned pages = 0;
	int r = 0;

	if (!open && env->journal)
		r = bdb_journal_close(env->journal);
	if (!open)
		env->journal = NULL;
	if (r)
		return hm_err_errno(reterr, r, "cannot write pages back");
	if (!open || !env->conf.journal)
		return 0;
	r = bdb_journal_open(env, &env->journal, &pages, reterr);
	if (!r && pages > 0)
		bdb_report(env, HM_LOG_INFO, "%u pages of tables in %s were "
		    "written to their places again", pages, env->dir);
	return r;
}

/* Regions lie in the heap (DB_PRIVATE): one process, nothing to clean up after
 * it, memory taken as it is used. Recovery is always run; after an orderly end
 * there is nothing for it to do. */
int
bdb_env_open(struct bdb_env *env)
{
	int ret = db_env_create(&env->db, 0);

	if (!ret)
		ret = configure(env);
	if (!ret)
		ret = env->db->open(env->db, env->dir, DB_CREATE |
		    DB_INIT_MPOOL | DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_TXN |
		    DB_THREAD | DB_PRIVATE | DB_RECOVER, 0600);
	return ret;
}

void
bdb_env_close(struct bdb_env *env)
{
	if (env->db)
		env->db->close(env->db, 0);
	env->db = NULL;
}

/* The log is applied to all pages but damaged ones, which stay as they are for
 * verify to tell of. What stood for them in the cache goes with it. */
int
bdb_env_recover(struct bdb_env *env)
{
	int ret;

	bdb_recovering(true);
	ret = bdb_env_open(env);
	if (ret == 0 && bdb_voided() > 0) {
		bdb_report(env, HM_LOG_ERROR, "%u pages of tables in %s are "
		    "damaged: run \"hermod verify\"", bdb_voided(), env->dir);
		bdb_env_close(env);
		bdb_recovering(false);
		return bdb_env_open(env);
	}
	bdb_recovering(false);
	return ret;
}

static bool
way_out(int ret)
{
	return ret != EIO && ret != ENOMEM && ret != EMFILE && ret != ENFILE &&
	    ret != EACCES && ret != EPERM && ret != EROFS;
}

static int
open_env(struct bdb_env *env, struct hm_err *reterr)
{
	char what[BDB_DIR_MAX + 64];
	bool repair = bdb_repair_wanted(env);
	int ret;

	snprintf(what, sizeof(what), "cannot open the tables in %s", env->dir);
	bdb_file_hooks();
	ret = bdb_env_journal(env, true, reterr);
	if (!ret && repair)
		ret = bdb_repair_tables(env, reterr);
	if (!ret)
		ret = bdb_check_tables(env, !repair, reterr);
	if (ret)
		return ret;
	ret = bdb_env_recover(env);
	if (!ret)
		ret = bdb_settle_log(env);
	if (!ret)
		return 0;
	/* a new log file is filled with zeroes at once */
	if (env->full || bdb_no_room() || ret == ENOSPC || ret == EDQUOT)
		return hm_err_set(reterr, -HM_ENOSPC, "%s: no room on the disk: "
		    "recovery may write as much as the files log.* there have; "
		    "free that, and start again", what);
	if (!way_out(ret))
		return bdb_fail(reterr, ret, what);
	return hm_err_set(reterr, -HM_ECORRUPT, "the log in %s is damaged: "
	    BDB_WAY_OUT, env->dir, env->dir);
}

int
bdb_open(const struct bdb_conf *conf, struct bdb_env **ret,
    struct hm_err *reterr)
{
	size_t len = strlen(conf->dir);
	struct bdb_env *env;
	int r;

	if (len > BDB_DIR_MAX)
		return hm_err_set(reterr, -HM_ELIMIT,
		    "the path of the directory for tables is too long");
	env = hm_xalloc(sizeof(*env));
	env->version = BDB_ENV_VERSION;
	env->conf = *conf;
	env->dir = hm_xalloc(len + 1);
	memcpy(env->dir, conf->dir, len + 1);
	env->conf.dir = env->dir;
	env->lock_fd = -1;
	pthread_mutex_init(&env->mutex, NULL);
	pthread_cond_init(&env->wake, NULL);
	pthread_mutex_init(&env->beside_mutex, NULL);
	r = take_lock(env, reterr);
	if (!r)
		r = open_env(env, reterr);
	if (!r) {
		bdb_look_at_disk(env);
		r = bdb_threads_start(env, reterr);
	}
	if (r) {
		bdb_close(env);
		return r;
	}
	env->opened = true;
	*ret = env;
	return 0;
}

static void
free_txn(struct hm_kv_txn *txn)
{
	free(txn->key.p);
	free(txn->value.p);
	free(txn->bulk.p);
	free(txn);
}

void
bdb_close(struct bdb_env *env)
{
	struct hm_kv_table *table;
	struct hm_kv_txn *txn;

	if (!env)
		return;
	bdb_threads_stop(env);
	while ((table = env->tables)) {
		env->tables = table->next;
		table->db->close(table->db, 0);
		free(table);
	}
	while ((txn = env->spare)) {
		env->spare = txn->next;
		free_txn(txn);
	}
	if (env->db) {
		if (env->opened &&
		    env->db->txn_checkpoint(env->db, 0, 0, DB_FORCE) == 0)
			bdb_settle_checkpoint(env);
		env->opened = false;
		env->db->close(env->db, 0);
	}
	if (env->journal && bdb_journal_close(env->journal) != 0)
		bdb_report(env, HM_LOG_WARN, "not all pages of tables in %s "
		    "could be written back", env->dir);
	if (env->lock_fd >= 0)
		close(env->lock_fd);
	bdb_beside_forget(env);
	pthread_mutex_destroy(&env->beside_mutex);
	pthread_cond_destroy(&env->wake);
	pthread_mutex_destroy(&env->mutex);
	free(env->dir);
	free(env);
}

static bool
name_good(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= BDB_NAME_MAX && name[0] != '-' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static int
open_table(struct bdb_env *env, struct hm_kv_table *table,
    struct hm_err *reterr)
{
	char file[BDB_NAME_MAX + 4], what[BDB_NAME_MAX + 32];
	DB *db;
	int ret;

	snprintf(file, sizeof(file), "%s.db", table->name);
	snprintf(what, sizeof(what), "cannot open table %s", table->name);
	ret = db_create(&db, env->db, 0);
	if (ret)
		return bdb_fail(reterr, ret, what);
	if ((ret = db->set_pagesize(db, env->conf.page_bytes)) ||
	    (ret = db->set_flags(db, DB_CHKSUM)) ||
	    (ret = db->open(db, NULL, file, NULL, DB_BTREE,
	    DB_CREATE | DB_THREAD | DB_AUTO_COMMIT, 0600)) ||
	    (ret = db->get_pagesize(db, &table->page_bytes))) {
		db->close(db, 0);
		return bdb_fail(reterr, ret, what);
	}
	table->db = db;
	return 0;
}

int
bdb_table(struct bdb_env *env, const char *name, struct hm_kv_table **ret,
    struct hm_err *reterr)
{
	struct hm_kv_table *table;
	int r = 0;

	if (!name_good(name))
		return hm_err_set(reterr, -HM_EINVAL,
		    "\"%.*s\" is no name for a table", BDB_NAME_MAX, name);
	pthread_mutex_lock(&env->mutex);
	for (table = env->tables; table; table = table->next)
		if (strcmp(table->name, name) == 0)
			break;
	if (!table) {
		table = hm_xalloc(sizeof(*table));
		table->env = env;
		memcpy(table->name, name, strlen(name) + 1);
		r = open_table(env, table, reterr);
		if (r) {
			free(table);
		} else {
			table->next = env->tables;
			env->tables = table;
		}
	}
	pthread_mutex_unlock(&env->mutex);
	if (!r)
		*ret = table;
	return r;
}
