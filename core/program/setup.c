/* setup.c - making a first configuration from a folder of templates.
 *
 * The templates know which modules there are; this code does not.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/conf.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "paths.h"
#include "setup.h"

enum { TEMPLATE_MAX = 1 << 20 };

static const char *
template_dir(struct hm_arena *arena, const char *name)
{
	const char *base = secure_getenv("HERMOD_TEMPLATES");

	return hm_printf(arena, "%s/%s", base != NULL ? base : HM_DATADIR, name);
}

static void
substitute(struct hm_buf *out, struct hm_str text,
    const struct hm_setup_var *vars)
{
	while (text.len > 0) {
		const struct hm_setup_var *v;
		size_t used = 1;

		for (v = vars; v->name != NULL && text.p[0] == '@'; v++) {
			size_t n = strlen(v->name);

			if (text.len > n + 1 && text.p[n + 1] == '@' &&
			    memcmp(text.p + 1, v->name, n) == 0) {
				hm_buf_puts(out, v->value);
				used = n + 2;
				break;
			}
		}
		if (used == 1)
			hm_buf_putc(out, text.p[0]);
		text = hm_str_skip(text, used);
	}
}

static int
make_dir(const char *path, struct hm_err *reterr)
{
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return hm_err_errno(reterr, errno, "cannot make %s", path);
	return 0;
}

static int
copy_file(struct hm_arena *arena, const char *from, const char *to,
    const struct hm_setup_var *vars, struct hm_err *reterr)
{
	struct hm_buf out = { 0 };
	struct hm_str text;
	int r = hm_file_read(arena, from, TEMPLATE_MAX, &text, reterr);

	if (r < 0)
		return r;
	if (access(to, F_OK) == 0)
		return hm_err_set(reterr, -HM_EEXIST, "%s exists already", to);
	substitute(&out, text, vars);
	r = hm_file_replace(to, hm_buf_view(&out), 0640, reterr);
	hm_buf_release(&out);
	return r;
}

/* One folder, and the folders in it: templates are two levels deep. */
static int
copy_dir(struct hm_arena *arena, const char *from, const char *to, int depth,
    const struct hm_setup_var *vars, struct hm_err *reterr)
{
	DIR *dir = opendir(from);
	struct dirent *e;
	int r = make_dir(to, reterr);

	if (dir == NULL)
		return hm_err_errno(reterr, errno, "cannot read %s", from);
	while (r == 0 && (e = readdir(dir)) != NULL) {
		const char *src = hm_printf(arena, "%s/%s", from, e->d_name);
		const char *dst = hm_printf(arena, "%s/%s", to, e->d_name);
		struct stat st;

		if (e->d_name[0] == '.' || stat(src, &st) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			r = copy_file(arena, src, dst, vars, reterr);
		else if (S_ISDIR(st.st_mode) && depth > 0)
			r = copy_dir(arena, src, dst, depth - 1, vars, reterr);
	}
	closedir(dir);
	return r;
}

int
hm_setup_copy(const char *name, const char *dir,
    const struct hm_setup_var *vars, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "setup");
	int r = copy_dir(arena, template_dir(arena, name), dir, 1, vars, reterr);

	hm_arena_free(arena);
	return r;
}

int
hm_setup_certificate(const char *dir, const char *folder,
    const char *const *names, int days, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "setup");
	const char *base = hm_printf(arena, "%s/%s", dir, folder);
	int r = make_dir(base, reterr);

	if (r == 0)
		r = hm_tls_self_signed(names, days,
		    hm_printf(arena, "%s/%s.crt", base, names[0]),
		    hm_printf(arena, "%s/%s.key", base, names[0]), reterr);
	hm_arena_free(arena);
	return r;
}

/* nftw() has no argument for its function. */
static struct {
	uid_t uid;
	gid_t gid;
} owner;

static int
own_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	mode_t mode = S_ISDIR(st->st_mode) ? 0750 : 0640;

	(void)kind;
	(void)ftw;
	return lchown(path, owner.uid, owner.gid) < 0 || chmod(path, mode) < 0;
}

int
hm_setup_own(const char *dir, const char *user, const char *const *writable,
    struct hm_err *reterr)
{
	struct hm_arena *arena;
	const struct passwd *pw = getpwnam(user);
	int r;

	if (pw == NULL)
		return hm_err_set(reterr, -HM_ENOENT, "there is no user %s for "
		    "the server to work as: useradd --system %s", user, user);
	owner.uid = 0;
	owner.gid = pw->pw_gid;
	r = nftw(dir, own_one, 8, FTW_DEPTH | FTW_PHYS);
	owner.uid = pw->pw_uid;
	arena = hm_arena_new(NULL, "setup");
	for (; r == 0 && *writable != NULL; writable++)
		r = nftw(hm_printf(arena, "%s/%s", dir, *writable), own_one, 8,
		    FTW_DEPTH | FTW_PHYS);
	hm_arena_free(arena);
	if (r != 0)
		return hm_err_errno(reterr, errno, "cannot give %s to %s", dir,
		    user);
	return 0;
}

/* The child's side: never returns. */
static void
command_child(const struct hm_options *options, const char *dir,
    const char *const *words, int in, int out)
{
	struct hm_options own = *options;
	struct hm_argv argv = { .n = 0, .at = words };

	own.conf_dir = dir;
	while (words[argv.n] != NULL)
		argv.n++;
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	exit(hm_call(&own, argv));
}

int
hm_setup_command(const struct hm_options *options, const char *dir,
    const char *const *words, const char *input)
{
	int in[2], out[2], status = -1;
	char piece[1024];
	struct hm_buf said = { 0 };
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		command_child(options, dir, words, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	if (pid > 0 && dprintf(in[1], "%s", input) >= 0)
		close(in[1]);
	while (pid > 0 && (n = read(out[0], piece, sizeof(piece))) > 0)
		hm_buf_add(&said, piece, (size_t)n);
	close(out[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 0)
		fwrite(said.p != NULL ? said.p : "", 1, said.len, stderr);
	hm_buf_release(&said);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	remove(path);
	return 0;
}

void
hm_setup_undo(const char *dir)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
