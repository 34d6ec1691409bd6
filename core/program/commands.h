/* commands.h - what the core's commands run. */
#ifndef HERMOD_PROGRAM_COMMANDS_H
#define HERMOD_PROGRAM_COMMANDS_H

#include <hermod/command.h>
#include <hermod/plugin.h>

extern const struct hm_command hm_core_commands[];
/* The core as a module: these commands, and the control socket. */
extern const struct hm_module_def hm_core_def;

/* config-commands.c */
HM_FIBER int hm_run_config_check(struct hm_cmd *cmd);
HM_FIBER int hm_run_config_example(struct hm_cmd *cmd);
HM_FIBER int hm_run_config_show(struct hm_cmd *cmd);

/* module-commands.c */
HM_FIBER int hm_run_module_list(struct hm_cmd *cmd);
HM_FIBER int hm_run_module_enable(struct hm_cmd *cmd);
HM_FIBER int hm_run_module_disable(struct hm_cmd *cmd);

/* watch.c */
HM_FIBER int hm_run_module_watch(struct hm_cmd *cmd);

/* The program's. */
HM_FIBER int hm_run_module_upgrade(struct hm_cmd *cmd);

#endif
