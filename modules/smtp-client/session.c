/* session.c - a connection to a server: greeting, EHLO, STARTTLS, log-in, QUIT.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <hermod/clock.h>

#include "client.h"

enum {
	TIMEOUT_MS = 5 * 60 * 1000,   /* RFC 5321, 4.5.3.2 */
	QUIT_MS = 5000,
};

/* ---- replies ---- */

/* A line into c->line. The time is for all of the reply: a server that says a
 * byte now and then would hold us for ever. */
static HM_FIBER int
read_line(struct hm_smtp *c, int64_t until_ms)
{
	hm_buf_clear(&c->line);
	while (!hm_str_ends(hm_buf_view(&c->line), HM_STR("\n"))) {
		int64_t left = until_ms - hm_now_ms();
		struct hm_str got;
		ssize_t end;
		int r;

		if (left <= 0)
			return -HM_ETIMEDOUT;
		hm_io_timeouts(c->io, left, left);
		r = hm_io_peek(c->io, &got);
		if (r < 0)
			return r;
		end = hm_str_chr(got, '\n');
		got = hm_str_take(got, end < 0 ? got.len : (size_t)end + 1);
		if (c->line.len + got.len > REPLY_LINE_MAX)
			return -HM_ELIMIT;
		hm_buf_str(&c->line, got);
		hm_io_consume(c->io, got.len);
	}
	return 0;
}

/* Without its end. */
static struct hm_str
chomp(struct hm_str line)
{
	line = hm_str_take(line, line.len - 1);
	return hm_str_ends(line, HM_STR("\r")) ?
	    hm_str_take(line, line.len - 1) : line;
}

int
client_read(struct hm_smtp *c, int64_t timeout_ms)
{
	int64_t until_ms = hm_now_ms() + timeout_ms;
	int r = 0;

	client_reply_clear(&c->reply);
	while (r == 0 && !c->reply.whole) {
		r = read_line(c, until_ms);
		if (r == 0)
			r = client_reply_add(&c->reply,
			    chomp(hm_buf_view(&c->line)));
	}
	hm_io_timeouts(c->io, timeout_ms, timeout_ms);
	c->silent |= r == -HM_ETIMEDOUT;
	if (r < 0)
		c->broken = true;
	else if (c->reply.code == 421)       /* it closes (RFC 5321, 3.8) */
		c->broken = true;
	hm_log(HM_LOG_TRACE, "reply", hm_f("host", c->peer->host),
	    hm_f("text", hm_buf_view(&c->reply.text)));
	return r < 0 ? r : c->reply.code;
}

static int64_t
timeout_of(const struct hm_smtp *c)
{
	return c->peer->timeout_ms > 0 ? c->peer->timeout_ms : TIMEOUT_MS;
}

int
client_send(struct hm_smtp *c, struct hm_str bytes)
{
	int r = hm_io_str(c->io, bytes);

	if (r == 0)
		r = hm_io_flush(c->io);
	if (r < 0) {
		c->broken = true;
		return r;
	}
	return client_read(c, timeout_of(c));
}

int
client_command(struct hm_smtp *c, const char *fmt, ...)
{
	char line[600];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line) - 2)
		return -HM_ELIMIT;
	line[n] = '\r';
	line[n + 1] = '\n';
	return client_send(c, hm_str_n(line, (size_t)n + 2));
}

/* ---- what went wrong ---- */

static int
fail_words(struct hm_smtp_failure *f, enum hm_smtp_stage stage, const char *esc,
    const char *text)
{
	*f = (struct hm_smtp_failure){ .stage = stage };
	snprintf(f->esc, sizeof(f->esc), "%s", esc);
	snprintf(f->text, sizeof(f->text), "%s", text);
	return -HM_EIO;
}

/* The last reply, or what kept it from coming. */
static int
fail_reply(struct hm_smtp *c, struct hm_smtp_failure *f,
    enum hm_smtp_stage stage, int r)
{
	struct hm_str esc = client_reply_esc(&c->reply);
	struct hm_str text = hm_buf_view(&c->reply.text);

	if (r < 0)
		return fail_words(f, stage, "4.4.2", r == -HM_ETIMEDOUT ?
		    "the server did not answer in time" : r == -HM_ESYNTAX ?
		    "the server does not speak SMTP" : r == -HM_ELIMIT ?
		    "the server talks too much" : r == -HM_ECANCELED ?
		    "this server is stopping" : "the connection was lost");
	*f = (struct hm_smtp_failure){ .stage = stage, .code = r,
	    .permanent = r >= 500 };
	snprintf(f->esc, sizeof(f->esc), "%.*s", HM_FMT(esc));
	snprintf(f->text, sizeof(f->text), "%.*s", HM_FMT(text));
	return -HM_EIO;
}

/* ---- beginning ---- */

static HM_FIBER int
say_hello(struct hm_smtp *c, struct hm_smtp_failure *f)
{
	int r = client_command(c, "EHLO %s", c->peer->ehlo);

	c->offer = (struct client_offer){ 0 };
	if (r >= 250 && r < 300) {
		client_reply_clear(&c->ehlo);
		hm_buf_str(&c->ehlo.text, hm_buf_view(&c->reply.text));
		client_offer_read(&c->ehlo, &c->offer);
		return 0;
	}
	/* It may be older than EHLO (RFC 5321, 3.2). */
	if (r >= 500 && r <= 504)
		r = client_command(c, "HELO %s", c->peer->ehlo);
	if (r >= 250 && r < 300)
		return 0;
	(void)fail_reply(c, f, HM_SMTP_GREETED, r);
	return r < 0 ? r : -HM_EIO;
}

static HM_FIBER int
start_tls(struct hm_smtp *c, struct hm_smtp_failure *f)
{
	const struct hm_smtp_peer *peer = c->peer;
	struct hm_err err = { 0 };
	int r = hm_io_starttls_client(c->io, peer->settings,
	    peer->sni != NULL ? peer->sni : peer->host, &err);

	if (r == 0 && peer->verify != NULL)
		r = peer->verify(c->io, peer->arg, &err);
	if (r == 0)
		return 0;
	c->broken = true;
	return fail_words(f, HM_SMTP_TLS_FAILED, "4.7.5", err.text);
}

static HM_FIBER int
upgrade(struct hm_smtp *c, struct hm_smtp_failure *f)
{
	bool offered = c->offer.extensions & HM_SMTP_EXT_STARTTLS;
	enum hm_smtp_tls tls = c->peer->tls;
	int r;

	if (tls == HM_SMTP_TLS_NEVER || tls == HM_SMTP_TLS_FIRST)
		return 0;
	if (!offered)
		return tls == HM_SMTP_TLS_MAY || tls == HM_SMTP_TLS_OFFERED ? 0 :
		    fail_words(f, HM_SMTP_NO_TLS, "4.7.4",
		    "TLS is required, and the server does not offer it");
	r = client_command(c, "STARTTLS");
	if (r != 220)
		return r > 0 && tls == HM_SMTP_TLS_MAY && !c->broken ?
		    0 : fail_reply(c, f, HM_SMTP_NO_TLS, r);
	/* What came in clear behind it is taken for handshake, and fails it. */
	r = start_tls(c, f);
	if (r < 0)
		return r;
	r = say_hello(c, f);
	/* With TLS 1.3 its alert may come only now (RFC 8446, 4.4.2.4). */
	if (r == -HM_ETLS)
		fail_words(f, HM_SMTP_TLS_FAILED, "4.7.5",
		    "TLS: the server broke off behind the handshake");
	return r;
}

static HM_FIBER int
begin(struct hm_smtp *c, struct hm_smtp_failure *f)
{
	int r = c->peer->tls == HM_SMTP_TLS_FIRST ? start_tls(c, f) : 0;

	if (r < 0)
		return r;
	r = client_read(c, timeout_of(c));
	if (r != 220)
		return fail_reply(c, f, r < 0 ? HM_SMTP_NO_GREETING :
		    HM_SMTP_GREETED, r);
	r = say_hello(c, f);
	if (r == 0)
		r = upgrade(c, f);
	if (r == 0 && c->peer->user != NULL)
		r = client_login(c, f);
	return r;
}

int
client_open(struct hm_mod *self, struct hm_io *io,
    const struct hm_smtp_peer *peer, struct hm_smtp **ret,
    struct hm_smtp_failure *ret_failure)
{
	struct hm_smtp *c = hm_xalloc(sizeof(*c));
	int r;

	c->m = self;
	c->io = io;
	c->peer = peer;
	r = begin(c, ret_failure);
	if (r < 0)
		client_close(c);
	else
		*ret = c;
	return r;
}

void
client_close(struct hm_smtp *c)
{
	if (!c->broken && hm_io_puts(c->io, "QUIT\r\n") == 0 &&
	    hm_io_flush(c->io) == 0)
		(void)client_read(c, QUIT_MS);
	hm_io_close(c->io);
	client_reply_release(&c->reply);
	client_reply_release(&c->ehlo);
	hm_buf_release(&c->line);
	free(c);
}
