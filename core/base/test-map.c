/* test-map.c - hashing, the map and the list. */
#include <hermod/arena.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "hash.h"
#include "list.h"
#include "map.h"
#include "t/tap.h"

#define KEYS 3000

static void
test_siphash(void)
{
	/* The vectors published with the algorithm: key 00 01 … 0f, input
	 * 00 01 … of growing length. */
	static const struct {
		size_t len;
		uint64_t hash;
	} t[] = {
		{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 }, { 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
	};
	static const uint64_t key[2] = {
		0x0706050403020100, 0x0f0e0d0c0b0a0908
	};
	char in[16];
	size_t i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = (char)i;
	for (i = 0; i < HM_ARRAY_LEN(t); i++)
		ok(hm_siphash(key, hm_str_n(in, t[i].len)) == t[i].hash,
		    "SipHash of %zu bytes", t[i].len);
}

static void
test_map(void)
{
	struct hm_arena *a = hm_arena_new(NULL, "test");
	struct hm_map map = { 0 };
	static struct hm_str keys[KEYS];
	static char value[KEYS], in[KEYS];
	struct hm_str key;
	size_t i, n, count = 0, wrong = 0, pos = 0;
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
	for (n = 0; hm_map_next(&map, &pos, &key, &v); n++) {
		i = (size_t)((char *)v - value);
		wrong += !in[i] || !hm_str_eq(key, keys[i]);
	}
	is_int(n, count, "going through finds each once");
	is_int(wrong, 0, "with its key");
	hm_map_release(&map);
	ok(!hm_map_get(&map, keys[0]), "empty again");
	hm_arena_free(a);
}

static void
test_list(void)
{
	struct item {
		int n;
		struct hm_link link;
	} items[3] = { { .n = 0 }, { .n = 1 }, { .n = 2 } };
	struct hm_link head, *l;
	int i, sum = 0;

	hm_list_init(&head);
	ok(hm_list_empty(&head) && !hm_list_pop(&head), "an empty list");
	for (i = 0; i < 3; i++)
		hm_list_add(&head, &items[i].link);
	for (l = head.next; l != &head; l = l->next)
		sum = sum * 10 + HM_CONTAINER(l, struct item, link)->n;
	is_int(sum, 12, "in order");
	hm_list_remove(&items[1].link);
	hm_list_remove(&items[1].link);
	ok(hm_list_pop(&head) == &items[0].link, "pop takes the first");
	ok(hm_list_pop(&head) == &items[2].link, "then the next");
	ok(hm_list_empty(&head), "empty");
}

int
main(void)
{
	hm_random_seed(1);
	test_siphash();
	test_map();
	test_list();
	return done();
}
