/* test-clock.c - dates and virtual time. */
#include <time.h>

#include <hermod/clock.h>

#include "t/tap.h"

static void
test_dates(void)
{
	static const struct {
		int64_t unix_s;
		int zone_min;
		const char *rfc5322, *rfc3339;
	} t[] = {
		{ 0, 0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z" },
		{ -1, 0, "Wed, 31 Dec 1969 23:59:59 +0000",
		    "1969-12-31T23:59:59Z" },
		{ 951782400, 60, "Tue, 29 Feb 2000 01:00:00 +0100",
		    "2000-02-29T00:00:00Z" },
		{ 1795176000, 0, "Fri, 20 Nov 2026 12:00:00 +0000",
		    "2026-11-20T12:00:00Z" },
		{ 1795176000, -210, "Fri, 20 Nov 2026 08:30:00 -0330",
		    "2026-11-20T12:00:00Z" },
		{ 1795176000, 765, "Sat, 21 Nov 2026 00:45:00 +1245",
		    "2026-11-20T12:00:00Z" },
		{ 4107542400, 0, "Mon, 1 Mar 2100 00:00:00 +0000",
		    "2100-03-01T00:00:00Z" },
	};
	char buf[40], small[24];
	struct hm_tm tm;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++) {
		is_str(hm_date_rfc5322(buf, t[i].unix_s, t[i].zone_min),
		    t[i].rfc5322, "RFC 5322 date %zu", i);
		is_str(hm_date_rfc3339(small, t[i].unix_s), t[i].rfc3339,
		    "RFC 3339 date %zu", i);
		hm_tm_from_unix(t[i].unix_s, t[i].zone_min, &tm);
		is_int(hm_tm_to_unix(&tm), t[i].unix_s, "and back %zu", i);
	}
	ok(strlen(hm_date_rfc5322(buf, INT64_MAX / 2, 0)) < 40, "far future");
	ok(strlen(hm_date_rfc3339(small, INT64_MIN / 2)) == 20, "far past");
}

/* Every 7th day of 2,000 years against the C library. */
static void
test_calendar(void)
{
	int64_t s, bad = 0, from = INT64_C(-31536000) * 970;

	for (s = from; s < INT64_C(31557600) * 1030; s += 7 * 86400 + 4321) {
		time_t t = (time_t)s;
		struct hm_tm tm;
		struct tm libc;

		gmtime_r(&t, &libc);
		hm_tm_from_unix(s, 0, &tm);
		if (tm.year != libc.tm_year + 1900 || tm.mon != libc.tm_mon + 1 ||
		    tm.day != libc.tm_mday || tm.hour != libc.tm_hour ||
		    tm.min != libc.tm_min || tm.sec != libc.tm_sec ||
		    tm.wday != libc.tm_wday || hm_tm_to_unix(&tm) != s)
			bad++;
	}
	is_int(bad, 0, "the calendar agrees with the C library");
}

static void
test_virtual(void)
{
	int64_t now = hm_now_ms(), wall = hm_wall_ms();

	ok(!hm_clock_is_virtual(), "real at first");
	ok(now > 0 && wall > INT64_C(1600000000000), "plausible");
	ok(hm_now_ms() >= now, "monotonic");
	setenv("TZ", "XYZ-05:30", 1);
	tzset();
	is_int(hm_local_zone_min(0), 330, "local zone");
	hm_clock_virtual(5000);
	ok(hm_clock_is_virtual(), "virtual");
	is_int(hm_wall_ms(), 5000, "starts as told");
	now = hm_now_ms();
	ok(now > 0, "monotonic time is not 0");
	hm_clock_advance(250);
	is_int(hm_now_ms() - now, 250, "advances");
	is_int(hm_wall_ms(), 5250, "both");
	hm_clock_jump(-1000);
	is_int(hm_now_ms() - now, 250, "a jump moves one");
	is_int(hm_wall_ms(), 4250, "and not the other");
	is_int(hm_local_zone_min(0), 0, "virtual time is in UTC");
}

int
main(void)
{
	test_dates();
	test_calendar();
	test_virtual();
	return done();
}
