/* fire.c - what a plugin says: the rcpt_to hook for each address given, then
 * the message hook for a small message. For 90-template.t.
 *
 *	fire CONFDIR ADDRESS...
 */
#include <stdio.h>
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/plugin.h>
#include <hermod/spool.h>

#include "core/conf/errs.h"
#include "core/plug/generation.h"
#include "core/run/loop.h"

struct fire {
	struct hm_core *core;
	char **at;
	int status;
};

static void
show(const char *what, struct hm_verdict v)
{
	static const char *const kinds[] = { "pass", "accept", "junk", "defer",
		"reject", "disconnect", "fail" };

	printf("%s: %s %s %s %s\n", what, kinds[v.kind], v.esc ? v.esc : "-",
	    v.text ? v.text : "-", v.module ? v.module : "-");
}

static void
fire_all(struct fire *fire, struct hm_mod *m, struct hm_session *s)
{
	static const char text[] = "Subject: hi\r\n\r\nhello\r\n";
	struct hm_arena *arena = hm_session_arena(s);
	struct hm_spool *spool = hm_spool_new("/tmp");
	struct hm_message *msg;
	struct hm_addr addr;
	struct hm_str prefix;

	for (; *fire->at != NULL; fire->at++)
		if (hm_addr_parse(arena, hm_str(*fire->at), 0, &addr, NULL) == 0)
			show(*fire->at, hm_decide_rcpt_to(m, s, NULL, &addr));
	if (hm_spool_append(spool, text, sizeof(text) - 1, NULL) < 0)
		return;
	msg = hm_message_new(arena, spool);
	show("message", hm_decide_message(m, s, msg, msg));
	prefix = hm_message_prefix(msg);
	printf("%.*s", HM_FMT(prefix));
	hm_message_free(msg);
	fire->status = 0;
}

static void
fire_fiber(void *arg)
{
	struct fire *fire = arg;
	struct hm_errs *errs = hm_errs_new(fire->core->arena);
	struct hm_buf text = { 0 };
	struct hm_mod *m;
	struct hm_session *s;

	if (hm_reload(fire->core, errs) < 0) {
		hm_errs_print(errs, &text);
		printf("%s", text.p);
		hm_buf_release(&text);
		return;
	}
	m = hm_generation_mod(fire->core->current, "core");
	s = hm_session_new(m, NULL, "smtp");
	fire_all(fire, m, s);
	hm_session_free(s);
}

int
main(int argc, char **argv)
{
	struct hm_core_opts opts = { .conf_dir = argv[argc > 1 ? 1 : 0],
	    .module_path = getenv("HERMOD_MODULE_PATH"), .copy_code = true };
	struct fire fire = { .at = argv + (argc > 1 ? 2 : 1), .status = 1 };

	if (hm_loop_init(NULL) < 0)
		return 1;
	fire.core = hm_core_new(&opts);
	hm_fiber_start(NULL, "fire", fire_fiber, &fire);
	hm_loop_run_until_idle();
	hm_core_retire(fire.core);
	hm_loop_run_until_idle();
	hm_loop_free(1000);
	hm_core_free(fire.core);
	return fire.status;
}
