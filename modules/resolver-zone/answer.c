/* answer.c - answers from a zone as a validating resolver would give them. */
#include "zone.h"

#include <hermod/arena.h>
#include <hermod/str.h>

/* Whether name is at or below that one; every name is below the empty one. */
static bool
is_below(struct hm_str name, struct hm_str top)
{
	if (top.len == 0 || hm_str_is(top, ".") || hm_str_eq(name, top))
		return true;
	return name.len > top.len && hm_str_ends(name, top) &&
	    name.p[name.len - top.len - 1] == '.';
}

/* The rule of that kind that is nearest; of two for one name the later. */
static const struct zone_rule *
rule_for(const struct zone *z, int kind, struct hm_str name,
    enum hm_dns_type type)
{
	const struct zone_rule *best = NULL;

	for (size_t i = 0; i < z->nrules; i++) {
		const struct zone_rule *r = &z->rules[i];

		if ((int)r->kind == kind && is_below(name, r->name) &&
		    (r->type == 0 || r->type == type) &&
		    (!best || r->name.len >= best->name.len))
			best = r;
	}
	return best;
}

/* The first record of that owner, or where it would be. */
static size_t
seek(const struct zone *z, struct hm_str owner)
{
	size_t low = 0, high = z->nrecords;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (hm_str_cmp(z->records[mid].owner, owner) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
has_records(const struct zone *z, struct hm_str owner)
{
	size_t i = seek(z, owner);

	return i < z->nrecords && hm_str_eq(z->records[i].owner, owner);
}

/* Names between one that has records and the root exist as well. */
static bool
exists(const struct zone *z, struct hm_str name)
{
	if (has_records(z, name))
		return true;
	for (size_t i = 0; i < z->nrecords; i++)
		if (is_below(z->records[i].owner, name))
			return true;
	return false;
}

/* The owner whose records stand for name: itself, or the wildcard below the
 * nearest name that exists (RFC 4592, 3.3.1). */
static bool
stands_for(const struct zone *z, struct hm_arena *arena, struct hm_str name,
    struct hm_str *ret)
{
	struct hm_str rest = name;

	*ret = name;
	if (exists(z, name))
		return true;
	while (hm_str_split(&rest, '.').p && rest.p) {
		*ret = hm_str(hm_printf(arena, "*.%.*s", HM_FMT(rest)));
		if (has_records(z, *ret))
			return true;
		if (exists(z, rest))
			return false;
	}
	return false;
}

static void
add(const struct zone_record *rec, struct hm_arena *arena,
    struct hm_dns_answer *answer)
{
	struct hm_dns_rr *rr;

	if (answer->n == HM_DNS_RECORDS_MAX) {
		answer->truncated = true;
		return;
	}
	rr = &answer->rr[answer->n++];
	/* It was read without complaint when the zone was loaded. */
	(void)zone_rdata(arena, rec->type, rec->origin, rec->data, rr, NULL);
	rr->ttl_s = rec->ttl_s;
	if (rec->ttl_s < answer->ttl_s)
		answer->ttl_s = rec->ttl_s;
}

/* All records of one type; their count. */
static size_t
collect(const struct zone *z, struct hm_str owner, enum hm_dns_type type,
    struct hm_arena *arena, struct hm_dns_answer *answer)
{
	size_t first = seek(z, owner), n = 0;

	for (size_t i = first; i < z->nrecords &&
	    hm_str_eq(z->records[i].owner, owner); i++)
		n += z->records[i].type == type;
	if (n == 0)
		return 0;
	answer->rr = hm_alloc_array(arena, n < HM_DNS_RECORDS_MAX ? n :
	    HM_DNS_RECORDS_MAX, sizeof(*answer->rr));
	answer->n = 0;
	for (size_t i = first; i < z->nrecords &&
	    hm_str_eq(z->records[i].owner, owner); i++)
		if (z->records[i].type == type)
			add(&z->records[i], arena, answer);
	return n;
}

/* How long "nothing" holds: as the SOA above says (RFC 2308, 5). */
static void
absent_ttl(const struct zone *z, struct hm_arena *arena, struct hm_str name,
    struct hm_dns_answer *answer)
{
	struct hm_dns_answer soa = { .ttl_s = UINT32_MAX };

	answer->rr = NULL;
	answer->n = 0;
	while (name.p && collect(z, name, HM_DNS_SOA, arena, &soa) == 0)
		(void)hm_str_split(&name, '.');
	if (soa.n == 0) {
		answer->ttl_s = 0;
		return;
	}
	if (soa.rr[0].soa.minimum_s < soa.ttl_s)
		soa.ttl_s = soa.rr[0].soa.minimum_s;
	if (soa.ttl_s < answer->ttl_s)
		answer->ttl_s = soa.ttl_s;
}

static void
fail(struct hm_dns_answer *answer, enum hm_dns_outcome outcome,
    const char *reason)
{
	answer->outcome = outcome;
	answer->reason = hm_str(reason);
	answer->secure = false;
	answer->canonical = answer->name;
	answer->ncnames = answer->n = 0;
	answer->ttl_s = 0;
}

/* What the rules say about a name; false: it fails. */
static bool
apply_rules(const struct zone *z, struct hm_str name,
    struct hm_dns_answer *answer, int64_t *delay_ms)
{
	const struct zone_rule *r = rule_for(z, ZONE_SECURE, name,
	    answer->type);

	answer->secure = answer->secure && r && r->secure;
	r = rule_for(z, ZONE_DELAY, name, answer->type);
	if (r)
		*delay_ms += r->delay_ms;
	r = rule_for(z, ZONE_FAIL, name, answer->type);
	if (!r || r->outcome == HM_DNS_OK)
		return true;
	if (r->outcome == HM_DNS_TIMEOUT)
		*delay_ms = -1;
	fail(answer, r->outcome, hm_dns_outcome_text(r->outcome));
	return false;
}

void
zone_answer(const struct zone *z, struct hm_str name, enum hm_dns_type type,
    struct hm_arena *arena, struct hm_dns_answer *ret, int64_t *ret_delay_ms)
{
	struct hm_dns_answer a = { .type = type, .secure = true, .name = name,
	    .canonical = name, .ttl_s = INT32_MAX, .ede = -1 };
	struct hm_dns_cname *chain = hm_alloc_array(arena, HM_DNS_CNAMES_MAX,
	    sizeof(*chain));
	struct hm_str owner;

	*ret_delay_ms = 0;
	a.cnames = chain;
	for (;;) {
		if (!apply_rules(z, a.canonical, &a, ret_delay_ms))
			break;
		if (!stands_for(z, arena, a.canonical, &owner)) {
			a.outcome = HM_DNS_NXDOMAIN;
			absent_ttl(z, arena, a.canonical, &a);
			break;
		}
		if (collect(z, owner, type, arena, &a) > 0)
			break;
		if (collect(z, owner, HM_DNS_CNAME, arena, &a) == 0) {
			a.outcome = HM_DNS_NODATA;
			absent_ttl(z, arena, a.canonical, &a);
			break;
		}
		if (a.ncnames == HM_DNS_CNAMES_MAX) {
			fail(&a, HM_DNS_FAILED,
			    "too many aliases, or a circle of them");
			break;
		}
		chain[a.ncnames++] = (struct hm_dns_cname){ a.canonical,
		    a.rr[0].name, a.rr[0].ttl_s };
		a.canonical = a.rr[0].name;
		a.n = 0;
	}
	if (a.outcome != HM_DNS_OK && a.reason.len == 0)
		a.reason = hm_str(hm_dns_outcome_text(a.outcome));
	*ret = a;
}
