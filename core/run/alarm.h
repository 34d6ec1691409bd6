/* alarm.h - a heap of moments at which something is due. Loop thread.
 *
 * Equal moments fire in the order in which they were set, so that simulated runs
 * repeat exactly.
 */
#ifndef HERMOD_RUN_ALARM_H
#define HERMOD_RUN_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HM_NEVER INT64_MAX

struct hm_alarm {
	int64_t at_ms;
	uint64_t seq;
	size_t pos;            /* 1-based place in the heap; 0: not set */
	void (*fire)(struct hm_alarm *alarm);
};

struct hm_alarms {
	struct hm_alarm **heap;
	size_t n, cap;
	uint64_t seq;
};

/* Sets or moves an alarm. */
void hm_alarm_set(struct hm_alarms *alarms, struct hm_alarm *alarm,
    int64_t at_ms);
void hm_alarm_clear(struct hm_alarms *alarms, struct hm_alarm *alarm);
/* Takes out the first one that is due at now_ms; NULL if none is. */
struct hm_alarm *hm_alarm_due(struct hm_alarms *alarms, int64_t now_ms);
/* The earliest moment set, HM_NEVER if none. */
int64_t hm_alarm_next(const struct hm_alarms *alarms);
void hm_alarms_release(struct hm_alarms *alarms);

#endif
