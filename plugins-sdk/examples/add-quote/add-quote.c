/* add-quote.c - consume a service: a saying above each message, from whatever module
 * provides the interface "quote". Without one the configuration is refused.
 */
#include <hermod/plugin.h>

#include "../quotes/quote.h"

static struct hm_verdict
add_message(struct hm_call *call, struct hm_message *msg)
{
	const struct hm_quote *quote = hm_mod_state(hm_call_mod(call));

	return hm_ok_or_fail(hm_message_add_field(msg, "X-Quote",
	    hm_quote_next(quote)));
}

static int
add_open(struct hm_mod *m, struct hm_err *reterr)
{
	(void)reterr;
	/* Bound once: it stays the same as long as this instance lives. */
	hm_mod_set(m, (void *)HM_GET(m, quote));
	return 0;
}

static const struct hm_need add_needs[] = { HM_NEED(quote), HM_NEED_END };

static const struct hm_hook add_hooks[] = {
	HM_ON(message, HM_ORDER_REWRITE, add_message),
	HM_HOOK_END
};

HM_MODULE_NAMED("add-quote", "1.0", "Puts a saying above each message",
	.needs = add_needs, .hooks = add_hooks, .open = add_open);
