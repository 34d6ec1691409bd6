/* test-tlsa.c - which records can be used, and how they are made. */
#include <time.h>

#include <hermod/encode.h>

#include "modules/dane/dane.h"
#include "t/cert.h"
#include "t/tap.h"

static struct mt_cert cert;
static char zeros[64];

static struct hm_str
zero(size_t len)
{
	return hm_str_n(zeros, len);
}

static size_t
count(struct hm_arena *arena, const struct hm_dns_tlsa *t, size_t n,
    const struct hm_tlsa **ret)
{
	struct hm_dns_rr *rr = hm_alloc_array(arena, n, sizeof(*rr));
	struct hm_dns_answer answer = { .n = n, .rr = rr };

	for (size_t i = 0; i < n; i++)
		rr[i].tlsa = t[i];
	return dane_usable(&answer, arena, ret);
}

static void
test_usable(struct hm_arena *arena)
{
	const struct {
		struct hm_dns_tlsa t;
		bool usable;
		const char *name;
	} cases[] = {
		{ { 3, 1, 1, zero(32) }, true, "3 1 1" },
		{ { 3, 0, 1, zero(32) }, true, "3 0 1" },
		{ { 2, 0, 1, zero(32) }, true, "2 0 1" },
		{ { 2, 1, 2, zero(64) }, true, "2 1 2" },
		{ { 3, 0, 0, cert.der }, true, "3 0 0" },
		{ { 3, 1, 0, cert.spki }, true, "3 1 0" },
		{ { 2, 0, 0, cert.der }, true, "2 0 0" },
		{ { 0, 0, 1, zero(32) }, false, "PKIX-TA" },
		{ { 1, 1, 1, zero(32) }, false, "PKIX-EE" },
		{ { 4, 1, 1, zero(32) }, false, "usage 4" },
		{ { 255, 1, 1, zero(32) }, false, "PrivCert" },
		{ { 3, 2, 1, zero(32) }, false, "selector 2" },
		{ { 3, 255, 1, zero(32) }, false, "PrivSel" },
		{ { 3, 1, 3, zero(32) }, false, "matching 3" },
		{ { 3, 1, 255, zero(32) }, false, "PrivMatch" },
		{ { 3, 1, 1, zero(31) }, false, "SHA-256 of 31 octets" },
		{ { 3, 1, 1, zero(64) }, false, "SHA-256 of 64 octets" },
		{ { 3, 1, 2, zero(32) }, false, "SHA-512 of 32 octets" },
		{ { 3, 1, 1, zero(0) }, false, "no data" },
		{ { 3, 0, 0, zero(32) }, false, "a certificate that is none" },
		{ { 3, 0, 0, cert.spki }, false, "a key for a certificate" },
		{ { 3, 1, 0, cert.der }, false, "a certificate for a key" },
		{ { 2, 0, 0, zero(0) }, false, "no certificate" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		const struct hm_tlsa *got;

		is_int((long)count(arena, &cases[i].t, 1, &got), cases[i].usable,
		    "%s is %s", cases[i].name,
		    cases[i].usable ? "usable" : "unusable");
	}
}

static void
test_agility(struct hm_arena *arena)
{
	const struct hm_dns_tlsa both[] = { { 3, 1, 1, zero(32) },
	    { 3, 1, 2, zero(64) }, { 3, 0, 1, zero(32) }, { 2, 1, 1, zero(32) },
	    { 3, 1, 0, cert.spki } };
	const struct hm_dns_tlsa broken[] = { { 3, 1, 1, zero(32) },
	    { 3, 1, 2, zero(63) } };
	const struct hm_tlsa *got;

	is_int((long)count(arena, both, 5, &got), 4,
	    "SHA-256 beside SHA-512 of the same kind does not count");
	is_int(got[0].matching, DANE_SHA512, "the better one does");
	is_int((long)count(arena, broken, 2, &got), 1,
	    "beside one that cannot be used it does");
}

static void
test_many(struct hm_arena *arena)
{
	struct hm_dns_tlsa *many = hm_alloc_array(arena, 200, sizeof(*many));
	const struct hm_tlsa *got;

	for (size_t i = 0; i < 200; i++)
		many[i] = (struct hm_dns_tlsa){ 3, 1, 1, zero(32) };
	is_int((long)count(arena, many, 200, &got), DANE_RECORDS_MAX,
	    "of 200 records so many are looked at");
	is_int((long)count(arena, many, 0, &got), 0, "none are none");
}

static void
test_making(void)
{
	static const size_t sizes[] = { 0, 32, 64 };
	struct hm_buf data = { 0 }, text = { 0 };

	for (unsigned i = 0; i < 6; i++) {
		struct hm_str whole = i / 3 == DANE_CERT ? cert.der : cert.spki;

		hm_buf_clear(&data);
		is_int(dane_record_data(cert.der, i / 3, i % 3, &data), 0,
		    "3 %u %u is made", i / 3, i % 3);
		ok(i % 3 == DANE_FULL ? hm_str_eq(hm_buf_view(&data), whole) :
		    data.len == sizes[i % 3], "it looks right");
	}
	is_int(dane_record_data(zero(64), 1, 1, &data), -HM_ESYNTAX,
	    "not of what is no certificate");
	dane_record_text(&text, 3, 1, 1, HM_STR("\x01\xff"));
	ok(hm_str_is(hm_buf_view(&text), "3 1 1 01ff"), "written as in a zone");
	hm_buf_release(&data);
	hm_buf_release(&text);
}

int
main(void)
{
	static const char *const hosts[] = { "mx.example.test", NULL };
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct mt_cert_spec spec = { .name = "mx", .hosts = hosts,
	    .from_s = time(NULL) - 3600, .until_s = time(NULL) + 3600 };

	if (mt_cert_make(&spec, &cert) < 0)
		return 1;
	test_usable(arena);
	test_agility(arena);
	test_many(arena);
	test_making();
	mt_cert_release(&cert);
	hm_arena_free(arena);
	return done();
}
