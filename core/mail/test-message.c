/* test-message.c - the message under decision, and deliveries of it. */
#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/message.h>
#include <hermod/mime.h>
#include <hermod/spool.h>
#include <hermod/str.h>

#include "t/tap.h"

static struct hm_spool *
spool_of(const char *text, size_t padding)
{
	static char pad[4096];
	struct hm_spool *spool = hm_spool_new("/tmp");

	memset(pad, 'x', sizeof(pad));
	hm_spool_append(spool, text, strlen(text), NULL);
	for (; padding >= sizeof(pad); padding -= sizeof(pad))
		hm_spool_append(spool, pad, sizeof(pad), NULL);
	hm_spool_append(spool, pad, padding, NULL);
	return spool;
}

static struct hm_str
view(struct hm_spool *spool)
{
	struct hm_str s = { NULL, 0 };

	hm_spool_view(spool, &s);
	return s;
}

#define TEXT "From: a@b.example\r\nX-One: 1\r\nSubject: s\r\n t\r\n" \
    "x-one: 2\r\nno field\r\n\r\nX-One: body\r\n"

static void
test_fields(size_t padding)
{
	struct hm_arena *parent = hm_arena_new(NULL, "test");
	struct hm_message *msg = hm_message_new(parent, spool_of(TEXT, padding));
	struct hm_spool *final;
	char buf[8];

	is_int(hm_message_size(msg), sizeof(TEXT) - 1 + padding, "size");
	is_int(hm_message_read(msg, 6, buf, 3), 3, "read");
	ok(memcmp(buf, "a@b", 3) == 0, "is");
	is_slice(hm_message_field(msg, "subject", 0), "s t", "field");
	is_slice(hm_message_field(msg, "X-One", 1), "2", "second of a name");
	is_slice(hm_message_field(msg, "X-One", 2), NULL, "not the body's");
	is_int(hm_message_final(msg, &final, NULL), 0, "final");
	ok(final == hm_message_spool(msg), "nothing removed: the same bytes");

	is_int(hm_message_add_field(msg, "X-One", "0"), 0, "add");
	is_int(hm_message_add_field(msg, "X-Two", "a\r\nBcc: b"), -HM_EINVAL,
	    "no injection");
	is_int(hm_message_add_field(msg, "X Two", "a"), -HM_EINVAL, "bad name");
	is_int(hm_message_add_field(msg, "X-Top", "t"), 0, "add");
	is_slice(hm_message_prefix(msg), "X-Top: t\r\nX-One: 0\r\n", "prefix");
	is_slice(hm_message_field(msg, "X-One", 0), "0", "added ones are first");
	is_slice(hm_message_field(msg, "X-One", 2), "2", "and shift the others");

	is_int(hm_message_remove_field(msg, "X-ONE"), 3, "remove all three");
	is_slice(hm_message_field(msg, "x-one", 0), NULL, "they are gone");
	is_slice(hm_message_prefix(msg), "X-Top: t\r\n", "also the added one");
	is_int(hm_message_add_field(msg, "X-One", "new"), 0, "add again");
	is_slice(hm_message_field(msg, "x-one", 0), "new", "that counts");
	is_int(hm_message_remove_field(msg, "X-None"), 0, "remove nothing");
	is_int(hm_message_final(msg, &final, NULL), 0, "final");
	struct hm_str got = view(final);
	is_slice(hm_str_take(got, got.len - padding), "From: a@b.example\r\n"
	    "Subject: s\r\n t\r\nno field\r\n\r\nX-One: body\r\n",
	    "without the removed ones");
	is_int(hm_message_remove_field(msg, "subject"), 1, "one more");
	hm_message_final(msg, &final, NULL);
	got = view(final);
	is_slice(hm_str_take(got, got.len - padding), "From: a@b.example\r\n"
	    "no field\r\n\r\nX-One: body\r\n", "final follows");
	is_int(hm_message_size(msg), sizeof(TEXT) - 1 + padding,
	    "as received it stays");
	if (padding)
		hm_message_free(msg);
	hm_arena_free(parent); /* frees the message too */
}

static void
test_envelope(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct hm_message *msg = hm_message_new(NULL, spool_of(
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx", 0));
	const struct hm_mime *mime, *again;
	struct hm_addr addr;

	is_slice(hm_message_sender(msg)->text, "", "null sender");
	hm_addr_parse(arena, HM_STR("a@b.example"), 0, &addr, NULL);
	hm_message_set_sender(msg, &addr);
	for (int i = 0; i < 100; i++) {
		hm_addr_parse(arena, hm_str(hm_printf(arena, "r%d@b.example",
		    i)), 0, &addr, NULL);
		hm_message_add_rcpt(msg, &addr);
	}
	hm_arena_free(arena);
	is_slice(hm_message_sender(msg)->text, "a@b.example", "sender");
	is_int(hm_message_rcpts(msg), 100, "recipients");
	is_slice(hm_message_rcpt(msg, 99)->text, "r99@b.example", "the last");
	ok(!hm_message_rcpt(msg, 100), "and no more");
	is_int(hm_message_mime(msg, &mime), 0, "structure");
	is_int(mime->n, 2, "two parts");
	hm_message_mime(msg, &again);
	ok(again == mime, "parsed once");

	struct hm_delivery *d = hm_delivery_new(msg, HM_STR("acc"),
	    hm_message_rcpt(msg, 0));
	is_slice(hm_delivery_account(d), "acc", "account");
	is_slice(hm_delivery_rcpt(d)->text, "r0@b.example", "recipient");
	ok(hm_delivery_message(d) == msg, "message");
	is_slice(hm_delivery_mailbox(d), "INBOX", "default");
	static const char *const bad[] = {
		"", "/a", "a/", "a//b", "a\nb", "\xff", "/",
	};
	for (size_t i = 0; i < HM_ARRAY_LEN(bad); i++)
		is_int(hm_delivery_set_mailbox(d, hm_str(bad[i])), -HM_EINVAL,
		    "no mailbox %zu", i);
	is_int(hm_delivery_set_mailbox(d, HM_STR("Lists/e\xcc\x81")), 0, "set");
	is_slice(hm_delivery_mailbox(d), "Lists/\xc3\xa9", "in NFC");
	hm_delivery_set_flags(d, 5);
	is_int(hm_delivery_flags(d), 5, "flags");
	is_int(hm_delivery_add_keyword(d, HM_STR("$Junk")), 0, "keyword");
	is_int(hm_delivery_add_keyword(d, HM_STR("$junk")), 0, "once more");
	is_int(hm_delivery_keywords(d), 1, "counts once");
	is_slice(hm_delivery_keyword(d, 0), "$Junk", "is");
	is_slice(hm_delivery_keyword(d, 1), NULL, "no other");
	is_int(hm_delivery_add_keyword(d, HM_STR("a b")), -HM_EINVAL, "atom");
	is_int(hm_delivery_add_keyword(d, HM_STR("\\Seen")), -HM_EINVAL, "flag");
	hm_message_free(msg);
	hm_message_free(NULL);
}

/* The header hook sees a message whose body is still coming. */
static void
test_growing(void)
{
	struct hm_spool *spool = spool_of("A: 1\r\n", 0);
	struct hm_message *msg = hm_message_new(NULL, spool);

	is_slice(hm_message_field(msg, "A", 0), "1", "first field");
	is_slice(hm_message_field(msg, "B", 0), NULL, "not yet there");
	hm_spool_append(spool, "B: 2\r\n\r\n", 8, NULL);
	is_slice(hm_message_field(msg, "B", 0), "2", "now it is");
	hm_spool_append(spool, "C: 3\r\n", 6, NULL);
	is_slice(hm_message_field(msg, "C", 0), NULL, "that is the body");
	hm_message_free(msg);
}

int
main(void)
{
	test_fields(0);
	test_fields(500000);
	test_envelope();
	test_growing();
	return done();
}
