/* main.c - hermod-mailtest: plays protocol dialogues against the real modules. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mailtest.h"

/* No scenario takes so long, whatever the machine does meanwhile. */
enum { STUCK_S = 120 };

static const char usage[] =
"usage: hermod-mailtest [-kv] [-m DIR] [-s SEED] FILE.mt\n"
"\n"
"Plays the scenario against Hermod's modules, on virtual time and a network in\n"
"memory, and speaks TAP. hermod-mailtest(7) describes the language.\n"
"\n"
"  -k       keep the folder with configuration and data, and name it\n"
"  -m DIR   look for modules there first; may be given again\n"
"  -s SEED  the seed of all chance (default 1)\n"
"  -v       show dialogues and log also when all is well\n";

static void
stuck(int signum)
{
	static const char text[] =
	    "Bail out! the scenario does not come to an end\n";

	(void)signum;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(3);
	_exit(2);
}

static void
add_path(struct mt *t, const char *dir)
{
	t->module_path = t->module_path == NULL ? dir :
	    hm_printf(t->arena, "%s:%s", t->module_path, dir);
}

static bool
options(struct mt *t, int argc, char **argv)
{
	struct hm_str seed;
	int c;

	while ((c = getopt(argc, argv, "hkm:s:v")) != -1) {
		switch (c) {
		case 'k':
			t->keep = true;
			break;
		case 'm':
			add_path(t, optarg);
			break;
		case 's':
			seed = hm_str(optarg);
			if (hm_str_u64(seed, UINT64_MAX, &t->seed) < 0)
				return false;
			break;
		case 'v':
			t->verbose = true;
			break;
		default:
			return false;
		}
	}
	return argc - optind == 1;
}

int
main(int argc, char **argv)
{
	struct mt t = { .seed = 1 };
	const char *path = getenv("HERMOD_MODULE_PATH");
	int status;

	t.arena = hm_arena_new(NULL, "mailtest");
	if (!options(&t, argc, argv)) {
		fputs(usage, stderr);
		hm_arena_free(t.arena);
		return 2;
	}
	if (path != NULL && *path != '\0')
		add_path(&t, path);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, stuck);
	alarm(STUCK_S);
	mt_script_read(t.arena, argv[optind], &t.script);
	status = mt_run(&t);
	hm_arena_free(t.arena);
	return status;
}
