/* delivery.c - one recipient's delivery, as the deliver hook sees it. */
#include <hermod/message.h>

#include <string.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

enum {
	MAILBOX_MAX = 1000,
	KEYWORDS_MAX = 100,
	KEYWORD_MAX = 100,
};

struct hm_delivery {
	struct hm_message *msg;
	struct hm_str account;
	struct hm_addr rcpt;
	struct hm_str mailbox;
	unsigned flags;
	size_t nkeywords;
	struct hm_str keywords[KEYWORDS_MAX];
};

struct hm_delivery *
hm_delivery_new(struct hm_message *msg, struct hm_str account,
    const struct hm_addr *rcpt)
{
	struct hm_arena *arena = hm_message_arena(msg);
	struct hm_delivery *d = hm_new(arena, struct hm_delivery);

	d->msg = msg;
	d->account = hm_str_dup(arena, account);
	hm_addr_copy(arena, rcpt, &d->rcpt);
	d->mailbox = HM_STR("INBOX");
	return d;
}

struct hm_message *
hm_delivery_message(const struct hm_delivery *d)
{
	return d->msg;
}

struct hm_str
hm_delivery_account(const struct hm_delivery *d)
{
	return d->account;
}

const struct hm_addr *
hm_delivery_rcpt(const struct hm_delivery *d)
{
	return &d->rcpt;
}

struct hm_str
hm_delivery_mailbox(const struct hm_delivery *d)
{
	return d->mailbox;
}

/* Levels that are not empty, in UTF-8 without control characters. */
static bool
mailbox_ok(struct hm_str name)
{
	struct hm_str rest = name;

	if (name.len == 0 || name.len > MAILBOX_MAX || !hm_utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			return false;
	while (rest.p)
		if (hm_str_split(&rest, '/').len == 0)
			return false;
	return name.p[name.len - 1] != '/';
}

int
hm_delivery_set_mailbox(struct hm_delivery *d, struct hm_str name)
{
	struct hm_arena *arena = hm_message_arena(d->msg);

	if (!mailbox_ok(name))
		return -HM_EINVAL;
	if (hm_utf8_nfc(arena, name, &name) < 0)
		return -HM_EINVAL;
	d->mailbox = hm_str_dup(arena, name);
	return 0;
}

unsigned
hm_delivery_flags(const struct hm_delivery *d)
{
	return d->flags;
}

void
hm_delivery_set_flags(struct hm_delivery *d, unsigned flags)
{
	d->flags = flags;
}

/* flag-keyword of RFC 9051, 9: an atom. */
static bool
keyword_ok(struct hm_str keyword)
{
	if (keyword.len == 0 || keyword.len > KEYWORD_MAX)
		return false;
	for (size_t i = 0; i < keyword.len; i++) {
		char c = keyword.p[i];
		if (c <= ' ' || c > '~' || memchr("(){%*\"\\]", c, 8))
			return false;
	}
	return true;
}

int
hm_delivery_add_keyword(struct hm_delivery *d, struct hm_str keyword)
{
	if (!keyword_ok(keyword))
		return -HM_EINVAL;
	for (size_t i = 0; i < d->nkeywords; i++)
		if (hm_str_caseeq(d->keywords[i], keyword))
			return 0;
	if (d->nkeywords == KEYWORDS_MAX)
		return -HM_ELIMIT;
	d->keywords[d->nkeywords++] = hm_str_dup(hm_message_arena(d->msg),
	    keyword);
	return 0;
}

size_t
hm_delivery_keywords(const struct hm_delivery *d)
{
	return d->nkeywords;
}

struct hm_str
hm_delivery_keyword(const struct hm_delivery *d, size_t i)
{
	return i < d->nkeywords ? d->keywords[i] : (struct hm_str){ NULL, 0 };
}
