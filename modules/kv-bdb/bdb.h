/* bdb.h - one Berkeley DB environment: the engine behind kv-bdb.
 *
 * Plain C without the plugin layer, so that it can be tested by itself. Thread:
 * everything may block; a worker's.
 */
#ifndef KV_BDB_BDB_H
#define KV_BDB_BDB_H

#include <pthread.h>
#include <stdatomic.h>

#include <db.h>

#include <hermod/err.h>
#include <hermod/iface/kv.h>
#include <hermod/log.h>

/* Of struct bdb_env: a module of another version must not touch it. */
#define BDB_ENV_VERSION 2

#define BDB_KEY_MAX 4096
#define BDB_VALUE_MAX (64u << 20)
#define BDB_NAME_MAX 60
#define BDB_DIR_MAX 900
#define BDB_META_BYTES 512
#define BDB_META_LAST 32     /* where the first page has the last one's number */

struct bdb_conf {
	const char *dir;             /* made if it is missing */
	uint64_t cache_bytes;
	uint32_t page_bytes;         /* of tables made from now on */
	uint64_t checkpoint_bytes;   /* log written between checkpoints */
	int64_t lock_wait_ms;        /* then the transaction starts anew */
	uint64_t reserve_bytes;      /* keep free on the disk */
	bool journal;                /* pages are whole after a power failure */
	/* What the operator should know; text is one line. */
	void (*report)(enum hm_loglevel level, const char *text, void *arg);
	void *arg;
};

struct hm_kv_table {
	struct hm_kv_table *next;
	struct bdb_env *env;
	DB *db;
	uint32_t page_bytes;
	char name[BDB_NAME_MAX + 1];
};

/* Growing memory that a DBT points to. */
struct bdb_mem {
	char *p;
	size_t cap;
};

struct hm_kv_txn {
	struct bdb_env *env;
	struct hm_kv_txn *next;      /* in the list of spare ones */
	DB_TXN *db;                  /* NULL: each call by itself */
	unsigned flags;              /* enum hm_kv_flags */
	bool conflict, wrote;
	struct hm_err err;           /* of the member that failed last */
	struct bdb_mem key, value, bulk;
};

struct bdb_env {
	uint32_t version;            /* BDB_ENV_VERSION; first for ever */
	struct bdb_conf conf;
	char *dir;
	DB_ENV *db;
	struct bdb_journal *journal; /* NULL: none */
	int lock_fd;
	bool opened;                 /* a panic ends the process from now on */
	atomic_uint running;         /* transactions */
	atomic_bool full;            /* less than the reserve is free */
	pthread_mutex_t mutex;       /* of what follows */
	pthread_cond_t wake;
	bool stopping;
	struct hm_kv_table *tables;
	struct hm_kv_txn *spare;
	unsigned nspare;
	bool checkpoints, detects;   /* the threads run */
	pthread_t checkpointer, detector;
	pthread_mutex_t beside_mutex; /* of the next, and of what logs for it */
	struct bdb_beside_file *beside;
	DB_LSN settled_ckp;          /* the checkpoint that beside was synced for */
};

int bdb_open(const struct bdb_conf *conf, struct bdb_env **ret,
    struct hm_err *reterr);
void bdb_close(struct bdb_env *env); /* NULL accepted */
void bdb_report(struct bdb_env *env, enum hm_loglevel level,
    const char *fmt, ...) HM_PRINTF(3, 4);
/* After an error that only recovery mends: says so and ends the process. */
void bdb_end(struct bdb_env *env, const char *what);
/* Turns a result of Berkeley DB into a code and "what: reason". */
int bdb_fail(struct hm_err *err, int result, const char *what);

/* Opens the environment, with recovery; a result of Berkeley DB. */
int bdb_env_open(struct bdb_env *env);
int bdb_env_recover(struct bdb_env *env);
void bdb_env_close(struct bdb_env *env);
int bdb_env_journal(struct bdb_env *env, bool open, struct hm_err *reterr);

/* After what is wrong; the directory follows. */
#define BDB_WAY_OUT "restore the directory from a copy, or make an empty file " \
	"%s/repair and start again: tables are then made anew from what can be " \
	"read, and \"hermod verify --fix\" has to be run"

/* beside.c; results of Berkeley DB. All that the log stands for is on the disk: */
int bdb_settle(struct bdb_env *env);
/* The same behind a checkpoint; the log loses what is not needed any more. */
int bdb_settle_checkpoint(struct bdb_env *env);
/* After recovery: what the log stands for is written to its place. */
int bdb_settle_log(struct bdb_env *env);
void bdb_beside_forget(struct bdb_env *env);

/* The background threads, see threads.c. */
int bdb_threads_start(struct bdb_env *env, struct hm_err *reterr);
void bdb_threads_stop(struct bdb_env *env);
void bdb_look_at_disk(struct bdb_env *env);

/* The members of the service "kv". */
int bdb_table(struct bdb_env *env, const char *name, struct hm_kv_table **ret,
    struct hm_err *reterr);
int bdb_run(struct bdb_env *env, unsigned flags,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr);
int bdb_flush(struct bdb_env *env, struct hm_err *reterr);
int bdb_get(struct hm_kv_txn *txn, struct hm_kv_table *table,
    struct hm_str key, unsigned flags, struct hm_str *ret);
int bdb_put(struct hm_kv_txn *txn, struct hm_kv_table *table,
    struct hm_str key, struct hm_str value);
int bdb_del(struct hm_kv_txn *txn, struct hm_kv_table *table,
    struct hm_str key);
int bdb_scan(struct hm_kv_txn *txn, struct hm_kv_table *table,
    struct hm_str from, struct hm_str to, unsigned flags,
    int (*fn)(struct hm_str key, struct hm_str value, void *arg), void *arg);
bool bdb_covers(struct bdb_env *env, const char *path);
int bdb_cover(struct hm_kv_txn *txn, const char *path, uint64_t offset,
    struct hm_str bytes);
int bdb_verify(struct bdb_env *env,
    void (*report)(const char *text, void *arg), void *arg,
    struct hm_err *reterr);

int bdb_repair(struct bdb_env *env,
    void (*report)(const char *text, void *arg), void *arg,
    struct hm_err *reterr);

/* repair.c: before the environment is opened. Whether all tables can be read
 * from their first page; and what an operator has asked for with a file
 * "repair". */
int bdb_check_tables(struct bdb_env *env, bool log_needed,
    struct hm_err *reterr);
void bdb_strange_files(struct bdb_env *env,
    void (*fn)(struct bdb_env *env, const char *name, void *arg), void *arg);
bool bdb_repair_wanted(struct bdb_env *env);
int bdb_repair_tables(struct bdb_env *env, struct hm_err *reterr);
/* Whether that made the table anew and nobody has looked yet for what it lost; that
 * somebody has. */
bool bdb_lost(struct bdb_env *env, const struct hm_kv_table *table);
int bdb_found(struct bdb_env *env, const struct hm_kv_table *table,
    struct hm_err *reterr);

/* Between txn.c and scan.c. */
int bdb_txn_fail(struct hm_kv_txn *txn, int result, const char *what,
    const struct hm_kv_table *table);
/* 0, or the error that a call on txn has to return without doing anything. */
int bdb_txn_ready(struct hm_kv_txn *txn);
void bdb_mem_reserve(struct bdb_mem *mem, size_t bytes);

/* What stands between Berkeley DB and its files, see file.h. */
void bdb_file_hooks(void);
bool bdb_page_good(const void *page, size_t len);
/* Whether one flipped bit was all that is wrong; then it is right again. */
bool bdb_page_mend(void *page, size_t len);
void bdb_page_void(void *page, size_t len, uint32_t number);
/* While this thread recovers, pages that are damaged read as void ones. Returns
 * how many did. */
void bdb_recovering(bool on);
unsigned bdb_voided(void);
/* Whether a write of this thread found no room since recovery began. */
bool bdb_no_room(void);
unsigned long bdb_syncs(void);   /* how often something was synced so far */
/* Marks this thread as running a transaction; returns whether it did. One that
 * waits for another of its own thread would never end, and no detector can see
 * it. */
bool bdb_inside(bool now);

#endif
