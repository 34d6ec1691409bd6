/* service.h - what a service manager hands over and wants to hear.
 *
 * The protocols are systemd's, which others speak as well: sd_notify(3),
 * sd_listen_fds(3), sd_watchdog_enabled(3). All do nothing without a manager.
 * Thread: loop thread, or a process with one thread.
 */
#ifndef HERMOD_RUN_SERVICE_H
#define HERMOD_RUN_SERVICE_H

#include <hermod/net.h>

enum hm_service_state {
	HM_SERVICE_READY = 0,      /* a generation serves */
	HM_SERVICE_REFUSED = 1,    /* still, for the next has mistakes */
	HM_SERVICE_RELOADING = 2,
	HM_SERVICE_STOPPING = 3,
	HM_SERVICE_ALIVE = 4,
	HM_SERVICE_FAILED = 5,     /* the worker died and is started again */
	HM_SERVICE_STATES
};

/* Takes what came with the environment, which children shall not see. */
void hm_service_init(void);
/* For a process that has a parent to do all this. */
void hm_service_forget(void);
void hm_service_tell(enum hm_service_state state, uint64_t generation);
/* How often it wants to hear HM_SERVICE_ALIVE; 0: never. */
int64_t hm_service_alive_ms(void);

/* A socket of this address that was handed over, as a descriptor of the caller's
 * own; -1 when there is none. */
int hm_service_socket(const struct hm_sockaddr *addr);
/* Complains about sockets that nobody has asked for. */
void hm_service_unused(void);

#endif
