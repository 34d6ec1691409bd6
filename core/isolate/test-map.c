/* test-map.c - a map against an array. */
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "map.h"
#include "t/tap.h"

#define KEYS 3000

static void
test_map(void)
{
	struct hm_arena *a = hm_arena_new(NULL, "test");
	struct hm_map map = { 0 };
	static struct hm_str keys[KEYS];
	static char value[KEYS], in[KEYS];
	size_t i, n, count = 0, wrong = 0;
	void *v;

	ok(!hm_map_get(&map, HM_STR("x")), "an empty map");
	ok(!hm_map_remove(&map, HM_STR("x")), "nothing to remove");
	for (i = 0; i < KEYS; i++)
		keys[i] = hm_str(hm_printf(a, "key %zu", i));
	for (n = 0; n < 30000; n++) {
		i = hm_random_below(KEYS);
		v = in[i] ? &value[i] : NULL;
		if (hm_random_below(2)) {
			wrong += hm_map_put(&map, keys[i], &value[i]) != v;
			count += !in[i];
			in[i] = 1;
		} else {
			wrong += hm_map_remove(&map, keys[i]) != v;
			count -= in[i];
			in[i] = 0;
		}
	}
	for (i = 0; i < KEYS; i++)
		wrong += hm_map_get(&map, keys[i]) != (in[i] ? &value[i] : NULL);
	is_int(wrong, 0, "the map agrees with an array");
	is_int(map.len, count, "number of entries");
	free(map.slots);
	hm_arena_free(a);
}

int
main(void)
{
	hm_random_seed(1);
	test_map();
	return done();
}
