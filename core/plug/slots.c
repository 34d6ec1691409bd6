/* slots.c - per-session and per-message state of modules. */
#include <hermod/arena.h>
#include <hermod/plugin.h>

#include "generation.h"
#include "slots.h"

struct hm_slot {
	struct hm_slot *next;
	struct hm_mod *mod;
	size_t bytes;
	void (*destroy)(void *state);
	void *state;
};

static const char slot_holder[] = "slot";

void
hm_slots_init(struct hm_slots *slots, struct hm_arena *arena)
{
	slots->first = NULL;
	slots->arena = arena;
	slots->reply = NULL;
	slots->asking = 0;
}

void
hm_slots_release(struct hm_slots *slots)
{
	struct hm_where former;
	struct hm_slot *slot;

	while ((slot = slots->first) != NULL) {
		slots->first = slot->next;
		if (slot->destroy != NULL) {
			former = hm_where_enter(slot->mod->who, "slot");
			slot->destroy(slot->state);
			hm_where_leave(former);
		}
		hm_mod_release(slot->mod, slot_holder);
	}
	hm_arena_free(slots->reply);
	slots->reply = NULL;
}

void *
hm_slots_get(struct hm_slots *slots, struct hm_mod *m, size_t bytes,
    void (*destroy)(void *state))
{
	struct hm_slot *slot;

	/* A module that asks for another size gets another slot: a defect
	 * there must not become an overflow here. */
	for (slot = slots->first; slot != NULL; slot = slot->next)
		if (slot->mod == m && slot->bytes == bytes)
			return slot->state;
	slot = hm_new(slots->arena, struct hm_slot);
	slot->mod = m;
	slot->bytes = bytes;
	slot->destroy = destroy;
	slot->state = hm_alloc(slots->arena, bytes ? bytes : 1);
	slot->next = slots->first;
	slots->first = slot;
	/* The destructor is the module's code: keep it loaded. */
	hm_mod_hold(m, slot_holder);
	return slot->state;
}
