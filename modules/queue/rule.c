/* rule.c - hold rules: messages that wait for the admin as they come. */
#include "queue.h"

static bool
matches(struct hm_str want, struct hm_str have)
{
	return want.len == 0 || hm_str_caseeq(want, have);
}

/* All that a rule names must fit. */
static bool
rule_fits(const struct queue_rule *rule, const struct queue_message *msg,
    const struct queue_rcpt *rcpt)
{
	ssize_t at = hm_str_rchr(msg->sender, '@');
	struct hm_str sender_domain = at < 0 ? (struct hm_str){ 0 } :
	    hm_str_skip(msg->sender, (size_t)at + 1);

	return matches(rule->account, msg->account) &&
	    matches(rule->sender_domain, sender_domain) &&
	    matches(rule->rcpt_domain, rcpt->domain);
}

struct matching {
	const struct queue_message *msg;
	const struct queue_rcpt *rcpt;
	bool found;
};

static int
match_rule(struct hm_str key, struct hm_str value, void *arg)
{
	struct matching *m = arg;
	struct queue_rule rule;

	(void)key;
	if (queue_rule_unpack(value, &rule) == 0 &&
	    rule_fits(&rule, m->msg, m->rcpt))
		m->found = true;
	return m->found;
}

int
queue_rules_match(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_message *msg, const struct queue_rcpt *rcpt)
{
	struct matching m = { .msg = msg, .rcpt = rcpt };
	int r = q->kv->ops->scan(txn, q->shared->t.rule, HM_STR(""), HM_STR(""), 0,
	    match_rule, &m);

	return r < 0 ? r : m.found;
}
