/* post.c - a module that writes mail of the server's own, as a command says.
 *
 * post KIND FROM TO: KIND is ordinary, dmarc or tls; the message is what stands on
 * standard input. One of the kind tls waives TLS, as reports about TLS do. What the
 * queue gave up is written down, with its kind.
 */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/command.h>
#include <hermod/iface/queue.h>
#include <hermod/plugin.h>
#include <hermod/spool.h>

static const char *const kinds[] = { "ordinary", "dmarc", "tls" };

static HM_FIBER int
post(struct hm_cmd *cmd, struct hm_queue_item *item, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_cmd_arena(cmd);
	struct hm_queue_rcpt rcpt = { 0 };
	struct hm_buf in = { 0 };
	struct hm_str text;
	int r = hm_addr_parse(arena, hm_str(hm_cmd_arg(cmd, 2)), 0, &rcpt.addr,
	    reterr);

	if (r == 0)
		r = hm_addr_parse(arena, hm_str(hm_cmd_arg(cmd, 1)), 0,
		    &item->sender, reterr);
	if (r < 0)
		return r;
	while (hm_cmd_read(cmd, &in) >= 0)
		;
	text = hm_buf_view(&in);
	item->nrcpts = 1;
	item->rcpts = &rcpt;
	item->spool = hm_spool_new(hm_server(hm_cmd_mod(cmd))->data_dir);
	while (text.len > 0 && r == 0) {
		struct hm_str line = hm_str_split(&text, '\n');

		r = hm_spool_append(item->spool, line.p, line.len, reterr);
		if (r == 0)
			r = hm_spool_append(item->spool, "\r\n", 2, reterr);
	}
	if (r == 0)
		r = hm_queue_put(HM_GET(hm_cmd_mod(cmd), queue), item, reterr);
	hm_spool_free(item->spool);
	hm_buf_release(&in);
	return r;
}

static int
run_post(struct hm_cmd *cmd)
{
	struct hm_queue_item item = { .kind = HM_MAIL_ORDINARY };
	struct hm_err err = { 0 };
	unsigned kind = 0;

	while (kind < HM_MAIL_TLS_REPORT &&
	    strcmp(kinds[kind], hm_cmd_arg(cmd, 0)) != 0)
		kind++;
	item.kind = (enum hm_mail_kind)kind;
	if (kind == HM_MAIL_TLS_REPORT)
		item.requiretls = HM_REQUIRETLS_NO;
	return post(cmd, &item, &err) < 0 ? hm_cmd_fail(cmd, &err) : 0;
}

static const struct hm_command post_commands[] = {
	{ .words = "post", .args = "KIND FROM TO", .where = HM_CMD_EITHER,
	  .run = run_post, .summary = "put a message into the queue" },
	HM_COMMAND_END
};
static void
post_bounced(struct hm_call *call, const struct hm_queue_event *e)
{
	(void)call;
	hm_log(HM_LOG_INFO, "bounced", hm_f("to", e->rcpt),
	    hm_f("kind", kinds[e->kind]));
}

static const struct hm_hook post_hooks[] = {
	HM_ON(bounced, HM_ORDER_LAST, post_bounced), HM_HOOK_END
};
static const struct hm_need post_needs[] = { HM_NEED(queue), HM_NEED_END };

HM_MODULE(post, "1.0", "Writes mail of the server's own", .needs = post_needs,
	.commands = post_commands, .hooks = post_hooks);
