/* requests.c - what a worker asks its parent for, and what it gets. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/err.h>

#include "core/isolate/spawn.h"
#include "core/run/addr-private.h"
#include "core/run/privsep-proto.h"

#include "parent-private.h"

static struct hm_bound *
find_bound(struct hm_supervisor *s, const struct hm_sockaddr *addr)
{
	size_t i;

	for (i = 0; i < s->n_bound; i++)
		if (hm_sockaddr_eq(&s->bound[i].addr, addr))
			return &s->bound[i];
	return NULL;
}

void
hm_parent_drop_bound(struct hm_supervisor *s, struct hm_bound *b)
{
	close(b->fd);
	*b = s->bound[--s->n_bound];
}

static bool
listen_allowed(struct hm_supervisor *s, const struct hm_sockaddr *addr)
{
	if (s->p->may_listen(addr, s->p->arg))
		return true;
	if (!s->p->reload)
		return false;
	s->p->reload(s->p->arg);
	return s->p->may_listen(addr, s->p->arg);
}

static bool
open_allowed(struct hm_supervisor *s, const char *path)
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
serve_listen(struct hm_supervisor *s, const struct hm_priv_request *req,
    struct hm_err *err)
{
	struct hm_bound *b = find_bound(s, &req->addr);
	char text[112];
	int fd;

	if (!listen_allowed(s, &req->addr))
		return hm_err_set(err, -HM_EACCES, "%s is no listener of the "
		    "configuration", hm_sockaddr_text(text, &req->addr));
	if (b && req->addr.port != 0) {
		b->wanted = true;
		return b->fd;
	}
	if (s->n_bound == HM_SOCKETS_MAX)
		return hm_err_set(err, -HM_ELIMIT, "more than %d listeners",
		    HM_SOCKETS_MAX);
	fd = hm_socket_listen(&req->addr, req->backlog, err);
	if (fd >= 0)
		s->bound[s->n_bound++] = (struct hm_bound){ req->addr, fd, true };
	return fd;
}

static int
serve_open(struct hm_supervisor *s, const struct hm_priv_request *req,
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
serve_spawn(struct hm_supervisor *s, const struct hm_priv_request *req,
    pid_t *ret_pid, struct hm_err *err)
{
	struct hm_spawned *new = &s->spawned[s->n_spawned];
	struct hm_spawn_plan plan;
	pid_t parent = getpid();
	int pair[2];

	if (s->n_spawned == HM_SPAWNED_MAX)
		return hm_err_set(err, -HM_ELIMIT, "more than %d processes of "
		    "modules", HM_SPAWNED_MAX);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return hm_err_errno(err, errno, "a pair of sockets");
	hm_spawn_plan(&plan, req->path);
	new->pid = fork();
	if (new->pid == 0) {
		if (s->p->drop)
			hm_parent_drop_privileges(s->p);
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

void
hm_parent_end_spawned(struct hm_supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_spawned; i++) {
		struct hm_spawned *one = &s->spawned[i];
		siginfo_t si = { .si_pid = 0 };

		if (pid != 0 && one->pid != pid)
			continue;
		one->told = waitid(P_PID, (id_t)one->pid, &si, WEXITED |
		    WNOHANG | WNOWAIT) < 0 || si.si_pid == 0;
		kill(one->pid, SIGKILL);
	}
}

static void
answer(struct hm_supervisor *s, int fd, pid_t pid, const struct hm_err *err)
{
	struct hm_priv_reply reply = { .rc = fd < 0 ? fd : 0, .pid = pid };

	if (fd < 0)
		snprintf(reply.text, sizeof(reply.text), "%s", err->text);
	(void)hm_priv_send(s->sock, &reply, sizeof(reply), fd);
}

static void
now_ready(struct hm_supervisor *s)
{
	size_t i;

	s->ready = s->was_ready = true;
	for (i = s->n_bound; i > 0; i--)
		if (!s->bound[i - 1].wanted)
			hm_parent_drop_bound(s, &s->bound[i - 1]);
}

static void
new_state(struct hm_supervisor *s, const struct hm_priv_request *req)
{
	if (req->state == HM_SERVICE_READY) {
		now_ready(s);
		hm_service_unused();
	}
	hm_service_tell(req->state, req->generation);
}

void
hm_parent_serve(struct hm_supervisor *s)
{
	struct hm_priv_request req;
	struct hm_err err = { 0 };
	struct hm_bound *b;
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
			hm_parent_end_spawned(s, req.pid);
		break;
	case HM_PRIV_UNLISTEN:
		b = find_bound(s, &req.addr);
		if (b)
			hm_parent_drop_bound(s, b);
		break;
	case HM_PRIV_STATE:
		new_state(s, &req);
		break;
	case HM_PRIV_END:
		s->ended = true;
		break;
	}
}
