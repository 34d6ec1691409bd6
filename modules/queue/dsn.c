/* dsn.c - the text of a report (RFC 3464; RFC 6533 for UTF-8 addresses). */
#include <stdio.h>
#include <string.h>

#include <hermod/compose.h>
#include <hermod/encode.h>
#include <hermod/header.h>
#include <hermod/rand.h>

#include "queue.h"

/* ---- words ---- */

static const struct {
	const char *subject, *action, *intro;
} kinds[] = {
	[QUEUE_REPORT_FAILED] = { "Mail could not be delivered", "failed",
	    "Your message could not be delivered to the recipients below, and "
	    "it will\r\nnot be tried again." },
	[QUEUE_REPORT_DELAYED] = { "Mail is delayed", "delayed",
	    "Your message has not been delivered to the recipients below yet.\r\n"
	    "You need not send it again: more attempts will be made." },
	[QUEUE_REPORT_DELIVERED] = { "Mail was delivered", "delivered",
	    "Your message was delivered to the recipients below, as you asked "
	    "to be told." },
	[QUEUE_REPORT_RELAYED] = { "Mail was handed on", "relayed",
	    "Your message was handed on to a server that does not report about "
	    "delivery,\r\nfor the recipients below." },
};

/* Text from outside: no control character comes through. */
static void
put_clean(struct hm_buf *out, struct hm_str text, bool utf8)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		hm_buf_putc(out, c < ' ' || c == 0x7f ||
		    (c >= 0x80 && !utf8) ? '?' : (char)c);
	}
}

/* What a peer said, or we of it, on lines of its own. */
static void
put_quoted(struct hm_buf *out, struct hm_str text, bool utf8)
{
	while (text.p != NULL) {
		hm_buf_puts(out, "    ");
		put_clean(out, hm_str_trim(hm_str_split(&text, '\n')), utf8);
		hm_buf_puts(out, "\r\n");
	}
}

static void
put_human(struct hm_buf *out, const struct queue_dsn *d)
{
	char date[40];

	hm_buf_printf(out, "This is the mail server at %s.\r\n\r\n%s\r\n",
	    d->hostname, kinds[d->kind].intro);
	if (d->kind == QUEUE_REPORT_DELAYED)
		hm_buf_printf(out, "The last one will be at about %s.\r\n",
		    hm_date_rfc5322(date, d->give_up_ms / 1000, 0));
	for (size_t i = 0; i < d->nrcpts; i++) {
		const struct queue_rcpt *rcpt = &d->rcpts[i];
		const struct queue_result *last = queue_rcpt_last(rcpt);

		if (!rcpt->report)
			continue;
		hm_buf_printf(out, "\r\n%.*s\r\n", HM_FMT(rcpt->addr));
		if (last == NULL)
			continue;
		if (last->remote.len > 0) {
			hm_buf_puts(out, "  ");
			put_clean(out, last->remote, d->utf8);
			hm_buf_puts(out, last->code > 0 ? " said:\r\n" :
			    ":\r\n");
		}
		put_quoted(out, last->text, d->utf8);
	}
}

/* ---- fields of the status part ---- */

/* A value of a bounded length; its lines are folded. */
static void
put_value(struct hm_buf *out, struct hm_str value, bool utf8)
{
	value = hm_str_take(value, 900);
	while (value.p != NULL) {
		put_clean(out, hm_str_trim(hm_str_split(&value, '\n')), utf8);
		hm_buf_puts(out, value.p != NULL ? "\r\n " : "\r\n");
	}
}

static void
put_field(struct hm_buf *out, const char *name, const char *type,
    struct hm_str value, bool utf8)
{
	hm_buf_printf(out, "%s: %s", name, type);
	put_value(out, value, utf8);
}

static void
put_xtext(struct hm_buf *out, const char *name, struct hm_str xtext, bool utf8)
{
	struct hm_buf plain = { 0 };

	if (xtext.len > 0 && hm_xtext_decode(&plain, xtext) == 0)
		put_field(out, name, "", hm_buf_view(&plain), utf8);
	hm_buf_release(&plain);
}

static void
put_date(struct hm_buf *out, const char *name, int64_t at_ms)
{
	char date[40];

	hm_buf_printf(out, "%s: %s\r\n", name,
	    hm_date_rfc5322(date, at_ms / 1000, 0));
}

/* The enhanced code the peer gave, if it fits what happened. */
static void
put_status(struct hm_buf *out, const struct queue_dsn *d,
    const struct queue_result *last)
{
	char class = d->kind == QUEUE_REPORT_FAILED ? '5' :
	    d->kind == QUEUE_REPORT_DELAYED ? '4' : '2';

	hm_buf_puts(out, "Status: ");
	if (last != NULL && last->esc.len >= 5) {
		hm_buf_putc(out, class);
		hm_buf_str(out, hm_str_skip(last->esc, 1));
	} else {
		hm_buf_printf(out, "%c.0.0", class);
	}
	hm_buf_puts(out, "\r\n");
}

static void
put_rcpt(struct hm_buf *out, const struct queue_dsn *d,
    const struct queue_rcpt *rcpt)
{
	const struct queue_result *last = queue_rcpt_last(rcpt);

	hm_buf_puts(out, "\r\n");
	put_xtext(out, "Original-Recipient", rcpt->orcpt, d->utf8);
	put_field(out, "Final-Recipient",
	    hm_str_ascii(rcpt->addr) ? "rfc822; " : "utf-8; ", rcpt->addr,
	    d->utf8);
	hm_buf_printf(out, "Action: %s\r\n", kinds[d->kind].action);
	put_status(out, d, last);
	if (last != NULL && last->remote.len > 0)
		put_field(out, "Remote-MTA", "dns; ",
		    hm_str_take(last->remote,
		    (size_t)(hm_str_chr(last->remote, ' ') < 0 ?
		    (ssize_t)last->remote.len : hm_str_chr(last->remote, ' '))),
		    d->utf8);
	if (last != NULL && last->code > 0 && last->text.len > 0)
		put_field(out, "Diagnostic-Code", "smtp; ", last->text, d->utf8);
	if (last != NULL)
		put_date(out, "Last-Attempt-Date", last->at_ms);
	if (d->kind == QUEUE_REPORT_DELAYED)
		put_date(out, "Will-Retry-Until", d->give_up_ms);
}

static void
put_status_part(struct hm_buf *out, const struct queue_dsn *d)
{
	hm_buf_printf(out, "Reporting-MTA: dns; %s\r\n", d->hostname);
	put_xtext(out, "Original-Envelope-Id", d->msg->envid, d->utf8);
	put_date(out, "Arrival-Date", d->msg->queued_ms);
	for (size_t i = 0; i < d->nrcpts; i++)
		if (d->rcpts[i].report)
			put_rcpt(out, d, &d->rcpts[i]);
}

/* ---- the whole ---- */

static bool
needs_utf8(const struct queue_dsn *d)
{
	if (!hm_str_ascii(d->to))
		return true;
	for (size_t i = 0; i < d->nrcpts; i++)
		if (d->rcpts[i].report && !hm_str_ascii(d->rcpts[i].addr))
			return true;
	return d->msg->smtputf8;
}

static void
put_header(struct hm_buf *out, const struct queue_dsn *d, const char *boundary)
{
	hm_buf_printf(out, "From: Mail delivery <%.*s>\r\nTo: <%.*s>\r\n",
	    HM_FMT(d->from), HM_FMT(d->to));
	hm_buf_printf(out, "Subject: %s\r\n", kinds[d->kind].subject);
	(void)hm_compose_date(out, d->now_ms / 1000);
	(void)hm_compose_msgid(out, d->hostname);
	if (d->msg->message_id.len > 0 && hm_str_ascii(d->msg->message_id))
		hm_buf_printf(out, "References: <%.*s>\r\n",
		    HM_FMT(d->msg->message_id));
	hm_buf_printf(out, "Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=%s;\r\n"
	    "\tboundary=\"%s\"\r\n\r\n", d->utf8 ? "global-delivery-status" :
	    "delivery-status", boundary);
}

static void
put_part(struct hm_buf *out, const char *boundary, const char *type,
    bool eightbit)
{
	hm_buf_printf(out, "--%s\r\nContent-Type: %s\r\n%s\r\n", boundary, type,
	    eightbit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
}

static const char *
original_type(const struct queue_dsn *d, bool ascii)
{
	if (d->utf8)
		return d->full ? "message/global" : "message/global-headers";
	if (d->full)
		return "message/rfc822";
	return ascii ? "text/rfc822-headers" :
	    "text/rfc822-headers; charset=utf-8";
}

void
queue_dsn_write(struct hm_buf *out, struct queue_dsn *d)
{
	char boundary[28];
	struct hm_str original = d->full ? d->original :
	    hm_header_section(d->original);
	bool ascii = hm_str_ascii(original);

	hm_random_id(boundary, sizeof(boundary) - 1);
	d->utf8 = needs_utf8(d);
	put_header(out, d, boundary);
	put_part(out, boundary, "text/plain; charset=utf-8", d->utf8);
	put_human(out, d);
	hm_buf_puts(out, "\r\n");
	put_part(out, boundary, d->utf8 ? "message/global-delivery-status" :
	    "message/delivery-status", d->utf8);
	put_status_part(out, d);
	hm_buf_puts(out, "\r\n");
	put_part(out, boundary, original_type(d, ascii), !ascii);
	hm_buf_str(out, original);
	hm_buf_printf(out, "\r\n--%s--\r\n", boundary);
}
