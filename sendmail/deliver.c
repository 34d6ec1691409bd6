/* deliver.c - the message to the server, and what became of it. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sysexits.h>

#include <hermod/encode.h>
#include <hermod/iface/smtp_client.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

#include "sendmail.h"

/* The SMTP client, linked in: the module that others load. */
extern const struct hm_module_def hm_module;

struct sending {
	const struct delivery *d;
	const struct hm_smtp_client_ops *client;
	struct hm_smtp *smtp;
	struct hm_smtp_peer peer;
	struct rcpts rcpts;
	struct hm_attempt attempt;
	struct hm_buf text;
	int status;
};

static const struct hm_smtp_client_ops *
client_ops(void)
{
	for (const struct hm_provide *p = hm_module.provides; p->iface != NULL; p++)
		if (strcmp(p->iface, "smtp_client") == 0)
			return p->ops;
	return NULL;
}

/* ---- connecting ---- */

static HM_FIBER int
dial_host(const struct settings *s, struct hm_io **ret, struct hm_err *reterr)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_ADDRCONFIG }, *found, *ai;
	int r = getaddrinfo(s->host, NULL, &hints, &found);

	if (r != 0)
		return hm_err_set(reterr, -HM_ENOENT, "%s: %s", s->host,
		    gai_strerror(r));
	r = -HM_ENOENT;
	for (ai = found; ai != NULL && r < 0; ai = ai->ai_next) {
		struct hm_sockaddr addr = { .port = (uint16_t)(s->port != 0 ?
		    s->port : s->tls == SETTINGS_IMPLICIT ? 465 : 587) };

		if (ai->ai_family == AF_INET) {
			addr.family = 4;
			memcpy(addr.ip, &((struct sockaddr_in *)
			    (void *)ai->ai_addr)->sin_addr, 4);
		} else if (ai->ai_family == AF_INET6) {
			const struct sockaddr_in6 *in6 = (void *)ai->ai_addr;

			addr.family = 6;
			addr.scope = in6->sin6_scope_id;
			memcpy(addr.ip, &in6->sin6_addr, 16);
		} else {
			continue;
		}
		r = hm_dial(&addr, NULL, s->timeout_ms, ret, reterr);
	}
	freeaddrinfo(found);
	return r;
}

static HM_FIBER int
dial(const struct settings *s, struct hm_io **ret, struct hm_err *reterr)
{
	struct hm_sockaddr addr = { .family = 1 };
	int r;

	if (s->host[0] != '\0')
		return dial_host(s, ret, reterr);
	if (strlen(s->socket) >= sizeof(addr.path))
		return hm_err_set(reterr, -HM_EINVAL, "the path of the socket is "
		    "too long: %s", s->socket);
	memcpy(addr.path, s->socket, strlen(s->socket));
	r = hm_dial(&addr, NULL, s->timeout_ms, ret, reterr);
	if (r < 0)
		hm_err_prefix(reterr, "the mail server of this machine cannot be "
		    "reached");
	return r;
}

static void
trace(bool sent, struct hm_str bytes, void *arg)
{
	(void)arg;
	while (bytes.p != NULL && bytes.len > 0) {
		struct hm_str line = hm_str_trim(hm_str_split(&bytes, '\n'));

		fprintf(stderr, "%s %.*s\n", sent ? ">>>" : "<<<", HM_FMT(line));
	}
}

/* Whether the failure will go away by waiting. */
static int
status_of_failure(const struct hm_smtp_failure *f)
{
	if (f->stage == HM_SMTP_AUTH_FAILED && f->permanent)
		return EX_CONFIG;
	if (f->stage == HM_SMTP_GREETED && f->permanent)
		return EX_NOPERM;
	return EX_TEMPFAIL;
}

static HM_FIBER int
connect_to_server(struct sending *s)
{
	const struct settings *settings = s->d->settings;
	static const enum hm_smtp_tls modes[] = { HM_SMTP_TLS_FIRST,
		HM_SMTP_TLS_MUST, HM_SMTP_TLS_NEVER };
	bool local = settings->host[0] == '\0';
	struct hm_smtp_failure failure = { 0 };
	struct hm_tls *tls = NULL;
	struct hm_err err = { 0 };
	struct hm_io *io;

	if ((!local && hm_tls_client(settings->ca_file[0] != '\0' ?
	    settings->ca_file : NULL, settings->verify, &tls, &err) < 0) ||
	    dial(settings, &io, &err) < 0) {
		complain("%s", err.text);
		return EX_TEMPFAIL;
	}
	s->peer = (struct hm_smtp_peer){
		.size = sizeof(s->peer),
		.host = local ? "this machine" : settings->host,
		.ehlo = s->d->who.host.p, .settings = tls,
		.tls = local ? HM_SMTP_TLS_NEVER : modes[settings->tls],
		.user = settings->user[0] != '\0' && !local ? settings->user :
		    NULL,
		.password = settings->password,
		.mechanisms = settings->mechanisms,
		.timeout_ms = settings->timeout_ms,
	};
	if (s->client->open(NULL, io, &s->peer, &s->smtp, &failure) < 0) {
		complain("%s: %s", s->peer.host, failure.text);
		return status_of_failure(&failure);
	}
	if (s->d->args->verbose)
		hm_io_trace(s->client->io(s->smtp), trace, NULL);
	return EX_OK;
}

/* ---- who writes ---- */

/* Our own server says which address is this user's. */
static struct hm_str
told_sender(const struct sending *s)
{
	struct hm_str text = s->smtp != NULL && s->d->settings->host[0] == '\0' ?
	    s->client->ehlo(s->smtp) : (struct hm_str){ 0 };

	while (text.p != NULL) {
		struct hm_str line = hm_str_trim(hm_str_split(&text, '\n'));

		if (line.len > 4 && hm_str_casestarts(hm_str_skip(line, 4),
		    HM_STR("XSENDER ")))
			return hm_str_skip(line, 12);
	}
	return (struct hm_str){ 0 };
}

static int
find_author(struct sending *s, struct author *who)
{
	const struct settings *settings = s->d->settings;
	struct hm_arena *arena = s->d->arena;
	struct hm_str text = told_sender(s);
	struct hm_err err = { 0 };

	who->always = settings->from[0] != '\0';
	if (who->always)
		text = hm_str(settings->from);
	else if (text.len == 0)
		text = hm_str(hm_printf(arena, "%.*s@%s", HM_FMT(who->user),
		    settings->domain[0] != '\0' ? settings->domain : who->host.p));
	if (hm_addr_parse(arena, text, HM_ADDR_UTF8, &who->addr, &err) == 0)
		return EX_OK;
	complain("no sender: \"%.*s\": %s; set \"from\" in sendmail.yaml",
	    HM_FMT(text), err.text);
	return EX_CONFIG;
}

static int
find_sender(struct sending *s, const struct author *who)
{
	struct hm_arena *arena = s->d->arena;
	struct hm_str given = hm_str(s->d->args->sender), local, rest;
	struct hm_err err = { 0 };

	s->attempt.sender = who->addr;
	if (given.p == NULL && !(s->d->args->from_header &&
	    message_kept_sender(arena, s->d->msg.header, &given)))
		return EX_OK;
	if (given.len >= 2 && given.p[0] == '<' && given.p[given.len - 1] == '>')
		given = hm_str_n(given.p + 1, given.len - 2);
	if (given.len == 0) {          /* nobody hears of it */
		s->attempt.sender = (struct hm_addr){ 0 };
		return EX_OK;
	}
	rest = given;
	local = hm_str_split(&rest, '@');
	if (who->always || message_own(who, local, rest))
		return EX_OK;
	if (hm_addr_parse(arena, given, HM_ADDR_UTF8, &s->attempt.sender,
	    &err) == 0)
		return EX_OK;
	complain("the sender \"%.*s\": %s", HM_FMT(hm_str_take(given, 80)),
	    err.text);
	return EX_USAGE;
}

/* ---- to whom ---- */

static int
find_rcpts(struct sending *s, const struct author *who)
{
	const struct settings *settings = s->d->settings;
	const struct args *args = s->d->args;
	struct hm_err err = { 0 };
	int r = 0;

	/* Until the server said whose domain it is, the name stays one of this
	 * machine. */
	s->rcpts = (struct rcpts){ .arena = s->d->arena,
	    .domain = settings->domain[0] != '\0' ? settings->domain :
	    s->smtp != NULL || who->always ? who->addr.domain.p : "localhost",
	    .other = settings->default_recipient[0] != '\0' ?
	    settings->default_recipient : NULL };
	for (size_t i = 0; i < args->nrcpts && r == 0; i++)
		r = message_rcpts(&s->rcpts, hm_str(args->rcpts[i]), &err);
	if (r == 0 && args->from_header)
		r = message_header_rcpts(&s->rcpts, s->d->msg.header, &err);
	if (r < 0) {
		complain("%s", err.text);
		return args->from_header ? EX_DATAERR : EX_USAGE;
	}
	if (s->rcpts.n == 0) {
		complain(args->from_header ? "the message names no recipient" :
		    "no recipient was given");
		return args->from_header ? EX_DATAERR : EX_USAGE;
	}
	for (size_t i = 0; i < s->rcpts.n; i++)
		s->rcpts.at[i].notify = args->notify;
	return EX_OK;
}

/* ---- handing in ---- */

static HM_FIBER ssize_t
read_text(struct hm_attempt *a, uint64_t offset, void *p, size_t len)
{
	struct sending *s = (struct sending *)(void *)((char *)a -
	    offsetof(struct sending, attempt));
	struct hm_str rest = hm_str_skip(hm_buf_view(&s->text), offset);

	rest = hm_str_take(rest, len);
	memcpy(p, rest.p, rest.len);
	return (ssize_t)rest.len;
}

static void
fill_attempt(struct sending *s)
{
	const struct args *args = s->d->args;
	struct hm_attempt *a = &s->attempt;
	struct hm_buf envid = { 0 };

	a->size = sizeof(*a);
	a->arena = s->d->arena;
	a->nrcpts = s->rcpts.n;
	a->rcpts = s->rcpts.at;
	a->ret = args->ret;
	if (args->envid != NULL) {
		hm_xtext_encode(&envid, hm_str(args->envid));
		a->envid = hm_str_dup(a->arena, hm_buf_view(&envid));
		hm_buf_release(&envid);
	}
	a->smtputf8 = a->sender.utf8;
	for (size_t i = 0; i < a->nrcpts; i++)
		a->smtputf8 = a->smtputf8 || a->rcpts[i].addr.utf8;
	a->eightbit = !hm_str_ascii(hm_buf_view(&s->text));
	a->bytes = s->text.len;
	a->read = read_text;
}

static size_t
untried(const struct hm_attempt *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->nrcpts; i++)
		n += a->rcpts[i].outcome == HM_ATTEMPT_UNTRIED;
	return n;
}

/* A server may take a few recipients at once only. */
static HM_FIBER void
hand_in(struct sending *s)
{
	size_t before = 0, left = untried(&s->attempt);

	while (left > 0 && left != before && s->client->usable(s->smtp)) {
		before = left;
		s->client->deliver(s->smtp, &s->attempt);
		left = untried(&s->attempt);
	}
}

/* ---- what became of it ---- */

static int
status_of(const struct hm_attempt_rcpt *rcpt)
{
	struct hm_str what = rcpt->esc.len > 2 ? hm_str_skip(rcpt->esc, 2) :
	    (struct hm_str){ 0 };

	if (rcpt->outcome == HM_ATTEMPT_DELIVERED ||
	    rcpt->outcome == HM_ATTEMPT_RELAYED)
		return EX_OK;
	if (rcpt->outcome != HM_ATTEMPT_PERMANENT)
		return EX_TEMPFAIL;
	if (hm_str_is(what, "1.1") || hm_str_is(what, "2.1"))
		return EX_NOUSER;
	if (hm_str_is(what, "1.2") || hm_str_is(what, "4.4"))
		return EX_NOHOST;
	if (hm_str_starts(what, HM_STR("7.")))
		return EX_NOPERM;
	if (hm_str_starts(what, HM_STR("6.")) || hm_str_is(what, "3.4"))
		return EX_DATAERR;
	return EX_UNAVAILABLE;
}

/* What no waiting mends counts most: a caller that tries again would send to
 * those again who have it. */
static int
tell_outcome(const struct sending *s)
{
	int status = EX_OK;

	for (size_t i = 0; i < s->attempt.nrcpts; i++) {
		const struct hm_attempt_rcpt *rcpt = &s->attempt.rcpts[i];
		struct hm_str text = rcpt->text;
		int one = status_of(rcpt);

		if (one == EX_OK)
			continue;
		if (status == EX_OK || status == EX_TEMPFAIL)
			status = one;
		text = hm_str_trim(hm_str_split(&text, '\n'));
		complain("%.*s: %.*s", HM_FMT(rcpt->addr.text),
		    HM_FMT(text.len > 0 ? text : HM_STR("not handed in")));
	}
	return status;
}

static void
keep(struct sending *s)
{
	const char *folder = s->d->settings->failures, *path;
	struct hm_err err = { 0 };

	path = keep_copy(s->d->arena, folder[0] != '\0' ? folder : NULL,
	    hm_buf_view(&s->text), s->attempt.sender.text, &s->attempt, &err);
	if (path != NULL)
		complain("the message is kept in %s; to send it again: "
		    "hermod sendmail -i -t < %s", path, path);
	else
		complain("the message could not be kept: %s", err.text);
}

static HM_FIBER void
send_message(struct sending *s, struct author *who)
{
	int r = find_author(s, who);

	if (r == EX_OK)
		r = find_sender(s, who);
	if (r == EX_OK)
		r = find_rcpts(s, who);
	if (r != EX_OK) {
		s->status = r;
		return;
	}
	message_write(&s->text, &s->d->msg, who);
	fill_attempt(s);
	if (s->smtp != NULL) {
		hand_in(s);
		s->status = tell_outcome(s);
	}
	if (s->status != EX_OK)
		keep(s);
}

void
deliver(void *arg)
{
	struct delivery *d = arg;
	struct author who = d->who;
	struct sending *s = hm_new(d->arena, struct sending);

	s->d = d;
	s->client = client_ops();
	s->status = connect_to_server(s);
	send_message(s, &who);
	if (s->smtp != NULL)
		s->client->close(s->smtp);
	hm_tls_unref((struct hm_tls *)(uintptr_t)s->peer.settings);
	hm_buf_release(&s->text);
	d->status = s->status;
}
