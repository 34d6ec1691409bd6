/* harness.c - a whole platform inside a test program. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/harness.h>
#include <hermod/net.h>
#include <hermod/plugin.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "core/base/arena-private.h"
#include "core/conf/errs.h"
#include "core/isolate/isolate.h"
#include "core/plug/cmd.h"
#include "core/plug/core.h"
#include "core/plug/generation.h"
#include "core/plug/load.h"
#include "core/run/fiber-private.h"
#include "core/run/listen.h"
#include "core/run/loop.h"
#include "core/run/sim.h"

#include "commands.h"

enum { RUN_MAX_MS = 3600 * 1000, CANCELLED_MS = 60 * 1000 };

struct hm_harness {
	struct hm_core *core;
};

/* ---- time ---- */

int
hm_harness_begin(int64_t wall_ms, uint64_t seed, struct hm_err *reterr)
{
	hm_arena_track(true);
	hm_clock_virtual(wall_ms);
	hm_random_seed(seed);
	hm_sim_reset();
	return hm_loop_init(reterr);
}

void
hm_harness_settle(void)
{
	hm_sim_run_until_idle();
}

void
hm_harness_pass(int64_t ms)
{
	hm_sim_advance(ms);
}

bool
hm_harness_until(bool (*done)(void *arg), void *arg, int64_t max_ms)
{
	return hm_sim_run_until(done, arg, max_ms);
}

struct run {
	hm_fiber_fn *fn;
	void *arg;
	bool ended;
};

static void
run_fiber(void *arg)
{
	struct run *run = arg;

	run->fn(run->arg);
	run->ended = true;
}

static bool
has_ended(void *arg)
{
	return *(bool *)arg;
}

bool
hm_harness_run(hm_fiber_fn *fn, void *arg)
{
	struct run run = { .fn = fn, .arg = arg };
	struct hm_fiber *fiber = hm_fiber_start(NULL, "harness", run_fiber, &run);

	if (hm_sim_run_until(has_ended, &run.ended, RUN_MAX_MS))
		return true;
	hm_fiber_cancel(fiber);
	while (!run.ended)
		hm_sim_advance(1000);
	return false;
}

void
hm_harness_fail(enum hm_harness_fault fault, unsigned nth)
{
	static const enum hm_sim_op ops[] = { HM_SIM_READ, HM_SIM_WRITE,
		HM_SIM_CONNECT };

	hm_sim_fail(ops[fault], nth);
}

/* ---- a server ---- */

struct hm_harness *
hm_harness_server(const char *conf_dir, const char *module_path)
{
	struct hm_core_opts opts = { .conf_dir = conf_dir,
		.module_path = module_path, .own = &hm_core_def,
		.isolate = &hm_isolate };
	struct hm_harness *h = hm_xalloc(sizeof(*h));

	h->core = hm_core_new(&opts);
	return h;
}

struct reload {
	struct hm_core *core;
	struct hm_buf *mistakes;
	int result;
};

static void
reload_fiber(void *arg)
{
	struct reload *reload = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "reload");
	struct hm_errs *errs = hm_errs_new(arena);

	reload->result = hm_reload(reload->core, errs);
	if (reload->result < 0)
		hm_errs_print(errs, reload->mistakes);
	hm_arena_free(arena);
}

int
hm_harness_reload(struct hm_harness *h, struct hm_buf *mistakes)
{
	struct reload reload = { .core = h->core, .mistakes = mistakes };

	if (!hm_harness_run(reload_fiber, &reload))
		return -HM_ETIMEDOUT;
	return reload.result;
}

static bool
has_stopped(void *arg)
{
	struct hm_core *core = arg;

	return hm_core_ended(core);
}

static void
report_generations(const struct hm_core *core, struct hm_buf *left)
{
	const struct hm_generation *gen;
	const struct hm_holder *h;

	for (gen = core->all; gen != NULL; gen = gen->next) {
		hm_buf_printf(left, "generation %llu is held:",
		    (unsigned long long)gen->number);
		for (h = gen->holders; h != NULL; h = h->next)
			if (h->count > 0)
				hm_buf_printf(left, " %s %s %u", h->module,
				    h->who, h->count);
		hm_buf_putc(left, '\n');
	}
}

static void
cancel_sessions(struct hm_core *core)
{
	struct hm_generation *gen;

	for (gen = core->all; gen != NULL; gen = gen->next)
		for (size_t i = 0; i < gen->n_mods; i++)
			hm_fiber_cancel_all(gen->mods[i]);
}

void
hm_harness_stop(struct hm_harness *h, int64_t grace_ms, struct hm_buf *left)
{
	struct hm_core *core = h->core;

	core->stopping = true;
	hm_core_retire(core);
	if (!hm_sim_run_until(has_stopped, core, grace_ms)) {
		if (grace_ms > 0)
			report_generations(core, left);
		cancel_sessions(core);
		hm_sim_run_until(has_stopped, core, CANCELLED_MS);
	}
	if (core->kept != NULL)
		hm_buf_puts(left, "a kept resource is left\n");
	if (core->codes != NULL)
		hm_buf_puts(left, "the code of a module is left\n");
	/* What did not even end when it was cancelled may still use it. */
	if (core->all == NULL)
		hm_core_free(core);
	else
		hm_buf_puts(left, "a generation does not end\n");
	free(h);
}

/* ---- what is left ---- */

static bool
report_fiber(struct hm_fiber *fiber, void *arg)
{
	struct hm_buf *left = arg;

	hm_buf_printf(left, "fiber \"%s\" is left\n", fiber->name);
	return true;
}

static void
report_arena(const char *name, size_t bytes, void *arg)
{
	struct hm_buf *left = arg;

	hm_buf_printf(left, "arena \"%s\" of %zu bytes is left\n", name, bytes);
}

void
hm_harness_end(struct hm_buf *left)
{
	hm_sim_run_until_idle();
	hm_fiber_each(report_fiber, left);
	if (hm_loop_next_alarm() != HM_NEVER)
		hm_buf_puts(left, "a timer is left\n");
	hm_loop_free(CANCELLED_MS);
	if (hm_sim_streams() > 0)
		hm_buf_printf(left, "%u ends of connections are left\n",
		    hm_sim_streams());
	hm_arena_each_root(report_arena, left);
	hm_arena_track(false);
}

/* ---- commands ---- */

struct command {
	struct hm_cmd_io io;           /* first */
	struct hm_core *core;
	struct hm_argv argv;
	struct hm_str input;
	struct hm_buf *output;
	int status;
};

static int
command_put(struct hm_cmd_io *io, enum hm_channel channel, struct hm_str bytes)
{
	struct command *command = (struct command *)io;

	if (channel != HM_CHANNEL_PROGRESS)
		hm_buf_str(command->output, bytes);
	return 0;
}

static int
command_ask(struct hm_cmd_io *io, const char *prompt, unsigned flags,
    struct hm_buf *ret, struct hm_err *reterr)
{
	struct command *command = (struct command *)io;

	(void)prompt;
	(void)flags;
	if (command->input.len == 0)
		return hm_err_set(reterr, -HM_EEOF, "no answer was given");
	hm_buf_str(ret, hm_str_split(&command->input, '\n'));
	return 0;
}

static int
command_read(struct hm_cmd_io *io, struct hm_buf *ret)
{
	struct command *command = (struct command *)io;

	if (command->input.len == 0)
		return -HM_EEOF;
	hm_buf_str(ret, command->input);
	command->input = (struct hm_str){ NULL, 0 };
	return 0;
}

static void
command_fiber(void *arg)
{
	struct command *command = arg;
	struct hm_generation *gen = command->core->current;
	struct hm_arena *arena = hm_arena_new(NULL, "command");
	struct hm_cmd cmd = { .core = command->core, .arena = arena,
	    .io = &command->io };

	cmd.command = hm_command_find(hm_core_commands, gen, command->argv,
	    &cmd.mod);
	if (cmd.command == NULL) {
		command->status = hm_cmd_unknown(&cmd, gen, command->argv);
	} else {
		if (cmd.mod == NULL && gen != NULL)
			cmd.mod = gen->mods[gen->n_mods - 1];
		command->status = hm_cmd_run(&cmd, command->argv);
	}
	hm_arena_free(arena);
}

int
hm_harness_command(struct hm_harness *h, const char *const *words,
    struct hm_str input, struct hm_buf *output)
{
	struct command command = {
		.io = { command_put, command_ask, command_read },
		.core = h->core, .argv = { .at = words },
		.input = input, .output = output, .status = HM_EXIT_NO,
	};
	struct hm_mod *holder = NULL;

	while (words[command.argv.n] != NULL)
		command.argv.n++;
	if (h->core->current != NULL) {
		holder = h->core->current->mods[h->core->current->n_mods - 1];
		hm_mod_hold(holder, "command");
	}
	if (!hm_harness_run(command_fiber, &command))
		hm_buf_puts(output, "the command did not end\n");
	if (holder != NULL)
		hm_mod_release(holder, "command");
	hm_sim_run_until_idle();
	return command.status;
}

/* ---- services ---- */

int
hm_harness_service(struct hm_harness *h, const char *iface,
    const void **ret_ops, struct hm_mod **ret_self)
{
	const struct hm_generation *gen = h->core->current;

	for (size_t i = 0; gen != NULL && i < gen->n_mods; i++) {
		const struct hm_provide *p = gen->mods[i]->def->provides;

		for (; p != NULL && p->iface != NULL; p++) {
			if (strcmp(p->iface, iface) != 0)
				continue;
			*ret_ops = p->ops;
			*ret_self = gen->mods[i];
			return 0;
		}
	}
	return -HM_ENOENT;
}

bool
hm_harness_has_module(const char *module_path, const char *name)
{
	struct hm_arena *arena = hm_arena_new(NULL, "search");
	bool found = hm_module_find(module_path, arena, name) != NULL;

	hm_arena_free(arena);
	return found;
}
