/* watchdog.c - a thread that looks whether the loop goes on. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hermod/clock.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "guard.h"
#include "guard-private.h"

enum { TICK_MIN_MS = 5, PROBE_MS = 1000 };

static struct {
	atomic_uint beat;              /* odd: busy */
	atomic_int_fast64_t warn_ms, end_ms;
	pthread_t thread, loop_thread;
	bool runs, ending, may_end;
	void (*on_hog)(struct hm_who *who, const char *what, void *arg);
	void *hog_arg;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct hm_finding found;
	sem_t asked;
} dog = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
hm_guard_beat(bool busy)
{
	unsigned beat = atomic_load_explicit(&dog.beat, memory_order_relaxed);

	beat += (beat & 1) == (unsigned)busy ? 2 : 1;
	atomic_store_explicit(&dog.beat, beat, memory_order_relaxed);
}

/* On the loop's thread: only it can look at what it runs. */
void
hm_watchdog_asks(int signum, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t pc, sp;

	(void)signum;
	(void)info;
	memset(&dog.found, 0, sizeof(dog.found));
	hm_blame_registers(context, &pc, &sp);
	hm_blame_find(&dog.found, pc, sp);
	sem_post(&dog.asked);
	errno = saved;
}

static bool
ask_loop(void)
{
	struct timespec until;

	while (sem_trywait(&dog.asked) == 0)
		continue;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PROBE_MS / 1000;
	return pthread_kill(dog.loop_thread, SIGURG) == 0 &&
	    sem_timedwait(&dog.asked, &until) == 0;
}

static void
bark(int64_t ms, bool last)
{
	struct hm_finding none = { .what = "the kernel" };
	struct hm_finding *f = ask_loop() ? &dog.found : &none;
	char trace[HM_LINE_MAX];

	trace[hm_blame_trace(trace, 0, f)] = '\0';
	if (last) {
		hm_blame_tell(f, "the loop stands still: the process is ended", "hang");
		kill(getpid(), SIGKILL);
	}
	hm_log(HM_LOG_ERROR, "the loop stands still",
	    hm_f("module", f->who ? f->who->name : "-"), hm_f("in", f->what),
	    hm_f("ms", ms), hm_f("trace", hm_str(trace)));
	if (f->who)
		atomic_fetch_add(&f->who->hogs, 1);
	if (dog.on_hog)
		dog.on_hog(f->who, f->what, dog.hog_arg);
}

/* Sleeps; false when it is to end. */
static bool
doze(int64_t ms)
{
	struct timespec until;
	bool on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&dog.lock);
	if (!dog.ending)
		pthread_cond_timedwait(&dog.wake, &dog.lock, &until);
	on = !dog.ending;
	pthread_mutex_unlock(&dog.lock);
	return on;
}

static int64_t
tick_ms(int64_t warn, int64_t end)
{
	int64_t least = warn > 0 && (end <= 0 || warn < end) ? warn : end;

	return least <= 0 ? 1000 : least / 4 > TICK_MIN_MS ? least / 4 :
	    TICK_MIN_MS;
}

static void *
watch(void *arg)
{
	int64_t since = hm_now_ms(), before = since;
	unsigned seen = 0;
	bool told = false, on = true;

	while (on) {
		int64_t warn = atomic_load(&dog.warn_ms);
		int64_t end = dog.may_end ? atomic_load(&dog.end_ms) : 0;
		int64_t tick = tick_ms(warn, end), now;
		unsigned beat;

		on = doze(tick);
		now = hm_now_ms();
		beat = atomic_load_explicit(&dog.beat, memory_order_relaxed);
		/* Time in which nobody ran, ourselves included, does not
		 * count: the process was stopped, the machine asleep. */
		if (now - before > tick * 8 || beat != seen || !(beat & 1)) {
			since = now;
			told = false;
		}
		seen = beat;
		before = now;
		if (warn > 0 && now - since >= warn && !told) {
			bark(now - since, false);
			told = true;
		}
		if (end > 0 && now - since >= end)
			bark(now - since, true);
	}
	return arg;
}

void
hm_guard_limits(int64_t warn_ms, int64_t end_ms)
{
	atomic_store(&dog.warn_ms, warn_ms);
	atomic_store(&dog.end_ms, end_ms);
	pthread_mutex_lock(&dog.lock);
	if (dog.runs)
		pthread_cond_signal(&dog.wake);
	pthread_mutex_unlock(&dog.lock);
}

void
hm_guard_on_hog(void (*fn)(struct hm_who *who, const char *what, void *arg),
    void *arg)
{
	dog.on_hog = fn;
	dog.hog_arg = arg;
}

void
hm_watchdog_start(bool may_end)
{
	pthread_condattr_t attr;
	sigset_t all, old;

	dog.loop_thread = pthread_self();
	dog.may_end = may_end;
	sem_init(&dog.asked, 0, 0);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&dog.wake, &attr);
	pthread_condattr_destroy(&attr);
	dog.ending = false;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	dog.runs = pthread_create(&dog.thread, NULL, watch, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!dog.runs)
		hm_log(HM_LOG_ERROR, "nobody watches the loop: no thread");
}

void
hm_watchdog_stop(void)
{
	pthread_mutex_lock(&dog.lock);
	dog.ending = true;
	if (dog.runs)
		pthread_cond_signal(&dog.wake);
	pthread_mutex_unlock(&dog.lock);
	if (dog.runs)
		pthread_join(dog.thread, NULL);
	dog.runs = false;
}
