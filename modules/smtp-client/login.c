/* login.c - AUTH with the strongest mechanism that both sides know (RFC 4954).
 */
#include <stdio.h>
#include <string.h>

#include <gsasl.h>

#include <hermod/encode.h>
#include <hermod/work.h>

#include "client.h"

enum { ITERATIONS_MAX = 1000000, STEPS_MAX = 10 };

/* Strongest first. The plain ones give the password away, and are used only if
 * the admin lists them, and under TLS. */
static const struct {
	const char *name;
	bool plain, bound;
} mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", false, true },
	{ "SCRAM-SHA-1-PLUS", false, true },
	{ "SCRAM-SHA-256", false, false },
	{ "SCRAM-SHA-1", false, false },
	{ "CRAM-MD5", false, false },
	{ "PLAIN", true, false },
	{ "LOGIN", true, false },
};

struct login {
	struct hm_smtp *c;
	Gsasl *gsasl;
	Gsasl_session *session;
	const char *mechanism;
	bool bound;
	struct hm_buf exporter, unique;  /* base64 of what binds the channel */
	const char *why;                 /* our side broke it off */
	/* one step */
	char *out;
	size_t len;
	struct hm_buf in;
};

static bool
offered(const struct client_offer *offer, const char *name)
{
	struct hm_str words = offer->auth;

	while (words.p != NULL)
		if (hm_str_caseis(hm_str_split(&words, ' '), name))
			return true;
	return false;
}

/* Data that ties the log-in to this connection (RFC 9266, RFC 5929). GNU SASL
 * wants none for the mechanisms without -PLUS. */
static void
bind_channel(struct login *l)
{
	const char *const types[] = { "tls-exporter", "tls-unique" };
	struct hm_buf *const outs[] = { &l->exporter, &l->unique };

	for (size_t i = 0; i < 2; i++) {
		struct hm_buf raw = { 0 };

		if (hm_io_is_tls(l->c->io) && hm_io_channel_binding(l->c->io,
		    types[i], &raw) == 0)
			hm_base64_encode(outs[i], hm_buf_view(&raw));
		hm_buf_release(&raw);
	}
}

static const char *
choose(struct login *l)
{
	const struct hm_smtp_peer *peer = l->c->peer;
	bool tls = hm_io_is_tls(l->c->io);

	for (size_t i = 0; i < HM_ARRAY_LEN(mechanisms); i++) {
		const char *name = mechanisms[i].name;

		if (!offered(&l->c->offer, name) ||
		    (mechanisms[i].plain && !tls) ||
		    (mechanisms[i].bound && l->exporter.len + l->unique.len == 0))
			continue;
		if (peer->mechanisms != NULL && peer->mechanisms->n > 0 ?
		    hm_strlist_has(peer->mechanisms, hm_str(name)) :
		    !mechanisms[i].plain) {
			l->bound = mechanisms[i].bound;
			return name;
		}
	}
	return NULL;
}

static int
callback(Gsasl *gsasl, Gsasl_session *session, Gsasl_property property)
{
	struct login *l = gsasl_session_hook_get(session);

	(void)gsasl;
	switch (property) {
	case GSASL_AUTHID:
		return gsasl_property_set(session, property, l->c->peer->user);
	case GSASL_PASSWORD:
		return gsasl_property_set(session, property,
		    l->c->peer->password);
	case GSASL_CB_TLS_EXPORTER:
		return !l->bound || l->exporter.len == 0 ? GSASL_NO_CALLBACK :
		    gsasl_property_set(session, property, l->exporter.p);
	case GSASL_CB_TLS_UNIQUE:
		return !l->bound || l->unique.len == 0 ? GSASL_NO_CALLBACK :
		    gsasl_property_set(session, property, l->unique.p);
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* SCRAM hashes the password as often as the server likes: not on the loop. */
static int
step_job(void *arg)
{
	struct login *l = arg;

	return gsasl_step(l->session, l->in.p, l->in.len, &l->out, &l->len);
}

/* "…,i=4096": how often, before anything is computed (RFC 5802, 7). */
static bool
iterations_sane(const struct login *l)
{
	struct hm_str rest = hm_buf_view(&l->in);
	uint64_t n;

	if (strncmp(l->mechanism, "SCRAM", 5) != 0)
		return true;
	while (rest.p != NULL) {
		struct hm_str word = hm_str_split(&rest, ',');

		if (hm_str_starts(word, HM_STR("i=")) &&
		    hm_str_u64(hm_str_skip(word, 2), ITERATIONS_MAX, &n) < 0)
			return false;
	}
	return true;
}

/* What the client says next, in base64; "=" for an empty first answer. */
static HM_FIBER int
say(struct login *l, bool first)
{
	struct hm_buf line = { 0 };
	int r;

	if (first)
		hm_buf_printf(&line, "AUTH %s ", l->mechanism);
	if (first && l->len == 0)
		hm_buf_putc(&line, '=');
	hm_base64_encode(&line, hm_str_n(l->out, l->len));
	hm_wipe(l->out, l->len);
	gsasl_free(l->out);
	l->out = NULL;
	hm_buf_puts(&line, "\r\n");
	r = client_send(l->c, hm_buf_view(&line));
	hm_wipe(line.p, line.len);
	hm_buf_release(&line);
	return r;
}

static int
hear(struct login *l)
{
	struct hm_str text = hm_str_skip(hm_buf_view(&l->c->reply.text), 4);

	hm_buf_clear(&l->in);
	return hm_base64_decode(&l->in, text);
}

/* LOGIN and CRAM-MD5 begin with the server (RFC 4422, 3). */
static bool
server_first(const char *mechanism)
{
	return strcmp(mechanism, "LOGIN") == 0 ||
	    strcmp(mechanism, "CRAM-MD5") == 0;
}

static HM_FIBER int
converse(struct login *l)
{
	bool first = true, mute = server_first(l->mechanism);
	int r = 0, g = GSASL_NEEDS_MORE;

	for (int i = 0; i < STEPS_MAX; i++) {
		if (mute) {
			r = client_command(l->c, "AUTH %s", l->mechanism);
		} else if (g == GSASL_NEEDS_MORE) {
			g = iterations_sane(l) ? hm_work(step_job, l) :
			    GSASL_MECHANISM_PARSE_ERROR;
			if (g != GSASL_OK && g != GSASL_NEEDS_MORE) {
				l->why = gsasl_strerror(g);
				(void)client_command(l->c, "*");
				return -HM_EAUTH;
			}
			r = say(l, first);
		} else {
			r = client_command(l->c, "%s", "");
		}
		first = mute = false;
		if (r != 334)
			break;
		if (hear(l) < 0)
			return -HM_ESYNTAX;
	}
	/* A server that proves nothing in SCRAM is not the one we know; its proof
	 * may come with the 235 (RFC 4954, 4). */
	if (r == 235 && g == GSASL_NEEDS_MORE &&
	    strncmp(l->mechanism, "SCRAM", 5) == 0) {
		l->why = "the server did not prove that it knows the password";
		return -HM_EAUTH;
	}
	return r;
}

static int
refuse(struct hm_smtp *c, struct hm_smtp_failure *f, int r, const char *text)
{
	*f = (struct hm_smtp_failure){ .stage = HM_SMTP_AUTH_FAILED,
	    .code = r > 0 ? r : 0, .permanent = r >= 500 };
	snprintf(f->esc, sizeof(f->esc), "%s", "4.7.8");
	if (r > 0)
		snprintf(f->text, sizeof(f->text), "%.*s",
		    HM_FMT(hm_buf_view(&c->reply.text)));
	else
		snprintf(f->text, sizeof(f->text), "%s", text);
	return -HM_EAUTH;
}

static HM_FIBER int
log_in(struct login *l, struct hm_arena *arena, struct hm_smtp_failure *f)
{
	struct hm_smtp *c = l->c;
	int r;

	bind_channel(l);
	l->mechanism = choose(l);
	if (l->mechanism == NULL)
		return refuse(c, f, 0, "the server offers no way to log in that "
		    "is allowed here");
	gsasl_callback_set(l->gsasl, callback);
	if (gsasl_client_start(l->gsasl, l->mechanism, &l->session) != GSASL_OK)
		return refuse(c, f, 0, "log-in cannot begin");
	gsasl_session_hook_set(l->session, l);
	r = converse(l);
	gsasl_finish(l->session);
	if (r == 235)
		return 0;
	if (r == -HM_EAUTH)
		return refuse(c, f, 0, hm_printf(arena, "log-in by %s failed: %s",
		    l->mechanism, l->why));
	return refuse(c, f, r, "log-in broke off");
}

int
client_login(struct hm_smtp *c, struct hm_smtp_failure *failure)
{
	struct login l = { .c = c };
	struct hm_arena *arena;
	int r;

	if (gsasl_init(&l.gsasl) != GSASL_OK)
		return refuse(c, failure, 0, "GNU SASL cannot be started");
	arena = hm_arena_new(NULL, "login");
	r = log_in(&l, arena, failure);
	hm_arena_free(arena);
	gsasl_done(l.gsasl);
	hm_buf_release(&l.exporter);
	hm_buf_release(&l.unique);
	hm_buf_release(&l.in);
	return r;
}
