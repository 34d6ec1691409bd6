/* test-rand.c - random numbers. */
#include <hermod/rand.h>

#include "t/tap.h"

int
main(void)
{
	unsigned char a[100], b[100];
	unsigned seen[6] = { 0 };
	char id[23];
	size_t i;

	hm_random(a, sizeof(a));
	hm_random(b, sizeof(b));
	ok(memcmp(a, b, sizeof(a)) != 0, "two draws differ");
	hm_random(a, 0);
	for (i = 0; i < 6000; i++)
		seen[hm_random_below(6)]++;
	for (i = 0; i < 6; i++)
		ok(seen[i] > 700 && seen[i] < 1300, "%zu came %u times", i,
		    seen[i]);
	is_int(hm_random_below(1), 0, "below 1");
	hm_random_id(id, 22);
	is_int(strlen(id), 22, "an id of 22 characters");
	is_int(strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_"), 22, "of the alphabet");
	hm_random_seed(42);
	hm_random(a, sizeof(a));
	hm_random_seed(42);
	hm_random(b, sizeof(b));
	ok(memcmp(a, b, sizeof(a)) == 0, "a seed repeats");
	hm_random(b, sizeof(b));
	ok(memcmp(a, b, sizeof(a)) != 0, "and goes on");
	hm_random_seed(43);
	hm_random(b, sizeof(b));
	ok(memcmp(a, b, sizeof(a)) != 0, "another seed differs");
	return done();
}
