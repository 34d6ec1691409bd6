/* whereis.c - own CLI command: "hermod whereis ADDRESS..." tells where mail would go. */
#include <hermod/fiber.h>
#include <hermod/iface/directory.h>
#include <hermod/plugin.h>

static const char *
kind_text(enum hm_rcpt_kind kind)
{
	switch (kind) {
	case HM_RCPT_ACCOUNT: return "account";
	case HM_RCPT_UNKNOWN: return "unknown here";
	case HM_RCPT_DISABLED: return "domain is switched off";
	default: return "not ours";
	}
}

static HM_FIBER int
whereis_one(struct hm_cmd *cmd, struct hm_cmd_table *table, const char *text)
{
	const struct hm_directory *dir = hm_mod_state(hm_cmd_mod(cmd));
	struct hm_arena *arena = hm_cmd_arena(cmd);
	struct hm_rcpt_info info = { 0 };
	struct hm_err err = { 0 };
	struct hm_addr addr;

	if (hm_addr_parse(arena, hm_str(text), HM_ADDR_UTF8, &addr, &err) < 0 ||
	    dir->ops->rcpt(dir->self, &addr, arena, &info, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	hm_cmd_row(table, (struct hm_str[]){ hm_addr_text(&addr),
	    hm_str(kind_text(info.kind)), info.account, info.mailbox });
	return 0;
}

static int
whereis_run(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "ADDRESS", "KIND", "ACCOUNT",
		"MAILBOX", NULL };
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	int status = 0;

	for (size_t i = 0; i < hm_cmd_argc(cmd); i++)
		if (whereis_one(cmd, table, hm_cmd_arg(cmd, i)) != 0)
			status = 1;
	hm_cmd_table_end(table);
	return status;
}

static int
whereis_open(struct hm_mod *m, struct hm_err *reterr)
{
	(void)reterr;
	hm_mod_set(m, (void *)HM_GET(m, directory));
	return 0;
}

static const struct hm_need whereis_needs[] = {
	HM_NEED(directory), HM_NEED_END
};

static const struct hm_command whereis_commands[] = {
	{ .words = "whereis", .args = "ADDRESS...", .where = HM_CMD_EITHER,
	  .run = whereis_run,
	  .summary = "Tells which account gets mail for an address" },
	HM_COMMAND_END
};

HM_MODULE(whereis, "1.0", "Tells where mail would go",
	.needs = whereis_needs, .commands = whereis_commands,
	.open = whereis_open);
