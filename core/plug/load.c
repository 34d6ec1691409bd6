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

#include "core/run/privsep.h"

#include "paths.h"

#include "core/run/guard.h"

#include "core.h"
#include "load.h"
#include "metrics.h"
#include "remote.h"

/* The built-in directory comes last, so that others can be tried first. */
static struct hm_str
next_dir(struct hm_str *rest, bool *builtin)
{
	while (rest->p != NULL) {
		struct hm_str dir = hm_str_split(rest, ':');

		if (dir.len != 0)
			return dir;
	}
	if (!*builtin) {
		*builtin = true;
		return HM_STR(HM_MODULEDIR);
	}
	return (struct hm_str){ NULL, 0 };
}

static bool
good_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= 64 && name[len] == '\0';
}

const char *
hm_module_find(const char *search, struct hm_arena *arena, const char *name)
{
	struct hm_str rest = hm_str(search), dir;
	bool builtin = false;

	if (!good_name(name))
		return NULL;
	while ((dir = next_dir(&rest, &builtin)).p != NULL) {
		const char *path = hm_printf(arena, "%.*s/%s.so", HM_FMT(dir),
		    name);

		if (access(path, F_OK) == 0)
			return path;
	}
	return NULL;
}

static const char *
places(const char *search, struct hm_arena *arena)
{
	struct hm_str rest = hm_str(search), dir;
	bool builtin = false;
	struct hm_buf buf = { 0 };
	const char *text;

	while ((dir = next_dir(&rest, &builtin)).p != NULL) {
		/* Below /root the worker's user sees nothing at all. */
		bool closed = access(hm_strndup(arena, dir.p, dir.len),
		    X_OK) < 0 && errno == EACCES;

		hm_buf_printf(&buf, "%s%.*s%s", buf.len ? ", " : "",
		    HM_FMT(dir), closed ? " (permission denied)" : "");
	}
	text = hm_strndup(arena, buf.p, buf.len);
	hm_buf_release(&buf);
	return text;
}

/* ---- the list of all ---- */

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum { MAX_MODULE_NAMES = 1000 };

static size_t
names_in_dir(struct hm_arena *arena, const char *path, const char **names,
    size_t n)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (dir == NULL)
		return n;
	while (n < MAX_MODULE_NAMES && (e = readdir(dir)) != NULL) {
		struct hm_str name = hm_str(e->d_name);
		char *stem;

		if (!hm_str_ends(name, HM_STR(".so")))
			continue;
		stem = hm_strndup(arena, name.p, name.len - 3);
		if (good_name(stem))
			names[n++] = stem;
	}
	closedir(dir);
	return n;
}

const char *const *
hm_module_names(const char *search, struct hm_arena *arena, size_t *ret_n)
{
	struct hm_str rest = hm_str(search), dir;
	const char **names;
	bool builtin = false;
	size_t n = 0, kept = 0;

	names = hm_alloc_array(arena, MAX_MODULE_NAMES, sizeof(*names));
	while ((dir = next_dir(&rest, &builtin)).p != NULL)
		n = names_in_dir(arena, hm_strndup(arena, dir.p, dir.len),
		    names, n);
	qsort(names, n, sizeof(*names), name_cmp);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
			names[kept++] = names[i];
	*ret_n = kept;
	return names;
}

/* ---- is the descriptor one of ours ---- */

static int
check_abi(const struct hm_module_def *found, const char *path,
    struct hm_err *reterr)
{
	static const char rebuild[] =
	    "rebuild the module against the headers in " HM_INCLUDEDIR
	    "/hermod";

	if (found->abi_major != HM_ABI_MAJOR)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: expected ABI %d, found %u: %s", path, HM_ABI_MAJOR,
		    found->abi_major, rebuild);
	if (found->abi_minor > HM_ABI_MINOR)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: expected ABI %d.%d or an earlier minor, found %u.%u: "
		    "update hermod, or %s", path, HM_ABI_MAJOR, HM_ABI_MINOR,
		    found->abi_major, found->abi_minor, rebuild);
	if (found->size < offsetof(struct hm_module_def, options) ||
	    found->size > 4096)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: expected a descriptor of %zu bytes, found %u: %s", path,
		    sizeof(*found), found->size, rebuild);
	return 0;
}

/* The size of what a setting fills; 0: a type that is not known. */
static size_t
option_size(const struct hm_opt *opt)
{
	switch (opt->type) {
	case HM_OPT_TYPE_BOOL:
		return sizeof(bool);
	case HM_OPT_TYPE_ENUM:
		return opt->choices != NULL ? sizeof(int) : 0;
	case HM_OPT_TYPE_INT:
	case HM_OPT_TYPE_TIME:
		return sizeof(int64_t);
	case HM_OPT_TYPE_SIZE:
		return sizeof(uint64_t);
	case HM_OPT_TYPE_BLOCK:
		return opt->sub != NULL ? opt->sub_size : 0;
	case HM_OPT_TYPE_BLOCKS:
		return opt->sub != NULL ? sizeof(void *) : 0;
	case HM_OPT_TYPE_STR:
	case HM_OPT_TYPE_LIST:
	case HM_OPT_TYPE_ADDRS:
	case HM_OPT_TYPE_NETS:
	case HM_OPT_TYPE_FILE:
	case HM_OPT_TYPE_SECRET:
	case HM_OPT_TYPE_MAP:
		return sizeof(void *);
	default:
		return 0;
	}
}

static int
check_options(const struct hm_opt *opt, size_t conf_size, const char *path,
    struct hm_err *reterr)
{
	for (; opt->name != NULL; opt++) {
		size_t size = option_size(opt);
		int r;

		if (size == 0)
			return hm_err_set(reterr, -HM_EUNSUPPORTED,
			    "%s: option \"%s\" is of a type (%d) that is not "
			    "known, or lacks what belongs to it", path, opt->name,
			    (int)opt->type);
		if (size > conf_size || opt->offset > conf_size - size)
			return hm_err_set(reterr, -HM_EUNSUPPORTED,
			    "%s: option \"%s\" lies at byte %zu, outside the "
			    "%zu bytes of conf_size", path, opt->name,
			    opt->offset, conf_size);
		if (opt->sub != NULL && (r = check_options(opt->sub,
		    opt->sub_size, path, reterr)) < 0)
			return r;
	}
	return 0;
}

static int
check_tables(const struct hm_module_def *def, const char *path,
    struct hm_err *reterr)
{
	const struct hm_hook *h;
	const struct hm_provide *p;
	const char *wrong;
	int r;

	for (h = def->hooks; h != NULL && h->id != HM_HOOK_NONE; h++)
		if ((unsigned)h->id >= HM_HOOK_COUNT || h->fn.connection == NULL ||
		    (unsigned)h->order > HM_ORDER_LAST)
			return hm_err_set(reterr, -HM_EUNSUPPORTED,
			    "%s: entry %d of its hook table makes no sense", path,
			    (int)(h - def->hooks));
	for (p = def->provides; p != NULL && p->iface != NULL; p++) {
		uint32_t size = 0;

		if (p->ops != NULL)
			memcpy(&size, p->ops, sizeof(size));
		if (size < sizeof(size) + sizeof(void *))
			return hm_err_set(reterr, -HM_EUNSUPPORTED,
			    "%s: its interface \"%s\" does not begin with its "
			    "size", path, p->iface);
	}
	if (def->options != NULL && (r = check_options(def->options,
	    def->conf_size, path, reterr)) < 0)
		return r;
	if ((wrong = hm_metrics_check(def)) != NULL)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: its table of metrics has %s", path, wrong);
	return 0;
}

int
hm_module_check(const struct hm_module_def *found, const char *name,
    const char *path, struct hm_module_def *ret, struct hm_err *reterr)
{
	struct hm_module_def def = { 0 };
	int r;

	if ((r = check_abi(found, path, reterr)) < 0)
		return r;
	memcpy(&def, found,
	    found->size < sizeof(def) ? found->size : sizeof(def));
	if (def.name == NULL || strcmp(def.name, name) != 0)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: expected module \"%s\", found \"%s\": the file must be "
		    "named like the module", path, name,
		    def.name != NULL ? def.name : "");
	if (def.version == NULL)
		def.version = "";
	if (def.summary == NULL)
		def.summary = "";
	if ((r = check_tables(&def, path, reterr)) < 0)
		return r;
	*ret = def;
	return 0;
}

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

static char *
heap_copy(const char *s)
{
	char *copy = hm_xalloc(strlen(s) + 1);

	memcpy(copy, s, strlen(s));
	return copy;
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
	code->name = heap_copy(name);
	code->who.name = code->name;
	code->path = heap_copy(path);
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
		    places(search, scratch));
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

	code->copy = heap_copy(file);
	r = code_load(code, NULL, NULL, reterr);
	if (r == 0) {
		hm_code_ref(code);
		*ret = code;
	}
	return r;
}
