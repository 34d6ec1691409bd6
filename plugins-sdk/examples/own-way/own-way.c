/* own-way.c - choose a route: mail to some domains leaves over a transport of their
 * own, and after some attempts in vain by the usual way again.
 */
#include <hermod/outbound.h>
#include <hermod/plugin.h>

struct way_conf {
	const char *transport;
	const struct hm_strlist *domains;
	int64_t attempts;
};

static const struct hm_opt way_options[] = {
	HM_OPT_STR(struct way_conf, transport, NULL,
	    "Name of the transport to use.", .required = true),
	HM_OPT_LIST(struct way_conf, domains, "",
	    "Domains of recipients that it is used for."),
	HM_OPT_INT(struct way_conf, attempts, "3",
	    "After so many attempts the usual way is tried.", .min = "1"),
	HM_OPT_END
};

static struct hm_verdict
way_route(struct hm_call *call, struct hm_route *route)
{
	const struct way_conf *conf = hm_conf(call);

	if (route->attempt > conf->attempts ||
	    !hm_strlist_has(conf->domains, route->rcpt->domain))
		return hm_pass();
	route->transport = conf->transport;
	return hm_accept();
}

static const struct hm_hook way_hooks[] = {
	HM_ON(route, HM_ORDER_POLICY, way_route),
	HM_HOOK_END
};

HM_MODULE_NAMED("own-way", "1.0", "Sends mail for some domains its own way",
	.conf_size = sizeof(struct way_conf), .options = way_options,
	.hooks = way_hooks);
