/* parse_flag.c - flags, dates and times in commands. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/iface/store_types.h>
#include <hermod/str.h>

#include "parse.h"

enum {
	KEYWORD_MAX = 128,     /* octets of one keyword */
	FLAGS_MAX = 1000,      /* flags in one list */
};

static const struct {
	const char *name;
	unsigned flag;
} flag_names[] = {
	{ "\\Seen", HM_FLAG_SEEN },
	{ "\\Answered", HM_FLAG_ANSWERED },
	{ "\\Flagged", HM_FLAG_FLAGGED },
	{ "\\Deleted", HM_FLAG_DELETED },
	{ "\\Draft", HM_FLAG_DRAFT },
	{ "$Forwarded", HM_FLAG_FORWARDED },
	{ "$Junk", HM_FLAG_JUNK },
	{ "$NotJunk", HM_FLAG_NOTJUNK },
	{ "$Phishing", HM_FLAG_PHISHING },
	{ "$MDNSent", HM_FLAG_MDNSENT },
};

static unsigned
flag_by_name(struct hm_str name)
{
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(flag_names); i++)
		if (hm_str_caseis(name, flag_names[i].name))
			return flag_names[i].flag;
	return 0;
}

bool
imap_p_keyword(struct imap_parse *p, struct hm_str atom, struct hm_str *ret)
{
	if (atom.len > KEYWORD_MAX)
		return imap_p_fail(p, "a shorter keyword");
	*ret = hm_str_lower(p->arena, atom);
	return true;
}

bool
imap_p_flag(struct imap_parse *p, unsigned *flags, struct hm_str *keyword)
{
	const char *from = p->p;
	struct hm_str name;
	unsigned flag;

	*keyword = hm_str_n(NULL, 0);
	(void)imap_p_maybe(p, '\\');
	if (!imap_p_atom(p, &name))
		return imap_p_fail(p, "a flag");
	name = hm_str_n(from, (size_t)(p->p - from));
	flag = flag_by_name(name);
	*flags |= flag;
	if (flag)
		return true;
	if (*from != '\\')
		return imap_p_keyword(p, name, keyword);
	/* \Recent cannot be set (RFC 3501, 2.3.2), and an extension's system
	 * flag is not ours to keep. */
	p->p = from;
	return imap_p_fail(p, "a flag that can be set");
}

static bool
add_keyword(struct imap_parse *p, struct imap_flags *set, struct hm_str keyword,
    size_t *cap)
{
	struct hm_str *more;
	size_t i;

	for (i = 0; i < set->nkeywords; i++)
		if (hm_str_eq(set->keywords[i], keyword))
			return true;
	if (set->nkeywords == FLAGS_MAX)
		return imap_p_fail(p, "fewer flags");
	if (set->nkeywords == *cap) {
		*cap = *cap ? *cap * 2 : 4;
		more = hm_alloc_array(p->arena, *cap, sizeof(*more));
		if (set->nkeywords)
			memcpy(more, set->keywords,
			    set->nkeywords * sizeof(*more));
		set->keywords = more;
	}
	set->keywords[set->nkeywords++] = keyword;
	return true;
}

bool
imap_p_flags(struct imap_parse *p, bool bare, struct imap_flags *ret)
{
	bool parens = imap_p_maybe(p, '(');
	struct imap_flags set = { 0 };
	struct hm_str keyword;
	size_t cap = 0;

	if (!parens && !bare)
		return imap_p_fail(p, "\"(\"");
	if (parens && imap_p_maybe(p, ')')) {
		*ret = set;
		return true;
	}
	do {
		if (!imap_p_flag(p, &set.flags, &keyword))
			return false;
		if (keyword.p && !add_keyword(p, &set, keyword, &cap))
			return false;
	} while (imap_p_maybe(p, ' '));
	if (parens && !imap_p_char(p, ')'))
		return false;
	*ret = set;
	return true;
}

/* n digits, as in "02". */
static bool
take_fixed(struct imap_parse *p, int n, int *ret)
{
	int v = 0;

	if (p->end - p->p < n)
		return imap_p_fail(p, "more digits");
	for (; n > 0; n--, p->p++) {
		if (*p->p < '0' || *p->p > '9')
			return imap_p_fail(p, "a digit");
		v = v * 10 + (*p->p - '0');
	}
	*ret = v;
	return true;
}

static int
days_in(int mon, int64_t year)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (mon == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[mon - 1];
}

/* "Jan-1996" behind the day. */
static bool
take_month_year(struct imap_parse *p, struct hm_tm *tm)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int i, year;

	if (p->end - p->p < 3)
		return imap_p_fail(p, "a month");
	for (i = 0; i < 12; i++)
		if (hm_str_caseeq(hm_str_n(p->p, 3), hm_str_n(months + 3 * i, 3)))
			break;
	if (i == 12)
		return imap_p_fail(p, "a month");
	p->p += 3;
	if (!imap_p_char(p, '-') || !take_fixed(p, 4, &year))
		return false;
	tm->mon = i + 1;
	tm->year = year;
	if (tm->day < 1 || tm->day > days_in(tm->mon, year))
		return imap_p_fail(p, "a day that exists");
	return true;
}

bool
imap_p_date(struct imap_parse *p, int64_t *ret_day)
{
	bool quoted = imap_p_maybe(p, '"');
	struct hm_tm tm = { 0 };
	bool two = p->end - p->p >= 2 && p->p[1] >= '0' && p->p[1] <= '9';

	if (!take_fixed(p, two ? 2 : 1, &tm.day) || !imap_p_char(p, '-') ||
	    !take_month_year(p, &tm))
		return false;
	if (quoted && !imap_p_char(p, '"'))
		return false;
	/* Midnight is a multiple of a day, also before 1970. */
	*ret_day = hm_tm_to_unix(&tm) / 86400;
	return true;
}

static bool
take_zone(struct imap_parse *p, int *ret_min)
{
	bool east = imap_p_maybe(p, '+');
	int hour, min;

	if (!east && !imap_p_char(p, '-'))
		return imap_p_fail(p, "a zone");
	if (!take_fixed(p, 2, &hour) || !take_fixed(p, 2, &min))
		return false;
	if (hour > 23 || min > 59)
		return imap_p_fail(p, "a zone that exists");
	*ret_min = (hour * 60 + min) * (east ? 1 : -1);
	return true;
}

bool
imap_p_datetime(struct imap_parse *p, int64_t *ret_unix_s)
{
	struct hm_tm tm = { 0 };

	if (!imap_p_char(p, '"'))
		return false;
	/* date-day-fixed: a space may stand for the first digit. */
	if (!take_fixed(p, imap_p_maybe(p, ' ') ? 1 : 2, &tm.day) ||
	    !imap_p_char(p, '-') || !take_month_year(p, &tm) ||
	    !imap_p_sp(p) || !take_fixed(p, 2, &tm.hour) ||
	    !imap_p_char(p, ':') || !take_fixed(p, 2, &tm.min) ||
	    !imap_p_char(p, ':') || !take_fixed(p, 2, &tm.sec) ||
	    !imap_p_sp(p) || !take_zone(p, &tm.zone_min) ||
	    !imap_p_char(p, '"'))
		return false;
	if (tm.hour > 23 || tm.min > 59 || tm.sec > 60)
		return imap_p_fail(p, "a time that exists");
	*ret_unix_s = hm_tm_to_unix(&tm);
	return true;
}
