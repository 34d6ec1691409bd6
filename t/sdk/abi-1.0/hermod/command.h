/* command.h - commands that a module adds to the hermod program.
 *
 * The same function serves the running server (reached over its control
 * socket) and, for commands marked so, a stopped one (the configuration is then
 * opened by the command itself). It runs on a fiber.
 */
#ifndef HERMOD_COMMAND_H
#define HERMOD_COMMAND_H

#include <hermod/types.h>

struct hm_cmd;

struct hm_cmd_flag {
	const char *name;      /* long name without dashes */
	const char *value;     /* what to call its value in --help; NULL: none */
	const char *help;
};

enum hm_cmd_where {
	HM_CMD_SERVER = 0,     /* only in the running server */
	HM_CMD_EITHER = 1,     /* in the server if it runs, else by itself */
	HM_CMD_OFFLINE = 2,    /* only while the server is stopped */
};

struct hm_command {
	const char *words;     /* "account add" */
	const char *args;      /* "ADDRESS [NAME]"; square brackets: optional,
	                        * "..." at the end: repeated */
	const char *summary;   /* one line */
	const char *help;      /* further paragraphs, or NULL */
	const struct hm_cmd_flag *flags; /* ended by a NULL name; --json and
	                        * --help are understood by all */
	enum hm_cmd_where where;
	/* Returns the exit status: 0, 1 for "no" or failure, 2 for misuse. */
	HM_FIBER int (*run)(struct hm_cmd *cmd);
};
#define HM_COMMAND_END { .words = NULL }

HM_API struct hm_mod *hm_cmd_mod(struct hm_cmd *cmd);
HM_API struct hm_arena *hm_cmd_arena(struct hm_cmd *cmd);
/* Arguments behind the words, flags removed and counted against args. */
HM_API size_t hm_cmd_argc(const struct hm_cmd *cmd);
HM_API const char *hm_cmd_arg(const struct hm_cmd *cmd, size_t i); /* or NULL */
/* NULL when absent, "" for a flag without a value. */
HM_API const char *hm_cmd_flag(const struct hm_cmd *cmd, const char *name);
HM_API bool hm_cmd_json(const struct hm_cmd *cmd);

HM_API HM_FIBER void hm_cmd_printf(struct hm_cmd *cmd, const char *fmt, ...)
    HM_PRINTF(2, 3);
HM_API HM_FIBER void hm_cmd_write(struct hm_cmd *cmd, struct hm_str bytes);
/* "hermod: text" on standard error; returns 1, so that it can be returned. */
HM_API HM_FIBER int hm_cmd_error(struct hm_cmd *cmd, const char *fmt, ...)
    HM_PRINTF(2, 3);
HM_API HM_FIBER int hm_cmd_fail(struct hm_cmd *cmd, const struct hm_err *err);
/* Shown on a terminal only, overwriting itself: "12,000 of 80,000 messages". */
HM_API HM_FIBER void hm_cmd_progress(struct hm_cmd *cmd, const char *fmt, ...)
    HM_PRINTF(2, 3);
/* Asks the person; a secret is not echoed, and asked for twice if confirm.
 * Without a terminal one line of standard input is taken. */
HM_API HM_FIBER int hm_cmd_ask(struct hm_cmd *cmd, const char *prompt,
    bool secret, bool confirm, const char **ret, struct hm_err *reterr);
/* The next bytes of standard input; -HM_EEOF at its end. */
HM_API HM_FIBER int hm_cmd_read(struct hm_cmd *cmd, struct hm_buf *ret);

/* A table: aligned columns for people, an array of objects with --json. */
struct hm_cmd_table;
HM_API struct hm_cmd_table *hm_cmd_table(struct hm_cmd *cmd,
    const char *const *columns); /* NULL-ended */
HM_API HM_FIBER void hm_cmd_row(struct hm_cmd_table *table,
    const struct hm_str *cells); /* one for each column */
HM_API HM_FIBER void hm_cmd_table_end(struct hm_cmd_table *table);

#endif
