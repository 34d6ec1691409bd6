/* session.c - one connection, from the greeting to the end. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/fiber.h>
#include <hermod/hooks.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/plugin.h>
#include <hermod/session.h>

#include "imap.h"

enum {
	PUMP_BYTES = 32 << 10,     /* output gathered before it is handed on */
	KEEP_BYTES = 512,          /* buffers kept by an idle session */
	HANDSHAKE_MS = 60 * 1000,
};

void
imap_push(struct imap *s)
{
	int r;

	if (s->broken || s->out.len == 0) {
		hm_buf_clear(&s->out);
		return;
	}
	r = hm_io_write(s->io, s->out.p, s->out.len);
	s->out_bytes += s->out.len;
	hm_buf_clear(&s->out);
	if (r < 0)
		s->broken = r;
}

void
imap_pump(struct imap *s)
{
	if (s->out.len >= PUMP_BYTES)
		imap_push(s);
}

/* "UID FETCH" as one name, in capitals; then the space before arguments. */
static bool
take_name(struct imap_cmd *c, struct hm_str *ret)
{
	struct hm_str word, second = { 0 };
	char *name;
	size_t i;

	if (!imap_p_name(&c->p, &word))
		return false;
	if (hm_str_caseis(word, "UID") && imap_p_maybe(&c->p, ' ') &&
	    !imap_p_name(&c->p, &second))
		return false;
	if (word.len + second.len > 64)
		return imap_p_fail(&c->p, "a command");
	name = hm_printf(c->arena, "%.*s%s%.*s", HM_FMT(word),
	    second.p ? " " : "", HM_FMT(second));
	for (i = 0; name[i]; i++)
		name[i] = (char)toupper((unsigned char)name[i]);
	*ret = hm_str(name);
	return true;
}

/* Whether modules agree that the command runs. */
static bool
allowed_by_hooks(struct imap_cmd *c, struct hm_str name)
{
	struct imap *s = c->s;
	struct hm_imap_command about = { .name = name };
	struct hm_verdict v;

	if (s->sel && s->sel->box)
		about.mailbox = s->sel->box->name;
	about.read_only = s->sel && s->sel->read_only;
	v = hm_decide_imap_command(s->srv->mod, s->session, NULL, &about);
	switch (v.kind) {
	case HM_DEFER:
	case HM_FAIL:
		imap_no(c, "[UNAVAILABLE] %s", v.text ? v.text : "try later");
		return false;
	case HM_REJECT:
		imap_no(c, "[NOPERM] %s", v.text ? v.text : "refused");
		return false;
	case HM_DISCONNECT:
		imap_bye(s, "%s", v.text ? v.text : "refused");
		return false;
	default:
		return true;
	}
}

static bool
find_command(struct imap_cmd *c, struct hm_str *ret_name)
{
	static const struct imap_command unknown = { .name = "" };
	struct imap *s = c->s;

	c->def = &unknown;
	if (!imap_p_tag(&c->p, &c->tag) || hm_str_is(c->tag, "*")) {
		c->tag = HM_STR("*");
		imap_bad_syntax(c);
		return false;
	}
	c->tag = hm_str_dup(c->arena, c->tag);
	if (!imap_p_sp(&c->p) || !take_name(c, ret_name)) {
		imap_bad_syntax(c);
		return false;
	}
	c->def = imap_command_find(*ret_name);
	if (!c->def) {
		c->def = &unknown;
		imap_bad(c, "unknown command");
	} else if (!(c->def->states & (unsigned)s->state)) {
		imap_bad(c, s->state == IMAP_NONAUTH ? "log in first" :
		    s->state == IMAP_AUTH && s->acc &&
		    c->def->states == IMAP_SELECTED ?
		    "select a mailbox first" : "not in this state");
	}
	return !c->replied;
}

/* The parser follows s->in, which moves when literals are read. */
static void
place_parser(struct imap_cmd *c, size_t at)
{
	imap_parse_init(&c->p, c->arena, hm_buf_view(&c->s->in));
	c->p.p += at;
	c->p.utf8 = imap_utf8(c->s);
}

static void
run_command(struct imap_cmd *c)
{
	struct imap *s = c->s;
	struct imap_literal lit;
	struct hm_str name;
	size_t at;
	bool good = true;

	place_parser(c, 0);
	if (!find_command(c, &name)) {
		/* The bytes behind such a line are a literal, not commands. */
		if (imap_literal_at_end(hm_buf_view(&s->in), &lit) && !lit.sync)
			imap_bye(s, "cannot go on behind that literal");
		return;
	}
	at = (size_t)(c->p.p - s->in.p);
	if (!(c->def->flags & IMAP_CMD_OWN_LITERALS) &&
	    (imap_read_literals(c, &good) < 0 || !good))
		return;
	place_parser(c, at);
	if (!allowed_by_hooks(c, name))
		return;
	if ((c->def->flags & IMAP_CMD_WRITES) && s->sel->read_only) {
		imap_no(c, "[READ-ONLY] mailbox is selected read-only");
		return;
	}
	c->def->run(c);
}

static void
one_command(struct imap *s)
{
	struct imap_cmd c = { .s = s };

	if (imap_read_first_line(s) < 0)
		return;
	c.arena = hm_arena_new(hm_session_arena(s->session), "imap command");
	run_command(&c);
	s->commands++;
	if ((c.def->flags & IMAP_CMD_SECRET) && s->in.p)
		hm_wipe(s->in.p, s->in.len);
	hm_arena_free(c.arena);
	/* Who does not speak IMAP at all is not worth a dialogue. */
	if (s->bad && s->commands == 1 && !c.def->run)
		imap_bye(s, "this is an IMAP server");
	else if (s->bad >= IMAP_BAD_MAX)
		imap_bye(s, "too many syntax errors");
	else if (!s->acc && s->commands >= IMAP_EARLY_MAX)
		imap_bye(s, "too many commands without a login");
	hm_session_count(s->session, s->in_bytes, s->out_bytes);
	s->in_bytes = s->out_bytes = 0;
	hm_buf_clear(&s->in);
	if (s->in.cap > KEEP_BYTES)
		hm_buf_release(&s->in);
	imap_push(s);
	if (s->out.cap > KEEP_BYTES)
		hm_buf_release(&s->out);
}

static bool
greet(struct imap *s)
{
	struct hm_verdict v = hm_decide_connection(s->srv->mod, s->session,
	    NULL, s->session);

	if (v.kind == HM_DEFER || v.kind == HM_REJECT ||
	    v.kind == HM_DISCONNECT || v.kind == HM_FAIL) {
		imap_bye(s, "[UNAVAILABLE] %s", v.text ? v.text : "not now");
		return false;
	}
	hm_buf_puts(&s->out, "* OK [CAPABILITY ");
	imap_put_capabilities(s);
	hm_buf_puts(&s->out, "] ");
	imap_put_text(&s->out, hm_str(hm_server(s->srv->mod)->hostname));
	hm_buf_puts(&s->out, " ready\r\n");
	return true;
}

/* What a client that still listens is told about the end. */
static void
say_why(struct imap *s)
{
	int why = s->broken;

	s->broken = 0;
	if (why == -HM_ETIMEDOUT)
		imap_bye(s, "idle for too long");
	else if (why == -HM_ECANCELED)
		imap_bye(s, "the server ends the session, please come again");
	else if (why == -HM_ELIMIT)
		imap_bye(s, "line is too long");
	else
		hm_buf_clear(&s->out);
	imap_push(s);
	s->broken = why;
}

static void
serve(struct imap *s)
{
	if (greet(s))
		while (!s->broken && s->state != IMAP_LOGOUT)
			one_command(s);
	if (s->broken)
		say_why(s);
	else
		imap_push(s);
}

void
imap_session_run(struct imap_server *srv, struct hm_io *io, bool tls)
{
	struct imap s = { .srv = srv, .io = io, .state = IMAP_NONAUTH };
	struct hm_err err = { 0 };
	int r = 0;

	s.session = hm_session_new(srv->mod, io, "imap");
	hm_io_timeouts(io, tls ? HANDSHAKE_MS : srv->conf->login_timeout_ms,
	    srv->conf->write_timeout_ms);
	if (tls)
		r = hm_io_starttls_server(io, hm_server(srv->mod)->tls, &err);
	if (r < 0)
		hm_log(HM_LOG_INFO, "TLS failed",
		    hm_f("error", err.text));
	else
		serve(&s);
	hm_session_count(s.session, s.in_bytes, s.out_bytes);
	imap_deselect(&s);
	if (s.acc)
		srv->store->ops->close(s.acc);
	hm_buf_release(&s.in);
	hm_buf_release(&s.out);
	hm_session_free(s.session);
	hm_io_close(io);
}
