/* main.c - hermod-mailtest: plays protocol dialogues against the real modules. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mailtest.h"

/* No scenario takes so long, whatever the machine does meanwhile; only under a
 * tool that watches every step. */
enum { STUCK_S = 120 };

static const char usage[] =
"usage: hermod-mailtest [-kv] [-m DIR] [-s SEED] [-t SECONDS] FILE.mt\n"
"\n"
"Plays the scenario against Hermod's modules, on virtual time and a network in\n"
"memory, and speaks TAP. hermod-mailtest(7) describes the language.\n"
"\n"
"  -k       keep the folder with configuration and data, and name it\n"
"  -m DIR   look for modules there first; may be given again\n"
"  -s SEED  the seed of all chance (default 1)\n"
"  -t SECONDS\n"
"           give up when so much time has passed (default 120)\n"
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
	int c;

	while ((c = getopt(argc, argv, "hkm:s:t:v")) != -1) {
		switch (c) {
		case 'k':
			t->keep = true;
			break;
		case 'm':
			add_path(t, optarg);
			break;
		case 's':
			if (hm_str_u64(hm_str(optarg), UINT64_MAX,
			    &t->seed) < 0)
				return false;
			break;
		case 't':
			if (hm_str_u64(hm_str(optarg), UINT_MAX, &t->stuck_s) < 0)
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
	struct mt t = { .seed = 1, .stuck_s = STUCK_S };
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
	alarm((unsigned)t.stuck_s);
	mt_script_read(t.arena, argv[optind], &t.script);
	status = mt_run(&t);
	hm_arena_free(t.arena);
	return status;
}
