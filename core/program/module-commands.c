/* module-commands.c - "hermod module": list, enable, disable. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include "core/conf/config.h"
#include "core/conf/errs.h"
#include "core/plug/cmd.h"
#include "core/plug/generation.h"
#include "core/plug/offender.h"
#include "core/plug/remote.h"

#include "client.h"
#include "commands.h"

enum { MAX_FILE = 16 * 1024 * 1024 };

/* ---- list ---- */

static void
list_row(struct hm_cmd *cmd, struct hm_cmd_table *table, const char *search,
    const struct hm_config *config, struct hm_offender *off, const char *name)
{
	const struct hm_config_module *m = hm_config_find(config, name);
	const struct hm_offender *o = hm_offender_find(off, name);
	struct hm_code *code = NULL;
	struct hm_err err = { 0 };
	struct hm_str cells[5];
	bool isolate = m != NULL && !m->broken && m->isolate;
	struct hm_remote_opts own = { isolate ? m->isolate_memory : 0,
	    config->server.sandbox, config->dir, isolate ? m->node : NULL };

	cells[0] = hm_str(name);
	cells[1] = hm_str(m == NULL ? "no" : m->broken ? "broken" :
	    !m->enabled ? "no" : o != NULL ? "crashes" :
	    isolate ? "isolated" : "yes");
	cells[2] = HM_STR("");
	cells[4] = hm_str(m != NULL ? m->path : "");
	if (hm_code_get(cmd->core, search, name, NULL, isolate ? &own : NULL,
	    &code, &err) == 0) {
		cells[2] = hm_str(hm_strdup(cmd->arena, code->def.version));
		cells[3] = hm_str(hm_strdup(cmd->arena, code->def.summary));
		hm_code_unref(code);
	} else {
		cells[3] = hm_str(hm_strdup(cmd->arena, err.text));
	}
	if (o != NULL)
		cells[3] = hm_str(hm_printf(cmd->arena, "%s; switched off until "
		    "\"hermod module enable %s\", unless others need it",
		    o->why, name));
	hm_cmd_row(table, cells);
}

int
hm_run_module_list(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "MODULE", "ENABLED", "VERSION",
		"SUMMARY", "FILE", NULL };
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	struct hm_config *config = NULL;
	struct hm_offender *off;
	struct hm_cmd_table *table;
	const char *const *names;
	const char *search;
	size_t n;

	if (hm_config_load(cmd->arena, cmd->core->opts.conf_dir, &config,
	    errs) < 0)
		return hm_cmd_errs(cmd, errs);
	search = hm_search_path(cmd->core, config, cmd->arena);
	names = hm_module_names(search, cmd->arena, &n);
	off = hm_offenders_read(cmd->arena, config->server.data_dir);
	table = hm_cmd_table(cmd, columns);
	for (size_t i = 0; i < n; i++)
		list_row(cmd, table, search, config, off, names[i]);
	/* Configured, but nowhere to be found: the row says so. */
	for (size_t i = 0; i < config->nmodules; i++) {
		const char *name = config->modules[i].name;
		bool found = false;

		for (size_t j = 0; j < n && !found; j++)
			found = strcmp(names[j], name) == 0;
		if (!found)
			list_row(cmd, table, search, config, off, name);
	}
	hm_cmd_table_end(table);
	return HM_EXIT_OK;
}

/* ---- enable and disable ---- */

struct edit {
	struct hm_cmd *cmd;
	const char *dir, *name, *path;
	bool enable;
	bool existed;                  /* the file, before */
	struct hm_str before;
	unsigned mode;
	struct hm_err err;
};

static int
edit_job(void *arg)
{
	struct edit *e = arg;
	struct stat st;
	int r;

	if (stat(e->path, &st) == 0) {
		e->existed = true;
		e->mode = st.st_mode & 07777;
		r = hm_file_read(e->cmd->arena, e->path, MAX_FILE, &e->before,
		    &e->err);
		if (r < 0)
			return r;
	} else if (errno != ENOENT) {
		return hm_err_errno(&e->err, errno, "%s", e->path);
	} else if (!e->enable) {
		/* Without a file it is not enabled. */
		return 0;
	}
	return hm_config_enable(e->dir, e->name, e->enable, &e->err);
}

static int
restore_job(void *arg)
{
	struct edit *e = arg;

	if (e->existed)
		return hm_file_replace(e->path, e->before, e->mode, &e->err);
	return unlink(e->path) < 0 && errno != ENOENT ?
	    hm_err_errno(&e->err, errno, "%s", e->path) : 0;
}

static int
restore(struct edit *e)
{
	if (hm_work(restore_job, e) < 0)
		return hm_cmd_fail(e->cmd, &e->err);
	return hm_cmd_error(e->cmd, "%s is as it was; nothing was changed",
	    e->path);
}

static int
tell_server(struct edit *e, const char *socket)
{
	static const char *const reload[] = { "reload" };
	struct hm_err err = { 0 };
	int r = hm_control_call(socket, 1, reload, &err);

	if (r == -HM_ENOENT) {
		hm_cmd_printf(e->cmd, "module %s is %s; the server is not "
		    "running\n", e->name, e->enable ? "enabled" : "disabled");
		return HM_EXIT_OK;
	}
	if (r < 0)
		return hm_cmd_fail(e->cmd, &err);
	if (r != HM_EXIT_OK)
		return restore(e);
	hm_cmd_printf(e->cmd, "module %s is %s\n", e->name,
	    e->enable ? "enabled" : "disabled");
	return HM_EXIT_OK;
}

static int
set_enabled(struct hm_cmd *cmd, bool enable)
{
	struct edit e = { .cmd = cmd, .dir = cmd->core->opts.conf_dir,
	    .name = hm_cmd_arg(cmd, 0), .enable = enable };
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	struct hm_generation *gen;
	const char *socket, *data_dir;

	if (strchr(e.name, '/') != NULL || e.name[0] == '.')
		return hm_cmd_error(cmd, "\"%s\" is no name of a module", e.name);
	e.path = hm_printf(cmd->arena, "%s/conf.d/%s.yaml", e.dir, e.name);
	if (hm_work(edit_job, &e) < 0)
		return hm_cmd_fail(cmd, &e.err);
	gen = hm_generation_prepare(cmd->core, errs);
	if (gen == NULL) {
		hm_cmd_errs(cmd, errs);
		return restore(&e);
	}
	socket = hm_strdup(cmd->arena, gen->config->server.control_socket);
	data_dir = hm_strdup(cmd->arena, gen->config->server.data_dir);
	hm_generation_drop(gen);
	if (enable && hm_offender_pardon(data_dir, e.name, &e.err) < 0)
		return hm_cmd_fail(cmd, &e.err);
	return tell_server(&e, socket);
}

int
hm_run_module_enable(struct hm_cmd *cmd)
{
	return set_enabled(cmd, true);
}

int
hm_run_module_disable(struct hm_cmd *cmd)
{
	return set_enabled(cmd, false);
}
