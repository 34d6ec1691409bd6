/* upgrade.c - "hermod module upgrade": a new file for a module, and back to the
 * old one if it does not do well.
 *
 * Done by the calling process, which may write where modules lie, and which
 * survives if the new code takes the server down. The former file is known from
 * the copy that the server runs.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include "core/conf/config.h"
#include "core/plug/cmd.h"
#include "core/plug/generation.h"
#include "core/plug/offender.h"

#include "client.h"
#include "commands.h"

enum { MAX_CODE = 256 << 20, BACK_MS = 60000 };

struct upgrade {
	struct hm_cmd *cmd;
	struct hm_arena *arena;
	const char *name, *path;       /* where the module lies */
	const char *file;              /* the new one; NULL: it lies there */
	const char *data_dir, *socket, *grace;
	struct hm_str before, after;   /* the two files */
	unsigned mode;
	int64_t began_s;
	struct hm_err err;
};

/* ---- files; as jobs ---- */

/* The latest copy that a living server made is what it runs. */
static const char *
running_copy(struct upgrade *u)
{
	const char *folder = hm_core_copy_dir(u->arena, u->data_dir);
	DIR *dir = opendir(folder);
	const char *best = NULL;
	uint64_t best_number = 0;
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		struct hm_str rest = hm_str(e->d_name);
		uint64_t pid, number;

		if (!hm_str_is(hm_str_split(&rest, '.'), u->name) ||
		    hm_str_u64(hm_str_split(&rest, '.'), INT32_MAX, &pid) < 0 ||
		    hm_str_u64(hm_str_split(&rest, '.'), UINT64_MAX, &number) < 0 ||
		    access(hm_printf(u->arena, "/proc/%llu",
		    (unsigned long long)pid), F_OK) < 0 || number < best_number)
			continue;
		best_number = number;
		best = hm_printf(u->arena, "%s/%s", folder, e->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return best;
}

static int
read_job(void *arg)
{
	struct upgrade *u = arg;
	const char *old = running_copy(u);
	struct stat st;
	int r;

	if (old == NULL)
		old = u->path;
	if (stat(u->path, &st) < 0)
		return hm_err_errno(&u->err, errno, "%s", u->path);
	u->mode = st.st_mode & 0777;
	if ((r = hm_file_read(u->arena, old, MAX_CODE, &u->before, &u->err)) < 0)
		return r;
	return hm_file_read(u->arena, u->file != NULL ? u->file : u->path,
	    MAX_CODE, &u->after, &u->err);
}

static int
install_job(void *arg)
{
	struct upgrade *u = arg;

	return hm_file_replace(u->path, u->after, u->mode, &u->err);
}

static int
restore_job(void *arg)
{
	struct upgrade *u = arg;
	const char *aside = hm_printf(u->arena, "%s.failed", u->path);

	(void)hm_file_replace(aside, u->after, u->mode, NULL);
	return hm_file_replace(u->path, u->before, u->mode, &u->err);
}

/* ---- steps ---- */

/* The whole configuration with the new file, in this process: what does not load
 * or does not go together is found before the server meets it. */
static int
try_here(struct upgrade *u)
{
	struct hm_errs *errs = hm_errs_new(u->arena);
	struct hm_core *core = u->cmd->core;
	const char *search = core->opts.module_path;
	struct hm_generation *gen;
	char folder[] = "/tmp/hermod-upgrade-XXXXXX";
	const char *copy;

	if (mkdtemp(folder) == NULL)
		return hm_cmd_error(u->cmd, "%s: %s", folder,
		    strerrordesc_np(errno));
	copy = hm_printf(u->arena, "%s/%s.so", folder, u->name);
	if (hm_file_replace(copy, u->after, 0700, &u->err) < 0)
		return hm_cmd_fail(u->cmd, &u->err);
	core->opts.module_path = hm_printf(u->arena, "%s%s%s", folder,
	    search != NULL ? ":" : "", search != NULL ? search : "");
	gen = hm_generation_prepare(core, errs);
	core->opts.module_path = search;
	unlink(copy);
	rmdir(folder);
	if (gen == NULL) {
		hm_cmd_errs(u->cmd, errs);
		return hm_cmd_error(u->cmd, "nothing was changed");
	}
	hm_generation_drop(gen);
	return 0;
}

static int
call(struct upgrade *u, size_t n, const char *const *words)
{
	return hm_control_call(u->socket, n, words, &u->err);
}

static int
reload(struct upgrade *u)
{
	static const char *const words[] = { "reload" };

	return call(u, 1, words);
}

/* After a crash the server is on its way back. */
static int
reload_patiently(struct upgrade *u)
{
	int64_t end = hm_now_ms() + BACK_MS;
	int r;

	while ((r = reload(u)) < 0 && hm_now_ms() < end)
		hm_sleep(200);
	return r;
}

static int
go_back(struct upgrade *u, const char *why)
{
	const char *last = NULL;
	unsigned crashes;

	if (hm_work(restore_job, u) < 0) {
		hm_cmd_fail(u->cmd, &u->err);
		return hm_cmd_error(u->cmd, "%s HOLDS THE NEW FILE STILL",
		    u->path);
	}
	crashes = hm_offender_crashes(u->arena, u->data_dir, u->name,
	    u->began_s, &last);
	/* These crashes were the new file's. */
	(void)hm_offender_pardon(u->data_dir, u->name, NULL);
	if (reload_patiently(u) != HM_EXIT_OK)
		return hm_cmd_error(u->cmd, "the former file is back, but the "
		    "server did not take it over; see its log");
	if (crashes > 0)
		why = hm_printf(u->arena, "it made the server crash (%s)", last);
	return hm_cmd_error(u->cmd, "module %s was not upgraded: %s; the former "
	    "version runs again, and the new file is kept as %s.failed",
	    u->name, why, u->path);
}

static int
swap(struct upgrade *u)
{
	const char *const watch[] = { "module", "watch", u->name, "--time",
		u->grace };
	int r;

	if (u->file != NULL && hm_work(install_job, u) < 0)
		return hm_cmd_fail(u->cmd, &u->err);
	u->began_s = hm_wall_ms() / 1000;
	r = reload(u);
	if (r == -HM_ENOENT && u->err.code == -HM_ENOENT) {
		hm_cmd_printf(u->cmd, "the new file is in its place; the server "
		    "is not running\n");
		return HM_EXIT_OK;
	}
	if (r != HM_EXIT_OK)
		return go_back(u, r > 0 ? "the server could not take it over" :
		    "the connection to the server broke");
	r = call(u, HM_ARRAY_LEN(watch), watch);
	if (r != HM_EXIT_OK)
		return go_back(u, r > 0 ? "it failed in the time of grace" :
		    "the connection to the server broke");
	hm_cmd_printf(u->cmd, "module %s is upgraded\n", u->name);
	return HM_EXIT_OK;
}

/* Where the configuration says that things are. */
static int
find_places(struct upgrade *u)
{
	struct hm_errs *errs = hm_errs_new(u->arena);
	struct hm_config *config = NULL;
	const struct hm_config_module *m;

	if (hm_config_load(u->arena, u->cmd->core->opts.conf_dir, &config,
	    errs) < 0 || hm_errs_count(errs) > 0)
		return hm_cmd_errs(u->cmd, errs);
	m = hm_config_find(config, u->name);
	if (m == NULL || !m->enabled)
		return hm_cmd_error(u->cmd, "module \"%s\" is not enabled",
		    u->name);
	u->data_dir = config->server.data_dir;
	u->socket = config->server.control_socket;
	u->path = hm_module_find(hm_search_path(u->cmd->core, config, u->arena),
	    u->arena, u->name);
	return u->path != NULL ? 0 : hm_cmd_error(u->cmd,
	    "there is no file %s.so", u->name);
}

int
hm_run_module_upgrade(struct hm_cmd *cmd)
{
	struct upgrade u = { .cmd = cmd, .arena = cmd->arena,
	    .name = hm_cmd_arg(cmd, 0), .file = hm_cmd_arg(cmd, 1),
	    .grace = hm_cmd_flag(cmd, "grace") };
	int r;

	if (u.grace == NULL)
		u.grace = "30s";
	if ((r = find_places(&u)) != 0)
		return r;
	if (hm_work(read_job, &u) < 0)
		return hm_cmd_fail(cmd, &u.err);
	if (hm_str_eq(u.before, u.after))
		return hm_cmd_error(cmd, "%s is what runs already",
		    u.file != NULL ? u.file : u.path);
	if ((r = try_here(&u)) != 0)
		return r;
	return swap(&u);
}
