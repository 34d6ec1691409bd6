/* tell.c - events and log lines: what happens to one recipient's mail. */
#include <stdio.h>

#include "queue.h"

static void
copy(char *out, size_t size, struct hm_str s)
{
	snprintf(out, size, "%.*s", HM_FMT(hm_str_take(s, size - 1)));
}

static void
fill(struct hm_queue_event *e, const struct queue_message *msg,
    const struct queue_rcpt *rcpt)
{
	const struct queue_result *last = queue_rcpt_last(rcpt);

	e->id = msg->id;
	e->kind = msg->kind;
	e->attempt = rcpt->attempts;
	e->next_ms = rcpt->next_ms;
	e->bytes = msg->prefix.len + msg->body_bytes;
	copy(e->account, sizeof(e->account), msg->account);
	copy(e->sender, sizeof(e->sender), msg->sender);
	copy(e->rcpt, sizeof(e->rcpt), rcpt->addr);
	copy(e->domain, sizeof(e->domain), rcpt->domain);
	copy(e->transport, sizeof(e->transport), rcpt->transport);
	if (last == NULL)
		return;
	e->code = last->code;
	copy(e->esc, sizeof(e->esc), last->esc);
	copy(e->text, sizeof(e->text), last->text);
	copy(e->remote, sizeof(e->remote), last->remote);
}

static void
note(enum hm_loglevel level, const char *event, const struct hm_queue_event *e)
{
	hm_log(level, event, hm_f("id", e->id), hm_f("account", e->account),
	    hm_f("from", e->sender), hm_f("to", e->rcpt),
	    hm_f("attempt", e->attempt), hm_f("remote", e->remote),
	    hm_f("code", e->code), hm_f("esc", e->esc), hm_f("text", e->text));
}

void
queue_tell(struct queue_module *q, enum queue_tale tale,
    const struct queue_message *msg, const struct queue_rcpt *rcpt)
{
	struct hm_queue_event e = { 0 };

	fill(&e, msg, rcpt);
	switch (tale) {
	case QUEUE_TALE_QUEUED:
		note(HM_LOG_INFO, rcpt->held ? "queued and held" : "queued", &e);
		hm_emit_queued(q->m, &e);
		break;
	case QUEUE_TALE_ATTEMPT:
		hm_emit_attempt(q->m, &e);
		break;
	case QUEUE_TALE_DELIVERED:
		note(HM_LOG_INFO, "sent", &e);
		hm_emit_delivered(q->m, &e);
		break;
	case QUEUE_TALE_DEFERRED:
		note(HM_LOG_INFO, "deferred", &e);
		hm_emit_deferred(q->m, &e);
		break;
	case QUEUE_TALE_BOUNCED:
		note(HM_LOG_WARN, "given up", &e);
		hm_emit_bounced(q->m, &e);
		break;
	}
}
