/* hide-client.c - rewrite a header: what our users send does not tell with which
 * program they wrote it.
 */
#include <hermod/plugin.h>

struct hide_conf {
	const struct hm_strlist *fields;
};

static const struct hm_opt hide_options[] = {
	HM_OPT_LIST(struct hide_conf, fields, "User-Agent, X-Mailer",
	    "Fields that are removed from messages of our users."),
	HM_OPT_END
};

static struct hm_verdict
hide_submit(struct hm_call *call, struct hm_message *msg)
{
	const struct hide_conf *conf = hm_conf(call);
	int n, removed = 0;

	for (size_t i = 0; i < conf->fields->n; i++) {
		n = hm_message_remove_field(msg, conf->fields->at[i]);
		if (n < 0)
			return hm_ok_or_fail(n);
		removed += n;
	}
	if (removed == 0)
		return hm_pass();
	return hm_ok_or_fail(hm_message_add_field(msg, "X-Removed",
	    hm_printf(hm_call_arena(call), "%d", removed)));
}

static const struct hm_hook hide_hooks[] = {
	HM_ON(submit, HM_ORDER_REWRITE, hide_submit),
	HM_HOOK_END
};

HM_MODULE_NAMED("hide-client", "1.0", "Removes fields from what users send",
	.conf_size = sizeof(struct hide_conf), .options = hide_options,
	.hooks = hide_hooks);
