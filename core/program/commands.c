/* commands.c - the commands of the core that ask about a running server. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/str.h>

#include "core/conf/config.h"
#include "core/isolate/isolate.h"
#include "core/plug/cmd.h"
#include "core/plug/generation.h"
#include "core/plug/metrics.h"
#include "core/serve/control.h"

#include "commands.h"

/* ---- hooks ---- */

/* What put it here: its position, the admin's settings, its name. */
static const char *
why_here(struct hm_cmd *cmd, const struct hm_chain *chain, size_t i)
{
	const struct hm_link *link = &chain->at[i], *other;
	const char *why = hm_order_name(link->hook->order);
	const struct hm_mod *by;
	bool tie = false;

	for (size_t j = 0; j < chain->n; j++) {
		other = &chain->at[j];
		if (j == i || other->hook->order != link->hook->order)
			continue;
		tie = true;
		if (hm_admin_before(link, other, &by))
			why = hm_printf(cmd->arena, "%s; before %s (order in %s)",
			    why, other->mod->name, by->config->path);
		else if (hm_admin_before(other, link, &by))
			why = hm_printf(cmd->arena, "%s; after %s (order in %s)",
			    why, other->mod->name, by->config->path);
	}
	return tie && strchr(why, ';') == NULL ?
	    hm_printf(cmd->arena, "%s; by name", why) : why;
}

static const char *
mean_ms(struct hm_arena *arena, const struct hm_hook_stats *stats)
{
	if (stats->calls == 0)
		return "-";
	return hm_printf(arena, "%.3f", (double)stats->total_ns / 1e6 /
	    (double)stats->calls);
}

static void
hook_rows(struct hm_cmd *cmd, struct hm_cmd_table *table,
    const struct hm_generation *gen, enum hm_hook_id id)
{
	const struct hm_chain *chain = &gen->chains[id];

	for (size_t i = 0; i < chain->n; i++) {
		const struct hm_hook_stats *stats = chain->at[i].stats;
		struct hm_str cells[] = {
			hm_str(hm_hook_name(id)),
			hm_str(hm_hook_is_event(id) ? "event" : "decision"),
			hm_str(hm_printf(cmd->arena, "%zu", i + 1)),
			hm_str(chain->at[i].mod->name),
			hm_str(why_here(cmd, chain, i)),
			hm_str(hm_printf(cmd->arena, "%llu",
			    (unsigned long long)stats->calls)),
			hm_str(hm_printf(cmd->arena, "%llu",
			    (unsigned long long)(stats->verdicts[HM_FAIL] +
			    stats->dropped))),
			hm_str(hm_printf(cmd->arena, "%llu",
			    (unsigned long long)stats->late)),
			hm_str(mean_ms(cmd->arena, stats)),
		};

		hm_cmd_row(table, cells);
	}
}

static enum hm_hook_id
hook_arg(struct hm_cmd *cmd, const char *name)
{
	char *copy = hm_strdup(cmd->arena, name);

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	return hm_hook_from_name(hm_str(copy));
}

static int
run_hooks(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "HOOK", "KIND", "PLACE",
		"MODULE", "WHY", "CALLS", "FAILED", "LATE", "MEAN MS", NULL };
	const char *name = hm_cmd_arg(cmd, 0);
	enum hm_hook_id only = HM_HOOK_NONE;
	struct hm_cmd_table *table;

	if (name != NULL && (only = hook_arg(cmd, name)) == HM_HOOK_NONE)
		return hm_cmd_error(cmd, "there is no hook \"%s\"; see "
		    "hermod-hooks(7)", name);
	table = hm_cmd_table(cmd, columns);
	for (int id = HM_HOOK_NONE + 1; id < HM_HOOK_COUNT; id++)
		if (only == HM_HOOK_NONE || (int)only == id)
			hook_rows(cmd, table, cmd->mod->gen, id);
	hm_cmd_table_end(table);
	return HM_EXIT_OK;
}

/* ---- module stats ---- */

static int
stats_cmp(const void *va, const void *vb)
{
	const struct hm_hook_stats *a = *(struct hm_hook_stats *const *)va;
	const struct hm_hook_stats *b = *(struct hm_hook_stats *const *)vb;
	int c = strcmp(a->module, b->module);

	return c != 0 ? c : (int)a->id - (int)b->id;
}

static struct hm_str
count_cell(struct hm_cmd *cmd, uint64_t n)
{
	return hm_str(hm_printf(cmd->arena, "%llu", (unsigned long long)n));
}

static struct hm_str
ms_cell(struct hm_cmd *cmd, int64_t ns)
{
	return hm_str(hm_printf(cmd->arena, "%.4f", (double)ns / 1e6));
}

/* Of the processes of an isolated module; "-" for others. */
static struct hm_str
restarts_cell(struct hm_cmd *cmd, const char *module)
{
	const struct hm_remote_count *c = cmd->core->remote_counts;

	while (c != NULL && strcmp(c->module, module) != 0)
		c = c->next;
	return c != NULL ? count_cell(cmd, c->restarts) : HM_STR("-");
}

static void
stats_row(struct hm_cmd *cmd, struct hm_cmd_table *table,
    const struct hm_hook_stats *s)
{
	struct hm_str cells[17] = { hm_str(s->module),
	    hm_str(hm_hook_name(s->id)), count_cell(cmd, s->calls) };
	size_t n = 3;

	for (int kind = HM_PASS; kind <= HM_FAIL; kind++)
		cells[n++] = count_cell(cmd, s->verdicts[kind]);
	cells[n++] = count_cell(cmd, s->late);
	cells[n++] = count_cell(cmd, s->dropped);
	cells[n++] = count_cell(cmd, s->hogs);
	cells[n++] = ms_cell(cmd, hm_stats_percentile(s, 50));
	cells[n++] = ms_cell(cmd, hm_stats_percentile(s, 99));
	cells[n++] = ms_cell(cmd, s->max_ns);
	cells[n++] = restarts_cell(cmd, s->module);
	hm_cmd_row(table, cells);
}

static int
run_module_stats(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "MODULE", "HOOK", "CALLS",
		"PASS", "ACCEPT", "JUNK", "DEFER", "REJECT", "DISCONNECT",
		"FAILED", "LATE", "DROPPED", "STALLS", "P50 MS", "P99 MS",
		"MAX MS", "RESTARTS", NULL };
	const char *name = hm_cmd_arg(cmd, 0);
	struct hm_hook_stats *s, **all;
	struct hm_cmd_table *table;
	size_t n = 0;

	for (s = cmd->core->stats; s != NULL; s = s->next)
		n++;
	all = hm_alloc_array(cmd->arena, n, sizeof(*all));
	n = 0;
	for (s = cmd->core->stats; s != NULL; s = s->next)
		if (name == NULL || strcmp(s->module, name) == 0)
			all[n++] = s;
	if (name != NULL && n == 0 &&
	    hm_generation_mod(cmd->mod->gen, name) == NULL)
		return hm_cmd_error(cmd, "no module \"%s\" runs here", name);
	qsort(all, n, sizeof(*all), stats_cmp);
	table = hm_cmd_table(cmd, columns);
	for (size_t i = 0; i < n; i++)
		stats_row(cmd, table, all[i]);
	hm_cmd_table_end(table);
	return HM_EXIT_OK;
}

/* ---- generations ---- */

static const char *
age(struct hm_arena *arena, int64_t ms)
{
	long long s = ms / 1000;

	if (s < 60)
		return hm_printf(arena, "%llds", s);
	if (s < 3600)
		return hm_printf(arena, "%lldm%llds", s / 60, s % 60);
	return hm_printf(arena, "%lldh%lldm", s / 3600, s / 60 % 60);
}

static const char *
holders(struct hm_arena *arena, const struct hm_generation *gen)
{
	struct hm_session_group *groups;
	size_t n = hm_sessions_count(gen, arena, &groups);
	const struct hm_holder *h;
	int64_t now = hm_now_ms();
	const char *text = "";

	for (size_t i = 0; i < n; i++)
		text = hm_printf(arena, "%s%s%s session %u (%s to %s)", text,
		    i ? ", " : "", groups[i].protocol, groups[i].count,
		    age(arena, now - groups[i].last_ms),
		    age(arena, now - groups[i].first_ms));
	for (h = gen->holders; h != NULL; h = h->next)
		if (h->count > 0 && strcmp(h->who, "session") != 0)
			text = hm_printf(arena, "%s%s%s %s %u", text,
			    text[0] ? ", " : "", h->module, h->who, h->count);
	return text;
}

/* Modules in processes of their own. */
static void
process_rows(struct hm_cmd *cmd, struct hm_cmd_table *table,
    const struct hm_generation *gen)
{
	for (size_t i = 0; i < gen->n_mods; i++) {
		const struct hm_code *code = gen->mods[i]->code;
		struct hm_str cells[] = {
			hm_str(hm_printf(cmd->arena, "%llu",
			    (unsigned long long)gen->number)),
			HM_STR("process"), HM_STR(""), HM_STR(""),
			HM_STR(""),
		};

		if (code == NULL || code->remote == NULL)
			continue;
		cells[4] = hm_str(hm_printf(cmd->arena, "%s: %s", code->name,
		    hm_remote_state(code, cmd->arena)));
		hm_cmd_row(table, cells);
	}
}

static int
run_generations(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "NUMBER", "STATE", "AGE",
		"REFERENCES", "HOLDERS", NULL };
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	const struct hm_generation *gen;

	for (gen = cmd->core->all; gen != NULL; gen = gen->next) {
		const char *state = gen == cmd->core->current ? "current" :
		    gen->retired ? "retired" : "opening";
		struct hm_str cells[] = {
			hm_str(hm_printf(cmd->arena, "%llu",
			    (unsigned long long)gen->number)),
			hm_str(state),
			hm_str(age(cmd->arena, hm_wall_ms() - gen->began_ms)),
			hm_str(hm_printf(cmd->arena, "%u", gen->refs)),
			hm_str(holders(cmd->arena, gen)),
		};

		hm_cmd_row(table, cells);
		process_rows(cmd, table, gen);
	}
	for (const struct hm_kept *kept = hm_kept_old(cmd->core, NULL);
	    kept != NULL; kept = hm_kept_old(cmd->core, kept)) {
		struct hm_str cells[] = { HM_STR("-"), HM_STR("code"),
			HM_STR(""), HM_STR(""),
			hm_str(hm_kept_text(kept, cmd->arena)) };

		hm_cmd_row(table, cells);
	}
	hm_cmd_table_end(table);
	return HM_EXIT_OK;
}

/* ---- metrics ---- */

static int
run_metrics(struct hm_cmd *cmd)
{
	struct hm_buf text = { 0 };

	hm_metrics_write(cmd->core, &text, hm_cmd_json(cmd));
	hm_cmd_write(cmd, hm_buf_view(&text));
	hm_buf_release(&text);
	return HM_EXIT_OK;
}

/* ---- reload and stop ---- */

static int
run_reload(struct hm_cmd *cmd)
{
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	int r = hm_reload(cmd->core, errs);

	if (r == 0) {
		hm_cmd_printf(cmd, "generation %llu is current\n",
		    (unsigned long long)cmd->core->last_number);
		return HM_EXIT_OK;
	}
	hm_cmd_errs(cmd, errs);
	return hm_cmd_error(cmd, "nothing was changed");
}

static int
run_stop(struct hm_cmd *cmd)
{
	if (cmd->core->stop == NULL)
		return hm_cmd_error(cmd, "this server cannot be stopped so");
	cmd->core->stop(cmd->core->server);
	return HM_EXIT_OK;
}

/* ---- help ---- */

static int
run_help(struct hm_cmd *cmd)
{
	struct hm_argv words = { cmd->n_args, cmd->args };
	struct hm_errs *errs = hm_errs_new(cmd->arena);
	struct hm_generation *gen = hm_generation_prepare(cmd->core, errs);
	const struct hm_command *command = NULL;
	int r = HM_EXIT_OK;

	if (words.n > 0)
		command = hm_command_find(hm_core_commands, gen, words, NULL);
	if (command != NULL) {
		hm_cmd_help(cmd, command);
	} else {
		if (words.n == 0)
			hm_cmd_printf(cmd, "usage: hermod [-c DIR] COMMAND "
			    "[ARGUMENTS]\n\nCommands:\n");
		if (!hm_cmd_list(cmd, gen, words))
			r = hm_cmd_unknown(cmd, gen, words);
		else if (words.n == 0)
			hm_cmd_printf(cmd, "\n\"hermod COMMAND --help\" tells "
			    "more; hermod(8) tells all.\n");
	}
	if (gen == NULL && words.n == 0)
		hm_cmd_error(cmd, "the commands of modules are missing here, "
		    "because the configuration has mistakes: see \"hermod "
		    "config check\"");
	if (gen != NULL)
		hm_generation_drop(gen);
	return r;
}

/* Answered by the program before anything is read; listed here. */
static int
run_here(struct hm_cmd *cmd)
{
	return hm_cmd_error(cmd, "\"hermod %s\" is no command for a server",
	    cmd->command->words);
}

static const struct hm_cmd_flag localserve_flags[] = {
	{ "dir", "DIR", "Where to keep configuration and mail." },
	{ "ip", "ADDRESS", "Where to listen instead of on the loopback." },
	{ "pedantic", NULL, "Parse strictly, to find mistakes of clients." },
	{ "init-only", NULL, "Make the configuration and stop." },
	{ NULL, NULL, NULL },
};

static const struct hm_cmd_flag quickstart_flags[] = {
	{ "hostname", "NAME", "Name of this host in DNS." },
	{ "data-dir", "DIR", "Where mail will be kept." },
	{ NULL, NULL, NULL },
};

static const struct hm_cmd_flag upgrade_flags[] = {
	{ "grace", "TIME", "How long the new file is watched (30s)." },
	{ NULL, NULL, NULL },
};

static const struct hm_cmd_flag watch_flags[] = {
	{ "time", "TIME", "How long (30s)." },
	{ NULL, NULL, NULL },
};

const struct hm_command hm_core_commands[] = {
	{ .words = "serve", .args = "", .where = HM_CMD_HERE, .run = run_here,
	  .summary = "Runs the server in the foreground" },
	{ .words = "localserve", .args = "", .where = HM_CMD_HERE,
	  .run = run_here,
	  .summary = "Starts a server for trying things out, on high ports",
	  .flags = localserve_flags },
	{ .words = "quickstart", .args = "ADDRESS", .where = HM_CMD_HERE,
	  .run = run_here, .summary = "Writes a first real configuration",
	  .flags = quickstart_flags },
	{ .words = "reload", .args = "", .run = run_reload,
	  .summary = "Makes the running server take over the configuration",
	  .help = "All or nothing: a mistake is reported with its place, and "
	      "the server goes on\nas it was. Sessions keep the settings they "
	      "began with." },
	{ .words = "stop", .args = "", .run = run_stop,
	  .summary = "Ends the running server in an orderly way" },
	{ .words = "config check", .args = "", .where = HM_CMD_HERE,
	  .run = hm_run_config_check,
	  .summary = "Tells whether the server could start with the "
	      "configuration" },
	{ .words = "config example", .args = "[MODULE]", .where = HM_CMD_HERE,
	  .run = hm_run_config_example,
	  .summary = "Prints all options of hermod.yaml, or of a module, "
	      "explained" },
	{ .words = "config show", .args = "[MODULE]", .where = HM_CMD_HERE,
	  .run = hm_run_config_show,
	  .summary = "Prints the values in effect and where each comes from" },
	{ .words = "module list", .args = "", .where = HM_CMD_HERE,
	  .run = hm_run_module_list,
	  .summary = "Lists the modules that are installed" },
	{ .words = "module enable", .args = "MODULE", .where = HM_CMD_HERE,
	  .run = hm_run_module_enable,
	  .summary = "Enables a module, also in the running server",
	  .help = "Sets \"enabled: yes\" in conf.d/MODULE.yaml, which is "
	      "written if it is missing. If\nthe configuration then has "
	      "mistakes, the file is put back as it was." },
	{ .words = "module disable", .args = "MODULE", .where = HM_CMD_HERE,
	  .run = hm_run_module_disable,
	  .summary = "Disables a module, also in the running server" },
	{ .words = "plugin new", .args = "NAME", .where = HM_CMD_HERE,
	  .run = run_here, .summary = "Writes the beginning of a plugin" },
	{ .words = "plugin check", .args = "FILE", .where = HM_CMD_HERE,
	  .run = run_here,
	  .summary = "Looks for what is wrong with a plugin, running its code" },
	{ .words = "module upgrade", .args = "MODULE [FILE]",
	  .where = HM_CMD_HERE, .run = hm_run_module_upgrade,
	  .summary = "Takes over a new file of a module, and the old one again "
	      "if it fails",
	  .help = "FILE takes the place of the module's file; without it the "
	      "file there must be new.\nIf the module then crashes, holds up "
	      "the server, fails or logs an error within the\ntime of grace, "
	      "the file that ran before is put back and taken over.",
	  .flags = upgrade_flags },
	{ .words = "module watch", .args = "MODULE",
	  .run = hm_run_module_watch,
	  .summary = "Waits, and tells whether a module does its work without "
	      "failures", .flags = watch_flags },
	{ .words = "module stats", .args = "[MODULE]", .run = run_module_stats,
	  .summary = "Shows what modules answered, how long they took, and how "
	      "they failed" },
	{ .words = "hooks", .args = "[HOOK]", .where = HM_CMD_EITHER,
	  .run = run_hooks,
	  .summary = "Shows which modules are asked, in which order and why" },
	{ .words = "generations", .args = "", .run = run_generations,
	  .summary = "Shows the configurations in use and what holds them" },
	{ .words = "metrics", .args = "", .run = run_metrics,
	  .summary = "Prints what core and modules count, for Prometheus" },
	{ .words = "version", .args = "", .where = HM_CMD_HERE,
	  .run = run_here, .summary = "Prints the version" },
	{ .words = "help", .args = "[COMMAND...]", .where = HM_CMD_HERE,
	  .run = run_help, .summary = "Lists commands, or explains one" },
	HM_COMMAND_END
};

const struct hm_module_def hm_core_def = {
	.abi_major = HM_ABI_MAJOR, .abi_minor = HM_ABI_MINOR,
	.size = sizeof(hm_core_def),
	.name = "core", .version = PACKAGE_VERSION, .summary = "The core itself",
	.commands = hm_core_commands,
	.open = hm_control_open,
};
