/* child.c - the worker's side of privilege separation. */
#include "privsep.h"
#include "privsep-proto.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr-private.h"
#include "sandbox.h"

static struct {
	pthread_mutex_t lock;
	int sock;
} parent = { .lock = PTHREAD_MUTEX_INITIALIZER, .sock = -1 };

void
hm_priv_set_parent(int sock)
{
	parent.sock = sock;
}

int
hm_priv_send(int sock, const void *p, size_t len, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = (void *)p, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)len ? 0 : -1;
}

ssize_t
hm_priv_recv(int sock, void *p, size_t len, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = p, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return n;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return n;
}

/* Asks the parent; the descriptor or -HM_E…. The answer comes at once: the
 * parent does nothing else. */
static int
ask_for(int sock, const struct hm_priv_request *req,
    struct hm_priv_reply *reply, struct hm_err *reterr)
{
	int fd = -1;
	ssize_t n = -1;

	pthread_mutex_lock(&parent.lock);
	if (hm_priv_send(sock, req, sizeof(*req), -1) == 0)
		n = hm_priv_recv(sock, reply, sizeof(*reply), &fd);
	pthread_mutex_unlock(&parent.lock);
	if (n != sizeof(*reply))
		return hm_err_set(reterr, -HM_EIO,
		    "the privileged parent does not answer");
	reply->text[sizeof(reply->text) - 1] = '\0';
	if (reply->rc != 0 || fd < 0)
		return hm_err_set(reterr, reply->rc ? reply->rc :
		    -HM_EINTERNAL, "%s", reply->text);
	return fd;
}

static int
ask(const struct hm_priv_request *req, struct hm_err *reterr)
{
	struct hm_priv_reply reply;

	return ask_for(parent.sock, req, &reply, reterr);
}

static void
tell_to(int sock, const struct hm_priv_request *req)
{
	pthread_mutex_lock(&parent.lock);
	(void)hm_priv_send(sock, req, sizeof(*req), -1);
	pthread_mutex_unlock(&parent.lock);
}

static void
tell(const struct hm_priv_request *req)
{
	tell_to(parent.sock, req);
}

int
hm_priv_listen(const struct hm_sockaddr *addr, int backlog,
    struct hm_err *reterr)
{
	struct hm_priv_request req = { .op = HM_PRIV_LISTEN };

	if (parent.sock < 0 || addr->family == 1)
		return hm_socket_listen(addr, backlog, reterr);
	req.addr = *addr;
	req.backlog = backlog;
	return ask(&req, reterr);
}

void
hm_priv_unlisten(const struct hm_sockaddr *addr)
{
	struct hm_priv_request req = { .op = HM_PRIV_UNLISTEN };

	if (addr->family == 1) {
		(void)unlink(addr->path);
		return;
	}
	if (parent.sock < 0)
		return;
	req.addr = *addr;
	tell(&req);
}

int
hm_priv_open(const char *path, struct hm_err *reterr)
{
	struct hm_priv_request req = { .op = HM_PRIV_OPEN };
	/* O_NONBLOCK: a FIFO must not hang us before fstat() tells. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	if (errno != EACCES || parent.sock < 0)
		return hm_sandbox_errno(reterr, errno, "", path, false);
	if (strlen(path) >= sizeof(req.path))
		return hm_err_set(reterr, -HM_ELIMIT, "%.100s…: path too long",
		    path);
	snprintf(req.path, sizeof(req.path), "%s", path);
	return ask(&req, reterr);
}

int
hm_priv_spawn(int sock, const char *name, pid_t *ret_pid,
    struct hm_err *reterr)
{
	struct hm_priv_request req = { .op = HM_PRIV_SPAWN };
	struct hm_priv_reply reply;
	int fd;

	snprintf(req.path, sizeof(req.path), "%s", name);
	fd = ask_for(sock >= 0 ? sock : parent.sock, &req, &reply, reterr);
	if (fd >= 0)
		*ret_pid = reply.pid;
	return fd;
}

void
hm_priv_spawn_end(int sock, pid_t pid)
{
	struct hm_priv_request req = { .op = HM_PRIV_SPAWN_END, .pid = pid };

	tell_to(sock >= 0 ? sock : parent.sock, &req);
}

void
hm_priv_state(enum hm_service_state state, uint64_t generation)
{
	struct hm_priv_request req = { .op = HM_PRIV_STATE, .state = state,
	    .generation = generation };

	if (parent.sock >= 0) {
		tell(&req);
		return;
	}
	if (state == HM_SERVICE_READY)
		hm_service_unused();
	hm_service_tell(state, generation);
}

bool
hm_priv_has_parent(void)
{
	return parent.sock >= 0;
}

void
hm_priv_end(void)
{
	struct hm_priv_request req = { .op = HM_PRIV_END };

	if (parent.sock >= 0)
		tell(&req);
}
