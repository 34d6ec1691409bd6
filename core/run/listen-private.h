/* listen-private.h - the simulated network's way to a listener. Loop thread. */
#ifndef HERMOD_RUN_LISTEN_PRIVATE_H
#define HERMOD_RUN_LISTEN_PRIVATE_H

#include <hermod/net.h>

/* Connects in memory to whoever listens on addr; peer is the address that the
 * listener sees. NULL if nobody does. */
struct hm_io *hm_listener_connect(const struct hm_sockaddr *addr,
    const struct hm_sockaddr *peer);

#endif
