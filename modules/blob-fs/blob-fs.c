/* blob-fs.c - the service "blob" with one file for each body. */
#include <string.h>

#include <hermod/fiber.h>
#include <hermod/iface/blob.h>
#include <hermod/plugin.h>
#include <hermod/work.h>

#include "fs.h"

struct blob_fs_conf {
	const char *directory;
	int64_t sweep_every_ms;
	uint64_t reserve;
};

static const struct hm_opt blob_fs_options[] = {
	HM_OPT_STR(struct blob_fs_conf, directory, "blob-fs",
	    "Where the files are; relative to the data directory."),
	HM_OPT_TIME(struct blob_fs_conf, sweep_every_ms, "1m",
	    "How often files that nothing refers to any more are removed.",
	    .min = "10s", .max = "7d"),
	HM_OPT_SIZE(struct blob_fs_conf, reserve, "64M",
	    "No body is stored while less than this is free on the disk.",
	    .max = "1T"),
	HM_OPT_END
};

/* Of one generation. */
struct fs_state {
	struct hm_mod *m;
	struct fs_store *store;     /* kept */
	struct hm_blob_records kv;
	struct hm_fiber *sweeper;    /* NULL when it has ended */
};

static struct fs_state *
state_of(const struct hm_mod *self)
{
	return hm_mod_state(self);
}

/* ---- the service ---- */

static int
blob_fs_put(struct hm_mod *self, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr)
{
	return fs_put(state_of(self)->store, slices, n, flags, ret_id, reterr);
}

static int
blob_fs_sync(struct hm_mod *self, struct hm_err *reterr)
{
	return fs_sync(state_of(self)->store, reterr);
}

static int
blob_fs_link(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id,
    int delta)
{
	return fs_link(state_of(self)->store, &state_of(self)->kv, txn, id,
	    delta);
}

static int
blob_fs_read(struct hm_mod *self, uint64_t id,
    struct hm_blob_reader **ret, uint64_t *ret_size, struct hm_err *reterr)
{
	return fs_open(state_of(self)->store, &state_of(self)->kv, id, ret,
	    ret_size, reterr);
}

static int
blob_fs_verify(struct hm_mod *self, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	return fs_verify(state_of(self)->store, &state_of(self)->kv, fix,
	    links, report, arg, reterr);
}

static void
blob_fs_usage(struct hm_mod *self, uint64_t *ret_total,
    uint64_t *ret_dead)
{
	fs_usage(state_of(self)->store, &state_of(self)->kv, ret_total,
	    ret_dead);
}

static const struct hm_blob_ops blob_fs_ops = {
	.size = sizeof(blob_fs_ops),
	.put = blob_fs_put, .sync = blob_fs_sync,
	.link = blob_fs_link, .open = blob_fs_read,
	.read = fs_read, .close = fs_close,
	.verify = blob_fs_verify, .usage = blob_fs_usage,
};

static const struct hm_provide blob_fs_provides[] = {
	HM_PROVIDE(blob, &blob_fs_ops),
	HM_PROVIDE_END
};

static const struct hm_need blob_fs_needs[] = {
	HM_NEED(kv),
	HM_NEED_END
};

/* ---- removing what is dead ---- */

static int
sweep_job(void *arg)
{
	struct fs_state *state = arg;
	struct hm_err err = { 0 };
	int r = fs_sweep(state->store, &state->kv, &err);

	if (r)
		hm_log(HM_LOG_WARN, "dead bodies were not removed",
		    hm_f("error", err.text));
	return r;
}

static void
sweeper(void *arg)
{
	struct fs_state *state = arg;
	const struct blob_fs_conf *conf = hm_mod_conf(state->m);

	while (hm_sleep(conf->sweep_every_ms) == 0)
		hm_work(sweep_job, state);
	state->sweeper = NULL;
}

/* ---- lifecycle ---- */

static void
blob_fs_report(enum hm_loglevel level, const char *text, void *arg)
{
	(void)arg;
	hm_log(level, "bodies", hm_f("note", text));
}

static int
blob_fs_check(const void *p, struct hm_err *reterr)
{
	const struct blob_fs_conf *conf = p;

	if (!conf->directory[0])
		return hm_err_set(reterr, -HM_EINVAL,
		    "directory must not be empty");
	return 0;
}

struct fs_opening {
	struct fs_conf conf;
	struct fs_store *store;
	struct hm_blob_records *kv;
	const struct hm_kv *service;
	struct hm_err *reterr;
};

static int
open_store(void *arg)
{
	struct fs_opening *opening = arg;

	return fs_store_open(&opening->conf, &opening->store, opening->reterr);
}

static int
bind_store(void *arg)
{
	struct fs_opening *opening = arg;

	return fs_bind(opening->store, opening->service, opening->kv,
	    opening->reterr);
}

static int
blob_fs_make(struct hm_mod *m, void *arg, void **ret,
    struct hm_err *reterr)
{
	const struct blob_fs_conf *conf = hm_mod_conf(m);
	struct fs_opening opening = {
		.conf = {
			.dir = arg,
			.reserve_bytes = conf->reserve,
			.report = blob_fs_report,
		},
		.reterr = reterr,
	};
	int r = hm_work(open_store, &opening);

	if (!r)
		*ret = opening.store;
	return r;
}

static void
blob_fs_destroy(void *store)
{
	fs_store_close(store);
}

static int
blob_fs_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct blob_fs_conf *conf = hm_mod_conf(m);
	struct fs_state *state = hm_new(hm_mod_arena(m), struct fs_state);
	struct fs_opening binding = { .kv = &state->kv,
	    .service = HM_GET(m, kv), .reterr = reterr };
	const char *dir = conf->directory;
	void *kept;
	int r;

	if (dir[0] != '/')
		dir = hm_printf(hm_mod_arena(m), "%s/%s",
		    hm_server(m)->data_dir, dir);
	r = hm_keep(m, "store", blob_fs_make, (void *)(uintptr_t)dir,
	    blob_fs_destroy, &kept, reterr);
	if (r)
		return r;
	state->m = m;
	state->store = binding.store = kept;
	if (state->store->version != FS_STORE_VERSION)
		return hm_err_set(reterr, -HM_EBUSY, "the bodies are in use by "
		    "another version of this module: restart the server");
	if (strcmp(state->store->dir, dir) != 0)
		return hm_err_set(reterr, -HM_EBUSY, "the bodies cannot move "
		    "from %s while the server runs", state->store->dir);
	r = hm_work(bind_store, &binding);
	if (r)
		return r;
	hm_mod_set(m, state);
	return 0;
}

static void
blob_fs_start(struct hm_mod *m)
{
	struct fs_state *state = state_of(m);

	state->sweeper = hm_fiber_start(m, "body sweep", sweeper, state);
}

static void
blob_fs_retire(struct hm_mod *m)
{
	struct fs_state *state = state_of(m);

	if (state->sweeper)
		hm_fiber_cancel(state->sweeper);
}

HM_MODULE_NAMED("blob-fs", "0.1.0", "Message bodies, one file for each",
	.conf_size = sizeof(struct blob_fs_conf),
	.options = blob_fs_options,
	.needs = blob_fs_needs,
	.provides = blob_fs_provides,
	.check = blob_fs_check,
	.open = blob_fs_open,
	.start = blob_fs_start,
	.retire = blob_fs_retire,
);
