/* cmd.h - commands from the inside: finding, checking and running them. */
#ifndef HERMOD_PLUG_CMD_H
#define HERMOD_PLUG_CMD_H

#include <hermod/buf.h>
#include <hermod/command.h>
#include <hermod/plugin.h>

struct hm_core;
struct hm_generation;

enum hm_exit {
	HM_EXIT_OK = 0,
	HM_EXIT_NO = 1,
	HM_EXIT_USAGE = 2,
	HM_EXIT_NOT_RUNNING = 3,
};

/* Besides hm_cmd_where, for the core's own: by the calling process, without
 * any generation. */
#define HM_CMD_HERE ((enum hm_cmd_where)3)

enum hm_channel {
	HM_CHANNEL_OUT = 'o',
	HM_CHANNEL_ERR = 'r',
	HM_CHANNEL_PROGRESS = 'p',
};

enum hm_ask_flags { HM_ASK_SECRET = 1, HM_ASK_CONFIRM = 2 };

/* Where a command's words come from and go to: a terminal or the socket. All
 * return 0 or an error, and may suspend. */
struct hm_cmd_io {
	int (*put)(struct hm_cmd_io *io, enum hm_channel channel,
	    struct hm_str bytes);
	int (*ask)(struct hm_cmd_io *io, const char *prompt, unsigned flags,
	    struct hm_buf *ret, struct hm_err *reterr);
	int (*read)(struct hm_cmd_io *io, struct hm_buf *ret);
};

struct hm_cmd_flag_value {
	const char *name, *value;
};

struct hm_cmd {
	struct hm_core *core;
	struct hm_mod *mod;            /* NULL: the core without a generation */
	const struct hm_command *command;
	struct hm_arena *arena;
	struct hm_cmd_io *io;
	const char **args;
	size_t n_args;
	struct hm_cmd_flag_value *flags;
	size_t n_flags;
	bool json, help;
	bool gone;                     /* nobody listens any more */
};

struct hm_argv {
	size_t n;
	const char *const *at;
};

/* The command that the words begin with, the longest first; NULL if none. own:
 * those of the core, ended by NULL words; gen may be NULL: these only. */
const struct hm_command *hm_command_find(const struct hm_command *own,
    const struct hm_generation *gen, struct hm_argv argv,
    struct hm_mod **ret_mod);

/* Reads the arguments behind the words; 0, or says what is wrong and returns
 * HM_EXIT_USAGE. */
HM_FIBER int hm_cmd_parse(struct hm_cmd *cmd, struct hm_argv argv);
/* Parses, answers --help, runs. Returns the exit status. */
HM_FIBER int hm_cmd_run(struct hm_cmd *cmd, struct hm_argv argv);
/* Says that there is no such command, with what was perhaps meant. */
HM_FIBER int hm_cmd_unknown(struct hm_cmd *cmd,
    const struct hm_generation *gen, struct hm_argv argv);
/* The page of one command, or the list of all that begin with the words. */
HM_FIBER void hm_cmd_help(struct hm_cmd *cmd, const struct hm_command *command);
HM_FIBER bool hm_cmd_list(struct hm_cmd *cmd, const struct hm_generation *gen,
    struct hm_argv prefix);
/* Mistakes as the config check shows them, on standard error. */
HM_FIBER int hm_cmd_errs(struct hm_cmd *cmd, const struct hm_errs *errs);

/* s as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void hm_json_str(struct hm_buf *out, struct hm_str s);

#endif
