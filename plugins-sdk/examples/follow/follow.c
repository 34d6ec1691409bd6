/* follow.c - follow message changes from a cursor: every message that comes to an
 * account is logged, none is missed, whatever happens in between.
 *
 * Events are hints: they can be lost when there are very many, and there are none
 * while the plugin is off. The change log of the store is complete. So the plugin
 * remembers how far it has read the log of each account (the cursor, on kv), and an
 * event only makes it read on. What was seen when the power fails, but not yet
 * remembered, is seen again: at least once, never less.
 */
#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/iface/directory.h>
#include <hermod/iface/kv.h>
#include <hermod/iface/store.h>
#include <hermod/plugin.h>

enum { AT_ONCE = 100 };

struct follow {
	const struct hm_store *store;
	const struct hm_directory *directory;
	const struct hm_kv *kv;
	struct hm_kv_table *cursors;
	struct hm_sem one;             /* who reads, reads alone */
};

/* ---- the cursor of an account ---- */

struct cursor {
	const struct follow *f;
	struct hm_str account;
	uint64_t modseq;
	bool save;
};

static int
cursor_txn(struct hm_kv_txn *txn, void *arg)
{
	struct cursor *c = arg;
	const struct hm_kv_ops *ops = c->f->kv->ops;
	struct hm_buf value = { 0 };
	struct hm_str found;
	int r;

	if (c->save) {
		hm_buf_le64(&value, c->modseq);
		r = ops->put(txn, c->f->cursors, c->account, hm_buf_view(&value));
		hm_buf_release(&value);
		return r;
	}
	r = ops->get(txn, c->f->cursors, c->account, 0, &found);
	if (r == -HM_ENOENT)
		return 0;
	return r < 0 ? r : hm_take_le64(&found, &c->modseq);
}

static HM_FIBER int
cursor(struct cursor *c)
{
	return hm_kv_work(c->f->kv, c->save ? HM_KV_DURABLE : HM_KV_READ,
	    cursor_txn, c, NULL);
}

/* ---- reading the log ---- */

/* May be called on another thread: it only looks and logs. */
static int
seen(const struct hm_logged_change *change, void *arg)
{
	struct cursor *c = arg;

	c->modseq = change->modseq;
	if (change->kind == HM_LOGGED_ADDED)
		hm_log(HM_LOG_INFO, "message seen", hm_f("account", c->account),
		    hm_f("mailbox", change->mailbox),
		    hm_f("uid", change->uids.at[0].first),
		    hm_f("count", hm_uidset_count(&change->uids)));
	return 0;
}

static HM_FIBER int
read_log(const struct follow *f, struct hm_account *acc, struct cursor *c)
{
	const struct hm_store_ops *ops = f->store->ops;
	struct hm_mailboxes *all;
	int n;

	do {
		n = ops->changes(acc, c->modseq, AT_ONCE, seen, c, NULL);
		if (n == -HM_ELIMIT) {
			/* Older than the log: only a snapshot helps now. */
			all = ops->mailboxes(acc);
			hm_log(HM_LOG_WARN, "changes are no longer known",
			    hm_f("account", c->account));
			c->modseq = all->modseq;
			hm_mailboxes_unref(all);
		}
		c->save = true;
		if (n != 0 && (n > 0 || n == -HM_ELIMIT) &&
		    cursor(c) < 0)
			return -HM_EIO;
	} while (n == AT_ONCE);
	return n;
}

static HM_FIBER void
catch_up(struct follow *f, struct hm_str account)
{
	struct cursor c = { .f = f, .account = account };
	struct hm_account *acc;
	int r;

	if (hm_sem_take(&f->one, -1) < 0)
		return;
	if ((r = cursor(&c)) == 0 &&
	    (r = f->store->ops->open(f->store->self, account, &acc, NULL)) == 0) {
		r = read_log(f, acc, &c);
		f->store->ops->close(acc);
	}
	hm_sem_give(&f->one);
	if (r < 0 && r != -HM_ECANCELED)
		hm_log(HM_LOG_ERROR, "changes cannot be read",
		    hm_f("account", account), hm_f("why", hm_err_name(r)));
}

static void
follow_added(struct hm_call *call, const struct hm_change *change)
{
	catch_up(hm_mod_state(hm_call_mod(call)), hm_str(change->account));
}

/* ---- what happened while nobody looked ---- */

static int
catch_up_one(struct hm_str account, void *arg)
{
	catch_up(arg, account);
	return hm_fiber_cancelled();
}

static void
catch_up_all(void *arg)
{
	struct follow *f = arg;

	f->directory->ops->accounts(f->directory->self, catch_up_one, f);
}

static void
follow_start(struct hm_mod *m)
{
	hm_fiber_start(m, "catching up", catch_up_all, hm_mod_state(m));
}

static int
follow_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct follow *f = hm_new(hm_mod_arena(m), struct follow);

	f->store = HM_GET(m, store);
	f->directory = HM_GET(m, directory);
	f->kv = HM_GET(m, kv);
	f->one.free = 1;
	hm_mod_set(m, f);
	return hm_kv_table(f->kv, "follow", &f->cursors, reterr);
}

static const struct hm_need follow_needs[] = {
	HM_NEED(store), HM_NEED(directory), HM_NEED(kv), HM_NEED_END
};

static const struct hm_hook follow_hooks[] = {
	HM_ON(message_added, HM_ORDER_LAST, follow_added),
	HM_HOOK_END
};

HM_MODULE(follow, "1.0", "Logs every message that comes to an account",
	.needs = follow_needs, .hooks = follow_hooks, .open = follow_open,
	.start = follow_start);
