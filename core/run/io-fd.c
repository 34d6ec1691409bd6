/* io-fd.c - streams over descriptors: sockets, pipes. */
#include "addr-private.h"
#include "core/base/list.h"
#include "io-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hermod/err.h>

static void
fd_event(struct hm_watch *watch)
{
	struct hm_io *io = HM_CONTAINER(watch, struct hm_io, u.watch);

	if (!watch->write)
		io->drained = false;
	/* The watch stays on while the fiber works: it will most likely wait
	 * again before the next look at descriptors. */
	if (!io->waiter || !hm_fiber_wake(io->waiter, 1))
		hm_watch_stop(watch);
}

static ssize_t
fd_recv(struct hm_io *io, void *p, size_t len)
{
	ssize_t n;

	if (io->drained)
		return IO_WAIT_READ;
	do
		n = read(io->u.watch.fd, p, len);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? IO_WAIT_READ :
		    -HM_EIO;
	/* A short count means that there is no more just now; the event loop
	 * will say when there is, the end included. */
	if (n > 0 && (size_t)n < len)
		io->drained = true;
	return n;
}

static ssize_t
fd_send(struct hm_io *io, const void *p, size_t len)
{
	int fd = io->u.watch.fd;
	ssize_t n;

	do {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n == -1 && errno == ENOTSOCK)
			n = write(fd, p, len);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? IO_WAIT_WRITE :
		    -HM_EIO;
	return n;
}

static bool
fd_arm(struct hm_io *io, bool write)
{
	hm_watch_start(&io->u.watch, write);
	return false;
}

static bool
fd_readable(struct hm_io *io)
{
	struct pollfd pfd = { .fd = io->u.watch.fd, .events = POLLIN };

	if (poll(&pfd, 1, 0) <= 0)
		return false;
	io->drained = false;
	return true;
}

static void
fd_shut(struct hm_io *io)
{
	(void)shutdown(io->u.watch.fd, SHUT_WR);
}

static void
fd_close(struct hm_io *io)
{
	hm_watch_stop(&io->u.watch);
	close(io->u.watch.fd);
}

static void
fd_local(struct hm_io *io, struct hm_sockaddr *ret)
{
	hm_sockaddr_of_fd(io->u.watch.fd, false, ret);
}

static const struct hm_io_base fd_base = {
	.recv = fd_recv,
	.send = fd_send,
	.arm = fd_arm,
	.readable = fd_readable,
	.shut = fd_shut,
	.close = fd_close,
	.fill_local = fd_local,
};

int
hm_io_peer_uid(const struct hm_io *io, uid_t *ret)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	if (io->base != &fd_base || getsockopt(io->u.watch.fd, SOL_SOCKET,
	    SO_PEERCRED, &cred, &len) < 0 || cred.uid == (uid_t)-1)
		return -HM_EUNSUPPORTED;
	*ret = cred.uid;
	return 0;
}

struct hm_io *
hm_io_new_fd(int fd)
{
	struct hm_io *io = hm_io_new(&fd_base);

	hm_watch_init(&io->u.watch, fd, fd_event);
	return io;
}

struct hm_io *
hm_io_from_fd(int fd)
{
	struct hm_io *io = hm_io_new_fd(fd);
	struct hm_sockaddr peer;
	int flags = fcntl(fd, F_GETFL);

	if (flags != -1 && !(flags & O_NONBLOCK))
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	if (hm_sockaddr_of_fd(fd, true, &peer) == 0)
		hm_io_set_peer(io, &peer);
	return io;
}
