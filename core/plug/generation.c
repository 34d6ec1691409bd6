/* generation.c - opening, starting, retiring and closing snapshots. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/net.h>

#include "core/conf/config.h"
#include "core/conf/errs.h"
#include "core/run/fiber-private.h"
#include "core/run/guard.h"
#include "core/run/listen.h"

#include "generation.h"
#include "metrics.h"

static struct hm_mod *
core_mod(const struct hm_generation *gen)
{
	return gen->mods[gen->n_mods - 1];
}

/* ---- references ---- */

static struct hm_holder *
find_holder(struct hm_generation *gen, const char *module, const char *who)
{
	struct hm_holder *h;

	for (h = gen->holders; h != NULL; h = h->next)
		if (h->module == module &&
		    (h->who == who || strcmp(h->who, who) == 0))
			return h;
	h = hm_new(gen->arena, struct hm_holder);
	h->module = module;
	/* The word may be a literal of code that is unloaded before we are. */
	h->who = hm_strdup(gen->arena, who);
	h->next = gen->holders;
	gen->holders = h;
	return h;
}

static void
call(struct hm_mod *m, void (*fn)(struct hm_mod *m), const char *what)
{
	struct hm_where former;

	if (!m->open || fn == NULL)
		return;
	former = hm_where_enter(m->who, what);
	fn(m);
	hm_where_leave(former);
}

static void
gen_close(void *arg)
{
	struct hm_generation *gen = arg;

	for (size_t i = gen->n_mods; i-- > 0; ) {
		struct hm_mod *m = gen->mods[i];

		call(m, m->def->close, "close");
		m->open = false;
	}
	hm_log(HM_LOG_INFO, "generation closed", hm_f("generation", gen->number));
	hm_generation_drop(gen);
}

void
hm_mod_hold(struct hm_mod *m, const char *who)
{
	find_holder(m->gen, m->name, who)->count++;
	m->gen->refs++;
}

void
hm_mod_release(struct hm_mod *m, const char *who)
{
	struct hm_generation *gen = m->gen;
	struct hm_holder *h = find_holder(gen, m->name, who);

	if (h->count == 0 || gen->refs == 0) {
		hm_log(HM_LOG_ERROR, "released more often than held",
		    hm_f("module", m->name), hm_f("holder", who));
		return;
	}
	h->count--;
	if (--gen->refs > 0)
		return;
	/* The caller may be the module's own code: close when it has returned. */
	if (gen->retired)
		hm_post(gen_close, gen);
}

struct hm_mod *
hm_generation_mod(const struct hm_generation *gen, const char *name)
{
	for (size_t i = 0; i < gen->n_mods; i++)
		if (strcmp(gen->mods[i]->name, name) == 0)
			return gen->mods[i];
	return NULL;
}

/* ---- opening ---- */

/* Marks what "only" needs, and what those need: consumers stand behind their
 * providers, so one pass from the end finds all. */
static void
mark_wanted(struct hm_generation *gen, const char *only)
{
	for (size_t i = 0; i < gen->n_mods; i++)
		gen->mods[i]->wanted = only == NULL ||
		    strcmp(gen->mods[i]->name, only) == 0;
	for (size_t i = gen->n_mods; i-- > 0; ) {
		struct hm_mod *m = gen->mods[i];

		for (size_t j = 0; m->wanted && j < m->n_bindings; j++)
			if (m->bindings[j].handle.self != NULL)
				m->bindings[j].handle.self->wanted = true;
	}
	for (int id = 0; id < HM_HOOK_COUNT; id++) {
		const struct hm_chain *chain = &gen->chains[id];

		for (size_t i = 0; i < chain->n; i++)
			chain->at[i].idle = !chain->at[i].mod->wanted;
	}
}

static int
open_mod(struct hm_mod *m, struct hm_errs *errs)
{
	struct hm_where former = hm_where_enter(m->who, "open");
	struct hm_err err = { 0 };
	int r = 0;

	if (m->def->open != NULL)
		r = m->def->open(m, &err);
	hm_where_leave(former);
	if (r >= 0) {
		m->open = true;
		return 0;
	}
	if (err.text[0] == '\0')
		hm_err_set(&err, r, "it gave no reason (%s)", hm_err_name(r));
	if (err.file[0] != '\0')
		hm_errs_put_err(errs, &err);
	else
		hm_mod_error(m, errs, "module \"%s\" cannot be opened: %s",
		    m->name, err.text);
	return -HM_ESYNTAX;
}

static const char opening_holder[] = "opening";

void
hm_generation_end(struct hm_generation *gen)
{
	hm_listeners_retire(gen);
	gen->retired = true;
	hm_mod_hold(core_mod(gen), opening_holder);
	hm_mod_release(core_mod(gen), opening_holder);
}

/* Undoes what was opened, as if nobody had seen it. Fibers that open() may
 * have started are told to end, and the last of them closes the rest. */
static void
abandon(struct hm_generation *gen)
{
	for (size_t i = gen->n_mods; i-- > 0; )
		hm_fiber_cancel_all(gen->mods[i]);
	hm_generation_end(gen);
}

/* The certificates of hermod.yaml. */
static int
open_tls(struct hm_generation *gen, struct hm_errs *errs)
{
	const struct hm_server_tls *tls = &gen->config->server.tls;
	const struct hm_blocks *certs = tls->certificates;
	struct hm_err err = { 0 };

	if (certs == NULL || certs->n == 0)
		return 0;
	if (hm_tls_server(certs->at, certs->n, tls->minimum_version == 1 ?
	    "1.3" : "1.2", NULL, &gen->server.tls, &err) == 0)
		return 0;
	hm_node_error(hm_node_get(gen->config->node, "tls"), errs, "%s",
	    err.text);
	return -HM_ESYNTAX;
}

int
hm_generation_open(struct hm_generation *gen, const char *only,
    struct hm_errs *errs)
{
	/* Offline nobody is talked to, and the keys may not be readable. */
	if (!gen->core->opts.offline && open_tls(gen, errs) < 0) {
		abandon(gen);
		return -HM_ESYNTAX;
	}
	mark_wanted(gen, only);
	for (size_t i = 0; i < gen->n_mods; i++) {
		if (!gen->mods[i]->wanted)
			continue;
		if (open_mod(gen->mods[i], errs) < 0) {
			abandon(gen);
			return -HM_ESYNTAX;
		}
	}
	return 0;
}

/* ---- starting and retiring ---- */

static const char current_holder[] = "current";

static void
farewell(void *arg)
{
	struct hm_generation *gen = arg;

	gen->farewell = NULL;
	hm_sessions_ask(gen);
}

static void
retire(struct hm_generation *gen, int64_t after_ms)
{
	hm_listeners_retire(gen);
	for (size_t i = gen->n_mods; i-- > 0; )
		call(gen->mods[i], gen->mods[i]->def->retire, "retire");
	if (after_ms > 0)
		gen->farewell = hm_timer_start(after_ms, farewell, gen);
	gen->retired = true;
}

void
hm_core_retire(struct hm_core *core)
{
	struct hm_generation *old = core->current;

	if (old == NULL)
		return;
	core->current = NULL;
	retire(old, 0);
	hm_mod_release(core_mod(old), current_holder);
}

void
hm_generation_start(struct hm_generation *gen)
{
	struct hm_core *core = gen->core;
	struct hm_generation *old = core->current;
	struct hm_generation_change change = { .number = gen->number };

	hm_mod_hold(core_mod(gen), current_holder);
	gen->began_ms = hm_wall_ms();
	core->last_number = gen->number;
	core->current = gen;
	hm_log_set_level((enum hm_loglevel)gen->config->server.log_level);
	hm_guard_limits(gen->config->server.loop_warn_ms,
	    gen->config->server.loop_limit_ms);
	if (old != NULL)
		retire(old, gen->config->server.retire_after_ms);
	for (size_t i = 0; i < gen->n_mods; i++)
		call(gen->mods[i], gen->mods[i]->def->start, "start");
	hm_listeners_start(gen);
	hm_log(HM_LOG_INFO, "generation started", hm_f("generation", gen->number),
	    hm_f("modules", gen->n_mods - 1));
	hm_emit_generation_changed(core_mod(gen), &change);
	if (old != NULL)
		hm_mod_release(core_mod(old), current_holder);
}

int
hm_reload(struct hm_core *core, struct hm_errs *errs)
{
	struct hm_generation *gen;
	int r = 0;

	while (core->reloading)
		if ((r = hm_wait(&core->changed, -1)) < 0)
			return r;
	core->reloading = true;
	if (core->reloads != NULL)
		core->reloads(1, core->server);
	gen = hm_generation_prepare(core, errs);
	if (gen == NULL) {
		r = -HM_ESYNTAX;
	} else if ((r = hm_generation_open(gen, NULL, errs)) == 0) {
		if (core->stopping)
			hm_generation_end(gen);
		else
			hm_generation_start(gen);
	}
	core->reloading = false;
	if (core->reloads != NULL)
		core->reloads(r, core->server);
	hm_wake(&core->changed);
	return r;
}

/* ---- the end ---- */

static void
unlink_generation(struct hm_generation *gen)
{
	struct hm_generation **at;

	for (at = &gen->core->all; *at != NULL; at = &(*at)->next) {
		if (*at == gen) {
			*at = gen->next;
			return;
		}
	}
}

void
hm_generation_drop(struct hm_generation *gen)
{
	struct hm_core *core = gen->core;

	unlink_generation(gen);
	hm_timer_stop(gen->farewell);
	for (int id = 0; id < HM_HOOK_COUNT; id++)
		for (size_t i = 0; i < gen->chains[id].n; i++)
			hm_queue_free(gen->chains[id].at[i].queue);
	/* Clean-ups on an arena may be the module's code, and may use what is
	 * kept. */
	for (size_t i = gen->n_mods; i-- > 0; ) {
		hm_arena_free(gen->mods[i]->arena);
		hm_metrics_unbind(gen->mods[i]);
	}
	hm_keep_release(gen);
	for (size_t i = gen->n_mods; i-- > 0; )
		hm_code_unref(gen->mods[i]->code);
	hm_tls_unref(gen->server.tls);
	hm_arena_free(gen->arena);
	hm_wake(&core->changed);
}

/* ---- what modules ask ---- */

const char *
hm_mod_name(const struct hm_mod *m)
{
	return m->name;
}

const void *
hm_mod_conf(const struct hm_mod *m)
{
	return m->conf;
}

struct hm_arena *
hm_mod_arena(struct hm_mod *m)
{
	return m->arena;
}

void
hm_mod_set(struct hm_mod *m, void *state)
{
	m->state = state;
}

void *
hm_mod_state(const struct hm_mod *m)
{
	return m->state;
}

uint64_t
hm_mod_generation(const struct hm_mod *m)
{
	return m->gen->number;
}

const struct hm_server *
hm_server(const struct hm_mod *m)
{
	return &m->gen->server;
}
