/* fiber-private.h - what the rest of the core knows of fibers. Loop thread. */
#ifndef HERMOD_RUN_FIBER_PRIVATE_H
#define HERMOD_RUN_FIBER_PRIVATE_H

#include <hermod/fiber.h>

#include "core/base/log-private.h"

#include "alarm.h"
#include "stack.h"
#include "switch.h"
#include "where.h"

enum hm_fiber_state {
	HM_FIBER_READY = 1,
	HM_FIBER_RUNNING = 2,
	HM_FIBER_WAITING = 3,
	HM_FIBER_ENDED = 4,
};

/* Lives at the top of its own stack. */
struct hm_fiber {
	struct hm_ctx ctx;
	struct hm_fiber *next;          /* in the ready queue, or among a cond's */
	struct hm_fiber *prev;          /* waiters */
	struct hm_cond *cond;           /* whose list it is in */
	struct hm_fiber *all_next, *all_prev;
	enum hm_fiber_state state;
	bool cancelled;
	bool holds;                     /* this wait ends for its event only */
	unsigned turns;                 /* see hm_fiber_breathe() */
	int wake_code;
	int64_t wait_until_ms;          /* of this wait; HM_NEVER */
	int64_t deadline_ms;            /* of the fiber; 0: none */
	struct hm_alarm alarm;          /* set at or before wait_until_ms */
	struct hm_stack stack;
	struct hm_mod *mod;
	const char *name;
	hm_fiber_fn *fn;
	void *arg;
	struct hm_log_ctx log;
	struct hm_where where;
	int64_t started_ms;
};

/* Suspends the running fiber until hm_fiber_wake() (its code, 0 or more, is
 * returned), the deadline (-HM_ETIMEDOUT) or cancellation (-HM_ECANCELED). A
 * fiber that is cancelled or late already does not suspend. until_ms is as
 * hm_now_ms() or HM_NEVER. */
int hm_fiber_wait(int64_t until_ms);
/* Suspends until hm_fiber_wake() and nothing else. */
int hm_fiber_hold(void);
/* Makes a waiting fiber ready; the first of several wakes counts. Returns
 * whether this was it. */
bool hm_fiber_wake(struct hm_fiber *fiber, int code);
/* What the next wait would fail with: 0, -HM_ECANCELED or -HM_ETIMEDOUT. */
int hm_fiber_check(void);
/* Called where a fiber could go on for long without ever waiting: lets others
 * run after some turns. */
int hm_fiber_breathe(void);
/* Gives back the stack pages below the caller's frame. */
void hm_fiber_trim(void);
/* The end of a wait that begins now: HM_NEVER for negative timeouts. */
int64_t hm_until(int64_t timeout_ms);

/* Runs fn(arg) on the loop thread's own stack, outside any fiber. */
int hm_fiber_outside(int (*fn)(void *arg), void *arg);

/* Takes a fiber out of the list of the cond it waits for, if any. */
void hm_cond_forget(struct hm_fiber *fiber);
/* Like hm_wait(), but io and others may wake the fiber as well; returns the
 * wake's code. */
int hm_cond_wait_until(struct hm_cond *cond, int64_t until_ms);

/* Told when a fiber of a module starts and ends (m is never NULL): the plug
 * layer holds the module's generation in between, and says whose code it is. */
void hm_fiber_on_change(void (*started)(struct hm_mod *m, const char *name),
    void (*ended)(struct hm_mod *m, const char *name),
    struct hm_who *(*who)(struct hm_mod *m));

/* For listings: calls fn for each living fiber until it returns false. */
void hm_fiber_each(bool (*fn)(struct hm_fiber *fiber, void *arg), void *arg);
size_t hm_fiber_count(void);
/* Cancels the fibers of one module (NULL: all). */
void hm_fiber_cancel_all(struct hm_mod *m);

/* The loop's side. */
void hm_fibers_init(void);
bool hm_fibers_ready(void);
/* Runs what is ready now; fibers made ready meanwhile wait for the next call. */
void hm_fibers_run(void);

#endif
