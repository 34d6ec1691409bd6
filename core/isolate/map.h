/* map.h - a hash map from slices to pointers.
 *
 * Keys are borrowed: they must live as long as their entries. Zeroed memory is
 * a valid empty map. One thread at a time.
 */
#ifndef CORE_ISOLATE_MAP_H
#define CORE_ISOLATE_MAP_H

#include <hermod/types.h>

struct hm_map_slot {
	uint64_t hash;
	struct hm_str key;
	void *value;       /* NULL: the slot is free */
};

struct hm_map {
	struct hm_map_slot *slots;
	size_t cap;        /* a power of two, or 0 */
	size_t len;
};

/* NULL if there is none. */
void *hm_map_get(const struct hm_map *map, struct hm_str key);
/* value is not NULL. Returns the former value (whose key is replaced too), or
 * NULL. */
void *hm_map_put(struct hm_map *map, struct hm_str key, void *value);
/* Returns the removed value or NULL. */
void *hm_map_remove(struct hm_map *map, struct hm_str key);

#endif
