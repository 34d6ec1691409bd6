/* reader.c - the lines and literals a command is made of (RFC 9051, 4.3). */
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/session.h>
#include <hermod/log.h>

#include "imap.h"

enum { LINE_MS = 5 * 60 * 1000 };

static int
broke(struct imap *s, int code)
{
	if (!s->broken)
		s->broken = code;
	return code;
}

int
imap_read_line(struct imap *s)
{
	struct hm_str line;
	int64_t before;
	int r;

	imap_push(s);
	if (s->broken)
		return s->broken;
	/* All of it in time, or a byte now and then would do. */
	before = hm_fiber_deadline(hm_now_ms() + (s->acc ? LINE_MS :
	    s->srv->conf->login_timeout_ms));
	r = hm_io_read_line(s->io, IMAP_LINE_MAX, &line, NULL);
	hm_fiber_deadline(before);
	if (r < 0)
		return broke(s, r);
	s->in_bytes += line.len + 2;
	hm_buf_str(&s->in, line);
	return 0;
}

/* Without a line in progress the client may be silent for long. */
int
imap_read_first_line(struct imap *s)
{
	const struct imap_conf *conf = s->srv->conf;
	int64_t idle = s->acc ? conf->idle_timeout_ms : conf->login_timeout_ms;
	int r;

	imap_push(s);
	if (s->broken)
		return s->broken;
	if (!hm_io_ready(s->io)) {
		hm_session_idle(s->session, true);
		r = hm_io_wait(s->io, NULL, idle);
		hm_session_idle(s->session, false);
		if (r < 0)
			return broke(s, r);
	}
	return imap_read_line(s);
}

static uint64_t
literal_limit(const struct imap *s)
{
	uint64_t max = s->srv->conf->max_literal_bytes;

	return s->acc || max < IMAP_LITERALS_EARLY ? max : IMAP_LITERALS_EARLY;
}

/* Refused before a byte of memory was given to it. What a client sends without
 * waiting cannot be told from commands any more. */
static void
refuse_literal(struct imap_cmd *c, const struct imap_literal *lit)
{
	imap_bad(c, "[TOOBIG] literal is too large");
	if (!lit->sync)
		imap_bye(c->s, "cannot go on behind that literal");
}

int
imap_read_literal(struct imap_cmd *c, bool *ret_ok)
{
	struct imap *s = c->s;
	struct imap_literal lit;
	size_t from;
	int r;

	*ret_ok = true;
	if (!imap_literal_at_end(hm_buf_view(&s->in), &lit))
		return 0;
	if (lit.size > literal_limit(s) || s->in.len + lit.size >
	    (s->acc ? IMAP_LITERALS_BYTES : IMAP_LITERALS_EARLY) +
	    (uint64_t)IMAP_LINE_MAX) {
		*ret_ok = false;
		refuse_literal(c, &lit);
		return 0;
	}
	hm_buf_puts(&s->in, "\r\n");
	if (lit.sync) {
		hm_buf_puts(&s->out, "+ go on\r\n");
		imap_push(s);
	}
	from = s->in.len;
	hm_buf_reserve(&s->in, (size_t)lit.size);
	r = s->broken;
	if (r == 0 && lit.size)
		r = hm_io_read_full(s->io, s->in.p + from, (size_t)lit.size);
	if (r < 0)
		return broke(s, r);
	s->in.len = from + (size_t)lit.size;
	s->in.p[s->in.len] = 0;
	s->in_bytes += lit.size;
	return imap_read_line(s);
}

int
imap_read_literals(struct imap_cmd *c, bool *ret_ok)
{
	struct imap_literal lit;
	size_t line_start = 0;
	int n, r;

	*ret_ok = true;
	for (n = 0;; n++) {
		struct hm_str line = hm_buf_view(&c->s->in);
		size_t len = line.len;

		/* Only the newest line: a literal's own end is no announcement. */
		if (!imap_literal_at_end(hm_str_skip(line, line_start), &lit))
			return 0;
		if (n == IMAP_LITERALS_MAX) {
			*ret_ok = false;
			refuse_literal(c, &lit);
			return 0;
		}
		r = imap_read_literal(c, ret_ok);
		if (r < 0 || !*ret_ok)
			return r;
		line_start = len + 2 + (size_t)lit.size;
	}
}
