/* isolate.h - modules in processes of their own, for who makes a core, and what
 * commands show of them. Loop thread.
 */
#ifndef HERMOD_ISOLATE_ISOLATE_H
#define HERMOD_ISOLATE_ISOLATE_H

#include "core/plug/remote.h"

extern const struct hm_remote_ops hm_isolate;

enum hm_remote_text { HM_REMOTE_SETTINGS = 0, HM_REMOTE_EXAMPLE = 1 };
/* What it says about its options; "" when it does not answer. */
HM_FIBER const char *hm_remote_text(struct hm_code *code,
    enum hm_remote_text what, struct hm_arena *arena);
/* For listings: "isolated, pid 123, 2 restarts". */
const char *hm_remote_state(const struct hm_code *code, struct hm_arena *arena);

#endif
