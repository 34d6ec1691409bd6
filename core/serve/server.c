/* server.c - a server in this process: it starts, reloads, serves and stops. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/dir.h>
#include <hermod/fiber.h>
#include <hermod/log.h>

#include "core/conf/config.h"
#include "core/conf/errs.h"
#include "core/isolate/isolate.h"
#include "core/plug/cmd.h"
#include "core/plug/core.h"
#include "core/plug/generation.h"
#include "core/plug/offender.h"
#include "core/run/fiber-private.h"
#include "core/run/guard.h"
#include "core/run/loop.h"
#include "core/run/privsep.h"
#include "core/run/work-private.h"

#include "lock.h"
#include "server.h"

enum {
	GRACE_MS = 3000,               /* for sessions, when the server stops */
	END_MS = 10000,                /* for modules, after that */
};

struct serving {
	const struct hm_server_opts *opts;
	struct hm_core *core;
	const char *data_dir;          /* NULL until the pid file is ours */
	int lock;
	int record;                    /* of crashes */
	int status;
	bool ready, stopping;
	struct hm_timer *alive;
};

/* ---- mistakes ---- */

static void
print_errs(const struct hm_errs *errs)
{
	struct hm_buf text = { 0 };

	hm_errs_print(errs, &text);
	fwrite(text.p, 1, text.len, stderr);
	hm_buf_release(&text);
}

void
hm_server_not_started(void)
{
	fprintf(stderr, "hermod: the server was not started\n");
}

static void
log_errs(const struct hm_errs *errs)
{
	for (size_t i = 0; i < hm_errs_count(errs); i++) {
		const struct hm_err *err = hm_errs_at(errs, i, NULL);

		hm_log(HM_LOG_ERROR, "configuration", hm_f("file", err->file),
		    hm_f("line", err->line), hm_f("col", err->col),
		    hm_f("error", err->text));
	}
}

/* ---- stopping ---- */

static void
cancel_all(struct hm_core *core)
{
	struct hm_generation *gen;

	for (gen = core->all; gen != NULL; gen = gen->next)
		for (size_t i = 0; i < gen->n_mods; i++)
			hm_fiber_cancel_all(gen->mods[i]);
}

/* Waits until all generations have ended, at most for ms. */
static void
wait_for_end(struct hm_core *core, int64_t ms)
{
	int64_t end = hm_now_ms() + ms;

	while (!hm_core_ended(core) && hm_now_ms() < end)
		if (hm_wait(&core->changed, end - hm_now_ms()) == -HM_ECANCELED)
			break;
}

/* Sessions may finish what they are at, then they are cancelled. */
static void
stop_fiber(void *arg)
{
	struct serving *serving = arg;
	struct hm_core *core = serving->core;

	hm_log(HM_LOG_INFO, "stopping");
	hm_timer_stop(serving->alive);
	serving->alive = NULL;
	hm_priv_state(HM_SERVICE_STOPPING, 0);
	hm_core_retire(core);
	wait_for_end(core, GRACE_MS);
	cancel_all(core);
	wait_for_end(core, END_MS);
	if (core->all != NULL) {
		hm_log(HM_LOG_ERROR, "modules did not end in time");
		serving->status = HM_EXIT_NO;
	}
	hm_loop_stop();
}

/* The second time nobody is waited for. */
static void
stop(void *arg)
{
	struct serving *serving = arg;

	if (serving->stopping) {
		cancel_all(serving->core);
		return;
	}
	serving->stopping = true;
	serving->core->stopping = true;
	hm_fiber_start(NULL, "stop", stop_fiber, serving);
}

static void
on_stop_signal(int signum, void *arg)
{
	(void)signum;
	stop(arg);
}

/* ---- starting and reloading ---- */

/* Tells the service manager that the loop runs. */
static void
alive(void *arg)
{
	struct serving *serving = arg;

	serving->alive = NULL;
	if (hm_service_alive_ms() == 0)
		return;
	hm_priv_state(HM_SERVICE_ALIVE, 0);
	serving->alive = hm_timer_start(hm_service_alive_ms(), alive, serving);
}

/* The first one is part of the start. */
static void
on_reload(int result, void *arg)
{
	struct serving *serving = arg;

	if (serving->ready)
		hm_priv_state(result > 0 ? HM_SERVICE_RELOADING :
		    result < 0 ? HM_SERVICE_REFUSED : HM_SERVICE_READY,
		    serving->core->last_number);
}

static void
reload_fiber(void *arg)
{
	struct serving *serving = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "reload");
	struct hm_errs *errs = hm_errs_new(arena);

	if (hm_reload(serving->core, errs) < 0) {
		log_errs(errs);
		hm_log(HM_LOG_ERROR, "reload failed, nothing was changed");
	}
	hm_arena_free(arena);
}

static void
on_reload_signal(int signum, void *arg)
{
	(void)signum;
	hm_fiber_start(NULL, "reload", reload_fiber, arg);
}

static void
on_idle_signal(int signum, void *arg)
{
	(void)signum;
	(void)arg;
}

/* The data directory must be ours alone before any module opens it. A
 * configuration that cannot be read is left to the first reload to report. */
static int
take_data_dir(struct serving *serving, struct hm_err *reterr)
{
	struct hm_arena *arena = serving->core->arena;
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_config *config = NULL;
	const char *dir;
	int r;

	if (hm_config_load(arena, serving->opts->conf_dir, &config, errs) < 0 ||
	    hm_errs_count(errs) > 0)
		return 0;
	hm_work_threads((unsigned)config->server.workers);
	dir = config->server.data_dir;
	r = hm_dir_make(dir, 0750, reterr);
	if (r < 0)
		return r;
	serving->lock = hm_lock_take(dir, reterr);
	if (serving->lock < 0)
		return serving->lock;
	hm_code_sweep(hm_core_copy_dir(arena, dir));
	serving->record = hm_offenders_judge(&config->server);
	r = hm_pid_write(dir, serving->opts->pid ? serving->opts->pid :
	    getpid(), reterr);
	if (r == 0)
		serving->data_dir = dir;
	/* The last moment at which there are no threads. */
	return r == 0 ? hm_confine(serving->opts, &config->server, reterr) : r;
}

static int
start(struct serving *serving, struct hm_errs *errs)
{
	struct hm_err err = { 0 };
	int r = take_data_dir(serving, &err);

	hm_guard_on_hog(hm_stats_hog, serving->core);
	hm_guard_begin(serving->record, hm_priv_has_parent());
	if (r == 0 && (r = hm_reload(serving->core, errs)) < 0)
		return r;
	if (r == 0 && serving->data_dir == NULL)
		r = hm_err_set(&err, -HM_ECONFLICT,
		    "the configuration changed during the start");
	if (r < 0)
		hm_errs_put_err(errs, &err);
	return r;
}

static void
start_fiber(void *arg)
{
	struct serving *serving = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "start");
	struct hm_errs *errs = hm_errs_new(arena);
	int r = start(serving, errs);

	if (r < 0) {
		print_errs(errs);
		hm_server_not_started();
		serving->status = HM_EXIT_NO;
	}
	hm_arena_free(arena);
	if (r < 0) {
		stop(serving);
		return;
	}
	serving->ready = true;
	on_reload(0, serving);
	hm_log(HM_LOG_INFO, "ready", hm_f("version", PACKAGE_VERSION));
	if (serving->opts->ready != NULL)
		serving->opts->ready(serving->core, serving->opts->arg);
}

int
hm_server_run(const struct hm_server_opts *opts)
{
	struct hm_core_opts core_opts = {
		.conf_dir = opts->conf_dir, .module_path = opts->module_path,
		.copy_code = true, .control = true, .lenient = true,
		.own = opts->own, .isolate = &hm_isolate,
	};
	struct serving serving = { .opts = opts, .lock = -1, .record = -1 };
	struct hm_err err = { 0 };

	if (hm_loop_init(&err) < 0) {
		fprintf(stderr, "hermod: %s\n", err.text);
		return HM_EXIT_NO;
	}
	serving.core = hm_core_new(&core_opts);
	serving.core->stop = stop;
	serving.core->reloads = on_reload;
	serving.core->server = &serving;
	alive(&serving);
	hm_loop_on_signal(SIGHUP, on_reload_signal, &serving);
	hm_loop_on_signal(SIGTERM, on_stop_signal, &serving);
	hm_loop_on_signal(SIGINT, on_stop_signal, &serving);
	hm_loop_on_signal(SIGUSR1, on_idle_signal, &serving);
	hm_fiber_start(NULL, "start", start_fiber, &serving);
	hm_loop_run();
	hm_loop_free(END_MS);
	hm_guard_end();
	if (serving.record >= 0)
		close(serving.record);
	if (serving.data_dir != NULL)
		hm_pid_remove(serving.data_dir);
	if (serving.lock >= 0)
		close(serving.lock);
	/* What did not end may still use it. */
	if (serving.core->all == NULL)
		hm_core_free(serving.core);
	return serving.status;
}
