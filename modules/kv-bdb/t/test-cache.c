/* test-cache.c - tables larger than the cache, changed by several threads at
 * once: nobody loses what another one wrote. */
#include <stdlib.h>
#include <string.h>

#include <hermod/str.h>

#include "modules/kv-bdb/bdb.h"

#include "t/scratch.h"
#include "t/tap.h"

enum {
	THREADS = 6, KEYS = 6000, STEPS = 6000,
	CACHE = 2 << 20, PAGE = 16384,
	VALUE = 1000,              /* all of them: three times the cache */
};

static struct bdb_env *env;
static struct hm_kv_table *table;
static uint32_t written[KEYS];     /* the owner's: thread number KEY % THREADS */

struct step {
	unsigned thread, done, key;
	uint32_t found;
};

static void
report(enum hm_loglevel level, const char *text, void *arg)
{
	(void)arg;
	if (level == HM_LOG_ERROR)
		diag("%s", text);
}

static struct hm_str
key_of(char buf[16], unsigned n)
{
	return (struct hm_str){ buf, (size_t)snprintf(buf, 16, "%08u", n) };
}

/* Adds one to a number. */
static int
count(struct hm_kv_txn *txn, void *arg)
{
	struct step *step = arg;
	char key[16], value[VALUE] = "";
	struct hm_str k = key_of(key, step->key), got;
	int r = bdb_get(txn, table, k, HM_KV_FOR_UPDATE, &got);
	uint32_t next;

	step->found = 0;
	if (r == 0 && got.len == VALUE)
		memcpy(&step->found, got.p, sizeof(step->found));
	else if (r != -HM_ENOENT)
		return r < 0 ? r : -HM_ECORRUPT;
	next = step->found + 1;
	memcpy(value, &next, sizeof(next));
	return bdb_put(txn, table, k, (struct hm_str){ value, VALUE });
}

static void *
worker(void *arg)
{
	struct step *step = arg;
	unsigned seed = step->thread;
	struct hm_err err;

	for (step->done = 0; step->done < STEPS; step->done++) {
		step->key = (unsigned)rand_r(&seed) % (KEYS / THREADS) *
		    THREADS + step->thread;
		if (bdb_run(env, HM_KV_LAZY, count, step, &err) < 0) {
			diag("key %u: %s", step->key, err.text);
			break;
		}
		if (step->found != written[step->key]) {
			diag("key %u: %u, not %u", step->key, step->found,
			    written[step->key]);
			break;
		}
		written[step->key]++;
	}
	return NULL;
}

static bool
open_env(const char *dir)
{
	struct bdb_conf conf = { .dir = dir, .cache_bytes = CACHE,
		.page_bytes = PAGE, .checkpoint_bytes = 4 << 20,
		.lock_wait_ms = 10000, .journal = true, .report = report };
	struct hm_err err;

	if (bdb_open(&conf, &env, &err) == 0 &&
	    bdb_table(env, "numbers", &table, &err) == 0)
		return true;
	diag("%s", err.text);
	return false;
}

static void
test_threads(void)
{
	struct step steps[THREADS];
	pthread_t threads[THREADS];
	unsigned i, good = 0;

	for (i = 0; i < THREADS; i++) {
		steps[i] = (struct step){ .thread = i };
		pthread_create(&threads[i], NULL, worker, &steps[i]);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		good += steps[i].done == STEPS;
	}
	is_int(good, THREADS, "threads that read what they had written");
}

static void
test_cache(void)
{
	DB_MPOOL_STAT *stat;

	if (!ok(env->db->memp_stat(env->db, &stat, NULL, 0) == 0, "the cache"))
		return;
	ok(stat->st_hash_mutexes > 0, "its chains of pages have mutexes");
	ok(stat->st_ro_evict + stat->st_rw_evict > STEPS / 10,
	    "it was too small for all of them");
	free(stat);
}

static int
compare(struct hm_kv_txn *txn, void *arg)
{
	unsigned *good = arg, i;

	for (*good = 0, i = 0; i < KEYS; i++) {
		struct hm_str got;
		char key[16];
		int r = bdb_get(txn, table, key_of(key, i), 0, &got);

		if (r < 0 && (r != -HM_ENOENT || written[i]))
			return r;
		*good += r < 0 || (got.len == VALUE && memcmp(got.p, &written[i],
		    sizeof(written[i])) == 0);
	}
	return 0;
}

static void
test_after(const char *dir)
{
	unsigned good = 0;

	bdb_close(env);
	if (!ok(open_env(dir), "opened again"))
		return;
	is_int(bdb_run(env, HM_KV_READ, compare, &good, NULL), 0, "all can be read");
	is_int(good, KEYS, "and is what was written");
	bdb_close(env);
}

int
main(void)
{
	const char *dir = scratch_path("kv");

	if (ok(open_env(dir), "opened")) {
		test_threads();
		test_cache();
		test_after(dir);
	}
	return done();
}
