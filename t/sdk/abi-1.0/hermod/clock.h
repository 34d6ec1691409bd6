/* clock.h - the only source of time; real, or virtual in tests.
 *
 * Milliseconds throughout. Thread: any.
 */
#ifndef HERMOD_CLOCK_H
#define HERMOD_CLOCK_H

#include <hermod/types.h>

/* Monotonic milliseconds since an arbitrary start: deadlines, durations. */
HM_API int64_t hm_now_ms(void);
/* Milliseconds since 1970-01-01T00:00:00Z: dates, records. */
HM_API int64_t hm_wall_ms(void);

/* Broken-down time of the proleptic Gregorian calendar, without libc's locale
 * and time zone state. */
struct hm_tm {
	int64_t year;
	int mon, day;          /* 1-12, 1-31 */
	int hour, min, sec;    /* 0-23, 0-59, 0-60 */
	int wday;              /* 0 = Sunday */
	int zone_min;          /* offset east of UTC in minutes */
};

/* zone_min is taken as given, for local-time formatting. */
HM_API void hm_tm_from_unix(int64_t unix_s, int zone_min, struct hm_tm *ret);
HM_API int64_t hm_tm_to_unix(const struct hm_tm *tm); /* ignores wday */
/* The local zone's offset at that moment, in minutes. */
HM_API int hm_local_zone_min(int64_t unix_s);
/* "Fri, 20 Nov 2026 12:00:00 +0000" (RFC 5322, 3.3); buf of 40 bytes. */
HM_API const char *hm_date_rfc5322(char buf[40], int64_t unix_s, int zone_min);
/* "2026-11-20T12:00:00Z" (RFC 3339); buf of 24 bytes. */
HM_API const char *hm_date_rfc3339(char buf[24], int64_t unix_s);

/* Virtual time: set by the test harness before anything else runs. In virtual
 * mode both clocks move only through hm_clock_advance(). */
HM_API void hm_clock_virtual(int64_t wall_ms);
HM_API bool hm_clock_is_virtual(void);
HM_API void hm_clock_advance(int64_t ms);
/* Moves the wall clock alone (a clock jump); virtual mode only. */
HM_API void hm_clock_jump(int64_t ms);

#endif
