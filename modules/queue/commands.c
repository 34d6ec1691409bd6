/* commands.c - hermod queue: looking at what waits, and changing it. */
#include <string.h>

#include "commands.h"

struct hm_str
queue_cmd_number(struct hm_cmd *cmd, uint64_t n)
{
	return hm_str(hm_printf(hm_cmd_arena(cmd), "%llu",
	    (unsigned long long)n));
}

struct hm_str
queue_cmd_time(struct hm_cmd *cmd, int64_t at_ms)
{
	char date[24];

	return hm_str(hm_strdup(hm_cmd_arena(cmd),
	    hm_date_rfc3339(date, at_ms / 1000)));
}

/* ---- list ---- */

struct listing {
	struct hm_cmd *cmd;
	struct hm_cmd_table *table;
};

static int
list_one(const struct queue_found *found, void *arg)
{
	struct listing *l = arg;
	const struct queue_rcpt *rcpt = &found->rcpt;
	const struct queue_result *last = queue_rcpt_last(rcpt);
	struct hm_str next = rcpt->held ? HM_STR("on hold") :
	    queue_cmd_time(l->cmd, rcpt->next_ms);

	hm_cmd_row(l->table, (struct hm_str[]){
	    queue_cmd_number(l->cmd, found->msg.id), found->msg.account,
	    found->msg.sender.len > 0 ? found->msg.sender : HM_STR("<>"),
	    rcpt->addr, queue_cmd_number(l->cmd, found->msg.prefix.len +
	    found->msg.body_bytes), queue_cmd_time(l->cmd, found->msg.queued_ms),
	    queue_cmd_number(l->cmd, rcpt->attempts), next, rcpt->transport,
	    last != NULL ? last->text : HM_STR("") });
	return 0;
}

static int
run_list(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "id", "account", "from", "to",
		"bytes", "queued", "attempts", "next", "transport", "last", NULL };
	struct listing l = { .cmd = cmd };
	struct queue_filter filter;
	struct hm_err err = { 0 };
	uint64_t damaged = 0;
	int r = queue_filter_read(cmd, &filter);

	if (r != 0)
		return r;
	l.table = hm_cmd_table(cmd, columns);
	r = queue_find(queue_of(cmd), &filter, list_one, &l, &damaged, &err);
	hm_cmd_table_end(l.table);
	if (r == 0 && damaged > 0 && !hm_cmd_json(cmd))
		hm_cmd_printf(cmd, "%llu more cannot be read and %s not tried: "
		    "hermod queue damaged list\n", (unsigned long long)damaged,
		    damaged == 1 ? "is" : "are");
	return r < 0 ? hm_cmd_fail(cmd, &err) : 0;
}

/* ---- changing ---- */

/* One kind of change: to a recipient as it stands now, in a transaction. */
struct change {
	struct queue_module *q;
	struct hm_cmd *cmd;
	int (*apply)(struct change *c, struct hm_kv_txn *txn,
	    const struct queue_rcpt *was, struct queue_rcpt *now);
	const char *done;              /* "put on hold" */
	int64_t ms;                    /* schedule: when, or how much more */
	bool add;
	struct hm_str transport;
	enum hm_requiretls requiretls;
	/* one recipient */
	struct hm_arena *arena;
	const struct queue_found *found;
	struct queue_rcpt *now;
	struct hm_err *err;
	uint64_t count;
};

static int
change_txn(struct hm_kv_txn *txn, void *arg)
{
	struct change *c = arg;
	struct queue_rcpt *was = hm_new(c->arena, struct queue_rcpt);
	int r = queue_get_rcpt(c->q, txn, c->arena, c->found->rcpt.id,
	    c->found->rcpt.number, was);

	if (r < 0)
		return r;
	*c->now = *was;
	return c->apply(c, txn, was, c->now);
}

static int
change_job(void *arg)
{
	struct change *c = arg;

	return hm_kv_run(c->q->kv, HM_KV_LAZY, change_txn, c, c->err);
}

static int
change_one(const struct queue_found *found, void *arg)
{
	struct change *c = arg;
	int r;

	c->arena = hm_arena_new(NULL, "change");
	c->now = hm_new(c->arena, struct queue_rcpt);
	c->found = found;
	r = hm_work(change_job, c);
	if (r == 0) {
		c->count++;
		hm_log(HM_LOG_INFO, "queue changed", hm_f("what", c->done),
		    hm_f("id", found->msg.id), hm_f("to", found->rcpt.addr));
		if (!c->now->held)
			queue_index_note(c->q->shared,
			    queue_rcpt_place(c->now), c->now->next_ms);
		hm_cmd_progress(c->cmd, "%llu %s",
		    (unsigned long long)c->count, c->done);
	}
	hm_arena_free(c->arena);
	return r == -HM_ENOENT ? 0 : r;
}

static int
flush_job(void *arg)
{
	struct change *c = arg;

	return hm_kv_flush(c->q->kv, c->err);
}

static HM_FIBER int
change_found(struct change *c, const struct queue_filter *filter,
    struct hm_err *reterr)
{
	int r;

	c->q = queue_of(c->cmd);
	c->err = reterr;
	r = queue_find(c->q, filter, change_one, c, NULL, reterr);
	return r < 0 ? r : hm_work(flush_job, c);
}

static HM_FIBER int
change_all(struct change *c)
{
	struct queue_filter filter;
	struct hm_err err = { 0 };
	int r = queue_filter_read(c->cmd, &filter);

	if (r != 0)
		return r;
	if (!filter.any && hm_cmd_flag(c->cmd, "all") == NULL) {
		hm_cmd_error(c->cmd, "say which ones, or --all for the whole "
		    "queue");
		return 2;
	}
	if (change_found(c, &filter, &err) < 0)
		return hm_cmd_fail(c->cmd, &err);
	hm_cmd_printf(c->cmd, "%llu %s\n", (unsigned long long)c->count,
	    c->done);
	return c->count > 0 ? 0 : 1;
}

static int
put(struct change *c, struct hm_kv_txn *txn, const struct queue_rcpt *was,
    struct queue_rcpt *now)
{
	return queue_put_rcpt(c->q, txn, was, now);
}

static int
apply_hold(struct change *c, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	now->held = true;
	return put(c, txn, was, now);
}

static int
apply_unhold(struct change *c, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	now->held = false;
	return put(c, txn, was, now);
}

static int
apply_schedule(struct change *c, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	now->next_ms = c->add ? now->next_ms + c->ms :
	    queue_now_ms(c->q->shared) + c->ms;
	return put(c, txn, was, now);
}

static int
apply_transport(struct change *c, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	now->transport = c->transport;
	return put(c, txn, was, now);
}

static int
apply_requiretls(struct change *c, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	struct queue_message msg;
	int r = queue_get_message(c->q, txn, c->arena, now->id, &msg);

	(void)was;
	if (r < 0)
		return r;
	msg.requiretls = (uint8_t)c->requiretls;
	return queue_put_message(c->q, txn, &msg);
}

/* The next run reports it and takes it out. */
static int
apply_fail(struct change *c, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	struct queue_result result = { .at_ms = queue_now_ms(c->q->shared),
	    .outcome = HM_ATTEMPT_PERMANENT, .esc = HM_STR("5.7.0"),
	    .text = HM_STR("given up by the administrator") };

	queue_rcpt_add_result(now, &result);
	now->owes = QUEUE_REPORT_FAILED;
	now->held = false;
	now->next_ms = result.at_ms;
	now->last_ms = result.at_ms;
	return put(c, txn, was, now);
}

static int
apply_drop(struct change *c, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, struct queue_rcpt *now)
{
	now->held = true;              /* nothing becomes due */
	return queue_del_rcpt(c->q, txn, was, NULL);
}

int
queue_hold_all(struct hm_cmd *cmd, const struct queue_filter *f,
    uint64_t *ret_count, struct hm_err *reterr)
{
	struct change c = { .cmd = cmd, .apply = apply_hold,
	    .done = "put on hold" };
	int r = change_found(&c, f, reterr);

	*ret_count = c.count;
	return r;
}

static int
run_hold(struct hm_cmd *cmd)
{
	return change_all(&(struct change){ .cmd = cmd, .apply = apply_hold,
	    .done = "put on hold" });
}

static int
run_unhold(struct hm_cmd *cmd)
{
	return change_all(&(struct change){ .cmd = cmd, .apply = apply_unhold,
	    .done = "released" });
}

static int
run_fail(struct hm_cmd *cmd)
{
	return change_all(&(struct change){ .cmd = cmd, .apply = apply_fail,
	    .done = "given up, with a report to the sender" });
}

static int
run_drop(struct hm_cmd *cmd)
{
	return change_all(&(struct change){ .cmd = cmd, .apply = apply_drop,
	    .done = "removed without a report" });
}

static int
run_schedule(struct hm_cmd *cmd)
{
	struct change c = { .cmd = cmd, .apply = apply_schedule,
	    .done = "scheduled" };
	const char *in = hm_cmd_flag(cmd, "in"), *add = hm_cmd_flag(cmd, "add");

	c.add = add != NULL;
	if (in != NULL && add != NULL) {
		hm_cmd_error(cmd, "--in and --add exclude each other");
		return 2;
	}
	if ((in != NULL || add != NULL) &&
	    hm_value_time(hm_str(in != NULL ? in : add), &c.ms) < 0) {
		hm_cmd_error(cmd, "write a time such as 10m, 2h or 1d");
		return 2;
	}
	return change_all(&c);
}

static int
run_transport(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0);
	struct change c = { .cmd = cmd, .apply = apply_transport,
	    .done = "given to another transport" };

	if (strcmp(name, "default") != 0) {
		if (queue_transport(hm_cmd_mod(cmd), name) == NULL)
			return hm_cmd_error(cmd, "no module has a transport "
			    "named \"%s\"", name);
		c.transport = hm_str(name);
	}
	return change_all(&c);
}

static int
run_requiretls(struct hm_cmd *cmd)
{
	struct hm_str word = hm_str(hm_cmd_arg(cmd, 0));
	struct change c = { .cmd = cmd, .apply = apply_requiretls,
	    .done = "changed" };

	if (hm_str_is(word, "yes"))
		c.requiretls = HM_REQUIRETLS_YES;
	else if (hm_str_is(word, "no"))
		c.requiretls = HM_REQUIRETLS_NO;
	else if (!hm_str_is(word, "default")) {
		hm_cmd_error(cmd, "write yes, no or default");
		return 2;
	}
	return change_all(&c);
}

/* ---- dump ---- */

struct dumping {
	struct queue_module *q;
	struct hm_arena *arena;
	uint64_t id;
	struct queue_message msg;
	struct hm_blob_reader *reader;
	uint64_t at;
	char *piece;
	ssize_t n;
	struct hm_err err;
};

static int
find_message(struct hm_kv_txn *txn, void *arg)
{
	struct dumping *d = arg;

	return queue_get_message(d->q, txn, d->arena, d->id, &d->msg);
}

static int
dump_open(void *arg)
{
	struct dumping *d = arg;
	const struct hm_blob *blob = d->q->blob;
	uint64_t size;
	int r = hm_kv_run(d->q->kv, HM_KV_READ, find_message, d, &d->err);

	return r < 0 ? r : blob->ops->open(blob->self, d->msg.blob, &d->reader,
	    &size, &d->err);
}

enum { DUMP_PIECE = 32 * 1024 };

static int
dump_read(void *arg)
{
	struct dumping *d = arg;

	d->n = d->q->blob->ops->read(d->reader, d->at, d->piece, DUMP_PIECE);
	return 0;
}

static int
run_dump(struct hm_cmd *cmd)
{
	struct dumping d = { .q = queue_of(cmd), .arena = hm_cmd_arena(cmd) };

	if (hm_str_u64(hm_str(hm_cmd_arg(cmd, 0)), INT64_MAX, &d.id) < 0)
		return hm_cmd_error(cmd, "\"%s\" is no id of a message",
		    hm_cmd_arg(cmd, 0));
	if (hm_work(dump_open, &d) < 0)
		return hm_cmd_error(cmd, "message %s cannot be read%s%s",
		    hm_cmd_arg(cmd, 0), d.err.text[0] ? ": " : "", d.err.text);
	d.piece = hm_alloc(d.arena, DUMP_PIECE);
	hm_cmd_write(cmd, d.msg.prefix);
	do {
		(void)hm_work(dump_read, &d);
		if (d.n > 0)
			hm_cmd_write(cmd, hm_str_n(d.piece, (size_t)d.n));
		d.at += d.n > 0 ? (uint64_t)d.n : 0;
	} while (d.n > 0);
	d.q->blob->ops->close(d.reader);
	return d.n < 0 ? hm_cmd_error(cmd, "the rest cannot be read") : 0;
}

/* ---- tables ---- */

static const struct hm_cmd_flag change_flags[] = {
	QUEUE_FILTER_FLAGS,
	{ "all", NULL, "the whole queue" },
	{ .name = NULL }
};
static const struct hm_cmd_flag schedule_flags[] = {
	QUEUE_FILTER_FLAGS,
	{ "all", NULL, "the whole queue" },
	{ "in", "TIME", "after this time from now, instead of at once" },
	{ "add", "TIME", "so much later than it was planned" },
	{ .name = NULL }
};

const struct hm_command queue_commands[] = {
	{ .words = "queue list", .args = "", .flags = queue_filter_flags,
	  .where = HM_CMD_EITHER, .run = run_list,
	  .summary = "show mail that has not left yet" },
	{ .words = "mailq", .args = "", .flags = queue_filter_flags,
	  .where = HM_CMD_EITHER, .run = run_list,
	  .summary = "the same as queue list" },
	{ .words = "queue hold", .args = "", .flags = change_flags,
	  .where = HM_CMD_EITHER, .run = run_hold,
	  .summary = "keep mail from being tried" },
	{ .words = "queue unhold", .args = "", .flags = change_flags,
	  .where = HM_CMD_EITHER, .run = run_unhold,
	  .summary = "let held mail go" },
	{ .words = "queue schedule", .args = "", .flags = schedule_flags,
	  .where = HM_CMD_EITHER, .run = run_schedule,
	  .summary = "try mail now, or at another time" },
	{ .words = "queue transport", .args = "NAME", .flags = change_flags,
	  .where = HM_CMD_EITHER, .run = run_transport,
	  .summary = "force mail to a transport; \"default\" follows the routes" },
	{ .words = "queue requiretls", .args = "yes|no|default",
	  .flags = change_flags, .where = HM_CMD_EITHER, .run = run_requiretls,
	  .summary = "say whether mail may go without verified TLS" },
	{ .words = "queue fail", .args = "", .flags = change_flags,
	  .where = HM_CMD_EITHER, .run = run_fail,
	  .summary = "give mail back to its senders" },
	{ .words = "queue drop", .args = "", .flags = change_flags,
	  .where = HM_CMD_EITHER, .run = run_drop,
	  .summary = "remove mail; nobody is told" },
	{ .words = "queue dump", .args = "ID", .where = HM_CMD_EITHER,
	  .run = run_dump, .summary = "print a waiting message" },
	{ .words = "queue retired", .args = "", .flags = queue_filter_flags,
	  .where = HM_CMD_EITHER, .run = queue_run_retired,
	  .summary = "show what became of mail that left" },
	{ .words = "queue holdrules list", .args = "", .where = HM_CMD_EITHER,
	  .run = queue_run_rules, .summary = "show which mail is held as it comes" },
	{ .words = "queue holdrules add", .args = "", .flags = queue_rule_flags,
	  .where = HM_CMD_EITHER, .run = queue_run_rule_add,
	  .summary = "hold mail as it comes, and what waits already" },
	{ .words = "queue holdrules remove", .args = "NUMBER",
	  .where = HM_CMD_EITHER, .run = queue_run_rule_remove,
	  .summary = "end a rule; what it held stays on hold" },
	{ .words = "queue suppress list", .args = "[ACCOUNT]",
	  .where = HM_CMD_EITHER, .run = queue_run_suppressed,
	  .summary = "show addresses that accounts' mail is not sent to" },
	{ .words = "queue suppress add", .args = "ACCOUNT ADDRESS",
	  .where = HM_CMD_EITHER, .run = queue_run_suppress,
	  .summary = "send an account's mail no more to an address" },
	{ .words = "queue suppress remove", .args = "ACCOUNT ADDRESS",
	  .where = HM_CMD_EITHER, .run = queue_run_unsuppress,
	  .summary = "send to it again" },
	{ .words = "queue damaged list", .args = "", .where = HM_CMD_EITHER,
	  .run = queue_run_damaged,
	  .summary = "show records that cannot be read" },
	{ .words = "queue damaged dump", .args = "ID", .where = HM_CMD_EITHER,
	  .run = queue_run_damaged_dump,
	  .summary = "print the records of a message, byte by byte" },
	{ .words = "queue damaged drop", .args = "ID", .where = HM_CMD_EITHER,
	  .run = queue_run_damaged_drop,
	  .summary = "remove what cannot be read of a message" },
	HM_COMMAND_END
};
