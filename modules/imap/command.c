/* command.c - the commands, and where each is allowed. */
#include "imap.h"

#define ANY (IMAP_NONAUTH | IMAP_AUTH | IMAP_SELECTED)
#define LOGGED_IN (IMAP_AUTH | IMAP_SELECTED)

/* RFC 9051, 6.1 to 6.4. */
const struct imap_command imap_commands[] = {
	{ "APPEND", LOGGED_IN, IMAP_CMD_OWN_LITERALS, imap_cmd_append },
	{ "AUTHENTICATE", IMAP_NONAUTH, IMAP_CMD_SECRET,
	  imap_cmd_authenticate },
	{ "CAPABILITY", ANY, 0, imap_cmd_capability },
	{ "CHECK", IMAP_SELECTED, 0, imap_cmd_check },
	{ "CLOSE", IMAP_SELECTED, 0, imap_cmd_close },
	{ "COPY", IMAP_SELECTED, 0, imap_cmd_copy },
	{ "CREATE", LOGGED_IN, 0, imap_cmd_create },
	{ "DELETE", LOGGED_IN, 0, imap_cmd_delete },
	{ "ENABLE", LOGGED_IN, 0, imap_cmd_enable },
	{ "EXAMINE", LOGGED_IN, 0, imap_cmd_examine },
	{ "EXPUNGE", IMAP_SELECTED, IMAP_CMD_WRITES, imap_cmd_expunge },
	{ "FETCH", IMAP_SELECTED, IMAP_CMD_KEEPS_SEQ, imap_cmd_fetch },
	{ "ID", ANY, 0, imap_cmd_id },
	{ "IDLE", LOGGED_IN, 0, imap_cmd_idle },
	{ "LIST", LOGGED_IN, 0, imap_cmd_list },
	{ "LOGIN", IMAP_NONAUTH, IMAP_CMD_SECRET, imap_cmd_login },
	{ "LOGOUT", ANY, 0, imap_cmd_logout },
	{ "LSUB", LOGGED_IN, 0, imap_cmd_lsub },
	{ "MOVE", IMAP_SELECTED, IMAP_CMD_WRITES, imap_cmd_move },
	{ "NAMESPACE", LOGGED_IN, 0, imap_cmd_namespace },
	{ "NOOP", ANY, 0, imap_cmd_noop },
	{ "RENAME", LOGGED_IN, 0, imap_cmd_rename },
	{ "SEARCH", IMAP_SELECTED, IMAP_CMD_KEEPS_SEQ, imap_cmd_search },
	{ "SELECT", LOGGED_IN, 0, imap_cmd_select },
	{ "STARTTLS", IMAP_NONAUTH, 0, imap_cmd_starttls },
	{ "STATUS", LOGGED_IN, 0, imap_cmd_status },
	{ "STORE", IMAP_SELECTED, IMAP_CMD_KEEPS_SEQ | IMAP_CMD_WRITES,
	  imap_cmd_store },
	{ "SUBSCRIBE", LOGGED_IN, 0, imap_cmd_subscribe },
	{ "UID COPY", IMAP_SELECTED, IMAP_CMD_UID, imap_cmd_copy },
	{ "UID EXPUNGE", IMAP_SELECTED, IMAP_CMD_UID | IMAP_CMD_WRITES,
	  imap_cmd_expunge },
	{ "UID FETCH", IMAP_SELECTED, IMAP_CMD_UID, imap_cmd_fetch },
	{ "UID MOVE", IMAP_SELECTED, IMAP_CMD_UID | IMAP_CMD_WRITES,
	  imap_cmd_move },
	{ "UID SEARCH", IMAP_SELECTED, IMAP_CMD_UID, imap_cmd_search },
	{ "UID STORE", IMAP_SELECTED, IMAP_CMD_UID | IMAP_CMD_WRITES,
	  imap_cmd_store },
	{ "UNSELECT", IMAP_SELECTED, 0, imap_cmd_unselect },
	{ "UNSUBSCRIBE", LOGGED_IN, 0, imap_cmd_unsubscribe },
	{ NULL, 0, 0, NULL }
};

const struct imap_command *
imap_command_find(struct hm_str name)
{
	const struct imap_command *def;

	for (def = imap_commands; def->name; def++)
		if (hm_str_caseis(name, def->name))
			return def;
	return NULL;
}
