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

static HM_FIBER void
say(struct smtp_session *s, int code, const char *esc, const char *text)
{
	struct hm_str rest = hm_str(text), line;

	if (code >= 500)
		s->errors++;
	do {
		line = hm_str_split(&rest, '\n');
		reply_line(s, code, rest.p == NULL, esc, line);
	} while (rest.p != NULL);
}

/* Who is refused asks the admin why: the reason is in the log, too. */
void
smtp_reply(struct smtp_session *s, int code, const char *esc, const char *fmt,
    ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (code >= 400)
		hm_log(HM_LOG_INFO, "refused", hm_f("code", code),
		    hm_f("text", text));
	else
		hm_log(HM_LOG_TRACE, "reply", hm_f("code", code),
		    hm_f("text", text));
	say(s, code, esc, text);
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

/* What the verdict stands for; 0: it refuses nothing. */
static int
refusal(struct smtp_session *s, const struct hm_verdict *v, const char **ret_esc,
    const char **ret_text)
{
	switch (v->kind) {
	case HM_DEFER:
		*ret_esc = esc_or(v->esc, '4', "4.7.1");
		*ret_text = "try again later";
		return code_or(v->code, 451);
	case HM_REJECT:
		*ret_esc = esc_or(v->esc, '5', "5.7.1");
		*ret_text = "refused by local policy";
		return code_or(v->code, 550);
	case HM_DISCONNECT:
		*ret_esc = esc_or(v->esc, '4', "4.7.0");
		*ret_text = "closing the connection";
		s->closing = true;
		return 421;
	case HM_FAIL:
		*ret_esc = "4.3.0";
		*ret_text = "local error, try again later";
		return 451;
	case HM_PASS:
	case HM_ACCEPT:
	case HM_JUNK:
		break;
	}
	return 0;
}

bool
smtp_refused(struct smtp_session *s, struct hm_verdict v)
{
	const char *esc, *text;
	int code = refusal(s, &v, &esc, &text);

	if (code == 0)
		return false;
	if (v.kind != HM_FAIL && v.text != NULL && *v.text != '\0')
		text = v.text;
	hm_log(HM_LOG_INFO, "refused", hm_f("code", code), hm_f("text", text),
	    hm_f("module", v.module ? v.module : "-"),
	    hm_f("verdict", (int)v.kind),
	    hm_f("why", v.text != NULL ? v.text : ""));
	say(s, code, esc, text);
	return true;
}
