/* listen.h - listeners of generations. Loop thread.
 *
 * A module calls hm_listen() while its generation is being opened; the plug
 * layer then starts, retires or aborts all listeners of a generation at once.
 * A socket lives as long as any generation listens on its address.
 */
#ifndef HERMOD_RUN_LISTEN_H
#define HERMOD_RUN_LISTEN_H

#include <hermod/net.h>

/* Tells to which generation a module belongs; an opaque key. Without this, or
 * for a NULL module, a listener belongs to the NULL key and accepts at once. */
void hm_listeners_gen_of(const void *(*gen_of)(struct hm_mod *m));
/* For a process that is no server: hm_listen() does nothing and succeeds. */
void hm_listeners_off(bool off);
/* Accepts connections for this generation from now on, on sockets that an older
 * one listens on as well. */
void hm_listeners_start(const void *gen);
/* Stops accepting for it (also: it never became current). Its sockets close
 * unless another generation listens there. Running sessions go on. */
void hm_listeners_retire(const void *gen);
/* All of them, at the end. */
void hm_listeners_close(void);
/* The address a listener is bound to, once port 0 has become a number; 0 or
 * -HM_ENOENT. n counts the listeners of a generation from 0. */
int hm_listener_addr(const void *gen, unsigned n, struct hm_sockaddr *ret);

#endif
