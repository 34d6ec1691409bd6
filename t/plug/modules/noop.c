/* noop.c - a plugin that is asked everything and has no opinion. */
#include <hermod/plugin.h>

#ifndef NOOP_NAME
#define NOOP_NAME "noop"
#endif
#ifndef NOOP_VERSION
#define NOOP_VERSION "1"
#endif

#define HM_DECIDE(name, arg) \
	static struct hm_verdict \
	decide_##name(struct hm_call *call, arg about) \
	{ \
		(void)call; \
		(void)about; \
		return hm_pass(); \
	}
#define HM_EVENT(name, type)
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT

static const struct hm_hook noop_hooks[] = {
#define HM_DECIDE(name, arg) HM_ON(name, HM_ORDER_POLICY, decide_##name),
#define HM_EVENT(name, type)
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
	HM_HOOK_END
};

HM_MODULE_NAMED(NOOP_NAME, NOOP_VERSION, "Has no opinion",
	.hooks = noop_hooks);
