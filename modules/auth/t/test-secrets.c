/* test-secrets.c - what is stored instead of a password, and CRAM-MD5. */
#include "modules/auth/auth.h"
#include "t/tap.h"

static void
test_record(struct hm_arena *arena)
{
	struct auth_secrets made, got;
	struct hm_buf record = { 0 };

	is_int(auth_secrets_make(arena, HM_STR("correct horse"), 4096, &made,
	    NULL), 0, "secrets are made");
	auth_secrets_pack(&record, &made);
	ok(hm_str_find(hm_buf_view(&record), HM_STR("horse")) < 0,
	    "the password is not among them");
	is_int(auth_secrets_unpack(arena, hm_buf_view(&record), &got), 0,
	    "the record reads back");
	ok(hm_str_eq(got.hash, made.hash) &&
	    hm_str_eq(got.cram_outer, made.cram_outer), "ends are the same");
	for (int i = 0; i < AUTH_SCRAMS; i++) {
		is_int(got.scram[i].iterations, 4096, "iterations");
		ok(hm_str_eq(got.scram[i].salt, made.scram[i].salt) &&
		    hm_str_eq(got.scram[i].stored_key, made.scram[i].stored_key) &&
		    hm_str_eq(got.scram[i].server_key, made.scram[i].server_key),
		    "SCRAM %d is the same", i);
	}
	for (size_t n = 0; n < record.len; n++)
		if (auth_secrets_unpack(arena, hm_str_n(record.p, n), &got) == 0) {
			ok(false, "a record cut at %zu is refused", n);
			break;
		}
	hm_buf_release(&record);
	ok(auth_hash_matches(made.hash.p, HM_STR("correct horse")),
	    "the hash matches its password");
	ok(!auth_hash_matches(made.hash.p, HM_STR("correct horsf")),
	    "and no other");
	ok(!auth_hash_matches("", HM_STR("x")) &&
	    !auth_hash_matches("$y$junk", HM_STR("x")) &&
	    !auth_hash_matches("*0", HM_STR("*0")), "nothing matches damage");
}

/* The example of RFC 2195, 2. */
static void
test_cram(void)
{
	uint8_t inner[16], outer[16];
	struct auth_secrets s = {
		.cram_inner = { (char *)inner, 16 },
		.cram_outer = { (char *)outer, 16 },
	};
	struct hm_str challenge =
	    HM_STR("<1896.697170952@postoffice.reston.mci.net>");

	auth_cram_states(HM_STR("tanstaaftanstaaf"), inner, outer);
	ok(auth_cram_matches(&s, challenge,
	    HM_STR("b913a602c7eda7a495b4e6e7334d3890")), "the RFC's digest");
	ok(!auth_cram_matches(&s, challenge,
	    HM_STR("b913a602c7eda7a495b4e6e7334d3891")), "another digest");
	ok(!auth_cram_matches(&s, challenge, HM_STR("b913")), "a short one");
	ok(!auth_cram_matches(&s, challenge, HM_STR("")), "none");
	s.cram_inner.len = 0;
	ok(!auth_cram_matches(&s, challenge,
	    HM_STR("b913a602c7eda7a495b4e6e7334d3890")), "no state stored");
}

static void
test_prepare(struct hm_arena *arena)
{
	static const struct {
		struct hm_str in;
		int result;
	} t[] = {
		{ HM_STR("plain"), 0 },
		{ HM_STR("gr\xc3\xbc\xc3\x9f"), 0 },
		{ HM_STR(""), -HM_ESYNTAX },
		{ HM_STR("nul\0nul"), -HM_ESYNTAX },
		{ HM_STR("bad\xff"), -HM_ESYNTAX },
	};
	struct hm_str got;

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++)
		is_int(auth_prepare(arena, t[i].in, &got), t[i].result,
		    "password %zu", i);
	auth_prepare(arena, HM_STR("u\xcc\x88"), &got);
	is_slice(got, "\xc3\xbc", "composed (NFC)");
}

static void
test_cache(void)
{
	struct auth_cache *cache = auth_cache_new();

	ok(!auth_cache_has(cache, HM_STR("hash"), HM_STR("pw")), "empty");
	auth_cache_add(cache, HM_STR("hash"), HM_STR("pw"));
	ok(auth_cache_has(cache, HM_STR("hash"), HM_STR("pw")), "remembered");
	ok(!auth_cache_has(cache, HM_STR("hash"), HM_STR("px")), "other password");
	ok(!auth_cache_has(cache, HM_STR("hasi"), HM_STR("pw")), "other hash");
	hm_clock_advance(16 * 60 * 1000);
	ok(!auth_cache_has(cache, HM_STR("hash"), HM_STR("pw")), "forgotten");
	auth_cache_free(cache);
}

int
main(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");

	hm_clock_virtual(1700000000000);
	test_record(arena);
	test_cram();
	test_prepare(arena);
	test_cache();
	hm_arena_free(arena);
	return done();
}
