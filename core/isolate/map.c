/* map.c - a hash map with linear probing; at most three quarters full. */
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "core/base/hash.h"
#include "map.h"

#define SMALLEST 8

/* The slot of the key, or the free one where it belongs. */
static struct hm_map_slot *
find(const struct hm_map *map, uint64_t hash, struct hm_str key)
{
	size_t i = hash & (map->cap - 1);

	while (map->slots[i].value && (map->slots[i].hash != hash ||
	    !hm_str_eq(map->slots[i].key, key)))
		i = (i + 1) & (map->cap - 1);
	return &map->slots[i];
}

static void
grow(struct hm_map *map)
{
	struct hm_map bigger = { .len = map->len,
		.cap = map->cap ? 2 * map->cap : SMALLEST };
	size_t i;

	bigger.slots = hm_xalloc(bigger.cap * sizeof(*bigger.slots));
	for (i = 0; i < map->cap; i++)
		if (map->slots[i].value)
			*find(&bigger, map->slots[i].hash, map->slots[i].key) =
			    map->slots[i];
	free(map->slots);
	*map = bigger;
}

void *
hm_map_get(const struct hm_map *map, struct hm_str key)
{
	return map->len ? find(map, hm_hash(key), key)->value : NULL;
}

void *
hm_map_put(struct hm_map *map, struct hm_str key, void *value)
{
	uint64_t hash = hm_hash(key);
	struct hm_map_slot *slot;
	void *former;

	if (map->len + 1 > map->cap / 4 * 3)
		grow(map);
	slot = find(map, hash, key);
	former = slot->value;
	if (!former)
		map->len++;
	*slot = (struct hm_map_slot){ hash, key, value };
	return former;
}

/* Closes the hole by moving back entries that probing would not find behind
 * it: those whose own place does not lie between the hole and them. */
static void
close_hole(struct hm_map *map, size_t hole)
{
	size_t mask = map->cap - 1, i = hole;

	for (;;) {
		i = (i + 1) & mask;
		if (!map->slots[i].value)
			break;
		if (((i - map->slots[i].hash) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct hm_map_slot){ 0 };
}

void *
hm_map_remove(struct hm_map *map, struct hm_str key)
{
	struct hm_map_slot *slot;
	void *value;

	if (map->len == 0)
		return NULL;
	slot = find(map, hm_hash(key), key);
	value = slot->value;
	if (!value)
		return NULL;
	close_hole(map, (size_t)(slot - map->slots));
	map->len--;
	return value;
}
