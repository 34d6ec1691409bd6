/* few-rcpts.c - decide at RCPT: so many recipients for one session, not more.
 *
 * What a plugin remembers about a session is a slot: made when it is first asked
 * for, gone with the session.
 */
#include <hermod/plugin.h>

struct few_conf {
	int64_t limit;
};

struct few_session {
	int64_t rcpts;
};

static const struct hm_opt few_options[] = {
	HM_OPT_INT(struct few_conf, limit, "10",
	    "Recipients that one connection may name.", .min = "1"),
	HM_OPT_END
};

static struct hm_verdict
few_rcpt(struct hm_call *call, const struct hm_addr *rcpt)
{
	const struct few_conf *conf = hm_conf(call);
	struct few_session *s = hm_slot(call, HM_SCOPE_SESSION, sizeof(*s), NULL);

	(void)rcpt;
	/* Some messages come without a session. */
	if (s == NULL || ++s->rcpts <= conf->limit)
		return hm_pass();
	return hm_defer("4.5.3", "too many recipients, come back for the rest");
}

static const struct hm_hook few_hooks[] = {
	HM_ON(rcpt_to, HM_ORDER_POLICY, few_rcpt),
	HM_HOOK_END
};

HM_MODULE_NAMED("few-rcpts", "1.0", "Limits the recipients of a session",
	.conf_size = sizeof(struct few_conf), .options = few_options,
	.hooks = few_hooks);
