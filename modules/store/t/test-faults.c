/* test-faults.c - every call to the services below fails once: nothing is ever
 * half done, and after a power cut everything is as it was promised to be. */
#include "kit.h"

#include <hermod/clock.h>
#include <hermod/spool.h>

static int
do_append(struct kit *k)
{
	return kit_append_n(k->acc, "INBOX", 3, 500);
}

static int
do_append_other(struct kit *k)
{
	return kit_append(k->acc, "Sent", "Subject: x\r\n\r\ny\r\n", 0, NULL);
}

static int
do_flags(struct kit *k)
{
	return kit_flags(k->acc, "INBOX", "1:70", HM_FLAGS_ADD,
	    HM_FLAG_SEEN | HM_FLAG_DELETED, "fresh");
}

static int
do_expunge(struct kit *k)
{
	return kit_expunge(k->acc, "INBOX", "60:68", false, NULL);
}

static int
do_copy(struct kit *k)
{
	return kit_copy(k->acc, "INBOX", "Archive", "62:66", false);
}

static int
do_move(struct kit *k)
{
	return kit_copy(k->acc, "INBOX", "Archive", "62:66", true);
}

static int
do_create(struct kit *k)
{
	return store_mailbox_create(k->acc, HM_STR("x/y/z"), HM_USE_SENT, NULL,
	    NULL);
}

static int
do_delete(struct kit *k)
{
	return store_mailbox_delete(k->acc, HM_STR("Trash"), NULL);
}

static int
do_rename(struct kit *k)
{
	return store_mailbox_rename(k->acc, HM_STR("Trash"), HM_STR("p/q"),
	    NULL);
}

static int
do_rename_inbox(struct kit *k)
{
	return store_mailbox_rename(k->acc, HM_STR("INBOX"), HM_STR("p"), NULL);
}

static int
do_subscribe(struct kit *k)
{
	return store_subscribe(k->acc, HM_STR("Sent"), false, NULL);
}

static int
do_deliver(struct kit *k)
{
	struct hm_spool *spool = hm_spool_new("/tmp");
	struct hm_deliver d = { .account = HM_STR("anna"),
		.mailbox = HM_STR("Lists/x"),
		.append = { .spool = spool, .received = 5 } };

	hm_spool_append(spool, "Subject: x\r\n\r\nall\r\n", 19, NULL);
	store_deliver(&k->st, &d, 1, NULL);
	hm_spool_free(spool);
	return d.result;
}

static int
do_remove(struct kit *k)
{
	return store_remove(&k->st, HM_STR("bob"), NULL);
}

static int
do_make(struct kit *k)
{
	struct hm_account *acc;
	int r = store_open(&k->st, HM_STR("new"), &acc, NULL);

	if (r == 0)
		store_close(acc);
	return r;
}

/* All that a client can see, in one number. */
static uint64_t
digest(struct kit *k)
{
	struct hm_buf buf = { 0 };
	struct hm_mailboxes *all = hm_mailboxes_ref(k->acc->a->now);
	const struct hm_entry *e;
	struct hm_view_iter it;
	struct hm_view *view;
	uint64_t h;
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct hm_mailbox *m = all->at[i];

		store_put_box(&buf, m);
		if (store_view(k->acc, m->id, &view, NULL) < 0)
			continue;
		for (hm_view_iter(&it, view, 1); (e = hm_view_next(&it)); )
			hm_buf_add(&buf, e, sizeof(*e));
		hm_view_unref(view);
	}
	for (i = 0; i < all->nsubscribed; i++)
		hm_buf_lstr(&buf, all->subscribed[i]);
	hm_buf_u64(&buf, k->acc->a->bytes);
	h = store_hash(hm_buf_view(&buf));
	hm_buf_release(&buf);
	hm_mailboxes_unref(all);
	return h;
}

static void
prepare(struct kit *k)
{
	struct hm_account *bob;

	memset(k, 0, sizeof(*k));
	hm_clock_virtual(INT64_C(1790000000000));
	kit_start(k);
	kit_append_n(k->acc, "INBOX", 70, 1);
	kit_append_n(k->acc, "Trash", 5, 100);
	kit_flags(k->acc, "INBOX", "5", HM_FLAGS_ADD, 0, "word");
	bob = kit_open(k, "bob");
	kit_append_n(bob, "INBOX", 5, 1);
	store_close(bob);
}

static const struct op {
	const char *name;
	int (*fn)(struct kit *k);
} ops[] = {
	{ "append", do_append }, { "append to another", do_append_other },
	{ "flags", do_flags }, { "expunge", do_expunge }, { "copy", do_copy },
	{ "move", do_move }, { "create", do_create }, { "delete", do_delete },
	{ "rename", do_rename }, { "rename INBOX", do_rename_inbox },
	{ "subscribe", do_subscribe }, { "deliver", do_deliver },
	{ "remove an account", do_remove }, { "make an account", do_make },
};

struct seen {
	unsigned half, wrong, unclean, lost;
};

/* One run with the nth call failing; false when there was no such call. */
static bool
one(const struct op *op, unsigned long nth, int code, uint64_t before,
    uint64_t after, struct seen *seen)
{
	struct kit k;
	uint64_t now;
	bool hit, unknown;
	unsigned unclean;
	int r;

	prepare(&k);
	fake_fail(k.fake, nth, code);
	r = op->fn(&k);
	hit = fake_failed(k.fake);
	/* When the sync itself fails, it shows later what became of it. */
	unknown = r < 0 && k.acc->a->pending;
	fake_fail(k.fake, 0, 0);
	if (unknown)
		store_settle(&k.st, k.acc->a, NULL);
	if (hit) {
		now = digest(&k);
		unclean = seen->half + seen->wrong + seen->unclean + seen->lost;
		if (code == -HM_ECONFLICT)
			seen->wrong += r != 0 || now != after;
		else if (!unknown)
			seen->wrong += now != (r == 0 ? after : before);
		if (now != before && now != after)
			seen->half++;
		seen->unclean += kit_verify(&k, false) != 0;
		kit_crash(&k);
		now = digest(&k);
		if (!unknown)
			seen->lost += r == 0 ? now != after : now != before;
		else
			seen->half += now != before && now != after;
		seen->unclean += kit_verify(&k, false) != 0;
		if (unclean != seen->half + seen->wrong + seen->unclean + seen->lost)
			diag("%s, call %lu: returned %d", op->name, nth, r);
	}
	kit_end(&k);
	return hit;
}

static void
test_op(const struct op *op, int code)
{
	struct seen seen = { 0 };
	uint64_t before, after;
	unsigned long n;
	struct kit k;

	prepare(&k);
	before = digest(&k);
	is_int(op->fn(&k), 0, "%s", op->name);
	after = digest(&k);
	kit_end(&k);
	for (n = 1; n < 2000 && one(op, n, code, before, after, &seen); n++)
		;
	ok(n > 5, "%s: %lu calls failed with %s", op->name, n - 1,
	    hm_err_name(code));
	is_int(seen.half, 0, "%s: nothing is half done", op->name);
	is_int(seen.wrong, 0, "%s: the result tells what happened", op->name);
	is_int(seen.lost, 0, "%s: so it is after a power cut", op->name);
	is_int(seen.unclean, 0, "%s: the checker finds nothing", op->name);
}

/* A body that was stored, but whose records were not, is nothing. */
static void
test_body_only(void)
{
	uint64_t links;
	struct kit k;

	prepare(&k);
	fake_fail(k.fake, 3, -HM_EIO);
	is_int(kit_append(k.acc, "INBOX", "a: b\r\n\r\n", 0, NULL), -HM_EIO,
	    "the transaction fails behind the body");
	kit_crash(&k);
	is_int(fake_blobs(k.fake, &links), 80, "no more bodies than before");
	is_int(kit_verify(&k, false), 0, "verify");
	kit_end(&k);
}

static int
link_nothing(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id, int delta)
{
	(void)self;
	(void)txn;
	(void)id;
	(void)delta;
	return -HM_ENOENT;
}

/* A body that is gone before it is linked: our fault, not a mailbox that is
 * missing, which is what -HM_ENOENT tells who appends. */
static void
test_body_gone(void)
{
	struct hm_blob_ops ops;
	struct hm_blob blob;
	struct kit k;

	prepare(&k);
	ops = *k.blob->ops;
	ops.link = link_nothing;
	blob = (struct hm_blob){ &ops, k.blob->self };
	k.st.blob = &blob;
	is_int(kit_append(k.acc, "INBOX", "a: b\r\n\r\n", 0, NULL), -HM_EIO,
	    "the body is gone behind its sync");
	k.st.blob = k.blob;
	is_int(kit_append(k.acc, "INBOX", "a: b\r\n\r\n", 0, NULL), 0,
	    "and is not the next time");
	is_int(kit_append(k.acc, "nowhere", "a: b\r\n\r\n", 0, NULL),
	    -HM_ENOENT, "no such mailbox");
	is_int(kit_verify(&k, false), 0, "verify");
	kit_end(&k);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(ops); i++) {
		test_op(&ops[i], -HM_EIO);
		test_op(&ops[i], -HM_ECONFLICT);
	}
	test_body_only();
	test_body_gone();
	return done();
}
