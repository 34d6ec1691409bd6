/* test-arena.c - arenas: lifetime, order of clean-ups, limits. */
#include <hermod/arena.h>

#include "t/tap.h"

static char order[32];

static void
note(void *arg)
{
	strncat(order, arg, sizeof(order) - strlen(order) - 1);
}

static void
start_child(void *arg)
{
	struct hm_arena *child = hm_arena_new(arg, "late");

	hm_on_free(child, note, "late");
}

static void
test_memory(void)
{
	struct hm_arena *a = hm_arena_new(NULL, "test");
	size_t before = hm_arena_bytes(a), size, i;
	bool zeroed = true, apart = true, aligned = true;
	char *last = NULL;

	ok(before <= 512, "an empty arena costs %zu bytes", before);
	for (size = 0; size < 5000; size += 7) {
		char *p = hm_alloc(a, size);

		for (i = 0; i < size; i++)
			zeroed = zeroed && p[i] == 0;
		memset(p, 0xff, size);
		aligned = aligned && (uintptr_t)p % 16 == 0;
		apart = apart && p != last;
		last = p;
	}
	ok(zeroed, "memory is zeroed");
	ok(aligned, "memory is aligned");
	ok(apart, "even empty allocations differ");
	hm_alloc(a, 1 << 20);
	ok(hm_arena_bytes(a) > 1 << 20, "large blocks are counted");
	hm_arena_clear(a);
	is_int(hm_arena_bytes(a), before, "clear gives all but the first back");
	for (i = 0, last = hm_alloc(a, 300); i < 300; i++)
		zeroed = zeroed && last[i] == 0;
	ok(zeroed, "memory after clear is zeroed again");
	is_str(hm_strdup(a, "abc"), "abc", "strdup");
	is_str(hm_strndup(a, "abc", 2), "ab", "strndup ends the copy");
	is_str(hm_printf(a, "%d-%s", 42, "x"), "42-x", "printf");
	hm_arena_free(a);
	hm_arena_free(NULL);
}

static void
test_order(void)
{
	struct hm_arena *a = hm_arena_new(NULL, "parent");
	struct hm_arena *b = hm_arena_new(a, "child");
	struct hm_arena *c = hm_arena_new(b, "grandchild");

	hm_on_free(a, note, "1");
	hm_on_free(a, note, "2");
	hm_on_free(b, note, "3");
	hm_on_free(c, note, "4");
	hm_arena_free(a);
	is_str(order, "4321", "children first, then newest clean-up first");

	order[0] = '\0';
	a = hm_arena_new(NULL, "parent");
	b = hm_arena_new(a, "child");
	hm_on_free(b, note, "b");
	hm_arena_free(b);
	is_str(order, "b", "a child can go alone");
	hm_on_free(a, start_child, a);
	hm_arena_clear(a);
	is_str(order, "blate", "a child made by a clean-up goes as well");
	hm_on_free(a, start_child, a);
	hm_arena_free(a);
	is_str(order, "blatelate", "also when the arena itself goes");
}

static void
test_limit(void)
{
	struct hm_arena *a = hm_arena_new(NULL, "session");
	struct hm_arena *b = hm_arena_new(a, "message");

	hm_arena_set_limit(a, 10000);
	ok(!hm_arena_over(a) && !hm_arena_over(b), "below the limit");
	hm_alloc(b, 20000);
	ok(hm_arena_over(a), "a child counts for its parent");
	ok(hm_arena_over(b), "and sees that the parent is over");
	hm_arena_free(b);
	ok(!hm_arena_over(a), "freed again");
	hm_arena_free(a);
}

static void
test_depth(void)
{
	struct hm_arena *top = hm_arena_new(NULL, "top"), *a = top;
	int i;

	for (i = 0; i < 20000; i++)
		a = hm_arena_new(a, "nested");
	hm_arena_free(top);
	ok(true, "depth costs no stack");
}

int
main(void)
{
	test_memory();
	test_order();
	test_limit();
	test_depth();
	return done();
}
