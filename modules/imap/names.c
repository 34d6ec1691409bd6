/* names.c - mailbox names between the wire and the store. */
#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/charset.h>

#include "imap.h"

enum { NAME_MAX_BYTES = 1000, NAME_MAX_LEVELS = 100 };

/* UTF-8 from what the client sent: modified UTF-7 (RFC 3501, 5.1.3) until it
 * enabled something better. */
static bool
decode(struct imap *s, struct hm_arena *arena, struct hm_str name,
    struct hm_str *ret, const char **ret_why)
{
	struct hm_buf utf8 = { 0 };
	int r = 0;

	*ret_why = "mailbox name is not well encoded";
	if (imap_utf8(s)) {
		*ret = name;
		return hm_utf8_valid(name);
	}
	if (!hm_str_ascii(name))
		return false;
	*ret = name;
	if (hm_str_chr(name, '&') >= 0) {
		r = hm_mutf7_decode(&utf8, name);
		if (r == 0)
			*ret = hm_str_dup(arena, hm_buf_view(&utf8));
		hm_buf_release(&utf8);
	}
	return r == 0;
}

/* FEATURES of names that hold for every mailbox, whoever makes it. */
static const char *
wrong_with(struct hm_str name)
{
	struct hm_str rest = name, level;
	unsigned levels = 0;
	uint32_t cp;
	size_t i, n;

	if (name.len == 0)
		return "mailbox name is empty";
	if (name.len > NAME_MAX_BYTES)
		return "mailbox name is too long";
	if (name.p[0] == '#')
		return "no namespaces but the personal one";
	for (i = 0; i < name.len; i += n) {
		n = hm_utf8_next(hm_str_skip(name, i), &cp);
		if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) ||
		    cp == 0x2028 || cp == 0x2029)
			return "mailbox name has a control character";
	}
	while (rest.p) {
		level = hm_str_split(&rest, '/');
		if (level.len == 0)
			return "mailbox name has an empty level";
		if (hm_str_is(level, ".") || hm_str_is(level, ".."))
			return "mailbox name has a level of dots";
		if (++levels > NAME_MAX_LEVELS)
			return "mailbox name has too many levels";
	}
	return NULL;
}

/* "inbox" and "Inbox/x" are INBOX and INBOX/x (RFC 9051, 5.1). */
static struct hm_str
fold_inbox(struct hm_arena *arena, struct hm_str name)
{
	if (!hm_str_casestarts(name, HM_STR("INBOX")) ||
	    (name.len > 5 && name.p[5] != '/') ||
	    hm_str_starts(name, HM_STR("INBOX")))
		return name;
	return hm_str(hm_printf(arena, "INBOX%.*s", (int)(name.len - 5),
	    name.p + 5));
}

bool
imap_mailbox_name(struct imap *s, struct hm_arena *arena, struct hm_str name,
    struct hm_str *ret, const char **ret_why)
{
	struct hm_str utf8;

	if (!decode(s, arena, name, &utf8, ret_why) ||
	    hm_utf8_nfc(arena, utf8, &utf8) < 0)
		return false;
	*ret_why = wrong_with(utf8);
	if (*ret_why)
		return false;
	*ret = fold_inbox(arena, utf8);
	return true;
}

bool
imap_arg_mailbox(struct imap_cmd *c, struct hm_str *ret)
{
	struct hm_str name;
	const char *why;

	if (!imap_p_astring(&c->p, &name)) {
		imap_bad_syntax(c);
		return false;
	}
	/* "a/" is how a client says that "a" shall have children. */
	if (name.len > 1 && name.p[name.len - 1] == '/')
		name.len--;
	if (!imap_mailbox_name(c->s, c->arena, name, ret, &why)) {
		imap_no(c, "[CANNOT] %s", why);
		return false;
	}
	return true;
}
