/* service.c - notifications, sockets and the watchdog of a service manager. */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <hermod/err.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "addr-private.h"

enum { FIRST_FD = 3, SOCKETS_MAX = 256 };

struct passed {
	struct hm_sockaddr addr;
	int fd;
	bool dual;                 /* [::] that takes IPv4 as well */
	bool used;
};

static struct {
	int notify;                /* connected; -1: nobody listens */
	int64_t alive_ms;
	struct passed at[SOCKETS_MAX];
	size_t n;
} service = { .notify = -1 };

/* The number in a variable, which is then gone; 0 without one. */
static uint64_t
take_number(const char *name)
{
	const char *text = getenv(name);
	uint64_t n = 0;

	if (text && hm_str_u64(hm_str(text), UINT64_MAX, &n) < 0)
		n = 0;
	unsetenv(name);
	return n;
}

/* ---- sockets ---- */

static void
not_ours(int fd, const char *why)
{
	hm_log(HM_LOG_WARN, "a socket that was handed over cannot be used",
	    hm_f("descriptor", fd), hm_f("error", why));
	close(fd);
}

static int
option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) < 0 ? -1 : value;
}

static void
take_socket(int fd)
{
	struct passed *p = &service.at[service.n];

	*p = (struct passed){ .fd = fd };
	if (option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
	    option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
		not_ours(fd, "nobody can connect to it");
	else if (hm_sockaddr_of_fd(fd, false, &p->addr) < 0 ||
	    p->addr.family == 1)
		not_ours(fd, "it has no IP address");
	else if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		not_ours(fd, "it cannot be changed");
	else
		service.n++;
	p->dual = p->addr.family == 6 &&
	    option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
}

static void
take_sockets(void)
{
	uint64_t pid = take_number("LISTEN_PID");
	uint64_t n = take_number("LISTEN_FDS");

	unsetenv("LISTEN_FDNAMES");
	if (pid != (uint64_t)getpid())
		return;
	if (n > SOCKETS_MAX)
		n = SOCKETS_MAX;
	for (uint64_t i = 0; i < n; i++)
		take_socket(FIRST_FD + (int)i);
}

static bool
fits(const struct passed *p, const struct hm_sockaddr *addr)
{
	if (hm_sockaddr_eq(&p->addr, addr))
		return true;
	return p->dual && addr->family == 4 && p->addr.port == addr->port &&
	    hm_sockaddr_any(&p->addr) && hm_sockaddr_any(addr);
}

int
hm_service_socket(const struct hm_sockaddr *addr)
{
	for (size_t i = 0; i < service.n; i++) {
		struct passed *p = &service.at[i];

		if (addr->port != 0 && fits(p, addr)) {
			p->used = true;
			return fcntl(p->fd, F_DUPFD_CLOEXEC, 0);
		}
	}
	return -1;
}

void
hm_service_unused(void)
{
	char text[112];

	for (size_t i = 0; i < service.n; i++) {
		if (!service.at[i].used)
			hm_log(HM_LOG_WARN, "a socket was handed over that no "
			    "module listens on", hm_f("address",
			    hm_sockaddr_text(text, &service.at[i].addr)));
		service.at[i].used = true;
	}
}

/* ---- notifications ---- */

/* Connected at once: later the sandbox lets nobody find abstract sockets. */
static void
take_notify(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(sun.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&sun, (socklen_t)(offsetof(
	    struct sockaddr_un, sun_path) + len)) == 0) {
		service.notify = fd;
		return;
	}
	hm_log(HM_LOG_WARN, "the service manager cannot be told anything",
	    hm_f("socket", path), hm_f("error", strerrordesc_np(errno)));
	close(fd);
}

void
hm_service_init(void)
{
	uint64_t usec = take_number("WATCHDOG_USEC");
	uint64_t pid = take_number("WATCHDOG_PID");

	if (pid == 0 || pid == (uint64_t)getpid())
		service.alive_ms = (int64_t)(usec / 2000);
	take_sockets();
	take_notify();
	unsetenv("NOTIFY_SOCKET");
}

void
hm_service_forget(void)
{
	while (service.n > 0)
		close(service.at[--service.n].fd);
	if (service.notify >= 0)
		close(service.notify);
	service.notify = -1;
}

int64_t
hm_service_alive_ms(void)
{
	return service.alive_ms;
}

static int
compose(char *out, size_t size, enum hm_service_state state,
    unsigned long long generation)
{
	struct timespec now;

	switch (state) {
	case HM_SERVICE_READY:
		return snprintf(out, size, "READY=1\nSTATUS=Serving, "
		    "generation %llu\n", generation);
	case HM_SERVICE_REFUSED:
		return snprintf(out, size, "READY=1\nSTATUS=Serving, "
		    "generation %llu; the last reload was refused, see the "
		    "log\n", generation);
	case HM_SERVICE_RELOADING:
		clock_gettime(CLOCK_MONOTONIC, &now);
		return snprintf(out, size, "RELOADING=1\nMONOTONIC_USEC=%lld\n"
		    "STATUS=Reloading\n", (long long)now.tv_sec * 1000000 +
		    now.tv_nsec / 1000);
	case HM_SERVICE_STOPPING:
		return snprintf(out, size, "STOPPING=1\nSTATUS=Stopping\n");
	case HM_SERVICE_ALIVE:
		return snprintf(out, size, "WATCHDOG=1\n");
	case HM_SERVICE_FAILED:
		return snprintf(out, size, "STATUS=The worker died and is "
		    "started again\n");
	default:
		return 0;
	}
}

void
hm_service_tell(enum hm_service_state state, uint64_t generation)
{
	char text[200];
	int n = compose(text, sizeof(text), state, generation);

	if (state == HM_SERVICE_ALIVE && service.alive_ms == 0)
		return;
	if (service.notify >= 0 && n > 0)
		(void)send(service.notify, text, (size_t)n,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}
