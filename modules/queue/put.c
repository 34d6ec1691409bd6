/* put.c - a message comes into the queue: its body first, then the records. */
#include <string.h>

#include <hermod/header.h>
#include <hermod/spool.h>

#include "queue.h"

struct putting {
	struct queue_module *q;
	struct hm_queue_item *item;
	struct hm_arena *arena;
	struct hm_err *err;
	struct queue_message msg;
	struct queue_rcpt *rcpts;
	uint64_t next_id;
};

static int
write_records(struct hm_kv_txn *txn, void *arg)
{
	struct putting *p = arg;
	struct queue_module *q = p->q;
	int r = queue_limit_txn(p->q, txn, p->arena, p->item, p->msg.id,
	    p->msg.queued_ms, p->err);

	if (r == 0)
		r = queue_put_message(q, txn, &p->msg);
	for (size_t i = 0; r == 0 && i < p->item->nrcpts; i++) {
		r = queue_rules_match(q, txn, &p->msg, &p->rcpts[i]);
		if (r < 0)
			break;
		p->rcpts[i].held = r > 0;
		r = queue_put_rcpt(q, txn, NULL, &p->rcpts[i]);
	}
	return r < 0 ? r : queue_hold_body(q, txn, p->msg.blob, true);
}

static int
put_job(void *arg)
{
	struct putting *p = arg;
	struct queue_module *q = p->q;
	struct hm_hdrfield id;
	struct hm_str body;
	int r = hm_spool_view(p->item->spool, &body);

	if (r < 0)
		return hm_err_set(p->err, r, "the message cannot be read");
	if (hm_header_find(hm_header_section(body), "Message-ID", 0, &id) ||
	    hm_header_find(p->item->prefix, "Message-ID", 0, &id))
		p->msg.message_id = hm_str_take(hm_msgid_first(p->arena,
		    id.value), 250);
	p->msg.body_bytes = body.len;
	r = q->blob->ops->put(q->blob->self, &body, 1, 0, &p->msg.blob, p->err);
	return r < 0 ? r :
	    hm_kv_run(q->kv, HM_KV_DURABLE, write_records, p, p->err);
}

/* Where mail for an address goes: its domain. */
static void
fill_rcpt(struct putting *p, size_t i, int64_t now)
{
	const struct hm_queue_rcpt *from = &p->item->rcpts[i];

	p->rcpts[i] = (struct queue_rcpt){
		.id = p->msg.id,
		.number = (uint32_t)i,
		.addr = from->addr.text,
		.domain = from->addr.domain,
		.orcpt = from->orcpt,
		.notify = (uint8_t)from->notify,
		.transport = hm_str(p->item->transport),
		.next_ms = p->item->not_before_ms > now ?
		    p->item->not_before_ms : now,
	};
}

static int
next_id_job(void *arg)
{
	struct putting *p = arg;

	return queue_reserve_ids(p->q, &p->next_id, p->err);
}

static HM_FIBER int
give_id(struct putting *p)
{
	struct queue_shared *q = p->q->shared;
	int r = 0;

	while (q->next_id >= q->id_limit && r == 0) {
		r = hm_work(next_id_job, p);
		if (r == 0)
			queue_take_ids(q, p->next_id);
	}
	if (r == 0)
		p->msg.id = q->next_id++;
	return r;
}

int
queue_put(struct hm_mod *self, struct hm_queue_item *item,
    struct hm_err *reterr)
{
	struct queue_module *q = hm_mod_state(self);
	struct hm_arena *arena = hm_arena_new(NULL, "put");
	int64_t now = queue_now_ms(q->shared);
	struct putting p = { .q = q, .item = item, .arena = arena,
	    .err = reterr };
	int r;

	p.msg = (struct queue_message){
		.account = item->account, .sender = item->sender.text,
		.envid = item->envid, .prefix = item->prefix,
		.queued_ms = now, .ret = (uint8_t)item->ret,
		.requiretls = (uint8_t)item->requiretls,
		.smtputf8 = item->smtputf8, .eightbit = item->eightbit,
		.binary = item->binary, .kind = (uint8_t)item->kind,
		.report = item->report || item->kind != HM_MAIL_ORDINARY,
		.nrcpts = (uint32_t)item->nrcpts,
	};
	p.rcpts = hm_alloc_array(arena, item->nrcpts, sizeof(*p.rcpts));
	r = give_id(&p);
	for (size_t i = 0; r == 0 && i < item->nrcpts; i++)
		fill_rcpt(&p, i, now);
	if (r == 0)
		r = hm_work(put_job, &p);
	for (size_t i = 0; r == 0 && i < item->nrcpts; i++) {
		if (!p.rcpts[i].held)
			queue_index_note(q->shared, p.rcpts[i].domain,
			    p.rcpts[i].next_ms);
		queue_tell(q, QUEUE_TALE_QUEUED, &p.msg, &p.rcpts[i]);
	}
	item->ret_id = p.msg.id;
	hm_arena_free(arena);
	return r;
}
