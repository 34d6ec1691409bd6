/* directory-yaml.c - domains, accounts and addresses from one YAML file. */
#include <stdlib.h>

#include <hermod/work.h>

#include "directory.h"

struct dir_conf {
	const char *file;
};

static const struct hm_opt conf_options[] = {
	HM_OPT_FILE(struct dir_conf, file, "domains.yaml",
	    "The file with domains, accounts and addresses. The commands "
	    "\"hermod account\", \"address\" and \"domain\" edit it.",
	    .writes = true),
	HM_OPT_END
};

static const struct hm_provide dir_provides[] = {
	HM_PROVIDE(directory, &dir_ops), HM_PROVIDE_END
};

static int
make_shared(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	struct dir_shared *shared = hm_xalloc(sizeof(*shared));

	(void)m;
	(void)arg;
	(void)reterr;
	shared->edits.free = 1;
	*ret = shared;
	return 0;
}

static void
free_shared(void *resource)
{
	struct dir_shared *shared = resource;

	dir_snapshot_free(shared->snapshot);
	free(shared);
}

struct loading {
	struct dir_module *dir;
	struct hm_err *err;
};

static int
load_job(void *arg)
{
	struct loading *l = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "load");
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_str text;
	int r = dir_read(arena, l->dir->path, &text, l->err);

	if (r == 0)
		r = dir_snapshot_build(l->dir->path, text, &l->dir->pending,
		    errs);
	if (r < 0 && hm_errs_count(errs) > 0 && l->err != NULL)
		*l->err = *hm_errs_at(errs, 0, NULL);
	hm_arena_free(arena);
	return r;
}

static void
drop_pending(void *arg)
{
	struct dir_module *dir = arg;

	dir_snapshot_free(dir->pending);
}

static int
dir_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct dir_conf *conf = hm_mod_conf(m);
	struct dir_module *dir = hm_new(hm_mod_arena(m), struct dir_module);
	struct loading l = { .dir = dir, .err = reterr };
	void *shared;
	int r;

	dir->path = conf->file;
	dir->hostname = hm_server(m)->hostname;
	hm_mod_set(m, dir);
	r = hm_keep(m, "snapshot", make_shared, NULL, free_shared, &shared,
	    reterr);
	if (r < 0)
		return r;
	dir->shared = shared;
	r = hm_work(load_job, &l);
	if (r < 0)
		return r;
	hm_on_free(hm_mod_arena(m), drop_pending, dir);
	/* The modules opened after this one may ask already. */
	if (dir->shared->snapshot == NULL) {
		dir->shared->snapshot = dir->pending;
		dir->pending = NULL;
	}
	return 0;
}

static void
dir_start(struct hm_mod *m)
{
	struct dir_module *dir = hm_mod_state(m);

	if (dir->pending == NULL)
		return;
	dir_snapshot_free(dir->shared->snapshot);
	dir->shared->snapshot = dir->pending;
	dir->pending = NULL;
}

HM_MODULE_NAMED("directory-yaml", "1.0",
	"Domains, accounts and addresses from one YAML file",
	.conf_size = sizeof(struct dir_conf), .options = conf_options,
	.provides = dir_provides, .commands = dir_commands,
	.open = dir_open, .start = dir_start);
