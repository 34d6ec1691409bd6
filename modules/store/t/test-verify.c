/* test-verify.c - the checker sees damage of every kind, and repairs it without
 * touching anything else. */
#include "kit.h"

#include <hermod/clock.h>

struct edit {
	struct kit *k;
	struct hm_kv_table *table;
	struct store_key key;
	struct hm_str value;         /* {NULL,0}: removed */
};

static int
edit_fn(struct hm_kv_txn *kv, void *arg)
{
	struct edit *e = arg;

	if (e->value.p)
		return e->k->kv->ops->put(kv, e->table, store_key_str(&e->key),
		    e->value);
	return e->k->kv->ops->del(kv, e->table, store_key_str(&e->key));
}

static void
put(struct kit *k, struct hm_kv_table *table, struct store_key key,
    struct hm_str value)
{
	struct edit e = { k, table, key, value };
	int r = hm_kv_run(k->kv, HM_KV_DURABLE, edit_fn, &e, NULL);

	if (r < 0)
		diag("edit: %s", hm_err_name(r));
}

static struct store_key
key32(struct kit *k, uint32_t a)
{
	struct store_key key;

	store_key(&key, k->acc->a->id);
	store_key_u32(&key, a);
	return key;
}

static struct store_key
key64(struct kit *k, uint64_t a)
{
	struct store_key key;

	store_key(&key, k->acc->a->id);
	store_key_u64(&key, a);
	return key;
}

static struct store_key
hot_key(struct kit *k, const char *mailbox, uint32_t group)
{
	struct store_key key = key32(k, (uint32_t)kit_box(k->acc, mailbox));

	store_key_u32(&key, group);
	return key;
}

static uint64_t
msgid_of(struct kit *k, const char *mailbox, uint32_t seq)
{
	struct hm_view *v = kit_view(k->acc, mailbox);
	uint64_t id = hm_view_at(v, seq)->msgid;

	hm_view_unref(v);
	return id;
}

static void
lose_body(struct kit *k)
{
	fake_damage(k->fake, 5, -1);
}

static void
cut_body(struct kit *k)
{
	fake_damage(k->fake, 5, -3);
}

static void
lose_group(struct kit *k)
{
	put(k, k->st.t.hot, hot_key(k, "INBOX", 0), (struct hm_str){ NULL, 0 });
}

static void
spoil_group(struct kit *k)
{
	put(k, k->st.t.hot, hot_key(k, "INBOX", 0), HM_STR("12345678garbage"));
}

static void
spoil_mailbox(struct kit *k)
{
	put(k, k->st.t.box, key32(k, (uint32_t)kit_box(k->acc, "INBOX")),
	    HM_STR("\xff\xff"));
}

static void
lose_mailbox(struct kit *k)
{
	put(k, k->st.t.box, key32(k, (uint32_t)kit_box(k->acc, "Lists")),
	    (struct hm_str){ NULL, 0 });
}

static void
spoil_state(struct kit *k)
{
	put(k, k->st.t.box, key32(k, 0), HM_STR("nonsense"));
}

static void
lose_msg(struct kit *k)
{
	put(k, k->st.t.msg, key64(k, msgid_of(k, "INBOX", 7)),
	    (struct hm_str){ NULL, 0 });
}

static void
spoil_msg(struct kit *k)
{
	put(k, k->st.t.msg, key64(k, msgid_of(k, "INBOX", 7)), HM_STR("\x01"));
}

static void
lose_cold(struct kit *k)
{
	put(k, k->st.t.cold, key64(k, msgid_of(k, "INBOX", 7)),
	    (struct hm_str){ NULL, 0 });
}

static void
spoil_cold(struct kit *k)
{
	put(k, k->st.t.cold, key64(k, msgid_of(k, "INBOX", 7)), HM_STR("\x01""x"));
}

static void
orphan_msg(struct kit *k)
{
	struct msg_record m = { .mailbox = 1, .uid = 999, .cold = 3 };
	struct hm_buf buf = { 0 };

	store_put_msg(&buf, &m);
	put(k, k->st.t.msg, key64(k, 9999), hm_buf_view(&buf));
	hm_buf_release(&buf);
}

static void
wrong_count(struct kit *k)
{
	struct hm_mailboxes *all = k->acc->a->now;
	struct hm_mailbox m = *hm_mailboxes_find(all, HM_STR("INBOX"));
	struct hm_buf buf = { 0 };

	m.messages += 3;
	m.unseen--;
	m.bytes += 77;
	store_put_box(&buf, &m);
	put(k, k->st.t.box, key32(k, (uint32_t)m.id), hm_buf_view(&buf));
	hm_buf_release(&buf);
}

static void
low_uidnext(struct kit *k)
{
	struct hm_mailboxes *all = k->acc->a->now;
	struct hm_mailbox m = *hm_mailboxes_find(all, HM_STR("INBOX"));
	struct hm_buf buf = { 0 };

	m.uidnext = 10;
	store_put_box(&buf, &m);
	put(k, k->st.t.box, key32(k, (uint32_t)m.id), hm_buf_view(&buf));
	hm_buf_release(&buf);
}

static void
stray_index(struct kit *k)
{
	struct store_key key;

	store_index_key(&key, k->acc->a->id, HAS_ID, 4711);
	store_key_u64(&key, 1);
	put(k, k->st.t.index, key, HM_STR(""));
}

static void
lose_index(struct kit *k)
{
	struct store_key key;

	store_index_key(&key, k->acc->a->id, HAS_ID,
	    store_hash_fold(HM_STR("m7@test")));
	store_key_u64(&key, 7);
	put(k, k->st.t.index, key, (struct hm_str){ NULL, 0 });
}

static void
stray_copy(struct kit *k)
{
	struct store_key key;

	store_index_key(&key, k->acc->a->id, COPY_OF, 1);
	store_key_u64(&key, 2);
	put(k, k->st.t.index, key, HM_STR(""));
}

static void
wrong_size(struct kit *k)
{
	struct hm_view *v = kit_view(k->acc, "Lists");
	struct hm_entry e[HM_GROUP_MAX];
	struct hm_buf buf = { 0 };
	const struct hm_entry *old;
	size_t n;

	old = hm_view_group(v, 0, &n);
	memcpy(e, old, n * sizeof(*e));
	e[0].size += 5;
	store_put_group(&buf, e[0].modseq + 10, e, (unsigned)n);
	put(k, k->st.t.hot, hot_key(k, "Lists", 0), hm_buf_view(&buf));
	hm_buf_release(&buf);
	hm_view_unref(v);
}

static void
twice(struct kit *k)
{
	struct hm_view *v = kit_view(k->acc, "INBOX");
	struct hm_entry e[HM_GROUP_MAX];
	struct hm_buf buf = { 0 };
	const struct hm_entry *old;
	size_t n;

	old = hm_view_group(v, 0, &n);
	memcpy(e, old, n * sizeof(*e));
	e[3].msgid = e[2].msgid;
	store_put_group(&buf, e[0].modseq + 10, e, (unsigned)n);
	put(k, k->st.t.hot, hot_key(k, "INBOX", 0), hm_buf_view(&buf));
	hm_buf_release(&buf);
	hm_view_unref(v);
}

static void
spoil_log(struct kit *k)
{
	put(k, k->st.t.log, key64(k, k->acc->a->now->modseq), HM_STR("\x07"));
}

static void
beyond_log(struct kit *k)
{
	struct hm_buf buf = { 0 };

	store_put_log(&buf, HM_LOGGED_FLAGS, 1, NULL);
	put(k, k->st.t.log, key64(k, k->acc->a->now->modseq + 10),
	    hm_buf_view(&buf));
	hm_buf_release(&buf);
}

static const struct damage {
	const char *what;
	void (*fn)(struct kit *k);
	const char *inbox, *lists;   /* uids that are left */
} damages[] = {
	{ "nothing", NULL, "1:100", "1:20" },
	{ "a body is lost", lose_body, "1:4,6:100", "1:20" },
	{ "a body is cut", cut_body, "1:4,6:100", "1:20" },
	{ "64 messages are lost", lose_group, "1:100", "1:20" },
	{ "64 messages are spoiled", spoil_group, "1:100", "1:20" },
	{ "a mailbox's record is spoiled", spoil_mailbox, NULL, "1:20" },
	{ "a mailbox's record is lost", lose_mailbox, "1:120", NULL },
	{ "the account's state is spoiled", spoil_state, "1:100", "1:20" },
	{ "a message's record is lost", lose_msg, "1:6,8:100", "1:20" },
	{ "a message's record is spoiled", spoil_msg, "1:6,8:100", "1:20" },
	{ "a message's content is lost", lose_cold, "1:6,8:100", "1:20" },
	{ "a message's content is spoiled", spoil_cold, "1:6,8:100", "1:20" },
	{ "a message is nowhere", orphan_msg, "1:100,999", "1:20" },
	{ "counts are wrong", wrong_count, "1:100", "1:20" },
	{ "uidnext is too low", low_uidnext, "1:100", "1:20" },
	{ "an index row too many", stray_index, "1:100", "1:20" },
	{ "an index row too few", lose_index, "1:100", "1:20" },
	{ "a copy that is none", stray_copy, "1:100", "1:20" },
	{ "a size is wrong", wrong_size, "1:100", "1:20" },
	{ "a message stands twice", twice, "1:100", "1:20" },
	{ "a change is spoiled", spoil_log, "1:100", "1:20" },
	{ "a change from the future", beyond_log, "1:100", "1:20" },
};

static void
reopen(struct kit *k)
{
	store_close(k->acc);
	k->acc = NULL;
	store_shared_close(k->st.shared);
	hm_arena_free(k->arena);
	k->arena = NULL;
	kit_start_on(k, k->fake);
}

static void
test_damage(const struct damage *d)
{
	struct hm_account *bob;
	struct kit k = { 0 };
	int found, left;

	kit_start(&k);
	kit_append_n(k.acc, "INBOX", 100, 1);
	store_mailbox_create(k.acc, HM_STR("Lists"), 0, NULL, NULL);
	kit_append_n(k.acc, "Lists", 20, 200);
	bob = kit_open(&k, "bob");
	kit_append_n(bob, "INBOX", 10, 1);
	store_close(bob);
	if (d->fn)
		d->fn(&k);
	/* as after a restart */
	if (k.acc)
		store_close(k.acc);
	k.acc = NULL;
	store_shared_close(k.st.shared);
	k.st.shared = store_shared_new();
	atomic_store(&k.st.shared->cache_max, k.conf.cache_bytes);

	found = kit_verify(&k, false);
	ok(d->fn ? found > 0 : found == 0, "%s: %d reports", d->what, found);
	ok(kit_verify(&k, true) >= found, "%s: repaired", d->what);
	left = kit_verify(&k, false);
	is_int(left, 0, "%s: clean then", d->what);
	hm_arena_free(k.arena);
	k.arena = NULL;
	store_shared_close(k.st.shared);
	kit_start_on(&k, k.fake);
	if (ok(k.acc != NULL, "%s: the account opens", d->what)) {
		if (d->inbox)
			is_str(kit_uids(k.acc, "INBOX"), d->inbox,
			    "%s: what is left of INBOX", d->what);
		if (d->lists)
			is_str(kit_uids(k.acc, "Lists"), d->lists,
			    "%s: what is left of Lists", d->what);
		is_int(kit_append_n(k.acc, d->lists ? "Lists" : "Sent", 1, 900),
		    0, "%s: new mail comes in", d->what);
	}
	bob = kit_open(&k, "bob");
	is_str(kit_uids(bob, "INBOX"), "1:10", "%s: others are untouched",
	    d->what);
	store_close(bob);
	if (k.acc)
		is_int(kit_verify(&k, false), 0, "%s: still clean", d->what);
	kit_end(&k);
}

/* While it is in use, too. */
static void
test_online(void)
{
	struct kit k = { 0 };
	struct hm_view *old, *now;
	struct store_aside *at = NULL;
	size_t n = 0;

	kit_start(&k);
	kit_append_n(k.acc, "INBOX", 100, 1);
	old = kit_view(k.acc, "INBOX");
	lose_body(&k);
	ok(kit_verify(&k, true) > 0, "repaired while open");
	now = kit_view(k.acc, "INBOX");
	is_int(hm_view_count(now), 99, "sessions see it at once");
	is_int(hm_view_count(old), 100, "not in what they hold");
	hm_view_unref(old);
	hm_view_unref(now);
	is_int(kit_verify(&k, false), 0, "clean");
	is_int(store_set_aside(&k.st, (struct hm_str){ NULL, 0 }, k.arena, &at,
	    &n, NULL), 0, "what was set aside");
	is_int(n, 1, "is one message");
	is_slice(at->what, "mailbox \"INBOX\" uid 5 size 72",
	    "told where it was");
	ok(hm_str_find(at->envelope, HM_STR("number 5")) > 0,
	    "and what it was");
	reopen(&k);
	is_int(kit_verify(&k, false), 0, "clean after a restart");
	kit_end(&k);
}

/* A record that cannot be read is an error of who opens the mailbox, not of who
 * looks at its messages then. */
static void
test_found_early(void)
{
	struct kit k = { 0 };
	struct hm_view *view = NULL;
	struct hm_err err = { 0 };
	struct hm_buf buf = { 0 };
	const struct hm_entry *e;
	size_t n, i;

	kit_start(&k);
	kit_append_n(k.acc, "INBOX", 200, 1);
	reopen(&k);
	view = kit_view(k.acc, "INBOX");
	e = hm_view_group(view, 1, &n);
	is_int(n, HM_GROUP_MAX, "a mailbox read again");
	for (i = 0; i < n; i++)
		if (e[i].uid != 64 + i || e[i].modseq == 0)
			break;
	is_int(i, HM_GROUP_MAX, "shows what was in it");
	store_put_group(&buf, e[0].modseq, e, (unsigned)n);
	hm_view_unref(view);
	put(&k, k.st.t.hot, hot_key(&k, "INBOX", 1),
	    hm_str_n(buf.p, buf.len - 1));
	hm_buf_release(&buf);
	reopen(&k);
	is_int(store_view(k.acc, kit_box(k.acc, "INBOX"), &view, &err),
	    -HM_ECORRUPT, "a byte of one record is missing");
	ok(strstr(err.text, "mailbox INBOX is damaged"), "said when it is opened");
	kit_end(&k);
}

/* Of a damaged message what is damaged cannot be read, and of the others all. */
static void
test_contained(void (*damage)(struct kit *), unsigned uid, bool record)
{
	struct kit k = { 0 };
	struct hm_stored *s;
	struct hm_body *body;
	uint64_t ids[100], size;
	size_t i, told = 0, read = 0;

	kit_start(&k);
	kit_append_n(k.acc, "INBOX", 100, 1);
	s = hm_alloc_array(k.arena, 100, sizeof(*s));
	for (i = 0; i < 100; i++)
		ids[i] = msgid_of(&k, "INBOX", (unsigned)i + 1);
	damage(&k);
	is_int(store_load(k.acc, ids, 100, ~0u, k.arena, s, NULL), 0, "load");
	for (i = 0; i < 100; i++) {
		told += s[i].envelope.len > 0 && s[i].msgid == ids[i];
		if (store_body_open(k.acc, ids[i], &body, &size, NULL) < 0)
			continue;
		read++;
		store_body_close(body);
	}
	is_int(told, record ? 99 : 100, "all others tell what they are");
	is_int(read, 99, "all others can be read");
	is_int(s[uid - 1].msgid, ids[uid - 1], "it is not gone,");
	is_int(store_body_open(k.acc, ids[uid - 1], &body, &size, NULL),
	    -HM_ECORRUPT, "but damaged");
	kit_end(&k);
}

int
main(void)
{
	size_t i;

	hm_clock_virtual(INT64_C(1790000000000));
	for (i = 0; i < HM_ARRAY_LEN(damages); i++)
		test_damage(&damages[i]);
	test_online();
	test_contained(lose_body, 5, false);
	test_contained(cut_body, 5, false);
	test_contained(lose_cold, 7, true);
	test_contained(spoil_cold, 7, true);
	test_contained(spoil_msg, 7, true);
	test_found_early();
	return done();
}
