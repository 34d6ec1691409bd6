/* dial.c - connecting. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hermod/clock.h>
#include <hermod/err.h>

#include "addr-private.h"
#include "io-private.h"
#include "listen-private.h"
#include "sim.h"
#include "sim-private.h"

static int
failed(int rc, const struct hm_sockaddr *addr, const char *why,
    struct hm_err *reterr)
{
	char text[112];

	return hm_err_set(reterr, rc, "%s: %s", hm_sockaddr_text(text, addr),
	    why);
}

static int
failed_errno(int errnum, const struct hm_sockaddr *addr, struct hm_err *reterr)
{
	char text[112];

	hm_err_errno(reterr, errnum, "%s", hm_sockaddr_text(text, addr));
	if (reterr)
		reterr->code = -HM_EIO;
	return -HM_EIO;
}

static int
failed_wait(int rc, const struct hm_sockaddr *addr, struct hm_err *reterr)
{
	return failed(rc, addr, rc == -HM_ETIMEDOUT ? "no answer in time" :
	    "given up", reterr);
}

static int
open_socket(const struct hm_sockaddr *addr, const struct hm_sockaddr *local,
    struct hm_err *reterr)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, on = 1;

	if (hm_sockaddr_to_os(addr, &ss, &len) != 0)
		return failed(-HM_EINVAL, addr, "not an address", reterr);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return failed_errno(errno, addr, reterr);
	if (addr->family != 1) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (!local)
		return fd;
	if (local->port == 0)
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		    sizeof(on));
	if (hm_sockaddr_to_os(local, &ss, &len) != 0 ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1) {
		int rc = failed_errno(errno, local, reterr);

		close(fd);
		return rc;
	}
	return fd;
}

/* Waits for the connection; 0, -HM_E…, or a positive errno value. */
static int
finish(struct hm_io *io, int64_t until)
{
	socklen_t len;
	int rc, errnum = 0;

	rc = hm_io_await(io, true, until);
	if (rc != 0)
		return rc;
	len = sizeof(errnum);
	if (getsockopt(io->u.watch.fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
		return errno;
	return errnum;
}

static int
dial(const struct hm_sockaddr *addr, const struct hm_sockaddr *local,
    int64_t until, struct hm_io **ret, struct hm_err *reterr)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct hm_io *io;
	int fd, rc = 0;

	fd = open_socket(addr, local, reterr);
	if (fd < 0)
		return fd;
	io = hm_io_new_fd(fd);
	hm_io_set_peer(io, addr);
	(void)hm_sockaddr_to_os(addr, &ss, &len);
	/* An interrupted connect goes on by itself, connect(2). */
	if (connect(fd, (struct sockaddr *)&ss, len) == -1)
		rc = errno == EINPROGRESS || errno == EINTR ?
		    finish(io, until) : errno;
	if (rc == 0) {
		*ret = io;
		return 0;
	}
	hm_io_abort(io);
	return rc < 0 ? failed_wait(rc, addr, reterr) :
	    failed_errno(rc, addr, reterr);
}

static int
dial_sim(const struct hm_sockaddr *addr, const struct hm_sockaddr *local,
    int64_t until, struct hm_io **ret, struct hm_err *reterr)
{
	struct hm_sockaddr from;
	struct hm_io *io;
	int rc = hm_yield();

	if (rc != 0)
		return failed_wait(rc, addr, reterr);
	if (hm_sim_is_silent(addr)) {
		rc = hm_fiber_wait(until);
		return failed_wait(rc, addr, reterr);
	}
	hm_sim_source(addr, local, &from);
	io = hm_sim_fails(HM_SIM_CONNECT) ? NULL :
	    hm_listener_connect(addr, &from);
	if (!io)
		return failed(-HM_EIO, addr, "connection refused", reterr);
	*ret = io;
	return 0;
}

int
hm_dial(const struct hm_sockaddr *addr, const struct hm_sockaddr *local,
    int64_t timeout_ms, struct hm_io **ret, struct hm_err *reterr)
{
	int64_t until = hm_until(timeout_ms);
	int rc = hm_fiber_check();

	if (rc != 0)
		return failed_wait(rc, addr, reterr);
	return hm_clock_is_virtual() ? dial_sim(addr, local, until, ret, reterr) :
	    dial(addr, local, until, ret, reterr);
}
