/* socket.c - making listening sockets. */
#include "addr-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <hermod/err.h>

#include "sandbox.h"
#include "service.h"

/* Options that accepted connections inherit. */
static void
set_options(int fd, const struct hm_sockaddr *addr)
{
	int on = 1, idle = 120;

	if (addr->family == 1)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* [::] and 0.0.0.0 are two listeners, whatever the system's default. */
	if (addr->family == 6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
}

/* Removes a socket file that nobody listens on any more. */
static void
remove_stale(const struct sockaddr_storage *ss, socklen_t len)
{
	const struct sockaddr_un *un = (const void *)ss;
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return;
	if (connect(fd, (const struct sockaddr *)ss, len) == -1 &&
	    errno == ECONNREFUSED)
		(void)unlink(un->sun_path);
	close(fd);
}

int
hm_socket_listen(const struct hm_sockaddr *addr, int backlog,
    struct hm_err *reterr)
{
	struct sockaddr_storage ss;
	socklen_t len;
	char text[112];
	int fd, rc = hm_sockaddr_to_os(addr, &ss, &len);

	if (rc != 0)
		return hm_err_set(reterr, rc, "not an address to listen on");
	if ((fd = hm_service_socket(addr)) >= 0) {
		set_options(fd, addr);
		return fd;
	}
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return hm_err_errno(reterr, errno, "socket for %s",
		    hm_sockaddr_text(text, addr));
	set_options(fd, addr);
	if (addr->family == 1)
		remove_stale(&ss, len);
	if (bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, backlog) == -1) {
		rc = addr->family == 1 ?
		    hm_sandbox_errno(reterr, errno, "cannot listen on unix:",
		    addr->path, true) :
		    hm_err_errno(reterr, errno, "cannot listen on %s",
		    hm_sockaddr_text(text, addr));
		close(fd);
		return rc;
	}
	return fd;
}
