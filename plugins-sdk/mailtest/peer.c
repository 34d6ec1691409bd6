/* peer.c - connections that the script makes or takes; a fiber each moves the
 * bytes, so that the script itself can stand outside and look on. */
#include <stdlib.h>
#include <string.h>

#include <hermod/clock.h>

#include "mailtest.h"

enum { DIAL_MS = 60 * 1000, IO_MS = 24 * 3600 * 1000 };

/* ---- a connection's fiber ---- */

static HM_FIBER int
send_all(struct mt_conn *c)
{
	struct hm_buf out = c->out;
	int r;

	c->out = (struct hm_buf){ 0 };
	r = hm_io_write(c->io, out.p, out.len);
	if (r == 0)
		r = hm_io_flush(c->io);
	hm_buf_release(&out);
	return r;
}

static HM_FIBER int
read_some(struct mt_conn *c)
{
	struct hm_str bytes;
	int r = hm_io_read_some(c->io, 65536, &bytes);

	if (r < 0) {
		c->ended = true;
		c->why = r;
	} else {
		hm_buf_str(&c->in, bytes);
	}
	return r < 0 ? r : 0;
}

static HM_FIBER int
start_tls(struct mt_conn *c, struct mt *t)
{
	int r = c->is_server ?
	    hm_io_starttls_server(c->io, c->tls != NULL ? c->tls :
	    t->tls_server, &c->tls_err) :
	    hm_io_starttls_client(c->io, t->tls_client, "mail.example.org",
	    &c->tls_err);

	c->wants_tls = false;
	c->tls_result = r;
	c->tls_over = true;
	return r;
}

static HM_FIBER void
move_bytes(struct mt_conn *c, struct mt *t)
{
	int r = 0;

	hm_io_timeouts(c->io, IO_MS, IO_MS);
	while (r >= 0 && !c->wants_end) {
		if (c->out.len > 0)
			r = send_all(c);
		else if (c->wants_tls)
			r = start_tls(c, t);
		else if (c->ended)
			r = hm_wait(&c->cond, -1);
		else if ((r = hm_io_wait(c->io, &c->cond, -1)) == 1)
			(void)read_some(c);
	}
	if (r < 0 && c->why == 0)
		c->why = r;
	if (c->abort)
		hm_io_abort(c->io);
	else
		hm_io_close(c->io);
	c->io = NULL;
	c->ended = c->gone = true;
}

struct dial {
	struct mt *t;
	struct hm_sockaddr from, to;
	struct mt_conn *conn;
	struct hm_err err;
	int result;
	bool over;
};

static void
conn_fiber(void *arg)
{
	struct dial *dial = arg;
	struct mt_conn *c = dial->conn;
	struct mt *t = dial->t;

	dial->result = hm_dial(&dial->to, &dial->from, DIAL_MS, &c->io,
	    &dial->err);
	dial->over = true;
	if (dial->result < 0)
		c->ended = c->gone = true;
	else
		move_bytes(c, t);
}

static bool
dial_over(void *arg)
{
	struct dial *dial = arg;

	return dial->over;
}

static bool
tls_over(void *arg)
{
	struct mt_conn *c = arg;

	return c->tls_over || c->gone;
}

/* ---- peers ---- */

struct mt_peer *
mt_peer_find(struct mt *t, struct hm_str name)
{
	struct mt_peer *peer;

	for (peer = t->peers; peer != NULL; peer = peer->next)
		if (hm_str_is(name, peer->name))
			return peer;
	return NULL;
}

static struct mt_peer *
make_peer(struct mt *t, struct hm_str name)
{
	struct mt_peer *peer = mt_peer_find(t, name), **last = &t->peers;

	if (peer != NULL)
		return peer;
	peer = hm_new(t->arena, struct mt_peer);
	peer->name = hm_str_dup(t->arena, name).p;
	while (*last != NULL)
		last = &(*last)->next;
	*last = peer;
	return peer;
}

void
mt_transcript(struct mt *t, struct mt_peer *peer, const char *mark,
    struct hm_str bytes)
{
	int64_t ms = hm_now_ms() - t->began_ms;

	while (bytes.len > 0) {
		struct hm_str line = hm_str_split(&bytes, '\n');

		hm_buf_printf(&peer->transcript, "%6lld.%03d %s ",
		    (long long)(ms / 1000), (int)(ms % 1000), mark);
		hm_buf_str(&peer->transcript, line);
		hm_buf_putc(&peer->transcript, '\n');
	}
}

/* "25", "[::1]:25", "192.0.2.1:25": a port alone is one of the server's. */
static bool
read_address(struct mt *t, struct hm_str word, struct hm_sockaddr *ret)
{
	uint32_t port;

	if (hm_str_u32(word, &port) == 0 && port < 65536) {
		hm_sockaddr_parse(HM_STR("192.0.2.1:1"), ret);
		ret->port = (uint16_t)port;
		return true;
	}
	if (hm_sockaddr_parse(word, ret) == 0)
		return true;
	mt_fail(t, "\"%.*s\" is no address", HM_FMT(word));
	return false;
}

/* Each client has an address of its own, unless it is given one. */
static bool
read_source(struct mt *t, struct hm_str *rest, struct dial *dial)
{
	bool is_six = dial->to.family == 6;

	if (mt_word_is(rest, "from"))
		return read_address(t, mt_word(t, rest), &dial->from);
	hm_sockaddr_parse(is_six ? HM_STR("2001:db8:0:1::") :
	    HM_STR("198.51.100.0"), &dial->from);
	dial->from.ip[is_six ? 15 : 3] = (uint8_t)(t->nclients % 250 + 1);
	return true;
}

static void
drop_former(struct mt_peer *peer)
{
	struct mt_conn *c = peer->conn;

	peer->conn = NULL;
	if (c == NULL)
		return;
	c->wants_end = true;
	hm_wake(&c->cond);
	c->next = peer->former;
	peer->former = c;
}

static bool
shake_hands(struct mt_peer *peer)
{
	struct mt_conn *c = peer->conn;

	c->tls = peer->tls;
	c->tls_over = false;
	c->wants_tls = true;
	hm_wake(&c->cond);
	hm_harness_until(tls_over, c, DIAL_MS);
	return c->tls_over && c->tls_result == 0;
}

/* client NAME connect WHERE [from ADDRESS] [tls] [refused] */
void
mt_do_client(struct mt *t, struct hm_str rest)
{
	struct mt_peer *peer = make_peer(t, mt_word(t, &rest));
	struct dial dial = { .t = t };
	bool good, tls;

	if (!mt_word_is(&rest, "connect")) {
		mt_fail(t, "write: client NAME connect WHERE");
		return;
	}
	drop_former(peer);
	if (!read_address(t, mt_word(t, &rest), &dial.to) ||
	    !read_source(t, &rest, &dial) || !mt_platform_ready(t))
		return;
	tls = mt_word_is(&rest, "tls");
	t->nclients++;
	dial.conn = hm_xalloc(sizeof(*dial.conn));
	peer->conn = dial.conn;
	hm_fiber_start(NULL, "client", conn_fiber, &dial);
	hm_harness_until(dial_over, &dial, DIAL_MS + 1000);
	hm_harness_settle();
	good = dial.result == 0;
	mt_transcript(t, peer, "--", good ? HM_STR("connected") :
	    hm_str(dial.err.text));
	if (good && tls && !shake_hands(peer)) {
		mt_ok(t, false, "%s: TLS from the first byte", peer->name);
		mt_diag("%s", peer->conn->tls_err.text);
		return;
	}
	if (mt_word_is(&rest, "refused")) {
		mt_ok(t, !good, "%s cannot connect", peer->name);
	} else if (!mt_ok(t, good, "%s connects", peer->name)) {
		mt_diag("%s", dial.err.text);
	}
}

/* A line that is given goes out before, and nothing is read in between. */
void
mt_peer_starttls(struct mt *t, struct mt_peer *peer, struct hm_str line,
    bool want)
{
	bool good;

	if (line.len > 0) {
		struct hm_str text = mt_expand(t, line);

		mt_transcript(t, peer, ">", text);
		hm_buf_str(&peer->conn->out, text);
		hm_buf_puts(&peer->conn->out, "\r\n");
	}
	good = shake_hands(peer);

	mt_transcript(t, peer, "--", good ? HM_STR("TLS") :
	    hm_str(peer->conn->tls_err.text));
	if (!mt_ok(t, good == want, "%s: TLS %s", peer->name,
	    want ? "starts" : "does not start"))
		mt_diag("%s", peer->conn->tls_err.text);
}

/* ---- servers of the script ---- */

struct accepting {
	struct mt *t;
	struct mt_peer *peer;
};

static void
accept_conn(struct hm_mod *m, struct hm_io *io, void *arg)
{
	struct accepting *a = arg;
	struct mt_conn *c, **last;

	(void)m;
	if (a->t->ending) {
		hm_io_abort(io);
		return;
	}
	c = hm_xalloc(sizeof(*c));
	c->io = io;
	c->is_server = true;
	c->tls = a->peer->tls;
	c->wants_tls = a->peer->tls_first;
	for (last = &a->peer->waiting; *last != NULL; last = &(*last)->next)
		continue;
	*last = c;
	move_bytes(c, a->t);
}

/* server NAME listen ADDRESS [tls], server NAME certificate CERTIFICATE */
void
mt_do_server(struct mt *t, struct hm_str rest)
{
	struct mt_peer *peer = make_peer(t, mt_word(t, &rest));
	struct accepting *a = hm_new(t->arena, struct accepting);
	struct hm_err err = { 0 };

	a->t = t;
	a->peer = peer;
	peer->is_server = true;
	if (mt_word_is(&rest, "certificate")) {
		mt_peer_certificate(t, peer, mt_word(t, &rest));
		return;
	}
	if (!mt_word_is(&rest, "listen")) {
		mt_fail(t, "write: server NAME listen ADDRESS");
		return;
	}
	if (!read_address(t, mt_word(t, &rest), &peer->addr) ||
	    !mt_platform_ready(t))
		return;
	peer->tls_first = mt_word_is(&rest, "tls");
	if (!mt_ok(t, hm_listen(NULL, &peer->addr, NULL, accept_conn, a,
	    &err) == 0, "%s listens", peer->name))
		mt_diag("%s", err.text);
}

static bool
is_waiting(void *arg)
{
	struct mt_peer *peer = arg;

	return peer->waiting != NULL;
}

static void
take_waiting(struct mt_peer *peer)
{
	peer->conn = peer->waiting;
	peer->waiting = peer->conn->next;
	peer->conn->next = NULL;
}

/* last: those that came before it are let go. */
void
mt_peer_accept(struct mt *t, struct mt_peer *peer, bool last)
{
	drop_former(peer);
	hm_harness_until(is_waiting, peer, t->patience_ms);
	while (last && peer->waiting != NULL && peer->waiting->next != NULL) {
		take_waiting(peer);
		drop_former(peer);
	}
	if (!mt_ok(t, peer->waiting != NULL, "%s: somebody connects",
	    peer->name))
		return;
	take_waiting(peer);
	mt_transcript(t, peer, "--", HM_STR("accepted"));
}

/* nobody TIME: the door stays shut. */
void
mt_peer_nobody(struct mt *t, struct mt_peer *peer, struct hm_str rest)
{
	int64_t ms = mt_duration(mt_word(t, &rest));

	if (ms < 0) {
		mt_fail(t, "write: %s nobody TIME", peer->name);
		return;
	}
	hm_harness_until(is_waiting, peer, ms);
	mt_ok(t, peer->waiting == NULL, "%s: nobody connects", peer->name);
}

/* ---- the end ---- */

static void
end_conn(struct mt_conn *c)
{
	c->wants_end = true;
	hm_wake(&c->cond);
}

static void
free_conns(struct mt_conn *c)
{
	struct mt_conn *next;

	for (; c != NULL; c = next) {
		next = c->next;
		hm_buf_release(&c->in);
		hm_buf_release(&c->out);
		free(c);
	}
}

void
mt_peers_end(struct mt *t)
{
	struct mt_peer *peer;
	struct mt_conn *c;

	t->ending = true;
	for (peer = t->peers; peer != NULL; peer = peer->next) {
		drop_former(peer);
		for (c = peer->waiting; c != NULL; c = c->next)
			end_conn(c);
	}
	hm_harness_pass(10 * 1000);
	for (peer = t->peers; peer != NULL; peer = peer->next) {
		free_conns(peer->waiting);
		free_conns(peer->former);
		peer->waiting = peer->former = NULL;
	}
}
