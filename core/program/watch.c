/* watch.c - "hermod module watch": does the code that runs now do well? */
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/str.h>

#include "core/conf/build.h"
#include "core/plug/cmd.h"
#include "core/plug/generation.h"

#include "commands.h"

enum { LOOK_MS = 200 };

static bool
does_well(const struct hm_code *code)
{
	return code->failed == 0 && code->who.errors == 0 &&
	    code->who.hogs == 0;
}

static int
watch_code(struct hm_cmd *cmd, const struct hm_code *code, int64_t ms)
{
	int64_t end = hm_now_ms() + ms;

	while (does_well(code) && hm_now_ms() < end)
		if (hm_sleep(LOOK_MS) < 0)
			return hm_cmd_error(cmd, "the server is stopping");
	if (does_well(code))
		return HM_EXIT_OK;
	return hm_cmd_error(cmd, "module %s (version %s, %s): %llu decisions "
	    "failed, %llu of them late; it held up the server %llu times and "
	    "logged %llu errors", code->name, code->def.version, code->path,
	    (unsigned long long)code->failed, (unsigned long long)code->late,
	    (unsigned long long)code->who.hogs,
	    (unsigned long long)code->who.errors);
}

int
hm_run_module_watch(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0), *time = hm_cmd_flag(cmd, "time");
	const struct hm_mod *m = cmd->core->current == NULL ? NULL :
	    hm_generation_mod(cmd->core->current, name);
	struct hm_code *code;
	int64_t ms = 30000;
	int r;

	if (m == NULL || m->code == NULL)
		return hm_cmd_error(cmd, "no module \"%s\" runs here", name);
	if (time != NULL && hm_value_time(hm_str(time), &ms) < 0)
		return hm_cmd_error(cmd, "\"%s\" is no time such as 30s", time);
	hm_code_ref(code = m->code);
	r = watch_code(cmd, code, ms);
	hm_code_unref(code);
	return r;
}
