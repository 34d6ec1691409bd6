/* spawn.h - a process for one module: the program anew, with a socket and nothing
 * else.
 *
 * Who has a parent asks it, since the sandbox forbids making processes. Such a
 * process dies with whoever made it, and when it is told to.
 */
#ifndef HERMOD_ISOLATE_SPAWN_H
#define HERMOD_ISOLATE_SPAWN_H

#include <sys/types.h>

#include <hermod/err.h>

#include "core/plug/cmd.h"

/* Where the process finds its end of the socket, and the first word it gets. */
enum { HM_SPAWN_FD = 3 };
#define HM_SPAWN_WORD "module-process"
/* process.c: what it does then; argv: the words behind that one. */
int hm_module_process(struct hm_argv argv);

/* name: of the module, for the log. Returns our end of a socket of packets, which
 * does not block, or -HM_E…. Thread: the loop's, with which the process dies. */
int hm_spawn(const char *name, pid_t *ret_pid, struct hm_err *reterr);
/* Ends it at once, if it still runs, and forgets it. */
void hm_spawn_end(pid_t pid);
/* For a server without a parent, before its sandbox: a helper that makes them. */
void hm_spawn_helper(void);

/* ---- for the parent ---- */

struct hm_spawn_plan {
	char path[1024];
	char name[80];                 /* of the module, for listings */
	char *env[8];
};

/* What to run, found before a fork: behind it nothing may be allocated. */
void hm_spawn_plan(struct hm_spawn_plan *ret, const char *name);
/* In a new child. */
void hm_spawn_run(struct hm_spawn_plan *plan, int sock, pid_t parent)
    __attribute__((noreturn));

#endif
