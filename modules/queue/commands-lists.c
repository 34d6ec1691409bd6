/* commands-lists.c - retired mail, hold rules, suppressed addresses. */
#include "commands.h"

/* ---- pages of a table ---- */

enum { PAGE = 200 };

struct record {
	struct hm_str key, value;
};
struct paging {
	struct queue_module *q;
	struct hm_kv_table *table;
	struct hm_arena *arena;
	struct hm_str from, to;
	struct record at[PAGE];
	size_t n;
	bool more;
	struct hm_err err;
};

static int
take_record(struct hm_str key, struct hm_str value, void *arg)
{
	struct paging *p = arg;

	if (p->n == PAGE) {
		p->from = hm_str_dup(p->arena, key);
		p->more = true;
		return 1;
	}
	p->at[p->n++] = (struct record){ hm_str_dup(p->arena, key),
	    hm_str_dup(p->arena, value) };
	return 0;
}

static int
page_txn(struct hm_kv_txn *txn, void *arg)
{
	struct paging *p = arg;

	p->n = 0;
	p->more = false;
	return p->q->kv->ops->scan(txn, p->table, p->from, p->to, 0, take_record,
	    p);
}

static int
page_job(void *arg)
{
	struct paging *p = arg;
	int r = hm_kv_run(p->q->kv, HM_KV_READ, page_txn, p, &p->err);

	return r < 0 ? r : 0;
}

/* Calls fn for every record from p->from to p->to. */
static HM_FIBER int
walk(struct hm_cmd *cmd, struct paging *p,
    HM_FIBER void (*fn)(const struct record *rec, void *arg), void *arg)
{
	int r;

	p->arena = hm_cmd_arena(cmd);
	p->q = queue_of(cmd);
	do {
		r = hm_work(page_job, p);
		for (size_t i = 0; i < p->n && r == 0; i++)
			fn(&p->at[i], arg);
	} while (r == 0 && p->more);
	return r;
}

struct listing {
	struct hm_cmd *cmd;
	struct hm_cmd_table *table;
	const struct queue_filter *filter;
};

static HM_FIBER int
list(struct hm_cmd *cmd, struct hm_kv_table *table, struct hm_str from,
    struct hm_str to, const char *const *columns,
    HM_FIBER void (*fn)(const struct record *rec, void *arg),
    const struct queue_filter *filter)
{
	struct listing l = { .cmd = cmd, .filter = filter };
	struct paging *p = hm_new(hm_cmd_arena(cmd), struct paging);
	int r;

	p->table = table;
	p->from = from;
	p->to = to;
	l.table = hm_cmd_table(cmd, columns);
	r = walk(cmd, p, fn, &l);
	hm_cmd_table_end(l.table);
	return r < 0 ? hm_cmd_fail(cmd, &p->err) : 0;
}

/* ---- retired ---- */

static const char *
outcome_name(const struct queue_result *last)
{
	if (last == NULL)
		return "removed";
	switch ((enum hm_attempt_outcome)last->outcome) {
	case HM_ATTEMPT_DELIVERED:
	case HM_ATTEMPT_RELAYED:
		return "sent";
	case HM_ATTEMPT_TEMPORARY:
	case HM_ATTEMPT_PERMANENT:
		return "failed";
	case HM_ATTEMPT_UNTRIED:
		break;
	}
	return "untried";
}

static void
show_retired(const struct record *rec, void *arg)
{
	struct listing *l = arg;
	struct hm_str key = rec->key, value = rec->value, m, r;
	struct queue_message msg;
	struct queue_rcpt *rcpt = hm_new(hm_cmd_arena(l->cmd), struct queue_rcpt);
	const struct queue_result *last;
	uint64_t when, id;
	uint32_t number;

	if (hm_take_be64(&key, &when) < 0 || hm_take_be64(&key, &id) < 0 ||
	    hm_take_be32(&key, &number) < 0 || hm_take_lstr(&value, &m) < 0 ||
	    hm_take_lstr(&value, &r) < 0 ||
	    queue_message_unpack(m, id, &msg) < 0 ||
	    queue_rcpt_unpack(r, id, number, rcpt) < 0 ||
	    !queue_filter_fits(l->filter, &msg, rcpt))
		return;
	last = queue_rcpt_last(rcpt);
	hm_cmd_row(l->table, (struct hm_str[]){ queue_cmd_number(l->cmd, id),
	    msg.account, msg.sender.len > 0 ? msg.sender : HM_STR("<>"),
	    rcpt->addr, queue_cmd_time(l->cmd, msg.queued_ms),
	    queue_cmd_time(l->cmd, (int64_t)when),
	    queue_cmd_number(l->cmd, rcpt->attempts),
	    hm_str(outcome_name(last)), last ? last->remote : HM_STR(""),
	    last ? last->text : HM_STR("") });
}

int
queue_run_retired(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "id", "account", "from", "to",
		"queued", "last-attempt", "attempts", "outcome", "remote", "text",
		NULL };
	struct queue_filter filter;
	int r = queue_filter_read(cmd, &filter);

	return r != 0 ? r : list(cmd, queue_of(cmd)->shared->t.retired,
	    HM_STR(""), HM_STR(""), columns, show_retired, &filter);
}

/* ---- hold rules ---- */

const struct hm_cmd_flag queue_rule_flags[] = {
	{ "account", "NAME", "mail that this account sends" },
	{ "from-domain", "DOMAIN", "senders at this domain" },
	{ "to-domain", "DOMAIN", "recipients at this domain" },
	{ "everything", NULL, "all mail" },
	{ .name = NULL }
};

static struct hm_str
or_any(struct hm_str s)
{
	return s.len > 0 ? s : HM_STR("any");
}

static void
show_rule(const struct record *rec, void *arg)
{
	struct listing *l = arg;
	struct hm_str key = rec->key;
	struct queue_rule rule;
	uint32_t number;

	if (hm_take_be32(&key, &number) < 0 ||
	    queue_rule_unpack(rec->value, &rule) < 0)
		return;
	hm_cmd_row(l->table, (struct hm_str[]){ queue_cmd_number(l->cmd, number),
	    or_any(rule.account), or_any(rule.sender_domain),
	    or_any(rule.rcpt_domain) });
}

int
queue_run_rules(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "number", "account",
		"from-domain", "to-domain", NULL };

	return list(cmd, queue_of(cmd)->shared->t.rule, HM_STR(""), HM_STR(""),
	    columns, show_rule, NULL);
}

struct editing {
	struct queue_module *q;
	struct hm_kv_table *table;
	struct hm_str key, value;      /* no value: remove */
	struct hm_arena *arena;
	struct queue_rule rule;
	uint32_t number;
	struct hm_err err;
};

static int
last_number(struct hm_str key, struct hm_str value, void *arg)
{
	struct editing *e = arg;

	(void)value;
	(void)hm_take_be32(&key, &e->number);
	return 1;
}

static int
add_rule_txn(struct hm_kv_txn *txn, void *arg)
{
	struct editing *e = arg;
	struct hm_buf key = { 0 }, value = { 0 };
	int r;

	e->number = 0;
	r = e->q->kv->ops->scan(txn, e->q->shared->t.rule, HM_STR(""), HM_STR(""),
	    HM_KV_REVERSE, last_number, e);
	hm_buf_be32(&key, ++e->number);
	queue_rule_pack(&value, &e->rule);
	if (r >= 0)
		r = e->q->kv->ops->put(txn, e->q->shared->t.rule, hm_buf_view(&key),
		    hm_buf_view(&value));
	hm_buf_release(&key);
	hm_buf_release(&value);
	return r;
}

static int
add_rule_job(void *arg)
{
	struct editing *e = arg;

	return hm_kv_run(e->q->kv, HM_KV_DURABLE, add_rule_txn, e, &e->err);
}

int
queue_run_rule_add(struct hm_cmd *cmd)
{
	struct editing e = { .q = queue_of(cmd) };
	struct queue_filter filter = { 0 };
	struct hm_err err = { 0 };
	uint64_t held = 0;

	e.rule.account = hm_str(hm_cmd_flag(cmd, "account"));
	e.rule.sender_domain = hm_str(hm_cmd_flag(cmd, "from-domain"));
	e.rule.rcpt_domain = hm_str(hm_cmd_flag(cmd, "to-domain"));
	if (e.rule.account.len + e.rule.sender_domain.len +
	    e.rule.rcpt_domain.len == 0 && !hm_cmd_flag(cmd, "everything")) {
		hm_cmd_error(cmd, "say which mail to hold, or --everything");
		return 2;
	}
	if (hm_work(add_rule_job, &e) < 0)
		return hm_cmd_fail(cmd, &e.err);
	filter.account = e.rule.account;
	filter.domain = e.rule.rcpt_domain;
	if (e.rule.sender_domain.len > 0)
		filter.from = hm_str(hm_printf(hm_cmd_arena(cmd), "@%.*s",
		    HM_FMT(e.rule.sender_domain)));
	if (queue_hold_all(cmd, &filter, &held, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	hm_cmd_printf(cmd, "rule %u holds new mail; %llu that waited are on "
	    "hold, too\n", e.number, (unsigned long long)held);
	return 0;
}

static int
edit_txn(struct hm_kv_txn *txn, void *arg)
{
	struct editing *e = arg;

	return e->value.p == NULL ? e->q->kv->ops->del(txn, e->table, e->key) :
	    e->q->kv->ops->put(txn, e->table, e->key, e->value);
}

static int
edit_job(void *arg)
{
	struct editing *e = arg;

	return hm_kv_run(e->q->kv, HM_KV_DURABLE, edit_txn, e, &e->err);
}

int
queue_run_rule_remove(struct hm_cmd *cmd)
{
	struct editing e = { .q = queue_of(cmd) };
	struct hm_buf key = { 0 };
	uint32_t number;
	int r;

	if (hm_str_u32(hm_str(hm_cmd_arg(cmd, 0)), &number) < 0)
		return hm_cmd_error(cmd, "\"%s\" is no number of a rule",
		    hm_cmd_arg(cmd, 0));
	hm_buf_be32(&key, number);
	e.table = e.q->shared->t.rule;
	e.key = hm_buf_view(&key);
	r = hm_work(edit_job, &e);
	hm_buf_release(&key);
	if (r == -HM_ENOENT)
		return hm_cmd_error(cmd, "there is no rule %u", number);
	return r < 0 ? hm_cmd_fail(cmd, &e.err) : 0;
}

/* ---- suppressed addresses ---- */

static void
show_suppressed(const struct record *rec, void *arg)
{
	struct listing *l = arg;
	struct queue_suppression s;
	struct hm_str rest = rec->key, account = hm_str_split(&rest, '\0');

	if (queue_suppression_unpack(rec->value, &s) < 0)
		return;
	hm_cmd_row(l->table, (struct hm_str[]){ account, s.addr,
	    queue_cmd_time(l->cmd, s.since_ms), s.reason });
}

int
queue_run_suppressed(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "account", "address", "since",
		"reason", NULL };
	struct hm_str account = hm_str(hm_cmd_arg(cmd, 0));
	struct hm_buf from = { 0 }, to = { 0 };
	int r;

	if (account.len > 0) {
		queue_suppress_key(&from, account, HM_STR(""));
		hm_buf_str(&to, account);
		hm_buf_putc(&to, '\1');
	}
	r = list(cmd, queue_of(cmd)->shared->t.suppressed, hm_buf_view(&from),
	    hm_buf_view(&to), columns, show_suppressed, NULL);
	hm_buf_release(&from);
	hm_buf_release(&to);
	return r;
}

static HM_FIBER int
edit_suppressed(struct hm_cmd *cmd, bool add)
{
	struct queue_module *q = queue_of(cmd);
	struct editing e = { .q = q, .table = q->shared->t.suppressed };
	struct hm_buf key = { 0 }, value = { 0 };
	struct queue_suppression s = { .reason = HM_STR("by the administrator"),
	    .since_ms = queue_now_ms(q->shared) };
	struct hm_err err = { 0 };
	struct hm_addr addr;
	int r = hm_addr_parse(hm_cmd_arena(cmd), hm_str(hm_cmd_arg(cmd, 1)),
	    HM_ADDR_UTF8, &addr, &err);

	if (r < 0)
		return hm_cmd_fail(cmd, &err);
	s.addr = addr.text;
	queue_suppress_key(&key, hm_str(hm_cmd_arg(cmd, 0)),
	    queue_suppress_base(hm_cmd_arena(cmd), addr.text));
	queue_suppression_pack(&value, &s);
	e.key = hm_buf_view(&key);
	if (add)
		e.value = hm_buf_view(&value);
	r = hm_work(edit_job, &e);
	hm_buf_release(&key);
	hm_buf_release(&value);
	if (r == -HM_ENOENT)
		return hm_cmd_error(cmd, "%s is not suppressed for %s",
		    hm_cmd_arg(cmd, 1), hm_cmd_arg(cmd, 0));
	return r < 0 ? hm_cmd_fail(cmd, &e.err) : 0;
}

int
queue_run_suppress(struct hm_cmd *cmd)
{
	return edit_suppressed(cmd, true);
}

int
queue_run_unsuppress(struct hm_cmd *cmd)
{
	return edit_suppressed(cmd, false);
}
