/* fs.h - one file for each body: the engine of blob-fs.
 *
 * Plain C without the plugin layer, so that it can be tested by itself. Thread:
 * everything may block; a worker's.
 *
 * On disk:
 *   XX/ID        a body and nothing else; ID in hexadecimal, XX its end
 *   tmp/ID       one that is being written
 *   damaged/ID   what verify has set aside
 *   kv "b" id:8 (big-endian)   length:8 links:4 sum:4 (little-endian)
 *   kv "d" id:8                length:8, no links any more: to be removed
 *   kv "f"                     version:4
 */
#ifndef BLOB_FS_FS_H
#define BLOB_FS_FS_H

#include <pthread.h>
#include <stdatomic.h>

#include <hermod/err.h>
#include <hermod/iface/blob.h>
#include <hermod/iface/blob_missing.h>
#include <hermod/iface/blob_records.h>
#include <hermod/iface/blob_room.h>
#include <hermod/log.h>

/* Of struct fs_store: a module of another version must not touch it. */
#define FS_STORE_VERSION 2
#define FS_FORMAT 1

#define FS_DIR_MAX 900
#define FS_BLOB_MAX (UINT64_C(1) << 40)
#define FS_VALUE 16
#define FS_LINKS_AT 8
#define FS_BUCKETS 1024

/* A blob without links may be linked for an hour; it is removed later, so that
 * a transaction under way still finds it. */
#define FS_LINK_MS (60 * 60 * 1000)
#define FS_GRACE_MS (FS_LINK_MS + 10 * 60 * 1000)
/* Then a sweep looks whether it was linked, and forgets that it was fresh. */
#define FS_SETTLE_MS (60 * 1000)

struct fs_conf {
	const char *dir;            /* made if it is missing */
	uint64_t reserve_bytes;     /* keep free on the disk */
	void (*report)(enum hm_loglevel level, const char *text, void *arg);
	void *arg;
};

/* What the record of a blob says. */
struct fs_blob {
	uint64_t length;
	uint32_t links;
	uint32_t sum;               /* CRC-32C of the bytes */
};

/* Put by this process, perhaps not linked so far. */
struct fs_fresh {
	struct fs_fresh *next;
	uint64_t id;
	struct fs_blob blob;
	int64_t put_ms;
};

struct fs_store {
	uint32_t version;           /* FS_STORE_VERSION; first for ever */
	struct fs_conf conf;
	char *dir;
	int dir_fd, lock_fd;
	int64_t (*now_ms)(void);
	int (*sync_fd)(int fd);     /* tests replace it */
	pthread_mutex_t mutex;      /* of what follows */
	pthread_cond_t synced_more;
	struct fs_fresh *fresh[FS_BUCKETS];
	struct hm_blob_room room;
	uint64_t *unsynced;         /* ids that were put without a sync */
	size_t nunsynced, cap;
	uint64_t written, synced;   /* counts of such puts */
	bool syncing;
	/* without the mutex: */
	atomic_bool unsure;         /* records may be missing: strays stay */
	pthread_mutex_t sweeping;   /* one sweep at a time */
	bool searched;              /* for what crashes left behind */
	atomic_ulong syncs;
	atomic_uint_fast64_t good[1024]; /* ids whose sum was right */
};

struct hm_blob_reader {
	int fd;                     /* -1: all bytes are in memory */
	uint64_t length;
	char bytes[];
};

/* store.c */
int fs_store_open(const struct fs_conf *conf, struct fs_store **ret,
    struct hm_err *reterr);
void fs_store_close(struct fs_store *store); /* NULL accepted */
int fs_bind(struct fs_store *store, const struct hm_kv *kv,
    struct hm_blob_records *ret, struct hm_err *reterr);
void fs_report(struct fs_store *store, enum hm_loglevel level,
    const char *fmt, ...) HM_PRINTF(3, 4);
/* "XX/ID", relative to the directory. */
void fs_name(uint64_t id, char name[32]);
/* Whether that is the name of a folder of blobs. */
bool fs_is_folder(const char *name);
/* With the mutex held. */
struct fs_fresh *fs_fresh_find(struct fs_store *store, uint64_t id);
void fs_fresh_add(struct fs_store *store, uint64_t id,
    const struct fs_blob *blob);
void fs_fresh_drop(struct fs_store *store, uint64_t id);

/* put.c */
int fs_put(struct fs_store *store, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr);
int fs_sync(struct fs_store *store, struct hm_err *reterr);

/* link.c */
struct hm_str fs_value(char out[HM_BLOB_RECORD_MAX], const struct fs_blob *blob);
int fs_value_check(struct hm_str value);
struct fs_blob fs_value_read(const char *value); /* one that was checked */
/* Within a transaction: the blob has no links any more. */
int fs_drop(const struct hm_blob_records *kv, struct hm_kv_txn *txn, uint64_t id,
    const char *value);
int fs_link(struct fs_store *store, const struct hm_blob_records *kv,
    struct hm_kv_txn *txn, uint64_t id, int delta);
int fs_find(const struct hm_blob_records *kv, uint64_t id, struct fs_blob *ret,
    struct hm_err *reterr);

/* read.c */
int fs_open(struct fs_store *store, const struct hm_blob_records *kv, uint64_t id,
    struct hm_blob_reader **ret, uint64_t *ret_size, struct hm_err *reterr);
ssize_t fs_read(struct hm_blob_reader *reader, uint64_t offset, void *p,
    size_t len);
void fs_close(struct hm_blob_reader *reader);
int fs_sum(int fd, uint64_t length, uint32_t *ret);

/* sweep.c */
int fs_each_file(struct fs_store *store, int (*fn)(uint64_t id, void *arg), void *arg,
    struct hm_err *reterr);
int fs_sweep(struct fs_store *store, const struct hm_blob_records *kv,
    struct hm_err *reterr);
void fs_usage(struct fs_store *store, const struct hm_blob_records *kv,
    uint64_t *ret_total, uint64_t *ret_dead);

/* verify.c */
int fs_verify(struct fs_store *store, const struct hm_blob_records *kv, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr);

struct fs_check {
	struct hm_blob_check b;     /* first */
	struct fs_store *store;
};
/* adopt.c: the records of bodies that are there and in use. */
int fs_adopt(struct fs_check *c);

#endif
