/* session.c - one connection, from greeting to goodbye (RFC 5321, 3). */
#include <stdlib.h>

#include "smtp.h"

enum {
	LINE_MAX_OCTETS = 2048,  /* 512, and room for UTF-8 and parameters */
	COMMANDS_MAX = 1000,     /* between two accepted messages */
	ERRORS_MAX = 20,
};

void
smtp_txn_reset(struct smtp_session *s)
{
	if (s->txn.msg != NULL)
		hm_message_free(s->txn.msg);
	free(s->txn.rcpts);
	s->txn = (struct smtp_txn){ 0 };
}

/* Reports and delays are the queue's, and for users; a promise about TLS is
 * worth something only when it was made over TLS (RFC 8689, 3). */
struct smtp_offer
smtp_offer(const struct smtp_session *s)
{
	const struct hm_queue *queue = s->mod->queue;
	struct smtp_offer offer = { .max_size = s->mod->conf->max_message_bytes,
	    .now_s = hm_wall_ms() / 1000 };

	/* On the way through a local socket there is nobody to listen. */
	if (hm_io_is_tls(s->io) || s->service == SMTP_LOCAL)
		offer.offers |= SMTP_OFFERS_REQUIRETLS;
	if (queue == NULL || !smtp_is_submission(s))
		return offer;
	offer.offers |= SMTP_OFFERS_DSN;
	offer.max_hold_s = queue->ops->max_hold_s(queue->self);
	if (offer.max_hold_s > 0)
		offer.offers |= SMTP_OFFERS_HOLD;
	return offer;
}

static HM_FIBER void
ehlo_reply(struct smtp_session *s)
{
	struct hm_arena *arena = hm_session_arena(s->hs);
	const struct smtp_conf *conf = s->mod->conf;
	const struct smtp_offer offer = smtp_offer(s);
	struct hm_str lines[16];
	char until[24];
	size_t n = 0;

	lines[n++] = hm_str(s->server->hostname);
	lines[n++] = HM_STR("PIPELINING");
	lines[n++] = hm_str(hm_printf(arena, "SIZE %llu",
	    (unsigned long long)conf->max_message_bytes));
	if (s->service == SMTP_LOCAL)
		lines[n++] = hm_str(hm_printf(arena, "XSENDER %.*s",
		    HM_FMT(s->local_sender)));
	else if (s->server->tls != NULL && !hm_io_is_tls(s->io))
		lines[n++] = HM_STR("STARTTLS");
	if (s->service != SMTP_LOCAL && smtp_is_submission(s) && s->mod->auth != NULL &&
	    (hm_io_is_tls(s->io) || conf->insecure_login))
		lines[n++] = hm_str(hm_printf(arena, "AUTH %.*s",
		    HM_FMT(s->mod->auth->ops->mechanisms(s->mod->auth->self,
		    s->hs, conf->insecure_login))));
	lines[n++] = HM_STR("ENHANCEDSTATUSCODES");
	lines[n++] = HM_STR("8BITMIME");
	lines[n++] = HM_STR("SMTPUTF8");
	lines[n++] = HM_STR("CHUNKING");
	lines[n++] = HM_STR("BINARYMIME");
	if (offer.offers & SMTP_OFFERS_REQUIRETLS)
		lines[n++] = HM_STR("REQUIRETLS");
	if (offer.offers & SMTP_OFFERS_DSN)
		lines[n++] = HM_STR("DSN");
	if (offer.offers & SMTP_OFFERS_HOLD)
		lines[n++] = hm_str(hm_printf(arena, "FUTURERELEASE %lld %s",
		    (long long)offer.max_hold_s, hm_date_rfc3339(until,
		    offer.now_s + offer.max_hold_s)));
	lines[n++] = hm_str(hm_printf(arena, "LIMITS RCPTMAX=%lld",
	    (long long)conf->max_recipients));
	smtp_reply_lines(s, 250, lines, n);
}

static HM_FIBER void
cmd_helo(struct smtp_session *s, struct hm_str rest, bool esmtp)
{
	struct hm_str name = hm_str_trim(rest);
	ssize_t blank = hm_str_chr(name, ' ');

	if (blank > 0)
		name = hm_str_take(name, blank);
	/* Mail programs of users call themselves anything. */
	if (!(smtp_is_submission(s) && !s->server->pedantic && name.len > 0 &&
	    name.len <= 255 && hm_utf8_valid(name)) &&
	    !smtp_helo_valid(name, s->server->pedantic)) {
		smtp_reply(s, 501, "5.5.4", "say %s and your host name",
		    esmtp ? "EHLO" : "HELO");
		return;
	}
	hm_session_set_helo(s->hs, name);
	if (smtp_refused(s, hm_decide_helo(s->m, s->hs, NULL, s->hs)))
		return;
	smtp_txn_reset(s);
	s->helo = true;
	s->esmtp = esmtp;
	if (esmtp)
		ehlo_reply(s);
	else
		smtp_reply(s, 250, NULL, "%s", s->server->hostname);
}

static HM_FIBER void
dispatch(struct smtp_session *s, enum smtp_verb verb, struct hm_str rest)
{
	switch (verb) {
	case SMTP_HELO:
	case SMTP_EHLO:
		cmd_helo(s, rest, verb == SMTP_EHLO);
		break;
	case SMTP_STARTTLS:
		smtp_cmd_starttls(s);
		break;
	case SMTP_AUTH:
		smtp_cmd_auth(s, rest);
		break;
	case SMTP_MAIL:
		smtp_cmd_mail(s, rest);
		break;
	case SMTP_RCPT:
		smtp_cmd_rcpt(s, rest);
		break;
	case SMTP_DATA:
		smtp_cmd_data(s);
		break;
	case SMTP_BDAT:
		smtp_cmd_bdat(s, rest);
		break;
	case SMTP_RSET:
		smtp_txn_reset(s);
		smtp_reply(s, 250, "2.0.0", "forgotten");
		break;
	case SMTP_NOOP:
		smtp_reply(s, 250, "2.0.0", "fine");
		break;
	case SMTP_VRFY:
	case SMTP_EXPN:
		smtp_reply(s, 252, "2.7.0", "try it and see");
		break;
	case SMTP_HELP:
		smtp_reply(s, 214, "2.0.0", "see RFC 5321");
		break;
	case SMTP_QUIT:
		smtp_reply(s, 221, "2.0.0", "bye");
		s->closing = true;
		break;
	case SMTP_UNKNOWN:
	case SMTP_VERBS:
		smtp_reply(s, 500, "5.5.1", "unknown command");
		break;
	}
}

/* Clean text, and nothing that could hide from a log or a C string. */
static bool
line_sound(struct hm_str line)
{
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
			return false;
	return hm_utf8_valid(line);
}

static HM_FIBER bool
within_budget(struct smtp_session *s)
{
	if (++s->commands <= COMMANDS_MAX && s->errors <= ERRORS_MAX)
		return true;
	smtp_reply(s, 421, "4.7.0", "%s", s->errors > ERRORS_MAX ?
	    "too many errors" : "too many commands without a message");
	return false;
}

/* EHLO, HELO and STARTTLS end a group of commands (RFC 2920, 3.1; RFC 3207, 4).
 * Whoever does not wait for their replies does not read them. */
static bool
must_wait(enum smtp_verb verb)
{
	return verb == SMTP_HELO || verb == SMTP_EHLO || verb == SMTP_STARTTLS;
}

static HM_FIBER bool
one_command(struct smtp_session *s)
{
	struct hm_str line, rest;
	enum smtp_verb verb;
	bool first = s->commands == 0 && !s->helo;
	int64_t before;
	int r;

	hm_session_idle(s->hs, s->txn.msg == NULL);
	/* All of the line within the time, or a byte now and then would do. */
	before = hm_fiber_deadline(hm_now_ms() + s->mod->conf->timeout_ms);
	r = hm_io_read_line(s->io, LINE_MAX_OCTETS, &line, NULL);
	hm_fiber_deadline(before);
	hm_session_idle(s->hs, false);
	if (r == -HM_ELIMIT)
		smtp_reply(s, 500, "5.5.2", "line too long");
	else if (r == -HM_ETIMEDOUT)
		smtp_reply(s, 421, "4.4.2", "you were silent for too long");
	else if (r == -HM_ECANCELED)
		smtp_reply(s, 421, "4.3.2", "this server ends the session, please come "
		    "again");
	if (r < 0)
		return false;
	if (!within_budget(s))
		return false;
	if (!line_sound(line)) {
		smtp_reply(s, 500, "5.5.2", "control or broken characters");
		return !first;
	}
	verb = smtp_parse_verb(line, &rest);
	hm_log(HM_LOG_TRACE, "command", hm_f("line",
	    verb == SMTP_AUTH ? HM_STR("AUTH (hidden)") : line));
	if (verb == SMTP_UNKNOWN && first) {
		/* HTTP and other strangers; no byte of theirs is run. */
		smtp_reply(s, 500, "5.5.1", "this is SMTP");
		return false;
	}
	if (must_wait(verb) && hm_io_buffered(s->io) > 0) {
		smtp_reply(s, 554, "5.5.0", "wait for the reply");
		return false;
	}
	dispatch(s, verb, rest);
	return !s->closing;
}

static HM_FIBER void
converse(struct smtp_session *s)
{
	/* Who talks before the greeting does not listen (RFC 5321, 3.1). */
	if (hm_io_ready(s->io)) {
		smtp_reply(s, 554, "5.5.0", "wait for the greeting");
		return;
	}
	if (smtp_refused(s, hm_decide_connection(s->m, s->hs, NULL, s->hs)) ||
	    (s->service == SMTP_LOCAL && !smtp_local_login(s)))
		return;
	smtp_reply(s, 220, NULL, "%s ESMTP", s->server->hostname);
	while (one_command(s))
		continue;
	smtp_txn_reset(s);
}

static const char *const service_names[] = { "smtp", "submission", "submissions",
	"local" };

void
smtp_accept(struct hm_mod *m, struct hm_io *io, void *arg)
{
	struct smtp_module *mod = hm_mod_state(m);
	enum smtp_service service = (enum smtp_service)(uintptr_t)arg;
	struct smtp_session s = {
		.m = m, .mod = mod, .server = hm_server(m), .io = io,
		.service = service,
	};
	struct hm_sockaddr peer = *hm_io_peer(io);
	struct hm_err err = { 0 };
	bool counted;

	s.hs = hm_session_new(m, io, service_names[service]);
	hm_io_timeouts(io, mod->conf->timeout_ms, mod->conf->timeout_ms);
	counted = !hm_session_trusted(s.hs);
	if (counted && !hm_ratelimit_add(mod->held, &peer, 1)) {
		smtp_reply(&s, 421, "4.7.0", "too many connections from you");
		counted = false;
	} else if (counted && !hm_ratelimit_add(mod->rate, &peer, 1)) {
		smtp_reply(&s, 421, "4.7.0", "you connect too often");
	} else if (service == SMTP_SUBMISSIONS && hm_io_starttls_server(io,
	    s.server->tls, &err) < 0) {
		hm_log(HM_LOG_INFO, "TLS failed", hm_f("error", err.text));
	} else {
		converse(&s);
	}
	if (counted)
		hm_ratelimit_add(mod->held, &peer, -1);
	smtp_local_leave(&s);
	hm_session_free(s.hs);
	hm_io_close(io);
}
