/* test-store.c - what the store does, on fakes. */
#include "kit.h"

#include <hermod/clock.h>
#include <hermod/spool.h>

static void
test_initial(void)
{
	struct kit k = { 0 };
	struct hm_mailbox m;

	kit_start(&k);
	ok(k.acc != NULL, "an account is made at first use");
	m = kit_info(k.acc, "inbox");
	ok(m.id > 0 && m.uidnext == 1 && m.messages == 0, "with an inbox");
	ok(m.uidvalidity > 800000000, "whose uidvalidity comes from the clock");
	is_int(kit_info(k.acc, "Sent").special_use, HM_USE_SENT, "and \\Sent");
	is_int(kit_info(k.acc, "Junk").special_use, HM_USE_JUNK, "and \\Junk");
	is_int(k.acc->a->now->n, 6, "six mailboxes");
	is_int(k.acc->a->now->nsubscribed, 6, "all subscribed");
	is_int(kit_verify(&k, false), 0, "verify");
	kit_stop(&k);
	kit_start_on(&k, k.fake);
	is_int(kit_info(k.acc, "INBOX").uidvalidity, m.uidvalidity,
	    "there again after a restart");
	kit_end(&k);
}

static void
check_entry(struct hm_account *acc, const char *mailbox, uint32_t seq,
    uint32_t uid, unsigned flags)
{
	struct hm_view *v = kit_view(acc, mailbox);
	const struct hm_entry *e = hm_view_at(v, seq);

	ok(e && e->uid == uid && e->flags == flags,
	    "%s: message %u has uid %u and flags %x", mailbox, seq, uid, flags);
	hm_view_unref(v);
}

static void
test_append(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct kit k = { 0 };
	struct hm_append item;
	struct hm_stored s;
	struct hm_body *body;
	struct hm_mailbox m;
	uint64_t size;
	char text[200];
	ssize_t n;

	kit_start(&k);
	is_int(kit_append(k.acc, "INBOX", "Subject: one\r\n\r\nhello\r\n",
	    HM_FLAG_SEEN, &item), 0, "append");
	is_int(item.ret_uid, 1, "gets uid 1");
	is_int(item.ret_uidvalidity, kit_info(k.acc, "INBOX").uidvalidity,
	    "and tells the uidvalidity");
	is_int(k.events[STORE_ADDED], 1, "an event tells");
	is_int(k.last[STORE_ADDED].msgid, item.ret_msgid, "of that message");
	is_int(kit_append_n(k.acc, "INBOX", 200, 1), 0, "200 in one transaction");
	is_int(k.last[STORE_ADDED].count, 200, "one event for all");
	m = kit_info(k.acc, "INBOX");
	is_int(m.messages, 201, "201 messages");
	is_int(m.unseen, 200, "200 of them unseen");
	is_int(m.uidnext, 202, "uidnext");
	is_str(kit_uids(k.acc, "INBOX"), "1:201", "in the view");
	check_entry(k.acc, "INBOX", 1, 1, HM_FLAG_SEEN);

	is_int(store_load(k.acc, &item.ret_msgid, 1, ~0u, arena, &s, NULL), 0,
	    "load");
	is_int(s.msgid, item.ret_msgid, "msgid");
	ok(hm_str_find(s.envelope, HM_STR("\"one\"")) >= 0, "envelope");
	ok(s.bodystructure.len > 10 && s.body.len > 10 && s.mime.len > 0,
	    "structure");
	is_slice(s.subject_base, "ONE", "base subject");
	is_int(s.thread, item.ret_msgid, "a thread of its own");
	is_int(s.original_mailbox, m.id, "original mailbox");

	is_int(store_body_open(k.acc, item.ret_msgid, &body, &size, NULL), 0,
	    "body");
	n = store_body_read(body, 9, text, sizeof(text));
	is_bytes(text, (size_t)n, "one\r\n\r\nhello\r\n", 14, "its bytes");
	is_int(size, 23, "its size");
	store_body_close(body);

	is_int(kit_append(k.acc, "Nowhere", "x", 0, NULL), -HM_ENOENT,
	    "no such mailbox");
	is_int(kit_append(k.acc, "Sent", "", 0, NULL), 0, "an empty message");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_arena_free(arena);
	kit_end(&k);
}

/* The prefix is part of the message in every way. */
static void
test_prefix(void)
{
	static const char text[] = "From: a@x.example\r\nSubject: hi\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n"
	    "--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n";
	static const char *const prefixes[] = { "",
		"Return-Path: <a@x.example>\r\nDelivered-To: b@y.example\r\n",
		"Subject: changed\r\n", "X: 1\r\nContent-Type: text/plain\r\n" };
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct kit k = { 0 };
	size_t i;

	kit_start(&k);
	for (i = 0; i < HM_ARRAY_LEN(prefixes); i++) {
		struct hm_spool *spool = hm_spool_new("/tmp"), *whole;
		struct hm_append item[2] = {
			{ .mailbox = kit_box(k.acc, "INBOX"), .spool = spool,
			  .prefix = hm_str(prefixes[i]), .received = 1 },
			{ .mailbox = kit_box(k.acc, "INBOX"), .received = 1 } };
		struct hm_stored s[2];
		uint64_t ids[2];

		hm_spool_append(spool, text, sizeof(text) - 1, NULL);
		item[1].spool = whole = hm_spool_new("/tmp");
		hm_spool_append(whole, prefixes[i], strlen(prefixes[i]), NULL);
		hm_spool_append(whole, text, sizeof(text) - 1, NULL);
		is_int(store_append(k.acc, item, 2, NULL), 0, "append both");
		ids[0] = item[0].ret_msgid;
		ids[1] = item[1].ret_msgid;
		store_load(k.acc, ids, 2, ~0u, arena, s, NULL);
		is_bytes(s[0].mime.p, s[0].mime.len, s[1].mime.p, s[1].mime.len,
		    "prefix %zu: the structure is that of the whole", i);
		is_bytes(s[0].bodystructure.p, s[0].bodystructure.len,
		    s[1].bodystructure.p, s[1].bodystructure.len,
		    "and BODYSTRUCTURE");
		is_bytes(s[0].envelope.p, s[0].envelope.len, s[1].envelope.p,
		    s[1].envelope.len, "and ENVELOPE");
		is_bytes(s[0].prefix.p, s[0].prefix.len, prefixes[i],
		    strlen(prefixes[i]), "prefix");
		hm_spool_free(spool);
		hm_spool_free(whole);
	}
	is_int(kit_verify(&k, false), 0, "verify");
	hm_arena_free(arena);
	kit_end(&k);
}

static void
test_facts(void)
{
	struct hm_str dkim[] = { HM_STR("x.example"), HM_STR("y.example") };
	struct hm_facts f = { .remote_ip = HM_STR("192.0.2.1"),
		.helo = HM_STR("mx.x.example"), .mail_from = HM_STR("a@x.example"),
		.mail_from_valid = true, .is_list = true, .ndkim = 2,
		.dkim = dkim, .tls = HM_STR("TLS1.3") };
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct hm_spool *spool = hm_spool_new("/tmp");
	struct kit k = { 0 };
	struct hm_append item = { .spool = spool, .facts = &f };
	struct hm_stored s;

	kit_start(&k);
	hm_spool_append(spool, "a: b\r\n\r\n", 8, NULL);
	item.mailbox = kit_box(k.acc, "INBOX");
	is_int(store_append(k.acc, &item, 1, NULL), 0, "append with facts");
	store_load(k.acc, &item.ret_msgid, 1, HM_STORED_FACTS, arena, &s, NULL);
	is_slice(s.facts.remote_ip, "192.0.2.1", "address");
	is_slice(s.facts.mail_from, "a@x.example", "mail from");
	ok(s.facts.mail_from_valid && !s.facts.helo_valid && s.facts.is_list &&
	    !s.facts.is_dsn, "truths");
	is_int(s.facts.ndkim, 2, "signatures");
	is_slice(s.facts.dkim[1], "y.example", "of domains");
	ok(!s.envelope.p, "parts not asked for are left out");
	hm_spool_free(spool);
	hm_arena_free(arena);
	kit_end(&k);
}

static void
test_flags(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct kit k = { 0 };
	struct hm_uidset set;
	struct hm_flags_change c;
	struct hm_mailbox m;
	uint64_t modseq;
	static struct hm_str words[65];
	unsigned i;

	kit_start(&k);
	kit_append_n(k.acc, "INBOX", 300, 1);
	is_int(kit_flags(k.acc, "INBOX", "1:10,250", HM_FLAGS_ADD,
	    HM_FLAG_SEEN | HM_FLAG_DELETED, "later"), 0, "add flags");
	m = kit_info(k.acc, "INBOX");
	is_int(m.unseen, 289, "unseen");
	is_int(m.deleted, 11, "deleted");
	is_int(m.nkeywords, 1, "a keyword");
	check_entry(k.acc, "INBOX", 250, 250, HM_FLAG_SEEN | HM_FLAG_DELETED);
	is_int(k.last[STORE_CHANGED].count, 11, "one event");
	modseq = m.modseq;
	is_int(kit_flags(k.acc, "INBOX", "1:10", HM_FLAGS_ADD, HM_FLAG_SEEN,
	    "LATER"), 0, "the same again");
	is_int(kit_info(k.acc, "INBOX").modseq, modseq, "changes nothing");
	is_int(k.events[STORE_CHANGED], 1, "and tells nothing");
	kit_flags(k.acc, "INBOX", "1:5", HM_FLAGS_REMOVE, HM_FLAG_SEEN, NULL);
	check_entry(k.acc, "INBOX", 5, 5, HM_FLAG_DELETED);
	kit_flags(k.acc, "INBOX", "3", HM_FLAGS_SET, HM_FLAG_DRAFT, "$Junk");
	check_entry(k.acc, "INBOX", 3, 3, HM_FLAG_DRAFT | HM_FLAG_JUNK);
	is_int(kit_flags(k.acc, "INBOX", "999", HM_FLAGS_ADD, 0, "new"), 0,
	    "no such message");
	is_int(kit_info(k.acc, "INBOX").nkeywords, 1, "makes no keyword");
	is_int(kit_flags(k.acc, "INBOX", "1", HM_FLAGS_ADD, 0, "a b"),
	    -HM_EINVAL, "not a keyword");
	is_int(kit_flags(k.acc, "INBOX", "1", HM_FLAGS_ADD, 0x8000, NULL), 0,
	    "unknown bits are ignored");

	/* changed since */
	kit_set(arena, "1:20", &set);
	c = (struct hm_flags_change){ .mailbox = m.id, .uids = &set,
		.op = HM_FLAGS_ADD, .flags = HM_FLAG_FLAGGED,
		.unchangedsince = modseq, .arena = arena };
	is_int(store_flags(k.acc, &c, NULL), 0, "unchangedsince");
	is_str(kit_set_text(arena, &c.ret_modified), "1:5",
	    "those that changed later are left alone");
	ok(c.ret_modseq > modseq, "the others have changed");
	check_entry(k.acc, "INBOX", 6, 6,
	    HM_FLAG_SEEN | HM_FLAG_DELETED | HM_FLAG_FLAGGED);

	/* 64 keywords and no more */
	for (i = 0; i < 65; i++)
		words[i] = hm_str(hm_printf(arena, "k%u", i));
	c.nkeywords = 63;
	c.keywords = words;
	c.unchangedsince = UINT64_MAX;
	is_int(store_flags(k.acc, &c, NULL), 0, "64 keywords");
	c.nkeywords = 65;
	is_int(store_flags(k.acc, &c, NULL), -HM_ELIMIT, "and no more");
	is_int(kit_info(k.acc, "INBOX").nkeywords, 64, "none half made");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_arena_free(arena);
	kit_end(&k);
}

static void
test_expunge(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct kit k = { 0 };
	struct hm_view *old;
	struct hm_uidset gone;
	struct hm_stored s;
	uint64_t msgid, since, links;
	uint32_t n;

	kit_start(&k);
	kit_append_n(k.acc, "INBOX", 300, 1);
	kit_flags(k.acc, "INBOX", "5:9,100:200", HM_FLAGS_ADD, HM_FLAG_DELETED,
	    NULL);
	since = kit_info(k.acc, "INBOX").modseq;
	old = kit_view(k.acc, "INBOX");
	msgid = hm_view_at(old, 5)->msgid;
	is_int(kit_expunge(k.acc, "INBOX", "1:150", true, &n), 0, "expunge");
	is_int(n, 56, "of what is deleted and named");
	is_str(kit_uids(k.acc, "INBOX"), "1:4,10:99,151:300", "those are left");
	is_int(kit_info(k.acc, "INBOX").deleted, 50, "deleted");
	is_int(k.last[STORE_REMOVED].count, 56, "an event");
	is_int(store_vanished(k.acc, kit_box(k.acc, "INBOX"), since, arena,
	    &gone, NULL), 0, "vanished");
	is_str(kit_set_text(arena, &gone), "5:9,100:150", "names them");

	store_load(k.acc, &msgid, 1, ~0u, arena, &s, NULL);
	is_int(s.msgid, msgid, "a session that still shows it may read it");
	is_int(fake_blobs(k.fake, &links), 300, "all bodies are there");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_view_unref(old);
	is_int(kit_expunge(k.acc, "INBOX", NULL, true, &n), 0, "the rest");
	is_int(n, 50, "of 50");
	is_int(fake_blobs(k.fake, &links), 194, "bodies go when nobody looks");
	store_load(k.acc, &msgid, 1, ~0u, arena, &s, NULL);
	is_int(s.msgid, 0, "and cannot be read any more");
	is_int(kit_expunge(k.acc, "INBOX", NULL, true, &n), 0, "nothing to do");
	is_int(n, 0, "does nothing");
	is_int(kit_expunge(k.acc, "INBOX", NULL, false, &n), 0, "all");
	is_str(kit_uids(k.acc, "INBOX"), "", "is empty");
	is_int(kit_info(k.acc, "INBOX").uidnext, 301, "uids are not reused");
	is_int(fake_blobs(k.fake, &links), 0, "no bodies");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_arena_free(arena);
	kit_end(&k);
}

/* Who still shows a message where it was may read it, whatever others do with
 * it in the mailboxes that it moves to. */
static void
test_moved_and_gone(void)
{
	static const char *const way[] = { "INBOX", "Archive", "Trash", "INBOX",
		"Trash" };
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct kit k = { 0 };
	struct hm_view *old;
	struct hm_stored s;
	uint64_t msgid, links;

	kit_start(&k);
	kit_append_n(k.acc, "INBOX", 3, 1);
	old = kit_view(k.acc, "INBOX");
	msgid = hm_view_at(old, 2)->msgid;
	for (size_t i = 0; i + 1 < HM_ARRAY_LEN(way); i++)
		is_int(kit_copy(k.acc, way[i], way[i + 1], i == 0 ? "2" : "1:*",
		    true), 0, "moved from %s to %s", way[i], way[i + 1]);
	is_int(kit_expunge(k.acc, "Trash", NULL, false, NULL), 0, "expunged");
	is_int(kit_append(k.acc, "INBOX", "Subject: x\r\n\r\n", 0, NULL),
	    0, "something else comes");
	store_load(k.acc, &msgid, 1, ~0u, arena, &s, NULL);
	is_int(s.msgid, msgid, "it can be read where it is still shown");
	is_int(fake_blobs(k.fake, &links), 4, "its body is there");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_view_unref(old);
	is_int(kit_append(k.acc, "INBOX", "Subject: y\r\n\r\n", 0, NULL),
	    0, "nobody shows it, and something else comes");
	store_load(k.acc, &msgid, 1, ~0u, arena, &s, NULL);
	is_int(s.msgid, 0, "it is gone");
	is_int(fake_blobs(k.fake, &links), 2, "with all that moved with it");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_arena_free(arena);
	kit_end(&k);
}

static void
test_copy(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct kit k = { 0 };
	struct hm_uidset set;
	struct hm_copy c;
	struct hm_stored s[2];
	struct hm_view *v;
	uint64_t ids[2], links, used, limit;

	kit_start(&k);
	kit_append_n(k.acc, "INBOX", 100, 1);
	kit_append_n(k.acc, "Archive", 3, 200);
	kit_flags(k.acc, "Archive", "1", HM_FLAGS_ADD, 0, "other");
	kit_flags(k.acc, "INBOX", "7", HM_FLAGS_ADD, HM_FLAG_FLAGGED, "mine");
	kit_set(arena, "5:7,50,900", &set);
	c = (struct hm_copy){ .from = kit_box(k.acc, "INBOX"),
		.to = kit_box(k.acc, "Archive"), .uids = &set, .arena = arena };
	is_int(store_copy(k.acc, &c, NULL), 0, "copy");
	is_str(kit_set_text(arena, &c.ret_from), "5:7,50", "from");
	is_str(kit_set_text(arena, &c.ret_to), "4:7", "to");
	v = kit_view(k.acc, "Archive");
	is_int(hm_view_at(v, 6)->flags, HM_FLAG_FLAGGED, "with its flags");
	is_int(hm_view_at(v, 6)->keywords, 2, "and its keyword, as named here");
	is_int(hm_view_at(v, 6)->received, 1006, "and its date");
	ids[0] = hm_view_at(v, 6)->msgid;
	hm_view_unref(v);
	v = kit_view(k.acc, "INBOX");
	ids[1] = hm_view_at(v, 7)->msgid;
	hm_view_unref(v);
	ok(ids[0] != ids[1], "a copy is another message");
	store_load(k.acc, ids, 2, ~0u, arena, s, NULL);
	is_bytes(s[0].envelope.p, s[0].envelope.len, s[1].envelope.p,
	    s[1].envelope.len, "with the same content");
	is_int(s[0].thread, s[1].thread, "in the same thread");
	is_int(fake_blobs(k.fake, &links), 103, "bodies are shared");
	store_quota(k.acc, &used, &limit);
	is_int(kit_info(k.acc, "INBOX").bytes + kit_info(k.acc,
	    "Archive").bytes, used, "but counted twice");
	is_int(kit_verify(&k, false), 0, "verify");

	/* the first goes, the copy stays */
	is_int(kit_expunge(k.acc, "INBOX", "7", false, NULL), 0, "expunge one");
	store_load(k.acc, ids, 2, ~0u, arena, s, NULL);
	ok(s[0].msgid && !s[1].msgid && s[0].envelope.len > 0,
	    "the copy has it all");
	is_int(kit_verify(&k, false), 0, "verify");

	c.move = true;
	kit_set(arena, "1:10", &set);
	is_int(store_copy(k.acc, &c, NULL), 0, "move");
	is_str(kit_set_text(arena, &c.ret_from), "1:6,8:10", "from");
	is_str(kit_set_text(arena, &c.ret_to), "8:16", "to");
	is_str(kit_uids(k.acc, "INBOX"), "11:100", "gone there");
	is_str(kit_uids(k.acc, "Archive"), "1:16", "and here");
	is_int(kit_expunge(k.acc, "Archive", NULL, false, NULL), 0,
	    "expunge all");
	is_int(fake_blobs(k.fake, &links), 90, "bodies of both are gone");
	c.to = c.from;
	kit_set(arena, "11,99:100", &set);
	is_int(store_copy(k.acc, &c, NULL), 0, "move to the same mailbox");
	is_str(kit_set_text(arena, &c.ret_to), "101:103", "they get new uids");
	is_str(kit_uids(k.acc, "INBOX"), "12:98,101:103", "and lose the old");
	c.move = false;
	kit_set(arena, "12,103", &set);
	is_int(store_copy(k.acc, &c, NULL), 0, "copy there");
	is_str(kit_uids(k.acc, "INBOX"), "12:98,101:105", "adds to them");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_arena_free(arena);
	kit_end(&k);
}

/* ---- mailboxes ------------------------------------------------------------------ */

static void
test_names(void)
{
	static const struct { const char *name, *want; } cases[] = {
		{ "a", "a" }, { "inbox", "INBOX" }, { "iNbox/x", "INBOX/x" },
		{ "Inboxes", "Inboxes" }, { "a/b/c", "a/b/c" },
		{ "", NULL }, { "/", NULL }, { "a/", NULL }, { "/a", NULL },
		{ "a//b", NULL }, { ".", NULL }, { "a/..", NULL }, { "#x", NULL },
		{ "a#", "a#" }, { "a\tb", NULL }, { "a\x7f", NULL },
		{ "a\xc2\x85", NULL }, { "a\xe2\x80\xa8", NULL },
		{ "a%b*&", "a%b*&" }, { "\xff", NULL },
		{ "A\xcc\x88", "\xc3\x84" }, { "...", "..." },
	};
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	char long_name[1100];
	struct hm_str clean;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(cases); i++) {
		int r = store_name_clean(arena, hm_str(cases[i].name), &clean,
		    NULL);

		if (cases[i].want)
			is_slice(clean, cases[i].want, "name %zu", i);
		else
			is_int(r, -HM_EINVAL, "name %zu is refused", i);
	}
	memset(long_name, 'a', sizeof(long_name));
	is_int(store_name_clean(arena, hm_str_n(long_name, sizeof(long_name)),
	    &clean, NULL), -HM_EINVAL, "too long");
	hm_arena_free(arena);
}

static void
test_mailboxes(void)
{
	struct hm_account *a;
	struct kit k = { 0 };
	uint64_t id, used, limit;
	uint32_t validity;

	kit_start(&k);
	a = k.acc;
	is_int(store_mailbox_create(a, HM_STR("Lists/c/linux"), 0, &id, NULL), 0,
	    "create");
	ok(kit_box(a, "Lists") && kit_box(a, "Lists/c"), "with its parents");
	is_int(kit_box(a, "Lists/c/linux"), id, "found by its id");
	ok(hm_mailboxes_subscribed(a->a->now, HM_STR("Lists/c")), "subscribed");
	is_int(store_mailbox_create(a, HM_STR("Quiet/q"), HM_USE_ARCHIVE |
	    HM_CREATE_UNSUBSCRIBED, &id, NULL), 0, "create");
	ok(!hm_mailboxes_subscribed(a->a->now, HM_STR("Quiet")) &&
	    !hm_mailboxes_subscribed(a->a->now, HM_STR("Quiet/q")),
	    "not subscribed, nor its parent");
	is_int(kit_info(a, "Quiet/q").special_use, HM_USE_ARCHIVE,
	    "that is no use");
	is_int(store_mailbox_create(a, HM_STR("Lists/c"), 0, &id, NULL),
	    -HM_EEXIST, "exists");
	is_int(store_mailbox_create(a, HM_STR("a//b"), 0, &id, NULL),
	    -HM_EINVAL, "bad name");
	is_int(store_mailbox_delete(a, HM_STR("Lists"), NULL), -HM_EBUSY,
	    "a mailbox with others below stays");
	is_int(store_mailbox_delete(a, HM_STR("inbox"), NULL), -HM_EACCES,
	    "the inbox too");
	is_int(store_mailbox_delete(a, HM_STR("nix"), NULL), -HM_ENOENT,
	    "no such mailbox");

	kit_append_n(a, "Lists/c/linux", 70, 1);
	is_int(store_mailbox_rename(a, HM_STR("Lists/c"), HM_STR("New/x/y"),
	    NULL), 0, "rename");
	ok(kit_box(a, "New/x/y/linux") && kit_box(a, "New/x") &&
	    !kit_box(a, "Lists/c") && kit_box(a, "Lists"),
	    "children move along, parents are made");
	is_str(kit_uids(a, "New/x/y/linux"), "1:70", "with its messages");
	ok(hm_mailboxes_subscribed(a->a->now, HM_STR("Lists/c")),
	    "subscriptions stay with the name");
	is_int(store_mailbox_rename(a, HM_STR("New/x"), HM_STR("New/x/z"), NULL),
	    0, "below itself");
	ok(kit_box(a, "New/x") && kit_box(a, "New/x/z/y/linux"), "works");
	is_int(store_mailbox_rename(a, HM_STR("New"), HM_STR("Sent"), NULL),
	    -HM_EEXIST, "onto another");
	is_int(store_mailbox_rename(a, HM_STR("New"), HM_STR("inbox"), NULL),
	    -HM_EEXIST, "onto the inbox");
	is_int(store_mailbox_rename(a, HM_STR("nix"), HM_STR("nax"), NULL),
	    -HM_ENOENT, "from nowhere");

	kit_append_n(a, "INBOX", 100, 100);
	is_int(store_mailbox_rename(a, HM_STR("INBOX"), HM_STR("Old/in"), NULL),
	    0, "rename the inbox");
	is_str(kit_uids(a, "INBOX"), "", "it is empty then");
	is_str(kit_uids(a, "Old/in"), "1:100", "and its messages elsewhere");

	validity = kit_info(a, "New/x/z/y/linux").uidvalidity;
	store_quota(a, &used, &limit);
	is_int(store_mailbox_delete(a, HM_STR("New/x/z/y/linux"), NULL), 0,
	    "delete");
	ok(kit_box(a, "New/x/z/y/linux") == 0, "gone");
	store_quota(a, &limit, &id);
	ok(limit < used, "its bytes are free");
	store_mailbox_create(a, HM_STR("New/x/z/y/linux"), 0, &id, NULL);
	ok(kit_info(a, "New/x/z/y/linux").uidvalidity > validity,
	    "a new one of that name has a higher uidvalidity");

	is_int(store_subscribe(a, HM_STR("not/there"), true, NULL), 0,
	    "subscribe to what is not there");
	ok(hm_mailboxes_subscribed(a->a->now, HM_STR("not/there")), "works");
	is_int(store_subscribe(a, HM_STR("not/there"), false, NULL), 0,
	    "unsubscribe");
	ok(!hm_mailboxes_subscribed(a->a->now, HM_STR("not/there")), "works");

	is_int(store_special_use(a, kit_box(a, "Old/in"), HM_USE_ARCHIVE, NULL),
	    0, "special use");
	is_int(kit_info(a, "Archive").special_use, 0, "leaves the former holder");
	is_int(kit_info(a, "Old/in").special_use, HM_USE_ARCHIVE, "and is here");
	is_int(kit_verify(&k, false), 0, "verify");
	kit_stop(&k);
	kit_start_on(&k, k.fake);
	ok(kit_box(k.acc, "New/x/z/y/linux") && kit_box(k.acc, "Old/in"),
	    "all as it was after a restart");
	kit_end(&k);
}

static int
collect_change(const struct hm_logged_change *c, void *arg)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	char *text = arg;
	size_t n = strlen(text);

	snprintf(text + n, 500 - n, "%d:%s ", c->kind,
	    kit_set_text(arena, &c->uids));
	hm_arena_free(arena);
	return 0;
}

static void
test_changes(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct kit k = { 0 };
	struct hm_uidset gone;
	char text[500] = "";
	uint64_t since;
	int i;

	kit_start(&k);
	since = k.acc->a->now->modseq;
	kit_append_n(k.acc, "INBOX", 5, 1);
	kit_flags(k.acc, "INBOX", "2,4", HM_FLAGS_ADD, HM_FLAG_SEEN, NULL);
	kit_copy(k.acc, "INBOX", "Sent", "1:2", true);
	store_mailbox_create(k.acc, HM_STR("x"), 0, NULL, NULL);
	store_mailbox_delete(k.acc, HM_STR("x"), NULL);
	is_int(store_changes(k.acc, since, 100, collect_change, text, NULL), 6,
	    "six changes");
	is_str(text, "1:1:5 2:2,4 3:1:2 1:1:2 4: 5: ", "in order");
	text[0] = '\0';
	is_int(store_changes(k.acc, since, 2, collect_change, text, NULL), 2,
	    "at most two");
	is_int(store_changes(k.acc, k.acc->a->now->modseq, 100, collect_change,
	    text, NULL), 0, "none since now");

	/* old ones are forgotten */
	k.conf.changes_kept = 100;
	kit_expunge(k.acc, "INBOX", "3", false, NULL);
	for (i = 0; i < 1500; i++)
		kit_flags(k.acc, "INBOX", "4", i % 2 ? HM_FLAGS_REMOVE :
		    HM_FLAGS_ADD, HM_FLAG_FLAGGED, NULL);
	is_int(store_changes(k.acc, since, 100, collect_change, text, NULL),
	    -HM_ELIMIT, "a cursor that is too old");
	is_int(store_vanished(k.acc, kit_box(k.acc, "INBOX"), since, arena,
	    &gone, NULL), 0, "vanished since then");
	is_str(kit_set_text(arena, &gone), "1:3", "is all that is missing");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_arena_free(arena);
	kit_end(&k);
}

/* ---- accounts --------------------------------------------------------------------- */

static void
test_accounts(void)
{
	struct kit k = { 0 };
	struct hm_account *a, *b, *c;
	uint32_t validity;
	uint64_t links;

	kit_start(&k);
	a = kit_open(&k, "bob");
	b = kit_open(&k, "bob");
	ok(a->a == b->a, "sessions share an account");
	kit_append_n(a, "INBOX", 10, 1);
	is_str(kit_uids(b, "INBOX"), "1:10", "and see the same");
	is_str(kit_uids(k.acc, "INBOX"), "", "another account does not");
	is_int(store_remove(&k.st, HM_STR("bob"), NULL), -HM_EBUSY,
	    "an account in use is not removed");
	validity = kit_info(a, "Junk").uidvalidity;
	store_close(a);
	store_close(b);
	is_int(store_remove(&k.st, HM_STR("bob"), NULL), 0, "removed");
	is_int(fake_blobs(k.fake, &links), 0, "with its bodies");
	is_int(store_remove(&k.st, HM_STR("bob"), NULL), -HM_ENOENT, "is gone");
	is_int(store_open_worker(&k.st, HM_STR("bob"), false, &c, NULL),
	    -HM_ENOENT, "and not made by looking");
	c = kit_open(&k, "bob");
	ok(kit_info(c, "INBOX").uidvalidity > validity,
	    "uidvalidity is never reused");
	is_str(kit_uids(c, "INBOX"), "", "a new account is empty");
	store_close(c);
	is_int(kit_verify(&k, false), 0, "verify");
	kit_end(&k);
}

static void
test_many_accounts(void)
{
	struct kit k = { 0 };
	char name[20];
	unsigned i, kept = 0;
	struct acct *a;

	kit_start(&k);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		store_close(kit_open(&k, name));
	}
	for (i = 0; i < STORE_BUCKETS; i++)
		for (a = k.st.shared->bucket[i]; a; a = a->next)
			kept++;
	is_int(kept, STORE_IDLE_MAX + 1, "idle accounts are limited");
	kit_end(&k);
}

static void
test_cache(void)
{
	struct kit k = { 0 };
	char name[20];
	unsigned i;

	kit_start(&k);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "box%u", i);
		store_mailbox_create(k.acc, hm_str(name), 0, NULL, NULL);
		kit_append_n(k.acc, name, 100, 1);
	}
	atomic_store(&k.st.shared->cache_max, 20000);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "box%u", i);
		is_str(kit_uids(k.acc, name), "1:100", "view of %s", name);
		ok(atomic_load(&k.st.shared->cached) <= 20000, "within limits");
	}
	kit_flags(k.acc, "box0", "1:50", HM_FLAGS_ADD, HM_FLAG_SEEN, NULL);
	is_int(kit_info(k.acc, "box0").unseen, 50, "changed while not loaded");
	check_entry(k.acc, "box0", 50, 50, HM_FLAG_SEEN);
	is_int(kit_verify(&k, false), 0, "verify");
	kit_end(&k);
}

static void
test_quota(void)
{
	struct kit k = { 0 };
	uint64_t used, limit;

	kit_start(&k);
	k.conf.quota_bytes = 100;
	is_int(kit_append(k.acc, "INBOX", "Subject: a\r\n\r\n0123456789\r\n", 0,
	    NULL), 0, "fits");
	store_quota(k.acc, &used, &limit);
	is_int(limit, 100, "limit");
	is_int(used, 26, "used");
	is_int(kit_copy(k.acc, "INBOX", "Sent", "1", false), 0, "a copy");
	is_int(kit_copy(k.acc, "INBOX", "Sent", "1", false), 0, "another");
	is_int(kit_copy(k.acc, "INBOX", "Sent", "1", false), -HM_EQUOTA,
	    "one too many");
	is_int(kit_append(k.acc, "INBOX", "Subject: a\r\n\r\n0123456789\r\n", 0,
	    NULL), -HM_EQUOTA, "nor a new one");
	is_int(kit_copy(k.acc, "INBOX", "Trash", "1", true), 0,
	    "moving needs no room");
	is_int(kit_verify(&k, false), 0, "verify");
	kit_end(&k);
}

static void
test_deliver(void)
{
	struct hm_spool *spool = hm_spool_new("/tmp");
	struct kit k = { 0 };
	struct hm_deliver d[4] = {
		{ .account = HM_STR("anna") },
		{ .account = HM_STR("bob"), .mailbox = HM_STR("Lists/new") },
		{ .account = HM_STR("carl"), .mailbox = HM_STR("a//b") },
		{ .account = HM_STR("dora") } };
	struct hm_account *bob;
	unsigned long syncs;
	uint64_t links;
	size_t i;

	kit_start(&k);
	for (i = 0; i < 4; i++)
		store_close(kit_open(&k, d[i].account.p));
	hm_spool_append(spool, "Subject: x\r\n\r\nall\r\n", 19, NULL);
	for (i = 0; i < 4; i++) {
		d[i].append.spool = spool;
		d[i].append.received = INT64_MIN;
		d[i].append.prefix = HM_STR("Delivered-To: x\r\n");
	}
	syncs = fake_syncs(k.fake);
	is_int(store_deliver(&k.st, d, 4, NULL), 0, "deliver");
	is_int(fake_syncs(k.fake) - syncs, 2, "with two syncs");
	is_int(d[0].result, 0, "to one");
	is_int(d[1].result, 0, "and one, into a new mailbox");
	is_int(d[2].result, -HM_EINVAL, "not into a bad one");
	is_int(d[3].result, 0, "which does not hinder others");
	is_int(fake_blobs(k.fake, &links), 1, "one body");
	is_int(links, 3, "linked three times");
	is_str(kit_uids(k.acc, "INBOX"), "1", "it is there");
	bob = kit_open(&k, "bob");
	is_str(kit_uids(bob, "Lists/new"), "1", "and there");
	store_close(bob);
	is_int(kit_verify(&k, false), 0, "verify");
	k.conf.quota_bytes = 50;
	store_deliver(&k.st, d, 1, NULL);
	is_int(d[0].result, -HM_EQUOTA, "over quota");
	hm_spool_free(spool);
	kit_end(&k);
}

/* ---- threads -------------------------------------------------------------------------- */

static void
test_threads(void)
{
	static const struct {
		const char *headers;
		int64_t received;
		int parent;              /* index below, -1: its own thread */
	} cases[] = {
		{ "Message-ID: <a@x>\r\nSubject: plans\r\n", 1000, -1 },
		{ "Message-ID: <b@x>\r\nSubject: Re: plans\r\n"
		  "In-Reply-To: <a@x>\r\n", 2000, 0 },
		{ "Message-ID: <c@x>\r\nSubject: Re: plans\r\n"
		  "References: <a@x> <b@x>\r\n", 3000, 1 },
		{ "Message-ID: <d@x>\r\nSubject: other\r\n"
		  "References: <a@x> <b@x>\r\n", 4000, -1 },
		{ "Message-ID: <e@x>\r\nSubject: re: Plans\r\n"
		  "References: <a@x> <gone@x>\r\n", 5000, 0 },
		{ "Message-ID: <A@X>\r\nSubject: plans\r\n", 6000, 0 },
		{ "Message-ID: <f@x>\r\nSubject: Re: plans\r\n", 7000, 5 },
		{ "Message-ID: <g@x>\r\nSubject: plans\r\n", 8000, -1 },
		{ "Message-ID: <h@x>\r\nSubject: Re: plans\r\n",
		  8000 + 29 * 86400, -1 },
		{ "Subject: Re: \r\n", 9000, -1 },
		{ "Subject: Re: \r\n", 9001, -1 },
	};
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	static struct hm_stored s[HM_ARRAY_LEN(cases)];
	uint64_t ids[HM_ARRAY_LEN(cases)];
	struct kit k = { 0 };
	size_t i;

	kit_start(&k);
	for (i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct hm_spool *spool = hm_spool_new("/tmp");
		struct hm_append item = { .mailbox = kit_box(k.acc, "INBOX"),
			.spool = spool, .received = cases[i].received };

		hm_spool_append(spool, cases[i].headers,
		    strlen(cases[i].headers), NULL);
		hm_spool_append(spool, "\r\nx\r\n", 5, NULL);
		store_append(k.acc, &item, 1, NULL);
		ids[i] = item.ret_msgid;
		hm_spool_free(spool);
	}
	store_load(k.acc, ids, i, HM_STORED_THREAD, arena, s, NULL);
	for (i = 0; i < HM_ARRAY_LEN(cases); i++)
		is_int(s[i].thread, cases[i].parent < 0 ? ids[i] :
		    s[cases[i].parent].thread, "thread of message %zu", i);
	is_slice(s[2].message_id, "c@x", "message id");
	is_int(kit_verify(&k, false), 0, "verify");
	hm_arena_free(arena);
	kit_end(&k);
}

/* ---- format --------------------------------------------------------------------------- */

struct format {
	struct kit *k;
	char is;
};

static int
write_format(struct hm_kv_txn *kv, void *arg)
{
	struct format *f = arg;

	return f->k->kv->ops->put(kv, f->k->st.t.names, HM_STR("format"),
	    hm_str_n(&f->is, 1));
}

static int
read_format(struct hm_kv_txn *kv, void *arg)
{
	struct format *f = arg;
	struct hm_str in;
	int r = f->k->kv->ops->get(kv, f->k->st.t.names, HM_STR("format"), 0,
	    &in);

	f->is = r == 0 && in.len == 1 ? in.p[0] : 0;
	return r;
}

static void
test_format(void)
{
	struct kit k = { 0 };
	struct format f = { &k, 1 };
	struct hm_err err = { 0 };

	kit_start(&k);
	is_int(store_format_check(&k.st, &err), 0, "our own format");
	hm_kv_run(k.kv, HM_KV_DURABLE, write_format, &f, NULL);
	is_int(store_format_check(&k.st, &err), 0, "the one before");
	hm_kv_run(k.kv, HM_KV_READ, read_format, &f, NULL);
	is_int(f.is, STORE_FORMAT, "is ours from then on");
	f.is = 99;
	hm_kv_run(k.kv, HM_KV_DURABLE, write_format, &f, NULL);
	is_int(store_format_check(&k.st, &err), -HM_EUNSUPPORTED,
	    "a newer format is refused");
	ok(strstr(err.text, "format 99") && strstr(err.text, "newer"),
	    "clearly: %s", err.text);
	kit_end(&k);
}

int
main(void)
{
	hm_clock_virtual(INT64_C(1790000000000));
	test_initial();
	test_append();
	test_prefix();
	test_facts();
	test_flags();
	test_expunge();
	test_moved_and_gone();
	test_copy();
	test_names();
	test_mailboxes();
	test_changes();
	test_accounts();
	test_many_accounts();
	test_cache();
	test_quota();
	test_deliver();
	test_threads();
	test_format();
	return done();
}
