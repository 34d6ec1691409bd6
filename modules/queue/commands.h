/* commands.h - what the files of the queue's commands share. */
#ifndef QUEUE_COMMANDS_H
#define QUEUE_COMMANDS_H

#include <hermod/command.h>
#include <hermod/conf.h>

#include "filter.h"

static inline struct queue_module *
queue_of(struct hm_cmd *cmd)
{
	return hm_mod_state(hm_cmd_mod(cmd));
}

/* Cells of tables, in the command's arena. */
struct hm_str queue_cmd_number(struct hm_cmd *cmd, uint64_t n);
struct hm_str queue_cmd_time(struct hm_cmd *cmd, int64_t at_ms);

/* commands-lists.c: what was sent, what is held, what is not sent. */
extern const struct hm_cmd_flag queue_rule_flags[];
HM_FIBER int queue_run_retired(struct hm_cmd *cmd);
HM_FIBER int queue_run_rules(struct hm_cmd *cmd);
HM_FIBER int queue_run_rule_add(struct hm_cmd *cmd);
HM_FIBER int queue_run_rule_remove(struct hm_cmd *cmd);
HM_FIBER int queue_run_suppressed(struct hm_cmd *cmd);
HM_FIBER int queue_run_suppress(struct hm_cmd *cmd);
HM_FIBER int queue_run_unsuppress(struct hm_cmd *cmd);

/* commands-damaged.c: records that cannot be read. */
HM_FIBER int queue_run_damaged(struct hm_cmd *cmd);
HM_FIBER int queue_run_damaged_dump(struct hm_cmd *cmd);
HM_FIBER int queue_run_damaged_drop(struct hm_cmd *cmd);

/* commands.c: puts what fits a filter on hold; for a new rule. */
HM_FIBER int queue_hold_all(struct hm_cmd *cmd, const struct queue_filter *f,
    uint64_t *ret_count, struct hm_err *reterr);

#endif
