/* reply.c - replies: codes, enhanced codes, long and many lines (RFC 5321, 4.2).
 */
#include <stdarg.h>
#include <stdio.h>

#include "smtp.h"

/* 512 octets with code, blank and CRLF (RFC 5321, 4.5.3.1.5). */
enum { REPLY_TEXT_MAX = 450 };

static HM_FIBER void
reply_line(struct smtp_session *s, int code, bool last, const char *esc,
    struct hm_str text)
{
	char clean[REPLY_TEXT_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < text.len && n < REPLY_TEXT_MAX; i++) {
		unsigned char c = (unsigned char)text.p[i];

		clean[n++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	clean[n] = '\0';
	(void)hm_io_printf(s->io, "%03d%c%s%s%s\r\n", code, last ? ' ' : '-',
	    esc != NULL ? esc : "", esc != NULL ? " " : "", clean);
}

void
smtp_reply(struct smtp_session *s, int code, const char *esc, const char *fmt,
    ...)
{
	char text[512];
	va_list ap;
	struct hm_str rest;
	struct hm_str line;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (code >= 500)
		s->errors++;
	hm_log(HM_LOG_TRACE, "reply", hm_f("code", code), hm_f("text", text));

	rest = hm_str(text);
	do {
		line = hm_str_split(&rest, '\n');
		reply_line(s, code, rest.p == NULL, esc, line);
	} while (rest.p != NULL);
}

void
smtp_reply_lines(struct smtp_session *s, int code, const struct hm_str *lines,
    size_t n)
{
	for (size_t i = 0; i < n; i++)
		reply_line(s, code, i + 1 == n, NULL, lines[i]);
}

void
smtp_local_error(struct smtp_session *s)
{
	smtp_reply(s, 451, "4.3.0", "local error, try again later");
}

/* The class digit of an enhanced code must agree with the reply's. */
static const char *
esc_or(const char *esc, char class, const char *fallback)
{
	return esc != NULL && esc[0] == class ? esc : fallback;
}

static int
code_or(int code, int usual)
{
	return code / 100 == usual / 100 ? code : usual;
}

bool
smtp_refused(struct smtp_session *s, struct hm_verdict v)
{
	const char *text = v.text != NULL ? v.text : "";

	switch (v.kind) {
	case HM_DEFER:
		smtp_reply(s, code_or(v.code, 451), esc_or(v.esc, '4', "4.7.1"), "%s",
		    *text != '\0' ? text : "try again later");
		break;
	case HM_REJECT:
		smtp_reply(s, code_or(v.code, 550), esc_or(v.esc, '5', "5.7.1"), "%s",
		    *text != '\0' ? text : "refused by local policy");
		break;
	case HM_DISCONNECT:
		smtp_reply(s, 421, esc_or(v.esc, '4', "4.7.0"), "%s",
		    *text != '\0' ? text : "closing the connection");
		s->closing = true;
		break;
	case HM_FAIL:
		smtp_local_error(s);
		break;
	case HM_PASS:
	case HM_ACCEPT:
	case HM_JUNK:
		return false;
	}
	hm_log(HM_LOG_INFO, "refused", hm_f("module", v.module ? v.module : "-"),
	    hm_f("verdict", (int)v.kind), hm_f("text", text));
	return true;
}
