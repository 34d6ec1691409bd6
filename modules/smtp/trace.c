/* trace.c - the trace fields this hop adds (RFC 5321, 4.4). */
#include "smtp.h"

/* RFC 3848 and RFC 6531, 4.3. */
static void
with_protocol(const struct smtp_session *s, struct hm_buf *out)
{
	if (s->txn.params.smtputf8)
		hm_buf_puts(out, "UTF8SMTP");
	else
		hm_buf_puts(out, s->esmtp ? "ESMTP" : "SMTP");
	if (s->esmtp && hm_io_is_tls(s->io))
		hm_buf_putc(out, 'S');
	if (s->esmtp && hm_session_account(s->hs).len > 0)
		hm_buf_putc(out, 'A');
}

/* The client of a submission is a person: its name and address stay here. */
static void
from_clause(const struct smtp_session *s, struct hm_buf *out)
{
	const struct hm_sockaddr *peer = hm_session_peer(s->hs);
	struct hm_str helo = hm_session_helo(s->hs);
	char ip[112];

	if (smtp_is_submission(s)) {
		hm_buf_printf(out, "from %s\r\n\t", s->server->hostname);
		return;
	}
	hm_buf_puts(out, "from ");
	hm_buf_str(out, helo.len > 0 ? helo : HM_STR("unknown"));
	hm_buf_printf(out, " ([%s%s])\r\n\t", peer->family == 6 ? "IPv6:" : "",
	    hm_sockaddr_ip(ip, peer));
}

void
smtp_received(struct smtp_session *s, struct hm_buf *out)
{
	char date[40];
	int64_t now = hm_wall_ms() / 1000;

	hm_buf_puts(out, "Received: ");
	from_clause(s, out);
	hm_buf_printf(out, "by %s with ", s->server->hostname);
	with_protocol(s, out);
	hm_buf_printf(out, " id %s", hm_session_id(s->hs));
	if (hm_io_is_tls(s->io))
		hm_buf_printf(out, "\r\n\t(%s %s)", hm_io_tls_version(s->io),
		    hm_io_tls_cipher(s->io));
	if (hm_message_rcpts(s->txn.msg) == 1) {
		hm_buf_puts(out, "\r\n\tfor <");
		hm_buf_str(out, hm_message_rcpt(s->txn.msg, 0)->text);
		hm_buf_putc(out, '>');
	}
	hm_buf_printf(out, ";\r\n\t%s\r\n",
	    hm_date_rfc5322(date, now, hm_local_zone_min(now)));
}

void
smtp_delivery_fields(const struct smtp_session *s, const struct hm_addr *rcpt,
    struct hm_buf *out)
{
	hm_buf_puts(out, "Return-Path: <");
	hm_buf_str(out, hm_message_sender(s->txn.msg)->text);
	hm_buf_puts(out, ">\r\nDelivered-To: ");
	hm_buf_str(out, rcpt->text);
	hm_buf_puts(out, "\r\n");
}
