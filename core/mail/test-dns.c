/* test-dns.c - names and records of the DNS as text. */
#include <hermod/arena.h>
#include <hermod/buf.h>
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

static const struct {
	enum hm_dns_type type;
	struct hm_dns_rr rr;
	const char *text;
} records[] = {
	{ HM_DNS_A, { .addr = { .family = 4, .ip = { 192, 0, 2, 1 } } },
	    "192.0.2.1" },
	{ HM_DNS_AAAA, { .addr = { .family = 6, .ip = { 0x20, 1, 0xd, 0xb8 } } },
	    "2001:db8::" },
	{ HM_DNS_MX, { .mx = { 10, { "mx.example", 10 } } }, "10 mx.example." },
	{ HM_DNS_MX, { .mx = { 0, { ".", 1 } } }, "0 ." },
	{ HM_DNS_PTR, { .name = { "mx.example", 10 } }, "mx.example." },
	{ HM_DNS_TXT, { .txt = { .text = { "say \"\\\" \xff", 9 } } },
	    "\"say \\\"\\\\\\\" \\255\"" },
	{ HM_DNS_TXT, { .txt = { { "ab", 2 }, 2,
	    (const struct hm_str[]){ { "a", 1 }, { "b", 1 } } } },
	    "\"a\" \"b\"" },
	{ HM_DNS_TLSA, { .tlsa = { 3, 1, 1, { "\x01\xfe", 2 } } },
	    "3 1 1 01fe" },
	{ HM_DNS_SRV, { .srv = { 0, 1, 993, { "imap.example", 12 } } },
	    "0 1 993 imap.example." },
	{ HM_DNS_CAA, { .caa = { 0, { "issue", 5 }, { "ca.example", 10 } } },
	    "0 issue \"ca.example\"" },
	{ HM_DNS_SOA, { .soa = { { "a", 1 }, { "b", 1 }, 1, 2, 3, 4, 5 } },
	    "a. b. 1 2 3 4 5" },
};

static void
test_texts(void)
{
	struct hm_buf out = { 0 };
	enum hm_dns_type type;
	char key[300], buf[16];

	for (size_t i = 0; i < HM_ARRAY_LEN(records); i++) {
		hm_buf_clear(&out);
		hm_dns_rr_text(&out, records[i].type, &records[i].rr);
		ok(hm_str_is(hm_buf_view(&out), records[i].text), "%s %s",
		    hm_dns_type_text(buf, records[i].type), records[i].text);
	}
	memset(key, 'k', sizeof(key));
	hm_buf_clear(&out);
	hm_dns_txt_text(&out, hm_str_n(key, 255));
	ok(out.len == 257, "255 octets are one string");
	hm_buf_clear(&out);
	hm_dns_txt_text(&out, hm_str_n(key, 256));
	ok(out.len == 256 + 3 * 2 + 2, "256 octets are three");
	hm_buf_release(&out);
	ok(hm_dns_type_parse(HM_STR("tlsa"), &type) == 0 && type == HM_DNS_TLSA,
	    "a type by its name");
	ok(hm_dns_type_parse(HM_STR("TYPE52"), &type) < 0 &&
	    hm_dns_type_parse(HM_STR(""), &type) < 0, "not every type");
	ok(strcmp(hm_dns_type_text(buf, (enum hm_dns_type)99), "TYPE99") == 0,
	    "an unknown type has a name, too");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	hm_random_seed(1);
	test_names();
	test_reverse();
	test_mx();
	test_texts();
	hm_arena_free(arena);
	return done();
}
