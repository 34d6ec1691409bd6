/* transport.h - service "transport": ways for mail to leave.
 *
 * Each module that provides it has one or more transports, named by the admin.
 * The queue uses all providers (HM_NEED_ALL) and finds one by its name; names
 * are unique over all of them. Thread: a fiber.
 */
#ifndef HERMOD_IFACE_TRANSPORT_H
#define HERMOD_IFACE_TRANSPORT_H

#include <hermod/outbound.h>
#include <hermod/service.h>

/* One run to one destination: connections are kept in it between attempts. */
struct hm_transport_run;

struct hm_transport_ops {
	uint32_t size;
	/* The nth name, from 0; NULL behind the last. Any thread. */
	const char *(*name)(struct hm_mod *self, size_t n);
	/* Begins a run of attempts for one recipient domain. Never fails: what
	 * goes wrong shows in the attempts. */
	HM_FIBER struct hm_transport_run *(*begin)(struct hm_mod *self,
	    const char *transport, struct hm_str domain);
	/* Tries to deliver to those recipients whose outcome is UNTRIED and gives
	 * each that it asked about its outcome; called again for the same message
	 * while some are left and at least one was answered. Must end by itself;
	 * a cancelled fiber leaves the rest UNTRIED. */
	HM_FIBER void (*deliver)(struct hm_transport_run *run,
	    struct hm_attempt *attempt);
	/* Whether a further attempt may use this run; false after a host refused
	 * or broke off. */
	bool (*usable)(const struct hm_transport_run *run);
	HM_FIBER void (*end)(struct hm_transport_run *run);
};
HM_IFACE(transport, 1);

#endif
