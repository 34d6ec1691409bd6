/* direct-kv.c - the engine under the face of the service, for tests. */
#include <stdio.h>

#include "modules/kv-bdb/bdb.h"

#include "t/direct-kv.h"

static int
direct_table(struct hm_mod *self, const char *name, struct hm_kv_table **ret,
    struct hm_err *reterr)
{
	return bdb_table((struct bdb_env *)(void *)self, name, ret, reterr);
}

static int
direct_run(struct hm_mod *self, unsigned flags,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr)
{
	return bdb_run((struct bdb_env *)(void *)self, flags, fn, arg, reterr);
}

static int
direct_flush(struct hm_mod *self, struct hm_err *reterr)
{
	return bdb_flush((struct bdb_env *)(void *)self, reterr);
}

static int
direct_verify(struct hm_mod *self, void (*report)(const char *text, void *arg),
    void *arg, struct hm_err *reterr)
{
	return bdb_verify((struct bdb_env *)(void *)self, report, arg, reterr);
}

static bool
direct_covers(struct hm_mod *self, const char *path)
{
	return bdb_covers((struct bdb_env *)(void *)self, path);
}

static bool
direct_lost(struct hm_mod *self, struct hm_kv_table *table)
{
	return bdb_lost((struct bdb_env *)(void *)self, table);
}

static int
direct_found(struct hm_mod *self, struct hm_kv_table *table,
    struct hm_err *reterr)
{
	return bdb_found((struct bdb_env *)(void *)self, table, reterr);
}

static const struct hm_kv_ops direct_ops = {
	.size = sizeof(direct_ops),
	.table = direct_table, .run = direct_run, .flush = direct_flush,
	.get = bdb_get, .put = bdb_put, .del = bdb_del, .scan = bdb_scan,
	.verify = direct_verify, .covers = direct_covers, .cover = bdb_cover,
	.lost = direct_lost, .found = direct_found,
};

static void
direct_report(enum hm_loglevel level, const char *text, void *arg)
{
	(void)arg;
	if (level <= HM_LOG_WARN)
		printf("# kv: %s\n", text);
}

int
direct_kv_open(const char *dir, struct hm_kv *ret, struct hm_err *reterr)
{
	struct bdb_conf conf = {
		.dir = dir, .cache_bytes = 2 << 20, .page_bytes = 16 << 10,
		.checkpoint_bytes = 4 << 20, .lock_wait_ms = 5000, .journal = true,
		.report = direct_report,
	};
	struct bdb_env *env;
	int r = bdb_open(&conf, &env, reterr);

	if (r)
		return r;
	ret->ops = &direct_ops;
	ret->self = (struct hm_mod *)(void *)env;
	return 0;
}

void
direct_kv_close(struct hm_kv *kv)
{
	bdb_close((struct bdb_env *)(void *)kv->self);
}

unsigned long
direct_kv_syncs(void)
{
	return bdb_syncs();
}
