/* cmdline.c - from words to a command: finding, checking, helping. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "core/conf/suggest.h"

#include "cmd.h"
#include "core.h"
#include "generation.h"

/* ---- finding ---- */

static size_t
command_words(const struct hm_command *command)
{
	struct hm_str rest = hm_str(command->words);
	size_t n = 0;

	while (rest.p != NULL) {
		hm_str_split(&rest, ' ');
		n++;
	}
	return n;
}

/* Whether the first n words of the command are those given. */
static bool
words_match(const struct hm_command *command, struct hm_argv argv, size_t n)
{
	struct hm_str rest = hm_str(command->words);

	if (argv.n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!hm_str_is(hm_str_split(&rest, ' '), argv.at[i]))
			return false;
	return true;
}

static const struct hm_command *
own_commands(const struct hm_cmd *cmd)
{
	const struct hm_module_def *own = cmd->core->opts.own;

	return own != NULL ? own->commands : NULL;
}

/* Calls fn for all, the core's first, then module by module. */
static void
each(const struct hm_command *own, const struct hm_generation *gen,
    void (*fn)(const struct hm_command *command, const struct hm_mod *m,
    void *arg), void *arg)
{
	const struct hm_command *c;
	const struct hm_mod *core = NULL;

	if (gen != NULL)
		core = gen->mods[gen->n_mods - 1];
	for (c = own; c != NULL && c->words != NULL; c++)
		fn(c, core, arg);
	for (size_t i = 0; gen != NULL && i + 1 < gen->n_mods; i++) {
		const struct hm_mod *m = gen->mods[i];

		for (c = m->def->commands; c != NULL && c->words != NULL; c++)
			fn(c, m, arg);
	}
}

struct find {
	struct hm_argv argv;
	const struct hm_command *command;
	const struct hm_mod *mod;
	size_t words;
};

static void
find_fn(const struct hm_command *command, const struct hm_mod *m, void *arg)
{
	struct find *find = arg;
	size_t n = command_words(command);

	/* Of two modules with the same words the first one stays. */
	if (n <= find->words || !words_match(command, find->argv, n))
		return;
	find->command = command;
	find->mod = m;
	find->words = n;
}

const struct hm_command *
hm_command_find(const struct hm_command *own, const struct hm_generation *gen,
    struct hm_argv argv, struct hm_mod **ret_mod)
{
	struct find find = { .argv = argv };

	each(own, gen, find_fn, &find);
	if (ret_mod != NULL)
		*ret_mod = (struct hm_mod *)find.mod;
	return find.command;
}

/* ---- flags and arguments ---- */

static const struct hm_cmd_flag *
find_flag(const struct hm_command *command, struct hm_str name)
{
	const struct hm_cmd_flag *f;

	for (f = command->flags; f != NULL && f->name != NULL; f++)
		if (hm_str_is(name, f->name))
			return f;
	return NULL;
}

static int
usage(struct hm_cmd *cmd)
{
	hm_cmd_error(cmd, "usage: hermod %s%s%s", cmd->command->words,
	    cmd->command->args != NULL && cmd->command->args[0] ? " " : "",
	    cmd->command->args != NULL ? cmd->command->args : "");
	return HM_EXIT_USAGE;
}

static int
unknown_flag(struct hm_cmd *cmd, struct hm_str name)
{
	struct hm_suggest s = { .word = name };
	const struct hm_cmd_flag *f;

	for (f = cmd->command->flags; f != NULL && f->name != NULL; f++)
		hm_suggest_offer(&s, f->name);
	hm_suggest_offer(&s, "json");
	hm_suggest_offer(&s, "help");
	if (s.best != NULL)
		hm_cmd_error(cmd, "hermod %s: unknown flag --%.*s; did you mean "
		    "--%s?", cmd->command->words, HM_FMT(name), s.best);
	else
		hm_cmd_error(cmd, "hermod %s: unknown flag --%.*s",
		    cmd->command->words, HM_FMT(name));
	return usage(cmd);
}

/* One "--name", "--name=value" or "--name value"; *i may move on. */
static int
parse_flag(struct hm_cmd *cmd, struct hm_argv argv, size_t *i)
{
	struct hm_str value = hm_str(argv.at[*i] + 2), name;
	const struct hm_cmd_flag *f;
	const char *text = "";

	name = hm_str_split(&value, '=');
	if (hm_str_is(name, "json") && value.p == NULL) {
		cmd->json = true;
		return 0;
	}
	if (hm_str_is(name, "help") && value.p == NULL) {
		cmd->help = true;
		return 0;
	}
	if ((f = find_flag(cmd->command, name)) == NULL)
		return unknown_flag(cmd, name);
	if (f->value == NULL && value.p != NULL) {
		hm_cmd_error(cmd, "the flag --%s takes no value", f->name);
		return usage(cmd);
	}
	if (f->value != NULL && value.p != NULL) {
		text = value.p;
	} else if (f->value != NULL) {
		if (*i + 1 >= argv.n) {
			hm_cmd_error(cmd, "the flag --%s needs a value: %s",
			    f->name, f->value);
			return usage(cmd);
		}
		text = argv.at[++*i];
	}
	cmd->flags[cmd->n_flags++] = (struct hm_cmd_flag_value){ f->name, text };
	return 0;
}

/* "ADDRESS [NAME]", "FILE...": how few and how many. */
static void
arg_bounds(const char *spec, size_t *min, size_t *max)
{
	struct hm_str rest = hm_str(spec);

	*min = *max = 0;
	while (rest.p != NULL) {
		struct hm_str word = hm_str_split(&rest, ' ');
		bool optional = hm_str_starts(word, HM_STR("["));
		bool repeated = hm_str_ends(word, HM_STR("...")) ||
		    hm_str_ends(word, HM_STR("...]"));

		if (word.len == 0)
			continue;
		if (!hm_str_is(word, "...") && !hm_str_is(word, "[...]")) {
			*min += !optional;
			*max += *max != SIZE_MAX;
		}
		if (repeated)
			*max = SIZE_MAX;
	}
}

int
hm_cmd_parse(struct hm_cmd *cmd, struct hm_argv argv)
{
	bool flags = true;
	size_t min, max;
	int r;

	cmd->args = hm_alloc_array(cmd->arena, argv.n + 1, sizeof(*cmd->args));
	cmd->flags = hm_alloc_array(cmd->arena, argv.n + 1,
	    sizeof(*cmd->flags));
	for (size_t i = command_words(cmd->command); i < argv.n; i++) {
		const char *word = argv.at[i];

		if (flags && strcmp(word, "--") == 0) {
			flags = false;
		} else if (flags && strncmp(word, "--", 2) == 0) {
			if ((r = parse_flag(cmd, argv, &i)) != 0)
				return r;
		} else if (flags && word[0] == '-' && word[1] != '\0') {
			hm_cmd_error(cmd, "flags are written with two dashes: "
			    "%s; after -- words are taken as they are", word);
			return usage(cmd);
		} else {
			cmd->args[cmd->n_args++] = word;
		}
	}
	if (cmd->help)
		return 0;
	arg_bounds(cmd->command->args, &min, &max);
	if (cmd->n_args < min || cmd->n_args > max) {
		hm_cmd_error(cmd, "hermod %s: too %s arguments",
		    cmd->command->words, cmd->n_args < min ? "few" : "many");
		return usage(cmd);
	}
	return 0;
}

int
hm_cmd_run(struct hm_cmd *cmd, struct hm_argv argv)
{
	int r = hm_cmd_parse(cmd, argv);
	struct hm_where former;

	if (r != 0)
		return r;
	if (cmd->help) {
		hm_cmd_help(cmd, cmd->command);
		return HM_EXIT_OK;
	}
	former = hm_where_enter(cmd->mod != NULL ? cmd->mod->who : NULL,
	    cmd->command->words);
	r = cmd->command->run(cmd);
	hm_where_leave(former);
	return r < 0 || r > 255 ? HM_EXIT_NO : r;
}

/* ---- helping ---- */

void
hm_cmd_help(struct hm_cmd *cmd, const struct hm_command *c)
{
	const struct hm_cmd_flag *f;

	hm_cmd_printf(cmd, "usage: hermod %s%s%s%s\n\n%s.\n", c->words,
	    c->flags != NULL && c->flags->name != NULL ? " [FLAGS]" : "",
	    c->args != NULL && c->args[0] ? " " : "",
	    c->args != NULL ? c->args : "", c->summary);
	if (c->help != NULL)
		hm_cmd_printf(cmd, "\n%s\n", c->help);
	hm_cmd_printf(cmd, "\nFlags:\n");
	for (f = c->flags; f != NULL && f->name != NULL; f++) {
		const char *text = hm_printf(cmd->arena, "--%s%s%s", f->name,
		    f->value != NULL ? " " : "",
		    f->value != NULL ? f->value : "");

		hm_cmd_printf(cmd, "  %-22s %s\n", text, f->help);
	}
	hm_cmd_printf(cmd, "  %-22s %s\n", "--json", "Lists as JSON.");
	hm_cmd_printf(cmd, "  %-22s %s\n", "--help", "This text.");
}

struct list {
	struct hm_cmd *cmd;
	struct hm_argv prefix;
	const char *const *names;      /* of hermod's commands, for suggestions */
	struct hm_suggest suggest;
	size_t n;
};

static void
list_fn(const struct hm_command *c, const struct hm_mod *m, void *arg)
{
	struct list *list = arg;
	const char *text;

	(void)m;
	if (!words_match(c, list->prefix, list->prefix.n))
		return;
	text = hm_printf(list->cmd->arena, "%s %s", c->words,
	    c->args != NULL ? c->args : "");
	hm_cmd_printf(list->cmd, "  %-32s %s\n", text, c->summary);
	list->n++;
}

bool
hm_cmd_list(struct hm_cmd *cmd, const struct hm_generation *gen,
    struct hm_argv prefix)
{
	struct list list = { .cmd = cmd, .prefix = prefix };

	each(own_commands(cmd), gen, list_fn, &list);
	return list.n > 0;
}

static void
suggest_fn(const struct hm_command *c, const struct hm_mod *m, void *arg)
{
	struct list *list = arg;

	(void)m;
	if (command_words(c) <= list->prefix.n)
		hm_suggest_offer(&list->suggest, c->words);
}

static void
group_fn(const struct hm_command *c, const struct hm_mod *m, void *arg)
{
	struct list *list = arg;

	(void)m;
	if (words_match(c, list->prefix, list->prefix.n))
		list->n++;
}

int
hm_cmd_unknown(struct hm_cmd *cmd, const struct hm_generation *gen,
    struct hm_argv argv)
{
	struct list list = { .cmd = cmd, .prefix = argv };
	struct hm_buf words = { 0 };

	while (list.prefix.n > 0 && list.n == 0) {
		each(own_commands(cmd), gen, group_fn, &list);
		if (list.n == 0)
			list.prefix.n--;
	}
	if (list.prefix.n > 0 && (list.prefix.n == argv.n ||
	    argv.at[list.prefix.n][0] == '-')) {
		hm_cmd_error(cmd, "\"%s\" is a group of commands:", argv.at[0]);
		hm_cmd_list(cmd, gen, list.prefix);
		return HM_EXIT_USAGE;
	}
	list.prefix = argv;
	for (size_t i = 0; i < argv.n && i < 3 && argv.at[i][0] != '-'; i++)
		hm_buf_printf(&words, "%s%s", i ? " " : "", argv.at[i]);
	list.suggest.word = hm_buf_view(&words);
	each(own_commands(cmd), gen, suggest_fn, &list);
	if (list.suggest.best != NULL)
		hm_cmd_error(cmd, "unknown command \"%s\"; did you mean \"%s\"?",
		    words.p, list.suggest.best);
	else
		hm_cmd_error(cmd, "unknown command \"%s\"; \"hermod help\" lists "
		    "all", words.len ? words.p : argv.at[0]);
	hm_buf_release(&words);
	return HM_EXIT_USAGE;
}
