/* remote.h - code that runs in a process of its own ("isolate: yes").
 *
 * Nothing of its file is loaded here: struct hm_code has a description that the
 * process sent, with hook functions that ask it. What carries questions and
 * answers (core/isolate) is named by who makes a core. Loop thread.
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

struct hm_remote_ops {
	/* Starts the process and fills code->def and code->remote. */
	int (*load)(struct hm_code *code, const struct hm_remote_opts *opts,
	    struct hm_err *reterr);
	/* Ends it; code is about to be freed. One that was opened gets some time
	 * to close: core->remotes has those that are not gone yet. */
	void (*unload)(struct hm_code *code);
	/* Has it read and check its settings; the mistakes are added to errs. */
	int (*configure)(struct hm_mod *m, struct hm_errs *errs);
	/* The core is freed. */
	void (*end_all)(struct hm_core *core);
};

/* How often the processes of a module had to be started again. */
struct hm_remote_count {
	struct hm_remote_count *next;
	const char *module;
	uint64_t restarts;
};

#endif
