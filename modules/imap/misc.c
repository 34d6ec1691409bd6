/* misc.c - commands that touch no mailbox: CAPABILITY, ID, ENABLE, NAMESPACE,
 * NOOP, LOGOUT. */
#include <hermod/arena.h>
#include <hermod/log.h>
#include <hermod/io.h>
#include <hermod/plugin.h>
#include <hermod/session.h>

#include "imap.h"

static void
put_mechanisms(struct imap *s)
{
	const struct hm_auth *auth = s->srv->auth;
	bool clear = s->srv->conf->insecure_login;
	struct hm_str list = auth->ops->mechanisms(auth->self, s->session,
	    clear), name;

	while (list.p) {
		name = hm_str_split(&list, ' ');
		if (!name.len)
			continue;
		hm_buf_puts(&s->out, " AUTH=");
		hm_buf_str(&s->out, name);
	}
	if (!hm_session_tls(s->session) && !clear)
		hm_buf_puts(&s->out, " LOGINDISABLED");
}

/* The same before and after login, but for the ways to log in: libraries that
 * ask only once shall know what there is. */
void
imap_put_capabilities(struct imap *s)
{
	struct hm_buf *out = &s->out;

	hm_buf_puts(out, "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE "
	    "NAMESPACE CHILDREN LIST-EXTENDED LIST-STATUS SPECIAL-USE "
	    "CREATE-SPECIAL-USE UNSELECT UIDPLUS MOVE MULTIAPPEND BINARY "
	    "CONDSTORE ESEARCH SEARCHRES WITHIN SAVEDATE STATUS=SIZE "
	    "UTF8=ACCEPT APPENDLIMIT=");
	hm_buf_u64(out, s->srv->conf->append_limit_bytes);
	if (s->acc)
		return;
	if (!hm_session_tls(s->session) && hm_server(s->srv->mod)->tls)
		hm_buf_puts(out, " STARTTLS");
	put_mechanisms(s);
}

void
imap_cmd_capability(struct imap_cmd *c)
{
	if (!imap_args_end(c))
		return;
	hm_buf_puts(&c->s->out, "* CAPABILITY ");
	imap_put_capabilities(c->s);
	hm_buf_puts(&c->s->out, "\r\n");
	imap_ok(c, "that is all");
}

/* "(" string nstring ... ")", at most 30 pairs (RFC 2971, 3.3). */
static bool
take_id(struct imap_cmd *c, struct hm_str *ret_name, struct hm_str *ret_version)
{
	struct hm_str key, value;
	int pairs;

	if (imap_p_word(&c->p, "NIL"))
		return true;
	if (!imap_p_char(&c->p, '('))
		return false;
	if (imap_p_maybe(&c->p, ')'))
		return true;
	for (pairs = 0; pairs < 30; pairs++) {
		if (!imap_p_string(&c->p, &key) || !imap_p_sp(&c->p) ||
		    !imap_p_nstring(&c->p, &value))
			return false;
		if (hm_str_caseis(key, "name"))
			*ret_name = value;
		else if (hm_str_caseis(key, "version"))
			*ret_version = value;
		if (!imap_p_maybe(&c->p, ' '))
			return imap_p_char(&c->p, ')');
	}
	return imap_p_fail(&c->p, "fewer fields");
}

void
imap_cmd_id(struct imap_cmd *c)
{
	struct imap *s = c->s;
	struct hm_str name = { 0 }, version = { 0 };
	const char *product = hm_server(s->srv->mod)->product;

	if (!imap_p_sp(&c->p) || !take_id(c, &name, &version)) {
		imap_bad_syntax(c);
		return;
	}
	if (!imap_args_end(c))
		return;
	if (name.len > 200)
		name.len = 200;
	if (version.len > 200)
		version.len = 200;
	if (name.len) {
		hm_session_set_helo(s->session, hm_str(hm_printf(c->arena,
		    "%.*s %.*s", HM_FMT(name), HM_FMT(version))));
		hm_log(HM_LOG_DEBUG, "client", hm_f("name", name),
		    hm_f("version", version));
	}
	/* Who has not logged in need not know the version. */
	hm_buf_puts(&s->out, "* ID (\"name\" ");
	imap_put_string(&s->out, s->acc ? hm_str(product) : HM_STR("Hermod"),
	    false);
	hm_buf_puts(&s->out, ")\r\n");
	imap_ok(c, "nice to meet you");
}

void
imap_enable_condstore(struct imap *s)
{
	if (s->enabled & IMAP_CONDSTORE)
		return;
	s->enabled |= IMAP_CONDSTORE;
	if (s->sel && s->sel->view)
		imap_untagged(s, "[HIGHESTMODSEQ %llu] modification sequences "
		    "are told from now on",
		    (unsigned long long)hm_view_modseq(s->sel->view));
}

void
imap_cmd_enable(struct imap_cmd *c)
{
	static const struct { const char *name; unsigned what; } known[] = {
		{ "IMAP4rev2", IMAP_REV2 },
		{ "UTF8=ACCEPT", IMAP_UTF8 },
		{ "CONDSTORE", IMAP_CONDSTORE },
	};
	struct imap *s = c->s;
	unsigned wanted = 0;
	struct hm_str name;
	size_t i;

	do {
		if (!imap_p_sp(&c->p) || !imap_p_atom(&c->p, &name)) {
			imap_bad_syntax(c);
			return;
		}
		for (i = 0; i < HM_ARRAY_LEN(known); i++)
			if (hm_str_caseis(name, known[i].name))
				wanted |= known[i].what;
	} while (imap_p_peek(&c->p) == ' ');
	if (!imap_args_end(c))
		return;
	hm_buf_puts(&s->out, "* ENABLED");
	for (i = 0; i < HM_ARRAY_LEN(known); i++)
		if (wanted & known[i].what)
			hm_buf_printf(&s->out, " %s", known[i].name);
	hm_buf_puts(&s->out, "\r\n");
	if (wanted & IMAP_CONDSTORE)
		imap_enable_condstore(s);
	s->enabled |= wanted;
	if ((wanted & IMAP_REV2) && s->sel)
		s->sel->nrecent = 0; /* it has no \Recent */
	imap_ok(c, "done");
}

void
imap_cmd_namespace(struct imap_cmd *c)
{
	if (!imap_args_end(c))
		return;
	hm_buf_puts(&c->s->out, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
	imap_ok(c, "one namespace");
}

void
imap_cmd_noop(struct imap_cmd *c)
{
	if (imap_args_end(c))
		imap_ok(c, "done");
}

void
imap_cmd_logout(struct imap_cmd *c)
{
	if (!imap_args_end(c))
		return;
	imap_deselect(c->s);
	hm_buf_puts(&c->s->out, "* BYE good bye\r\n");
	c->s->state = IMAP_LOGOUT;
	imap_ok(c, "logged out");
}
