/* serve.c - "hermod serve": the server in the foreground, below a parent that has
 * the privileges and starts it again.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/isolate/spawn.h"
#include "core/run/service.h"

#include "grants.h"
#include "parent.h"
#include "serve.h"

struct parent {
	const struct hm_options *options;
	struct hm_grants *grants;
};

static bool
may_listen(const struct hm_sockaddr *addr, void *arg)
{
	struct parent *parent = arg;

	return hm_grants_listen(parent->grants, addr);
}

static bool
may_open(const char *path, void *arg)
{
	struct parent *parent = arg;

	return hm_grants_open(parent->grants, path);
}

static void
parent_reload(void *arg)
{
	struct parent *parent = arg;
	struct hm_grants *grants = hm_grants_read(parent->options);

	/* With mistakes in it the worker keeps its old configuration too. */
	if (grants == NULL)
		return;
	hm_grants_free(parent->grants);
	parent->grants = grants;
}

static int
run_worker(void *arg)
{
	struct parent *parent = arg;
	struct hm_server_opts opts = {
		.grants = parent->grants,
		.conf_dir = parent->options->conf_dir,
		.module_path = parent->options->module_path,
		.own = parent->options->own,
		.pid = getppid(),
	};

	return hm_server_run(&opts);
}

/* Made by root, and nothing is in it: a service manager does that. */
static bool
is_fresh(const char *dir)
{
	struct stat st;
	DIR *d = opendir(dir);
	struct dirent *e = NULL;

	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL && e->d_name[0] == '.' &&
	    (e->d_name[1] == '\0' || strcmp(e->d_name, "..") == 0))
		;
	closedir(d);
	return e == NULL && stat(dir, &st) == 0 && st.st_uid == 0;
}

/* The data directory is made by root and given to the user. */
static int
make_data_dir(const char *dir, const struct hm_privsep *p)
{
	if ((mkdir(dir, 0750) == 0 || is_fresh(dir)) &&
	    chown(dir, p->uid, p->gid) < 0) {
		fprintf(stderr, "hermod: %s: %m\n", dir);
		return -1;
	}
	return 0;
}

/* Folders of sockets below /run are gone after each boot; one that systemd made
 * for us is root's. */
static int
make_socket_dirs(const struct hm_grants *grants, const struct hm_privsep *p)
{
	const char *given = getenv("RUNTIME_DIRECTORY"), *dir;

	for (size_t i = 0; (dir = hm_grants_folder(grants, i)) != NULL; i++) {
		if (mkdir(dir, 0755) < 0 && (errno != EEXIST || given == NULL ||
		    strcmp(dir, given) != 0))
			continue;
		/* Whatever the umask is: who sends mail must come through. */
		if (chmod(dir, 0755) < 0 || chown(dir, p->uid, p->gid) < 0) {
			fprintf(stderr, "hermod: %s: %m\n", dir);
			return -1;
		}
	}
	return 0;
}

static int
find_user(const struct hm_grants *grants, struct hm_privsep *p)
{
	const char *group = hm_grants_group(grants);
	const struct passwd *pw;
	const struct group *gr;

	p->user = hm_grants_user(grants);
	if ((pw = getpwnam(p->user)) == NULL) {
		fprintf(stderr, "hermod: there is no user \"%s\" for the server "
		    "to work as; make one (useradd --system %s), or set \"user\" "
		    "in hermod.yaml\n", p->user, p->user);
		return -1;
	}
	p->uid = pw->pw_uid;
	p->gid = pw->pw_gid;
	p->drop = pw->pw_uid != 0;
	if (group != NULL) {
		if ((gr = getgrnam(group)) == NULL) {
			fprintf(stderr, "hermod: there is no group \"%s\"\n",
			    group);
			return -1;
		}
		p->gid = gr->gr_gid;
	}
	return 0;
}

static int
serve_as_root(const struct hm_options *options)
{
	struct parent parent = { .options = options };
	struct hm_privsep p = { .drop = true, .may_listen = may_listen,
	    .may_open = may_open, .reload = parent_reload,
	    .worker = run_worker, .arg = &parent };
	int r = HM_EXIT_NO;
	char *user = NULL;

	parent.grants = hm_grants_read(options);
	if (parent.grants == NULL) {
		hm_server_not_started();
		return HM_EXIT_NO;
	}
	if (find_user(parent.grants, &p) == 0 &&
	    make_data_dir(hm_grants_data_dir(parent.grants), &p) == 0 &&
	    make_socket_dirs(parent.grants, &p) == 0) {
		/* A reload frees the grants that named the user; workers
		 * started later still become that one. */
		p.user = user = strdup(p.user);
		r = user != NULL ? hm_privsep_run(&p) : HM_EXIT_NO;
	}
	free(user);
	hm_grants_free(parent.grants);
	return r;
}

/* Nobody else to become; the parent is there to start the worker again. */
static int
serve_as_user(const struct hm_options *options)
{
	struct parent parent = { .options = options };
	struct hm_privsep p = { .may_listen = may_listen, .may_open = may_open,
	    .reload = parent_reload, .worker = run_worker, .arg = &parent };
	int r = HM_EXIT_NO;

	parent.grants = hm_grants_read(options);
	if (parent.grants != NULL)
		r = hm_privsep_run(&p);
	else
		hm_server_not_started();
	hm_grants_free(parent.grants);
	return r;
}

int
hm_serve_alone(const struct hm_options *options, struct hm_server_opts *opts)
{
	struct hm_options own = *options;
	struct hm_grants *grants;
	int r = HM_EXIT_NO;

	own.conf_dir = opts->conf_dir;
	opts->own = options->own;
	opts->grants = grants = hm_grants_read(&own);
	if (grants != NULL) {
		hm_spawn_helper();
		r = hm_server_run(opts);
	} else {
		hm_server_not_started();
	}
	hm_grants_free(grants);
	return r;
}

int
hm_serve(const struct hm_options *options, struct hm_argv argv)
{
	if (argv.n > 0) {
		fprintf(stderr, "hermod: usage: hermod [-c DIR] serve\n");
		return HM_EXIT_USAGE;
	}
	hm_service_init();
	return geteuid() == 0 ? serve_as_root(options) : serve_as_user(options);
}
