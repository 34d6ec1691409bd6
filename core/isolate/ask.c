/* ask.c - questions to the process of an isolated module, and who waits for the
 * answers.
 */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/str.h>

#include "isolate-private.h"

enum {
	GRACE_MS = 1000,               /* behind a deadline, to answer yet */
	ASKED_MAX = 1024,
	PUMP_MS = 50,
};

struct hm_asked {
	struct hm_asked *next;
	uint64_t id;
	struct hm_cond cond;
	struct hm_buf answer;
	bool done, failed;
	bool given_up;                 /* nobody waits; late_ms counts */
	int64_t late_ms;               /* then it must have answered */
};

static void
forget(struct hm_remote *r, struct hm_asked *a)
{
	struct hm_asked **at;

	for (at = &r->asked; *at != a; at = &(*at)->next)
		;
	*at = a->next;
	r->n_asked--;
	hm_buf_release(&a->answer);
	free(a);
}

static void
look_for_late(void *arg)
{
	struct hm_remote *r = arg;
	int64_t now = hm_now_ms(), next = 0;

	r->late = NULL;
	for (struct hm_asked *a = r->asked; a != NULL; a = a->next) {
		if (!a->given_up)
			continue;
		if (a->late_ms <= now) {
			hm_remote_kill(r, "it does not answer");
			return;
		}
		if (next == 0 || a->late_ms < next)
			next = a->late_ms;
	}
	if (next > 0)
		r->late = hm_timer_start(next - now, look_for_late, r);
}

static bool
still_asked(const struct hm_remote *r, uint64_t id)
{
	const struct hm_asked *a = r->asked;

	while (a != NULL && a->id != id)
		a = a->next;
	return a != NULL;
}

/* Where time is not real, nobody would look later. */
static void
look_here(struct hm_remote *r, uint64_t id)
{
	int64_t left_ms = GRACE_MS;

	while (left_ms > 0 && still_asked(r, id))
		if (!hm_carrier_pump(&r->channel, PUMP_MS))
			left_ms -= PUMP_MS;
	if (still_asked(r, id))
		hm_remote_kill(r, "it does not answer");
}

/* Its hook may still come to an end; if it does not, the process must. */
static void
give_up(struct hm_remote *r, struct hm_asked *a)
{
	struct hm_buf id = { 0 };

	a->given_up = true;
	if (a->late_ms < hm_now_ms())
		a->late_ms = hm_now_ms();
	a->late_ms += GRACE_MS;
	hm_buf_varint(&id, a->id);
	hm_remote_tell(r, HM_CARRY_CANCEL, hm_buf_view(&id), -1);
	hm_buf_release(&id);
	if (hm_clock_is_virtual())
		look_here(r, a->id);
	else if (r->life == HM_REMOTE_UP && r->late == NULL)
		r->late = hm_timer_start(a->late_ms - hm_now_ms(),
		    look_for_late, r);
}

static int64_t
real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Outside fibers, and where time is not real, nobody else would look. Time that is
 * not real passes with that of the process. */
static int
wait_here(struct hm_remote *r, struct hm_asked *a, int64_t timeout_ms)
{
	int64_t began = real_ms(), took = 0;

	while (!a->done && took < timeout_ms) {
		hm_carrier_pump(&r->channel, PUMP_MS);
		took = real_ms() - began;
	}
	if (hm_clock_is_virtual() && took >= PUMP_MS)
		hm_clock_advance(took);
	return a->done ? 0 : -HM_ETIMEDOUT;
}

static int
wait_for(struct hm_remote *r, struct hm_asked *a, int64_t timeout_ms)
{
	int64_t end = hm_now_ms() + timeout_ms;
	int rc = 0;

	if (hm_clock_is_virtual() || hm_fiber_self() == NULL)
		return wait_here(r, a, timeout_ms);
	while (!a->done && rc == 0)
		rc = hm_wait(&a->cond, end > hm_now_ms() ? end - hm_now_ms() : 0);
	return a->done ? 0 : rc;
}

void
hm_remote_tell(struct hm_remote *r, enum hm_carry what, struct hm_str packet,
    int fd)
{
	struct hm_buf all = { 0 };

	hm_buf_putc(&all, (char)what);
	hm_buf_str(&all, packet);
	hm_carrier_send(&r->channel, hm_buf_view(&all), fd);
	hm_buf_release(&all);
}

int
hm_remote_ask(struct hm_remote *r, enum hm_carry what, struct hm_str packet,
    int fd, int64_t timeout_ms, struct hm_buf *ret)
{
	struct hm_buf all = { 0 };
	struct hm_asked *a;
	int rc;

	if (r->channel.fd < 0)
		return -HM_EIO;
	if (r->n_asked >= ASKED_MAX || packet.len > HM_CARRY_MAX - 16)
		return -HM_ELIMIT;
	a = hm_xalloc(sizeof(*a));
	a->id = ++r->last_id;
	a->late_ms = hm_now_ms() + timeout_ms;
	a->next = r->asked;
	r->asked = a;
	r->n_asked++;
	hm_buf_varint(&all, a->id);
	hm_buf_str(&all, packet);
	hm_remote_tell(r, what, hm_buf_view(&all), fd);
	hm_buf_release(&all);
	rc = wait_for(r, a, timeout_ms);
	if (!a->done) {
		/* Who died meanwhile was not waited for in vain. */
		give_up(r, a);
		return rc;
	}
	rc = a->failed ? -HM_EIO : 0;
	if (rc == 0) {
		*ret = a->answer;
		a->answer = (struct hm_buf){ 0 };
	}
	forget(r, a);
	return rc;
}

void
hm_remote_answered(struct hm_remote *r, struct hm_str in)
{
	struct hm_asked *a = NULL;
	uint64_t id;

	if (hm_take_varint(&in, &id) == 0)
		for (a = r->asked; a != NULL && a->id != id; a = a->next)
			;
	if (a == NULL || a->done) {
		hm_remote_kill(r, "it answered what nobody asked");
		return;
	}
	if (a->given_up) {
		forget(r, a);
		return;
	}
	hm_buf_str(&a->answer, in);
	a->done = true;
	hm_wake(&a->cond);
}

void
hm_remote_forget_asked(struct hm_remote *r)
{
	struct hm_asked *a, *next;

	for (a = r->asked; a != NULL; a = next) {
		next = a->next;
		if (a->given_up) {
			forget(r, a);
		} else if (!a->done) {
			a->done = a->failed = true;
			hm_wake(&a->cond);
		}
	}
}
