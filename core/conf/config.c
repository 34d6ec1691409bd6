/* config.c - the configuration directory read, shown and switched. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "build.h"
#include "config.h"
#include "errs.h"
#include "node.h"
#include "show.h"

enum { MAX_MODULES = 1000 };

static bool
is_module_name(struct hm_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !(c == '-' && i > 0))
			return false;
	}
	return name.len > 0 && name.len <= 64;
}

/* Files that editors and package managers leave behind end otherwise. */
static int
is_yaml(const struct dirent *entry)
{
	struct hm_str name = hm_str(entry->d_name);

	return name.p[0] != '.' && hm_str_ends(name, HM_STR(".yaml"));
}

/* As in the C locale, whatever the locale is. */
static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What is not said for a hook is as the module has it. */
static void
complete_hooks(struct hm_config_module *m)
{
	for (size_t i = 0; m->hooks != NULL && i < m->hooks->n; i++) {
		struct hm_config_hook *hook =
		    (struct hm_config_hook *)m->hooks->at + i;
		const struct hm_node *node = hm_node_get(hm_node_get(m->node,
		    "hooks"), m->hooks->names[i]);

		if (node == NULL || hm_node_get(node, "on-fail") == NULL)
			hook->on_fail = m->on_fail;
		if (hook->deadline_ms == 0)
			hook->deadline_ms = m->deadline_ms;
	}
}

static void
read_module(struct hm_arena *arena, const struct hm_config *config,
    struct hm_config_module *m, struct hm_errs *errs)
{
	struct hm_conf_ctx ctx = { .partial = true, .dir = config->dir };
	struct hm_node *node;

	if (hm_node_read(arena, m->path, &node, errs) < 0) {
		m->broken = true;
		return;
	}
	m->node = node;
	if (hm_conf_build_with(arena, &ctx, node, hm_module_options, m, errs) < 0)
		m->broken = true;
	if (hm_node_get(node, "on-fail") == NULL)
		m->on_fail = config->server.on_fail;
	if (m->deadline_ms == 0)
		m->deadline_ms = config->server.hook_deadline_ms;
	complete_hooks(m);
}

static void
bad_name(struct hm_errs *errs, const char *path)
{
	struct hm_err err;

	hm_err_at(&err, -HM_EINVAL, path, 0, 0, "the name of this file is not "
	    "the name of a module (a-z, 0-9, -) with .yaml behind it");
	hm_errs_put_err(errs, &err);
}

static void
read_modules(struct hm_arena *arena, struct hm_config *config,
    struct hm_errs *errs)
{
	char *dir = hm_printf(arena, "%s/conf.d", config->dir);
	struct dirent **entries = NULL;
	struct hm_err err = { 0 };
	int n = scandir(dir, &entries, is_yaml, by_bytes);

	if (n < 0 && errno != ENOENT) {
		hm_err_errno(&err, errno, "%s", dir);
		hm_errs_put_err(errs, &err);
	} else if (n > MAX_MODULES) {
		hm_err_set(&err, -HM_ELIMIT, "%s has more than %d files", dir,
		    MAX_MODULES);
		hm_errs_put_err(errs, &err);
	} else if (n > 0) {
		config->modules = hm_alloc_array(arena, (size_t)n,
		    sizeof(config->modules[0]));
	}
	for (int i = 0; i < n; i++) {
		struct hm_str file = hm_str(entries[i]->d_name), name = file;
		char *path = hm_printf(arena, "%s/%s", dir, file.p);

		name.len -= strlen(".yaml");
		if (n > MAX_MODULES) {
			;
		} else if (!is_module_name(name)) {
			bad_name(errs, path);
		} else {
			struct hm_config_module *m =
			    &config->modules[config->nmodules++];

			m->name = hm_strndup(arena, name.p, name.len);
			m->path = path;
			read_module(arena, config, m, errs);
		}
		free(entries[i]);
	}
	free(entries);
}

int
hm_config_load(struct hm_arena *arena, const char *dir,
    struct hm_config **ret, struct hm_errs *errs)
{
	struct hm_config *config = hm_new(arena, struct hm_config);
	char *real = realpath(dir, NULL);
	struct hm_err err = { 0 };
	struct hm_node *node;
	int r;

	if (real == NULL) {
		r = hm_err_errno(&err, errno, "%s", dir);
		hm_errs_put_err(errs, &err);
		return r;
	}
	config->dir = hm_strdup(arena, real);
	free(real);
	config->path = hm_printf(arena, "%s/hermod.yaml", config->dir);
	r = hm_node_read(arena, config->path, &node, errs);
	if (r < 0)
		return r;
	config->node = node;
	/* The mistakes are in errs; those of the modules come on top. */
	(void)hm_server_build(arena, config->dir, node, &config->server, errs);
	read_modules(arena, config, errs);
	*ret = config;
	return 0;
}

const struct hm_config_module *
hm_config_find(const struct hm_config *config, const char *name)
{
	for (size_t i = 0; i < config->nmodules; i++) {
		if (strcmp(config->modules[i].name, name) == 0)
			return &config->modules[i];
	}
	return NULL;
}

int
hm_config_build(struct hm_arena *arena, const struct hm_config *config,
    const struct hm_config_module *module, const struct hm_opt *table,
    void *out, struct hm_errs *errs)
{
	static const struct hm_opt none[] = { HM_OPT_END };
	struct hm_conf_ctx ctx = {
		.addresses = &config->server.listen_addresses,
		.also = hm_module_options,
		.dir = config->dir,
	};

	if (module != NULL)
		ctx.where = hm_printf(arena, "module %s", module->name);
	return hm_conf_build_with(arena, &ctx,
	    module != NULL ? module->node : NULL, table != NULL ? table : none,
	    out, errs);
}

void
hm_config_show_server(struct hm_buf *out, const struct hm_config *config)
{
	hm_conf_show(out, hm_server_options, &config->server, config->node, 0);
}

void
hm_config_show_module(struct hm_buf *out, const struct hm_config_module *module,
    const struct hm_opt *table, const void *conf)
{
	hm_conf_show(out, hm_module_options, module, module->node, 0);
	if (table != NULL)
		hm_conf_show(out, table, conf, module->node, 0);
}

void
hm_config_example_server(struct hm_buf *out)
{
	hm_buf_puts(out, "# hermod.yaml - settings of the server as a whole, see "
	    "hermod.yaml(5).\n\n");
	hm_conf_example(out, hm_server_options);
}

void
hm_config_example_module(struct hm_buf *out, const char *name,
    const char *summary, const struct hm_opt *table)
{
	hm_buf_printf(out, "# conf.d/%s.yaml - %s\n# See hermod-%s(7).\n\n", name,
	    summary, name);
	hm_buf_puts(out, "enabled: yes\n\n");
	if (table != NULL && table->name != NULL) {
		hm_conf_example(out, table);
		hm_buf_putc(out, '\n');
	}
	/* "enabled" stands above. */
	hm_conf_example(out, hm_module_options + 1);
}

int
hm_config_enable(const char *dir, const char *name, bool enabled,
    struct hm_err *reterr)
{
	static const char *const path[] = { "enabled", NULL };
	struct hm_arena *arena;
	struct hm_str text = HM_STR("");
	struct stat st = { .st_mode = 0640 };
	char *file;
	int r = 0;

	if (!is_module_name(hm_str(name)))
		return hm_err_set(reterr, -HM_EINVAL,
		    "\"%.64s\" is not the name of a module", name);
	arena = hm_arena_new(NULL, "enable");
	file = hm_printf(arena, "%s/conf.d/%s.yaml", dir, name);
	if (stat(file, &st) == 0)
		r = hm_file_read(arena, file, HM_NODE_MAX_BYTES, &text, reterr);
	if (r == 0)
		r = hm_node_edit(arena, text, path, enabled ? "yes" : "no", &text,
		    reterr);
	if (r == 0)
		r = hm_file_replace(file, text, st.st_mode & 0777, reterr);
	hm_arena_free(arena);
	return r;
}
