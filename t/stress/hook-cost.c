/* hook-cost.c - what asking all modules in a hook costs, for bench-hooks.
 *
 *	hook-cost CONFDIR CALLS
 *
 * prints the nanoseconds of one question to the whole chain of rcpt_to: of this
 * process, and on the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/plugin.h>

#include "core/conf/errs.h"
#include "core/isolate/isolate.h"
#include "core/plug/generation.h"
#include "core/run/loop.h"

struct bench {
	struct hm_core *core;
	unsigned long calls;
	int status;
};

static double
now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
bench_fiber(void *arg)
{
	struct bench *b = arg;
	struct hm_errs *errs = hm_errs_new(b->core->arena);
	struct hm_buf text = { 0 };
	struct hm_session *s;
	struct hm_addr addr;
	struct hm_mod *m;
	double began, cpu;

	if (hm_reload(b->core, errs) < 0) {
		hm_errs_print(errs, &text);
		printf("%s", text.p);
		hm_buf_release(&text);
		return;
	}
	m = hm_generation_mod(b->core->current, "core");
	s = hm_session_new(m, NULL, "smtp");
	if (hm_addr_parse(hm_session_arena(s), HM_STR("a@b.example"), 0, &addr,
	    NULL) < 0)
		return;
	for (unsigned long i = 0; i < b->calls / 10; i++)
		hm_decide_rcpt_to(m, s, NULL, &addr);
	began = now_ns(CLOCK_MONOTONIC);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned long i = 0; i < b->calls; i++)
		hm_decide_rcpt_to(m, s, NULL, &addr);
	printf("%.1f %.1f\n",
	    (now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)b->calls,
	    (now_ns(CLOCK_MONOTONIC) - began) / (double)b->calls);
	hm_session_free(s);
	b->status = 0;
}

int
main(int argc, char **argv)
{
	struct hm_core_opts opts = { .conf_dir = argv[argc > 1 ? 1 : 0],
	    .module_path = getenv("HERMOD_MODULE_PATH"), .copy_code = true,
	    .isolate = &hm_isolate };
	struct bench b = { .status = 1 };

	if (argc != 3 || hm_loop_init(NULL) < 0)
		return 2;
	b.calls = strtoul(argv[2], NULL, 10);
	hm_log_set_level(HM_LOG_ERROR);
	b.core = hm_core_new(&opts);
	hm_fiber_start(NULL, "bench", bench_fiber, &b);
	hm_loop_run_until_idle();
	hm_core_retire(b.core);
	hm_loop_run_until_idle();
	hm_loop_free(1000);
	hm_core_free(b.core);
	return b.status;
}
