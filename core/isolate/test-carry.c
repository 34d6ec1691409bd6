/* The questions of outgoing mail, on their way to an isolated module and back. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/outbound.h>
#include <hermod/str.h>

#include "core/isolate/carry.h"
#include "t/tap.h"

static const struct hm_tlsa records[] = {
	{ .usage = 3, .selector = 1, .matching = 1, .data = { "\0key", 4 } },
	{ .usage = 2, .selector = 0, .matching = 2, .data = { "root", 4 } },
};

static struct hm_tls_policy
known(struct hm_arena *arena)
{
	return (struct hm_tls_policy){ .size = sizeof(struct hm_tls_policy),
		.arena = arena, .domain = HM_STR("a.example"),
		.domain_final = HM_STR("b.example"), .host = HM_STR("mx.a.example"),
		.host_final = HM_STR("mx.b.example"), .port = 2525,
		.domain_secure = true, .host_secure = true,
		.requiretls = HM_REQUIRETLS_YES, .sts_mode = HM_STS_ENFORCE,
		.sts_host_allowed = true,
		.sts_text = HM_STR("version: STSv1\nmode: enforce"), .dane = true,
		.tlsa_base = HM_STR("mx.b.example"), .ntlsa = 2, .tlsa = records,
		.dane_text = HM_STR("3 1 1 00\n2 0 2 01"),
		.dane_fault = HM_TLS_DNSSEC_INVALID };
}

static bool
same(const struct hm_tls_policy *a, const struct hm_tls_policy *b)
{
	bool all = a->ntlsa == b->ntlsa;

	for (size_t i = 0; all && i < a->ntlsa; i++)
		all = a->tlsa[i].usage == b->tlsa[i].usage &&
		    a->tlsa[i].selector == b->tlsa[i].selector &&
		    a->tlsa[i].matching == b->tlsa[i].matching &&
		    hm_str_eq(a->tlsa[i].data, b->tlsa[i].data);
	return all && hm_str_eq(a->domain, b->domain) &&
	    hm_str_eq(a->domain_final, b->domain_final) &&
	    hm_str_eq(a->host, b->host) &&
	    hm_str_eq(a->host_final, b->host_final) && a->port == b->port &&
	    a->domain_secure == b->domain_secure &&
	    a->host_secure == b->host_secure &&
	    a->requiretls == b->requiretls && a->sts_mode == b->sts_mode &&
	    a->sts_host_allowed == b->sts_host_allowed &&
	    hm_str_eq(a->sts_text, b->sts_text) && a->dane == b->dane &&
	    hm_str_eq(a->tlsa_base, b->tlsa_base) &&
	    hm_str_eq(a->dane_text, b->dane_text) &&
	    a->dane_fault == b->dane_fault;
}

static void
test_tls_policy(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "carry");
	struct hm_tls_policy before = known(arena), after;
	struct hm_buf out = { 0 };
	struct hm_str in;
	size_t bad = 0;

	hm_carry_put_tls_policy(&out, &before);
	in = hm_buf_view(&out);
	is_int(hm_carry_take_tls_policy(arena, &in, &after), 0,
	    "a policy for TLS arrives");
	is_int((int64_t)in.len, 0, "to its last byte");
	ok(same(&before, &after), "with all that is known of the host");
	for (size_t len = 0; len < out.len; len++) {
		in = hm_str_take(hm_buf_view(&out), len);
		bad += hm_carry_take_tls_policy(arena, &in, &after) < 0;
	}
	is_int((int64_t)bad, (int64_t)out.len, "cut short it is refused");
	hm_buf_release(&out);
	hm_arena_free(arena);
}

int
main(void)
{
	test_tls_policy();
	return done();
}
