/* commands.c - hermod account password. */
#include "auth.h"

static HM_FIBER bool
account_known(struct hm_cmd *cmd, const char *name)
{
	const struct auth_module *auth = hm_mod_state(hm_cmd_mod(cmd));
	const struct hm_directory *dir = auth->directory;
	struct hm_account_info info;

	return dir->ops->account(dir->self, hm_str(name), hm_cmd_arena(cmd),
	    &info, NULL) == 0;
}

static int
run_password(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0), *password = NULL;
	struct hm_err err = { 0 };

	if (!account_known(cmd, name))
		return hm_cmd_error(cmd, "there is no account %s; see: hermod "
		    "account list", name);
	if (hm_cmd_flag(cmd, "remove") == NULL && hm_cmd_ask(cmd, "Password: ",
	    true, true, &password, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	if (auth_set_password(hm_cmd_mod(cmd), hm_str(name), hm_str(password),
	    &err) < 0)
		return hm_cmd_fail(cmd, &err);
	hm_cmd_printf(cmd, password != NULL ? "password of %s set\n" :
	    "%s has no password now and cannot log in\n", name);
	return 0;
}

static const struct hm_cmd_flag password_flags[] = {
	{ "remove", NULL, "remove the password; nobody can log in then" },
	{ .name = NULL }
};

const struct hm_command auth_commands[] = {
	{ .words = "account password", .args = "NAME",
	  .summary = "set the password of an account",
	  .help = "Asks for it twice, or takes one line of standard input. It is "
	      "effective at once, also in the running server.",
	  .flags = password_flags, .where = HM_CMD_EITHER,
	  .run = run_password },
	HM_COMMAND_END
};
