/* prepare.c - the steps of a reload that open nothing: read, load, schema,
 * check, bind. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/log.h>
#include <hermod/net.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include "core/conf/config.h"
#include "core/conf/errs.h"
#include "core/conf/node.h"

#include "generation.h"
#include "metrics.h"
#include "offender.h"
#include "remote.h"

/* ---- places ---- */

const char *
hm_mod_place(const struct hm_mod *m, struct hm_arena *arena)
{
	if (m->config == NULL)
		return "the core";
	if (m->config->node == NULL)
		return m->config->path;
	return hm_printf(arena, "%s:%u:%u", m->config->path,
	    m->config->node->line, m->config->node->col);
}

static void
place_error(const struct hm_config_module *config, struct hm_errs *errs,
    const char *text)
{
	struct hm_err err = { 0 };

	if (config != NULL && config->node != NULL) {
		hm_node_error(config->node, errs, "%s", text);
		return;
	}
	if (config != NULL)
		hm_err_at(&err, -HM_ESYNTAX, config->path, 1, 1, "%s", text);
	else
		hm_err_set(&err, -HM_ESYNTAX, "%s", text);
	hm_errs_put_err(errs, &err);
}

void
hm_mod_error(const struct hm_mod *m, struct hm_errs *errs, const char *fmt, ...)
{
	struct hm_err err = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	place_error(m->config, errs, err.text);
}

/* ---- read ---- */

struct read_job {
	struct hm_arena *arena;
	const char *conf_dir;
	struct hm_errs *errs;
	struct hm_config *config;
	struct hm_offender *off;
};

static int
read_job(void *arg)
{
	struct read_job *job = arg;
	int r = hm_config_load(job->arena, job->conf_dir, &job->config,
	    job->errs);

	if (r == 0)
		job->off = hm_offenders_read(job->arena,
		    job->config->server.data_dir);
	return r;
}

static int
read_step(struct hm_generation *gen, struct hm_errs *errs)
{
	struct hm_core *core = gen->core;
	struct read_job job = { gen->arena, core->opts.conf_dir, errs, NULL,
	    NULL };
	const struct hm_server_conf *c;

	if (hm_work(read_job, &job) < 0)
		return -HM_ESYNTAX;
	gen->config = job.config;
	gen->off = job.off;
	c = &gen->config->server;
	gen->server = (struct hm_server){
		.hostname = c->hostname, .data_dir = c->data_dir,
		.conf_dir = gen->config->dir,
		.product = "Hermod " PACKAGE_VERSION,
		.pedantic = c->pedantic,
		.trusted_networks = c->trusted_networks,
	};
	if (hm_errs_count(errs) == 0 && core->current != NULL &&
	    strcmp(core->current->server.data_dir, c->data_dir) != 0) {
		hm_node_error(hm_node_get(gen->config->node, "data-dir"), errs,
		    "data-dir cannot change from %s to %s while the server "
		    "runs: restart it", core->current->server.data_dir,
		    c->data_dir);
		return -HM_ESYNTAX;
	}
	return 0;
}

/* The caller's folders first, then hermod.yaml's. */
const char *
hm_search_path(const struct hm_core *core, const struct hm_config *config,
    struct hm_arena *arena)
{
	const struct hm_strlist *more = config->server.module_path;
	const char *path = core->opts.module_path;

	for (size_t i = 0; more != NULL && i < more->n; i++)
		path = hm_printf(arena, "%s%s%s", path != NULL ? path : "",
		    path != NULL ? ":" : "", more->at[i]);
	return path;
}

/* ---- load ---- */

static struct hm_mod *
add_mod(struct hm_generation *gen, const struct hm_module_def *def,
    struct hm_code *code, const struct hm_config_module *config)
{
	struct hm_mod *m = hm_new(gen->arena, struct hm_mod);

	m->name = hm_strdup(gen->arena, def->name);
	m->gen = gen;
	m->code = code;
	m->who = code != NULL ? &code->who : NULL;
	m->def = def;
	m->config = config;
	/* Without a parent: its jobs may use it on worker threads. */
	m->arena = hm_arena_new(NULL, "module");
	hm_metrics_bind(m);
	gen->mods[gen->n_mods++] = m;
	return m;
}

/* A server starts without what cannot be loaded, and goes on so over reloads;
 * but what runs, or is new, must load. */
static bool
may_do_without(const struct hm_core *core, const char *name)
{
	const struct hm_aside *aside;

	if (!core->opts.lenient || core->current == NULL)
		return core->opts.lenient;
	for (aside = core->current->aside; aside != NULL; aside = aside->next)
		if (strcmp(aside->name, name) == 0)
			return true;
	return false;
}

static void
set_aside(struct hm_generation *gen, const char *name, const char *why)
{
	struct hm_aside *aside = hm_new(gen->arena, struct hm_aside);

	aside->name = name;
	aside->next = gen->aside;
	gen->aside = aside;
	if (gen->core->opts.control)
		hm_log(HM_LOG_ERROR, "module set aside", hm_f("module", name),
		    hm_f("why", why));
}

static void
load_step(struct hm_generation *gen, struct hm_errs *errs)
{
	const struct hm_config *c = gen->config;
	struct hm_core *core = gen->core;
	const char *search = hm_search_path(core, c, gen->arena);
	const char *copy_dir = NULL;

	if (core->opts.copy_code)
		copy_dir = hm_core_copy_dir(gen->arena, c->server.data_dir);
	gen->mods = hm_alloc_array(gen->arena, c->nmodules + 1,
	    sizeof(*gen->mods));
	for (size_t i = 0; i < c->nmodules; i++) {
		const struct hm_config_module *config = &c->modules[i];
		struct hm_remote_opts own = { config->isolate_memory,
		    c->server.sandbox, c->dir, config->node };
		struct hm_code *code = NULL;
		struct hm_err err = { 0 };

		if (config->broken || !config->enabled ||
		    (config->isolate && core->opts.isolate == NULL))
			continue;
		if (hm_code_get(core, search, config->name, copy_dir,
		    config->isolate ? &own : NULL, &code, &err) == 0) {
			add_mod(gen, &code->def, code, config);
			continue;
		}
		if (may_do_without(core, config->name)) {
			set_aside(gen, config->name, err.text);
			continue;
		}
		place_error(config, errs, hm_printf(gen->arena,
		    "module \"%s\": %s", config->name, err.text));
	}
}

/* ---- who crashed too often ---- */

static const char *
needed_by(const struct hm_generation *gen, const struct hm_mod *m)
{
	for (size_t i = 0; i < gen->n_mods; i++) {
		const struct hm_need *need = gen->mods[i]->def->needs;

		for (; need != NULL && need->iface != NULL; need++)
			if (gen->mods[i] != m && !need->optional &&
			    hm_provision(m, need->iface) != NULL)
				return gen->mods[i]->name;
	}
	return NULL;
}

static void
warn(const struct hm_mod *m, struct hm_errs *errs, const char *text)
{
	const struct hm_node *node = m->config->node;

	if (node != NULL)
		hm_errs_put(errs, HM_ERRS_WARNING, node->doc, node->start,
		    node->start, "%s", text);
}

/* Whether the module stays in spite of its crashes. */
static bool
stays(const struct hm_generation *gen, const struct hm_mod *m,
    struct hm_errs *errs)
{
	const struct hm_offender *o = hm_offender_find(gen->off, m->name);
	const char *by = o != NULL ? needed_by(gen, m) : NULL;

	if (o == NULL)
		return true;
	if (!gen->core->opts.lenient)
		warn(m, errs, hm_printf(gen->arena, "module \"%s\" %s, and is "
		    "%s", m->name, o->why, by != NULL ?
		    "still used only because others need it" :
		    "switched off; \"hermod module enable\" switches it on"));
	else if (!gen->core->opts.control)
		;
	else if (by != NULL)
		hm_log(HM_LOG_ERROR, "a module that crashes is still used, "
		    "because another needs it", hm_f("module", m->name),
		    hm_f("needed", by), hm_f("why", o->why));
	else
		hm_log(HM_LOG_ERROR, "module stays switched off",
		    hm_f("module", m->name), hm_f("why", o->why));
	return by != NULL;
}

static void
offender_step(struct hm_generation *gen, struct hm_errs *errs)
{
	for (size_t i = gen->n_mods; gen->off != NULL && i-- > 0; ) {
		struct hm_mod *m = gen->mods[i];

		if (stays(gen, m, errs))
			continue;
		hm_arena_free(m->arena);
		hm_metrics_unbind(m);
		hm_code_unref(m->code);
		gen->mods[i] = gen->mods[--gen->n_mods];
	}
}

static int
mod_cmp(const void *va, const void *vb)
{
	const struct hm_mod *a = *(struct hm_mod *const *)va;
	const struct hm_mod *b = *(struct hm_mod *const *)vb;

	return strcmp(a->name, b->name);
}

/* ---- schema and check ---- */

static int
read_own(struct hm_mod *m, struct hm_errs *errs)
{
	size_t before = hm_errs_count(errs);

	if (m->code->remote != NULL)
		return m->gen->core->opts.isolate->configure(m, errs);
	if (m->def->options == NULL)
		return 0;
	m->conf = hm_alloc(m->arena, m->def->conf_size);
	hm_config_build(m->arena, m->gen->config, m->config, m->def->options,
	    m->conf, errs);
	return hm_errs_count(errs) == before ? 0 : -HM_ESYNTAX;
}

static void
check_own(struct hm_mod *m, struct hm_errs *errs)
{
	struct hm_where former = hm_where_enter(m->who, "check");
	struct hm_err err = { 0 };
	int r = 0;

	if (m->def->check != NULL)
		r = m->def->check(m->conf, &err);
	hm_where_leave(former);
	if (r >= 0)
		return;
	if (err.file[0] != '\0')
		hm_errs_put_err(errs, &err);
	else
		hm_mod_error(m, errs, "module \"%s\": %s", m->name,
		    err.text[0] != '\0' ? err.text : hm_err_name(r));
}

void
hm_mod_configure(struct hm_mod *m, struct hm_errs *errs)
{
	/* Settings that could not be read make no sense to check. */
	if (read_own(m, errs) == 0)
		check_own(m, errs);
}

static void
schema_step(struct hm_generation *gen, struct hm_errs *errs)
{
	for (size_t i = 0; i < gen->n_mods; i++)
		hm_mod_configure(gen->mods[i], errs);
}

/* ---- all ---- */

/* The core as a module, where nobody said more. */
static const struct hm_module_def plain = {
	.size = sizeof(plain), .name = "core", .version = PACKAGE_VERSION,
	.summary = "The core itself",
};

/* As many mistakes as possible are told at once; but while modules are missing
 * or misunderstood, what others miss of them would only confuse. */
static int
all_steps(struct hm_generation *gen, struct hm_errs *errs)
{
	int r;

	if ((r = read_step(gen, errs)) < 0)
		return r;
	load_step(gen, errs);
	offender_step(gen, errs);
	qsort(gen->mods, gen->n_mods, sizeof(*gen->mods), mod_cmp);
	schema_step(gen, errs);
	if (hm_errs_count(errs) > 0)
		return -HM_ESYNTAX;
	r = hm_bind(gen, errs);
	add_mod(gen, gen->core->opts.own != NULL ? gen->core->opts.own :
	    &plain, NULL, NULL);
	if (hm_chains_build(gen, errs) < 0)
		r = -HM_ESYNTAX;
	return r;
}

struct hm_generation *
hm_generation_prepare(struct hm_core *core, struct hm_errs *errs)
{
	struct hm_arena *arena = hm_arena_new(NULL, "generation");
	struct hm_generation *gen = hm_new(arena, struct hm_generation);

	gen->arena = arena;
	gen->core = core;
	gen->number = core->last_number + 1;
	gen->next = core->all;
	core->all = gen;
	if (all_steps(gen, errs) == 0)
		return gen;
	hm_generation_drop(gen);
	return NULL;
}
