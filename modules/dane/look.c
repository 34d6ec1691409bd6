/* look.c - what the DNS says of a host's certificate (RFC 7672, 2.2). */
#include <hermod/clock.h>

#include "dane.h"

/* All lookups of one host; a hook has 10 s, and must know what to say. */
enum { LOOK_MS = 8000, LEAST_MS = 1000 };

enum { LOOKUP_NONE = 0, LOOKUP_USABLE, LOOKUP_UNUSABLE, LOOKUP_FAILED };

struct hm_str
dane_name(struct hm_arena *arena, uint16_t port, struct hm_str base)
{
	return hm_str(hm_printf(arena, "_%u._tcp.%.*s", port, HM_FMT(base)));
}

/* No answer of a signed zone is never an answer (RFC 7672, 2.1.1). */
static struct hm_verdict
failed(struct hm_tls_policy *p, struct hm_str base, struct hm_str name,
    const struct hm_dns_answer *answer)
{
	p->dane = true;
	p->tlsa_base = base;
	p->dane_fault = HM_TLS_DNSSEC_INVALID;
	return hm_defer("4.7.5", hm_printf(p->arena, "nobody knows now whether "
	    "%.*s has TLSA records: %.*s: %.*s", HM_FMT(p->host), HM_FMT(name),
	    HM_FMT(answer->reason)));
}

static HM_FIBER int
ask(const struct dane *d, struct hm_tls_policy *p, struct hm_str name,
    enum hm_dns_type type, int64_t until_ms, struct hm_dns_answer *ret)
{
	int64_t left = until_ms - hm_now_ms();
	int r = d->resolver->ops->query(d->resolver->self, name, type, 0,
	    left > LEAST_MS ? left : LEAST_MS, p->arena, ret);

	if (r < 0)
		*ret = (struct hm_dns_answer){ .outcome = HM_DNS_TIMEOUT,
		    .reason = HM_STR("the lookup was given up") };
	return hm_dns_temporary(ret->outcome) ? -HM_EIO : 0;
}

static void
take(struct hm_tls_policy *p, struct hm_str base,
    const struct hm_dns_answer *answer)
{
	struct hm_buf text = { 0 };

	p->dane = true;
	p->tlsa_base = base;
	p->ntlsa = dane_usable(answer, p->arena, &p->tlsa);
	p->dane_fault = p->ntlsa > 0 ? HM_TLS_SUCCESS : HM_TLS_TLSA_INVALID;
	for (size_t i = 0; i < answer->n && i < DANE_RECORDS_MAX; i++) {
		const struct hm_dns_tlsa *t = &answer->rr[i].tlsa;

		if (i > 0)
			hm_buf_putc(&text, '\n');
		dane_record_text(&text, t->usage, t->selector, t->matching,
		    t->data);
	}
	p->dane_text = hm_str_dup(p->arena, hm_buf_view(&text));
	hm_buf_release(&text);
}

/* The names that the records may be of, first the one behind the aliases; behind
 * insecure ones only the host's own can be asked, if that is secure itself
 * (RFC 7672, 2.2.2). A domain without MX is its own host. */
static HM_FIBER int
find_bases(const struct dane *d, struct hm_tls_policy *p, int64_t until_ms,
    struct hm_str base[2], struct hm_dns_answer *ret)
{
	bool alias = !hm_str_eq(p->host, p->host_final);
	int r;

	if (p->domain_secure && p->host_secure) {
		base[0] = p->host_final;
		base[1] = p->host;
		return alias ? 2 : 1;
	}
	if (!alias || !(p->domain_secure || hm_str_eq(p->host, p->domain)))
		return 0;
	r = ask(d, p, p->host, HM_DNS_CNAME, until_ms, ret);
	base[0] = p->host;
	return r < 0 ? r : ret->outcome == HM_DNS_OK && ret->secure;
}

static HM_FIBER struct hm_verdict
look(const struct dane *d, struct hm_tls_policy *p)
{
	struct hm_dns_answer answer;
	struct hm_str base[2], name;
	int64_t until_ms = hm_now_ms() + LOOK_MS;
	int n = find_bases(d, p, until_ms, base, &answer);

	if (n < 0)
		return failed(p, p->host, p->host, &answer);
	for (int i = 0; i < n && !p->dane; i++) {
		name = dane_name(p->arena, p->port, base[i]);
		if (ask(d, p, name, HM_DNS_TLSA, until_ms, &answer) < 0)
			return failed(p, base[i], name, &answer);
		if (answer.outcome == HM_DNS_OK && answer.secure)
			take(p, base[i], &answer);
	}
	return hm_pass();
}

struct hm_verdict
dane_look(const struct dane *d, struct hm_tls_policy *p)
{
	struct hm_verdict v;

	if (p->host.len == 0 || p->host.p[0] == '[')
		return hm_pass();
	v = look(d, p);
	hm_count_in(d->metrics->lookups, v.kind != HM_PASS ? LOOKUP_FAILED :
	    !p->dane ? LOOKUP_NONE : p->ntlsa > 0 ? LOOKUP_USABLE :
	    LOOKUP_UNUSABLE, 1);
	return v;
}
