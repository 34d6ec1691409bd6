/* first-mail.c - own storage on kv: who writes to us for the first time? A table of
 * one's own, changed in transactions, durable like everything else.
 */
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/iface/kv.h>
#include <hermod/plugin.h>

struct first {
	const struct hm_kv *kv;
	struct hm_kv_table *senders;   /* address: time of the first message */
};

struct question {
	const struct first *first;
	struct hm_str sender;
	bool is_new;
};

/* Run again after a conflict, so it begins by forgetting what it found. */
static int
ask_txn(struct hm_kv_txn *txn, void *arg)
{
	struct question *q = arg;
	const struct hm_kv_ops *ops = q->first->kv->ops;
	struct hm_kv_table *senders = q->first->senders;
	struct hm_buf now = { 0 };
	struct hm_str found;
	int r = ops->get(txn, senders, q->sender, HM_KV_FOR_UPDATE, &found);

	q->is_new = r == -HM_ENOENT;
	if (!q->is_new)
		return r;
	hm_buf_le64(&now, (uint64_t)hm_wall_ms());
	r = ops->put(txn, senders, q->sender, hm_buf_view(&now));
	hm_buf_release(&now);
	return r;
}

static struct hm_verdict
first_message(struct hm_call *call, struct hm_message *msg)
{
	struct question q = { .first = hm_mod_state(hm_call_mod(call)),
		.sender = hm_addr_text(hm_message_sender(msg)) };
	int r;

	if (q.sender.len == 0) /* a report */
		return hm_pass();
	/* The transaction is a job: other sessions go on meanwhile. */
	r = hm_kv_work(q.first->kv, HM_KV_DURABLE, ask_txn, &q, NULL);
	if (r == 0 && q.is_new)
		r = hm_message_add_field(msg, "X-First-Mail", "yes");
	return hm_ok_or_fail(r);
}

static int
first_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct first *first = hm_new(hm_mod_arena(m), struct first);

	first->kv = HM_GET(m, kv);
	hm_mod_set(m, first);
	return hm_kv_table(first->kv, "first-mail", &first->senders, reterr);
}

static const struct hm_need first_needs[] = { HM_NEED(kv), HM_NEED_END };

static const struct hm_hook first_hooks[] = {
	HM_ON(message, HM_ORDER_REWRITE, first_message),
	HM_HOOK_END
};

HM_MODULE_NAMED("first-mail", "1.0", "Marks the first message of a sender",
	.needs = first_needs, .hooks = first_hooks, .open = first_open);
