/* core.c - what outlives generations. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/plugin.h>
#include <hermod/rand.h>

#include "core/run/fiber-private.h"
#include "core/run/listen.h"

#include "core.h"
#include "generation.h"
#include "remote.h"

static const char *
maybe_dup(struct hm_arena *arena, const char *s)
{
	return s != NULL ? hm_strdup(arena, s) : NULL;
}

static struct hm_who *
who_of(struct hm_mod *m)
{
	return m->who;
}

static const void *
gen_of(struct hm_mod *m)
{
	return m->gen;
}

struct hm_core *
hm_core_new(const struct hm_core_opts *opts)
{
	struct hm_arena *arena = hm_arena_new(NULL, "core");
	struct hm_core *core = hm_new(arena, struct hm_core);

	core->arena = arena;
	core->opts = *opts;
	core->opts.conf_dir = hm_strdup(arena, opts->conf_dir);
	core->opts.module_path = maybe_dup(arena, opts->module_path);
	hm_random(&core->session_key, sizeof(core->session_key));
	hm_fiber_on_change(hm_mod_hold, hm_mod_release, who_of);
	hm_listeners_gen_of(gen_of);
	hm_listeners_off(opts->offline);
	return core;
}

void
hm_core_free(struct hm_core *core)
{
	if (core == NULL)
		return;
	if (core->opts.isolate != NULL)
		core->opts.isolate->end_all(core);
	hm_arena_free(core->arena);
}

bool
hm_core_ended(const struct hm_core *core)
{
	return core->all == NULL && core->remotes == NULL;
}

const char *
hm_core_copy_dir(struct hm_arena *arena, const char *data_dir)
{
	return hm_printf(arena, "%s/code", data_dir);
}

struct hm_hook_stats *
hm_core_stats(struct hm_core *core, const char *module, enum hm_hook_id id)
{
	struct hm_hook_stats *stats;

	for (stats = core->stats; stats != NULL; stats = stats->next)
		if (stats->id == id && strcmp(stats->module, module) == 0)
			return stats;
	stats = hm_new(core->arena, struct hm_hook_stats);
	stats->module = hm_strdup(core->arena, module);
	stats->id = id;
	stats->next = core->stats;
	core->stats = stats;
	return stats;
}
