/* load.c - a module's file becomes loaded code. */
#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include "core/base/die.h"
#include "core/run/guard.h"
#include "core/run/privsep.h"

#include "core.h"
#include "load.h"
#include "remote.h"

/* ---- copies ---- */

static int
copy_bytes(int from, int to)
{
	char *chunk = hm_xalloc(65536);
	ssize_t n;

	while ((n = read(from, chunk, 65536)) > 0) {
		for (ssize_t done = 0; done < n; ) {
			ssize_t w = write(to, chunk + done, (size_t)(n - done));

			if (w < 0 && errno == EINTR)
				continue;
			if (w < 0) {
				n = -1;
				break;
			}
			done += w;
		}
		if (n < 0)
			break;
	}
	free(chunk);
	return n < 0 ? -1 : 0;
}

/* glibc hands back the old code for a path (or inode) that it knows, and a
 * mapped file that is written to takes the process down: so the file itself is
 * never mapped, and each copy has a name that was never used before. */
static int
make_copy(struct hm_code *code, const char *copy_dir, uint64_t number,
    struct hm_err *reterr)
{
	struct hm_buf name = { 0 };
	int from, to, r = -1, saved;

	if (mkdir(copy_dir, 0700) < 0 && errno != EEXIST)
		return hm_err_errno(reterr, errno, "%s", copy_dir);
	hm_buf_printf(&name, "%s/%s.%ld.%llu.so", copy_dir, code->name,
	    (long)getpid(), (unsigned long long)number);
	from = hm_priv_open(code->path, reterr);
	if (from < 0) {
		hm_buf_release(&name);
		return from;
	}
	to = open(name.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (to >= 0)
		r = copy_bytes(from, to);
	saved = errno;
	if (to >= 0 && close(to) < 0 && r == 0) {
		saved = errno;
		r = -1;
	}
	close(from);
	if (r < 0) {
		if (to >= 0)
			unlink(name.p);
		r = hm_err_errno(reterr, saved, "%s", name.p);
		hm_buf_release(&name);
		return r;
	}
	code->copy = name.p;
	return 0;
}

/* "NAME.PID.NUMBER.so" of a process that is no more. */
static bool
is_left_over(const char *name)
{
	struct hm_str rest = hm_str(name), pid;
	uint32_t n;

	hm_str_split(&rest, '.');
	pid = hm_str_split(&rest, '.');
	if (hm_str_u32(pid, &n) < 0 || n == 0 || n > INT32_MAX)
		return false;
	return (pid_t)n != getpid() && kill((pid_t)n, 0) < 0 && errno == ESRCH;
}

void
hm_code_sweep(const char *copy_dir)
{
	DIR *dir = opendir(copy_dir);
	struct dirent *e;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL)
		if (is_left_over(e->d_name))
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
}

/* ---- loading ---- */

struct load_job {
	struct hm_code *code;
	const char *copy_dir;
	uint64_t number;
	bool elsewhere;                /* this process only makes the copy */
	struct hm_err *reterr;
};

/* Without the name of the file, which dlerror() mostly puts first. */
static const char *
why_not(const char *file)
{
	const char *why = dlerror();

	if (why == NULL)
		return "no reason was given";
	if (strncmp(why, file, strlen(file)) == 0 &&
	    strncmp(why + strlen(file), ": ", 2) == 0)
		why += strlen(file) + 2;
	return why;
}

static int
load_job(void *arg)
{
	struct load_job *job = arg;
	struct hm_code *code = job->code;
	const struct hm_module_def *found;
	struct hm_where former;
	const char *file;
	int r;

	if (job->copy_dir != NULL && (r = make_copy(code, job->copy_dir,
	    job->number, job->reterr)) < 0)
		return r;
	if (job->elsewhere)
		return 0;
	file = code->copy != NULL ? code->copy : code->path;
	former = hm_where_enter(&code->who, "load");
	code->handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	hm_where_leave(former);
	if (code->handle == NULL)
		return hm_err_set(job->reterr, -HM_EUNSUPPORTED,
		    "%s cannot be loaded: %s", code->path, why_not(file));
	found = dlsym(code->handle, "hm_module");
	if (found == NULL)
		return hm_err_set(job->reterr, -HM_EUNSUPPORTED,
		    "%s: expected the symbol hm_module (see HM_MODULE in "
		    "<hermod/plugin.h>), found none: it is not a module for "
		    "hermod", code->path);
	return hm_module_check(found, code->name, code->path, &code->def,
	    job->reterr);
}

static void
code_free(struct hm_code *code)
{
	if (code->remote != NULL)
		code->core->opts.isolate->unload(code);
	hm_guard_remove(&code->who);
#ifndef HM_SANITIZED
	/* Sanitizers need the code to name what they report. */
	if (code->handle != NULL)
		dlclose(code->handle);
	if (code->copy != NULL)
		unlink(code->copy);
#else
	if (code->handle == NULL && code->copy != NULL)
		unlink(code->copy);
#endif
	free(code->name);
	free(code->path);
	free(code->copy);
	free(code);
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct hm_code *
find_loaded(struct hm_core *core, const char *name, const struct stat *st)
{
	struct hm_code *code;

	for (code = core->codes; code != NULL; code = code->next)
		if (code->remote == NULL && strcmp(code->name, name) == 0 &&
		    same_file(&code->st, st))
			return code;
	return NULL;
}

/* Nobody refers to it any more. */
static void
unload(struct hm_code *code)
{
	struct hm_code **at;

	for (at = &code->core->codes; *at != NULL; at = &(*at)->next) {
		if (*at == code) {
			*at = code->next;
			break;
		}
	}
	code_free(code);
}

static struct hm_code *
code_new(struct hm_core *core, const char *name, const char *path)
{
	struct hm_code *code = hm_xalloc(sizeof(*code));

	code->core = core;
	code->name = hm_xstrdup(name);
	code->who.name = code->name;
	code->path = hm_xstrdup(path);
	code->unload = unload;
	return code;
}

static int
code_load(struct hm_code *code, const char *copy_dir,
    const struct hm_remote_opts *isolate, struct hm_err *reterr)
{
	struct hm_core *core = code->core;
	struct load_job job = { code, copy_dir, ++core->last_copy,
	    isolate != NULL, reterr };
	int r = hm_work(load_job, &job);

	if (r == 0 && isolate != NULL)
		r = core->opts.isolate->load(code, isolate, reterr);
	if (r < 0) {
		code_free(code);
		return r;
	}
	if (isolate == NULL)
		hm_guard_range(&code->who, dlsym(code->handle, "hm_module"));
	hm_guard_add(&code->who);
	code->next = core->codes;
	core->codes = code;
	hm_code_note(code);
	return 0;
}

/* Code that anybody may change is anybody's code. */
static int
check_hands(struct hm_arena *scratch, const char *path, const struct stat *st,
    struct hm_err *reterr)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash == NULL ? "." :
	    hm_strndup(scratch, path, (size_t)(slash - path) + 1);
	struct stat dirst;

	if (st->st_mode & S_IWOTH)
		return hm_err_set(reterr, -HM_EACCES, "anybody may change the "
		    "file %s: chmod o-w it, and look at what it is now", path);
	if (stat(dir, &dirst) < 0)
		return hm_err_errno(reterr, errno, "%s", dir);
	if ((dirst.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
		return hm_err_set(reterr, -HM_EACCES, "anybody may put another "
		    "file in the place of %s: chmod o-w %s, and look at what is "
		    "there now", path, dir);
	return 0;
}

int
hm_code_get(struct hm_core *core, const char *search, const char *name,
    const char *copy_dir, const struct hm_remote_opts *isolate,
    struct hm_code **ret, struct hm_err *reterr)
{
	struct hm_arena *scratch = hm_arena_new(NULL, "load");
	const char *path = hm_module_find(search, scratch, name);
	struct hm_code *code = NULL;
	struct stat st;
	int r = 0;

	if (path == NULL) {
		r = hm_err_set(reterr, -HM_ENOENT,
		    "there is no file %s.so in %s", name,
		    hm_module_places(search, scratch));
	} else if (stat(path, &st) < 0) {
		r = hm_err_errno(reterr, errno, "%s", path);
	} else if ((r = check_hands(scratch, path, &st, reterr)) == 0) {
		if (isolate == NULL)
			code = find_loaded(core, name, &st);
		if (code == NULL) {
			code = code_new(core, name, path);
			code->st = st;
			r = code_load(code, copy_dir, isolate, reterr);
		}
		if (r == 0) {
			hm_code_ref(code);
			*ret = code;
		}
	}
	hm_arena_free(scratch);
	return r;
}

int
hm_code_open(struct hm_core *core, const char *name, const char *path,
    const char *file, struct hm_code **ret, struct hm_err *reterr)
{
	struct hm_code *code = code_new(core, name, path);
	int r;

	code->copy = hm_xstrdup(file);
	r = code_load(code, NULL, NULL, reterr);
	if (r == 0) {
		hm_code_ref(code);
		*ret = code;
	}
	return r;
}
