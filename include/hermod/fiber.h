/* fiber.h - sessions as straight-line code.
 *
 * A fiber runs on one loop thread for its whole life and is suspended only in
 * functions marked HM_FIBER. Every such function returns -HM_ECANCELED once the
 * fiber was cancelled and -HM_ETIMEDOUT once its deadline has passed, so
 * cancellation travels up as a return code. Stack: 128 KiB; no object on it
 * should exceed 4 KiB. errno does not survive a suspension.
 * Thread: the loop thread, unless a function says otherwise.
 */
#ifndef HERMOD_FIBER_H
#define HERMOD_FIBER_H

#include <hermod/types.h>

typedef void hm_fiber_fn(void *arg);

/* Starts fn(arg) soon, on the calling loop thread; name is static. on behalf of
 * a module (m may be NULL): the fiber then keeps the module's generation, and
 * hm_generation listings count it. The caller gets no ownership; the pointer is
 * valid until fn returns. */
HM_API struct hm_fiber *hm_fiber_start(struct hm_mod *m, const char *name,
    hm_fiber_fn *fn, void *arg);
/* Makes the fiber's current and all later waits return -HM_ECANCELED. */
HM_API void hm_fiber_cancel(struct hm_fiber *fiber);
HM_API struct hm_fiber *hm_fiber_self(void);   /* NULL outside fibers */
HM_API bool hm_fiber_cancelled(void);
HM_API struct hm_mod *hm_fiber_mod(void);      /* the module it runs for */

/* A deadline for all waits of this fiber, on top of those of single calls, as
 * hm_now_ms(); 0 lifts it. Returns the former one, to restore. */
HM_API int64_t hm_fiber_deadline(int64_t at_ms);

HM_API HM_FIBER int hm_sleep(int64_t ms);
/* Lets other ready fibers run. */
HM_API HM_FIBER int hm_yield(void);

/* The whole life of a program that is no server: runs fn(arg) on a fiber to its
 * end, on a loop of its own. Called by main(), once. Since 1.1. */
HM_API int hm_fiber_main(hm_fiber_fn *fn, void *arg, struct hm_err *reterr);

/* A place to wait until somebody says that something changed. Signals are not
 * counted: re-check your condition in a loop. Zeroed memory is a valid cond. */
struct hm_cond {
	void *waiters;
};
/* timeout_ms < 0: no limit but the fiber's deadline. 0, -HM_ETIMEDOUT,
 * -HM_ECANCELED. */
HM_API HM_FIBER int hm_wait(struct hm_cond *cond, int64_t timeout_ms);
HM_API void hm_wake(struct hm_cond *cond);     /* all waiters */
HM_API void hm_wake_one(struct hm_cond *cond);

/* Limits how many fibers do something at once (password hashing, say). */
struct hm_sem {
	int free;
	struct hm_cond cond;
};
HM_API HM_FIBER int hm_sem_take(struct hm_sem *sem, int64_t timeout_ms);
HM_API void hm_sem_give(struct hm_sem *sem);

/* Runs fn(arg) on the loop thread soon; may be called from any thread. The
 * bridge for code that finishes on a worker thread. */
HM_API void hm_post(void (*fn)(void *arg), void *arg);

/* Timers for code that is not a fiber. fn runs on the loop thread, once; the
 * timer is gone by then and must not be stopped any more. */
struct hm_timer;
HM_API struct hm_timer *hm_timer_start(int64_t after_ms,
    void (*fn)(void *arg), void *arg);
HM_API void hm_timer_stop(struct hm_timer *timer); /* NULL accepted; frees */

/* Descriptors for code that is not a fiber: libraries with callbacks of their
 * own. fn is called on the loop thread as long as the descriptor is readable or
 * writable, for one of the two at a time, until the watch is stopped: before
 * the descriptor is closed, and perhaps by fn itself. */
enum { HM_FD_READ = 1, HM_FD_WRITE = 2 };
struct hm_fdwatch;
HM_API struct hm_fdwatch *hm_fdwatch_start(int fd, unsigned what,
    void (*fn)(unsigned what, void *arg), void *arg);
HM_API void hm_fdwatch_stop(struct hm_fdwatch *watch); /* NULL accepted; frees */

#endif
