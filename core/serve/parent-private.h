/* parent-private.h - what the privileged parent knows. */
#ifndef HERMOD_SERVE_PARENT_PRIVATE_H
#define HERMOD_SERVE_PARENT_PRIVATE_H

#include <signal.h>

#include "parent.h"

enum { HM_SOCKETS_MAX = 256, HM_SPAWNED_MAX = 256 };

struct hm_bound {
	struct hm_sockaddr addr;
	int fd;
	bool wanted;               /* asked for by the present worker */
};

/* The process of a module. */
struct hm_spawned {
	pid_t pid;
	bool told;                 /* to end */
	char name[80];
};

struct hm_supervisor {
	const struct hm_privsep *p;
	sigset_t old_mask;
	int signals;
	int sock;                  /* to the worker; -1 while there is none */
	pid_t pid;
	bool ready, was_ready, ended, ending, killed;
	int64_t started_ms, restart_ms, end_ms;
	int backoff_ms;
	int status;
	struct hm_bound bound[HM_SOCKETS_MAX];
	size_t n_bound;
	struct hm_spawned spawned[HM_SPAWNED_MAX];
	size_t n_spawned;
};

/* parent.c: in a new child; ends it when that fails. */
void hm_parent_drop_privileges(const struct hm_privsep *p);

/* requests.c: one packet of the worker's. */
void hm_parent_serve(struct hm_supervisor *s);
void hm_parent_drop_bound(struct hm_supervisor *s, struct hm_bound *b);
/* pid 0: all of them. They are forgotten when they have ended; who had ended before
 * was not told to. */
void hm_parent_end_spawned(struct hm_supervisor *s, pid_t pid);

#endif
