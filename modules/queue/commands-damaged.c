/* commands-damaged.c - hermod queue damaged: records that cannot be read. */
#include "commands.h"

static int
read_id(struct hm_cmd *cmd, uint64_t *ret)
{
	const char *word = hm_cmd_arg(cmd, 0);

	if (hm_str_u64(hm_str(word), INT64_MAX, ret) == 0 && *ret > 0)
		return 0;
	return hm_cmd_error(cmd, "\"%s\" is no id of a message", word);
}

/* ---- list ---- */

struct listing {
	struct hm_cmd *cmd;
	struct hm_cmd_table *table;
};

static int
list_one(const struct queue_found *found, void *arg)
{
	static const char *const what[] = {
		[QUEUE_DAMAGED_RCPT] = "the recipient cannot be read",
		[QUEUE_DAMAGED_MESSAGE] = "the message's record cannot be read",
		[QUEUE_NO_MESSAGE] = "the message's record is gone",
	};
	struct listing *l = arg;

	hm_cmd_row(l->table, (struct hm_str[]){
	    queue_cmd_number(l->cmd, found->rcpt.id),
	    queue_cmd_number(l->cmd, found->rcpt.number),
	    found->aside_ms != 0 ? queue_cmd_time(l->cmd, found->aside_ms) :
	    HM_STR(""), hm_str(what[found->damage]) });
	return 0;
}

int
queue_run_damaged(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "id", "recipient", "set-aside",
		"what", NULL };
	struct queue_filter filter = { .damaged = true };
	struct listing l = { .cmd = cmd };
	struct hm_err err = { 0 };
	int r;

	l.table = hm_cmd_table(cmd, columns);
	r = queue_find(queue_of(cmd), &filter, list_one, &l, NULL, &err);
	hm_cmd_table_end(l.table);
	return r < 0 ? hm_cmd_fail(cmd, &err) : 0;
}

/* ---- dump ---- */

enum { RECORDS_MAX = 1000 };

struct dumping {
	struct queue_module *q;
	struct hm_arena *arena;
	uint64_t id;
	struct hm_str message;         /* {NULL,0}: there is none */
	struct { uint32_t number; struct hm_str value; } rcpts[RECORDS_MAX];
	size_t n;
	struct hm_err err;
};

static int
take_rcpt(struct hm_str key, struct hm_str value, void *arg)
{
	struct dumping *d = arg;

	if (d->n == RECORDS_MAX)
		return 1;
	key = hm_str_skip(key, sizeof(uint64_t));
	if (hm_take_be32(&key, &d->rcpts[d->n].number) == 0)
		d->rcpts[d->n++].value = hm_str_dup(d->arena, value);
	return 0;
}

static int
dump_txn(struct hm_kv_txn *txn, void *arg)
{
	struct dumping *d = arg;
	struct queue_module *q = d->q;
	struct hm_buf from = { 0 }, to = { 0 };
	struct hm_str got;
	int r;

	d->n = 0;
	queue_key_id(&from, d->id);
	queue_key_id(&to, d->id + 1);
	r = q->kv->ops->get(txn, q->shared->t.message, hm_buf_view(&from), 0,
	    &got);
	if (r == 0)
		d->message = hm_str_dup(d->arena, got);
	if (r == 0 || r == -HM_ENOENT)
		r = q->kv->ops->scan(txn, q->shared->t.rcpt, hm_buf_view(&from),
		    hm_buf_view(&to), 0, take_rcpt, d);
	hm_buf_release(&from);
	hm_buf_release(&to);
	return r < 0 ? r : 0;
}

static int
dump_job(void *arg)
{
	struct dumping *d = arg;

	return hm_kv_run(d->q->kv, HM_KV_READ, dump_txn, d, &d->err);
}

/* Sixteen bytes a line, and what of them can be printed. */
static HM_FIBER void
print(struct hm_cmd *cmd, const char *title, struct hm_str bytes)
{
	enum { LINE = 16 };
	struct hm_buf line = { 0 };

	hm_cmd_printf(cmd, "%s, %zu bytes\n", title, bytes.len);
	for (size_t at = 0; at < bytes.len; at += LINE) {
		struct hm_str part = hm_str_take(hm_str_skip(bytes, at), LINE);

		hm_buf_printf(&line, "%06zx  ", at);
		for (size_t i = 0; i < LINE; i++)
			if (i < part.len)
				hm_buf_printf(&line, "%02x ",
				    (unsigned char)part.p[i]);
			else
				hm_buf_puts(&line, "   ");
		hm_buf_putc(&line, ' ');
		for (size_t i = 0; i < part.len; i++)
			hm_buf_putc(&line, part.p[i] >= ' ' &&
			    part.p[i] <= '~' ? part.p[i] : '.');
		hm_buf_putc(&line, '\n');
		hm_cmd_write(cmd, hm_buf_view(&line));
		hm_buf_clear(&line);
	}
	hm_buf_release(&line);
}

int
queue_run_damaged_dump(struct hm_cmd *cmd)
{
	struct dumping *d = hm_new(hm_cmd_arena(cmd), struct dumping);
	struct queue_message msg;

	d->q = queue_of(cmd);
	d->arena = hm_cmd_arena(cmd);
	if (read_id(cmd, &d->id) != 0)
		return 1;
	if (hm_work(dump_job, d) < 0)
		return hm_cmd_fail(cmd, &d->err);
	if (d->message.p == NULL && d->n == 0)
		return hm_cmd_error(cmd, "the queue has no message %s",
		    hm_cmd_arg(cmd, 0));
	if (d->message.p != NULL)
		print(cmd, "message", d->message);
	for (size_t i = 0; i < d->n; i++)
		print(cmd, hm_printf(d->arena, "recipient %u",
		    d->rcpts[i].number), d->rcpts[i].value);
	if (d->message.p != NULL &&
	    queue_message_unpack(d->message, d->id, &msg) == 0)
		hm_cmd_printf(cmd, "The message itself: hermod queue dump %s\n",
		    hm_cmd_arg(cmd, 0));
	return 0;
}

/* ---- drop ---- */

struct dropping {
	struct queue_module *q;
	struct hm_arena *arena;
	uint64_t id;
	uint32_t number;
	uint64_t left, count;
	struct hm_err *err;
};

static int
drop_txn(struct hm_kv_txn *txn, void *arg)
{
	struct dropping *d = arg;
	int r = queue_damaged_drop(d->q, txn, d->arena, d->id, d->number);

	return r < 0 ? r : queue_damaged_count(d->q, txn, &d->left);
}

static int
drop_job(void *arg)
{
	struct dropping *d = arg;

	return hm_kv_run(d->q->kv, HM_KV_DURABLE, drop_txn, d, d->err);
}

static int
drop_one(const struct queue_found *found, void *arg)
{
	struct dropping *d = arg;
	int r;

	d->number = found->rcpt.number;
	r = hm_work(drop_job, d);
	if (r < 0)
		return r == -HM_ENOENT ? 0 : r;
	d->count++;
	d->q->shared->ndamaged = d->left;
	hm_gauge_set(d->q->metrics->set_aside, (int64_t)d->left);
	hm_log(HM_LOG_WARN, "a record of the queue that cannot be read is removed",
	    hm_f("id", d->id), hm_f("recipient", d->number));
	return 0;
}

int
queue_run_damaged_drop(struct hm_cmd *cmd)
{
	struct queue_filter filter = { .damaged = true };
	struct hm_err err = { 0 };
	struct dropping d = { .q = queue_of(cmd), .arena = hm_cmd_arena(cmd),
	    .err = &err };

	if (read_id(cmd, &d.id) != 0)
		return 1;
	filter.id = d.id;
	if (queue_find(d.q, &filter, drop_one, &d, NULL, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	if (d.count == 0)
		return hm_cmd_error(cmd, "message %s has nothing that cannot be "
		    "read", hm_cmd_arg(cmd, 0));
	hm_cmd_printf(cmd, "%llu removed; nobody is told\n",
	    (unsigned long long)d.count);
	return 0;
}
