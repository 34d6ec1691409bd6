/* blob_records.h - what providers of "blob" have in common: records with links.
 *
 * Each blob that exists has a record in a kv table. Its key is 'b' and the id,
 * big-endian; its value has the number of links in four bytes, little-endian, and
 * whatever else the provider needs. What counts and compares links is here. Thread:
 * worker.
 */
#ifndef HERMOD_IFACE_BLOB_RECORDS_H
#define HERMOD_IFACE_BLOB_RECORDS_H

#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/iface/kv.h>
#include <hermod/str.h>

enum { HM_BLOB_RECORD_MAX = 32, HM_BLOB_WALK_BATCH = 2048 };

struct hm_blob_records {
	const struct hm_kv *kv;
	struct hm_kv_table *table;
	size_t bytes;                  /* of a value, at most HM_BLOB_RECORD_MAX */
	size_t links_at;               /* where the links are in it */
	int (*check)(struct hm_str value); /* of that length: 0, or -HM_ECORRUPT */
};

/* kind: 'b', or another letter for records of the provider's own. */
static inline struct hm_str
hm_blob_key(char out[9], char kind, uint64_t id)
{
	out[0] = kind;
	for (int i = 8; i > 0; i--, id >>= 8)
		out[i] = (char)(id & 0xff);
	return hm_str_n(out, 9);
}

static inline uint32_t
hm_blob_links(const struct hm_blob_records *recs, const char *value)
{
	uint32_t links = 0;

	for (size_t i = 4; i-- > 0;)
		links = links << 8 | (unsigned char)value[recs->links_at + i];
	return links;
}

/* ---- within a transaction ---- */

/* value: of HM_BLOB_RECORD_MAX bytes. 0, -HM_ENOENT or -HM_ECORRUPT. */
static inline int
hm_blob_record_get(const struct hm_blob_records *recs, struct hm_kv_txn *txn,
    uint64_t id, unsigned flags, char *value)
{
	struct hm_str got;
	char key[9];
	int r = recs->kv->ops->get(txn, recs->table, hm_blob_key(key, 'b', id),
	    flags, &got);

	if (r)
		return r;
	if (got.len != recs->bytes || recs->check(got) < 0)
		return -HM_ECORRUPT;
	memcpy(value, got.p, got.len);
	return 0;
}

/* Writes the record with so many links; with none it is removed. */
static inline int
hm_blob_record_put(const struct hm_blob_records *recs, struct hm_kv_txn *txn,
    uint64_t id, char *value, uint32_t links)
{
	char key[9];

	for (size_t i = 0; i < 4; i++)
		value[recs->links_at + i] = (char)(links >> (8 * i) & 0xff);
	hm_blob_key(key, 'b', id);
	return links == 0 ? recs->kv->ops->del(txn, recs->table, hm_str_n(key, 9)) :
	    recs->kv->ops->put(txn, recs->table, hm_str_n(key, 9),
	    hm_str_n(value, recs->bytes));
}

/* value: as it was read, or that of a new blob, whose links are 0. */
static inline int
hm_blob_record_link(const struct hm_blob_records *recs, struct hm_kv_txn *txn,
    uint64_t id, char *value, int delta)
{
	int64_t links = (int64_t)hm_blob_links(recs, value) + delta;

	if (links < 0 || links > UINT32_MAX)
		return -HM_EINVAL;
	return hm_blob_record_put(recs, txn, id, value, (uint32_t)links);
}

/* ---- transactions of their own ---- */

struct hm_blob_finding {
	const struct hm_blob_records *recs;
	uint64_t id;
	char *value;
};

static inline int
hm_blob_find_in(struct hm_kv_txn *txn, void *arg)
{
	const struct hm_blob_finding *f = (const struct hm_blob_finding *)arg;

	return hm_blob_record_get(f->recs, txn, f->id, 0, f->value);
}

static inline int
hm_blob_find(const struct hm_blob_records *recs, uint64_t id, char *value,
    struct hm_err *reterr)
{
	struct hm_blob_finding f = { recs, id, value };
	int r = hm_kv_run(recs->kv, HM_KV_BROWSE, hm_blob_find_in, &f, reterr);

	if (r == -HM_ENOENT)
		return hm_err_set(reterr, r, "there is no blob %016llx",
		    (unsigned long long)id);
	/* which says nothing of the blob itself */
	if (r == -HM_ECORRUPT)
		return hm_err_set(reterr, -HM_EIO, "the record of blob %016llx is "
		    "damaged", (unsigned long long)id);
	return r;
}

/* ---- all of them ---- */

struct hm_blob_walking {
	const struct hm_blob_records *recs;
	char kind;
	bool damaged;
	uint64_t first;
	size_t n;
	struct {
		uint64_t id;
		char value[HM_BLOB_RECORD_MAX];
	} at[HM_BLOB_WALK_BATCH];
};

static inline int
hm_blob_walk_one(struct hm_str key, struct hm_str value, void *arg)
{
	struct hm_blob_walking *w = (struct hm_blob_walking *)arg;
	uint64_t id = 0;

	if (key.len != 9 || value.len != w->recs->bytes ||
	    w->recs->check(value) < 0) {
		w->damaged = true;
		return 0;
	}
	for (size_t i = 1; i < 9; i++)
		id = id << 8 | (unsigned char)key.p[i];
	w->at[w->n].id = id;
	memcpy(w->at[w->n].value, value.p, value.len);
	return ++w->n == HM_BLOB_WALK_BATCH;
}

static inline int
hm_blob_walk_in(struct hm_kv_txn *txn, void *arg)
{
	struct hm_blob_walking *w = (struct hm_blob_walking *)arg;
	char key[9], end = (char)(w->kind + 1);

	w->n = 0;
	return w->recs->kv->ops->scan(txn, w->recs->table,
	    hm_blob_key(key, w->kind, w->first), hm_str_n(&end, 1), 0,
	    hm_blob_walk_one, w);
}

/* Calls fn for all records of a kind, in order, without one picture of them: in
 * batches, because a transaction may be started anew, and fn must not see anything
 * twice. Damaged ones are left out, and told at the end. */
static inline int
hm_blob_walk(const struct hm_blob_records *recs, char kind,
    int (*fn)(uint64_t id, char *value, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct hm_blob_walking *w =
	    (struct hm_blob_walking *)hm_xalloc(sizeof(*w));
	int r;

	w->recs = recs;
	w->kind = kind;
	do {
		r = hm_kv_run(recs->kv, HM_KV_BROWSE, hm_blob_walk_in, w, reterr);
		for (size_t i = 0; i < w->n && r == 0; i++)
			r = fn(w->at[i].id, w->at[i].value, arg);
		if (w->n)
			w->first = w->at[w->n - 1].id + 1;
	} while (r == 0 && w->n == HM_BLOB_WALK_BATCH && w->first != 0);
	if (r == 0 && w->damaged)
		r = hm_err_set(reterr, -HM_ECORRUPT,
		    "the table of blobs has damaged records");
	free(w);
	return r;
}

/* ---- verify() ---- */

/* What it was asked, and what came of it. */
struct hm_blob_check {
	const struct hm_blob_records *recs;
	const char *dir;               /* of the files */
	bool fix;
	int64_t (*links)(uint64_t id, void *arg); /* or NULL */
	void (*report)(uint64_t id, const char *text, void *arg); /* or NULL */
	void *arg;                     /* of both */
	struct hm_err *reterr;
	int count;                     /* of reports */
	bool unread;                   /* a body in use, see blob_missing.h */
};

/* id: 0 for what is no blob. */
static inline void
hm_blob_tell(struct hm_blob_check *c, uint64_t id, const char *text)
{
	c->count++;
	if (c->report)
		c->report(id, text, c->arg);
}

/* Whether links() knows of another number than the record, which did not change
 * while it looked: 1, with that number. 0: it does not, or the blob is in constant
 * use. value: the record, which becomes what it is by then. */
static inline int
hm_blob_recount(const struct hm_blob_check *c, uint64_t id, char *value,
    int64_t *ret_want)
{
	uint32_t now = hm_blob_links(c->recs, value), before;
	int64_t want = c->links(id, c->arg);

	for (int i = 0; want != now && want >= 0; i++) {
		int r;

		if (i == 10)
			return 0;
		before = now;
		r = hm_blob_find(c->recs, id, value, c->reterr);
		if (r)
			return r == -HM_ENOENT ? 0 : r;
		now = hm_blob_links(c->recs, value);
		if (i > 0 && now == before)
			break;
		want = c->links(id, c->arg);
	}
	if (want < 0)
		return (int)want;
	*ret_want = want;
	return want != now;
}

struct hm_blob_correcting {
	const struct hm_blob_records *recs;
	uint64_t id;
	uint32_t seen, want;
	int (*dropped)(const struct hm_blob_records *recs, struct hm_kv_txn *txn,
	    uint64_t id, const char *value);
};

static inline int
hm_blob_correct_in(struct hm_kv_txn *txn, void *arg)
{
	const struct hm_blob_correcting *c =
	    (const struct hm_blob_correcting *)arg;
	char value[HM_BLOB_RECORD_MAX];
	int r = hm_blob_record_get(c->recs, txn, c->id, HM_KV_FOR_UPDATE, value);

	if (r)
		return r == -HM_ENOENT ? 0 : r;
	if (hm_blob_links(c->recs, value) != c->seen)
		return 0;
	r = hm_blob_record_put(c->recs, txn, c->id, value, c->want);
	if (r == 0 && c->want == 0 && c->dropped)
		r = c->dropped(c->recs, txn, c->id, value);
	return r;
}

/* Sets the links to want, if they are still what was seen. dropped (or NULL) is
 * called within the transaction when that leaves no record. */
static inline int
hm_blob_correct(const struct hm_blob_records *recs, uint64_t id, uint32_t seen,
    uint32_t want, int (*dropped)(const struct hm_blob_records *recs,
    struct hm_kv_txn *txn, uint64_t id, const char *value),
    struct hm_err *reterr)
{
	struct hm_blob_correcting c = { recs, id, seen, want, dropped };

	return hm_kv_run(recs->kv, HM_KV_DURABLE, hm_blob_correct_in, &c, reterr);
}

#endif
