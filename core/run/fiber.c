/* fiber.c - starting, suspending, waking and ending fibers. */
#include "fiber-private.h"
#include "guard.h"
#include "loop.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/log.h>

#include "core/base/list.h"

enum {
	BREATHE_TURNS = 64,        /* reads in a row without a wait */
	BUSY_MS = 500,             /* a fiber that runs longer is reported */
};

static struct {
	struct hm_ctx loop_ctx;
	struct hm_fiber *ready, *ready_tail;
	struct hm_fiber *all;
	size_t count;
	void (*started)(struct hm_mod *m, const char *name);
	void (*ended)(struct hm_mod *m, const char *name);
	struct hm_who *(*who)(struct hm_mod *m);
	int (*outside_fn)(void *arg);
	void *outside_arg;
} sched;

static __thread struct hm_fiber *current
    __attribute__((tls_model("initial-exec")));
static __thread struct hm_where thread_where
    __attribute__((tls_model("initial-exec")));

struct hm_where *
hm_where(void)
{
	return current ? &current->where : &thread_where;
}

static void
ready_push(struct hm_fiber *f)
{
	f->state = HM_FIBER_READY;
	f->next = NULL;
	if (sched.ready)
		sched.ready_tail->next = f;
	else
		sched.ready = f;
	sched.ready_tail = f;
}

static void
fiber_due(struct hm_alarm *alarm)
{
	struct hm_fiber *f = HM_CONTAINER(alarm, struct hm_fiber, alarm);

	/* Alarms are set early and kept: most waits end before their limit, and
	 * the next wait's limit is later. */
	if (f->state != HM_FIBER_WAITING || f->wait_until_ms == HM_NEVER)
		return;
	if (f->wait_until_ms <= hm_now_ms())
		hm_fiber_wake(f, -HM_ETIMEDOUT);
	else
		hm_loop_alarm_set(&f->alarm, f->wait_until_ms);
}

static void
fiber_main(void *arg)
{
	struct hm_fiber *f = arg;

	hm_ctx_entered(&sched.loop_ctx);
	f->fn(f->arg);
	f->state = HM_FIBER_ENDED;
	hm_ctx_leave(&f->ctx, &sched.loop_ctx);
}

struct hm_fiber *
hm_fiber_start(struct hm_mod *m, const char *name, hm_fiber_fn *fn, void *arg)
{
	struct hm_stack stack;
	struct hm_fiber *f;
	size_t room = (sizeof(*f) + 63) & ~(size_t)63;

	assert(hm_on_loop());
	if (!hm_stack_get(&stack)) {
		hm_log(HM_LOG_ERROR, "no memory for another fiber",
		    hm_f("fibers", sched.count));
		abort();
	}
	f = (struct hm_fiber *)(void *)(stack.top - room);
	memset(f, 0, sizeof(*f));
	f->stack = stack;
	f->mod = m;
	f->name = name;
	f->fn = fn;
	f->arg = arg;
	f->where.who = m && sched.who ? sched.who(m) : NULL;
	f->where.what = name;
	f->wait_until_ms = HM_NEVER;
	f->alarm.fire = fiber_due;
	f->started_ms = hm_now_ms();
	hm_ctx_init(&f->ctx, stack.bottom, f, fiber_main, f);
	f->all_next = sched.all;
	if (sched.all)
		sched.all->all_prev = f;
	sched.all = f;
	sched.count++;
	if (m && sched.started)
		sched.started(m, name);
	ready_push(f);
	return f;
}

static void
fiber_end(struct hm_fiber *f)
{
	struct hm_stack stack = f->stack;
	struct hm_mod *m = f->mod;
	const char *name = f->name;

	hm_loop_alarm_clear(&f->alarm);
	hm_log_ctx_release(&f->log);
	hm_ctx_release(&f->ctx);
	if (f->all_prev)
		f->all_prev->all_next = f->all_next;
	else
		sched.all = f->all_next;
	if (f->all_next)
		f->all_next->all_prev = f->all_prev;
	sched.count--;
	hm_stack_put(&stack);
	if (m && sched.ended)
		sched.ended(m, name);
	hm_loop_note_end();
}

struct hm_fiber *
hm_fiber_self(void)
{
	return current;
}

bool
hm_fiber_cancelled(void)
{
	return current && current->cancelled;
}

struct hm_mod *
hm_fiber_mod(void)
{
	return current ? current->mod : NULL;
}

int64_t
hm_fiber_deadline(int64_t at_ms)
{
	int64_t former = 0;

	if (current) {
		former = current->deadline_ms;
		current->deadline_ms = at_ms;
	}
	return former;
}

int64_t
hm_until(int64_t timeout_ms)
{
	int64_t now;

	if (timeout_ms < 0)
		return HM_NEVER;
	now = hm_now_ms();
	return timeout_ms > HM_NEVER - now ? HM_NEVER : now + timeout_ms;
}

int
hm_fiber_check(void)
{
	if (!current)
		return 0;
	if (current->cancelled)
		return -HM_ECANCELED;
	if (current->deadline_ms && current->deadline_ms <= hm_now_ms())
		return -HM_ETIMEDOUT;
	return 0;
}

static int
suspend(struct hm_fiber *f)
{
	f->wake_code = 0;
	hm_ctx_switch(&f->ctx, &sched.loop_ctx);
	return f->wake_code;
}

int
hm_fiber_wait(int64_t until_ms)
{
	struct hm_fiber *f = current;

	assert(f && "called outside a fiber");
	if (f->cancelled)
		return -HM_ECANCELED;
	if (f->deadline_ms && f->deadline_ms < until_ms)
		until_ms = f->deadline_ms;
	if (until_ms != HM_NEVER) {
		if (until_ms <= hm_now_ms())
			return -HM_ETIMEDOUT;
		if (!f->alarm.pos || f->alarm.at_ms > until_ms)
			hm_loop_alarm_set(&f->alarm, until_ms);
	}
	f->wait_until_ms = until_ms;
	f->state = HM_FIBER_WAITING;
	return suspend(f);
}

int
hm_fiber_hold(void)
{
	struct hm_fiber *f = current;
	int code;

	assert(f && "called outside a fiber");
	f->wait_until_ms = HM_NEVER;
	f->holds = true;
	f->state = HM_FIBER_WAITING;
	code = suspend(f);
	f->holds = false;
	return code;
}

bool
hm_fiber_wake(struct hm_fiber *f, int code)
{
	if (f->state != HM_FIBER_WAITING)
		return false;
	hm_cond_forget(f);
	f->wake_code = code;
	ready_push(f);
	return true;
}

void
hm_fiber_cancel(struct hm_fiber *f)
{
	f->cancelled = true;
	if (f->state == HM_FIBER_WAITING && !f->holds)
		hm_fiber_wake(f, -HM_ECANCELED);
}

int
hm_yield(void)
{
	struct hm_fiber *f = current;
	int rc = hm_fiber_check();

	if (rc != 0)
		return rc;
	assert(f && "called outside a fiber");
	ready_push(f);
	suspend(f);
	return hm_fiber_check();
}

int
hm_fiber_breathe(void)
{
	if (!current || ++current->turns < BREATHE_TURNS)
		return hm_fiber_check();
	return hm_yield();
}

int
hm_sleep(int64_t ms)
{
	int64_t until;
	int rc;

	if (ms <= 0)
		return hm_yield();
	rc = hm_fiber_check();
	if (rc != 0)
		return rc;
	until = hm_until(ms);
	rc = hm_fiber_wait(until);
	/* The sleep's own end is no failure, the fiber's deadline is. */
	return rc == -HM_ETIMEDOUT && hm_now_ms() >= until ? 0 : rc;
}

void
hm_fiber_trim(void)
{
	/* The red zone and the frames of the calls below need a little room. */
	if (current && !HM_ASAN)
		hm_stack_trim(&current->stack,
		    (char *)__builtin_frame_address(0) - 512);
}

int
hm_fiber_outside(int (*fn)(void *arg), void *arg)
{
	sched.outside_fn = fn;
	sched.outside_arg = arg;
	return hm_fiber_hold();
}

static void
run_outside(struct hm_fiber *f)
{
	int (*fn)(void *) = sched.outside_fn;

	sched.outside_fn = NULL;
	hm_fiber_wake(f, fn(sched.outside_arg));
}

static void
run_one(struct hm_fiber *f)
{
	struct hm_log_ctx *outer = hm_log_ctx_swap(&f->log);

	f->state = HM_FIBER_RUNNING;
	f->turns = 0;
	hm_guard_beat(true);
	current = f;
	hm_ctx_switch(&sched.loop_ctx, &f->ctx);
	hm_guard_fork_check();
	current = NULL;
	if (sched.outside_fn)
		run_outside(f);
	hm_log_ctx_swap(outer);
	if (f->state == HM_FIBER_ENDED)
		fiber_end(f);
}

static int64_t
watch_busy(const char *name, const struct hm_who *who, int64_t since_ms)
{
	int64_t now = hm_now_ms();

	if (now - since_ms >= BUSY_MS && !hm_clock_is_virtual())
		hm_log(HM_LOG_WARN, "a fiber kept the loop busy",
		    hm_f("fiber", name), hm_f("module", who ? who->name : "-"),
		    hm_f("ms", now - since_ms));
	return now;
}

void
hm_fibers_run(void)
{
	struct hm_fiber *last = sched.ready_tail;
	int64_t since = hm_now_ms();
	bool end = !sched.ready;

	while (!end) {
		struct hm_fiber *f = sched.ready;
		const char *name = f->name;
		const struct hm_who *who = f->where.who;

		end = f == last;
		sched.ready = f->next;
		run_one(f);
		since = watch_busy(name, who, since);
	}
}

bool
hm_fibers_ready(void)
{
	return sched.ready != NULL;
}

void
hm_fibers_init(void)
{
	hm_ctx_init_running(&sched.loop_ctx);
}

void
hm_fiber_on_change(void (*started)(struct hm_mod *m, const char *name),
    void (*ended)(struct hm_mod *m, const char *name),
    struct hm_who *(*who)(struct hm_mod *m))
{
	sched.started = started;
	sched.ended = ended;
	sched.who = who;
}

void
hm_fiber_each(bool (*fn)(struct hm_fiber *fiber, void *arg), void *arg)
{
	struct hm_fiber *f, *next;

	for (f = sched.all; f; f = next) {
		next = f->all_next;
		if (!fn(f, arg))
			break;
	}
}

size_t
hm_fiber_count(void)
{
	return sched.count;
}

void
hm_fiber_cancel_all(struct hm_mod *m)
{
	struct hm_fiber *f;

	for (f = sched.all; f; f = f->all_next)
		if (!m || f->mod == m)
			hm_fiber_cancel(f);
}
