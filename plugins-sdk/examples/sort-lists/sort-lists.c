/* sort-lists.c - choose a mailbox: what came over a mailing list (RFC 2919) goes
 * into a mailbox of the list's name.
 */
#include <hermod/fiber.h>
#include <hermod/plugin.h>

struct sort_conf {
	const char *below;
};

static const struct hm_opt sort_options[] = {
	HM_OPT_STR(struct sort_conf, below, "Lists",
	    "The mailbox below which those of the lists are."),
	HM_OPT_END
};

/* "Friends of tea <tea.example.org>": "tea". Only what can be part of the name of a
 * mailbox; empty if there is nothing. */
static struct hm_str
list_name(struct hm_str field)
{
	ssize_t open = hm_str_rchr(field, '<');
	size_t n = 0;

	field = hm_str_skip(field, (size_t)(open + 1));
	while (n < field.len && n < 60 && ((field.p[n] | 0x20) >= 'a' ?
	    (field.p[n] | 0x20) <= 'z' : field.p[n] == '-' ||
	    (field.p[n] >= '0' && field.p[n] <= '9')))
		n++;
	return hm_str_take(field, n);
}

static struct hm_verdict
sort_deliver(struct hm_call *call, struct hm_delivery *d)
{
	const struct sort_conf *conf = hm_conf(call);
	struct hm_str name = list_name(hm_message_field(hm_delivery_message(d),
	    "List-Id", 0));
	const char *mailbox;

	if (name.len == 0 || !hm_str_is(hm_delivery_mailbox(d), "INBOX"))
		return hm_pass();
	mailbox = hm_printf(hm_call_arena(call), "%s/%.*s", conf->below,
	    HM_FMT(name));
	return hm_ok_or_fail(hm_delivery_set_mailbox(d, hm_str(mailbox)));
}

static const struct hm_hook sort_hooks[] = {
	HM_ON(deliver, HM_ORDER_REWRITE, sort_deliver),
	HM_HOOK_END
};

HM_MODULE_NAMED("sort-lists", "1.0", "Gives each mailing list its mailbox",
	.conf_size = sizeof(struct sort_conf), .options = sort_options,
	.hooks = sort_hooks);
