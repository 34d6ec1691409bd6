/* kv.h - service "kv": an ordered, transactional key-value store.
 *
 * Keys sort as byte strings. One process is not assumed by any caller. Thread:
 * worker; table() also in open().
 */
#ifndef HERMOD_IFACE_KV_H
#define HERMOD_IFACE_KV_H

#include <hermod/service.h>
#include <hermod/types.h>
#include <hermod/work.h>

struct hm_kv_table;
struct hm_kv_txn;

enum hm_kv_flags {
	HM_KV_DURABLE = 0,   /* run() returns when the changes are on disk */
	HM_KV_LAZY = 1,      /* atomic and visible; on disk at the next flush()
	                      * or durable run() of anyone */
	HM_KV_READ = 2,      /* read only; all it reads is of one moment */
	HM_KV_BROWSE = 4,    /* read only; each call sees what is committed by
	                      * then and stops no writer: for walks over much */
};

enum hm_kv_read {
	HM_KV_FOR_UPDATE = 1, /* get: the key will be written by this transaction */
	HM_KV_REVERSE = 2,    /* scan: from the end to the beginning */
};

struct hm_kv_ops {
	uint32_t size;
	/* The table of that name (a-z, 0-9, '-'), made if it is missing; it lives
	 * as long as the provider's resource. */
	int (*table)(struct hm_mod *self, const char *name,
	    struct hm_kv_table **ret, struct hm_err *reterr);
	/* One transaction: calls fn until it commits. fn must do nothing but
	 * calls below and pure computation, because it is called again after a
	 * conflict; what it returns below 0 aborts and is returned. A member
	 * that returns -HM_ECONFLICT must be handed up at once. */
	int (*run)(struct hm_mod *self, unsigned flags,
	    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
	    struct hm_err *reterr);
	/* Everything committed so far by anyone is on disk when it returns;
	 * concurrent calls share one sync. */
	int (*flush)(struct hm_mod *self, struct hm_err *reterr);

	/* 0 with *ret borrowed until the next call on txn, or -HM_ENOENT. */
	int (*get)(struct hm_kv_txn *txn, struct hm_kv_table *table,
	    struct hm_str key, unsigned flags, struct hm_str *ret);
	int (*put)(struct hm_kv_txn *txn, struct hm_kv_table *table,
	    struct hm_str key, struct hm_str value);
	/* 0 or -HM_ENOENT. */
	int (*del)(struct hm_kv_txn *txn, struct hm_kv_table *table,
	    struct hm_str key);
	/* Calls fn for all keys in [from, to) in order; an empty to means the
	 * end of the table. fn returns 0 to go on, 1 to stop, or an error; it
	 * must not call members on txn. Large ranges are read in bulk. */
	int (*scan)(struct hm_kv_txn *txn, struct hm_kv_table *table,
	    struct hm_str from, struct hm_str to, unsigned flags,
	    int (*fn)(struct hm_str key, struct hm_str value, void *arg),
	    void *arg);
	/* Checks structure and checksums of everything stored; reports each
	 * damage; returns their count or an error. */
	int (*verify)(struct hm_mod *self,
	    void (*report)(const char *text, void *arg), void *arg,
	    struct hm_err *reterr);
	/* Mends what verify() reports, now or, as it then says, when the tables
	 * are opened next; returns how much is left. May be missing. */
	int (*repair)(struct hm_mod *self,
	    void (*report)(const char *text, void *arg), void *arg,
	    struct hm_err *reterr);
	/* Whether cover() may be used for files of this folder. May be missing,
	 * as cover() may. */
	bool (*covers)(struct hm_mod *self, const char *path);
	/* The bytes, which the caller has written at that offset of the file and
	 * has not synced, are on disk once the transaction is: a log keeps a copy
	 * and writes it to its place after a crash, unless the file is gone by
	 * then. Nobody writes there again. At most 1 MiB. */
	int (*cover)(struct hm_kv_txn *txn, const char *path, uint64_t offset,
	    struct hm_str bytes);
	/* Whether records may be missing from a table, because it was made anew
	 * from what could be read: until its owner says that it has looked for
	 * them. May be missing, both together. */
	bool (*lost)(struct hm_mod *self, struct hm_kv_table *table);
	int (*found)(struct hm_mod *self, struct hm_kv_table *table,
	    struct hm_err *reterr);
};
HM_IFACE(kv, 1);

static inline int
hm_kv_table(const struct hm_kv *kv, const char *name, struct hm_kv_table **ret,
    struct hm_err *reterr)
{
	return kv->ops->table(kv->self, name, ret, reterr);
}

static inline int
hm_kv_run(const struct hm_kv *kv, unsigned flags,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr)
{
	return kv->ops->run(kv->self, flags, fn, arg, reterr);
}

/* run() as a job, for a fiber. */
struct hm_kv_job {
	const struct hm_kv *kv;
	unsigned flags;
	int (*fn)(struct hm_kv_txn *txn, void *arg);
	void *arg;
	struct hm_err *reterr;
};

static inline int
hm_kv_job(void *arg)
{
	const struct hm_kv_job *job = (const struct hm_kv_job *)arg;

	return hm_kv_run(job->kv, job->flags, job->fn, job->arg, job->reterr);
}

static inline HM_FIBER int
hm_kv_work(const struct hm_kv *kv, unsigned flags,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct hm_kv_job job = { kv, flags, fn, arg, reterr };

	return hm_work(hm_kv_job, &job);
}

static inline int
hm_kv_flush(const struct hm_kv *kv, struct hm_err *reterr)
{
	return kv->ops->flush(kv->self, reterr);
}

#endif
