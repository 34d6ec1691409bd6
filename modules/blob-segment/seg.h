/* seg.h - bodies in append-only segment files: the engine of blob-segment.
 *
 * Plain C without the plugin layer, so that it can be tested by itself. Where a
 * blob lies and how many links it has is a record of a kv table; put() writes
 * none. Thread: everything may block; a worker's.
 *
 * On disk, integers little-endian:
 *   NUMBER.seg   header of SEG_HEADER bytes:
 *                "HERMODSG" version:4 number:4 tag:8 made:8 (unix s) crc:4 0…
 *                records, each at a multiple of 8:
 *                "HmBl" crc:4 (of the next 24 bytes) id:8 length:8 sum:4 flags:4
 *                bytes, padding; at the end zeroes, or after an orderly end
 *                "HmEn" crc:4 tag:8 offset:8 0:8
 *   kv "b" id:8 (big-endian)   segment:4 offset:8 length:8 links:4
 *   kv "f"                     version:4
 *   kv "n"                     highest number of a segment at the last start:4
 *   damaged/ID   what verify has set aside
 *   gone, adopt  what an administrator says of files or records that are missing
 * An id names the place where the blob was written first: segment number and
 * offset / 8. Neither is ever used again, so ids are unique without a counter.
 */
#ifndef BLOB_SEGMENT_SEG_H
#define BLOB_SEGMENT_SEG_H

#include <pthread.h>
#include <stdatomic.h>

#include <hermod/err.h>
#include <hermod/iface/blob.h>
#include <hermod/iface/blob_missing.h>
#include <hermod/iface/blob_records.h>
#include <hermod/iface/blob_room.h>
#include <hermod/log.h>

/* Of struct seg_store: a module of another version must not touch it. */
#define SEG_STORE_VERSION 2
#define SEG_FORMAT 1

#define SEG_HEADER 64
#define SEG_RECORD 32
#define SEG_ALIGN 8
#define SEG_DIR_MAX 900
#define SEG_BLOB_MAX (UINT64_C(1) << 34)
#define SEG_END_MAX (UINT64_C(1) << 34)  /* of a segment: offset / 8 in 32 bits */
#define SEG_VALUE 24
#define SEG_LINKS_AT 20
#define SEG_COVER_MOST (32u << 10) /* beyond it a sync is cheaper than a copy */
#define SEG_BUCKETS 64

/* A blob without links may be linked for an hour; its space is taken back
 * later, so that a transaction under way still finds it. */
#define SEG_LINK_MS (60 * 60 * 1000)
#define SEG_GRACE_MS (SEG_LINK_MS + 10 * 60 * 1000)

struct seg_conf {
	const char *dir;            /* made if it is missing */
	uint64_t segment_bytes;     /* then the next one is begun */
	uint64_t ahead_bytes;       /* zeroes written ahead of small records */
	unsigned compact_percent;   /* dead share that is worth copying the rest */
	unsigned max_files;         /* kept open */
	uint64_t reserve_bytes;     /* keep free on the disk */
	void (*report)(enum hm_loglevel level, const char *text, void *arg);
	void *arg;
};

/* Where the records are; borrowed from the generation that calls. */
struct seg_kv {
	struct hm_blob_records recs;
	bool covers;                /* its log may stand for our bytes */
};

/* One segment file. All members under the store's mutex, but a holder of a
 * reference may use fd. */
struct seg_file {
	struct seg_file *next;      /* in its bucket */
	uint32_t number;
	unsigned refs;
	int fd;                     /* -1: closed for now */
	uint64_t used;              /* when it was used last: a count */
	bool gone;                  /* removed; goes with its last reference */
	/* of segments that this process appends or has appended to */
	bool ours;
	uint64_t tag;
	uint64_t end, zeroed;       /* first free byte; first not zeroed ahead */
	int64_t last_put_ms;
	uint64_t written, synced;   /* counts of puts */
	bool syncing, failed;
};

struct seg_store {
	uint32_t version;           /* SEG_STORE_VERSION; first for ever */
	struct seg_conf conf;
	char *dir;
	int lock_fd;
	int64_t (*now_ms)(void);    /* tests replace these two */
	int (*datasync)(int fd);
	pthread_mutex_t mutex;
	pthread_cond_t synced;
	struct seg_file *files[SEG_BUCKETS];
	unsigned nopen;
	uint64_t uses;
	struct seg_file *active;    /* holds a reference; NULL until a put */
	uint32_t last_number;       /* highest ever used */
	bool tried_last;            /* whether that one can be continued */
	struct hm_blob_room room;
	atomic_bool unsure;         /* records may be missing: nothing is swept */
	pthread_mutex_t sweeping;   /* one sweep at a time */
	bool live_known;
	int64_t live;               /* bytes of linked records, nearly */
	atomic_ulong syncs;
	atomic_uint_fast64_t good[1024]; /* ids whose sum was right */
};

/* A kv record. */
struct seg_where {
	uint32_t segment;
	uint64_t offset, length;
	uint32_t links;
};

struct hm_blob_reader {
	struct seg_store *store;
	struct seg_file *file;      /* NULL: all bytes are in memory */
	uint64_t offset, length;    /* of the bytes */
	char bytes[];
};

/* store.c */
int seg_store_open(const struct seg_conf *conf, struct seg_store **ret,
    struct hm_err *reterr);
void seg_store_close(struct seg_store *store); /* NULL accepted */
/* Called before anything else for each new binding: opens the table and looks
 * how far numbers are used. */
int seg_bind(struct seg_store *store, const struct hm_kv *kv,
    struct seg_kv *ret, struct hm_err *reterr);
void seg_report(struct seg_store *store, enum hm_loglevel level,
    const char *fmt, ...) HM_PRINTF(3, 4);

/* file.c: with the mutex held. */
int seg_file_get(struct seg_store *store, uint32_t number,
    struct seg_file **ret, struct hm_err *reterr);
void seg_file_put(struct seg_store *store, struct seg_file *file);
int seg_file_roll(struct seg_store *store, struct hm_err *reterr);
void seg_file_forget(struct seg_store *store, uint32_t number);
/* Whether nobody can link anything new in it any more; takes the mutex. */
bool seg_file_settled(struct seg_store *store, uint32_t number);
void seg_path(const struct seg_store *store, uint32_t number,
    char path[SEG_DIR_MAX + 32]);
/* "cannot WHAT the file of that number: reason". -HM_ENOSPC or -HM_EIO. */
int seg_cannot(const struct seg_store *store, const char *what, uint32_t number,
    int errnum, struct hm_err *reterr);
/* All numbers that exist, unsorted, with their sizes; the caller frees. Without
 * the mutex. */
struct seg_size {
	uint32_t number;
	uint64_t bytes, live;
	bool chosen, keep;
};
int seg_list(struct seg_store *store, struct seg_size **ret, size_t *ret_n,
    struct hm_err *reterr);

/* record.c: the forms on disk. */
enum seg_record_flags {
	SEG_COVERED = 1,            /* not synced: the log has it once linked */
};
struct seg_record {
	uint64_t id, length;
	uint32_t sum, flags;
};
void seg_record_make(unsigned char out[SEG_RECORD],
    const struct seg_record *record);
int seg_record_read(const unsigned char in[SEG_RECORD],
    struct seg_record *ret);
void seg_header_make(unsigned char out[SEG_HEADER], uint32_t number,
    uint64_t tag, uint64_t made);
int seg_header_read(const unsigned char in[SEG_HEADER], uint32_t number,
    uint64_t *ret_tag);
void seg_end_make(unsigned char out[SEG_RECORD], uint64_t tag, uint64_t offset);
bool seg_end_good(const unsigned char in[SEG_RECORD], uint64_t tag,
    uint64_t offset);
void seg_where_make(char out[HM_BLOB_RECORD_MAX], const struct seg_where *where);
int seg_where_check(struct hm_str value);
struct seg_where seg_where_read(const char *value); /* one that was checked */
/* Bytes a blob of that length takes. */
static inline uint64_t
seg_record_bytes(uint64_t length)
{
	return (SEG_RECORD + length + SEG_ALIGN - 1) / SEG_ALIGN * SEG_ALIGN;
}
static inline uint64_t
seg_id(uint32_t number, uint64_t offset)
{
	return (uint64_t)number << 32 | offset / SEG_ALIGN;
}

/* put.c */
int seg_put(struct seg_store *store, const struct seg_kv *kv,
    const struct hm_str *slices, size_t n, unsigned flags, uint64_t *ret_id,
    struct hm_err *reterr);
int seg_sync(struct seg_store *store, struct hm_err *reterr);
/* Appends a record, whose id (0: by its place) and flags are given, and does not
 * sync it. */
struct seg_put {
	struct seg_where where;
	struct seg_file *file;      /* a reference */
	uint64_t ticket;            /* for seg_wait_synced() */
};
int seg_append(struct seg_store *store, const struct hm_str *slices, size_t n,
    struct seg_record record, struct seg_put *ret, struct hm_err *reterr);
int seg_wait_synced(struct seg_store *store, struct seg_file *file,
    uint64_t ticket, struct hm_err *reterr);

/* link.c */
int seg_link(struct seg_store *store, const struct seg_kv *kv,
    struct hm_kv_txn *txn, uint64_t id, int delta);
int seg_find(const struct seg_kv *kv, uint64_t id, struct seg_where *ret,
    struct hm_err *reterr);

/* read.c */
int seg_open(struct seg_store *store, const struct seg_kv *kv, uint64_t id,
    struct hm_blob_reader **ret, uint64_t *ret_size, struct hm_err *reterr);
ssize_t seg_read(struct hm_blob_reader *reader, uint64_t offset, void *p,
    size_t len);
void seg_close(struct hm_blob_reader *reader);
/* Opens what lies at a place, with its sum compared. */
int seg_open_at(struct seg_store *store, uint64_t id,
    const struct seg_where *where, struct hm_blob_reader **ret,
    struct hm_err *reterr);

/* All len bytes, or -HM_ECORRUPT at the end of the file, or -HM_EIO. */
int seg_read_at(int fd, uint64_t offset, void *p, size_t len);

/* many.c: as the service's read_many(). */
int seg_read_many(struct seg_store *store, const struct seg_kv *kv,
    const uint64_t *ids, size_t n, size_t max,
    int (*fn)(size_t i, struct hm_str bytes, void *arg), void *arg,
    struct hm_err *reterr);

/* sweep.c, compact.c */
int seg_sweep(struct seg_store *store, const struct seg_kv *kv,
    struct hm_err *reterr);
/* Sets live of each segment; list may be NULL. */
int seg_count_live(struct seg_store *store, const struct seg_kv *kv,
    struct seg_size *list, size_t n, struct hm_err *reterr);
int seg_compact(struct seg_store *store, const struct seg_kv *kv,
    struct seg_size *list, size_t n, struct hm_err *reterr);
void seg_usage(struct seg_store *store, const struct seg_kv *kv,
    uint64_t *ret_total, uint64_t *ret_dead);

/* verify.c */
int seg_verify(struct seg_store *store, const struct seg_kv *kv, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr);

struct seg_check {
	struct hm_blob_check b;     /* first */
	struct seg_store *store;
	const struct seg_kv *kv;
};
/* The raw bytes, as far as they can be read, go to damaged/ID. */
void seg_save(struct seg_store *store, uint64_t id, const struct seg_where *where);
/* adopt.c: the records of bodies that are there and in use. */
int seg_adopt(struct seg_check *c);

#endif
