/* chain.c - the order in which modules are asked.
 *
 * By position, then as the admin's "order" settings say, then by name: never by
 * load order.
 */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "core/conf/config.h"

#include "generation.h"

/* ---- what the admin wants ---- */

static const struct hm_config_order *
order_of(const struct hm_mod *m, enum hm_hook_id id)
{
	const struct hm_blocks *order;

	if (m->config == NULL || (order = m->config->order) == NULL)
		return NULL;
	for (size_t i = 0; i < order->n; i++)
		if (strcmp(order->names[i], hm_hook_name(id)) == 0)
			return (const struct hm_config_order *)order->at + i;
	return NULL;
}

static bool
names(const struct hm_strlist *list, const char *module)
{
	return list != NULL && hm_strlist_has(list, hm_str(module));
}

bool
hm_admin_before(const struct hm_link *a, const struct hm_link *b,
    const struct hm_mod **ret_by)
{
	const struct hm_config_order *mine = order_of(a->mod, a->hook->id);
	const struct hm_config_order *theirs = order_of(b->mod, b->hook->id);
	const struct hm_mod *by = NULL;

	if (mine != NULL && names(mine->before, b->mod->name))
		by = a->mod;
	else if (theirs != NULL && names(theirs->after, a->mod->name))
		by = b->mod;
	if (ret_by != NULL)
		*ret_by = by;
	return by != NULL;
}

static void
check_hook_names(const struct hm_mod *m, const char *option,
    const struct hm_blocks *blocks, struct hm_errs *errs)
{
	for (size_t i = 0; blocks != NULL && i < blocks->n; i++) {
		const struct hm_node *at = hm_node_get(m->config->node, option);

		if (hm_hook_from_name(hm_str(blocks->names[i])) == HM_HOOK_NONE)
			hm_node_error(hm_node_get(at, blocks->names[i]), errs,
			    "there is no hook \"%s\"; hermod-hooks(7) lists "
			    "them", blocks->names[i]);
	}
}

/* What counts when this place fails, and when it is late. */
static void
take_settings(struct hm_link *link)
{
	const struct hm_config_module *config = link->mod->config;
	const struct hm_blocks *hooks = config ? config->hooks : NULL;

	link->timeout_ms = INT64_MAX / 4;
	if (config == NULL)
		return;
	link->on_fail = config->on_fail;
	link->timeout_ms = config->deadline_ms;
	for (size_t i = 0; hooks != NULL && i < hooks->n; i++) {
		const struct hm_config_hook *own =
		    (const struct hm_config_hook *)hooks->at + i;

		if (strcmp(hooks->names[i], hm_hook_name(link->hook->id)) != 0)
			continue;
		link->on_fail = own->on_fail;
		link->timeout_ms = own->deadline_ms;
	}
}

/* ---- sorting ---- */

static int
link_cmp(const void *va, const void *vb)
{
	const struct hm_link *a = va, *b = vb;
	int c;

	if (a->hook->order != b->hook->order)
		return a->hook->order < b->hook->order ? -1 : 1;
	if ((c = strcmp(a->mod->name, b->mod->name)) != 0)
		return c;
	return a->hook < b->hook ? -1 : a->hook > b->hook;
}

/* The position is the module's to choose: the admin's wish cannot cross it. */
static int
check_positions(const struct hm_chain *chain, struct hm_errs *errs)
{
	const struct hm_mod *by;
	int r = 0;

	for (size_t i = 0; i < chain->n; i++)
		for (size_t j = 0; j < i; j++) {
			const struct hm_link *a = &chain->at[i];
			const struct hm_link *b = &chain->at[j];

			if (a->hook->order == b->hook->order ||
			    !hm_admin_before(a, b, &by))
				continue;
			hm_mod_error(by, errs, "in the hook %s module \"%s\" "
			    "cannot go before \"%s\": it works at the place "
			    "\"%s\", which comes after \"%s\"",
			    hm_hook_name(a->hook->id), a->mod->name,
			    b->mod->name, hm_order_name(a->hook->order),
			    hm_order_name(b->hook->order));
			r = -HM_ESYNTAX;
		}
	return r;
}

static struct hm_link *
next_link(struct hm_link *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool waits = at[i].placed;

		for (size_t j = 0; j < n && !waits; j++)
			waits = j != i && !at[j].placed &&
			    hm_admin_before(&at[j], &at[i], NULL);
		if (!waits)
			return &at[i];
	}
	return NULL;
}

/* Those of one position, by name so far. */
static int
sort_position(struct hm_generation *gen, struct hm_link *at, size_t n,
    struct hm_errs *errs)
{
	struct hm_link *sorted, *next;

	if (n < 2)
		return 0;
	sorted = hm_alloc_array(gen->arena, n, sizeof(*sorted));
	for (size_t i = 0; i < n; i++) {
		next = next_link(at, n);
		if (next == NULL) {
			size_t stuck = 0;

			while (at[stuck].placed)
				stuck++;
			hm_mod_error(at[stuck].mod, errs, "the \"order\" "
			    "settings for the hook %s go in a circle",
			    hm_hook_name(at[stuck].hook->id));
			return -HM_ESYNTAX;
		}
		next->placed = true;
		sorted[i] = *next;
	}
	memcpy(at, sorted, n * sizeof(*at));
	return 0;
}

static int
sort_chain(struct hm_generation *gen, struct hm_chain *chain,
    struct hm_errs *errs)
{
	size_t from = 0, to;
	int r;

	if (chain->n < 2)
		return 0;
	qsort(chain->at, chain->n, sizeof(*chain->at), link_cmp);
	if ((r = check_positions(chain, errs)) < 0)
		return r;
	for (; from < chain->n; from = to) {
		for (to = from + 1; to < chain->n && chain->at[to].hook->order ==
		    chain->at[from].hook->order; to++)
			;
		if (sort_position(gen, chain->at + from, to - from, errs) < 0)
			r = -HM_ESYNTAX;
	}
	return r;
}

/* ---- building ---- */

static void
add_links(struct hm_generation *gen, struct hm_mod *m, bool only_count)
{
	const struct hm_hook *h;

	for (h = m->def->hooks; h != NULL && h->id != HM_HOOK_NONE; h++) {
		struct hm_chain *chain = &gen->chains[h->id];
		struct hm_link *link;

		if (only_count) {
			chain->n++;
			continue;
		}
		link = &chain->at[chain->n++];
		link->mod = m;
		link->who = m->who;
		link->hook = h;
		link->fn = h->fn;
		link->stats = hm_core_stats(gen->core, m->name, h->id);
		take_settings(link);
	}
}

int
hm_chains_build(struct hm_generation *gen, struct hm_errs *errs)
{
	size_t before = hm_errs_count(errs);
	int r = 0;

	for (size_t i = 0; i < gen->n_mods; i++) {
		const struct hm_mod *m = gen->mods[i];

		if (m->config != NULL) {
			check_hook_names(m, "order", m->config->order, errs);
			check_hook_names(m, "hooks", m->config->hooks, errs);
		}
		add_links(gen, gen->mods[i], true);
	}
	if (hm_errs_count(errs) > before)
		r = -HM_ESYNTAX;
	for (int id = 0; id < HM_HOOK_COUNT; id++) {
		struct hm_chain *chain = &gen->chains[id];

		chain->at = hm_alloc_array(gen->arena, chain->n,
		    sizeof(*chain->at));
		chain->n = 0;
	}
	for (size_t i = 0; i < gen->n_mods; i++)
		add_links(gen, gen->mods[i], false);
	for (int id = 0; id < HM_HOOK_COUNT; id++) {
		struct hm_chain *chain = &gen->chains[id];

		if (sort_chain(gen, chain, errs) < 0)
			r = -HM_ESYNTAX;
		/* Queues know their link: only now do links keep still. */
		for (size_t i = 0; hm_hook_is_event(id) && i < chain->n; i++)
			chain->at[i].queue = hm_hook_queue(&chain->at[i]);
	}
	return r;
}
