/* test-dane.c - certificates against TLSA records, with certificates made here. */
#include <time.h>

#include <gnutls/crypto.h>

#include "modules/smtp-client/client.h"
#include "t/cert.h"
#include "t/tap.h"

enum { DAY = 24 * 3600 };

/* Who there is. Leaves are of INTER, unless they say otherwise. */
enum who {
	NOBODY = 0, ROOT, INTER, OLD_INTER, TWIN, GOOD, EXPIRED, EARLY, OTHER,
	SELF, WILD, OF_OLD, WHO_MAX
};
static const char *const who_names[] = { "nobody", "the root", "the intermediate",
	"an expired intermediate", "a twin of the intermediate", "a good one",
	"an expired one", "one not valid yet", "one of another name",
	"a self-signed one", "a wildcard", "one of an expired authority" };
static struct mt_cert certs[WHO_MAX];

static void
make(enum who who, const char *name, const char *host, enum who issuer,
    int from_days, int until_days)
{
	const char *hosts[] = { host, NULL };
	int64_t now = time(NULL);
	struct mt_cert_spec spec = { .name = name, .hosts = hosts,
	    .authority = host == NULL, .from_s = now + from_days * DAY,
	    .until_s = now + until_days * DAY,
	    .issuer = issuer != NOBODY ? &certs[issuer] : NULL };

	if (mt_cert_make(&spec, &certs[who]) < 0) {
		printf("Bail out! no certificate\n");
		exit(1);
	}
}

static void
make_all(void)
{
	make(ROOT, "root", NULL, NOBODY, -10, 10);
	make(INTER, "intermediate", NULL, ROOT, -10, 10);
	make(OLD_INTER, "old", NULL, ROOT, -10, -1);
	make(TWIN, "intermediate", NULL, ROOT, -10, 10);
	make(GOOD, "good", "mx.example.test", INTER, -10, 10);
	make(EXPIRED, "expired", "mx.example.test", INTER, -10, -1);
	make(EARLY, "early", "mx.example.test", INTER, 5, 10);
	make(OTHER, "other", "mx.other.test", INTER, -10, 10);
	make(SELF, "self", "mx.example.test", NOBODY, -10, 10);
	make(WILD, "wild", "*.example.test", INTER, -10, 10);
	make(OF_OLD, "of-old", "mx.example.test", OLD_INTER, -10, 10);
}

/* ---- records ---- */

static unsigned char digest[64];

static struct hm_tlsa
record(unsigned usage, unsigned selector, unsigned matching, enum who who)
{
	struct hm_str data = selector == 0 ? certs[who].der : certs[who].spki;
	struct hm_tlsa t = { (uint8_t)usage, (uint8_t)selector,
	    (uint8_t)matching, data };

	if (matching != 0) {
		gnutls_hash_fast(matching == 1 ? GNUTLS_DIG_SHA256 :
		    GNUTLS_DIG_SHA512, data.p, data.len, digest);
		t.data = hm_str_n((char *)digest, matching == 1 ? 32 : 64);
	}
	return t;
}

static bool
match(const enum who chain[4], const struct hm_tlsa *t, const char *name)
{
	const struct hm_str names[] = { HM_STR("base.example.net"),
	    hm_str(name), { 0 } };
	struct hm_str der[4];
	size_t n = 0;

	for (; n < 4 && chain[n] != NOBODY; n++)
		der[n] = certs[chain[n]].der;
	return client_dane_match(der, n, t, 1, names, HM_ARRAY_LEN(names));
}

/* ---- the table ---- */

enum { NEVER = 0, ALWAYS = 1, WHOLE = 2 }; /* WHOLE: of a whole certificate only */
static const struct {
	unsigned usage;
	enum who of;           /* whom the record describes */
	enum who chain[4];     /* what the server sends */
	int expect;
} cases[] = {
	/* DANE-EE: that certificate, neither names nor dates matter. */
	{ 3, GOOD, { GOOD, INTER }, ALWAYS },
	{ 3, GOOD, { GOOD }, ALWAYS },
	{ 3, EXPIRED, { EXPIRED, INTER }, ALWAYS },
	{ 3, EARLY, { EARLY, INTER }, ALWAYS },
	{ 3, OTHER, { OTHER, INTER }, ALWAYS },
	{ 3, SELF, { SELF }, ALWAYS },
	{ 3, SELF, { GOOD, INTER }, NEVER },
	{ 3, INTER, { GOOD, INTER, ROOT }, NEVER },
	{ 3, GOOD, { SELF, GOOD }, NEVER },
	{ 3, GOOD, { NOBODY }, NEVER },
	/* DANE-TA: an authority above, with names and dates. */
	{ 2, INTER, { GOOD, INTER }, ALWAYS },
	{ 2, INTER, { GOOD, INTER, ROOT }, ALWAYS },
	{ 2, ROOT, { GOOD, INTER, ROOT }, ALWAYS },
	{ 2, INTER, { GOOD, ROOT, INTER }, ALWAYS },
	{ 2, INTER, { WILD, INTER }, ALWAYS },
	{ 2, INTER, { EXPIRED, INTER }, NEVER },
	{ 2, INTER, { EARLY, INTER }, NEVER },
	{ 2, INTER, { OTHER, INTER }, NEVER },
	{ 2, ROOT, { EXPIRED, INTER, ROOT }, NEVER },
	{ 2, ROOT, { OTHER, INTER, ROOT }, NEVER },
	{ 2, OLD_INTER, { OF_OLD, OLD_INTER }, NEVER },
	{ 2, ROOT, { OF_OLD, OLD_INTER, ROOT }, NEVER },
	{ 2, ROOT, { GOOD, INTER }, WHOLE },
	{ 2, INTER, { GOOD }, WHOLE },
	{ 2, ROOT, { GOOD }, NEVER },
	/* It is not enough to send along whom the record describes. */
	{ 2, TWIN, { GOOD, INTER, TWIN }, NEVER },
	{ 2, TWIN, { GOOD, TWIN }, NEVER },
	{ 2, ROOT, { SELF, INTER, ROOT }, NEVER },
	{ 2, ROOT, { SELF, ROOT }, NEVER },
	{ 2, SELF, { SELF }, NEVER },
	{ 2, GOOD, { GOOD, INTER }, NEVER },
	/* PKIX-TA and PKIX-EE never count. */
	{ 0, INTER, { GOOD, INTER, ROOT }, NEVER },
	{ 0, ROOT, { GOOD, INTER, ROOT }, NEVER },
	{ 1, GOOD, { GOOD, INTER, ROOT }, NEVER },
	{ 4, GOOD, { GOOD, INTER, ROOT }, NEVER },
	{ 255, GOOD, { GOOD, INTER, ROOT }, NEVER },
};

static void
test_table(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		for (unsigned kind = 0; kind < 6; kind++) {
			unsigned selector = kind / 3, matching = kind % 3;
			struct hm_tlsa t = record(cases[i].usage, selector,
			    matching, cases[i].of);
			bool want = cases[i].expect == ALWAYS ||
			    (cases[i].expect == WHOLE && kind == 0);

			ok(match(cases[i].chain, &t, "mx.example.test") == want,
			    "%u %u %u of %s, and %s comes: %s", cases[i].usage,
			    selector, matching, who_names[cases[i].of],
			    who_names[cases[i].chain[0]],
			    want ? "matches" : "does not");
		}
	}
}

/* ---- what else there is ---- */

static void
test_names(void)
{
	static const enum who good[4] = { GOOD, INTER };
	static const enum who wild[4] = { WILD, INTER };
	struct hm_tlsa ee = record(3, 1, 1, GOOD);

	ok(match(good, &ee, "anything.test"), "DANE-EE asks for no name");
	ee = record(2, 0, 1, INTER);
	ok(match(good, &ee, "MX.Example.Test"), "names have no case");
	ok(!match(good, &ee, "example.test"), "a name below is another one");
	ok(match(wild, &ee, "mx2.example.test"), "a wildcard is for one label");
	ok(!match(wild, &ee, "a.b.example.test"), "and not for two");
	ok(!match(good, &ee, ""), "no name at all");
}

static void
test_damage(void)
{
	static const enum who good[4] = { GOOD, INTER };
	struct hm_str der[2] = { certs[GOOD].der, certs[INTER].der };
	struct hm_str names[] = { HM_STR("mx.example.test") };
	struct hm_tlsa t = record(3, 1, 1, GOOD);

	t.data.len = 31;
	ok(!match(good, &t, "mx.example.test"), "a digest that is too short");
	t.data.len = 0;
	ok(!match(good, &t, "mx.example.test"), "no digest");
	t = record(3, 2, 1, GOOD);
	ok(!match(good, &t, "mx.example.test"), "an unknown selector");
	t = record(3, 1, 1, GOOD);
	t.matching = 3;
	ok(!match(good, &t, "mx.example.test"), "an unknown matching type");
	t = (struct hm_tlsa){ 2, 0, 0, HM_STR("no certificate") };
	ok(!match(good, &t, "mx.example.test"), "an anchor that is none");
	t = record(3, 1, 1, GOOD);
	der[0].len -= 1;
	ok(!client_dane_match(der, 2, &t, 1, names, 1), "half a certificate");
}

static void
test_several(void)
{
	struct hm_str der[2] = { certs[GOOD].der, certs[INTER].der };
	struct hm_str names[] = { HM_STR("mx.example.test") };
	struct hm_tlsa t[3] = { record(3, 0, 0, SELF), record(2, 0, 0, ROOT),
	    record(3, 1, 0, GOOD) };

	ok(client_dane_match(der, 2, t, 3, names, 1), "one of three matches");
	ok(!client_dane_match(der, 2, t, 1, names, 1), "the first does not");
	ok(!client_dane_match(der, 2, t, 0, names, 1), "none never matches");
}

int
main(void)
{
	make_all();
	test_table();
	test_names();
	test_damage();
	test_several();
	for (int i = 0; i < WHO_MAX; i++)
		mt_cert_release(&certs[i]);
	return done();
}
