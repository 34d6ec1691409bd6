/* main.c - hermod-plugin: for those who write plugins. "hermod plugin" runs it. */
#include <getopt.h>
#include <unistd.h>

#include "paths.h"

#include "tool.h"

enum { DEFAULT_CYCLES = 1000, MAX_CYCLES = 1000000, DEFAULT_SECONDS = 120,
	MAX_SECONDS = 3600 };

static const char usage[] =
"usage: hermod plugin new NAME [--dir DIR]\n"
"       hermod plugin check FILE.so [--json] [--sample FILE] [--man FILE]\n"
"                     [--with MODULE]... [--cycles N] [--timeout SECONDS]\n"
"\n"
"new writes the beginning of a plugin into the folder DIR (default: NAME): code\n"
"with an option table, sample, manual page, scenario and Makefile.\n"
"\n"
"check looks for what is wrong with a plugin: its symbols, its version of the\n"
"interface, its options against sample and manual page, and what it leaves behind\n"
"when it is loaded, opened and closed many times beside the other modules. It\n"
"RUNS THE CODE of the file, as you: do not use it on a file that you do not trust.\n"
"A crash and an endless loop end that part of the check and are reported. The exit\n"
"status is 0 when nothing is wrong, 1 when something is, 2 for a mistake in the call.\n"
"\n"
"  --sample FILE      the sample of its settings (default: NAME.yaml beside it)\n"
"  --man FILE         its manual page (default: hermod-NAME.7 beside it)\n"
"  --with MODULE      enable that module as well; may be given again\n"
"  --cycles N         how often it is loaded and unloaded (default: 1000)\n"
"  --timeout SECONDS  for each part of the check (default: 120)\n"
"  --json             write an array of objects\n";

const char *
pt_own_path(struct hm_arena *arena)
{
	char path[1024];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	return n > 0 ? hm_strndup(arena, path, (size_t)n) : HM_BINDIR "/hermod";
}

/* Beside the program, so that an installation may lie anywhere. */
const char *
pt_template_dir(struct hm_arena *arena)
{
	const char *own = pt_own_path(arena), *dir;

	dir = hm_printf(arena, "%.*s/../share/hermod/template",
	    (int)hm_str_rchr(hm_str(own), '/'), own);
	return access(dir, R_OK) == 0 ? dir : HM_DATADIR "/template";
}

static bool
number(const char *text, unsigned max, unsigned *ret)
{
	uint64_t n;

	if (hm_str_u64(hm_str(text), max, &n) < 0 || n == 0) {
		fprintf(stderr, "hermod: \"%s\" is no number from 1 to %u\n",
		    text, max);
		return false;
	}
	*ret = (unsigned)n;
	return true;
}

enum { DIR_FLAG = 1, SAMPLE, MAN, WITH, CYCLES, TIMEOUT, JSON, HELP };

static const struct option flags[] = {
	{ "dir", required_argument, NULL, DIR_FLAG },
	{ "sample", required_argument, NULL, SAMPLE },
	{ "man", required_argument, NULL, MAN },
	{ "with", required_argument, NULL, WITH },
	{ "cycles", required_argument, NULL, CYCLES },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "json", no_argument, NULL, JSON },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static bool
take_flag(struct pt_args *args, int flag)
{
	switch (flag) {
	case DIR_FLAG: args->dir = optarg; return true;
	case SAMPLE: args->sample = optarg; return true;
	case MAN: args->man = optarg; return true;
	case JSON: args->json = true; return true;
	case CYCLES: return number(optarg, MAX_CYCLES, &args->cycles);
	case TIMEOUT: return number(optarg, MAX_SECONDS, &args->seconds);
	case WITH:
		if (args->n_with == HM_ARRAY_LEN(args->with))
			return false;
		args->with[args->n_with++] = optarg;
		return true;
	}
	return false;
}

/* The C library keeps freed memory in caches that count as used; without them, what
 * a plugin leaves behind can be seen. They are switched off at the start only. */
static void
without_caches(char **argv)
{
	static const char own[] = "/proc/self/exe", name[] = "GLIBC_TUNABLES";

	if (getenv(name) == NULL &&
	    setenv(name, "glibc.malloc.tcache_count=0", 1) == 0)
		execv(own, argv);
}

int
main(int argc, char **argv)
{
	struct pt_args args = { .cycles = DEFAULT_CYCLES,
		.seconds = DEFAULT_SECONDS };
	int flag;

	while ((flag = getopt_long(argc, argv, "h", flags, NULL)) != -1) {
		if (flag == HELP || flag == 'h') {
			fputs(usage, stdout);
			return PT_OK;
		}
		if (!take_flag(&args, flag)) {
			fputs(usage, stderr);
			return PT_USAGE;
		}
	}
	if (argc - optind == 2 && strcmp(argv[optind], "new") == 0)
		return pt_new(argv[optind + 1], &args);
	if (argc - optind == 2 && strcmp(argv[optind], "check") == 0) {
		without_caches(argv);
		return pt_check(argv[optind + 1], &args);
	}
	fputs(usage, stderr);
	return PT_USAGE;
}
