/* keep.c - resources that outlive generations.
 *
 * Each generation that asked for one counts once; the destructor is code of the
 * module that made it, so that code stays loaded as long.
 */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>

#include "core/base/die.h"

#include "generation.h"

struct hm_kept {
	struct hm_kept *next;
	char *module, *key;
	void *resource;
	void (*destroy)(void *resource);
	struct hm_code *code;
	unsigned uses;
};

struct hm_kept_use {
	struct hm_kept_use *next;
	struct hm_kept *kept;
};

static struct hm_kept *
find(struct hm_core *core, const char *module, const char *key)
{
	struct hm_kept *kept;

	for (kept = core->kept; kept != NULL; kept = kept->next)
		if (strcmp(kept->module, module) == 0 &&
		    strcmp(kept->key, key) == 0)
			return kept;
	return NULL;
}

static void
use(struct hm_generation *gen, struct hm_kept *kept)
{
	struct hm_kept_use *u;

	for (u = gen->kept; u != NULL; u = u->next)
		if (u->kept == kept)
			return;
	u = hm_new(gen->arena, struct hm_kept_use);
	u->kept = kept;
	u->next = gen->kept;
	gen->kept = u;
	kept->uses++;
}

int
hm_keep(struct hm_mod *m, const char *key,
    int (*make)(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr),
    void *arg, void (*destroy)(void *resource), void **ret,
    struct hm_err *reterr)
{
	struct hm_core *core = m->gen->core;
	struct hm_kept *kept = find(core, m->name, key);
	void *resource = NULL;
	int r;

	if (kept == NULL) {
		if ((r = make(m, arg, &resource, reterr)) < 0)
			return r;
		kept = hm_xalloc(sizeof(*kept));
		kept->module = hm_xstrdup(m->name);
		kept->key = hm_xstrdup(key);
		kept->resource = resource;
		kept->destroy = destroy;
		kept->code = m->code;
		hm_code_ref(kept->code);
		kept->next = core->kept;
		core->kept = kept;
	}
	use(m->gen, kept);
	*ret = kept->resource;
	return 0;
}

static void
unuse(struct hm_core *core, struct hm_kept *kept)
{
	struct hm_where former;
	struct hm_kept **at;

	if (--kept->uses > 0)
		return;
	for (at = &core->kept; *at != kept; at = &(*at)->next)
		;
	*at = kept->next;
	former = hm_where_enter(kept->code != NULL ? &kept->code->who : NULL,
	    "keep");
	if (kept->destroy != NULL)
		kept->destroy(kept->resource);
	hm_where_leave(former);
	hm_code_unref(kept->code);
	free(kept->module);
	free(kept->key);
	free(kept);
}

/* The latest made goes first: gen->kept is in that order. */
void
hm_keep_release(struct hm_generation *gen)
{
	struct hm_kept_use *u;

	while ((u = gen->kept) != NULL) {
		gen->kept = u->next;
		unuse(gen->core, u->kept);
	}
}

const struct hm_kept *
hm_kept_old(const struct hm_core *core, const struct hm_kept *behind)
{
	const struct hm_kept *kept = behind != NULL ? behind->next : core->kept;
	const struct hm_mod *m;

	for (; kept != NULL; kept = kept->next) {
		m = core->current == NULL ? NULL :
		    hm_generation_mod(core->current, kept->module);
		if (m != NULL && m->code != kept->code)
			return kept;
	}
	return NULL;
}

const char *
hm_kept_text(const struct hm_kept *kept, struct hm_arena *arena)
{
	return hm_printf(arena, "%s: its \"%s\" was made by version %s of it, "
	    "which therefore stays loaded", kept->module, kept->key,
	    kept->code != NULL ? kept->code->def.version : "");
}
