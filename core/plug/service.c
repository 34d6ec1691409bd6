/* service.c - who provides what to whom, decided once per generation. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/conf/config.h"

#include "generation.h"

const struct hm_provide *
hm_provision(const struct hm_mod *m, const char *iface)
{
	const struct hm_provide *p;

	for (p = m->def->provides; p != NULL && p->iface != NULL; p++)
		if (strcmp(p->iface, iface) == 0)
			return p;
	return NULL;
}

/* ---- which provider ---- */

/* hermod.yaml: use: { kv: kv-bdb } */
static struct hm_mod *
chosen(const struct hm_generation *gen, const char *iface)
{
	const struct hm_strmap *use = gen->config->server.use;

	for (size_t k = 0; k < use->n; k++)
		if (strcmp(use->keys[k], iface) == 0)
			return hm_generation_mod(gen, use->values[k]);
	return NULL;
}

static void
ambiguous(const struct hm_mod *m, const char *iface, const struct hm_mod *a,
    const struct hm_mod *b, struct hm_errs *errs)
{
	struct hm_arena *arena = m->gen->arena;

	hm_mod_error(m, errs, "module \"%s\" needs the interface \"%s\", which "
	    "both \"%s\" (%s) and \"%s\" (%s) provide; disable one, or choose "
	    "in hermod.yaml: use: { %s: %s }", m->name, iface, a->name,
	    hm_mod_place(a, arena), b->name, hm_mod_place(b, arena), iface,
	    a->name);
}

/* A module never serves itself. NULL without an error in *failed: nobody. */
static struct hm_mod *
find_provider(struct hm_mod *m, const char *iface, struct hm_errs *errs,
    bool *failed)
{
	struct hm_generation *gen = m->gen;
	struct hm_mod *choice = chosen(gen, iface), *first = NULL;

	if (choice != NULL && choice != m && hm_provision(choice, iface) != NULL)
		return choice;
	for (size_t i = 0; i < gen->n_mods; i++) {
		struct hm_mod *p = gen->mods[i];

		if (p == m || hm_provision(p, iface) == NULL)
			continue;
		if (first != NULL) {
			ambiguous(m, iface, first, p, errs);
			*failed = true;
			return NULL;
		}
		first = p;
	}
	return first;
}

static int
bind_to(struct hm_mod *m, struct hm_mod *p, struct hm_binding *binding,
    struct hm_errs *errs)
{
	const struct hm_need *need = binding->need;
	const struct hm_provide *has = hm_provision(p, need->iface);

	if (has->major != need->major) {
		hm_mod_error(m, errs, "module \"%s\" needs version %u of the "
		    "interface \"%s\", but module \"%s\" (%s) provides version "
		    "%u", m->name, need->major, need->iface, p->name,
		    hm_mod_place(p, m->gen->arena), has->major);
		return -HM_ESYNTAX;
	}
	binding->handle.ops = has->ops;
	binding->handle.self = p;
	return 0;
}

static int
bind_one(struct hm_mod *m, const struct hm_need *need, struct hm_errs *errs)
{
	struct hm_binding *binding = &m->bindings[m->n_bindings++];
	bool failed = false;
	struct hm_mod *p = find_provider(m, need->iface, errs, &failed);

	binding->need = need;
	if (failed)
		return -HM_ESYNTAX;
	if (p != NULL)
		return bind_to(m, p, binding, errs);
	if (need->optional)
		return 0;
	hm_mod_error(m, errs, "module \"%s\" needs the interface \"%s\", "
	    "which no enabled module provides", m->name, need->iface);
	return -HM_ESYNTAX;
}

/* Every provider but itself; gen->mods is sorted by name here. */
static int
bind_all(struct hm_mod *m, const struct hm_need *need, struct hm_errs *errs)
{
	struct hm_generation *gen = m->gen;
	int r = 0;

	for (size_t i = 0; i < gen->n_mods; i++) {
		struct hm_binding *binding;

		if (gen->mods[i] == m || !hm_provision(gen->mods[i], need->iface))
			continue;
		binding = &m->bindings[m->n_bindings++];
		binding->need = need;
		if (bind_to(m, gen->mods[i], binding, errs) < 0)
			r = -HM_ESYNTAX;
	}
	return r;
}

static int
bind_mod(struct hm_mod *m, struct hm_errs *errs)
{
	const struct hm_need *need;
	size_t room = 0;
	int r = 0;

	for (need = m->def->needs; need != NULL && need->iface != NULL; need++)
		room += need->all ? m->gen->n_mods : 1;
	m->bindings = hm_alloc_array(m->arena, room, sizeof(*m->bindings));
	for (need = m->def->needs; need != NULL && need->iface != NULL; need++)
		if ((need->all ? bind_all(m, need, errs) :
		    bind_one(m, need, errs)) < 0)
			r = -HM_ESYNTAX;
	return r;
}

/* ---- hermod.yaml's "use" itself ---- */

static int
check_use(struct hm_generation *gen, struct hm_errs *errs)
{
	const struct hm_strmap *use = gen->config->server.use;
	const struct hm_node *node = hm_node_get(gen->config->node, "use");
	int r = 0;

	for (size_t i = 0; i < use->n; i++) {
		const char *iface = use->keys[i];
		struct hm_mod *m = chosen(gen, iface);

		if (m != NULL && hm_provision(m, iface) != NULL)
			continue;
		hm_node_error(hm_node_get(node, iface), errs, m != NULL ?
		    "module \"%s\" does not provide the interface \"%s\"" :
		    "no enabled module is named \"%s\" (to provide \"%s\")",
		    use->values[i], iface);
		r = -HM_ESYNTAX;
	}
	return r;
}

/* ---- order ---- */

static bool
providers_placed(const struct hm_mod *m)
{
	for (size_t i = 0; i < m->n_bindings; i++)
		if (m->bindings[i].handle.self != NULL &&
		    !m->bindings[i].handle.self->placed)
			return false;
	return true;
}

static struct hm_mod *
unplaced_provider(const struct hm_mod *m, const char **ret_iface)
{
	for (size_t i = 0; i < m->n_bindings; i++) {
		struct hm_mod *p = m->bindings[i].handle.self;

		if (p != NULL && !p->placed) {
			*ret_iface = m->bindings[i].need->iface;
			return p;
		}
	}
	return NULL;
}

/* Nobody can be placed: following needs must come round in a circle. */
static void
report_cycle(struct hm_generation *gen, struct hm_mod *start,
    struct hm_errs *errs)
{
	struct hm_mod *m = start, *first;
	struct hm_buf text = { 0 };
	const char *iface = "";

	for (size_t i = 0; i < gen->n_mods; i++)
		m = unplaced_provider(m, &iface);
	first = m;
	do {
		struct hm_mod *p = unplaced_provider(m, &iface);

		hm_buf_printf(&text, "%s\"%s\" (%s) needs \"%s\" of \"%s\"",
		    text.len ? ", " : "", m->name, hm_mod_place(m, gen->arena),
		    iface, p->name);
		m = p;
	} while (m != first);
	hm_mod_error(first, errs, "modules need each other in a circle: %s",
	    text.p);
	hm_buf_release(&text);
}

/* Providers before consumers, else by name: gen->mods is sorted by name. */
static int
sort_mods(struct hm_generation *gen, struct hm_errs *errs)
{
	struct hm_mod **sorted;
	size_t n = 0;

	/* One more for the core itself. */
	sorted = hm_alloc_array(gen->arena, gen->n_mods + 1, sizeof(*sorted));
	while (n < gen->n_mods) {
		struct hm_mod *next = NULL, *stuck = NULL;

		for (size_t i = 0; i < gen->n_mods && next == NULL; i++) {
			struct hm_mod *m = gen->mods[i];

			if (m->placed)
				continue;
			if (providers_placed(m))
				next = m;
			else
				stuck = m;
		}
		if (next == NULL) {
			report_cycle(gen, stuck, errs);
			return -HM_ESYNTAX;
		}
		next->placed = true;
		sorted[n++] = next;
	}
	gen->mods = sorted;
	return 0;
}

int
hm_bind(struct hm_generation *gen, struct hm_errs *errs)
{
	int r = check_use(gen, errs);

	for (size_t i = 0; i < gen->n_mods; i++)
		if (bind_mod(gen->mods[i], errs) < 0)
			r = -HM_ESYNTAX;
	return r < 0 ? r : sort_mods(gen, errs);
}

const void *
hm_service_nth(struct hm_mod *m, const char *iface, size_t n)
{
	for (size_t i = 0; i < m->n_bindings; i++) {
		struct hm_binding *b = &m->bindings[i];

		if (strcmp(b->need->iface, iface) == 0 && n-- == 0)
			return b->handle.self != NULL ? &b->handle : NULL;
	}
	return NULL;
}

const void *
hm_service_get(struct hm_mod *m, const char *iface)
{
	for (size_t i = 0; i < m->n_bindings; i++) {
		struct hm_binding *b = &m->bindings[i];

		if (strcmp(b->need->iface, iface) == 0)
			return b->handle.self != NULL ? &b->handle : NULL;
	}
	hm_log(HM_LOG_ERROR, "module asks for an interface that it does not "
	    "list among its needs", hm_f("module", m->name),
	    hm_f("interface", iface));
	return NULL;
}
