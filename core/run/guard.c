/* guard.c - crashes, loops that stand still, and stray children, by name. */
#include "config.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/base/log-private.h"

#include "fiber-private.h"
#include "guard.h"

enum {
	SIGNAL_STACK_BYTES = 32768,
	LINE_MAX_BYTES = 1000,
	TRACE_MAX = 6,
	SCAN_BYTES = 16384,
	GUARD_NEAR_BYTES = 65536,
	TICK_MIN_MS = 5,
	PROBE_MS = 1000,
};

bool hm_guard_forked;

static struct {
	bool on, may_end;
	int record;
	struct hm_who *whos;
	atomic_flag crashing;
	void (*on_hog)(struct hm_who *who, const char *what, void *arg);
	void *hog_arg;
	pthread_t loop_thread;
	void *loop_stack;
} guard = { .record = -1, .crashing = ATOMIC_FLAG_INIT };

static __thread char *stack_end __attribute__((tls_model("initial-exec")));

/* ---- who can be named ---- */

void
hm_guard_add(struct hm_who *who)
{
	who->next = guard.whos;
	guard.whos = who;
}

void
hm_guard_remove(struct hm_who *who)
{
	struct hm_who **at;

	for (at = &guard.whos; *at; at = &(*at)->next) {
		if (*at == who) {
			*at = who->next;
			return;
		}
	}
}

struct range {
	uintptr_t addr;
	struct hm_who *who;
};

static int
find_range(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct range *range = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t low = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || range->addr < low ||
		    range->addr >= low + p->p_memsz)
			continue;
		for (int j = 0; j < info->dlpi_phnum; j++) {
			p = &info->dlpi_phdr[j];
			if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
				continue;
			range->who->base = info->dlpi_addr;
			range->who->low = info->dlpi_addr + p->p_vaddr;
			range->who->high = range->who->low + p->p_memsz;
		}
		return 1;
	}
	return 0;
}

void
hm_guard_range(struct hm_who *who, const void *addr)
{
	struct range range = { (uintptr_t)addr, who };

	dl_iterate_phdr(find_range, &range);
}

static struct hm_who *
who_of(uintptr_t addr)
{
	struct hm_who *who;

	for (who = guard.whos; who; who = who->next)
		if (addr >= who->low && addr < who->high)
			return who;
	return NULL;
}

/* ---- what a stack tells; all below is done in signal handlers ---- */

struct finding {
	struct hm_who *who;            /* NULL: nobody can be named */
	const char *what;
	const char *fiber;
	bool sure, overflow;
	uintptr_t trace[TRACE_MAX];    /* likely return addresses */
	unsigned n_trace;
};

static void
registers(const ucontext_t *uc, uintptr_t *ret_pc, uintptr_t *ret_sp)
{
#if defined(__x86_64__)
	*ret_pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
	*ret_sp = (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	*ret_pc = (uintptr_t)uc->uc_mcontext.pc;
	*ret_sp = (uintptr_t)uc->uc_mcontext.sp;
#else
	(void)uc;
	*ret_pc = *ret_sp = 0;
#endif
}

/* Words on the stack that point into code we know: mostly return addresses. No
 * unwinder, which may take locks and memory. It looks between the variables, which
 * AddressSanitizer has fenced. */
__attribute__((noinline, no_sanitize("address")))
static void
scan(struct finding *f, uintptr_t pc, uintptr_t sp)
{
	const struct hm_fiber *self = hm_fiber_self();
	uintptr_t end = (uintptr_t)(self ? self->stack.top : stack_end);
	uintptr_t low = self ? (uintptr_t)self->stack.bottom : sp;

	if (who_of(pc))
		f->trace[f->n_trace++] = pc;
	sp = (sp > low ? sp : low) & ~(sizeof(uintptr_t) - 1);
	if (end > sp + SCAN_BYTES)
		end = sp + SCAN_BYTES;
	for (; sp + sizeof(uintptr_t) <= end && f->n_trace < TRACE_MAX;
	    sp += sizeof(uintptr_t)) {
		uintptr_t word = *(const uintptr_t *)sp;

		if (who_of(word))
			f->trace[f->n_trace++] = word;
	}
}

/* Whom the core called is to blame, even for what goes wrong in the library or
 * in another module that it calls in turn. Else whose code it is. */
static void
find_culprit(struct finding *f, uintptr_t pc, uintptr_t sp)
{
	const struct hm_fiber *self = hm_fiber_self();
	const struct hm_where *at = hm_where();

	f->fiber = self ? self->name : NULL;
	f->what = at->what;
	f->who = at->who;
	scan(f, pc, sp);
	f->sure = at->who && at->called;
	for (unsigned i = 0; i < f->n_trace && !f->sure; i++) {
		struct hm_who *who = who_of(f->trace[i]);

		if (!who->core) {
			f->who = who;
			f->sure = true;
		}
	}
}

static bool
near_guard(const void *addr)
{
	const struct hm_fiber *self = hm_fiber_self();
	uintptr_t a = (uintptr_t)addr;

	return self && a < (uintptr_t)self->stack.bottom &&
	    a + GUARD_NEAR_BYTES > (uintptr_t)self->stack.bottom;
}

/* snprintf() with these conversions neither allocates nor locks. */
static size_t
add(char *line, size_t n, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line + n, LINE_MAX_BYTES - n, fmt, ap);
	va_end(ap);
	n += len > 0 ? (size_t)len : 0;
	return n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES - 1;
}

static void
put(int fd, const char *line, size_t n)
{
	if (fd >= 0 && write(fd, line, n) < 0)
		return;
}

static size_t
add_trace(char *line, size_t n, const struct finding *f)
{
	for (unsigned i = 0; i < f->n_trace; i++) {
		const struct hm_who *who = who_of(f->trace[i]);

		n = add(line, n, "%s%s+0x%lx", i ? "," : "", who->name,
		    (unsigned long)(f->trace[i] - who->base));
	}
	return n;
}

static void
tell(const struct finding *f, const char *event, const char *why)
{
	char line[LINE_MAX_BYTES], date[24];
	struct timespec now;
	size_t n = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	hm_date_rfc3339(date, now.tv_sec);
	n = add(line, n, "%.19s.%03ldZ l=error m=\"%s\" why=%s", date,
	    now.tv_nsec / 1000000, event, why);
	n = add(line, n, " module=%s in=\"%s\"", f->who ? f->who->name : "-",
	    f->what ? f->what : "-");
	if (f->fiber && f->fiber != f->what)
		n = add(line, n, " fiber=\"%s\"", f->fiber);
	n = add_trace(line, add(line, n, " trace="), f);
	line[n++] = '\n';
	put(STDERR_FILENO, line, n);
	n = add(line, 0, "%lld crash %s %s %s %s\n", (long long)now.tv_sec,
	    f->who ? f->who->name : "-", why, f->sure ? "sure" : "unsure",
	    f->what ? f->what : "-");
	put(guard.record, line, n);
}

/* ---- crashes ---- */

static const struct {
	int signum;
	const char *name;
} deadly[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" },
	{ SIGILL, "SIGILL" }, { SIGABRT, "SIGABRT" },
};

static void
on_crash(int signum, siginfo_t *info, void *context)
{
	struct finding f = { 0 };
	const char *why = "signal";
	uintptr_t pc, sp;

	/* Another thread got here first: its record is being written. */
	while (atomic_flag_test_and_set(&guard.crashing))
		pause();
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		if (deadly[i].signum == signum)
			why = deadly[i].name;
	registers(context, &pc, &sp);
	find_culprit(&f, pc, sp);
	if (signum == SIGSEGV && near_guard(info->si_addr))
		why = "stack-overflow";
	if (!hm_guard_forked)
		tell(&f, "crash", why);
	/* The default action, which SA_RESETHAND brought back. */
	raise(signum);
}

/* A module that calls exit() would end the server as if it had been told to. */
static void
on_exit_call(void)
{
	struct finding f = { 0 };

	if (!guard.on || hm_guard_forked)
		return;
	find_culprit(&f, 0, (uintptr_t)__builtin_frame_address(0));
	tell(&f, "a module called exit()", "exit");
	_exit(1);
}

/* ---- children ---- */

static void
on_fork(void)
{
	hm_guard_forked = guard.on;
}

void
hm_guard_stray(void)
{
	const struct hm_where *at = hm_where();

	hm_log(HM_LOG_ERROR, "a module forked, and its child went on as if it "
	    "were the server: it is ended",
	    hm_f("module", at->who ? at->who->name : "-"),
	    hm_f("in", at->what));
	_exit(1);
}

/* ---- the watchdog ---- */

static struct {
	atomic_uint beat;              /* odd: busy */
	atomic_int_fast64_t warn_ms, end_ms;
	pthread_t thread;
	bool runs, ending;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct finding found;
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
static void
on_question(int signum, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t pc, sp;

	(void)signum;
	(void)info;
	memset(&dog.found, 0, sizeof(dog.found));
	registers(context, &pc, &sp);
	find_culprit(&dog.found, pc, sp);
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
	return pthread_kill(guard.loop_thread, SIGURG) == 0 &&
	    sem_timedwait(&dog.asked, &until) == 0;
}

static void
bark(int64_t ms, bool last)
{
	struct finding none = { .what = "the kernel" };
	struct finding *f = ask_loop() ? &dog.found : &none;
	char trace[LINE_MAX_BYTES];

	trace[add_trace(trace, 0, f)] = '\0';
	if (last) {
		tell(f, "the loop stands still: the process is ended", "hang");
		kill(getpid(), SIGKILL);
	}
	hm_log(HM_LOG_ERROR, "the loop stands still",
	    hm_f("module", f->who ? f->who->name : "-"), hm_f("in", f->what),
	    hm_f("ms", ms), hm_f("trace", hm_str(trace)));
	if (f->who)
		atomic_fetch_add(&f->who->hogs, 1);
	if (guard.on_hog)
		guard.on_hog(f->who, f->what, guard.hog_arg);
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
		int64_t end = guard.may_end ? atomic_load(&dog.end_ms) : 0;
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
	guard.on_hog = fn;
	guard.hog_arg = arg;
}

static void
start_watching(void)
{
	pthread_condattr_t attr;
	sigset_t all, old;

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

static void
stop_watching(void)
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

/* ---- beginning and end ---- */

/* The sanitizers tell of crashes themselves, and better. */
static const bool sanitized =
#ifdef HM_SANITIZED
    true;
#else
    false;
#endif

void *
hm_guard_thread(void)
{
	stack_t stack = { .ss_size = SIGNAL_STACK_BYTES };
	sigset_t crash;

	if (sanitized)
		return NULL;
	/* Blocked, they would end the process without a word. */
	sigemptyset(&crash);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigaddset(&crash, deadly[i].signum);
	pthread_sigmask(SIG_UNBLOCK, &crash, NULL);
	stack_end = __builtin_frame_address(0);
	stack.ss_sp = hm_xalloc(stack.ss_size);
	if (sigaltstack(&stack, NULL) == 0)
		return stack.ss_sp;
	free(stack.ss_sp);
	return NULL;
}

void
hm_guard_thread_end(void *stack)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	if (!stack)
		return;
	(void)sigaltstack(&none, NULL);
	free(stack);
}

static void
catch_signals(void)
{
	struct sigaction question = { .sa_sigaction = on_question,
	    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	struct sigaction crash = { .sa_sigaction = on_crash,
	    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER };

	for (size_t i = 0; !sanitized && i < sizeof(deadly) / sizeof(deadly[0]);
	    i++)
		sigaction(deadly[i].signum, &crash, NULL);
	sigaction(SIGURG, &question, NULL);
}

static void
on_error(void)
{
	struct hm_who *who = hm_where()->who;

	if (who)
		atomic_fetch_add(&who->errors, 1);
}

void
hm_guard_begin(int record, bool may_end)
{
	static struct hm_who library = { .name = "core", .core = true };
	static bool once;

	guard.record = record;
	guard.may_end = may_end;
	guard.loop_thread = pthread_self();
	guard.loop_stack = hm_guard_thread();
	if (!once) {
		hm_guard_range(&library, (const void *)(uintptr_t)hm_guard_begin);
		hm_guard_add(&library);
		pthread_atfork(NULL, NULL, on_fork);
		atexit(on_exit_call);
	}
	once = true;
	guard.on = true;
	catch_signals();
	hm_log_on_error(on_error);
	start_watching();
}

void
hm_guard_end(void)
{
	if (!guard.on)
		return;
	stop_watching();
	hm_log_on_error(NULL);
	guard.on = false;
	signal(SIGURG, SIG_DFL);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i].signum, SIG_DFL);
	hm_guard_thread_end(guard.loop_stack);
	guard.loop_stack = NULL;
}
