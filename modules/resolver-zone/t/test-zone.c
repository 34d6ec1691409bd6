/* test-zone.c - mistakes in zone files, and what rules do. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "modules/resolver-zone/zone.h"

#include "t/tap.h"

static const struct {
	const char *text, *error;
	unsigned line;
} mistakes[] = {
	{ "a.test. A 192.0.2.1\n\na.test. A 192.0.2\n", "no IPv4 address", 3 },
	{ "a AAAA 192.0.2.1", "no IPv6 address", 1 },
	{ "a MX 10", "a name is missing", 1 },
	{ "a MX 65536 b", "up to 65535", 1 },
	{ "a MX 10 b c", "\"c\" is too much", 1 },
	{ "a TXT", "a string is missing", 1 },
	{ "a TXT \"x", "a quote does not end", 1 },
	{ "a TXT \\300", "three digits", 1 },
	{ "a TLSA 3 1 1 abc", "hexadecimal", 1 },
	{ "a FROB x", "\"FROB\" is not a type", 1 },
	{ "a 5x A 192.0.2.1", "\"5x\" is not a time to live", 1 },
	{ "a (\nMX 10", "a parenthesis is not closed", 1 },
	{ " A 192.0.2.1", "no name", 1 },
	{ "a..b A 192.0.2.1", "\"a..b\" is not a name", 1 },
	{ "\"a\" A 192.0.2.1", "quotes", 1 },
	{ "$FROB x", "\"$FROB\" is not a directive", 1 },
	{ "$ORIGIN", "missing", 1 },
	{ "$SECURE maybe", "yes or no", 1 },
	{ "$FAIL often", "timeout, failed, bogus or no", 1 },
	{ "$FAIL no a B", "a type of records", 1 },
	{ "$FAIL no a AAAA c", "expected here", 1 },
	{ "$DELAY 1s a AAAA", "expected here", 1 },
	{ "$INCLUDE x", "not possible", 1 },
};

static void
test_mistakes(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(mistakes); i++) {
		struct hm_err err = { 0 };
		struct zone *zone = NULL;
		int rc = zone_parse(hm_str(mistakes[i].text), "x", &zone, &err);

		ok(rc < 0 && strstr(err.text, mistakes[i].error) &&
		    err.line == mistakes[i].line, "%s: line %u: %s",
		    mistakes[i].text, err.line, err.text);
		zone_free(zone);
	}
}

static const struct {
	const char *name;
	enum hm_dns_type type;
	enum hm_dns_outcome outcome;
	bool secure;
	int64_t delay_ms;
	uint32_t ttl_s;
} questions[] = {
	{ "a.test", HM_DNS_A, HM_DNS_OK, true, 0, 5400 },
	{ "a.test", HM_DNS_MX, HM_DNS_NODATA, true, 0, 60 },
	{ "b.a.test", HM_DNS_A, HM_DNS_NXDOMAIN, true, 0, 60 },
	{ "x.un.a.test", HM_DNS_A, HM_DNS_OK, false, 0, 7 },
	{ "un.a.test", HM_DNS_A, HM_DNS_NODATA, false, 0, 60 },
	{ "y.slow.test", HM_DNS_A, HM_DNS_OK, false, 3000, 5400 },
	{ "dead.test", HM_DNS_A, HM_DNS_TIMEOUT, false, -1, 0 },
	{ "lies.dead.test", HM_DNS_A, HM_DNS_BOGUS, false, 0, 0 },
	{ "fine.dead.test", HM_DNS_A, HM_DNS_OK, false, 0, 5400 },
	{ "half.test", HM_DNS_A, HM_DNS_OK, false, 0, 5400 },
	{ "half.test", HM_DNS_AAAA, HM_DNS_FAILED, false, 0, 0 },
	{ "to.a.test", HM_DNS_A, HM_DNS_TIMEOUT, false, -1, 0 },
	{ "other.test", HM_DNS_A, HM_DNS_NXDOMAIN, false, 0, 0 },
	{ ".", HM_DNS_NS, HM_DNS_NODATA, false, 0, 0 },
};

static void
test_rules(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct zone *zone;
	int rc = zone_parse(HM_STR("$TTL 1h30m\n"
	    "$ORIGIN a.test.\n"
	    "@ SOA ns host 1 2 3 4 60\n"
	    "@ A 192.0.2.1\n"
	    "x.un 7 A 192.0.2.2\n"
	    "to CNAME z.dead.test.\n"
	    "$SECURE yes\n"
	    "$SECURE no un\n"
	    "$ORIGIN test.\n"
	    "*.slow A 192.0.2.3\n"
	    "$DELAY 3s slow\n"
	    "$FAIL timeout dead\n"
	    "$FAIL failed lies.dead\n"
	    "$FAIL bogus lies.dead\n"
	    "$FAIL no fine.dead\n"
	    "$FAIL failed half AAAA\n"
	    "half A 192.0.2.5\n"
	    "fine.dead A 192.0.2.4\n"), "x", &zone, NULL);

	ok(rc == 0, "a zone");
	for (size_t i = 0; rc == 0 && i < HM_ARRAY_LEN(questions); i++) {
		struct hm_dns_answer a;
		int64_t delay_ms;

		zone_answer(zone, hm_str(questions[i].name), questions[i].type,
		    arena, &a, &delay_ms);
		ok(a.outcome == questions[i].outcome && a.secure ==
		    questions[i].secure && delay_ms == questions[i].delay_ms &&
		    a.ttl_s == questions[i].ttl_s, "%s: %s, %s, %lld ms, %u s",
		    questions[i].name, hm_dns_outcome_text(a.outcome),
		    a.secure ? "secure" : "not secure", (long long)delay_ms,
		    a.ttl_s);
	}
	zone_free(zone);
	hm_arena_free(arena);
}

int
main(void)
{
	test_mistakes();
	test_rules();
	return done();
}
