/* outgoing.c - a submitted message for recipients elsewhere goes into the queue.
 */
#include <hermod/mime.h>
#include <hermod/work.h>

#include "smtp.h"

/* ---- what the next server must be able to take ---- */

struct scan {
	struct hm_spool *body;
	bool eightbit;
};

static int
find_eightbit(void *arg)
{
	struct scan *scan = arg;
	struct hm_str all;
	int r = hm_spool_view(scan->body, &all);

	scan->eightbit = r == 0 && !hm_str_ascii(all);
	return r;
}

/* Clients ask for SMTPUTF8 by habit; only an address or a header of any part
 * with UTF-8 in it needs a server that knows it (RFC 6531, 3.2). */
static HM_FIBER bool
needs_utf8(struct smtp_session *s, const bool *which)
{
	struct hm_message *msg = s->txn.msg;
	const struct hm_mime *mime;

	if (!s->txn.params.smtputf8)
		return false;
	if (hm_message_sender(msg)->utf8)
		return true;
	for (size_t i = 0; i < s->txn.nrcpts; i++)
		if (which[i] && hm_message_rcpt(msg, i)->utf8)
			return true;
	return hm_message_mime(msg, &mime) < 0 || mime->utf8_header;
}

/* "TLS-Required: No" asks to deliver rather than to protect (RFC 8689, 5). */
static HM_FIBER enum hm_requiretls
tls_wish(struct smtp_session *s)
{
	struct hm_str value = hm_message_field(s->txn.msg, "TLS-Required", 0);

	if (s->txn.params.requiretls)
		return HM_REQUIRETLS_YES;
	return value.p != NULL && hm_str_caseis(hm_str_trim(value), "no") ?
	    HM_REQUIRETLS_NO : HM_REQUIRETLS_UNSET;
}

/* ---- handing over ---- */

static size_t
take_rcpts(struct smtp_session *s, const bool *which, struct hm_queue_rcpt *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->txn.nrcpts; i++)
		if (which[i])
			out[n++] = (struct hm_queue_rcpt){
				.addr = *hm_message_rcpt(s->txn.msg, i),
				.notify = s->txn.rcpts[i].notify,
				.orcpt = s->txn.rcpts[i].orcpt,
			};
	return n;
}

int
smtp_enqueue(struct smtp_session *s, struct hm_spool *body, const bool *which,
    struct hm_err *reterr)
{
	const struct smtp_mail_params *params = &s->txn.params;
	struct hm_message *msg = s->txn.msg;
	struct hm_queue_rcpt *rcpts = hm_alloc_array(hm_message_arena(msg),
	    s->txn.nrcpts, sizeof(*rcpts));
	struct scan scan = { .body = body };
	struct hm_buf prefix = { 0 };
	struct hm_queue_item item = {
		.account = hm_session_account(s->hs),
		.sender = *hm_message_sender(msg),
		.nrcpts = take_rcpts(s, which, rcpts), .rcpts = rcpts,
		.spool = body, .envid = params->envid, .ret = params->ret,
		.requiretls = tls_wish(s), .smtputf8 = needs_utf8(s, which),
		.binary = params->body == SMTP_BODY_BINARY,
		.not_before_ms = params->hold_s > 0 ?
		    hm_wall_ms() + params->hold_s * 1000 : 0,
	};
	int r = hm_work(find_eightbit, &scan);

	if (r < 0)
		return hm_err_set(reterr, r, "the message cannot be read");
	smtp_received(s, &prefix);
	hm_buf_str(&prefix, hm_message_prefix(msg));
	item.prefix = hm_buf_view(&prefix);
	item.eightbit = scan.eightbit;
	r = hm_queue_put(s->mod->queue, &item, reterr);
	hm_buf_release(&prefix);
	return r;
}
