/* login.c - STARTTLS (RFC 3207) and AUTH (RFC 4954). */
#include "smtp.h"

/* An AUTH line may be longer than a command (RFC 4954, 4.2). */
enum { AUTH_LINE_MAX = 12288 };

void
smtp_cmd_starttls(struct smtp_session *s)
{
	struct hm_err err = { 0 };

	if (hm_io_is_tls(s->io)) {
		smtp_reply(s, 503, "5.5.1", "TLS is active already");
		return;
	}
	if (s->server->tls == NULL || s->service == SMTP_LOCAL) {
		smtp_reply(s, 502, "5.5.1", "there is no TLS here");
		return;
	}
	/* What came along in clear would otherwise run as if protected. */
	if (hm_io_ready(s->io)) {
		smtp_reply(s, 554, "5.5.0", "bytes behind STARTTLS");
		s->closing = true;
		return;
	}
	smtp_reply(s, 220, "2.0.0", "go ahead");
	if (hm_io_flush(s->io) < 0 ||
	    hm_io_starttls_server(s->io, s->server->tls, &err) < 0) {
		hm_log(HM_LOG_INFO, "TLS failed", hm_f("error", err.text));
		s->closing = true;
		return;
	}
	/* Everything learned before is forgotten (RFC 3207, 4.2). */
	smtp_txn_reset(s);
	s->helo = s->esmtp = false;
}

static HM_FIBER bool
auth_allowed(struct smtp_session *s)
{
	if (!smtp_is_submission(s) || s->mod->auth == NULL)
		smtp_reply(s, 503, "5.5.1", "no log-in on this port");
	else if (!s->esmtp)
		smtp_reply(s, 503, "5.5.1", "say EHLO first");
	else if (hm_session_account(s->hs).len > 0)
		smtp_reply(s, 503, "5.5.1", "you are logged in already");
	else if (s->txn.msg != NULL)
		smtp_reply(s, 503, "5.5.1", "not within a mail transaction");
	else if (!hm_io_is_tls(s->io) && !s->mod->conf->insecure_login)
		smtp_reply(s, 538, "5.7.11", "STARTTLS first");
	else
		return true;
	return false;
}

/* Sends the challenge and reads the answer. -HM_ECANCELED: the client gave up,
 * and was told so, as it was about any other failure. */
static HM_FIBER int
challenge(struct smtp_session *s, struct hm_str data, struct hm_buf *answer)
{
	struct hm_buf line64 = { 0 };
	struct hm_str line;
	int r;

	hm_base64_encode(&line64, data);
	(void)hm_io_puts(s->io, "334 ");
	(void)hm_io_str(s->io, hm_buf_view(&line64));
	(void)hm_io_puts(s->io, "\r\n");
	hm_buf_release(&line64);

	r = hm_io_read_line(s->io, AUTH_LINE_MAX, &line, NULL);
	if (r < 0) {
		if (r == -HM_ELIMIT)
			smtp_reply(s, 500, "5.5.6", "line too long");
		s->closing = true;
		return r;
	}
	if (hm_str_is(line, "*")) {
		smtp_reply(s, 501, "5.5.0", "authentication cancelled");
		return -HM_ECANCELED;
	}
	hm_buf_clear(answer);
	if (hm_base64_decode(answer, line) < 0) {
		smtp_reply(s, 501, "5.5.2", "that is not base64");
		return -HM_ESYNTAX;
	}
	return 0;
}

/* The failure of an exchange, as a reply. */
static HM_FIBER void
auth_failed(struct smtp_session *s, int r, const struct hm_err *err)
{
	s->auth_failures++;
	switch (r) {
	case -HM_EAUTH:
		smtp_reply(s, 535, "5.7.8", "user name or password is wrong");
		break;
	case -HM_EACCES:
		smtp_reply(s, 525, "5.7.13", "%s", err->text);
		break;
	case -HM_ESYNTAX:
		smtp_reply(s, 501, "5.5.2", "%s", err->text);
		break;
	case -HM_EUNSUPPORTED:
		smtp_reply(s, 504, "5.5.4", "that mechanism is not offered");
		break;
	case -HM_ELIMIT:
		smtp_reply(s, 421, "4.7.0", "too many failed log-ins");
		s->closing = true;
		break;
	default:
		smtp_reply(s, 454, "4.7.0", "temporary failure");
		break;
	}
	if (s->auth_failures >= 10)
		s->closing = true;
}

/* Runs the exchange; *in is the initial response or absent. */
static HM_FIBER int
exchange(struct smtp_session *s, struct hm_sasl *sasl, struct hm_buf *in,
    bool has_initial, struct hm_login_result *ret)
{
	const struct hm_auth_ops *ops = s->mod->auth->ops;
	struct hm_buf out = { 0 };
	struct hm_err err = { 0 };
	struct hm_str given = has_initial ?
	    hm_str_n(in->p != NULL ? in->p : "", in->len) : (struct hm_str){ 0 };
	int step, r = 0;

	for (;;) {
		hm_buf_clear(&out);
		step = ops->step(sasl, given, &out, ret, &err);
		if (step < 0) {
			auth_failed(s, step, &err);
			r = step;
			break;
		}
		if (step == HM_SASL_DONE)
			break;
		r = challenge(s, hm_buf_view(&out), in);
		if (r < 0 || step == HM_SASL_DONE_DATA)
			break;
		given = hm_str_n(in->p != NULL ? in->p : "", in->len);
	}
	hm_buf_release(&out);
	return r;
}

static HM_FIBER void
authenticate(struct smtp_session *s, struct hm_str mechanism, struct hm_buf *in,
    bool has_initial)
{
	const struct hm_auth *auth = s->mod->auth;
	struct hm_login_result who = { 0 };
	struct hm_err err = { 0 };
	struct hm_sasl *sasl;
	int r;

	r = auth->ops->start(auth->self, s->hs, mechanism,
	    s->mod->conf->insecure_login, &sasl, &err);
	if (r < 0) {
		auth_failed(s, r, &err);
		return;
	}
	r = exchange(s, sasl, in, has_initial, &who);
	auth->ops->end(sasl);
	if (r < 0)
		return;

	hm_session_set_login(s->hs, who.account, who.login);
	if (smtp_refused(s, hm_decide_auth(s->m, s->hs, NULL, s->hs))) {
		hm_session_set_login(s->hs, HM_STR(""), HM_STR(""));
		return;
	}
	smtp_reply(s, 235, "2.7.0", "welcome");
}

void
smtp_cmd_auth(struct smtp_session *s, struct hm_str rest)
{
	struct hm_arena *arena = hm_session_arena(s->hs);
	struct hm_str mechanism, initial;
	struct hm_buf in = { 0 };
	bool bad = false;

	if (!auth_allowed(s))
		return;
	/* The line's memory is lent only until the next read. */
	rest = hm_str_dup(arena, rest);
	mechanism = hm_str_split(&rest, ' ');
	initial = hm_str_trim(rest);
	if (mechanism.len == 0 || mechanism.len > 20) {
		smtp_reply(s, 501, "5.5.4", "write AUTH MECHANISM");
		return;
	}
	if (initial.len > 0 && !hm_str_is(initial, "="))
		bad = hm_base64_decode(&in, initial) < 0;
	if (bad)
		smtp_reply(s, 501, "5.5.2", "that is not base64");
	else
		authenticate(s, mechanism, &in, initial.len > 0);
	hm_wipe((char *)(uintptr_t)rest.p, rest.len);
	if (in.p != NULL)
		hm_wipe(in.p, in.len);
	hm_buf_release(&in);
}
