/* date.c - civil dates from seconds and back, without libc's zones. */
#include <stdio.h>

#include <hermod/clock.h>

#define DAY_S 86400
/* Four hundred Gregorian years are always as many days. */
#define ERA_DAYS 146097

/* Outside these the year would not fit the texts below. */
#define UNIX_MIN INT64_C(-62167219200) /* 0000-01-01 */
#define UNIX_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59 */

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Years are counted from March, so that a leap day ends its year and the months
 * before a given one take (153 * m + 2) / 5 days. */
static void
from_days(int64_t days, struct hm_tm *tm)
{
	int64_t era, doe, yoe, doy, m;

	days += 719468; /* 0000-03-01 to 1970-01-01 */
	era = floor_div(days, ERA_DAYS);
	doe = days - era * ERA_DAYS;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	m = (5 * doy + 2) / 153;
	tm->day = (int)(doy - (153 * m + 2) / 5) + 1;
	tm->mon = (int)(m < 10 ? m + 3 : m - 9);
	tm->year = yoe + era * 400 + (tm->mon <= 2);
}

static int64_t
to_days(int64_t year, int mon, int day)
{
	int64_t y = year - (mon <= 2), era = floor_div(y, 400);
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (mon > 2 ? mon - 3 : mon + 9) + 2) / 5 + day - 1;

	return era * ERA_DAYS + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void
hm_tm_from_unix(int64_t unix_s, int zone_min, struct hm_tm *ret)
{
	int64_t local = unix_s + (int64_t)zone_min * 60;
	int64_t days = floor_div(local, DAY_S);
	int s = (int)(local - days * DAY_S);

	from_days(days, ret);
	ret->hour = s / 3600;
	ret->min = s / 60 % 60;
	ret->sec = s % 60;
	ret->wday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01: Thursday */
	ret->zone_min = zone_min;
}

int64_t
hm_tm_to_unix(const struct hm_tm *tm)
{
	return to_days(tm->year, tm->mon, tm->day) * DAY_S + tm->hour * 3600 +
	    tm->min * 60 + tm->sec - (int64_t)tm->zone_min * 60;
}

static int64_t
printable(int64_t unix_s)
{
	return unix_s < UNIX_MIN + DAY_S ? UNIX_MIN + DAY_S :
	    unix_s > UNIX_MAX - DAY_S ? UNIX_MAX - DAY_S : unix_s;
}

const char *
hm_date_rfc5322(char buf[40], int64_t unix_s, int zone_min)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct hm_tm tm;
	unsigned zone;

	if (zone_min <= -24 * 60 || zone_min >= 24 * 60)
		zone_min = 0;
	hm_tm_from_unix(printable(unix_s), zone_min, &tm);
	zone = (unsigned)(zone_min < 0 ? -zone_min : zone_min);
	snprintf(buf, 40, "%.3s, %d %.3s %04d %02d:%02d:%02d %c%02u%02u",
	    days + 3 * tm.wday, tm.day, months + 3 * (tm.mon - 1),
	    (int)tm.year, tm.hour, tm.min, tm.sec, zone_min < 0 ? '-' : '+',
	    zone / 60, zone % 60);
	return buf;
}

const char *
hm_date_rfc3339(char buf[24], int64_t unix_s)
{
	struct hm_tm tm;

	hm_tm_from_unix(printable(unix_s), 0, &tm);
	snprintf(buf, 24, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)tm.year % 10000, (unsigned)tm.mon % 100,
	    (unsigned)tm.day % 100, (unsigned)tm.hour % 100,
	    (unsigned)tm.min % 100, (unsigned)tm.sec % 100);
	return buf;
}
