/* hello.c - put a greeting on every message, refuse chosen recipients. */
#include <hermod/plugin.h>

struct hello_conf {
	const char *greeting;
	const struct hm_strlist *refuse;
};

static const struct hm_opt hello_options[] = {
	HM_OPT_STR(struct hello_conf, greeting, "Hello, world",
	    "Text of the X-Hello field added to every accepted message."),
	HM_OPT_LIST(struct hello_conf, refuse, "",
	    "Addresses refused at RCPT TO."),
	HM_OPT_END
};

static struct hm_verdict
hello_rcpt(struct hm_call *call, const struct hm_addr *rcpt)
{
	const struct hello_conf *conf = hm_conf(call);

	if (hm_strlist_has(conf->refuse, hm_addr_text(rcpt)))
		return hm_reject("5.7.1", "this address only greets");
	return hm_pass();
}

static struct hm_verdict
hello_message(struct hm_call *call, struct hm_message *msg)
{
	const struct hello_conf *conf = hm_conf(call);

	return hm_ok_or_fail(hm_message_add_field(msg, "X-Hello",
	    conf->greeting));
}

static const struct hm_hook hello_hooks[] = {
	HM_ON(rcpt_to, HM_ORDER_POLICY, hello_rcpt),
	HM_ON(message, HM_ORDER_REWRITE, hello_message),
	HM_HOOK_END
};

HM_MODULE(hello, "1.0", "Greets every message",
	.conf_size = sizeof(struct hello_conf),
	.options = hello_options, .hooks = hello_hooks);
