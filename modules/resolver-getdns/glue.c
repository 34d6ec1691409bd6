/* glue.c - getdns on the loop of this process: its events are descriptors and
 * timers of the SDK. */
#include "stub.h"

#include <stdlib.h>

struct event {
	struct hm_fdwatch *watch;
	struct hm_timer *timer;
	getdns_eventloop_event *theirs;
};

/* Their callbacks clear and free events, this one perhaps included: nothing of
 * it is touched afterwards. */
static void
descriptor_ready(unsigned what, void *arg)
{
	getdns_eventloop_event *theirs = ((struct event *)arg)->theirs;

	if (what == HM_FD_READ)
		theirs->read_cb(theirs->userarg);
	else
		theirs->write_cb(theirs->userarg);
}

static void
time_over(void *arg)
{
	struct event *e = arg;
	getdns_eventloop_event *theirs = e->theirs;

	e->timer = NULL;
	theirs->timeout_cb(theirs->userarg);
}

static getdns_return_t
schedule(getdns_eventloop *loop, int fd, uint64_t timeout_ms,
    getdns_eventloop_event *theirs)
{
	struct event *e = hm_xalloc(sizeof(*e));
	unsigned what = (theirs->read_cb ? (unsigned)HM_FD_READ : 0) |
	    (theirs->write_cb ? (unsigned)HM_FD_WRITE : 0);

	(void)loop;
	e->theirs = theirs;
	if (fd >= 0 && what)
		e->watch = hm_fdwatch_start(fd, what, descriptor_ready, e);
	if (theirs->timeout_cb && timeout_ms <= INT32_MAX)
		e->timer = hm_timer_start((int64_t)timeout_ms, time_over, e);
	theirs->ev = e;
	return GETDNS_RETURN_GOOD;
}

static getdns_return_t
clear(getdns_eventloop *loop, getdns_eventloop_event *theirs)
{
	struct event *e = theirs->ev;

	(void)loop;
	theirs->ev = NULL;
	if (!e)
		return GETDNS_RETURN_GOOD;
	hm_fdwatch_stop(e->watch);
	hm_timer_stop(e->timer);
	free(e);
	return GETDNS_RETURN_GOOD;
}

static void
nothing(getdns_eventloop *loop)
{
	(void)loop;
}

static void
nothing_once(getdns_eventloop *loop, int blocking)
{
	(void)loop;
	(void)blocking;
}

void
glue_init(struct glue *glue)
{
	/* getdns wants to be able to write to it, and does not. The loop itself
	 * is run by others. */
	static const getdns_eventloop_vmt vmt = {
		.cleanup = nothing,
		.schedule = schedule,
		.clear = clear,
		.run = nothing,
		.run_once = nothing_once,
	};

	glue->loop.vmt = (getdns_eventloop_vmt *)(uintptr_t)&vmt;
}
