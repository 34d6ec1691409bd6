/* txn.c - transactions: a closure that is run until it commits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <hermod/arena.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "bdb.h"

#define TRIES 200
#define FLUSH_TRIES 50
#define FLUSH_PAUSE_MS 100
#define SPARE_MAX 64
#define KEEP_BYTES (256u << 10)

void
bdb_mem_reserve(struct bdb_mem *mem, size_t bytes)
{
	size_t cap = mem->cap ? mem->cap : 1024;

	if (bytes <= mem->cap)
		return;
	while (cap < bytes)
		cap *= 2;
	free(mem->p);
	mem->p = hm_xalloc(cap);
	mem->cap = cap;
}

static void
trim(struct bdb_mem *mem)
{
	if (mem->cap <= KEEP_BYTES)
		return;
	free(mem->p);
	*mem = (struct bdb_mem){ 0 };
}

static struct hm_kv_txn *
take(struct bdb_env *env)
{
	struct hm_kv_txn *txn;

	pthread_mutex_lock(&env->mutex);
	txn = env->spare;
	if (txn) {
		env->spare = txn->next;
		env->nspare--;
	}
	pthread_mutex_unlock(&env->mutex);
	if (!txn) {
		txn = hm_xalloc(sizeof(*txn));
		bdb_mem_reserve(&txn->value, 1024);
	}
	txn->env = env;
	return txn;
}

static void
give(struct hm_kv_txn *txn)
{
	struct bdb_env *env = txn->env;

	trim(&txn->key);
	trim(&txn->value);
	trim(&txn->bulk);
	pthread_mutex_lock(&env->mutex);
	if (env->nspare < SPARE_MAX) {
		txn->next = env->spare;
		env->spare = txn;
		env->nspare++;
		txn = NULL;
	}
	pthread_mutex_unlock(&env->mutex);
	if (txn) {
		free(txn->key.p);
		free(txn->value.p);
		free(txn->bulk.p);
		free(txn);
	}
}

int
bdb_txn_fail(struct hm_kv_txn *txn, int result, const char *what,
    const struct hm_kv_table *table)
{
	char text[64 + BDB_NAME_MAX];
	int code;

	/* the common case; nobody reads its text */
	if (result == DB_NOTFOUND || result == DB_KEYEMPTY)
		return -HM_ENOENT;
	/* a cache full of pages that cannot be written back */
	if (result == ENOMEM && atomic_load(&txn->env->full))
		result = ENOSPC;
	snprintf(text, sizeof(text), "%s in table %s", what,
	    table ? table->name : "?");
	code = bdb_fail(&txn->err, result, text);
	if (code == -HM_ECONFLICT)
		txn->conflict = true;
	return code;
}

int
bdb_txn_ready(struct hm_kv_txn *txn)
{
	return txn->conflict ? -HM_ECONFLICT : 0;
}

/* The error of fn: a member's text, if it is the member's code that was handed
 * up; else what fn left in reterr itself. */
static int
hand_up(struct hm_kv_txn *txn, int code, struct hm_err *reterr)
{
	if (!reterr)
		return code;
	if (txn->err.code == code)
		*reterr = txn->err;
	else if (reterr->code != code)
		hm_err_set(reterr, code, "the transaction was given up");
	return code;
}

static int
attempt(struct hm_kv_txn *txn, unsigned number,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr)
{
	DB_ENV *db = txn->env->db;
	int ret, r;

	txn->db = NULL;
	txn->conflict = txn->wrote = false;
	txn->err.code = 0;
	if (!(txn->flags & HM_KV_BROWSE)) {
		r = db->txn_begin(db, NULL, &txn->db, 0);
		/* who lost before wins against newer ones */
		if (!r && number > 0)
			r = txn->db->set_priority(txn->db, 100 + number * 100);
		if (r)
			return bdb_fail(reterr, r, "cannot begin a transaction");
	}
	ret = fn(txn, arg);
	if (!txn->db) {
		if (ret < 0 && !txn->conflict)
			return hand_up(txn, ret, reterr);
		return ret;
	}
	if (ret >= 0 && !txn->conflict) {
		/* Locks go before the sync, which bdb_run() does: whoever sees
		 * these changes commits behind them in the log. */
		r = txn->db->commit(txn->db, DB_TXN_NOSYNC);
		txn->conflict = r == DB_LOCK_DEADLOCK;
		return r ? bdb_fail(reterr, r, "cannot commit") : ret;
	}
	r = txn->db->abort(txn->db);
	if (txn->conflict)
		return -HM_ECONFLICT;
	if (r)
		return bdb_fail(reterr, r, "cannot abort a transaction");
	return hand_up(txn, ret, reterr);
}

static void
back_off(unsigned number)
{
	uint64_t most_us = 50u << (number < 8 ? number : 8);
	struct timespec ts = {
		.tv_nsec = (long)(hm_random_below(most_us) + 1) * 1000,
	};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

int
bdb_run(struct bdb_env *env, unsigned flags,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct hm_kv_txn *txn;
	bool flush, again;
	unsigned number;
	int ret = 0;

	if (bdb_inside(true))
		return hm_err_set(reterr, -HM_EINVAL,
		    "a transaction inside a transaction");
	txn = take(env);
	txn->flags = flags;
	atomic_fetch_add(&env->running, 1);
	again = true;
	for (number = 0; again && number < TRIES; number++) {
		if (number > 0)
			back_off(number);
		ret = attempt(txn, number, fn, arg, reterr);
		again = txn->conflict;
	}
	if (again)
		ret = hm_err_set(reterr, -HM_EBUSY,
		    "too many concurrent changes of the same records");
	atomic_fetch_sub(&env->running, 1);
	flush = ret >= 0 && txn->wrote && !(flags & HM_KV_LAZY);
	bdb_inside(false);
	give(txn);
	if (flush) {
		int r = bdb_flush(env, reterr);

		if (r)
			ret = r;
	}
	return ret;
}

/* What is committed cannot be taken back, only be brought to the disk: if it is
 * full for a moment, nobody may be told that nothing was done. */
int
bdb_flush(struct bdb_env *env, struct hm_err *reterr)
{
	struct timespec pause = { .tv_nsec = FLUSH_PAUSE_MS * 1000000 };
	int ret = env->db->log_flush(env->db, NULL), i;

	/* After an I/O error the system may have dropped what it could not
	 * write: a second sync that succeeds would prove nothing. */
	for (i = 0; (ret == ENOSPC || ret == EDQUOT) && i < FLUSH_TRIES; i++) {
		atomic_store(&env->full, true);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		ret = env->db->log_flush(env->db, NULL);
	}
	if (ret)
		bdb_end(env, "the log could not be synced");
	(void)reterr;
	return 0;
}

static DBT
dbt_of(struct hm_str s)
{
	return (DBT){ .data = (void *)(uintptr_t)s.p, .size = (uint32_t)s.len };
}

int
bdb_get(struct hm_kv_txn *txn, struct hm_kv_table *table, struct hm_str key,
    unsigned flags, struct hm_str *ret)
{
	DBT k = dbt_of(key), v;
	uint32_t how = 0;
	int r = bdb_txn_ready(txn);

	if (r)
		return r;
	if ((flags & HM_KV_FOR_UPDATE) &&
	    !(txn->flags & (HM_KV_READ | HM_KV_BROWSE)))
		how = DB_RMW;
	do {
		v = (DBT){ .data = txn->value.p,
		    .ulen = (uint32_t)txn->value.cap,
		    .flags = DB_DBT_USERMEM };
		r = table->db->get(table->db, txn->db, &k, &v, how);
		if (r == DB_BUFFER_SMALL)
			bdb_mem_reserve(&txn->value, v.size);
	} while (r == DB_BUFFER_SMALL);
	if (r)
		return bdb_txn_fail(txn, r, "reading", table);
	*ret = (struct hm_str){ txn->value.p, v.size };
	return 0;
}

static int
may_write(struct hm_kv_txn *txn, struct hm_kv_table *table, struct hm_str key)
{
	int r = bdb_txn_ready(txn);

	if (r)
		return r;
	if (txn->flags & (HM_KV_READ | HM_KV_BROWSE))
		return hm_err_set(&txn->err, -HM_EINVAL,
		    "writing to table %s in a transaction that only reads",
		    table->name);
	if (key.len > BDB_KEY_MAX)
		return hm_err_set(&txn->err, -HM_ELIMIT,
		    "a key for table %s is too long", table->name);
	return 0;
}

int
bdb_put(struct hm_kv_txn *txn, struct hm_kv_table *table, struct hm_str key,
    struct hm_str value)
{
	DBT k = dbt_of(key), v = dbt_of(value);
	int r = may_write(txn, table, key);

	if (r)
		return r;
	if (value.len > BDB_VALUE_MAX)
		return hm_err_set(&txn->err, -HM_ELIMIT,
		    "a value for table %s is too long", table->name);
	if (atomic_load_explicit(&txn->env->full, memory_order_relaxed))
		return hm_err_set(&txn->err, -HM_ENOSPC,
		    "writing to table %s: no room on the disk", table->name);
	r = table->db->put(table->db, txn->db, &k, &v, 0);
	if (r)
		return bdb_txn_fail(txn, r, "writing", table);
	txn->wrote = true;
	return 0;
}

int
bdb_del(struct hm_kv_txn *txn, struct hm_kv_table *table, struct hm_str key)
{
	DBT k = dbt_of(key);
	int r = may_write(txn, table, key);

	if (r)
		return r;
	r = table->db->del(table->db, txn->db, &k, 0);
	if (r)
		return bdb_txn_fail(txn, r, "removing", table);
	txn->wrote = true;
	return 0;
}
