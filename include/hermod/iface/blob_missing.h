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

/* ---- verify(): records made anew from the bodies ---- */

/* Whether a body that is there has no record and is in use: 1, with the number of
 * links; 0, or an error. */
static inline int
hm_blob_record_wanted(const struct hm_blob_check *c, uint64_t id,
    uint32_t *ret_links)
{
	char value[HM_BLOB_RECORD_MAX];
	int64_t want;
	int r = hm_blob_find(c->recs, id, value, c->reterr);

	if (r != -HM_ENOENT)
		return r;
	want = c->links(id, c->arg);
	*ret_links = (uint32_t)want;
	return want > 0 && want <= UINT32_MAX;
}

/* Of such a body, which cannot be read now: it will be asked about again. */
static inline void
hm_blob_unread(struct hm_blob_check *c, uint64_t id)
{
	char text[96];

	snprintf(text, sizeof(text), "body %llu: has lost its record, and cannot be "
	    "read", (unsigned long long)id);
	hm_blob_tell(c, 0, text);
	c->unread = true;
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

/* Of one that can be read. */
static inline int
hm_blob_adopt(struct hm_blob_check *c, uint64_t id, char *value, uint32_t links)
{
	struct hm_blob_adopting a = { c->recs, id, value, links };
	char text[96];

	snprintf(text, sizeof(text), "body %llu: has lost its record",
	    (unsigned long long)id);
	hm_blob_tell(c, 0, text);
	return !c->fix ? 0 :
	    hm_kv_run(c->recs->kv, HM_KV_DURABLE, hm_blob_adopt_in, &a, c->reterr);
}

/* After all bodies were looked at: 1 if nothing is unsure any more. */
static inline int
hm_blob_adopted(struct hm_blob_check *c)
{
	char path[1024];
	int r = 0;

	hm_blob_tell(c, 0, "the table of bodies was made anew, and may have lost "
	    "records");
	if (!c->fix || c->unread)
		return 0;
	snprintf(path, sizeof(path), "%s/adopt", c->dir);
	if (unlink(path) < 0 && errno != ENOENT)
		return hm_err_errno(c->reterr, errno, "cannot remove %s", path);
	if (HM_HAS(c->recs->kv, found))
		r = c->recs->kv->ops->found(c->recs->kv->self, c->recs->table,
		    c->reterr);
	return r < 0 ? r : 1;
}

#endif
