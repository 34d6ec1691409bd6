/* parent.h - a privileged parent that binds and opens, and a worker without
 * privileges that does everything else.
 *
 * The worker asks over a socket pair (core/run/privsep.h). The parent grants what
 * its own reading of the configuration allows, keeps the sockets, so that a worker
 * that crashed finds them again with their queued connections, and restarts it. A
 * process with one thread and no loop.
 */
#ifndef HERMOD_SERVE_PARENT_H
#define HERMOD_SERVE_PARENT_H

#include <sys/types.h>

#include <hermod/net.h>

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
