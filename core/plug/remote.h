/* remote.h - code that runs in a process of its own ("isolate: yes").
 *
 * Nothing of its file is loaded here: struct hm_code has a description that the
 * process sent, with hook functions that ask it. What carries questions and
 * answers is the program's: core/isolate. Loop thread.
 */
#ifndef HERMOD_PLUG_REMOTE_H
#define HERMOD_PLUG_REMOTE_H

#include <hermod/types.h>

struct hm_code;
struct hm_core;
struct hm_errs;
struct hm_node;

struct hm_remote_opts {
	uint64_t memory;               /* bytes it may have */
	int sandbox;                   /* enum hm_sandbox_mode */
	const char *dir;               /* of the configuration, and its own file: */
	const struct hm_node *node;    /* it may read what these settings name */
};

/* Starts the process and fills code->def and code->remote. */
HM_FIBER int hm_remote_load(struct hm_code *code,
    const struct hm_remote_opts *opts, struct hm_err *reterr);
/* Ends it; code is about to be freed. One that was opened gets some time to close:
 * core->remotes has those that are not gone yet. */
void hm_remote_unload(struct hm_code *code);
void hm_remote_end_all(struct hm_core *core);

/* Has it read and check its settings; the mistakes are added to errs. */
HM_FIBER int hm_remote_configure(struct hm_mod *m, struct hm_errs *errs);

/* What it says about its options; "" when it does not answer. */
enum hm_remote_text { HM_REMOTE_SETTINGS = 0, HM_REMOTE_EXAMPLE = 1 };
HM_FIBER const char *hm_remote_text(struct hm_code *code,
    enum hm_remote_text what, struct hm_arena *arena);

/* For listings: "isolated, pid 123, 2 restarts". */
const char *hm_remote_state(const struct hm_code *code, struct hm_arena *arena);
/* How often the processes of a module had to be started again. */
struct hm_remote_count {
	struct hm_remote_count *next;
	const char *module;
	uint64_t restarts;
};

#endif
