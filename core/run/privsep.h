/* privsep.h - what a worker without privileges asks its parent for: listening
 * sockets, and files that only the parent may read.
 *
 * Any thread. Without a parent all is done directly.
 */
#ifndef HERMOD_RUN_PRIVSEP_H
#define HERMOD_RUN_PRIVSEP_H

#include <hermod/net.h>

#include "service.h"

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

#endif
