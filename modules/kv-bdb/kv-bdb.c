/* kv-bdb.c - the service "kv" on Berkeley DB. */
#include <string.h>

#include <hermod/iface/kv.h>
#include <hermod/plugin.h>
#include <hermod/work.h>

#include "bdb.h"

struct kv_bdb_conf {
	const char *directory;
	uint64_t cache;
	uint64_t page_size;
	uint64_t checkpoint;
	int64_t lock_wait_ms;
	uint64_t reserve;
	bool page_journal;
};

static const struct hm_opt kv_bdb_options[] = {
	HM_OPT_STR(struct kv_bdb_conf, directory, "kv",
	    "Where the tables and their log are; relative to the data directory."),
	HM_OPT_SIZE(struct kv_bdb_conf, cache, "64M",
	    "Memory for pages of tables. It is taken as it is used. A change "
	    "takes effect when the server is started anew.",
	    .min = "1M", .max = "64G"),
	HM_OPT_SIZE(struct kv_bdb_conf, page_size, "16K",
	    "Size of the pages of tables that are made from now on: a power of "
	    "two.", .min = "4K", .max = "64K"),
	HM_OPT_SIZE(struct kv_bdb_conf, checkpoint, "16M",
	    "Changed pages are written back when the log has grown by this much, "
	    "or after a minute. More makes the start after a crash slower.",
	    .min = "1M", .max = "1G"),
	HM_OPT_TIME(struct kv_bdb_conf, lock_wait_ms, "10s",
	    "A transaction that waits longer for another one starts anew.",
	    .min = "100ms", .max = "10m"),
	HM_OPT_SIZE(struct kv_bdb_conf, reserve, "32M",
	    "Nothing is written while less than this is free on the disk; "
	    "what is there can be read and removed.", .max = "1T"),
	HM_OPT_BOOL(struct kv_bdb_conf, page_journal, "yes",
	    "Pages are written to a journal first, so that none is left half "
	    "written by a power failure. A file system that never overwrites "
	    "data in place, such as ZFS, does not need it."),
	HM_OPT_END
};

/* ---- the service ---- */

static int
kv_bdb_table(struct hm_mod *self, const char *name, struct hm_kv_table **ret,
    struct hm_err *reterr)
{
	return bdb_table(hm_mod_state(self), name, ret, reterr);
}

static int
kv_bdb_run(struct hm_mod *self, unsigned flags,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr)
{
	return bdb_run(hm_mod_state(self), flags, fn, arg, reterr);
}

static int
kv_bdb_flush(struct hm_mod *self, struct hm_err *reterr)
{
	return bdb_flush(hm_mod_state(self), reterr);
}

static int
kv_bdb_verify(struct hm_mod *self, void (*report)(const char *text, void *arg),
    void *arg, struct hm_err *reterr)
{
	return bdb_verify(hm_mod_state(self), report, arg, reterr);
}

static int
kv_bdb_repair(struct hm_mod *self, void (*report)(const char *text, void *arg),
    void *arg, struct hm_err *reterr)
{
	return bdb_repair(hm_mod_state(self), report, arg, reterr);
}

static bool
kv_bdb_covers(struct hm_mod *self, const char *path)
{
	return bdb_covers(hm_mod_state(self), path);
}

static bool
kv_bdb_lost(struct hm_mod *self, struct hm_kv_table *table)
{
	return bdb_lost(hm_mod_state(self), table);
}

static int
kv_bdb_found(struct hm_mod *self, struct hm_kv_table *table,
    struct hm_err *reterr)
{
	return bdb_found(hm_mod_state(self), table, reterr);
}

static const struct hm_kv_ops kv_bdb_ops = {
	.size = sizeof(kv_bdb_ops),
	.table = kv_bdb_table, .run = kv_bdb_run, .flush = kv_bdb_flush,
	.get = bdb_get, .put = bdb_put, .del = bdb_del, .scan = bdb_scan,
	.verify = kv_bdb_verify, .repair = kv_bdb_repair,
	.covers = kv_bdb_covers, .cover = bdb_cover,
	.lost = kv_bdb_lost, .found = kv_bdb_found,
};

static const struct hm_provide kv_bdb_provides[] = {
	HM_PROVIDE(kv, &kv_bdb_ops),
	HM_PROVIDE_END
};

/* ---- lifecycle ---- */

static void
kv_bdb_report(enum hm_loglevel level, const char *text, void *arg)
{
	(void)arg;
	hm_log(level, "tables", hm_f("note", text));
}

static int
kv_bdb_check(const void *p, struct hm_err *reterr)
{
	const struct kv_bdb_conf *conf = p;

	if ((conf->page_size & (conf->page_size - 1)) != 0)
		return hm_err_set(reterr, -HM_EINVAL,
		    "page-size must be a power of two");
	if (!conf->directory[0])
		return hm_err_set(reterr, -HM_EINVAL,
		    "directory must not be empty");
	return 0;
}

struct kv_bdb_opening {
	struct bdb_conf conf;
	struct bdb_env *env;
	struct hm_err *reterr;
};

static int
kv_bdb_open_env(void *arg)
{
	struct kv_bdb_opening *opening = arg;

	return bdb_open(&opening->conf, &opening->env, opening->reterr);
}

static int
kv_bdb_make(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	const struct kv_bdb_conf *conf = hm_mod_conf(m);
	struct kv_bdb_opening opening = {
		.conf = {
			.dir = arg,
			.cache_bytes = conf->cache,
			.page_bytes = (uint32_t)conf->page_size,
			.checkpoint_bytes = conf->checkpoint,
			.lock_wait_ms = conf->lock_wait_ms,
			.reserve_bytes = conf->reserve,
			.journal = conf->page_journal,
			.report = kv_bdb_report,
		},
		.reterr = reterr,
	};
	int r = hm_work(kv_bdb_open_env, &opening);

	if (!r)
		*ret = opening.env;
	return r;
}

static void
kv_bdb_destroy(void *env)
{
	bdb_close(env);
}

static int
kv_bdb_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct kv_bdb_conf *conf = hm_mod_conf(m);
	const char *dir = conf->directory;
	struct bdb_env *env;
	void *kept;
	int r;

	if (dir[0] != '/')
		dir = hm_printf(hm_mod_arena(m), "%s/%s",
		    hm_server(m)->data_dir, dir);
	r = hm_keep(m, "env", kv_bdb_make, (void *)(uintptr_t)dir,
	    kv_bdb_destroy, &kept, reterr);
	if (r)
		return r;
	env = kept;
	if (env->version != BDB_ENV_VERSION)
		return hm_err_set(reterr, -HM_EBUSY, "the tables are in use by "
		    "another version of this module: restart the server");
	if (strcmp(env->dir, dir) != 0)
		return hm_err_set(reterr, -HM_EBUSY, "the tables cannot move "
		    "from %s while the server runs", env->dir);
	hm_mod_set(m, env);
	return 0;
}

HM_MODULE_NAMED("kv-bdb", "0.1.0", "Tables on Berkeley DB",
	.conf_size = sizeof(struct kv_bdb_conf),
	.options = kv_bdb_options,
	.provides = kv_bdb_provides,
	.check = kv_bdb_check,
	.open = kv_bdb_open,
);
