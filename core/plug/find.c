/* find.c - where the files of modules are. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "paths.h"

#include "load.h"

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

const char *
hm_module_places(const char *search, struct hm_arena *arena)
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
