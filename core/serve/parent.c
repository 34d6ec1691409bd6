/* parent.c - the privileged parent. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/log.h>

#include "core/isolate/spawn.h"
#include "core/run/addr-private.h"
#include "core/run/privsep.h"
#include "core/run/privsep-proto.h"
#include "core/run/sandbox.h"

#include "parent.h"

enum {
	SOCKETS_MAX = 256,
	SPAWNED_MAX = 256,
	STEADY_MS = 10000,         /* a worker that lived so long was well */
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 30000,
	END_MS = 30000,            /* for an orderly end */
};

struct bound {
	struct hm_sockaddr addr;
	int fd;
	bool wanted;               /* asked for by the present worker */
};

/* The process of a module. */
struct spawned {
	pid_t pid;
	bool told;                 /* to end */
	char name[80];
};

struct supervisor {
	const struct hm_privsep *p;
	sigset_t old_mask;
	int signals;
	int sock;                  /* to the worker; -1 while there is none */
	pid_t pid;
	bool ready, was_ready, ended, ending, killed;
	int64_t started_ms, restart_ms, end_ms;
	int backoff_ms;
	int status;
	struct bound bound[SOCKETS_MAX];
	size_t n_bound;
	struct spawned spawned[SPAWNED_MAX];
	size_t n_spawned;
};

/* ---- the worker's birth ---- */

static void
fail(const char *what)
{
	fprintf(stderr, "hermod: %s: %m\n", what);
	_exit(1);
}

static void
drop_privileges(const struct hm_privsep *p)
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
be_worker(struct supervisor *s, int sock, pid_t parent)
{
	size_t i;

	for (i = 0; i < s->n_bound; i++)
		close(s->bound[i].fd);
	close(s->signals);
	hm_service_forget();
	if (s->p->drop)
		drop_privileges(s->p);
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
start_worker(struct supervisor *s)
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

/* ---- requests ---- */

static struct bound *
find_bound(struct supervisor *s, const struct hm_sockaddr *addr)
{
	size_t i;

	for (i = 0; i < s->n_bound; i++)
		if (hm_sockaddr_eq(&s->bound[i].addr, addr))
			return &s->bound[i];
	return NULL;
}

static void
drop_bound(struct supervisor *s, struct bound *b)
{
	close(b->fd);
	*b = s->bound[--s->n_bound];
}

static bool
listen_allowed(struct supervisor *s, const struct hm_sockaddr *addr)
{
	if (s->p->may_listen(addr, s->p->arg))
		return true;
	if (!s->p->reload)
		return false;
	s->p->reload(s->p->arg);
	return s->p->may_listen(addr, s->p->arg);
}

static bool
open_allowed(struct supervisor *s, const char *path)
{
	if (s->p->may_open(path, s->p->arg))
		return true;
	if (!s->p->reload)
		return false;
	s->p->reload(s->p->arg);
	return s->p->may_open(path, s->p->arg);
}

/* The descriptor (the parent's own copy) or -HM_E…. */
static int
serve_listen(struct supervisor *s, const struct hm_priv_request *req,
    struct hm_err *err)
{
	struct bound *b = find_bound(s, &req->addr);
	char text[112];
	int fd;

	if (!listen_allowed(s, &req->addr))
		return hm_err_set(err, -HM_EACCES, "%s is no listener of the "
		    "configuration", hm_sockaddr_text(text, &req->addr));
	if (b && req->addr.port != 0) {
		b->wanted = true;
		return b->fd;
	}
	if (s->n_bound == SOCKETS_MAX)
		return hm_err_set(err, -HM_ELIMIT, "more than %d listeners",
		    SOCKETS_MAX);
	fd = hm_socket_listen(&req->addr, req->backlog, err);
	if (fd >= 0)
		s->bound[s->n_bound++] = (struct bound){ req->addr, fd, true };
	return fd;
}

static int
serve_open(struct supervisor *s, const struct hm_priv_request *req,
    struct hm_err *err)
{
	struct stat st;
	int fd;

	if (!open_allowed(s, req->path))
		return hm_err_set(err, -HM_EACCES, "%s: the server may not "
		    "read it, and the configuration does not name it",
		    req->path);
	fd = open(req->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return hm_err_errno(err, errno, "%s", req->path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return hm_err_set(err, -HM_EACCES, "%s is not a regular file",
		    req->path);
	}
	return fd;
}

/* The end of the socket that the worker gets. */
static int
serve_spawn(struct supervisor *s, const struct hm_priv_request *req,
    pid_t *ret_pid, struct hm_err *err)
{
	struct spawned *new = &s->spawned[s->n_spawned];
	struct hm_spawn_plan plan;
	pid_t parent = getpid();
	int pair[2];

	if (s->n_spawned == SPAWNED_MAX)
		return hm_err_set(err, -HM_ELIMIT, "more than %d processes of "
		    "modules", SPAWNED_MAX);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return hm_err_errno(err, errno, "a pair of sockets");
	hm_spawn_plan(&plan, req->path);
	new->pid = fork();
	if (new->pid == 0) {
		if (s->p->drop)
			drop_privileges(s->p);
		hm_spawn_run(&plan, pair[1], parent);
	}
	close(pair[1]);
	if (new->pid < 0) {
		close(pair[0]);
		return hm_err_errno(err, errno, "a process");
	}
	new->told = false;
	snprintf(new->name, sizeof(new->name), "%.79s", req->path);
	*ret_pid = new->pid;
	s->n_spawned++;
	return pair[0];
}

/* pid 0: all of them. They are forgotten when they have ended; who had ended before
 * was not told to. */
static void
end_spawned(struct supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_spawned; i++) {
		struct spawned *one = &s->spawned[i];
		siginfo_t si = { .si_pid = 0 };

		if (pid != 0 && one->pid != pid)
			continue;
		one->told = waitid(P_PID, (id_t)one->pid, &si, WEXITED |
		    WNOHANG | WNOWAIT) < 0 || si.si_pid == 0;
		kill(one->pid, SIGKILL);
	}
}

static void
answer(struct supervisor *s, int fd, pid_t pid, const struct hm_err *err)
{
	struct hm_priv_reply reply = { .rc = fd < 0 ? fd : 0, .pid = pid };

	if (fd < 0)
		snprintf(reply.text, sizeof(reply.text), "%s", err->text);
	(void)hm_priv_send(s->sock, &reply, sizeof(reply), fd);
}

static void
now_ready(struct supervisor *s)
{
	size_t i;

	s->ready = s->was_ready = true;
	for (i = s->n_bound; i > 0; i--)
		if (!s->bound[i - 1].wanted)
			drop_bound(s, &s->bound[i - 1]);
}

static void
new_state(struct supervisor *s, const struct hm_priv_request *req)
{
	if (req->state == HM_SERVICE_READY)
		now_ready(s);
	hm_service_tell(req->state, req->generation);
	if (req->state == HM_SERVICE_READY)
		hm_service_unused();
}

static void
serve(struct supervisor *s)
{
	struct hm_priv_request req;
	struct hm_err err = { 0 };
	struct bound *b;
	pid_t pid = 0;
	int fd;
	ssize_t n = hm_priv_recv(s->sock, &req, sizeof(req), &fd);

	if (fd >= 0)
		close(fd);
	if (n != sizeof(req)) {
		/* The worker is ending; SIGCHLD will follow. */
		close(s->sock);
		s->sock = -1;
		return;
	}
	req.path[sizeof(req.path) - 1] = '\0';
	req.addr.path[sizeof(req.addr.path) - 1] = '\0';
	switch (req.op) {
	case HM_PRIV_LISTEN:
		answer(s, serve_listen(s, &req, &err), 0, &err);
		break;
	case HM_PRIV_OPEN:
		fd = serve_open(s, &req, &err);
		answer(s, fd, 0, &err);
		if (fd >= 0)
			close(fd);
		break;
	case HM_PRIV_SPAWN:
		fd = serve_spawn(s, &req, &pid, &err);
		answer(s, fd, pid, &err);
		if (fd >= 0)
			close(fd);
		break;
	case HM_PRIV_SPAWN_END:
		if (req.pid > 0)
			end_spawned(s, req.pid);
		break;
	case HM_PRIV_UNLISTEN:
		b = find_bound(s, &req.addr);
		if (b)
			drop_bound(s, b);
		break;
	case HM_PRIV_STATE:
		new_state(s, &req);
		break;
	case HM_PRIV_END:
		s->ended = true;
		break;
	}
}

/* ---- signals and the worker's death ---- */

static void
plan_restart(struct supervisor *s)
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
buried(struct supervisor *s, int wstatus)
{
	struct pollfd pfd = { .fd = s->sock, .events = POLLIN };

	/* What it still said. */
	while (s->sock >= 0 && poll(&pfd, 1, 0) > 0)
		serve(s);
	if (s->sock >= 0)
		close(s->sock);
	s->sock = -1;
	s->pid = 0;
	end_spawned(s, 0);
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
bury_spawned(struct supervisor *s, pid_t pid, int wstatus)
{
	struct spawned *one = s->spawned, *last = one + s->n_spawned;

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
bury(struct supervisor *s)
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
handle_signal(struct supervisor *s)
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
wait_for_restart(struct supervisor *s, int64_t now)
{
	int64_t every = hm_service_alive_ms();

	hm_service_tell(HM_SERVICE_ALIVE, 0);
	return every > 0 && s->restart_ms > now + every ? now + every :
	    s->restart_ms;
}

/* Does what the clock asks for; returns how long to sleep. */
static int
on_time(struct supervisor *s)
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
block_signals(struct supervisor *s)
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
supervise(struct supervisor *s)
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
			serve(s);
		if (pfd[0].revents)
			on = handle_signal(s);
	}
}

int
hm_privsep_run(const struct hm_privsep *p)
{
	struct supervisor *s = hm_xalloc(sizeof(*s));
	int status;

	s->p = p;
	s->sock = -1;
	block_signals(s);
	start_worker(s);
	supervise(s);
	while (s->n_bound)
		drop_bound(s, &s->bound[0]);
	close(s->signals);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	status = s->status;
	free(s);
	return status;
}
