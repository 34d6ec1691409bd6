/* isolate-private.h - the process of an isolated module, from the worker. Loop thread. */
#ifndef HERMOD_ISOLATE_ISOLATE_PRIVATE_H
#define HERMOD_ISOLATE_ISOLATE_PRIVATE_H

#include <hermod/plugin.h>

#include "core/plug/core.h"
#include "core/plug/load.h"
#include "core/plug/remote.h"

#include "carry.h"
#include "isolate.h"

enum hm_remote_life {
	HM_REMOTE_DOWN = 0,            /* not there, or about to be again */
	HM_REMOTE_UP = 1,
	HM_REMOTE_ENDING = 2,          /* told to end */
};

struct hm_asked;

struct hm_remote {
	struct hm_remote *next;        /* of the core's */
	struct hm_core *core;
	struct hm_code *code;          /* NULL once that is unloaded */
	struct hm_mod *mod;            /* whose settings it has; or NULL */
	struct hm_arena *arena;        /* of what it said of itself */
	char *name, *path, *file;
	struct hm_remote_opts opts;
	struct hm_remote_count *count;

	enum hm_remote_life life;
	bool open, started, restarting;
	bool up_for_good;              /* open() has succeeded */
	pid_t pid;
	struct hm_carrier channel;
	unsigned epoch;                /* of what it was told: changes with pid */
	unsigned restarts;
	int64_t up_since, backoff_ms;
	struct hm_timer *timer;        /* the next start; or the end of patience */

	uint64_t last_id;
	struct hm_asked *asked;        /* what it has not answered */
	unsigned n_asked;
	struct hm_timer *late;         /* for those that nobody waits for */

	int output;                    /* what it writes; -1 */
	struct hm_fdwatch *output_watch;
	char line[1000];
	size_t line_len;
	int64_t lines_since;           /* how many it may log */
	unsigned lines, lines_lost;
	int64_t unasked_since;         /* how many packets nobody asked for */
	unsigned unasked;
	int64_t *given;                /* to gauges, taken back when it dies */
};

enum { HM_REMOTE_LOAD_MS = 20000 };

/* ---- ask.c ---- */

/* Sends a question and waits for the answer, which the caller releases. packet is
 * what follows the kind and the number. timeout_ms: on top of the fiber's deadline.
 * 0, or an error of waiting, or -HM_EIO when the process is gone. */
HM_FIBER int hm_remote_ask(struct hm_remote *r, enum hm_carry what,
    struct hm_str packet, int fd, int64_t timeout_ms, struct hm_buf *ret);
/* Sends what is not answered. */
void hm_remote_tell(struct hm_remote *r, enum hm_carry what, struct hm_str packet,
    int fd);
void hm_remote_answered(struct hm_remote *r, struct hm_str in);
/* Nothing will be answered any more: who waits learns that. */
void hm_remote_forget_asked(struct hm_remote *r);

/* ---- says.c ---- */

void hm_remote_packet(struct hm_carrier *ch, struct hm_str in, int fd);
/* fd: where its standard output can be read. */
void hm_remote_output_open(struct hm_remote *r, int fd);
void hm_remote_output_close(struct hm_remote *r);

/* ---- life.c ---- */

/* A process that has loaded the file; its description is in *ret. */
HM_FIBER int hm_remote_launch(struct hm_remote *r, struct hm_buf *ret,
    struct hm_err *reterr);
/* It did what no module may: it is ended, and started again. */
void hm_remote_kill(struct hm_remote *r, const char *why);
void hm_remote_ended(struct hm_carrier *ch, const char *why);
/* The process goes, whatever it does; who waits for it learns that. */
void hm_remote_bury(struct hm_remote *r);
void hm_remote_plan_restart(struct hm_remote *r);
/* Its time to end is over. */
void hm_remote_patience_ends(void *arg);
/* What it gave to gauges. */
void hm_remote_take_back(struct hm_remote *r);
void hm_remote_finish(struct hm_remote *r);

/* ---- isolate.c ---- */

void hm_remote_restart(void *arg);

/* ---- hooks.c ---- */

/* Fills in the functions. A hook that cannot be carried does not compile there. */
void hm_remote_hooks(struct hm_module_def *def);

#endif
