/* store.c - the service "store": options, life, and the table of operations. */
#include <hermod/plugin.h>
#include <hermod/work.h>

#include "store.h"

static const struct hm_opt store_options[] = {
	HM_OPT_SIZE(struct store_conf, quota_bytes, "0",
	    "How much an account may hold unless the directory says otherwise. 0: "
	    "no limit."),
	HM_OPT_SIZE(struct store_conf, cache_bytes, "128M",
	    "Memory for mailboxes that were read, of all accounts together. 5 MB "
	    "hold a mailbox of 100,000 messages.", .min = "1M", .max = "1T"),
	HM_OPT_INT(struct store_conf, changes_kept, "50000",
	    "Changes of each account that are remembered for clients that were "
	    "away. One that was away longer compares its mailboxes anew.",
	    .min = "100", .max = "100000000"),
	HM_OPT_LIST(struct store_conf, mailboxes,
	    "[\"Drafts: drafts\", \"Sent: sent\", \"Archive: archive\", "
	    "\"Trash: trash\", \"Junk: junk\"]",
	    "Mailboxes that a new account has beside INBOX: a name, or a name, a "
	    "colon and a special use: archive, drafts, junk, sent or trash."),
	HM_OPT_END
};

static const struct hm_need store_needs[] = {
	HM_NEED(kv), HM_NEED(blob), HM_WANT(directory), HM_NEED_END
};

struct store *
store_of(struct hm_mod *m)
{
	return hm_mod_state(m);
}

/* ---- the service ----------------------------------------------------------------- */

static int
op_open(struct hm_mod *self, struct hm_str account, struct hm_account **ret,
    struct hm_err *reterr)
{
	return store_open(store_of(self), account, ret, reterr);
}

static int
op_remove(struct hm_mod *self, struct hm_str account, struct hm_err *reterr)
{
	return store_remove(store_of(self), account, reterr);
}

static struct hm_cond *
op_cond(struct hm_account *acc)
{
	return &acc->a->cond;
}

static struct hm_mailboxes *
op_mailboxes(struct hm_account *acc)
{
	struct hm_mailboxes *all;

	pthread_mutex_lock(&acc->a->snap);
	all = hm_mailboxes_ref(acc->a->now);
	pthread_mutex_unlock(&acc->a->snap);
	return all;
}

static int
op_deliver(struct hm_mod *self, struct hm_deliver *items, size_t n,
    struct hm_err *reterr)
{
	return store_deliver(store_of(self), items, n, reterr);
}

static int
op_verify(struct hm_mod *self, struct hm_str account, bool fix,
    void (*report)(const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	return store_verify(store_of(self), account, fix ? STORE_FIX : STORE_LOOK,
	    report, arg, reterr);
}

static const struct hm_store_ops store_ops = {
	.size = sizeof(struct hm_store_ops),
	.open = op_open, .close = store_close, .remove = op_remove,
	.cond = op_cond, .quota = store_quota, .mailboxes = op_mailboxes,
	.mailbox_create = store_mailbox_create,
	.mailbox_delete = store_mailbox_delete,
	.mailbox_rename = store_mailbox_rename,
	.subscribe = store_subscribe, .special_use = store_special_use,
	.view = store_view, .append = store_append, .deliver = op_deliver,
	.flags = store_flags, .copy = store_copy, .expunge = store_expunge,
	.bodies = store_bodies,
	.load = store_load, .body_open = store_body_open,
	.body_read = store_body_read, .body_close = store_body_close,
	.changes = store_changes, .vanished = store_vanished,
	.verify = op_verify,
};

static const struct hm_provide store_provides[] = {
	HM_PROVIDE(store, &store_ops), HM_PROVIDE_END
};

/* ---- life --------------------------------------------------------------------------- */

static void
emit(struct store *st, enum store_event kind, const struct hm_change *change)
{
	switch (kind) {
	case STORE_ADDED:
		hm_emit_message_added(st->mod, change);
		break;
	case STORE_CHANGED:
		hm_emit_message_changed(st->mod, change);
		break;
	case STORE_REMOVED:
		hm_emit_message_removed(st->mod, change);
		break;
	case STORE_MAILBOX:
		hm_emit_mailbox_changed(st->mod, change);
		break;
	}
}

static void
hold(struct store *st, bool on)
{
	if (on)
		hm_mod_hold(st->mod, "store: erasing");
	else
		hm_mod_release(st->mod, "store: erasing");
}

static int
store_check(const void *conf, struct hm_err *reterr)
{
	const struct hm_strlist *list = ((const struct store_conf *)conf)->mailboxes;
	struct hm_arena *arena = hm_arena_new(NULL, "store check");
	unsigned use, used = 0;
	struct hm_str name;
	size_t i;
	int r = 0;

	for (i = 0; list && i < list->n && r == 0; i++) {
		if (store_initial_parse(list->at[i], &name, &use) < 0)
			r = hm_err_set(reterr, -HM_EINVAL, "mailboxes: \"%s\" is"
			    " not \"NAME\" or \"NAME: USE\"", list->at[i]);
		else if ((r = store_name_clean(arena, name, &name, reterr)) < 0)
			hm_err_prefix(reterr, "mailboxes: \"%s\"", list->at[i]);
		else if (use & used)
			r = hm_err_set(reterr, -HM_EINVAL, "mailboxes: \"%s\": this"
			    " use has another mailbox already", list->at[i]);
		used |= use;
	}
	hm_arena_free(arena);
	return r;
}

static int
make_shared(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	struct store_shared *shared = store_shared_new();

	(void)m;
	(void)arg;
	(void)reterr;
	shared->loop = true;
	*ret = shared;
	return 0;
}

static void
destroy_shared(void *resource)
{
	store_shared_close(resource);
}

struct opening {
	struct store *st;
	struct hm_err *err;
};

static int
open_job(void *arg)
{
	struct opening *o = arg;

	return store_format_check(o->st, o->err);
}

static int
module_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct store *st = hm_new(hm_mod_arena(m), struct store);
	struct opening o = { st, reterr };
	void *shared = NULL;
	int r;

	st->mod = m;
	st->conf = hm_mod_conf(m);
	st->kv = HM_GET(m, kv);
	st->blob = HM_GET(m, blob);
	st->directory = HM_GET(m, directory);
	st->emit = emit;
	st->hold = hold;
	hm_mod_set(m, st);
	if ((r = store_tables_open(st, reterr)) < 0 ||
	    (r = hm_work(open_job, &o)) < 0)
		return r;
	r = hm_keep(m, "accounts", make_shared, NULL, destroy_shared, &shared,
	    reterr);
	if (r < 0)
		return r;
	st->shared = shared;
	if (st->shared->layout != STORE_LAYOUT)
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "this version of the"
		    " module keeps accounts in memory in another form than the"
		    " running one: restart the server");
	return 0;
}

static int
leftovers_job(void *arg)
{
	return store_remove_leftovers(arg, NULL);
}

static void
leftovers_done(int result, void *arg)
{
	struct store *st = arg;

	if (result < 0)
		hm_log(HM_LOG_WARN, "removal of an account goes on later",
		    hm_f("error", hm_err_name(result)));
	hold(st, false);
}

static void
module_start(struct hm_mod *m)
{
	struct store *st = store_of(m);

	atomic_store(&st->shared->cache_max, st->conf->cache_bytes);
	st->shared->current = st;
	hold(st, true);
	hm_work_detached(leftovers_job, leftovers_done, st);
}

static void
module_retire(struct hm_mod *m)
{
	struct store *st = store_of(m);

	if (st->shared->current == st)
		st->shared->current = NULL;
}

HM_MODULE(store, "1.0", "mailboxes, messages and their changes",
	.options = store_options, .conf_size = sizeof(struct store_conf),
	.needs = store_needs, .provides = store_provides,
	.commands = store_commands, .check = store_check, .open = module_open,
	.start = module_start, .retire = module_retire);
