/* name.c - names of mailboxes, keywords and special uses. */
#include "store.h"

#include <hermod/address.h>

enum { NAME_BYTES = 1000, KEYWORD_BYTES = 128, KEYWORDS = 64 };

static bool
bad_element(struct hm_str e)
{
	return e.len == 0 || hm_str_is(e, ".") || hm_str_is(e, "..");
}

/* C0, DEL, C1 and the line separators of Unicode. */
static bool
has_control(struct hm_str s)
{
	uint32_t cp;
	size_t n;

	for (; s.len > 0; s = hm_str_skip(s, n)) {
		n = hm_utf8_next(s, &cp);
		if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ||
		    cp == 0x2028 || cp == 0x2029)
			return true;
	}
	return false;
}

int
store_name_clean(struct hm_arena *arena, struct hm_str name,
    struct hm_str *ret, struct hm_err *reterr)
{
	struct hm_str rest, clean;

	if (name.len == 0 || name.len > NAME_BYTES)
		return hm_err_set(reterr, -HM_EINVAL,
		    "mailbox name is %s", name.len ? "too long" : "empty");
	if (!hm_utf8_valid(name) || has_control(name))
		return hm_err_set(reterr, -HM_EINVAL,
		    "mailbox name is not UTF-8 or has control characters");
	if (hm_utf8_nfc(arena, name, &clean) < 0)
		return hm_err_set(reterr, -HM_EINVAL,
		    "mailbox name is not well-formed");
	if (clean.p[0] == '#')
		return hm_err_set(reterr, -HM_EINVAL,
		    "mailbox name begins with #");
	for (rest = clean; rest.p; )
		if (bad_element(hm_str_split(&rest, '/')))
			return hm_err_set(reterr, -HM_EINVAL,
			    "mailbox name has an empty part, \".\" or \"..\"");
	clean = hm_str_dup(arena, clean);
	if (hm_str_caseis(clean, "INBOX") ||
	    hm_str_casestarts(clean, HM_STR("INBOX/")))
		memcpy((char *)(uintptr_t)clean.p, "INBOX", 5);
	*ret = clean;
	return 0;
}

/* ---- keywords --------------------------------------------------------------- */

unsigned
store_keyword_flag(struct hm_str keyword)
{
	static const struct { const char *name; unsigned flag; } known[] = {
		{ "$Forwarded", HM_FLAG_FORWARDED }, { "$Junk", HM_FLAG_JUNK },
		{ "$NotJunk", HM_FLAG_NOTJUNK },
		{ "$Phishing", HM_FLAG_PHISHING }, { "$MDNSent", HM_FLAG_MDNSENT },
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(known); i++)
		if (hm_str_caseis(keyword, known[i].name))
			return known[i].flag;
	return 0;
}

/* An atom (RFC 9051, 9: flag-keyword). */
static bool
keyword_good(struct hm_str keyword)
{
	size_t i;

	for (i = 0; i < keyword.len; i++) {
		unsigned char c = (unsigned char)keyword.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("(){%*\"\\]", c))
			return false;
	}
	return keyword.len > 0 && keyword.len <= KEYWORD_BYTES;
}

static int
keyword_bit(struct store_tx *tx, struct store_tx_box *b,
    struct hm_str keyword, bool grow, uint64_t *bits)
{
	struct hm_str *table = (struct hm_str *)(uintptr_t)b->m.keywords;
	size_t i;

	for (i = 0; i < b->m.nkeywords; i++)
		if (hm_str_caseeq(table[i], keyword)) {
			*bits |= UINT64_C(1) << i;
			return 0;
		}
	if (!keyword_good(keyword))
		return hm_err_set(tx->err, -HM_EINVAL, "not a keyword");
	if (!grow)
		return 0;
	if (b->m.nkeywords == KEYWORDS)
		return hm_err_set(tx->err, -HM_ELIMIT,
		    "a mailbox has at most %d keywords", KEYWORDS);
	/* The record's table has room for all, see store_get_box(). */
	table[b->m.nkeywords] = hm_str_dup(tx->arena, keyword);
	*bits |= UINT64_C(1) << b->m.nkeywords++;
	return 0;
}

int
store_keywords(struct store_tx *tx, struct store_tx_box *b, size_t n,
    const struct hm_str *keywords, bool grow, uint64_t *ret_bits,
    unsigned *flags)
{
	uint64_t bits = 0;
	unsigned flag;
	size_t i;
	int r = 0;

	for (i = 0; i < n && r == 0; i++) {
		flag = store_keyword_flag(keywords[i]);
		*flags |= flag;
		if (!flag)
			r = keyword_bit(tx, b, keywords[i], grow, &bits);
	}
	if (r == 0)
		*ret_bits = bits;
	return r;
}

/* ---- mailboxes made at first use ------------------------------------------------ */

int
store_initial_parse(const char *text, struct hm_str *ret_name,
    unsigned *ret_use)
{
	static const struct { const char *name; unsigned use; } uses[] = {
		{ "archive", HM_USE_ARCHIVE }, { "drafts", HM_USE_DRAFTS },
		{ "junk", HM_USE_JUNK }, { "sent", HM_USE_SENT },
		{ "trash", HM_USE_TRASH },
	};
	struct hm_str name = hm_str(text), use = { NULL, 0 };
	ssize_t colon = hm_str_rchr(name, ':');
	size_t i;

	*ret_use = 0;
	if (colon >= 0) {
		use = hm_str_trim(hm_str_skip(name, (size_t)colon + 1));
		name = hm_str_take(name, (size_t)colon);
	}
	*ret_name = hm_str_trim(name);
	for (i = 0; i < HM_ARRAY_LEN(uses); i++)
		if (hm_str_caseis(use, uses[i].name))
			*ret_use = uses[i].use;
	return ret_name->len == 0 || (use.p && !*ret_use) ? -HM_EINVAL : 0;
}
