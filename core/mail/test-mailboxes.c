/* test-mailboxes.c - the list of mailboxes: order, finding, sharing. */
#include <hermod/iface/store_build.h>

#include "t/tap.h"

static const struct hm_mailbox *
make(uint64_t id, const char *name)
{
	struct hm_str words[] = { tap_slice("one"), tap_slice("two") };
	struct hm_mailbox m = { .id = id, .name = tap_slice(name),
		.nkeywords = id % 3, .keywords = words };

	return hm_mailbox_new(&m);
}

static void
test_list(void)
{
	static const char *const names[] = { "Trash", "a/b", "INBOX/x", "Ärger",
		"a", "INBOX", "Inboxes", "a!" };
	static const char *const want[] = { "INBOX", "INBOX/x", "Inboxes",
		"Trash", "a", "a!", "a/b", "Ärger" };
	struct hm_str subs[] = { tap_slice("zebra"), tap_slice("INBOX"),
		tap_slice("a") };
	const struct hm_mailbox *at[HM_ARRAY_LEN(names)];
	struct hm_mailboxes *all, *next;
	size_t i, n = HM_ARRAY_LEN(names);

	for (i = 0; i < n; i++)
		at[i] = make(i + 1, names[i]);
	all = hm_mailboxes_new(5, at, n, NULL, subs, HM_ARRAY_LEN(subs));
	for (i = 0; i < n; i++)
		hm_mailbox_unref(at[i]);
	for (i = 0; i < n; i++) {
		is_slice(all->at[i]->name, want[i], "mailbox %zu", i);
		ok(hm_mailboxes_find(all, tap_slice(want[i])) == all->at[i],
		    "found");
		ok(hm_mailboxes_by_id(all, all->at[i]->id) == all->at[i],
		    "found by id");
	}
	is_slice(all->at[7]->keywords[0], "one", "keywords are copied");
	ok(hm_mailboxes_find(all, tap_slice("iNbOx")) == all->at[0],
	    "INBOX in any case");
	ok(hm_mailboxes_find(all, tap_slice("inbox/x")) == all->at[1],
	    "also above others");
	ok(!hm_mailboxes_find(all, tap_slice("inboxes")), "but not as a part");
	ok(!hm_mailboxes_find(all, tap_slice("")), "no empty name");
	ok(!hm_mailboxes_by_id(all, 99), "no such id");

	is_slice(all->subscribed[0], "INBOX", "subscriptions in order");
	ok(hm_mailboxes_subscribed(all, tap_slice("zebra")), "subscribed");
	ok(hm_mailboxes_subscribed(all, tap_slice("inbox")), "the inbox too");
	ok(!hm_mailboxes_subscribed(all, tap_slice("a/b")), "not subscribed");

	next = hm_mailboxes_new(6, all->at + 1, n - 1, all, NULL, 0);
	ok(hm_mailboxes_ref(all) == all, "a second reference");
	hm_mailboxes_unref(all);
	hm_mailboxes_unref(all);
	is_int(next->n, n - 1, "one gone");
	ok(hm_mailboxes_subscribed(next, tap_slice("a")),
	    "subscriptions are shared");
	hm_mailboxes_unref(next);
	hm_mailboxes_unref(NULL);

	all = hm_mailboxes_new(1, NULL, 0, NULL, NULL, 0);
	ok(!hm_mailboxes_find(all, tap_slice("INBOX")) &&
	    !hm_mailboxes_subscribed(all, tap_slice("a")), "an empty list");
	hm_mailboxes_unref(all);
}

int
main(void)
{
	test_list();
	return done();
}
