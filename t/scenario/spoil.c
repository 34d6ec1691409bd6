/* spoil.c - a module that damages records of a table, as a command says.
 *
 * spoil TABLE cut: half of each record; version: of a version nobody knows; mend: of
 * one that everybody knows; key: a short key beside each one.
 */
#include <string.h>

#include <hermod/buf.h>
#include <hermod/command.h>
#include <hermod/iface/kv.h>
#include <hermod/plugin.h>

enum { MANY = 50 };

struct spoiling {
	const struct hm_kv *kv;
	struct hm_kv_table *table;
	const char *name, *how;
	struct hm_buf keys[MANY], values[MANY];
	size_t n;
	struct hm_err err;
};

static int
take(struct hm_str key, struct hm_str value, void *arg)
{
	struct spoiling *s = arg;

	hm_buf_str(&s->keys[s->n], key);
	hm_buf_str(&s->values[s->n], value);
	return ++s->n == MANY;
}

static void
spoil_one(struct spoiling *s, size_t i)
{
	struct hm_buf *key = &s->keys[i], *value = &s->values[i];

	if (strcmp(s->how, "cut") == 0)
		value->len /= 2;
	else if (strcmp(s->how, "version") == 0)
		value->p[0] = 99;
	else if (strcmp(s->how, "mend") == 0)
		value->p[0] = 1;
	else
		key->len -= 5;
}

static int
spoil_txn(struct hm_kv_txn *txn, void *arg)
{
	struct spoiling *s = arg;
	int r;

	for (size_t i = 0; i < s->n; i++) {
		hm_buf_clear(&s->keys[i]);
		hm_buf_clear(&s->values[i]);
	}
	s->n = 0;
	r = s->kv->ops->scan(txn, s->table, HM_STR(""), (struct hm_str){ 0 }, 0,
	    take, s);
	for (size_t i = 0; i < s->n && r >= 0; i++) {
		spoil_one(s, i);
		r = s->kv->ops->put(txn, s->table, hm_buf_view(&s->keys[i]),
		    hm_buf_view(&s->values[i]));
	}
	return r < 0 ? r : 0;
}

static int
spoil_job(void *arg)
{
	struct spoiling *s = arg;
	int r = hm_kv_table(s->kv, s->name, &s->table, &s->err);

	return r < 0 ? r :
	    hm_kv_run(s->kv, HM_KV_DURABLE, spoil_txn, s, &s->err);
}

static int
run_spoil(struct hm_cmd *cmd)
{
	struct spoiling *s = hm_new(hm_cmd_arena(cmd), struct spoiling);
	int r;

	s->kv = HM_GET(hm_cmd_mod(cmd), kv);
	s->name = hm_cmd_arg(cmd, 0);
	s->how = hm_cmd_arg(cmd, 1);
	r = hm_work(spoil_job, s);
	for (size_t i = 0; i < MANY; i++) {
		hm_buf_release(&s->keys[i]);
		hm_buf_release(&s->values[i]);
	}
	if (r < 0)
		return hm_cmd_fail(cmd, &s->err);
	hm_cmd_printf(cmd, "%u spoiled\n", (unsigned)s->n);
	return 0;
}

static const struct hm_command spoil_commands[] = {
	{ .words = "spoil", .args = "TABLE HOW", .where = HM_CMD_EITHER,
	  .run = run_spoil, .summary = "damage all records of a table" },
	HM_COMMAND_END
};
static const struct hm_need spoil_needs[] = { HM_NEED(kv), HM_NEED_END };

HM_MODULE(spoil, "1.0", "Damages records", .needs = spoil_needs,
	.commands = spoil_commands);
