/* dns.c - a DNS of a few texts. */
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "dns.h"

static int
query(struct hm_mod *self, struct hm_str name, enum hm_dns_type type,
    unsigned flags, int64_t timeout_ms, struct hm_arena *arena,
    struct hm_dns_answer *ret)
{
	struct dns *dns = (struct dns *)(void *)self;

	(void)flags;
	(void)timeout_ms;
	dns->asked++;
	*ret = (struct hm_dns_answer){ .outcome = HM_DNS_NXDOMAIN, .type = type,
	    .name = name, .canonical = name, .ede = -1,
	    .rr = hm_alloc_array(arena, DNS_TEXTS_MAX, sizeof(*ret->rr)) };
	for (size_t i = 0; i < dns->n; i++) {
		if (!hm_str_caseeq(dns->at[i].name, name))
			continue;
		ret->outcome = dns->at[i].outcome;
		if (ret->outcome == HM_DNS_OK)
			ret->rr[ret->n++].txt.text = dns->at[i].text;
	}
	return 0;
}

static const struct hm_resolver_ops ops = { .size = sizeof(ops), .query = query };

void
dns_init(struct dns *dns)
{
	dns->n = 0;
	dns->asked = 0;
	dns->resolver = (struct hm_resolver){ .self = (struct hm_mod *)(void *)dns,
	    .ops = &ops };
}

static void
add(struct dns *dns, struct hm_str name, struct hm_str text,
    enum hm_dns_outcome outcome)
{
	if (dns->n == DNS_TEXTS_MAX)
		abort();
	dns->at[dns->n].name = name;
	dns->at[dns->n].text = text;
	dns->at[dns->n++].outcome = outcome;
}

void
dns_add(struct dns *dns, struct hm_str name, struct hm_str text)
{
	add(dns, name, text, HM_DNS_OK);
}

void
dns_fail(struct dns *dns, struct hm_str name, enum hm_dns_outcome outcome)
{
	add(dns, name, (struct hm_str){ NULL, 0 }, outcome);
}
