/* listen.c - listeners: sockets kept over generations, accepting. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "addr-private.h"
#include "core/base/list.h"
#include "io-private.h"
#include "listen-private.h"
#include "privsep.h"
#include "sim-private.h"

enum {
	BACKLOG = 1024,
	BATCH = 64,                /* accepts before others get their turn */
	STARVED_MS = 100,          /* pause when the system is out of something */
};

/* A bound address. Lives while anybody is registered for it. */
struct place {
	struct hm_link link;
	struct hm_sockaddr addr;       /* as asked for */
	struct hm_sockaddr bound;      /* with the port that it got */
	int fd;                        /* -1 in simulation */
	struct hm_watch watch;
	unsigned users;
	struct listener *current;      /* who accepts; NULL: nobody just now */
	struct hm_timer *pause;
	bool starved;                  /* and it was said */
	struct hm_link pending;        /* simulated connections not accepted yet */
};

struct listener {
	struct hm_link link;
	struct place *place;
	const void *gen;
	struct hm_mod *mod;
	struct hm_listen_opts opts;
	hm_accept_fn *fn;
	void *arg;
	unsigned conns;
	bool retired;
};

struct conn {
	struct hm_link link;
	struct listener *listener;
	struct hm_io *io;
};

static struct {
	struct hm_link places, listeners;
	const void *(*gen_of)(struct hm_mod *m);
	bool off;
	uint16_t next_port;            /* for port 0 in simulation */
} all = {
	.places = { &all.places, &all.places },
	.listeners = { &all.listeners, &all.listeners },
	.next_port = 49152,
};

static void accept_some(struct place *place);

void
hm_listeners_off(bool off)
{
	all.off = off;
}

void
hm_listeners_gen_of(const void *(*gen_of)(struct hm_mod *m))
{
	all.gen_of = gen_of;
}

/* ---- places ---- */

static bool
is_full(const struct listener *l)
{
	return l->opts.max_connections && l->conns >= l->opts.max_connections;
}

/* Accepts, or waits for something to accept, unless there is a reason not to. */
static void
resume(struct place *place)
{
	if (!place->current || place->pause || is_full(place->current))
		return;
	if (place->fd >= 0)
		hm_watch_start(&place->watch, false);
	else
		accept_some(place);
}

static void
pause_over(void *arg)
{
	struct place *place = arg;

	place->pause = NULL;
	resume(place);
}

static void
starve(struct place *place, int errnum)
{
	char text[112];
	struct hm_err err;

	hm_watch_stop(&place->watch);
	if (!place->pause)
		place->pause = hm_timer_start(STARVED_MS, pause_over, place);
	if (place->starved)
		return;
	place->starved = true;
	hm_err_errno(&err, errnum, "accept");
	hm_log(HM_LOG_ERROR, "cannot accept connections",
	    hm_f("listener", hm_sockaddr_text(text, &place->bound)),
	    hm_f("err", err.text));
}

static void
place_event(struct hm_watch *watch)
{
	accept_some(HM_CONTAINER(watch, struct place, watch));
}

static struct place *
place_find(const struct hm_sockaddr *addr)
{
	struct hm_link *l;

	for (l = all.places.next; l != &all.places; l = l->next) {
		struct place *place = HM_CONTAINER(l, struct place, link);

		if (hm_sockaddr_eq(&place->addr, addr))
			return place;
	}
	return NULL;
}

static int
place_bind(struct place *place, int backlog, struct hm_err *reterr)
{
	int fd;

	place->bound = place->addr;
	if (hm_clock_is_virtual()) {
		place->fd = -1;
		if (place->addr.port == 0)
			place->bound.port = all.next_port++;
		return 0;
	}
	fd = hm_priv_listen(&place->addr, backlog, reterr);
	if (fd < 0)
		return fd;
	place->fd = fd;
	(void)hm_sockaddr_of_fd(fd, false, &place->bound);
	hm_watch_init(&place->watch, fd, place_event);
	return 0;
}

static int
place_get(const struct hm_sockaddr *addr, int backlog, struct place **ret,
    struct hm_err *reterr)
{
	struct place *place = addr->port || addr->family == 1 ?
	    place_find(addr) : NULL;
	int rc;

	if (!place) {
		place = hm_xalloc(sizeof(*place));
		place->addr = *addr;
		hm_list_init(&place->pending);
		rc = place_bind(place, backlog, reterr);
		if (rc != 0) {
			free(place);
			return rc;
		}
		hm_list_add(&all.places, &place->link);
	}
	place->users++;
	*ret = place;
	return 0;
}

static void
place_put(struct place *place)
{
	struct hm_link *l;

	if (--place->users > 0)
		return;
	hm_list_remove(&place->link);
	while ((l = hm_list_pop(&place->pending))) {
		struct conn *conn = HM_CONTAINER(l, struct conn, link);

		hm_io_abort(conn->io);
		free(conn);
	}
	hm_timer_stop(place->pause);
	if (place->fd >= 0) {
		hm_watch_stop(&place->watch);
		close(place->fd);
		hm_priv_unlisten(&place->addr);
	}
	free(place);
}

/* ---- listeners ---- */

static void
listener_free(struct listener *l)
{
	if (l->retired && l->conns == 0)
		free(l);
}

static void
listener_start(struct listener *l)
{
	l->place->current = l;
	resume(l->place);
}

static void
listener_retire(struct listener *l)
{
	if (l->place->current == l) {
		l->place->current = NULL;
		hm_watch_stop(&l->place->watch);
	}
	place_put(l->place);
	l->place = NULL;
	l->retired = true;
	hm_list_remove(&l->link);
	listener_free(l);
}

static bool
is_taken(const void *gen, const struct place *place)
{
	struct hm_link *l;

	for (l = all.listeners.next; l != &all.listeners; l = l->next) {
		struct listener *other = HM_CONTAINER(l, struct listener, link);

		if (other->gen == gen && other->place == place)
			return true;
	}
	return false;
}

int
hm_listen(struct hm_mod *m, const struct hm_sockaddr *addr,
    const struct hm_listen_opts *opts, hm_accept_fn *fn, void *arg,
    struct hm_err *reterr)
{
	const void *gen = m && all.gen_of ? all.gen_of(m) : NULL;
	int backlog = opts && opts->backlog ? opts->backlog : BACKLOG;
	struct place *place;
	struct listener *l;
	char text[112];
	int rc;

	if (all.off)
		return 0;
	rc = place_get(addr, backlog, &place, reterr);
	if (rc != 0)
		return rc;
	if (is_taken(gen, place)) {
		place_put(place);
		return hm_err_set(reterr, -HM_EEXIST, "%s: two listeners on the "
		    "same address", hm_sockaddr_text(text, addr));
	}
	l = hm_xalloc(sizeof(*l));
	l->place = place;
	l->gen = gen;
	l->mod = m;
	l->fn = fn;
	l->arg = arg;
	if (opts)
		l->opts = *opts;
	hm_list_add(&all.listeners, &l->link);
	if (!gen)
		listener_start(l);
	return 0;
}

static void
each_of(const void *gen, bool every, void (*fn)(struct listener *l))
{
	struct hm_link *l, *next;

	for (l = all.listeners.next; l != &all.listeners; l = next) {
		struct listener *listener = HM_CONTAINER(l, struct listener, link);

		next = l->next;
		if (every || listener->gen == gen)
			fn(listener);
	}
}

void
hm_listeners_start(const void *gen)
{
	each_of(gen, false, listener_start);
}

void
hm_listeners_retire(const void *gen)
{
	each_of(gen, false, listener_retire);
}

void
hm_listeners_close(void)
{
	each_of(NULL, true, listener_retire);
}

int
hm_listener_addr(const void *gen, unsigned n, struct hm_sockaddr *ret)
{
	struct hm_link *l;

	for (l = all.listeners.next; l != &all.listeners; l = l->next) {
		struct listener *listener = HM_CONTAINER(l, struct listener, link);

		if (listener->gen != gen)
			continue;
		if (n-- == 0) {
			*ret = listener->place->bound;
			return 0;
		}
	}
	return -HM_ENOENT;
}

/* ---- connections ---- */

static void
conn_main(void *arg)
{
	struct conn *conn = arg;
	struct listener *l = conn->listener;
	struct hm_io *io = conn->io;
	bool was_full;

	free(conn);
	l->fn(l->mod, io, l->arg);
	was_full = is_full(l);
	l->conns--;
	if (l->retired)
		listener_free(l);
	else if (was_full && l->place->current == l)
		resume(l->place);
}

static void
refuse(struct hm_io *io, const char *text)
{
	if (text)
		(void)io->base->send(io, text, strlen(text));
	io->base->shut(io);
	hm_io_abort(io);
}

static void
begin(struct listener *l, struct hm_io *io)
{
	const char *text = NULL;
	struct conn *conn;

	if (l->opts.admit && !l->opts.admit(l->mod, io->peer, &text)) {
		refuse(io, text);
		return;
	}
	conn = hm_xalloc(sizeof(*conn));
	conn->listener = l;
	conn->io = io;
	l->conns++;
	hm_fiber_start(l->mod, "connection", conn_main, conn);
}

/* Connections take no more than three quarters of the descriptors: databases and
 * messages need some, or the newest stranger harms everybody. Numbers are given
 * out lowest first, so the lowest free one tells how many are in use. */
static bool
descriptors_short(const struct place *place)
{
	struct rlimit rl;
	int fd = fcntl(place->fd, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd < 0 || (getrlimit(RLIMIT_NOFILE, &rl) == 0 &&
	    (rlim_t)fd >= rl.rlim_cur - rl.rlim_cur / 4);
}

/* The next connection, or NULL and the reason. */
static struct hm_io *
next_conn(struct place *place, int *ret_errnum)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct hm_sockaddr peer = { 0 };
	struct hm_io *io;
	int fd;

	if (place->fd < 0) {
		struct hm_link *l = hm_list_pop(&place->pending);
		struct conn *conn = l ? HM_CONTAINER(l, struct conn, link) : NULL;

		io = conn ? conn->io : NULL;
		free(conn);
		*ret_errnum = EAGAIN;
		return io;
	}
	if (descriptors_short(place)) {
		*ret_errnum = EMFILE;
		return NULL;
	}
	fd = accept4(place->fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		*ret_errnum = errno;
		return NULL;
	}
	(void)hm_sockaddr_from_os(&ss, len, &peer);
	io = hm_io_new_fd(fd);
	hm_io_set_peer(io, &peer);
	return io;
}

static bool
is_passing(int errnum)
{
	/* Errors of the one connection, not of the listener: accept(2). */
	return errnum == EINTR || errnum == ECONNABORTED || errnum == EPROTO ||
	    errnum == EPERM || errnum == ENETDOWN || errnum == EHOSTDOWN ||
	    errnum == EHOSTUNREACH || errnum == ENETUNREACH ||
	    errnum == ENOPROTOOPT || errnum == EOPNOTSUPP;
}

static void
accept_some(struct place *place)
{
	struct listener *l = place->current;
	int errnum = 0, i;

	for (i = 0; i < BATCH && l && !is_full(l); i++) {
		struct hm_io *io;

		if (!hm_stack_reserve()) {
			starve(place, ENOMEM);
			return;
		}
		io = next_conn(place, &errnum);
		if (io) {
			place->starved = false;
			begin(l, io);
		} else if (errnum == EAGAIN || errnum == EWOULDBLOCK) {
			return;
		} else if (!is_passing(errnum)) {
			starve(place, errnum);
			return;
		}
	}
	if (!l || is_full(l))
		hm_watch_stop(&place->watch);
}

/* ---- simulation ---- */

static bool
reaches(const struct place *place, const struct hm_sockaddr *addr)
{
	if (hm_sockaddr_eq(&place->bound, addr))
		return true;
	return hm_sockaddr_any(&place->bound) &&
	    place->bound.family == addr->family &&
	    place->bound.port == addr->port;
}

struct hm_io *
hm_listener_connect(const struct hm_sockaddr *addr,
    const struct hm_sockaddr *peer)
{
	struct hm_link *l;

	for (l = all.places.next; l != &all.places; l = l->next) {
		struct place *place = HM_CONTAINER(l, struct place, link);
		struct hm_io *client;
		struct conn *conn;

		if (!reaches(place, addr))
			continue;
		conn = hm_xalloc(sizeof(*conn));
		hm_io_pair(&client, &conn->io);
		client->u.pair.is_sim = conn->io->u.pair.is_sim = true;
		hm_sim_stream(2);
		hm_io_set_peer(conn->io, peer);
		hm_io_set_local(conn->io, addr);
		hm_io_set_peer(client, addr);
		hm_io_set_local(client, peer);
		hm_list_add(&place->pending, &conn->link);
		resume(place);
		return client;
	}
	return NULL;
}
