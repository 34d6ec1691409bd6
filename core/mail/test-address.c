/* test-address.c - envelope addresses and domains. */
#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "t/tap.h"

static struct hm_arena *arena;

static const struct {
	const char *in;
	unsigned flags;
	int rc;
	const char *local, *domain, *text, *rest;
} paths[] = {
	{ "<a@b.example>", 0, 0, "a", "b.example", "a@b.example", "" },
	{ "<a@b.example> SIZE=1", 0, 0, "a", "b.example", "a@b.example",
	    " SIZE=1" },
	{ "<>", HM_ADDR_NULL, 0, "", "", "", "" },
	{ "<>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<postmaster>", HM_ADDR_POSTMASTER, 0, "postmaster", NULL,
	    "postmaster", "" },
	{ "<POSTMASTER>", HM_ADDR_POSTMASTER, 0, "POSTMASTER", NULL,
	    "POSTMASTER", "" },
	{ "<postmaster>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<root>", HM_ADDR_POSTMASTER, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<@r.example,@s.example:a@b.example>", 0, 0, "a", "b.example",
	    "a@b.example", "" },
	{ "<@r.example a@b.example>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<@r.example,:a@b.example>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<\"a b\"@B.Example>", 0, 0, "a b", "b.example",
	    "\"a b\"@b.example", "" },
	{ "<\"ab\"@b.example>", 0, 0, "ab", "b.example", "ab@b.example", "" },
	{ "<\"a\\\"b\"@b.example>", 0, 0, "a\"b", "b.example",
	    "\"a\\\"b\"@b.example", "" },
	{ "<\"a>b\"@b.example>x", 0, 0, "a>b", "b.example",
	    "\"a>b\"@b.example", "x" },
	{ "<\"\"@b.example>", 0, 0, "", "b.example", "\"\"@b.example", "" },
	{ "<\"a\r\nb\"@b.example>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a@[192.0.2.1]>", 0, 0, "a", "[192.0.2.1]", "a@[192.0.2.1]", "" },
	{ "<a@[ipv6:2001:DB8:0::1]>", 0, 0, "a", "[IPv6:2001:db8::1]",
	    "a@[IPv6:2001:db8::1]", "" },
	{ "<a@[192.0.2.256]>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a@[2001:db8::1]>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a@[192.0.2.1>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a@b.example.>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a.@b.example>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a..b@b.example>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<.a@b.example>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "< a@b.example>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a@b.example", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "a@b.example", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a@>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a(x)@b.example>", 0, -HM_ESYNTAX, NULL, NULL, NULL, NULL },
	{ "<a@b_c.example>", 0, 0, "a", "b_c.example", "a@b_c.example", "" },
	{ "<a@b_c.example>", HM_ADDR_PEDANTIC, -HM_ESYNTAX, NULL, NULL, NULL,
	    NULL },
	{ "<j\xc3\xb6rg@b.example>", 0, -HM_EUNSUPPORTED, NULL, NULL, NULL,
	    NULL },
	{ "<j\xc3\xb6rg@b.example>", HM_ADDR_UTF8, 0, "j\xc3\xb6rg",
	    "b.example", "j\xc3\xb6rg@b.example", "" },
	/* the decomposed spelling is the same address */
	{ "<jo\xcc\x88rg@b.example>", HM_ADDR_UTF8, 0, "j\xc3\xb6rg",
	    "b.example", "j\xc3\xb6rg@b.example", "" },
	{ "<j\xf6rg@b.example>", HM_ADDR_UTF8, -HM_ESYNTAX, NULL, NULL, NULL,
	    NULL },
	{ "<a@B\xc3\x9c" "cher.example>", HM_ADDR_UTF8, 0, "a",
	    "xn--bcher-kva.example", "a@xn--bcher-kva.example", "" },
	{ "<a@b\xc3\xbc" "cher.example>", 0, -HM_EUNSUPPORTED, NULL, NULL, NULL,
	    NULL },
};

static void
test_paths(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(paths); i++) {
		struct hm_str in = hm_str(paths[i].in);
		struct hm_addr addr = { 0 };
		struct hm_err err = { 0 };
		int rc = hm_addr_path(arena, &in, paths[i].flags, &addr, &err);
		is_int(rc, paths[i].rc, "path %s", paths[i].in);
		if (rc < 0) {
			ok(err.code == rc && err.text[0], "… says why");
			ok(in.p == paths[i].in, "… and takes nothing");
			continue;
		}
		is_slice(addr.local, paths[i].local, "… local");
		is_slice(addr.domain, paths[i].domain, "… domain");
		is_slice(addr.text, paths[i].text, "… text");
		is_slice(in, paths[i].rest, "… rest");
	}
}

static int
parse_len(size_t local, size_t label, unsigned flags)
{
	char text[600];
	struct hm_addr addr;

	memset(text, 'a', local);
	text[local] = '@';
	memset(text + local + 1, 'b', label);
	memcpy(text + local + 1 + label, ".example", 9);
	return hm_addr_parse(arena, hm_str(text), flags, &addr, NULL);
}

static void
test_limits(void)
{
	is_int(parse_len(64, 3, HM_ADDR_PEDANTIC), 0, "64 octets, pedantic");
	is_int(parse_len(65, 3, HM_ADDR_PEDANTIC), -HM_ELIMIT,
	    "65 octets, pedantic");
	is_int(parse_len(128, 3, 0), 0, "128 octets");
	is_int(parse_len(129, 3, 0), -HM_ELIMIT, "129 octets");
	is_int(parse_len(1, 63, 0), 0, "label of 63");
	is_int(parse_len(1, 64, 0), -HM_ELIMIT, "label of 64");
	is_int(parse_len(300, 3, 0), -HM_ELIMIT, "far too long");

	struct hm_addr a, b;
	is_int(hm_addr_parse(arena, HM_STR("a@b.example x"), 0, &a, NULL),
	    -HM_ESYNTAX, "nothing may follow");
	is_int(hm_addr_parse(arena, HM_STR(""), 0, &a, NULL), -HM_ESYNTAX,
	    "empty");
	is_int(hm_addr_parse(arena, HM_STR(""), HM_ADDR_NULL, &a, NULL), 0,
	    "empty is the null path where allowed");
	is_int(hm_addr_parse(arena, HM_STR("a@b.example"), 0, &a, NULL), 0,
	    "parse");
	hm_addr_copy(arena, &a, &b);
	is_slice(hm_addr_text(&b), "a@b.example", "copy");
	ok(b.text.p != a.text.p, "the copy is one");
}

static const struct {
	const char *in, *ascii, *unicode;
	int rc;
} domains[] = {
	{ "Example.COM", "example.com", "example.com", 0 },
	{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example",
	    "b\xc3\xbc" "cher.example", 0 },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example",
	    "b\xc3\xbc" "cher.example", 0 },
	{ "fa\xc3\x9f.example", "xn--fa-hia.example", "fa\xc3\x9f.example", 0 },
	{ "c--n.com", "c--n.com", "c--n.com", 0 },
	{ "xn--example.com", NULL, NULL, -HM_ESYNTAX },
	{ "a..b", NULL, NULL, -HM_ESYNTAX },
	{ "-a.example", NULL, NULL, -HM_ESYNTAX },
	{ "a-.example", NULL, NULL, -HM_ESYNTAX },
	{ "a b.example", NULL, NULL, -HM_ESYNTAX },
	{ "a.example.", NULL, NULL, -HM_ESYNTAX },
	{ "", NULL, NULL, -HM_ESYNTAX },
	{ "\xff.example", NULL, NULL, -HM_ESYNTAX },
};

static void
test_domains(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(domains); i++) {
		struct hm_str ascii;
		int rc = hm_domain_ascii(arena, hm_str(domains[i].in), &ascii,
		    NULL);
		is_int(rc, domains[i].rc, "domain %s", domains[i].in);
		if (rc < 0)
			continue;
		is_slice(ascii, domains[i].ascii, "… to ASCII");
		is_slice(hm_domain_unicode(arena, ascii), domains[i].unicode,
		    "… for people");
	}
	struct hm_str s;
	is_int(hm_utf8_nfc(arena, HM_STR("e\xcc\x81"), &s), 0, "NFC");
	is_slice(s, "\xc3\xa9", "… composed");
	is_int(hm_utf8_nfc(arena, HM_STR("\xc3"), &s), -HM_ESYNTAX,
	    "NFC of what is no UTF-8");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_paths();
	test_limits();
	test_domains();
	hm_arena_free(arena);
	return done();
}
