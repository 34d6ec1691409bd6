/* program.c - the first words of the command line. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/isolate/spawn.h"

#include "paths.h"

#include "commands.h"
#include "program.h"

static int
program_version(const struct hm_options *options, struct hm_argv argv)
{
	(void)options;
	(void)argv;
	puts("hermod " PACKAGE_VERSION);
	return HM_EXIT_OK;
}

static int
program_module_process(const struct hm_options *options, struct hm_argv argv)
{
	(void)options;
	return hm_module_process(argv);
}

/* These words are the process; all others are commands of core and modules. */
static const struct hm_program {
	const char *word;
	int (*run)(const struct hm_options *options, struct hm_argv argv);
} programs[] = {
	{ "serve", hm_serve },
	{ "localserve", hm_program_localserve },
	{ "quickstart", hm_program_quickstart },
	{ "version", program_version },
	{ HM_SPAWN_WORD, program_module_process },
};

static int
misuse(const char *text, const char *word)
{
	fprintf(stderr, "hermod: %s%s\nusage: hermod [-c DIR] COMMAND "
	    "[ARGUMENTS]; \"hermod help\" lists the commands\n", text, word);
	return HM_EXIT_USAGE;
}

/* Programs of their own, which lie beside this one: hermod-WORD. */
static bool
is_tool(const char *word)
{
	return strcmp(word, "plugin") == 0 || strcmp(word, "sendmail") == 0;
}

static int
run_tool(struct hm_argv argv)
{
	static const char own[] = "/proc/self/exe";
	char path[1024];
	ssize_t n = readlink(own, path, sizeof(path) - 16);
	size_t len = n > 0 ? (size_t)n : 0;

	snprintf(path + len, sizeof(path) - len, "-%s", argv.at[0]);
	execv(path, (char *const *)argv.at);
	/* As the shell may find it. */
	snprintf(path, sizeof(path), "hermod-%s", argv.at[0]);
	execvp(path, (char *const *)argv.at);
	fprintf(stderr, "hermod: %s cannot be run (%s): is it installed?\n", path,
	    strerrordesc_np(errno));
	return HM_EXIT_NO;
}

static int
dispatch(const struct hm_options *options, struct hm_argv argv)
{
	static const char *const help[] = { "help" };
	bool wants_help = false;

	if (argv.n == 0 || strcmp(argv.at[0], "--help") == 0 ||
	    strcmp(argv.at[0], "-h") == 0) {
		int r = hm_call(options, (struct hm_argv){ 1, help });

		return argv.n == 0 && r == HM_EXIT_OK ? HM_EXIT_USAGE : r;
	}
	if (is_tool(argv.at[0]))
		return run_tool(argv);
	if (strcmp(argv.at[0], "--version") == 0)
		return program_version(options, argv);
	for (size_t i = 1; i < argv.n; i++)
		wants_help = wants_help || strcmp(argv.at[i], "--help") == 0;
	for (size_t i = 0; i < HM_ARRAY_LEN(programs) && !wants_help; i++)
		if (strcmp(argv.at[0], programs[i].word) == 0)
			return programs[i].run(options, (struct hm_argv){
			    argv.n - 1, argv.at + 1 });
	return hm_call(options, argv);
}

int
hm_main(int argc, char **argv)
{
	struct hm_options options = {
		.conf_dir = secure_getenv("HERMOD_CONF"),
		.module_path = secure_getenv("HERMOD_MODULE_PATH"),
		.own = &hm_core_def,
	};
	int i = 1;

	if (options.conf_dir == NULL || options.conf_dir[0] == '\0')
		options.conf_dir = HM_CONFDIR;
	for (; i < argc && strcmp(argv[i], "-c") == 0; i += 2) {
		if (i + 1 >= argc)
			return misuse("-c needs a directory", "");
		options.conf_dir = argv[i + 1];
	}
	if (i < argc && argv[i][0] == '-' && strcmp(argv[i], "-h") != 0 &&
	    strcmp(argv[i], "--help") != 0 &&
	    strcmp(argv[i], "--version") != 0)
		return misuse("unknown flag ", argv[i]);
	return dispatch(&options, (struct hm_argv){ (size_t)(argc - i),
	    (const char *const *)argv + i });
}
