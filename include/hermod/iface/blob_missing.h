/* blob_missing.h - what providers of "blob" have in common: files without records,
 * and records without files.
 *
 * Both look like garbage and may be all of somebody's mail: a disk is not mounted,
 * a table was damaged. Thread: worker.
 */
#ifndef HERMOD_IFACE_BLOB_MISSING_H
#define HERMOD_IFACE_BLOB_MISSING_H

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <hermod/iface/blob_records.h>

/* Other bodies can be read all the same. */
#define HM_BLOB_TABLE_DAMAGED "the table of bodies is damaged, so none is removed: " \
	"run \"hermod verify --fix\""

static inline bool
hm_blob_said(const char *dir, const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* For a provider that has records, and in its directory no file of blobs: that is
 * the place where a disk is not mounted, rather than damage, and whatever is put
 * there now would be hidden later. 0 where the administrator has said otherwise. */
static inline int
hm_blob_all_missing(const char *dir, struct hm_err *reterr)
{
	return hm_blob_said(dir, "gone") ? 0 : hm_err_set(reterr, -HM_ENOENT,
	    "there is no body in %s, and there were some: is its disk mounted? If "
	    "they are lost for good, make an empty file \"gone\" there; then \"hermod "
	    "verify --fix --force\" takes their messages out of the mailboxes", dir);
}

/* The other way round: files, and no record, since the table is new. For who is not
 * unsure. */
static inline int
hm_blob_not_ours(const char *dir, struct hm_err *reterr)
{
	return hm_err_set(reterr, -HM_EEXIST,
	    "there are bodies in %s, and the tables know of none: is the disk with "
	    "the tables mounted? If only the table of bodies is lost, make an empty "
	    "file \"adopt\" there; then \"hermod verify --fix\" makes it anew", dir);
}

/* Whether records may be missing of files that are there: then what has no record
 * is nobody's only after verify() has asked who uses it. */
static inline bool
hm_blob_unsure(const struct hm_blob_records *recs, const char *dir)
{
	return hm_blob_said(dir, "adopt") || (HM_HAS(recs->kv, lost) &&
	    recs->kv->ops->lost(recs->kv->self, recs->table));
}

/* What to say then of one that has no record. */
static inline int
hm_blob_record_lost(uint64_t id, struct hm_err *reterr)
{
	return hm_err_set(reterr, -HM_EIO, "the record of blob %016llx may be lost: "
	    "\"hermod verify --fix\" makes it anew", (unsigned long long)id);
}

/* verify() has asked. */
static inline int
hm_blob_sure(const struct hm_blob_records *recs, const char *dir,
    struct hm_err *reterr)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/adopt", dir);
	if (unlink(path) < 0 && errno != ENOENT)
		return hm_err_errno(reterr, errno, "cannot remove %s", path);
	return HM_HAS(recs->kv, found) ?
	    recs->kv->ops->found(recs->kv->self, recs->table, reterr) : 0;
}

struct hm_blob_adopting {
	const struct hm_blob_records *recs;
	uint64_t id;
	char *value;
	uint32_t links;
};

static inline int
hm_blob_adopt_in(struct hm_kv_txn *txn, void *arg)
{
	const struct hm_blob_adopting *a = (const struct hm_blob_adopting *)arg;
	char value[HM_BLOB_RECORD_MAX];
	int r = hm_blob_record_get(a->recs, txn, a->id, HM_KV_FOR_UPDATE, value);

	return r != -HM_ENOENT ? r : hm_blob_record_put(a->recs, txn, a->id,
	    a->value, a->links);
}

/* Makes the record of a blob anew that has none, with so many links. */
static inline int
hm_blob_adopt(const struct hm_blob_records *recs, uint64_t id, char *value,
    uint32_t links, struct hm_err *reterr)
{
	struct hm_blob_adopting a = { recs, id, value, links };

	return hm_kv_run(recs->kv, HM_KV_DURABLE, hm_blob_adopt_in, &a, reterr);
}

#endif
