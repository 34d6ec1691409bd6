/* test-parts.c - answers from the wire, resolv.conf, what is remembered. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/str.h>

#include "modules/resolver-getdns/cache.h"
#include "modules/resolver-getdns/resolvconf.h"
#include "modules/resolver-getdns/wire.h"

#include "t/tap.h"

static struct hm_arena *arena;

/* ---- the wire ---- */

static void
put16(struct hm_buf *out, unsigned v)
{
	hm_buf_putc(out, (char)(v >> 8));
	hm_buf_putc(out, (char)v);
}

static void
put_head(struct hm_buf *out, unsigned flags, unsigned answers,
    unsigned authority, unsigned additional)
{
	put16(out, 1);
	put16(out, flags);
	put16(out, 1);
	put16(out, answers);
	put16(out, authority);
	put16(out, additional);
	hm_buf_add(out, "\1a\4test", 8);   /* the NUL is the root */
}

static void
put_rr(struct hm_buf *out, unsigned type, uint32_t ttl, const char *data,
    size_t len)
{
	put16(out, 0xc00c);
	put16(out, type);
	put16(out, 1);
	put16(out, ttl >> 16);
	put16(out, ttl & 0xffff);
	put16(out, (unsigned)len);
	hm_buf_add(out, data, len);
}

static int
parse(struct hm_buf *message, enum hm_dns_type type, struct hm_dns_answer *ret,
    struct wire_info *info)
{
	int rc = wire_parse(arena, hm_buf_view(message), HM_STR("a.test"), type,
	    ret, info);

	hm_buf_release(message);
	return rc;
}

static void
put_question(struct hm_buf *out, unsigned type)
{
	put16(out, type);
	put16(out, 1);
}

static void
test_wire(void)
{
	static const char soa[] = "\xc0\x0c\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3"
	    "\0\0\0\4\0\0\0\x3c";
	struct hm_dns_answer a;
	struct wire_info info;
	struct hm_buf m = { 0 };

	put_head(&m, 0x81a0, 2, 0, 0);
	put_question(&m, HM_DNS_A);
	put_rr(&m, HM_DNS_A, 0x80000000, "\1\2\3\4", 4);
	put_rr(&m, HM_DNS_A, 77, "\1\2\3\5", 4);
	ok(parse(&m, HM_DNS_A, &a, &info) == 0 && a.n == 2 && info.ad &&
	    a.outcome == HM_DNS_OK && !a.secure, "two addresses, with AD");
	ok(a.rr[0].ttl_s == 0 && a.rr[1].ttl_s == 77 && a.ttl_s == 0,
	    "a time to live with the highest bit is none (RFC 2181, 8)");

	put_head(&m, 0x8183, 0, 1, 0);
	put_question(&m, HM_DNS_A);
	put_rr(&m, HM_DNS_SOA, 300, soa, sizeof(soa) - 1);
	ok(parse(&m, HM_DNS_A, &a, &info) == 0 && info.has_soa &&
	    a.outcome == HM_DNS_NXDOMAIN && a.ttl_s == 60,
	    "no such name, for as long as the SOA says (RFC 2308, 5)");

	put_head(&m, 0x8180, 0, 0, 0);
	put_question(&m, HM_DNS_A);
	ok(parse(&m, HM_DNS_A, &a, &info) == 0 && a.ttl_s == 0 &&
	    a.outcome == HM_DNS_NODATA, "nothing, and nobody says how long");

	put_head(&m, 0x8182, 0, 0, 1);
	put_question(&m, HM_DNS_A);
	hm_buf_add(&m, "\0\0\x29\4\xd0\0\0\0\0\0\x0a\0\x0f\0\6\0\6why?", 21);
	ok(parse(&m, HM_DNS_A, &a, &info) == 0 && a.outcome == HM_DNS_FAILED &&
	    info.rcode == WIRE_SERVFAIL && a.ede == 6 &&
	    hm_str_is(a.ede_text, "why?"), "an extended error (RFC 8914)");

	put_head(&m, 0x8380, 0, 0, 0);
	put_question(&m, HM_DNS_A);
	ok(parse(&m, HM_DNS_A, &a, &info) < 0, "a truncated message is none");
	put_head(&m, 0x8180, 1, 0, 0);
	put_question(&m, HM_DNS_A);
	put_rr(&m, HM_DNS_A, 1, "\1\2\3", 3);
	ok(parse(&m, HM_DNS_A, &a, &info) < 0, "an address of three octets");
	put_head(&m, 0x8180, 1, 0, 0);
	put_question(&m, HM_DNS_MX);
	put_rr(&m, HM_DNS_MX, 1, "\0\1\1.\3\0\\@\0", 9);
	ok(parse(&m, HM_DNS_MX, &a, &info) == 0 &&
	    hm_str_is(a.rr[0].mx.host, "\\046.\\000\\092@"),
	    "odd octets in a name are escaped, so that it is no host");
	put_head(&m, 0x8180, 1, 0, 0);
	put_question(&m, HM_DNS_A);
	hm_buf_release(&m);
}

/* ---- resolv.conf ---- */

static void
test_resolvconf(void)
{
	static const struct {
		const char *text, *first;
		size_t n;
		bool trust;
	} cases[] = {
		{ "", "127.0.0.1:53", 1, false },
		{ "nameserver 192.0.2.1\n", "192.0.2.1:53", 1, false },
		{ "\tnameserver\t2001:db8::1 x\r\n", "[2001:db8::1]:53", 1, false },
		{ "#nameserver 192.0.2.1\n;nameserver 192.0.2.2\nsearch a b",
		    "127.0.0.1:53", 1, false },
		{ "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\n"
		    "nameserver 4.4.4.4", "1.1.1.1:53", 3, false },
		{ "options edns0 trust-ad\nnameserver ::1", "[::1]:53", 1, true },
		{ "options trust-adx\nnameserver x\nnameserver 9.9.9.9",
		    "9.9.9.9:53", 1, false },
	};
	struct resolvconf rc;
	char text[112];

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		resolvconf_parse(hm_str(cases[i].text), &rc);
		ok(rc.n == cases[i].n && rc.trust_ad == cases[i].trust &&
		    strcmp(hm_sockaddr_text(text, &rc.servers[0]),
		    cases[i].first) == 0, "resolv.conf: \"%s\"", cases[i].text);
	}
}

/* ---- the cache ---- */

static void
test_cache(void)
{
	struct cache *c = cache_new(100000);
	struct cached got;
	char name[16];

	cache_put(c, HM_STR("a"), HM_DNS_A, HM_STR("one"), true, 5000);
	cache_put(c, HM_STR("a"), HM_DNS_MX, HM_STR("two"), false, 9000);
	ok(cache_get(c, HM_STR("a"), HM_DNS_A, &got) && got.secure &&
	    hm_str_is(got.message, "one") && got.age_s == 0, "remembered");
	ok(cache_get(c, HM_STR("a"), HM_DNS_MX, &got) && !got.secure &&
	    hm_str_is(got.message, "two"), "by type");
	ok(!cache_get(c, HM_STR("b"), HM_DNS_A, &got), "and name");
	hm_clock_advance(4999);
	ok(cache_get(c, HM_STR("a"), HM_DNS_A, &got) && got.age_s == 4,
	    "it knows its age");
	hm_clock_advance(1);
	ok(!cache_get(c, HM_STR("a"), HM_DNS_A, &got) && cache_count(c) == 1,
	    "and is forgotten when its time has come");
	cache_put(c, HM_STR("a"), HM_DNS_MX, HM_STR("new"), false, 0);
	ok(cache_count(c) == 0, "what may not be kept replaces what was");
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		cache_put(c, hm_str(name), HM_DNS_A, HM_STR("x"), false, 60000);
		(void)cache_get(c, HM_STR("n0"), HM_DNS_A, &got);
	}
	ok(cache_count(c) > 100 && cache_count(c) < 1000, "it is bounded: %zu",
	    cache_count(c));
	ok(cache_get(c, HM_STR("n0"), HM_DNS_A, &got) &&
	    cache_get(c, HM_STR("n4999"), HM_DNS_A, &got) &&
	    !cache_get(c, HM_STR("n1"), HM_DNS_A, &got),
	    "what was used longest ago goes first");
	cache_put(c, HM_STR("big"), HM_DNS_A, hm_str_n(hm_alloc(arena, 7000),
	    7000), false, 60000);
	ok(!cache_get(c, HM_STR("big"), HM_DNS_A, &got),
	    "one answer does not push out all others");
	cache_set_limit(c, 0);
	ok(cache_count(c) == 0, "nothing is kept in no room");
	cache_free(c);
}

int
main(void)
{
	hm_clock_virtual(1800000000000);
	arena = hm_arena_new(NULL, "test");
	test_wire();
	test_resolvconf();
	test_cache();
	hm_arena_free(arena);
	return done();
}
