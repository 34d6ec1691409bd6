/* Counting per address class, with fixed windows and with held things. */
#include <hermod/clock.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include <string.h>

#include "t/tap.h"

static bool
add(struct hm_ratelimit *rl, const char *ip, int n)
{
	struct hm_sockaddr a;

	if (hm_sockaddr_parse(hm_str(ip), &a) != 0)
		abort();
	return hm_ratelimit_add(rl, &a, n);
}

/* One table: each step advances the clock, then adds. */
static const struct {
	int64_t advance_ms;
	const char *ip;
	int n;
	bool expect;
	const char *why;
} steps[] = {
	{ 0, "192.0.2.1", 2, true, "two of three" },
	{ 0, "192.0.2.1", 2, false, "two more are too many" },
	{ 0, "192.0.2.1", 1, true, "and were not counted" },
	{ 0, "192.0.2.1", 1, false, "now it is full" },
	{ 0, "192.0.2.2", 2, true, "a neighbour in the /26: five" },
	{ 0, "192.0.2.3", 1, false, "the /26 is full" },
	{ 0, "192.0.2.64", 1, true, "the next /26 is not: six in the /21" },
	{ 0, "192.0.3.1", 2, true, "eight in the /21" },
	{ 0, "192.0.4.1", 1, false, "the /21 is full" },
	{ 0, "192.0.8.1", 3, true, "the next /21 is not" },
	{ 0, "2001:db8::1", 3, true, "IPv6 counts apart" },
	{ 0, "2001:db8::ffff:1", 1, false, "the /64 is full" },
	{ 0, "2001:db8:0:1::1", 2, true, "another in the /48: five" },
	{ 0, "2001:db8:0:2::1", 1, false, "the /48 is full" },
	{ 0, "2001:db8:1::1", 3, true, "another in the /32: eight" },
	{ 0, "2001:db8:2::1", 1, false, "the /32 is full" },
	{ 0, "2001:db9::1", 1, true, "the next /32 is not" },
	{ 500, "192.0.2.1", 1, false, "still the same window" },
	{ 500, "192.0.2.1", 3, true, "a new window starts from nothing" },
	{ 0, "192.0.2.2", 2, true, "for all" },
	{ 0, "unix:/run/x", 100, true, "Unix sockets are never limited" },
};

static void
test_window(void)
{
	static const unsigned limit[3] = { 3, 5, 8 };
	struct hm_ratelimit *rl = hm_ratelimit_new(1000, limit);
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(steps); i++) {
		hm_clock_advance(steps[i].advance_ms);
		ok(add(rl, steps[i].ip, steps[i].n) == steps[i].expect, "%s: %s",
		    steps[i].ip, steps[i].why);
	}
	hm_ratelimit_free(rl);
}

static void
test_held(void)
{
	static const unsigned limit[3] = { 2, 3, 0 };
	struct hm_ratelimit *rl = hm_ratelimit_new(0, limit);
	int i;

	ok(add(rl, "192.0.2.1", 1) && add(rl, "192.0.2.1", 1), "two are held");
	ok(!add(rl, "192.0.2.1", 1), "a third is not");
	hm_clock_advance(1000000000);
	ok(!add(rl, "192.0.2.1", 1), "whatever the time");
	ok(add(rl, "192.0.2.1", -1), "one is given back");
	ok(add(rl, "192.0.2.1", 1), "then there is room");
	ok(add(rl, "192.0.2.1", -1) && add(rl, "192.0.2.1", -1), "all back");
	ok(add(rl, "192.0.2.1", -1), "one too many does no harm");
	ok(add(rl, "192.0.2.1", 2), "two again");
	for (i = 0; i < 100; i++)
		if (!add(rl, "192.0.3.1", 2) || !add(rl, "192.0.3.1", -2))
			break;
	is_int(i, 100, "coming and going leaves no trace");
	hm_ratelimit_free(rl);
}

static void
test_reset(void)
{
	static const unsigned limit[3] = { 3, 4, 100 };
	struct hm_ratelimit *rl = hm_ratelimit_new(1000, limit);
	struct hm_sockaddr a;

	hm_sockaddr_parse(HM_STR("192.0.2.1"), &a);
	add(rl, "192.0.2.1", 3);
	add(rl, "192.0.2.2", 1);
	ok(!add(rl, "192.0.2.3", 1), "the /26 is full");
	hm_ratelimit_reset(rl, &a);
	ok(add(rl, "192.0.2.3", 3), "a reset takes back what one had");
	ok(!add(rl, "192.0.2.2", 1), "but not what others have");
	hm_ratelimit_free(rl);
	hm_ratelimit_free(NULL);
}

/* More addresses than the table ever holds. */
static void
test_many(void)
{
	static const unsigned limit[3] = { 1, 0, 0 };
	struct hm_ratelimit *rl = hm_ratelimit_new(0, limit);
	struct hm_sockaddr a = { .family = 4 };
	uint32_t i, refused = 0, again = 0;

	for (i = 0; i < 50000; i++) {
		uint32_t ip = i * 2654435761u;

		memcpy(a.ip, &ip, 4);
		refused += !hm_ratelimit_add(rl, &a, 1);
	}
	is_int(refused, 0, "50000 addresses");
	for (i = 0; i < 50000; i++) {
		uint32_t ip = i * 2654435761u;

		memcpy(a.ip, &ip, 4);
		again += hm_ratelimit_add(rl, &a, 1);
	}
	is_int(again, 0, "each is remembered");
	for (i = 50000; i < 400000; i++) {
		uint32_t ip = i * 2654435761u;

		memcpy(a.ip, &ip, 4);
		refused += !hm_ratelimit_add(rl, &a, 1);
	}
	ok(refused > 0, "a full table refuses newcomers");
	hm_ratelimit_free(rl);
}

int
main(void)
{
	hm_clock_virtual(1700000000000);
	test_window();
	test_held();
	test_reset();
	test_many();
	return done();
}
