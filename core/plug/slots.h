/* slots.h - what modules keep with a session or a message.
 *
 * struct hm_session and struct hm_message begin with one of these. Loop thread.
 */
#ifndef HERMOD_PLUG_SLOTS_H
#define HERMOD_PLUG_SLOTS_H

#include <hermod/types.h>

struct hm_slot;

struct hm_slots {
	struct hm_slot *first;
	struct hm_arena *arena;        /* the owner's: where slots live */
	struct hm_arena *reply;        /* verdict texts, until the next question */
	unsigned asking;               /* questions under way, in each other */
};

void hm_slots_init(struct hm_slots *slots, struct hm_arena *arena);
/* Runs the destructors, latest first, before the owner's arena goes. */
void hm_slots_release(struct hm_slots *slots);

void *hm_slots_get(struct hm_slots *slots, struct hm_mod *m, size_t bytes,
    void (*destroy)(void *state));

#endif
