/* test-hash.c - hashing, and the list. */
#include <hermod/rand.h>
#include <hermod/str.h>

#include "hash.h"
#include "list.h"
#include "t/tap.h"

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
	test_list();
	return done();
}
