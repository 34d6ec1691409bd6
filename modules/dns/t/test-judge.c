/* test-judge.c - what is wanted against what is published. */
#include <hermod/arena.h>
#include <hermod/str.h>

#include "modules/dns/commands.h"

#include "t/tap.h"

static struct hm_arena *arena;

static void
judge(const char *name, const struct hm_dns_want *want, struct hm_dns_rr *rr,
    size_t n, bool secure, enum dns_verdict verdict, const char *detail)
{
	struct hm_dns_answer answer = { .type = want->type, .secure = secure,
	    .outcome = n > 0 ? HM_DNS_OK : HM_DNS_NXDOMAIN, .n = n, .rr = rr };
	const char *said;
	enum dns_verdict got = dns_judge(arena, want, &answer, true, &said);

	ok(got == verdict && strstr(said, detail), "%s: %s", name, said);
}

#define TEXT(s) { .txt = { .text = { s, sizeof(s) - 1 } } }

static void
test_texts(void)
{
	struct hm_dns_want spf = { .type = HM_DNS_TXT,
	    .rr = TEXT("v=spf1 mx ~all") };
	struct hm_dns_want key = { .type = HM_DNS_TXT,
	    .rr = TEXT("v=DKIM1; p=abc") };
	struct hm_dns_rr rr[] = { TEXT("other"), TEXT("v=spf1 mx ~all"),
	    TEXT("V=SPF1 -all"), TEXT("v=DKIM1; p=xyz") };

	judge("the same", &spf, rr, 2, false, DNS_GOOD, "published");
	judge("the same and secure", &spf, rr, 2, true, DNS_GOOD, "secure");
	judge("two of them", &spf, rr, 3, false, DNS_BAD, "none counts");
	judge("none", &spf, rr, 1, false, DNS_BAD, "no such record");
	judge("no name", &spf, rr, 0, false, DNS_BAD, "no such name");
	judge("another", &spf, rr + 2, 1, false, DNS_BAD, "V=SPF1 -all");
	spf.flags = HM_DNS_SIMILAR;
	judge("a similar one", &spf, rr + 2, 1, false, DNS_GOOD, "other words");
	spf.flags = HM_DNS_OPTIONAL;
	judge("none, optional", &spf, rr, 1, false, DNS_ADVICE, "no such record");
	judge("another key", &key, rr + 3, 1, false, DNS_BAD, "p=xyz");
}

static void
test_others(void)
{
	struct hm_dns_want mx = { .type = HM_DNS_MX,
	    .rr = { .mx = { 10, { "mx.example", 10 } } } };
	struct hm_dns_want tlsa = { .type = HM_DNS_TLSA,
	    .rr = { .tlsa = { 3, 1, 1, { "\1\2", 2 } } } };
	struct hm_dns_rr hosts[] = { { .mx = { 5, { "MX.example", 10 } } },
	    { .mx = { 5, { "b.example", 9 } } } };
	struct hm_dns_rr certs[] = { { .tlsa = { 3, 1, 1, { "\1\2", 2 } } },
	    { .tlsa = { 3, 1, 1, { "\1\3", 2 } } } };
	struct hm_dns_answer none = { .outcome = HM_DNS_TIMEOUT,
	    .reason = HM_STR("no answer") };
	const char *said;

	judge("MX with another preference", &mx, hosts, 1, false, DNS_GOOD,
	    "published");
	judge("MX beside others", &mx, hosts, 2, false, DNS_ADVICE, "other hosts");
	judge("MX elsewhere", &mx, hosts + 1, 1, false, DNS_BAD, "b.example");
	judge("TLSA", &tlsa, certs, 2, true, DNS_GOOD, "secure");
	judge("TLSA without DNSSEC", &tlsa, certs, 1, false, DNS_BAD, "no effect");
	judge("TLSA of another key", &tlsa, certs + 1, 1, true, DNS_BAD, "0103");
	ok(dns_judge(arena, &mx, &none, true, &said) == DNS_UNKNOWN &&
	    strcmp(said, "no answer") == 0, "no answer: unknown");
	none.outcome = HM_DNS_BOGUS;
	ok(dns_judge(arena, &mx, &none, true, &said) == DNS_BAD, "bogus: wrong");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_texts();
	test_others();
	hm_arena_free(arena);
	return done();
}
