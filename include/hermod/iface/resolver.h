/* resolver.h - service "resolver": what the DNS says, and how sure that is.
 *
 * An answer is copied into the caller's arena. Nothing of a name that cannot be
 * resolved is an error of the call: the outcome tells, and its three temporary
 * kinds are never to be taken for "there is nothing". Thread: a fiber.
 */
#ifndef HERMOD_IFACE_RESOLVER_H
#define HERMOD_IFACE_RESOLVER_H

#include <hermod/dns.h>
#include <hermod/service.h>

enum hm_dns_flags {
	HM_DNS_FRESH = 1,      /* ask anew, whatever is still remembered */
};

struct hm_resolver_ops {
	uint32_t size;
	/* Follows aliases, unless CNAME is what is asked for. name: in A-labels;
	 * underscores are fine, a name that cannot be is HM_DNS_BADNAME.
	 * timeout_ms bounds this call, all servers and attempts included; 0: the
	 * provider's own limit, 30 s unless the admin says otherwise.
	 * 0, and only then *ret is set; or -HM_ECANCELED, or -HM_ETIMEDOUT when
	 * the fiber's own deadline has passed. */
	HM_FIBER int (*query)(struct hm_mod *self, struct hm_str name,
	    enum hm_dns_type type, unsigned flags, int64_t timeout_ms,
	    struct hm_arena *arena, struct hm_dns_answer *ret);
	/* Whether an answer can be secure at all, as far as is known without
	 * asking: its resolvers are trusted with validation. */
	bool (*can_secure)(struct hm_mod *self);
};
HM_IFACE(resolver, 1);

static inline HM_FIBER int
hm_resolve(const struct hm_resolver *resolver, struct hm_str name,
    enum hm_dns_type type, struct hm_arena *arena, struct hm_dns_answer *ret)
{
	return resolver->ops->query(resolver->self, name, type, 0, 0, arena, ret);
}

#endif
