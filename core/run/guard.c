/* guard.c - crashes and stray children, by name. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/log.h>

#include "core/base/log-private.h"

#include "guard.h"
#include "guard-private.h"

enum { SIGNAL_STACK_BYTES = 32768 };

bool hm_guard_forked;

static struct {
	bool on;
	atomic_flag crashing;
	void *loop_stack;
} guard = { .crashing = ATOMIC_FLAG_INIT };

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
	struct hm_finding f = { 0 };
	const char *why = "signal";
	uintptr_t pc, sp;

	/* Another thread got here first: its record is being written. */
	while (atomic_flag_test_and_set(&guard.crashing))
		pause();
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		if (deadly[i].signum == signum)
			why = deadly[i].name;
	hm_blame_registers(context, &pc, &sp);
	hm_blame_find(&f, pc, sp);
	if (signum == SIGSEGV && hm_blame_near_guard(info->si_addr))
		why = "stack-overflow";
	if (!hm_guard_forked)
		hm_blame_tell(&f, "crash", why);
	/* The default action, which SA_RESETHAND brought back. */
	raise(signum);
}

/* A module that calls exit() would end the server as if it had been told to. */
static void
on_exit_call(void)
{
	struct hm_finding f = { 0 };

	if (!guard.on || hm_guard_forked)
		return;
	hm_blame_find(&f, 0, (uintptr_t)__builtin_frame_address(0));
	hm_blame_tell(&f, "a module called exit()", "exit");
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
	hm_blame_stack_end(__builtin_frame_address(0));
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
	struct sigaction question = { .sa_sigaction = hm_watchdog_asks,
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

	hm_blame_record(record);
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
	hm_watchdog_start(may_end);
}

void
hm_guard_end(void)
{
	if (!guard.on)
		return;
	hm_watchdog_stop();
	hm_log_on_error(NULL);
	guard.on = false;
	signal(SIGURG, SIG_DFL);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i].signum, SIG_DFL);
	hm_guard_thread_end(guard.loop_stack);
	guard.loop_stack = NULL;
}
