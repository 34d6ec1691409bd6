/* privsep.h - a privileged parent that binds and opens, a worker without
 * privileges that does everything else.
 *
 * The worker asks over a socket pair for listening sockets and for files that
 * only the parent may read. The parent grants what its own reading of the
 * configuration allows, keeps the sockets, so that a worker that crashed finds
 * them again with their queued connections, and restarts it.
 */
#ifndef HERMOD_RUN_PRIVSEP_H
#define HERMOD_RUN_PRIVSEP_H

#include <sys/types.h>

#include <hermod/net.h>

#include "service.h"

/* ---- worker side; any thread; without a parent all is done directly ---- */

/* A listening, non-blocking socket for addr, or -HM_E…. Unix sockets are made by
 * the worker itself. */
int hm_priv_listen(const struct hm_sockaddr *addr, int backlog,
    struct hm_err *reterr);
/* The worker closed its descriptor for good. */
void hm_priv_unlisten(const struct hm_sockaddr *addr);
/* A descriptor to read the file; the parent is asked only for what the worker
 * may not open itself. */
int hm_priv_open(const char *path, struct hm_err *reterr);
/* For the service manager. Since a worker is ready, it is restarted when it dies;
 * sockets that it did not ask for are closed. */
void hm_priv_state(enum hm_service_state state, uint64_t generation);
/* Whether somebody starts this process again when it dies. */
bool hm_priv_has_parent(void);
/* The worker ends because it is to, not because somebody called exit(). */
void hm_priv_end(void);

/* ---- parent side; a process with one thread and no loop ---- */

struct hm_privsep {
	/* Whom the worker runs as; with drop false it stays what it is. */
	bool drop;
	const char *user;
	uid_t uid;
	gid_t gid;
	/* What the configuration allows. */
	bool (*may_listen)(const struct hm_sockaddr *addr, void *arg);
	bool (*may_open)(const char *path, void *arg);
	/* Reads the configuration again: on SIGHUP, and before a request is
	 * refused. May be NULL. */
	void (*reload)(void *arg);
	/* Runs in the worker; the result is its exit status. */
	int (*worker)(void *arg);
	void *arg;
};

/* Starts the worker and serves it until it ends by itself (status 0), or the
 * parent is told to end (SIGTERM, SIGINT: passed on; SIGHUP: reload, passed on).
 * A worker that fails before it was ready for the first time is not restarted.
 * Returns the exit status. */
int hm_privsep_run(const struct hm_privsep *p);

#endif
