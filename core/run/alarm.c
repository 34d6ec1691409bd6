/* alarm.c - a heap of moments at which something is due. */
#include "alarm.h"

#include <stdlib.h>

#include <hermod/arena.h>

static bool
before(const struct hm_alarm *a, const struct hm_alarm *b)
{
	return a->at_ms < b->at_ms ||
	    (a->at_ms == b->at_ms && a->seq < b->seq);
}

static void
place(struct hm_alarms *alarms, struct hm_alarm *alarm, size_t pos)
{
	alarms->heap[pos - 1] = alarm;
	alarm->pos = pos;
}

static void
sift_up(struct hm_alarms *alarms, struct hm_alarm *alarm, size_t pos)
{
	while (pos > 1) {
		struct hm_alarm *parent = alarms->heap[pos / 2 - 1];

		if (!before(alarm, parent))
			break;
		place(alarms, parent, pos);
		pos /= 2;
	}
	place(alarms, alarm, pos);
}

static void
sift_down(struct hm_alarms *alarms, struct hm_alarm *alarm, size_t pos)
{
	for (;;) {
		size_t child = pos * 2;

		if (child > alarms->n)
			break;
		if (child < alarms->n && before(alarms->heap[child],
		    alarms->heap[child - 1]))
			child++;
		if (!before(alarms->heap[child - 1], alarm))
			break;
		place(alarms, alarms->heap[child - 1], pos);
		pos = child;
	}
	place(alarms, alarm, pos);
}

static void
settle(struct hm_alarms *alarms, struct hm_alarm *alarm, size_t pos)
{
	if (pos > 1 && before(alarm, alarms->heap[pos / 2 - 1]))
		sift_up(alarms, alarm, pos);
	else
		sift_down(alarms, alarm, pos);
}

void
hm_alarm_set(struct hm_alarms *alarms, struct hm_alarm *alarm, int64_t at_ms)
{
	alarm->at_ms = at_ms;
	alarm->seq = alarms->seq++;
	if (alarm->pos) {
		settle(alarms, alarm, alarm->pos);
		return;
	}
	if (alarms->n == alarms->cap) {
		alarms->cap = alarms->cap ? alarms->cap * 2 : 64;
		alarms->heap = hm_xrealloc(alarms->heap,
		    alarms->cap * sizeof(*alarms->heap));
	}
	alarms->n++;
	sift_up(alarms, alarm, alarms->n);
}

void
hm_alarm_clear(struct hm_alarms *alarms, struct hm_alarm *alarm)
{
	size_t pos = alarm->pos;
	struct hm_alarm *last;

	if (!pos)
		return;
	alarm->pos = 0;
	last = alarms->heap[--alarms->n];
	if (last != alarm)
		settle(alarms, last, pos);
}

struct hm_alarm *
hm_alarm_due(struct hm_alarms *alarms, int64_t now_ms)
{
	struct hm_alarm *first;

	if (alarms->n == 0 || alarms->heap[0]->at_ms > now_ms)
		return NULL;
	first = alarms->heap[0];
	hm_alarm_clear(alarms, first);
	return first;
}

int64_t
hm_alarm_next(const struct hm_alarms *alarms)
{
	return alarms->n ? alarms->heap[0]->at_ms : HM_NEVER;
}

void
hm_alarms_release(struct hm_alarms *alarms)
{
	free(alarms->heap);
	*alarms = (struct hm_alarms){ 0 };
}
