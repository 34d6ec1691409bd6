/* local.c - a recipient of this server: into the account, no network. */
#include <hermod/spool.h>

#include "queue.h"

static HM_FIBER int
fill_spool(struct hm_attempt *a, struct hm_spool *spool)
{
	enum { PIECE = 4000 };
	char piece[PIECE];
	uint64_t at = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = a->read(a, at, piece, sizeof(piece))) > 0) {
		r = hm_spool_append(spool, piece, (size_t)n, NULL);
		at += (uint64_t)n;
	}
	return r < 0 ? r : at == a->bytes ? 0 : -HM_EIO;
}

static void
result(struct hm_attempt_rcpt *rcpt, enum hm_attempt_outcome outcome,
    const char *esc, const char *text)
{
	rcpt->outcome = outcome;
	rcpt->code = outcome == HM_ATTEMPT_DELIVERED ? 250 :
	    outcome == HM_ATTEMPT_PERMANENT ? 550 : 451;
	rcpt->esc = hm_str(esc);
	rcpt->text = hm_str(text);
}

/* The sender hears why. */
static void
refused(struct hm_attempt *a, struct hm_attempt_rcpt *rcpt, struct hm_verdict v)
{
	bool for_good = v.kind == HM_REJECT;

	result(rcpt, for_good ? HM_ATTEMPT_PERMANENT : HM_ATTEMPT_TEMPORARY,
	    for_good ? "5.7.1" : "4.3.0", "refused for this account");
	if (v.kind != HM_FAIL && v.text != NULL && *v.text != '\0')
		rcpt->text = hm_str(hm_strdup(a->arena, v.text));
	if (v.esc != NULL && v.esc[0] == (for_good ? '5' : '4'))
		rcpt->esc = hm_str(hm_strdup(a->arena, v.esc));
}

/* The deliver hooks have a word, as they had for mail from outside. */
static HM_FIBER void
store_one(struct queue_module *q, struct hm_attempt *a,
    struct hm_attempt_rcpt *rcpt, struct hm_message *msg,
    const struct hm_rcpt_info *info)
{
	struct hm_delivery *d = hm_delivery_new(msg, info->account, &rcpt->addr);
	struct hm_deliver item = { .account = info->account };
	struct hm_facts facts = { .mail_from = a->sender.text,
	    .rcpt_to = rcpt->addr.text, .is_dsn = a->sender.text.len == 0 };
	struct hm_verdict v;

	if (info->mailbox.len > 0)
		(void)hm_delivery_set_mailbox(d, info->mailbox);
	v = hm_decide_deliver(q->m, NULL, msg, d);
	if (hm_verdict_final(v) && v.kind != HM_ACCEPT) {
		refused(a, rcpt, v);
		return;
	}
	item.mailbox = hm_delivery_mailbox(d);
	item.append = (struct hm_append){
		.spool = hm_message_spool(msg),
		.prefix = hm_str(hm_printf(a->arena, "Return-Path: <%.*s>\r\n"
		    "Delivered-To: %.*s\r\n", HM_FMT(a->sender.text),
		    HM_FMT(rcpt->addr.text))),
		.flags = hm_delivery_flags(d), .received = INT64_MIN,
		.facts = &facts,
	};
	if (q->store->ops->deliver(q->store->self, &item, 1, NULL) < 0 ||
	    item.result < 0)
		result(rcpt, HM_ATTEMPT_TEMPORARY,
		    item.result == -HM_EQUOTA ? "4.2.2" : "4.3.0",
		    item.result == -HM_EQUOTA ? "the mailbox is full" :
		    "the message could not be stored");
	else
		result(rcpt, HM_ATTEMPT_DELIVERED, "2.0.0", "stored");
}

void
queue_local(struct queue_module *q, struct hm_attempt *a)
{
	struct hm_spool *spool = hm_spool_new(q->server->data_dir);
	struct hm_message *msg = hm_message_new(a->arena, spool);
	int r = fill_spool(a, spool);

	hm_message_set_sender(msg, &a->sender);
	for (size_t i = 0; i < a->nrcpts; i++) {
		struct hm_attempt_rcpt *rcpt = &a->rcpts[i];
		struct hm_rcpt_info info = { 0 };

		if (r < 0 || q->directory->ops->rcpt(q->directory->self,
		    &rcpt->addr, a->arena, &info, NULL) < 0)
			result(rcpt, HM_ATTEMPT_TEMPORARY, "4.3.0",
			    "the message could not be read");
		else if (info.kind == HM_RCPT_ACCOUNT)
			store_one(q, a, rcpt, msg, &info);
		else if (info.kind == HM_RCPT_DISABLED)
			result(rcpt, HM_ATTEMPT_TEMPORARY, "4.2.1",
			    "this domain is switched off");
		else
			result(rcpt, HM_ATTEMPT_PERMANENT, "5.1.1",
			    "no such user here");
	}
	hm_message_free(msg);
}
