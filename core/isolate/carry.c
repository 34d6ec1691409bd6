/* carry.c - packets between a worker and the process of a module. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/str.h>

#include "core/run/privsep-proto.h"

#include "carry.h"

enum { AT_ONCE = 32 };         /* packets, before others get their turn */

struct hm_carry_packet {
	struct hm_carry_packet *next;
	int fd;
	size_t len;
	char bytes[];
};

/* ---- receiving ---- */

/* Whoever is strict asks for no descriptors, and the kernel drops them. */
static ssize_t
receive(struct hm_carrier *ch, int *ret_fd)
{
	ssize_t n;

	*ret_fd = -1;
	if (!ch->strict)
		return hm_priv_recv(ch->fd, ch->room, HM_CARRY_MAX, ret_fd);
	do
		n = recv(ch->fd, ch->room, HM_CARRY_MAX,
		    MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	return n;
}

static void
end(struct hm_carrier *ch, const char *why)
{
	hm_carrier_close(ch);
	ch->ended(ch, why);
}

/* Returns whether a packet was there. */
static bool
take_one(struct hm_carrier *ch)
{
	int fd;
	ssize_t n = receive(ch, &fd);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (n <= 0)
		end(ch, "it ended");
	else if (n > HM_CARRY_MAX)
		end(ch, "it sent a packet that is too long");
	else
		ch->packet(ch, hm_str_n(ch->room, (size_t)n), fd);
	return true;
}

static void
readable(unsigned what, void *arg)
{
	struct hm_carrier *ch = arg;

	(void)what;
	for (int i = 0; i < AT_ONCE && ch->fd >= 0 && take_one(ch); i++)
		;
}

bool
hm_carrier_pump(struct hm_carrier *ch, int ms)
{
	struct pollfd pfd = { .fd = ch->fd, .events = POLLIN };

	return ch->fd >= 0 && poll(&pfd, 1, ms) > 0 && take_one(ch);
}

/* ---- sending ---- */

static void
drop_first(struct hm_carrier *ch)
{
	struct hm_carry_packet *p = ch->first;

	ch->first = p->next;
	if (ch->first == NULL)
		ch->end = &ch->first;
	ch->queued -= p->len;
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

/* 0, or -1 with errno. */
static int
send_now(struct hm_carrier *ch, const void *p, size_t len, int fd)
{
	return hm_priv_send(ch->fd, p, len, fd);
}

static bool
must_wait(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
}

static void
writable(unsigned what, void *arg)
{
	struct hm_carrier *ch = arg;

	(void)what;
	while (ch->first != NULL) {
		struct hm_carry_packet *p = ch->first;

		/* What cannot be sent any more the reading side will notice. */
		if (send_now(ch, p->bytes, p->len, p->fd) < 0 && must_wait())
			return;
		drop_first(ch);
	}
	hm_fdwatch_stop(ch->out);
	ch->out = NULL;
}

static void
queue(struct hm_carrier *ch, struct hm_str packet, int fd)
{
	struct hm_carry_packet *p;

	if (ch->queued + packet.len > HM_CARRY_QUEUE_MAX) {
		end(ch, "it does not read what it is told");
		return;
	}
	p = hm_xalloc(sizeof(*p) + packet.len);
	p->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	p->len = packet.len;
	memcpy(p->bytes, packet.p, packet.len);
	*ch->end = p;
	ch->end = &p->next;
	ch->queued += p->len;
	if (ch->out == NULL)
		ch->out = hm_fdwatch_start(ch->fd, HM_FD_WRITE, writable, ch);
}

void
hm_carrier_send(struct hm_carrier *ch, struct hm_str packet, int fd)
{
	if (ch->fd < 0)
		return;
	if (ch->first == NULL && (send_now(ch, packet.p, packet.len, fd) == 0 ||
	    !must_wait()))
		return;
	queue(ch, packet, fd);
}

/* ---- its life ---- */

void
hm_carrier_open(struct hm_carrier *ch, int fd)
{
	ch->fd = fd;
	ch->first = NULL;
	ch->end = &ch->first;
	ch->queued = 0;
	ch->out = NULL;
	ch->room = hm_xalloc(HM_CARRY_MAX);
	ch->in = hm_fdwatch_start(fd, HM_FD_READ, readable, ch);
}

void
hm_carrier_close(struct hm_carrier *ch)
{
	if (ch->fd < 0)
		return;
	hm_fdwatch_stop(ch->in);
	hm_fdwatch_stop(ch->out);
	ch->in = ch->out = NULL;
	while (ch->first != NULL)
		drop_first(ch);
	close(ch->fd);
	ch->fd = -1;
	free(ch->room);
	ch->room = NULL;
}
