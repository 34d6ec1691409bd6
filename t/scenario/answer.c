/* answer.c - a module that answers every hook as its settings say. */
#include <hermod/fiber.h>
#include <hermod/plugin.h>

struct answer_conf {
#define HM_DECIDE(name, arg) const char *name;
#define HM_EVENT(name, type)
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
	const char *only;
};

static const struct hm_opt answer_options[] = {
	HM_OPT_STR(struct answer_conf, only, "",
	    "Deliveries to other accounts pass."),
#define HM_DECIDE(name, arg) \
	HM_OPT_STR(struct answer_conf, name, "pass", \
	    "pass, accept, junk, defer, reject, disconnect, fail or late."),
#define HM_EVENT(name, type)
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
	HM_OPT_END
};

static struct hm_verdict
answer(const char *hook, const char *how)
{
	struct hm_str word = hm_str(how);

	hm_log(HM_LOG_INFO, "asked", hm_f("hook", hook));
	if (hm_str_is(word, "accept"))
		return hm_accept();
	if (hm_str_is(word, "junk"))
		return hm_junk(7, "it looks like it");
	if (hm_str_is(word, "defer"))
		return hm_defer("4.7.99", "the answer is defer");
	if (hm_str_is(word, "reject"))
		return hm_reject("5.7.99", "the answer is reject");
	if (hm_str_is(word, "disconnect"))
		return hm_disconnect("4.7.98", "the answer is disconnect");
	if (hm_str_is(word, "fail"))
		return hm_fail("the answer is fail");
	if (hm_str_is(word, "late"))
		return hm_ok_or_fail(hm_sleep(24 * 3600 * 1000));
	return hm_pass();
}

static struct hm_str
no_account(const void *about)
{
	(void)about;
	return HM_STR("");
}

/* The account that the question is about. */
#define ACCOUNT(about) _Generic((about), \
	struct hm_delivery *: hm_delivery_account, default: no_account)(about)

#define HM_DECIDE(name, arg) \
	static struct hm_verdict \
	decide_##name(struct hm_call *call, arg about) \
	{ \
		const struct answer_conf *conf = hm_conf(call); \
		struct hm_str account = ACCOUNT(about); \
\
		if (account.len > 0 && conf->only[0] != '\0' && \
		    !hm_str_is(account, conf->only)) \
			return hm_pass(); \
		return answer(#name, conf->name); \
	}
#define HM_EVENT(name, type) \
	static void \
	hear_##name(struct hm_call *call, const type *event) \
	{ \
		(void)call; \
		(void)event; \
		hm_log(HM_LOG_INFO, "told", hm_f("hook", #name)); \
	}
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT

static const struct hm_hook answer_hooks[] = {
#define HM_DECIDE(name, arg) HM_ON(name, HM_ORDER_POLICY, decide_##name),
#define HM_EVENT(name, type) HM_ON(name, HM_ORDER_POLICY, hear_##name),
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
	HM_HOOK_END
};

HM_MODULE(answer, "1.0", "Answers as a test says",
	.conf_size = sizeof(struct answer_conf), .options = answer_options,
	.hooks = answer_hooks);
