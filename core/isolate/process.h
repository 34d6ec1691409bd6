/* process.h - the process of an isolated module, from the inside. Loop thread. */
#ifndef HERMOD_ISOLATE_PROCESS_H
#define HERMOD_ISOLATE_PROCESS_H

#include "core/plug/generation.h"

#include "carry.h"
#include "map.h"

struct hm_process {
	struct hm_carrier channel;
	struct hm_core *core;
	struct hm_code *code;
	struct hm_generation *gen;     /* NULL until it is configured */
	struct hm_mod *mod;
	struct hm_map mirrors;         /* by number: sessions and messages */
	struct hm_map calls;           /* by number: that are under way */
	int64_t *told;                 /* of its metrics */
	size_t cells;
};

/* packet is what follows the kind. */
void hm_process_tell(struct hm_process *p, enum hm_carry what,
    struct hm_str packet);
void hm_process_answer(struct hm_process *p, uint64_t id, struct hm_str answer);
/* Tells what was counted since. */
void hm_process_count(struct hm_process *p);

/* process-settings.c: what is answered by a fiber: checking the settings, telling of
 * them, opening. */
void hm_process_request(struct hm_process *p, enum hm_carry what,
    struct hm_str in);

/* process-calls.c: what concerns sessions, messages and calls. */
void hm_process_call(struct hm_process *p, struct hm_str in);
void hm_process_cancel(struct hm_process *p, struct hm_str in);
void hm_process_message(struct hm_process *p, struct hm_str in, int fd);
void hm_process_rcpts(struct hm_process *p, struct hm_str in);
void hm_process_forget(struct hm_process *p, struct hm_str in);

#endif
