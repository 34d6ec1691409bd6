/* config-commands.c - "hermod config": check, example, show. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "core/conf/config.h"
#include "core/conf/errs.h"
#include "core/isolate/isolate.h"
#include "core/plug/cmd.h"
#include "core/plug/generation.h"

#include "commands.h"

int
hm_run_config_check(struct hm_cmd *cmd)
{
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	struct hm_generation *gen = hm_generation_prepare(cmd->core, errs);
	size_t mistakes = hm_errs_count(errs);

	if (mistakes > 0 || hm_errs_warnings(errs) > 0)
		hm_cmd_errs(cmd, errs);
	if (gen == NULL)
		return hm_cmd_error(cmd, "%zu %s found", mistakes,
		    mistakes == 1 ? "mistake" : "mistakes");
	hm_cmd_printf(cmd, "the configuration is good: %zu %s\n",
	    gen->n_mods - 1, gen->n_mods == 2 ? "module" : "modules");
	hm_generation_drop(gen);
	return HM_EXIT_OK;
}

/* The code of one module that need not be enabled. */
static struct hm_code *
load_one(struct hm_cmd *cmd, const char *name)
{
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	struct hm_config *config = NULL;
	struct hm_code *code = NULL;
	struct hm_err err = { 0 };
	const char *search = cmd->core->opts.module_path;
	const struct hm_config_module *m = NULL;
	struct hm_remote_opts own = { 0 };

	if (hm_config_load(cmd->arena, cmd->core->opts.conf_dir, &config,
	    errs) == 0 && hm_errs_count(errs) == 0) {
		search = hm_search_path(cmd->core, config, cmd->arena);
		m = hm_config_find(config, name);
	}
	if (m != NULL && m->isolate)
		own = (struct hm_remote_opts){ m->isolate_memory,
		    config->server.sandbox, config->dir, m->node };
	if (hm_code_get(cmd->core, search, name, NULL,
	    own.memory > 0 ? &own : NULL, &code, &err) < 0)
		hm_cmd_fail(cmd, &err);
	return code;
}

int
hm_run_config_example(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0);
	struct hm_buf text = { 0 };
	struct hm_code *code;

	if (name == NULL) {
		hm_config_example_server(&text);
	} else if ((code = load_one(cmd, name)) == NULL) {
		return HM_EXIT_NO;
	} else {
		if (code->remote != NULL)
			hm_buf_puts(&text, hm_remote_text(code,
			    HM_REMOTE_EXAMPLE, cmd->arena));
		else
			hm_config_example_module(&text, code->def.name,
			    code->def.summary, code->def.options);
		hm_code_unref(code);
	}
	hm_cmd_write(cmd, hm_buf_view(&text));
	hm_buf_release(&text);
	return HM_EXIT_OK;
}

int
hm_run_config_show(struct hm_cmd *cmd)
{
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	struct hm_generation *gen = hm_generation_prepare(cmd->core, errs);
	const char *name = hm_cmd_arg(cmd, 0);
	struct hm_buf text = { 0 };
	int r = HM_EXIT_OK;

	if (gen == NULL)
		return hm_cmd_errs(cmd, errs);
	if (name != NULL && hm_generation_mod(gen, name) == NULL)
		r = hm_cmd_error(cmd, "no enabled module is named \"%s\"", name);
	else if (name == NULL)
		hm_config_show_server(&text, gen->config);
	for (size_t i = 0; i + 1 < gen->n_mods; i++) {
		const struct hm_mod *m = gen->mods[i];

		if (name != NULL && strcmp(name, m->name) != 0)
			continue;
		if (name == NULL)
			hm_buf_printf(&text, "\n# module %s\n", m->name);
		hm_config_show_module(&text, m->config, m->def->options,
		    m->conf);
		if (m->code->remote != NULL)
			hm_buf_puts(&text, hm_remote_text(m->code,
			    HM_REMOTE_SETTINGS, cmd->arena));
	}
	hm_cmd_write(cmd, hm_buf_view(&text));
	hm_buf_release(&text);
	hm_generation_drop(gen);
	return r;
}
