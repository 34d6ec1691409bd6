/* call.c - a command from the shell: into the running server, or done here. */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/fiber.h>
#include <hermod/log.h>

#include "core/conf/config.h"
#include "core/isolate/isolate.h"
#include "core/plug/core.h"
#include "core/plug/generation.h"
#include "core/run/fiber-private.h"
#include "core/run/loop.h"
#include "core/serve/lock.h"

#include "client.h"
#include "commands.h"
#include "program.h"
#include "terminal.h"

struct call {
	const struct hm_options *options;
	struct hm_argv argv;
	const struct hm_command *here; /* NULL: of a module, by a generation */
	struct hm_core *core;
	struct hm_terminal terminal;
	struct hm_fiber *fiber;        /* NULL once it has ended */
	int status;
};

enum { STOP_WAIT_MS = 60000 };

/* ---- done here ---- */

/* The data directory, made if it is missing. What root writes offline must
 * still be the server's. */
static int
enter_data_dir(const struct hm_server_conf *conf, struct hm_err *reterr)
{
	const char *dir = conf->data_dir;
	const struct passwd *pw;
	struct stat st;

	if (mkdir(dir, 0750) == 0) {
		if (geteuid() == 0 && (pw = getpwnam(conf->user)) != NULL &&
		    chown(dir, pw->pw_uid, pw->pw_gid) < 0)
			return hm_err_errno(reterr, errno, "%s", dir);
	} else if (errno != EEXIST) {
		return hm_err_errno(reterr, errno, "data-dir %s", dir);
	}
	if (geteuid() != 0 || stat(dir, &st) < 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setgid(st.st_gid) < 0 ||
	    setuid(st.st_uid) < 0)
		return hm_err_errno(reterr, errno, "becoming the owner of %s",
		    dir);
	return 0;
}

/* The core's own commands open nothing there. */
static int
take_data_dir(const struct hm_cmd *cmd, const struct hm_server_conf *conf,
    int *ret_lock, struct hm_err *reterr)
{
	int r;

	*ret_lock = -1;
	if (cmd->mod->code == NULL)
		return 0;
	if ((r = enter_data_dir(conf, reterr)) < 0)
		return r;
	*ret_lock = hm_lock_take(conf->data_dir, reterr);
	return *ret_lock < 0 ? *ret_lock : 0;
}

static int
not_running(struct hm_cmd *cmd, const struct hm_command *command,
    const char *socket)
{
	hm_cmd_error(cmd, "the server is not running (nobody listens on %s), "
	    "and \"hermod %s\" works only while it is", socket,
	    command->words);
	return HM_EXIT_NOT_RUNNING;
}

/* Opens the command's module and what that one needs. */
static int
run_opened(struct hm_cmd *cmd, struct hm_generation *gen, struct hm_argv argv)
{
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	struct hm_err err = { 0 };
	int r, lock;

	if (take_data_dir(cmd, &gen->config->server, &lock, &err) < 0) {
		hm_generation_drop(gen);
		return hm_cmd_fail(cmd, &err);
	}
	if (hm_generation_open(gen, cmd->mod->name, errs) < 0) {
		r = hm_cmd_errs(cmd, errs);
	} else {
		r = hm_cmd_run(cmd, argv);
		/* Clean-ups of a module need its code. */
		hm_arena_clear(cmd->arena);
		hm_generation_end(gen);
	}
	while (!hm_core_ended(cmd->core))
		if (hm_wait(&cmd->core->changed, -1) < 0)
			break;
	if (lock >= 0)
		close(lock);
	return r;
}

static int
run_offline(struct call *call, struct hm_cmd *cmd)
{
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	struct hm_generation *gen = hm_generation_prepare(call->core, errs);
	int r;

	if (gen == NULL)
		return hm_cmd_errs(cmd, errs);
	cmd->command = hm_command_find(hm_core_commands, gen, call->argv,
	    &cmd->mod);
	if (cmd->command == NULL) {
		r = hm_cmd_unknown(cmd, gen, call->argv);
	} else if ((r = hm_cmd_parse(cmd, call->argv)) != 0) {
		;
	} else if (cmd->help) {
		hm_cmd_help(cmd, cmd->command);
	} else if ((int)cmd->command->where == HM_CMD_SERVER) {
		r = not_running(cmd, cmd->command,
		    gen->config->server.control_socket);
	} else {
		cmd->n_args = cmd->n_flags = 0;
		return run_opened(cmd, gen, call->argv);
	}
	hm_generation_drop(gen);
	return r;
}

static void
call_fiber(void *arg)
{
	struct call *call = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "command");
	struct hm_cmd cmd = { .core = call->core, .command = call->here,
	    .arena = arena, .io = &call->terminal.io };

	if (call->here != NULL)
		call->status = hm_cmd_run(&cmd, call->argv);
	else
		call->status = run_offline(call, &cmd);
	hm_arena_free(arena);
	call->fiber = NULL;
	hm_loop_stop();
}

static void
on_signal(int signum, void *arg)
{
	struct call *call = arg;

	(void)signum;
	if (call->fiber != NULL)
		hm_fiber_cancel(call->fiber);
}

static int
run_here(struct call *call)
{
	struct hm_core_opts opts = {
		.conf_dir = call->options->conf_dir,
		.module_path = call->options->module_path,
		.offline = true,
		.own = &hm_core_def, .isolate = &hm_isolate,
	};
	struct hm_err err = { 0 };

	/* What concerns the person is printed; the rest stays quiet. */
	hm_log_set_level(HM_LOG_ERROR);
	if (hm_loop_init(&err) < 0) {
		fprintf(stderr, "hermod: %s\n", err.text);
		return HM_EXIT_NO;
	}
	hm_loop_on_signal(SIGINT, on_signal, call);
	hm_loop_on_signal(SIGTERM, on_signal, call);
	hm_terminal_init(&call->terminal);
	call->core = hm_core_new(&opts);
	call->status = HM_EXIT_NO;
	call->fiber = hm_fiber_start(NULL, "command", call_fiber, call);
	hm_loop_run();
	hm_loop_free(5000);
	hm_core_free(call->core);
	if (fflush(stdout) != 0)
		call->status = HM_EXIT_NO;
	return call->status;
}

/* ---- in the server ---- */

/* "hermod stop" returns when the server has. */
static int
after_stop(const char *data_dir)
{
	if (hm_lock_wait(data_dir, STOP_WAIT_MS))
		return HM_EXIT_OK;
	fprintf(stderr, "hermod: the server has not ended after %d seconds\n",
	    STOP_WAIT_MS / 1000);
	return HM_EXIT_NO;
}

/* Where the server listens, whatever else is wrong with the configuration. */
static const struct hm_server_conf *
server_conf(struct hm_arena *arena, const struct hm_options *options)
{
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_config *config = NULL;

	if (hm_config_load(arena, options->conf_dir, &config, errs) < 0 ||
	    config->server.control_socket == NULL)
		return NULL;
	return &config->server;
}

/* -HM_ENOENT: no server listens. */
static int
call_server(const struct call *call, struct hm_arena *arena,
    struct hm_err *reterr)
{
	const struct hm_server_conf *conf = server_conf(arena, call->options);
	int r;

	if (conf == NULL)
		return -HM_ENOENT;
	r = hm_control_call(conf->control_socket, call->argv.n, call->argv.at,
	    reterr);
	if (r == HM_EXIT_OK && call->here != NULL &&
	    strcmp(call->here->words, "stop") == 0)
		r = after_stop(conf->data_dir);
	return r;
}

int
hm_call(const struct hm_options *options, struct hm_argv argv)
{
	struct call call = { .options = options, .argv = argv };
	struct hm_arena *arena = hm_arena_new(NULL, "call");
	struct hm_err err = { 0 };
	int r;

	call.here = hm_command_find(hm_core_commands, NULL, argv, NULL);
	if (call.here != NULL && (int)call.here->where == HM_CMD_HERE) {
		r = run_here(&call);
	} else if ((r = call_server(&call, arena, &err)) == -HM_ENOENT) {
		call.here = NULL;
		r = run_here(&call);
	} else if (r < 0) {
		fprintf(stderr, "hermod: %s\n", err.text);
		r = HM_EXIT_NO;
	}
	hm_arena_free(arena);
	return r;
}
