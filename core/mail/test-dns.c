/* test-dns.c - names of the DNS, their types, and what is wanted. */
#include <hermod/arena.h>
#include <hermod/dns.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "t/tap.h"

static struct hm_arena *arena;

static void
test_names(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "Example.ORG", "example.org" }, { ".", "." },
		{ "_dmarc.example.org", "_dmarc.example.org" },
		{ "_25._tcp.mx.example", "_25._tcp.mx.example" },
		{ "user+x=y.spf.example", "user+x=y.spf.example" },
		{ "", NULL }, { "example.org.", NULL }, { ".example", NULL },
		{ "a..b", NULL }, { "a b.example", NULL }, { "a\\046b.c", NULL },
		{ "j\xc3\xb6rg.example", NULL }, { "a\x7f.example", NULL },
		{ "a\n.example", NULL },
	};
	char longest[256];
	struct hm_str name;

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		int rc = hm_dns_name(arena, hm_str(cases[i].in), &name);

		if (cases[i].out)
			ok(rc == 0 && hm_str_is(name, cases[i].out),
			    "name \"%s\"", cases[i].in);
		else
			ok(rc < 0, "not a name: \"%s\"", cases[i].in);
	}
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 63; i < sizeof(longest); i += 64)
		longest[i] = '.';
	ok(hm_dns_name(arena, hm_str_n(longest, 253), &name) == 0,
	    "253 octets are a name");
	ok(hm_dns_name(arena, hm_str_n(longest, 254), &name) < 0,
	    "254 octets are none");
	longest[63] = 'a';
	ok(hm_dns_name(arena, hm_str_n(longest, 80), &name) < 0,
	    "a label of more than 63 octets is none");
}

static void
test_reverse(void)
{
	struct hm_sockaddr a;

	ok(hm_sockaddr_parse(HM_STR("192.0.2.31"), &a) == 0 &&
	    hm_str_is(hm_dns_reverse(arena, &a, NULL),
	    "31.2.0.192.in-addr.arpa"), "an IPv4 address backwards");
	ok(hm_str_is(hm_dns_reverse(arena, &a, "bl.example"),
	    "31.2.0.192.bl.example"), "below the zone of a list");
	ok(hm_sockaddr_parse(HM_STR("2001:db8::567:89ab"), &a) == 0 &&
	    hm_str_is(hm_dns_reverse(arena, &a, NULL), "b.a.9.8.7.6.5.0.0.0.0.0."
	    "0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
	    "an IPv6 address by nibbles (RFC 3596, 2.5)");
}

static void
test_mx(void)
{
	struct hm_dns_rr rr[6] = { 0 };
	struct hm_dns_answer answer = { .n = 6, .rr = rr };
	const uint16_t preferences[] = { 20, 10, 30, 10, 10, 20 };
	unsigned first[6] = { 0 };
	bool sorted = true;

	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < 6; i++) {
			rr[i].mx.preference = preferences[i];
			rr[i].ttl_s = (uint32_t)i;
		}
		hm_dns_mx_sort(&answer);
		for (size_t i = 1; i < 6; i++)
			sorted = sorted &&
			    rr[i - 1].mx.preference <= rr[i].mx.preference;
		first[rr[0].ttl_s]++;
	}
	ok(sorted, "MX records are in order of preference");
	ok(first[1] > 50 && first[3] > 50 && first[4] > 50,
	    "equal ones come first in turn (%u, %u, %u)", first[1], first[3],
	    first[4]);
	ok(!hm_dns_mx_null(&answer), "six hosts are no null MX");
	answer.n = 1;
	rr[0].mx.host = HM_STR(".");
	ok(hm_dns_mx_null(&answer), "\"MX 0 .\" is");
	answer.n = 0;
	hm_dns_mx_sort(&answer);
	ok(!hm_dns_mx_null(&answer), "nothing is neither sorted nor a null MX");
}

static void
test_types(void)
{
	enum hm_dns_type type;
	char buf[16];

	ok(hm_dns_type_parse(HM_STR("tlsa"), &type) == 0 && type == HM_DNS_TLSA,
	    "a type by its name");
	ok(hm_dns_type_parse(HM_STR("TYPE52"), &type) < 0 &&
	    hm_dns_type_parse(HM_STR(""), &type) < 0, "not every type");
	ok(strcmp(hm_dns_type_text(buf, HM_DNS_TLSA), "TLSA") == 0,
	    "and back");
	ok(strcmp(hm_dns_type_text(buf, (enum hm_dns_type)99), "TYPE99") == 0,
	    "an unknown type has a name, too");
}

static void
test_wants(void)
{
	struct hm_dns_wants wants = { .arena = arena };
	bool good = true;

	for (unsigned i = 0; i < 100; i++) {
		struct hm_dns_want want = { .name = HM_STR("x"), .type = HM_DNS_MX,
		    .rr = { .mx = { (uint16_t)i, HM_STR("mx") } } };

		hm_dns_want(&wants, &want);
	}
	for (unsigned i = 0; i < 100; i++)
		good = good && wants.at[i].rr.mx.preference == i;
	ok(good && wants.n == 100, "a hundred records that are wanted");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	hm_random_seed(1);
	test_names();
	test_reverse();
	test_mx();
	test_types();
	test_wants();
	hm_arena_free(arena);
	return done();
}
