/* edit.c - changing domains.yaml: checked, written whole, effective at once. */
#include <hermod/work.h>

#include "directory.h"

enum { FILE_MAX = 16 << 20 };

int
dir_read(struct hm_arena *arena, const char *path, struct hm_str *ret,
    struct hm_err *reterr)
{
	struct hm_err err = { 0 };
	int r = hm_file_read(arena, path, FILE_MAX, ret, &err);

	if (r == -HM_ENOENT) {
		*ret = HM_STR("");
		return 0;
	}
	if (r < 0)
		return hm_err_set(reterr, r, "%s", err.text);
	return 0;
}

struct edit {
	struct dir_module *dir;
	const char *const *path;
	const char *value;
	struct dir_snapshot *snap;
	struct hm_err *err;
};

static int
edit_job(void *arg)
{
	struct edit *e = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "edit");
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_str text;
	int r = dir_read(arena, e->dir->path, &text, e->err);

	if (r == 0)
		r = hm_node_edit(arena, text, e->path, e->value, &text, e->err);
	if (r == 0) {
		r = dir_snapshot_build(e->dir->path, text, &e->snap, errs);
		if (r < 0 && hm_errs_count(errs) > 0 && e->err != NULL)
			*e->err = *hm_errs_at(errs, 0, NULL);
	}
	if (r == 0) {
		r = hm_file_replace(e->dir->path, text, 0640, e->err);
		if (r < 0)
			dir_snapshot_free(e->snap);
	}
	hm_arena_free(arena);
	return r;
}

int
dir_edit(struct dir_module *dir, const char *const *path, const char *value,
    struct hm_err *reterr)
{
	struct edit e = { .dir = dir, .path = path, .value = value,
	    .err = reterr };
	struct dir_snapshot *old;
	int r = hm_sem_take(&dir->shared->edits, 60 * 1000);

	if (r < 0)
		return hm_err_set(reterr, r, "another change is under way");
	r = hm_work(edit_job, &e);
	if (r == 0) {
		old = dir->shared->snapshot;
		dir->shared->snapshot = e.snap;
		dir_snapshot_free(old);
	}
	hm_sem_give(&dir->shared->edits);
	return r;
}
