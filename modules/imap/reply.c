/* reply.c - the end of a command. */
#include <stdarg.h>
#include <stdio.h>

#include <hermod/arena.h>
#include <hermod/log.h>

#include "imap.h"

static void
put_line(struct imap *s, struct hm_str tag, const char *status, const char *fmt,
    va_list ap)
{
	struct hm_buf *out = &s->out;
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	hm_buf_str(out, tag);
	hm_buf_putc(out, ' ');
	hm_buf_puts(out, status);
	hm_buf_putc(out, ' ');
	imap_put_text(out, hm_str(text));
	hm_buf_puts(out, "\r\n");
}

void
imap_untagged(struct imap *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(s, HM_STR("*"), "OK", fmt, ap);
	va_end(ap);
}

void
imap_bye(struct imap *s, const char *fmt, ...)
{
	char reason[256];
	va_list ap;

	if (s->state == IMAP_LOGOUT)
		return;
	va_start(ap, fmt);
	put_line(s, HM_STR("*"), "BYE", fmt, ap);
	va_end(ap);
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	hm_log(HM_LOG_INFO, "sent away", hm_f("reason", reason));
	s->state = IMAP_LOGOUT;
}

static void
finish(struct imap_cmd *c, const char *status, const char *fmt, va_list ap)
{
	if (c->replied)
		return;
	c->replied = true;
	if (status[0] != 'B') {
		imap_sync(c->s, !(c->def->flags & IMAP_CMD_KEEPS_SEQ), NULL);
		c->s->bad = 0;
	} else {
		c->s->bad++;
	}
	put_line(c->s, c->tag, status, fmt, ap);
}

void
imap_ok(struct imap_cmd *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finish(c, "OK", fmt, ap);
	va_end(ap);
}

void
imap_no(struct imap_cmd *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finish(c, "NO", fmt, ap);
	va_end(ap);
}

void
imap_bad(struct imap_cmd *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finish(c, "BAD", fmt, ap);
	va_end(ap);
}

void
imap_bad_syntax(struct imap_cmd *c)
{
	imap_bad(c, "expected %s at octet %zu",
	    c->p.missed ? c->p.missed : "something else",
	    (size_t)(c->p.p - c->s->in.p) + 1);
}

bool
imap_args_end(struct imap_cmd *c)
{
	if (!c->p.missed && imap_p_end(&c->p))
		return true;
	imap_bad_syntax(c);
	return false;
}

/* RFC 5530, 3 and RFC 9051, 7.1. */
static const struct {
	int code;
	const char *response;
	const char *text;      /* NULL: the error's own */
	bool log;
} no_codes[] = {
	{ -HM_ENOENT, "NONEXISTENT", NULL, false },
	{ -HM_EEXIST, "ALREADYEXISTS", NULL, false },
	{ -HM_EQUOTA, "OVERQUOTA", NULL, false },
	{ -HM_ELIMIT, "LIMIT", NULL, false },
	{ -HM_EACCES, "NOPERM", NULL, false },
	{ -HM_EINVAL, "CANNOT", NULL, false },
	{ -HM_ESYNTAX, "CANNOT", NULL, false },
	{ -HM_EUNSUPPORTED, "CANNOT", NULL, false },
	{ -HM_EBUSY, "INUSE", NULL, false },
	{ -HM_ECONFLICT, "INUSE", "try again", false },
	{ -HM_ECORRUPT, "CORRUPTION", "stored data is damaged", true },
	{ -HM_EINTERNAL, "SERVERBUG", "internal error", true },
};

void
imap_no_err(struct imap_cmd *c, int code, const struct hm_err *err)
{
	const char *response = "UNAVAILABLE", *text = "try again later";
	bool log = true;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(no_codes); i++) {
		if (no_codes[i].code != code)
			continue;
		response = no_codes[i].response;
		text = no_codes[i].text;
		log = no_codes[i].log;
	}
	if (!text)
		text = err && err->text[0] ? err->text : "not possible";
	if (log && code != -HM_ECANCELED)
		hm_log(HM_LOG_ERROR, "imap command failed",
		    hm_f("command", c->def->name),
		    hm_f("code", hm_err_name(code)),
		    hm_f("error", err ? err->text : ""));
	imap_no(c, "[%s] %s", response, text);
}
