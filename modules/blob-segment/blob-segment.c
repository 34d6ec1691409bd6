/* blob-segment.c - the service "blob" on append-only segment files. */
#include <string.h>

#include <hermod/fiber.h>
#include <hermod/iface/blob.h>
#include <hermod/plugin.h>
#include <hermod/work.h>

#include "seg.h"

#define SEG_FIRST_SWEEP_MS (5 * 60 * 1000)

struct blob_segment_conf {
	const char *directory;
	uint64_t segment_size;
	uint64_t write_ahead;
	int64_t compact;
	int64_t sweep_every_ms;
	int64_t open_files;
	uint64_t reserve;
};

static const struct hm_opt blob_segment_options[] = {
	HM_OPT_STR(struct blob_segment_conf, directory, "blob",
	    "Where the segments are; relative to the data directory."),
	HM_OPT_SIZE(struct blob_segment_conf, segment_size, "64M",
	    "A new segment is begun when one has this size.",
	    .min = "1M", .max = "4G"),
	HM_OPT_SIZE(struct blob_segment_conf, write_ahead, "256K",
	    "Zeroes written ahead of small bodies, which makes their syncs "
	    "cheaper; 0 turns it off.", .max = "16M"),
	HM_OPT_INT(struct blob_segment_conf, compact, "50",
	    "When more than this percentage of a segment is dead, the rest is "
	    "moved and the segment removed.", .min = "10", .max = "99"),
	HM_OPT_TIME(struct blob_segment_conf, sweep_every_ms, "1h",
	    "How often dead space is looked for.", .min = "1m", .max = "7d"),
	HM_OPT_INT(struct blob_segment_conf, open_files, "64",
	    "Segments that are kept open for reading.", .min = "4",
	    .max = "10000"),
	HM_OPT_SIZE(struct blob_segment_conf, reserve, "64M",
	    "No body is stored while less than this is free on the disk.",
	    .max = "1T"),
	HM_OPT_END
};

/* Of one generation. */
struct seg_state {
	struct hm_mod *m;
	struct seg_store *store;     /* kept */
	struct seg_kv kv;
	struct hm_fiber *sweeper;    /* NULL when it has ended */
};

static struct seg_state *
state_of(const struct hm_mod *self)
{
	return hm_mod_state(self);
}

/* ---- the service ---- */

static int
blob_segment_put(struct hm_mod *self, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr)
{
	return seg_put(state_of(self)->store, &state_of(self)->kv, slices, n,
	    flags, ret_id, reterr);
}

static int
blob_segment_sync(struct hm_mod *self, struct hm_err *reterr)
{
	return seg_sync(state_of(self)->store, reterr);
}

static int
blob_segment_link(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id,
    int delta)
{
	return seg_link(state_of(self)->store, &state_of(self)->kv, txn, id,
	    delta);
}

static int
blob_segment_read(struct hm_mod *self, uint64_t id,
    struct hm_blob_reader **ret, uint64_t *ret_size, struct hm_err *reterr)
{
	return seg_open(state_of(self)->store, &state_of(self)->kv, id, ret,
	    ret_size, reterr);
}

static int
blob_segment_verify(struct hm_mod *self, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	return seg_verify(state_of(self)->store, &state_of(self)->kv, fix,
	    links, report, arg, reterr);
}

static void
blob_segment_usage(struct hm_mod *self, uint64_t *ret_total,
    uint64_t *ret_dead)
{
	seg_usage(state_of(self)->store, &state_of(self)->kv, ret_total,
	    ret_dead);
}

static int
blob_segment_read_many(struct hm_mod *self, const uint64_t *ids, size_t n,
    size_t max, int (*fn)(size_t i, struct hm_str bytes, void *arg), void *arg,
    struct hm_err *reterr)
{
	return seg_read_many(state_of(self)->store, &state_of(self)->kv, ids, n,
	    max, fn, arg, reterr);
}

static const struct hm_blob_ops blob_segment_ops = {
	.size = sizeof(blob_segment_ops),
	.put = blob_segment_put, .sync = blob_segment_sync,
	.link = blob_segment_link, .open = blob_segment_read,
	.read = seg_read, .close = seg_close,
	.verify = blob_segment_verify, .usage = blob_segment_usage,
	.read_many = blob_segment_read_many,
};

static const struct hm_provide blob_segment_provides[] = {
	HM_PROVIDE(blob, &blob_segment_ops),
	HM_PROVIDE_END
};

static const struct hm_need blob_segment_needs[] = {
	HM_NEED(kv),
	HM_NEED_END
};

/* ---- taking back dead space ---- */

static int
sweep_job(void *arg)
{
	struct seg_state *state = arg;
	struct hm_err err = { 0 };
	int r = seg_sweep(state->store, &state->kv, &err);

	if (r)
		hm_log(HM_LOG_WARN, "dead space was not taken back",
		    hm_f("error", err.text));
	return r;
}

static void
sweeper(void *arg)
{
	struct seg_state *state = arg;
	const struct blob_segment_conf *conf = hm_mod_conf(state->m);
	int64_t wait_ms = SEG_FIRST_SWEEP_MS;

	if (wait_ms > conf->sweep_every_ms)
		wait_ms = conf->sweep_every_ms;
	while (hm_sleep(wait_ms) == 0) {
		hm_work(sweep_job, state);
		wait_ms = conf->sweep_every_ms;
	}
	state->sweeper = NULL;
}

/* ---- lifecycle ---- */

static void
blob_segment_report(enum hm_loglevel level, const char *text, void *arg)
{
	(void)arg;
	hm_log(level, "segments", hm_f("note", text));
}

static int
blob_segment_check(const void *p, struct hm_err *reterr)
{
	const struct blob_segment_conf *conf = p;

	if (!conf->directory[0])
		return hm_err_set(reterr, -HM_EINVAL,
		    "directory must not be empty");
	return 0;
}

struct seg_opening {
	struct seg_conf conf;
	struct seg_store *store;
	struct seg_kv *kv;
	const struct hm_kv *service;
	struct hm_err *reterr;
};

static int
open_store(void *arg)
{
	struct seg_opening *opening = arg;

	return seg_store_open(&opening->conf, &opening->store, opening->reterr);
}

static int
bind_store(void *arg)
{
	struct seg_opening *opening = arg;

	return seg_bind(opening->store, opening->service, opening->kv,
	    opening->reterr);
}

static int
blob_segment_make(struct hm_mod *m, void *arg, void **ret,
    struct hm_err *reterr)
{
	const struct blob_segment_conf *conf = hm_mod_conf(m);
	struct seg_opening opening = {
		.conf = {
			.dir = arg,
			.segment_bytes = conf->segment_size,
			.ahead_bytes = conf->write_ahead,
			.compact_percent = (unsigned)conf->compact,
			.max_files = (unsigned)conf->open_files,
			.reserve_bytes = conf->reserve,
			.report = blob_segment_report,
		},
		.reterr = reterr,
	};
	int r = hm_work(open_store, &opening);

	if (!r)
		*ret = opening.store;
	return r;
}

static void
blob_segment_destroy(void *store)
{
	seg_store_close(store);
}

static int
blob_segment_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct blob_segment_conf *conf = hm_mod_conf(m);
	struct seg_state *state = hm_new(hm_mod_arena(m), struct seg_state);
	struct seg_opening binding = { .kv = &state->kv,
	    .service = HM_GET(m, kv), .reterr = reterr };
	const char *dir = conf->directory;
	void *kept;
	int r;

	if (dir[0] != '/')
		dir = hm_printf(hm_mod_arena(m), "%s/%s",
		    hm_server(m)->data_dir, dir);
	r = hm_keep(m, "store", blob_segment_make, (void *)(uintptr_t)dir,
	    blob_segment_destroy, &kept, reterr);
	if (r)
		return r;
	state->m = m;
	state->store = binding.store = kept;
	if (state->store->version != SEG_STORE_VERSION)
		return hm_err_set(reterr, -HM_EBUSY, "the segments are in use by "
		    "another version of this module: restart the server");
	if (strcmp(state->store->dir, dir) != 0)
		return hm_err_set(reterr, -HM_EBUSY, "the segments cannot move "
		    "from %s while the server runs", state->store->dir);
	r = hm_work(bind_store, &binding);
	if (r)
		return r;
	hm_mod_set(m, state);
	return 0;
}

static void
blob_segment_start(struct hm_mod *m)
{
	struct seg_state *state = state_of(m);

	state->sweeper = hm_fiber_start(m, "segment sweep", sweeper, state);
}

static void
blob_segment_retire(struct hm_mod *m)
{
	struct seg_state *state = state_of(m);

	if (state->sweeper)
		hm_fiber_cancel(state->sweeper);
}

HM_MODULE_NAMED("blob-segment", "0.1.0", "Message bodies in segment files",
	.conf_size = sizeof(struct blob_segment_conf),
	.options = blob_segment_options,
	.needs = blob_segment_needs,
	.provides = blob_segment_provides,
	.check = blob_segment_check,
	.open = blob_segment_open,
	.start = blob_segment_start,
	.retire = blob_segment_retire,
);
