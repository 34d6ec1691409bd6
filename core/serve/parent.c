/* parent.c - the privileged parent. */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/log.h>

#include "core/run/privsep.h"
#include "core/run/privsep-proto.h"
#include "core/run/sandbox.h"

#include "parent-private.h"

enum {
	STEADY_MS = 10000,         /* a worker that lived so long was well */
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 30000,
	END_MS = 30000,            /* for an orderly end */
};

/* ---- the worker's birth ---- */

static void
fail(const char *what)
{
	fprintf(stderr, "hermod: %s: %m\n", what);
	_exit(1);
}

void
hm_parent_drop_privileges(const struct hm_privsep *p)
{
	/* What no program that we could become would get back either. */
	for (unsigned long cap = 0; cap < 64; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (p->user ? initgroups(p->user, p->gid) != 0 :
	    setgroups(0, NULL) != 0)
		fail("initgroups");
	if (setresgid(p->gid, p->gid, p->gid) != 0)
		fail("setresgid");
	if (setresuid(p->uid, p->uid, p->uid) != 0)
		fail("setresuid");
	if (p->uid != 0 && (setuid(0) == 0 || geteuid() != p->uid)) {
		errno = EPERM;
		fail("privileges could be taken back");
	}
}

static void
be_worker(struct hm_supervisor *s, int sock, pid_t parent)
{
	size_t i;

	for (i = 0; i < s->n_bound; i++)
		close(s->bound[i].fd);
	close(s->signals);
	hm_service_forget();
	if (s->p->drop)
		hm_parent_drop_privileges(s->p);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Last, because changing ids clears it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	hm_priv_set_parent(sock);
	hm_sandbox_has_parent();
	i = (size_t)s->p->worker(s->p->arg);
	hm_priv_end();
	exit((int)i);
}

static void
start_worker(struct hm_supervisor *s)
{
	pid_t parent = getpid();
	int pair[2];
	size_t i;

	s->restart_ms = 0;
	s->ready = s->ended = false;
	s->started_ms = hm_now_ms();
	for (i = 0; i < s->n_bound; i++)
		s->bound[i].wanted = false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		goto failed;
	fflush(NULL);
	s->pid = fork();
	if (s->pid == 0) {
		close(pair[0]);
		be_worker(s, pair[1], parent);
	}
	close(pair[1]);
	s->sock = pair[0];
	if (s->pid > 0)
		return;
	close(pair[0]);
failed:
	s->sock = -1;
	s->pid = 0;
	s->restart_ms = s->started_ms + BACKOFF_MAX_MS;
	hm_log(HM_LOG_ERROR, "the worker could not be started",
	    hm_f("errno", errno));
}

/* ---- signals and the worker's death ---- */

static void
plan_restart(struct hm_supervisor *s)
{
	int64_t now = hm_now_ms();

	if (s->ready && now - s->started_ms >= STEADY_MS)
		s->backoff_ms = 0;
	s->restart_ms = now + s->backoff_ms + 1;
	s->backoff_ms = s->backoff_ms == 0 ? BACKOFF_MS : s->backoff_ms * 2;
	if (s->backoff_ms > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
}

static int
exit_status(int wstatus)
{
	return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) :
	    128 + WTERMSIG(wstatus);
}

/* Returns false when the parent is to end. */
static bool
buried(struct hm_supervisor *s, int wstatus)
{
	struct pollfd pfd = { .fd = s->sock, .events = POLLIN };

	/* What it still said. */
	while (s->sock >= 0 && poll(&pfd, 1, 0) > 0)
		hm_parent_serve(s);
	if (s->sock >= 0)
		close(s->sock);
	s->sock = -1;
	s->pid = 0;
	hm_parent_end_spawned(s, 0);
	s->status = exit_status(wstatus);
	if (s->status == 0 && !s->ended && !s->ending)
		s->status = 1;
	if (s->ending && s->killed)
		s->status = 1;
	if (s->ending || !s->was_ready || s->status == 0)
		return false;
	hm_log(HM_LOG_ERROR, "the worker died and is started again",
	    hm_f("status", s->status));
	hm_service_tell(HM_SERVICE_FAILED, 0);
	plan_restart(s);
	return true;
}

static void
bury_spawned(struct hm_supervisor *s, pid_t pid, int wstatus)
{
	struct hm_spawned *one = s->spawned, *last = one + s->n_spawned;

	while (one < last && one->pid != pid)
		one++;
	if (one == last)
		return;
	if (!one->told && wstatus != 0)
		hm_log(HM_LOG_WARN, "the process of a module died",
		    hm_f("module", one->name), hm_f("pid", pid),
		    hm_f(WIFSIGNALED(wstatus) ? "signal" : "status",
		    WIFSIGNALED(wstatus) ? WTERMSIG(wstatus) :
		    WEXITSTATUS(wstatus)));
	*one = last[-1];
	s->n_spawned--;
}

static bool
bury(struct hm_supervisor *s)
{
	int wstatus;
	pid_t pid;
	bool on = true;

	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0)
		if (pid == s->pid)
			on = buried(s, wstatus);
		else
			bury_spawned(s, pid, wstatus);
	return on;
}

static bool
handle_signal(struct hm_supervisor *s)
{
	struct signalfd_siginfo si;

	if (read(s->signals, &si, sizeof(si)) != sizeof(si))
		return true;
	switch (si.ssi_signo) {
	case SIGCHLD:
		return bury(s);
	case SIGHUP:
		/* The next worker will read what there is now. */
		hm_service_tell(HM_SERVICE_RELOADING, 0);
		if (s->p->reload)
			s->p->reload(s->p->arg);
		if (s->pid > 0)
			kill(s->pid, SIGHUP);
		return true;
	default:
		if (s->pid <= 0)
			return false;
		kill(s->pid, (int)si.ssi_signo == SIGINT ? SIGINT : SIGTERM);
		if (!s->ending) {
			hm_service_tell(HM_SERVICE_STOPPING, 0);
			s->end_ms = hm_now_ms() + END_MS;
		}
		s->ending = true;
		return true;
	}
}

/* While there is no worker, nobody else says that all is in order. */
static int64_t
wait_for_restart(struct hm_supervisor *s, int64_t now)
{
	int64_t every = hm_service_alive_ms();

	hm_service_tell(HM_SERVICE_ALIVE, 0);
	return every > 0 && s->restart_ms > now + every ? now + every :
	    s->restart_ms;
}

/* Does what the clock asks for; returns how long to sleep. */
static int
on_time(struct hm_supervisor *s)
{
	int64_t now = hm_now_ms(), at = 0;

	if (s->pid == 0 && s->restart_ms && s->restart_ms <= now)
		start_worker(s);
	if (s->ending && !s->killed && s->end_ms <= now && s->pid > 0) {
		s->killed = true;
		kill(s->pid, SIGKILL);
	}
	if (s->pid == 0)
		at = wait_for_restart(s, now);
	else if (s->ending && !s->killed)
		at = s->end_ms;
	return at == 0 ? -1 : at > now ? (int)(at - now) : 0;
}

static void
block_signals(struct hm_supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &s->old_mask);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
supervise(struct hm_supervisor *s)
{
	bool on = true;

	while (on) {
		int wait_ms = on_time(s);      /* may start a worker */
		struct pollfd pfd[2] = {
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = s->sock, .events = POLLIN },
		};

		if (poll(pfd, 2, wait_ms) <= 0)
			continue;
		if (pfd[1].revents)
			hm_parent_serve(s);
		if (pfd[0].revents)
			on = handle_signal(s);
	}
}

int
hm_privsep_run(const struct hm_privsep *p)
{
	struct hm_supervisor *s = hm_xalloc(sizeof(*s));
	int status;

	s->p = p;
	s->sock = -1;
	block_signals(s);
	start_worker(s);
	supervise(s);
	while (s->n_bound)
		hm_parent_drop_bound(s, &s->bound[0]);
	close(s->signals);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	status = s->status;
	free(s);
	return status;
}
