/* date.c - dates of header fields (RFC 5322, 3.3 and 4.3). */
#include <hermod/header.h>

#include <string.h>

#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "lex.h"

enum { ZONE_MAX_MIN = 24 * 60 - 1 };

static bool
is_letter(char c)
{
	return (unsigned char)c >= 0x80 ||
	    (lex_is(c, LEX_ALNUM) && !lex_is(c, LEX_DIGIT));
}

/* The next word or number; commas, dots as in "21.", colons separate. */
static struct hm_str
next_token(struct hm_str *in)
{
	const char *p = in->p, *end = lex_end(*in);

	for (;;) {
		p = hm_lex_cfws(p, end);
		if (p < end && (*p == ',' || *p == '.'))
			p++;
		else
			break;
	}
	const char *from = p;
	if (p < end && lex_is(*p, LEX_DIGIT)) {
		while (p < end && lex_is(*p, LEX_DIGIT))
			p++;
	} else if (p < end && is_letter(*p)) {
		while (p < end && is_letter(*p))
			p++;
	} else if (p < end) {
		p++;
	}
	*in = lex_slice(p, end);
	return lex_slice(from, p);
}

/* Digits with saturation, so that a silly year is clamped and not wrapped. */
static bool
number(struct hm_str s, int64_t *ret)
{
	int64_t n = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!lex_is(s.p[i], LEX_DIGIT))
			return false;
		if (n < 100000000)
			n = n * 10 + (s.p[i] - '0');
	}
	*ret = n;
	return true;
}

static bool
month(struct hm_str s, int *ret)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	int64_t n;

	if (number(s, &n)) { /* "8" for August: not the RFC's, but seen */
		*ret = (int)n;
		return n >= 1 && n <= 12;
	}
	if (s.len < 3)
		return false;
	for (int i = 0; i < 12; i++) {
		if (hm_str_caseeq(hm_str_take(s, 3),
		    hm_str_n(names + 3 * i, 3))) {
			*ret = i + 1;
			return true;
		}
	}
	return false;
}

/* Named zones: those of RFC 5322, 4.3, and the unambiguous ones seen in mail.
 * An unknown one, single letters included, means -0000. */
static int
named_zone(struct hm_str s)
{
	static const struct {
		char name[5];
		int min;
	} zones[] = {
		{ "ut", 0 }, { "gmt", 0 }, { "utc", 0 }, { "edt", -240 },
		{ "est", -300 }, { "cdt", -300 }, { "cst", -360 },
		{ "mdt", -360 }, { "mst", -420 }, { "pdt", -420 },
		{ "pst", -480 }, { "wet", 0 }, { "west", 60 }, { "bst", 60 },
		{ "met", 60 }, { "cet", 60 }, { "mez", 60 }, { "mest", 120 },
		{ "cest", 120 }, { "eet", 120 }, { "eest", 180 },
		{ "msk", 180 }, { "jst", 540 }, { "kst", 540 },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(zones); i++)
		if (hm_str_caseis(s, zones[i].name))
			return zones[i].min;
	return 0;
}

static int
zone(struct hm_str *in)
{
	struct hm_str token = next_token(in);
	int64_t n;

	if (token.len == 0)
		return 0;
	if (lex_is(token.p[0], LEX_ALNUM) && !lex_is(token.p[0], LEX_DIGIT)) {
		/* "GMT+0200" and the like */
		int min = named_zone(token);
		if (min != 0 || in->len == 0 ||
		    (in->p[0] != '+' && in->p[0] != '-'))
			return min;
		token = next_token(in);
	}
	bool negative = token.p[0] == '-';
	if (negative || token.p[0] == '+')
		token = next_token(in);
	if (!number(token, &n))
		return 0;
	if (token.len <= 2 && in->len > 0 && in->p[0] == ':') { /* "+02:00" */
		int64_t min = 0;
		next_token(in);
		if (number(next_token(in), &min))
			n = n * 100 + min;
	}
	int64_t min = n / 100 * 60 + n % 100;
	if (min > ZONE_MAX_MIN)
		min = 0;
	return (int)(negative ? -min : min);
}

/* hour:minute[:second] */
static bool
time_of_day(struct hm_str *in, struct hm_tm *tm)
{
	int64_t part[3] = { 0, 0, 0 };
	int n = 0;

	for (; n < 3; n++) {
		struct hm_str before = *in;
		struct hm_str token = next_token(in);
		if (n > 0 && hm_str_is(token, ":")) {
			token = next_token(in);
		} else if (n == 2 && (token.len > 2 || !number(token,
		    &part[n]))) {
			*in = before; /* no seconds; this is the zone */
			break;
		}
		if (!number(token, &part[n]))
			return false;
	}
	tm->hour = part[0] > 23 ? 23 : (int)part[0];
	tm->min = part[1] > 59 ? 59 : (int)part[1];
	tm->sec = part[2] > 60 ? 60 : (int)part[2];
	return true;
}

static int
days_in(int64_t year, int mon)
{
	static const uint8_t days[12] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};

	if (mon == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)))
		return 29;
	return days[mon - 1];
}

/* Two and three digits as RFC 5322, 4.3 says; out of range is clamped. */
static int64_t
full_year(int64_t year, size_t digits)
{
	if (digits == 2)
		year += year < 50 ? 2000 : 1900;
	else if (digits == 3)
		year += 1900;
	if (year < 1)
		return 1;
	return year > 9999 ? 9999 : year;
}

static int
set_date(struct hm_tm *tm, struct hm_str day, struct hm_str year)
{
	int64_t d, y;

	if (!number(day, &d) || !number(year, &y))
		return -HM_ESYNTAX;
	tm->year = full_year(y, year.len);
	int last = days_in(tm->year, tm->mon);
	tm->day = d < 1 ? 1 : d > last ? last : (int)d;
	return 0;
}

static struct hm_str
skip_dash(struct hm_str *in)
{
	struct hm_str token = next_token(in);
	return hm_str_is(token, "-") ? next_token(in) : token;
}

/* "[Fri,] 20 Nov 2026 12:00:00 +0000", the day of the week in any language. */
static int
rfc_form(struct hm_str *in, struct hm_str day, struct hm_tm *tm)
{
	if (!month(skip_dash(in), &tm->mon))
		return -HM_ESYNTAX;
	int rc = set_date(tm, day, skip_dash(in));
	if (rc < 0)
		return rc;
	if (!time_of_day(in, tm))
		return -HM_ESYNTAX;
	tm->zone_min = zone(in);
	return 0;
}

/* "[Fri] Nov 20 12:00:00 [CET] 2026" as ctime() writes; tm->mon is known. */
static int
ctime_form(struct hm_str *in, struct hm_tm *tm)
{
	struct hm_str day = next_token(in);

	if (!time_of_day(in, tm))
		return -HM_ESYNTAX;
	struct hm_str year = next_token(in);
	if (year.len > 0 && is_letter(year.p[0])) {
		tm->zone_min = named_zone(year);
		year = next_token(in);
	}
	return set_date(tm, day, year);
}

static int
either_form(struct hm_str *in, struct hm_tm *tm)
{
	struct hm_str token = next_token(in);

	if (token.len > 0 && is_letter(token.p[0])) {
		/* "Mar" is a day of the week in some languages. */
		struct hm_str behind = *in;
		bool mon = month(token, &tm->mon);
		token = next_token(in);
		if (mon && token.len > 0 && lex_is(token.p[0], LEX_DIGIT)) {
			struct hm_str rest = *in;
			int unused;
			struct hm_str word = next_token(&rest);
			if (!hm_str_is(word, "-") && !month(word, &unused)) {
				*in = behind;
				return ctime_form(in, tm);
			}
		} else if (month(token, &tm->mon) && is_letter(token.p[0])) {
			return ctime_form(in, tm);
		}
	}
	return rfc_form(in, token, tm);
}

int
hm_date_parse(struct hm_str value, int64_t *ret_unix_s, int *ret_zone_min)
{
	struct hm_tm tm = { 0 };
	struct hm_str in = value;

	int rc = either_form(&in, &tm);
	if (rc < 0)
		return rc;
	*ret_unix_s = hm_tm_to_unix(&tm);
	if (ret_zone_min)
		*ret_zone_min = tm.zone_min;
	return 0;
}
