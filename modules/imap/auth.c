/* auth.c - STARTTLS, LOGIN and AUTHENTICATE (RFC 9051, 6.2; RFC 4959). */
#include <hermod/arena.h>
#include <hermod/encode.h>
#include <hermod/hooks.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/plugin.h>
#include <hermod/session.h>

#include "imap.h"

enum { SASL_LINE_MAX = 64 << 10, SASL_STEPS_MAX = 20 };

void
imap_cmd_starttls(struct imap_cmd *c)
{
	struct imap *s = c->s;
	struct hm_tls *tls = hm_server(s->srv->mod)->tls;
	struct hm_err err = { 0 };
	int r;

	if (!imap_args_end(c))
		return;
	if (hm_io_is_tls(s->io) || !tls) {
		imap_bad(c, hm_io_is_tls(s->io) ? "TLS is active already" :
		    "TLS is not configured");
		return;
	}
	imap_ok(c, "begin TLS, session %s", hm_session_id(s->session));
	imap_push(s);
	r = s->broken ? s->broken : hm_io_flush(s->io);
	if (r == 0)
		r = hm_io_starttls_server(s->io, tls, &err);
	if (r < 0) {
		s->broken = r;
		hm_log(HM_LOG_INFO, "TLS failed",
		    hm_f("error", err.text));
	}
}

/* Whether a password may come over this connection as it is. */
static bool
plain_allowed(const struct imap *s)
{
	return hm_session_tls(s->session) || s->srv->conf->insecure_login;
}

static void
refused(struct imap_cmd *c, int code, const struct hm_err *err)
{
	switch (code) {
	case -HM_EAUTH:
		imap_no(c, "[AUTHENTICATIONFAILED] wrong name or password");
		break;
	case -HM_EACCES:
		imap_no(c, "[AUTHORIZATIONFAILED] %s",
		    err->text[0] ? err->text : "not permitted");
		break;
	case -HM_ESYNTAX:
		imap_bad(c, "malformed credentials");
		break;
	case -HM_EUNSUPPORTED:
		imap_no(c, "[CANNOT] mechanism is not offered");
		break;
	case -HM_ELIMIT:
		imap_no(c, "[LIMIT] too many failures");
		imap_bye(c->s, "too many failures");
		break;
	default:
		imap_no_err(c, code, err);
	}
}

static bool
auth_hooks_agree(struct imap_cmd *c)
{
	struct imap *s = c->s;
	struct hm_verdict v = hm_decide_auth(s->srv->mod, s->session, NULL,
	    s->session);
	const char *text = v.text ? v.text : "not permitted";

	if (v.kind == HM_DEFER || v.kind == HM_FAIL)
		imap_no(c, "[UNAVAILABLE] %s", text);
	else if (v.kind == HM_REJECT)
		imap_no(c, "[AUTHORIZATIONFAILED] %s", text);
	else if (v.kind == HM_DISCONNECT)
		imap_bye(s, "%s", text);
	else
		return true;
	return false;
}

int
imap_logged_in(struct imap_cmd *c, const struct hm_login_result *who)
{
	struct imap *s = c->s;
	const struct imap_conf *conf = s->srv->conf;
	struct hm_err err = { 0 };
	int r;

	hm_session_set_login(s->session, who->account, who->login);
	if (!auth_hooks_agree(c)) {
		hm_session_set_login(s->session, hm_str(NULL), hm_str(NULL));
		return -HM_EACCES;
	}
	r = s->srv->store->ops->open(s->srv->store->self, who->account, &s->acc,
	    &err);
	if (r < 0) {
		s->acc = NULL;
		hm_session_set_login(s->session, hm_str(NULL), hm_str(NULL));
		imap_no_err(c, r, &err);
		return r;
	}
	s->state = IMAP_AUTH;
	hm_io_timeouts(s->io, conf->idle_timeout_ms, conf->write_timeout_ms);
	hm_log(HM_LOG_INFO, "logged in", hm_f("account", who->account),
	    hm_f("login", who->login));
	/* The list may be longer than a line of text that imap_ok() makes. */
	c->replied = true;
	hm_buf_str(&s->out, c->tag);
	hm_buf_puts(&s->out, " OK [CAPABILITY ");
	imap_put_capabilities(s);
	hm_buf_puts(&s->out, "] logged in\r\n");
	return 0;
}

void
imap_cmd_login(struct imap_cmd *c)
{
	const struct hm_auth *auth = c->s->srv->auth;
	struct hm_login_result who = { 0 };
	struct hm_str login, password;
	struct hm_err err = { 0 };
	int r;

	if (!imap_p_sp(&c->p) || !imap_p_astring(&c->p, &login) ||
	    !imap_p_sp(&c->p) || !imap_p_astring(&c->p, &password)) {
		imap_bad_syntax(c);
		return;
	}
	if (!imap_args_end(c))
		return;
	if (!plain_allowed(c->s)) {
		imap_no(c, "[PRIVACYREQUIRED] begin TLS first");
		return;
	}
	r = auth->ops->password(auth->self, c->s->session, login, password,
	    &who, &err);
	if (r < 0)
		refused(c, r, &err);
	else
		imap_logged_in(c, &who);
}

/* Sends a challenge and reads the answer into in, decoded. False when the
 * exchange is over: BAD was said, or the stream has ended. */
static bool
ask(struct imap_cmd *c, struct hm_str challenge, struct hm_buf *in)
{
	struct imap *s = c->s;
	struct hm_str line;
	int r;

	hm_buf_puts(&s->out, "+ ");
	hm_base64_encode(&s->out, challenge);
	hm_buf_puts(&s->out, "\r\n");
	imap_push(s);
	if (s->broken)
		return false;
	r = hm_io_read_line(s->io, SASL_LINE_MAX, &line, NULL);
	if (r < 0) {
		s->broken = r;
		return false;
	}
	s->in_bytes += line.len + 2;
	hm_buf_clear(in);
	if (hm_str_is(line, "*")) {
		imap_bad(c, "cancelled");
		return false;
	}
	if (hm_base64_decode(in, line) < 0) {
		imap_bad(c, "malformed base64");
		return false;
	}
	return true;
}

/* Steps until somebody is logged in, or refused. */
static void
exchange(struct imap_cmd *c, struct hm_sasl *sasl, bool initial,
    struct hm_buf *in)
{
	const struct hm_auth *auth = c->s->srv->auth;
	struct hm_login_result who = { 0 };
	struct hm_err err = { 0 };
	struct hm_buf out = { 0 };
	int r = 0, steps;

	for (steps = 0; steps < SASL_STEPS_MAX; steps++) {
		struct hm_str given = hm_str_n(in->p ? in->p : "", in->len);

		hm_buf_clear(&out);
		r = auth->ops->step(sasl, initial ? given : hm_str(NULL), &out,
		    &who, &err);
		if (r != HM_SASL_CONTINUE)
			break;
		if (!ask(c, hm_buf_view(&out), in)) {
			hm_buf_release(&out);
			return;
		}
		initial = true;
	}
	/* IMAP has no place for data with success: the client answers it with
	 * an empty line. */
	if (r == HM_SASL_DONE_DATA && !ask(c, hm_buf_view(&out), in))
		r = 0;
	else if (r == HM_SASL_DONE || r == HM_SASL_DONE_DATA)
		imap_logged_in(c, &who);
	else
		refused(c, r < 0 ? r : -HM_ESYNTAX, &err);
	hm_buf_release(&out);
}

/* The initial response: absent, "=" for an empty one, or base64. */
static bool
take_initial(struct imap_cmd *c, struct hm_buf *in, bool *ret_given)
{
	struct hm_str text;

	*ret_given = imap_p_maybe(&c->p, ' ');
	if (!*ret_given)
		return true;
	text = hm_str_n(c->p.p, (size_t)(c->p.end - c->p.p));
	c->p.p = c->p.end;
	if (hm_str_is(text, "="))
		return true;
	if (text.len && hm_base64_decode(in, text) == 0)
		return true;
	imap_bad(c, "malformed base64");
	return false;
}

void
imap_cmd_authenticate(struct imap_cmd *c)
{
	struct imap *s = c->s;
	const struct hm_auth *auth = s->srv->auth;
	struct hm_err err = { 0 };
	struct hm_sasl *sasl = NULL;
	struct hm_buf in = { 0 };
	struct hm_str mechanism;
	bool given;
	int r;

	if (!imap_p_sp(&c->p) || !imap_p_atom(&c->p, &mechanism)) {
		imap_bad_syntax(c);
		return;
	}
	r = auth->ops->start(auth->self, s->session, mechanism,
	    s->srv->conf->insecure_login, &sasl, &err);
	if (r < 0) {
		refused(c, r, &err);
		return;
	}
	if (take_initial(c, &in, &given) && imap_args_end(c))
		exchange(c, sasl, given, &in);
	auth->ops->end(sasl);
	if (in.p)
		hm_wipe(in.p, in.cap);
	hm_buf_release(&in);
}
