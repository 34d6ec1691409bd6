/* simulate.c - answers as the recipient's address says, to test clients with. */
#include <hermod/address.h>
#include <hermod/fiber.h>
#include <hermod/plugin.h>

enum { HOUR_MS = 3600 * 1000 };

/* The verdict that the end of a local part asks for, at this command. */
static struct hm_verdict
asked_for(struct hm_call *call, const struct hm_addr *addr, const char *command)
{
	struct hm_str local = addr->local;
	struct hm_verdict v = hm_pass();
	uint32_t code;
	bool here = hm_str_starts(local, hm_str(command));
	bool elsewhere = hm_str_starts(local, HM_STR("mailfrom")) ||
	    hm_str_starts(local, HM_STR("rcptto"));

	if (*command == '\0' ? elsewhere : !here)
		return v;
	if (hm_str_ends(local, HM_STR("temperror"))) {
		v = hm_defer("4.3.0", "simulated temporary error");
	} else if (hm_str_ends(local, HM_STR("permerror"))) {
		v = hm_reject("5.3.0", "simulated permanent error");
	} else if (hm_str_ends(local, HM_STR("timeout"))) {
		hm_fiber_deadline(0);
		(void)hm_sleep(HOUR_MS);
		v = hm_disconnect("4.4.2", "simulated time-out");
	} else if (local.len >= 3 && hm_str_u32(hm_str_skip(local,
	    local.len - 3), &code) == 0 && code >= 400 && code < 600) {
		v = code < 500 ? hm_defer(NULL, NULL) : hm_reject(NULL, NULL);
		v.code = (int)code;
		v.text = hm_printf(hm_call_arena(call), "simulated %u",
		    (unsigned)code);
	}
	return v;
}

static struct hm_verdict
simulate_mail(struct hm_call *call, const struct hm_addr *sender)
{
	return asked_for(call, sender, "mailfrom");
}

static struct hm_verdict
simulate_rcpt(struct hm_call *call, const struct hm_addr *rcpt)
{
	return asked_for(call, rcpt, "rcptto");
}

static struct hm_verdict
simulate_message(struct hm_call *call, struct hm_message *msg)
{
	for (size_t i = 0; i < hm_message_rcpts(msg); i++) {
		struct hm_verdict v = asked_for(call, hm_message_rcpt(msg, i), "");

		if (hm_verdict_final(v))
			return v;
	}
	return hm_pass();
}

static const struct hm_hook simulate_hooks[] = {
	HM_ON(mail_from, HM_ORDER_FIRST, simulate_mail),
	HM_ON(rcpt_to, HM_ORDER_FIRST, simulate_rcpt),
	HM_ON(message, HM_ORDER_FIRST, simulate_message),
	HM_ON(submit, HM_ORDER_FIRST, simulate_message),
	HM_HOOK_END
};

HM_MODULE(simulate, "1.0", "Answers as addresses ask, to test clients",
	.hooks = simulate_hooks);
