/* loop.c - the event loop under the fibers.
 *
 * A turn runs the fibers that are ready, lets libev wait for descriptors, and
 * fires alarms. libev's own timer is armed for the earliest alarm only, and is
 * left as it is while that alarm moves into the future.
 */
#include "loop.h"
#include "fiber-private.h"
#include "guard.h"
#include "listen.h"
#include "work-private.h"

#include <assert.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-aliasing"
#include <ev.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/log.h>

enum {
	KEEP_CHUNKS = HM_ASAN ? 0 : 16,
	TRIM_EVERY_S = 30,
	HEAP_STEP = 256 << 10,
	TRIM_AFTER_ENDS = 64,
	SIGNALS = 65,
};

struct watched_signal {
	struct ev_signal ev;
	void (*fn)(int signum, void *arg);
	void *arg;
};

static struct {
	struct ev_loop *ev;
	struct ev_timer timer;
	struct ev_timer housekeeping;
	int64_t timer_at_ms;           /* when it will fire; HM_NEVER */
	struct hm_alarms alarms;
	struct watched_signal *signals[SIGNALS];
	char *chunks;                  /* linked through their first bytes */
	unsigned chunk_count;
	unsigned ended;
	unsigned watches;
	bool stop;
	bool ends_idle;                /* nobody would wake an idle loop */
} loop;

/* What other threads may touch. */
static struct {
	pthread_mutex_t lock;
	struct hm_post_node *first, *last;
	struct ev_async async;
	bool loop_lives;
	atomic_int held;
	atomic_bool any;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static __thread bool on_loop __attribute__((tls_model("initial-exec")));

bool
hm_on_loop(void)
{
	return on_loop;
}

bool
hm_loop_lives(void)
{
	bool lives;

	pthread_mutex_lock(&shared.lock);
	lives = shared.loop_lives;
	pthread_mutex_unlock(&shared.lock);
	return lives;
}

static void
nothing(struct ev_loop *ev, struct ev_async *w, int events)
{
	(void)ev;
	(void)w;
	(void)events;
}

static void
timer_fired(struct ev_loop *ev, struct ev_timer *w, int events)
{
	(void)ev;
	(void)w;
	(void)events;
	loop.timer_at_ms = HM_NEVER;
}

static int
trim_memory(void *arg)
{
	(void)arg;
	malloc_trim(0);
	return 0;
}

static void
housekeep(struct ev_loop *ev, struct ev_timer *w, int events)
{
	(void)ev;
	(void)w;
	(void)events;
	if (loop.ended < TRIM_AFTER_ENDS)
		return;
	loop.ended = 0;
	hm_work_detached(trim_memory, NULL, NULL);
}

void
hm_loop_note_end(void)
{
	loop.ended++;
}

static void
raise_file_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_cur == rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

int
hm_loop_init(struct hm_err *reterr)
{
	assert(!loop.ev);
	/* One heap for all threads: what one has freed another can use, and it
	 * grows in steps larger than a page, which those of threads do not. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TOP_PAD, HEAP_STEP);
	mallopt(M_TRIM_THRESHOLD, 8 * HEAP_STEP);
	mallopt(M_MMAP_THRESHOLD, 4 * HEAP_STEP);
	loop.ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (!loop.ev)
		return hm_err_set(reterr, -HM_EINTERNAL,
		    "the event loop could not be made");
	on_loop = true;
	loop.stop = false;
	loop.timer_at_ms = HM_NEVER;
	raise_file_limit();
	/* Writing to a pipe nobody reads is an error code, not an end. */
	signal(SIGPIPE, SIG_IGN);
	hm_fibers_init();
	ev_init(&loop.timer, timer_fired);
	ev_timer_init(&loop.housekeeping, housekeep, TRIM_EVERY_S, TRIM_EVERY_S);
	ev_timer_start(loop.ev, &loop.housekeeping);
	ev_async_init(&shared.async, nothing);
	ev_async_start(loop.ev, &shared.async);
	pthread_mutex_lock(&shared.lock);
	shared.loop_lives = true;
	pthread_mutex_unlock(&shared.lock);
	return 0;
}

/* ---- posts ---- */

void
hm_post_node(struct hm_post_node *node)
{
	bool wake;

	node->next = NULL;
	pthread_mutex_lock(&shared.lock);
	wake = !shared.first && shared.loop_lives;
	if (shared.first)
		shared.last->next = node;
	else
		shared.first = node;
	shared.last = node;
	atomic_store(&shared.any, true);
	/* Under the lock, because the loop might be freed meanwhile. */
	if (wake)
		ev_async_send(loop.ev, &shared.async);
	pthread_mutex_unlock(&shared.lock);
}

struct post {
	struct hm_post_node node;
	void (*fn)(void *arg);
	void *arg;
};

static void
run_post(struct hm_post_node *node)
{
	struct post post = *(struct post *)(void *)node;

	free(node);
	post.fn(post.arg);
}

void
hm_post(void (*fn)(void *arg), void *arg)
{
	struct post *post = hm_xalloc(sizeof(*post));

	post->node.fn = run_post;
	post->fn = fn;
	post->arg = arg;
	hm_post_node(&post->node);
}

static void
run_posts(void)
{
	struct hm_post_node *node, *next;

	if (!atomic_load(&shared.any))
		return;
	pthread_mutex_lock(&shared.lock);
	node = shared.first;
	shared.first = shared.last = NULL;
	atomic_store(&shared.any, false);
	pthread_mutex_unlock(&shared.lock);
	for (; node; node = next) {
		next = node->next;
		node->fn(node);
	}
}

void
hm_loop_hold(int n)
{
	atomic_fetch_add(&shared.held, n);
}

/* ---- alarms ---- */

void
hm_loop_alarm_set(struct hm_alarm *alarm, int64_t at_ms)
{
	hm_alarm_set(&loop.alarms, alarm, at_ms);
}

void
hm_loop_alarm_clear(struct hm_alarm *alarm)
{
	hm_alarm_clear(&loop.alarms, alarm);
}

int64_t
hm_loop_next_alarm(void)
{
	return hm_alarm_next(&loop.alarms);
}

static void
fire_alarms(void)
{
	int64_t now = hm_now_ms();
	struct hm_alarm *alarm;

	while ((alarm = hm_alarm_due(&loop.alarms, now)))
		alarm->fire(alarm);
}

static bool
idle(void)
{
	return hm_fiber_count() == 0 && loop.alarms.n == 0 &&
	    atomic_load(&shared.held) == 0 && !atomic_load(&shared.any);
}

static void
arm_timer(void)
{
	int64_t next = hm_alarm_next(&loop.alarms);
	int64_t wait;

	if (next >= loop.timer_at_ms)
		return;
	wait = next - hm_now_ms();
	ev_now_update(loop.ev);
	ev_timer_stop(loop.ev, &loop.timer);
	ev_timer_set(&loop.timer, wait > 0 ? (double)wait / 1000. : 0., 0.);
	ev_timer_start(loop.ev, &loop.timer);
	loop.timer_at_ms = next;
}

/* ---- timers for code that is no fiber ---- */

struct hm_timer {
	struct hm_alarm alarm;
	void (*fn)(void *arg);
	void *arg;
};

static void
timer_due(struct hm_alarm *alarm)
{
	struct hm_timer timer = *(struct hm_timer *)(void *)alarm;

	free(alarm);
	timer.fn(timer.arg);
}

struct hm_timer *
hm_timer_start(int64_t after_ms, void (*fn)(void *arg), void *arg)
{
	struct hm_timer *timer = hm_xalloc(sizeof(*timer));

	timer->alarm.fire = timer_due;
	timer->fn = fn;
	timer->arg = arg;
	hm_loop_alarm_set(&timer->alarm, hm_until(after_ms > 0 ? after_ms : 0));
	return timer;
}

void
hm_timer_stop(struct hm_timer *timer)
{
	if (!timer)
		return;
	hm_loop_alarm_clear(&timer->alarm);
	free(timer);
}

/* ---- descriptors and signals ---- */

static void
watch_event(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct hm_watch *watch = (struct hm_watch *)(void *)w;

	(void)ev;
	(void)events;
	watch->fn(watch);
}

static struct ev_io *
ev_of(struct hm_watch *watch)
{
	_Static_assert(sizeof(struct ev_io) <= sizeof(watch->ev), "too small");
	_Static_assert(offsetof(struct hm_watch, ev) == 0, "must come first");
	return (struct ev_io *)(void *)watch->ev;
}

void
hm_watch_init(struct hm_watch *watch, int fd,
    void (*fn)(struct hm_watch *watch))
{
	memset(watch, 0, sizeof(*watch));
	watch->fd = fd;
	watch->fn = fn;
	ev_io_init(ev_of(watch), watch_event, fd, EV_READ);
}

void
hm_watch_start(struct hm_watch *watch, bool write)
{
	struct ev_io *w = ev_of(watch);

	if (watch->active && watch->write == write)
		return;
	hm_watch_stop(watch);
	watch->write = write;
	ev_io_set(w, watch->fd, write ? EV_WRITE : EV_READ);
	ev_io_start(loop.ev, w);
	watch->active = true;
	loop.watches++;
}

void
hm_watch_stop(struct hm_watch *watch)
{
	if (!watch->active)
		return;
	if (loop.ev)
		ev_io_stop(loop.ev, ev_of(watch));
	watch->active = false;
	loop.watches--;
}

static void
signal_event(struct ev_loop *ev, struct ev_signal *w, int events)
{
	struct watched_signal *s = (struct watched_signal *)(void *)w;

	(void)ev;
	(void)events;
	s->fn(w->signum, s->arg);
}

void
hm_loop_on_signal(int signum, void (*fn)(int signum, void *arg), void *arg)
{
	struct watched_signal *s;

	if (signum <= 0 || signum >= SIGNALS)
		return;
	s = loop.signals[signum];
	if (s) {
		ev_signal_stop(loop.ev, &s->ev);
		free(s);
		loop.signals[signum] = NULL;
	}
	if (!fn)
		return;
	s = hm_xalloc(sizeof(*s));
	s->fn = fn;
	s->arg = arg;
	ev_signal_init(&s->ev, signal_event, signum);
	ev_signal_start(loop.ev, &s->ev);
	loop.signals[signum] = s;
}

/* ---- chunks ---- */

char *
hm_chunk_get(void)
{
	char *chunk = loop.chunks;

	if (!chunk)
		return hm_xrealloc(NULL, HM_CHUNK_BYTES);
	memcpy(&loop.chunks, chunk, sizeof(loop.chunks));
	loop.chunk_count--;
	return chunk;
}

void
hm_chunk_put(char *chunk)
{
	if (!chunk)
		return;
	if (loop.chunk_count + 1 > KEEP_CHUNKS || !on_loop) {
		free(chunk);
		return;
	}
	memcpy(chunk, &loop.chunks, sizeof(loop.chunks));
	loop.chunks = chunk;
	loop.chunk_count++;
}

static void
chunks_release(void)
{
	while (loop.chunk_count)
		free(hm_chunk_get());
}

/* ---- running ---- */

bool
hm_loop_turn(bool may_wait)
{
	bool ran = hm_fibers_ready() || atomic_load(&shared.any);

	hm_guard_beat(true);
	run_posts();
	hm_fibers_run();
	if (hm_fibers_ready() || loop.stop || atomic_load(&shared.any) ||
	    (loop.ends_idle && idle()))
		may_wait = false;
	if (hm_clock_is_virtual()) {
		if (loop.watches)
			ev_run(loop.ev, EVRUN_NOWAIT);
	} else {
		arm_timer();
		hm_guard_beat(false);
		ev_run(loop.ev, may_wait ? EVRUN_ONCE : EVRUN_NOWAIT);
		hm_guard_beat(true);
	}
	run_posts();
	fire_alarms();
	hm_guard_beat(false);
	return ran || hm_fibers_ready();
}

/* Under virtual time nothing waits: the clock goes to the next alarm once all
 * fibers wait. Returns false when there is none either. */
static bool
step_virtual(void)
{
	int64_t next;

	if (hm_loop_turn(false))
		return true;
	next = hm_alarm_next(&loop.alarms);
	if (next == HM_NEVER)
		return false;
	if (next > hm_now_ms())
		hm_clock_advance(next - hm_now_ms());
	fire_alarms();
	return true;
}

void
hm_loop_run(void)
{
	bool more = true;

	while (!loop.stop && more) {
		if (hm_clock_is_virtual())
			more = step_virtual();
		else
			hm_loop_turn(true);
	}
	loop.stop = false;
}

void
hm_loop_run_until_idle(void)
{
	bool more = true;

	loop.ends_idle = true;
	while (!loop.stop && more && !idle()) {
		if (hm_clock_is_virtual())
			more = step_virtual();
		else
			hm_loop_turn(true);
	}
	loop.ends_idle = loop.stop = false;
}

void
hm_loop_stop(void)
{
	loop.stop = true;
}

static void
grace_over(void *arg)
{
	*(bool *)arg = true;
}

static bool
complain(struct hm_fiber *fiber, void *arg)
{
	(void)arg;
	hm_log(HM_LOG_WARN, "a fiber did not end", hm_f("fiber", fiber->name));
	return true;
}

static void
end_fibers(int64_t grace_ms)
{
	bool over = false;
	struct hm_timer *timer = hm_timer_start(grace_ms, grace_over, &over);

	loop.stop = false;
	while (hm_fiber_count() && !over) {
		hm_fiber_cancel_all(NULL);
		if (hm_clock_is_virtual())
			step_virtual();
		else
			hm_loop_turn(!hm_fibers_ready());
	}
	if (!over)
		hm_timer_stop(timer);
	hm_fiber_each(complain, NULL);
}

void
hm_loop_free(int64_t grace_ms)
{
	int i;

	if (!loop.ev)
		return;
	hm_listeners_close();
	end_fibers(grace_ms);
	do {
		hm_work_end();
		run_posts();
	} while (atomic_load(&shared.any) || atomic_load(&shared.held));
	for (i = 1; i < SIGNALS; i++)
		hm_loop_on_signal(i, NULL, NULL);
	pthread_mutex_lock(&shared.lock);
	shared.loop_lives = false;
	pthread_mutex_unlock(&shared.lock);
	ev_async_stop(loop.ev, &shared.async);
	ev_loop_destroy(loop.ev);
	loop.ev = NULL;
	chunks_release();
	hm_alarms_release(&loop.alarms);
	hm_stacks_release();
	on_loop = false;
}
#pragma GCC diagnostic pop
